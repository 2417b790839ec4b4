"""Light of few periods: exact field, closed forms and where they end, against Lienard and Wiechert by brute force."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from ssmb.beam import Reference
from ssmb.constants import VACUUM_IMPEDANCE
from ssmb.errors import ValidityWarning
from ssmb.light import Undulator, coherent_power, signal_against_charge
from ssmb.light.coherent import coherent_energy, even_amplitudes, even_form_factors, form_factor
from ssmb.light.coherent import power_per_square_ampere as ohms
from ssmb.light.exact import LARGEST_ERROR, HarmonicCone, closed_form_error
from ssmb.light.incoherent import energy_in_band, spectral_energy
from tests.light.lienard_wiechert import CHARGE, LIGHT, Source
from tests.support import assert_close

REF, PERIOD = Reference(energy=1e9), 0.05
MLS = Reference(energy=250e6)
U125 = Undulator.resonant(MLS, 1064e-9, 0.125, 32)
#: rms sizes of the MLS beam at U125 [m], half angle of the light port [rad]
SIZES, PORT = (math.sqrt(33.05e-9 * 9.321), math.sqrt(0.3305e-9 * 2.206)), 2e-3


def _size(und: Undulator, harmonic: int, s: float) -> float:
    return math.sqrt(s * und.length * und.wavelength(harmonic) / (2.0 * math.pi))


def _angle(und: Undulator, harmonic: int, x: float) -> float:
    return math.sqrt(2.0 * x * und.wavelength(harmonic) / (math.pi * und.length))


@pytest.mark.parametrize("harmonic", range(1, 8))
@pytest.mark.parametrize("n_periods", [5, 12, 32, 100, 300])
def test_power_and_spectrum_of_any_number_of_periods(harmonic: int, n_periods: int) -> None:
    """Harmonics 1 to 7, 5 to 300 periods, K 0.7 to 4: within 0.3 % of brute force where the exact field is taken, and
    within the stated 2 % where the closed form is."""
    cases = ((0.7, (0.7, 0.7)), (1.5, (0.9, 0.3)), (4.0, (0.3, 0.3)))
    for k, s in cases[: 2 + (n_periods < 100)]:
        und, brute = Undulator(REF, PERIOD, n_periods, k), Source(REF.gamma, PERIOD, n_periods, k)
        wavelength, cone = brute.resonance(harmonic), brute.cone(harmonic)
        sigma = (_size(und, harmonic, s[0]), _size(und, harmonic, s[1]))
        want = brute.ohms(wavelength, min(cone, _angle(und, harmonic, 3.0 / min(s))), sigma, (20, 20))
        of_field = closed_form_error(und, harmonic, 0.25 / min(s), max(s)) > LARGEST_ERROR
        rtol = 3e-3 if of_field else LARGEST_ERROR
        assert_close(ohms(und, harmonic, sigma), want, rtol=rtol, atol=0.0, what=f"coherent, K={k}")
        angle = _angle(und, harmonic, 3.0)
        want = brute.through(wavelength, min(cone, angle), nodes=(20, 20))
        of_field = closed_form_error(und, harmonic, 3.0) > LARGEST_ERROR
        rtol = 3e-3 if of_field else LARGEST_ERROR
        got = spectral_energy(und, harmonic, 0.0, angle)
        assert_close(got, want, rtol=rtol, atol=0.0, what=f"incoherent, K={k}")


def _closed(und: Undulator, n: int, s: float) -> float:
    if n % 2:
        return math.pi * VACUUM_IMPEDANCE * und.n_periods * und.coupling(n) * form_factor(s)
    weights, amplitudes = even_form_factors(s), even_amplitudes(und.k, n)
    return VACUUM_IMPEDANCE / (4.0 * math.pi) * sum(a * a * g for a, g in zip(amplitudes, weights, strict=True))


@pytest.mark.parametrize("harmonic", [1, 2, 3, 4, 5, 7])
def test_the_error_of_a_closed_form_is_bounded_by_what_is_said_of_it(harmonic: int) -> None:
    """True error below the stated one, K 0.4 to 6 and 20 to 400 periods; and not far below it."""
    used = []
    for k in (0.4, 1.0, 2.5, 6.0):
        for n_periods in (20, 80, 400):
            und = Undulator(REF, PERIOD, n_periods, k)
            for s in (0.05, 0.5, 3.0):
                size = _size(und, harmonic, s)
                exact = float(HarmonicCone(und, harmonic, (size, size)).ohms(np.zeros(1))[0])
                used.append(
                    abs(_closed(und, harmonic, s) / exact - 1.0) / closed_form_error(und, harmonic, 0.25 / s, s)
                )
    assert 0.5 < max(used) < 1.0


def test_532_nm_of_the_metrology_light_source_by_brute_force() -> None:
    """Coherent and incoherent energy of README's run at 532 nm; the closed forms were 14 % low and 31 % high."""
    brute = Source(MLS.gamma, 0.125, 32, U125.k)
    bunch = {"sigma_z": 40.3e-6, "bunching": 0.2, "harmonic": 2, "sigma_perp": SIZES, "acceptance": PORT}
    seen = signal_against_charge(U125, [5e-12], bandwidth=2.82e-3, **bunch)
    # mean of 3 frequencies in the filter, with the line of the bunch
    x, w = np.polynomial.legendre.leggauss(3)
    offset = 1.41e-3 * x
    line = np.exp(-((2.0 * math.pi / 532e-9 * 40.3e-6 * offset) ** 2))
    power = [brute.ohms(532e-9 / (1.0 + o), PORT, SIZES, (40, 64)) for o in offset]
    mean = float(1.41e-3 * w @ (line * power)) * 2.0 * math.pi / 532e-9 * 40.3e-6 / math.sqrt(math.pi)
    want = mean * (0.2 * 5e-12) ** 2 * LIGHT / (2.0 * math.sqrt(math.pi) * 40.3e-6)
    assert_close(float(seen.coherent_energy[0]), want, rtol=2e-3, atol=0.0, what="coherent energy [J]")
    spectrum = [brute.through(532e-9 / (1.0 + o), PORT, nodes=(40, 24)) for o in offset]
    want = 2.0 * math.pi * LIGHT / 532e-9 * 1.41e-3 * float(w @ spectrum) * 5e-12 / CHARGE
    assert_close(float(seen.incoherent_energy[0]), want, rtol=2e-3, atol=0.0, what="incoherent energy [J]")


def test_flat_beams_apertures_and_detuning_in_the_exact_field() -> None:
    und, brute = Undulator(REF, PERIOD, 10, 2.0), Source(REF.gamma, PERIOD, 10, 2.0)
    flat = (_size(und, 3, 20.0), _size(und, 3, 0.2))
    want = brute.ohms(brute.resonance(3), brute.cone(3), flat, (32, 320))
    assert_close(ohms(und, 3, flat), want, rtol=2e-3, atol=0.0, what="flat beam")
    port = _angle(und, 3, 2.0)
    for lag in (-2.0, 2.5):
        wavelength = brute.resonance(3) / (1.0 - lag / (2.0 * math.pi * 3 * 10))
        want = brute.ohms(wavelength, port, (flat[1], flat[1]), (32, 24))
        got = ohms(und, 3, flat[1], detuning=lag, acceptance=port)
        assert_close(got, want, rtol=2e-3, atol=0.0, what=f"detuned by {lag} rad")
    scan = max(ohms(und, 3, flat[1], detuning=float(lag)) for lag in np.linspace(0.0, 12.0, 61))
    assert_close(ohms(und, 3, flat[1], detuning="best"), scan, rtol=2e-3, atol=0.0, what="best detuning")


def test_bands_and_bunches_sum_the_exact_spectrum() -> None:
    und = Undulator(REF, PERIOD, 16, 1.5)
    cone, sigma = HarmonicCone(und, 2, acceptance=3e-4), _size(und, 2, 0.5)
    offset = np.linspace(-0.02, 0.02, 201)
    omega = 2.0 * math.pi * LIGHT / und.wavelength(2)
    want = omega * np.trapezoid(cone.spectrum(offset), offset)
    assert_close(energy_in_band(und, 0.04, 2, 3e-4), want, rtol=1e-4, atol=0.0, what="band")
    length = 3.0 * und.slippage
    wide = HarmonicCone(und, 2, (sigma, sigma))
    k = 2.0 * math.pi / und.wavelength(2)
    line = np.exp(-((k * length * offset) ** 2))
    mean = np.trapezoid(line * wide.ohms(offset), offset) * k * length / math.sqrt(math.pi)
    want = mean * (0.1 * 1e-12) ** 2 * LIGHT / (2.0 * math.sqrt(math.pi) * length)
    got = coherent_energy(und, charge=1e-12, sigma_z=length, bunching=0.1, harmonic=2, sigma_perp=sigma)
    assert_close(got, want, rtol=1e-4, atol=0.0, what="bunch [J]")


def test_exact_field_and_closed_form_meet_where_one_takes_over() -> None:
    """Power over N of neighbouring numbers of periods moves by less than the stated error at the change."""
    for harmonic in (1, 2, 3):
        sigma = lambda und, n=harmonic: _size(und, n, 0.4)  # noqa: E731
        steps = [Undulator(REF, PERIOD, n, 1.5) for n in range(20, 900, 4 + 12 * harmonic)]
        of_field = [closed_form_error(u, harmonic, 0.625, 0.4) > LARGEST_ERROR for u in steps]
        at = of_field.index(False)
        assert at > 0 and not any(of_field[at:])
        before, after = (
            ohms(u, harmonic, sigma(u)) / (u.n_periods if harmonic % 2 else 1) for u in steps[at - 1 : at + 1]
        )
        assert_close(after, before, rtol=LARGEST_ERROR, atol=0.0, what=f"harmonic {harmonic}")


def test_what_keeps_the_closed_form_says_how_far_off_it_may_be() -> None:
    few = Undulator(REF, PERIOD, 8, 1.5)
    with pytest.warns(ValidityWarning, match=r"8 periods: .* up to \d+% off"):
        coherent_power(few, current=1.0, bunching=0.1)
    with pytest.warns(ValidityWarning, match="8 periods"):
        spectral_energy(few)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        coherent_power(few, current=1.0, bunching=0.1, sigma_perp=_size(few, 1, 0.5))
        coherent_power(few, current=1.0, bunching=0.1, acceptance=1e-3)


def test_all_light_of_a_line_at_sixty_periods() -> None:
    """EUV undulator, cone to k L theta^2/4 = 14 pi: 0.960 of the closed form for all angles; end poles and 1/N."""
    und = Undulator(Reference(energy=400e6), 0.01, 60, 1.1440386600749046)
    edge = math.sqrt(28.0 * 13.5e-9 / und.length)
    want = Source(und.reference.gamma, 0.01, 60, und.k).through(und.wavelength(), edge, nodes=(96, 12))
    assert_close(spectral_energy(und, 1, 0.0, edge), want, rtol=1e-3, atol=0.0)
    assert_close(want / spectral_energy(und), 0.960, rtol=1e-3, atol=0.0)
