"""What the run of an insertion found, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssmb.facility import InsertionState
from ssmb.facility.insertion_state import InsertionIntrabeam
from ssmb.quantity import quantity, text_of
from ssmb.studies.source_text import doubts_text, energy_text, intrabeam_text, lights_text, steps_text
from ssmb.text import named_values, number, ranged, table
from ssmb.text import quantity as with_unit


@dataclass(frozen=True)
class Convergence:
    """What changes with twice the number of something."""

    doubled: str = quantity("", "what is doubled")
    bunching: float = quantity("1", "relative change of |b_n|")
    peak: float = quantity("1", "relative change of the peak power")
    focus: float = quantity("1", "relative change of the power at the focus")


@dataclass(frozen=True, eq=False)
class InsertionFindings(InsertionState):
    """All numbers of a run of an insertion: its state, and what is looked at besides."""

    harmonics: np.ndarray = quantity("1", "harmonics of the laser", dims=("harmonics",))
    bunching: np.ndarray = quantity(
        "1",
        "bunching factors of the tracked particles at the radiator, complex",
        label="bunching factor |b|",
        dims=("harmonics",),
    )
    closed_form: np.ndarray = quantity("1", "|J_n(n xi)| exp(-(n k)^2 eps_y H_rad/2)", dims=("harmonics",))
    line_harmonics: np.ndarray = quantity("1", "laser harmonics about that of the light", dims=("line_harmonics",))
    line_power: np.ndarray = quantity(
        "W",
        "peak power that they radiate, undulator as for the light",
        label="peak coherent power",
        dims=("line_harmonics",),
    )
    path_error: float = quantity(
        "m",
        "rms path error of the tracked beam without scattering: the closure of the magnets",
        label="rms path error between the modulators",
    )
    damping: tuple[float, ...] = quantity(
        "1", "amplitude decrements per turn of x, y and delta, from what is given of the ring", dims=("decrement",)
    )
    z_before: np.ndarray = quantity("m", "z of some particles before the insertion", label="z", dims=("particle",))
    delta_before: np.ndarray = quantity("1", "delta of the same", label="δ", dims=("particle",))
    z_modulated: np.ndarray = quantity("m", "z of the same behind the modulator", dims=("particle",))
    delta_modulated: np.ndarray = quantity("1", "delta of the same behind the modulator", dims=("particle",))
    z_radiator: np.ndarray = quantity("m", "z of the same at the radiator", dims=("particle",))
    delta_radiator: np.ndarray = quantity("1", "delta of the same at the radiator", dims=("particle",))
    convergence: tuple[Convergence, ...] = quantity("", "what doubling changes; empty if not asked for")


def findings_text(f: InsertionFindings) -> str:
    """Return all of it: light, its terms, scattering, closure, laser and energy."""
    parts = [
        *([f.kicks.doubt] if f.kicks.doubt else []),
        *doubts_text([f.light]),
        f"what makes |b_{f.explained.harmonic}|\n{f.explained.table()}",
        lights_text([f.light]),
        steps_text(f.light, f.imbalance),
        _intrabeam(f.intrabeam, f),
        _closure(f),
        _laser(f),
        energy_text(f.energy),
        *([_felt(f)] if f.felt.given else []),
        f.kicks.table(),
    ]
    if f.convergence:
        parts.append(_convergence(f.convergence))
    return "\n\n".join(parts)


def _intrabeam(found: InsertionIntrabeam, state: InsertionState) -> str:
    how = "tracked again" if state.kept_by == "tracked" else "by the named terms (tracked light is noise)"
    kept = next(step for step in state.light.steps if step.name == "intrabeam scattering")
    left = ranged(kept.factor, kept.factor_range or (kept.factor,) * 2)
    note = f"peak power x {left}, {how}, with the beam that the balance leaves"
    x, y, delta = (with_unit(t, "s", 2) for t in found.growth_times)
    times = f"growth times of emittance x {x}, y {y}, sigma_delta^2 {delta}; counted in every turn, before closure"
    return f"{intrabeam_text(found.beam, note)}\n{times}"


def _closure(f: InsertionFindings) -> str:
    slip = f"{text_of(f, 'thick')} if their r56 is compensated (not tracked)" if f.thick else "not counted"
    which = (
        "the beam that scattering leaves"
        if f.closure_of == "scattered"
        else "the beam without scattering, LOST with it"
    )
    lines = [
        ("closure", f"path error of the magnets, tracked: {text_of(f, 'path_error')} without scattering"),
        ("", f"collisions of one pass, calculated: {text_of(f.intrabeam, 'path_error')}"),
        ("", f"slip in the modulators, calculated: {slip}; {text_of(f, 'uncompensated')} if not"),
        ("", f"growth by all of them, photons, own light and effects, of {which}:"),
    ]
    return f"{named_values(lines)}\n{f.closure.table()}"


def _felt(f: InsertionFindings) -> str:
    """What the effects do in a pass."""
    parts = []
    head = (
        "changes the energy",
        "mean",
        "behind MOD2",
        "MOD2 takes",
        "left: growth a turn",
        "with half of the particles",
        "of damping",
    )
    for beam, felt, emittance in (
        ("the beam without scattering", f.felt.given, f.intrabeam.beam.emit_y[0]),
        ("the beam that scattering leaves", f.felt.scattered, f.intrabeam.beam.emit_y[1]),
    ):
        rows = [
            (f"{e.name}: {e.physics}", text_of(e, "mean"), f"{text_of(e, 'changed')} rms", text_of(e, "taken"),
             text_of(e, "growth"), text_of(e, "half_growth"), number(e.growth / (2.0 * f.damping[1] * emittance), 2))
            for e in felt
        ]  # fmt: skip
        parts += [f"effects between the modulators, each alone, on {beam}", table(head, rows)]
    return "\n".join(parts)


def _laser(f: InsertionState) -> str:
    laser = f.laser
    limit = f", average at most {text_of(laser, 'average_power')} (given)" if laser.average_power else ""
    power = text_of(laser, "peak_power") if laser.peak_power else "not told: no undulator at mod1, or a plane wave"
    lines = [
        ("laser", f"peak power {power} with the electrons in each modulator{limit}; the first gives, the second takes"),
        ("", f"allows light in {number(laser.duty, 4)} of the turns; {number(f.duty, 4)} are used"),
        ("", f"h 2 N lambda = {number(laser.slip, 3)} in {number(laser.periods)} periods; the tracked kicks are thin, "
             f"which it should be small for"),
    ]  # fmt: skip
    return named_values(lines)


def _convergence(found: tuple[Convergence, ...]) -> str:
    rows = [(c.doubled, *(f"{100 * change:+.2f} %" for change in (c.bunching, c.peak, c.focus))) for c in found]
    return "\n".join((table(("twice the", "|b|", "peak power", "at focus"), rows), "what doubling changes"))
