"""The ring of the tests against other codes, as plain numbers: 8 double-bend cells of 23 elements and one cavity.

1 GeV electrons. ``ELEMENTS`` lists (name, kind, length [m], numbers): bend ``angle`` (sector), quad ``k1`` [1/m^2],
sext ``k2`` [1/m^3] (B_y = k2 x^2/2), rf ``volt`` [V].
"""

from __future__ import annotations

import math

import numpy as np

from ssmb.beam.reference import Reference
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.elements import Bend, Drift, Element, Quadrupole, RFCavity, Sextupole
from ssmb.lattice.program import Program, compile_elements

REFERENCE = Reference(1e9)
CELLS = 8
ANGLE = 2 * math.pi / (2 * CELLS)
VOLTAGE, HARMONIC = 0.5e6, 133

_HALF = [
    ("d1", "drift", 2.0, {}),
    ("qf1", "quad", 0.3, {"k1": 2.204307}),
    ("d2", "drift", 0.35, {}),
    ("qd1", "quad", 0.3, {"k1": -2.597825}),
    ("d3", "drift", 0.45, {}),
    ("b", "bend", 0.8, {"angle": ANGLE}),
    ("d4", "drift", 0.45, {}),
    ("sd", "sext", 0.2, {"k2": -177.5956}),
    ("d5", "drift", 0.45, {}),
    ("qf2", "quad", 0.3, {"k1": 2.074919}),
    ("d6", "drift", 0.25, {}),
]
_CELL = [*_HALF, ("sf", "sext", 0.2, {"k2": 451.1583}), *_HALF[::-1]]
ELEMENTS = [(f"{n}_{c}_{i}", k, length, p) for c in range(CELLS) for i, (n, k, length, p) in enumerate(_CELL)]
CIRCUMFERENCE = sum(e[2] for e in ELEMENTS)
FREQUENCY = HARMONIC * REFERENCE.beta * SPEED_OF_LIGHT / CIRCUMFERENCE


def particles(n: int, seed: int = 1) -> np.ndarray:
    """Coordinates (6, n) well inside the dynamic aperture: 0.3 mm, 0.1 mrad, 1 mm, 0.1 % (rms)."""
    random = np.random.default_rng(seed)
    widths = np.array([3e-4, 1e-4, 2e-4, 5e-5, 1e-3, 1e-3])
    return np.clip(random.normal(size=(6, n)), -3, 3) * widths[:, None]


def ring(*, expanded: bool, slices: int = 10, cavity: bool = False) -> Program:
    """The ring in our elements: paraxial fourth-order steps, or exact maps with ``slices`` steps (sixth order in
    sextupoles).
    """
    order = "yoshida4" if expanded else "yoshida6"
    steps = {"integrator": order, "slices": slices, "drift": "expanded" if expanded else "exact"}
    made: list[Element] = []
    for name, kind, length, p in ELEMENTS:
        if kind == "drift":
            made.append(Drift(name=name, length=length, drift=steps["drift"]))
        elif kind == "bend":
            body = {"integrator": "yoshida4", "slices": slices} if expanded else {}
            made.append(Bend(name=name, length=length, angle=p["angle"], **body))
        elif kind == "quad":
            body = steps if expanded else {"slices": slices}
            made.append(Quadrupole(name=name, length=length, Kn1=p["k1"], **body))
        else:
            made.append(Sextupole(name=name, length=length, Kn2=p["k2"], **steps))
    if cavity:
        made.append(RFCavity(name="rf", voltage=VOLTAGE, frequency=FREQUENCY, zero_phase="ABOVE_TRANSITION"))
    return compile_elements(made, REFERENCE)
