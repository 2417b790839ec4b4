"""6x6 maps of sections by central differences of the tracked maps themselves.

Seven particles on a line give the slope of a polynomial of degree six. Coordinates are deviations, so that rounding is
relative to the displacement and not to the size of the machine: 1e-10 and better is reached with displacements of some
micrometres. Estimates of order 2, 4 and 6 from the same particles tell the error; a displacement that is too long (near
a resonance, or against the wavelength of a laser) is shortened until they agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ssmb.arguments import checked
from ssmb.dynamics.closed_orbit import closed_orbit
from ssmb.dynamics.propagation import carry, laser_wavelength, one_thread, op_range, program_of, without
from ssmb.errors import ConfigError, PhysicsError
from ssmb.lattice.program import Program
from ssmb.lattice.tree import Lattice

#: Weights of the differences f(+nh) - f(-nh), n = 1, 2, 3, in estimates of the slope of order 2, 4 and 6.
_WEIGHTS = np.array([[1 / 2, 0, 0], [8 / 12, -1 / 12, 0], [45 / 60, -9 / 60, 1 / 60]])
#: Displacement to begin with [m, 1], and the allowed error of a matrix, relative to its largest entry of a row.
STEP = 1e-5
ACCURACY = 1e-11
_SHORTEST = 1e-11
_ALL = (0, 1, 2, 3, 4, 5)


@checked
def transfer_matrix(
    lattice: Lattice | Program,
    start: str | int | None = None,
    end: str | int | None = None,
    *,
    orbit: Sequence[float] | np.ndarray | str | None = None,
    cavities: bool = True,
    lasers: bool = False,
) -> np.ndarray:
    """Return the 6x6 matrix from the entrance of one element to the entrance of another.

    Parameters
    ----------
    lattice : lattice or compiled program.
    start, end : names or positions of elements; default: the beginning and the end of the lattice.
    orbit : (6,) coordinates at ``start`` about which the map is linear [m, 1]; default: the reference orbit;
        ``"closed"``: the closed orbit of the ring.
    cavities, lasers : with the energy kicks of cavities, of lasers (about the laser phase of the orbit).

    Returns
    -------
    numpy.ndarray
        (6, 6) d(x, px, y, py, z, delta)/d(the same); [4, 5] is r56 [m], > 0: higher energy arrives earlier.

    Raises
    ------
    ConfigError
        Unknown element or place.
    PhysicsError
        A test particle is lost, or no closed orbit exists.

    Examples
    --------
    >>> from ssmb.beam.reference import Reference
    >>> from ssmb.elements import Drift
    >>> line = Lattice.from_elements([Drift(name="d", length=2.0)], Reference(250e6))
    >>> m = transfer_matrix(line)
    >>> float(round(m[0, 1], 9)), float(round(m[4, 5] * line.reference.gamma**2, 9))
    (2.0, 2.0)
    """
    whole = program_of(lattice)
    program = without(whole, cavities=not cavities, lasers=not lasers)
    op_from, op_to = op_range(program, start, end)
    at = np.zeros(6)
    if isinstance(orbit, str):
        if orbit != "closed":
            raise ConfigError(f"orbit must be six numbers, None or 'closed', not {orbit!r}")
        ring = closed_orbit(program, lasers=lasers)
        at = carry(program, ring[:, None], 0, op_from)[:, 0] if op_from else ring
    elif orbit is not None:
        at = np.array(orbit, dtype=float)
        if at.shape != (6,) or not np.isfinite(at).all():
            raise ConfigError("orbit must be six finite numbers x, px, y, py, z, delta")
    return jacobians(program, at[:, None], op_from, op_to)[0]


@dataclass(frozen=True)
class Displaced:
    """Particles about k orbits: the orbits, and each displaced by 1, 2, 3 steps both ways in every free coordinate."""

    orbits: np.ndarray
    free: tuple[int, ...]
    steps: np.ndarray

    def particles(self) -> np.ndarray:
        """(6, k*(1 + 6 f)) coordinates."""
        f = len(self.free)
        out = np.repeat(self.orbits[:, :, None], 1 + 6 * f, axis=2)
        for j, i in enumerate(self.free):
            for n in range(3):
                out[i, :, 1 + 6 * j + 2 * n] += (n + 1) * self.steps[j]
                out[i, :, 2 + 6 * j + 2 * n] -= (n + 1) * self.steps[j]
        return out.reshape(6, -1)

    def slopes(self, coordinates: np.ndarray, order: int = 6) -> np.ndarray:
        """(..., k, 6, f) derivatives of (..., 6, k*(1 + 6 f)) coordinates that began as :meth:`particles`."""
        k, f = self.orbits.shape[1], len(self.free)
        c = coordinates.reshape(*coordinates.shape[:-1], k, 1 + 6 * f)
        pairs = (c[..., 1::2] - c[..., 2::2]).reshape(*c.shape[:-1], f, 3)
        out = pairs @ _WEIGHTS[order // 2 - 1] / self.steps
        return np.moveaxis(out, -3, -2)

    def centre(self, coordinates: np.ndarray) -> np.ndarray:
        """(..., 6, k) coordinates of the undisplaced particles."""
        k, f = self.orbits.shape[1], len(self.free)
        return coordinates.reshape(*coordinates.shape[:-1], k, 1 + 6 * f)[..., 0]


def suited(
    program: Program,
    orbits: np.ndarray,
    op_from: int = 0,
    op_to: int | None = None,
    free: tuple[int, ...] = _ALL,
    accuracy: float = ACCURACY,
) -> tuple[Displaced, np.ndarray]:
    """Return displaced particles with steps short enough for the accuracy, and the (k, 6, f) matrices they give."""
    steps = np.full(len(free), STEP)
    wavelength = laser_wavelength(program)
    if wavelength:
        steps[:] = min(STEP, 2e-3 * wavelength)
    best: tuple[Displaced, np.ndarray] | None = None
    best_error = np.full(len(free), np.inf)
    with one_thread():
        while True:
            made = Displaced(orbits, free, steps)
            out = carry(program, made.particles(), op_from, op_to)
            error = np.full(len(free), np.inf)
            matrix = None
            if not np.isnan(out).any():
                matrix, error = _judged(made, out)
            if best is None or error.max() < best_error.max():
                best, best_error = (made, matrix) if matrix is not None else best, np.minimum(error, best_error)
            if error.max() <= accuracy or steps.min() <= _SHORTEST:
                break
            steps = np.where(error > accuracy, np.maximum(0.2 * steps, _SHORTEST), steps)
    if best is None or best[1] is None:
        raise PhysicsError("a test particle is lost: the map has no derivative here")
    return best


def _judged(made: Displaced, out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Matrices, and the estimated error of each of their columns relative to the largest entries."""
    two, four, six = (made.slopes(out, order) for order in (2, 4, 6))
    scale = np.maximum(1.0, np.abs(six).max(axis=(1, 2), keepdims=True))
    coarse = (np.abs(four - two) / scale).max(axis=(0, 1))
    fine = (np.abs(six - four) / scale).max(axis=(0, 1))
    ratio = np.minimum(1.0, fine / np.maximum(coarse, 1e-300))
    return six, fine * ratio


def jacobians(
    program: Program, orbits: np.ndarray, op_from: int = 0, op_to: int | None = None, free: tuple[int, ...] = _ALL
) -> np.ndarray:
    """Return the (k, 6, f) derivatives of the map of a range of ops about (6, k) orbits."""
    return suited(program, orbits, op_from, op_to, free)[1]
