"""Contracts of the wiggler, the laser modulator and the lumped maps: symplectic, invertible, the same on all
numbers.
"""

from __future__ import annotations

import warnings

import daceypy
import mpmath
import numpy as np
import pytest

from ssmb.elements.linear_map import (
    LinearMap,
    linear_map_diffusing,
    one_turn_matrix,
    root_of_covariance,
    symplectic_error,
)
from ssmb.elements.taylor import MONOMIALS, Taylor
from ssmb.elements.thin_chicane import ThinChicane
from ssmb.elements.wiggler import Wiggler
from ssmb.errors import LatticeError, PhysicsError, ValidityWarning
from ssmb.kernels.objects import pure_python
from ssmb.maps.laser_kick import laser_kick
from tests.contract.cases import (
    REFERENCE,
    compiled,
    inverse_op,
    packed,
    points_for,
    run_on,
    scale,
)
from tests.contract.number_systems import ARRAYS, DACEYPY, DIGITS, DUALS, MPMATH, Dual, duals
from tests.support import assert_close

EPS = np.finfo(float).eps
ELEMENTS = [e for cls in (Wiggler, ThinChicane, LinearMap, Taylor) for e in cls.examples()]
LABELS = [f"{type(e).__name__}-{e.name}" for e in ELEMENTS]
S = np.kron(np.eye(3), np.array([[0.0, 1.0], [-1.0, 0.0]]))


def points(element, n=100):
    return points_for(f"modulator {element.name}", getattr(element, "laser_wavelength", 0.0), n)


def distinct_ops(element):
    """The ops of an element and their inverses, once each, as single steps."""
    found = {}
    for op in element.ops(REFERENCE):
        for one in (op, inverse_op(op)):
            if one is not None:
                found.setdefault((one.kernel.name, one.params), one._replace(repeat=1))
    # a thick modulator has dozens of alike kicks: the ends and the middle stand for them
    ops = list(found.values())
    return ops if len(ops) <= 12 else [*ops[:6], *ops[len(ops) // 2 : len(ops) // 2 + 3], *ops[-3:]]


def symplectic_errors(jacobians):
    """Error over max(1, |M|^2) of Jacobians (n, 6, 6)."""
    error = np.abs(np.swapaxes(jacobians, 1, 2) @ S @ jacobians - S).max(axis=(1, 2))
    return error / np.maximum(1.0, np.abs(jacobians).max(axis=(1, 2)) ** 2)


@pytest.mark.parametrize("element", [e for e in ELEMENTS if getattr(e, "symplectic", True)], ids=lambda e: e.name)
def test_exact_jacobian_is_symplectic(element):
    end = run_on(element.ops(REFERENCE), DUALS, duals(points(element)))
    jacobians = np.moveaxis(np.array([np.broadcast_to(v.gradient, (6, 100)) for v in end]), 2, 0)
    assert symplectic_errors(jacobians).max() <= 1e-13


@pytest.mark.parametrize("element", [e for e in ELEMENTS if getattr(e, "symplectic", True)], ids=lambda e: e.name)
def test_jacobian_by_differential_algebra_is_symplectic_too(element):
    daceypy.DA.init(1, 6)
    for point in points(element, 100)[:, ::20].T:
        start = [daceypy.DA(i + 1) + float(point[i]) for i in range(6)]
        end = run_on(distinct_ops(element), DACEYPY, start)
        jacobian = np.array([[(v.deriv(i + 1)).cons() for i in range(6)] for v in end])
        assert symplectic_errors(jacobian[None]).max() <= 1e-13


@pytest.mark.parametrize("element", ELEMENTS, ids=LABELS)
def test_forward_then_inverse(element):
    ops = element.ops(REFERENCE)
    back = [inverse_op(op) for op in reversed(ops)]
    if any(op is None for op in back):
        assert isinstance(element, Taylor) or element.name == "hot"
        return
    start = points(element)
    middle = compiled(ops, start) if ops else start
    end = compiled(back, middle) if ops else start
    assert_close(end, start, rtol=0.0, atol=1e-12 * max(1.0, float(np.abs(middle).max())), what=element.name)


@pytest.mark.parametrize("element", ELEMENTS, ids=LABELS)
def test_compiled_equals_plain_python(element):
    start = points(element)
    for op in distinct_ops(element):
        got = compiled([op], start)
        if op.kernel.stochastic:
            continue  # its random numbers are compared below
        want = np.array(run_on([op], ARRAYS, tuple(start)))
        error = np.abs(got - want) / scale(start, want)
        assert error.max() <= 4 * EPS, f"{op.kernel.name}: {error.max() / EPS:.2f} ulp of scale"


@pytest.mark.parametrize("element", ELEMENTS, ids=LABELS)
def test_agrees_with_fifty_digits(element):
    start = points(element)
    with mpmath.workdps(DIGITS):
        for op in distinct_ops(element):
            if op.kernel.stochastic:
                continue
            got = compiled([op], start)
            rows = [run_on([op], MPMATH, [mpmath.mpf(float(v)) for v in start[:, i]]) for i in range(0, 100, 4)]
            want = np.array([[float(v) for v in row] for row in rows]).T
            error = np.abs(got[:, ::4] - want) / scale(start, got)
            assert error.max() <= 8 * EPS, f"{op.kernel.name}: {error.max() / EPS:.2f} ulp of scale"


@pytest.mark.parametrize("element", [e for e in ELEMENTS if isinstance(e, Wiggler)], ids=lambda e: e.name)
def test_reference_particle_keeps_its_time(element):
    dark = Wiggler(
        **{f: getattr(element, f) for f in ("name", "length", "periods", "period_length", "K", "B_peak")},
        polarization=element.polarization,
    )
    assert_close(compiled(dark.ops(REFERENCE), np.zeros((6, 1))), 0.0, rtol=0.0, atol=0.0, what="z of the reference")


def test_z_rounds_with_the_deviations():
    start = points_for("rounding", 0.0, 40) * 0.02  # deviations of 1e-4 and less
    start[4] = 0.0
    start[5] = np.clip(start[5], -1e-4, 1e-4)
    for name in ("u125", "helical"):
        op = next(e for e in ELEMENTS if e.name == name).ops(REFERENCE)[0]._replace(repeat=1)
        got = compiled([op], start)
        with mpmath.workdps(DIGITS):
            want = [float(run_on([op], MPMATH, [mpmath.mpf(float(v)) for v in column])[4]) for column in start.T]
        assert_close(got[4], want, rtol=0.0, atol=1e-20, what=f"z after a step of {name}")


@pytest.mark.parametrize("polarization", ["HORIZONTAL", "VERTICAL", "HELICAL"])
def test_integrator_has_order_four(polarization):
    random = points_for("order", 0.0, 10)
    base = {"length": 4.0, "periods": 32.0, "K": 4.0, "polarization": polarization}
    truth = compiled(Wiggler(**base, slices=512).ops(REFERENCE), random)
    errors = [np.abs(compiled(Wiggler(**base, slices=n).ops(REFERENCE), random) - truth).max() for n in (16, 32)]
    assert_close(np.log2(errors[0] / errors[1]), 4.0, rtol=0.0, atol=0.1, what="order")


@pytest.mark.parametrize("name", ["thin", "thick", "skew", "tem01", "tem10", "circular"])
def test_every_laser_kick_obeys_panofsky_wenzel(name):
    """d(energy gain)/dx = -d(px)/d(tau) at fixed time, from exact derivatives of single kicks."""
    element = next(e for e in ELEMENTS if e.name == name)
    kicks = [op for op in element.ops(REFERENCE) if op.kernel is laser_kick]
    assert kicks
    start = points(element)
    start[1] = start[3] = start[5] = 0.0
    for op in (kicks[0], kicks[len(kicks) // 2]):
        still = op._replace(params=(*op.params[:12], 0.0, 0.0, 0.0, *op.params[15:]))
        end = run_on([still], DUALS, duals(start))
        delta, px, py = end[5], end[1], end[3]
        beta = REFERENCE.beta * (1.0 + _excess(delta.value))
        # dE = beta dP, and dtau = dz/beta0 for particles that come in at delta = 0
        for column, p in ((0, px), (2, py)):
            left, right = beta * delta.gradient[column], REFERENCE.beta * p.gradient[4]
            assert_close(left, right, rtol=1e-9, atol=1e-12 * np.abs(right).max(), what=f"Panofsky-Wenzel {name}")


def _excess(delta):
    from ssmb.kernels.primitives import velocity_excess

    return np.array([velocity_excess(float(d), REFERENCE.inv_gamma2, REFERENCE.beta**2) for d in delta])


@pytest.mark.parametrize("name", ["u125", "thick", "thin", "skew"])
def test_sliced_wiggler_is_the_whole(name):
    element = next(e for e in ELEMENTS if e.name == name)
    start = points(element)
    start[:4] *= 0.1
    start[5] *= 0.02
    parts = [op for a, b in ((0.0, 0.25), (0.25, 0.5), (0.5, 1.0)) for op in element.slice_ops(REFERENCE, a, b)]
    got, want = compiled(parts, start), compiled(element.ops(REFERENCE), start)
    assert_close(got[5], want[5], rtol=0.0, atol=2e-4 * 1.5e-3, what="delta")
    assert_close(got[:4], want[:4], rtol=0.0, atol=2e-9, what="transverse")


def test_taylor_equals_the_sum_of_its_terms():
    random = np.random.default_rng(5)
    for order in (2, 3):
        values = {(i, f): random.normal() for i in range(6) for f in MONOMIALS[order]}
        terms = tuple((i + 1.0, *(float(f.count(j)) for j in range(6)), v) for (i, f), v in values.items())
        with pytest.warns(ValidityWarning, match="not symplectic"):
            element = Taylor(name="random", terms=terms)
        start = random.normal(size=(6, 50)) * 0.1
        start[5] *= 0.3
        want = np.zeros((6, 50))
        for (i, f), v in values.items():
            want[i] += v * np.prod([start[j] for j in f], axis=0)
        got = np.array(run_on(element.ops(REFERENCE), ARRAYS, tuple(start)))
        assert_close(got, want, rtol=1e-13, atol=1e-14, what=f"order {order}")
        with pytest.warns(ValidityWarning, match="not symplectic"):
            gentle = Taylor(name="gentle", terms=_gentle(terms))
        ops = gentle.ops(REFERENCE)
        assert_close(
            compiled(ops, start), np.array(run_on(ops, ARRAYS, tuple(start))), rtol=1e-13, atol=1e-15, what="compiled"
        )


def _gentle(terms):
    """The nonlinear terms, made small, and the identity: no particle is lost."""
    kept = [(*row[:7], row[7] * 0.01) for row in terms if sum(row[1:7]) > 1]
    return tuple([*kept, *((i + 1.0, *(float(i == j) for j in range(6)), 1.0) for i in range(6))])


def test_diffusion_and_damping_reach_the_equilibrium():
    """Sum of added variances over 4 decrement = emittance, and the covariance that one pass adds."""
    wanted = np.diag([1e-12, 4e-14, 0.0, 0.0, 9e-12, 1e-10])
    wanted[0, 5] = wanted[5, 0] = 5e-12
    element = LinearMap(name="noise", matrix=_rows(np.eye(6)), diffusion=_rows(wanted))
    added = compiled(element.ops(REFERENCE), np.zeros((6, 40000)))
    got = np.cov(added)
    sizes = np.sqrt(np.diag(wanted))
    # a sample correlation scatters by 1/sqrt(N) = 0.005
    error = (
        np.abs(got - wanted)[np.ix_([0, 1, 4, 5], [0, 1, 4, 5])]
        / np.outer(sizes, sizes)[np.ix_([0, 1, 4, 5], [0, 1, 4, 5])]
    )
    assert error.max() < 5 * 0.005 * 1.5
    assert np.abs(got[2:4]).max() == 0.0
    ring = one_turn_matrix((0.178, 0.22, 0.01), (9.0, 2.5, 4.0))
    hot = LinearMap(
        name="ring", matrix=_rows(ring), damping=(0.01, 0.0, 0.0), diffusion=_rows(np.diag([0, 1e-12, 0, 0, 0, 0]))
    )
    op = hot.ops(REFERENCE)[0]._replace(repeat=1000)
    end = compiled([op], np.zeros((6, 4000)))
    assert_close(np.std(end[0]) ** 2 / 9.0, 9.0 * 1e-12 / 0.04, rtol=0.06, atol=0.0, what="equilibrium emittance")


@pytest.mark.parametrize("rank", range(1, 7))
def test_root_of_a_covariance_does_not_turn_with_its_last_digits(rank):
    """Full rank: Cholesky's factor. Any rank: the covariance again, nothing above the diagonal and nothing negative on
    it, and a change of some ulp that stays one, up to what the least independent direction makes of it (a quarter of
    the matrices change a sign of an eigenvector with it).
    """
    rng, signs = np.random.default_rng(rank), set()
    for _ in range(200):
        part = rng.normal(size=(6, rank))
        unit = part / np.linalg.norm(part, axis=1)[:, None]
        sizes = 10.0 ** rng.uniform(-9.0, 0.0, size=6)
        covariance = np.outer(sizes, sizes) * (unit @ unit.T)
        noise = rng.uniform(-4e-16, 4e-16, size=(6, 6))
        root, other = (
            root_of_covariance(c, "it") / sizes[:, None] for c in (covariance, covariance * (1 + noise + noise.T))
        )
        assert_close(root @ root.T, unit @ unit.T, rtol=0.0, atol=2e-14)
        assert not np.triu(root, 1).any()
        assert (np.diag(root) >= 0.0).all()
        least = np.linalg.svd(unit[:rank], compute_uv=False).min()
        assert_close(other, root, rtol=0.0, atol=3e-14 / least**2)
        if rank == 6 and least > 1e-4:
            assert_close(root, np.linalg.cholesky(unit @ unit.T), rtol=0.0, atol=3e-14 / least**2)
        signs |= {bool(value > 0.0) for value in np.diag(root)}
    assert signs == ({True} if rank == 6 else {True, False})  # directions without an extent of their own


def test_random_numbers_are_those_of_plain_python():
    op = next(e for e in ELEMENTS if e.name == "hot").ops(REFERENCE)[0]
    start = np.zeros((6, 3))
    got = compiled([op], start)
    pure = pure_python(linear_map_diffusing.scalar)
    want = np.array([pure(*[0.0] * 6, 1.0, 0.0, packed(op), (0, i, 0, 0)) for i in range(3)]).T
    assert_close(got, want, rtol=1e-12, atol=1e-25, what="noise")


def test_damping_shrinks_each_plane():
    element = LinearMap(name="d", matrix=_rows(np.eye(6)), damping=(0.1, 0.2, 0.3))
    got = compiled(element.ops(REFERENCE), np.full((6, 1), 1e-3))[:, 0]
    assert_close(got, 1e-3 * np.exp(-np.repeat([0.1, 0.2, 0.3], 2)), rtol=1e-14, atol=0.0, what="damping")


def _rows(matrix):
    return tuple(tuple(row) for row in np.asarray(matrix, dtype=float).tolist())


U125 = {"name": "u", "length": 4.0, "periods": 32.0}
BAD = [
    (Wiggler, {"name": "w", "length": 4.0, "K": 1.0}, "give two of length"),
    (Wiggler, {**U125, "period_length": 0.12}, "give two of the three"),
    (Wiggler, {**U125, "K": 1.0, "B_peak": 0.1}, "not both"),
    (Wiggler, {**U125, "laser_power": 1.0}, "without SSMB_laser.wavelength"),
    (Wiggler, {**U125, "laser_power": 1.0, "laser_wavelength": 1e-6}, "rayleigh_length > 0"),
    (Wiggler, {**U125, "laser_mode": "TEM02"}, "TEM00, TEM01"),
    (Wiggler, {**U125, "laser_m2": 0.5}, "M2 must be a number of at least 1"),
    (LinearMap, {"name": "m"}, "six rows of six"),
    (LinearMap, {"name": "m", "matrix": _rows(1.1 * np.eye(6))}, "not symplectic"),
    (LinearMap, {"name": "m", "matrix": _rows(np.eye(6)), "damping": (0.1,)}, "must be 3 numbers"),
    (LinearMap, {"name": "m", "matrix": _rows(np.eye(6)), "diffusion": _rows(-np.eye(6))}, "not a covariance"),
    (Taylor, {"name": "t", "terms": ((7.0, 0, 0, 0, 0, 0, 0, 1.0),)}, "out from 1 to 6"),
    (Taylor, {"name": "t", "terms": ((1.0, 2, 2, 0, 0, 0, 0, 1.0),)}, "sum at most 3"),
]


@pytest.mark.parametrize(("kind", "values", "words"), BAD, ids=range(len(BAD)))
def test_bad_parameters_say_what_is_wrong(kind, values, words):
    with pytest.raises(LatticeError, match=words):
        kind(**values)


def test_a_wiggler_too_strong_for_the_beam_is_refused():
    with pytest.raises(PhysicsError, match="too large for the averaged motion"):
        Wiggler(**U125, K=200.0).ops(REFERENCE)


def test_a_damped_map_needs_no_warning_and_a_matrix_is_checked():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for element in ELEMENTS:
            assert type(element)(**{f: getattr(element, f) for f in ("name", *element.parameters)}) == element
    assert symplectic_error(np.eye(6)) == 0.0
    assert isinstance(duals(np.zeros((6, 1)))[0], Dual)
