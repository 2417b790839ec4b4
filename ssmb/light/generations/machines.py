"""The machines that stand for the generations of light sources: each number with its unit and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ssmb.arguments import checked
from ssmb.beam.reference import Reference
from ssmb.errors import ConfigError, nearest
from ssmb.light.generations.brightness import ElectronBeam
from ssmb.quantity import Quantity
from ssmb.ranges import finite
from ssmb.text import number, quantity

_RING = "assumption: a ring of the third generation"
_LINAC = "assumption: a linac of the 10 kHz class, 100 pC"
_SSMB = "assumption: a point design for 13.5 nm"
GIVEN = "given"


#: Largest value of J_79: the most that a sine modulation of 1064 nm bunches at 13.5 nm.
_MOST_BUNCHING = 0.156


def _input(default: float, unit: str, origin: str, doc: str, ends: tuple[float, float, str] | None = None) -> Any:
    return field(default=default, metadata={"quantity": Quantity(unit, doc), "origin": origin, "ends": ends})


@checked
@dataclass(frozen=True)
class MachineInput:
    """One number that a row of the comparison was made of.

    Parameters
    ----------
    name : of the field of :class:`Machines`.
    value : in `unit`.
    unit : "1" for numbers without.
    origin : "given", or status and reason of the default.
    ends : smallest and largest value that is assumed, and why, of the input on which a row hangs; None for the others,
        and where the value is given.
    """

    name: str
    value: float
    unit: str
    origin: str
    ends: tuple[float, float, str] | None = None

    def words(self) -> str:
        """Name and interval, such as ``ssmb_bunching from 0.03 to 0.156``; the name alone without one."""
        if self.ends is None:
            return self.name
        low, high = (number(v) if self.unit == "1" else quantity(v, self.unit, 3) for v in self.ends[:2])
        return f"{self.name} from {low} to {high}"


@checked
@dataclass(frozen=True)
class Machines:
    """Machine parameters of all rows; the first word of a name says whose it is.

    Ring: bend, wiggler and undulator stand in it; one of the fourth generation (3 GeV) does not reach 13.5 nm with a
    usual undulator. Linac: that of the FEL. SSMB: 400 MeV and |b| of 0.1, as in the concept of the Tsinghua group; the
    closed form gives 0.42 kW. The average power of an FEL hangs on the average current, that of SSMB on |b|: these two
    have an interval, and so have the rows that are made of them.

    Examples
    --------
    >>> Machines().changed({"ring_current": 0.3}).inputs("ring")[1].origin  # given is given, also with the same value
    'given'
    """

    ring_energy: float = _input(1.7e9, "eV", _RING, "electron energy")
    ring_current: float = _input(0.3, "A", _RING, "average current")
    ring_peak_current: float = _input(20.0, "A", _RING, "in a bunch")
    ring_emittance_x: float = _input(5e-9, "m", _RING, "rms, geometric")
    ring_emittance_y: float = _input(5e-11, "m", _RING, "rms, geometric")
    ring_beta_x: float = _input(5.0, "m", _RING, "at the source")
    ring_beta_y: float = _input(3.0, "m", _RING, "at the source")
    ring_energy_spread: float = _input(7e-4, "1", _RING, "rms, relative")
    bend_field: float = _input(1.3, "T", _RING, "of the bend")
    bend_angle: float = _input(10e-3, "rad", "assumption: horizontal angle that a beamline collects", "collected")
    wiggler_period: float = _input(0.12, "m", _RING, "of the wiggler")
    wiggler_periods: float = _input(15, "1", _RING, "number")
    wiggler_k: float = _input(15.0, "1", _RING, "deflection parameter")
    undulator_period: float = _input(0.05, "m", _RING, "of the undulator")
    undulator_periods: float = _input(80, "1", _RING, "number")
    linac_energy: float = _input(1e9, "eV", _LINAC, "electron energy")
    linac_current: float = _input(
        1e-6, "A", _LINAC, "average current",
        (1e-8, 1e-2, "assumption: from a linac of copper at 100 Hz to designs of energy-recovery linacs"),
    )  # fmt: skip
    linac_peak_current: float = _input(2000.0, "A", _LINAC, "in a bunch")
    linac_emittance: float = _input(1e-6, "m", _LINAC, "rms, normalised, both planes")
    linac_beta: float = _input(8.0, "m", _LINAC, "mean in the undulator, both planes")
    linac_energy_spread: float = _input(2e-4, "1", _LINAC, "rms, relative, of a slice")
    fel_period: float = _input(0.03, "m", _LINAC, "of the undulator")
    fel_periods: float = _input(900, "1", _LINAC, "number")
    ssmb_energy: float = _input(400e6, "eV", _SSMB, "electron energy")
    ssmb_current: float = _input(1.0, "A", _SSMB, "average current")
    ssmb_peak_current: float = _input(1.0, "A", _SSMB, "in the filled part of the ring")
    ssmb_emittance: float = _input(4e-10, "m", _SSMB, "rms, geometric, both planes")
    ssmb_beta: float = _input(1.0, "m", _SSMB, "in the radiator, both planes")
    ssmb_energy_spread: float = _input(3e-4, "1", "assumption: about that of 1 m bends, 3.4e-4", "rms, relative")
    ssmb_period: float = _input(0.01, "m", _SSMB, "of the radiator")
    ssmb_periods: float = _input(300, "1", _SSMB, "number")
    ssmb_bunching: float = _input(
        0.1, "1", _SSMB, "|b| in the middle of the radiator",
        (0.03, _MOST_BUNCHING, "assumption: from a tenth of the power to the most that a sine makes at harmonic 79"),
    )  # fmt: skip
    ssmb_line_width: float = _input(1e-6, "1", "assumption: laser line and trains", "rms, relative")
    #: names that :meth:`changed` was given, whatever their values; another value than the default is given, too
    given: frozenset[str] = field(default=frozenset(), repr=False)

    def __post_init__(self) -> None:
        for f in _numbers(self):
            finite(f.name, getattr(self, f.name), f.metadata["quantity"].unit)

    def changed(self, values: Mapping[str, float]) -> Machines:
        """Return the machines with other values by name; an unknown name raises ConfigError with the nearest match."""
        names = [f.name for f in _numbers(self)]
        for name in values:
            if name not in names:
                raise ConfigError(f"no machine parameter '{name}'.{nearest(name, names)} There are: {', '.join(names)}")
        return replace(self, **values, given=self.given | set(values))

    def inputs(self, *machines: str) -> tuple[MachineInput, ...]:
        """Return the inputs of some machines ("ring", "bend", "wiggler", "undulator", "linac", "fel", "ssmb")."""
        found = []
        for f in _numbers(self):
            if f.name.partition("_")[0] in machines:
                value = getattr(self, f.name)
                assumed = value == f.default and f.name not in self.given
                unit = f.metadata["quantity"].unit
                origin, ends = (f.metadata["origin"], f.metadata["ends"]) if assumed else (GIVEN, None)
                found.append(MachineInput(f.name, float(value), unit, origin, ends))
        return tuple(found)

    def ring(self) -> ElectronBeam:
        """Electrons at the source of bend, wiggler and undulator."""
        return ElectronBeam(
            Reference(energy=self.ring_energy), self.ring_current, self.ring_emittance_x, self.ring_emittance_y,
            self.ring_beta_x, self.ring_beta_y, self.ring_energy_spread, self.ring_peak_current,
        )  # fmt: skip

    def linac(self) -> ElectronBeam:
        """Electrons of the FEL."""
        reference = Reference(energy=self.linac_energy)
        emittance = self.linac_emittance / (reference.beta * reference.gamma)
        return ElectronBeam(
            reference, self.linac_current, emittance, emittance, self.linac_beta, self.linac_beta,
            self.linac_energy_spread, self.linac_peak_current,
        )  # fmt: skip

    def ssmb(self) -> ElectronBeam:
        """Electrons in the radiator of the SSMB ring."""
        return ElectronBeam(
            Reference(energy=self.ssmb_energy), self.ssmb_current, self.ssmb_emittance, self.ssmb_emittance,
            self.ssmb_beta, self.ssmb_beta, self.ssmb_energy_spread, self.ssmb_peak_current,
        )  # fmt: skip


def _numbers(machines: Machines) -> list[Any]:
    """The fields of its parameters."""
    return [f for f in fields(machines) if "quantity" in f.metadata]
