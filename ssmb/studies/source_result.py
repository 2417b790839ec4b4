"""The source of a run: what is printed, plotted and stored."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ssmb.facility import EnergyOfTurn, SourceLight
from ssmb.facility.ring_intrabeam import IntrabeamEstimate
from ssmb.quantity import quantity


@dataclass(frozen=True, eq=False)
class RingSource:
    """The light of a ring at harmonics of its laser."""

    at: str = quantity("", "element at whose entrance the middle of the radiator is")
    turn: int = quantity("turn", "turn whose beam radiates")
    mean_over: int = quantity("1", "last turns over which the powers are the mean; 1: those of `turn`")
    lights: tuple[SourceLight, ...] = quantity("", "one for each harmonic; the radiator is tuned to one at a time")
    imbalance: tuple[float, ...] = quantity(
        "1", "of each, energy lost by the particles over energy radiated, minus 1", dims=("light",)
    )
    intrabeam: IntrabeamEstimate | None = quantity(
        "", "beam without and with intrabeam scattering; None if the ring has no equilibrium"
    )
    intrabeam_note: str = quantity("", "what was done with it, or why there is none")
    energy: EnergyOfTurn = quantity("", "where the energy of a turn goes, for the harmonic that takes the most")


def light_summary(light: SourceLight, imbalance: float) -> dict[str, Any]:
    """Headline numbers and the way of the power of one light, SI units."""
    return {
        "harmonic": light.harmonic,
        "wavelength": light.light.wavelength,
        "bunching": light.light.bunching,
        "peak_power": light.exit.peak_power,
        "average_power": light.exit.average_power,
        "in_band_power": light.exit.in_band_power,
        "power_at_focus": light.power_at_focus,
        "beamlines": light.exit.beamlines,
        "incoherent_power": light.incoherent_power,
        "noise_power": light.light.noise_power,
        "divergence_x": light.exit.divergence_x,
        "divergence_y": light.exit.divergence_y,
        "undulator_k": light.light.undulator.k,
        "gain": light.gain,
        "energy_loss": light.energy_loss,
        "energy_imbalance": imbalance,
        "steps": [{"name": s.name, "factor": s.factor, "power": s.power, "origin": s.origin} for s in light.steps],
    }


def source_summary(source: RingSource) -> dict[str, Any]:
    """Headline numbers of the source of a ring, SI units."""
    return {
        "at": source.at,
        "turn": source.turn,
        "mean_over": source.mean_over,
        "lights": [light_summary(*pair) for pair in zip(source.lights, source.imbalance, strict=True)],
        "intrabeam": None if source.intrabeam is None else asdict(source.intrabeam),
        "intrabeam_note": source.intrabeam_note,
        "energy": asdict(source.energy) | {"missing": source.energy.missing, "held": source.energy.held},
    }
