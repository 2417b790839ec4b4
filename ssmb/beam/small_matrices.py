"""Factors of small matrices by plain arithmetic, in a fixed order: the same bits on every processor.

BLAS and LAPACK choose their order of sums, and whether to fuse multiply and add, by the processor. What a start beam is
made of does not come out of them.

References
----------
G. H. Golub, C. F. Van Loan, Matrix Computations, 4th ed. (2013), 8.5.2 (cyclic Jacobi), 4.2.5 (Cholesky).
J. Demmel, K. Veselic, SIAM J. Matrix Anal. Appl. 13, 1204 (1992), doi:10.1137/0613074 (Jacobi keeps the relative
accuracy of small eigenvalues).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ssmb.errors import ConfigError

Matrix = NDArray[np.float64]

#: Sweeps after which a symmetric matrix is diagonal in any case; six coordinates take about six.
_MOST_SWEEPS = 60


def product(a: Matrix, b: Matrix) -> Matrix:
    """Return ``a @ b``, each sum from the first term to the last."""
    out = np.zeros((a.shape[0], b.shape[1]))
    for k in range(a.shape[1]):
        out += a[:, k, None] * b[k]
    return out


def symmetric_modes(matrix: Matrix) -> tuple[Matrix, Matrix]:
    """Return eigenvalues (n,) of a symmetric matrix in rising order, and eigenvectors (n, n) in columns.

    The largest component of each vector is positive.

    Examples
    --------
    >>> values, vectors = symmetric_modes(np.array([[2.0, 1.0], [1.0, 2.0]]))
    >>> values.tolist(), vectors.round(6).tolist()
    ([1.0, 3.0], [[0.707107, 0.707107], [-0.707107, 0.707107]])
    """
    a = [[float(x) for x in row] for row in matrix]
    n = len(a)
    v = [[float(i == j) for j in range(n)] for i in range(n)]
    for _ in range(_MOST_SWEEPS):
        turned = False
        for p in range(n - 1):
            for q in range(p + 1, n):
                turned |= _turn(a, v, p, q)
        if not turned:
            break
    order = sorted(range(n), key=lambda i: a[i][i])
    vectors = np.array(v)[:, order]
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(n)]
    return np.array([a[i][i] for i in order]), vectors * np.where(largest < 0.0, -1.0, 1.0)


def _turn(a: list[list[float]], v: list[list[float]], p: int, q: int) -> bool:
    """Turn the plane of two coordinates so that they are not coupled; False if they are not, to rounding."""
    here = a[p][q]
    if abs(here) <= 2.0**-54 * math.sqrt(abs(a[p][p])) * math.sqrt(abs(a[q][q])) or here == 0.0:
        a[p][q] = a[q][p] = 0.0
        return False
    ratio = (a[q][q] - a[p][p]) / (2.0 * here)
    tangent = math.copysign(1.0, ratio) / (abs(ratio) + math.sqrt(ratio * ratio + 1.0))
    cosine = 1.0 / math.sqrt(tangent * tangent + 1.0)
    sine = tangent * cosine
    a[p][p], a[q][q] = a[p][p] - tangent * here, a[q][q] + tangent * here
    a[p][q] = a[q][p] = 0.0
    for i in range(len(a)):
        if i not in (p, q):
            low, high = a[i][p], a[i][q]
            a[i][p] = a[p][i] = cosine * low - sine * high
            a[i][q] = a[q][i] = sine * low + cosine * high
        low, high = v[i][p], v[i][q]
        v[i][p], v[i][q] = cosine * low - sine * high, sine * low + cosine * high
    return True


def inverse_of_lower_factor(matrix: Matrix) -> Matrix:
    """Return the inverse of the lower triangular L with ``L @ L.T == matrix``.

    Raises
    ------
    ConfigError
        The matrix is not positive definite.

    Examples
    --------
    >>> inverse_of_lower_factor(np.array([[4.0, 2.0], [2.0, 10.0]])).round(6).tolist()
    [[0.5, 0.0], [-0.166667, 0.333333]]
    """
    n = len(matrix)
    lower = [[0.0] * n for _ in range(n)]
    inverse = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            rest = float(matrix[i, j])
            for k in range(j):
                rest -= lower[i][k] * lower[j][k]
            if i == j and not rest > 0.0:
                raise ConfigError("a covariance matrix is not positive definite: there are too few particles for it")
            lower[i][j] = math.sqrt(rest) if i == j else rest / lower[j][j]
        for j in range(i + 1):
            rest = float(i == j)
            for k in range(j, i):
                rest -= lower[i][k] * inverse[k][j]
            inverse[i][j] = rest / lower[i][i]
    return np.array(inverse)
