"""Unknown names and impossible input: a clear ConfigError or the documented answer, never NaN, never a foreign
exception.
"""

from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmb.beamlines import LppChain, UndulatorChain, beamline
from ssmb.errors import ConfigError
from ssmb.lithography import (
    chip,
    compare_roadmap,
    compare_sources,
    demand_scenario,
    die_yield,
    euv_source,
    gross_dies,
    gross_dies_formula,
    gross_dies_grid,
    model_parameters,
    node,
    parameter_table,
    roadmap,
    roadmap_intervals,
    scanner,
    shortage,
    shortage_map,
    source_feature,
)
from ssmb.lithography.demand import years_bought
from ssmb.lithography.energy import break_even_beamlines, energy_per_pass, shared_tool_power, wall_to_focus
from ssmb.lithography.roadmap import Roadmap
from ssmb.lithography.scanner import passes_per_year, wafers_per_year
from ssmb.lithography.sources import single_source
from tests.support import assert_close


@pytest.mark.parametrize(
    ("call", "wrong", "nearest"),
    [
        (euv_source, "lpp_3800", "lpp_3800e"),
        (scanner, "exe500", "exe5000"),
        (node, "N3", "N3B|N3E|N2|N5"),
        (chip, "h10", "h100"),
        (beamline, "two_grazin", "two_grazing"),
        (demand_scenario, "epoch_stok", "epoch_stock"),
        (lambda n: model_parameters({n: 1.0}), "rewrok", "rework"),
        (lambda n: compare_sources(n), "SSBM", "SSMB"),
        (lambda n: die_yield(1e-4, 1000.0, model=n), "poison", "poisson"),
        (lambda n: roadmap("ssmb_default", node_id=n), "A15", "A1[46]|A10"),
        (lambda n: source_feature("LPP", n), "debri", "debris"),
        (lambda n: roadmap_intervals("ssmb_default", shape=n, samples=100), "centered", "centred"),
    ],
)
def test_unknown_names_give_the_nearest_match(call, wrong, nearest):
    with pytest.raises(ConfigError, match=rf"Unknown .*{wrong}.*Did you mean '({nearest})'"):
        call(wrong)


@pytest.mark.parametrize("value", [None, 3, "", "\x00", "x" * 10000, ["h100"]])
def test_names_that_are_no_names(value):
    for call in (euv_source, chip, node, scanner, demand_scenario):
        with pytest.raises(ConfigError):
            call(value)


@pytest.mark.parametrize(
    "call",
    [
        lambda: single_source(-1.0),
        lambda: single_source(float("nan")),
        lambda: euv_source("lpp_3800e").with_power(-5.0),
        lambda: replace(euv_source("lpp_3800e"), bandwidth=1.5),
        lambda: UndulatorChain(power=-1.0),
        lambda: UndulatorChain(grazing_reflectivity=1.1),
        lambda: UndulatorChain(grazing_mirrors=-1),
        lambda: UndulatorChain(transport=1.5),
        lambda: UndulatorChain(band=0.0),
        lambda: LppChain(conversion_efficiency=1.2),
        lambda: LppChain(solid_angle=7.0),
        lambda: LppChain(dose_margin=1.0),
        lambda: model_parameters({"equipment_effectiveness": 1.01}),
        lambda: model_parameters({"transmission": 0.0}),
        lambda: model_parameters({"beamlines": 0}),
        lambda: model_parameters({"rework": -0.1}),
        lambda: model_parameters({"overhead": "eight"}),
        lambda: model_parameters({"line_yield": float("inf")}),
        lambda: passes_per_year(-1.0, 0.5),
        lambda: passes_per_year(100.0, 0.0),
        lambda: wafers_per_year(100.0, 0.5, 0, 0.03),
        lambda: gross_dies(0.0),
        lambda: gross_dies(1.0),
        lambda: gross_dies_formula(-1e-6),
        lambda: gross_dies_grid(0.0, 1e-3),
        lambda: gross_dies_grid(1e-2, 1e-2, edge_exclusion=0.15),
        lambda: gross_dies_grid(1e-2, 1e-2, trial_offsets=0),
        lambda: die_yield(1e-4, -1.0),
        lambda: die_yield(1e-4, 1000.0, clustering=0.0),
        lambda: die_yield(1e-4, 1000.0, spare_share=1.2),
        lambda: shortage(0.0, demand=1.0, demand_growth=2.0),
        lambda: shortage(1.0, demand=1.0, demand_growth=0.0),
        lambda: shortage(1.0, demand=1.0, demand_growth=2.0, sources=0),
        lambda: shortage_map(1.0, demand=1.0, growth=()),
        lambda: energy_per_pass(1e6, 0.0),
        lambda: shared_tool_power(3e6, 0, 1.0),
        lambda: wall_to_focus(10.0, 1.0),
        lambda: wall_to_focus(10.0, 0.0),
        lambda: roadmap("ssmb_default", chip_id="gaudi3"),
        lambda: roadmap("ssmb_default", die_area=-1e-6),
        lambda: roadmap("fel_kek_beuv"),
        lambda: roadmap("sr_xil2"),
        lambda: roadmap(3.0),
        lambda: roadmap_intervals("ssmb_default", samples=3),
        lambda: roadmap_intervals("ssmb_default", samples=100, seed=-1),
        lambda: compare_roadmap([]),
        lambda: node("IRDS2031"),
    ],
)
def test_impossible_input_is_a_clear_error(call):
    with pytest.raises(ConfigError) as caught:
        call()
    message = str(caught.value)
    assert len(message) > 20
    assert "nan" not in message.lower().replace("must be a finite real number, not nan", "")


def test_growth_below_supply_is_no_shortage():
    for growth, supply_growth in ((1.2, 1.4), (1.0, 1.0), (0.5, 1.0), (2.3, 2.3)):
        s = shortage(1e7, demand=4e6, demand_growth=growth, supply_growth=supply_growth)
        assert s.year is None
        assert not s.happens
        assert "no shortage" in s.reason
        assert years_bought(10.0, demand_growth=growth, supply_growth=supply_growth) is None


def test_shortage_from_the_start():
    for growth in (0.5, 1.0, 3.0):
        s = shortage(1e6, demand=4e6, demand_growth=growth)
        assert s.happens
        assert s.from_start
        assert s.year == 2026.0


def test_growth_barely_above_supply():
    s = shortage(1e7, demand=4e6, demand_growth=1.0 + 1e-12, supply_growth=1.0)
    assert s.year is None
    assert not s.happens


def test_break_even_without_gain():
    assert break_even_beamlines(3e6, 0.3e6, 0.35e6) is None


def test_no_power_no_chips():
    r = roadmap(single_source(0.0))
    assert r.wafers_per_hour == 0.0
    assert r.chips_per_year == 0.0
    assert r.energy_per_pass is None
    assert "-" in str(r.table())


def test_node_without_euv_layers():
    r = roadmap("ssmb_default", chip_id="h100", node_id="N7")
    assert not r.limited_by_euv
    intervals = roadmap_intervals("ssmb_default", chip_id="a100_80", samples=100)
    assert intervals.intervals == ()
    assert "not limited" in str(intervals.table())


def test_unknown_die_area_can_be_given():
    r = roadmap("ssmb_default", chip_id="gaudi3", die_area=800e-6)
    assert r.chips_per_year is not None
    assert r.chips_per_year > 0.0
    with pytest.raises(ConfigError, match="die_area"):
        roadmap("ssmb_default", chip_id="gaudi3")


def test_overrides_reach_the_result():
    base = roadmap("ssmb_default").chips_per_year
    half = roadmap("ssmb_default", parameters=model_parameters({"wafer_share": 0.5})).chips_per_year
    assert base is not None
    assert half is not None
    assert_close(half, 0.5 * base, rtol=1e-12, atol=0.0)
    for name in ("equipment_effectiveness", "line_yield", "beamline_transport", "transmission"):
        low = parameter_table()[name].low
        less = roadmap("ssmb_default", parameters=model_parameters({name: low})).chips_per_year
        assert less is not None, name
        assert less < base, name


@pytest.mark.parametrize(
    "values", [{"overhead": 1e6}, {"ring_power": 3.0}, {"wafer_diameter": 300.0}, {"rework": 1e-9}]
)
def test_parameters_in_wrong_units_are_noticed(values):
    """A ring power of 3 (megawatt) or a wafer of 300 (millimetres) is refused."""
    with pytest.raises(ConfigError, match="SI units"):
        model_parameters(values)


@pytest.mark.parametrize("dose", [30e6, 1e-3])
def test_doses_in_wrong_units_are_noticed(dose):
    with pytest.raises(ConfigError, match="30 mJ/cm"):
        scanner().throughput(250.0, dose)


@settings(max_examples=80, deadline=None)
@given(
    values=st.dictionaries(
        st.sampled_from(sorted(parameter_table())),
        st.sampled_from([0.0, 5e-324, 1e-300, 1e-9, 1e-3, 0.5, 1.0, 2.0, 1e3, 1e9, 1e300]),
        max_size=3,
    ),
    source=st.sampled_from(["ssmb_default", "lpp_3800e", "dpp_triniti_360"]),
    part=st.sampled_from(["h100", "mi300x", "wse3"]),
)
def test_any_parameters_give_an_answer_or_a_clear_error(values, source, part):
    try:
        r = roadmap(source, chip_id=part, parameters=model_parameters(values))
    except ConfigError:
        return
    assert all(math.isfinite(v) for f in fields(Roadmap) if isinstance(v := getattr(r, f.name), float))


@settings(max_examples=60, deadline=None)
@given(
    power=st.floats(0.0, 1e12),
    source=st.sampled_from(["ssmb_default", "lpp_3800e", "dpp_triniti_360", "fel_xlight_2026", "fel_sari_2025"]),
    part=st.sampled_from(["h100", "mi300x", "a100_80", "wse3", "b200"]),
    home=st.sampled_from([None, "N2", "A14", "N7", "N12"]),
    overhead=st.sampled_from([0.0, 0.1, 8.0, 2000.0]),
)
def test_every_number_is_finite_or_none(power, source, part, home, overhead):
    r = roadmap(
        euv_source(source).with_power(power),
        chip_id=part,
        node_id=home,
        parameters=model_parameters({"overhead": overhead, "defect_density_factor": 10.0}),
    )
    for f in fields(Roadmap):
        value = getattr(r, f.name)
        if isinstance(value, float):
            assert math.isfinite(value), f.name
            assert value >= 0.0, f.name
    assert str(r.table())
