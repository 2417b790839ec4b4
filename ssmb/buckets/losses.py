"""Where bunching gets lost between an energy modulation and the place where the beam radiates.

The place z at the end of a section is a polynomial of the coordinates at its entrance, a Taylor map. Its terms fall
into groups that accelerator physics has names for, and each group can be switched off, or be left as the only one
beside ``z + r56 delta``. Names follow the section as if it were a whole turn of a ring between two passages of the same
place:

====================================  ==========================  =====================================================
name                                  terms of z                  what it is
====================================  ==========================  =====================================================
dispersion                            x, px                       the beam passes with dispersion: smear sqrt(eps H)
vertical dispersion                   y, py                       the same in the other plane
second-order slip                     delta^2                     alpha_1, T566
third-order slip                      delta^3                     alpha_2, U5666
second-order dispersion               x delta, px delta           by symplecticity the dispersion that grows with delta
vertical second-order dispersion      y delta, py delta
third-order dispersion                x delta^2, px delta^2       and the same in y
horizontal path length                x^2, x px, px^2             amplitude makes the path longer; mean: chromaticity
vertical path length                  y^2, y py, py^2
coupled path length                   x y ...
path length that changes with delta   x^2 delta, y^2 delta ...    second-order chromaticity
third-order path length               x^3, x y^2 ...
higher orders                         all others
====================================  ==========================  =====================================================

References
----------
X. Deng et al., Phys. Rev. Accel. Beams 23, 044002 (2020), doi:10.1103/PhysRevAccelBeams.23.044002.
Y. Shoji, Phys. Rev. ST Accel. Beams 8, 094001 (2005), doi:10.1103/PhysRevSTAB.8.094001.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssmb.beam.beam import Beam
from ssmb.beam.bunching import bunching_factor, living
from ssmb.dynamics.taylor import TaylorMap
from ssmb.errors import PhysicsError
from ssmb.ranges import positive

#: Powers (of x and px, of y and py, of delta) -> name of the group; the terms have no power of z.
_NAMES = {
    (1, 0, 0): "dispersion",
    (0, 1, 0): "vertical dispersion",
    (0, 0, 2): "second-order slip",
    (0, 0, 3): "third-order slip",
    (1, 0, 1): "second-order dispersion",
    (0, 1, 1): "vertical second-order dispersion",
    (1, 0, 2): "third-order dispersion",
    (0, 1, 2): "third-order dispersion",
    (2, 0, 0): "horizontal path length",
    (0, 2, 0): "vertical path length",
    (1, 1, 0): "coupled path length",
    (2, 0, 1): "path length that changes with delta",
    (1, 1, 1): "path length that changes with delta",
    (0, 2, 1): "path length that changes with delta",
    (3, 0, 0): "third-order path length",
    (2, 1, 0): "third-order path length",
    (1, 2, 0): "third-order path length",
    (0, 3, 0): "third-order path length",
}
_REST = "higher orders"
#: Names of the groups, in the order of tables.
LOSS_TERMS = (*dict.fromkeys(_NAMES.values()), _REST)


@dataclass(frozen=True, eq=False)
class BunchingLosses:
    """What groups of terms of a map do to the bunching.

    Attributes
    ----------
    wavelength : wavelength of the bunching [m].
    linear : complex b with ``z + r56 delta`` alone [1].
    whole : complex b with the whole map [1].
    terms : names of the groups that the map has, see :mod:`ssmb.buckets.losses`.
    alone : (n,) complex b with ``z + r56 delta`` and one group [1].
    without : (n,) complex b with the whole map but for one group [1].
    rms : (n,) rms path that a group makes [m].
    """

    wavelength: float
    linear: complex
    whole: complex
    terms: tuple[str, ...]
    alone: np.ndarray
    without: np.ndarray
    rms: np.ndarray

    def table(self) -> str:
        """Return the moduli as lines of text, one group a line."""
        head = f"{'group of terms of z':36s} {'rms [nm]':>9s} {'|b| alone':>10s} {'|b| without':>12s}"
        rows = [
            f"{name:36s} {1e9 * s:9.1f} {abs(a):10.4f} {abs(w):12.4f}"
            for name, s, a, w in zip(self.terms, self.rms, self.alone, self.without, strict=True)
        ]
        ends = (f"z + r56 delta: |b| = {abs(self.linear):.4f}", f"whole map:     |b| = {abs(self.whole):.4f}")
        return "\n".join((ends[0], head, *rows, ends[1]))


def bunching_losses(section: TaylorMap, beam: Beam, wavelength: float) -> BunchingLosses:
    """Return the bunching at the end of a section with groups of terms of its map switched off and on.

    Parameters
    ----------
    section : Taylor map of the section, of third order or higher to find all names; its orbit is that of the beam.
    beam : modulated beam at the entrance; lost particles are left out.
    wavelength : wavelength of the bunching [m], > 0.

    Raises
    ------
    ConfigError
        The wavelength is out of range.
    PhysicsError
        No particle is alive, or the map says that z at the exit does not depend on z at the entrance.

    Notes
    -----
    Bunching factors do not multiply: groups can make up for each other, so that `without` may be below `whole`.
    Validity: amplitudes at which the order of the map is enough; compare `whole` with tracked particles.

    Examples
    --------
    >>> from ssmb.beam import Reference
    >>> from ssmb.elements.thin_chicane import ThinChicane
    >>> from ssmb.lattice import Lattice
    >>> from ssmb.dynamics import taylor_map
    >>> ref = Reference(250e6)
    >>> chicane = taylor_map(Lattice.from_elements([ThinChicane(r56=2e-4, t566=-0.1)], ref))
    >>> sigma = np.diag([1e-10, 1e-10, 1e-10, 1e-10, 0.0, 1e-8])
    >>> beam = Beam.coasting(ref, sigma, wavelength=1e-6, n_wavelengths=1, n=4096, charge=1e-12, seed=1)
    >>> beam.coordinates[5] += 1e-3 * np.sin(2e6 * np.pi * beam.z)
    >>> found = bunching_losses(chicane, beam, 1e-6)
    >>> found.terms
    ('second-order slip',)
    >>> bool(abs(found.alone[0] - found.whole) < 1e-12)
    True
    """
    positive("wavelength", wavelength, "m")
    _, weight = living(beam)
    u = beam.coordinates - section.orbit[:, None]
    z, parts = _grouped(section, u)
    everything = z + sum(parts.values(), np.zeros_like(z))

    def b(place: np.ndarray) -> complex:
        return complex(bunching_factor(place, wavelength, weight))

    def rms(part: np.ndarray) -> float:
        mean = np.average(part, weights=weight)
        return float(np.sqrt(np.average((part - mean) ** 2, weights=weight)))

    names = tuple(name for name in LOSS_TERMS if name in parts)
    return BunchingLosses(
        wavelength=wavelength,
        linear=b(z),
        whole=b(everything),
        terms=names,
        alone=np.array([b(z + parts[n]) for n in names], dtype=complex),
        without=np.array([b(everything - parts[n]) for n in names], dtype=complex),
        rms=np.array([rms(parts[n]) for n in names]),
    )


def _grouped(section: TaylorMap, u: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return z + r56 delta, and what each group adds to it [m]."""
    powers = np.ones((section.order + 1, *u.shape))
    for n in range(section.order):
        powers[n + 1] = powers[n] * u
    z, parts = np.zeros(u.shape[1]), {}
    for e, c in zip(section.exponents, section.coefficients[4], strict=True):
        key = (e[0] + e[1], e[2] + e[3], e[5])
        if c == 0.0 or not e.any():  # a constant turns all phases by the same angle
            continue
        term = c * np.prod([powers[e[j], j] for j in range(6) if e[j]], axis=0)
        if e.sum() == 1 and key in ((0, 0, 0), (0, 0, 1)):
            z += term
            continue
        name = _NAMES.get(key, _REST) if e[4] == 0 else _REST
        parts[name] = parts.get(name, 0.0) + term
    if not section.coefficient("z", z=1):
        raise PhysicsError("z at the exit of this map does not depend on z at the entrance: no bunching is carried")
    return z, parts
