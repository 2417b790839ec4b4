"""The field of one electron against SRW's, near the source, on the same table of the magnetic field.

SRW (4.2.1) keeps constants of its own. It turns gamma into GeV with 0.51099890221 MeV and back with 0.511003414 MeV, so
that its electrons have 8.83e-6 less energy; and its photons of 1 eV have 0.80654658 oscillations per micrometre,
9.69e-6 less than by CODATA. On the axis that makes 2 * 8.83e-6 - 9.69e-6 = 8.0e-6 of the photon energy, which the steep
lines of 100 periods show as 1.2e-3 of the peak (200 periods: 2.4e-3). With both constants put into ours, 1.8e-4 is left
at 400 MeV and 6e-5 at 4 GeV: SRW keeps the leading order in 1/gamma^2 only, which is another 1e-6 of the photon energy
at 400 MeV.
"""

from __future__ import annotations

import numpy as np
import pytest

from ssmb.beam.reference import Reference
from ssmb.constants import ELEMENTARY_CHARGE, PLANCK, SPEED_OF_LIGHT
from ssmb.light.single_electron import angular_density, orbit_field, photon_flux
from ssmb.light.statistics import photon_energy
from ssmb.light.trajectory import tabulated_orbit
from ssmb.maps.undulator import Undulator
from tests.support import assert_close

srwlib = pytest.importorskip("srwpy.srwlib", reason="SRW (srwpy) is not installed")

DISTANCE, CURRENT, SIDE = 30.0, 0.5, 5
#: gamma of SRW's electrons over the one that it was given, and its oscillations per metre over the true ones
SRW_GAMMA = 0.51099890221 / 0.511003414
SRW_PHOTONS = 0.80654658e6 * PLANCK * SPEED_OF_LIGHT / ELEMENTARY_CHARGE


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
    srwlib.srwl.CalcElecFieldSR(wave, 0, container, [1, 1e-5, float(s[0]), float(s[-1]), 100_000, 1, 0])
    parts = [np.array(a, dtype=float).reshape(x.size, x.size, energy.size, 2) for a in (wave.arEx, wave.arEy)]
    return sum((p**2).sum(axis=-1) for p in parts).transpose(1, 0, 2)


def both(energy: float, periods: int, around: tuple[float, float], *, constants: bool) -> tuple[np.ndarray, np.ndarray]:
    """Ours, with SRW's constants if wanted, and SRW's flux density over the peak of SRW."""
    und = Undulator(Reference(energy=energy), period=0.01, n_periods=periods, k=1.144)
    s, b_y = field_table(und)
    photons = photon_energy(und.wavelength()) * np.linspace(*around, 15)
    x = np.linspace(-0.012, 0.012, SIDE) * (400e6 / energy)
    want = srw_flux(s, b_y, photons, x, und.reference)
    reference = Reference(energy=energy * SRW_GAMMA) if constants else und.reference
    photons = photons * (SRW_PHOTONS if constants else 1.0)
    tx, ty = np.meshgrid(x / DISTANCE, x / DISTANCE, indexing="ij")
    field = orbit_field(tabulated_orbit(reference, s, b_y, nodes=14, every=10), tx, ty, photons, distance=DISTANCE)
    got = photon_flux(angular_density(field, photons), CURRENT) / DISTANCE**2 * 1e-6
    return got / want.max(), want / want.max()


@pytest.mark.parametrize(
    ("energy", "periods", "around", "left"),
    [(400e6, 20, (0.96, 1.02), 6e-5), (400e6, 100, (0.99, 1.005), 2.5e-4), (4e9, 100, (0.99, 1.005), 1e-4)],
)
def test_flux_density_of_a_tabulated_undulator(
    energy: float, periods: int, around: tuple[float, float], left: float
) -> None:
    got, want = both(energy, periods, around, constants=True)
    assert_close(got, want, rtol=0.0, atol=left)


def test_without_its_constants() -> None:
    """20 periods do not see them at 1e-3; 100 periods do, by the slope of the line times 8.0e-6."""
    got, want = both(400e6, 20, (0.96, 1.02), constants=False)
    assert_close(got, want, rtol=0.0, atol=1e-3)
    got, want = both(400e6, 100, (0.99, 1.005), constants=False)
    assert 0.9e-3 < np.abs(got - want).max() < 1.5e-3
