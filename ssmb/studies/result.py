"""The result of a run: what is printed, plotted and stored."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ssmb.beam import Beam
from ssmb.optics import Optics
from ssmb.radiation.signal import ChargeSignal
from ssmb.studies.config import RunConfig
from ssmb.tracking import RunStatus


@dataclass(frozen=True)
class Light:
    """Light of one passage at one harmonic of the laser.

    Attributes
    ----------
    harmonic : harmonic number.
    wavelength : [m].
    bunching : complex bunching factor of the tracked particles at the undulator.
    closed_form : |b_n| of the linear single-stage formula with the same modulation, slip factor and beam (nan without
        laser).
    coherent_power, incoherent_power : power averaged over the passage of the bunch (rms length sqrt(2 pi) sigma_z/c) [W].
    signal : energies against charge.
    """

    harmonic: int
    wavelength: float
    bunching: complex
    closed_form: float
    coherent_power: float
    incoherent_power: float
    signal: ChargeSignal


@dataclass(frozen=True, eq=False)
class StudyResult:
    """All that a run found; ``records`` are those of :mod:`ssmb.tracking.monitors` by monitor name."""

    config: RunConfig
    lattice_text: str
    optics: Optics
    records: dict[str, Any]
    light: tuple[Light, ...]
    beam: Beam
    beam_at_light: Beam | None
    status: RunStatus
    turns: int
    losses: tuple[Any, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)
    folder: str = ""  #: folder of the run, empty for one in memory

    def summary(self) -> dict[str, Any]:
        """Headline numbers in SI units, for ``--json`` and for the table; None for what does not exist."""
        out: dict[str, Any] = {
            "title": self.config.title,
            "status": self.status.name.lower(),
            "turns": self.turns,
            "particles": len(self.beam),
            "particles_alive": int(np.count_nonzero(self.beam.alive)),
            "slip_factor": float(self.optics.slip_factor),
            "alpha_c": float(self.optics.alpha_c),
            "qx": float(self.optics.qx),
            "qy": float(self.optics.qy),
        }
        out["light"] = [
            {
                "harmonic": light.harmonic,
                "wavelength": light.wavelength,
                "bunching": abs(light.bunching),
                "bunching_phase": float(np.angle(light.bunching)),
                "closed_form_bunching": None if math.isnan(light.closed_form) else light.closed_form,
                "coherent_power": light.coherent_power,
                "incoherent_power": light.incoherent_power,
                "crossover_charge": crossover if math.isfinite(crossover := light.signal.crossover_charge) else None,
            }
            for light in self.light
        ]
        return out
