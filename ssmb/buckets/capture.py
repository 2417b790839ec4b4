"""A coasting beam on which the laser is switched on: what is captured at once, and what damping collects later.

Model: diffusion of the oscillation energy. Motion in the bucket is fast against damping, so that the density depends on
the energy e only (in units of the separatrix, e = 1); each turn shrinks delta by 1 - 2 alpha and adds noise. With J(e)
the area in (z, delta) enclosed by an orbit (outside: between its two branches, over one wavelength) and the time t in
units
of 1/alpha turns::

    J' df/dt = d/de [2 J (f + f'/xi)],   xi = delta_half^2/(2 sigma_delta^2)

Its rest is the Boltzmann distribution, its losses are the quantum lifetime. Valid for alpha well below the synchrotron
tune, for a small tune (no chaos at the separatrix), for constant slip and no net loss, and after the first few
oscillations, when the start has been mixed in phase.

References
----------
H. A. Kramers, Physica 7, 284 (1940), doi:10.1016/S0031-8914(40)90098-2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.beam.rows import real_array
from ssmb.errors import ConfigError
from ssmb.quantity import Shown, quantity
from ssmb.ranges import count, positive

if TYPE_CHECKING:
    from ssmb.buckets.micro_bucket import MicroBucket

Rows = NDArray[np.float64]

#: cells of sqrt(e) inside the bucket
_CELLS = 160
#: the grid ends where so many rms spreads of the start (or of the equilibrium) lie inside
_REACH = 6.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


@dataclass(frozen=True, eq=False)
class Capture(Shown):
    """Beam in a bucket against turn."""

    turns: Rows = quantity("turn", "turns since the laser was switched on", dims=("turns",))
    captured: Rows = quantity("1", "share inside the separatrix", dims=("turns",))
    harmonics: tuple[int, ...] = quantity("1", "harmonics of the laser", dims=("harmonics",))
    bunching: Rows = quantity("1", "b_n of the whole beam about the centre of the bucket", dims=("turns", "harmonics"))
    sigma_delta: Rows = quantity("1", "rms momentum spread of the whole beam", dims=("turns",))


@checked
def capture_coasting_beam(
    bucket: MicroBucket,
    turns: ArrayLike,
    *,
    start_sigma_delta: float,
    sigma_delta: float,
    damping: float,
    harmonics: Sequence[int] = (1,),
) -> Capture:
    """Return captured fraction and bunching against turn of a coasting Gaussian beam under damping and diffusion.

    Parameters
    ----------
    bucket : the bucket, without higher slip or loss.
    turns : turns at which to report, >= 0, rising, shape (m,).
    start_sigma_delta : rms momentum spread when the laser is switched on [1].
    sigma_delta : rms momentum spread to which the coasting beam would settle [1].
    damping : amplitude damping alpha per turn [1]; delta itself shrinks by 2 alpha.
    harmonics : harmonics n of the laser.

    Raises
    ------
    ConfigError
        Arguments out of range, or a bucket with higher slip or a loss, whose outside is not a single band.

    Examples
    --------
    >>> from ssmb.buckets import MicroBucket
    >>> bucket = MicroBucket(1064e-9, 1e-6, 100.0, 4.2e-5)
    >>> half = bucket.half_height
    >>> found = capture_coasting_beam(bucket, [0, 1e5, 4e5], start_sigma_delta=half, sigma_delta=half/4, damping=1e-5)
    >>> found.captured.round(2).tolist()
    [0.46, 0.98, 1.0]
    """
    start, settled = positive("start_sigma_delta", start_sigma_delta), positive("sigma_delta", sigma_delta)
    rate, orders = positive("damping", damping), tuple(count("harmonic", n) for n in harmonics)
    when = np.atleast_1d(real_array("turns", turns))
    if when.ndim != 1 or not when.size or not (np.isfinite(when).all() and when[0] >= 0 and (np.diff(when) > 0).all()):
        raise ConfigError("turns must be a rising row of finite numbers >= 0")
    if bucket.slip_factor2 or bucket.slip_factor3 or bucket.energy_loss:
        raise ConfigError("this model of capture takes a bucket without slip_factor2, slip_factor3 and energy_loss")
    height = bucket.half_height
    edges = _edges(_REACH * max(start, settled) / height)
    content = _content(edges, height, start, settled, rate * when)
    inside = (0.5 * (edges[1:] + edges[:-1])) < 1.0
    volume = np.diff(_area(edges))
    patterns = np.stack([np.diff(_pattern(edges, n)) / volume for n in orders], axis=1)
    square = np.diff(_second_moment(edges)) / volume
    return Capture(when, content @ inside, orders, content @ patterns, height * np.sqrt(content @ square))


def _content(edges: Rows, height: float, start: float, settled: float, times: Rows) -> Rows:
    """Share of the beam in each cell at the times [1/alpha], (m, cells)."""
    from scipy import integrate  # slow to import

    xi = 0.5 * (height / settled) ** 2
    e, middle = edges**2, (0.5 * (edges[1:] + edges[:-1])) ** 2
    volume = np.diff(_area(edges))
    # flux through an inner edge: 2 J/xi (f1 e^(xi (e1 - e)) - f2 e^(xi (e2 - e)))/(e2 - e1), at rest for e^(-xi e)
    conductance = 2.0 * _area(edges[1:-1]) / (xi * np.diff(middle))
    up = conductance * np.exp(xi * (middle[:-1] - e[1:-1])) / volume[:-1]
    down = conductance * np.exp(xi * (middle[1:] - e[1:-1])) / volume[1:]

    def rate(_: float, n: Rows) -> Rows:
        flux = np.zeros(n.size + 1)
        flux[1:-1] = up * n[:-1] - down * n[1:]
        return flux[:-1] - flux[1:]

    first = np.diff(_below(edges, height / start))
    first = first / first.sum()
    if times[-1] == 0.0:
        return np.tile(first, (times.size, 1))
    done = integrate.solve_ivp(
        rate, (0.0, times[-1]), first, "LSODA", t_eval=times, rtol=1e-7, atol=1e-11, lband=1, uband=1
    )
    return done.y.T


def _edges(reach: float) -> Rows:
    """Edges of the cells in sqrt(e); one of them is the separatrix, 1."""
    outside = max(math.ceil((reach - 1.0) * _CELLS), 8)
    return np.concatenate([np.linspace(0.0, 1.0, _CELLS + 1), 1.0 + np.arange(1, outside + 1) / _CELLS])


def _area(root: Rows) -> Rows:
    """Area J of the orbit of energy root^2, in units of that of the separatrix."""
    from scipy import special  # slow to import

    inside, outside = np.minimum(root, 1.0) ** 2, np.maximum(root, 1.0)
    own = special.ellipe(inside) - (1.0 - inside) * special.ellipkm1(np.maximum(1.0 - inside, 1e-300))
    return np.where(root < 1.0, own, outside * special.ellipe(1.0 / outside**2))


def _phases(root: Rows) -> tuple[Rows, Rows, Rows]:
    """Nodes q/2, height of the orbit over the half height of the bucket, and weights of dq, each (edges, nodes)."""
    t, w = 0.25 * math.pi * (_NODES + 1.0), 0.25 * math.pi * _WEIGHTS
    r = root[:, None]
    sine = np.minimum(r, 1.0) * np.sin(t)
    height = np.where(r < 1.0, r * np.cos(t), np.sqrt(np.maximum(r * r - sine * sine, 0.0)))
    # inside: sin(q/2) = root sin(t), outside q/2 = t
    slope = np.where(r < 1.0, r * np.cos(t) / np.sqrt(np.maximum(1.0 - sine * sine, 1e-300)), 1.0)
    return np.where(r < 1.0, np.arcsin(sine), t), height, 2.0 * w * slope


def _pattern(root: Rows, harmonic: int) -> Rows:
    """Integral of cos(n q) over the area of the orbit, in units of the area of the separatrix."""
    half, height, weight = _phases(root)
    return 0.5 * (weight * height * np.cos(2.0 * harmonic * half)).sum(axis=1)


def _second_moment(root: Rows) -> Rows:
    """Integral of (delta/delta_half)^2 over the area of the orbit, in units of the area of the separatrix."""
    _, height, weight = _phases(root)
    return (weight * height**3).sum(axis=1) / 6.0


def _below(root: Rows, ratio: float) -> Rows:
    """Share of a coasting Gaussian beam below the energy root^2; ratio = delta_half/sigma_delta."""
    from scipy import special  # slow to import

    _, height, weight = _phases(root)
    return (weight * special.erf(ratio * height / math.sqrt(2.0))).sum(axis=1) / math.pi
