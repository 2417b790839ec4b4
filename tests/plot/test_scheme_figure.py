"""Figures of schemes: what is drawn is the closed form, the tracked beam, and the laser power of the comparison."""

from __future__ import annotations

import numpy as np
import pytest

import ssmb
from ssmb.errors import ConfigError
from ssmb.plot.scheme import plot_scheme
from ssmb.schemes import SCHEMES, compare_schemes
from tests.support import assert_close


def test_scheme_is_drawn_with_closed_form_and_tracked_beam() -> None:
    scheme = SCHEMES["lsf"].examples()[0]
    figure = plot_scheme(scheme, most_harmonic=8, n=2**12)
    axis = figure.axes[-1]
    closed, tracked = (np.asarray(line.get_ydata(), float) for line in axis.lines[:2])
    assert_close(closed, [scheme.bunching(n) for n in range(1, 9)], rtol=1e-12, atol=0.0, what="closed form")
    assert_close(tracked, closed, rtol=0.0, atol=2e-3, what="tracked |b|")
    titles = [a.get_title(loc="left") for a in figure.axes]
    assert [t for t in titles if t.startswith(("in front", "behind"))] == ["in front", "behind MOD", "behind SLIP"]


def test_several_schemes_and_comparisons() -> None:
    schemes = [SCHEMES[name].examples()[0] for name in ("lsf", "tlc_energy", "adm")]
    assert len(ssmb.plot(schemes).axes) == 3
    found = [compare_schemes(n, 0.05, names=["adm", "tlc_energy"]) for n in (20, 10)]
    axis = ssmb.plot(found).axes[0]
    drawn = {line.get_label(): line.get_xydata() for line in axis.lines}
    unit = {"kW": 1e3, "MW": 1e6, "GW": 1e9}[axis.get_ylabel().split("[")[1][:-1]]
    want = [[10, found[1].row("adm").laser_power / unit], [20, found[0].row("adm").laser_power / unit]]
    assert_close(drawn["adm"], want, rtol=1e-12, atol=0.0, what="laser power")
    with pytest.raises(ConfigError, match="two harmonics"):
        ssmb.plot(found[0])


def test_comparison_prints_as_a_table() -> None:
    text = str(compare_schemes(79, 0.06745, names=["tlc_energy", "single_stage"])).splitlines()
    assert text[0].split("  ")[0] == "scheme" and [line.split()[0] for line in text[1:3]] == [
        "tlc_energy",
        "single_stage",
    ]
    assert_close([float(line.split()[1]) for line in text[1:3]], [31.0, 12372.0], rtol=0.02, atol=0.0, what="MW")
