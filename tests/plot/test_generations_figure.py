"""Figure of the generations of light sources."""

from __future__ import annotations

import pytest

import ssmb
from ssmb.errors import ConfigError
from ssmb.light import Generations, compare_generations
from tests.support import assert_close


def test_every_source_has_its_marks():
    table = compare_generations()
    figure = ssmb.plot(table)
    power, brightness, width, coherent = figure.axes
    assert [t.get_text().partition(",")[0] for t in power.get_yticklabels()] == [s.name for s in table.sources]
    for axis, low, high in (
        (power, "average_power", "peak_power"),
        (brightness, "average_brightness", "peak_brightness"),
    ):
        bars = [line.get_xdata() for line in axis.lines if len(line.get_xdata()) == 2]
        assert_close(bars, [[getattr(s, low), getattr(s, high)] for s in table.sources], rtol=1e-12, atol=0.0)
        assert axis.get_xscale() == "log"
    assert_close(width.lines[0].get_xdata(), [s.bandwidth for s in table.sources], rtol=0.0, atol=0.0)
    assert_close(coherent.lines[0].get_xdata(), [s.coherent_fraction for s in table.sources], rtol=0.0, atol=0.0)
    names = [t.get_text() for t in power.get_yticklabels()]
    assert [s.hangs_on.words() in name if s.hangs_on else "\n" not in name for s, name in zip(
        table.sources, names, strict=True)] == [True] * 6  # fmt: skip
    for axis, what in ((power, "average_power"), (brightness, "average_brightness")):
        ends = [c.get_segments()[0][:, 0] for c in axis.collections]
        assert_close(ends, [s.interval(what) for s in table.sources if s.ends], rtol=1e-9, atol=0.0, what=what)
    figure.canvas.draw()


def test_nothing_to_draw():
    with pytest.raises(ConfigError, match="SSMB: no K"):
        ssmb.plot(Generations((), (("SSMB", "no K"),)))
