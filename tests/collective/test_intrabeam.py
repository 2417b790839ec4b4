"""Intrabeam scattering: reference values, the integral of Bjorken and Mtingwa, invariants, and limits."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate

from ssmb.beam import Reference
from ssmb.collective import IntrabeamHeating, coulomb_logarithm, intrabeam_diffusion, intrabeam_rates
from ssmb.constants import CLASSICAL_ELECTRON_RADIUS, ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.dynamics import equilibrium
from ssmb.dynamics.damped_turn import damped_turn
from ssmb.elements import Bend, Drift, Quadrupole, RFCavity
from ssmb.errors import ConfigError, PhysicsError
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from tests.support import assert_close

_FILE = Path(__file__).parents[1] / "reference" / "values.json"
_VALUES = {v["id"]: v for v in json.loads(_FILE.read_text())}
REF = Reference(400e6)
POINT = {"electrons": 22000, "emit": (2e-9, 0.2e-9), "sigma_z": 50e-9, "sigma_delta": 3.4e-4, "beta": (5.0, 5.0)}


def _rates(case):
    i = case["inputs"]
    return intrabeam_rates(
        Reference(i["g"] * 510998.95069),
        electrons=i["N"],
        emit=(i["ex"], i["ey"]),
        sigma_z=i["ss"],
        sigma_delta=i["sp_"],
        beta=(i["bx"], i["by_"]),
        alpha=(i["ax"], i["ay"]),
        dispersion=(i["Dx"], i["Dy"]),
        dispersion_slope=(i["Dpx"], i["Dpy"]),
        coulomb_log=i["clog"],
    )


@pytest.mark.parametrize(
    ("name", "which"),
    [
        ("ibs_bm_Tp_nodisp", "delta"),
        ("ibs_bm_Tx_nodisp", "x"),
        ("ibs_bm_Ty_nodisp", "y"),
        ("ibs_bm_Tp_disp", "delta"),
        ("ibs_bm_Tx_disp", "x"),
    ],
)
def test_reference_values(name, which):
    case = _VALUES[name]
    assert_close(getattr(_rates(case), which), case["value"], rtol=1e-4, atol=0.0, what=name)


def test_against_the_integral_of_bjorken_and_mtingwa():
    """Their matrices L_p, L_x, L_y with dispersion in both planes, and the integral over lambda by quadrature."""
    n, gamma, e, sz, sp = 5e4, REF.gamma, (3e-9, 0.5e-9), 80e-9, 5e-4
    beta, alpha, disp, slope = (4.0, 7.0), (-0.6, 0.9), (0.12, -0.05), (0.03, 0.02)
    h = [(disp[i] ** 2 + (beta[i] * slope[i] + alpha[i] * disp[i]) ** 2) / beta[i] for i in (0, 1)]
    phi = [slope[i] + alpha[i] * disp[i] / beta[i] for i in (0, 1)]
    lp = np.diag([0.0, gamma**2 / sp**2, 0.0])
    lx = (
        beta[0] / e[0] * np.array([[1, -gamma * phi[0], 0], [-gamma * phi[0], gamma**2 * h[0] / beta[0], 0], [0, 0, 0]])
    )
    ly = (
        beta[1] / e[1] * np.array([[0, 0, 0], [0, gamma**2 * h[1] / beta[1], -gamma * phi[1]], [0, -gamma * phi[1], 1]])
    )
    total = lp + lx + ly
    a = CLASSICAL_ELECTRON_RADIUS**2 * SPEED_OF_LIGHT * n
    a /= 64 * math.pi**2 * REF.beta**3 * gamma**4 * e[0] * e[1] * sz * sp

    def rate(part):
        def integrand(u):  # lambda = exp(u)
            lam = math.exp(u)
            inverse = np.linalg.inv(total + lam * np.eye(3))
            weight = lam**1.5 / math.sqrt(np.linalg.det(total + lam * np.eye(3)))
            return weight * (np.trace(part) * np.trace(inverse) - 3.0 * np.trace(part @ inverse))

        return 4 * math.pi * a * 11.0 * integrate.quad(integrand, -10.0, 50.0, limit=400, epsabs=0.0, epsrel=1e-9)[0]

    got = intrabeam_rates(
        REF, electrons=n, emit=e, sigma_z=sz, sigma_delta=sp, beta=beta, alpha=alpha, dispersion=disp,
        dispersion_slope=slope, coulomb_log=11.0,
    )  # fmt: skip
    for value, part, what in ((got.delta, lp, "1/T_p"), (got.x, lx, "1/T_x"), (got.y, ly, "1/T_y")):
        assert_close(value, rate(part), rtol=1e-6, atol=0.0, what=what)


def test_energy_of_the_motion_in_the_rest_frame_is_conserved():
    rng = np.random.default_rng(3)
    for _ in range(20):
        root = rng.standard_normal((6, 6)) * np.array([1e-4, 2e-5, 3e-5, 6e-6, 1e-7, 4e-4])[:, None]
        rate = intrabeam_diffusion(REF, root @ root.T, electrons=1e4)
        motion = rate[1, 1] + rate[3, 3] + rate[5, 5] / REF.gamma**2
        assert_close(motion, 0.0, rtol=0.0, atol=1e-12 * max(rate[1, 1], rate[5, 5] / REF.gamma**2, 1e-30) * 100)


def test_coasting_beam_of_the_average_density():
    sigma = np.diag([1e-8, 4e-10, 1e-9, 4e-11, (50e-9) ** 2, 1.156e-7])
    line = 22000 / (2.0 * math.sqrt(math.pi) * 50e-9)
    current = line * ELEMENTARY_CHARGE * REF.beta * SPEED_OF_LIGHT
    got = intrabeam_diffusion(REF, sigma, current=current)
    assert_close(got, intrabeam_diffusion(REF, sigma, electrons=22000), rtol=1e-12, atol=0.0, what="d Sigma/dt")


def test_isotropic_beam_does_not_change():
    sigma = np.diag([1e-8, 1e-10, 1e-9, 1e-10, 2.5e-15, 1e-10 * REF.gamma**2])
    rate = intrabeam_diffusion(REF, sigma, electrons=1e5)
    assert_close(rate, 0.0, rtol=0.0, atol=1e-12 * sigma[5, 5], what="d Sigma/dt")


def test_logarithm_and_bad_input():
    sigma = np.diag([1e-8, 4e-10, 1e-9, 4e-11, 2.5e-15, 1.156e-7])
    full = coulomb_logarithm(REF, sigma, electrons=22000)
    cut = coulomb_logarithm(REF, sigma, electrons=22000, damping_time=0.06)
    assert 8.0 < cut < full < 25.0
    assert coulomb_logarithm(REF, sigma, electrons=22000, damping_time=0.6) == pytest.approx(cut + 0.5 * math.log(10))
    with pytest.raises(ConfigError, match="either electrons"):
        intrabeam_diffusion(REF, sigma)
    with pytest.raises(ConfigError, match="either electrons"):
        intrabeam_diffusion(REF, sigma, electrons=1.0, current=1.0)
    with pytest.raises(PhysicsError, match="extent in all"):
        intrabeam_diffusion(REF, np.diag([1e-8, 0.0, 1e-9, 4e-11, 2.5e-15, 1e-7]), electrons=1.0)
    with pytest.raises(ConfigError, match=r"\(6, 6\)"):
        intrabeam_diffusion(REF, np.eye(4), electrons=1.0)


def _ring():
    """Four combined-function bends, with cavity: fast damping, a bunch of millimetres."""
    half = Bend(name="b", length=2.0, angle=math.pi / 2, Kn1=-0.3)
    cavity = RFCavity(name="rf", voltage=1e5, harmon=4, zero_phase="ABOVE_TRANSITION")
    tilt = Quadrupole(name="q", length=0.1, Ks1=0.05)
    return Lattice.from_elements([half] * 4 + [tilt, cavity], Reference(2e8), periodic=True)


def test_equilibrium_with_scattering_balances_damping():
    """Growth by scattering and by quanta together equal damping, in each mode, at the beam that is found."""
    ring = _ring()
    quiet = equilibrium(ring)
    heating = IntrabeamHeating.of(ring, electrons=1e9)
    found = equilibrium(ring, heating=heating)
    assert (found.emittances > 1.2 * quiet.emittances).any()
    here, m = found.sigma[0], found.m66
    turn = damped_turn(compile_elements(ring.elements, ring.reference, "envelope"))
    after = m @ (here + turn.noise[-1]) @ m.T
    for i, one in enumerate(heating(found.sigma[:-1])):
        onward = m @ np.linalg.inv(turn.along[i])
        after += onward @ one @ onward.T
    # a turn changes nothing, while damping alone takes 2.2e-6 of the beam
    sizes = np.sqrt(np.diag(here))
    assert_close((after - here) / np.outer(sizes, sizes), 0.0, rtol=0.0, atol=1e-9, what="change in a turn")
    assert np.abs((m @ here @ m.T - here) / np.outer(sizes, sizes)).max() > 2e-6


def test_without_electrons_nothing_changes():
    ring = _ring()
    quiet, found = equilibrium(ring), equilibrium(ring, heating=IntrabeamHeating.of(ring, electrons=1e-3))
    assert_close(found.emittances, quiet.emittances, rtol=1e-4, atol=0.0, what="emittances")


def test_a_train_scatters_as_bunches_where_they_are_short_and_as_a_coasting_beam_where_they_overlap():
    """At one current; between both, own bunch and neighbours make up the density of a train of Gaussian bunches."""
    drift = Lattice.from_elements([Drift(name="d", length=2.0)], REF)
    wavelength = 1064e-9
    electrons = wavelength / (ELEMENTARY_CHARGE * REF.beta * SPEED_OF_LIGHT)
    train = IntrabeamHeating.of(drift, current=1.0, wavelength=wavelength)
    bunch, coasting = (IntrabeamHeating.of(drift, **one) for one in ({"electrons": electrons}, {"current": 1.0}))
    for length, like in ((50e-9, bunch), (100e-6, coasting)):
        sigma = np.diag([1e-8, 4e-10, 1e-9, 4e-11, length**2, 1.156e-7])[None]
        rest = 0.5 / math.sqrt(math.pi) * wavelength / length if like is coasting else 0.0
        assert_close(train(sigma), like(sigma), rtol=1e-9 + rest * 1e-3, atol=0.0, what=f"heating at {length:g} m")
    ratio = np.array([0.3, 0.7])
    sigma = np.diag([1e-8, 4e-10, 1e-9, 4e-11, 1.0, 1.156e-7]) * np.ones((2, 1, 1))
    sigma[:, 4, 4] = (ratio * wavelength) ** 2
    two = Lattice.from_elements([Drift(name=n, length=2.0) for n in "ab"], REF)
    got = IntrabeamHeating.of(two, current=1.0, wavelength=wavelength)(sigma)[:, 5, 5]
    want = IntrabeamHeating.of(two, current=1.0)(sigma)[:, 5, 5]
    m = np.arange(-30, 31)
    density = [np.exp(-((m / (2.0 * r)) ** 2)).sum() / (2.0 * math.sqrt(math.pi) * r) for r in ratio]
    assert_close(got / want, density, rtol=1e-12, atol=0.0, what="density at an electron")
    with pytest.raises(ConfigError, match="a wavelength belongs to a current"):
        IntrabeamHeating.of(drift, electrons=1.0, wavelength=wavelength)
