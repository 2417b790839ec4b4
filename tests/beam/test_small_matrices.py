"""Factors by plain arithmetic against LAPACK, and beams made of them: the same bits whatever LAPACK does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.beam.small_matrices import inverse_of_lower_factor, product, symmetric_modes
from ssmb.errors import ConfigError
from tests.support import assert_close

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("seed", range(40))
def test_modes_are_those_of_lapack(seed: int) -> None:
    """Of any size and rank, nearly degenerate ones, and with a share of 1e-12 in one direction."""
    random = np.random.default_rng(seed)
    n = 1 + seed % 6
    rows = random.normal(size=(n, random.integers(1, 9)))
    s = rows @ rows.T
    if seed % 3 == 1:
        s = np.eye(n) + 1e-14 * s
    if seed % 3 == 2:
        s = s + 1e-12 * np.eye(n)
    values, vectors = symmetric_modes(s)
    size = float(np.abs(s).max())
    assert_close(values, np.linalg.eigvalsh(s), rtol=0.0, atol=2e-14 * size)
    assert_close(vectors.T @ vectors, np.eye(n), rtol=0.0, atol=1e-14)
    assert_close((vectors * values) @ vectors.T, s, rtol=0.0, atol=2e-14 * size)
    assert (np.diff(values) >= 0.0).all()
    assert (vectors[np.abs(vectors).argmax(axis=0), np.arange(n)] > 0.0).all()


def test_a_small_eigenvalue_keeps_its_digits() -> None:
    """Of D C D with sizes from 1 to 1e-9: the smallest is 1e-18 of the largest, and known in closed form by det."""
    c = np.array([[1.0, 0.5], [0.5, 1.0]])
    d = np.array([1.0, 1e-9])
    values, _ = symmetric_modes(d[:, None] * c * d)
    assert_close(values[0] * values[1], 0.75e-18, rtol=1e-14, atol=0.0)
    assert_close(values[0], 0.75e-18, rtol=1e-14, atol=0.0)


def test_odd_matrices() -> None:
    values, vectors = symmetric_modes(np.zeros((3, 3)))
    assert values.tolist() == [0.0] * 3
    assert vectors.tolist() == np.eye(3).tolist()
    assert symmetric_modes(np.array([[0.0, 1.0], [1.0, 0.0]]))[0].tolist() == [-1.0, 1.0]
    assert symmetric_modes(np.diag([3.0, 1.0, 2.0]))[0].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("n", [1, 2, 5, 6])
def test_lower_factor_and_product(n: int) -> None:
    random = np.random.default_rng(n)
    rows = random.normal(size=(n, 3 * n))
    s = rows @ rows.T / n
    found = inverse_of_lower_factor(s)
    assert_close(found, np.linalg.inv(np.linalg.cholesky(s)), rtol=1e-11, atol=1e-13)
    assert (np.triu(found, 1) == 0.0).all()
    assert_close(product(rows, rows.T), rows @ rows.T, rtol=1e-14, atol=1e-14)
    with pytest.raises(ConfigError, match="not positive definite"):
        inverse_of_lower_factor(s - 2.0 * np.linalg.eigvalsh(s)[0] * np.eye(n))


def beams() -> list[Beam]:
    """One of each kind, of a covariance in which everything is coupled, and of Twiss functions."""
    reference, random = Reference(250e6), np.random.default_rng(3)
    rows = random.normal(size=(6, 6)) * np.array([1e-4, 1e-5, 1e-4, 1e-5, 1e-6, 1e-4])[:, None]
    sigma = sum(np.outer(row, row) for row in rows.T)  # no BLAS
    made = []
    for start in ("random", "quiet"):
        common = {"n": 512, "charge": 1e-12, "seed": 3, "start": start}
        made += [
            Beam.gaussian(reference, sigma, **common),
            Beam.gaussian(reference, sigma, cut=3.0, **common),
            Beam.waterbag(reference, sigma, **common),
            Beam.coasting(reference, sigma, wavelength=1e-6, n_wavelengths=3, **common),
            Beam.from_twiss(
                reference, emit_x=1e-7, emit_y=1e-9, beta_x=3.3, beta_y=7.7, alpha_x=-1.1, alpha_y=0.3,
                dispersion=(0.3, 0.1, 0.02, 0.01), sigma_delta=3e-4, sigma_z=1e-3, **common,
            ),
        ]  # fmt: skip
    return made


def features(*kept: str) -> str:
    """Names of the features of this processor that numpy takes beyond those it was built for, without some."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name] and name not in kept)


#: Kernels of OpenBLAS without and with fused multiply-add; loops of numpy without vectors of this processor.
ENVIRONMENTS = [
    {"OPENBLAS_CORETYPE": "Prescott"},
    {"OPENBLAS_CORETYPE": "Haswell"},
    {"NPY_DISABLE_CPU_FEATURES": features()},
    {"NPY_DISABLE_CPU_FEATURES": features("AVX2", "FMA3", "X86_V3"), "OPENBLAS_CORETYPE": "Prescott"},
]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=["Prescott", "Haswell", "no vectors", "AVX2"])
def test_start_beams_do_not_depend_on_the_kernels_of_others(environment: dict[str, str]) -> None:
    """OpenBLAS takes the kernels of another processor, numpy the loops of one that has fewer vectors."""
    code = (
        "import sys, tests.beam.test_small_matrices as t\n"
        "sys.stdout.write(''.join(b.coordinates.tobytes().hex() + ' ' for b in t.beams()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [beam.coordinates.tobytes().hex() for beam in beams()]
