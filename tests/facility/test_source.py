"""The way of the power from the radiator to the intermediate focus."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.beamlines.chains import beamline
from ssmb.errors import ConfigError
from ssmb.facility import Radiator
from ssmb.light import Undulator, coherent_power, tracked_power
from ssmb.lithography import EuvSource
from tests.facility.lights import light_of
from tests.plot.reading import bars, curve, number_in
from tests.support import assert_close

REF = Reference(600e6)
LASER = 1064e-9


def _microbunches(n=2**12, sigma_x=40e-6, sigma_y=20e-6, sigma_z=2e-9, slope=5e-6, sigma_delta=3e-4) -> Beam:
    sigma = np.diag(np.array([sigma_x, slope, sigma_y, slope, sigma_z, sigma_delta]) ** 2)
    return Beam.gaussian(REF, sigma, n=n, charge=1e-12, seed=2, start="quiet")


def _light(**more):
    beam = _microbunches()
    return light_of(beam, 0.02, 60, laser_wavelength=LASER, harmonic=79, average_current=1.0, **more)


def test_steps_multiply_to_the_power_at_focus():
    chain = beamline("two_grazing")
    found = _light(
        train_current=20.0, duty=0.5, ideal_bunching=0.9, limits=[("closure", 0.01, "calculated")], chain=chain
    )
    product = found.steps[0].power * math.prod(s.factor for s in found.steps)
    assert_close(product, found.power_at_focus, rtol=1e-12, atol=0.0, what="power at focus [W]")
    assert_close(found.power_at_focus, found.exit.in_band_power * chain.transmission, rtol=1e-12, atol=0.0)
    assert_close(found.exit.average_power, found.light.power / 20.0 * 0.5 * 0.01, rtol=1e-12, atol=0.0)
    assert [s.origin for s in found.steps if s.name == "duty of the laser"] == ["given"]


def test_power_of_a_thin_beam_is_the_closed_form():
    found = _light()
    ideal = coherent_power(found.light.undulator, current=1.0, bunching=found.light.bunching)
    assert_close(found.steps[0].power, ideal, rtol=1e-12, atol=0.0, what="first step [W]")
    assert found.energy_loss == pytest.approx(found.light.power)
    assert found.steps[0].name == "thin beam, tracked bunching, whole ring"
    assert _light(ideal_bunching=0.9).steps[0].name == "thin beam, ideal bunching, whole ring"


def test_best_detuning_gives_more_than_exact_and_less_than_twice():
    exact, best = _light(), _light(detuning="best")
    assert 1.0 < best.light.power / exact.light.power < 2.0


def test_other_detunings_give_less_than_the_best():
    """The power of the same particles with the resonance less and further below the wavelength."""
    best = _light(detuning="best").light
    lag = 1.0 - best.undulator.wavelength() / best.wavelength
    assert lag > 0.0
    for share in (0.5, 0.8, 1.2, 1.5):
        other = best.undulator.tuned(best.wavelength * (1.0 - share * lag))
        power = tracked_power(other, _microbunches(), best.wavelength, current=1.0).power
        assert power < best.power * (1.0 - 0.02 * (share - 1.0) ** 2), share


def test_a_source_for_lithography():
    source = EuvSource.from_result(_light(train_current=10.0).exit)
    assert source.in_band == 1.0


def test_bad_input():
    with pytest.raises(ConfigError, match="train_current"):
        _light(train_current=0.5)
    with pytest.raises(ConfigError, match="closure"):
        _light(limits=[("closure", 2.0, "given")])
    with pytest.raises(ConfigError, match="one of exact, best, got .*Did you mean 'best'"):
        Radiator(Undulator(REF, 0.02, 60, 1.0), detuning="bets")


def test_figures():
    import ssmb

    found = _light(train_current=10.0, duty=0.5)
    drawn = ssmb.plot(found)
    drawn.draw_without_rendering()
    right = drawn.axes[0].get_window_extent().x1
    assert len(drawn.axes[0].texts) == len(found.steps)
    assert all(t.get_window_extent().x1 < right for t in drawn.axes[0].texts), "numbers inside the frame"
    assert [t.get_text() for t in ssmb.plot(found).axes[0].get_yticklabels()] == [s.name for s in found.steps]
    beam = _microbunches(sigma_z=20e-9)
    several = [light_of(beam, 0.04, 40, laser_wavelength=LASER, harmonic=n, average_current=1.0) for n in (4, 8)]
    figure = ssmb.plot(several)
    assert figure.axes[0].get_xlabel() == "wavelength [nm]"
    drawn_powers = [curve(line) for line in figure.axes[0].lines if not line.get_label().startswith("_")]
    for (at, power), name in zip(drawn_powers, ("average", "focus", "incoherent"), strict=True):
        want = {"average": lambda s: s.exit.average_power, "focus": lambda s: s.power_at_focus}
        values = [want.get(name, lambda s: s.incoherent_power)(s) for s in several]
        assert_close(at, [LASER / 4, LASER / 8], rtol=1e-12, atol=0.0, what="wavelength [m]")
        assert_close(power, values, rtol=1e-12, atol=0.0, what=f"{name} power [W]")
    assert_close(figure.axes[1].lines[0].get_ydata(), [s.light.bunching for s in several], rtol=1e-12, atol=0.0)


def test_bars_of_the_way_of_the_power_reach_from_step_to_step():
    import ssmb

    found = _light(train_current=10.0, duty=0.5)
    axis = ssmb.plot(found).axes[0]
    power = np.array([s.power for s in found.steps])
    ends = bars(axis)
    assert_close(ends[0, 1], power[0], rtol=1e-9, atol=0.0, what="first bar [W]")
    assert_close(ends[1:].min(axis=1), np.minimum(power[1:], power[:-1]), rtol=1e-9, atol=0.0, what="lower ends [W]")
    assert_close(ends[1:].max(axis=1), np.maximum(power[1:], power[:-1]), rtol=1e-9, atol=0.0, what="upper ends [W]")
    told = [number_in(text.get_text()) for text in axis.texts]
    # the last digit stands for a tenth of the width of the interval or more, and is one of the first three
    first = 10.0 ** np.floor(np.log10(power))
    width = np.array([np.ptp(s.power_range) if s.power_range else 0.0 for s in found.steps])
    last = np.clip(10.0 ** np.ceil(np.log10(np.maximum(width, 1e-9 * power)) - 1.0), 0.01 * first, first)
    assert np.ptp(np.log10(last / first)) > 0.0  # some are told in fewer digits than others
    assert_close(told, last * np.round(power / last), rtol=1e-9, atol=0.0, what="numbers beside the bars [W]")
