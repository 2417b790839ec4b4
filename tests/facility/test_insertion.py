"""The insertion as a part: its watts against what can be written down for a thin insertion, its limits at their
ends.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import special

from ssmb.beam import Beam
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.elements.wiggler import Wiggler
from ssmb.errors import ConfigError, PhysicsError, ValidityWarning
from ssmb.facility import Filling, Insertion, InsertionState, Ring, RingState
from ssmb.lattice import Lattice
from ssmb.light.debunching import Plane, debunched_power
from ssmb.schemes.closure import emittance_growth
from tests.support import assert_close

HARMONIC, CHIRP, WAVELENGTH, R56 = 5, 2.5e4, 1064e-9, (1.0 + 0.81 / 5.0 ** (2.0 / 3.0)) / 2.5e4
H_MOD = 0.5**2 / 9.0  # D^2/beta
BETA = 9.0 + 0.1**2 / 9.0  # behind the drift to the coupling


@cache
def thin() -> tuple[Insertion, RingState]:
    return Insertion.examples()[0]


@cache
def watts(average_power: float | None = None, average_current: float = 0.1) -> InsertionState:
    made, ring = thin()
    filling = replace(ring.filling, average_current=average_current)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        return replace(made, laser_average_power=average_power).state(replace(ring, filling=filling))


def test_bunching_is_that_of_a_thin_coupling() -> None:
    """|b_n| = J_n(n xi) exp(-(n k a_y)^2 eps beta/2): kick, lever a_y from y to the path, r56 that a.D takes away."""
    xi = (R56 + 0.1 / 1272.0**2) * CHIRP  # that of the drift is a thousandth of it
    want = float(special.jv(HARMONIC, HARMONIC * xi))
    k = 2.0 * math.pi * HARMONIC / WAVELENGTH
    lever = R56 / 0.5
    want *= math.exp(-0.5 * (k * lever) ** 2 * 40e-12 * BETA)
    found = watts()
    # the chirp of the laser spot over the beam is 1e-4 below that on the axis
    assert_close(found.light.light.bunching, want, rtol=1e-3, atol=0.0, what="|b_5| tracked")
    assert_close(thin()[0].closed_form(HARMONIC), want, rtol=1e-6, atol=0.0, what="closed form")
    assert abs(found.imbalance) < 1e-9


def test_way_of_the_power() -> None:
    """Peak power times filling, duty, what scattering keeps, and what the growing emittance leaves: by hand."""
    found = watts()
    k = 2.0 * math.pi * HARMONIC / WAVELENGTH
    lever = R56 / 0.5
    smear = (k * lever) ** 2 * BETA  # -2 d ln b/d eps
    alpha = 0.5 * 60e3 / 650e6
    assert_close(found.closure.smear_rate, smear, rtol=1e-6, atol=0.0, what="-d ln P/d eps [1/(m rad)]")
    errors = (found.closure.dz_counting, found.closure.quantum, found.intrabeam.path_error)
    growth = sum(emittance_growth(H_MOD, CHIRP, WAVELENGTH, e) for e in errors) + found.closure.aberrations
    growth += 0.5 * H_MOD * kick_of(found, "own light of the radiator") ** 2
    assert_close(found.closure.growth, growth, rtol=0.01, atol=0.0, what="growth a turn [m rad]")
    left = math.exp(-smear * found.duty * found.closure.growth / (2.0 * alpha))
    want = found.light.light.power * 0.1 * found.duty * found.power_kept * left
    assert_close(found.light.exit.average_power, want, rtol=1e-4, atol=0.0, what="average power [W]")
    assert_close(found.light.power_at_focus, want, rtol=1e-4, atol=0.0, what="no optics at 213 nm [W]")
    assert_close(found.energy.light, found.light.exit.average_power / 0.1, rtol=1e-12, atol=0.0, what="eV a turn")
    assert_close(found.energy.radiation, 60e3, rtol=1e-12, atol=0.0, what="given loss [eV]")
    gain = CHIRP * WAVELENGTH / (2.0 * math.pi) * 650e6
    assert_close(found.energy.laser_peak, gain, rtol=1e-5, atol=0.0, what="eV of the modulation")


def kick_of(found: InsertionState, name: str) -> float:
    return next(line.random for line in found.kicks.lines if line.name == name)


def test_the_light_heats_the_beam_that_makes_it() -> None:
    """A uniform wave takes P/I from an electron in the mean, V = P/(I |b|) at most, and V/sqrt(2) at random phases.

    The wave is not uniform: it is stronger on the axis, and <f^2> > <f>^2. Behind the radiator the electron misses its
    phase at the second modulator, too: sqrt(1 + xi^2/2).
    """
    found = watts()
    light = found.light.light
    xi = (R56 + 0.1 / 1272.0**2) * CHIRP
    volts = light.power / light.current / light.bunching
    uniform = math.sqrt(1.0 + 0.5 * xi * xi) * volts / 650e6 / math.sqrt(2.0) * math.sqrt(found.power_kept)
    assert 1.0 <= kick_of(found, "own light of the radiator") / uniform <= 1.15


def test_budget_of_kicks() -> None:
    """Each line, as a kick, makes the growth that the closure tells; their square root of squares is the sum."""
    found, alpha = watts(), 0.5 * 60e3 / 650e6
    b, grown = found.closure, {}
    for name, path in (
        ("closure of the magnets", b.dz_counting),
        ("photons, path to the second modulator", b.quantum),
        ("collisions, path to the second modulator", found.intrabeam.path_error),
    ):
        grown[name] = emittance_growth(H_MOD, CHIRP, WAVELENGTH, path) if path else 0.0
        assert_close(0.5 * H_MOD * kick_of(found, name) ** 2, grown[name], rtol=1e-9, atol=0.0, what=name)
    emit_y = found.intrabeam.beam.emit_y[1]
    assert_close(found.kicks.allowed, math.sqrt(4.0 * alpha * emit_y / H_MOD), rtol=1e-6, atol=0.0)
    assert_close(found.kicks.total**2, sum(line.random**2 for line in found.kicks.lines), rtol=1e-12, atol=0.0)
    # kicks that damping just balances double the emittance
    assert_close(0.5 * H_MOD * found.kicks.allowed**2, 2.0 * alpha * emit_y, rtol=1e-6, atol=0.0)
    assert "space charge" in found.kicks.missing
    assert "NOT COUNTED" in found.kicks.table()


def test_a_beam_that_converges_into_the_coupling_smears_less() -> None:
    """The lever acts on the beta function behind the drift, beta - 2 alpha d + gamma d^2."""
    made, alpha, drift = thin()[0], 8.0, 0.1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        found = made.closure(1e-4, replace(made.line, alpha=(0.0, alpha)))
    lever = 2.0 * math.pi * HARMONIC / WAVELENGTH * R56 / 0.5
    want = lever**2 * (9.0 - 2.0 * alpha * drift + (1.0 + alpha**2) / 9.0 * drift**2)
    assert_close(found.smear_rate, want, rtol=1e-6, atol=0.0, what="-d ln P/d eps [1/(m rad)]")


def test_a_laser_of_limited_power_and_a_closure_that_wants_less() -> None:
    """Light in the share of the turns that laser and closure allow, and each told as what takes it."""
    made, ring = thin()
    magnet = Wiggler(name="HALF", periods=1.0, period_length=0.02, K=0.5)
    line = made.line.lattice.elements
    lit = replace(made.line, lattice=Lattice.from_elements([line[0], magnet, *line[1:]], made.line.lattice.reference))
    free = replace(made, line=lit, modulators="thin")
    power = free.laser(ring.filling).peak_power * 0.1 * 1.2
    for average, growth, duty in ((0.2 * power, 1.0, 0.2), (0.5 * power, 20.0, None)):
        weak = replace(ring, damping=(*ring.damping[:1], ring.damping[1] / growth, ring.damping[2]))
        limited = replace(free, laser_average_power=average)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ValidityWarning)
            found = limited.state(weak)
        assert_close(found.laser.duty, average / power, rtol=1e-12, atol=0.0, what="turns that the laser allows")
        assert_close(found.duty, duty or found.closure.best_duty, rtol=1e-12, atol=0.0, what="turns with laser")
        steps = {step.name: step.factor for step in found.light.steps}
        taken = steps["duty of the laser"] * steps["closure: fewer turns with laser"]
        assert_close(taken, found.duty, rtol=1e-12, atol=0.0, what="both together")
        rise = found.closure.smear_rate * found.duty * found.closure.growth / (2.0 * found.closure.damping)
        want = found.light.light.power * 0.1 * found.duty * found.power_kept * math.exp(-rise)
        assert_close(found.light.power_at_focus, want, rtol=1e-9, atol=0.0, what="power [W]")
        assert_close(found.light.exit.average_power, want, rtol=1e-9, atol=0.0, what="power at the exit [W]")
        assert (found.energy.laser_on, found.energy.laser_power) == (found.duty, found.laser.peak_power)
        assert duty is not None or found.duty < 0.5  # the closure is the tighter one in the second case


def test_share_that_scattering_keeps() -> None:
    """The longer microbunch by its closed form, the larger beam by that of a Gaussian beam in the undulator."""
    made, _ = thin()
    found = watts()

    def power(beam: Beam) -> float:
        s = np.cov(beam.coordinates)
        x, y = (Plane(math.sqrt(s[i, i]), math.sqrt(s[i + 1, i + 1]), float(s[i, i + 1])) for i in (0, 2))
        return debunched_power(
            found.light.light.undulator, current=1.0, bunching=1.0, plane_x=x, plane_y=y, sigma_delta=math.sqrt(s[5, 5])
        )

    heated = found.intrabeam.beam_of(made.line)
    rise = heated.emit_y - 40e-12
    assert rise > 1e-13
    kept = math.exp(-found.closure.smear_rate * rise) * power(made.beam(heated)) / power(made.beam())
    assert_close(1.0 - found.power_kept, 1.0 - kept, rtol=0.05, atol=0.0, what="share that scattering takes")


def test_best_duty_is_where_the_average_power_has_its_maximum() -> None:
    """d exp(-s d g/2 a) over d, by trying: the insertion with eight times the growth of the thin one."""
    budget = replace(watts().closure, growth=8.0 * watts().closure.growth)
    duty = np.linspace(1e-3, 1.0, 1000)
    power = duty * np.exp(-budget.smear_rate * duty * budget.growth / (2.0 * budget.damping))
    assert_close(budget.best_duty, duty[power.argmax()], rtol=2e-3, atol=0.0, what="duty of the most power")
    assert_close(budget.power_factor, power.max(), rtol=1e-5, atol=0.0, what="power at that duty")


def test_no_current_no_scattering() -> None:
    made, ring = thin()
    weak = replace(ring, filling=Filling(1e-9, 1e-9))
    found = made.intrabeam(weak)
    assert_close(found.beam.emit_y[1] / found.beam.emit_y[0], 1.0, rtol=1e-10, atol=0.0, what="emittance at 1 nA")
    strong = made.intrabeam(replace(ring, filling=Filling(1e-3, 10.0)))
    assert strong.beam.current == 10.0  # that of a train, not the average
    assert_close(ring.revolution_time, 200.0 / SPEED_OF_LIGHT, rtol=1e-6, atol=0.0, what="T0 [s]")


def test_bad_input() -> None:
    made, ring = thin()
    with pytest.raises(PhysicsError, match=r"closed form of .b_5. .*r56 h = 0.000639.* a little above 1"):
        replace(made, line=replace(made.line, chirp=12.5))
    with pytest.raises(PhysicsError, match="nothing is left of .b_5.: its factor 'incoming momentum'"):
        replace(made, line=replace(made.line, dispersion_y=(0.2, 0.0), sigma_delta=0.01))
    for name in ("harmonic", "particles", "seeds", "closure_particles", "order"):
        with pytest.raises(ConfigError, match=name):
            replace(made, **{name: 0})
    with pytest.raises(ConfigError, match="fraction"):
        replace(made, fraction=0.0)
    with pytest.raises(ConfigError, match="Insertion.modulators must be one of thick, thin, got 'thik'"):
        replace(made, modulators="thik")  # pyright: ignore[reportArgumentType]
    assert isinstance(Ring(made.line.lattice.reference, ring.filling, 200.0, energy_loss=6e4).state(), RingState)
