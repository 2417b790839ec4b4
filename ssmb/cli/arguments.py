"""Arguments that several verbs take: the lattice and the places in it, and settings by name."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from ssmb.errors import ConfigError, LatticeError, nearest
from ssmb.quantity import Quantity

if TYPE_CHECKING:
    from ssmb.lattice import Lattice


def add_verb(verbs: argparse._SubParsersAction, module: ModuleType) -> None:
    """Add a verb, or a subject of one, from its module: ``HELP``, ``add_arguments`` and ``run``."""
    verb = verbs.add_parser(module.__name__.rpartition(".")[2].removeprefix("compare_"), help=module.HELP)
    module.add_arguments(verb)
    verb.add_argument("--json", action="store_true", help="one JSON object on stdout")
    verb.set_defaults(run=module.run)


def add_ring(verb: argparse.ArgumentParser) -> None:
    """Add the lattice file, where the ring begins, and which elements are shown."""
    verb.add_argument("lattice", metavar="LATTICE", help="lattice file (*.pals.yaml, or one of another code)")
    verb.add_argument("--start", metavar="NAME", help="element at which the ring begins")
    verb.add_argument("--at", metavar="PATTERN", help="print only elements of this name; * and ? are allowed")


def ring_of(args: argparse.Namespace) -> tuple[Lattice, list[int]]:
    """Return the ring of :func:`add_ring` and the rows of its table to show.

    Row 0 is the beginning, row i + 1 the exit of element i.
    """
    from ssmb.io import load_lattice

    ring = load_lattice(args.lattice)
    if args.start:
        ring = ring.rotated(args.start)
    if not args.at:
        return ring, list(range(len(ring) + 1))
    found = ring.indices(args.at)
    if not found:
        raise LatticeError(f"--at: no element matches '{args.at}'.{nearest(args.at, [e.name for e in ring])}")
    return ring, [i + 1 for i in found]


def number_of(declared: Quantity, name: str) -> Callable[[str], float]:
    """Return the type of an option that takes a number in a unit, or a number with its own unit.

    >>> from ssmb.quantity import LIGHT, Quantity
    >>> read = number_of(Quantity("m", "wavelength of light", plausible=LIGHT), "--wavelength")
    >>> read("1064e-9"), read("1064 nm")
    (1.064e-06, 1.064e-06)
    """

    def read(text: str) -> float:
        try:
            given: float | str = float(text)
        except ValueError:
            given = text
        return declared.number(given, name)

    return read


def named_numbers(settings: Sequence[str], example: str) -> dict[str, float]:
    """Return the values of ``--set NAME=VALUE ...``.

    >>> named_numbers(["rework=0.02"], "rework=0.02")
    {'rework': 0.02}
    """
    values: dict[str, float] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        try:
            values[name.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise ConfigError(f"--set needs NAME=VALUE with a number, such as {example}, got '{setting}'.")
    return values
