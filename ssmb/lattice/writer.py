"""Write a lattice as a file that reads back to the same elements, in the same order, bit for bit.

Expressions, constants, inheritance and inner lines are written as what they amount to: every number in the shortest
form that gives the same double, every element once, and one line.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ssmb.arguments import checked
from ssmb.elements.base import Element, ParameterInfo
from ssmb.errors import LatticeError, Where
from ssmb.lattice.flatten import base_name
from ssmb.lattice.tree import Lattice, renamed
from ssmb.store.yaml_text import scalar_value

#: Ends of the names of files of PALS.
SUFFIXES = (".yaml", ".yml")
_WIDTH = 110
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.#\-]*")
#: Words of YAML 1.1.
_MISREAD = ("y", "n", "yes", "no", "on", "off")


@checked
def save_lattice(lattice: Lattice, path: str | os.PathLike[str]) -> None:
    """Write a lattice file; an existing file is replaced in one step, or left as it is if anything fails.

    Parameters
    ----------
    lattice : what to write.
    path : ``*.pals.yaml``.

    Raises
    ------
    LatticeError
        If the name is that of another format, or the file cannot be written.
    """
    if not os.fspath(path).lower().endswith(SUFFIXES):
        raise LatticeError(
            f"lattices are written as PALS only, to a name that ends in {' or '.join(SUFFIXES)}", Where(os.fspath(path))
        )
    text = lattice_text(lattice)
    target = Path(path)
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode_of(target))
        os.replace(temporary, target)
        temporary = ""
    except OSError as err:
        raise LatticeError(f"cannot be written: {err.strerror or err}", Where(os.fspath(path))) from None
    finally:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)


def _mode_of(target: Path) -> int:
    """Permissions of the file that is replaced, or those that a new file would get."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


@checked
def lattice_text(lattice: Lattice) -> str:
    """Return the text of the lattice file (see :func:`save_lattice`).

    Examples
    --------
    >>> from ssmb.beam.reference import Reference
    >>> from ssmb.elements.drift import Drift
    >>> print(lattice_text(Lattice.from_elements([Drift(name="d", length=0.1)] * 2, Reference(energy=1e9))))
    PALS:
      facility:
        - begin: {kind: BeginningEle, ReferenceP: {species_ref: electron, E_tot_ref: 1000000000.0}}
        - d: {kind: Drift, length: 0.1}
        - lattice:
            kind: BeamLine
            line: [begin, d, d]
        - use: lattice
    <BLANKLINE>
    """
    definitions, row = _definitions(lattice)
    begin = "begin"
    while begin in definitions or begin == lattice.name:
        begin += "_"
    ref = lattice.reference
    lines = ["PALS:", "  facility:"]
    lines.append(
        f"    - {begin}: {{kind: BeginningEle, ReferenceP: {{species_ref: {ref.species}, E_tot_ref: {ref.energy!r}}}}}"
    )
    for name, element in definitions.items():
        lines.extend(_element_lines(name, element))
    lines += [f"    - {_word(lattice.name)}:", "        kind: BeamLine"]
    if lattice.periodic is not None:
        lines.append(f"        periodic: {_literal(lattice.periodic)}")
    lines.extend(_wrapped("        line: [", [begin, *row], "]"))
    lines.append(f"    - use: {_word(lattice.name)}")
    return "\n".join(lines) + "\n"


def _definitions(lattice: Lattice) -> tuple[dict[str, Element], list[str]]:
    """Elements to define by name, and the names in the line.

    Copies that the reader would number in the same way are defined once, under their base name; all others one by one.
    """
    copies: dict[str, list[Element]] = {}
    for element in lattice:
        copies.setdefault(base_name(element.name), []).append(element)
    definitions: dict[str, Element] = {}
    short: set[str] = set()
    for base, elements in copies.items():
        numbered = [e.name for e in elements] == [f"{base}#{k}" for k in range(1, len(elements) + 1)]
        first = _written(elements[0])
        if numbered and len(elements) > 1 and all(_written(e) == first for e in elements[1:]):
            definitions[base] = renamed(elements[0], base)
            short.add(base)
        else:
            definitions.update({e.name: e for e in elements})
    return definitions, [base if (base := base_name(e.name)) in short else e.name for e in lattice]


def _written(element: Element) -> tuple:
    """What the file says of an element; -0.0 and 0.0 differ here, as they do in bits."""
    return type(element), tuple(_changed(element))


def _changed(element: Element) -> Iterator[tuple[str, str]]:
    """Keys and literals of the parameters that differ from their defaults."""
    for field, info in element.parameters.items():
        value, default = getattr(element, field), type(element).__dataclass_fields__[field].default
        if value is None:
            continue
        literal = _literal(value, info)
        if default is None or literal != _literal(default, info):
            yield element.file_key(field), literal


def _literal(value: Any, info: ParameterInfo | None = None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _word(value)
    if isinstance(value, tuple):
        return f"[{', '.join(_literal(v, info) for v in value)}]"
    return repr(float(value)) if info is not None and info.type != "int" else repr(value)


def _word(text: str) -> str:
    """Return the text as YAML, quoted where this or another reader would not take it for this text."""
    if _PLAIN.fullmatch(text) and scalar_value(text) == text and text.lower() not in _MISREAD:
        return text
    return json.dumps(text, ensure_ascii=False)


def _element_lines(name: str, element: Element) -> list[str]:
    groups: dict[str, Any] = {"kind": element.kind}
    for key, literal in _changed(element):
        *path, leaf = key.split(".")
        group = groups
        for part in path:
            group = group.setdefault(part, {})
        group[leaf] = literal
    short = f"    - {_word(name)}: {_flow(groups)}"
    if len(short) <= _WIDTH:
        return [short]
    return [f"    - {_word(name)}:", *_block(groups, 8)]


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_flow(inner)}' for key, inner in value.items())}}}"
    return value


def _block(groups: dict[str, Any], indent: int) -> list[str]:
    out = []
    for key, value in groups.items():
        head = f"{' ' * indent}{key}: "
        if isinstance(value, dict) and len(head) + len(_flow(value)) > _WIDTH:
            out += [head.rstrip(), *_block(value, indent + 2)]
        elif isinstance(value, str) and value.startswith("[") and len(head) + len(value) > _WIDTH:
            out += _wrapped(f"{head}[", value[1:-1].split(", "), "]")
        else:
            out.append(head + _flow(value))
    return out


def _wrapped(head: str, words: list[str], tail: str) -> list[str]:
    """A flow list over as many lines as it needs."""
    indent = " " * (len(head) - len(head.lstrip()) + 2)
    lines, line = [], head
    for i, word in enumerate(words):
        piece = word + (", " if i + 1 < len(words) else "")
        if len(line) + len(piece) > _WIDTH and line.strip() and line != head:
            lines.append(line.rstrip())
            line = indent
        line += piece
    return [*lines, line + tail]
