"""What a ring does to the beam of a coupling insertion: intrabeam scattering inside it, and the laser that it needs.

The beam that scatters is that without its modulation: between the modulators electrons meet those within about
(transverse size)/gamma, a small part of a laser wavelength, over which the modulation is one momentum for all.

References
----------
See :mod:`ssmb.collective.intrabeam`; the balance with damping is written out in :func:`insertion_intrabeam`.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from ssmb.collective.intrabeam import IntrabeamHeating
from ssmb.dynamics.linear import symplectic_form
from ssmb.dynamics.matrices import jacobians
from ssmb.elements import Element
from ssmb.errors import LatticeError, PhysicsError
from ssmb.facility.ring_intrabeam import IntrabeamEstimate
from ssmb.lattice.program import compile_elements
from ssmb.lattice.tree import Lattice
from ssmb.maps.laser_field import power_for_modulation, rayleigh_length
from ssmb.quantity import quantity
from ssmb.ranges import positive
from ssmb.schemes.insertion import CouplingInsertion

_FORM = symplectic_form(6)
#: Length of the pieces [m]; least change, and most steps, of the balance.
_PIECE, _SAME, _MOST_STEPS = 0.5, 1e-6, 1000


@dataclass(frozen=True)
class InsertionIntrabeam:
    """Intrabeam scattering between the modulators of an insertion, in balance with the damping of the ring."""

    beam: IntrabeamEstimate = quantity("", "emittances and spread without and with it")
    growth_times: tuple[float, float, float] = quantity(
        "s",
        "growth times of emit_x, emit_y and sigma_delta^2 in the balance: value over growth per second",
        dims=("invariant",),
    )
    path_error: float = quantity("m", "rms error of the path between the modulators by the collisions of one pass")

    def beam_of(self, insertion: CouplingInsertion) -> CouplingInsertion:
        """The insertion with the beam that scattering leaves."""
        b = self.beam
        return replace(insertion, emit_x=b.emit_x[1], emit_y=b.emit_y[1], sigma_delta=b.sigma_delta[1])


def insertion_intrabeam(
    insertion: CouplingInsertion,
    *,
    current: float,
    turn_time: float,
    damping: tuple[float, float, float],
    coulomb_log: float = 11.0,
) -> InsertionIntrabeam:
    """Return what collisions between the modulators do to the beam of a ring.

    ``eps = eps_0 + G(eps)/(2 alpha)`` for x, y and sigma_delta^2, G the growth per turn inside the insertion with the
    covariance of each place, vertical dispersion included; the same at every place that the beam passes once a turn.

    Parameters
    ----------
    insertion : with the beam that the ring has without scattering.
    current : local current inside a train [A]; the beam is coasting there.
    turn_time : revolution time, for the growth times only [s].
    damping : amplitude decrements per turn of x, y and delta [1]; a coasting delta is damped with twice the decrement
        of a bunched one.
    coulomb_log : see :func:`ssmb.collective.intrabeam.coulomb_logarithm`.

    Raises
    ------
    PhysicsError
        Scattering finds no balance with the damping.

    Notes
    -----
    The rest of the ring is not counted: its arcs are not part of the insertion. The path error is that of the growth,
    in which friction is contained: in the momentum, which is cold against the angles, that is small.
    """
    section = _cut(insertion)
    rates = [positive("damping", a) for a in damping]
    maps = _maps(section)
    back = -_FORM @ np.swapaxes(maps, 1, 2) @ _FORM  # inverse of a symplectic matrix
    heating = IntrabeamHeating.of(section, current=current, coulomb_log=coulomb_log)
    start = np.array([insertion.emit_x, insertion.emit_y, insertion.sigma_delta**2])
    now = start.copy()
    growth, noise = np.zeros(3), np.zeros((6, 6))
    for _ in range(_MOST_STEPS):
        here = replace(insertion, emit_x=float(now[0]), emit_y=float(now[1]), sigma_delta=math.sqrt(now[2]))
        sigma = maps @ here.sigma @ np.swapaxes(maps, 1, 2)
        noise = np.zeros((6, 6))
        for at in (slice(None, -1), slice(1, None)):  # mean of the rates at both ends of a piece
            noise += 0.5 * np.sum(back[at] @ heating(sigma[at]) @ np.swapaxes(back[at], 1, 2), axis=0)
        growth = _growth(insertion, noise)
        wanted = start + growth / (2.0 * np.array(rates))
        if np.all(np.abs(wanted - now) <= _SAME * now):
            now = wanted  # a small growth keeps its digits
            break
        now = 0.5 * (now + wanted)
    else:
        raise PhysicsError(
            f"intrabeam scattering at {current:g} A finds no balance with the damping: lower the current"
        )
    end = maps[-1] @ noise @ maps[-1].T
    pairs = [(float(a), float(b)) for a, b in zip(start, now, strict=True)]
    times = tuple(float(v * turn_time / g) if g > 0.0 else math.inf for v, g in zip(now, growth, strict=True))
    return InsertionIntrabeam(
        beam=IntrabeamEstimate(
            covers=f"{insertion.mod1} to {insertion.mod2} only, the arcs of the ring are not designed",
            current=current,
            electrons=0.0,
            coulomb_log=coulomb_log,
            emit_x=pairs[0],
            emit_y=pairs[1],
            sigma_delta=(insertion.sigma_delta, math.sqrt(pairs[2][1])),
            sigma_z=(0.0, 0.0),
        ),
        growth_times=(times[0], times[1], times[2]),
        path_error=math.sqrt(max(float(end[4, 4]), 0.0)),
    )


def _cut(insertion: CouplingInsertion) -> Lattice:
    """The section between the modulators in short pieces; what cannot be cut stays whole."""
    line = insertion.lattice
    first, last = line.index(insertion.mod1), line.index(insertion.mod2)
    section = Lattice.from_elements(line.elements[first:last], line.reference)
    inner = np.arange(1, math.ceil(section.length / _PIECE)) * _PIECE
    for i, s in enumerate(inner):
        with suppress(LatticeError):
            section = section.with_markers({f"CUT_{i}": float(s)})
    return section


def _maps(section: Lattice) -> np.ndarray:
    """Matrices (n + 1, 6, 6) from the entrance to the entrance of each element, and to the end."""
    program = compile_elements(section.elements, section.reference)
    maps = [np.eye(6)]
    for i in range(len(section)):
        ops = int(program.first_op[i]), int(program.first_op[i + 1])
        step = jacobians(program, np.zeros((6, 1)), *ops)[0] if ops[1] > ops[0] else np.eye(6)
        maps.append(step @ maps[-1])
    return np.array(maps)


def _growth(insertion: CouplingInsertion, noise: np.ndarray) -> np.ndarray:
    """Growth of eps_x, eps_y and sigma_delta^2 by a covariance that is added at MOD1."""
    found = []
    for i, (d, slope) in enumerate(((0.0, 0.0), insertion.dispersion_y)):
        b, a = insertion.beta[i], insertion.alpha[i]
        kick = np.zeros((2, 6))
        kick[0, 2 * i], kick[0, 5], kick[1, 2 * i + 1], kick[1, 5] = 1.0, -d, 1.0, -slope
        twiss = np.array([[(1.0 + a * a) / b, a], [a, b]])
        found.append(0.5 * float(np.trace(twiss @ (kick @ noise @ kick.T))))
    return np.array([*found, float(noise[5, 5])])


@dataclass(frozen=True)
class LaserNeed:
    """The laser of an insertion."""

    peak_power: float = quantity("W", "peak power that travels with the electrons of a train; 0 if it cannot be told")
    average_power: float = quantity("W", "largest average power that there may be; 0 for no limit")
    duty: float = quantity("1", "share of the turns that the average power allows")
    slip: float = quantity("1", "slip h 2 N lambda of a modulator; a thin kick needs it to be small")
    periods: float = quantity("1", "number of periods of a modulator")


def laser_need(
    insertion: CouplingInsertion, *, filling: float, average_power: float | None = None, pulse_margin: float = 1.2
) -> LaserNeed:
    """Return the laser that makes the chirp in the modulator of the lattice, by the closed form of a Gaussian beam.

    Parameters
    ----------
    insertion : its first modulator is a Wiggler on one side or both sides of the marker.
    filling : average over train current [1].
    average_power : limit [W].
    pulse_margin : length of a laser pulse over that of a train [1].
    """
    halves = _modulator(insertion)
    wavelength, k = insertion.wavelength, 2.0 * math.pi / insertion.wavelength
    length, power = sum(e.length for e in halves), 0.0
    field = halves[0].undulator(insertion.lattice.reference) if halves else None
    periods = length / field.period if field else 0.0
    if field and insertion.spot is not None:
        reference = insertion.lattice.reference
        gain = insertion.chirp / k * reference.p0c * reference.beta
        focus = rayleigh_length(wavelength, insertion.spot)
        power = power_for_modulation(gain, wavelength, focus, field.k, length, reference.gamma)
    share = min(1.0, filling * pulse_margin)
    duty = 1.0 if average_power is None or power == 0.0 else min(1.0, average_power / (power * share))
    return LaserNeed(power, average_power or 0.0, duty, insertion.chirp * 2.0 * periods * wavelength, periods)


def _modulator(insertion: CouplingInsertion) -> list[Element]:
    """The halves of the first modulator; the one behind the marker stands for both if the lattice begins there."""
    line, middle = insertion.lattice.elements, insertion.lattice.index(insertion.mod1)
    reference = insertion.lattice.reference
    behind = [e for e in line[middle + 1 : middle + 2] if e.undulator(reference)]
    before = [e for e in line[max(middle - 1, 0) : middle] if e.undulator(reference)]
    return before + behind if before and behind else 2 * (before or behind)
