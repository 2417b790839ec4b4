"""Design of the quasi-isochronous rings: finds the constants of ``lattices/ssmb_400mev_ring.pals.yaml`` and ``ssmb_600mev_ring``.

    python lattices/design/isochronous_ring.py 400mev     # from the numbers below to the file, a minute or two
    python lattices/design/isochronous_ring.py 600mev --slip 3e-7 --out /tmp/ring.pals.yaml    # another slip factor

The longitudinal emittance of a ring is smallest where the running slip F(s) in the bends has the smallest variance. In a
bend of radius rho and length L, with u from its middle, dF/du = D/rho and D = D0 + u^2/(2 rho), so that F is a cubic. Its
variance is smallest for D0 = -L^2/(40 rho); it has then the shape of the Legendre polynomial P3. (An isochronous bend,
D0 = -L^2/(24 rho), has 1.83 times the rms.) Such a bend lengthens the path by L^3/(60 rho^2) per unit of delta. What follows
must take that back before the next bend: QF, where D is largest, bends back by a_QF = -L^3/(120 rho^2 D), 1 to 2 mrad.

1. The straights, each closed to a small ring: five quadrupoles and a weak bend BL match the beta functions and the dispersion
   to those of a cell; Q4 bends back and takes the slip of the last bend.
2. One cell: Q1, QF, Q2 give the tunes and D0; QF bends back so that the ring has its slip factor, B closes the ring. The
   tunes keep resonances of a cell far. At 400 MeV a smaller Q_x makes a wider beam, a larger one wants stronger sextupoles; at
   600 MeV a smaller one keeps the slip constant over more momentum (|change| < 15 % within 3e-3).
   Both steps are repeated until nothing moves.
3. Sextupoles: chromaticities and second-order slip factor zero. Octupoles: third-order slip factor zero. At 600 MeV, with a
   slip of 6 um only, three families of octupoles make the second-order chromaticities zero too: an electron of the action
   J slips by 2 pi J Q'' delta more, and with Q'' of 4000 that is more than the slip at the rms of the emittance.
4. The induction cell gives back what a turn loses.
5. At 600 MeV: vertical noise makes the beam round, and what intrabeam scattering adds in a turn is written down.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from ssmb.collective import IntrabeamHeating
from ssmb.dynamics import Knob, MatchResult, Target, equilibrium, match, optics, radiation_integrals, transfer_matrix
from ssmb.dynamics.damped_turn import damped_turn
from ssmb.lattice import Lattice, load_lattice
from ssmb.lattice.program import compile_elements

LATTICES = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Straight:
    """A straight section: the marker in its middle, the letter of its magnets, and what is wanted in the middle.

    Parameters
    ----------
    middle, family : name of the marker, letter in the names of its magnets.
    ends : numbers of the markers MID of the cells behind and before it.
    beta : beta functions in the middle [m].
    """

    middle: str
    family: str
    ends: tuple[int, int]
    beta: tuple[float, float]


@dataclass(frozen=True)
class Design:
    """A ring that is to be found.

    Parameters
    ----------
    name : of the lattice file, without its endings.
    head, tail : text of the file before and behind the constants.
    slip_factor : of the ring, wanted.
    cell_tunes : wanted tunes of a cell.
    cells : whole cells between the straights; a straight has half a cell on either side of it.
    straights : the two of them.
    limits : of the knobs, by family; Q stands for the quadrupoles of the straights, S for all sextupoles.
    start : where the design begins: thin estimates for the angles, a random search for the quadrupoles.
    current : for which intrabeam scattering is counted [A]; 0: not at all.
    coupling : wanted vertical emittance over horizontal, with scattering, held by vertical noise.
    depth : wanted dispersion in the middle of a bend in units of -L^2/rho; 1/40 is the theoretical minimum.
    """

    name: str
    head: str
    tail: str
    slip_factor: float
    cell_tunes: tuple[float, float]
    cells: int
    straights: tuple[Straight, Straight]
    limits: dict[str, tuple[float, float]]
    start: dict[str, float]
    current: float = 0.0
    coupling: float = 0.0
    depth: float = 1.0 / 40.0

    @property
    def file(self) -> Path:
        """The lattice file of the package."""
        return LATTICES / f"{self.name}.pals.yaml"


RING_400 = Design(
    name="ssmb_400mev_ring",
    slip_factor=1e-6,
    cell_tunes=(0.60, 0.262),
    cells=16,
    straights=(Straight("UND", "A", (1, 18), (3.0, 1.3)), Straight("CAV", "B", (10, 9), (5.0, 3.0))),
    limits={
        "Q": (-12, 12), "Q1": (-12, 0), "QF": (5, 15), "Q2": (-10, 2), "B": (0.3, 0.33), "S": (-5e3, 5e3), "O": (-1e6, 1e6),
    },
    start={
        "a_B": 0.3103, "a_QF": -0.00204, "a_BLA": 0.0431, "a_QA4": -0.00125, "a_BLB": 0.0351, "a_QB4": -0.0012,
        "k_Q1": -6.14, "k_QF": 10.82, "k_Q2": -4.54,
        "k_QA1": 3.60, "k_QA2": -4.28, "k_QA3": 1.07, "k_QA4": 5.36, "k_QA5": -2.27,
        "k_QB1": 2.92, "k_QB2": -3.19, "k_QB3": -0.34, "k_QB4": 5.81, "k_QB5": -1.46,
        "k_S1": -2000.0, "k_S2": 900.0, "k_S3": 900.0, "k_O": 0.0, "energy_gain": 0.0,
    },
    head="""\
# Quasi-isochronous SSMB storage ring: 400 MeV, 100 m, 20 bends of radius 1 m, slip factor 1e-6, one laser modulator.
#
# Where the numbers come from
#   A design, made with the package's own matching by lattices/design/isochronous_ring.py, which writes this file and says
#     what the constants are for. Energy, circumference, radius, number of bends, slip factor: a generic 400 MeV SSMB ring.
#   laser: 1 MW of 1064 nm in a modulator of 30 periods of 50 mm; Rayleigh length 0.54 m, the optimum of 1.5 m; K: resonance.
#   energy_gain: what a turn loses in bends and modulator.
PALS:
  constants:
    rho: 1.0
""",
    tail="""\
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
""",
)  # fmt: skip

RING_600 = Design(
    name="ssmb_600mev_ring",
    slip_factor=5e-8,
    cell_tunes=(0.571, 0.282),
    current=1.0,
    coupling=1.0,
    cells=36,
    straights=(Straight("UND", "A", (1, 38), (3.0, 1.3)), Straight("RAD", "B", (20, 19), (2.5, 2.5))),
    limits={
        "Q": (-22, 22), "Q1": (-40, 0), "QF": (5, 40), "Q2": (-40, 2), "B": (0.15, 0.17), "S": (-2e4, 2e4), "O": (-2e7, 2e7),
    },
    start={
        "a_B": 0.157372, "a_QF": -0.0011929, "a_BLA": 0.02309, "a_QA4": -0.000955, "a_BLB": 0.01982, "a_QB4": -0.002466,
        "k_Q1": -16.36, "k_QF": 21.042, "k_Q2": -11.364,
        "k_QA1": 2.0754, "k_QA2": -7.017, "k_QA3": 5.7528, "k_QA4": -7.874, "k_QA5": 11.9866,
        "k_QB1": 1.3732, "k_QB2": -2.8723, "k_QB3": 5.7047, "k_QB4": -6.9935, "k_QB5": 14.68,
        "k_S1": -10672.0, "k_S2": 6957.0, "k_S3": 1770.0, "k_O": -4.18e6, "o_S1": 0.0, "o_S3": 0.0, "energy_gain": 0.0,
        "noise_py": 8e-15, "scatter_px": 0.0, "scatter_py": 0.0, "scatter_z": 0.0, "scatter_delta": 0.0,
    },
    head="""\
# Quasi-isochronous SSMB storage ring: 600 MeV, 120 m, 40 bends of 1.3 T, slip factor 5e-8, one laser modulator.
#
# Where the numbers come from
#   A design, made with the package's own matching by lattices/design/isochronous_ring.py, which writes this file and says
#     what the constants are for. Energy, number and field of the bends, laser, modulator: the weak-focusing scheme of a design
#     study of SSMB sources, for coherent light of 100 to 270 nm.
#   laser: 1 MW of 1064 nm in a modulator of 30 periods of 50 mm; Rayleigh length 0.54 m, the optimum of 1.5 m; K: resonance,
#     2.3 T, for which the modulator has to be superconducting.
#   energy_gain: what a turn loses in bends and modulator.
#   noise_py: variance of the vertical kicks, for a round beam.
#   scatter_*: what intrabeam scattering of 1 A adds to the variances in a turn, all of it in one place; Coulomb logarithm 11,
#     microbunches where they are short, a coasting beam where they overlap. With SCATTER.diffusion = () the ring is without.
PALS:
  constants:
    rho: 1.54
""",
    tail="""\
    gamma: 600e6/m_electron
    lambda_laser: 1064e-9
    K_laser: sqrt(2*(2*gamma**2*lambda_laser/0.05 - 1))
    p_laser: 1e6
    zr_laser: 0.54
  facility:
    - begin: {kind: BeginningEle, ReferenceP: {species_ref: electron, E_tot_ref: 600e6}}
    - include: ssmb_600mev_geometry.pals.yaml
    - SSMB_600MEV: {kind: BeamLine, length: 120, periodic: true, line: [begin, UND, UND_OUT, around, UND_IN]}
    - use: SSMB_600MEV
""",
)  # fmt: skip

DESIGNS = {"400mev": RING_400, "600mev": RING_600}


def written(design: Design, constants: dict[str, float], file: Path) -> Lattice:
    """Write the lattice file and read it back; the file with the geometry has to be beside it."""
    rows = "".join(f"    {name}: {value:.12g}\n" for name, value in constants.items())
    file.write_text(design.head + rows + design.tail, encoding="utf-8")
    return load_lattice(file)


def cell_of(ring: Lattice) -> Lattice:
    """One cell as a ring of its own, from middle to middle."""
    return Lattice("cell", ring.reference, ring[ring.index("MID#1") : ring.index("MID#2")], periodic=True)


def straight_of(ring: Lattice, straight: Straight) -> Lattice:
    """A straight section with a bend and half a cell at both ends, closed to a small ring; it begins in its middle."""
    turned = ring.rotated(straight.middle)
    end, begin = (turned.index(f"MID#{i}") for i in straight.ends)
    return Lattice("straight", ring.reference, (*turned[: end + 1], *turned[begin + 1 :]), periodic=True)


def dispersion_at_bend(ring: Lattice, depth: float) -> float:
    """Dispersion at the entrance of a bend that has -depth L^2/rho in its middle [m]."""
    bend = ring["B#1"]
    rho, half = bend.length / bend.angle, bend.angle / 2.0  # type: ignore[attr-defined]
    return -depth * bend.length**2 / rho * math.cos(half) + rho * (1.0 - math.cos(half))


def bent(found: object, ring: Lattice) -> float:
    """Turns by which a ring bends."""
    return math.fsum(getattr(e, "angle", 0.0) for e in ring) / (2.0 * math.pi)


def taken(constants: dict[str, float], result: MatchResult) -> dict[str, float]:
    """Constants with the knobs of a matching: Q1.Kn1 is k_Q1, BH*.angle is a_BH, S1.Kn3 is o_S1."""
    new = {}
    for name, value in result.knobs.items():
        family, _, parameter = name.partition(".")
        prefix = "a" if parameter == "angle" else "o" if parameter == "Kn3" and family.startswith("S") else "k"
        new[f"{prefix}_{family.rstrip('*')}"] = value
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


def match_straight(design: Design, constants: dict[str, float], ring: Lattice, straight: Straight) -> dict[str, float]:
    """Beta functions, dispersion and a quarter of the slip of the ring by five quadrupoles and the bends BL and Q4."""
    mid, family = optics(cell_of(ring)).at(0), straight.family
    begin = (mid["beta_x"], mid["beta_y"], mid["dispersion_x"])
    knobs = [Knob(f"Q{family}{i}.Kn1", *design.limits["Q"]) for i in (1, 2, 3, 4, 5)]
    knobs += [Knob(f"BL{family}.angle", 0.0, 0.1), Knob(f"Q{family}4.angle", -0.01, 0.01)]
    wanted = dict(zip(("beta_x", "beta_y"), straight.beta, strict=True))
    wanted |= {"alpha_x": 0.0, "alpha_y": 0.0, "dispersion_x": 0.0, "dispersion_px": 0.0}
    wanted["r56"] = -0.25 * design.slip_factor * ring.length
    targets = [
        Target(lambda _, closed, name=name: in_the_middle(closed, *begin)[name], value, tolerance=1e-7)
        for name, value in wanted.items()
    ]
    return taken(constants, match(straight_of(ring, straight), knobs, targets))


def match_cell(design: Design, constants: dict[str, float], ring: Lattice) -> dict[str, float]:
    """Tunes of a cell, dispersion in its bend, and its share of the slip and of the turn."""
    straights = [straight_of(ring, straight) for straight in design.straights]
    cell = cell_of(ring)
    slip = design.slip_factor * ring.length - sum(optics(s).slip_factor * s.length for s in straights)
    knobs = [Knob(f"{name}.Kn1", *design.limits[name]) for name in ("Q1", "QF", "Q2")]
    knobs += [Knob("QF.angle", -0.01, 0.0), Knob("B.angle", *design.limits["B"])]
    targets = [
        Target("qx", design.cell_tunes[0]),
        Target("qy", design.cell_tunes[1]),
        Target("dispersion_x", dispersion_at_bend(ring, design.depth), at="B", tolerance=1e-9),
        Target("slip_factor", slip / (design.cells * cell.length), tolerance=1e-11),
        Target(bent, (1.0 - sum(bent(None, s) for s in straights)) / design.cells, tolerance=1e-14),
    ]
    return taken(constants, match(cell, knobs, targets))


def match_slip(design: Design, constants: dict[str, float], ring: Lattice) -> dict[str, float]:
    """What the sum over the parts left over in slip factor and closing of the ring."""
    knobs = [Knob("QF.angle", -0.01, 0.0), Knob("B.angle", *design.limits["B"])]
    targets = [Target("slip_factor", design.slip_factor, tolerance=1e-12), Target(bent, 1.0, tolerance=1e-14)]
    return taken(constants, match(ring, knobs, targets))


def match_orders(
    design: Design, constants: dict[str, float], ring: Lattice, read: Callable[[dict[str, float]], Lattice]
) -> dict[str, float]:
    """Chromaticities and higher orders of the slip factor to zero."""
    chromatic = [Target(name, 0.0, tolerance=1e-3) for name in ("dqx", "dqy")]
    second, third = (
        Target("slip_factor2", 0.0, tolerance=1e-8),
        Target("slip_factor3", 0.0, tolerance=1e-4),
    )
    sextupoles = [Knob(f"{name}.Kn2", *design.limits["S"]) for name in ("S1", "S2", "S3")]
    constants = taken(constants, match(ring, sextupoles, [*chromatic, second]))
    octupoles = [Knob("O.Kn3", *design.limits["O"])]
    targets = [*chromatic, second, third]
    constants = taken(constants, match(read(constants), [*sextupoles, *octupoles], targets))
    if "o_S1" not in constants:
        return constants
    octupoles += [Knob(f"{name}.Kn3", *design.limits["O"]) for name in ("S1", "S3")]
    targets += [Target(name, 0.0, tolerance=0.1) for name in ("dqx2", "dqy2")]
    return taken(constants, match(read(constants), [*sextupoles, *octupoles], targets))


def scattered(
    constants: dict[str, float], design: Design, read: Callable[[dict[str, float]], Lattice]
) -> dict[str, float]:
    """Vertical noise for the wanted coupling, and what intrabeam scattering adds in a turn, both behind RAD."""
    constants = constants | {name: 0.0 for name in constants if name.startswith("scatter")}
    for _ in range(30):
        ring = read(constants)
        wavelength = next(e.laser_wavelength for e in ring if getattr(e, "laser_wavelength", 0.0))
        heating = IntrabeamHeating(ring, current=design.current, wavelength=wavelength * ring.reference.beta)
        beam = equilibrium(ring, lasers=True, heating=heating)
        off = design.coupling * float(beam.emittances[0] / beam.emittances[1])
        constants["noise_py"] *= off
        if abs(off - 1.0) < 1e-4:
            break
    turn = damped_turn(compile_elements(ring.elements, ring.reference, "envelope"))
    place = beam.index("RAD")
    to_here = turn.along[place] @ np.linalg.inv(turn.along[:-1])
    added = (to_here @ heating(beam.sigma[:-1]) @ np.swapaxes(to_here, 1, 2)).sum(axis=0)
    beta = optics(ring).beta[place]
    for i, plane in enumerate("xy"):  # a kick has to do what an offset does a quarter of an oscillation later
        x, p = 2 * i, 2 * i + 1
        # a plane may also lose to the others; noise cannot take away, and at the wanted coupling it is little
        constants[f"scatter_p{plane}"] = max(float(added[p, p] + added[x, x] / beta[i] ** 2), 0.0)
    constants |= {"scatter_z": float(added[4, 4]), "scatter_delta": float(added[5, 5])}
    # in one place it forgets what dispersion and slopes correlate, 1 % of the horizontal emittance
    lumped, quiet = (
        equilibrium(made, lasers=True).emittances[0]
        for made in (read(constants), ring.with_changes({"SCATTER": {"diffusion": ()}}))
    )
    constants["scatter_px"] *= float((beam.emittances[0] - quiet) / (lumped - quiet))
    print(
        "emittances", *beam.emittances, "momentum spread at RAD", beam.sigma_delta[place], "length", beam.sigma_z[place]
    )
    return constants


def found(design: Design, file: Path) -> dict[str, float]:
    """Find the constants, and write the file."""

    def read(constants: dict[str, float]) -> Lattice:
        return written(design, constants, file)

    constants = dict(design.start)
    for _ in range(4):
        for straight in design.straights:
            constants = match_straight(design, constants, read(constants), straight)
        constants = match_cell(design, constants, read(constants))
    for _ in range(3):
        constants = match_slip(design, constants, read(constants))
    constants = match_orders(design, constants, read(constants), read)
    if design.current:
        constants = match_slip(design, constants, read(constants))  # what the octupoles at dispersion change of 1e-9
    constants["energy_gain"] = radiation_integrals(read(constants)).energy_loss
    if design.current:
        constants = scattered(constants, design, read)
    read(constants)
    return constants


def main() -> None:
    parser = argparse.ArgumentParser(description="find the constants of a quasi-isochronous ring")
    parser.add_argument("ring", choices=DESIGNS)
    parser.add_argument("--slip", type=float, help="slip factor")
    parser.add_argument("--tunes", type=float, nargs=2, help="tunes of a cell")
    parser.add_argument("--out", type=Path, help="file to write, by default that of the package")
    given = parser.parse_args()
    design = DESIGNS[given.ring]
    if given.slip is not None:
        design = replace(design, slip_factor=given.slip)
    if given.tunes is not None:
        design = replace(design, cell_tunes=tuple(given.tunes))
    file = design.file if given.out is None else given.out
    for part in LATTICES.glob(f"{design.name.removesuffix('ring')}geometry.pals.yaml"):
        if part.parent != file.resolve().parent:
            (file.parent / part.name).write_text(part.read_text(encoding="utf-8"), encoding="utf-8")
    found(design, file)


if __name__ == "__main__":
    main()
