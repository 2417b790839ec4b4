"""Contract of every impedance: signs, symmetry, causality, sums, and that it is one file which is found."""

from __future__ import annotations

import dataclasses
import math
from functools import cache
from typing import Any

import numpy as np
import pytest
import scipy

from ssmb.collective.impedances import IMPEDANCES, Impedance, Sum, impedance_class, impedance_values
from ssmb.collective.impedances.table import behind_share
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.errors import ConfigError, PhysicsError
from tests.support import assert_close

CASES = [(name, i) for name, cls in sorted(IMPEDANCES.items()) for i in range(len(cls.examples()))]
each = pytest.mark.parametrize(("name", "i"), CASES, ids=[f"{name}-{i}" for name, i in CASES])


@cache
def example(name: str, i: int) -> tuple[Any, float]:
    return IMPEDANCES[name].examples()[i]


def spread(k: float) -> np.ndarray:
    return k * np.geomspace(1e-3, 30.0, 61)


@each
def test_it_says_what_it_is(name: str, i: int) -> None:
    z, k = example(name, i)
    assert isinstance(z, Impedance)
    assert z.kind == name
    assert impedance_class(name) is type(z)
    assert z.plane in ("longitudinal", "transverse")
    assert z.acts in ("behind", "ahead", "both")
    assert len((type(z).__doc__ or "").split()) > 12
    assert dataclasses.replace(z) == z
    assert np.abs(z(np.array([k]))[0]) > 0.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        z.kind = "other"


@each
def test_finite_and_of_the_shape_of_k(name: str, i: int) -> None:
    z, k = example(name, i)
    for shape in ((), (5,), (2, 3)):
        assert z(np.full(shape, k)).shape == shape
    values = impedance_values("test", z, np.concatenate(([0.0], spread(k))), z.plane)
    assert np.isfinite(values).all()
    assert math.isfinite(abs(z.origin(0.01 * k)))


@each
def test_what_is_passive_takes_energy(name: str, i: int) -> None:
    z, k = example(name, i)
    values = z(spread(k))
    assert (values.real >= -1e-9 * np.abs(values)).all() or not z.passive


@each
def test_a_wake_is_real(name: str, i: int) -> None:
    """Z(-k) = conj Z(k); of a transverse one, whose i Zt is the transform of the wake, minus that."""
    z, k = example(name, i)
    sign = 1.0 if z.plane == "longitudinal" else -1.0
    assert_close(z(-spread(k)), sign * np.conj(z(spread(k))), rtol=0.0, atol=0.0)


@each
def test_it_can_be_added_and_scaled(name: str, i: int) -> None:
    z, k = example(name, i)
    both = 2.0 * z + z * 0.5
    assert isinstance(both, Sum)
    assert (both.plane, both.acts, both.has_wake) == (z.plane, z.acts, z.has_wake)
    assert_close(both(spread(k)), 2.5 * z(spread(k)), rtol=1e-14, atol=0.0)
    assert_close(both.origin(1.0), 2.5 * z.origin(1.0), rtol=1e-14, atol=0.0)
    if z.has_wake:
        s = np.array([-1.0, 0.1, 2.0]) / k
        assert_close(both.wake(s), 2.5 * z.wake(s), rtol=1e-14, atol=0.0)


def integral(z: Any, s: float, weight: str) -> float:
    """(2c/pi) times the integral of Re Z cos(k s), or of Im Z sin(k s), over k; of i Zt for a transverse one."""
    turned = 1.0 if z.plane == "longitudinal" else 1j
    f = {"cos": math.cos, "sin": math.sin}[weight]

    def part(k: float) -> float:
        value = turned * complex(z(np.array([k]))[0])
        return value.real if weight == "cos" else value.imag

    end = 4.0 * math.pi / s
    near = scipy.integrate.quad(lambda r: 2.0 * r * part(r * r) * f(r * r * s), 0.0, math.sqrt(end), limit=300)[0]
    far = scipy.integrate.quad(part, end, math.inf, weight=weight, wvar=s, limit=400, limlst=400, full_output=1)[0]
    return 2.0 * SPEED_OF_LIGHT / math.pi * (near + far)


@each
def test_a_closed_wake_is_the_transform(name: str, i: int) -> None:
    """By Re Z and by Im Z: equal only if nothing is felt on the other side and no sign is turned."""
    z, k = example(name, i)
    if not z.has_wake:
        with pytest.raises(PhysicsError, match="not known in closed form"):
            Impedance.wake(z, 0.0)
        return
    assert z.acts == "behind"
    for s in (0.4 / k, 2.0 / k):
        want = float(z.wake(np.array([s]))[0])
        size = float(np.abs(z.wake(np.array([0.0, s, 0.5 / k]))).max())
        for weight in ("cos", "sin"):
            assert_close(integral(z, s, weight), want, rtol=0.0, atol=1e-4 * size, what=f"{weight} at {s:.3g} m")
    assert (z.wake(np.array([-1.0 / k, -1e-3 / k])) == 0.0).all()


@each
def test_it_acts_on_the_side_that_it_says(name: str, i: int) -> None:
    """A table of its values knows the side from the Hilbert relation of real and imaginary part."""
    z, k = example(name, i)
    grid = np.linspace(0.0, 30.0 * k, 4001)[1:]
    fade = np.cos(0.5 * np.pi * np.linspace(0.0, 1.0, grid.size)) ** 2  # a sudden end rings on both sides
    values = z(grid) * fade
    share = behind_share(grid, values.real, values.imag, z.plane)
    assert 0.0 <= share <= 1.0
    if z.acts != "both":
        assert (share > 0.6) == (z.acts == "behind")
        assert abs(share - 0.5) > 0.1
    turned = np.conj(values) if z.plane == "longitudinal" else -np.conj(values)
    assert_close(behind_share(grid, turned.real, turned.imag, z.plane), 1.0 - share, rtol=0.0, atol=2e-3)


def test_unknown_names() -> None:
    with pytest.raises(ConfigError, match="no impedance 'resonatr'. Did you mean 'resonator'"):
        impedance_class("resonatr")
    with pytest.raises(ConfigError, match="cannot be added"):
        example("resonator", 0)[0] + example("transverse_resonator", 0)[0]
    with pytest.raises(ConfigError, match="2 parts have 1 factors"):
        Sum(2 * (example("resonator", 0)[0],), (1.0,))
    with pytest.raises(TypeError):
        example("resonator", 0)[0] + 1.0
