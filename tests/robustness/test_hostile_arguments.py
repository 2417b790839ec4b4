"""Every public function, called with what it does not take: an error of the package, never one of Python or NumPy."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import math
import os
import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ssmb.arguments import checked
from ssmb.errors import ConfigError, SsmbError
from tests.robustness.calls import WITH_HOOKS, public

ROOMS = (
    "beam", "beamlines", "buckets", "collective", "dynamics", "facility", "io", "lattice", "light", "lithography",
    "ring_models", "schemes", "tracking",
)  # fmt: skip
#: What nobody means.
HOSTILE: tuple[Any, ...] = (
    None, "x", float("nan"), float("inf"), -1.0, 0, 1e300, -1e300, 1e-300, 10**30, [], {}, (1, 2), True, b"z", object(),
)  # fmt: skip
#: Calls of each function; more with ``SSMB_FUZZ=200``.
CALLS = int(os.environ.get("SSMB_FUZZ", "6"))


def functions(room: str) -> dict[str, Callable[..., Any]]:
    """The public functions of a room."""
    module = importlib.import_module(f"ssmb.{room}")
    return {name: f for name in module.__all__ if inspect.isfunction(f := getattr(module, name))}


@pytest.mark.parametrize("room", ROOMS)
def test_hostile_arguments_end_in_an_error_of_the_package(room: str) -> None:
    chance = random.Random(room)
    foreign = []
    for name, function in functions(room).items():
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        parameters = [p for p in inspect.signature(function).parameters.values() if p.kind in named]
        for _ in range(CALLS):
            given = {
                p.name: chance.choice(HOSTILE) for p in parameters if p.default is p.empty or chance.random() < 0.3
            }
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found = function(**given)
            except SsmbError:
                continue
            except Exception as error:
                foreign.append((name, type(error).__name__, str(error)[:100], given))
            else:
                if isinstance(found, float) and math.isnan(found):
                    foreign.append((name, "nan without a word", "", given))
    assert foreign == []


def test_the_argument_is_named() -> None:
    from ssmb.beam import moments
    from ssmb.light import bend_flux

    with pytest.raises(ConfigError, match="reference must be Reference, not str"):
        bend_flux("1 GeV", 1.3, 1e3, 1e-3)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="beam must be a Beam, not list"):
        moments([1, 2, 3])  # type: ignore[arg-type]


def test_all_that_is_public_says_what_it_takes() -> None:
    """Functions, and classes that check what they are given; records of results hold what they are given."""
    bare = []
    for thing in public()[0]:
        if inspect.isfunction(thing):
            bare += [thing.__qualname__] * (not hasattr(thing, "__wrapped__"))
        elif inspect.isclass(thing) and not issubclass(thing, (enum.Enum, Exception)) and not inspect.isabstract(thing):
            own = [m for n, m in vars(thing).items() if inspect.isfunction(m) and n[0] != "_"]
            bare += [f.__qualname__ for f in own if not hasattr(f, "__wrapped__") and not issubclass(thing, WITH_HOOKS)]
    assert bare == []


def test_what_is_not_a_number_goes_no_further() -> None:
    @checked
    def ratio(a: float, b: float) -> float:
        return float(np.divide(a, b))

    @checked
    def rows(a: np.ndarray) -> tuple[np.ndarray, int]:
        return a - a, 3

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ConfigError, match="ratio: the result is not a number; numbers are too large, too small"):
            ratio(0.0, 0.0)
        with pytest.raises(ConfigError, match="ratio: the result is not a number: a, b must be finite"):
            ratio(math.inf, math.inf)
        with pytest.raises(ConfigError, match="rows: the result is not a number: a must be finite"):
            rows(np.array([1.0, math.inf]))
    assert ratio(1.0, 4.0) == 0.25


def test_objects_in_a_class_that_checks_its_numbers_are_what_they_must_be() -> None:
    from ssmb.schemes import MicroBucketHarmonics, SingleStage

    for cls in (MicroBucketHarmonics, SingleStage):
        sound = cls.examples()[0]
        with pytest.raises(ConfigError, match="reference must be Reference, not float"):
            dataclasses.replace(sound, reference=1.0)


@pytest.mark.parametrize("energy", [1e-300, 1e300])
def test_spectra_at_photon_energies_beyond_all(energy: float) -> None:
    from ssmb.beam import Reference
    from ssmb.light import Undulator, aperture_spectrum, bend_flux, undulator_field, wiggler_spectrum

    und = Undulator(Reference(energy=2.5e9), period=0.2, n_periods=4, k=30.0)
    for spectrum in (
        lambda: wiggler_spectrum(und, energy, 1e-3, 1e-3),
        lambda: aperture_spectrum(und, energy, 1e-5, 1e-5),
        lambda: undulator_field(und, 0.0, 0.0, energy),
        lambda: bend_flux(und.reference, 1.0, energy, 1e-3),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = spectrum()
            except SsmbError:
                continue
        assert np.isfinite(found).all()


def test_an_error_inside_stays_what_it_is() -> None:
    """What fits its annotations and fails nevertheless is a fault of ours, and must not hide."""

    @checked
    def fails(count: int, names: list[str]) -> None:
        raise KeyError(names[count])

    with pytest.raises(KeyError, match="b"):
        fails(1, ["a", "b"])
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        fails(1)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="fails takes no 'name'. Did you mean 'names'.* Allowed: count, names"):
        fails(0, name=["a"])  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="fails: names must be list, not dict"):
        fails(0, {})  # type: ignore[arg-type]


def test_a_class_says_it_of_its_construction_its_methods_and_its_class_methods() -> None:
    @checked
    class Row:
        def __init__(self, items: list[int]) -> None:
            self.first = items[0]

        def at(self, place: int) -> int:
            return [self.first][place]

        @classmethod
        def of(cls, text: str) -> Any:
            return cls([int(text.strip())])

    assert Row.of(" 4 ").at(0) == 4
    for call, words in (
        (lambda: Row(3), "Row: items must be list, not int"),
        (lambda: Row([1]).at("x"), "Row.at: place must be a whole number, not str"),
        (lambda: Row.of(3.0), "Row.of: text must be str, not float"),
    ):
        with pytest.raises(ConfigError, match=words):
            call()


def test_arrays_that_do_not_fit_together_and_memory_that_is_not_there() -> None:
    @checked
    def total(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.sum(a + b))

    with pytest.raises(ConfigError, match="total: arrays do not have the shapes that belong together"):
        total(np.zeros(3), np.zeros(4))

    @checked
    def called(a: np.ndarray, of_the_user: Callable[[], Any]) -> Any:
        return of_the_user()

    with pytest.raises(ConfigError) as caught:
        called(np.zeros(3), lambda: np.zeros(3) + np.zeros(4))
    cause = caught.value.__cause__  # else nobody finds the line
    assert isinstance(cause, ValueError) and cause.__traceback__ is not None

    @checked
    def large(n: int) -> np.ndarray:
        raise MemoryError("cannot allocate 7 TiB")

    with pytest.raises(ConfigError, match="large: this needs more memory than there is .cannot allocate 7 TiB"):
        large(3)
