"""Figures of the theory of stability: what is drawn is what the results hold."""

from __future__ import annotations

import numpy as np
import pytest

import ssmb
from ssmb.beam import Beam, Reference
from ssmb.collective import Inductance, StoredBeam, coasting_growth, haissinski_bunch, vlasov_bunch
from ssmb.errors import ConfigError
from ssmb.plot.stability import plot_haissinski
from tests.support import assert_close

BEAM = StoredBeam(energy=6e8, circumference=60.0, slip_factor=2e-3, sigma_delta=5e-4, tune=5e-3, damping=1e-4)


def test_bunches() -> None:
    bunches = [haissinski_bunch(BEAM, Inductance(5e-9), q) for q in (1e-10, 3e-10)]
    figure = ssmb.plot(bunches)
    axis, other = figure.axes[:2]
    assert axis.get_xlabel() == "z [mm]"
    assert [line.get_label() for line in axis.lines] == ["100 pC", "300 pC"]
    assert_close(max(axis.lines[1].get_ydata()), bunches[1].density.max() * 1e-3, rtol=1e-12, atol=0.0)
    assert_close(max(other.lines[0].get_ydata()), bunches[0].gain.max() * 1e-3, rtol=1e-6, atol=0.0)
    rows = np.zeros((6, 1000))
    rows[4] = np.random.default_rng(1).normal(size=1000) * BEAM.sigma_z
    drawn = plot_haissinski(bunches[:1], beam=Beam(Reference(6e8), rows)).axes[0]
    bars = [bar.get_height() * bar.get_width() for bar in drawn.patches]
    assert_close(sum(bars), 1.0, rtol=1e-12, atol=0.0)
    with pytest.raises(ConfigError, match="no bunch to draw"):
        plot_haissinski([])


def test_waves() -> None:
    beam = StoredBeam(energy=6e8, circumference=120.0, slip_factor=1e-5, sigma_delta=3e-4)
    waves = coasting_growth(beam, lambda k: np.full(k.shape, 2600.0 + 1500.0j), 5.0, np.geomspace(2e-5, 2e-4, 9))
    growth, threshold = ssmb.plot(waves).axes
    assert_close(growth.lines[0].get_ydata(), waves.growth, rtol=1e-12, atol=0.0)
    assert_close(threshold.lines[0].get_ydata(), waves.threshold, rtol=1e-12, atol=0.0)
    assert threshold.get_xlabel() == "wavelength [µm]"


def test_a_density_on_a_grid() -> None:
    run = vlasov_bunch(BEAM, Inductance(5e-9), 1e-10, periods=1.0, points=64, steps=80)
    length, _, unrest = ssmb.plot(run).axes
    assert_close(length.lines[0].get_ydata(), 1e3 * run.rms, rtol=1e-12, atol=0.0)
    assert_close(unrest.lines[0].get_ydata(), run.unrest, rtol=1e-12, atol=0.0)
