"""Design of the insertion lattices/ssmb_euv.pals.yaml: a modulator pair closed to a fraction of a nanometre.

    python lattices/design/ssmb_euv.py OUT.pals.yaml        (about half an hour on one core)

Ideas, in this order:

1. No quadrupole between MOD1 and the radiator (the straight S1 of ssmb_euv_v2), weak ones (k l of 0.1 to 0.2 1/m) with metres
   between them in the rest: +I in x, -I in y. With +I in x, and only with it, a bend at each end and one in the middle
   have R56 < 0, which the positive R56 of undulators, drifts and chicane asks for.
2. Every quadrupole stands at horizontal dispersion D and carries a sextupole k2 = k1/D: its focusing in (x, x') then does
   not depend on momentum, to all orders, as long as the dispersion orbit is D delta.
3. What is left (the radiator focuses in x without dispersion; the path of the dispersion orbit itself, t566 = -0.03 m) is
   taken by six more multipoles and by small departures from 2: least squares on the path error of particles, first with
   sextupoles, then octupoles, then decapoles, at last with the linear optics too.

The shipped file came out of these steps run one by one; of this script as a whole only closed(sketch()) was run. Least
squares on z, x and y alone: a fit that keeps px and py too ends at 0.42 nm.

The thin-lens optics to begin with came from 4000 random spacings of four quadrupoles per half, solved for +I and -I, the best
by the sum over quadrupoles of |k l| <x^2 + y^2>/(2 |D|).
"""

from __future__ import annotations

import math
import sys

import numpy as np

from ssmb import Beam, Lattice, Reference, save_lattice, taylor_map
from ssmb.beam.sigma import sigma_from_twiss
from ssmb.elements.bend import Bend
from ssmb.elements.drift import Drift
from ssmb.elements.marker import Marker
from ssmb.elements.quadrupole import Quadrupole
from ssmb.elements.wiggler import Wiggler
from ssmb.optics.propagation import carry, program_of

REF = Reference(650e6)
WAVELENGTH, CHIRP = 1064e-9, 2.5e4
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
CENTRE_ANGLE, KICK, CHICANE = 0.0790, 8.15988380e-05, 5.4035977e-03
LINEAR = [
    *(f"Q{i}{s}.Kn1" for s in "AB" for i in (1, 2, 3, 4)),
    "B2A.angle",
    "B2B.angle",
    "BC.angle",
    "KV2.angle",
    "KV3.angle",
]
MULTIPOLES = [f"{n}{s}" for s in "AB" for n in ("Q1", "Q2", "Q3", "Q4", "S1", "S2", "S3")]


def drift(length: float) -> Drift:
    return Drift(name=f"D{1e4 * length:.0f}", length=length)


def undulator(name: str, periods: float, period: float, wavelength: float) -> Wiggler:
    k = math.sqrt(2.0 * (2.0 * REF.gamma**2 * wavelength / period - 1.0))
    return Wiggler(name=name, length=periods * period, periods=periods, K=k, polarization="VERTICAL")


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


def sketch() -> Lattice:
    """The line before matching."""
    kicks = {
        n: Bend(name=n, length=0.1, angle=KICK * (n == "KV1"), tilt_ref=0.5 * math.pi, edge="none")
        for n in ("KV1", "KV2", "KV3")
    }
    chicane = [Bend(name=f"CH{i}", length=0.2, angle=s * CHICANE, edge="none") for i, s in enumerate((1, -1, -1, 1), 1)]
    gaps = (0.3, 0.2, 0.3, 1.5)
    s1 = [
        drift(0.1),
        kicks["KV1"],
        drift(1.3),
        *(e for pair in zip(chicane, map(drift, gaps), strict=True) for e in pair),
    ]
    radiator = [undulator(n, 55.0, 0.0227, WAVELENGTH / 79) for n in ("RAD_IN", "RAD_OUT")]
    modulator = [undulator(n, 6.0, 0.65, WAVELENGTH) for n in ("MOD1_OUT", "MOD2_IN")]
    row = [Marker(name="MOD1"), modulator[0], *s1, radiator[0], Marker(name="RAD"), radiator[1], drift(0.3)]
    row += [*half("A"), Bend(name="BC", length=1.0, angle=CENTRE_ANGLE), *half("B")]
    row += [drift(0.95), kicks["KV2"], drift(4.147), kicks["KV3"], drift(1.95), modulator[1], Marker(name="MOD2")]
    return Lattice.from_elements(row, REF, name="SSMB_EUV")


def values(lattice: Lattice, knobs: list[str]) -> np.ndarray:
    return np.array([getattr(lattice[n], a) for n, a in (k.split(".") for k in knobs)])


def changed(lattice: Lattice, knobs: list[str], settings: np.ndarray) -> Lattice:
    changes: dict[str, dict[str, float]] = {}
    for knob, v in zip(knobs, settings, strict=True):
        name, a = knob.split(".")
        changes.setdefault(name, {})[a] = float(v)
    return lattice.with_changes(changes)


def closed(lattice: Lattice) -> Lattice:
    """Newton on the linear map: +I in x, -I in y, achromatic, isochronous, no path by y."""

    def off(settings: np.ndarray) -> np.ndarray:
        r = taylor_map(changed(lattice, LINEAR, settings), order=1).R
        x = [r[0, 0] - 1.0, r[0, 1] / 10.0, r[1, 0] * 10.0, r[0, 5], r[1, 5] * 10.0]
        return np.array(
            [*x, r[2, 2] + 1.0, r[2, 3] / 10.0, r[3, 2] * 10.0, r[4, 5] * 1e4, r[4, 2] * 1e4, r[4, 3] * 1e3]
        )

    settings = values(lattice, LINEAR)
    scale = np.array([0.3] * 8 + [0.01] * 3 + [1e-4] * 2)
    for _ in range(40):
        miss = off(settings)
        if np.abs(miss).max() < 1e-12:
            break
        slopes = np.array([(off(settings + 1e-4 * e) - off(settings - 1e-4 * e)) / 2e-4 for e in np.diag(scale)]).T
        step = -np.linalg.lstsq(slopes, miss, rcond=1e-10)[0]
        settings = settings + scale * step * min(1.0, 1.5 / np.abs(step).max())
    return changed(lattice, LINEAR, settings)


def beam() -> Beam:
    """Modulated beam in the middle of MOD1 with the waist of beta_x, 16 m, in the middle of S1."""
    waist, far = 16.0, 4.87
    sigma = sigma_from_twiss(
        emit_x=1e-9, emit_y=40e-12, beta_x=waist + far**2 / waist, alpha_x=far / waist, beta_y=9.0,
        dispersion=(0.0, 0.0, 0.5196152422706632, 0.0), sigma_delta=5.5e-4, sigma_z=1e-3,
    )  # fmt: skip
    made = Beam.coasting(REF, sigma, wavelength=WAVELENGTH, n=768, charge=1e-12, seed=5)
    k = 2.0 * math.pi / WAVELENGTH
    made.coordinates[5] -= CHIRP / k * np.sin(k * made.z)
    return made


def even_path(lattice: Lattice, knobs: dict[str, float], rounds: int) -> Lattice:
    """Levenberg-Marquardt on the path error of particles [nm], and a little on their x and y; knob -> its unit step."""
    start, names, step = beam(), list(knobs), np.array(list(knobs.values()))
    origin, root_n = values(lattice, names), math.sqrt(len(start))

    def error(u: np.ndarray) -> np.ndarray:
        out = carry(program_of(changed(lattice, names, origin + step * u)), start.coordinates.copy())
        dz, dx, dy = out[4] - start.z, out[0] - start.x, out[2] + start.y
        return np.concatenate([1e9 * (dz - dz.mean()), 0.02e6 * dx, 0.02e6 * dy]) / root_n

    u, damping, now = np.zeros(len(names)), 1e-3, error(np.zeros(len(names)))
    for _ in range(rounds):
        width = np.maximum(1e-3, 1e-3 * np.abs(origin / step + u))
        slopes = np.array([(error(u + e) - error(u - e)) / (2.0 * e.sum()) for e in np.diag(width)]).T
        size = np.linalg.norm(slopes, axis=0)
        slopes = slopes / size
        for _ in range(8):
            trial = u - np.linalg.solve(slopes.T @ slopes + damping * np.eye(len(u)), slopes.T @ now) / size
            then = error(trial)
            if then @ then < now @ now:
                break
            damping *= 6.0
        else:
            break
        gain, u, now, damping = 1.0 - (then @ then) / (now @ now), trial, then, max(damping / 5.0, 1e-14)
        if gain < 1e-4:
            break
    print(f"{len(names)} knobs: path error {np.linalg.norm(now[: len(start)]):.4f} nm rms")
    return changed(lattice, names, origin + step * u)


def main(path: str) -> None:
    lattice = closed(sketch())
    for n in MULTIPOLES[:4] + MULTIPOLES[7:11]:  # k2 = k1/D
        after = lattice[lattice.index(n) + 1].name
        d = 0.5 * sum(taylor_map(lattice, None, place, order=1).R[0, 5] for place in (n, after))
        lattice = changed(lattice, [f"{n}.Kn2"], np.array([lattice[n].Kn1 / d]))
    knobs = {f"{n}.Kn2": 1.0 for n in MULTIPOLES}
    lattice = even_path(lattice, knobs, 15)
    lattice = even_path(lattice, knobs := knobs | {f"{n}.Kn3": 100.0 for n in MULTIPOLES}, 40)
    lattice = even_path(lattice, knobs := knobs | {f"{n}.Kn4": 1e4 for n in MULTIPOLES}, 40)
    units = [1e-4] * 8 + [1e-6] * 3 + [1e-8] * 2
    lattice = even_path(lattice, knobs | dict(zip(LINEAR, units, strict=True)), 100)
    save_lattice(lattice, path)


if __name__ == "__main__":
    main(sys.argv[1])
