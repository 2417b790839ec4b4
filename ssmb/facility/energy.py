"""Where the energy of a turn goes, and what gives it back: one balance for rings of a lattice and for given ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ssmb.arguments import checked
from ssmb.facility.ring import Ring, RingState
from ssmb.facility.ring_budget import ring_budget
from ssmb.facility.source import SourceLight
from ssmb.facility.steps import ORIGINS, EnergyStep
from ssmb.quantity import Shown, derived, quantity


@dataclass(frozen=True)
class EnergyOfTurn(Shown):
    """Where the energy of an electron goes in a turn, and what gives it back; means over the electrons."""

    radiation: float = quantity("eV", "energy lost in the magnets of the ring a turn")
    light: float = quantity("eV", "energy lost to the coherent light a turn, share of the turns with laser counted")
    incoherent: float = quantity(
        "eV", "energy radiated in the radiators anyway, where they are not magnets of the lattice"
    )
    restored: float = quantity("eV", "energy given by SSMB_EnergyRestorer elements a turn")
    voltage: float = quantity("V", "sum of the cavity voltages, the most that they can give")
    laser_peak: float = quantity("eV", "most that the lasers can give in a pass, all modulators together")
    laser_power: float = quantity("W", "laser power that travels with the electrons, the largest of the modulators")
    laser_on: float = quantity("1", "share of the turns with laser")
    origin: str = quantity("", "where the loss in the magnets comes from: calculated or given", choices=ORIGINS)

    @derived
    def missing(self) -> float:
        """What neither restorer nor cavities can give: the lasers have to [eV]."""
        return max(self.radiation + self.light + self.incoherent - self.restored - self.voltage, 0.0)

    @derived
    def held(self) -> bool:
        """Whether the lasers can give what is missing."""
        return self.missing <= self.laser_peak * self.laser_on

    @property
    def steps(self) -> tuple[EnergyStep, ...]:
        """What an electron loses and gets in a turn, in named steps whose sum is zero.

        Cavities give or take what the restorers leave, as far as their voltage goes; the rest is that of the lasers. A
        ring that is given does not say what supplies it: its supply is assumed to give all.
        """
        need = self.radiation + self.light + self.incoherent
        steps = [
            EnergyStep("radiation in the magnets", 0.0 - self.radiation, self.origin),
            EnergyStep("coherent light", 0.0 - self.light, "calculated"),
            EnergyStep(
                "incoherent light of radiators that are not in the lattice", 0.0 - self.incoherent, "calculated"
            ),
        ]
        if self.origin == "given":
            return (*steps, EnergyStep("energy supply of the ring", need, "assumed"))
        cavities = min(max(need - self.restored, -self.voltage), self.voltage)
        return (
            *steps,
            EnergyStep("energy restorers", self.restored, "given"),
            EnergyStep("cavities", cavities, "calculated"),
            EnergyStep("lasers", need - self.restored - cavities, "calculated"),
        )


@checked
def energy_of_turn(
    ring: Ring | RingState,
    lights: Sequence[SourceLight],
    *,
    in_lattice: bool,
    laser_on: float,
    laser_peak: float,
    laser_power: float,
) -> EnergyOfTurn:
    """Return the energy balance of a turn: the :class:`ssmb.facility.RingBudget` of a light, and what gives it back.

    Parameters
    ----------
    ring : its loss in the magnets, restorers and cavities.
    lights : of the ring, one at a time: that counts which costs the most.
    in_lattice : whether the loss of the ring has the incoherent light of the radiators in it.
    laser_on : share of the turns with laser [1].
    laser_peak : largest gain in a pass [eV].
    laser_power : power that travels with the electrons [W].
    """
    balance = ring.balance
    budgets = [ring_budget([light], magnet_loss=balance.loss) for light in lights]
    budget = max(budgets, key=lambda b: b.loss)
    return EnergyOfTurn(
        radiation=budget.magnet_loss,
        light=budget.coherent_loss,
        incoherent=0.0 if in_lattice else budget.incoherent_loss,
        restored=balance.restored,
        voltage=balance.voltage,
        laser_peak=laser_peak,
        laser_power=laser_power,
        laser_on=laser_on,
        origin=ring.origin,
    )
