"""What a run file leaves to the lattice: wavelength of the laser, period of an undulator. What it says twice must
agree.
"""

from __future__ import annotations

from typing import Any, TypeVar

from ssmb.errors import ConfigError, LatticeError
from ssmb.lattice import Lattice
from ssmb.lattice.facts import laser_wavelengths, undulator_at, with_laser
from ssmb.studies.sections import LaserConfig, LightConfig
from ssmb.studies.source_config import RadiatorConfig
from ssmb.studies.study import Places, at_place

Radiating = TypeVar("Radiating", LightConfig, RadiatorConfig)
#: Numbers that are said twice may differ by so much of themselves.
SAME = 1e-9


def agreed(given: float | None, found: float | None, what: str, where: str) -> float | None:
    """Return the number of the lattice, or what is given where it has none.

    Raises
    ------
    ConfigError
        Both are there and differ.
    """
    if given is not None and found is not None and abs(given - found) > SAME * abs(found):
        raise ConfigError(
            f"{given:.10g} is not the {what} of {where}, {found:.10g}: leave it out, or change one of them"
        )
    return given if found is None else found


def lit_by_lattice(laser: LaserConfig, lattice: Lattice, places: Places | None) -> LaserConfig:
    """Return the laser with the wavelength of its elements.

    Raises
    ------
    ConfigError
        An element has no laser, or the wavelengths differ.
    """
    wavelength = laser.wavelength
    seen: dict[str, float] = {}
    for i, name in enumerate(laser.elements):
        of = laser_wavelengths(lattice, [name]) if _known(lattice, name) else {}
        if not of:
            lit = with_laser(lattice)
            hint = f" Those with a laser: {', '.join(lit[:10])}." if lit else " No element has an SSMB_laser group."
            with at_place(places, "laser", "elements", i):
                raise ConfigError(f"'{name}' is not a Wiggler with a laser in lattice '{lattice.name}'.{hint}")
        seen |= of
    for name, found in seen.items():
        with at_place(places, "laser", "wavelength"):
            wavelength = agreed(wavelength, found, "laser wavelength [m]", f"'{name}' in lattice '{lattice.name}'")
    return laser.model_copy(update={"wavelength": wavelength})


def with_undulator(want: Radiating, at: str, lattice: Lattice, places: Places | None, *key: str) -> Radiating:
    """Return the section of a light or of a radiator with the numbers of the undulator at its place.

    Parameters
    ----------
    want : section of the run file.
    at : element at whose entrance its middle is, or the undulator itself.
    key : where the run file says that.
    """
    section = "source" if "helical" in type(want).model_fields else "light"
    found, parts = None, ()
    if want.in_lattice is not False:
        with at_place(places, *key):
            try:
                found, parts = undulator_at(lattice, at)
            except LatticeError as error:
                raise ConfigError(error.message) from None
    if found is None:
        if want.in_lattice:
            with at_place(places, section, "in_lattice"):
                raise ConfigError(f"there is no undulator at '{at}' in lattice '{lattice.name}'")
        for name in ("period", "periods"):
            if getattr(want, name) is None:
                with at_place(places, section):
                    raise ConfigError(f"'{at}' has no undulator in the lattice: give its period and periods")
        return want.model_copy(update={"in_lattice": False})  # pyright: ignore[reportReturnType]
    values: dict[str, Any] = {"in_lattice": True}
    said = {"period": found.period, "periods": found.n_periods, "helical": found.helical}
    for name, value in said.items():
        if hasattr(want, name):
            with at_place(places, section, name):
                values[name] = _same(getattr(want, name), value, name, f"the undulator {', '.join(parts)}")
    return want.model_copy(update=values)  # pyright: ignore[reportReturnType]


def _same(given: Any, value: Any, name: str, where: str) -> Any:
    words = {"period": "period [m]", "periods": "number of periods", "helical": "field"}[name]
    if isinstance(value, bool):
        if given is not None and given is not value:
            raise ConfigError(f"{where} is {'helical' if value else 'planar'}: leave it out, or in_lattice: false")
        return value
    try:
        agreed(given, value, words, where)
    except ConfigError as error:
        raise ConfigError(f"{error.message}, or say that it is another one: in_lattice: false") from None
    return value


def _known(lattice: Lattice, name: str) -> bool:
    return name in {e.name.partition("#")[0] for e in lattice} | {e.name for e in lattice}
