"""What holds for every element: symplectic, reversible, the same on every kind of number, written and read back.

Run with the compiler off: ``NUMBA_DISABLE_JIT=1 python -m pytest tests/contract -m jit_off``.
"""

from __future__ import annotations

import dataclasses
import math

import mpmath
import numpy as np
import pytest

from ssmb.dynamics.taylor import expanded, like_size
from ssmb.elements import ELEMENTS
from ssmb.kernels.jets import JetProgram
from ssmb.kernels.jit import JIT_OFF
from ssmb.kernels.loops import KERNELS
from ssmb.kernels.objects import pure_python
from ssmb.kernels.primitives import velocity_excess
from ssmb.lattice import Lattice, load_lattice, save_lattice
from tests.contract.cases import (
    CASES,
    KEY,
    LABELS,
    REFERENCE,
    Case,
    compiled,
    inverse_op,
    is_symplectic,
    ops_and_inverses,
    packed,
    run_on,
    scale,
    unused_kernels,
)
from tests.contract.number_systems import DACEYPY, DIGITS, DUALS, MPMATH, duals
from tests.support import assert_close

EPS = np.finfo(float).eps
SYMPLECTIC_FORM = np.kron(np.eye(3), np.array([[0.0, 1.0], [-1.0, 0.0]]))
#: kernels that add delta * length and the path in the bend, which cancel: that product is the scale of their z
PATH_DIFFERENCES = ("bend_exact", "bend_gradient_4")

each_case = pytest.mark.parametrize("case", CASES, ids=LABELS)


# ---- coverage


def test_every_element_has_examples():
    for kind, cls in ELEMENTS.items():
        examples = cls.examples()
        assert examples, f"{kind} has no examples()"
        assert all(type(e) is cls for e in examples), f"an example of {kind} is of another class"
        names = [e.name for e in examples]
        assert "" not in names, f"an example of {kind} has no name"
        assert len(set(names)) == len(names), f"examples of {kind} need names that differ"
    assert {c.element.kind for c in CASES} == set(ELEMENTS)


def test_every_kernel_is_reached():
    assert [k.name for k in unused_kernels()] == []
    assert [k.index for k in KERNELS] == list(range(len(KERNELS)))


def test_case_labels_are_unique():
    assert len(set(LABELS)) == len(LABELS)


# ---- symplectic, reversible


def jacobians(case: Case, points: np.ndarray) -> np.ndarray:
    """Exact Jacobians (n, 6, 6) at the points (6, n)."""
    out = run_on(case.ops(), DUALS, duals(points))
    return np.array([np.broadcast_to(v.gradient, points.shape) for v in out]).transpose(2, 0, 1)


@pytest.mark.jit_off
@each_case
def test_symplectic(case):
    if not is_symplectic(case.element):
        pytest.skip("the element declares itself non-symplectic (damping or diffusion)")
    m = jacobians(case, case.points())
    error = np.abs(m.transpose(0, 2, 1) @ SYMPLECTIC_FORM @ m - SYMPLECTIC_FORM).max(axis=(1, 2))
    size = np.maximum(1.0, np.linalg.norm(m, 2, axis=(1, 2)) ** 2)
    assert_close(error / size, 0.0, rtol=0.0, atol=1e-13, what="M^T J M - J")


@each_case
def test_inverse_undoes_the_map(case):
    ops = [op for op in case.ops() if not op.kernel.limit]
    back = [inverse_op(op) for op in reversed(ops)]
    if None in back:
        name = next(op.kernel.name for op in ops if inverse_op(op) is None)
        pytest.skip(f"kernel {name} declares no inverse (see test_only_named_kernels_have_no_inverse)")
    points = case.points()
    assert_close(compiled([*ops, *back], points), points, rtol=0.0, atol=1e-12, what="there and back")


def test_only_named_kernels_have_no_inverse():
    without = {k.name for k in KERNELS if k.invert is None and not k.limit and not k.stochastic}
    # a truncated Taylor map has no closed inverse
    assert without == {"taylor2", "taylor3"}


# ---- the same map on every kind of number


def python_floats(op, points: np.ndarray) -> np.ndarray:
    """One application of the op to each point by the scalar as plain Python."""
    f, p = pure_python(op.kernel.scalar), packed(op)
    excess = pure_python(velocity_excess)
    out = []
    for column in points.T.tolist():
        rpp, dbeta = 1.0 / (1.0 + column[5]), excess(column[5], REFERENCE.inv_gamma2, REFERENCE.beta**2)
        out.append(f(*column, rpp, dbeta, p, *((KEY,) if op.kernel.stochastic else ())))
    return np.array(out, dtype=float).T


def digits(op, points: np.ndarray) -> np.ndarray:
    """One application of the op to each point with 50 digits."""
    with mpmath.workdps(DIGITS):
        columns = [run_on([op], MPMATH, [mpmath.mpf(v) for v in c]) for c in points.T.tolist()]
        return np.array([[float(v) for v in column] for column in columns]).T


def allowance(case: Case, op, *states: np.ndarray) -> np.ndarray:
    """One unit in the last place of the scale of each coordinate, (6, 1)."""
    size = scale(*states)
    if op.kernel.name in PATH_DIFFERENCES:
        size[4] = np.maximum(size[4], np.abs(states[0][5]).max() * case.element.length)
    return EPS * size


def one_by_one(case: Case):
    """Each map of the case and its inverse, applied once."""
    for op in ops_and_inverses(case):
        if not op.kernel.stochastic:
            yield op._replace(repeat=1)


@pytest.mark.skipif(JIT_OFF, reason="there is no compiled code to compare with when the compiler is off")
@each_case
def test_compiled_equals_python(case):
    points = case.points()
    for op in one_by_one(case):
        fast, slow = compiled([op], points), python_floats(op, points)
        ulps = np.abs(fast - slow) / np.maximum(allowance(case, op, points, slow), 1e-300)
        assert_close(ulps, 0.0, rtol=0.0, atol=4.0, what=f"{op.kernel.name}: ulp of coordinate scale")


@pytest.mark.jit_off
@each_case
def test_fifty_digits(case):
    ops = list(one_by_one(case))
    # 100 points per case; where it has many maps of one kind (slices of a modulator), the points are dealt out
    points = case.points(20 if JIT_OFF else 100)
    share = points if len(ops) <= 8 else points[:, :: max(1, len(ops) // 4)]
    for op in ops:
        points = share
        got, truth = compiled([op], points), digits(op, points)
        ulps = np.abs(got - truth) / np.maximum(allowance(case, op, points, truth), 1e-300)
        assert_close(ulps, 0.0, rtol=0.0, atol=8.0, what=f"{op.kernel.name}: ulp of coordinate scale")


@each_case
def test_whole_element_equals_python(case):
    """All steps of the element; rounding may grow with their number and with the magnification."""
    points, ops = case.points(10), [op for op in case.ops() if not op.kernel.limit]
    if any(op.kernel.stochastic for op in ops):
        pytest.skip("stochastic: the compiled loop keys its draws by particle, the Python run here by one key")
    got = compiled(ops, points)
    want = np.array([run_on(ops, {"power_of_two": lambda n: math.ldexp(1.0, int(n))}, c) for c in points.T.tolist()]).T
    steps = sum(op.repeat for op in ops) + 1
    largest = float(np.linalg.norm(jacobians(case, points), 2, axis=(1, 2)).max())
    assert_close(got, want, rtol=0.0, atol=4.0 * EPS * 0.4 * steps * max(1.0, largest), what="all six coordinates")


@each_case
def test_daceypy_has_the_same_derivatives(case):
    daceypy = pytest.importorskip("daceypy", reason="extra `maps`: daceypy is not installed")
    daceypy.DA.init(1, 6)
    points = case.points(2)
    exact = jacobians(case, points)
    for i in range(points.shape[1]):
        numbers = [float(points[k, i]) + daceypy.DA(k + 1) for k in range(6)]
        out = run_on(case.ops(), DACEYPY, numbers)
        got = np.array([[v.getCoefficient([int(k == j) for j in range(6)]) for k in range(6)] for v in out])
        size = max(1.0, float(np.abs(exact[i]).max()))
        assert_close(got, exact[i], rtol=1e-13, atol=1e-13 * size, what="Jacobian by differential algebra")


@each_case
def test_taylor_map_is_that_of_differential_algebra(case):
    """Series along lines, traced and compiled, against numbers that are whole expansions: terms up to third order."""
    daceypy = pytest.importorskip("daceypy", reason="daceypy is not installed")
    ops, at = [op for op in case.ops() if not (op.kernel.limit or op.kernel.stochastic)], case.points(1)[:, 0]
    section = JetProgram(
        [(op.kernel.scalar, packed(op), op.repeat, op.kernel.changes_delta) for op in ops],
        REFERENCE.inv_gamma2,
        REFERENCE.beta**2,
    )
    got = expanded(section, at, 3)
    daceypy.DA.init(3, 6)
    out = run_on(ops, DACEYPY, [float(at[k]) + daceypy.DA(k + 1) for k in range(6)])
    want = np.zeros((6, len(got.exponents)))
    place = {tuple(e): i for i, e in enumerate(got.exponents.tolist())}
    missed = 0.0
    for row, number in enumerate(out):
        for term in number.getMonomials():
            here, value = place.get(tuple(int(e) for e in list(term.m_jj)[:6])), term.m_coeff.value
            if here is None:
                missed = max(missed, abs(value))
            else:
                want[row, here] = value
    # in deviations that make terms of like size, each is good to rounding of the largest of its row
    unit = np.prod(like_size(section, at, 3) ** got.exponents, axis=1)
    size = np.abs(want * unit)[:, got.exponents.any(axis=1)].max(axis=1, keepdims=True)
    assert_close(got.coefficients * unit / size, want * unit / size, rtol=0.0, atol=1e-13, what="terms")
    assert missed <= 1e-13 * np.abs(want).max()


# ---- files


@pytest.mark.jit_off
@each_case
def test_written_and_read_back(case, tmp_path):
    element = dataclasses.replace(case.element, name="case")
    lattice = Lattice.from_elements([element], REFERENCE, name="line", periodic=False)
    save_lattice(lattice, tmp_path / "line.pals.yaml")
    again = load_lattice(tmp_path / "line.pals.yaml")
    assert again == lattice
    assert again.elements[0] == element
