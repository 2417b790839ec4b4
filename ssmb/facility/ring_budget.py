"""What all radiators of a ring take from the beam together, at any wavelengths, and the voltage that gives it back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ssmb.arguments import checked
from ssmb.errors import ConfigError, PhysicsError, ValidityWarning, warn
from ssmb.facility.source import SourceLight
from ssmb.quantity import check_quantities, quantities_of, quantity
from ssmb.ranges import positive


@dataclass(frozen=True)
class RadiatorLoss:
    """What equal radiators take from the beam."""

    wavelength: float = quantity("m", "wavelength of their light")
    beamlines: int = quantity("1", "equal radiators")
    coherent: float = quantity(
        "eV", "energy that an electron gives to the coherent light of one, mean over all electrons and turns"
    )
    lit: float = quantity("eV", "the same inside a train, on a turn with laser")
    incoherent: float = quantity("eV", "energy that an electron radiates in one anyway")
    exit_power: float = quantity("W", "average coherent power of one at the undulator exit")
    power_at_focus: float = quantity("W", "in-band power of one at its focus")


@checked
@dataclass(frozen=True)
class RingBudget:
    """Energy and power of a ring with radiators."""

    radiators: tuple[RadiatorLoss, ...] = quantity("", "what each kind takes")
    magnet_loss: float = quantity("eV", "energy that an electron radiates in the other magnets in a turn", minimum=0.0)
    current: float = quantity("A", "average current")

    def __post_init__(self) -> None:
        check_quantities(self)

    @property
    def loss(self) -> float:
        """Energy that an electron loses in a turn, mean over electrons and turns: the voltage that is needed [eV]."""
        return self.unlit_loss + self.coherent_loss

    @property
    def unlit_loss(self) -> float:
        """The same without coherent light [eV]."""
        return self.magnet_loss + self.incoherent_loss

    @property
    def coherent_loss(self) -> float:
        """That to the coherent light of all radiators, mean over electrons and turns [eV]."""
        return sum(r.beamlines * r.coherent for r in self.radiators)

    @property
    def incoherent_loss(self) -> float:
        """That which an electron radiates in all radiators anyway [eV]."""
        return sum(r.beamlines * r.incoherent for r in self.radiators)

    @property
    def lit_loss(self) -> float:
        """Energy that an electron inside a train loses on a turn with laser [eV]."""
        return self.unlit_loss + sum(r.beamlines * r.lit for r in self.radiators)

    @property
    def power(self) -> float:
        """That the beam loses, and that RF or induction cells give back [W]."""
        return self.loss * self.current

    @property
    def light_power(self) -> float:
        """Average coherent power of all radiators at their exits [W]."""
        return sum(r.beamlines * r.exit_power for r in self.radiators)

    @property
    def power_at_foci(self) -> float:
        """In-band power of all beamlines at their foci [W]."""
        return sum(r.beamlines * r.power_at_focus for r in self.radiators)

    def table(self) -> dict[str, np.ndarray]:
        """Return columns, a row for each kind of radiator: WAVELENGTH [m], energies of one [eV], powers of one [W]."""
        names = quantities_of(RadiatorLoss)
        return {name.upper(): np.array([getattr(r, name) for r in self.radiators]) for name in names}


@checked
def ring_budget(
    sources: Sequence[SourceLight],
    *,
    magnet_loss: float,
    voltage: float | None = None,
    lit_voltage: float | None = None,
) -> RingBudget:
    """Return what the radiators of one ring take from the beam together.

    Parameters
    ----------
    sources : states of :class:`ssmb.facility.Radiator` for one ring: each stands for `beamlines` equal radiators; their
        wavelengths, undulators and beams may differ. A beam that has passed another radiator before is tracked by who
        calls: here nothing is changed by what lies upstream.
    magnet_loss : energy loss of a turn in all other magnets [eV], such as ``ssmb.equilibrium(ring).energy_loss`` of a
        lattice without these radiators; one with them would count their incoherent light twice.
    voltage : the most that RF or induction cells give on average [V]; not checked if left out.
    lit_voltage : the most that they give to a train on a turn with laser [V]; `voltage` if left out.

    Raises
    ------
    ConfigError
        No source, or sources of different rings.
    PhysicsError
        The beam loses more on average than the voltage gives.

    Warns
    -----
    ValidityWarning
        A train loses more on a turn with laser than its cells give then: it slows down while it radiates.
    """
    if not sources:
        raise ConfigError("a ring budget needs a source or more")
    first = sources[0]
    for source in sources[1:]:
        same = math.isclose(source.average_current, first.average_current, rel_tol=1e-9)
        if not same or source.light.undulator.reference != first.light.undulator.reference:
            raise ConfigError(
                f"the sources are not of one ring: {_ring(first)} against {_ring(source)}; every beam sees all "
                f"radiators"
            )
    rows = tuple(
        RadiatorLoss(
            wavelength=s.light.wavelength,
            beamlines=s.beamlines,
            coherent=s.exit.average_power / s.average_current,
            lit=s.energy_loss,
            incoherent=s.incoherent_loss,
            exit_power=s.exit.average_power,
            power_at_focus=s.power_at_focus,
        )
        for s in sources
    )
    found = RingBudget(rows, magnet_loss, first.average_current)
    _check(found, voltage, lit_voltage)
    return found


def _check(found: RingBudget, voltage: float | None, lit_voltage: float | None) -> None:
    if voltage is not None and found.loss > positive("voltage", voltage, "V"):
        raise PhysicsError(
            f"a turn costs {found.loss:.5g} eV on average, {found.loss - found.magnet_loss:.5g} eV of it in the "
            f"radiators, and the cells give {voltage:.5g} V: raise the voltage, or take fewer radiators"
        )
    given = voltage if lit_voltage is None else positive("lit_voltage", lit_voltage, "V")
    if given is not None and found.lit_loss > given:
        warn(
            f"a train loses {found.lit_loss:.5g} eV on a turn with laser, the cells give it {given:.5g} V: it slows "
            f"down by {found.lit_loss - given:.5g} eV a turn while it radiates",
            ValidityWarning,
        )


def _ring(source: SourceLight) -> str:
    return f"{source.light.undulator.reference.energy:.6g} eV, {source.average_current:.6g} A"
