"""Pole faces of bends: which model a lattice has, and how far the other model moves its chromaticities.

Linear edges (a thin lens h tan(e - lag) with lag = 2 h FINT HGAP, the same at every momentum) are the default of MAD-X
tracking, AT, Xsuite and elegant's edge order 1, so that they are the default here. They leave out that the angle of
incidence and the field integral change with the momentum: a full edge with e = 0 focuses in y by another
h (D' + lag)/cos^2(lag) delta at the entrance, h (lag - D')/cos^2(lag) delta at the exit. In rings with a small radius
that moves the vertical chromaticity by units.

References
----------
K. L. Brown, SLAC-75 (1982), second-order matrix of the pole face.
E. Forest, Beam Dynamics: A New Attitude and Framework (1998), chapter 13: the exact pole face.
"""

from __future__ import annotations

import numpy as np

from ssmb.dynamics.closed_orbit import find_orbits
from ssmb.dynamics.linear import transverse_modes
from ssmb.dynamics.matrices import jacobians
from ssmb.dynamics.propagation import without
from ssmb.errors import PhysicsError, ValidityWarning, warn
from ssmb.kernels.roles import Role
from ssmb.lattice.program import Program, compile_elements

#: Part of a chromaticity by which the choice of the edges may move it without a warning, and what is never worth one.
_MOVED, _LEAST = 0.1, 0.02
_WORDS = {Role.LINEAR_EDGE: "linear", Role.FULL_EDGE: "full"}


def edges_of(program: Program) -> str:
    """Models of the pole faces that are in a program: ``"linear"``, ``"full"``, both with a comma, or ``"none"``."""
    return ", ".join(word for role, word in _WORDS.items() if program.has(role)) or "none"


def with_other_edges(program: Program) -> tuple[str, Program] | None:
    """The model that a program lacks, and the program with this one in all its bends; None where nothing changes."""
    model = "full" if program.has(Role.LINEAR_EDGE) or not program.has(Role.FULL_EDGE) else "linear"
    elements = [element.with_edges(model) for element in program.elements]
    if elements == list(program.elements):
        return None
    return model, compile_elements(elements, program.reference)


def chromaticities(program: Program, orbits: np.ndarray) -> np.ndarray:
    """First derivatives (2,) of the tunes from orbits (6, 2) near the closed ones at two momenta about the centre.

    Raises
    ------
    PhysicsError
        If there is no closed orbit, or the motion is not stable.
    """
    found = find_orbits(program, orbits, 4)
    tunes = [transverse_modes(m[:4])[0] for m in jacobians(program, found, free=(0, 1, 2, 3))]
    return ((tunes[1] - tunes[0] + 0.5) % 1.0 - 0.5) / (orbits[5, 1] - orbits[5, 0])


def other_chromaticities(still: Program, orbits: np.ndarray, own: np.ndarray) -> dict[str, str | float]:
    """Chromaticities with the other model of the edges; a warning where linear ones differ by more than a tenth.

    Parameters
    ----------
    still : program without energy kicks.
    orbits : (6, 2) closed orbits at two momenta about the centre, by which dQ/d delta is formed.
    own : (2,) chromaticities with the edges that there are [1].
    """
    other = with_other_edges(still)
    if other is None:
        return {}
    model, program = other
    try:
        moved = chromaticities(without(program, cavities=True, lasers=True), orbits)
    except PhysicsError:
        if model == "full":
            _warn("linear edges of the bends: with full ones this ring is not stable")
        return {"other_edges": model}
    planes = zip("xy", own.tolist(), moved.tolist(), strict=True)
    differ = [(p, a, b) for p, a, b in planes if abs(b - a) > max(_MOVED * abs(a), _LEAST)]
    if differ and model == "full":
        words = ", ".join(f"dQ{p} {a:.3g} ({b:.3g} with full ones)" for p, a, b in differ)
        _warn(f"linear edges of the bends: chromaticity {words}")
    return {"other_edges": model, "other_edges_dqx": float(moved[0]), "other_edges_dqy": float(moved[1])}


def _warn(what: str) -> None:
    remedy = "bends of small radius need SSMB_TrackingP.edge: full"
    warn(f"{what}; {remedy}", ValidityWarning)
