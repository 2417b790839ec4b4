"""The field of one electron against SRW's, near the source, on the same table of the magnetic field.

SRW keeps constants of its own: its photon energies lie 7e-6 off ours, which the steep lines of 100 periods show as 1.2e-3
of the peak. So 20 periods are compared as they are, and 100 periods with that shift of the photon energy.
"""

from __future__ import annotations

import numpy as np
import pytest

from ssmb.beam.reference import Reference
from ssmb.radiation.single_electron import angular_density, orbit_field, photon_flux
from ssmb.radiation.trajectory import tabulated_orbit
from ssmb.radiation.undulator import Undulator, photon_energy
from tests.support import assert_close

srwlib = pytest.importorskip("srwpy.srwlib", reason="SRW (srwpy) is not installed")

DISTANCE, CURRENT, SIDE = 30.0, 0.5, 5


def field_table(und: Undulator) -> tuple[np.ndarray, np.ndarray]:
    """An undulator between end poles of strengths 1/4 and 3/4, 80 points in a period."""
    main = (und.n_periods - 1) * und.period
    s = np.linspace(-1.5 * und.period, main + 1.5 * und.period, 80 * (und.n_periods + 2) + 1)
    outside = np.maximum(-s, s - main) / und.period
    strength = np.select([outside <= 0.0, outside <= 0.5, outside <= 1.0], [1.0, 0.75, 0.25], 0.0)
    return s, -strength * und.field * np.sin(2.0 * np.pi * s / und.period)


def srw_flux(s: np.ndarray, b_y: np.ndarray, energy: np.ndarray, x: np.ndarray, reference: Reference) -> np.ndarray:
    """Photons/(s mm^2 0.1 %) of SRW for both polarisations, axes x, y, energy."""
    zeros, double = [0.0] * s.size, srwlib.array
    field = srwlib.SRWLMagFld3D(
        _arBx=double("d", zeros), _arBy=double("d", b_y.tolist()), _arBz=double("d", zeros),
        _nx=1, _ny=1, _nz=s.size, _rx=0.0, _ry=0.0, _rz=float(s[-1] - s[0]), _nRep=1, _interp=3,
    )  # fmt: skip
    container = srwlib.SRWLMagFldC(
        [field], double("d", [0.0]), double("d", [0.0]), double("d", [float(s[0] + s[-1]) / 2.0])
    )
    electron = srwlib.SRWLPartBeam()
    electron.Iavg, electron.partStatMom1.z, electron.partStatMom1.gamma = CURRENT, float(s[0]), reference.gamma
    wave = srwlib.SRWLWfr()
    wave.allocate(energy.size, x.size, x.size)
    mesh = wave.mesh
    mesh.zStart, mesh.eStart, mesh.eFin = DISTANCE, float(energy[0]), float(energy[-1])
    mesh.xStart, mesh.xFin, mesh.yStart, mesh.yFin = float(x[0]), float(x[-1]), float(x[0]), float(x[-1])
    wave.partBeam = electron
    srwlib.srwl.CalcElecFieldSR(wave, 0, container, [1, 2e-4, float(s[0]), float(s[-1]), 100_000, 1, 0])
    parts = [np.array(a, dtype=float).reshape(x.size, x.size, energy.size, 2) for a in (wave.arEx, wave.arEy)]
    return sum((p**2).sum(axis=-1) for p in parts).transpose(1, 0, 2)


@pytest.mark.parametrize(("periods", "shift", "around"), [(20, 0.0, (0.96, 1.02)), (100, 6.8e-6, (0.99, 1.005))])
def test_flux_density_of_a_tabulated_undulator(periods: int, shift: float, around: tuple[float, float]) -> None:
    und = Undulator(Reference(energy=400e6), period=0.01, n_periods=periods, k=1.144)
    s, b_y = field_table(und)
    energy = photon_energy(und.wavelength()) * np.linspace(*around, 15)
    x = np.linspace(-0.012, 0.012, SIDE)
    want = srw_flux(s, b_y, energy, x, und.reference)
    orbit = tabulated_orbit(und.reference, s, b_y, nodes=14, every=10)
    tx, ty = np.meshgrid(x / DISTANCE, x / DISTANCE, indexing="ij")
    shifted = energy * (1.0 + shift)
    density = angular_density(orbit_field(orbit, tx, ty, shifted, distance=DISTANCE), shifted)
    got = photon_flux(density, CURRENT) / DISTANCE**2 * 1e-6
    assert_close(got, want, rtol=0.0, atol=1e-3 * want.max())
