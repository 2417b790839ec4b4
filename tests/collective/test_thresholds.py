"""Rules of thumb for thresholds: reference values, the dispersion relation behind them, and what is warned of."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from ssmb.collective import (
    CSR,
    StoredBeam,
    boussard_current,
    coasting_growth,
    csr_bunch_threshold,
    keil_schnell_current,
    stupakov_heifets_wavelength,
)
from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.errors import ConfigError, ValidityWarning
from tests.collective.stored import reference_inputs, stored
from tests.support import assert_close, assert_reference, reference_values

COASTING = stored(reference_inputs("coasting_threshold_p"))


def test_boussard() -> None:
    """|Z/n| is that of any harmonic, and of any ring."""
    inputs = reference_inputs("boussard_threshold")
    for circumference, wavelength in ((100.0, 1e-4), (47.0, 3e-6)):
        beam = StoredBeam(
            energy=inputs["E_eV"],
            circumference=circumference,
            slip_factor=inputs["eta"],
            sigma_delta=inputs["sigma_delta"],
        )

        def broad(k: np.ndarray, turn: float = circumference) -> np.ndarray:
            return -1j * inputs["Z_n"] * k * turn / (2.0 * math.pi)

        assert_reference("boussard_threshold", boussard_current(beam, broad, wavelength)[0])


def test_keil_and_schnell_against_the_dispersion_relation() -> None:
    inputs = reference_inputs("coasting_threshold_p")
    size = abs(complex(*inputs["Z_per_turn"]))
    phases = np.exp(0.5j * np.pi * np.linspace(-0.5, 1.0, 7))
    for phase in phases:
        rule = keil_schnell_current(COASTING, lambda k, p=phase: np.full(k.shape, size * p), inputs["wavelength"])[0]
        assert_close(rule, 2.71434, rtol=2e-6, atol=0.0)
        exact = coasting_growth(COASTING, lambda k, p=phase: np.full(k.shape, size * p), 1.0, inputs["wavelength"])
        assert exact.threshold[0] >= rule * (1.0 - 1e-9)
    assert np.isinf(keil_schnell_current(COASTING, lambda k: 0.0 * k, 1e-6)[0])


def test_stupakov_and_heifets_against_the_dispersion_relation() -> None:
    """The shortest unstable wave of the free-space impedance of a full turn of bends."""
    rho, current = 1.5, 1.0
    beam = dataclasses.replace(COASTING, slip_factor=1e-4)
    wave = stupakov_heifets_wavelength(beam, current, rho)

    lengths = wave * np.geomspace(0.5, 2.0, 201)
    grows = coasting_growth(beam, CSR(rho, 2.0 * math.pi * rho), current, lengths).growth > 0.0
    assert not grows[0]
    assert grows[-1]
    assert_close(lengths[np.argmax(grows)], wave, rtol=0.06, atol=0.0, what="wavelength at threshold [m]")
    assert_close(wave / stupakov_heifets_wavelength(beam, 2.0, rho), 2.0**1.5, rtol=1e-12, atol=0.0)
    assert stupakov_heifets_wavelength(beam, current, rho, gap=1.0) == wave
    assert math.isinf(stupakov_heifets_wavelength(beam, current, rho, gap=1e-4))
    assert math.isinf(stupakov_heifets_wavelength(beam, 0.0, rho))


@pytest.mark.filterwarnings("ignore:csr_bunch_threshold")
def test_bane_cai_and_stupakov() -> None:
    inputs = reference_inputs("csr_bunched_threshold_p")
    beam = stored(inputs)
    got = csr_bunch_threshold(beam, inputs["rho"], gap=inputs["gap"])
    assert_reference("csr_bunched_threshold_p", got)
    other = reference_values()["csr_bunched_threshold_p"]["second_way"]["full_gap_form_0_34"]
    assert_close(got, other, rtol=1e-3, atol=0.0, what="written with the full gap")
    inputs = reference_inputs("csr_bcs_threshold_N")
    slip = 2.0 * math.pi * inputs["nu_s"] * inputs["sigma_z"] / inputs["sigma_delta"]
    beam = StoredBeam(
        energy=inputs["E_eV"],
        circumference=48.0,
        slip_factor=slip / 48.0,
        sigma_delta=inputs["sigma_delta"],
        tune=inputs["nu_s"],
    )
    assert_reference("csr_bcs_threshold_N", csr_bunch_threshold(beam, inputs["rho"]) / ELEMENTARY_CHARGE)


def test_what_is_warned_of() -> None:
    inputs = reference_inputs("csr_bunched_threshold_p")
    beam = stored(inputs)
    with pytest.warns(ValidityWarning, match="at a shielding of 0.68"):
        csr_bunch_threshold(beam, inputs["rho"], gap=inputs["gap"])
    with pytest.warns(ValidityWarning, match=r"at a shielding of 3 \(above 2.5\) thresholds on a grid are 15 to 20 %"):
        csr_bunch_threshold(beam, inputs["rho"], gap=inputs["gap"] * (0.6772 / 3.0) ** (2.0 / 3.0))
    with pytest.warns(ValidityWarning, match="is not weak against the synchrotron motion"):
        csr_bunch_threshold(dataclasses.replace(beam, damping=2e-3), inputs["rho"])
    with pytest.warns(ValidityWarning, match="no wave within a bunch"):
        boussard_current(beam, lambda k: 1.0 + 0.0 * k, [1e-4, 1e-2])
    cold = dataclasses.replace(COASTING, sigma_delta=1e-6)
    with pytest.warns(ValidityWarning, match="not far above the critical wavelength"):
        stupakov_heifets_wavelength(cold, 1.0, 1.5)
    with pytest.raises(ConfigError, match="wavelengths must be above 0 m"):
        keil_schnell_current(beam, lambda k: k, [])
