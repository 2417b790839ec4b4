"""The light of a strong wiggler: that of a bend at each place of the orbit, added without interference.

Of deflection K an undulator radiates harmonics up to some 3 K^3/8, more than any quadrature follows and than any beam
resolves: an energy spread, or an aperture, mixes them. A photon of a high harmonic comes from a short arc in which the
field is constant, and leaves along its tangent, spread out of the plane of the arc by Schwinger's distribution:

    dW/domega = int ds kappa int dpsi d2W/(domega dOmega),   the directions v(s) + psi b inside the aperture,

kappa the curvature, b across the plane of the arc. The mean over neighbouring harmonics is met to about n^(-2/3)/2, 5 %
at harmonic 30, 1 % at 350.

References
----------
J. Schwinger, Phys. Rev. 75, 1912 (1949), doi:10.1103/PhysRev.75.1912.
R. P. Walker, CERN 98-04, 129 (1998), doi:10.5170/CERN-1998-004.129 (wigglers as a row of bends).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.beam.rows import real_array
from ssmb.constants import ELEMENTARY_CHARGE, FINE_STRUCTURE, HBAR, SPEED_OF_LIGHT
from ssmb.costs import check_cost
from ssmb.errors import ConfigError
from ssmb.light.trajectory import Orbit, undulator_orbit
from ssmb.maps.undulator import Undulator
from ssmb.ranges import finite, positive

Array = NDArray[np.float64]

#: points of the orbit in a pole, Gauss nodes across the plane of an arc
_POINTS, _ACROSS = 128, 24
#: time that an arc takes for a photon energy that it radiates [s]
_SECONDS_OF_AN_ARC = 2e-5
#: exponent of K_(2/3)^2 beyond which there is no light
_DARK = 100.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(_ACROSS)


@checked
def wiggler_spectrum(
    source: Orbit | Undulator,
    photon_energy: ArrayLike,
    half_x: float,
    half_y: float,
    *,
    centre: tuple[float, float] = (0.0, 0.0),
    distance: float = math.inf,
) -> Array:
    """Return dW/domega of one electron through a rectangular aperture [J s], without interference along the orbit.

    Parameters
    ----------
    source : orbit of the electron, or an ideal undulator with end poles; of an orbit the nodes should follow the field.
    photon_energy : [eV], shape (m,) or a number; far above the first harmonic.
    half_x, half_y, centre, distance : as of :func:`ssmb.light.aperture.aperture_spectrum`.

    Examples
    --------
    Through an aperture that takes all, the energy that an electron radiates follows from Larmor's formula:

    >>> from ssmb.beam.reference import Reference
    >>> und = Undulator(Reference(energy=2.5e9), period=0.2, n_periods=10, k=33.6)
    >>> energies = np.geomspace(1e-2, 1e5, 141)
    >>> seen = wiggler_spectrum(und, energies, 0.05, 0.05) * ELEMENTARY_CHARGE / HBAR  # energy per eV
    >>> whole = float(np.sum(0.5 * (seen[1:] + seen[:-1]) * np.diff(energies)))
    >>> round(whole / undulator_orbit(und).radiated_energy(), 2)
    1.0
    """
    x, y = positive("half_x", half_x, "rad"), positive("half_y", half_y, "rad")
    energy = np.atleast_1d(real_array("photon_energy", photon_energy))
    if energy.ndim > 1 or energy.size == 0 or not np.all(np.isfinite(energy)) or not np.all(energy > 0.0):
        raise ConfigError("photon_energy must be a number or a list of finite numbers above zero [eV]")
    middle = [finite("centre", c, "rad") for c in centre]
    orbit = undulator_orbit(source, nodes=_POINTS) if isinstance(source, Undulator) else source
    inverse = 0.0 if distance == math.inf else 1.0 / positive("distance", distance, "m")
    if inverse > 0.0 and not orbit.ends[1, 0] < distance:
        raise ConfigError(f"distance = {distance:g} m lies before the end of the orbit at {orbit.ends[1, 0]:g} m")
    low, high = np.array([middle[0] - x, middle[1] - y]), np.array([middle[0] + x, middle[1] + y])
    orbit = orbit.expanded() if inverse > 0.0 else orbit
    check_cost(
        f"the light of {orbit.rows.shape[1]} arcs at {energy.size} photon energies",
        seconds=_SECONDS_OF_AN_ARC * energy.size * orbit.rows.shape[1], instead="take fewer photon energies",
    )  # fmt: skip
    spectrum = np.zeros(energy.shape)
    for rows, copies in _pieces(orbit):
        spectrum += copies * _of_piece(orbit, rows, energy, low, high, inverse)
    return spectrum.reshape(np.shape(photon_energy))


def _pieces(orbit: Orbit) -> Iterator[tuple[Array, int]]:
    """Parts of the orbit, columns of its nodes, each with the number of its copies; a period with its next node."""
    first, last = orbit.repeated
    if first == last:
        yield orbit.rows, 1
        return
    following = orbit.rows[:, first : first + 1].copy()
    following[0] += orbit.period
    yield orbit.rows[:, : first + 1], 1
    yield np.concatenate((orbit.rows[:, first:last], following), axis=1), orbit.repeats
    yield orbit.rows[:, last:], 1


def _of_piece(orbit: Orbit, rows: Array, energy: Array, low: Array, high: Array, inverse: float) -> Array:
    """Spectrum of the arcs between neighbouring nodes, as far as their light passes the aperture."""
    start, stop = rows[:, :-1], rows[:, 1:]
    middle = 0.5 * (start + stop)
    bend = np.hypot(middle[5], middle[6])
    inside = bend > 0.0
    start, stop, middle, bend = start[:, inside], stop[:, inside], middle[:, inside], bend[inside]
    along = middle[5:7] / bend  # in the plane of the arc, and across it
    across = np.stack([-along[1], along[0]])
    # angles at the place on the orbit under which the edges of the aperture are seen
    left = 1.0 - inverse * middle[0]
    edges = [(edge[:, None] - inverse * middle[1:3]) / left for edge in (low, high)]
    # part of the arc whose tangents pass between the corners
    corners = np.stack([along[0] * a[0] + along[1] * b[1] for a in edges for b in edges])
    at = [along[0] * end[3] + along[1] * end[4] for end in (start, stop)]
    span = at[1] - at[0]
    span = np.where(span == 0.0, 1e-300, span)
    cuts = np.sort(np.stack([(corners.min(0) - at[0]) / span, (corners.max(0) - at[0]) / span]), axis=0).clip(0.0, 1.0)
    part = cuts[1] - cuts[0]
    here = start + 0.5 * (cuts[0] + cuts[1]) * (stop - start)
    lowest, highest = np.full(part.shape, -np.inf), np.full(part.shape, np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        for axis in (0, 1):
            turned = np.abs(across[axis]) > 1e-9
            bounds = np.sort([(e[axis] - here[3 + axis]) / across[axis] for e in edges], axis=0)
            lowest = np.where(turned, np.fmax(lowest, bounds[0]), lowest)
            highest = np.where(turned, np.fmin(highest, bounds[1]), highest)
    seen = (part > 0.0) & (highest > lowest)
    bend, length = np.hypot(here[5], here[6])[seen], (part * (stop[0] - start[0]))[seen]
    spectrum = np.zeros(energy.shape)
    if bend.size:
        for i, one in enumerate(energy):
            spectrum[i] = (length * bend) @ _per_radian(orbit, bend, float(one), lowest[seen], highest[seen])
    return spectrum


def _per_radian(orbit: Orbit, bend: Array, energy: float, low: Array, high: Array) -> Array:
    """Return dW/domega per radian of bends of curvature `bend` [1/m], between two angles across their planes [J s]."""
    from scipy import special  # slow to import

    gamma = orbit.reference.gamma
    y = energy * ELEMENTARY_CHARGE / (1.5 * HBAR * SPEED_OF_LIGHT * gamma**3 * bend)
    bright = y < 2.0 * _DARK
    y = np.where(bright, y, 1.0)
    most = np.sqrt(np.cbrt(1.0 + _DARK / y) ** 2 - 1.0)  # in units of 1/gamma
    edges = [np.arcsinh(np.clip(gamma * angle, -most, most)) for angle in (low, high)]
    half = 0.5 * (edges[1] - edges[0])[:, None]
    t = 0.5 * (edges[1] + edges[0])[:, None] + half * _NODES
    square = np.cosh(t) ** 2  # 1 + (gamma psi)^2
    xi = 0.5 * y[:, None] * square**1.5
    shape = special.kv(2.0 / 3.0, xi) ** 2 + (1.0 - 1.0 / square) * special.kv(1.0 / 3.0, xi) ** 2
    unit = 3.0 * FINE_STRUCTURE * HBAR / (4.0 * math.pi**2) * gamma * y * y
    return np.where(bright, unit * ((half * _WEIGHTS) * np.sqrt(square) * square**2 * shape).sum(axis=1), 0.0)
