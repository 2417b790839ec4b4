"""Numbers of electrons and photons behind a coherent signal, and how much it fluctuates.

References
----------
X. Deng et al., J. Synchrotron Rad. 30, 35 (2023), doi:10.1107/S1600577522009973.
"""

from __future__ import annotations

import math

from ssmb.arguments import checked
from ssmb.constants import ELEMENTARY_CHARGE, PLANCK, SPEED_OF_LIGHT
from ssmb.errors import PhysicsError
from ssmb.ranges import count, modulus, not_negative, positive, positive_or_infinite


def electrons_per_wavelength(current: float, wavelength: float) -> float:
    """Return the electrons of one micro-bucket, I lambda/(e c) [1].

    Parameters
    ----------
    current : local current [A].
    wavelength : spacing of the micro-buckets [m].

    Examples
    --------
    >>> round(electrons_per_wavelength(1.0, 1064e-9))
    22152
    """
    return (
        not_negative("current", current, "A")
        * positive("wavelength", wavelength, "m")
        / (ELEMENTARY_CHARGE * SPEED_OF_LIGHT)
    )


def coherent_to_incoherent(n_periods: int, bunching: complex, current: float, wavelength: float) -> float:
    """Return coherent over central-cone incoherent power, N b^2 (I/e) lambda/c [1].

    Both at the best detuning, point-like beam: the electrons within one slippage length times b^2.

    Parameters
    ----------
    n_periods : N [1].
    bunching : b at the wavelength [1].
    current : local current [A].
    wavelength : wavelength of the light [m].

    Examples
    --------
    >>> round(coherent_to_incoherent(300, 0.1, 1.0, 13.5e-9))
    843
    """
    b = modulus("bunching", bunching)
    return count("n_periods", n_periods) * b * b * electrons_per_wavelength(current, wavelength)


def relative_variance(
    bunching: complex, bunching_double: complex, n_electrons: float, n_photons: float = math.inf
) -> float:
    """Return the relative variance of the coherent power of `n_electrons` point-like electrons [1].

    ``(2/N)[1/|b1|^2 + Re(b2 b1*^2)/|b1|^4 - 2] + 1/<photons>``, to leading order in 1/N: the electrons are drawn
    independently from the same density.

    Parameters
    ----------
    bunching : b at the wavelength of the light [1].
    bunching_double : b at half that wavelength [1].
    n_electrons : electrons that radiate together [1].
    n_photons : mean number of detected photons; infinite leaves the quantum part out [1].

    Notes
    -----
    Validity: N |b1|^2 >> 1. The mean of M independent groups has 1/M of it.

    Examples
    --------
    A Gaussian microbunch with k sigma = 1:

    >>> round(relative_variance(math.exp(-0.5), math.exp(-2.0), 1e5) * 1e5, 4)
    2.1723
    """
    modulus("bunching", bunching)
    modulus("bunching_double", bunching_double)
    power = abs(bunching) ** 2
    if power == 0.0:
        raise PhysicsError("without bunching there is no coherent power whose variance could be given")
    correlation = (complex(bunching_double) * complex(bunching).conjugate() ** 2).real
    from_electrons = 2.0 / positive("n_electrons", n_electrons) * (1.0 / power + correlation / power**2 - 2.0)
    return from_electrons + 1.0 / positive_or_infinite("n_photons", n_photons)


def noise_spread(ratio: float) -> float:
    """Return the relative rms spread of ``|b|^2`` or of a coherent power by the noise of macroparticles [1].

    ``sqrt(2 r + r^2)``: a constant field with a Gaussian one of random phase beside it; of a quiet start at most this.

    Parameters
    ----------
    ratio : r, power of the noise over that of the signal: 1/(n |b|^2) of n equal particles at random [1].

    References
    ----------
    J. W. Goodman, Statistical Optics, 2nd ed., Wiley (2015), section 2.9.4, ISBN 978-1-119-00945-0.

    Examples
    --------
    >>> round(noise_spread(1.0 / (10_000 * 0.1**2)), 4)
    0.1418
    """
    r = positive_or_infinite("ratio", ratio) if ratio else 0.0
    return math.sqrt(r) * math.sqrt(2.0 + r)


@checked
def bunching_within(bunching: float, spread: float) -> tuple[float, float]:
    """Return the range of |b| [1] that a relative rms spread of ``|b|^2`` leaves, see :func:`noise_spread`.

    >>> [round(b, 4) for b in bunching_within(0.1, 0.19)], bunching_within(0.1, 2.0)[0]
    ([0.09, 0.1091], 0.0)
    """
    b, s = not_negative("bunching", bunching), not_negative("spread", spread)
    return b * math.sqrt(max(0.0, 1.0 - s)), b * math.sqrt(1.0 + s)


@checked
def photon_energy(wavelength: float) -> float:
    """Return the photon energy [eV] of a wavelength [m].

    >>> round(photon_energy(13.5e-9), 2)
    91.84
    """
    return PLANCK * SPEED_OF_LIGHT / (positive("wavelength", wavelength, "m") * ELEMENTARY_CHARGE)


@checked
def photon_rate(power: float, wavelength: float) -> float:
    """Return photons per second [1/s] of a power [W] at a wavelength [m] (or photons, of an energy [J]).

    >>> round(photon_rate(1e3, 13.5e-9) / 1e19, 3)
    6.796
    """
    return not_negative("power", power, "W") * positive("wavelength", wavelength, "m") / (PLANCK * SPEED_OF_LIGHT)
