"""The result of a run: what is printed, plotted and stored."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ssmb.beam import Beam
from ssmb.optics import Optics
from ssmb.quantity import quantity
from ssmb.radiation.signal import ChargeSignal
from ssmb.studies.config import RunConfig
from ssmb.studies.source_result import RingSource, source_summary
from ssmb.tracking import BucketRecord, RunStatus

#: Turns of which the summary of a bucket tells.
_TOLD = 9
#: A lifetime is told if the captured share falls by this many standard errors, and by this much, in the second half.
_SIGNIFICANT, _FALL = 5.0, 0.01


@dataclass(frozen=True)
class Light:
    """Light of one passage at one harmonic of the laser."""

    harmonic: int = quantity("1", "harmonic of the laser")
    wavelength: float = quantity("m", "wavelength")
    bunching: complex = quantity("1", "complex bunching factor of the tracked particles at the undulator")
    closed_form: float = quantity(
        "1",
        "|b_n| of the linear single-stage formula with the same modulation, slip factor and beam (nan without laser)",
    )
    coherent_power: float = quantity(
        "W", "coherent power averaged over the passage of the bunch, rms length sqrt(2 pi) sigma_z/c"
    )
    incoherent_power: float = quantity("W", "incoherent power averaged in the same way")
    signal: ChargeSignal = quantity("", "energies against charge")


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
    beam_at_source: Beam | None = None
    source: RingSource | None = None

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
        out["source"] = None if self.source is None else source_summary(self.source)
        out["buckets"] = [bucket_summary(r) for r in self.records.values() if isinstance(r, BucketRecord)]
        return out


def bucket_summary(record: BucketRecord) -> dict[str, Any]:
    """Headline numbers of a bucket record: the bucket, some turns, and the lifetime of what is captured.

    Returns
    -------
    dict
        ``tune`` is None beyond the stability limit, ``lifetime`` [turns] where the captured share does not fall.
    """
    bucket = record.bucket
    count = len(record.turn)
    rows = np.unique(np.rint(np.linspace(0, count - 1, min(count, _TOLD))).astype(int)) if count else []
    return {
        "at": record.at,
        "tune": bucket.tune if bucket.focusing < 4.0 else None,
        "half_height": bucket.half_height,
        "amplitude": bucket.amplitude,
        "harmonics": record.harmonics.tolist(),
        "turns": [
            {
                "turn": int(record.turn[i]),
                "captured": float(record.captured[i]),
                "sigma_z": float(record.sigma_z[i]),
                "sigma_delta": float(record.sigma_delta[i]),
                "bunching": record.magnitude[i].tolist(),
            }
            for i in rows
        ],
        "lifetime": lifetime(record.turn, record.captured),
    }


def lifetime(turn: np.ndarray, captured: np.ndarray) -> float | None:
    """Turns in which the captured share falls to 1/e, from its second half; None if it does not fall clearly.

    >>> round(lifetime(np.arange(100), np.exp(-np.arange(100)/500.0)))
    500
    >>> lifetime(np.arange(100), np.full(100, 0.5)) is None
    True
    """
    half = slice(len(turn) // 2, None)
    t, share = turn[half].astype(float), captured[half]
    if t.size < 8 or not (share > 0.0).all():
        return None
    t = t - t.mean()
    y = np.log(share)
    slope = float((t @ y) / (t @ t))
    error = math.sqrt(float(np.sum((y - y.mean() - slope * t) ** 2)) / (t.size - 2) / float(t @ t))
    fall = -slope * float(t[-1] - t[0])
    return -1.0 / slope if fall > _FALL and -slope > _SIGNIFICANT * error else None
