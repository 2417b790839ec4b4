"""Design of the quasi-isochronous 400 MeV ring: finds the constants of ``lattices/ssmb_400mev_ring.pals.yaml``.

    python lattices/design/ssmb_400mev_ring.py            # from the numbers below to the file, a minute or two

The longitudinal emittance of a ring is smallest where the running slip F(s) in the bends has the smallest variance. In a
bend of radius rho and length L, with u from its middle, dF/du = D/rho and D = D0 + u^2/(2 rho), so that F is a cubic. Its
variance is smallest for D0 = -L^2/(40 rho); it has then the shape of the Legendre polynomial P3. (An isochronous bend,
D0 = -L^2/(24 rho), has 1.83 times the rms.) Such a bend lengthens the path by L^3/(60 rho^2) per unit of delta. What follows
must take that back before the next bend: QF, where D is largest, bends back by a_QF = -L^3/(120 rho^2 D), 2 mrad.

1. The straights, each closed to a small ring: five quadrupoles and a weak bend BL match the beta functions and the dispersion
   to those of a cell; Q4 bends back and takes the slip of the last bend.
2. One cell: Q1, QF, Q2 give the tunes and D0; QF bends back so that the ring has its slip factor, B closes the ring. Tunes of
   0.60 and 0.262: a smaller Q_x makes a wider beam, a larger one wants stronger sextupoles; resonances of a cell are far.
   Both steps are repeated until nothing moves.
3. Sextupoles: chromaticities and second-order slip factor zero. Octupoles: third-order slip factor zero.
4. The induction cell gives back what a turn loses.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np

from ssmb.equilibrium import radiation_integrals
from ssmb.lattice import Lattice, load_lattice
from ssmb.optics import Knob, MatchResult, Target, match, optics, transfer_matrix

LATTICES = Path(__file__).resolve().parents[1]
FILE = LATTICES / "ssmb_400mev_ring.pals.yaml"

SLIP_FACTOR = 1e-6
CELL_TUNES = (0.60, 0.262)
CELLS_PER_ARC = 9  # and a bend
#: Middles of the cells beside a straight, behind it and before it.
ENDS = {"UND": (1, 18), "CAV": (10, 9)}
#: Wanted dispersion in the middle of a bend in units of -L^2/rho; 1/40 is the theoretical minimum.
DEPTH = 1.0 / 40.0
#: Beta functions in the middle of the straights: of modulator and cavity [m].
BETA = {"UND": {"beta_x": 3.0, "beta_y": 1.3}, "CAV": {"beta_x": 5.0, "beta_y": 3.0}}

#: Where the design begins: thin estimates for the angles, a random search for the quadrupoles.
START = {
    "a_B": 0.3103, "a_QF": -0.00204, "a_BLA": 0.0431, "a_QA4": -0.00125, "a_BLB": 0.0351, "a_QB4": -0.0012,
    "k_Q1": -6.14, "k_QF": 10.82, "k_Q2": -4.54,
    "k_QA1": 3.60, "k_QA2": -4.28, "k_QA3": 1.07, "k_QA4": 5.36, "k_QA5": -2.27,
    "k_QB1": 2.92, "k_QB2": -3.19, "k_QB3": -0.34, "k_QB4": 5.81, "k_QB5": -1.46,
    "k_S1": -2000.0, "k_S2": 900.0, "k_S3": 900.0, "k_O": 0.0, "energy_gain": 0.0,
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
    """One cell as a ring of its own, from middle to middle."""
    return Lattice("cell", ring.reference, ring[ring.index("MID#1") : ring.index("MID#2")], periodic=True)


def straight_of(ring: Lattice, middle: str) -> Lattice:
    """A straight section with a bend and half a cell at both ends, closed to a ring of 18 m; it begins in its middle."""
    turned = ring.rotated(middle)
    end, begin = (turned.index(f"MID#{i}") for i in ENDS[middle])
    return Lattice("straight", ring.reference, (*turned[: end + 1], *turned[begin + 1 :]), periodic=True)


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


@lru_cache(maxsize=4)
def in_the_middle(straight: Lattice, beta_x: float, beta_y: float, dispersion: float) -> dict[str, float]:
    """What a straight makes in its middle of the functions at the end of a cell, whose slopes are zero; r56 to there."""
    inverse = np.linalg.inv(transfer_matrix(straight, end=next(e.name for e in straight if e.name.startswith("MID"))))
    out = {}
    for name, beta, block in (("x", beta_x, slice(0, 2)), ("y", beta_y, slice(2, 4))):
        (a, b), (c, d) = inverse[block, block]
        out |= {f"beta_{name}": a * a * beta + b * b / beta, f"alpha_{name}": -a * c * beta - b * d / beta}
    d_x, d_px, _, _, z, _ = inverse @ (dispersion, 0.0, 0.0, 0.0, 0.0, 1.0)
    out |= {"dispersion_x": d_x, "dispersion_px": d_px, "r56": -z}
    return {name: float(v) for name, v in out.items()}


def match_straight(constants: dict[str, float], ring: Lattice, middle: str) -> dict[str, float]:
    """Beta functions, dispersion and half of the slip of the ring by five quadrupoles and the bends BL and Q4."""
    mid, family = optics(cell_of(ring)).at(0), {"UND": "A", "CAV": "B"}[middle]
    begin = (mid["beta_x"], mid["beta_y"], mid["dispersion_x"])
    knobs = [Knob(f"Q{family}{i}.Kn1", -12, 12) for i in (1, 2, 3, 4, 5)]
    knobs += [Knob(f"BL{family}.angle", 0.0, 0.1), Knob(f"Q{family}4.angle", -0.01, 0.01)]
    wanted = {**BETA[middle], "alpha_x": 0.0, "alpha_y": 0.0, "dispersion_x": 0.0, "dispersion_px": 0.0}
    wanted["r56"] = -0.25 * SLIP_FACTOR * ring.length
    targets = [
        Target(lambda _, straight, name=name: in_the_middle(straight, *begin)[name], value, tolerance=1e-7)
        for name, value in wanted.items()
    ]
    return taken(constants, match(straight_of(ring, middle), knobs, targets))


def match_cell(constants: dict[str, float], ring: Lattice) -> dict[str, float]:
    """Tunes of a cell, dispersion in its bend, and its share of the slip and of the turn."""
    straights = [straight_of(ring, middle) for middle in ("UND", "CAV")]
    cell, cells = cell_of(ring), 2 * CELLS_PER_ARC - 2
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


def match_slip(constants: dict[str, float], ring: Lattice) -> dict[str, float]:
    """What the sum over the parts left over in slip factor and closing of the ring."""
    knobs = [Knob("QF.angle", -0.01, 0.0), Knob("B.angle", 0.3, 0.33)]
    targets = [Target("slip_factor", SLIP_FACTOR, tolerance=1e-12), Target(bent, 1.0, tolerance=1e-14)]
    return taken(constants, match(ring, knobs, targets))


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
    for _ in range(3):
        constants = match_slip(constants, written(constants))
    constants = match_orders(constants, written(constants))
    constants["energy_gain"] = radiation_integrals(written(constants)).energy_loss
    written(constants)


if __name__ == "__main__":
    main()
