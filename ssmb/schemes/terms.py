"""Which nonlinear terms of a real section change the bunching: a table of T_ijk and U_ijkl of the path.

The particles are those behind the kick of a modulator in its middle; the map is that from there to the radiator (of an
echo's first section: to the middle of the second modulator).

References
----------
K. L. Brown, SLAC-75 (1982) (T_ijk); in the frame of :mod:`ssmb.dynamics.taylor`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ssmb.beam import Beam
from ssmb.beam.bunching import bunching_factor
from ssmb.dynamics.taylor import TaylorMap, taylor_map
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from ssmb.ranges import harmonic_number, positive
from ssmb.schemes.base import Scheme
from ssmb.schemes.beamlines import Parts, half_of, section_matrix
from ssmb.tracking import track

_AXES = "123456"


@dataclass(frozen=True)
class PathTerm:
    """One monomial of the path of a section.

    Attributes
    ----------
    name : ``T566``, ``U5666`` ...; indices 1 to 6 are x, px, y, py, z, delta.
    coefficient : of the monomial [SI]; for two different indices twice the symmetric T_ijk.
    rms : rms path that it makes in this beam [m].
    phase : n k rms [rad].
    change : |b_n| with this term and the linear map, minus that of the linear map [1].
    """

    name: str
    coefficient: float
    rms: float
    phase: float
    change: float


@dataclass(frozen=True)
class PathTerms:
    """The terms of one section that matter, the largest phase first.

    Attributes
    ----------
    harmonic : n [1].
    linear : |b_n| of the linear map [1].
    named : |b_n| of the linear map and all terms of the table [1].
    whole : |b_n| of the whole Taylor map [1].
    rows : terms with a phase above the threshold.
    """

    harmonic: int
    linear: float
    named: float
    whole: float
    rows: tuple[PathTerm, ...]

    def table(self) -> str:
        """Return the terms as lines of text."""
        head = f"{'term':6s} {'coefficient':>12s} {'rms [nm]':>10s} {'phase [rad]':>12s} {'change of |b|':>14s}"
        lines = [
            f"{r.name:6s} {r.coefficient:12.4g} {1e9 * r.rms:10.4g} {r.phase:12.4g} {r.change:14.2e}" for r in self.rows
        ]
        ends = (
            f"|b_{self.harmonic}|: linear map {self.linear:.5f}",
            f"with these {self.named:.5f}, whole map {self.whole:.5f}",
        )
        return "\n".join((ends[0], head, *lines, ends[1]))


def path_terms(
    scheme: Scheme,
    harmonic: int,
    *,
    order: int = 3,
    least_phase: float = 1e-3,
    n: int = 2**16,
    seed: int = 1,
    beam: Beam | None = None,
) -> PathTerms:
    """Return the terms of the path behind the last modulator of a scheme's beamline that matter at a harmonic.

    Parameters
    ----------
    scheme : with a beamline of magnets.
    harmonic : n [1].
    order : of the Taylor map, 2 or more.
    least_phase : smallest n k rms that is listed [rad].
    n, seed : macroparticles of the quiet start.
    beam : another beam at the entrance, such as :meth:`Parts.quadrature`.

    Raises
    ------
    PhysicsError
        If the scheme has no beamline.

    Examples
    --------
    >>> from ssmb.schemes import SCHEMES
    >>> found = path_terms(SCHEMES["single_stage"].examples()[1], 5, n=4096)
    >>> found.rows[0].name
    'T566'
    """
    parts, h = scheme.parts(), harmonic_number(harmonic)
    last = len(parts.modulators) - 1
    section = taylor_map(parts.section(last), order=order, lasers=False)
    rows, weight = behind_the_kick(parts, last, parts.beam(n, seed) if beam is None else beam)
    return _terms(section, rows, weight, h, parts.wavelength, positive("least_phase", least_phase))


def behind_the_kick(parts: Parts, i: int, beam: Beam) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates (6, n) and weights in the middle of modulator i behind its kick, through the real magnets
    before it.
    """
    elements = parts.lattice("line").elements
    end = next(k for k, e in enumerate(elements) if e.name == parts.modulators[i].name) + 1
    row = Lattice.from_elements(elements[:end], parts.reference)
    got = track(row, beam).beam
    # back through the dark half, whose map is nearly linear
    half = half_of(parts.modulators[i])
    back, program = np.linalg.inv(section_matrix((half,), parts.reference)), compile_elements((half,), parts.reference)
    u = back @ got.coordinates
    for _ in range(3):
        u = u + back @ (got.coordinates - program.propagate(u)[0])
    return u, got.weight


def _terms(
    section: TaylorMap, u: np.ndarray, weight: np.ndarray, harmonic: int, wavelength: float, least: float
) -> PathTerms:
    powers = np.ones((section.order + 1, *u.shape))
    for p in range(section.order):
        powers[p + 1] = powers[p] * u
    k, light = 2.0 * math.pi * harmonic / wavelength, wavelength / harmonic
    share = weight / weight.sum()

    def bunching(path: np.ndarray) -> float:
        return float(abs(bunching_factor(path, light, weight)))

    linear, found, whole = np.zeros(u.shape[1]), [], np.zeros(u.shape[1])
    for e, c in zip(section.exponents, section.coefficients[4], strict=True):
        if c == 0.0 or not e.any():
            continue
        term = c * np.prod([powers[e[j], j] for j in range(6) if e[j]], axis=0)
        whole += term
        if e.sum() == 1:
            linear += term
            continue
        mean = share @ term
        rms = math.sqrt(share @ (term - mean) ** 2)
        if k * rms >= least:
            indices = "".join(_AXES[j] * int(e[j]) for j in range(6))
            letter = {2: "T", 3: "U"}.get(int(e.sum()), "V")
            found.append((f"{letter}5{indices}", float(c), rms, term))
    alone = bunching(linear)
    rows = [PathTerm(name, c, rms, k * rms, bunching(linear + term) - alone) for name, c, rms, term in found]
    rows.sort(key=lambda r: -r.phase)
    named = bunching(linear + sum((term for *_, term in found), np.zeros_like(linear)))
    return PathTerms(harmonic, alone, named, bunching(whole), tuple(rows))
