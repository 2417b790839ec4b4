"""Bunching spectra: b at very many wavelengths at once by a non-uniform fast Fourier transform.

References
----------
A. H. Barnett, J. Magland, L. af Klinteberg, SIAM J. Sci. Comput. 41, C479 (2019), doi:10.1137/18M120885X (finufft).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.beam.bunching import bunching_factor, living, shot_noise_level
from ssmb.beam.rows import real_array
from ssmb.errors import ConfigError
from ssmb.quantity import quantity
from ssmb.ranges import positive

#: the transform works on a grid of about 4/pi (half range of z)(half range of k) points; more is refused (1 GiB)
MOST_GRID_POINTS = 2**26


@dataclass(frozen=True)
class BunchingSpectrum:
    """Bunching factor against wavelength."""

    wavelengths: NDArray[np.float64] = quantity("m", "wavelengths", dims=("wavelengths",))
    wavenumbers: NDArray[np.float64] = quantity("1/m", "wavenumbers 2 pi/wavelength", dims=("wavelengths",))
    bunching: NDArray[np.complex128] = quantity("1", "complex bunching factor", dims=("wavelengths",))
    shot_noise: float = quantity("1", "rms |b| of as many random macroparticles")


@checked
def bunching_spectrum(
    beam_or_z: Any,
    wavelengths: ArrayLike | None = None,
    *,
    wavenumbers: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    tolerance: float = 1e-12,
) -> BunchingSpectrum:
    """Return the bunching factor at many wavelengths, by finufft (extra ``nufft``).

    Parameters
    ----------
    beam_or_z : a Beam, of which the living particles count, or places z [m].
    wavelengths : wavelengths [m], > 0, shape (m,), or
    wavenumbers : 2 pi/wavelength [1/m], > 0, shape (m,): one of the two.
    weight : weights of the places, if no Beam is given.
    tolerance : error that is asked of the transform, 1e-14 ... 1e-2.

    Returns
    -------
    Spectrum with b of the definition in :func:`ssmb.beam.bunching.bunching_factor`. The error of b is about
    ``tolerance + 1e-16 K Z``, K and Z the largest wavenumber and half the length of the beam (1e-10 for 3 mm at 13.5
    nm). One thread is used, so that the result is always the same to the bit.

    Raises
    ------
    ConfigError
        Arguments out of range; a beam too long for these wavenumbers; finufft is not installed.
    PhysicsError
        No particle is alive.
    """
    k, lengths = _grid(wavelengths, wavenumbers)
    eps = positive("tolerance", tolerance)
    if not 1e-14 <= eps <= 1e-2:
        raise ConfigError(f"tolerance must lie in [1e-14, 1e-2], not {tolerance!r}")
    z, w = living(beam_or_z, weight)
    z, w = z[w > 0.0], w[w > 0.0]
    centre, half_z, half_k = 0.5 * (z.min() + z.max()), 0.5 * np.ptp(z), 0.5 * np.ptp(k)
    points = 4.0 / math.pi * half_z * half_k
    if points > MOST_GRID_POINTS:
        raise ConfigError(
            f"a beam of {2.0 * half_z:.3g} m and wavenumbers over {2.0 * half_k:.3g} 1/m need a transform of "
            f"{points:.3g} points (at most {MOST_GRID_POINTS:.3g}); take fewer wavelengths with bunching_factor, "
            "or a shorter part of the beam"
        )
    found = _finufft().nufft1d3(z - centre, w + 0j, k, isign=-1, eps=eps, nthreads=1)
    # the phase of the centre by the direct sum, which takes whole periods off exactly
    return BunchingSpectrum(lengths, k, found * bunching_factor([centre], lengths) / w.sum(), shot_noise_level(w))


def _grid(wavelengths: ArrayLike | None, wavenumbers: ArrayLike | None) -> tuple[NDArray, NDArray]:
    """Return wavenumbers and wavelengths from the one of the two that is given."""
    if (wavelengths is None) == (wavenumbers is None):
        raise ConfigError("a spectrum needs either wavelengths [m] or wavenumbers [1/m], one of the two")
    name, given = ("wavenumbers", wavenumbers) if wavelengths is None else ("wavelengths", wavelengths)
    values = np.atleast_1d(real_array(name, given))  # type: ignore[arg-type]
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all() or values.min() <= 0.0:
        raise ConfigError(f"{name} must be a one-dimensional array of finite numbers above zero")
    other = 2.0 * math.pi / values
    if not np.isfinite(other).all():
        raise ConfigError(f"{name} are too small to be inverted")
    return (values, other) if wavelengths is None else (other, values)


def _finufft() -> Any:
    """Import finufft, or say how to install it."""
    try:
        import finufft
    except ImportError:
        raise ConfigError(
            "bunching spectra need finufft, which is not installed: pip install 'ssmb[nufft]' "
            "(bunching_factor does without, one wavelength after the other)"
        ) from None
    return finufft
