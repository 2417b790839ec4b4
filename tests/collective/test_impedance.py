"""Impedances against closed forms of other codes' conventions, direct sums of the wake, and each other."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri

from ssmb.beam import Beam, Reference
from ssmb.collective import (
    BunchImpedance,
    ImpedanceTable,
    Inductance,
    ResistiveWall,
    Resonator,
    TrainImpedance,
    TransverseResonator,
)
from ssmb.collective.impedances import CSR, CSRPlates
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.errors import ConfigError, ValidityWarning
from ssmb.tracking.stations import Place
from tests.support import assert_close, assert_reference, reference_values

REFERENCE = Reference(600e6)
HERE = Place(0, "m", 0.0)
BROAD = Resonator(5e3, 1.0, 30e9)


def gaussian(sigma: float, n: int, charge: float) -> Beam:
    """A bunch at the quantiles of a Gaussian, without noise."""
    rows = np.zeros((6, n))
    rows[4] = sigma * ndtri((np.arange(n) + 0.5) / n)
    return Beam(REFERENCE, rows, weight=charge / ELEMENTARY_CHARGE / n)


def gains(effect: Any, beam: Beam) -> np.ndarray:
    """Energy gain of each particle [eV], from its momentum."""
    after = beam.copy()
    effect.kick(after, effect.total(effect.sums(after, {})), {}, 0, HERE)
    p = 1.0 + np.stack([beam.delta, after.delta]).astype(np.longdouble)
    energy = np.sqrt(p * p + np.longdouble(REFERENCE.mass / REFERENCE.p0c) ** 2)
    return ((energy[1] - energy[0]) * REFERENCE.p0c).astype(float)


def at_sigmas(effect: Any, sigma: float, charge: float, n: int = 400_001) -> np.ndarray:
    beam = gaussian(sigma, n, charge)
    return np.interp(np.array([-1.0, 0.0, 1.0]) * sigma, beam.z, gains(effect, beam))


def wake(s: np.ndarray, broad: Resonator = BROAD) -> np.ndarray:
    """Wake of a resonator [V/C], half at s = 0 (Chao, eq. 2.82)."""
    w = 2.0 * np.pi * broad.frequency
    damping = 0.5 * w / broad.quality
    ringing = np.sqrt(w * w - damping * damping)
    t = np.maximum(s, 0.0) / SPEED_OF_LIGHT
    behind = np.exp(-damping * t) * (np.cos(ringing * t) - damping / ringing * np.sin(ringing * t))
    return 2.0 * damping * broad.shunt_impedance * behind * np.where(s > 0.0, 1.0, np.where(s == 0.0, 0.5, 0.0))


# ---- impedances


def test_impedances_of_closed_form() -> None:
    """Values of an independent derivation, each found there by the Fourier integral of the wake, too."""
    assert_close(BROAD(np.array([440.1274546098531]))[0], 3266.231169177442 - 2379.6827089721373j, rtol=1e-9, atol=0.0)
    assert BROAD(np.array([0.0]))[0] == 0.0
    wall = ResistiveWall(1.0, 0.01, 5.8e7)
    got = wall(np.array([0.0, 47805.315446973334]))
    assert_close(got, [0.0, 10.03377564766798 - 5.016904772957001j], rtol=1e-5, atol=0.0, what="at k = 1/s0")
    assert_close(wall(np.array([1000.0]))[0], 0.9069981901857466 * (1 - 1j), rtol=3e-3, atol=0.0, what="root law")
    assert_close(Inductance(2e-9)(np.array([50.0]))[0], -1j * 2e-9 * 50.0 * SPEED_OF_LIGHT, rtol=1e-15, atol=0.0)


def test_the_impedance_is_the_transform_of_the_wake() -> None:
    s = np.linspace(0.0, 0.2, 400_001)
    for k in (100.0, 600.0, 1500.0):
        values = wake(s)
        values[0] *= 2.0  # the limit from behind: the integral begins there
        integral = np.trapezoid(values * np.exp(1j * k * s), s) / SPEED_OF_LIGHT
        assert_close(integral, complex(BROAD(np.array([k]))[0]), rtol=1e-6, atol=0.0, what=f"k = {k}")


# ---- bunch


def test_a_gaussian_in_a_broad_band_resonator() -> None:
    """The wake integral over a Gaussian of 1 nC and 2 mm, and the loss factor; half a bin is the only difference."""
    effect = BunchImpedance(at="m", impedance=BROAD, window=(-0.012, 0.012), bins=2001)
    assert_reference("bbr_gauss_p", at_sigmas(effect, 0.002, 1e-9))
    beam = gaussian(0.002, 100_001, 1e-9)
    loss = effect.mean_loss(effect.total(effect.sums(beam, {})), REFERENCE, HERE)
    assert_close(loss / 1e-9, 65299900884606.7, rtol=2e-5, atol=0.0, what="loss factor [V/C]")


def test_a_gaussian_in_an_inductance() -> None:
    """dE = Q c^2 L lambda'(z): the head loses, the tail gains, nothing in all."""
    effect = BunchImpedance(at="m", impedance=Inductance(5e-9), window=(-0.02, 0.02), bins=1001)
    assert_reference("inductive_gauss_p", at_sigmas(effect, 0.003, 1e-9, 2_000_001))


def test_a_gaussian_in_bends() -> None:
    """Steady coherent radiation in free space, whose impedance falls slowly, and between plates."""
    given = reference_values()["csr_gauss_p"]["inputs"]
    sigma = given["sigma"]
    window = (-10.0 * sigma, 10.0 * sigma)
    free = BunchImpedance(at="m", impedance=CSR(given["rho"], 1.0), window=window, bins=1201)
    assert_reference("csr_gauss_p", at_sigmas(free, sigma, given["N"] * ELEMENTARY_CHARGE, 100_001))
    given = reference_values()["csr_pp_gauss_p"]["inputs"]
    sigma = given["sigma"]
    plates = CSRPlates(given["rho"], 1.0, given["gap"])
    between = BunchImpedance(at="m", impedance=plates, window=(-8.0 * sigma, 8.0 * sigma), bins=801)
    assert_reference("csr_pp_gauss_p", at_sigmas(between, sigma, given["charge"], 100_001))


def test_a_gaussian_in_a_table() -> None:
    """A table that is not symmetric about its middle: a flip of the exponent exchanges head and tail."""
    frequency = np.array([0.0, 5e9, 10e9, 20e9, 40e9, 80e9])
    z = np.array([0.0, 200.0, 900.0, 1500.0, 600.0, 0.0]) + 1j * np.array([0.0, -400.0, -700.0, 0.0, 500.0, 0.0])
    table = ImpedanceTable(frequency=frequency, real=z.real, imaginary=z.imag)
    effect = BunchImpedance(at="m", impedance=table, window=(-0.02, 0.02), bins=2001)
    assert_reference("table_gauss_p", at_sigmas(effect, 0.002, 1e-9))


def test_the_bunch_against_the_sum_over_all_pairs() -> None:
    """Three lumps of unequal charge, so that head and tail, source and test cannot be exchanged."""
    random = np.random.default_rng(3)
    lumps = [gaussian(5e-4, 1500, 1e-10).z + place for place in (-4e-3, 0.0, 5e-3)]
    weight = np.repeat([1.0, 4.0, 2.0], 1500) * 1e-10 / 1500 / ELEMENTARY_CHARGE
    rows = np.zeros((6, 4500))
    rows[4] = np.concatenate(lumps)
    order = random.permutation(4500)
    beam = Beam(REFERENCE, rows[:, order], weight=weight[order])
    effect = BunchImpedance(at="m", impedance=BROAD, window=(-8e-3, 9e-3), bins=1701)
    charge = beam.weight * ELEMENTARY_CHARGE
    brute = -np.array([charge @ wake(beam.z - z) for z in beam.z])
    assert_close(gains(effect, beam), brute, rtol=0.0, atol=1.5e-3 * np.abs(brute).max(), what="dE [eV]")


def test_charge_outside_of_the_window_is_warned_of() -> None:
    effect = BunchImpedance(at="m", impedance=BROAD, window=(-2e-3, 2e-3))
    beam = gaussian(1e-3, 1000, 1e-9)
    with pytest.warns(ValidityWarning, match="of the charge lies outside of the window -0.002 to 0.002 m at 'm'"):
        got = gains(effect, beam)
    assert (got[np.abs(beam.z) > 2e-3] == 0.0).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gains(BunchImpedance(at="m", impedance=BROAD, window=(-5e-3, 5e-3)), beam)


# ---- train


def test_a_train_loses_what_its_harmonics_say() -> None:
    """Gaussian micro-bunches: b_n = exp(-(k_n sigma)^2/2), mean loss 2 I sum b_n^2 Re Z_n; the reactive part moves no
    energy.
    """
    sigma, wavelength, current = 90e-9, 1064e-9, 0.7
    k = 2.0 * np.pi * np.arange(1, 4) / wavelength
    z = np.array([4e3 + 3e3j, 5e3 + 2e3j, 6e3 - 1e3j])
    effect = TrainImpedance(
        at="m",
        impedance=ImpedanceTable.of(k, z, acts="both"),
        wavelength=wavelength,
        current=current,
        harmonics=(1, 2, 3),
    )
    beam = gaussian(sigma, 100_000, 1e-12)
    b = np.exp(-0.5 * (k * sigma) ** 2)
    assert_close(effect.bunching(effect.total(effect.sums(beam, {}))), b, rtol=0.0, atol=2e-5, what="b_n")
    got = gains(effect, beam)
    want = 2.0 * current * float(np.sum(b**2 * z.real))
    assert_close(-got.mean(), want, rtol=2e-4, atol=0.0, what="mean loss [eV]")
    wave = np.exp(1j * np.outer(beam.z, k))
    assert_close(got, -2.0 * current * (wave @ (z * b)).real, rtol=0.0, atol=2e-4 * want, what="dE [eV]")


def test_the_train_against_the_wakes_of_all_buckets_before() -> None:
    """A resonator at the period of the train: the sum of its wake over 400 buckets is the sum over 30 harmonics."""
    wavelength, n, current = 1e-2, 600, 0.3
    beam = gaussian(1.2e-3, n, 1e-12)
    effect = TrainImpedance(
        at="m", impedance=BROAD, wavelength=wavelength, current=current, harmonics=tuple(range(1, 31))
    )
    charge = current * wavelength / SPEED_OF_LIGHT / n
    s = (beam.z[None, :] - beam.z[:, None])[None] + wavelength * np.arange(-1, 60)[:, None, None]
    brute = -charge * wake(s).sum(axis=(0, 2))
    assert_close(gains(effect, beam), brute, rtol=0.0, atol=2e-3 * np.abs(brute).max(), what="dE [eV]")


def test_lost_charge_lowers_the_current() -> None:
    rows = np.zeros((6, 4))
    half = Beam(REFERENCE, rows, state=[0, 0, 1, 1], lost_turn=[-1, -1, 0, 0], lost_element=[-1, -1, 0, 0])
    flat = ImpedanceTable.of((0.0, 1e8), (1e3, 1e3))
    effect = TrainImpedance(at="m", impedance=flat, wavelength=1e-6, current=2.0)
    assert_close(gains(effect, Beam(REFERENCE, rows)), -4e3, rtol=1e-9, atol=0.0)
    assert_close(gains(effect, half), [-2e3, -2e3, 0.0, 0.0], rtol=1e-9, atol=0.0)


def test_a_table_that_ends_below_the_bunch_is_told() -> None:
    """A resonator as a table: up to twice its wave number a short bunch feels more; ten times that is enough."""
    mode = Resonator(5e3, 1.0, 30e9)

    def table(last: float) -> ImpedanceTable:
        k = np.linspace(0.0, last, 2001)
        return ImpedanceTable.of(k, mode(k), acts="both")

    kr = 2.0 * np.pi * 30e9 / SPEED_OF_LIGHT
    beam = gaussian(3e-4, 2001, 1e-9)
    window = (-3e-3, 3e-3)
    short = BunchImpedance(at="m", impedance=table(2.0 * kr), window=window, bins=401)
    with pytest.warns(ValidityWarning) as told:
        gains(short, beam)
    assert any("known up to k = 1.26e+03/m" in str(one.message) and "give it up to" in str(one.message) for one in told)
    long_enough = BunchImpedance(at="m", impedance=table(4.0 / 3e-4), window=window, bins=401)
    with warnings.catch_warnings(record=True) as quiet:
        warnings.simplefilter("always")
        gains(long_enough, beam)
    assert not any("known up to" in str(one.message) for one in quiet)
    train = TrainImpedance(
        at="m", impedance=ImpedanceTable.of((0.0, 1e7), (1e3, 1e3)), wavelength=1e-6, current=2.0, harmonics=(1, 2)
    )
    with pytest.warns(ValidityWarning, match=r"harmonics 2 lie outside of the impedance, .* 0 to 1e\+07/m"):
        gains(train, Beam(REFERENCE, np.zeros((6, 4))))


# ---- arguments


@pytest.mark.parametrize(
    ("make", "want"),
    [
        (lambda: Resonator(-1.0, 1.0, 1e9), "shunt_impedance"),
        (lambda: Resonator(1.0, 0.2, 1e9), "quality"),
        (lambda: ResistiveWall(1.0, 0.0, 1e7), "radius"),
        (lambda: ImpedanceTable(k=(1.0, 0.5), real=(1.0, 2.0), imaginary=(0.0, 0.0)), "rising"),
        (lambda: ImpedanceTable(k=(1.0,), real=("x",), imaginary=(0.0,)), r"real\[0\] must be"),  # type: ignore[arg-type]
        (lambda: ImpedanceTable(k=(1.0,), real=(float("nan"),), imaginary=(0.0,)), "must be a finite number"),
        (lambda: BunchImpedance(at="m", impedance=5, window=(-1, 1)), "impedance must be a function"),  # type: ignore[arg-type]
        (lambda: TrainImpedance(at="m", impedance=lambda k: 1.0, wavelength=1e-6, current=1.0), "one finite number"),
        (lambda: BunchImpedance(at="m", impedance=lambda k: 1.0 / k, window=(-1, 1)), "one finite number"),
        (lambda: BunchImpedance(at="m", impedance=lambda k: k[-1:].bad, window=(-1, 1)), "it gave AttributeError"),
        (
            lambda: TrainImpedance(at="m", impedance=Resonator(1e308, 1.0, 1e9), wavelength=1e-6, current=1.0),
            "one finite",
        ),
        (lambda: BunchImpedance(at="m", impedance=TransverseResonator(1.0, 1.0, 1e9), window=(-1, 1)), "longitudinal"),
        (lambda: BunchImpedance(at="m", impedance=BROAD, window=(1.0, -1.0)), "window must be"),
        (lambda: BunchImpedance(at="m", impedance=BROAD, window=(-1.0, 1.0), bins=2), "bins"),
        (lambda: TrainImpedance(at="m", impedance=BROAD, wavelength=0.0, current=1.0), "wavelength"),
        (
            lambda: TrainImpedance(at="m", impedance=BROAD, wavelength=1e-6, current=1.0, harmonics=(0,)),
            r"harmonics\[0\] must be a whole number",
        ),
        (lambda: TrainImpedance(at="m", impedance=BROAD, wavelength=1e-6, current=1.0, harmonics=(1, 1)), "each once"),
    ],
)
def test_arguments(make: Any, want: str) -> None:
    with pytest.raises(ConfigError, match=want):
        make()
