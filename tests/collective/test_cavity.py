"""Cavities that a beam loads: closed forms, and particles pass by pass against them."""

from __future__ import annotations

import cmath
import math
import warnings
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.collective import CavityLoading, LoadedRfCavity, OpticalCavity, Resonator, robinson_motion
from ssmb.collective.cavity_field import wave_at
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.elements import Drift, Marker, RFCavity
from ssmb.elements.linear_map import LinearMap
from ssmb.elements.thin_laser import ThinLaser
from ssmb.elements.wiggler import Wiggler
from ssmb.errors import ConfigError, PhysicsError, ValidityWarning
from ssmb.kernels.loops import Z
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from ssmb.light.enhancement_cavity import EnhancementCavity
from ssmb.tracking import MomentMonitor, track
from ssmb.tracking.stations import Place
from tests.collective.stored import reference_inputs, stored
from tests.support import assert_close, assert_reference, reference_values

HERE = Place(0, "m", 0.0)
LIGHT = 1064e-9
REF = Reference(600e6)


def loading(name: str, **changes: float) -> CavityLoading:
    given = reference_values()[name]["inputs"]
    made: dict[str, Any] = {
        "voltage": given["V"], "stored_power": given["P_stored"], "current": given["current"], "bunching": given["b"],
        "phase": given.get("phi_s", 0.0), "loss": given["loss_per_pass"], "detuning": given["detuning_per_pass"],
    }  # fmt: skip
    return CavityLoading(**(made | changes))


def power_and_phase(field: complex) -> list[float]:
    return [1e6 * abs(field) ** 2, cmath.phase(field)]


def frozen_beam(bunching: float, phase: float, parts: int = 1) -> Beam:
    """Two particles for each part, half a wavelength around the place whose |b| and phase these are."""
    k = 2.0 * math.pi / LIGHT
    rows = np.zeros((6, 2 * parts))
    rows[4, :parts] = (phase + math.acos(bunching)) / k
    rows[4, parts:] = (phase - math.acos(bunching)) / k
    return Beam(REF, rows)


def optical(**changes: Any) -> OpticalCavity:
    given: dict[str, Any] = {
        "at": "m", "voltage": [165e3], "stored_power": 1e6, "wavelength": LIGHT, "current": 1e-3, "loss": 3.9e-4,
    }  # fmt: skip
    return OpticalCavity(**(given | changes))


def run_passes(
    effect: Any, beam: Beam, turns: int, state: dict[str, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Turns of a beam that does not move; only the field does."""
    state = effect.state(None) if state is None else state
    total = effect.total(effect.sums(beam, state))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        for turn in range(turns):
            for place in effect.places:
                effect.kick(beam.copy(), total, state, turn, Place(0, place, 0.0))
    return state


# ---- closed forms


def test_numbers_of_a_cavity() -> None:
    cavity = EnhancementCavity(3.0, 16000.0)
    assert_reference("oec_fsr", cavity.free_spectral_range)
    assert_reference("oec_linewidth", cavity.linewidth)
    assert_reference("oec_gain_matched", cavity.gain())
    assert_reference("oec_gain_overcoupled", cavity.gain(1.0))
    assert_reference("oec_input_1MW", cavity.input_power(1e6))
    assert_reference("oec_storage_time", cavity.storage_time)
    assert_reference("oec_length_tol", cavity.length_of_a_linewidth(LIGHT))
    assert_reference("oec_finesse_from_R", EnhancementCavity.of_mirrors(3.0, 0.9998, 0.9998).finesse)
    assert_reference("oec_30kW_input", EnhancementCavity(3.0, 6402.0).input_power(30e3))
    # the same by sending light round: what is stored, and how fast it goes
    field, rho = 0.0, math.sqrt(1.0 - cavity.loss)
    for _ in range(200_000):
        field = rho * field + math.sqrt(0.5 * cavity.loss)
    assert_close(field**2, cavity.gain(), rtol=1e-3, atol=0.0, what="gain")
    assert_close(
        (1.0 - cavity.loss) ** (cavity.storage_time * cavity.free_spectral_range), math.exp(-1.0), rtol=1e-3, atol=0.0
    )


def test_numbers_of_a_loaded_cavity() -> None:
    given = reference_values()["cav_reactive_phase"]["inputs"]
    cavity = CavityLoading(given["V"], given["P_stored"], given["I"], given["b"])
    assert_reference("cav_reactive_phase", cavity.phase_per_pass)
    assert_reference("cav_mode_overlap", CavityLoading.overlap(given["V"], 1.0, 1e6, 8593.972213386984))
    assert_reference("cav_shunt_impedance", CavityLoading.shunt_impedance(given["V"], 196.34954084936206))
    assert_reference(
        "cav_phi_for_loss", cavity.synchronous_phase(reference_values()["cav_phi_for_loss"]["inputs"]["U"])
    )
    with pytest.raises(PhysicsError, match="more than the light has"):
        cavity.synchronous_phase(1e6)


def test_steady_states_of_reference() -> None:
    assert_reference("cavity_phase_per_pass_p", loading("cavity_phase_per_pass_p").phase_per_pass)
    assert_reference("cavity_steady_p", power_and_phase(loading("cavity_steady_p").steady()))
    assert_reference("cavity_locked_p", power_and_phase(loading("cavity_locked_p").locked()))
    step = reference_values()["cavity_step_p"]["inputs"]
    stepped = loading("cavity_step_p", current=step["current_step"])
    assert_reference("cavity_step_p", [v for n in step["passes"] for v in power_and_phase(stepped.after(n))])
    assert_reference("cavity_retuned_p", loading("cavity_retuned_p").retuned())


def test_locked_bunches_pass_by_pass() -> None:
    cavity = loading("cavity_locked_p")
    field, drive = 1.0 + 0.0j, 1.0 - cavity.turn
    for _ in range(60_000):
        field = cavity.turn * (field + cavity.beam_field * field / abs(field)) + drive
    assert_close(cavity.locked(), field, rtol=1e-4, atol=0.0, what="field")
    with pytest.raises(PhysicsError, match="no light is held"):
        loading("cavity_locked_p", current=1.0).locked()


def tune(given: dict[str, Any]) -> float:
    slope = 2.0 * math.pi / given["wavelength"] * given["eta"] * given["C"] * given["V"] / given["E"]
    return math.acos(1.0 - 0.5 * slope) / (2.0 * math.pi)


ROBINSON = [name for name in sorted(reference_values()) if name.startswith("cavity_robinson_p")]


@pytest.mark.parametrize("name", ROBINSON)
def test_growth_of_reference(name: str) -> None:
    given = reference_values()[name]["inputs"]
    assert_reference(name, loading(name).growth(tune(given), given["passes_per_turn"]))


def test_second_limit_of_robinson_is_found() -> None:
    """At psi = theta_b the static force is gone: below, light and buckets run away, above they do not."""
    name = "cavity_robinson_p_below_limit_M1"
    nu = tune(reference_values()[name]["inputs"])
    limit = loading(name).second_limit()
    theta = loading(name).phase_per_pass
    assert_close(limit, 2.0 * math.atan(0.5 * theta), rtol=1e-4, atol=0.0, what="limit [rad]")
    below, above = (loading(name, detuning=limit * f).growth(nu) for f in (0.999, 1.001))
    assert below > 1e-3
    assert above < 1e-4
    with pytest.raises(PhysicsError, match="too weak"):
        loading(name, current=1e-6).second_limit()


# ---- particles, pass by pass


@pytest.mark.filterwarnings("ignore:optical_cavity at 'm'")
def test_what_the_light_gains_the_electrons_lose() -> None:
    cavity = loading("cavity_energy_balance_p")
    effect = optical(current=cavity.current)
    beam = frozen_beam(0.9, -cavity.phase)
    # b = |b| exp(-i phi_s) is that of bunches ahead: k z = phi_s
    beam = frozen_beam(0.9, cavity.phase)
    after = beam.copy()
    effect.kick(after, effect.total(effect.sums(beam, {})), effect.state(None), 0, HERE)  # type: ignore[arg-type]
    wave = 165e3 * np.sin(2.0 * math.pi * beam.z / LIGHT)
    p = 1.0 + np.stack([beam.delta, after.delta]).astype(np.longdouble)
    energy = np.sqrt(p * p + np.longdouble(REF.mass / REF.p0c) ** 2) * REF.p0c
    gained = float((energy[1] - energy[0]).mean() + wave.mean())
    assert_reference("cavity_energy_balance_p", [cavity.power_per_pass, gained * cavity.current])
    assert_close(gained * cavity.current, -cavity.power_per_pass, rtol=1e-9, atol=0.0, what="sum [W]")


def test_transient_and_steady_state_of_a_tracked_train() -> None:
    given = reference_values()["cavity_step_p"]
    line = Lattice.from_elements([Marker(name="m")], REF)
    beam = frozen_beam(0.9, 0.05)
    effect = optical()
    state, got, done = effect.state(None), [], 0  # type: ignore[arg-type]
    for passes in given["inputs"]["passes"]:
        run_passes(effect, beam, passes - done, state)
        done = passes
        got += power_and_phase(1.0 + complex(*state["field"]))
    assert_reference("cavity_step_p", got)
    parts = 50
    state = run_passes(optical(parts=parts), frozen_beam(0.9, 0.05, parts), 1400)
    assert_reference("cavity_steady_p", power_and_phase(1.0 + complex(*state["field"])))
    # in tracking: what the particles get in the pass after the step is the closed form
    track_beam = track(line, beam, 1, effects=[effect]).beam
    want = 165e3 * ((0.5 * effect.loading(0.9, 0.05).beam_field) * np.exp(2j * math.pi * beam.z / LIGHT)).imag
    assert_close(track_beam.delta * REF.beta * REF.p0c, want, rtol=1e-6, atol=1e-6, what="gain [eV]")


def turn_of(name: str, **changes: Any) -> tuple[Lattice, OpticalCavity, Beam]:
    """Rigid buckets in a ring of two elements, one particle for each part, the own loss given back."""
    given = reference_values()[name]["inputs"]
    reference = Reference(given["E"])
    parts = given["passes_per_turn"]
    amplitude = given["V"] / (reference.beta * reference.p0c)
    slip = np.eye(6)
    slip[4, 5] = -given["eta"] * given["C"]
    current = given["current"] * given["b"]
    back = 0.5 * (0.5 * given["V"] * current / given["P_stored"]) * amplitude
    ring = Lattice.from_elements(
        [
            ThinLaser(name="MOD", laser_wavelength=given["wavelength"], amplitude=amplitude),
            LinearMap(
                name="ring", matrix=slip.tolist(), exit_point=(0.0, 0.0, 0.0, 0.0, -back * slip[4, 5] * -1.0, back)
            ),
        ],
        reference,
    )
    effect = OpticalCavity(
        at="MOD", stored_power=given["P_stored"], current=current, loss=given["loss_per_pass"],
        detuning=given["detuning_per_pass"], parts=parts, held_bunching=1.0, **changes,
    )  # fmt: skip
    return ring, effect, Beam(reference, np.zeros((6, parts)))


@pytest.mark.parametrize(
    ("name", "turns", "skip"),
    [("below_limit_M1", 700, 300), ("below_limit_M40", 450, 200), ("twice_M40", 80, 40)],
)
def test_growth_of_tracked_buckets(name: str, turns: int, skip: int) -> None:
    """From a start of a ten millionth of a wavelength to a hundredth of it: the slope of log |z|."""
    name = f"cavity_robinson_p_{name}"
    ring, effect, beam = turn_of(name)
    rows = beam.coordinates.copy()
    rows[4] = np.random.default_rng(2).normal(size=len(beam)) * 1e-14
    moments = MomentMonitor()
    run = track(ring, Beam(beam.reference, rows), turns, effects=[effect], monitors=[moments])
    record = run.monitors["moments"]
    size = np.sqrt(record.sigma[:, 4, 4] + record.mean[:, 4] ** 2)
    assert size[-1] < 0.02 * LIGHT
    slope = np.polyfit(np.arange(skip, turns), np.log(size[skip:]), 1)[0]
    assert_close(slope, reference_values()[name]["value"], rtol=0.02, atol=0.0, what="growth [1/turn]")


@pytest.mark.parametrize("name", ["above_limit_M1", "sideband_M1", "other_sideband_M1"])
def test_growth_of_slow_modes_by_one_tracked_turn(name: str) -> None:
    """The matrix of a turn from particles and field, each displaced; its largest eigenvalue."""
    name = f"cavity_robinson_p_{name}"
    ring, effect, beam = turn_of(name)
    program = compile_elements(ring.elements, beam.reference)
    effect = effect.in_lattice(program)
    unit, columns = np.array([1e-5, 1e-5, 1e-5 * LIGHT, 1e-8]), []
    for i in range(4):
        out = []
        for sign in (1.0, -1.0):
            start = np.zeros(4)
            start[i] = sign * unit[i]
            state, rows = effect.state(program), beam.coordinates.copy()
            state["field"][:] = start[:2]
            rows[4, 0], rows[5, 0] = start[2:]
            now = Beam(beam.reference, rows)
            effect.kick(now, effect.total(effect.sums(now, state)), state, 0, Place(0, "MOD", 0.0))
            rows = track(ring, now, 1).beam.coordinates
            out.append(np.array([*state["field"], rows[4, 0], rows[5, 0]]))
        columns.append((out[0] - out[1]) / (2.0 * unit[i]))
    growth = float(np.log(np.abs(np.linalg.eigvals(np.array(columns).T))).max())
    assert_reference(name, growth)


def test_gaps_of_the_train_swing_the_phase() -> None:
    """A share f of the turn with current, held for the mean: the light turns by theta f M (1 - f) along the train."""
    parts, filled = 40, 24
    fill = [1.0] * filled + [0.0] * (parts - filled)
    share = filled / parts
    theta = 0.5 * 165e3 * 1e-3 / 1e6
    effect = optical(parts=parts, fill=fill, loss=0.0, detuning=theta * share, held_bunching=1.0)
    state = effect.state(None)  # type: ignore[arg-type]
    beam = frozen_beam(1.0, 0.0, parts)
    seen = effect._passes(effect.total(effect.sums(beam, state)), state)
    phases = np.angle(1.0 + seen)
    assert_close(np.ptp(phases), theta * share * parts * (1.0 - share), rtol=0.05, atol=0.0, what="swing [rad]")


def test_modulators_of_opposite_slope_take_back_their_load() -> None:
    beam, both = frozen_beam(0.9, 0.0), {"at": ("m", "n"), "phase": [0.0, 0.0]}
    one = run_passes(optical(), beam, 200)
    opposite = run_passes(optical(**both, voltage=[165e3, -165e3]), beam, 200)
    alike = run_passes(optical(**both, voltage=[165e3, 165e3]), beam, 200)
    load = abs(complex(*one["field"]))
    assert abs(complex(*opposite["field"])) < 1e-9 * load
    assert_close(abs(complex(*alike["field"])), 2.0 * load, rtol=1e-9, atol=0.0, what="field of two")


def test_feedback_holds_the_light() -> None:
    """Proportional and integral action, some passes late, against the same loop in one line of numbers."""
    gains = {"proportional": 0.02, "integral": 1e-4, "delay": 5}
    effect, beam = optical(current=0.01, **gains), frozen_beam(0.9, 0.0)
    state = run_passes(effect, beam, 400)
    cavity = effect.loading(0.9)
    field, history, total = 0.0j, [0.0j] * 6, 0.0j
    for _ in range(400):
        late = history.pop(0)
        total += late
        field = cavity.turn * (field + cavity.beam_field) - 0.02 * late - 1e-4 * total
        history.append(field)
    assert_close(complex(*state["field"]), field, rtol=1e-10, atol=0.0, what="field")
    run_passes(effect, beam, 4000, state)
    assert abs(complex(*state["field"])) < 1e-3 * abs(cavity.steady() - 1.0)


def test_a_cavity_that_is_lost_is_told() -> None:
    effect, beam = optical(current=1.0), frozen_beam(0.9, 0.0)
    state = run_passes(effect, beam, 50)
    with pytest.warns(ValidityWarning, match=r"set detuning to about that, held_bunching, or a feedback"):
        effect.kick(beam, effect.total(effect.sums(beam, state)), state, 0, HERE)


def test_a_load_of_many_line_widths_is_told_before_the_beam_is_lost() -> None:
    """On the first turn, with the phase per pass in half widths; V I b/(2 P) = 0.0743 rad, half width 1.95e-4."""
    beam = frozen_beam(0.9, 0.0)

    def first_kick(effect: OpticalCavity) -> None:
        state = effect.state(compile_elements([Marker(name="m")], REF))
        effect.kick(beam, effect.total(effect.sums(beam, state)), state, 0, HERE)

    for lost in ({}, {"detuning": 0.089}, {"proportional": 1e-3}, {"detuning": -0.05, "held_bunching": 0.3}):
        with pytest.warns(ValidityWarning, match=r"by 0\.074 rad a pass, 38\d half widths .* about \d+ passes") as told:
            first_kick(optical(current=1.0, **lost))
        assert "held_bunching (0.9 here)" in str(told[0].message) and "0.074 rad (second Robinson" in str(
            told[0].message
        )
    held: list[dict[str, Any]] = [
        {"detuning": 0.089, "held_bunching": 0.9}, {"integral": 1e-3}, {"proportional": 0.2}, {"detuning": 0.3},
        {"current": 0.0025}, {"at": ("m", "n"), "voltage": [165e3, -165e3], "phase": [0.0, 0.0]},
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for changes in held:
            first_kick(optical(**({"current": 1.0} | changes)))


# ---- in a lattice


WAVES = [
    ThinLaser(name="MOD", laser_wavelength=LIGHT, amplitude=3e-4, laser_phase=0.07, waist=4e-4),
    Wiggler(
        name="MOD", length=4.0, periods=32.0, K=2.47982, laser_wavelength=LIGHT, laser_power=5e6,
        laser_rayleigh_length=1.5, laser_phase=0.1, laser_model="KICK",
    ),
    RFCavity(name="MOD", voltage=5e5, frequency=500e6, phase=0.03, zero_phase="ABOVE_TRANSITION"),
]  # fmt: skip


@pytest.mark.parametrize("element", WAVES, ids=["thin", "wiggler", "radio"])
def test_waves_are_what_the_elements_do(element: Any) -> None:
    reference = Reference(250e6)
    wave = element.wave(reference)
    assert wave is not None
    rows = (
        np.random.default_rng(4).normal(size=(6, 50)) * np.array([1e-4, 0, 1e-4, 0, 0.2 * wave.wavelength, 0])[:, None]
    )
    after, _ = compile_elements([element], reference).propagate(rows)
    phase = 2.0 * math.pi * (rows[Z] / wave.wavelength + wave.phase)
    volts = wave.voltage * np.sin(phase) * np.exp(-wave.inverse_waist2 * (rows[0] ** 2 + rows[2] ** 2))
    p = 1.0 + np.stack([rows[5], after[5]]).astype(np.longdouble)
    energy = np.sqrt(p * p + np.longdouble(reference.mass / reference.p0c) ** 2) * reference.p0c
    assert_close((energy[1] - energy[0]).astype(float), volts, rtol=0.0, atol=2e-6 * wave.voltage, what="gain [eV]")


@pytest.mark.parametrize("element", WAVES[:2], ids=["thin", "wiggler"])
def test_without_current_the_lattice_is_tracked_to_the_bit(element: Any) -> None:
    ring = Lattice.from_elements([element], Reference(250e6))
    rows = np.random.default_rng(4).normal(size=(6, 500)) * np.array([1e-4, 0, 1e-4, 0, 1e-7, 0])[:, None]
    beam = Beam(ring.reference, rows)
    dark = OpticalCavity(at="MOD", current=0.0, loss=4e-4, stored_power=1e6, detuning=0.1, held_bunching=0.5)
    bare = track(ring, beam, 3).beam
    assert track(ring, beam, 3, effects=[dark]).beam.coordinates.tobytes() == bare.coordinates.tobytes()
    lit = OpticalCavity(at="MOD", current=1e-3, loss=4e-4, stored_power=1e6)
    assert track(ring, beam, 3, effects=[lit]).beam.coordinates.tobytes() != bare.coordinates.tobytes()


def test_a_marker_between_two_halves_has_the_whole_wave() -> None:
    """Halves with the waist of the light between them, at both ends of a ring: the wave of the modulator in one."""
    light: dict[str, Any] = {
        "K": 2.47982, "period_length": 0.125, "laser_wavelength": LIGHT, "laser_power": 5e6,
        "laser_rayleigh_length": 1.5, "laser_model": "KICK",
    }  # fmt: skip
    reference = Reference(250e6)
    whole = Wiggler(name="w", length=4.0, **light).wave(reference)
    row = [
        Marker(name="m"),
        Wiggler(name="out", length=2.0, laser_waist_position=-1.0, **light),
        Drift(name="d", length=1.0),
        Wiggler(name="in", length=2.0, laser_waist_position=1.0, **light),
    ]
    found = wave_at(row, reference, 0)
    assert found is not None
    assert whole is not None
    assert_close(found.voltage, whole.voltage, rtol=1e-3, atol=0.0, what="voltage [V]")
    assert_close(found.phase, whole.phase, rtol=0.0, atol=1e-3, what="phase [2 pi]")
    assert wave_at(row, reference, 2) is None
    ring, beam = Lattice.from_elements(row, reference), Beam(reference, np.zeros((6, 3)))
    lit = OpticalCavity(at="m", current=1e-3, loss=4e-4)
    bits = [track(ring, beam, 2, effects=effects).beam.coordinates.tobytes() for effects in ([lit], [])]
    assert bits[0] != bits[1]


@pytest.mark.parametrize("name", ["robinson_growth_p", "robinson_growth_p_unstable"])
def test_robinson_of_a_radio_frequency_cavity(name: str) -> None:
    """Field and bunch by one tracked turn, against the sum over the wake of all turns."""
    given = reference_inputs(name)
    reference, current = Reference(given["E"]), given["current"]
    quality, shunt, resonance = given["Q"], given["R_s"], given["f_r"]
    circumference, eta = given["C"], given["eta"]
    period = circumference / SPEED_OF_LIGHT
    harmonic = round(resonance * period)
    frequency = harmonic / period
    # slope of the voltage at the bunch: that of the tune, and the beam's own
    rate = complex(-math.pi * resonance / quality, 2.0 * math.pi * resonance)
    over = cmath.exp(rate * period)
    static = (2.0 * math.pi * resonance * shunt / quality * rate / SPEED_OF_LIGHT * over / (1.0 - over)).real
    focus = 4.0 * math.sin(math.pi * given["nu_s"]) ** 2 / (eta * circumference)
    focus += current * period / given["E"] * static
    voltage = focus * given["E"] / (2.0 * math.pi * frequency / SPEED_OF_LIGHT)
    effect = LoadedRfCavity(
        at="m", voltage=[voltage], frequency=frequency, current=current, r_over_q=2.0 * shunt / quality,
        quality=quality, interval=period, detuning=2.0 * math.pi * (frequency - resonance) * period, held_bunching=1.0,
    )  # fmt: skip
    k, unit, columns = 2.0 * math.pi * frequency / SPEED_OF_LIGHT, np.array([1e-6, 1e-6, 1e-6, 1e-7]), []
    for i in range(4):
        out = []
        for sign in (1.0, -1.0):
            start = np.zeros(4)
            start[i] = sign * unit[i]
            state = effect.state(None)  # type: ignore[arg-type]
            state["field"][:] = start[:2]
            beam = Beam(reference, np.array([[0.0, 0.0, 0.0, 0.0, start[2], start[3]]]).T)
            effect.kick(beam, effect.total(effect.sums(beam, state)), state, 0, HERE)
            delta = float(beam.delta[0]) + voltage * math.sin(k * start[2]) / (reference.beta * reference.p0c)
            out.append(np.array([*state["field"], start[2] - eta * circumference * delta, delta]))
        columns.append((out[0] - out[1]) / (2.0 * unit[i]))
    values = np.log(np.linalg.eigvals(np.array(columns).T).astype(complex))
    growth = float(values.real[np.argmin(np.abs(np.abs(values.imag) / (2.0 * math.pi) - given["nu_s"]))])
    assert_close(
        growth,
        robinson_motion(stored(given, sigma_delta=5e-4), Resonator(shunt, quality, resonance), current).growth,
        rtol=0.02,
        atol=0.0,
    )


@pytest.mark.parametrize(
    ("changes", "want"),
    [
        ({"voltage": [1e3, 1e3]}, "give a voltage, and a phase, for each of the 1 places"),
        ({"voltage": [], "phase": [0.1]}, "phases without voltages"),
        ({"parts": 3, "fill": [1.0]}, "fill has 1 numbers for 3 parts"),
        ({"at": ("m", "n"), "voltage": [1e3, 1e3], "parts": 2}, "take parts: 1, or one place"),
        ({"at": 0.5}, "not be a spacing"),
        ({"stored_power": 0.0}, "with voltage give stored_power and wavelength"),
    ],
)
def test_arguments(changes: dict[str, Any], want: str) -> None:
    with pytest.raises(ConfigError, match=want):
        optical(**changes)


def test_a_place_without_light() -> None:
    line = Lattice.from_elements([Marker(name="m")], REF)
    with pytest.raises(ConfigError, match="'m' has no wave of light of a laser"):
        track(line, frozen_beam(0.9, 0.0), 1, effects=[OpticalCavity(at="m", current=1.0, loss=4e-4)])
    with pytest.raises(ConfigError, match="'m' has no wave of a voltage"):
        track(line, frozen_beam(0.9, 0.0), 1, effects=[LoadedRfCavity(at="m", current=1.0, r_over_q=1.0, quality=9.0)])


def test_what_is_given_is_that_of_the_lattice() -> None:
    """A frequency, wavelength or waist that the lattice has otherwise would have no effect: it is refused."""
    ring = Lattice.from_elements([WAVES[0]], Reference(250e6))
    beam = Beam(ring.reference, np.zeros((6, 3)))
    light: dict[str, Any] = {"at": "MOD", "current": 1e-3, "loss": 4e-4, "stored_power": 1e6}
    with pytest.raises(ConfigError, match=r"optical_cavity: wavelength 5.32e-07 is not that of 'MOD', .*leave it out"):
        track(ring, beam, 1, effects=[OpticalCavity(**light, wavelength=532e-9)])
    with pytest.raises(ConfigError, match="optical_cavity: waist 0.01 is not that of 'MOD'"):
        track(ring, beam, 1, effects=[OpticalCavity(**light, waist=0.01)])
    track(ring, beam, 1, effects=[OpticalCavity(**light, wavelength=LIGHT)])
    mode = LoadedRfCavity(at="MOD", current=1e-3, r_over_q=100.0, quality=1e4, frequency=500e6)
    with pytest.raises(ConfigError, match="rf_cavity: frequency 500000000 is not that of 'MOD'"):
        track(ring, beam, 1, effects=[mode])
