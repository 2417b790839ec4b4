"""Steady state: what the laser of a run does by turn, and the bucket that it makes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ssmb.buckets import MicroBucket
from ssmb.dynamics import Optics
from ssmb.lattice import Lattice
from ssmb.studies.light import modulation
from ssmb.studies.rings import quiet, ring_program
from ssmb.studies.sections import LaserConfig
from ssmb.text import named_values, number, quantity, table
from ssmb.tracking import BucketRecord, LaserProgram

#: Turns of which the summary of a bucket tells.
_TOLD = 9
#: A lifetime is told if the captured share falls by this many standard errors, and by this much, in the second half.
_SIGNIFICANT, _FALL = 5.0, 0.01


def laser_program(laser: LaserConfig | None, turns: int) -> LaserProgram | None:
    """What the laser does by turn; None if it is the same on all turns.

    Parameters
    ----------
    turns : turns of the run; the laser is on up to ``laser.turns`` of them.
    """
    if laser is None or laser.turns == 0 or not (laser.changes or laser.turns < turns):
        return None
    windows = laser.windows or (((0, laser.turns),) if laser.turns < turns else ())
    noise, ramp, duty = laser.noise, laser.ramp, laser.duty
    return LaserProgram(
        detuning=laser.detuning,
        windows=windows,
        duty=(duty.period, duty.on) if duty else (1, 1),
        ramp=tuple(zip(ramp.turns, ramp.amplitude, strict=True)) if ramp else (),
        ramp_shape=ramp.shape if ramp else "linear",
        amplitude_noise=noise.amplitude if noise else 0.0,
        phase_noise=noise.phase if noise else 0.0,
        seed=noise.seed if noise else 0,
    )


def bucket_of(laser: LaserConfig, radiating: bool, lattice: Lattice, optics: Optics) -> MicroBucket:
    """The micro-bucket of ring and laser at full amplitude; its length is beta times the wavelength.

    The laser has to replace the radiated energy if it is tracked and no cavity with voltage is there; what an energy
    restorer gives is counted.

    Raises
    ------
    ConfigError, PhysicsError
        No laser power, no slip, or a loss that the laser cannot replace.
    """
    lattice = quiet(lattice)
    amplitude, phase = modulation(laser, optics, ring_program(lattice, laser, True))
    loss = 0.0
    if radiating and not any(e.cavity() for e in lattice):
        orbit = optics.closed_orbit[0][:, None]
        moved, _ = ring_program(lattice, laser, False, "mean").propagate(orbit)
        loss = float(orbit[5, 0] - moved[5, 0])
    return MicroBucket(
        wavelength=(laser.wavelength or 0.0) * lattice.reference.beta,
        slip_factor=float(optics.slip_factor),
        circumference=float(optics.s[-1]),
        amplitude=amplitude,
        slip_factor2=float(optics.slip_factor2),
        slip_factor3=float(optics.slip_factor3),
        energy_loss=loss,
        phase=phase,
    )


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


def bucket_text(bucket: dict[str, Any]) -> str:
    """The bucket, its record at some turns, and how long it holds what is in it."""
    lines = [
        ("bucket", f"at {bucket['at'] or 'the end of each turn'}"),
        ("", f"tune {number(bucket['tune'])}, half height {number(bucket['half_height'], 4)} of delta"),
    ]
    if bucket["lifetime"] is not None:
        lines.append(("lifetime", f"{number(bucket['lifetime'], 4)} turns, from the second half of the run"))
    heads = ("turn", "captured", "sigma_z", "sigma_delta", *(f"|b_{n}|" for n in bucket["harmonics"][:6]))
    rows = [
        (
            str(row["turn"]),
            number(row["captured"], 4),
            quantity(row["sigma_z"], "m"),
            number(row["sigma_delta"], 4),
            *(number(b, 4) for b in row["bunching"][:6]),
        )
        for row in bucket["turns"]
    ]
    what = "sizes: rms of what is captured; bunching: of all particles"
    return "\n\n".join([named_values(lines), table(heads, rows), what])
