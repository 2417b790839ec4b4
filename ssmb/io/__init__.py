"""Lattices of other codes: one file a format. Importing this package registers all of them."""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Mapping

from ssmb.arguments import checked
from ssmb.errors import LatticeError, SsmbWarning, Where, warn
from ssmb.io.formats import FORMATS, Change, ImportReport, LatticeFormat, ReadLattice, format_of, is_lattice_name
from ssmb.io.pals import Pals
from ssmb.lattice import Lattice
from ssmb.lattice import load_lattice as load_pals

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")  # a new file is registered by being there


@checked
def read_lattice(path: str | os.PathLike[str], *, strict: bool = False) -> ReadLattice:
    """Read a lattice file of any known format, with a report of what was kept, changed and dropped.

    Parameters
    ----------
    path : file; its name tells the format.
    strict : refuse a file of which something is dropped.

    Returns
    -------
    ReadLattice
        ``lattice`` and ``report``.

    Raises
    ------
    LatticeError
        The file cannot be read, makes no sense, or, if `strict`, holds what has no counterpart.
    """
    read = format_of(path).read(path)
    dropped = read.report.of("dropped")
    if strict and dropped:
        first = dropped[0]
        raise LatticeError(
            f"{len(dropped)} attributes have no counterpart, first {first.attribute} of '{first.element}' "
            f"({first.words}); strict=False drops them",
            Where(os.fspath(path)),
        )
    return read


@checked
def load_lattice(
    path_or_text: str | os.PathLike[str], *, strict: bool = False, constants: Mapping[str, float] | None = None
) -> Lattice:
    """Read a lattice: a file of any known format, or the text of one in PALS.

    Parameters
    ----------
    path_or_text : file, whose name tells the format (PALS ``*.pals.yaml``, AT ``*.json``); a str with a line break, or
        with ``PALS:`` in it, is taken as text in PALS, see :mod:`ssmb.lattice`.
    strict : refuse a file of which something is dropped.
    constants : values that take the place of those that a file in PALS gives its constants.

    Returns
    -------
    Lattice
        With every element in the order of the beam. What is placed more than once has numbered names (``q1#1`` ...).

    Raises
    ------
    LatticeError
        If the file cannot be read, or has one error; its place is ``file:line:column``.
    SeveralErrors
        If it has more; ``errors`` holds them in file order.

    Warns
    -----
    SsmbWarning
        Something of a file of another code is changed or dropped; :func:`read_lattice` tells what.
    """
    if isinstance(path_or_text, str) and ("\n" in path_or_text or "PALS:" in path_or_text):
        return load_pals(path_or_text, constants)
    form = format_of(path_or_text)
    if constants and isinstance(form, Pals):
        return load_pals(path_or_text, constants)
    if constants:
        raise LatticeError(
            f"files of {form.name} have no constants, such as '{next(iter(constants))[:80]}': change its elements",
            Where(os.fspath(path_or_text)),
        )
    read = read_lattice(path_or_text, strict=strict)
    changed, dropped = (len(read.report.of(outcome)) for outcome in ("changed", "dropped"))
    if changed or dropped:
        words = f"{os.fspath(path_or_text)}: {changed} attributes changed, {dropped} dropped; `ssmb check` lists them"
        warn(words, SsmbWarning)
    return read.lattice


__all__ = [
    "FORMATS",
    "Change",
    "ImportReport",
    "LatticeFormat",
    "ReadLattice",
    "format_of",
    "is_lattice_name",
    "load_lattice",
    "read_lattice",
]
