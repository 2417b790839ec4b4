"""The common ring of all speed measurements: 8 double-bend cells of 23 elements and one cavity, 1 GeV electrons."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

ENERGY = 1.0e9  # total energy [eV]
HARMONIC = 133
VOLTAGE = 0.5e6
_ANGLE = 2.0 * math.pi / 16
_HALF: list[tuple[str, str, float, float]] = [
    ("d1", "drift", 2.0, 0.0),
    ("qf1", "quad", 0.3, 2.204307),
    ("d2", "drift", 0.35, 0.0),
    ("qd1", "quad", 0.3, -2.597825),
    ("d3", "drift", 0.45, 0.0),
    ("b", "bend", 0.8, _ANGLE),
    ("d4", "drift", 0.45, 0.0),
    ("sd", "sext", 0.2, -177.5956),
    ("d5", "drift", 0.45, 0.0),
    ("qf2", "quad", 0.3, 2.074919),
    ("d6", "drift", 0.25, 0.0),
]
CELL = [*_HALF, ("sf", "sext", 0.2, 451.1583), *_HALF[::-1]]
CELLS = 8
SIGMA = np.array([1e-4, 1e-5, 1e-4, 1e-5, 1e-3, 1e-4])  # x px y py z delta

#: setting -> parameters of (drift, bend, quadrupole, sextupole)
SETTINGS: dict[str, tuple[dict[str, Any], ...]] = {
    "y4x10": (
        {"drift": "expanded"},
        {"integrator": "yoshida4", "slices": 10},
        {"integrator": "yoshida4", "slices": 10, "drift": "expanded"},
        {"integrator": "yoshida4", "slices": 10, "drift": "expanded"},
    ),
    "y4x1": (
        {"drift": "expanded"},
        {"integrator": "yoshida4", "slices": 1},
        {"integrator": "yoshida4", "slices": 1, "drift": "expanded"},
        {"integrator": "yoshida4", "slices": 1, "drift": "expanded"},
    ),
    "matrix": (
        {"drift": "expanded"},
        {"integrator": "matrix"},
        {"integrator": "matrix", "drift": "expanded"},
        {"integrator": "yoshida2", "slices": 1, "drift": "expanded"},
    ),
    "default": ({}, {}, {}, {}),
}


def coordinates(n: int, seed: int = 1) -> np.ndarray:
    """Test particles (6, n)."""
    return np.random.default_rng(seed).standard_normal((6, n)) * SIGMA[:, None]


def ssmb_ring(setting: str) -> Any:
    """The ring as an ssmb Lattice."""
    from ssmb.beam import Reference
    from ssmb.elements import Bend, Drift, Quadrupole, RFCavity, Sextupole
    from ssmb.lattice import Lattice

    drift, bend, quad, sext = SETTINGS[setting]
    made: list[Any] = []
    for cell in range(CELLS):
        for i, (name, kind, length, value) in enumerate(CELL):
            label = f"{name}_{cell}_{i}"
            if kind == "drift":
                made.append(Drift(name=label, length=length, **drift))
            elif kind == "bend":
                made.append(Bend(name=label, length=length, angle=value, **bend))
            elif kind == "quad":
                made.append(Quadrupole(name=label, length=length, Kn1=value, **quad))
            else:
                made.append(Sextupole(name=label, length=length, Kn2=value, **sext))
    made.append(RFCavity(name="rf", voltage=VOLTAGE, harmon=HARMONIC, zero_phase="ABOVE_TRANSITION"))
    return Lattice.from_elements(made, Reference(ENERGY), name="ring", periodic=True)


def pyat_ring(steps: int, exact: bool = False) -> Any:
    """The ring as a pyAT lattice with Yoshida-4 steps in every magnet."""
    import at

    made: list[Any] = []
    for _ in range(CELLS):
        for name, kind, length, value in CELL:
            if kind == "drift":
                made.append(at.Drift(name, length, PassMethod="ExactDriftPass" if exact else "DriftPass"))
            elif kind == "bend":
                made.append(at.Dipole(name, length, value, NumIntSteps=steps))
                if exact:
                    made[-1].PassMethod = "ExactSectorBendPass"
            elif kind == "quad":
                made.append(at.Quadrupole(name, length, value, NumIntSteps=steps))
            else:
                made.append(at.Sextupole(name, length, value / 2, NumIntSteps=steps))
            if exact and kind in ("quad", "sext"):
                made[-1].PassMethod = "ExactMultipolePass"
    from ssmb.beam import Reference

    ref = Reference(ENERGY)
    frequency = HARMONIC * ref.beta * 299792458.0 / (CELLS * sum(length for _, _, length, _ in CELL))
    made.append(at.RFCavity("rf", 0.0, VOLTAGE, frequency, HARMONIC, ENERGY, PassMethod="RFCavityPass"))
    return at.Lattice(made, energy=ENERGY, name="ring")
