"""Arguments that several verbs take: a folder of a run, numbers with units, settings by name."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ssmb.cli.output import note
from ssmb.errors import ConfigError
from ssmb.quantity import LIGHT, Quantity

if TYPE_CHECKING:
    from ssmb.studies import Result

WAVELENGTH = Quantity("m", "wavelength of light", plausible=LIGHT)


def add_verb(verbs: argparse._SubParsersAction, module: ModuleType) -> None:
    """Add a verb, or a subject of one, from its module: ``HELP``, ``add_arguments`` and ``run``."""
    verb = verbs.add_parser(module.__name__.rpartition(".")[2].removeprefix("compare_"), help=module.HELP)
    module.add_arguments(verb)
    verb.add_argument("--json", action="store_true", help="one JSON object on stdout")
    verb.add_argument("--yes", action="store_true", help="go on whatever memory and time it takes")
    verb.set_defaults(run=module.run)


def result_in(folder: str) -> Result:
    """Return the result that a folder holds; if its run is not finished, say on stderr how to go on."""
    from ssmb.studies import load_result

    result = load_result(folder)
    if result.stage:
        note(f"ssmb: NOT FINISHED, interrupted at {result.stage}. Go on with: ssmb resume {result.folder}")
    return result


def add_number(verb: argparse.ArgumentParser, option: str, of: Quantity, **options: Any) -> None:
    """Add an option that takes a number in a unit, or one with its own unit; `options` as ``add_argument`` has them."""
    options.setdefault("help", of.doc if of.unit == "1" else f"{of.doc} [{of.unit}]")
    unit = re.findall(r"\[.*\]", of.doc)  # one that is not SI stands in the words
    verb.add_argument(option, type=number_of(of, " ".join([option, *unit])), **options)


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


def add_settings(verb: argparse.ArgumentParser, words: str, example: str, number: bool = True) -> None:
    """Add ``--set NAME=VALUE ...``, which gives pairs of a name and a number, or a text.

    >>> parser = argparse.ArgumentParser()
    >>> add_settings(parser, "model parameters", "rework=0.02")
    >>> parser.parse_args(["--set", "rework=0.02"]).set
    [('rework', 0.02)]
    """

    def read(setting: str) -> tuple[str, float | str]:
        name, _, value = (part.strip() for part in setting.partition("="))
        try:
            if name and value:
                return name, float(value) if number else value
        except ValueError:
            pass
        raise ConfigError(f"--set needs NAME=VALUE{' with a number' * number}, such as {example}, got '{setting}'")

    verb.add_argument(
        "--set", nargs="+", action="extend", default=[], type=read, metavar="NAME=VALUE", help=f"{words}; {example}"
    )
