"""The far field of one electron in an ideal undulator against xrt's, planar and helical, both polarisations.

xrt's periods begin half a period later than ours, at the largest slope towards -x: for the same N periods, cut at both
ends, its map is ours seen in a mirror of x (planar), or turned by half a turn (helical). The ends of the field are
worth 1/N: compared without the mirror, the maps of 20 periods differ by 3 % of the peak, those of 100 periods by 0.2 %.
The rest, up to 2e-4, is xrt's leading order in 1/gamma^2 (1.6e-6 of the photon energy at 400 MeV) and its own
quadrature.
"""

from __future__ import annotations

import numpy as np
import pytest

from ssmb.beam.reference import Reference
from ssmb.light.single_electron import angular_density, photon_flux, stokes, undulator_field
from ssmb.light.statistics import photon_energy
from ssmb.maps.undulator import Undulator
from tests.support import assert_close

with pytest.MonkeyPatch.context() as patch:
    patch.setenv("MPLBACKEND", "Agg")
    sources = pytest.importorskip("xrt.backends.raycing.sources", reason="xrt is not installed")

CURRENT = 0.5


def xrt_map(und: Undulator, energy: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Photons/(s sr 0.1 %) and both complex amplitudes of xrt; axes x, y, energy."""
    deflection = {"Kx": und.k, "Ky": und.k, "phaseDeg": 90.0} if und.helical else {"K": und.k}
    device = sources.Undulator(
        eE=und.reference.energy * 1e-9, eI=CURRENT, eEspread=0.0, eEpsilonX=0.0, eEpsilonZ=0.0, betaX=1.0, betaZ=1.0,
        period=und.period * 1e3, n=und.n_periods, eMin=float(energy[0]), eMax=float(energy[-1]), distE="BW",
        xPrimeMax=0.5, zPrimeMax=0.5, targetOpenCL=None, **deflection,
    )  # fmt: skip
    points = [a.ravel() for a in np.meshgrid(theta, theta, energy, indexing="ij")]
    shape = (theta.size, theta.size, energy.size)
    flux, along_x, along_y = device.build_I_map(points[2], points[0], points[1])
    return flux.reshape(shape), along_x.reshape(shape), along_y.reshape(shape)


def seen(und: Undulator, energy: np.ndarray, theta: np.ndarray, turn: bool) -> np.ndarray:
    """Our field on the same axes, seen in xrt's mirror (helical: from the other side) if wanted."""
    sign = np.array([-1.0, -1.0 if und.helical else 1.0]) if turn else np.ones(2)
    tx, ty = np.meshgrid(sign[0] * theta, sign[1] * theta, indexing="ij")
    return sign * undulator_field(und, tx, ty, energy, end_poles=False)


@pytest.mark.parametrize("helical", [False, True])
@pytest.mark.parametrize(("periods", "harmonic"), [(20, 1), (100, 1), (20, 2), (20, 3)])
def test_angular_map(helical: bool, periods: int, harmonic: int) -> None:
    und = Undulator(Reference(energy=400e6), period=0.01, n_periods=periods, k=1.144, helical=helical)
    energy = photon_energy(und.wavelength(harmonic)) * (1.0 + np.linspace(-0.8, 0.4, 13) / (periods * harmonic))
    theta = np.linspace(-4e-4, 4e-4, 5)
    flux, along_x, along_y = xrt_map(und, energy, theta)
    field, peak = seen(und, energy, theta, True), flux.max()
    got = photon_flux(angular_density(field, energy), CURRENT)
    assert_close(got / peak, flux / peak, rtol=0.0, atol=3e-4)
    light, mixed = stokes(field, energy), 2.0 * along_x * along_y.conj()
    assert_close(
        photon_flux(light.s1, CURRENT) / peak, (abs(along_x) ** 2 - abs(along_y) ** 2) / peak, rtol=0, atol=3e-4
    )
    assert_close(photon_flux(light.s2, CURRENT) / peak, mixed.real / peak, rtol=0.0, atol=3e-4)
    assert_close(photon_flux(light.s3, CURRENT) / peak, -mixed.imag / peak, rtol=0.0, atol=3e-4)


def test_where_the_periods_begin() -> None:
    """Without the mirror the maps differ, by 1/N: it is the end of the field, not the light of its middle."""
    away = []
    for periods in (20, 100):
        und = Undulator(Reference(energy=400e6), period=0.01, n_periods=periods, k=1.144)
        energy = photon_energy(und.wavelength()) * (1.0 + np.linspace(-0.8, 0.4, 13) / periods)
        theta = np.linspace(-4e-4, 4e-4, 5)
        flux = xrt_map(und, energy, theta)[0]
        plain = photon_flux(angular_density(seen(und, energy, theta, False), energy), CURRENT)
        away.append(np.abs(plain - flux).max() / flux.max())
        # in the plane x = 0 the mirror changes nothing
        assert_close(plain[2] / flux.max(), flux[2] / flux.max(), rtol=0.0, atol=3e-4)
    assert away[0] > 0.02
    assert away[1] < 0.25 * away[0]
