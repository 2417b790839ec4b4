"""Deflection of a bunch by transverse wakes: all pairs, closed forms, tracked tunes and growth of head-tail modes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy

from ssmb.beam import Beam, Reference
from ssmb.collective import (
    Resonator,
    StoredBeam,
    TransverseImpedance,
    TransverseResistiveWall,
    TransverseResonator,
    head_tail_modes,
)
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT, VACUUM_IMPEDANCE
from ssmb.elements import Marker
from ssmb.elements.linear_map import LinearMap
from ssmb.errors import ConfigError, ValidityWarning
from ssmb.lattice import Lattice
from ssmb.tracking import MomentMonitor, SnapshotMonitor, track
from ssmb.tracking.stations import Place
from tests.collective.stored import radical_inverse, reference_inputs, stored
from tests.support import assert_close

REFERENCE = Reference(600e6)
HERE = Place(0, "m", 0.0)
WINDOW = (-0.02, 0.02)
RESONATOR = TransverseResonator(5e6, 1.0, 20e9)
INPUTS = reference_inputs("tmci_threshold_p")


def bunch(n: int, sigma_z: float, charge: float, **rows: Any) -> Beam:
    """A Gaussian bunch, evenly spread along z, of no width; rows set other coordinates."""
    made = np.zeros((6, n))
    made[4] = sigma_z * scipy.special.ndtri((np.arange(n) + 0.5) / n)
    for name, values in rows.items():
        made[("x", "px", "y", "py", "z", "delta").index(name)] = values
    return Beam(REFERENCE, made, np.full(n, charge / ELEMENTARY_CHARGE / n))


def kicked(effect: TransverseImpedance, beam: Beam) -> Beam:
    after = beam.copy()
    effect.kick(after, effect.total(effect.sums(after, {})), {}, 0, HERE)
    return after


@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize("offset", ["driving", "detuning"])
def test_all_pairs(axis: Any, offset: Any) -> None:
    """The kick is the sum of the wakes of all particles ahead, times their offset, or that of the particle."""
    random = np.random.default_rng(1)
    n = 1500
    beam = bunch(n, 3e-3, 1e-9, z=random.normal(size=n) * 3e-3, **{axis: 1e-4 * random.normal(size=n)})
    effect = TransverseImpedance(at="m", impedance=RESONATOR, axis=axis, offset=offset, window=WINDOW, bins=1001)
    wake = RESONATOR.wake(beam.z[:, None] - beam.z[None, :])  # source, particle
    x = getattr(beam, axis)
    charge = 1e-9 / n
    want = charge * (x @ wake if offset == "driving" else x * wake.sum(axis=0)) / REFERENCE.p0c
    got = getattr(kicked(effect, beam), f"p{axis}")
    assert_close(got, want, rtol=0.0, atol=2e-3 * np.abs(want).max(), what="kick")
    assert not getattr(kicked(effect, beam), "py" if axis == "x" else "px").any()


def mean_wall_wake(wall: TransverseResistiveWall, sigma_z: float) -> float:
    """Wake c L/(pi^1.5 b^3) sqrt(Z0/sigma) s^-0.5, averaged over the pairs of a Gaussian bunch."""
    size = SPEED_OF_LIGHT * wall.length / (math.pi**1.5 * wall.radius**3)
    size *= math.sqrt(VACUUM_IMPEDANCE / wall.conductivity)
    return size * math.gamma(0.25) / (2.0 * math.sqrt(2.0 * math.pi * sigma_z))


WALL = TransverseResistiveWall(10.0, 0.01, 5.8e7)


def test_an_offset_bunch_in_a_resistive_wall() -> None:
    """Mean deflection over the bunch, and that far behind its middle."""
    beam = bunch(20_000, 3e-3, 1e-9, x=1e-4)
    effect = TransverseImpedance(at="m", impedance=WALL, axis="x", window=(-0.06, 0.02), bins=801)
    got = kicked(effect, beam).px
    want = 1e-9 * 1e-4 * mean_wall_wake(WALL, 3e-3) / REFERENCE.p0c
    assert_close(got.mean(), want, rtol=3e-3, atol=0.0, what="mean deflection towards the offset")
    test = bunch(20_001, 3e-3, 1e-9, x=1e-4)
    test.coordinates[4, 0] = -0.05
    test.weight[0] = 0.0
    far = SPEED_OF_LIGHT * 10.0 / (math.pi**1.5 * 1e-6) * math.sqrt(VACUUM_IMPEDANCE / 5.8e7) / math.sqrt(0.05)
    assert_close(kicked(effect, test).px[0], 1e-13 * far / REFERENCE.p0c, rtol=5e-3, atol=0.0)


def test_the_wake_of_a_sum_is_that_of_its_parts() -> None:
    """Also where a part falls as slowly as that of a wall."""
    options: dict[str, Any] = {"at": "m", "axis": "x", "window": WINDOW}
    beam = bunch(2000, 3e-3, 1e-9, x=1e-4)
    one = [kicked(TransverseImpedance(impedance=z, **options), beam).px for z in (WALL, RESONATOR)]
    both = kicked(TransverseImpedance(impedance=3.0 * WALL + 0.5 * RESONATOR, **options), beam).px
    assert_close(both, 3.0 * one[0] + 0.5 * one[1], rtol=0.0, atol=1e-12 * np.abs(both).max())


def test_plates_do_not_deflect_a_beam_along_themselves() -> None:
    """Driving and detuning wake of x cancel where all particles have one x: nothing changes along the plates."""
    factor = math.pi**2 / 24.0
    beam = bunch(2000, 3e-3, 1e-9, x=1e-4)
    options: dict[str, Any] = {"at": "m", "axis": "x", "window": WINDOW}
    alone = kicked(TransverseImpedance(impedance=factor * WALL, **options), beam)
    both = kicked(TransverseImpedance(impedance=-factor * WALL, offset="detuning", **options), alone)
    assert np.abs(alone.px).max() > 1e-10
    assert_close(both.px, 0.0, rtol=0.0, atol=1e-12 * np.abs(alone.px).max())


def ring(beam: StoredBeam | None, tune: float, beta: float) -> Lattice:
    """Marker ``m`` and a turn of linear motion in x, y (the same) and, with a stored beam, in z."""
    matrix = np.eye(6)
    c, s = math.cos(2.0 * math.pi * tune), math.sin(2.0 * math.pi * tune)
    for i in (0, 2):
        matrix[i : i + 2, i : i + 2] = [[c, beta * s], [-s / beta, c]]
    if beam is not None:
        long, angle = beam.slip / math.sin(2.0 * math.pi * beam.tune), 2.0 * math.pi * beam.tune
        matrix[4:, 4:] = [[math.cos(angle), -long * math.sin(angle)], [math.sin(angle) / long, math.cos(angle)]]
    turn = LinearMap(name="turn", matrix=tuple(map(tuple, matrix.tolist())), length=10.0)
    energy = REFERENCE if beam is None else Reference(beam.energy)
    return Lattice.from_elements([Marker(name="m"), turn], energy, periodic=True)


def positions(lattice: Lattice, beam: Beam, effect: TransverseImpedance, turns: int, axis: str = "x") -> np.ndarray:
    """(turns, particles) at the marker, before the kick of each turn."""
    seen = SnapshotMonitor("m", every=1)
    record = track(lattice, beam, turns, effects=[effect], monitors=[seen]).monitors[seen.name]
    return np.array([getattr(one, axis) for one in record.beams])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_detuning_shifts_the_tune_of_each_particle(sign: float) -> None:
    """cos of the new phase advance is cos mu + beta theta sin mu/2, theta the wake of the charge ahead."""
    beta, tune, charge = 8.0, 0.31, 2e-11
    beam = bunch(4000, 3e-3, charge, y=1e-4)
    effect = TransverseImpedance(
        at="m", impedance=sign * RESONATOR, axis="y", offset="detuning", window=WINDOW, bins=801
    )
    y = positions(ring(None, tune, beta), beam, effect, 3, "y")
    got = (y[0] + y[2]) / (2.0 * y[1])
    mu = 2.0 * math.pi * tune
    some = np.searchsorted(beam.z, [-6e-3, -3e-3, 0.0, 2e-3])

    def ahead(z: float) -> float:
        return scipy.integrate.quad(
            lambda s: float(RESONATOR.wake(s)) * math.exp(-0.5 * ((z + s) / 3e-3) ** 2), 0.0, 0.04, limit=400
        )[0] / (3e-3 * math.sqrt(2.0 * math.pi))

    theta = sign * charge * np.array([ahead(float(z)) for z in beam.z[some]]) / REFERENCE.p0c
    shift = np.arccos(got[some]) - mu
    exact = np.arccos(math.cos(mu) + 0.5 * beta * theta * math.sin(mu)) - mu
    assert np.abs(exact).max() > 1e-3
    assert_close(shift, exact, rtol=0.0, atol=2e-3 * np.abs(exact).max(), what="phase advance [rad]")
    assert_close(exact, -0.5 * beta * theta, rtol=0.0, atol=0.02 * np.abs(exact).max(), what="first order")


BEAM = stored(INPUTS)


def head_tail(charge: float, impedance: Any, turns: int, n: int = 2000) -> np.ndarray:
    """Mean offset of a bunch on each turn, of which all particles start at one offset."""
    angles = 2.0 * np.pi * radical_inverse(n, 2)
    radius = np.sqrt(-2.0 * np.log((np.arange(n) + 0.5) / n))
    rows = np.zeros((6, n))
    rows[0] = 1e-6
    rows[4], rows[5] = BEAM.sigma_z * radius * np.cos(angles), BEAM.sigma_delta * radius * np.sin(angles)
    beam = Beam(Reference(BEAM.energy), rows, np.full(n, charge / ELEMENTARY_CHARGE / n))
    far = 4.5 * BEAM.sigma_z
    effect = TransverseImpedance(at="m", impedance=impedance, axis="x", window=(-far, far), bins=256)
    seen = MomentMonitor("m")
    lattice = ring(BEAM, INPUTS["tune"], INPUTS["beta"])
    return track(lattice, beam, turns, effects=[effect], monitors=[seen]).monitors[seen.name].mean[:, 0]


OF_TMCI = TransverseResonator(INPUTS["R_t"], INPUTS["Q"], INPUTS["f_r"])


@pytest.mark.parametrize("identifier", ["tmci_growth_1.3_p", "tmci_growth_1.8_p"])
def test_growth_of_coupled_modes(identifier: str) -> None:
    """Above the threshold the offset grows as the fastest head-tail mode."""
    charge = reference_inputs(identifier)["charge"]
    want = head_tail_modes(BEAM, OF_TMCI, charge, beta=INPUTS["beta"]).fastest
    part = int(0.5 / want)
    size = np.abs(head_tail(charge, OF_TMCI, 24 * part)).reshape(24, part).max(axis=1)
    got = np.polyfit(np.arange(12, 24) * part, np.log(size[12:]), 1)[0]
    assert_close(got, want, rtol=0.04, atol=0.0, what="growth per turn")


def tune_of(x: np.ndarray) -> float:
    """Frequency of the largest line of a signal, by the maximum of its windowed transform."""
    signal = x * np.hanning(x.size)
    turns = np.arange(x.size)

    def missing(q: float) -> float:
        return -abs(np.exp(-2j * np.pi * q * turns) @ signal)

    first = np.fft.rfftfreq(x.size)[np.argmax(np.abs(np.fft.rfft(signal)))]
    found = scipy.optimize.minimize_scalar(
        missing, bounds=(first - 1.0 / x.size, first + 1.0 / x.size), method="bounded", options={"xatol": 1e-9}
    )
    return float(found.x)


def test_below_the_threshold() -> None:
    """At half the threshold mode 0 has the tune that the modes say, and does not grow."""
    charge = 3.5e-11
    modes = head_tail_modes(BEAM, OF_TMCI, charge, beta=INPUTS["beta"])
    x = head_tail(charge, OF_TMCI, 1200)
    first, last = np.abs(x[:400]).max(), np.abs(x[-400:]).max()
    assert last < 1.1 * first
    shift = tune_of(x) - INPUTS["tune"]
    at = np.argmin(np.abs(modes.shift - shift))
    assert shift < -0.2 * BEAM.tune
    assert_close(shift, modes.shift[at], rtol=0.02, atol=0.0, what="tune shift")


def test_coherent_tune_shift_in_a_resistive_wall() -> None:
    """To first order in the charge -(beta Q/(4 pi E)) times the mean wake of the pairs."""
    charge, wall = 1e-10, TransverseResistiveWall(10.0, 2e-3, 5.8e7)
    want = -INPUTS["beta"] * charge * mean_wall_wake(wall, BEAM.sigma_z) / (4.0 * math.pi * BEAM.energy)
    assert abs(want) < 0.2 * BEAM.tune
    shift = tune_of(head_tail(charge, wall, 1200)) - INPUTS["tune"]
    assert_close(shift, want, rtol=0.03, atol=0.0, what="tune shift")


def test_what_is_wrong_is_told() -> None:
    options: dict[str, Any] = {"at": "m", "axis": "x", "window": WINDOW}
    with pytest.raises(ConfigError, match="impedance must be transverse; 'resonator' is longitudinal"):
        TransverseImpedance(impedance=Resonator(1e3, 1.0, 1e10), **options)
    with pytest.raises(ConfigError, match="axis"):
        TransverseImpedance(impedance=RESONATOR, **(options | {"axis": "z"}))
    coarse = TransverseImpedance(impedance=RESONATOR, bins=20, **options)
    with pytest.warns(ValidityWarning, match=r"20 bins of 0.00211 m are too coarse .* take bins="):
        kicked(coarse, bunch(500, 3e-3, 1e-9, x=1e-4))
    short = TransverseImpedance(impedance=RESONATOR, **(options | {"window": (-6e-3, 6e-3)}))
    with pytest.warns(ValidityWarning, match="of the charge lies outside of the window"):
        kicked(short, bunch(500, 3e-3, 1e-9, x=1e-4))


def test_energy_of_a_deflection() -> None:
    """Energy that Panofsky and Wenzel give with the deflection, left out: of the size x theta E/l."""
    beam = bunch(4000, 3e-3, 1e-9, x=1e-6)
    effect = TransverseImpedance(at="m", impedance=RESONATOR, axis="x", window=WINDOW, bins=801)
    theta = kicked(effect, beam).px
    energy = np.gradient(theta, beam.z) * 1e-6 * REFERENCE.p0c  # d(dp c)/dz = dE/dx
    size = 1e-6 * np.abs(theta).max() / 3e-3 * REFERENCE.p0c
    assert 0.1 * size < np.abs(energy).max() < 3.0 * size
    assert_close(kicked(effect, beam).delta, beam.delta, rtol=0.0, atol=0.0)
