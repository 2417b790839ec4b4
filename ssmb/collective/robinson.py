"""Robinson's instability: the synchrotron motion of a point bunch with the field that it leaves in a cavity.

In a turn the bunch passes, moves in z, and the field of the cavity turns and decays:

``delta += K z/(eta C) - (Q/E) sum_(m >= 1) W'(m C) (z_(n-m) - z_n)``, ``z -= eta C delta``, K = 4 sin^2(pi nu_s),

with the wake W of a resonator. Its loss at rest is replaced; that it moves the RF phase is in nu_s. W is the real part
of an exponential, so that all turns before are one complex number and the motion has a 4x4 matrix. Its eigenvalues are
exact for small oscillations; the textbook rate is their first order in the current, wrong once the shift of the tune is
no longer small, and blind to the second limit, at which the field's static force undoes the focusing.

Valid for a bunch short against the wavelength of the cavity, one bunch (or all bunches moving alike), beta = 1.

References
----------
K. W. Robinson, CEAL-1010 (1964).
A. W. Chao, Physics of Collective Beam Instabilities in High Energy Accelerators (Wiley, 1993), section 4.1.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

import numpy as np

from ssmb.arguments import checked
from ssmb.collective.impedances import Resonator
from ssmb.collective.stored_beam import StoredBeam
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.errors import ConfigError, ValidityWarning, warn
from ssmb.quantity import Shown, quantity
from ssmb.ranges import not_negative

#: Steps of the current by which the mode of the bunch is followed from none.
_STEPS = 100
#: Error of the first order that is warned of, and harmonics that are summed beyond the resonance.
_FIRST_ORDER_ERROR, _BEYOND = 0.1, 20
_LEAST_QUALITY = 1.0


@checked
@dataclass(frozen=True)
class RobinsonMotion(Shown):
    """Coherent synchrotron motion of a point bunch with a cavity."""

    current: float = quantity("A", "mean current of the bunch")
    growth: float = quantity("1", "growth rate of the oscillation per turn, < 0 damped")
    tune: float = quantity("2pi", "coherent synchrotron tune; 0 beyond the second limit, where the bunch runs away")
    cavity_growth: float = quantity("1", "growth rate per turn of the other mode, the field of the cavity, < 0 damped")


@checked
def robinson_motion(beam: StoredBeam, cavity: Resonator, current: float) -> RobinsonMotion:
    """Return growth and tune of the dipole oscillation of a bunch with the field of a cavity, exact for small ones.

    Parameters
    ----------
    beam : the ring; its synchrotron tune is that with the RF voltage that the bunch sees at rest.
    cavity : one mode.
    current : mean current of the bunch [A]; that of the ring for a uniform filling whose bunches all move alike.

    Raises
    ------
    ConfigError, PhysicsError
        Numbers out of range, or a coasting beam.

    Examples
    --------
    >>> beam = StoredBeam(energy=600e6, circumference=60.0, slip_factor=2e-3, sigma_delta=5e-4, tune=8e-3)
    >>> motion = robinson_motion(beam, Resonator(2e6, 2e4, 499639096.67), 0.1)
    >>> round(motion.growth, 6), round(motion.tune, 6)
    (-0.000438, 0.008729)
    """
    not_negative("current", current, "A")
    if cavity.quality < _LEAST_QUALITY:
        raise ConfigError(
            f"robinson_motion: a mode has a quality of at least {_LEAST_QUALITY:g}, not {cavity.quality:g}; "
            "the memory of a broad-band resonator ends within a turn"
        )
    followed = cmath.exp(2j * math.pi * beam.synchrotron_tune)
    values = np.zeros(0)
    for at in np.linspace(0.0, current, _STEPS + 1):
        values = np.linalg.eigvals(_turn(beam, cavity, float(at)))
        followed = complex(values[np.argmin(np.abs(values - followed))])
    others = np.delete(values, np.argmin(np.abs(values - followed)))
    partner = int(np.argmin(np.abs(others - followed.conjugate())))
    if abs(followed.imag) < 1e-12:  # two real ones
        followed, others[partner] = max((followed, others[partner]), key=abs), min((followed, others[partner]), key=abs)
    rest = np.delete(others, partner)
    return RobinsonMotion(
        current=float(current),
        growth=math.log(abs(followed)),
        tune=abs(cmath.phase(followed)) / (2.0 * math.pi),
        cavity_growth=float(np.log(np.maximum(np.abs(rest), 1e-300)).max()),
    )


@checked
def robinson_first_order(beam: StoredBeam, cavity: Resonator, current: float) -> float:
    """Return the textbook growth rate per turn, ``(I eta/(2 E Omega_s)) sum_p (p w0 + Omega_s) Re Z(p w0 + Omega_s)``.

    The damping of the beam is added. Warns (ValidityWarning) where it is more than 10 % from :func:`robinson_motion`.

    Parameters
    ----------
    beam, cavity, current : see :func:`robinson_motion`.
    """
    not_negative("current", current, "A")
    turn = SPEED_OF_LIGHT / beam.circumference  # revolutions per second
    omega_s = 2.0 * math.pi * turn * beam.synchrotron_tune
    p = np.arange(1, _BEYOND * math.ceil(cavity.frequency / turn) + _BEYOND)
    rate = 0.0
    for side in (1.0, -1.0):  # Z(-w) is the conjugate of Z(w)
        w = 2.0 * math.pi * turn * p + side * omega_s
        rate += side * float(np.sum(w * np.real(cavity(w / SPEED_OF_LIGHT))))
    central = omega_s * float(np.real(cavity(np.array([omega_s / SPEED_OF_LIGHT])))[0])
    rate = current * beam.slip_factor / (2.0 * beam.energy * omega_s) * (rate + central) - beam.damping
    exact = robinson_motion(beam, cavity, current).growth
    if abs(rate - exact) > _FIRST_ORDER_ERROR * abs(exact):
        warn(
            f"robinson_first_order: {rate:.3g} a turn at {current:.3g} A, but the exact growth is {exact:.3g}: the "
            "current changes the tune, or the focusing, by too much for first order; use robinson_motion",
            ValidityWarning,
        )
    return rate


def _turn(beam: StoredBeam, cavity: Resonator, current: float) -> np.ndarray:
    """4x4 map of (z, delta, Re u, Im u) with u the sum over the turns before, from passage to passage."""
    omega = 2.0 * math.pi * cavity.frequency
    decay = 0.5 * omega / cavity.quality
    ringing = math.sqrt(omega**2 - decay**2)
    rate = complex(-decay, ringing) / SPEED_OF_LIGHT
    size = 2.0 * decay * cavity.shunt_impedance * complex(1.0, decay / ringing)
    slope, over = size * rate, cmath.exp(rate * beam.circumference)
    pull = current * beam.circumference / (SPEED_OF_LIGHT * beam.energy)  # charge over energy [C/eV]
    static = (slope * over / (1.0 - over)).real
    focusing = 4.0 * math.sin(math.pi * beam.synchrotron_tune) ** 2 / beam.slip + pull * static
    kick = np.eye(4)
    kick[1] = [focusing, 1.0, -pull * slope.real, pull * slope.imag]
    kick[1] *= 1.0 - 2.0 * beam.damping
    drift = np.eye(4)
    drift[0, 1] = -beam.slip
    field = np.eye(4)
    field[2:, 2:] = [[over.real, -over.imag], [over.imag, over.real]]
    field[2, 0], field[3, 0] = over.real, over.imag
    return drift @ field @ kick
