"""The range of a power, from the factor that has it to the focus: in numbers, text, JSON and figure."""

from __future__ import annotations

from dataclasses import replace

import pytest
from matplotlib.container import ErrorbarContainer

from ssmb.errors import ConfigError
from ssmb.facility import Limit, Radiator
from ssmb.plot.source import plot_source
from ssmb.studies.records import numbers_of
from ssmb.studies.source_text import lights_text, steps_text
from tests.support import assert_close


def test_a_range_goes_with_the_power_to_the_focus():
    radiator, beam = Radiator.examples()[0]
    limits = (Limit("scattering", 0.1, "calculated", (0.02, 0.5)), Limit("closure", 0.5, "calculated", (0.25, 0.5)))
    light, sharp = (radiator.state(replace(beam, limits=some)) for some in (limits, ()))
    assert sharp.power_at_focus_range is None and sharp.exit.average_power_range is None
    low, high = 0.02 * 0.25, 0.5 * 0.5
    assert_close(light.power_at_focus, 0.05 * sharp.power_at_focus, rtol=1e-12, atol=0.0, what="power at the focus")
    for got, of in ((light.power_at_focus_range, sharp.power_at_focus),
                    (light.exit.average_power_range, sharp.exit.average_power),
                    (light.exit.in_band_power_range, sharp.exit.in_band_power)):  # fmt: skip
        assert_close(got, (low * of, high * of), rtol=1e-12, atol=0.0, what="range")
    before = [step for step in light.steps if step.power_range is None]
    assert [step.name for step in before] == [step.name for step in light.steps[: len(before)]]
    assert light.steps[len(before)].name == "scattering"
    told = steps_text(light, 0.0)
    row = next(line for line in told.splitlines() if line.startswith("closure"))
    assert " to " in row and "W (" in row
    assert " to " in lights_text([light])
    assert numbers_of(light)["steps"][-1]["power_range"] == pytest.approx(light.power_at_focus_range)
    axis = plot_source(light).axes[0]
    bars = [c for c in axis.containers if isinstance(c, ErrorbarContainer)]
    drawn = [sorted(float(x) for x in bar.lines[2][0].get_segments()[0][:, 0]) for bar in bars]
    wanted = [list(step.power_range) for step in light.steps if step.power_range is not None]
    assert_close(drawn, wanted, rtol=1e-9, atol=0.0, what="ends of the bars")


def test_a_range_lies_about_its_factor():
    with pytest.raises(ConfigError, match=r"factor_range\[1\] must be a number from 0 to 1"):
        Limit("scattering", 0.1, "calculated", (0.02, 5.0))
