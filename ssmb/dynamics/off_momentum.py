"""How a ring depends on momentum: path length, time of flight, tunes and dispersion to third order.

Closed orbits at nine momenta about delta give derivatives by central differences of order 6 to 8. With z = -beta c dt a
turn of fixed delta changes z by Delta: the time of flight is T/T0 - 1 = -(Delta/C) beta0/beta, the path length
L/C - 1 = beta/beta0 - 1 - Delta/C, both exact, so that every 1/gamma^2 is in. C and T0 are of the reference
orbit; the coefficients are relative to length and time of the closed orbit at the central momentum, L0 and L0/(beta c),
which differ from them where kicks or misalignments move the orbit. Then dT/T = dL/L - dbeta/beta holds for any orbit:
eta = alpha_c - 1/gamma^2 on momentum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssmb.dynamics.closed_orbit import find_orbits
from ssmb.dynamics.linear import is_coupled, mode_tune_derivatives, periodic_plane
from ssmb.dynamics.matrices import suited
from ssmb.dynamics.propagation import carry, one_thread
from ssmb.errors import PhysicsError
from ssmb.kernels.objects import pure_python
from ssmb.kernels.primitives import velocity_excess
from ssmb.lattice.program import Program

#: Distance of the momenta [1].
DELTA_STEP = 2.5e-4
#: Weights at -4 .. 4 of the first, second and third derivative (times step, step^2, step^3).
WEIGHTS = np.array(
    [
        [1 / 280, -4 / 105, 1 / 5, -4 / 5, 0.0, 4 / 5, -1 / 5, 4 / 105, -1 / 280],
        [-1 / 560, 8 / 315, -1 / 5, 8 / 5, -205 / 72, 8 / 5, -1 / 5, 8 / 315, -1 / 560],
        [-7 / 240, 3 / 10, -169 / 120, 61 / 30, 0.0, -61 / 30, 169 / 120, -3 / 10, 7 / 240],
    ]
)
CENTRE = 4


@dataclass(frozen=True)
class OffMomentum:
    """Derivatives with respect to delta at fixed energy of a turn.

    ``length`` is that of the closed orbit at the central momentum [m]; ``path`` and ``time`` hold the coefficients of
    delta, delta^2, delta^3 of length and revolution time over those of this orbit; ``tunes`` the first and second
    derivatives of both tunes, (2, 2). ``orbits`` are the nine closed orbits, (6, 9), ``step`` their distance.
    """

    orbits: np.ndarray
    step: float
    length: float
    path: np.ndarray
    time: np.ndarray
    tunes: np.ndarray

    @property
    def orbit(self) -> np.ndarray:
        """Closed orbit at the central momentum, (6,)."""
        return self.orbits[:, CENTRE]


def derivatives(values: np.ndarray, step: float) -> np.ndarray:
    """First, second and third derivative of (..., 9) values at steps -4 .. 4, as (3, ...)."""
    return np.moveaxis(values @ WEIGHTS.T, -1, 0) / np.array([step, step**2, step**3]).reshape(
        -1, *[1] * (values.ndim - 1)
    )


def off_momentum(program: Program, delta: float, step: float = DELTA_STEP, tunes: bool = True) -> OffMomentum:
    """Find closed orbits, flight times and tunes about ``delta``; the program must have no energy kicks.

    Raises
    ------
    PhysicsError
        If an element changes the momentum, or there is no stable orbit at these momenta.
    """
    for attempt in (step, 0.2 * step, 0.04 * step):
        deltas = delta + attempt * np.arange(-CENTRE, CENTRE + 1)
        start = np.zeros((6, deltas.size))
        start[5] = deltas
        try:
            orbits = find_orbits(program, start, 4)
            break
        except PhysicsError:
            if attempt == 0.04 * step:
                raise
    with one_thread():
        change = carry(program, orbits) - orbits
    if np.abs(change[5]).max() > 1e-12:
        raise PhysicsError(
            f"a turn changes the momentum at fixed energy: {', '.join(program.changers())} acts on delta. Optics at "
            "constant momentum, which the slip factor and the dispersion are made of, is not defined with it"
        )
    ref = program.reference
    excess = np.array([pure_python(velocity_excess)(d, ref.inv_gamma2, ref.beta**2) for d in deltas])
    slip = -change[4] / program.length if program.length else np.zeros(deltas.size)
    factorial = np.array([1.0, 2.0, 6.0])
    path, time = excess + slip, slip / (1.0 + excess)
    return OffMomentum(
        orbits=orbits,
        step=attempt,
        length=program.length * (1.0 + float(path[CENTRE])),
        path=derivatives(path, attempt) / factorial / (1.0 + path[CENTRE]),
        time=derivatives(time, attempt) / factorial / (1.0 + time[CENTRE]),
        tunes=_tune_derivatives(program, orbits, attempt) if tunes else np.zeros((2, 2)),
    )


def _tune_derivatives(program: Program, orbits: np.ndarray, step: float) -> np.ndarray:
    """(derivative, plane) of the tunes; of the modes that there are at the central momentum, if any is coupled."""
    m4 = suited(program, orbits, free=(0, 1, 2, 3))[1][:, :4]
    if is_coupled(m4):
        first, second, _ = derivatives(np.moveaxis(m4, 0, -1), step)
        return mode_tune_derivatives(m4[CENTRE], first, second)
    q = np.array([[periodic_plane(m[:2, :2], "x")[0], periodic_plane(m[2:, 2:], "y")[0]] for m in m4])
    from_centre = (q - q[CENTRE] + 0.5) % 1.0 - 0.5
    return derivatives(from_centre.T, step)[:2]
