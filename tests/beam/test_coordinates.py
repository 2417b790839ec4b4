"""Conversions of coordinates: 50-digit truth, round trips, and the codes themselves where they are installed."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.beam.coordinates import (
    CONVENTIONS,
    from_at,
    from_elegant,
    from_madx,
    from_ocelot,
    from_openpmd,
    from_xsuite,
    to_at,
    to_elegant,
    to_madx,
    to_ocelot,
    to_openpmd,
    to_xsuite,
)
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.errors import ConfigError, PhysicsError
from tests.support import assert_close

REFERENCES = [
    Reference(0.52e6),  # gamma 1.02: nothing is ultra-relativistic here
    Reference(250e6),
    Reference(629e6, "positron"),
    Reference(50e9),
    Reference(1.0e9, "proton"),
]
NAMES = [f"{r.species} {r.energy:g} eV" for r in REFERENCES]


def coordinates(seed: int = 3, n: int = 60) -> np.ndarray:
    """Coordinates of all sizes: nanometres to centimetres, delta of 1e-14 to 5e-2."""
    rng = np.random.default_rng(seed)
    sizes = np.array([1e-2, 1e-2, 1e-2, 1e-2, 1e-2, 5e-2])[:, None]
    rows = sizes * rng.uniform(-1, 1, (6, n)) * 10.0 ** rng.uniform(-12, 0, (6, n))
    rows[:, 0] = 0.0
    rows[5, 1], rows[5, 2] = 0.05, -0.05
    return rows


def truth(rows: np.ndarray, ref: Reference) -> dict[str, dict[str, np.ndarray]]:
    """All conventions from their definitions with 50 digits and no clever algebra."""
    mp = mpmath.mp
    out: dict[str, dict[str, list]] = {}
    with mpmath.workdps(50):
        c, m = mp.mpf(SPEED_OF_LIGHT), mp.mpf(ref.mass)
        e0 = mp.mpf(ref.energy)
        p0 = mp.sqrt(e0 * e0 - m * m)
        for x, px, y, py, z, d in rows.T:
            x, px, y, py, z, d = (mp.mpf(float(v)) for v in (x, px, y, py, z, d))
            p = p0 * (1 + d)
            e = mp.sqrt(m * m + p * p)
            t = -z * e / (p * c)
            pz = mp.sqrt((1 + d) ** 2 - px * px - py * py)
            pt = (e - e0) / p0
            kept = {"x": x, "px": px, "y": y, "py": py}
            values = {
                "xsuite": kept | {"zeta": -p0 / e0 * c * t, "delta": d, "ptau": pt},
                "madx": kept | {"t": -c * t, "pt": pt},
                "at": kept | {"delta": d, "ct": -z},
                "elegant": {"x": x, "xp": px / pz, "y": y, "yp": py / pz, "t": t, "p": p / m},
                "ocelot": kept | {"tau": c * t, "p": pt},
                "openpmd": {"x": x, "y": y, "z": 0, "t": t, "px": px * p0, "py": py * p0, "pz": pz * p0},
            }
            for code, columns in values.items():
                for name, value in columns.items():
                    out.setdefault(code, {}).setdefault(name, []).append(float(value))
    return {code: {k: np.array(v) for k, v in columns.items()} for code, columns in out.items()}


@pytest.mark.parametrize("ref", REFERENCES, ids=NAMES)
@pytest.mark.parametrize("code", CONVENTIONS)
def test_conversion_equals_fifty_digit_truth(code, ref):
    rows = coordinates()
    got, want = CONVENTIONS[code][0](rows, ref), truth(rows, ref)[code]
    assert list(got) == list(want)
    for name in want:
        # relative to each number, however small: nothing is lost by cancellation, not even 1e-21 m.
        # The reference momentum itself carries 2e-16, so p and pt may be off by a few times that.
        # (1e-40: what 50 digits leave of zero.)
        assert_close(got[name], want[name], rtol=1.5e-15, atol=1e-40, what=f"{code} {name}")


@pytest.mark.parametrize("ref", REFERENCES, ids=NAMES)
@pytest.mark.parametrize("code", CONVENTIONS)
def test_inverse_equals_fifty_digit_truth(code, ref):
    rows = coordinates()
    back = CONVENTIONS[code][1](truth(rows, ref)[code], ref)
    # elegant and openPMD keep the whole momentum, which itself resolves delta to 1e-16 only
    whole = code in ("elegant", "openpmd")
    for name, got, want in zip(("x", "px", "y", "py", "z", "delta"), back, rows, strict=True):
        atol = 5e-16 if whole and name == "delta" else 1e-40
        assert_close(got, want, rtol=2e-15, atol=atol, what=f"{code} {name}")


@pytest.mark.parametrize("ref", REFERENCES, ids=NAMES)
@pytest.mark.parametrize("code", CONVENTIONS)
def test_round_trip(code, ref):
    rows = coordinates(seed=5, n=2000)
    to, back = CONVENTIONS[code]
    got = back(to(rows, ref), ref)
    atol = np.zeros(6)
    atol[5] = 5e-16 if code in ("elegant", "openpmd") else 0.0
    for got_row, want, limit in zip(got, rows, atol, strict=True):
        assert_close(got_row, want, rtol=1.5e-15, atol=float(limit), what=code)


def test_xsuite_by_ptau_alone():
    rows, ref = coordinates(), Reference(250e6)
    columns = to_xsuite(rows, ref)
    del columns["delta"]
    assert_close(from_xsuite(columns, ref), rows, rtol=1.5e-15, atol=0.0)


def test_signs_head_arrives_early():
    head = np.zeros((6, 1))
    head[4] = 1e-9
    ref = Reference(250e6)
    assert to_xsuite(head, ref)["zeta"][0] == 1e-9
    assert_close(to_madx(head, ref)["t"][0], 1e-9 / ref.beta, rtol=1e-15, atol=0.0)
    assert to_at(head, ref)["ct"][0] == -1e-9
    assert_close(to_ocelot(head, ref)["tau"][0], -1e-9 / ref.beta, rtol=1e-15, atol=0.0)
    for to in (to_elegant, to_openpmd):
        assert_close(to(head, ref)["t"][0], -1e-9 / (ref.beta * SPEED_OF_LIGHT), rtol=1e-15, atol=0.0)


def test_zero_stays_plus_zero():
    for to, back in CONVENTIONS.values():
        columns = to(np.zeros((6, 1)), Reference(250e6))
        assert not any(np.signbit(v).any() for v in columns.values())
        assert not np.signbit(back(columns, Reference(250e6))).any()


def test_beam_brings_its_reference_and_is_not_aliased():
    ref = Reference(250e6)
    beam = Beam(ref, coordinates())
    columns = to_madx(beam)
    assert_close(columns["pt"], to_madx(beam.coordinates, ref)["pt"], rtol=0.0, atol=0.0)
    columns["x"] += 1.0
    assert abs(beam.x).max() < 0.1


def test_ordered_arrays_of_at_and_ocelot():
    rows, ref = coordinates(), Reference(250e6)
    assert_close(from_at(np.stack(list(to_at(rows, ref).values()))), rows, rtol=0.0, atol=0.0)
    assert_close(from_ocelot(np.stack(list(to_ocelot(rows, ref).values())), ref), rows, rtol=1.5e-15, atol=0.0)


def test_against_xtrack():
    xtrack = pytest.importorskip("xtrack", reason="extra 'interop' not installed")
    for ref in (Reference(250e6), Reference(1e9, "proton")):
        rows = coordinates()
        mine = to_xsuite(rows, ref)
        columns = {k: mine[k] for k in ("x", "px", "y", "py", "zeta", "delta")}
        theirs = xtrack.Particles(mass0=ref.mass, q0=ref.charge_number, energy0=ref.energy, **columns)
        # xtrack goes through differences of energies: absolute rounding of 1e-16 E0/(P0 c)
        assert_close(mine["ptau"], np.array(theirs.ptau), rtol=1e-14, atol=1e-15, what="ptau")
        # zeta/beta0 is the time of arrival in both codes
        assert_close(rows[4], np.array(theirs.zeta * theirs.rvv), rtol=1e-14, atol=0.0, what="z")
        by_energy = xtrack.Particles(
            mass0=ref.mass, q0=ref.charge_number, energy0=ref.energy, zeta=mine["zeta"], ptau=mine["ptau"]
        )
        assert_close(rows[5], np.array(by_energy.delta), rtol=1e-14, atol=1e-15, what="delta")


def test_against_an_xtrack_drift():
    """The same drift in both frames: z and zeta are translated, not merely renamed."""
    xtrack = pytest.importorskip("xtrack", reason="extra 'interop' not installed")
    ref, rows, length = Reference(20e6), coordinates(), 3.0
    mine = to_xsuite(rows, ref)
    columns = {k: mine[k] for k in ("x", "px", "y", "py", "zeta", "delta")}
    particles = xtrack.Particles(mass0=ref.mass, q0=ref.charge_number, energy0=ref.energy, **columns)
    line = xtrack.Line(elements=[xtrack.Drift(length=length, model="exact")])
    line.track(particles)
    order = np.argsort(particles.particle_id)
    got = {k: np.array(getattr(particles, k))[order] for k in columns}
    with mpmath.workdps(40):
        want = []
        for _x, px, _y, py, z, d in rows.T:
            pz = mpmath.sqrt((1 + mpmath.mpf(d)) ** 2 - mpmath.mpf(px) ** 2 - mpmath.mpf(py) ** 2)
            gamma0 = mpmath.mpf(ref.energy) / mpmath.mpf(ref.mass)
            bg0 = mpmath.sqrt(gamma0**2 - 1)
            bg = bg0 * (1 + mpmath.mpf(d))
            ratio = bg / mpmath.sqrt(1 + bg**2) / (bg0 / gamma0)
            want.append(float(mpmath.mpf(z) + length * (ratio - (1 + mpmath.mpf(d)) / pz)))
    assert_close(from_xsuite(got, ref)[4], np.array(want), rtol=1e-13, atol=3e-15, what="z after the drift")


def test_against_an_at_drift():
    """AT leaves the velocity term out: its ct and -z differ by (beta/beta0 - 1) L, and by nothing else."""
    at = pytest.importorskip("at", reason="extra 'interop' not installed")
    ref, rows, length = Reference(250e6), coordinates(n=40), 2.0
    columns = np.asfortranarray(np.stack(list(to_at(rows, ref).values())))
    lattice = at.Lattice([at.Drift("d", length, PassMethod="ExactDriftPass")], energy=ref.energy)
    out = lattice.track(columns, nturns=1, in_place=False)[0][:, :, 0, 0]
    z_at = from_at(out)[4]
    pz = np.sqrt((1 + rows[5]) ** 2 - rows[1] ** 2 - rows[3] ** 2)
    path = length * (rows[1] ** 2 + rows[3] ** 2) / (pz * (1 + rows[5] + pz))  # excess, without cancellation
    assert_close(z_at, rows[4] - path, rtol=1e-13, atol=2e-15, what="AT: path only")
    velocity = length * (rows[5] * ref.inv_gamma2)
    assert np.abs(velocity).max() > 1e-7  # what AT leaves out is not small for microbunching


@pytest.mark.filterwarnings("ignore:The set_under function:PendingDeprecationWarning")  # of matplotlib, at their import
def test_against_particle_group():
    beamphysics = pytest.importorskip("beamphysics", reason="extra 'interop' not installed")
    ref, rows = Reference(250e6), coordinates(n=30)
    columns = to_openpmd(rows, ref)
    filled = {"species": "electron", "weight": np.full(30, 1e-15), "status": np.ones(30, dtype=int)}
    group = beamphysics.ParticleGroup(data=columns | filled)
    elegant = to_elegant(rows, ref)
    for name, theirs in (("x", group.x), ("xp", group.xp), ("y", group.y), ("yp", group.yp), ("t", group.t)):
        assert_close(elegant[name], theirs, rtol=1e-14, atol=0.0, what=name)
    # their electron mass is CODATA too, perhaps of another year
    assert_close(elegant["p"], group.p / group.mass, rtol=1e-9, atol=0.0, what="p")
    assert_close(
        group.energy - ref.energy, to_ocelot(rows, ref)["p"] * ref.p0c, rtol=0.0, atol=2e-3, what="E - E0 [eV]"
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: to_xsuite(np.zeros((6, 2))), "need a reference"),
        (lambda: to_xsuite(np.zeros((2, 6)), Reference(1e9)), "transpose"),
        (lambda: to_madx(np.full((6, 1), np.nan), Reference(1e9)), "finite"),
        (lambda: to_madx(-2.0 * np.ones((6, 1)), Reference(1e9)), "delta must be above -1"),
        (lambda: to_madx("beam", Reference(1e9)), "array of real numbers"),
        (lambda: from_madx({"x": [0], "px": [0], "y": [0], "py": [0], "T": [0], "pt": [0]}, Reference(1e9)), "'t'"),
        (lambda: from_madx(np.zeros((6, 1)), Reference(1e9)), "dict of arrays"),  # type: ignore[arg-type]
        (lambda: from_elegant({k: [0.0] for k in ("x", "xp", "y", "yp", "t", "p")}, Reference(1e9)), "delta must"),
        (lambda: from_at({"x": [0, 1], "px": [0], "y": [0], "py": [0], "ct": [0], "delta": [0]}), "one length"),
        (lambda: from_ocelot([[0]] * 5 + [[-1.0]], Reference(1e9)), "rest energy"),
        (lambda: from_ocelot([[0]] * 5 + [[-9.0]], Reference(1e9)), "rest energy"),
        (
            lambda: from_openpmd(
                {k: [0.0, 0.0] for k in ("x", "y", "px", "py", "t")} | {"pz": [1e9, 1e9], "z": [0, 1e-3]},
                Reference(1e9),
            ),
            "drift",
        ),
        (lambda: from_openpmd({k: [0] for k in ("x", "y", "px", "py", "t")} | {"pz": [-1e9]}, Reference(1e9)), "pz"),
    ],
)
def test_wrong_input_is_explained(call, words):
    with pytest.raises(ConfigError, match=words):
        call()


@pytest.mark.parametrize("to", [to_elegant, to_openpmd])
def test_particle_without_forward_momentum_has_no_slope(to):
    with pytest.raises(PhysicsError, match=r"1 of 2 particles have no forward momentum"):
        to([[0, 0], [1.5, 0], [0, 0], [0, 0], [0, 0], [0, 0]], Reference(1e9))
