"""Integrals of a rate of collisions along the elements of a ring or a line.

Along an element it is integrated by Simpson's rule over equal intervals, whose number is doubled where the sum of every
other place differs by more than is allowed. Inside an element the covariance is carried by its maps about the reference
orbit, without radiation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmb.constants import SPEED_OF_LIGHT
from ssmb.dynamics.matrices import suited
from ssmb.dynamics.propagation import recorded_at
from ssmb.errors import LatticeError, ValidityWarning, warn
from ssmb.kernels.roles import Role
from ssmb.lattice.program import compile_pieces
from ssmb.lattice.tree import Lattice

Array = NDArray[np.float64]

#: Error of the integral over all elements that is allowed, relative; intervals of an element to begin with, and most;
#: error of an element that cannot be cut that is told.
ALLOWED, _FIRST, _MOST, _TOLD = 1e-4, 4, 512, 1e-2
#: The same error of what is asked for again and again while the beam is tracked.
_OF_KICKS = 2e-3


class Along:
    """The integral of a rate along the elements of a lattice; where it is refined, it stays so.

    Parameters
    ----------
    ring : lattice.
    what : words for what is integrated, in the warning that it is not converged.
    """

    def __init__(self, ring: Lattice, what: str) -> None:
        self.ring, self.what = ring, what
        self.long = [i for i, e in enumerate(ring.elements) if e.length > 0.0]
        ends = np.cumsum([e.length for e in ring.elements])
        self.entrances = [float(ends[i] - ring.elements[i].length) for i in self.long]
        self.times = np.array([ring.elements[i].length for i in self.long]) / (ring.reference.beta * SPEED_OF_LIGHT)
        self.known: dict[tuple[Any, ...], Array] = {}
        self.parts = [_FIRST] * len(self.long)
        self.maps = [self._inside(k) for k in range(len(self.long))]
        self.told = False
        self._stack()

    def covariances(self, sigma: Array, rate: Callable[[Array], Array]) -> Array:
        """Covariance that a passage of each element adds at its entrance (n, 6, 6), of the covariances there."""

        def carried(here: Array) -> Array:
            back = self.stacked[1]
            return back @ rate(here) @ np.swapaxes(back, 1, 2)

        return self._integral(sigma, carried, lambda added: _size(added, sigma[self.long]))

    def moments(self, sigma: Array, rate: Callable[[Array], Array]) -> Array:
        """Covariance of random kicks and matrix of mean kicks (n, 2, 6, 6) of a passage of each element, at its
        entrance; ``rate`` gives both.

        It is refined anew each time, from the coarsest: kicks must not depend on what was asked for before.
        """
        if max(self.parts, default=_FIRST) > _FIRST:
            self.parts = [_FIRST] * len(self.long)
            self.maps = [self._inside(k) for k in range(len(self.long))]
            self._stack()

        def carried(here: Array) -> Array:
            maps, back = self.stacked
            noise, drift = np.moveaxis(rate(here), 1, 0)
            return np.stack([back @ noise @ np.swapaxes(back, 1, 2), back @ drift @ maps], axis=1)

        return self._integral(sigma, carried, lambda added: _size(added[:, 0], sigma[self.long]), _OF_KICKS)

    def numbers(self, sigma: Array, rate: Callable[[Array, Array], Array]) -> Array:
        """Integral over the time of a passage of each element (n,) of a rate that covariances and places s have."""
        return self._integral(sigma, lambda here: rate(here, self.s), np.abs)

    def _integral(
        self, sigma: Array, rate: Callable[[Array], Array], measure: Callable[[Array], Array], allowed: float = ALLOWED
    ) -> Array:
        out: Array | None = None
        while self.long:
            maps = self.stacked[0]
            rates = rate(maps @ sigma[self.long][self.owner] @ np.swapaxes(maps, 1, 2))
            rest = (-1,) + (1,) * (rates.ndim - 1)
            out = np.zeros((len(self.ring), *rates.shape[1:])) if out is None else out
            found, coarse = (
                np.add.reduceat(w.reshape(rest) * rates, self.starts) * self.times.reshape(rest) for w in self.weights
            )
            error, size = (measure(what) for what in (found - coarse, found))
            cut = np.array([len(m) > 2 for m in self.maps])
            error[cut] /= 15.0  # of the finer of two sums of an error of fourth order
            more = cut & (error * len(self.long) > allowed * size.sum()) & (np.array(self.parts) < _MOST)
            if not more.any():
                out[self.long] = found
                self._tell(error, float(size.sum()), cut)
                break
            for k in np.flatnonzero(more):
                self.parts[k] *= 2
                self.maps[k] = self._inside(int(k))
            self._stack()
        return np.zeros(len(self.ring)) if out is None else out

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
        at = [
            s0 + self.ring.elements[i].length * np.linspace(0.0, 1.0, n)
            for s0, i, n in zip(self.entrances, self.long, sizes, strict=True)
        ]
        self.s = np.concatenate(at) if at else np.zeros(0)
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
                f"{self.what}: the rate changes inside '{name}', which {why}: an error of about "
                f"{error[k] / whole:.1g} of that of a turn",
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
