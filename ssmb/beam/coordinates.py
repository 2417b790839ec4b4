"""Coordinates of other codes: Xsuite, MAD-X, AT, elegant, OCELOT, openPMD-beamphysics.

The frame of the package is ``(x, px, y, py, z, delta)`` with px = Px/P0, delta = (P - P0)/P0 and
z = -beta c (t - t_ref), beta of the particle, z > 0 at the head. Every ``to_*`` takes a beam, or six rows and a
reference, and returns the columns of the other code in the order of the particles, lost ones included. Every
``from_*`` takes such columns and a reference and returns the six rows.

No formula subtracts nearly equal numbers: energies come from 2 delta + delta^2, times from z times a *ratio* of
velocities. A conversion is therefore good to a few units in the last place of each coordinate, at any energy; where
the other code keeps the whole momentum (elegant, openPMD) its own rounding limits delta to 1e-16 absolute.

All times are relative to the reference particle. A nanometre is 3e-18 s, so an absolute time of 1 s cannot hold it.

References
----------
Xsuite physics guide (Particles); MAD-X user guide, "Variables"; M. Borland, elegant (APS LS-287), SDDS beam files;
openPMD-standard, EXT_BeamPhysics; OCELOT ``ParticleArray``; AT ``DriftPass`` (all read or run, see tests).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.beam.reference import Reference
from ssmb.beam.rows import coordinate_array, six_rows
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.errors import ConfigError, PhysicsError, nearest

Rows = NDArray[np.float64]
Columns = dict[str, Rows]


def to_xsuite(particles: Any, reference: Reference | None = None) -> Columns:
    """Return the coordinates as Xsuite keeps them.

    Parameters
    ----------
    particles : a Beam, or coordinates of shape (6, n) in the frame of the package.
    reference : reference particle; taken from the beam if left out.

    Returns
    -------
    dict with x [m], px [1], y [m], py [1], zeta = -beta0 c (t - t_ref) [m] (> 0 at the head), delta [1] and
    ptau = (E - E0)/(P0 c) [1].

    Raises
    ------
    ConfigError
        Wrong shape, numbers that are not finite, or coordinates without a reference.

    Examples
    --------
    >>> to_xsuite([[0.0], [0.0], [0.0], [0.0], [1e-9], [0.0]], Reference(250e6))["zeta"]
    array([1.e-09])
    """
    c, ref = _rows(particles, reference)
    columns = _copies(("x", "px", "y", "py"), c)
    return columns | {"zeta": c[4] * _beta0_over_beta(c[5], ref), "delta": c[5].copy(), "ptau": _ptau(c[5], ref)}


def from_xsuite(columns: Mapping[str, ArrayLike], reference: Reference) -> Rows:
    """Return coordinates (6, n) from those of Xsuite: x, px, y, py, zeta and delta (or, without it, ptau)."""
    energy = "delta" if "delta" in columns else "ptau"
    c = _stack(columns, ("x", "px", "y", "py", "zeta", energy), "Xsuite")
    if energy == "ptau":
        c[5] = _delta(c[5], reference)
    c[4] /= _beta0_over_beta(_physical(c[5]), reference)
    return c


def to_madx(particles: Any, reference: Reference | None = None) -> Columns:
    """Return MAD-X coordinates x [m], px [1], y [m], py [1], t = -c (t - t_ref) [m] (> 0 at the head), pt [1].

    pt = (E - E0)/(P0 c). The momentum P0 is that of the reference, that is, MAD-X runs with DELTAP = 0.
    Parameters and errors as for :func:`to_xsuite`.
    """
    c, ref = _rows(particles, reference)
    return _copies(("x", "px", "y", "py"), c) | {"t": c[4] / _beta(c[5], ref), "pt": _ptau(c[5], ref)}


def from_madx(columns: Mapping[str, ArrayLike], reference: Reference) -> Rows:
    """Return coordinates (6, n) from x, px, y, py, t, pt of MAD-X (DELTAP = 0)."""
    c = _stack(columns, ("x", "px", "y", "py", "t", "pt"), "MAD-X")
    c[5] = _delta(c[5], reference)
    c[4] *= _beta(_physical(c[5]), reference)
    return c


def to_at(particles: Any, reference: Reference | None = None) -> Columns:
    """Return AT coordinates x [m], px [1], y [m], py [1], delta [1], ct = -z [m] (> 0 at the tail), in AT's order.

    AT takes beta = 1 in all magnets and drifts: its ct is the path length in excess of the reference path, and the
    velocity term (beta/beta0 - 1) s is missing from it. In that model path and time are the same thing, so the
    translation is ct = -z. After tracking the same ring, -ct of AT and z of this package differ by
    (beta/beta0 - 1) s ~ s delta/gamma0^2. Parameters and errors as for :func:`to_xsuite`.
    """
    c, _ = _rows(particles, reference, needs_reference=False)
    return _copies(("x", "px", "y", "py"), c) | {"delta": c[5].copy(), "ct": 0.0 - c[4]}


def from_at(columns: Mapping[str, ArrayLike] | ArrayLike, reference: Reference | None = None) -> Rows:
    """Return coordinates (6, n) from AT's: columns x, px, y, py, delta, ct, or an array (6, n) in that order.

    The reference has no part in it (beta = 1) and is accepted so that all conversions are called alike.
    """
    names = ("x", "px", "y", "py", "delta", "ct")
    if not isinstance(columns, Mapping):
        columns = dict(zip(names, six_rows(columns, names), strict=True))
    c = _stack(columns, names, "AT")
    c[[4, 5]] = c[[5, 4]]
    c[4] = 0.0 - c[4]  # not -c[4], which would turn 0 into -0
    _physical(c[5])
    return c


def to_elegant(particles: Any, reference: Reference | None = None) -> Columns:
    """Return elegant coordinates x [m], xp, y [m], yp [1], t [s], p [1].

    xp = Px/Pz and yp = Py/Pz are slopes, p = beta gamma is the whole momentum in units of m c, and t is the arrival
    time relative to the reference particle, > 0 at the tail. Parameters and errors as for :func:`to_xsuite`;
    also PhysicsError if a particle has no forward momentum.
    """
    c, ref = _rows(particles, reference)
    pz = _forward_momentum(c)
    return {
        "x": c[0].copy(),
        "xp": c[1] / pz,
        "y": c[2].copy(),
        "yp": c[3] / pz,
        "t": _time(c, ref),
        "p": ref.p0c / ref.mass * (1.0 + c[5]),
    }


def from_elegant(columns: Mapping[str, ArrayLike], reference: Reference) -> Rows:
    """Return coordinates (6, n) from x, xp, y, yp, t, p of elegant; t relative to the reference particle [s]."""
    c = _stack(columns, ("x", "xp", "y", "yp", "t", "p"), "elegant")
    p0 = reference.p0c / reference.mass
    c[5] = (c[5] - p0) / p0  # the difference of two near numbers is exact; rounding sits in p itself
    per_slope = (1.0 + _physical(c[5])) / np.sqrt(1.0 + (c[1] * c[1] + c[3] * c[3]))
    c[1] *= per_slope
    c[3] *= per_slope
    c[4] *= -SPEED_OF_LIGHT * _beta(c[5], reference)
    c[4] += 0.0
    return c


def to_ocelot(particles: Any, reference: Reference | None = None) -> Columns:
    """Return OCELOT coordinates x [m], px [1], y [m], py [1], tau = c (t - t_ref) [m] (> 0 at the tail), p [1].

    px = Px/P0 (OCELOT calls it x'), p = (E - E0)/(P0 c); the order is that of ``ParticleArray.rparticles``.
    Parameters and errors as for :func:`to_xsuite`.
    """
    c, ref = _rows(particles, reference)
    tau = 0.0 - c[4] / _beta(c[5], ref)
    return _copies(("x", "px", "y", "py"), c) | {"tau": tau, "p": _ptau(c[5], ref)}


def from_ocelot(columns: Mapping[str, ArrayLike] | ArrayLike, reference: Reference) -> Rows:
    """Return coordinates (6, n) from OCELOT's: columns x, px, y, py, tau, p, or ``rparticles`` of shape (6, n)."""
    names = ("x", "px", "y", "py", "tau", "p")
    if not isinstance(columns, Mapping):
        columns = dict(zip(names, six_rows(columns, names), strict=True))
    c = _stack(columns, names, "OCELOT")
    c[5] = _delta(c[5], reference)
    c[4] = 0.0 - c[4] * _beta(_physical(c[5]), reference)
    return c


def to_openpmd(particles: Any, reference: Reference | None = None) -> Columns:
    """Return openPMD-beamphysics coordinates x, y, z [m], t [s], px, py, pz [eV/c] on a screen across the orbit.

    z is the place of the screen, zero for all; t is the arrival time relative to the reference particle, > 0 at the
    tail. Parameters and errors as for :func:`to_xsuite`; also PhysicsError if a particle has no forward momentum.
    """
    c, ref = _rows(particles, reference)
    columns = {"x": c[0].copy(), "y": c[2].copy(), "z": np.zeros_like(c[0]), "t": _time(c, ref)}
    return columns | {"px": ref.p0c * c[1], "py": ref.p0c * c[3], "pz": ref.p0c * _forward_momentum(c)}


def from_openpmd(columns: Mapping[str, ArrayLike], reference: Reference) -> Rows:
    """Return coordinates (6, n) from x, y, t, px, py, pz (and z, if given) of openPMD-beamphysics.

    Raises ConfigError if z is given and differs between particles (a snapshot in time, not a screen).
    """
    x, px, y, py, t, pz = _stack(columns, ("x", "px", "y", "py", "t", "pz"), "openPMD")
    if np.any(pz <= 0.0):
        raise ConfigError("openPMD particles must move forward, pz > 0; leave the others out")
    if "z" in columns and np.unique(np.asarray(columns["z"])).size > 1:
        raise ConfigError(
            "openPMD particles have different z: they are a snapshot in time, and the frame of this package is a "
            "screen at one place; drift them to one z first (ParticleGroup.drift_to_z)"
        )
    p0 = reference.p0c
    px, py = px / p0, py / p0
    above = (pz - p0) / p0  # exact difference of near numbers
    square = above * (2.0 + above) + (px * px + py * py)  # (P/P0)^2 - 1
    delta = _physical(square / (1.0 + np.sqrt(1.0 + square)))
    return np.stack([x, px, y, py, 0.0 - SPEED_OF_LIGHT * _beta(delta, reference) * t, delta])


#: name of the code -> (to, from)
CONVENTIONS = {
    "xsuite": (to_xsuite, from_xsuite),
    "madx": (to_madx, from_madx),
    "at": (to_at, from_at),
    "elegant": (to_elegant, from_elegant),
    "ocelot": (to_ocelot, from_ocelot),
    "openpmd": (to_openpmd, from_openpmd),
}


def _beta0_over_beta(delta: Rows, ref: Reference) -> Rows:
    """beta0/beta = (E/E0)/(P/P0); the energy ratio as a sum of squares, without cancellation at any delta > -1."""
    momentum = 1.0 + delta
    return np.hypot(1.0 / ref.gamma, ref.beta * momentum) / momentum


def _beta(delta: Rows, ref: Reference) -> Rows:
    return ref.beta / _beta0_over_beta(delta, ref)


def _ptau(delta: Rows, ref: Reference) -> Rows:
    """(E - E0)/(P0 c) from E^2 - E0^2 = P0^2 c^2 (2 delta + delta^2)."""
    square = delta * (2.0 + delta)
    return ref.beta * square / (1.0 + np.hypot(1.0 / ref.gamma, ref.beta * (1.0 + delta)))


def _delta(ptau: Rows, ref: Reference) -> Rows:
    """(P - P0)/P0 from (P/P0)^2 - 1 = ptau (2/beta0 + ptau)."""
    square = ptau * (2.0 / ref.beta + ptau)
    if np.any(square <= -1.0) or np.any(1.0 + ref.beta * ptau <= 0.0):  # the second: a negative energy
        raise ConfigError("an energy deviation lies at or below the rest energy of the particle; check its unit (1)")
    return square / (1.0 + np.sqrt(1.0 + square))


def _time(c: Rows, ref: Reference) -> Rows:
    return 0.0 - c[4] / (SPEED_OF_LIGHT * _beta(c[5], ref))


def _forward_momentum(c: Rows) -> Rows:
    """Pz/P0 of particles that move forward."""
    square = (1.0 + c[5]) ** 2 - (c[1] * c[1] + c[3] * c[3])
    if np.any(square <= 0.0):
        raise PhysicsError(
            f"{int(np.sum(square <= 0.0))} of {square.size} particles have no forward momentum "
            "(px^2 + py^2 >= (1 + delta)^2), so they have no slope; leave lost ones out with beam.select(beam.alive)"
        )
    return np.sqrt(square)


def _physical(delta: Rows) -> Rows:
    if np.any(delta <= -1.0):
        raise ConfigError("delta must be above -1 (a particle has a positive momentum); check the reference momentum")
    return delta


def _rows(particles: Any, reference: Reference | None, needs_reference: bool = True) -> tuple[Rows, Reference]:
    ref = getattr(particles, "reference", None) if reference is None else reference
    if needs_reference and not isinstance(ref, Reference):
        raise ConfigError("bare coordinates need a reference: pass reference=Reference(energy=...), or a Beam")
    rows = six_rows(getattr(particles, "coordinates", particles))
    _physical(rows[5])
    return rows, ref  # type: ignore[return-value]


def _copies(names: Iterable[str], rows: Rows) -> Columns:
    return {name: row.copy() for name, row in zip(names, rows, strict=False)}


def _stack(columns: Mapping[str, ArrayLike], names: tuple[str, ...], code: str) -> Rows:
    """Return the named columns as float64 rows (6, n), or raise ConfigError."""
    if not isinstance(columns, Mapping):
        raise ConfigError(f"{code} coordinates must be a dict of arrays with the names {', '.join(names)}")
    missing = [name for name in names if name not in columns]
    if missing:
        hint = nearest(missing[0], map(str, columns))
        raise ConfigError(f"{code} coordinates need {', '.join(names)}; '{missing[0]}' is missing.{hint}")
    rows = [np.atleast_1d(coordinate_array(name, columns[name])) for name in names]
    if len({row.shape for row in rows}) > 1:
        raise ConfigError(f"{code} coordinates {', '.join(names)} must be real arrays of one length")
    return six_rows(np.stack(rows), names)
