"""Design of the quasi-isochronous 400 MeV ring: finds the constants of ``lattices/ssmb_400mev_ring.pals.yaml``.

    python lattices/design/ssmb_400mev_ring.py            # from the numbers below to the file, a minute or two

The longitudinal emittance of a ring is smallest where the running slip F(s) in the bends has the smallest variance. In a
bend of radius rho and length L, with u from its middle, dF/du = D/rho and D = D0 + u^2/(2 rho), so that F is a cubic. Its
variance is smallest for D0 = -L^2/(40 rho); it has then the shape of the Legendre polynomial P3. (An isochronous bend,
D0 = -L^2/(24 rho), has 1.83 times the rms.) Such a bend lengthens the path by L^3/(60 rho^2) per unit of delta. What follows
must take that back before the next bend: QF, where D is largest, bends back by a_QF = -L^3/(120 rho^2 D), 2 mrad.

1. One cell: Q1, QF, Q2 give the tunes and D0. Tunes of 0.59 and 0.26: a smaller Q_x brings a beam that is wider, a larger one
   stronger sextupoles; low-order resonances of one cell are far.
2. The ring: half a bend ends the dispersion (angles a_BH, a_QFS), the straights match the beta functions (QA, QB), a_QF makes
   the slip factor, a_B closes the ring. Steps 1 and 2 are repeated until nothing moves.
3. Sextupoles: chromaticities and second-order slip factor zero. 4. Octupoles: third-order slip factor zero.
5. The induction cell gives back what a turn loses.
"""

from __future__ import annotations

import math
from pathlib import Path

from ssmb.equilibrium import radiation_integrals
from ssmb.lattice import Lattice, load_lattice
from ssmb.optics import Knob, MatchResult, Target, match, optics

LATTICES = Path(__file__).resolve().parents[1]
FILE = LATTICES / "ssmb_400mev_ring.pals.yaml"

SLIP_FACTOR = 1e-6
CELL_TUNES = (0.59, 0.26)
CELLS_PER_ARC = 9
#: Wanted dispersion in the middle of a bend in units of -L^2/rho; 1/40 is the theoretical minimum.
DEPTH = 1.0 / 40.0
#: Beta functions in the middle of the straights: of modulator and cavity [m].
BETA = {"UND": {"beta_x": 2.5, "beta_y": 1.3}, "CAV": {"beta_x": 4.0, "beta_y": 4.0}}

#: Where the design begins: thin estimates for the angles, a random search for the quadrupoles.
START = {
    "a_B": 0.3185, "a_BH": 0.157, "a_QF": -0.0022, "a_QFS": 0.0006,
    "k_Q1": -6.485, "k_QF": 10.354, "k_Q2": -3.355,
    "k_QA1": 2.8, "k_QA2": -5.2, "k_QA3": 6.4, "k_QA4": -2.2,
    "k_QB1": 1.8, "k_QB2": -4.5, "k_QB3": 6.0, "k_QB4": -1.6,
    "k_S1": 0.0, "k_S2": 0.0, "k_S3": 0.0, "k_O": 0.0, "energy_gain": 0.0,
}  # fmt: skip

HEAD = """\
# Quasi-isochronous SSMB storage ring: 400 MeV, 100 m, 20 bends of radius 1 m, slip factor 1e-6, one laser modulator.
#
# Where the numbers come from
#   A design, made with the package's own matching by lattices/design/ssmb_400mev_ring.py, which writes this file and says
#     what the constants are for. Energy, circumference, radius, number of bends, slip factor: a generic 400 MeV SSMB ring.
#   laser: 1 MW of 1064 nm in a modulator of 30 periods of 50 mm; Rayleigh length 0.54 m, the optimum of 1.5 m; K: resonance.
#   energy_gain: what a turn loses in bends and modulator.
PALS:
  constants:
    rho: 1.0
"""
TAIL = """\
    gamma: 400e6/m_electron
    lambda_laser: 1064e-9
    K_laser: sqrt(2*(2*gamma**2*lambda_laser/0.05 - 1))
    p_laser: 1e6
    zr_laser: 0.54
  facility:
    - begin: {kind: BeginningEle, ReferenceP: {species_ref: electron, E_tot_ref: 400e6}}
    - include: ssmb_400mev_geometry.pals.yaml
    - SSMB_400MEV: {kind: BeamLine, length: 100, periodic: true, line: [begin, UND, UND_OUT, around, UND_IN]}
    - use: SSMB_400MEV
"""


def written(constants: dict[str, float], file: Path = FILE) -> Lattice:
    """Write the lattice file and read it back."""
    rows = "".join(f"    {name}: {value:.12g}\n" for name, value in constants.items())
    file.write_text(HEAD + rows + TAIL, encoding="utf-8")
    return load_lattice(file)


def cell_of(ring: Lattice) -> Lattice:
    """One cell as a ring of its own."""
    first = ring.index("MID#1") + 1
    size = (ring.index("MID#2") - first) // CELLS_PER_ARC
    return Lattice("cell", ring.reference, ring[first : first + size], periodic=True)


def straight_of(ring: Lattice, middle: str) -> Lattice:
    """A straight section between two halves of a bend and of a cell, closed to a ring of 14 m; it begins in its middle."""
    centre = ring.index(middle)
    turned = ring.rotated(centre)
    half = turned.index("MID#1" if middle == "UND" else "MID#3")
    other = turned.index("MID#4" if middle == "UND" else "MID#2")
    return Lattice("straight", ring.reference, (*turned[: half + 1], *turned[other + 1 :]), periodic=True)


def dispersion_at_bend(ring: Lattice) -> float:
    """Dispersion at the entrance of a bend that has -DEPTH L^2/rho in its middle [m]."""
    bend = ring["B#1"]
    rho, half = bend.length / bend.angle, bend.angle / 2.0  # type: ignore[attr-defined]
    return -DEPTH * bend.length**2 / rho * math.cos(half) + rho * (1.0 - math.cos(half))


def bent(found: object, ring: Lattice) -> float:
    """Turns by which a ring bends."""
    return math.fsum(getattr(e, "angle", 0.0) for e in ring) / (2.0 * math.pi)


def taken(constants: dict[str, float], result: MatchResult) -> dict[str, float]:
    """Constants with the knobs of a matching: Q1.Kn1 is k_Q1, BH*.angle is a_BH."""
    new = {}
    for name, value in result.knobs.items():
        family, _, parameter = name.partition(".")
        new[("a_" if parameter == "angle" else "k_") + family.rstrip("*")] = value
    print(f"{result.status.name}, {result.evaluations} lattices:", ", ".join(f"{n} {v:.6g}" for n, v in new.items()))
    return constants | new


def match_straight(constants: dict[str, float], ring: Lattice, middle: str) -> dict[str, float]:
    """Beta functions by four quadrupoles; the first straight also ends the dispersion."""
    mid = optics(cell_of(ring)).at(0)
    knobs = [Knob(f"Q{'A' if middle == 'UND' else 'B'}{i}.Kn1", -12, 12) for i in (1, 2, 3, 4)]
    targets = [Target(name, mid[name], at=f"MID#{1 if middle == 'UND' else 3}") for name in ("beta_x", "beta_y")]
    targets += [Target(name, value, at=middle) for name, value in BETA[middle].items()]
    if middle == "UND":
        knobs += [Knob("BH*.angle", 0.14, 0.17), Knob("QFS.angle", -0.01, 0.01)]
        targets += [Target("dispersion_x", 0.0, at=middle, tolerance=1e-9)]
        targets += [Target("dispersion_x", mid["dispersion_x"], at="MID#1", tolerance=1e-9)]
    return taken(constants, match(straight_of(ring, middle), knobs, targets))


def match_cell(constants: dict[str, float], ring: Lattice) -> dict[str, float]:
    """Tunes of a cell, dispersion in its bend, and its share of the slip and of the turn."""
    straights = [straight_of(ring, middle) for middle in ("UND", "CAV")]
    cell, cells = cell_of(ring), 2 * CELLS_PER_ARC
    slip = SLIP_FACTOR * ring.length - sum(optics(s).slip_factor * s.length for s in straights)
    knobs = [
        Knob("Q1.Kn1", -12, 0), Knob("QF.Kn1", 5, 15), Knob("Q2.Kn1", -10, 2),
        Knob("QF.angle", -0.01, 0.0), Knob("B.angle", 0.3, 0.33),
    ]  # fmt: skip
    targets = [
        Target("qx", CELL_TUNES[0]),
        Target("qy", CELL_TUNES[1]),
        Target("dispersion_x", dispersion_at_bend(ring), at="B", tolerance=1e-9),
        Target("slip_factor", slip / (cells * cell.length), tolerance=1e-11),
        Target(bent, (1.0 - sum(bent(None, s) for s in straights)) / cells, tolerance=1e-14),
    ]
    return taken(constants, match(cell, knobs, targets))


def match_orders(constants: dict[str, float], ring: Lattice) -> dict[str, float]:
    """Chromaticities and higher orders of the slip factor to zero."""
    chromatic = [Target(name, 0.0, tolerance=1e-3) for name in ("dqx", "dqy")]
    second, third = (
        Target("slip_factor2", 0.0, tolerance=1e-8),
        Target("slip_factor3", 0.0, tolerance=1e-4),
    )
    sextupoles = [Knob(f"{name}.Kn2", -5e3, 5e3) for name in ("S1", "S2", "S3")]
    constants = taken(constants, match(ring, sextupoles, [*chromatic, second]))
    ring = written(constants)
    return taken(constants, match(ring, [*sextupoles, Knob("O.Kn3", -1e6, 1e6)], [*chromatic, second, third]))


def main() -> None:
    constants = dict(START)
    for _ in range(4):
        for step in (lambda c, r: match_straight(c, r, "UND"), lambda c, r: match_straight(c, r, "CAV"), match_cell):
            constants = step(constants, written(constants))
    constants = match_orders(constants, written(constants))
    constants["energy_gain"] = radiation_integrals(written(constants)).energy_loss
    written(constants)


if __name__ == "__main__":
    main()
