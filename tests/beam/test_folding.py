"""Folding against exact rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import ssmb
from ssmb.beam import fold
from ssmb.errors import ConfigError

WAVELENGTH = 1064e-9


def _places() -> np.ndarray:
    rng = np.random.default_rng(1)
    spread = rng.uniform(-1, 1, 5000) * 10.0 ** rng.uniform(-12, 8, 5000)
    ends = (np.arange(-60, 60) + 0.5) * WAVELENGTH
    return np.concatenate(
        [
            spread,
            ends,
            np.nextafter(ends, 1.0),
            np.nextafter(ends, -1.0),
            np.arange(-60, 60) * WAVELENGTH,
            [5e-324, -0.0],
        ]
    )


def test_about_zero_without_any_rounding() -> None:
    z = _places()
    z_in, index = fold(z, WAVELENGTH)
    assert index.dtype == np.int64 and z_in.shape == z.shape
    exact = Fraction(WAVELENGTH)
    assert all(Fraction(a) == Fraction(b) + int(i) * exact for a, b, i in zip(z, z_in, index, strict=True))
    assert z_in.min() >= -0.5 * WAVELENGTH and z_in.max() < 0.5 * WAVELENGTH


@pytest.mark.parametrize("centre", [0.5 * WAVELENGTH, -0.25 * WAVELENGTH, 3.3 * WAVELENGTH, -1e-3])
def test_about_another_centre_to_one_rounding(centre: float) -> None:
    z = _places()
    z_in, index = fold(z, WAVELENGTH, centre)
    exact = Fraction(WAVELENGTH)
    error = max(abs(Fraction(a) - Fraction(b) - int(i) * exact) for a, b, i in zip(z, z_in, index, strict=True))
    assert error <= np.spacing(abs(centre) + WAVELENGTH)
    assert (z_in - centre).min() >= -0.5 * WAVELENGTH and (z_in - centre).max() < 0.5 * WAVELENGTH


def test_shapes_and_folding_twice() -> None:
    z = _places()[:5000].reshape(50, 100)
    z_in, index = fold(z, WAVELENGTH)
    assert z_in.shape == index.shape == (50, 100)
    again, none = fold(z_in, WAVELENGTH)
    assert (again == z_in).all() and not none.any()
    scalar, number = fold(2.25, 1.0)
    assert (float(scalar), int(number)) == (0.25, 2)
    assert fold([], 1.0)[0].shape == (0,)
    assert ssmb.fold is fold


@pytest.mark.parametrize(
    ("z", "wavelength", "centre", "words"),
    [
        ([np.nan], 1e-6, 0.0, "finite"),
        ([1e300], 1e-6, 0.0, "2\\^52"),
        ([0.0], 0.0, 0.0, "wavelength"),
        ([0.0], 1e-6, np.inf, "centre"),
        (["a"], 1e-6, 0.0, "real numbers"),
    ],
)
def test_what_is_refused(z: list, wavelength: float, centre: float, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        fold(z, wavelength, centre)
