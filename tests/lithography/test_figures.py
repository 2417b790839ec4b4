"""Figures: drawn without warning, axes labelled with units, nothing cut off."""

from __future__ import annotations

import io

import matplotlib
import pytest
from matplotlib import pyplot as plt

from ssmb.lithography import PowerPlane, euv_source, euv_sources, power_at_focus, roadmap_intervals, shortage_map
from ssmb.plot.lithography import (
    FAMILY_STYLE,
    plot_chips,
    plot_energy,
    plot_shortage,
    plot_source_powers,
    plot_throughput,
)

matplotlib.use("Agg")


def intervals():
    return [roadmap_intervals(s, samples=100) for s in ("lpp_3800e", "ssmb_default")]


FIGURES = {
    "powers": (lambda: plot_source_powers(), "[W]"),
    "throughput": (lambda: plot_throughput(), "wafers per hour"),
    "energy": (lambda: plot_energy(), "[kWh]"),
    "chips": (lambda: plot_chips(intervals()), ""),
    "shortage": (lambda: plot_shortage(shortage_map(1.12e7, demand=4e6, supply_growth=1.4)), "factor"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figure(name, recwarn):
    make, label = FIGURES[name]
    fig = make()
    fig.canvas.draw()
    axis = fig.axes[0]
    assert axis.get_xlabel()
    assert label in axis.get_ylabel()
    renderer = fig.canvas.get_renderer()
    box = fig.bbox
    low, high = axis.get_ylim()
    shown = [t for t in axis.get_yticklabels() if min(low, high) <= t.get_position()[1] <= max(low, high)]
    for text in (axis.title, axis.xaxis.label, axis.yaxis.label, *axis.texts, *shown):
        if text.get_text() and text.get_visible():
            e = text.get_window_extent(renderer)
            assert box.x0 - 1 <= e.x0 <= e.x1 <= box.x1 + 1, text.get_text()
            assert box.y0 - 1 <= e.y0 <= e.y1 <= box.y1 + 1, text.get_text()
    fig.savefig(io.BytesIO(), format="png", dpi=60)
    assert not [w for w in recwarn if issubclass(w.category, UserWarning)]
    plt.close(fig)


def test_what_was_brought_to_the_focus_by_assumption_is_not_drawn_as_measured():
    """A filled mark stands for watts that were measured at the focus: that of no plasma into 2 pi, no undulator."""
    for s in euv_sources():
        focus = power_at_focus(s)
        if s.family in FAMILY_STYLE and s.year is not None and focus is not None and focus.power >= 1.0:
            lines, mark = plot_source_powers([s]).axes[0].lines, FAMILY_STYLE[s.family][1]
            faces = [line.get_markerfacecolor() for line in lines if line.get_marker() == mark]
            measured_there = s.figure_kind == "measured" and s.plane is PowerPlane.INTERMEDIATE_FOCUS
            assert all((face != "white") == measured_there for face in faces), s.source_id
    triniti = euv_source("dpp_triniti_360")
    assert triniti.figure_kind == "measured"
    assert power_at_focus(triniti).assumed


def test_chips_per_source_say_of_how_many_scanners():
    labels = [t.get_text() for t in plot_chips(intervals(), per_source=True).axes[0].get_yticklabels()]
    assert ["1 scanner(s)" in labels[0], "4 scanner(s)" in labels[1]] == [True, True]


def test_figure_into_given_axes():
    fig, axes = plt.subplots(1, 2)
    assert plot_energy(ax=axes[0]) is fig
    plt.close(fig)
