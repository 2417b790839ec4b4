"""The light of one electron from its orbit: field, spectral angular density, polarisation, flux.

``G = int (v - n) exp(i k (c t + path of the light)) ds`` over the slope v of the orbit and n of the direction to the
observer, straight lines before and after the orbit included. Per electron, both polarisations or one,

    d2W/(domega dOmega) = alpha hbar k^2/(4 pi^2) |G|^2          [J s/sr], omega > 0

At a finite distance the direction and the distance change along the orbit; only the Coulomb field of the electron
itself is left out, which is smaller by about lambda gamma^2/distance.

References
----------
J. D. Jackson, Classical Electrodynamics, 3rd ed., Wiley (1998), sections 14.5-14.6, ISBN 978-0-471-30932-1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.beam.rows import real_array
from ssmb.constants import ELEMENTARY_CHARGE, FINE_STRUCTURE, HBAR, PLANCK, SPEED_OF_LIGHT
from ssmb.costs import check_cost
from ssmb.errors import ConfigError
from ssmb.kernels.light import electron_field
from ssmb.kernels.threads import most_threads
from ssmb.light.trajectory import MOST_NODES as PANEL_NODES
from ssmb.light.trajectory import Orbit, undulator_orbit
from ssmb.maps.undulator import Undulator
from ssmb.ranges import positive

Complex = NDArray[np.complex128]
Array = NDArray[np.float64]

#: photon energy times wavelength [eV m]
EV_METRE = PLANCK * SPEED_OF_LIGHT / ELEMENTARY_CHARGE
#: nodes per panel that Gauss quadrature needs beyond 0.3 for each radian of phase, where there are several radians
SPARE_NODES = 9
#: most nodes in a pole that are kept in memory
MOST_NODES = 100_000
#: time of a step of the sums, in the nanoseconds of :func:`_sections` and of the nodes of an aperture [s], and memory
#: that a node of an orbit takes [B]
SECONDS_OF_A_STEP, _NODE_BYTES = 2.5e-9, 250.0
#: largest angle of a direction [rad]
LARGEST_ANGLE = 0.3


@checked
def orbit_field(
    orbit: Orbit, theta_x: ArrayLike, theta_y: ArrayLike, photon_energy: ArrayLike, *, distance: float = math.inf
) -> Complex:
    """Return G of an orbit for directions and photon energies [m].

    Parameters
    ----------
    orbit : orbit of the electron.
    theta_x, theta_y : slopes x/distance, y/distance of the place of observation, seen from s = 0 of the orbit [rad],
        arrays of one shape (or broadcast to one).
    photon_energy : [eV], shape (m,) or a number.
    distance : from s = 0 of the orbit to the plane of observation [m]; infinite for the far field.

    Returns
    -------
    complex array of the shape of the angles, then (m,) unless the energy is a number, then (2,) for x and y. The phase
    counts from the entrance of the orbit and, near the source, from a sphere around s = 0.

    Raises
    ------
    ConfigError
        If the nodes of the orbit are too few for the photon energy and angles, or the screen stands inside the orbit.

    Examples
    --------
    >>> from ssmb.beam.reference import Reference
    >>> und = Undulator(Reference(energy=400e6), period=0.01, n_periods=20, k=1.144)
    >>> orbit_field(undulator_orbit(und), [0.0, 1e-4], 0.0, [91.8, 92.0, 92.2]).shape
    (2, 3, 2)
    """
    tx, ty = np.broadcast_arrays(real_array("theta_x", theta_x), real_array("theta_y", theta_y))
    energy = real_array("photon_energy", photon_energy)
    if energy.ndim > 1 or energy.size == 0 or not np.all(np.isfinite(energy)) or not np.all(energy > 0.0):
        raise ConfigError("photon_energy must be a number or a list of finite numbers above zero [eV]")
    if not np.all(tx * tx + ty * ty <= LARGEST_ANGLE**2):
        raise ConfigError(f"angles of observation must be finite and within {LARGEST_ANGLE} rad of the axis")
    inverse = 1.0 / positive_distance(distance)
    near = inverse > 0.0
    if near:
        nodes = orbit.rows.shape[1] + (orbit.repeats - 1) * (orbit.repeated[1] - orbit.repeated[0])
        check_cost("the near field of this orbit", memory=_NODE_BYTES * nodes, instead="take fewer periods")
        orbit = orbit.expanded()
        if not orbit.ends[1, 0] < distance:
            raise ConfigError(f"distance = {distance:g} m lies before the end of the orbit at {orbit.ends[1, 0]:g} m")
    per_metre = energy.ravel() / EV_METRE
    needed = nodes_for(orbit, float(per_metre.max()), largest_slope(tx, ty, orbit, inverse), bends=near)
    if needed > orbit.nodes:
        raise ConfigError(
            f"the orbit has {orbit.nodes} nodes in panels of up to {orbit.panel:.4g} m; light of {energy.max():.6g} "
            f"eV at these "
            f"angles needs {needed}: give more nodes, or shorter panels"
        )
    bounds, copied, samples, carry, each = _sections(orbit, per_metre, largest_slope(tx, ty, orbit, inverse))
    words = f"the field in {tx.size:.3g} directions at {per_metre.size} photon energies"
    check_cost(
        words, memory=64.0 * tx.size * per_metre.size, seconds=SECONDS_OF_A_STEP * each * tx.size / most_threads(),
        instead="take fewer of them",
    )  # fmt: skip
    out = np.empty((tx.size, per_metre.size, 4))
    electron_field(
        np.ascontiguousarray(orbit.rows), bounds, copied, orbit.repeats, orbit.period, orbit.lag_period, orbit.ends,
        orbit.reference.inv_gamma2, inverse, np.ascontiguousarray(tx.ravel()), np.ascontiguousarray(ty.ravel()),
        per_metre, samples, carry, out,
    )  # fmt: skip
    return out.view(np.complex128).reshape(*tx.shape, *energy.shape, 2)


@checked
def undulator_field(
    undulator: Undulator,
    theta_x: ArrayLike,
    theta_y: ArrayLike,
    photon_energy: ArrayLike,
    *,
    end_poles: bool = True,
    distance: float = math.inf,
) -> Complex:
    """Return G of an ideal undulator [m]; arguments and result as in :func:`orbit_field`.

    Parameters
    ----------
    undulator : the radiator; s = 0 is the entrance of its full periods.
    theta_x, theta_y, photon_energy, distance : as in :func:`orbit_field`.
    end_poles : see :func:`ssmb.light.trajectory.undulator_orbit`.

    Examples
    --------
    Without end poles, on axis and on resonance, ``|G| = L K [JJ]/(2 gamma)`` up to 1/gamma^2:

    >>> from ssmb.beam.reference import Reference
    >>> from ssmb.light.statistics import photon_energy
    >>> und = Undulator(Reference(energy=400e6), period=0.01, n_periods=300, k=1.144)
    >>> g = undulator_field(und, 0.0, 0.0, photon_energy(und.wavelength()), end_poles=False)
    >>> round(float(abs(g[0])) / (3.0 * und.k * und.bessel() / (2.0 * und.reference.gamma)), 5)
    1.0
    """
    tx, ty = np.broadcast_arrays(real_array("theta_x", theta_x), real_array("theta_y", theta_y))
    energy = real_array("photon_energy", photon_energy)
    orbit = resolved_orbit(undulator, tx, ty, energy, end_poles=end_poles, distance=distance)
    return orbit_field(orbit, tx, ty, energy, distance=distance)


def resolved_orbit(
    undulator: Undulator, tx: Array, ty: Array, energy: Array, *, end_poles: bool = True, distance: float = math.inf
) -> Orbit:
    """Return the orbit in an undulator with the nodes that this light needs; arguments of :func:`undulator_field`."""
    orbit = undulator_orbit(undulator, end_poles=end_poles, nodes=SPARE_NODES)
    inverse = 1.0 / positive_distance(distance)
    if not energy.size or not np.all(np.isfinite(energy)) or not np.all(tx * tx + ty * ty <= LARGEST_ANGLE**2):
        return orbit  # orbit_field says what is wrong
    per_metre = float(energy.max()) / EV_METRE
    panels = 1
    # the largest slope at the nodes grows a little with their number
    bends = inverse > 0.0
    while (needed := nodes_for(orbit, per_metre, largest_slope(tx, ty, orbit, inverse), bends=bends)) > orbit.nodes:
        if needed * panels > MOST_NODES:
            raise ConfigError(
                f"{energy.max():.6g} eV is about harmonic {per_metre * undulator.wavelength():.3g} of this undulator: "
                f"its field needs {needed * panels} nodes in a pole, at most {MOST_NODES} are taken. wiggler_spectrum "
                "adds the light of its arcs without interference; photon energies are in eV"
            )
        if needed > PANEL_NODES:
            panels *= math.ceil(needed / (0.5 * PANEL_NODES))
            needed = SPARE_NODES
        orbit = undulator_orbit(undulator, end_poles=end_poles, nodes=needed, panels=panels)
    return orbit


@checked
def angular_density(field: Complex, photon_energy: ArrayLike) -> Array:
    """Return d2W/(domega dOmega) of one electron, both polarisations [J s/sr].

    Parameters
    ----------
    field : G of :func:`orbit_field` or :func:`undulator_field`.
    photon_energy : the same as there [eV].
    """
    k = _wave_numbers(field, photon_energy)
    return FINE_STRUCTURE * HBAR * k * k / (4.0 * math.pi**2) * (np.abs(field) ** 2).sum(axis=-1)


@dataclass(frozen=True, eq=False)
class Polarisation:
    """Stokes parameters of the light of one electron, d2W/(domega dOmega) [J s/sr].

    Parameters
    ----------
    s0 : the whole; s1 : x minus y; s2 : 45 minus 135 degrees; s3 : positive helicity minus negative, where positive
        helicity turns from x to y in time (counter-clockwise for an observer who looks at the source).
    """

    s0: Array
    s1: Array
    s2: Array
    s3: Array


@checked
def stokes(field: Complex, photon_energy: ArrayLike) -> Polarisation:
    """Return the Stokes parameters; arguments as in :func:`angular_density`.

    Examples
    --------
    A helical undulator, in which the electron turns from x to y, on axis:

    >>> from ssmb.beam.reference import Reference
    >>> from ssmb.light.statistics import photon_energy
    >>> und = Undulator(Reference(energy=400e6), period=0.01, n_periods=50, k=1.0, helical=True)
    >>> energy = photon_energy(und.wavelength())
    >>> light = stokes(undulator_field(und, 0.0, 0.0, energy, end_poles=False), energy)
    >>> round(float(light.s3 / light.s0), 6)
    1.0
    """
    k = _wave_numbers(field, photon_energy)
    unit = FINE_STRUCTURE * HBAR * k * k / (4.0 * math.pi**2)
    gx, gy = field[..., 0], field[..., 1]
    xx, yy, mixed = np.abs(gx) ** 2, np.abs(gy) ** 2, gx * np.conj(gy)
    # G belongs to exp(-i omega t): a turn from x to y in time is G_y = +i G_x
    return Polarisation(unit * (xx + yy), unit * (xx - yy), 2.0 * unit * mixed.real, -2.0 * unit * mixed.imag)


@checked
def photon_flux(density: ArrayLike, current: float, bandwidth: float = 1e-3) -> Array:
    """Return photons per second and steradian [1/(s sr)] of `density` = d2W/(domega dOmega) [J s/sr].

    Parameters
    ----------
    density : of one electron; dW/domega [J s] gives photons per second.
    current : average current of independent electrons [A].
    bandwidth : relative width of the band [1]; 0.1 % is the custom.
    """
    rate = positive("current", current, "A") / ELEMENTARY_CHARGE
    given = real_array("density", density)
    if not np.all(np.isfinite(given)):
        raise ConfigError("density must be finite numbers [J s/sr] or [J s]")
    return given * (rate * positive("bandwidth", bandwidth) / HBAR)


def nodes_for(orbit: Orbit, per_metre: float, angle: float, *, bends: bool = False) -> int:
    """Return the nodes per panel that light of 1/wavelength [1/m] at angles [rad] to the axis needs [1].

    The phase of the light in a panel is at most k D panel with D = (1/gamma^2 + (slope + angle)^2)/2; the integral by
    parts of the near field (`bends`) has poles in the complex plane that come close for a strong undulator.
    """
    phase = 2.0 * math.pi * per_metre * phase_rate(orbit, angle) * orbit.panel
    turn = 0.0
    if bends:
        curvature = float(np.sqrt(orbit.rows[5] ** 2 + orbit.rows[6] ** 2).max())
        turn = curvature * orbit.panel * orbit.reference.gamma
    return math.ceil(0.3 * phase + 5.0 * turn + 2.0 + (SPARE_NODES - 2.0) * min(1.0, phase / 3.0))


def phase_rate(orbit: Orbit, angle: float) -> float:
    """Return the largest growth of the path of the light per length of the orbit [1]."""
    largest = orbit.largest_slope + angle
    return 0.5 * (orbit.reference.inv_gamma2 + largest * largest)


def positive_distance(distance: float) -> float:
    """Return a distance above zero or infinity [m], or raise ConfigError."""
    return distance if distance == math.inf else positive("distance", distance, "m")


def largest_slope(tx: Array, ty: Array, orbit: Orbit, inverse: float) -> float:
    angle = float(np.sqrt(tx * tx + ty * ty).max()) if tx.size else 0.0
    if inverse == 0.0:
        return angle
    aside = float(np.sqrt(orbit.rows[1] ** 2 + orbit.rows[2] ** 2).max())
    left = max(1.0 - orbit.ends[1, 0] * inverse, 1e-3)
    return (angle + aside * inverse) / left


def _sections(orbit: Orbit, per_metre: Array, angle: float) -> tuple[Array, Array, Array, Array, float]:
    """Return where the orbit is cut, which sections have copies, samples of 1/wavelength with their interpolation, and
    what a direction costs.

    Longer sections need more samples, shorter ones more phases of their middles: the cheapest of some lengths is taken.
    """
    rate = phase_rate(orbit, angle)
    places, options = orbit.rows[0], []
    for size in (32, 64, 128, 256, 512):
        bounds, copied = _cuts(orbit, size)
        longest = max(places[j - 1] - places[i] for i, j in pairwise(bounds))
        number = _samples_for(math.pi * np.ptp(per_metre).item() * 0.5 * rate * longest, per_metre.size)
        # in nanoseconds: a sine and cosine with its four products, four products more, the phase of a middle
        cost = places.size * number * 4.0 + copied.size * per_metre.size * (1.5 * number + 12.0)
        options.append((cost, number, bounds, copied))
    cost, number, bounds, copied = min(options, key=lambda option: option[0])
    return bounds, copied, *_interpolation(per_metre, number), cost


def _cuts(orbit: Orbit, size: int) -> tuple[Array, Array]:
    """Return the bounds of sections of up to `size` nodes that do not cross the bounds of copies, and which have
    copies.
    """
    first, last = orbit.repeated
    bounds, copied = [0], []
    for i, j in ((0, first), (first, last), (last, orbit.rows.shape[1])):
        cuts = np.linspace(i, j, 1 + math.ceil((j - i) / size)).round().astype(np.int64)[1:]
        bounds += list(cuts)
        copied += [i == first and j == last] * len(cuts)
    return np.array(bounds), np.array(copied)


def _samples_for(x: float, most: int) -> int:
    """Return how many Chebyshev samples exp(i x t), |t| < 1, needs to 1e-14, or `most` if that is less."""
    # the coefficients are Bessel functions, J_m(x) <= (x/2)^m/m!
    number, term = 0, 1.0
    while 4.0 * term > 1e-14 and number < most:
        number += 1
        term *= 0.5 * x / number
    return number


def _interpolation(values: Array, number: int) -> tuple[Array, Array]:
    """Return Chebyshev points over the range of the values, and the matrix (number, values) from them to the values."""
    if number >= values.size:
        return values, np.eye(values.size)
    middle, half = 0.5 * (values.max() + values.min()), max(0.5 * np.ptp(values), 1e-300)
    points = np.cos(math.pi * (np.arange(number) + 0.5) / number)
    at_points = np.polynomial.chebyshev.chebvander(points, number - 1)
    at_values = np.polynomial.chebyshev.chebvander((values - middle) / half, number - 1)
    at_values[:, 0] *= 0.5
    return middle + half * points, np.ascontiguousarray(2.0 / number * at_points @ at_values.T)


def _wave_numbers(field: Complex, photon_energy: ArrayLike) -> Array:
    k = real_array("photon_energy", photon_energy) / EV_METRE * 2.0 * math.pi
    if not (np.all(k > 0.0) and np.all(np.isfinite(k))):
        raise ConfigError("photon_energy must be finite and above zero [eV]")
    if not isinstance(field, np.ndarray) or field.ndim == 0:
        raise ConfigError(f"field must be the array that orbit_field or undulator_field returned, not {field!r}")
    if field.shape[-1] != 2 or (k.ndim == 1 and field.shape[-2:-1] != k.shape):
        raise ConfigError(f"a field of shape {field.shape} does not belong to photon energies of shape {k.shape}")
    return k
