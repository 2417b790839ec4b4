"""Light of a beam in an undulator of a few numbers, for tests."""

from __future__ import annotations

import math
from typing import Any

from ssmb.beam import Beam
from ssmb.facility import Filling, Limit, RadiatingBeam, Radiator, SourceLight
from ssmb.radiation import Undulator


def light_of(
    beam: Beam,
    period: float,
    periods: int,
    *,
    laser_wavelength: float,
    harmonic: int,
    average_current: float,
    train_current: float | None = None,
    train_length: float = math.inf,
    limits: tuple[tuple[str, float, str], ...] = (),
    detuning: str = "exact",
    chain: Any = None,
    band: float | None = None,
    beamlines: int = 1,
    **more: Any,
) -> SourceLight:
    """Light of a beam in a radiator whose gap is set to it."""
    radiator = Radiator(Undulator(beam.reference, period, periods, 0.0), detuning, beamlines, chain, band)
    filling = Filling(average_current, train_current, train_length)
    taken = tuple(Limit(*limit) for limit in limits)
    return radiator.state(RadiatingBeam(beam, laser_wavelength, harmonic, filling, limits=taken, **more))
