"""What noise and drifts of a laser do to electrons in its micro-buckets, in closed form.

The smooth limit of small amplitudes and of a small synchrotron tune, noise that is white from turn to turn. Damping
decrements are those of an amplitude in z per turn; emittances are damped twice as fast.
"""

from __future__ import annotations

import math

from ssmb.arguments import checked
from ssmb.ranges import not_negative, positive


@checked
def spread_by_phase_noise(amplitude: float, phase_noise: float, damping: float) -> float:
    """Return the rms momentum spread that white phase noise adds in square [1].

    A phase phi of the laser kicks an electron at the zero crossing by ``A phi``; random kicks raise sigma_delta^2 by
    half of their square a turn, damping takes ``2 alpha``: ``A sigma_phi/sqrt(4 alpha)``.

    Parameters
    ----------
    amplitude : A, peak relative modulation of the momentum [1].
    phase_noise : rms of the phase from turn to turn [rad].
    damping : amplitude decrement alpha per turn [1].

    Examples
    --------
    >>> f"{spread_by_phase_noise(4.2e-4, 1e-3, 1.1e-5):.3g}"
    '6.33e-05'
    """
    kick = positive("amplitude", amplitude) * not_negative("phase_noise", phase_noise, "rad")
    return kick / math.sqrt(4.0 * positive("damping", damping))


@checked
def phase_noise_for_growth(amplitude: float, sigma_delta: float, damping: float, growth: float = 0.1) -> float:
    """Return the rms white phase noise that raises the emittance by a share of itself [rad].

    ``sigma_delta sqrt(4 alpha growth)/A``, see :func:`spread_by_phase_noise`.

    Parameters
    ----------
    amplitude, damping : as in :func:`spread_by_phase_noise`.
    sigma_delta : rms momentum spread without the noise [1].
    growth : of the emittance over itself [1].
    """
    share = positive("damping", damping) * positive("growth", growth)
    return positive("sigma_delta", sigma_delta) * math.sqrt(4.0 * share) / positive("amplitude", amplitude)


@checked
def largest_amplitude_noise(tune: float, damping: float) -> float:
    """Return the rms relative white noise of the amplitude at which heating outruns damping [1].

    Each turn's error of the focusing turns z into a kick ``2 pi nu a`` of its own size: emittances grow by ``(2 pi nu
    sigma_a)^2/2`` of themselves, and damping takes 2 alpha: ``sqrt(4 alpha)/(2 pi nu)``.

    Parameters
    ----------
    tune : synchrotron tune nu [1].
    damping : amplitude decrement alpha per turn [1].
    """
    return math.sqrt(4.0 * positive("damping", damping)) / (2.0 * math.pi * positive("tune", tune))


@checked
def largest_frequency_ramp(tune: float, revolution_time: float, sine: float = 0.1) -> float:
    """Return the ramp of the laser's angular frequency that moves the buckets to a synchronous phase [rad/s^2].

    A phase that gains ``(d omega/dt) T^2`` more from turn to turn is an accelerating frame, in which the kick of the
    synchronous phase holds the electron: ``d omega/dt = sin(phi_s) (2 pi nu)^2/T^2``.

    Parameters
    ----------
    tune : synchrotron tune nu [1].
    revolution_time : T [s].
    sine : sin(phi_s) [1].
    """
    angle = 2.0 * math.pi * positive("tune", tune) / positive("revolution_time", revolution_time, "s")
    return positive("sine", sine) * angle * angle


@checked
def phase_per_turn(length_change: float, wavelength: float) -> float:
    """Return by how much the phase of the laser shifts on each turn in a ring that became longer [rad].

    Parameters
    ----------
    length_change : of the circumference [m].
    wavelength : of the laser [m].
    """
    return 2.0 * math.pi * length_change / positive("wavelength", wavelength, "m")
