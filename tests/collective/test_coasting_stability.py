"""Growth of a coasting beam: reference values, the sum over turns of the kick map, and tracking from a quiet start."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import root
from scipy.special import ndtri

from ssmb.beam import Beam, Reference
from ssmb.collective import Inductance, StoredBeam, TrainImpedance, coasting_growth
from ssmb.errors import ConfigError, ValidityWarning
from ssmb.tracking import BunchingMonitor, track
from tests.collective.stored import radical_inverse, reference_inputs, ring, stored
from tests.support import assert_close, assert_reference

INPUTS = reference_inputs("coasting_threshold_p")
BEAM = stored(INPUTS)
Z, WAVE = complex(*INPUTS["Z_per_turn"]), INPUTS["wavelength"]


def flat(z: complex):
    return lambda k: np.full(k.shape, z)


def test_reference_values() -> None:
    assert_reference("coasting_threshold_p", coasting_growth(BEAM, flat(Z), 1.0, WAVE).threshold[0])
    for i in range(3):
        name = f"coasting_growth_{i}_p"
        assert_reference(name, coasting_growth(BEAM, flat(Z), reference_inputs(name)["current"], WAVE).growth[0])


@pytest.mark.parametrize("slip", [1e-5, -1e-5])
@pytest.mark.parametrize("z", [Z, 3000j, -3000j + 500.0, -2000.0 + 1000j])
def test_the_sum_over_the_kicks_of_all_turns(z: complex, slip: float) -> None:
    """b_n = sum_m K_m b_(n-m), K_m = -i m k eta C (I Z/E) exp(-(m k eta C sigma)^2/2): its root is the growth."""
    beam = StoredBeam(energy=BEAM.energy, circumference=120.0, slip_factor=slip, sigma_delta=BEAM.sigma_delta)
    k, m = 2.0 * math.pi / WAVE, np.arange(1, 400)
    for current in (6.0, 12.0):
        got = coasting_growth(beam, flat(z), current, WAVE)
        if got.growth[0] == 0.0:
            continue
        path = m * k * beam.slip
        kernel = -1j * path * current * z / beam.energy * np.exp(-0.5 * (path * beam.sigma_delta) ** 2)

        def left(v: np.ndarray, kernel: np.ndarray = kernel) -> list[float]:
            total = np.sum(kernel * np.exp(1j * complex(v[0], v[1]) * m)) - 1.0
            return [total.real, total.imag]

        start = [2.0 * math.pi * got.frequency[0], got.growth[0]]
        found = root(left, [1.1 * start[0] + 1e-4, 1.1 * start[1]], tol=1e-12).x
        assert_close(start, found, rtol=2e-3, atol=1e-5, what="real and imaginary tune")


def test_what_is_stable_at_any_current() -> None:
    """An inductance above transition, space charge below it."""
    got = coasting_growth(BEAM, Inductance(1e-9), 1e4, [WAVE, 2 * WAVE])
    assert np.isinf(got.threshold).all()
    assert (got.growth == 0.0).all()
    quiet = coasting_growth(BEAM, flat(0.0), 1e4, WAVE)
    assert np.isinf(quiet.threshold[0])


def test_the_scan_and_the_cold_beam() -> None:
    """Far above threshold Omega^2 = i I Z k eta C/E, without regard to the spread."""
    lengths = np.geomspace(20e-6, 200e-6, 5)
    scan = coasting_growth(BEAM, flat(Z), 10.0, lengths)
    each = [coasting_growth(BEAM, flat(Z), 10.0, w).growth[0] for w in lengths]
    assert_close(scan.growth, each, rtol=1e-12, atol=0.0)
    assert scan.growth[scan.fastest] == scan.growth.max()
    assert list(scan.table()) == ["wavelength", "threshold", "growth", "frequency"]
    cold = StoredBeam(energy=BEAM.energy, circumference=120.0, slip_factor=1e-5, sigma_delta=1e-6)
    omega = np.sqrt(1j * 1.0 * Z * 2.0 * math.pi / WAVE * cold.slip / cold.energy)
    got = coasting_growth(cold, flat(Z), 1.0, WAVE)
    assert_close(got.growth[0], abs(omega.imag), rtol=1e-4, atol=0.0)


@pytest.mark.parametrize(("share", "turns"), [(0.8, 400), (1.5, 400), (2.5, 200), (4.0, 120)])
def test_tracked_growth(share: float, turns: int) -> None:
    """Eight copies of each particle at eighths of the wave have no noise in its harmonics: what grows is the seed."""
    n = 2000
    rows = np.zeros((6, 8 * n))
    rows[4] = (radical_inverse(n, 3) * WAVE / 8 + np.arange(8)[:, None] * WAVE / 8).ravel()
    rows[5] = np.tile(BEAM.sigma_delta * ndtri(radical_inverse(n, 2)), 8)
    rows[4] += 4e-5 * WAVE / (2.0 * math.pi) * np.sin(2.0 * math.pi * rows[4] / WAVE)
    threshold = coasting_growth(BEAM, flat(Z), 1.0, WAVE).threshold[0]
    effect = TrainImpedance(at="m", impedance=flat(Z), wavelength=WAVE, current=share * threshold)
    seen = BunchingMonitor(at=None, wavelengths=(WAVE,))
    done = track(ring(BEAM), Beam(Reference(BEAM.energy), rows), turns, effects=[effect], monitors=[seen])
    size = next(iter(done.monitors.values())).magnitude[:, 0]
    late = np.arange(turns)[turns // 2 :]
    late = late[size[late] < 0.01]  # below trapping
    rate = np.polyfit(late, np.log(size[late]), 1)[0]
    want = coasting_growth(BEAM, flat(Z), share * threshold, WAVE).growth[0]
    if share < 1.0:
        assert want == 0.0
        assert rate < 0.0
        assert size[-1] < 0.5 * size[0]
    else:
        assert_close(rate, want, rtol=0.05, atol=0.0, what="growth per turn")


def test_arguments() -> None:
    with pytest.raises(ConfigError, match="wavelengths must be one or more"):
        coasting_growth(BEAM, flat(Z), 1.0, [1e-6, -1.0])
    with pytest.raises(ConfigError, match="impedance must be a function"):
        coasting_growth(BEAM, 5.0, 1.0, 1e-6)  # type: ignore[arg-type]
    with pytest.warns(ValidityWarning, match="too fast for a smooth force"):
        coasting_growth(BEAM, flat(Z), 500.0, WAVE)
