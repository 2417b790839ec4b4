"""Impedances and wakes at the reference values, and by a second way; tables from files and in other conventions."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy

from ssmb.collective.impedances import (
    CSR,
    CSRPlates,
    ImpedanceTable,
    ResistiveWall,
    Resonator,
    SpaceCharge,
    SpaceChargeDisc,
    TransverseResistiveWall,
    TransverseResonator,
)
from ssmb.collective.impedances.csr import CSR_COEFFICIENT, critical_wave_number
from ssmb.collective.impedances.space_charge import gaussian_integral
from ssmb.constants import ELECTRON_MASS_EV, SPEED_OF_LIGHT, VACUUM_IMPEDANCE, VACUUM_PERMITTIVITY
from ssmb.errors import ConfigError, ValidityWarning
from tests.support import assert_close, assert_reference, reference_values

K_1064 = 2.0 * math.pi / 1.064e-6
WALL = ResistiveWall(1.0, 0.01, 5.8e7)
PIPE = TransverseResistiveWall(1.0, 0.01, 5.8e7)
BROAD = Resonator(5e3, 1.0, 30e9)


def inputs(identifier: str) -> dict[str, Any]:
    return reference_values()[identifier]["inputs"]


def parts(z: Any, k: float) -> list[float]:
    value = complex(z(np.array([k]))[0])
    return [value.real, value.imag]


@pytest.mark.parametrize(
    ("identifier", "z", "k"),
    [
        ("csr_pp_Z_p", CSRPlates(1.5279, 1.0, 0.05), 2.0 * math.pi / 0.003),
        ("lsc_gauss_average_p", SpaceCharge(1.0, 650e6, 193e-6, 193e-6), K_1064),
        ("lsc_gauss_axis_p", SpaceCharge(1.0, 650e6, 193e-6, 193e-6, "axis"), K_1064),
        ("lsc_disc_axis_p", SpaceChargeDisc(1.0, 650e6, 328.1e-6, "axis"), K_1064),
        ("lsc_disc_average_p", SpaceChargeDisc(1.0, 650e6, 328.1e-6), K_1064),
        ("lsc_elliptic_average_p", SpaceCharge(1.0, 650e6, 579e-6, 193e-6 / 3.0), K_1064),
        ("rw_Z_p", WALL, 1000.0),
        ("rw_Z_full_p", WALL, 47805.315446973334),
        ("rw_Zt_p", PIPE, 1000.0),
        ("rw_ac_Z_p", ResistiveWall(1.0, 0.01, 5.8e7, 2.7e-14), 104792.25109758409),
        ("bbr_Z_p", BROAD, 440.1274546098531),
        ("bbr_Zt_p", TransverseResonator(5e5, 1.0, 30e9), 440.1274546098531),
    ],
)
def test_impedances(identifier: str, z: Any, k: float) -> None:
    assert_reference(identifier, parts(z, k))


@pytest.mark.parametrize(
    ("identifier", "z"),
    [
        ("rw_W_long_p", WALL),
        ("rw_W_short_p", WALL),
        ("rw_Wt_long_p", PIPE),
        ("rw_Wt_short_p", PIPE),
        ("rw_ac_W_p", ResistiveWall(1.0, 0.01, 5.8e7, 2.7e-14)),
        ("bbr_W_p", BROAD),
        ("bbr_Wt_p", TransverseResonator(5e5, 1.0, 30e9)),
    ],
)
def test_wakes(identifier: str, z: Any) -> None:
    assert_reference(identifier, z.wake(np.array(inputs(identifier)["s"])))


def loss_factor(z: Any, sigma: float) -> float:
    """Mean loss per charge of a Gaussian bunch [V/C], (c/pi) Int Re Z exp(-k^2 sigma^2) dk."""
    k = np.linspace(0.0, 8.0 / sigma, 200_001)
    return SPEED_OF_LIGHT / math.pi * float(np.trapezoid(z(k).real * np.exp(-((k * sigma) ** 2)), k))


def test_loss_factors() -> None:
    for identifier, z in (("rw_loss_short_p", WALL), ("rw_loss_long_p", WALL), ("bbr_loss_p", BROAD)):
        assert_reference(identifier, loss_factor(z, inputs(identifier)["sigma"]))
    root = ResistiveWall(1.0, 0.01, 5.8e7)
    k = np.array([1e-8])  # far below 1/s0 it goes as the root of k
    law = math.gamma(0.75) * SPEED_OF_LIGHT / (2.0 * math.pi) * root(k).real[0] / 1e-4 / 1e-4**1.5
    assert_reference("rw_loss_100um", law)
    assert_reference("rw_s0", WALL.reach)
    assert_reference("rw_wake0", float(WALL.wake(0.0)))


def test_csr_of_free_space() -> None:
    assert_reference("csr_A_real", CSR_COEFFICIENT.real)
    assert_reference("csr_A_imag", CSR_COEFFICIENT.imag)
    assert_reference("csr_ReZ_1064", parts(CSR(1.0, 1.0), K_1064)[0])
    assert_reference("csr_loss_microbunch", 2.0 * 0.5**2 * parts(CSR(1.0, 1.0), K_1064)[0])
    assert_reference("csr_kc_400", critical_wave_number(1.0, 400e6 / ELECTRON_MASS_EV))
    k = np.linspace(0.0, 7.0, 200_001)[1:]  # of sigma = 1, rho = 1
    loss = SPEED_OF_LIGHT / math.pi * np.trapezoid(CSR(1.0, 1.0)(k).real * np.exp(-(k**2)), k)
    assert_reference("csr_loss_coef", loss * 4.0 * math.pi * VACUUM_PERMITTIVITY)


def test_csr_with_a_finite_energy_is_the_spectrum_of_synchrotron_radiation() -> None:
    """Re Z is pi/e^2 of the power per frequency and path, with x Int_x^inf K_5/3; below k_c the k^(1/3) law."""
    radius, energy = 1.0, 400e6
    gamma = energy / ELECTRON_MASS_EV
    assert_reference("csr_finite_gamma_ReZ_p", parts(CSR(radius, 1.0, energy), 2.0 * math.pi / 13.5e-9)[0])
    for x in (1e-3, 0.1, 1.0, 4.0):
        k = x * critical_wave_number(radius, gamma)
        whole = scipy.integrate.quad(lambda u: scipy.special.kv(5.0 / 3.0, u), x, math.inf)[0]
        # dU/(d omega) of one turn is sqrt(3) e^2 gamma x Int K_5/3/(4 pi eps0 c), of a metre 1/(2 pi rho) of it
        want = math.sqrt(3.0) * gamma * x * whole * VACUUM_IMPEDANCE / (8.0 * math.pi * radius)
        assert_close(parts(CSR(radius, 1.0, energy), k)[0], want, rtol=1e-6, atol=0.0, what=f"k = {x} k_c")
    low = np.array([1e-6 * critical_wave_number(radius, gamma)])
    free, full = complex(CSR(radius, 1.0)(low)[0]), complex(CSR(radius, 1.0, energy)(low)[0])
    assert_close(full / free, 1.0, rtol=0.0, atol=2e-3, what="far below k_c")


def test_wide_plates_are_free_space() -> None:
    k = np.array([1e4, 5e4])
    free = CSR(1.2, 1.0)(k)
    assert_close(CSRPlates(1.2, 1.0, 0.3)(k), free, rtol=1e-6, atol=0.0)
    many = CSRPlates(1.2, 1.0, 0.3)(np.array([1e8, 1e12]))
    assert_close(many, CSR(1.2, 1.0)(np.array([1e8, 1e12])), rtol=1e-9, atol=0.0, what="before and behind most modes")


def test_space_charge_by_other_ways() -> None:
    """A round beam by the integral of an elliptic one and by E1; on axis a disc of the same rms is near a Gaussian."""
    q = np.geomspace(1.0, 1e7, 15)
    a = 193e-6**2
    assert_close(gaussian_integral(q, a, a * (1.0 + 1e-9)), gaussian_integral(q, a, a), rtol=1e-8, atol=0.0)
    for ratio in (3.0, 20.0):
        t = np.geomspace(1e-26, 1e-3, 400_001)
        for k_over_g in (1e3, 1e5):
            density = np.exp(-(k_over_g**2) * t) / np.sqrt((a * ratio + t) * (a / ratio + t))
            want = np.trapezoid(density * t, np.log(t))
            got = gaussian_integral(np.array([k_over_g]), a * ratio, a / ratio)[0]
            assert_close(got, want, rtol=1e-6, atol=0.0, what=f"aspect {ratio}")


# ---- tables

FREQUENCY = np.linspace(0.0, 400e9, 201)
K = 2.0 * np.pi * FREQUENCY / SPEED_OF_LIGHT


def written(path: Path, z: np.ndarray, header: str = "# frequency real imaginary", more: str = "") -> str:
    rows = [f"{f:.9g} {v.real:.9g} {v.imag:.9g}" for f, v in zip(FREQUENCY, z, strict=True)]
    path.write_text("\n".join([header, "# made by a test", *rows]) + "\n" + more)
    return str(path)


def test_a_table_from_a_file(tmp_path: Path) -> None:
    table = ImpedanceTable(file=written(tmp_path / "z.txt", BROAD(K)))
    k = np.array([50.0, 700.0, 3000.0])
    assert_close(table(k), BROAD(k), rtol=0.0, atol=20.0, what="4e-3 of the peak, between points")
    assert table.k_range == (0.0, pytest.approx(K[-1]))
    assert table(np.array([2.0 * K[-1]]))[0] == 0.0


@pytest.mark.parametrize("z", [BROAD, TransverseResonator(5e5, 1.0, 30e9)], ids=["longitudinal", "transverse"])
def test_the_other_time_factor_is_found_and_taken(tmp_path: Path, z: Any) -> None:
    """A table with e^{+i omega t} has the conjugate; of a transverse one minus that, so that Re Zt stays."""
    other = np.conj(z(K)) if z.plane == "longitudinal" else -np.conj(z(K))
    sound = ImpedanceTable.of(K, z(K), plane=z.plane)
    with pytest.raises(ConfigError, match="time_factor='\\+'"):
        ImpedanceTable(file=written(tmp_path / "z.txt", other), plane=z.plane)
    taken = ImpedanceTable(file=written(tmp_path / "z.txt", other), plane=z.plane, time_factor="+")
    assert_close(taken(K), sound(K), rtol=1e-8, atol=1e-6)
    with pytest.raises(ConfigError, match="time factor e\\^\\{\\+i omega t\\}|is below zero"):
        ImpedanceTable.of(K, z(K), plane=z.plane, time_factor="+")


def test_a_table_of_light_acts_ahead() -> None:
    k = np.linspace(0.0, 3e4, 600)
    z = CSR(1.5, 1.0)(k) * np.cos(0.5 * np.pi * k / k[-1]) ** 2
    assert ImpedanceTable.of(k, z, acts="ahead").acts == "ahead"
    with pytest.raises(ConfigError, match="or acts='ahead' if the wake does that"):
        ImpedanceTable.of(k, z)


def test_a_gap_is_told_with_what_is_missing() -> None:
    keep = np.r_[0:60, 75:201]
    with pytest.warns(ValidityWarning, match="about 15 are missing"):
        ImpedanceTable.of(K[keep], BROAD(K[keep]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ImpedanceTable.of(np.geomspace(1.0, 1e4, 60), BROAD(np.geomspace(1.0, 1e4, 60)))


@pytest.mark.parametrize(
    ("header", "more", "want"),
    [
        ("# frequency reel imaginary", "", "z.txt:1:1: .*must name the columns.*Did you mean 'real'"),
        ("1 2 3", "", "must name the columns"),
        ("frequency real imaginary", "1e12 3.0\n", "z.txt:204:1: .*a row must have 3 finite numbers, got '1e12 3.0'"),
        ("frequency real imaginary", "1e12 nan 0\n", "a row must have 3 finite numbers"),
        ("frequency real imaginary", "1e9 1 0\n", "rising"),
        ("frequency real imaginary", "1e12 -50 0\n", "is below zero: the charge would gain energy"),
    ],
)
def test_what_is_wrong_in_a_file(tmp_path: Path, header: str, more: str, want: str) -> None:
    with pytest.raises(ConfigError, match=want):
        ImpedanceTable(file=written(tmp_path / "z.txt", BROAD(K), header, more))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        ImpedanceTable(file=str(tmp_path / "none.txt"))
    with pytest.raises(ConfigError, match="give k .* or frequency .* got none of them"):
        ImpedanceTable()
