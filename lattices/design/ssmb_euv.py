"""Design of the insertions lattices/ssmb_euv.pals.yaml (1064 nm) and ssmb_euv_515.pals.yaml: modulator pairs that close.

    python lattices/design/ssmb_euv.py 1064 OUT.pals.yaml [BEGIN.pals.yaml]
    python lattices/design/ssmb_euv.py 515 OUT.pals.yaml [BEGIN.pals.yaml]

With BEGIN, the magnets of the return come from that file, of either wavelength, and only the last fits are made. A minute or
two of one core, from nothing to the end.

Ideas, in this order:

1. No quadrupole between MOD1 and the radiator (the straight S1 of ssmb_euv_v2), weak ones (k l of 0.1 to 0.2 1/m) with metres
   between them in the rest: +I in x, -I in y. With +I in x, and only with it, a bend at each end and one in the middle
   have R56 < 0, which the positive R56 of undulators, drifts and chicane asks for.
2. Every quadrupole stands at horizontal dispersion D and carries a sextupole k2 = k1/D: its focusing in (x, x') then does
   not depend on momentum, to all orders, as long as the dispersion orbit is D delta.
3. What is left (the radiator focuses in x without dispersion; the path of the dispersion orbit itself, t566 = -0.03 m) is
   taken by six more multipoles and by small departures from 2: least squares on particles, first with sextupoles, then
   octupoles, then decapoles, at last with the linear optics too. What is squared is what the vertical emittance grows by in
   a turn: the kicks that stay behind the second laser, and the aberrations of y and py beyond what the ring can take up.

Reached, with particles that are not those of the fit: 1064 nm: path error 0.165 nm, growth by kicks and aberrations 0.15 pm in a
turn; 515 nm: 0.22 nm and 0.68 pm. Squares of the path error alone, an earlier version, end at 0.34 nm and 0.75 pm for 1064 nm.

The thin-lens optics to begin with came from 4000 random spacings of four quadrupoles per half, solved for +I and -I, the best
by the sum over quadrupoles of |k l| <x^2 + y^2>/(2 |D|).
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace

import numpy as np

from ssmb import Beam, Lattice, Reference, load_lattice, save_lattice
from ssmb.beam.sigma import sigma_from_twiss
from ssmb.dynamics import transfer_matrix
from ssmb.dynamics.propagation import carry, program_of
from ssmb.elements.bend import Bend
from ssmb.elements.drift import Drift
from ssmb.elements.marker import Marker
from ssmb.elements.quadrupole import Quadrupole
from ssmb.elements.wiggler import Wiggler
from ssmb.lattice.program import Program


@dataclass(frozen=True)
class Design:
    """What differs between the insertions; lengths [m], energy [eV]."""

    energy: float
    wavelength: float
    harmonic: int
    chirp: float  # h = k A [1/m]
    modulator: tuple[int, float]  # periods of a half, length of a period
    radiator: tuple[int, float]
    to_chicane: float  # drift from KV1
    to_radiator: float  # drift behind the chicane
    between_kicks: float  # drift from KV2 to KV3
    compression: float = 1.06  # xi = r56 h
    dispersion: float = 0.5196152422706632  # D_y at MOD1
    beta_y: float = 9.0
    waist: float = 16.0  # of beta_x, in the middle of S1
    to_waist: float = 4.87
    emittances: tuple[float, float] = (1e-9, 40e-12)
    sigma_delta: float = 5.5e-4
    spot: float = 2.4e-3  # waist of the laser in both modulators

    @property
    def reference(self) -> Reference:
        return Reference(self.energy)


DESIGNS = {
    "1064": Design(650e6, 1064e-9, 79, 2.5e4, (6, 0.65), (55, 0.0227), 1.3, 1.5, 4.097),
    # 800 MeV, modulators and radiator as in the set of the parameter study that reaches a kilowatt (its set R2). Slip of 32
    # periods is most of r56, so that the chicane is weak and the straight can be short.
    "515": Design(800e6, 515e-9, 38, 4.0e4, (16, 0.209), (82, 0.0333), 0.5, 0.7, 5.461, to_waist=4.54),
}
#: places [m] from the middle of the first bend of a half, integrated strengths [1/m], angles [rad]
PLACES = {
    "B1": 0.0,
    "Q1": 3.532,
    "S1": 5.943,
    "Q2": 8.354,
    "B2": 8.85,
    "S2": 11.3395,
    "Q3": 13.829,
    "S3": 16.2315,
    "Q4": 18.634,
}
HALF = 19.874
K1L = {"Q1": -0.088, "Q2": 0.211, "Q3": -0.219, "Q4": 0.324}
ANGLES = {"B1": 0.030, "B2": -0.00852}
CENTRE_ANGLE = 0.0790
LINEAR = [
    *(f"Q{i}{s}.Kn1" for s in "AB" for i in (1, 2, 3, 4)),
    "B2A.angle",
    "B2B.angle",
    "BC.angle",
    "KV2.angle",
    "KV3.angle",
]
MULTIPOLES = [f"{n}{s}" for s in "AB" for n in ("Q1", "Q2", "Q3", "Q4", "S1", "S2", "S3")]
#: unit steps of the knobs of the last fit
UNITS = {
    **{f"{n}.Kn2": 1.0 for n in MULTIPOLES},
    **{f"{n}.Kn3": 100.0 for n in MULTIPOLES},
    **{f"{n}.Kn4": 1e4 for n in MULTIPOLES},
    **dict(zip(LINEAR, [1e-4] * 8 + [1e-6] * 3 + [1e-8] * 2, strict=True)),
}


def drift(length: float) -> Drift:
    return Drift(name=f"D{1e4 * length:.0f}", length=round(length, 9))


def half(side: str) -> list:
    """From the end of the straight to the middle bend."""
    row, at = [], -0.25
    for name, place in PLACES.items():
        length = 0.5 if name[0] == "B" else 0.3
        row += [drift(place - 0.5 * length - at)] if place - 0.5 * length - at > 1e-9 else []
        if name[0] == "B":
            row.append(Bend(name=name + side, length=length, angle=ANGLES[name]))
        else:
            row.append(Quadrupole(name=name + side, length=length, Kn1=K1L.get(name, 0.0) / length, slices=4))
        at = place + 0.5 * length
    row.append(drift(HALF - 0.5 - at))
    return row if side == "A" else row[::-1]


def sketch(design: Design) -> Lattice:
    """The line before matching."""

    def undulator(name: str, periods: int, period: float, wavelength: float) -> Wiggler:
        k = math.sqrt(2.0 * (2.0 * design.reference.gamma**2 * wavelength / period - 1.0))
        return Wiggler(name=name, length=round(periods * period, 9), periods=periods, K=k, polarization="VERTICAL")

    kicks = {
        n: Bend(name=n, length=0.1, angle=8e-5 * (n == "KV1"), tilt_ref=0.5 * math.pi, edge="none")
        for n in ("KV1", "KV2", "KV3")
    }
    chicane = [Bend(name=f"CH{i}", length=0.2, angle=s * 4e-3, edge="none") for i, s in enumerate((1, -1, -1, 1), 1)]
    gaps = (0.3, 0.2, 0.3, design.to_radiator)
    s1 = [
        drift(0.1),
        kicks["KV1"],
        drift(design.to_chicane),
        *(e for pair in zip(chicane, map(drift, gaps), strict=True) for e in pair),
    ]
    radiator = [undulator(n, *design.radiator, design.wavelength / design.harmonic) for n in ("RAD_IN", "RAD_OUT")]
    modulator = [undulator(n, *design.modulator, design.wavelength) for n in ("MOD1_OUT", "MOD2_IN")]
    row = [Marker(name="MOD1"), modulator[0], *s1, radiator[0], Marker(name="RAD"), radiator[1], drift(0.3)]
    row += [*half("A"), Bend(name="BC", length=1.0, angle=CENTRE_ANGLE), *half("B"), drift(0.95), kicks["KV2"]]
    row += [drift(design.between_kicks), kicks["KV3"], drift(1.95), modulator[1], Marker(name="MOD2")]
    return Lattice.from_elements(row, design.reference, name="SSMB_EUV")


def values(lattice: Lattice, knobs: list[str]) -> np.ndarray:
    return np.array([getattr(lattice[n], a) for n, a in (k.split(".") for k in knobs)])


def changed(lattice: Lattice, knobs: list[str], settings: np.ndarray) -> Lattice:
    changes: dict[str, dict[str, float]] = {}
    for knob, v in zip(knobs, settings, strict=True):
        name, a = knob.split(".")
        changes.setdefault(name, {})[a] = float(v)
    return lattice.with_changes(changes)


def compressing(lattice: Lattice, design: Design) -> Lattice:
    """KV1 and the chicane: r56 = xi/h, and a.D = -r56 so that the incoming momentum does not count."""
    wanted = design.compression / design.chirp
    for _ in range(20):
        path = transfer_matrix(lattice, "MOD1", "RAD")[4]
        kick, bend = lattice["KV1"].angle, lattice["CH1"].angle
        kick *= wanted / (-path[2] * design.dispersion)
        slip = path[5] - bend**2 * (0.6 + 4.0 / 15.0)  # of all but the chicane
        bend = math.sqrt((wanted - slip) / (0.6 + 4.0 / 15.0))
        lattice = changed(lattice, ["KV1.angle"], np.array([kick]))
        lattice = changed(lattice, [f"CH{i}.angle" for i in (1, 2, 3, 4)], bend * np.array([1, -1, -1, 1]))
    return lattice


def closed(lattice: Lattice) -> Lattice:
    """Newton on the linear map: +I in x, -I in y, achromatic, isochronous, no path by y."""

    def off(settings: np.ndarray) -> np.ndarray:
        r = transfer_matrix(changed(lattice, LINEAR, settings))
        x = [r[0, 0] - 1.0, r[0, 1] / 10.0, r[1, 0] * 10.0, r[0, 5], r[1, 5] * 10.0]
        return np.array(
            [*x, r[2, 2] + 1.0, r[2, 3] / 10.0, r[3, 2] * 10.0, r[4, 5] * 1e4, r[4, 2] * 1e4, r[4, 3] * 1e3]
        )

    settings = values(lattice, LINEAR)
    scale = np.array([0.3] * 8 + [0.01] * 3 + [1e-4] * 2)
    for _ in range(60):
        miss = off(settings)
        if np.abs(miss).max() < 1e-10:
            break
        slopes = np.array([(off(settings + 1e-4 * e) - off(settings - 1e-4 * e)) / 2e-4 for e in np.diag(scale)]).T
        step = -np.linalg.lstsq(slopes, miss, rcond=1e-10)[0]
        settings = settings + scale * step * min(1.0, 1.5 / np.abs(step).max())
    print(f"linear map: off by {np.abs(miss).max():.1e}")
    return changed(lattice, LINEAR, settings)


def beam(design: Design, n: int = 1536, seed: int = 5) -> Beam:
    """Modulated beam in the middle of MOD1 with the waist of beta_x in the middle of S1."""
    waist, far = design.waist, design.to_waist
    sigma = sigma_from_twiss(
        emit_x=design.emittances[0], emit_y=design.emittances[1], beta_x=waist + far**2 / waist, alpha_x=far / waist,
        beta_y=design.beta_y, dispersion=(0.0, 0.0, design.dispersion, 0.0), sigma_delta=design.sigma_delta, sigma_z=1e-3,
    )  # fmt: skip
    made = Beam.coasting(design.reference, sigma, wavelength=design.wavelength, n=n, charge=1e-12, seed=seed)
    k = 2.0 * math.pi / design.wavelength
    made.coordinates[5] -= design.chirp / k * np.sin(k * made.z)
    return made


class Growth:
    """What the vertical emittance grows by in a turn [pm], as squares over particles; a little of x, y and the path itself."""

    def __init__(self, design: Design, start: Beam) -> None:
        self.design, self.start = design, start
        given = np.vstack([start.coordinates[[0, 1, 2, 3, 5]], np.ones(len(start))])
        given /= np.sqrt(np.mean(given**2, axis=1))[:, None]
        basis = np.linalg.qr(given.T)[0]
        self.beyond = lambda v: v - basis @ (basis.T @ v)  # what the ring can take up, which is linear
        h_mod = design.dispersion**2 / design.beta_y
        k = 2.0 * math.pi / design.wavelength
        self.scale = 1e6 * design.chirp * math.sqrt(0.5 * h_mod)
        self.at_path, self.at_size = np.cos(k * start.z), np.sin(k * start.z) / (k * design.spot**2)

    def parts(self, out: np.ndarray) -> list[np.ndarray]:
        start, beta = self.start, self.design.beta_y
        dz = out[4] - start.z
        dz = dz - dz.mean()
        kick = self.at_path * dz + self.at_size * (out[0] ** 2 + out[2] ** 2 - start.x**2 - start.y**2)
        vertical = [
            1e6 * self.beyond(out[2]) / math.sqrt(2.0 * beta),
            1e6 * self.beyond(out[3]) * math.sqrt(0.5 * beta),
        ]
        horizontal = [0.3e6 * self.beyond(out[0]) / 6.0, 0.3e6 * self.beyond(out[1]) * 3.0]
        back = [1e5 * (out[0] - start.x), 1e5 * (out[2] + start.y)]
        return [self.scale * kick, *vertical, *horizontal, 0.2 * self.scale * dz, *back]

    def __call__(self, out: np.ndarray) -> np.ndarray:
        return np.concatenate(self.parts(out)) / math.sqrt(len(self.start))

    def says(self, out: np.ndarray) -> str:
        mean = [float(np.mean(v * v)) for v in self.parts(out)]
        dz = out[4] - self.start.z
        return (
            f"path error {1e9 * dz.std():.4f} nm rms; growth in pm per turn: kicks {mean[0]:.4f}, aberrations of y "
            f"{mean[1] + mean[2]:.4f}; x {mean[3] + mean[4]:.4f}"
        )


def slopes(program: Program, start: np.ndarray, knobs: list[tuple[int, np.ndarray]], of, now: np.ndarray) -> np.ndarray:
    """Derivatives by knobs: (first op that changes, change of the packed numbers by a unit)."""
    order = sorted(range(len(knobs)), key=lambda i: knobs[i][0])
    columns, at, here = [np.empty(0)] * len(knobs), 0, start.copy()
    for i in order:
        op, direction = knobs[i]
        here, at = carry(program, here, at, op), op
        tiny = replace(program, params=program.params + 1e-3 * direction)
        columns[i] = (of(carry(tiny, here, op)) - now) / 1e-3
    return np.array(columns).T


def even_path(design: Design, lattice: Lattice, units: dict[str, float], rounds: int) -> Lattice:
    """Levenberg-Marquardt on the growth of the emittance; knob -> its unit step."""
    start, names, step = beam(design), list(units), np.array(list(units.values()))
    of, u, damping = Growth(design, start), values(lattice, names) / step, 1e-3
    # a multipole that is nothing has no numbers in the program, equal ones share theirs
    u = np.where(u == 0.0, 1e-9 * np.arange(1, len(u) + 1), u)

    def at(settings: np.ndarray) -> Program:
        return program_of(changed(lattice, names, step * settings))

    program = at(u)
    knobs = []
    for name, e in zip(names, 1e-3 * np.eye(len(names)), strict=True):
        knobs.append((program.first_op[program.index(name.split(".")[0])], 1e3 * (at(u + e).params - program.params)))
    out = carry(program, start.coordinates.copy())
    now, slow = of(out), 0
    for turn in range(rounds):
        matrix = slopes(program, start.coordinates, knobs, of, now)
        size = np.linalg.norm(matrix, axis=0)
        normal, right = (matrix / size).T @ (matrix / size), (matrix / size).T @ now
        for _ in range(8):
            trial = u - np.linalg.solve(normal + damping * np.eye(len(u)), right) / size
            tried = at(trial)
            then = of(reached := carry(tried, start.coordinates.copy()))
            if then @ then < now @ now:
                break
            damping *= 6.0
        else:
            break
        slow = 0 if then @ then < 0.9995 * (now @ now) else slow + 1
        u, now, out, program, damping = trial, then, reached, tried, max(damping / 5.0, 1e-14)
        if turn % 20 == 0:
            print(f"  {turn}: {of.says(out)}", flush=True)
        if slow == 8:
            break
    print(f"{len(names)} knobs: {of.says(out)}", flush=True)
    return changed(lattice, names, step * u)


def first_fits(design: Design, lattice: Lattice) -> Lattice:
    """Sextupoles k2 = k1/D, then all multipoles order by order."""
    for n in MULTIPOLES[:4] + MULTIPOLES[7:11]:
        after = lattice[lattice.index(n) + 1].name
        d = 0.5 * sum(transfer_matrix(lattice, None, place)[0, 5] for place in (n, after))
        lattice = changed(lattice, [f"{n}.Kn2"], np.array([lattice[n].Kn1 / d]))
    for orders, rounds in (("2", 15), ("23", 40), ("234", 40)):
        units = {k: v for k, v in UNITS.items() if k[-3:-1] == "Kn" and k[-1] in orders}
        lattice = even_path(design, lattice, units, rounds)
    return lattice


def main(which: str, path: str, begin: str | None = None) -> None:
    design = DESIGNS[which]
    lattice = compressing(sketch(design), design)
    if begin is None:
        lattice = first_fits(design, closed(lattice))
    else:
        made = load_lattice(begin)
        lattice = closed(changed(lattice, list(UNITS), values(made, list(UNITS))))
        lattice = even_path(design, lattice, {k: v for k, v in UNITS.items() if k not in LINEAR}, 40)
    lattice = even_path(design, lattice, UNITS, 300)
    save_lattice(lattice, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
