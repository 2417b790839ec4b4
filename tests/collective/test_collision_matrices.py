"""Matrices of three momenta by plain arithmetic: against scipy, against fractions, and in limits."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import scipy

from ssmb.beam import Reference
from ssmb.collective.intrabeam import momenta_at_a_point, motion_at_a_point
from ssmb.errors import PhysicsError
from ssmb.kernels.collisions import carlson_rd, lower_root, principal
from tests.support import assert_close

REF = Reference(400e6)


def covariances(n: int, size: int, seed: int) -> np.ndarray:
    """Of coordinates whose sizes differ by up to 1e4."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, size, size)) * 10.0 ** rng.uniform(-7.0, -3.0, (n, size, 1))
    return rows @ np.swapaxes(rows, 1, 2)


def test_integral_of_carlson() -> None:
    x = 10.0 ** np.random.default_rng(1).uniform(-14.0, -6.0, (3, 300))
    got = [carlson_rd(*map(float, each)) for each in x.T]
    assert_close(got, scipy.special.elliprd(*x), rtol=3e-15, atol=0.0, what="R_D")
    assert_close(carlson_rd(4.0, 4.0, 4.0), 1.0 / 8.0, rtol=1e-15, atol=0.0, what="R_D of equal arguments")


@pytest.mark.parametrize("coasting", [False, True])
def test_motion_at_a_place_is_the_conditional_covariance(coasting: bool) -> None:
    """Against exact arithmetic: the inverse of that block of the inverse covariance that belongs to the momenta."""
    s = covariances(5, 6, 2)
    inner, means, room = momenta_at_a_point(REF, s, coasting)
    kept = [0, 1, 2, 3, 5] if coasting else list(range(6))
    momenta = [kept.index(i) for i in (1, 3, 5)]
    places = [i for i in range(len(kept)) if i not in momenta]
    unit = np.array([1.0, 1.0, 1.0 / REF.gamma])
    for k in range(len(s)):
        exact = _inverse([[Fraction(float(s[k, i, j])) for j in kept] for i in kept])
        block = _inverse([[exact[i][j] for j in momenta] for i in momenta])
        want = np.array([[float(v) for v in row] for row in block]) * np.outer(unit, unit)
        size = np.sqrt(np.diag(want))
        assert_close(inner[k] / np.outer(size, size), want / np.outer(size, size), rtol=0.0, atol=1e-10, what="inner")
        # <u|p> = -(A_uu)^-1 A_up p, of the inverse covariance A
        slope = [[-sum(block[a][b] * exact[momenta[b]][p] for b in range(3)) for p in places] for a in range(3)]
        want = np.array([[float(v) for v in row] for row in slope]) * unit[:, None]
        across = np.sqrt(np.diag(s[k])[[kept[p] for p in places]])
        assert_close(
            means[k] * across / size[:, None], want * across / size[:, None], rtol=1e-9, atol=1e-9, what="means"
        )
        corner = s[k][np.ix_([kept[p] for p in places], [kept[p] for p in places])]
        assert_close(room[k], np.linalg.det(corner), rtol=1e-9, atol=0.0, what="determinant")


def _inverse(a: list[list[Fraction]]) -> list[list[Fraction]]:
    """By elimination of fractions."""
    n = len(a)
    rows = [[*row, *(Fraction(int(i == j)) for j in range(n))] for i, row in enumerate(a)]
    for i in range(n):
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for k in range(n):
            if k != i:
                rows[k] = [v - rows[k][i] * w for v, w in zip(rows[k], rows[i], strict=True)]
    return [row[n:] for row in rows]


def test_principal_axes_and_their_integrals() -> None:
    inner = covariances(200, 3, 3)
    values, axes, integral = np.empty((200, 3)), np.empty((200, 3, 3)), np.empty((200, 3))
    assert principal(inner, values, axes, integral) == -1
    largest = values.max(axis=1)[:, None, None]
    made = axes @ (values[:, :, None] * np.swapaxes(axes, 1, 2))
    assert_close(made / largest, inner / largest, rtol=0.0, atol=3e-15, what="axes values axes^T")
    assert_close(np.swapaxes(axes, 1, 2) @ axes, np.eye(3)[None] + 0.0 * inner, rtol=0.0, atol=3e-15, what="axes")
    want = [
        2.0 / 3.0 * values[:, i] * scipy.special.elliprd(values[:, j], values[:, k], values[:, i])
        for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1))
    ]
    assert_close(integral, np.transpose(want), rtol=3e-15, atol=0.0, what="integrals")


def test_small_principal_values_keep_their_digits() -> None:
    """Products and traces of a graded matrix, whose smallest value a library of linear algebra gives no digit of."""
    size = np.array([1.0, 1e-6, 1e-12])
    a = np.array([[1.0, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 1.0]]) * np.outer(size, size)
    values, axes, integral = np.empty((1, 3)), np.empty((1, 3, 3)), np.empty((1, 3))
    assert principal(a[None], values, axes, integral) == -1
    # of 1, 3/4 and 9/16/(3/4): determinants of the leading blocks over one another, but for 1e-12
    assert_close(np.sort(values[0])[::-1], np.array([1.0, 0.75, 0.75]) * size**2, rtol=1e-11, atol=0.0, what="values")


def test_what_is_flat_has_no_axes() -> None:
    sigma = np.diag([1e-8, 4e-10, 1e-9, 4e-11, 2.5e-15, 1.156e-7])
    good = motion_at_a_point(REF, sigma[None], False)
    assert_close(np.sort(good[0][0]), np.sort([4e-10, 4e-11, 1.156e-7 / REF.gamma**2]), rtol=1e-14, atol=0.0, what="c")
    for i in range(6):
        flat = sigma.copy()
        flat[i, i] = 0.0
        with pytest.raises(PhysicsError, match="flat beam"):
            motion_at_a_point(REF, np.stack([sigma, flat]), False)


def test_root_of_a_covariance_with_and_without_extent() -> None:
    for size in (3, 6):
        whole = covariances(20, size, size)
        for a in whole:
            root, rms = lower_root(a), np.sqrt(np.diag(a))
            assert (np.triu(root, 1) == 0.0).all()
            scale = np.outer(rms, rms)
            assert_close(root @ root.T / scale, a / scale, rtol=0.0, atol=3e-15, what="root root^T")
    row = np.array([1.0, 2.0, -3.0])
    flat = np.outer(row, row)
    flat[2, 2] += 1.0
    flat[1] = flat[:, 1] = 2.0 * flat[0]
    flat[1, 1] = 4.0
    assert_close(lower_root(flat), [[1, 0, 0], [2, 0, 0], [-3, 0, 1]], rtol=1e-15, atol=0.0, what="root of a flat one")
    assert (lower_root(np.zeros((6, 6))) == 0.0).all()
