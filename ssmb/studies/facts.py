"""What a run file leaves to the lattice: wavelength of the laser, period of an undulator. What it says twice must
agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from ssmb.errors import ConfigError
from ssmb.lattice import Lattice
from ssmb.lattice.facts import laser_wavelengths, undulator_at, with_laser
from ssmb.studies.sections import LaserConfig
from ssmb.studies.source_config import RadiatorConfig, UndulatorConfig
from ssmb.studies.study import Places, at_place

Radiating = TypeVar("Radiating", bound=UndulatorConfig)
#: Numbers that are said twice may differ by so much of themselves.
SAME = 1e-9


def agreed(given: float | None, found: float | None, what: str, where: str, hint: str = "") -> float | None:
    """Return the number of the lattice, or what is given where it has none.

    Raises
    ------
    ConfigError
        Both are there and differ.
    """
    if given is not None and found is not None and abs(given - found) > SAME * abs(found):
        raise ConfigError(
            f"{given:.10g} is not the {what} of {where}, {found:.10g}: leave it out, or change one of them{hint}"
        )
    return given if found is None else found


def lit_by_lattice(laser: LaserConfig, lattice: Lattice, places: Places | None) -> LaserConfig:
    """Return the laser with the wavelength of its elements.

    Raises
    ------
    ConfigError
        An element has no laser, or the wavelengths differ.
    """
    seen: dict[str, float] = {}
    for i, name in enumerate(laser.elements):
        of = laser_wavelengths(lattice, [name]) if _known(lattice, name) else {}
        if not of:
            lit = with_laser(lattice)
            hint = f" Those with a laser: {', '.join(lit[:10])}." if lit else " No element has an SSMB_laser group."
            with at_place(places, "laser", "elements", i):
                raise ConfigError(f"'{name}' is not a Wiggler with a laser in lattice '{lattice.name}'.{hint}")
        seen |= of
    with at_place(places, "laser", "wavelength"):
        return laser.model_copy(update={"wavelength": wavelength_of_laser(laser.wavelength, seen, lattice)})


def wavelength_of_laser(given: float | None, seen: Mapping[str, float], lattice: Lattice) -> float | None:
    """Return the wavelength that the elements with a laser have [m], see :func:`agreed`; what is given without one."""
    for name, found in seen.items():
        given = agreed(given, found, "laser wavelength [m]", f"'{name}' in lattice '{lattice.name}'")
    return given


def with_undulator(want: Radiating, at: str, lattice: Lattice, places: Places | None, *key: str) -> Radiating:
    """Return the section of a light or of a radiator with the numbers of the undulator at its place.

    Parameters
    ----------
    want : section of the run file.
    at : element at whose entrance its middle is, or the undulator itself.
    key : where the run file says that.
    """
    section = "source" if isinstance(want, RadiatorConfig) else "light"
    found, parts = None, ()
    if want.in_lattice is not False:
        with at_place(places, *key):
            found, parts = undulator_at(lattice, at)
    if found is None:
        if want.in_lattice:
            with at_place(places, section, "in_lattice"):
                raise ConfigError(f"there is no undulator at '{at}' in lattice '{lattice.name}'")
        if want.period is None or want.periods is None:
            with at_place(places, section):
                raise ConfigError(f"'{at}' has no undulator in the lattice: give its period and periods")
        return want.model_copy(update={"in_lattice": False})
    values: dict[str, Any] = {"in_lattice": True, "period": found.period, "periods": found.n_periods}
    where, other = f"the undulator {', '.join(parts)}", ", or say that it is another one: in_lattice: false"
    for name, words in (("period", "period [m]"), ("periods", "number of periods")):
        with at_place(places, section, name):
            agreed(getattr(want, name), values[name], words, where, other)
    if isinstance(want, RadiatorConfig):
        values["helical"] = found.helical
        with at_place(places, section, "helical"):
            if want.helical not in (None, found.helical):
                field = "helical" if found.helical else "planar"
                raise ConfigError(f"{where} is {field}: leave it out, or in_lattice: false")
    return want.model_copy(update=values)


def _known(lattice: Lattice, name: str) -> bool:
    return name in {e.name.partition("#")[0] for e in lattice} | {e.name for e in lattice}
