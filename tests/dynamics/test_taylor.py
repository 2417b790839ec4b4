"""Taylor maps: closed forms, names of coefficients, tracking, other ways to the same numbers."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from ssmb.beam.reference import Reference
from ssmb.dynamics import optics, taylor_map
from ssmb.elements import Bend, Drift, Sextupole
from ssmb.elements.thin_laser import ThinLaser
from ssmb.errors import ConfigError
from ssmb.kernels import jets, tapes
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from tests.dynamics.rings import double_bend_ring, mls
from tests.support import assert_close

REF = Reference(250e6)


def _line(*elements) -> Lattice:
    return Lattice.from_elements(elements, REF)


def test_drift() -> None:
    m = taylor_map(_line(Drift(name="d", length=2.0)), order=3)
    # x = px/pz and z = l (beta/beta0 - (1 + delta)/pz), expanded by hand
    assert_close(m.coefficient("x", px=1), 2.0, rtol=1e-15, atol=0.0)
    assert_close(m.coefficient("x", px=1, delta=1), -2.0, rtol=1e-14, atol=0.0)
    assert_close(m.coefficient("x", px=3), 1.0, rtol=1e-14, atol=0.0)
    assert_close(m.coefficient("z", px=2), -1.0, rtol=1e-14, atol=0.0)
    g2 = REF.inv_gamma2
    assert_close(m.r56, 2.0 * g2, rtol=1e-12, atol=0.0)
    assert_close(m.t566, 2.0 * -1.5 * g2 * (1.0 - g2), rtol=1e-9, atol=0.0)
    assert m.coefficient("y", x=1) == 0.0


def test_sector_bend() -> None:
    angle, rho = 0.4, 2.0
    m = taylor_map(_line(Bend(name="b", length=rho * angle, angle=angle)), order=2)
    s, c = np.sin(angle), np.cos(angle)
    assert_close(m.R[0, :2], (c, rho * s), rtol=1e-13, atol=0.0)
    assert_close(m.R[0, 5], rho * (1 - c), rtol=1e-12, atol=0.0)
    assert_close(m.r56, -rho * (angle - s) + rho * angle * REF.inv_gamma2, rtol=1e-11, atol=0.0)
    assert_close(m.coefficient("z", x=1), -s, rtol=1e-12, atol=0.0)


def test_sextupole_kick_and_the_symmetric_t() -> None:
    m = taylor_map(_line(Sextupole(name="s", length=1e-3, Kn2=30.0)), order=2)
    assert_close(m.coefficient("px", x=2), -0.5 * 0.03, rtol=1e-9, atol=0.0)
    assert_close(m.coefficient("py", x=1, y=1), 0.03, rtol=1e-9, atol=0.0)
    assert_close(m.T[3, 0, 2], 0.015, rtol=1e-9, atol=0.0, what="half of the coefficient, as in MAD-X and TRANSPORT")
    assert m.T[3, 0, 2] == m.T[3, 2, 0]


def test_tracking_leaves_the_next_order() -> None:
    ring = double_bend_ring()
    program = compile_elements(ring.elements, ring.reference)
    direction = np.array([1.0, 0.1, 0.6, -0.1, 1.0, 0.5])
    for order in (1, 2, 3):
        m = taylor_map(ring, order=order)
        errors = []
        for size in (2e-4, 1e-4):
            v = (size * direction)[:, None]
            errors.append(np.abs(program.propagate(v)[0] - m.apply(v)).max())
        assert_close(np.log2(errors[0] / errors[1]), order + 1, rtol=0.0, atol=0.3, what=f"order {order}")


def test_expansion_about_an_orbit() -> None:
    ring, orbit = mls(), np.array([1e-3, 1e-4, -5e-4, 1e-4, 2e-3, 1e-3])
    m = taylor_map(ring, "K3", "L4", order=4, orbit=orbit)
    program = compile_elements(ring.elements, ring.reference)
    a, b = (int(program.first_op[program.index(n)]) for n in ("K3", "L4"))
    v = (orbit + 1e-5)[:, None]
    assert_close(m.constant, program.propagate(orbit[:, None], a, b)[0][:, 0], rtol=0.0, atol=1e-16)
    assert_close(m.apply(v), program.propagate(v, a, b)[0], rtol=0.0, atol=1e-16)
    assert_close(m.apply(v[:, 0]), m.apply(v)[:, 0], rtol=0.0, atol=1e-18)


def test_slip_factors_follow_from_the_map() -> None:
    """The dispersive fixed point of the third-order map gives the same path length as closed orbits do."""
    ring = mls().with_changes({"CAV": {"voltage": 0.0}})
    found = optics(ring)
    m = taylor_map(ring, order=3)
    d1 = np.append(found.dispersion[0], (0.0, 1.0))
    d2 = np.append(0.5 * found.dispersion2[0], (0.0, 0.0))
    second = m.R[4] @ d2 + d1 @ m.T[4] @ d1
    u2 = np.einsum("ijk,j,k->i", m.T, d1, d1) + m.R @ d2
    assert_close(u2[:4], d2[:4], rtol=1e-6, atol=1e-7, what="second-order dispersion is a fixed point")
    # z = -C (beta/beta0) T: beta/beta0 - 1 = delta/gamma^2 + ...
    want = -ring.length * (found.slip_factor2 + found.slip_factor * ring.reference.inv_gamma2)
    assert_close(second, want, rtol=1e-5, atol=0.0, what="second order of z")


def test_order_one_of_the_map_of_a_cavity() -> None:
    ring = double_bend_ring()
    assert_close(taylor_map(ring, order=1).R, optics(ring).m66, rtol=1e-10, atol=1e-11)


def test_high_orders_of_a_drift() -> None:
    """x = l px/sqrt((1 + delta)^2 - px^2 - py^2), expanded by hand: 5/16 px^7, -3/2 px^3 delta (3/2 delta^2) ..."""
    m = taylor_map(_line(Drift(name="d", length=1.0)), order=8)
    # the root over 1 + delta as a binomial series in px^2/(1 + delta)^2, then in delta
    assert_close(m.coefficient("x", px=7), 5.0 / 16.0, rtol=1e-11, atol=0.0)
    assert_close(m.coefficient("x", px=5, delta=3), 3.0 / 8.0 * -35.0, rtol=1e-11, atol=0.0)
    assert_close(m.coefficient("x", px=3, py=2, delta=2), 0.5 * 1.5 * 15.0, rtol=1e-11, atol=0.0)
    assert_close(m.coefficient("x", px=1, py=4, delta=3), 3.0 / 8.0 * -35.0, rtol=1e-11, atol=0.0)


def test_series_of_functions_at_any_point() -> None:
    """Against the derivatives that mpmath takes numerically, at 60 digits."""
    functions = {
        tapes.RECIPROCAL: lambda u: 1 / u,
        tapes.SQRT: mpmath.sqrt,
        tapes.SIN: mpmath.sin,
        tapes.COS: mpmath.cos,
        tapes.ATAN: mpmath.atan,
        tapes.ATAN_OVER: lambda u: mpmath.atan(u) / u if u else mpmath.mpf(1),
        tapes.EXP: mpmath.exp,
        tapes.LOG: mpmath.log,
    }
    order, got = 8, np.empty(9)
    with mpmath.workdps(60):
        for number, function in functions.items():
            for u in (0.013, 0.3, 0.49, 0.51, 0.93, 2.7):
                jets._series(number, u, order, got)
                want = np.array([float(c) for c in mpmath.taylor(function, mpmath.mpf(u), order)])
                # what a step as long as the radius of convergence makes of each
                radius = min(1.0, u) if number in (tapes.RECIPROCAL, tapes.SQRT, tapes.LOG) else 1.0
                size = radius ** np.arange(order + 1)
                assert_close(got * size, want * size, rtol=1e-13, atol=5e-14, what=f"function {number} at {u}")
    jets._series(tapes.ATAN_OVER, 0.0, order, got)
    assert_close(got, [1.0, 0.0, -1.0 / 3.0, 0.0, 0.2, 0.0, -1.0 / 7.0, 0.0, 1.0 / 9.0], rtol=1e-15, atol=1e-16)


def test_terms_in_z_of_a_laser_do_not_drown_the_others() -> None:
    """Coefficients from 1 to 1e17 in one map, each to its own digits."""
    laser = ThinLaser(name="l", laser_wavelength=1e-6, amplitude=1e-3, waist=1e-3)
    m = taylor_map(_line(laser, Drift(name="d", length=1.0)), order=3, lasers=True)
    k = 2.0 * np.pi / (1e-6 * REF.beta)  # an electron passes a wavelength in the time of the light
    assert_close(m.coefficient("delta", z=1), 1e-3 * k, rtol=1e-12, atol=0.0)
    # beside terms of x^2 z, which are 1e4 times larger where z^3 is as large as delta
    assert_close(m.coefficient("delta", z=3), -1e-3 * k**3 / 6.0, rtol=1e-10, atol=0.0)
    assert_close(m.coefficient("delta", x=2, z=1), -1e-3 * k / 1e-3**2, rtol=1e-9, atol=0.0)
    assert_close(m.coefficient("x", px=1, delta=1), -1.0, rtol=1e-12, atol=0.0)


def test_what_has_no_expansion_says_so() -> None:
    def split(x, px, y, py, z, delta, rpp, dbeta, p):
        return (x if x > p[0] else -x), px, y, py, z, delta

    with pytest.raises(TypeError, match="'split' cannot be expanded: which way an `if` goes"):
        tapes.tape_of(split, 1)


def test_wrong_arguments() -> None:
    with pytest.raises(ConfigError, match="from 1 to 12"):
        taylor_map(mls(), order=0)
    m = taylor_map(_line(Drift(name="d", length=1.0)), order=2)
    with pytest.raises(ConfigError, match="Did you mean 'delta'"):
        m.coefficient("x", delt=1)
    with pytest.raises(ConfigError, match="up to the order 2"):
        m.coefficient("x", delta=3)
    with pytest.raises(ConfigError, match="order=3"):
        _ = m.U
    with pytest.raises(ConfigError, match="shape"):
        m.apply(np.zeros((3, 6)))
