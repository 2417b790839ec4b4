"""Figures: axes with the right labels and finite limits, everything inside the page, clear errors for the rest."""

from __future__ import annotations

import dataclasses
import io
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import ssmb
from ssmb.beam import Beam, LossReason, Reference
from ssmb.buckets import MicroBucket
from ssmb.dynamics import optics
from ssmb.elements import Bend, Drift, Octupole, Quadrupole, RFCavity, Sextupole
from ssmb.elements.linear_map import LinearMap
from ssmb.errors import ConfigError, PhysicsError
from ssmb.lattice import Lattice
from ssmb.light.signal import ChargeSignal
from ssmb.plot import plot
from ssmb.plot.canvas import power_of_ten, prefixed
from ssmb.plot.lattice_bar import within_maps
from ssmb.plot.optics import plot_optics, smooth
from ssmb.plot.phase_space import plot_phase_space
from ssmb.plot.record import plot_record
from ssmb.plot.ring import _bucket_at_end
from ssmb.plot.signal import plot_signal
from ssmb.tracking import BucketRecord, BunchingRecord, SnapshotRecord
from tests.plot.reading import curve, unit_of
from tests.support import assert_close

REFERENCE = Reference(250e6)
WAVELENGTH = 1064e-9


def bunched_beam(n=6000):
    """A beam whose current is 1 + cos(2 pi z/lambda), with a linear chirp over each period."""
    fine = np.linspace(0.0, 1.0, 100_001)
    # the inverse of the integral of the current spreads the particles as the current asks
    phase = np.interp((np.arange(n) + 0.5) / n, fine + np.sin(2 * np.pi * fine) / (2 * np.pi), fine)
    rows = np.zeros((6, n))
    rows[4] = phase * WAVELENGTH
    rows[5] = 1.5e-3 * np.sin(2 * np.pi * phase)
    return Beam(REFERENCE, rows, weight=100.0)


def ring():
    half = [
        Quadrupole(name="qf", length=0.2, Kn1=1.0),
        Drift(name="d", length=0.5),
        Bend(name="b", length=1.0, angle=math.pi / 4, e1=math.pi / 8, e2=math.pi / 8),
        Sextupole(name="s", length=0.1, Kn2=3.0),
        Octupole(name="o", length=0.1, Kn3=-5.0),
        Drift(name="d", length=0.4),
        Quadrupole(name="qd", length=0.2, Kn1=-1.0),
        Drift(name="d", length=1.0),
    ]
    cavity = RFCavity(name="cav", voltage=1e5, harmon=10, zero_phase="ABOVE_TRANSITION")
    return Lattice.from_elements([*half * 8, cavity], REFERENCE, name="ring")


def record(turns=4, wavelengths=(WAVELENGTH, WAVELENGTH / 2)):
    turn = np.arange(turns)
    b = 0.3 * np.exp(-turn[:, None] / 5.0) * np.exp(1j * np.arange(len(wavelengths)))
    return BunchingRecord("U125", np.array(wavelengths), turn, b)


def signal(harmonic=1, crossing=2e-12):
    charge = np.array([1e-13, 1e-12, 1e-11])
    linear = 1e-15 * charge / 1e-12 / harmonic
    return ChargeSignal(harmonic, WAVELENGTH / harmonic, 0.1, charge, linear * charge / crossing, linear)


def texts_inside(figure):
    """Fail if a title, label or tick label leaves the page."""
    figure.canvas.draw()
    renderer, page = figure.canvas.get_renderer(), figure.bbox
    for axis in figure.axes:
        if not axis.axison:
            continue
        for text in (axis.title, axis.xaxis.label, axis.yaxis.label, *axis.texts):
            if text.get_text() and text.get_visible():
                box = text.get_window_extent(renderer)
                assert box.x0 >= page.x0 - 1
                assert box.x1 <= page.x1 + 1
                assert box.y0 >= page.y0 - 1
                assert box.y1 <= page.y1 + 1


def finite_limits(figure):
    for axis in figure.axes:
        limits = (*axis.get_xlim(), *axis.get_ylim())
        assert all(math.isfinite(v) for v in limits)
        assert limits[0] < limits[1]
        assert limits[2] < limits[3]


def drawn(figure):
    """Texts and limits are in order, and every curve has a point inside its frame; what they show is for each test."""
    finite_limits(figure)
    texts_inside(figure)
    for axis in figure.axes:
        for line in axis.lines:
            if len(line.get_xdata()):  # a name in the legend has no points
                path = line.get_transform().transform_path(line.get_path())
                seen = axis.bbox.padded(1.0)
                inside = any(seen.contains(*vertex) for vertex in path.vertices) or path.intersects_bbox(seen, False)
                assert inside, f"'{line.get_label()}' is outside its frame"
    return figure


def labels(figure):
    return [(axis.get_xlabel(), axis.get_ylabel()) for axis in figure.axes]


def test_phase_space():
    figure = drawn(plot(bunched_beam(), wavelength=WAVELENGTH))
    assert labels(figure) == [("", "current\n/ mean"), ("z / λ", "δ [10⁻³]")]
    assert figure.axes[1].get_xlim() == (-1.5, 1.5)
    assert figure.axes[0].get_title(loc="left") == "λ = 1064 nm"
    # the profile of the current is 1 + cos: 2 at the crest, 0 between, mean 1
    current = figure.axes[0].patches[0].get_data().values
    assert_close(current.mean(), 1.0, rtol=1e-12, atol=0.0)
    assert_close(current.max(), 2.0, rtol=0.02, atol=0.0)


def test_phase_space_of_few_particles_are_points():
    figure = drawn(plot_phase_space(bunched_beam(400), WAVELENGTH, periods=2))
    axis = figure.axes[1]
    assert axis.get_xlim() == (-1.0, 1.0)
    assert len(axis.lines) == 2
    beam = bunched_beam(400)
    for line in axis.lines:  # every particle as often as there are periods about it, whole wavelengths away
        x, delta = np.asarray(line.get_xdata()), np.asarray(line.get_ydata()) * unit_of(axis.get_ylabel())
        times = len(x) // len(beam)
        order, of_beam = np.argsort(x % 1.0, kind="stable"), np.argsort(beam.z % WAVELENGTH)
        assert_close((x % 1.0)[order], np.repeat(beam.z[of_beam] / WAVELENGTH, times), rtol=0.0, atol=1e-9, what="z")
        assert_close(delta[order], np.repeat(beam.delta[of_beam], times), rtol=1e-12, atol=1e-18, what="delta")


def bucket_record(turns=500):
    bucket = ssmb.MicroBucket(WAVELENGTH, 1.67e-5, 48.0, 1.07e-4)
    turn = np.arange(turns)
    share = 0.2 + 0.4 * np.exp(-turn / 300.0)
    moments = np.zeros((turns, 2)), np.tile(np.diag([2e-7**2, 1.3e-4**2]), (turns, 1, 1))
    b = 0.1 * np.exp(-turn[:, None] / 200.0) * np.exp(1j * np.arange(3))
    return BucketRecord("U125", bucket, np.array([1, 2, 3]), turn, 1e4 * 0.99**turn, share, *moments, *moments, b)


def test_what_is_captured_against_turn():
    figure = drawn(plot(bucket_record()))
    assert labels(figure) == [("", "share of the charge"), ("turn (at U125)", "|b_n|"), ("", "σ_z [nm]")]
    want = bucket_record()
    alive, held = figure.axes[0].lines
    assert [line.get_label() for line in (alive, held)] == ["alive", "alive and captured"]
    assert_close(alive.get_ydata(), 0.99**want.turn, rtol=1e-12, atol=0.0, what="alive")
    assert_close(held.get_ydata(), 0.99**want.turn * want.captured, rtol=1e-12, atol=0.0, what="alive and captured")
    assert alive.get_color() != held.get_color() != figure.axes[2].lines[0].get_color()
    length = figure.axes[2].lines[0].get_ydata() * unit_of(figure.axes[2].get_ylabel())
    assert_close(length, np.full(500, 2e-7), rtol=1e-12, atol=0.0, what="sigma_z [m]")
    for line, of_n in zip(figure.axes[1].lines, np.abs(want.bunching).T, strict=True):
        assert_close(line.get_xdata(), want.turn, rtol=0.0, atol=0.0)
        assert_close(line.get_ydata(), of_n, rtol=1e-12, atol=0.0, what=line.get_label())
    assert [line.get_label() for line in figure.axes[1].lines] == ["n = 1", "n = 2", "n = 3"]
    with pytest.raises(ConfigError, match="this BucketRecord is empty"):
        plot(bucket_record(0))


def test_phase_space_without_spread():
    drawn(plot_phase_space(Beam(REFERENCE, np.zeros((6, 50))), WAVELENGTH))


def test_lost_particles_are_left_out():
    beam = bunched_beam(400)
    beam.delta[:5] = 0.7
    beam.state[:5] = LossReason.APERTURE
    low, high = plot_phase_space(beam, WAVELENGTH).axes[1].get_ylim()
    assert -1.6 < low < high < 1.6
    beam.state[:] = LossReason.APERTURE
    with pytest.raises(PhysicsError, match="alive"):
        plot_phase_space(beam, WAVELENGTH)


@pytest.mark.parametrize("wavelength", [0.0, -1e-6, math.nan, math.inf])
def test_wavelength_out_of_range(wavelength):
    with pytest.raises(ConfigError, match="wavelength"):
        plot_phase_space(bunched_beam(100), wavelength)


@pytest.mark.parametrize("with_lattice", [True, False])
def test_optics(with_lattice):
    lattice = ring()
    found = optics(lattice)
    figure = drawn(plot_optics(found, lattice if with_lattice else None))
    named = [pair for pair in labels(figure) if pair != ("", "")]
    assert named == [("", "β [m]"), ("s [m]", "Dx [m]")]
    assert figure.axes[-1].get_xlim() == (0.0, pytest.approx(lattice.length, rel=1e-12))
    betas = figure.axes[-2].lines
    assert [line.get_label() for line in betas] == ["βx", "βy"]
    for j, line in enumerate(betas):
        ends = np.interp(found.s, *line.get_data())
        assert_close(ends, found.beta[:, j], rtol=1e-6, atol=0.0, what="beta at the ends of the elements")
    dispersion = np.interp(found.s, *curve(figure.axes[-1].lines[0]))
    assert_close(dispersion, found.dispersion[:, 0], rtol=1e-6, atol=1e-9, what="dispersion there [m]")
    if with_lattice:
        legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
        assert legend == ["bend", "quad", "sext", "oct", "cavity"]


def test_curves_are_exact_in_drifts():
    s, value, slope = np.array([0.0, 2.0]), np.array([1.0, 5.0]), np.array([0.0, 4.0])
    at, curve = smooth(s, value, slope)
    assert_close(curve, 1.0 + at**2, rtol=1e-14, atol=0.0)


def test_straight_lines_in_maps():
    """What is inside a map is not known; between its ends no curve may rise above them."""
    row = [Drift(name="D", length=1.0), LinearMap(name="M", length=5.0, matrix=tuple(map(tuple, np.eye(6).tolist())))]
    lattice = Lattice.from_elements(row, Reference(250e6))
    s = np.array([0.0, 1.0, 6.0])
    inside = ~within_maps(lattice, s)
    assert inside.tolist() == [True, False]
    at, curve = smooth(s, np.array([1.0, 2.0, 2.0]), np.array([1.0, 1.0, -9.0]), inside)
    assert_close(curve, np.interp(at, s, [1.0, 2.0, 2.0]), rtol=1e-14, atol=0.0)


def test_the_bucket_of_a_detuned_laser_is_drawn_where_it_went():
    bucket = MicroBucket(1064e-9, 5e-8, 120.0, 2.8e-4)
    laser = SimpleNamespace(detuning=-1.93e-11)
    result: Any = SimpleNamespace(config=SimpleNamespace(laser=laser), turns=100)
    moved = _bucket_at_end(bucket, result)
    assert_close(moved.main.z - bucket.main.z, 120.0 * 1.93e-11 * 100, rtol=1e-9, atol=0.0)


def test_lattice_is_drawn_by_type():
    assert "β [m]" in [axis.get_ylabel() for axis in plot(ring()).axes]


@pytest.mark.parametrize("turns", [1, 2, 300])
def test_bunching_lines(turns):
    figure = drawn(plot(record(turns)))
    axis = figure.axes[0]
    assert labels(figure) == [("turn (at U125)", "bunching factor |b|")]
    assert [line.get_label() for line in axis.lines] == ["1064 nm", "532 nm"]
    assert axis.get_ylim()[0] == 0.0
    for line, of_wavelength in zip(axis.lines, np.abs(record(turns).bunching).T, strict=True):
        assert_close(line.get_xdata(), np.arange(turns), rtol=0.0, atol=0.0, what="turn")
        assert_close(line.get_ydata(), of_wavelength, rtol=1e-12, atol=0.0, what=f"|b| at {line.get_label()}")


def test_bunching_of_many_wavelengths():
    many = np.linspace(500e-9, 1100e-9, 30)
    figure = drawn(plot_record(record(20, many)))
    assert labels(figure)[0] == ("turn (at U125)", "wavelength [nm]")
    assert labels(figure)[1][1] == "bunching factor |b|"
    (mesh,) = figure.axes[0].collections
    assert_close(np.asarray(mesh.get_array()), np.abs(record(20, many).bunching).T, rtol=1e-12, atol=0.0, what="|b|")
    rows = mesh.get_coordinates()[:, 0, 1] * unit_of(figure.axes[0].get_ylabel())
    assert_close(0.5 * (rows[:-1] + rows[1:]), many, rtol=1e-9, atol=0.0, what="wavelengths of the rows [m]")
    one = drawn(plot_record(record(1, many)))
    assert labels(one) == [("wavelength [nm]", "bunching factor |b|")]
    at, seen = curve(one.axes[0].lines[0])
    assert_close(at, many, rtol=1e-12, atol=0.0, what="wavelength [m]")
    assert_close(seen, np.abs(record(1, many).bunching[0]), rtol=1e-12, atol=0.0, what="|b|")


def test_empty_record():
    with pytest.raises(ConfigError, match="empty"):
        plot(BunchingRecord(None, np.array([1e-6]), np.zeros(0, dtype=int), np.zeros((0, 1), dtype=complex)))


def test_signal():
    figure = drawn(plot([signal(1), signal(2, crossing=5e-10)]))
    axis = figure.axes[0]
    assert labels(figure)[0] == ("bunch charge [pC]", "energy per passage [fJ]")
    assert axis.get_xscale() == axis.get_yscale() == "log"
    words = [text.get_text() for text in axis.get_legend().get_texts()]
    assert words[0] == "1064 nm, |b| = 0.1, equal at 2 pC"
    assert words[2:] == ["coherent, as N²", "incoherent, as N"]
    upright = [line for line in axis.lines if len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2]
    assert_close(upright[0].get_xdata()[0], 2.0, rtol=1e-12, atol=0.0, what="crossover [pC]")
    assert len(upright) == 1  # 500 pC lie beyond the axis
    marked = [line for line in axis.lines if line.get_marker() not in ("None", None, "")]
    for line, made in zip(marked, (signal(1), signal(2, crossing=5e-10)), strict=True):
        charge, energy = curve(line)
        assert_close(charge, made.charge, rtol=1e-12, atol=0.0, what="charge [C]")
        assert_close(energy, made.coherent_energy + made.incoherent_energy, rtol=1e-12, atol=0.0, what="energy [J]")
    for style, power in (("--", 2.0), (":", 1.0)):
        guides = [line for line in axis.lines if line.get_linestyle() == style and len(line.get_xdata()) == 2]
        for line, made in zip(guides, (signal(1), signal(2, crossing=5e-10)), strict=True):
            charge, energy = curve(line)
            wanted = made.coherent_energy if style == "--" else made.incoherent_energy
            at = np.exp(np.interp(np.log(made.charge), np.log(charge), np.log(energy)))
            assert_close(at, wanted, rtol=1e-9, atol=0.0, what=f"line of N^{power:g} [J]")


def test_signal_with_the_noise_of_its_particles():
    made = dataclasses.replace(signal(1), spread=0.3)
    axis = drawn(plot(made)).axes[0]
    (band,) = axis.collections
    outline = band.get_paths()[0].vertices
    middle = made.charge[len(made.charge) // 2]
    coherent, other = (np.interp(middle, made.charge, e) for e in (made.coherent_energy, made.incoherent_energy))
    marked = next(line for line in axis.lines if line.get_marker() not in ("None", None, ""))
    x, y = marked.get_xdata()[len(made.charge) // 2], marked.get_ydata()[len(made.charge) // 2]
    ends = outline[np.isclose(outline[:, 0], x, rtol=1e-9), 1] / y
    want = np.array([0.7 * coherent + other, 1.3 * coherent + other]) / (coherent + other)
    assert_close([ends.min(), ends.max()], want, rtol=1e-9, atol=0.0, what="ends of the band over the line")
    assert not drawn(plot(signal(1))).axes[0].collections


def test_signal_without_coherent_light():
    dark = signal(1)
    only = ChargeSignal(1, WAVELENGTH, 0.0, dark.charge, 0.0 * dark.charge, dark.incoherent_energy)
    assert "equal" not in drawn(plot(only)).axes[0].get_legend().get_texts()[0].get_text()
    with pytest.raises(ConfigError, match="zero"):
        plot_signal([ChargeSignal(1, WAVELENGTH, 0.0, dark.charge, 0.0 * dark.charge, 0.0 * dark.charge)])
    with pytest.raises(ConfigError, match="no signal"):
        plot_signal([])


@pytest.mark.parametrize("thing", [42, None, "run", [], [1, 2], np.zeros(3)])
def test_unknown_type(thing):
    with pytest.raises(ConfigError, match=f"no figure is known for a {type(thing).__name__}.*Result of a study"):
        plot(thing)


def test_beam_needs_a_wavelength():
    with pytest.raises(ConfigError, match="wavelength="):
        plot(bunched_beam(100))


def test_snapshots():
    beam = bunched_beam(300)
    snapshots = SnapshotRecord(np.array([0, 1]), (beam, beam))
    assert plot(snapshots, wavelength=WAVELENGTH).axes[1].get_xlabel() == "z / λ"
    with pytest.raises(ConfigError, match="no beam"):
        plot(SnapshotRecord(np.zeros(0), ()), wavelength=WAVELENGTH)


def test_figures_show_themselves_and_leave_no_trace():
    from matplotlib import pyplot, rcParams

    before, settings = pyplot.get_fignums(), dict(rcParams)
    figure = plot(record())
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert pyplot.get_fignums() == before
    assert dict(rcParams) == settings
    figure.savefig(io.BytesIO(), format="pdf")


def test_notebooks_show_the_picture():
    formatters = pytest.importorskip("IPython.core.formatters", reason="needs IPython")
    shown, _ = formatters.DisplayFormatter().format(plot(record()))
    assert shown["image/png"].startswith(b"\x89PNG")


def test_the_room_is_the_verb():
    assert ssmb.plot(record()).axes[0].get_ylabel() == "bunching factor |b|"


@pytest.mark.parametrize(
    ("values", "unit", "factor", "label"),
    [
        ([1e-13, 4e-11], "C", 1e12, "pC"),
        ([999.9999e-9], "m", 1e9, "nm"),
        ([1e-6], "m", 1e6, "µm"),
        ([1.0], "m", 1.0, "m"),
        ([2.5e4], "W", 1e-3, "kW"),
        ([0.0, math.nan, math.inf], "m", 1.0, "m"),
        ([1e-30], "C", 1e18, "aC"),
    ],
)
def test_prefixes(values, unit, factor, label):
    assert prefixed(values, unit) == (factor, label)


def test_powers_of_ten():
    assert power_of_ten([1.3e-3, -2e-4]) == (1000.0, "10⁻³")
    assert power_of_ten([0.5]) == (1.0, "1")
    assert power_of_ten([0.0]) == (1.0, "1")
    assert power_of_ten([2e5]) == (1e-5, "10⁵")
