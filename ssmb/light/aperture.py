"""The light of one electron through an aperture: the sum of its field over directions, or of its arcs where fringes are
too many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.beam.rows import real_array
from ssmb.costs import check_cost
from ssmb.errors import ConfigError
from ssmb.kernels.threads import most_threads
from ssmb.light.angular import composite_nodes
from ssmb.light.single_electron import (
    EV_METRE,
    LARGEST_ANGLE,
    SECONDS_OF_A_STEP,
    SPARE_NODES,
    Array,
    angular_density,
    largest_slope,
    orbit_field,
    phase_rate,
    positive_distance,
    resolved_orbit,
)  # fmt: skip
from ssmb.light.trajectory import Orbit, undulator_orbit
from ssmb.light.wiggler import wiggler_spectrum
from ssmb.maps.undulator import Undulator
from ssmb.ranges import finite, positive

#: directions times nodes of one photon energy that an aperture is worth, and the harmonic from which, beyond that, its
#: light is added without interference, if so many harmonics reach the aperture at one photon energy: 7 % of it are left
_MOST_WORK, _MANY_HARMONICS, _HARMONICS_SEEN = 2e8, 30, 4.0
#: directions times photon energies that are held in memory at once
_BLOCK = 1_000_000


@checked
def aperture_spectrum(
    source: Orbit | Undulator,
    photon_energy: ArrayLike,
    half_x: float,
    half_y: float,
    *,
    centre: tuple[float, float] = (0.0, 0.0),
    distance: float = math.inf,
) -> Array:
    """Return dW/domega of one electron through a rectangular aperture [J s]; :func:`photon_flux` makes photons of it.

    Parameters
    ----------
    source : orbit of the electron, or an ideal undulator with end poles.
    photon_energy : [eV], shape (m,) or a number.
    half_x, half_y : half widths of the aperture over its distance [rad].
    centre : of the aperture [rad].
    distance : as in :func:`ssmb.light.single_electron.orbit_field` [m].

    Notes
    -----
    From harmonic 30 of an undulator on, an aperture that four harmonics or more reach at one photon energy, and that
    would take more than seconds, is not summed field by field: the light is that of
    :func:`ssmb.light.wiggler.wiggler_spectrum`, the mean over neighbouring harmonics. A narrower one sees their lines.

    Examples
    --------
    A wide aperture at resonance lets (pi/2) alpha hbar N Q_1 pass, and a little more of the second harmonic:

    >>> from ssmb.beam.reference import Reference
    >>> from ssmb.constants import FINE_STRUCTURE, HBAR
    >>> from ssmb.light.statistics import photon_energy
    >>> und = Undulator(Reference(energy=400e6), period=0.01, n_periods=60, k=0.3)
    >>> got = aperture_spectrum(und, photon_energy(und.wavelength()), 6e-4, 6e-4)
    >>> round(float(got) / (0.5 * math.pi * FINE_STRUCTURE * HBAR * 60 * und.kim_q()), 1)
    1.0
    """
    x, y = positive("half_x", half_x, "rad"), positive("half_y", half_y, "rad")
    energy = real_array("photon_energy", photon_energy)
    if energy.size == 0 or not np.all(np.isfinite(energy)):
        raise ConfigError("photon_energy must be a number or a list of finite numbers above zero [eV]")
    orbit = source
    corner = [abs(finite("centre", c, "rad")) + half for c, half in zip(centre, (x, y), strict=True)]
    if not math.hypot(*corner) <= LARGEST_ANGLE:
        raise ConfigError(f"the aperture reaches to {math.hypot(*corner):.3g} rad; allowed are {LARGEST_ANGLE} rad")
    sides = ((x, centre[0]), (y, centre[1]))
    if isinstance(orbit, Undulator):
        many = _many_fringes(orbit, energy, sides, corner, distance)
        if np.any(many):
            rest = energy.ravel()[~many]
            both = np.empty(many.shape)
            seen = {"centre": centre, "distance": distance}
            both[many] = wiggler_spectrum(orbit, energy.ravel()[many], x, y, **seen)
            both[~many] = aperture_spectrum(orbit, rest, x, y, **seen) if rest.size else 0.0
            return both.reshape(energy.shape)
        orbit = resolved_orbit(orbit, np.array(corner[0]), np.array(corner[1]), energy, distance=distance)
    axes = []
    for half, middle in sides:
        panels = int(_panels(source, float(energy.max()), half, middle))
        axes.append(composite_nodes(np.linspace(middle - half, middle + half, panels + 1)))
    (tx, weight_x), (ty, weight_y) = axes
    work = float(tx.size) * ty.size * orbit.rows.shape[1] * energy.size
    check_cost(
        f"an aperture with fringes in {float(tx.size) * ty.size:.2g} directions, {orbit.rows.shape[1]} nodes each,",
        seconds=4.0 * SECONDS_OF_A_STEP * work / most_threads(),
        instead="take a narrower one, or wiggler_spectrum, which adds arcs without interference",
    )
    spectrum = np.zeros(energy.shape)
    number = tx.size * ty.size
    step = max(1, _BLOCK // energy.size)
    for first in range(0, number, step):
        row, column = np.divmod(np.arange(first, min(first + step, number)), tx.size)
        field = orbit_field(orbit, tx[column], ty[row], energy, distance=distance)
        weight = weight_y[row] * weight_x[column]
        spectrum += np.real(np.tensordot(weight, angular_density(field, energy), axes=1))
    return spectrum


def _panels(source: Orbit | Undulator, energy: Any, half: float, middle: float) -> Any:
    """Panels of 16 nodes over one side of an aperture."""
    # the fringes of the aperture turn with k L theta; a panel takes 10 rad of them, or 1/gamma
    turn = 2.0 * math.pi / EV_METRE * energy * source.length * (abs(middle) + half)
    return 1 + np.ceil(2.0 * half * np.maximum(0.1 * turn, source.reference.gamma))


def _many_fringes(
    undulator: Undulator, energy: Array, sides: Sequence[tuple[float, float]], corner: Sequence[float], distance: float
) -> NDArray[np.bool_]:
    """Whether the light of each photon energy is that of many high harmonics, with too many fringes to sum."""
    each = energy.ravel()
    nearest = [max(0.0, abs(middle) - half) for half, middle in sides]
    seen = 0.5 * undulator.period / EV_METRE * each * (math.hypot(*corner) ** 2 - math.hypot(*nearest) ** 2)
    orbit = undulator_orbit(undulator, nodes=SPARE_NODES)
    slope = largest_slope(np.array(corner[0]), np.array(corner[1]), orbit, 1.0 / positive_distance(distance))
    nodes = SPARE_NODES + 0.3 * 2.0 * math.pi / EV_METRE * each * phase_rate(orbit, slope) * orbit.panel
    poles = 2.0 * (undulator.n_periods if distance < math.inf else 1) + 4.0
    directions = 256.0 * _panels(undulator, each, *sides[0]) * _panels(undulator, each, *sides[1])
    harmonic = each / EV_METRE * undulator.wavelength()
    many = (harmonic >= _MANY_HARMONICS) & (seen >= _HARMONICS_SEEN)
    return np.asarray(many & (directions * nodes * poles > _MOST_WORK))
