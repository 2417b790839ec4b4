"""The range of a power, from the factor that has it to the focus: in numbers, text, JSON and figure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
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
    factors = [(0.02 * 0.25) / 0.05, (0.5 * 0.5) / 0.05]
    assert_close(light.power_at_focus, 0.05 * sharp.power_at_focus, rtol=1e-12, atol=0.0, what="power at the focus")
    # beside the range of the light itself, independent of it
    for got, of in ((light, sharp), (light.exit, sharp.exit)):
        for name in ("power_at_focus",) if of is sharp else ("average_power", "in_band_power"):
            own = np.log(np.array(getattr(of, f"{name}_range")) / getattr(of, name))
            want = 0.05 * getattr(of, name) * np.exp([-1.0, 1.0] * np.hypot(own, np.log(factors)))
            assert_close(getattr(got, f"{name}_range"), want, rtol=1e-9, atol=0.0, what="range")
    before = [step for step in light.steps if step.power_range is None]
    assert [step.name for step in before] == [step.name for step in light.steps[: len(before)]]
    assert light.steps[len(before)].name == "size, divergence, energy spread of the beam"
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
