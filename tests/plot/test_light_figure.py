"""Figure of light: intensity over the angles where the light is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import LinearNDInterpolator

import ssmb
from ssmb.beam import Beam, Reference
from ssmb.errors import ConfigError
from ssmb.light import Undulator, tracked_power
from tests.plot.reading import size_of, unit_of
from tests.support import assert_close

REF = Reference(energy=400e6)
EUV = Undulator.resonant(REF, 13.5e-9, period=0.01, n_periods=300)


def test_light_is_drawn_where_it_goes() -> None:
    rows = np.zeros((6, 64))
    rows[1] = 100e-6  # all electrons go aside
    light = tracked_power(EUV, Beam(REF, rows), 13.5e-9, current=1.0)
    figure = ssmb.plot(light)
    axis = figure.axes[0]
    assert axis.get_xlabel() == "θx [µrad]" and "13.5 nm, |b| = 1" in axis.get_title(loc="left")
    assert_close(np.mean(axis.get_xlim()), 100.0, rtol=0.01, atol=0.0, what="direction [µrad]")
    assert_close(np.mean(axis.get_ylim()), 0.0, rtol=0.0, atol=1.0, what="direction [µrad]")
    assert np.ptp(axis.get_xlim()) / 2.0 > 2.0 * 1e6 * light.divergence[0]


def test_contours_stand_where_the_light_has_their_power() -> None:
    rng = np.random.default_rng(3)
    rows = np.zeros((6, 256))
    rows[:4] = rng.normal(size=(4, 256)) * np.array([30e-6, 10e-6, 10e-6, 5e-6])[:, None]
    light = tracked_power(EUV, Beam(REF, rows), 13.5e-9, current=1.0)
    figure = ssmb.plot(light)
    axis, bar = figure.axes
    (drawn,) = axis.collections
    watts, _, per = bar.get_ylabel().removeprefix("dP/dΩ [").removesuffix("²]").partition("/")
    assert per == axis.get_xlabel().removeprefix("θx [").removesuffix("]")
    angle, power = unit_of(axis.get_xlabel()), size_of(watts)
    levels = np.asarray(drawn.levels) * power / angle**2
    assert_close(levels[-1], light.intensity.max(), rtol=1e-9, atol=0.0, what="brightest [W/sr]")
    seen = LinearNDInterpolator(np.column_stack([light.theta_x, light.theta_y]), light.intensity)
    for i in (8, 20, 32):  # the lower edge of a band of colour, and its upper one
        edge = drawn.get_paths()[i].vertices * angle
        inside = seen(edge)
        on_an_edge = np.minimum(np.abs(inside - levels[i]), np.abs(inside - levels[i + 1])) / levels[-1]
        assert np.nanmedian(on_an_edge) < 1e-9, "the triangles of both are the same, but for ties"
        assert np.isfinite(inside).mean() > 0.9


def test_dark_beam_is_refused() -> None:
    light = tracked_power(EUV, Beam(REF, np.zeros((6, 64))), 13.5e-9, current=1.0)
    dark = type(light)(**{**vars(light), "intensity": np.zeros_like(light.intensity)})
    with pytest.raises(ConfigError, match="nothing coherent"):
        ssmb.plot(dark)
