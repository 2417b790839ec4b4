"""The figure of the separatrices: what is drawn lies where the bucket says, on every wavelength, inside the axes."""

from __future__ import annotations

import numpy as np
import pytest

import ssmb
from ssmb.beam import Beam, Reference
from ssmb.buckets import MicroBucket
from ssmb.errors import ConfigError
from ssmb.plot.bucket import plot_bucket
from tests.support import assert_close

WAVELENGTH = 1064e-9
PLAIN = MicroBucket(WAVELENGTH, 1e-6, 100.0, 8.5e-5)
ALPHA = MicroBucket(WAVELENGTH, 1e-6, 100.0, 8.5e-5, slip_factor2=-5e-4, energy_loss=1e-5)


def lines(axis, colour):
    return [line for line in axis.lines if line.get_color() == colour and line.get_linewidth() > 1.5]


def test_separatrix_is_drawn_on_every_wavelength() -> None:
    axis = ssmb.plot(PLAIN).axes[0]
    assert axis.get_xlabel() == "z / λ" and axis.get_ylabel() == "δ [10⁻⁴]"
    drawn = [line for line in lines(axis, "#D55E00") if abs(np.mean(line.get_xdata())) < 1.01]
    assert len(drawn) == 3
    for line in drawn:
        assert_close(np.max(line.get_ydata()) * 1e-4, PLAIN.half_height, rtol=1e-6, atol=0.0, what="height")
    low, high = axis.get_ylim()
    assert low * 1e-4 < -PLAIN.half_height and high * 1e-4 > PLAIN.half_height
    assert axis.get_xlim() == (-1.0, 1.0)


def test_alpha_buckets_and_fixed_points() -> None:
    axis = plot_bucket(ALPHA, periods=1).axes[0]
    assert lines(axis, "#009E73") and {text.get_text() for text in axis.texts} == {"α"}
    marks = {line.get_marker(): line for line in axis.lines if line.get_color() == "#000000"}
    assert set(marks) == {"o", "x"}
    for point in ALPHA.fixed_points():
        found = [line for line in axis.lines if line.get_marker() == ("o" if point.stable else "x")]
        places = [np.abs(np.asarray(line.get_xdata()) - point.z / WAVELENGTH).min() for line in found]
        assert min(places) < 1e-12


def test_particles_are_folded_and_coloured() -> None:
    rows = np.zeros((6, 4))
    rows[4] = np.array([0.0, 5.25, -3.0, 0.5]) * WAVELENGTH
    rows[5] = np.array([0.0, 0.5, 1.2, 0.3]) * PLAIN.half_height
    axis = plot_bucket(PLAIN, Beam(Reference(400e6), rows), periods=1).axes[0]
    blue, orange = ([line for line in axis.lines if line.get_color() == c][0] for c in ("#0072B2", "#E69F00"))
    inside, outside = PLAIN.inside(rows[4], rows[5]), ~PLAIN.inside(rows[4], rows[5])
    assert inside.sum() == 2 and outside.sum() == 2
    shown = np.asarray(blue.get_xdata())
    assert any(abs(x - 0.25) < 1e-9 for x in shown) and any(abs(x) < 1e-9 for x in shown)
    assert len(orange.get_xdata()) == len(shown)
    pair = plot_bucket(PLAIN, (rows[4], rows[5]), height=1e-3, title="four").axes[0]
    assert_close(pair.get_ylim()[1], 1.16, rtol=1e-6, atol=0.0, what="height shown, with its margin")
    assert pair.get_title(loc="left").startswith("four, ")


@pytest.mark.parametrize("more", [{"periods": 0}, {"periods": 51}, {"height": 0.0}])
def test_what_is_refused(more: dict) -> None:
    with pytest.raises(ConfigError):
        plot_bucket(PLAIN, **more)
