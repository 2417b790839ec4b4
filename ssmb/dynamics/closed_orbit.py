"""Closed orbits by Newton's method: all displaced particles of all orbits travel in one tile."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ssmb.arguments import checked
from ssmb.dynamics.energy_balance import check_voltage
from ssmb.dynamics.propagation import carry, has_cavities, laser_wavelength, one_thread, program_of, without
from ssmb.errors import ConfigError, PhysicsError
from ssmb.lattice.facts import check_radio_frequency
from ssmb.lattice.program import Program
from ssmb.lattice.tree import Lattice
from ssmb.ranges import finite

#: Displacements of the particles that give the derivatives [m, 1].
_STEP = 1e-6
#: An orbit is closed when it returns to itself within this [m, 1], far below every length of interest.
TOLERANCE = 1e-12
#: So near to it [m, 1] a step with the last derivatives leaves a millionth of the error, in one thirteenth of the time.
_NEAR = 1e-6


@checked
def closed_orbit(
    lattice: Lattice | Program,
    *,
    dim: int | None = None,
    delta: float = 0.0,
    dz: float = 0.0,
    lasers: bool = False,
    guess: Sequence[float] | np.ndarray | None = None,
    max_iterations: int = 30,
) -> np.ndarray:
    """Return the closed orbit at the beginning of the lattice.

    Parameters
    ----------
    lattice : lattice or compiled program.
    dim : 4: at fixed momentum ``delta``, energy kicks off. 5: energy kicks off, at the momentum at which a turn changes
        z by ``dz``. 6: with cavities. Default: 6 if a cavity has voltage, else 4.
    delta : relative momentum deviation [1] (dim 4; otherwise where to begin).
    dz : change of z per turn [m] (dim 5); > 0: the particle arrives earlier each turn.
    lasers : with the kicks of lasers (dim 6). They have a closed orbit in every micro-bucket; the one near the guess
        is found.
    guess : (6,) where to begin [m, 1].
    max_iterations : Newton steps at most.

    Returns
    -------
    numpy.ndarray
        (6,) x, px, y, py, z, delta [m, 1].

    Raises
    ------
    ConfigError
        Wrong arguments.
    LatticeError
        The frequency of a cavity is not a harmonic of the revolution (dim 6).
    PhysicsError
        No closed orbit was found, or a turn with radiation loses more than the cavities can give.

    Examples
    --------
    >>> import math
    >>> from ssmb.beam.reference import Reference
    >>> from ssmb.elements import Bend
    >>> half = [Bend(length=1.0, angle=math.pi / 2, Kn1=0.3), Bend(length=1.0, angle=math.pi / 2, Kn1=0.3)]
    >>> ring = Lattice.from_elements(half * 2, Reference(1e9))
    >>> orbit = closed_orbit(ring, delta=1e-6)
    >>> bool(abs(orbit[0] - 1e-6 * 1.57079632679 / (1.5707963**2 + 0.3)) < 1e-11)
    True
    """
    whole = program_of(lattice)
    if dim is None:
        dim = 6 if has_cavities(whole) else 4
    if dim not in (4, 5, 6):
        raise ConfigError(f"dim must be 4, 5 or 6, not {dim!r}")
    program = without(whole, cavities=dim < 6, lasers=dim < 6 or not lasers)
    start = np.zeros(6) if guess is None else np.array(guess, dtype=float)
    if start.shape != (6,) or not np.isfinite(start).all():
        raise ConfigError("guess must be six finite numbers x, px, y, py, z, delta")
    if guess is None or dim == 4:
        start[5] = finite("delta", delta)
    if dim == 6 and not program.changers():
        raise PhysicsError("no closed orbit in 6 dimensions: nothing changes the energy; use dim=4, or dim=5")
    if dim == 6:
        if isinstance(lattice, Lattice):
            check_radio_frequency(lattice)
        check_voltage(program)
    found = find_orbits(program, start[:, None], dim, finite("dz", dz, "m"), max_iterations)
    return found[:, 0]


def find_orbits(program: Program, start: np.ndarray, dim: int, dz: float = 0.0, max_iterations: int = 30) -> np.ndarray:
    """Newton's method for (6, k) orbits at once; energy kicks that do not belong must be gone from the program."""
    free = {4: (0, 1, 2, 3), 5: (0, 1, 2, 3, 5), 6: (0, 1, 2, 3, 4, 5)}[dim]
    rows = {4: (0, 1, 2, 3), 5: (0, 1, 2, 3, 4), 6: (0, 1, 2, 3, 4, 5)}[dim]
    wavelength = laser_wavelength(program) if dim == 6 else 0.0
    steps = np.full(len(free), _STEP)
    if wavelength:
        steps[:] = min(_STEP, 1e-4 * wavelength)
    orbit, best, best_error = start.copy(), start.copy(), np.full(start.shape[1], np.inf)
    stuck = taken = 0
    near = False  # enough for the last derivatives to do
    with one_thread():
        for _ in range(max_iterations):
            taken += 1
            if near:
                residual = _residual(program, orbit, rows, dz)
            else:
                residual, jacobian = _residual_and_jacobian(program, orbit, free, rows, steps, dz)
            error = np.abs(residual).max(axis=1)
            if np.isnan(error).any():
                raise _none(dim, "a test particle is lost on the way")
            better = error < best_error
            best[:, better] = orbit[:, better]
            improved = error < 0.5 * best_error
            best_error = np.minimum(error, best_error)
            if best_error.max() == 0.0:
                break
            stuck = 0 if improved.any() else stuck + 1
            near = not stuck and error.max() < _NEAR
            if stuck and best_error.max() < TOLERANCE or stuck > 8:
                break
            try:
                move = np.linalg.solve(jacobian, -residual[:, :, None])[:, :, 0].T
            except np.linalg.LinAlgError:
                raise _none(dim, "a tune is an integer, or a turn does not depend on the momentum") from None
            orbit = orbit.copy()
            orbit[list(free)] += move * np.minimum(1.0, 0.1 / np.maximum(np.abs(move).max(axis=0), 1e-300))
    if not best_error.max() < TOLERANCE:
        raise _none(dim, f"after {taken} steps a turn still moves the particle by {best_error.max():.3g} (m or 1)")
    return best


def _residual(program: Program, orbit: np.ndarray, rows: tuple[int, ...], dz: float) -> np.ndarray:
    """What a turn changes beyond what it should (k, r)."""
    residual = (carry(program, orbit) - orbit)[list(rows)].T.copy()
    if 4 in rows:
        residual[:, rows.index(4)] -= dz
    return residual


def _residual_and_jacobian(
    program: Program, orbit: np.ndarray, free: tuple[int, ...], rows: tuple[int, ...], steps: np.ndarray, dz: float
) -> tuple[np.ndarray, np.ndarray]:
    """What a turn changes beyond what it should, (k, r), and its derivatives, (k, r, f)."""
    k, f = orbit.shape[1], len(free)
    particles = np.repeat(orbit[:, :, None], 1 + 2 * f, axis=2)
    for j, i in enumerate(free):
        particles[i, :, 1 + 2 * j] += steps[j]
        particles[i, :, 2 + 2 * j] -= steps[j]
    begin = particles.reshape(6, -1)
    change = (carry(program, begin) - begin).reshape(6, k, 1 + 2 * f)[list(rows)]
    residual = change[:, :, 0].T.copy()
    if 4 in rows:
        residual[:, rows.index(4)] -= dz
    jacobian = ((change[:, :, 1::2] - change[:, :, 2::2]) / (2.0 * steps)).transpose(1, 0, 2)
    return residual, jacobian


def _none(dim: int, why: str) -> PhysicsError:
    return PhysicsError(
        f"no closed orbit in {dim} dimensions: {why}. Check the strengths, the momentum deviation and the guess"
        + ("; a cavity needs zero_phase ABOVE_TRANSITION where the slip factor is positive" if dim == 6 else "")
    )
