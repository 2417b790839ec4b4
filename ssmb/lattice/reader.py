"""Read a lattice file: the documented subset of PALS in YAML, with all errors of a file at once."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence

from ssmb.arguments import checked
from ssmb.beam.reference import Reference
from ssmb.elements.base import Element
from ssmb.errors import LatticeError, SsmbError, Where
from ssmb.lattice.definitions import Definitions
from ssmb.lattice.documents import Documents
from ssmb.lattice.flatten import unique_names
from ssmb.lattice.problems import Problems
from ssmb.lattice.tree import Lattice, renamed
from ssmb.store.yaml_text import Scalar


@checked
def load_lattice(path_or_text: str | os.PathLike[str], constants: Mapping[str, float] | None = None) -> Lattice:
    """Read a lattice from a file, or from the text of one.

    Parameters
    ----------
    path_or_text : path of a ``*.pals.yaml`` file; a str with a line break, or with ``PALS:`` in it, is taken as text.
    constants : values that take the place of those in the file, for constants that it has.

    Returns
    -------
    Lattice
        With every element in the order of the beam. What is placed more than once has numbered names (``q1#1`` ...).

    Raises
    ------
    LatticeError
        If the file cannot be read or has one error; its place is ``file:line:column``.
    SeveralErrors
        If it has more; ``errors`` holds them in file order.

    Examples
    --------
    >>> ring = load_lattice('''
    ... PALS:
    ...   constants: {l_drift: 0.5, k: 1.2}
    ...   facility:
    ...     - begin: {kind: BeginningEle, ReferenceP: {species_ref: electron, E_tot_ref: 250e6}}
    ...     - d: {kind: Drift, length: l_drift}
    ...     - qf: {kind: Quadrupole, length: 0.2, MagneticMultipoleP: {Kn1: k}}
    ...     - qd: {inherit: qf, MagneticMultipoleP: {Kn1: -k}}
    ...     - cell: {kind: BeamLine, line: [begin, qf, d, qd, d]}
    ...     - use: cell
    ... ''')
    >>> [element.name for element in ring], round(ring.length, 12)
    (['qf', 'd#1', 'qd', 'd#2'], 1.4)
    """
    problems = Problems()
    lattice = _read(path_or_text, problems, constants)
    problems.raise_if_any()
    assert lattice is not None  # every way to None notes a problem
    return lattice


@checked
def check_file(path: str | os.PathLike[str]) -> list[SsmbError]:
    """Return all errors of a lattice file in file order; an empty list if it is sound."""
    problems = Problems()
    _read(path, problems)
    return problems.sorted()


def _read(
    path_or_text: str | os.PathLike[str], problems: Problems, constants: Mapping[str, float] | None = None
) -> Lattice | None:
    try:
        if isinstance(path_or_text, str) and ("\n" in path_or_text or "PALS:" in path_or_text):
            documents = Documents.of_text(path_or_text, problems, constants)
        else:
            documents = Documents.of_file(path_or_text, problems, constants)
    except SsmbError as err:
        problems.note(err)
        return None
    if problems and not documents.definitions:
        return None  # this is no lattice file, and more errors would hide why
    for name in constants or ():
        if name not in documents.constants:
            problems.add(f"no constant is named '{name[:80]}'.{problems.nearest(name, documents.constants)}", None)
    definitions = Definitions(documents)
    root = _root(documents, definitions)
    rows = definitions.rows()
    row = rows[root.text] if root else ()
    ref = definitions.reference(row)
    elements = definitions.elements(ref)
    if root is None or ref is None or problems:
        return None
    _check_lengths(documents, rows, elements)
    _check_passes(documents, rows, elements)
    placed = [name for name in row if name in elements]  # without BeginningEle
    try:
        return _assemble(root, ref, placed, elements, documents, definitions.is_periodic(root.text))
    except LatticeError as err:
        problems.add(err.message, err.where or root.where)
        return None


def _root(documents: Documents, definitions: Definitions) -> Scalar | None:
    use, problems = documents.use, documents.problems
    if use is None:
        if documents.start is not None and not problems:
            lines = ", ".join(list(definitions.lines)[:10]) or "none is defined"
            problems.add(f"'use: NAME' is missing: which line is to be built? ({lines})", documents.start)
        return None
    if use.text not in definitions.lines:
        hint = problems.nearest(use.text, definitions.lines)
        problems.add(f"use: no BeamLine or Lattice is named '{use.text[:80]}'.{hint}", use.where)
        return None
    return use


def _check_lengths(documents: Documents, rows: Mapping[str, Sequence[str]], elements: Mapping[str, Element]) -> None:
    """A line that states its length must have it, to a nanometre."""
    for name, row in rows.items():
        node = documents.definitions[name].body.entries.get("length")
        want = documents.number(node, f"BeamLine '{name}': length") if node is not None else None
        if node is None or want is None:
            continue
        got = math.fsum(elements[n].length for n in row if n in elements)
        if abs(got - want) > 1e-9:
            words = f"BeamLine '{name}': length says {want!r} m, its elements add up to {got!r} m"
            documents.problems.add(words, node.where)


def _check_passes(documents: Documents, rows: Mapping[str, Sequence[str]], elements: Mapping[str, Element]) -> None:
    """Magnets are alike in each pass of a multipass line; the phase of what oscillates is not known."""
    for name, row in rows.items():
        node = documents.definitions[name].body.entries.get("multipass")
        if not (isinstance(node, Scalar) and node.value is True):
            continue
        made = [elements[n] for n in row if n in elements]
        odd = next((e for e in made if e.cavity() is not None or e.light() is not None), None)
        if odd is not None:
            words = f"BeamLine '{name}': multipass with {odd.label()}: its phase in each pass is not followed"
            documents.problems.add(f"{words}; write a line with an element of its own for each pass", node.where)


def _assemble(
    root: Scalar,
    ref: Reference,
    placed: Sequence[str],
    elements: Mapping[str, Element],
    documents: Documents,
    periodic: bool | None,
) -> Lattice | None:
    if not placed:
        documents.problems.add(f"line '{root.text}' holds no elements", root.where)
        return None
    names = unique_names(placed)
    origins: dict[str, Where] = {name: documents.definitions[name].key.where for name in elements}
    return Lattice(
        name=root.text,
        reference=ref,
        elements=tuple(renamed(elements[base], name) for base, name in zip(placed, names, strict=True)),
        periodic=periodic,
        sources=tuple(documents.sources),
        origins=origins,
    )
