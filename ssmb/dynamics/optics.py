"""Optics of a ring: tunes, Twiss functions, dispersion, momentum compaction, from a few tracked particles."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from ssmb.arguments import checked
from ssmb.beam.reference import Reference
from ssmb.dynamics.bend_edges import edges_of, other_chromaticities
from ssmb.dynamics.closed_orbit import find_orbits
from ssmb.dynamics.linear import (
    carried_plane,
    dispersion_invariant,
    followed_modes,
    generalised_beta,
    is_coupled,
    normal_modes,
    periodic_plane,
    transverse_modes,
)
from ssmb.dynamics.matrices import Displaced, suited
from ssmb.dynamics.off_momentum import CENTRE, DELTA_STEP, OffMomentum, derivatives, off_momentum
from ssmb.dynamics.propagation import has_cavities, laser_wavelength, program_of, recorded, without
from ssmb.errors import ConfigError, PhysicsError
from ssmb.lattice.facts import check_radio_frequency
from ssmb.lattice.places import entrance_of, place_columns
from ssmb.lattice.program import Program
from ssmb.lattice.tree import Lattice
from ssmb.quantity import MATRIX, PER_EMITTANCE, PHASE_SPACE, Shown, quantity
from ssmb.ranges import finite, positive


class OpticsStatus(Enum):
    """What kind of motion the optics describes."""

    BUNCHED = "stable in three planes, cavities on"
    COASTING = "stable in x and y; no cavity, so that there is no synchrotron tune"
    NOT_BUNCHED = (
        "stable in x and y, but not in z: check the phase of the cavities (zero_phase: ABOVE_TRANSITION where the slip "
        "factor is positive)"
    )


@checked
@dataclass(frozen=True, eq=False)
class Optics(Shown):
    """Optics of a ring at n + 1 places: the beginning, and the exit of each of the n elements.

    Vectors are (x, px, y, py, z, delta); planes and transverse modes are ordered x, y. Dispersion is the derivative of
    the closed orbit with respect to delta at constant momentum. Lasers count as off unless asked for.

    Momentum compaction and slip factor are relative to one length, that of the closed orbit at this momentum
    (``orbit_length``), which is not the length of the reference orbit where kicks or misalignments move it: then
    slip_factor = alpha_c - 1/gamma^2 holds at delta = 0 for any orbit.
    """

    status: OpticsStatus
    reference: Reference = quantity("", "reference particle")
    names: tuple[str, ...] = quantity("", "names of the elements", dims=("element",))
    s: np.ndarray = quantity("m", "position", dims=("place",), label="s")
    qx: float = quantity("1", "horizontal tune, integer part included")
    qy: float = quantity("1", "vertical tune, integer part included")
    qs: float = quantity("1", "synchrotron tune > 0; 0 if z is not bound")
    dqx: float = quantity("1", "chromaticity dQx/d delta")
    dqy: float = quantity("1", "chromaticity dQy/d delta")
    dqx2: float = quantity("1", "second-order chromaticity d2Qx/d delta2")
    dqy2: float = quantity("1", "second-order chromaticity d2Qy/d delta2")
    orbit_length: float = quantity(
        "m", "length of the closed orbit at this momentum, to which all that follows is relative"
    )
    alpha_c: float = quantity(
        "1", "momentum compaction: coefficient of delta of path length over length of the closed orbit"
    )
    alpha_c2: float = quantity("1", "coefficient of delta^2 of the same")
    alpha_c3: float = quantity("1", "coefficient of delta^3 of the same")
    slip_factor: float = quantity("1", "coefficient of delta of the revolution time over that of the closed orbit")
    slip_factor2: float = quantity("1", "coefficient of delta^2 of the same")
    slip_factor3: float = quantity("1", "coefficient of delta^3 of the same")
    gamma_t: float = quantity("1", "transition energy, 1/sqrt(alpha_c); -1/sqrt(-alpha_c) for alpha_c < 0; inf for 0")
    m66: np.ndarray = quantity(
        MATRIX, "one-turn matrix at the beginning, cavities on", dims=("coordinate", "other_coordinate")
    )
    coupled: bool = quantity(
        "",
        "whether x and y are coupled anywhere; beta, alpha are then of modes 1, 2 in x, y (2, 1 where less than a "
        "tenth of them is left there), mu and the tunes those of modes 1, 2",
    )
    closed_orbit: np.ndarray = quantity(PHASE_SPACE, "closed orbit", dims=("place", "coordinate"))
    beta: np.ndarray = quantity("m", "beta functions", dims=("place", "plane"), label="β")
    alpha: np.ndarray = quantity("1", "Twiss alpha", dims=("place", "plane"))
    mu: np.ndarray = quantity("2pi", "phase advance from the beginning", dims=("place", "plane"))
    dispersion: np.ndarray = quantity("m, 1, m, 1", "d(x, px, y, py)/d delta", dims=("place", "transverse"))
    dispersion2: np.ndarray = quantity(
        "m, 1, m, 1", "second-order dispersion d2(x, px, y, py)/d delta2", dims=("place", "transverse")
    )
    partial_r56: np.ndarray = quantity("m", "dz/d delta from the beginning along the dispersive orbit", dims=("place",))
    curly_h: np.ndarray = quantity("m", "dispersion invariants H_x, H_y", dims=("place", "plane"))
    mode_tunes: np.ndarray = quantity("1", "fractional tunes of the modes, (3,) bunched or (2,)", dims=("mode",))
    mode_beta: np.ndarray = quantity(
        PER_EMITTANCE,
        "beta^k_ij of the modes, (n + 1, 3, 6, 6) bunched or (n + 1, 2, 4, 4)",
        dims=("place", "mode", "i", "j"),
    )
    delta_step: float = quantity("1", "step in delta of the derivatives off momentum", repr=False)
    steps: np.ndarray = quantity(PHASE_SPACE, "steps of the derivatives of the maps", dims=("coordinate",), repr=False)
    provenance: dict[str, Any] = field(default_factory=dict, repr=False)  #: edge model, maps, and what was on

    def index(self, name: str) -> int:
        """Position in the arrays of the entrance of an element."""
        return entrance_of(self.names, name, "optics")

    def at(self, place: str | int) -> dict[str, float]:
        """Return all local values at the entrance of an element, or at a position of the arrays, by name."""
        i = self.index(place) if isinstance(place, str) else place
        if isinstance(i, bool) or not -self.s.size <= i < self.s.size:
            raise ConfigError(f"optics are known at {self.s.size} places, counted from 0, not at {place!r}")
        out = {"s": self.s[i], "partial_r56": self.partial_r56[i]}
        for j, plane in enumerate("xy"):
            out |= {f"beta_{plane}": self.beta[i, j], f"alpha_{plane}": self.alpha[i, j], f"mu_{plane}": self.mu[i, j]}
            out[f"H_{plane}"] = self.curly_h[i, j]
        for j, axis in enumerate(("x", "px", "y", "py")):
            out |= {f"dispersion_{axis}": self.dispersion[i, j], f"dispersion2_{axis}": self.dispersion2[i, j]}
        out |= dict(zip(("x", "px", "y", "py", "z", "delta"), self.closed_orbit[i], strict=True))
        return {name: float(value) for name, value in out.items()}

    def edges_text(self) -> str:
        """Model of the pole faces of the bends in words, and the chromaticities with the other one."""
        said, text = self.provenance, str(self.provenance.get("bend_edges", "-"))
        if "other_edges_dqx" in said:
            other = f"{said['other_edges_dqx']:.4f}, {said['other_edges_dqy']:.4f}"
            text += f" (chromaticities {other} with {said['other_edges']} ones)"
        return text

    @property
    def H_x(self) -> np.ndarray:
        """Horizontal dispersion invariant [m], (n + 1,)."""
        return self.curly_h[:, 0]

    @property
    def H_y(self) -> np.ndarray:
        """Vertical dispersion invariant [m], (n + 1,)."""
        return self.curly_h[:, 1]

    def table(self) -> dict[str, np.ndarray]:
        """Return columns with the names of MAD-X; row 0 is the beginning, row i the exit of element i.

        S in m, MUX in 2 pi. DX is dx/d delta, where MAD-X gives dx/dpt = DX/beta0; DDX is d2x/d delta2/2, its second
        order coefficient. T = z/beta = -c dt > 0 at the head, and PT = (E - E0)/(p0 c), as in MAD-X.
        """
        x = self.closed_orbit
        beta0 = self.reference.beta
        energy = np.sqrt((1.0 + x[:, 5]) ** 2 + 1.0 / beta0**2 - 1.0)  # over p0 c
        pt = x[:, 5] * (2.0 + x[:, 5]) / (energy + 1.0 / beta0)
        out = place_columns(self.names, self.s)
        for j, plane in enumerate("XY"):
            out |= {f"BET{plane}": self.beta[:, j], f"ALF{plane}": self.alpha[:, j], f"MU{plane}": self.mu[:, j]}
            out |= {f"D{plane}": self.dispersion[:, 2 * j], f"DP{plane}": self.dispersion[:, 2 * j + 1]}
            out |= {f"DD{plane}": 0.5 * self.dispersion2[:, 2 * j], f"DDP{plane}": 0.5 * self.dispersion2[:, 2 * j + 1]}
            out |= {plane: x[:, 2 * j], f"P{plane}": x[:, 2 * j + 1]}
        return out | {"T": x[:, 4] * energy / (1.0 + x[:, 5]), "PT": pt}


@checked
def optics(
    lattice: Lattice | Program,
    *,
    delta: float = 0.0,
    lasers: bool = False,
    delta_step: float = DELTA_STEP,
    compare_edges: bool = True,
) -> Optics:
    """Return the optics of a ring.

    Parameters
    ----------
    lattice : ring, or its compiled program.
    delta : momentum deviation of the closed orbit about which all is expanded [1]. Where cavities are on, ``m66``,
        ``qs`` and the modes belong to their own closed orbit.
    lasers : whether the kicks of lasers act in ``m66``, ``qs`` and the modes, about the nearest micro-bucket. A beam
        that is not bunched at the wavelength meets them at every phase, and their linear map then means nothing.
    delta_step : distance of the nine momenta from which derivatives are formed [1]; it is shortened where the outer
        ones have no closed orbit.
    compare_edges : whether chromaticities with the other model of the pole faces are computed (``provenance``), too,
        with a warning where linear ones differ from full ones by more than a tenth.

    Raises
    ------
    PhysicsError
        No closed orbit, or the motion in x or y is not stable.

    Examples
    --------
    >>> from ssmb.beam.reference import Reference
    >>> from ssmb.elements import Bend
    >>> quarter = Bend(length=2.0, angle=math.pi / 2, Kn1=-0.3, integrator="matrix")
    >>> ring = optics(Lattice.from_elements([quarter] * 4, Reference(1e9)))
    >>> round(ring.qx, 8), round(ring.qy, 8), ring.status.name  # sqrt(1 + K rho^2), sqrt(-K rho^2)
    (0.7166996, 0.69738202, 'COASTING')
    """
    if isinstance(lattice, Lattice):
        check_radio_frequency(lattice)
    whole = program_of(lattice)
    delta, delta_step = finite("delta", delta), positive("delta_step", delta_step)
    still = without(whole, cavities=True, lasers=True)
    off = off_momentum(still, delta, delta_step)
    made, turn = suited(still, off.orbit[:, None])
    m = turn[0]
    bound = _bound_motion(whole, lasers)
    sets = [(still, np.concatenate((made.particles(), off.orbits), axis=1))]
    every, *bound_s = recorded(*sets, *([(bound[0], bound[1].particles())] if bound else []))
    count = made.particles().shape[1]
    m_s = made.slopes(every[:, :, :count])[:, 0]
    twiss = _transverse(m[:4, :4], m_s[:, :4, :4])
    d0 = np.append(np.linalg.solve(np.eye(4) - m[:4, :4], m[:4, 5]), (0.0, 1.0))
    dispersion = m_s @ d0
    found = {"status": OpticsStatus.COASTING, "qs": 0.0, "m66": m, "orbit": made.centre(every[:, :, :count])[:, :, 0]}
    if bound:
        found |= _longitudinal(bound[1], bound[2], bound_s[0])
    elif has_cavities(whole):
        found["status"] = OpticsStatus.NOT_BUNCHED
    return Optics(
        status=found["status"],
        names=whole.names,
        s=whole.s,
        qx=float(twiss["mu"][-1, 0]),
        qy=float(twiss["mu"][-1, 1]),
        qs=found["qs"],
        **_momentum_numbers(off),
        m66=found["m66"],
        coupled=twiss["coupled"],
        closed_orbit=found["orbit"],
        beta=twiss["beta"],
        alpha=twiss["alpha"],
        mu=twiss["mu"],
        dispersion=dispersion[:, :4],
        dispersion2=derivatives(every[:, :4, count:], off.step)[1],
        partial_r56=dispersion[:, 4],
        curly_h=np.stack(
            [
                dispersion_invariant(
                    dispersion[:, 2 * j], dispersion[:, 2 * j + 1], twiss["beta"][:, j], twiss["alpha"][:, j]
                )
                for j in (0, 1)
            ],
            axis=1,
        ),
        mode_tunes=found.get("tunes", twiss["mode_tunes"]),
        mode_beta=found.get("mode_beta", twiss["mode_beta"]),
        reference=whole.reference,
        delta_step=off.step,
        steps=np.array(made.steps),
        provenance=_provenance(whole, lasers) | (_with_other_edges(still, off) if compare_edges else {}),
    )


def _with_other_edges(still: Program, off: OffMomentum) -> dict[str, str | float]:
    return other_chromaticities(still, off.orbits[:, [CENTRE - 1, CENTRE + 1]], off.tunes[0])


def _momentum_numbers(off: OffMomentum) -> dict[str, float]:
    alpha = float(off.path[0])
    return {
        "dqx": float(off.tunes[0, 0]),
        "dqy": float(off.tunes[0, 1]),
        "dqx2": float(off.tunes[1, 0]),
        "dqy2": float(off.tunes[1, 1]),
        "orbit_length": off.length,
        "alpha_c": alpha,
        "alpha_c2": float(off.path[1]),
        "alpha_c3": float(off.path[2]),
        "slip_factor": float(off.time[0]),
        "slip_factor2": float(off.time[1]),
        "slip_factor3": float(off.time[2]),
        "gamma_t": math.copysign(1.0 / math.sqrt(abs(alpha)), alpha) if alpha else math.inf,
    }


def _transverse(m4: np.ndarray, m4_s: np.ndarray) -> dict[str, Any]:
    """Twiss functions and transverse modes along the ring from (n, 4, 4) matrices."""
    if is_coupled(m4) or is_coupled(m4_s):
        tunes, vectors = transverse_modes(m4)
        return {"coupled": True, "mode_tunes": tunes, **vars(followed_modes(m4_s @ vectors))}
    columns = []
    mode_beta = np.zeros((len(m4_s), 2, 4, 4))
    for k, plane in enumerate("xy"):
        block = slice(2 * k, 2 * k + 2)
        _, beta0, alpha0 = periodic_plane(m4[block, block], plane)
        b, a, mu = carried_plane(m4_s[:, block, block], beta0, alpha0)
        columns.append((b, a, mu))
        gamma = (1.0 + a * a) / b
        mode_beta[:, k, block, block] = np.stack([b, -a, -a, gamma], axis=1).reshape(-1, 2, 2)
    beta, alpha, mu = (np.stack(pair, axis=1) for pair in zip(*columns, strict=True))
    return {
        "coupled": False,
        "beta": beta,
        "alpha": alpha,
        "mu": mu,
        "mode_tunes": mu[-1] % 1.0,
        "mode_beta": mode_beta,
    }


def _bound_motion(whole: Program, lasers: bool) -> tuple[Program, Displaced, np.ndarray] | None:
    """The program with cavities on, particles about its closed orbit, and the one-turn matrix; None without an
    orbit.
    """
    program = without(whole, lasers=not lasers)
    if not has_cavities(program) and not (lasers and laser_wavelength(program)):
        return None
    try:
        made, turn = suited(program, find_orbits(program, np.zeros((6, 1)), 6))
    except PhysicsError:
        return None
    return program, made, turn[0]


def _longitudinal(made: Displaced, m66: np.ndarray, along: np.ndarray) -> dict[str, Any]:
    """Closed orbit, one-turn matrix and three modes with cavities on."""
    out: dict[str, Any] = {"m66": m66, "orbit": made.centre(along)[:, :, 0]}
    try:
        tunes, vectors = normal_modes(m66)
    except PhysicsError:
        return out | {"status": OpticsStatus.NOT_BUNCHED}
    beta = generalised_beta(made.slopes(along)[:, 0] @ vectors)
    qs = float(min(tunes[2], 1.0 - tunes[2]))
    return out | {"status": OpticsStatus.BUNCHED, "qs": qs, "tunes": tunes, "mode_beta": beta}


def _provenance(program: Program, lasers: bool) -> dict[str, Any]:
    """How the numbers came about: which edge model and maps."""
    return {
        "bend_edges": edges_of(program),
        "maps": ", ".join(program.maps()),
        "cavities": has_cavities(program),
        "lasers": bool(lasers and laser_wavelength(program)),
    }
