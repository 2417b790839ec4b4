"""Wakes from impedances, by Fourier integrals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy

from ssmb.constants import SPEED_OF_LIGHT
from ssmb.errors import ValidityWarning, warn

#: Error of an integral that is told, relative to it.
_TOLD = 1e-3


def wake_by_cosine(impedance: Any, s: Any) -> np.ndarray:
    """Wake of a causal impedance at lengths s > 0 behind the source, ``(2c/pi) Int Re Z cos(k s) dk``; 0 elsewhere.

    Of a transverse one, whose i Zt is the transform, with -Im Zt. The wake of what is not causal is not this. k^(-1/2)
    at the origin is taken by a substitution; the tail by QUADPACK's sums over half waves.

    Warns
    -----
    ValidityWarning
        An integral does not converge: Z does not fall at large k.
    """
    s = np.asarray(s, dtype=float)
    out = np.zeros(s.shape)

    def density(k: float) -> float:
        z = complex(impedance(np.array([k]))[0])
        return z.real if impedance.plane == "longitudinal" else -z.imag

    for place, at in np.ndenumerate(s):
        if at > 0.0:
            end = 2.0 * math.pi / at
            near = scipy.integrate.quad(
                lambda r, at=at: 2.0 * r * density(r * r) * math.cos(r * r * at), 0.0, math.sqrt(end), limit=200
            )[0]
            far = scipy.integrate.quad(  # full_output keeps its words from the user
                density, end, math.inf, weight="cos", wvar=at, limit=400, limlst=400, full_output=1
            )
            if far[1] > _TOLD * abs(near + far[0]):
                warn(
                    f"the wake of '{impedance.kind}' at s = {at:.3g} m is known to {far[1]:.1g} alone", ValidityWarning
                )
            out[place] = 2.0 * SPEED_OF_LIGHT / math.pi * (near + far[0])
    return out
