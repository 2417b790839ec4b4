"""Light off the resonance against the field summed along the undulator; light at its waist against a Fourier
transform.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from ssmb.beamlines.stages import sizes_at
from ssmb.light import ExitLight, Undulator, coherent_power
from ssmb.light.coherent import form_factor
from tests.support import assert_close


def summed(s_x: float, s_y: float, detuning: float, reach: float) -> float:
    """The form factor: field of emitters along the undulator, squared, over angles, for a Gaussian beam.

    The light lags by `detuning` over the undulator on the axis, and by k theta^2 L/2 = 2 u less at an angle: where both
    are equal it is resonant.
    """
    nodes, weights = np.polynomial.legendre.leggauss(64)
    edges = np.linspace(0.0, reach, 2 + math.ceil(reach))
    place = 0.5 * (nodes + 1.0)
    phi = 2.0 * math.pi / 64 * (np.arange(64) + 0.5)
    weight_of_plane = s_x * np.cos(phi) ** 2 + s_y * np.sin(phi) ** 2
    total = 0.0
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        u = 0.5 * (high - low) * nodes + 0.5 * (high + low)
        field = np.exp(1j * np.outer(2.0 * u - detuning, place)) @ (0.5 * weights)
        of_beam = np.exp(-4.0 * np.outer(u, weight_of_plane)).mean(axis=1)
        total += 0.5 * (high - low) * float(weights @ (np.abs(field) ** 2 * of_beam))
    return 2.0 / math.pi * total


@pytest.mark.parametrize("detuning", [-4.0, 1.3, 3.0, 7.5])
@pytest.mark.parametrize("sizes", [(0.2, 0.2), (0.5, 0.1)])
def test_detuned_form_factor_is_the_sum_along_the_undulator(sizes, detuning):
    want = summed(*sizes, detuning, 12.0)
    assert_close(form_factor(*sizes, detuning=detuning, reach=12.0), want, rtol=1e-9, atol=0.0, what="FF")
    assert abs(want / summed(*sizes, 0.5 * detuning, 12.0) - 1.0) > 0.02  # it is a test of the detuning


def test_best_detuning_is_the_top_of_the_sums():
    phases = np.linspace(0.0, 6.0, 13)
    sums = np.array([summed(0.1, 0.1, float(d), 12.0) for d in phases])
    fit = np.polynomial.Polynomial.fit(phases, sums, 12)
    want = float(np.max(fit(np.linspace(phases[0], phases[-1], 4001))))
    assert_close(form_factor(0.1, detuning="best", reach=12.0), want, rtol=1e-5, atol=0.0, what="FF at its best")


def test_power_of_a_detuned_radiator_follows_the_form_factor():
    from ssmb.beam import Reference

    euv = Undulator.resonant(Reference(400e6), 13.5e-9, period=0.01, n_periods=300)
    sigma = 20e-6
    s = 2.0 * math.pi / euv.wavelength() * sigma**2 / euv.length
    exact, off = (coherent_power(euv, current=2.0, bunching=0.1, sigma_perp=sigma, detuning=d) for d in ("exact", 2.0))
    assert_close(off / exact, summed(s, s, 2.0, 40.0) / summed(s, s, 0.0, 40.0), rtol=2e-4, atol=0.0)


@pytest.mark.parametrize("distance", [0.0, 3.0, 20.0])
def test_spot_is_that_of_a_mode_with_this_divergence(distance):
    """The field whose intensity has the rms angle, in one plane: its Fourier transform is the spot at the exit."""
    light = ExitLight(13.5e-9, 200.0, 100.0, 1e-6, 40e-6, 60e-6)
    k = 2.0 * math.pi / light.wavelength
    got = sizes_at(light, distance) if distance else light.sizes
    for size, sigma in zip(got, (40e-6, 60e-6), strict=True):
        angle = np.linspace(-8.0, 8.0, 2001) * sigma
        field = np.exp(-(angle**2) / (4.0 * sigma**2) + 0.5j * k * distance * angle**2)
        reach = 8.0 * (1.0 / (2.0 * k * sigma) + distance * sigma)
        x = np.linspace(-reach, reach, 801)
        here = np.abs(np.exp(-1j * k * np.outer(x, angle)) @ field) ** 2
        rms = math.sqrt(float(np.sum(here * x * x) / np.sum(here)))
        assert_close(size, rms, rtol=1e-6, atol=0.0, what="rms size of the light [m]")
