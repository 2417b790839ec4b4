"""The figures of the run of an insertion: bunching, phase space, spectrum, way of the power, closure."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from ssmb.plot import canvas
from ssmb.plot.canvas import COLOURS, SMALL_SIZE, Figure, Place, dress, legend, new_axes, prefixed, whole_figure
from ssmb.plot.source import plot_source
from ssmb.plot.study import Draw, drawings
from ssmb.quantity import label_of
from ssmb.studies.insertion import InsertionResult
from ssmb.studies.insertion_findings import InsertionFindings

#: Columns of a density; terms of the path that are drawn.
_COLUMNS, _MOST_TERMS = 110, 8


@drawings(InsertionResult)
def insertion_drawings(result: InsertionResult) -> dict[str, Draw]:
    """Return what can be drawn of a run: functions of the place to draw in; of one that is not finished, its
    bunching.
    """
    f = result.findings
    if f is None:
        return {"bunching": lambda into: plot_found_bunching(result, into=into)} if result.bunching() else {}
    laser = result.config.insertion.wavelength or 0.0
    out: dict[str, Draw] = {
        "bunching": lambda into: plot_harmonic_bunching(f, into=into),
        "phase_space": lambda into: plot_nanometre_phase_space(f, laser, into=into),
        "spectrum": lambda into: plot_lines(f, into=into),
        "closure": lambda into: plot_closure(f, into=into),
    }
    if all(step.power > 0.0 for step in f.light.steps):
        out["power"] = lambda into: plot_source(f.light, into=into)
    return out


def plot_harmonic_bunching(f: InsertionFindings, *, into: Place = None) -> Figure:
    """Draw |b_n| of the tracked particles and of the closed form against the harmonic of the laser."""
    axis = new_axes(into, 5.0, 3.2)
    order = np.argsort(f.harmonics)
    n = f.harmonics[order]
    axis.plot(n, f.closed_form[order], "-", color=COLOURS[1], lw=1.4, label="closed form")
    axis.plot(n, np.abs(f.bunching)[order], ".", color=COLOURS[0], ms=4, label="tracked")
    axis.axvline(f.light.harmonic, color="#777777", lw=0.7, ls="--")
    axis.set(yscale="log", xlim=(0, n.max() + 1))
    words = f"{label_of(f, 'harmonics')} (dashed: {canvas.length_text(f.light.light.wavelength)})"
    dress(axis, words, label_of(f, "bunching"))
    legend(axis, columns=2)
    return whole_figure(axis)


def plot_found_bunching(result: InsertionResult, *, into: Place = None) -> Figure:
    """Draw |b_n| of the tracked particles of a run that is not finished against the harmonic of the laser."""
    found = result.bunching()
    axis = new_axes(into, 5.0, 3.2)
    axis.plot(found["harmonics"], found["bunching"], ".", color=COLOURS[0], ms=4)
    axis.set(yscale="log")
    along, up = (label_of(InsertionFindings, name) for name in ("harmonics", "bunching"))
    dress(axis, along, up, f"not finished: {result.stage}")
    return whole_figure(axis)


def plot_nanometre_phase_space(f: InsertionFindings, laser: float, *, into: Place = None) -> Figure:
    """Draw the longitudinal phase space before the modulator, behind it, and in the radiator, on the nanometre scale.

    The first two over a laser wavelength; the last folded to the wavelength of the light, with the current above.
    """
    light = f.light.light.wavelength
    figure = into or canvas.new_figure(9.6, 3.4)
    axes = figure.subplots(1, 3, gridspec_kw={"wspace": 0.08})
    _density(axes[0], f.z_before, f.delta_before, laser, "before the modulator")
    _density(axes[1], f.z_modulated, f.delta_modulated, laser, "behind the modulator")
    # where the bunching has its phase, so that the crest stands in the middle
    shift = -np.angle(np.mean(np.exp(-2j * np.pi * f.z_radiator / light))) / (2.0 * np.pi) * light
    _density(axes[2], f.z_radiator - shift, f.delta_radiator, light, "radiator, folded to the light")
    top = canvas.right_axis(axes[2], "current / mean", COLOURS[1])
    phase = (f.z_radiator - shift) / light
    filled, edges = np.histogram(phase - np.floor(phase + 0.5), bins=40, range=(-0.5, 0.5))
    top.stairs(filled * 40 / filled.sum(), edges * light * 1e9, color=COLOURS[1], lw=1.3, baseline=None)
    top.set_ylim(0.0, 2.5)
    return whole_figure(figure)


def _density(axis: Axes, z: np.ndarray, delta: np.ndarray, period: float, title: str) -> None:
    phase = z / period
    place = (phase - np.floor(phase + 0.5)) * period * 1e9
    factor, power = canvas.power_of_ten(delta)
    half = 0.5 * period * 1e9
    reach = 1.02 * float(np.abs(delta).max()) * factor
    density, x, y = np.histogram2d(place, delta * factor, bins=_COLUMNS, range=((-half, half), (-reach, reach)))
    canvas.density_map(axis, x, y, density.T)
    words = label_of(InsertionFindings, "z_before", "nm"), label_of(InsertionFindings, "delta_before", power)
    dress(axis, *words, title)


def plot_lines(f: InsertionFindings, *, into: Place = None) -> Figure:
    """Draw the peak power of the lines at the laser harmonics, and the band that counts about the light."""
    axis = new_axes(into, 5.0, 3.2)
    centre = f.light.light.wavelength * 1e9
    wavelength = centre * f.light.harmonic / f.line_harmonics
    seen = f.line_power > 0.0
    lowest = float(f.line_power[seen].min()) / 5.0
    half = 0.5 * f.light.exit.band * centre
    percent = f"{100.0 * f.light.exit.band:.3g} %"
    axis.axvspan(centre - half, centre + half, color=COLOURS[2], alpha=0.18, lw=0, label=f"band of {percent}")
    axis.vlines(wavelength[seen], lowest, f.line_power[seen], color=COLOURS[0], lw=1.6)
    axis.plot(wavelength[seen], f.line_power[seen], "o", color=COLOURS[0], ms=4, label="lines at laser harmonics")
    noise = f.light.light.noise_power
    axis.axhline(noise, color="#777777", lw=0.8, ls=":", label="noise of random particles")
    for m, at, power in zip(f.line_harmonics, wavelength, f.line_power, strict=True):
        if power > 0.0:
            axis.annotate(str(int(m)), (at, power), xytext=(0, 4), textcoords="offset points", ha="center",
            fontsize=SMALL_SIZE)  # fmt: skip
    axis.set(yscale="log", ylim=(lowest, 6.0 * float(f.line_power.max())))
    dress(axis, label_of(f.light.exit, "wavelength", "nm"), label_of(f, "line_power"))
    legend(axis, columns=2)
    return whole_figure(axis)


def plot_closure(f: InsertionFindings, *, into: Place = None) -> Figure:
    """Draw what the path error between the modulators is made of, against what is allowed, as bars on a log axis."""
    budget = f.closure
    rows = [
        ("magnets, beam without scattering", f.path_error, COLOURS[0]),
        ("magnets, beam with scattering", budget.dz_rms, COLOURS[0]),
        ("photons", budget.quantum, COLOURS[2]),
        ("collisions of one pass", f.intrabeam.path_error, COLOURS[1]),
        ("slip in the modulators, compensated", f.thick, COLOURS[4]),
    ]
    rows += [(f"term {t.name}", t.rms, COLOURS[5]) for t in budget.terms[:_MOST_TERMS]]
    rows = [row for row in rows if row[1] > 0.0]
    axis = new_axes(into, 6.2, 0.9 + 0.3 * len(rows))
    values = [row[1] * 1e9 for row in rows] + [budget.allowed * 1e9]
    lowest = min(values) / 3.0
    for i, (_, rms, colour) in enumerate(rows):
        axis.barh(i, rms * 1e9 - lowest, left=lowest, height=0.62, color=colour, alpha=0.85)
        factor, unit = prefixed(rms, "m")
        axis.text(rms * 1e9 * 1.1, i, f"{rms * factor:.3g} {unit}", va="center", fontsize=SMALL_SIZE)
    factor, unit = prefixed(budget.allowed, "m")
    words = f"allowed: {budget.allowed * factor:.3g} {unit}"
    axis.axvline(budget.allowed * 1e9, color="k", lw=1.0, ls="--", label=words)
    axis.set(xscale="log", xlim=(lowest, 8.0 * max(values)))
    dress(axis, label_of(f, "path_error", "nm"))
    canvas.name_rows(axis, [row[0] for row in rows])
    legend(axis)
    return whole_figure(axis)
