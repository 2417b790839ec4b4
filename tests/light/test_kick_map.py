"""The kick of a beam's own light as an element: tracked through it, the beam loses what it radiates."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.errors import PhysicsError
from ssmb.kernels.lobes import sinc
from ssmb.lattice.program import compile_elements
from ssmb.light.kick_map import kick_map
from ssmb.light.tracked import energy_exchange, tracked_power
from ssmb.maps.undulator import Undulator
from tests.support import assert_close

REF, WAVELENGTH, CURRENT = Reference(energy=400e6), 13.5e-9, 0.7
EUV = Undulator.resonant(REF, WAVELENGTH, period=0.01, n_periods=300)


def bunched(size: float, shift: float = 0.0) -> Beam:
    long = WAVELENGTH / (2.0 * math.pi) * math.sqrt(-2.0 * math.log(0.3))
    sigma = np.diag(np.array([size, 0.0, size, 0.0, long, 0.0]) ** 2)
    beam = Beam.gaussian(REF, sigma, n=1024, charge=1e-12, seed=3, start="quiet")
    rows = beam.coordinates.copy()
    rows[4] += shift
    return Beam(REF, rows)


@pytest.mark.parametrize(
    ("size", "waist", "single"), [(0.0, 0.0, 1e-5), (2e-6, 0.0, 3e-3), (20e-6, 0.0, 0.12), (20e-6, 60e-6, 0.08)]
)
@pytest.mark.parametrize("shift", [0.0, 4.1e-9])
def test_tracked_beam_loses_what_it_radiates(size: float, waist: float, single: float, shift: float) -> None:
    beam = bunched(size, shift)
    light = tracked_power(EUV, beam, WAVELENGTH, current=CURRENT)
    rows, _ = compile_elements([kick_map(light, beam, waist=waist)], REF).propagate(beam.coordinates)
    change = rows[5] - beam.delta
    volts = -change.mean() * REF.beta * REF.p0c
    assert_close(CURRENT * volts, light.power, rtol=1e-3, atol=0.0, what="power [W]")
    want = energy_exchange(light, beam)
    off = np.sqrt(np.mean((change - want) ** 2) / np.mean(want**2))
    assert off < single


def test_a_beam_without_bunching_has_no_kick() -> None:
    rows = np.zeros((6, 64))
    rows[4] = np.arange(64) * (WAVELENGTH / 64.0)
    beam = Beam(REF, rows)
    light = tracked_power(EUV, bunched(0.0), WAVELENGTH, current=CURRENT)
    with pytest.raises(PhysicsError, match="bunching"):
        kick_map(light, beam)


@pytest.mark.parametrize("u", [0.0, 3e-5, 9.9e-5, 1.01e-4, 0.3, -2.0, 40.0])
def test_sinc_beside_and_at_zero(u):
    assert_close(sinc(u), float(np.sinc(u / math.pi)), rtol=0.0, atol=1e-15, what="sin(u)/u")
