"""Small synchrotron oscillations in one RF system, as textbooks have them: the same sigma_z everywhere in the ring.

In a quasi-isochronous ring this is not so: the local slip makes the bunch length vary from place to place
(:func:`ssmb.dynamics.equilibrium` has it). The closed forms are for comparison and first guesses.

References
----------
M. Sands, SLAC-121 (1970), sections 3.6 and 5.4.
"""

from __future__ import annotations

import math

from ssmb.errors import PhysicsError
from ssmb.ranges import finite, not_negative, positive


def synchrotron_tune(
    harmonic: float, voltage: float, slip_factor: float, energy: float, *, beta: float = 1.0, phase: float = 0.0
) -> float:
    """Return Q_s = sqrt(h V eta cos(2 pi phase)/(2 pi beta^2 E)) of small oscillations, Q_s << 1.

    Parameters
    ----------
    harmonic : harmonic number h [1].
    voltage : peak voltage V [V].
    slip_factor : eta = alpha_c - 1/gamma^2 [1].
    energy : total energy E [eV].
    beta : velocity of the reference particle over c [1].
    phase : synchronous phase from the zero crossing at which the head gains energy [2 pi].

    Raises
    ------
    PhysicsError
        If eta cos(2 pi phase) is negative: the motion is not bound.

    Examples
    --------
    >>> f"{synchrotron_tune(80, 500e3, 1.5767e-5, 250e6):.3e}"
    '6.336e-04'
    """
    gain = finite("slip_factor", slip_factor) * math.cos(2.0 * math.pi * finite("phase", phase, "2 pi"))
    if gain < 0.0:
        raise PhysicsError(
            f"slip factor {slip_factor:g} at phase {phase:g}: the head must gain energy where the slip factor is "
            f"positive, "
            "and lose it where it is negative"
        )
    force = positive("harmonic", harmonic) * not_negative("voltage", voltage, "V") * gain
    return math.sqrt(force / (2.0 * math.pi * positive("beta", beta) ** 2 * positive("energy", energy, "eV")))


def bunch_length(sigma_delta: float, slip_factor: float, circumference: float, qs: float) -> float:
    """Return sigma_z = sigma_delta |eta| C/(2 pi Q_s) [m] of a Gaussian bunch without local slip.

    Parameters
    ----------
    sigma_delta : rms relative momentum spread [1].
    slip_factor : eta [1].
    circumference : C [m].
    qs : synchrotron tune [1].

    Examples
    --------
    >>> f"{1e6 * bunch_length(1.842e-4, 2.092e-5, 48.0, 7.3e-4):.1f} um"
    '40.3 um'
    """
    path = abs(finite("slip_factor", slip_factor)) * positive("circumference", circumference, "m")
    return not_negative("sigma_delta", sigma_delta) * path / (2.0 * math.pi * positive("qs", qs))
