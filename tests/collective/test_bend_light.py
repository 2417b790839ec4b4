"""Light of a bunch in the bends of a lattice: entrance, steady state, exit, pieces of a bend, where it ends."""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy

from ssmb.beam import Beam, Reference
from ssmb.collective import CSR, BendLight, BunchImpedance, CSRPlates, TrainImpedance
from ssmb.collective.bend_light import bend_kernel
from ssmb.constants import ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from ssmb.elements import Bend, Drift, Marker, Quadrupole
from ssmb.errors import ConfigError, ValidityWarning
from ssmb.lattice import Lattice, load_lattice
from ssmb.lattice.bends import BendPiece, bends_of
from ssmb.lattice.program import compile_elements
from ssmb.studies import load_config, run
from ssmb.tracking import BunchingMonitor, track
from ssmb.tracking.stations import Place
from tests.collective.retarded_fields import gain_by_retarded_fields
from tests.support import assert_close, assert_reference, reference_values

REFERENCE = Reference(600e6)
LONG = np.finfo(np.longdouble).eps < 1e-18


def at_sigmas(made: BendLight, bend: BendPiece | None, sigma: float, charge: float) -> np.ndarray:
    """Gain of a Gaussian at z/sigma = -1, 0, 1 [eV]."""
    z = np.linspace(*made.window, made.bins)
    shape = np.exp(-0.5 * (z / sigma) ** 2)
    total = np.append(shape / shape.sum() * charge / ELEMENTARY_CHARGE, 0.0)
    here = Place(0, "b", 0.0, bend=bend)
    return np.interp([-sigma, 0.0, sigma], z, made.voltage(total, REFERENCE, here))


def by_kernel(kernel: Any, sigma: float, charge: float, longest: float, n: int = 20_000) -> np.ndarray:
    """-(Q/4 pi eps0) Int K(t) lambda'(z - t) dt at z/sigma = -1, 0, 1, over the cube root of t."""
    edge = longest ** (1.0 / 3.0)
    v = edge / n * (np.arange(n) + 0.5)
    t, z = v**3, np.array([[-sigma], [0.0], [sigma]])
    slope = -(z - t) / sigma**2 * np.exp(-0.5 * ((z - t) / sigma) ** 2) / (math.sqrt(2.0 * math.pi) * sigma)
    return -charge / (4.0 * math.pi * VACUUM_PERMITTIVITY) * (kernel(t) * slope * 3.0 * v * v).sum(1) * v[0] * 2.0


# ---------------------------------------------------------------------- the field


@pytest.mark.parametrize("identifier", ["csr_entry_p0", "csr_entry_p1"])
def test_behind_the_entrance(identifier: str) -> None:
    """A short piece of a bend at this angle."""
    given = reference_values()[identifier]["inputs"]
    sigma, way = given["sigma"], given["rho"] * given["angle"]
    made = BendLight(at="b", window=(-8.0 * sigma, 8.0 * sigma), bins=1601)
    piece = BendPiece(given["rho"], way - 1e-4, way + 1e-4, 2.0 * way)
    assert_reference(identifier, at_sigmas(made, piece, sigma, given["charge"]) / 2e-4)


@pytest.mark.skipif(not LONG, reason="needs long precision")
@pytest.mark.parametrize(("at", "length"), [(0.06, 1.0), (0.18, 1.0), (0.23, 0.18), (0.68, 0.18), (0.36, 0.06)])
def test_by_retarded_fields(at: float, length: float) -> None:
    """In the bend, and 5, 50 and 30 cm behind the exit, against the fields of all sources at gamma 4000."""
    radius, sigma, charge = 1.2, 30e-6, 1e-10
    angle, behind = min(at, length) / radius, max(at - length, 0.0)
    got = by_kernel(lambda t: bend_kernel(t, radius, angle, behind), sigma, charge, 0.01)
    want = gain_by_retarded_fields(np.array([-sigma, 0.0, sigma]), at, radius, length, sigma, charge, 4000.0)
    assert_close(got, want, rtol=0.0, atol=3e-3 * float(np.abs(want).max()), what="dE/ds [eV/m]")


@pytest.mark.parametrize(("radius", "length", "straight"), [(1.2, 0.12, 0.7), (1.5, 0.5, 0.0), (5.0, 0.2, 3.0)])
def test_over_the_way(radius: float, length: float, straight: float) -> None:
    """The closed form is the integral over the way of the field at each place."""
    sigma, charge = 1e-4, 1e-10
    made = BendLight(at="b", window=(-1e-3, 1e-3), bins=1001, radius=radius, length=length, straight=straight)
    x, w = np.polynomial.legendre.leggauss(8)
    want = np.zeros(3)
    for kernel, end in (
        (lambda t, s: bend_kernel(t, radius, s / radius), length),
        (lambda t, s: bend_kernel(t, radius, length / radius, s), straight),
    ):
        edges = np.concatenate([[0.0], np.geomspace(1e-3, 1.0, 10)]) * end
        for a, b in zip(edges[:-1], edges[1:], strict=True):
            for s, ds in zip(a + 0.5 * (x + 1.0) * (b - a), 0.5 * w * (b - a), strict=True):
                if ds > 0.0:
                    want += ds * by_kernel(lambda t, s=s, kernel=kernel: kernel(t, s), sigma, charge, 2e-3, 1500)
    got = at_sigmas(made, None, sigma, charge)
    assert_close(got, want, rtol=0.0, atol=2e-3 * float(np.abs(want).max()), what="dE [eV]")


def test_a_long_bend_is_in_the_steady_state() -> None:
    """What another metre of a long bend adds is the impedance of the steady state."""
    sigma, charge, radius = 1e-4, 1e-10, 1.5
    one, two = (
        BendLight(at="b", window=(-1e-3, 1e-3), bins=1001, radius=radius, length=length) for length in (2.0, 3.0)
    )
    steady = BunchImpedance(at="b", window=(-1e-3, 1e-3), bins=1001, impedance=CSR(radius, 1.0))
    got = at_sigmas(two, None, sigma, charge) - at_sigmas(one, None, sigma, charge)
    want = at_sigmas(steady, None, sigma, charge)  # type: ignore[arg-type]
    assert_close(got, want, rtol=0.0, atol=1e-3 * float(np.abs(want).max()), what="dE/ds [eV/m]")


def test_a_kick_is_a_short_magnet() -> None:
    """A bend without length that turns by phi: K over the straight X behind it is 2 ln(X phi^2/(2 t)) up to where that
    is 0, from G. Stupakov and P. Emma's case of light from before the magnet.
    """
    sigma, charge, angle, straight = 1e-4, 1e-10, 0.05, 2.0
    made = BendLight(at="b", window=(-2e-3, 2e-3), bins=2001, radius=1e-4 / angle, length=1e-4, straight=straight)
    end = 0.5 * straight * angle**2
    want = by_kernel(lambda t: 2.0 * np.maximum(np.log(end / t), 0.0), sigma, charge, 2.0 * end)
    assert_close(
        at_sigmas(made, None, sigma, charge), want, rtol=0.0, atol=3e-3 * float(np.abs(want).max()), what="dE [eV]"
    )


# ---------------------------------------------------------------------- the bends of a lattice


def ring(*more: Any) -> Lattice:
    """Four bends of 90 degrees between straights of 1 m; it begins in the middle of a bend if ``more`` does."""
    cell = [Drift(name="d", length=0.5), Bend(name="b", length=1.2, angle=math.pi / 2), Drift(name="e", length=0.5)]
    return Lattice.from_elements([*more, *cell * 4], REFERENCE, periodic=True)


def test_bends_of_a_ring() -> None:
    lattice = ring()
    found = list(bends_of(lattice.elements).values())
    assert len(found) == 4
    for bend in found:
        assert_close(bend.radius, 1.2 / (math.pi / 2), rtol=1e-14, atol=0.0)
        assert (bend.begin, bend.end, bend.whole, bend.before, bend.straight) == (0.0, 1.2, 1.2, 1.0, 1.0)
    line = bends_of(lattice.elements[:5])
    assert [b.before for b in line.values()] == [math.inf, 1.0]
    assert [b.straight for b in line.values()] == [1.0, 0.0]


def test_pieces_of_a_bend_belong_together() -> None:
    """Also where the ring begins in it; a bend of another radius right behind it is another bend."""
    cut = ring().with_markers({"m": 1.0, "n": 2.9})
    found = [bends_of(cut.elements)[i] for i in cut.indices("Bend::*")]
    assert_close([b.begin for b in found], [0.0, 0.5, 0.0, 0.2, 0.0, 0.0], rtol=0.0, atol=1e-12)
    assert_close([b.end for b in found], [0.5, 1.2, 0.2, 1.2, 1.2, 1.2], rtol=0.0, atol=1e-12)
    assert [b.straight for b in found] == [0.0, 1.0, 0.0, 1.0, 1.0, 1.0]
    turned = cut.rotated("m")
    assert bends_of(turned.elements)[turned.index(cut.elements[cut.indices("Bend::*")[1]].name)] == found[1]
    pair = [Bend(name="a", length=1.0, angle=0.1), Bend(name="b", length=1.0, angle=0.2)]
    assert [(b.begin, b.whole) for b in bends_of(pair).values()] == [(0.0, 1.0), (0.0, 1.0)]


def bunch(sigma: float = 1e-3, size: float = 1e-5, n: int = 4096) -> Beam:
    random = np.random.default_rng(5)
    rows = random.normal(size=(6, n)) * np.array([size, 1e-7, size, 1e-7, sigma, 1e-5])[:, None]
    return Beam(REFERENCE, rows, np.full(n, 1e-14 / ELEMENTARY_CHARGE / n))


def quietly(lattice: Lattice, beam: Beam, *effects: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        return track(lattice, beam, 1, effects=effects)


def test_one_line_is_all_bends_and_pieces_add_up() -> None:
    """By default it acts in all bends; of a bend in pieces all kicks together are that of the whole."""
    window: Any = {"window": (-8e-3, 8e-3), "bins": 401}
    whole = quietly(ring(), bunch(), BendLight(**window))
    assert [k.element for k in whole.kicks] == ["b#1", "b#2", "b#3", "b#4"]
    named = quietly(ring(), bunch(), BendLight(at=["b#3", "b"], **window))
    assert [k.element for k in named.kicks] == ["b#3", "b#1", "b#2", "b#4"]
    assert named.beam.coordinates.tobytes() == whole.beam.coordinates.tobytes()
    cut = ring().with_markers({"m": 1.0})
    parts = quietly(cut, bunch(), BendLight(**window))
    assert len(parts.kicks) == 5
    total = [sum(k.mean for k in found.kicks) for found in (whole, parts)]
    assert total[0] < -1e-10
    assert_close(total[1], total[0], rtol=1e-3, atol=0.0, what="mean kick of a turn")


@pytest.mark.parametrize(
    ("at", "want"),
    [
        ("b#5", "'b#5' names no bend of the lattice. Did you mean 'b#"),
        ("d", "'d' names no bend"),
        (["b", "q*"], r"'q\*' names no bend"),
        ("Quadrupole::*", "names no bend"),
    ],
)
def test_what_is_no_bend(at: Any, want: str) -> None:
    with pytest.raises(ConfigError, match=want):
        track(ring(Quadrupole(name="q", length=0.1, Kn1=0.1)), bunch(), 1, effects=[BendLight(at=at, window=(-1, 1))])


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ({"at": 0.5}, "must name bends"),
        ({"radius": 1.0}, "radius and length of a bend belong together"),
        ({"straight": 1.0}, "a straight needs"),
        ({"gap": -1.0}, "gap"),
    ],
)
def test_arguments(given: dict[str, Any], want: str) -> None:
    with pytest.raises(ConfigError, match=want):
        BendLight(window=(-1e-3, 1e-3), **given)


# ---------------------------------------------------------------------- where one dimension ends

SHORT: dict[str, Any] = {"window": (-1e-3, 1e-3), "bins": 1001}
LONGER: dict[str, Any] = {"window": (-1e-2, 1e-2)}
FREE, PLATES = CSR(0.764, 1.2), CSRPlates(0.764, 0.2, 0.04)
TRAIN: dict[str, Any] = {"wavelength": 1e-6, "current": 1.0, "at": "Bend::*"}


@pytest.mark.parametrize(
    ("effect", "sigma", "size", "want"),
    [
        (BendLight(**SHORT), 1e-4, 3e-3, r"0.00[23]\d* m wide at 'b#1'.* = 0.001\d* m, and weaker"),
        (BendLight(**LONGER), 1e-3, 1e-5, r"straight before 'b#1' has 0.05 m, light .* on 0.075"),
        (BendLight(gap=0.02, **LONGER), 1e-3, 1e-5, "walls 0.02 m apart shield a bunch of 0.0011 m"),
        (BendLight(**{"window": (-1e-8, 1e-8)}), 1e-9, 1e-9, r"radiate 0.\d+ of the law"),
        (BendLight(**{"window": (-1e-7, 1e-7)}), 1e-8, 1e-9, r"the straight has 0.05 m; .* = 0.03\d* m"),
        (BunchImpedance(at="Bend::*", impedance=FREE, **LONGER), 1e-3, 1e-5, r"the bend at 'b#1' has 0.2 m"),
        (BunchImpedance(at="d#1", impedance=PLATES, **LONGER), 1e-3, 1e-5, "the bend at 'd#1' has 0.2 m"),
        (BunchImpedance(at="b", impedance=2.0 * FREE, **SHORT), 1e-4, 3e-3, "wide at 'b#1'"),
        (TrainImpedance(impedance=FREE, **TRAIN), 1e-4, 1e-4, "wide at 'b#1'; .* light of 1.6e-07 m"),
        (TrainImpedance(impedance=FREE, harmonics=(100,), **TRAIN), 1e-4, 1e-9, "radiate 0.72"),
        (TrainImpedance(impedance=FREE, wavelength=5e-3, current=1.0, at="b"), 1e-4, 1e-9, "bend at 'b#1' has 0.2 m"),
    ],
)  # fmt: skip
def test_warnings(effect: Any, sigma: float, size: float, want: str) -> None:
    """Each once a run, not once a turn or place, and again in the next run."""
    short = ring().with_changes({"b": {"length": 0.2}, "d": {"length": 0.025}, "e": {"length": 0.025}})
    beam = bunch(sigma, size, 512)
    beam.px[:], beam.py[:], beam.delta[:] = 0.0, 0.0, 0.0
    for _ in range(2):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            track(short, beam, 3, effects=[effect])
        told = [str(w.message) for w in caught if issubclass(w.category, ValidityWarning)]
        assert sum(bool(re.search(want, text)) for text in told) == 1, told
        kinds = [text.partition("'b#")[0][:60] for text in told]
        assert len(kinds) == len(set(kinds)), told


def test_nothing_to_tell() -> None:
    """A bunch and a train within all limits, and an impedance that knows the energy near the critical one."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        track(ring(), bunch(1e-4, 1e-5), 2, effects=[BendLight(gap=0.05, window=(-1e-3, 1e-3), bins=1001)])
        effect = TrainImpedance(impedance=CSR(0.764, 1.2, 600e6), harmonics=(1, 100), **TRAIN | {"at": "b#1"})
        track(ring(), bunch(1e-4, 1e-10), 1, effects=[effect])


# ---------------------------------------------------------------------- a train from bend to bend


def test_a_train_remembers_from_bend_to_bend() -> None:
    """Coherent radiation of a density wave in five bends amplifies it through its particles: b at each bend is that of
    the linear equations, b_i = b_0 e_0i + sum over j < i of i k R_ji (I Z/E) b_j e_ji, with R_ji = R56 from j to i and
    e_ji = exp(-k^2 (R_0i - R_0j)^2 sigma_delta^2/2).
    """
    line, current, spread = 10e-6, 60.0, 2e-5
    cell = [Bend(name="b", length=1.2, angle=0.1), Drift(name="d", length=0.8)]
    lattice = Lattice.from_elements([*cell * 5, Marker(name="end")], REFERENCE)
    bend = CSR(12.0, 1.2)
    effect = TrainImpedance(at="Bend::*", impedance=bend, wavelength=line, current=current)
    rows = np.zeros((6, 32, 1024))  # a lattice of phases and energies has no noise
    rows[4] = (line * np.arange(32) / 32)[:, None]
    rows[4] += 2e-3 * line / (2.0 * math.pi) * np.sin(2.0 * math.pi * rows[4] / line)
    rows[5] = spread * scipy.special.ndtri((np.arange(1024) + 0.5) / 1024)
    beam = Beam(REFERENCE, rows.reshape(6, -1), np.full(32 * 1024, 1e4))
    places = [*(f"b#{i}" for i in range(1, 6)), "end"]
    seen = track(
        lattice, beam, 1, effects=[effect], monitors=[BunchingMonitor(at=name, wavelengths=(line,)) for name in places]
    )
    got = np.array([seen.monitors[f"bunching@{name}"].bunching[0, 0] for name in places])

    k, program = 2.0 * math.pi / line, compile_elements(lattice.elements, REFERENCE)
    first = [int(program.first_op[program.index(name)]) for name in places]
    test = np.zeros((6, 2))
    test[5] = -1e-6, 1e-6
    want = got[:1].copy()
    slips = np.zeros((6, 6))  # R56 from j to i
    for j in range(6):
        for i in range(j + 1, 6):
            z = program.propagate(test, first[j], first[i])[0][4]
            slips[j, i] = (z[1] - z[0]) / 2e-6
    for i in range(1, 6):
        smeared = np.exp(-0.5 * (k * (slips[0, i] - slips[0, :i]) * spread) ** 2)
        gain = 1j * k * slips[:i, i] * current * bend(np.array([k]))[0] / REFERENCE.p0c
        want = np.append(want, got[0] * smeared[0] + (gain * want * smeared).sum())
    assert np.abs(want).max() > 2.0 * abs(want[0])
    assert_close(got, want, rtol=0.0, atol=0.01 * float(np.abs(want).max()), what="b at each bend")


# ---------------------------------------------------------------------- the proof of principle


def test_the_bunching_of_a_short_bunch_in_its_own_light() -> None:
    """A run file whose one line is all bends: the light of a whole bunch of 40 um shakes its microbunches apart on the
    turn to the undulator; at a tenth of the charge it leaves them.
    """
    folder = Path(__file__).parents[2] / "lattices"
    mls, found = load_lattice(folder / "mls_pop.pals.yaml"), []
    for charge in (2e-13, 2e-12):
        config = load_config(folder / "mls_pop_csr.run.yaml", {"beam.particles": 8192, "beam.charge": charge})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = run(config, mls)
        assert [kick.element for kick in result.kicks] == [f"B#{i}" for i in range(1, 9)]
        assert all(kick.mean < 0.0 for kick in result.kicks)
        found.append(abs(result.records["bunching@U125"].bunching[1, 0]))
    assert found[0] > 0.33
    assert found[1] < 0.06


def test_the_fast_model_of_a_ring_has_its_bends() -> None:
    """In a run file the bends of the ring are known to the model of it, which has them at their places."""
    folder = Path(__file__).parents[2] / "lattices"
    mls, found = load_lattice(folder / "mls_pop.pals.yaml"), []
    line = {"kind": "bend_light", "window": [-8e-3, 8e-3], "bins": 401}
    for model in ("lattice", "ring_model"):
        changes = {"beam.particles": 4096, "beam.sigma_z": 1e-3, "effects": [line], "track.model": model}
        config = load_config(
            folder / "mls_pop_csr.run.yaml", changes | ({} if model == "lattice" else {"track.order": 2})
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found.append(run(config, mls).kicks)
    assert [k.element for k in found[1]] == [k.element for k in found[0]] == [f"B#{i}" for i in range(1, 9)]
    means = [[k.mean for k in kicks] for kicks in found]
    assert_close(means[1], means[0], rtol=0.05, atol=0.0, what="mean kick at each bend")
