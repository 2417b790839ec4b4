"""Intrabeam scattering along a ring or a line: what a passage adds to the covariance of the beam.

The rate at a place is that of :mod:`ssmb.collective.intrabeam`. Along an element it is integrated by Simpson's rule
over equal intervals, whose number is doubled where the sum of every other place differs by more than is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmb.arguments import checked
from ssmb.collective.intrabeam import checked_beam, diffusion_of, line_density
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.dynamics import optics
from ssmb.dynamics.linear import symplectic_form
from ssmb.dynamics.matrices import suited
from ssmb.dynamics.propagation import recorded_at
from ssmb.errors import ConfigError, LatticeError, ValidityWarning, warn
from ssmb.kernels.roles import Role
from ssmb.lattice.program import compile_pieces
from ssmb.lattice.tree import Lattice
from ssmb.ranges import positive

Array = NDArray[np.float64]

_PLACES = [0, 2, 4]
#: Error of the integral over all elements that is allowed, relative; intervals of an element to begin with, and most;
#: error of an element that cannot be cut that is told.
ALLOWED, _FIRST, _MOST, _TOLD = 1e-4, 4, 512, 1e-2


@checked
@dataclass(frozen=True)
class IntrabeamHeating:
    """Intrabeam scattering along a ring, for ``ssmb.equilibrium(ring, heating=IntrabeamHeating(ring, ...))``.

    Parameters
    ----------
    ring : its lattice, or the line that the beam passes.
    electrons, current, coulomb_log : as in :func:`ssmb.collective.intrabeam_diffusion`; the covariances are those of
        one bunch, which for electrons in micro-buckets is a microbunch, or of a coasting beam.
    wavelength : with a current: it flows in microbunches that follow each other at this distance [m], as a laser holds
        them. An electron then meets those of its own microbunch, and, where betatron motion makes microbunches longer
        than their distance, those of its neighbours, whose momenta are taken as those of a coasting beam.
    coupling : emit_y over emit_x [1] of the beam that scatters, or
    emit_y : its vertical emittance [m]: by a coupling that the lattice has not. What is above that of the covariances
        is added to them; without either they are taken as they are, and a flat beam is refused.

    Raises
    ------
    ConfigError
        A wavelength without a current; coupling and emit_y.

    Warns
    -----
    ValidityWarning
        The rate changes inside an element that cannot be cut, or is not converged.

    Notes
    -----
    Inside an element the covariance is carried by its maps about the reference orbit, without radiation.
    """

    ring: Lattice = field(repr=False)
    electrons: float | None = None
    current: float | None = None
    coulomb_log: float = 11.0
    wavelength: float | None = None
    coupling: float | None = None
    emit_y: float | None = None

    def __post_init__(self) -> None:
        checked_beam(np.eye(6), self.electrons, self.current)
        positive("coulomb_log", self.coulomb_log)
        if self.wavelength is not None:
            positive("wavelength", self.wavelength, "m")
            if self.current is None:
                raise ConfigError("a wavelength belongs to a current, which flows in microbunches; give no electrons")
        if self.coupling is not None and self.emit_y is not None:
            raise ConfigError("give coupling or emit_y of the beam that scatters, not both")
        for name, unit in (("coupling", ""), ("emit_y", "m")):
            if getattr(self, name) is not None:
                positive(name, getattr(self, name), unit)

    def __call__(self, sigma: Array) -> Array:
        """Covariance that a passage of each element adds, at its entrance, (n, 6, 6)."""
        if len(sigma) != len(self.ring):
            raise ConfigError(f"intrabeam heating of {len(self.ring)} elements was asked for at {len(sigma)} places")
        return self._along.integral(self._with_coupling(np.asarray(sigma, dtype=float)), self._rate)

    def _with_coupling(self, sigma: Array) -> Array:
        """The covariances with what a coupling adds."""
        if self.coupling is None and self.emit_y is None:
            return sigma
        own = _emittances(sigma[0])
        wanted = self.coupling * own[0] if self.coupling is not None else self.emit_y or 0.0
        return sigma + max(wanted - own[1], 0.0) * self._vertical

    @cached_property
    def _along(self) -> _Along:
        return _Along(self.ring)

    @cached_property
    def _vertical(self) -> Array:
        return unit_vertical(self.ring)

    def _rate(self, here: Array) -> Array:
        rate = diffusion_of(self.ring.reference, here, self.electrons, self.current, self.coulomb_log)
        if self.wavelength is not None and self.current is not None:
            electrons = line_density(self.ring.reference, self.current) * self.wavelength
            rate *= _neighbours(_length_at_a_place(here) / self.wavelength)[:, None, None]
            rate += diffusion_of(self.ring.reference, here, electrons, None, self.coulomb_log)
        return rate


class _Along:
    """The integral of a rate along the elements of a lattice; where it is refined, it stays so."""

    def __init__(self, ring: Lattice) -> None:
        self.ring = ring
        self.long = [i for i, e in enumerate(ring.elements) if e.length > 0.0]
        self.times = np.array([ring.elements[i].length for i in self.long]) / (ring.reference.beta * SPEED_OF_LIGHT)
        self.known: dict[tuple[Any, ...], Array] = {}
        self.parts = [_FIRST] * len(self.long)
        self.maps = [self._inside(k) for k in range(len(self.long))]
        self.told = False
        self._stack()

    def integral(self, sigma: Array, rate: Callable[[Array], Array]) -> Array:
        """Covariance that a passage of each element adds at its entrance (n, 6, 6), of the covariances there."""
        out = np.zeros((len(self.ring), 6, 6))
        while self.long:
            maps, back = self.stacked
            at = sigma[self.long][self.owner]
            rates = back @ rate(maps @ at @ np.swapaxes(maps, 1, 2)) @ np.swapaxes(back, 1, 2)
            found, coarse = (
                np.add.reduceat(w[:, None, None] * rates, self.starts) * self.times[:, None, None] for w in self.weights
            )
            error, size = (_size(what, sigma[self.long]) for what in (found - coarse, found))
            cut = np.array([len(m) > 2 for m in self.maps])
            error[cut] /= 15.0  # of the finer of two sums of an error of fourth order
            more = cut & (error * len(self.long) > ALLOWED * size.sum()) & (np.array(self.parts) < _MOST)
            if not more.any():
                out[self.long] = found
                self._tell(error, float(size.sum()), cut)
                break
            for k in np.flatnonzero(more):
                self.parts[k] *= 2
                self.maps[k] = self._inside(int(k))
            self._stack()
        return out

    def _inside(self, k: int) -> Array:
        """Maps (m + 1, 6, 6) from the entrance of an element to the ends of its intervals."""
        element = self.ring.elements[self.long[k]].in_lattice(self.ring.length, self.ring.reference)
        values = (type(element), *(v for name, v in vars(element).items() if name != "name"), self.parts[k])
        if values not in self.known:
            try:
                program = compile_pieces(element, self.ring.reference, self.parts[k])
            except LatticeError:  # its kind stays whole
                program = compile_pieces(element, self.ring.reference, 1)
            program = program.without(Role.LIGHT)  # which holds a microbunch, and would chirp what is longer
            made, _ = suited(program, np.zeros((6, 1)))
            self.known[values] = made.slopes(recorded_at(program, made.particles(), program.first_op))[:, 0]
        return self.known[values]

    def _stack(self) -> None:
        """Maps, their inverses, element and weights of all places at which the rate is asked for."""
        maps = np.concatenate(self.maps) if self.maps else np.zeros((0, 6, 6))
        self.stacked = maps, np.linalg.inv(maps)
        sizes = [len(m) for m in self.maps]
        self.owner = np.repeat(np.arange(len(sizes)), sizes)
        self.starts = np.concatenate(([0], np.cumsum(sizes[:-1]))).astype(int)
        pairs = [_simpson(n - 1) for n in sizes]
        self.weights = [np.concatenate([p[i] for p in pairs]) for i in (0, 1)] if pairs else []

    def _tell(self, error: Array, whole: float, cut: Array) -> None:
        if self.told or not whole > 0.0:
            return
        self.told = True
        k = int(np.argmax(error))
        name = self.ring.elements[self.long[k]].name
        if error[k] > _TOLD * whole:
            why = "cannot be cut" if not cut[k] else f"is not converged with {self.parts[k]} intervals"
            warn(
                f"intrabeam scattering: the rate changes inside '{name}', which {why}: an error of about "
                f"{error[k] / whole:.1g} of the scattering of a turn",
                ValidityWarning,
            )


def _simpson(intervals: int) -> tuple[Array, Array]:
    """Weights of n + 1 equal places by Simpson's rule, and by that of every other place."""
    if intervals == 1:
        return np.array([0.5, 0.5]), np.array([2.0, 1.0]) / 3.0  # a parabola from one end would have that
    pattern = [np.array([1.0, *[4.0, 2.0] * (n // 2 - 1), 4.0, 1.0]) / (3.0 * n) for n in (intervals, intervals // 2)]
    coarse = np.zeros(intervals + 1)
    coarse[::2] = pattern[1]
    return pattern[0], coarse


def _size(added: Array, sigma: Array) -> Array:
    """How much covariances (n, 6, 6) are of those of the beam, in all coordinates but z, (n,)."""
    used = np.ix_([0, 1, 2, 3, 5], [0, 1, 2, 3, 5])
    root = np.linalg.inv(np.linalg.cholesky(np.array([s[used] for s in sigma])))
    relative = root @ np.array([a[used] for a in added]) @ np.swapaxes(root, 1, 2)
    return np.linalg.norm(relative, axis=(1, 2))


def _emittances(sigma: Array) -> list[float]:
    """Emittances of the modes of a covariance (6, 6) that are largest in x and y [m]."""
    values, vectors = np.linalg.eig(sigma @ symplectic_form(6))
    plane = np.argmax(np.abs(vectors[0::2] * vectors[1::2]), axis=0)
    return [float(np.abs(values[plane == k]).max(initial=0.0)) for k in (0, 1)]


def unit_vertical(ring: Lattice) -> Array:
    """Return the covariances (n, 6, 6) of unit vertical emittance at the entrances of the elements."""
    columns = optics(ring, compare_edges=False).table()
    beta, alpha = columns["BETY"][:-1], columns["ALFY"][:-1]
    out = np.zeros((len(beta), 6, 6))
    out[:, 2, 2], out[:, 3, 3] = beta, (1.0 + alpha**2) / beta
    out[:, 2, 3] = out[:, 3, 2] = -alpha
    return out


def _length_at_a_place(sigma: Array) -> Array:
    """Rms length of the electrons with the same x and y [m], (n,)."""
    room, area = (np.linalg.det(sigma[:, places][:, :, places]) for places in (_PLACES, _PLACES[:2]))
    return np.sqrt(np.maximum(room, 0.0) / area)


def _neighbours(length: Array) -> Array:
    """Average density that the other bunches of a train of Gaussian bunches have at one of them, over that of the
    train.

    ``length`` is rms length over distance. All of them: ``sum_m exp(-(2 pi m length)^2)``; own:
    ``1/(2 sqrt(pi) length)``.
    """
    m = np.arange(1, 30)
    short = 1.0 / (math.sqrt(math.pi) * length) * np.exp(-(np.multiply.outer(0.5 / length, m) ** 2)).sum(axis=1)
    long = 1.0 + 2.0 * np.exp(-(np.multiply.outer(2.0 * math.pi * length, m) ** 2)).sum(axis=1)
    return np.where(length < 0.5, short, long - 0.5 / (math.sqrt(math.pi) * length))
