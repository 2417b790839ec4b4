"""The order of every integrator, measured: the error against a converged reference falls as the step to the order."""

from __future__ import annotations

import numpy as np
import pytest

from ssmb.elements import Bend, Multipole, Quadrupole, Sextupole
from tests.contract.cases import REFERENCE, compiled, run_on
from tests.contract.number_systems import ARRAYS, bound
from tests.support import assert_close

#: a few particles with large amplitudes, so that the errors stand far above rounding
POINTS = np.array(
    [
        [0.02, 0.01, -0.015, 0.005, 1e-3, 0.01],
        [-0.01, 0.02, 0.02, -0.01, 0.0, -0.03],
        [0.015, -0.015, 0.01, 0.02, 0.0, 0.05],
    ]
).T


class Wide:
    """Extended precision arrays: rounding far below the errors that are measured."""

    points = POINTS.astype(np.longdouble)


def order_of(make, reference, steps: tuple[int, ...]) -> float:
    """Slope of log(error) against log(steps) of the largest error over particles and coordinates."""
    truth = np.array(run_on(reference.ops(REFERENCE), ARRAYS, Wide.points))
    errors = []
    for n in steps:
        got = np.array(run_on(make(n).ops(REFERENCE), ARRAYS, Wide.points))
        errors.append(float(np.abs(got - truth).max()))
    slopes = -np.diff(np.log(errors)) / np.diff(np.log(steps))
    return float(slopes[-1])


#: steps for each order: small enough steps for the leading term, large enough to stand above 1e-19
STEPS = {2: (64, 128), 4: (32, 64), 6: (16, 32)}
MAGNETS = {
    "quadrupole": (Quadrupole, {"length": 0.5, "Kn1": 4.0}),
    "sextupole": (Sextupole, {"length": 0.5, "Kn2": 100.0}),
    "multipole": (Multipole, {"length": 0.5, "Kn1": -3.0, "Ks1": 0.5, "Kn2": 20.0, "Kn3": 900.0, "Ks2": 5.0}),
}


@pytest.mark.parametrize("order", [2, 4, 6])
@pytest.mark.parametrize("drift", ["exact", "expanded"])
@pytest.mark.parametrize("magnet", MAGNETS)
def test_drift_kick_drift(magnet, drift, order):
    cls, values = MAGNETS[magnet]
    make = lambda n: cls(name="m", integrator=f"yoshida{order}", drift=drift, slices=n, **values)  # noqa: E731
    reference = cls(name="r", integrator="yoshida6", drift=drift, slices=256, **values)
    assert_close(order_of(make, reference, STEPS[order]), order, rtol=0.0, atol=0.1, what="order")


@pytest.mark.parametrize("order", [2, 4, 6])
@pytest.mark.parametrize("gradient", [0.0, -2.0])
def test_paraxial_bend(gradient, order):
    values = {"length": 1.0, "angle": 0.6, "Kn1": gradient}
    make = lambda n: Bend(name="b", integrator=f"yoshida{order}", slices=n, **values)  # noqa: E731
    reference = Bend(name="r", integrator="yoshida6", slices=256, **values)
    assert_close(order_of(make, reference, STEPS[order]), order, rtol=0.0, atol=0.1, what="order")


def test_bend_kick_bend():
    values = {"length": 1.0, "angle": 0.6, "Kn1": -2.0, "Kn2": 8.0, "Ks1": 0.3}
    make = lambda n: Bend(name="b", slices=n, **values)  # noqa: E731
    reference = Bend(name="r", slices=1024, **values)
    assert_close(order_of(make, reference, (32, 64)), 4.0, rtol=0.0, atol=0.1, what="order")


@pytest.mark.parametrize(
    "values", [{"Kn1": 4.0}, {"Kn1": -4.0, "Kn2": 40.0, "Ks1": 0.2}], ids=["quadrupole", "with multipoles"]
)
def test_matrix_kick_matrix(values):
    make = lambda n: Quadrupole(name="q", length=0.5, slices=n, **values)  # noqa: E731
    reference = make(1024)
    assert_close(order_of(make, reference, (32, 64)), 4.0, rtol=0.0, atol=0.1, what="order")


@pytest.mark.parametrize("name", ["linear quadrupole", "linear bend", "linear gradient bend", "solenoid"])
def test_closed_forms_do_not_depend_on_steps(name):
    """Exact maps: two halves are the whole, to rounding."""
    from ssmb.elements import Solenoid

    made = {
        "linear quadrupole": Quadrupole(name="q", length=0.4, Kn1=1.3, drift="expanded"),
        "linear bend": Bend(name="b", length=0.8, angle=0.3, integrator="matrix"),
        "linear gradient bend": Bend(name="b", length=0.8, angle=0.3, Kn1=-0.6, integrator="matrix"),
        "solenoid": Solenoid(name="s", length=0.5, Ksol=0.7),
    }[name]
    halves = (*made.slice_ops(REFERENCE, 0.0, 0.5), *made.slice_ops(REFERENCE, 0.5, 1.0))
    assert_close(
        compiled(halves, POINTS), compiled(made.ops(REFERENCE), POINTS), rtol=0.0, atol=3e-17, what="two halves"
    )


def test_paraxial_quadrupole_is_the_limit_of_many_thin_ones():
    """The Stumpff form and drift-kick-drift of the same Hamiltonian agree once the latter has converged."""
    exact = Quadrupole(name="q", length=0.5, Kn1=4.0, drift="expanded")
    thin = Quadrupole(name="t", length=0.5, Kn1=4.0, drift="expanded", integrator="yoshida6", slices=100)
    assert_close(
        compiled(exact.ops(REFERENCE), POINTS), compiled(thin.ops(REFERENCE), POINTS), rtol=0.0, atol=1e-15, what="map"
    )


def test_bound_arrays_are_extended():
    """The reference of this file must not fall back to doubles."""
    f = bound(Quadrupole(name="q", length=0.5, Kn1=4.0).ops(REFERENCE)[0].kernel.scalar, ARRAYS)
    p = Quadrupole(name="q", length=0.5, Kn1=4.0).ops(REFERENCE)[0].params
    out = f(*Wide.points, 1.0 / (1.0 + Wide.points[5]), 0.0 * Wide.points[5], p)
    assert all(np.asarray(v).dtype == np.longdouble for v in out)
