"""Figure of light: intensity over the angles where the light is."""

from __future__ import annotations

import numpy as np
import pytest

import ssmb
from ssmb.beam import Beam, Reference
from ssmb.errors import ConfigError
from ssmb.radiation import Undulator, tracked_power
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


def test_dark_beam_is_refused() -> None:
    light = tracked_power(EUV, Beam(REF, np.zeros((6, 64))), 13.5e-9, current=1.0)
    dark = type(light)(**{**vars(light), "intensity": np.zeros_like(light.intensity)})
    with pytest.raises(ConfigError, match="nothing coherent"):
        ssmb.plot(dark)
