"""Intervals of a source: noise of macroparticles, form of the light, assumed transmissions; and what is no result."""

from __future__ import annotations

import json
import math
import warnings
from dataclasses import replace

import numpy as np
import pytest

import ssmb
from ssmb.beam import Beam, Reference
from ssmb.beamlines import ChainStage, UndulatorChain, beamline
from ssmb.errors import ValidityWarning
from ssmb.facility import Filling, RadiatingBeam, Radiator
from ssmb.facility.steps import Limit, PowerWay
from ssmb.light import ChargeSignal, Undulator, tracked_power
from ssmb.ranges import NOTHING
from ssmb.studies.light import Light, light_summary, light_text
from ssmb.studies.records import numbers_of
from ssmb.studies.source_text import doubts_text, lights_text, steps_text
from tests.support import assert_close

REF, LASER = Reference(energy=400e6), 1064e-9
LIGHT = LASER / 79
EUV = Undulator.resonant(REF, LIGHT, period=0.01, n_periods=200)


def _beam(n: int, b: float, seed: int, start: str = "random") -> Beam:
    size = LIGHT / (2.0 * math.pi) * math.sqrt(-2.0 * math.log(b)) if b > 0.0 else 1e-6
    sigma = np.diag(np.array([20e-6, 1e-6, 20e-6, 1e-6, size, 1e-5]) ** 2)
    return Beam.gaussian(REF, sigma, n=n, charge=1e-12, seed=seed, start=start)


@pytest.mark.parametrize(("n", "b"), [(200, 0.1), (800, 0.3), (800, 0.03)])
def test_the_spread_of_the_power_is_that_of_many_beams(n: int, b: float) -> None:
    """60 beams drawn at random: their powers scatter by what the noise power says; b^2 n from 0.7 to 72."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        found = [tracked_power(EUV, _beam(n, b, seed), LIGHT, current=1.0, start="random") for seed in range(60)]
    power, noise = np.mean([f.power for f in found]), np.mean([f.noise_power for f in found])
    ratio = noise / power
    want = power * math.sqrt(ratio * (2.0 + ratio))
    # the light of many directions averages over independent noise where it is mostly noise
    assert_close(np.std([f.power for f in found]), want, rtol=0.35, atol=0.0, what=f"{n} particles, |b| = {b}")
    inside = np.mean([f.power_range[0] <= power <= f.power_range[1] for f in found])
    assert 0.55 < inside


def test_the_form_of_the_light_is_part_of_the_interval() -> None:
    widths = []
    for periods in (50, 100, 200):
        light = tracked_power(
            Undulator.resonant(REF, LIGHT, 0.01, periods), _beam(2**13, 0.5, 1, "quiet"), LIGHT, current=1.0
        )
        low, high = light.power_range
        assert low < light.power < high
        assert light.bunching_range[0] < light.bunching < light.bunching_range[1]
        # about 1/N, beside the noise of the particles
        widths.append(math.sqrt(((high - low) / light.power / 2.0) ** 2 - light.noise_spread**2))
    assert 1.5 < widths[0] / widths[1] < 2.1 and 1.5 < widths[1] / widths[2] < 2.1


def test_assumed_transmissions_span_the_beamlines_of_the_literature() -> None:
    """5 to 95 % of the four grazing mirrors reach from the worst to the best beamline, 0.42 and 0.77."""
    nominal = beamline("four_grazing").transmission
    stages = [s for s in beamline("four_grazing").factors if s.transmission < 1.0]
    low, high = (math.prod(s.transmission_range[i] for s in stages) for i in (0, 1))
    to_95 = 1.6448536269514722
    ends = [math.exp(-((math.log(x) / math.log(nominal)) ** to_95) * -math.log(nominal)) for x in (low, high)]
    assert_close(ends[0], beamline("four_grazing_one_normal").transmission, rtol=0.03, atol=0.0)
    assert_close(ends[1], beamline("two_grazing").transmission, rtol=0.03, atol=0.0)
    assert ChainStage("measured", 0.5, "given").transmission_range is None
    assert ChainStage("all", 1.0).transmission_range == (1.0, 1.0)


@pytest.mark.parametrize("causes", [("a", "a"), ("a", "b")])
def test_ranges_of_one_cause_multiply_and_those_of_several_add_in_square(causes: tuple[str, str]) -> None:
    way = PowerWay("exit", 100.0, "tracked")
    assert way.power_range is None
    way.by("first", 0.5, "assumed", (0.4, 0.6), causes[0])
    way.by("exact", 0.5, "given")
    way.by("second", 0.2, "assumed", (0.1, 0.3), causes[1])
    below = [math.log(0.5 / 0.4), math.log(0.2 / 0.1)]
    above = [math.log(0.6 / 0.5), math.log(0.3 / 0.2)]
    width = sum if causes[0] == causes[1] else lambda ends: math.hypot(*ends)
    assert_close(way.power_range, [5.0 * math.exp(-width(below)), 5.0 * math.exp(width(above))], rtol=1e-12, atol=0.0)
    way.by("noise", 1.0, "tracked", (0.0, 2.0), "noise")
    assert way.power_range is not None and way.power_range[0] == 0.0


def _light(b: float, n: int, *, duty: float = 1.0, chain: UndulatorChain | None = None, limits=()):
    made = Radiator(EUV, chain=chain)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        return made.state(RadiatingBeam(_beam(n, b, 3, "quiet"), LASER, 79, Filling(1.0), duty=duty, limits=limits))


def test_the_interval_at_the_focus_is_that_of_light_and_transmissions() -> None:
    light = _light(0.3, 4096)
    relative = np.log(np.array(light.light.power_range) / light.light.power)
    assumed = [math.prod(s.factor_range[i] / s.factor for s in light.steps if s.origin == "assumed") for i in (0, 1)]
    want = [math.exp(s * math.hypot(float(r), math.log(a))) for s, r, a in zip((-1, 1), relative, assumed, strict=True)]
    assert_close(np.array(light.power_at_focus_range) / light.power_at_focus, want, rtol=1e-9, atol=0.0)
    sharp = _light(0.3, 4096, chain=UndulatorChain("told", stages=(ChainStage("told", 0.5, "given"),)))
    assert_close(np.array(sharp.power_at_focus_range) / sharp.power_at_focus, np.exp(relative), rtol=1e-9, atol=0.0)
    assert not light.doubt and not doubts_text([light])
    row = next(line for line in steps_text(light, 0.0).splitlines() if "gas" in line)
    assert " to " in row and "16 to 84 %" in lights_text([light])


@pytest.mark.parametrize(
    ("light", "words"),
    [
        (_light(0.0, 512), "IN THE NOISE"),
        (_light(0.3, 4096, duty=1e-7), "BELOW THE INCOHERENT LIGHT"),
        (_light(0.3, 4096, limits=(Limit("scattering", NOTHING),)), "NOTHING IS LEFT: 'scattering' takes all of it"),
    ],
    ids=["noise", "incoherent", "nothing"],
)
def test_what_is_no_result_says_so_first(light, words: str) -> None:
    assert light.doubt.startswith(words)
    assert doubts_text([light])[0].startswith(f"harmonic 79, {1e9 * LIGHT:.6g} nm: {words}")
    told = numbers_of(light)
    assert next(iter(told)) == "doubt" and told["doubt"].startswith(words)
    assert json.loads(json.dumps(told))["power_at_focus_range"][0] <= light.power_at_focus
    figure = ssmb.plot(light)
    assert words in figure.get_suptitle()
    both = ssmb.plot([light, replace(_light(0.3, 4096), harmonic=78)])
    assert words in both.get_suptitle()


@pytest.mark.parametrize(("b", "coherent", "words"), [(0.2, 270.0, ""), (2e-3, 270.0, "IN"), (0.2, 1e-4, "BELOW")])
def test_the_light_of_a_ring_run_carries_the_noise_of_its_particles(b: float, coherent: float, words: str) -> None:
    charge = np.array([5e-12])
    signal = ChargeSignal(2, 532e-9, b, charge, charge, charge)
    light = Light(2, 532e-9, complex(b), 0.3, coherent, 2e-3, signal, noise=1.0 / math.sqrt(131_072))
    ratio = 1.0 / (131_072 * b * b)
    spread = math.sqrt(2.0 * ratio + ratio**2)
    want = (coherent * max(0.0, 1.0 - spread), coherent * (1.0 + spread))
    assert_close(light.coherent_power_range, want, rtol=1e-12, atol=0.0)
    assert light.doubt.startswith(words) and bool(light.doubt) == bool(words)
    assert light_text([light]).startswith(f"harmonic 2, 532 nm: {words}" if words else "harmonic  wavelength")
    assert next(iter(light_summary(light))) == ("doubt" if words else "harmonic")
