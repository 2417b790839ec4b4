"""Sources: hand-over from a simulation, planes, bands; the chain "ring to chips" in one script."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ssmb.errors import ConfigError
from ssmb.lithography import (
    EuvSource,
    PowerPlane,
    RadiationResult,
    compare_sources,
    euv_source,
    euv_sources,
    model_parameters,
    power_at_focus,
    roadmap,
    roadmap_intervals,
)
from tests.support import assert_close


@dataclass(frozen=True)
class RingRun:
    """A stand-in for the result of a radiation run: only the fields of the protocol."""

    average_power: float = 1000.0
    wavelength: float = 13.5e-9
    relative_bandwidth: float = 1e-4
    divergence: float = 2e-4
    time_structure: str = "CW"
    beamlines: int = 4


def test_from_result_reproduces_the_tabulated_ring():
    run = RingRun()
    assert isinstance(run, RadiationResult)
    source = EuvSource.from_result(run, name="test ring", wall_power=3.0e6)
    assert source.plane is PowerPlane.UNDULATOR_EXIT
    assert source.figure_kind == "simulated"
    got, want = roadmap(source), roadmap("ssmb_default")
    for name in ("chips_per_year", "chips_per_year_source", "energy_per_pass", "tool_power", "wafers_per_hour"):
        a, b = getattr(got, name), getattr(want, name)
        # The tabulated row has 0.5 % of bandwidth, of which 1.6e-6 lies outside the 2 % band.
        assert_close(a, b, rtol=1e-5, atol=0.0, what=name)


def test_from_result_scales_with_beamlines_and_power():
    one = roadmap(EuvSource.from_result(RingRun(beamlines=1)))
    four = roadmap(EuvSource.from_result(RingRun(beamlines=4)))
    assert one.chips_per_year_source is not None
    assert four.chips_per_year_source is not None
    assert_close(four.chips_per_year_source, 4.0 * one.chips_per_year_source, rtol=1e-12, atol=0.0)
    assert one.energy_per_pass is not None
    assert four.energy_per_pass is not None
    assert one.energy_per_pass > 2.0 * four.energy_per_pass
    more = roadmap(EuvSource.from_result(RingRun(average_power=3000.0)))
    assert more.chips_per_year is not None
    assert one.chips_per_year is not None
    assert more.chips_per_year > one.chips_per_year


def test_ring_to_chips_in_one_script():
    """From a simulated power to chips with an interval, and beside the tabulated sources."""
    source = EuvSource.from_result(RingRun(average_power=2500.0), name="my ring")
    result = roadmap_intervals(source, chip_id="b200", samples=200)
    v = result["chips_per_year"]
    assert 0.0 < v.low < v.value < v.high
    shown = str(compare_sources("SSMB", extra=[source]).table())
    assert "simulated" in shown
    assert "2500" in shown


def test_broad_light_loses_what_lies_outside():
    """A line of 2 % FWHM keeps 76 % (erf(sqrt(ln 2))) in the 2 % band; a line at its edge keeps half."""
    broad = EuvSource.from_result(RingRun(relative_bandwidth=0.02))
    assert broad.in_band is not None
    assert_close(broad.in_band, 0.7610, rtol=1e-3, atol=0.0)
    edge = EuvSource.from_result(RingRun(wavelength=13.5e-9 * 1.0099999, relative_bandwidth=1e-3))
    assert edge.in_band is not None
    assert_close(edge.in_band, 0.5, rtol=0.0, atol=1e-3)
    focus = power_at_focus(broad)
    assert focus is not None
    assert_close(focus.power, 620.0 * 0.7610, rtol=1e-3, atol=0.0)


@pytest.mark.parametrize(
    "change",
    [
        {"average_power": -1.0},
        {"average_power": float("nan")},
        {"wavelength": 0.0},
        {"relative_bandwidth": -1e-3},
        {"divergence": float("inf")},
        {"beamlines": 0},
        {"beamlines": 2.5},
    ],
)
def test_impossible_results(change):
    with pytest.raises(ConfigError):
        EuvSource.from_result(RingRun(**change))


def test_objects_without_the_fields_are_refused():
    class NoPower:
        wavelength = 13.5e-9

    with pytest.raises(ConfigError, match="lacks average_power, relative_bandwidth"):
        EuvSource.from_result(NoPower())


def test_wavelength_outside_the_band_feeds_no_scanner():
    with pytest.raises(ConfigError, match="13.7 nm"):
        roadmap("ssmb_slac_2016")
    assert power_at_focus(euv_source("ssmb_slac_2016")) is None
    assert power_at_focus(EuvSource.from_result(RingRun(wavelength=6.7e-9))) is None


def test_focus_power_by_plane():
    """At the focus as it is; at the undulator 0.62 (0.25-0.77); into 2 pi 0.194; a facility divided by its scanners."""
    for name, want, low, high in (
        ("lpp_3800e", 500.0, 500.0, 500.0),
        ("ssmb_default", 620.0, 250.0, 770.0),
        ("dpp_triniti_360", 69.84, 69.84, 69.84),
        ("fel_xlight_2026", 2375.0, 2375.0, 2375.0),
    ):
        f = power_at_focus(euv_source(name))
        assert f is not None
        for got, value in ((f.power, want), (f.low, low), (f.high, high)):
            assert_close(got, value, rtol=1e-5, atol=0.0, what=name)
    better = power_at_focus(euv_source("ssmb_default"), parameters=model_parameters({"beamline_transport": 0.9}))
    assert better is not None
    assert better.power <= better.high


def test_no_kilowatt_of_ssmb_is_called_measured():
    assert {s.figure_kind for s in euv_sources("SSMB")} == {"designed", "claimed", "assumed"}
    assert all(s.figure_kind != "measured" for s in euv_sources() if s.power > 1000.0)
