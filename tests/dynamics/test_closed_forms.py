"""Closed forms against the reference values, and against brute force."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from ssmb.beam import Reference
from ssmb.constants import C_Q
from ssmb.dynamics import (
    bunch_length_with_slip,
    damping_per_turn,
    isomagnetic_energy_loss,
    isomagnetic_sigma_delta,
    minimum_bunch_length,
    minimum_horizontal_emittance,
    minimum_longitudinal_emittance,
    minimum_partial_slip,
    minimum_vertical_emittance,
    radiation_integrals,
    wiggler_energy_loss,
    wiggler_sigma_delta,
)
from ssmb.elements import Bend, Drift, Quadrupole
from ssmb.elements.wiggler import Wiggler
from ssmb.lattice import Lattice
from tests.support import assert_close, assert_reference, reference_values

R400 = Reference(400e6)
THETA = 0.3141592653589793


def test_reference_values() -> None:
    assert_reference("sigma_delta_400_rho1", isomagnetic_sigma_delta(R400, 1.0))
    assert_reference("U0_400_rho1", isomagnetic_energy_loss(R400, 1.0))
    assert_reference("damp_turn_400", damping_per_turn(R400, isomagnetic_energy_loss(R400, 1.0), 2.0))
    assert_reference("min_emit_z", minimum_longitudinal_emittance(R400, THETA))
    assert_reference("min_partial_slip", minimum_partial_slip(1.0, THETA))
    assert_reference("min_partial_slip_exact", minimum_partial_slip(1.0, THETA))
    assert_reference("min_sigma_z", minimum_bunch_length(R400, 1.0, THETA))
    assert_reference("tme_emit_x", minimum_horizontal_emittance(R400, THETA))
    assert_reference("min_emit_y_cone", minimum_vertical_emittance(3.0, 1.0))
    r600 = Reference(600e6)
    assert_reference("wiggler_loss", wiggler_energy_loss(r600, 1.2, 10.0))
    assert_reference("wiggler_sigma_delta", wiggler_sigma_delta(r600, 1.2))
    given = reference_values()["sigma_z_total_weak"]["inputs"]
    assert_reference(
        "sigma_z_total_weak", bunch_length_with_slip(given["sigma_delta0"], given["beta_z"], given["F_rms"])
    )


def _slip(x, theta):
    """Running slip in a bend of radius 1 that is entered with dispersion x[0], x[1] and slip x[2]."""
    s, w = np.polynomial.legendre.leggauss(20)
    s, w = 0.5 * theta * (1.0 + s), 0.5 * w
    # dispersion D = x0 cos s + x1 sin s + 1 - cos s; slip is minus its integral
    return -(x[0] * np.sin(s) + x[1] * (1.0 - np.cos(s)) + s - np.sin(s)) + x[2], w


def test_smallest_longitudinal_emittance_of_one_bend() -> None:
    """min over dispersion and beta_z, alpha_z of <beta_z> with beta_z = b0 - 2 a0 F + (1 + a0^2)/b0 F^2."""
    theta = 0.05

    def mean_beta(x):
        f, w = _slip(x[:3] * np.array([theta**2, theta, theta**3]), theta)
        b = np.exp(x[3]) * theta**3
        return float(w @ (b + f * f / b)) / theta**3  # the shift x[2] stands for alpha

    found = minimize(mean_beta, (0.2, -0.5, 0.0, -5.0), method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-15,
                     "maxiter": 20000, "maxfev": 20000})  # fmt: skip
    emittance = C_Q * R400.gamma**2 / 2.0 * found.fun * theta**3
    want = minimum_longitudinal_emittance(R400, theta)
    assert_close(emittance, want, rtol=1e-3, atol=0.0, what="60 sqrt 7")


def test_wiggler_integrals_are_those_of_its_sinusoidal_field() -> None:
    r600 = Reference(600e6)
    wiggler = Wiggler(name="w", length=10.0, period_length=0.1, B_peak=1.2)
    cell = [
        Quadrupole(name="qf", length=0.3, Kn1=0.4),
        wiggler,
        Quadrupole(name="qd", length=0.3, Kn1=-0.3),
        Drift(name="d", length=5.0),
    ]
    bend = Bend(name="b", length=1e-3, angle=1e-7)  # a ring must bend somewhere to have a dispersion
    found = radiation_integrals(Lattice.from_elements([*cell, bend], r600, periodic=True))
    assert_close(found.energy_loss, wiggler_energy_loss(r600, 1.2, 10.0), rtol=2e-4, atol=0.0, what="energy loss")
    assert_close(found.sigma_delta, wiggler_sigma_delta(r600, 1.2), rtol=2e-4, atol=0.0, what="energy spread")
