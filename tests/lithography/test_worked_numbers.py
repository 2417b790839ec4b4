"""The worked numbers of the model, to their printed digits, from the data tables and the default parameters."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ssmb.beamlines import LppChain, beamline
from ssmb.beamlines.beamline import etendue_kept
from ssmb.lithography import (
    chip,
    die_supply,
    die_yield,
    euv_source,
    growth_from_doubling,
    model_parameters,
    node,
    roadmap,
    scanner,
    shortage,
    source_feature,
)
from ssmb.lithography.demand import demand_scenario, years_bought
from ssmb.lithography.dies import gross_dies, gross_dies_formula, gross_dies_grid, layer_yield
from ssmb.lithography.energy import (
    break_even_beamlines,
    energy_per_chip,
    energy_per_pass,
    operating_energy,
    shared_tool_power,
    wall_to_focus,
)
from ssmb.lithography.scanner import passes_per_year, wafers_per_year
from ssmb.lithography.sources import pulses_per_slit, single_source
from tests.support import assert_close

KWH = 3.6e6
MM2 = 1e-6
#: tool, power at the focus [W]: LPP 350 W on the older stage, then 500, 600, SSMB 1 kW = 620, 1000
COLUMNS = (("nxe3600d", 350.0), ("future", 500.0), ("future", 600.0), ("future", 620.0), ("future", 1000.0))

WAFERS = {
    "N7+": ((160, 187300), (218, 255900), (239, 279800), (242, 284100), (294, 344300)),
    "N5": ((146, 49100), (201, 67300), (221, 74200), (225, 75400), (278, 93000)),
    "4N": ((146, 49100), (201, 67300), (221, 74200), (225, 75400), (278, 93000)),
    "N3E": ((126, 31100), (174, 42900), (193, 47700), (197, 48600), (251, 61800)),
    "N2": ((110, 23500), (153, 32600), (172, 36600), (175, 37300), (228, 48600)),
    "A16": ((104, 20300), (144, 28200), (162, 31800), (166, 32400), (218, 42600)),
    "A14": ((98, 16400), (136, 22900), (154, 25900), (158, 26400), (209, 35100)),
}


@pytest.mark.parametrize("name", WAFERS)
def test_wafers_per_scanner_year(name):
    n, par = node(name), model_parameters()
    assert n.dose is not None
    for (tool, power), (wph, wafers) in zip(COLUMNS, WAFERS[name], strict=True):
        rate = scanner(tool).throughput(power, n.dose).wafers_per_hour
        # The table gives whole wafers; it truncates most entries, and rounds 146.997 down as well.
        assert_close(rate, wph + 0.5, rtol=0.0, atol=0.55, what=f"{name} at {power} W")
        got = wafers_per_year(rate, par.equipment_effectiveness, n.euv_layers, par.rework)
        assert_close(got, wafers, rtol=0.0, atol=51.0, what=f"{name} at {power} W")


def test_passes():
    """1 191 360 passes a year are 136 wafers/h without a single stop."""
    assert_close(passes_per_year(136.0, 1.0), 1191360.0, rtol=1e-12, atol=0.0)
    for power, monthly, tool in ((350, 64000, "nxe3600d"), (500, 88000, "future"), (1000, 118000, "future")):
        rate = scanner(tool).throughput(power, 300.0).wafers_per_hour
        assert_close(passes_per_year(rate, 0.55) / 12.0, monthly, rtol=0.0, atol=600.0)


def test_effectiveness_of_the_planning_rule():
    """45 000 wafers a month and layer: 0.46 on an NXE:3400C at 30 mJ/cm2, 0.39 on an NXE:3600D."""
    for rate, want in ((135.0, 0.46), (160.0, 0.39)):
        assert_close(45000.0 * 12.0 / passes_per_year(rate, 1.0), want, rtol=0.0, atol=0.006)


DIES = {
    826: (59.5, 65, 0.438, 0.463, 0.501, 0.482, 0.548),
    814: (60.5, 66, 0.443, 0.468, 0.505, 0.487, 0.551),
    800: (61.8, 68, 0.449, 0.474, 0.510, 0.492, 0.556),
    609: (85.0, 92, 0.544, 0.561, 0.588, 0.574, 0.622),
    373: (148, 154, 0.689, 0.697, 0.710, 0.704, 0.728),
    325: (173, 180, 0.723, 0.729, 0.740, 0.734, 0.755),
    115: (529, 532, 0.891, 0.892, 0.894, 0.893, 0.897),
}


@pytest.mark.parametrize("area", DIES)
def test_die_counts_and_yields(area):
    formula, grid, poisson, murphy, nb2, nb3, seeds = DIES[area]
    s, d0 = area * MM2, 1000.0
    assert_close(gross_dies_formula(s), formula, rtol=0.0, atol=0.51 if area < 400 else 0.051)
    assert gross_dies(s) == grid
    assert_close(die_yield(s, d0, model="poisson"), poisson, rtol=0.0, atol=5.1e-4)
    assert_close(die_yield(s, d0, model="murphy"), murphy, rtol=0.0, atol=5.1e-4)
    assert_close(die_yield(s, d0, clustering=2.0), nb2, rtol=0.0, atol=5.1e-4)
    assert_close(die_yield(s, d0), nb3, rtol=0.0, atol=5.1e-4)
    assert_close(die_yield(s, d0, model="seeds"), seeds, rtol=0.0, atol=5.1e-4)


def test_h100_die_counts():
    assert round(gross_dies_formula(814 * MM2), 1) == 60.5
    assert round(gross_dies_formula(814 * MM2, edge_exclusion=0.0), 1) == 63.5
    assert gross_dies_grid(26e-3, 31.3e-3) == 66


def test_best_grid_position_by_hand():
    """The best of all positions holds 67: rows of 11, 9, 9, 9, 9, 7, 7, 3, 3 dies about a centred die."""
    assert gross_dies_grid(26e-3, 31.3e-3, trial_offsets=None) == 67
    rows, radius2 = 0, 147.0**2
    for j in range(-4, 5):
        y = 31.4 * abs(j) + 15.65
        k = math.floor((math.sqrt(radius2 - y * y) - 13.0) / 26.1)
        rows += 2 * k + 1
    assert rows == 67


@pytest.mark.parametrize("shape", [(26e-3, 31.3e-3), (10e-3, 10e-3), (25e-3, 33e-3), (5e-3, 12e-3), (140e-3, 140e-3)])
def test_grid_is_bounded_and_best_is_best(shape):
    best = gross_dies_grid(*shape, trial_offsets=None)
    # The trial positions are not a subset of the fine scan, so the best may miss one die, never more.
    assert gross_dies_grid(*shape) <= best + 1
    assert best * shape[0] * shape[1] <= math.pi * 0.147**2
    assert gross_dies_grid(*shape, edge_exclusion=0.0) >= gross_dies_grid(*shape)


@pytest.mark.parametrize("area", [1.0, 50.0, 115.0, 400.0, 814.0])
def test_order_of_yield_models(area):
    values = [die_yield(area * MM2, 1000.0, model=m) for m in ("poisson", "murphy", "seeds")]
    assert values == sorted(values)
    assert values[0] < values[2]
    poisson = values[0]
    assert_close(die_yield(area * MM2, 1000.0, clustering=1e9), poisson, rtol=1e-6, atol=0.0)
    assert die_yield(area * MM2, 0.0) == 1.0
    assert die_yield(area * MM2, 1000.0, spare_share=1.0) == 1.0


def test_bose_einstein_uses_a_density_per_layer():
    assert_close(layer_yield(814 * MM2, 1000.0, 1), 1.0 / (1.0 + 0.814), rtol=1e-12, atol=0.0)
    assert_close(layer_yield(814 * MM2, 1000.0 / 14.0, 14), (1.0 + 0.814 / 14.0) ** -14, rtol=1e-12, atol=0.0)


def test_partial_good_dies():
    for area in (826, 814, 800):
        assert 0.585 <= die_yield(area * MM2, 1000.0, spare_share=0.3) <= 0.605
    assert_close(die_supply(chip("h100").compute_die).die_yield, 0.594, rtol=0.0, atol=5.1e-4)


@pytest.mark.parametrize(
    ("name", "packages", "petaflops", "passes"),
    [("h100", 39.0, 38.7, 0.37), ("b200", 20.0, 45.8, 0.71), ("mi300x", 59.0, 78.0, 0.24)],
)
def test_packages_flops_and_passes_per_wafer(name, packages, petaflops, passes):
    c = chip(name)
    supply = die_supply(c.compute_die)
    assert_close(supply.packages, packages, rtol=0.0, atol=0.5)
    assert c.flops is not None
    assert_close(supply.packages * c.flops / 1e15, petaflops, rtol=0.0, atol=0.35 if petaflops == 78.0 else 0.06)
    assert_close(14.0 * 1.03 / supply.packages, passes, rtol=0.0, atol=5.1e-3)


H100 = (
    ("lpp_3600d", "nxe3600d", 147, 49100, 1.83, 1810, 1.28),
    ("lpp_3800e", "future", 202, 67300, 2.51, 2480, 1.75),
    ("lpp_2026_600", "future", 222, 74200, 2.76, 2730, 1.93),
    ("ssmb_default", "future", 226, 75400, 2.81, 2780, 1.96),
    ("lpp_1kw_2025", "future", 278, 93000, 3.46, 3420, 2.42),
)


@pytest.mark.parametrize(("source", "tool", "wph", "wafers", "chips", "exaflops", "gigawatts"), H100)
def test_h100_per_year(source, tool, wph, wafers, chips, exaflops, gigawatts):
    r = roadmap(source, chip_id="h100", scanner_id=tool)
    values = (r.wafers_per_hour, r.wafers_per_year, r.chips_per_year, r.flops_per_year, r.operating_power)
    assert None not in values
    rate, made, per_year, flops, power = (float(v) for v in values if v is not None)
    assert_close(rate, wph, rtol=0.0, atol=0.5)
    assert_close(made, wafers, rtol=0.0, atol=51.0)
    assert_close(per_year / 1e6, chips, rtol=0.0, atol=5.1e-3)
    assert_close(flops / 1e18, exaflops, rtol=0.0, atol=5.1)
    assert_close(power / 1e9, gigawatts, rtol=0.0, atol=5.1e-3)


def test_ring_of_four_beamlines():
    r = roadmap("ssmb_default")
    assert r.scanners == 4.0
    assert r.chips_per_year_source is not None
    assert_close(r.chips_per_year_source, 1.12e7, rtol=0.0, atol=5.1e4)


def test_cluster_checks():
    """72 000 H100 are 71 EFLOPS dense BF16; 100 000 are 99 EFLOPS, 70 MW, 2690 wafers and 15 days of a 500-W
    scanner.
    """
    h100 = chip("h100")
    assert h100.flops is not None
    assert h100.power is not None
    assert_close(72000 * h100.flops / 1e18, 71.0, rtol=0.0, atol=0.5)
    assert_close(100000 * h100.flops / 1e18, 99.0, rtol=0.0, atol=0.5)
    assert_close(100000 * h100.power / 1e6, 70.0, rtol=0.0, atol=0.05)
    wafers = 100000 / (die_supply(h100.compute_die).good * 0.95)
    assert_close(wafers, 2690.0, rtol=0.0, atol=5.1)
    made = roadmap("lpp_3800e").wafers_per_year
    assert made is not None
    assert_close(365.0 * wafers / made, 15.0, rtol=0.0, atol=0.5)


@pytest.mark.parametrize(
    ("power", "rate", "kwh", "digits"),
    [(1.31e6, 136.0, 9.64, 0.01), (1.17e6, 160.0, 7.3, 0.05), (1.2e6, 219.0, 5.5, 0.05)],
)
def test_energy_per_pass_of_lpp(power, rate, kwh, digits):
    assert_close(energy_per_pass(power, rate) / KWH, kwh, rtol=0.0, atol=digits)


RINGS = {1.5e6: (7.6, 4.5, 3.0, 2.2), 3.0e6: (13.8, 7.6, 4.5, 3.0), 6.0e6: (26.0, 13.8, 7.6, 4.5)}


@pytest.mark.parametrize("ring", RINGS)
def test_energy_per_pass_of_a_ring(ring):
    rate = scanner().throughput(620.0, 300.0).wafers_per_hour
    assert_close(rate, 242.0, rtol=0.0, atol=1.0)
    body = model_parameters().body_power
    for n, want in zip((1, 2, 4, 8), RINGS[ring], strict=True):
        got = energy_per_pass(shared_tool_power(ring, n, body), rate) / KWH
        assert_close(got, want, rtol=0.0, atol=0.51 if want == 26.0 else 0.051, what=f"{ring} W, {n} beamlines")


def test_break_even():
    par = model_parameters()
    got = break_even_beamlines(par.ring_power, par.tool_power, par.body_power)
    assert got is not None
    assert_close(got, 3.5, rtol=0.0, atol=0.05)
    assert break_even_beamlines(3e6, 0.35e6, 0.35e6) is None
    # At the break-even number both tools take the same energy per exposure.
    shared = shared_tool_power(par.ring_power, got, par.body_power)
    assert_close(energy_per_pass(shared, 200.0), energy_per_pass(par.tool_power, 200.0), rtol=1e-12, atol=0.0)


def test_xlight_for_scale():
    x = euv_source("fel_xlight_2026")
    assert x.wall_power is not None
    assert x.served is not None
    assert_close(x.wall_power / x.served / 1e6, 0.61, rtol=0.0, atol=5.1e-3)
    each = x.power / x.served
    assert_close(each, 2400.0, rtol=0.0, atol=50.0)
    rate = replace(scanner(), scan_speed_limit=None).throughput(2400.0, 300.0).wafers_per_hour
    assert_close(rate, 368.0, rtol=0.0, atol=1.0)
    assert_close(
        energy_per_pass(shared_tool_power(x.wall_power, x.served, 0.35e6), 368.0) / KWH, 2.6, rtol=0.0, atol=0.051
    )
    assert_close(wall_to_focus(x.power, x.wall_power), 3.9e-3, rtol=0.0, atol=5.1e-5)


def test_wall_plug_to_focus():
    assert_close(wall_to_focus(250.0, 1.31e6), 2e-4, rtol=0.0, atol=1.1e-5)
    assert_close(wall_to_focus(500.0, 1.2e6), 4e-4, rtol=0.0, atol=2e-5)
    assert_close(wall_to_focus(4 * 620.0, 3e6), 8e-4, rtol=0.0, atol=3e-5)


def test_energy_of_an_h100():
    good = die_supply(chip("h100").compute_die).good * 0.95
    passes = 14.0 * 1.03
    assert_close(passes, 14.4, rtol=0.0, atol=0.05)
    assert_close(energy_per_chip(7.3 * KWH, passes / good) / KWH, 2.8, rtol=0.0, atol=0.051)
    assert_close(operating_energy(700.0, 1.0) / KWH, 6100.0, rtol=0.0, atol=51.0)
    r = roadmap("lpp_3600d", scanner_id="nxe3600d")
    assert r.energy_per_chip is not None
    assert r.energy_per_pass is not None
    assert r.passes_per_chip is not None
    assert_close(r.energy_per_chip, r.energy_per_pass * r.passes_per_chip, rtol=1e-12, atol=0.0)


SHORTAGE = (
    (10.8, 1.0, (2026.4, 2027.1, 2027.4, 2028.1, 2028.4)),
    (4.6, 1.0, (2026.7, 2027.7, 2028.2, 2029.2, 2029.7)),
    (4.6, 1.4, (2026.9, 2028.2, 2028.8, 2030.2, 2030.7)),
    (2.3, 1.0, (2027.2, 2029.2, 2030.0, 2031.9, 2032.8)),
    (2.3, 1.4, (2028.1, 2031.3, 2032.7, 2036.0, 2037.4)),
)


@pytest.mark.parametrize(("growth", "supply_growth", "years"), SHORTAGE)
def test_shortage_years(growth, supply_growth, years):
    par = model_parameters()
    for n, want in zip((1, 5, 10, 50, 100), years, strict=True):
        s = shortage(1.12e7, demand=par.demand_start, demand_growth=growth, supply_growth=supply_growth, sources=n)
        assert s.year is not None
        assert s.happens
        assert_close(s.year, want, rtol=0.0, atol=0.051)


def test_growth_rates_of_the_table():
    assert_close(demand_scenario("brief_35").growth, 10.8, rtol=0.0, atol=0.05)
    assert_close(demand_scenario("epoch_46").growth, 4.6, rtol=1e-12, atol=0.0)
    assert_close(demand_scenario("epoch_stock").growth, 2.3, rtol=1e-12, atol=0.0)
    assert_close(growth_from_doubling(12.0), 2.0, rtol=1e-12, atol=0.0)


@pytest.mark.parametrize(("growth", "supply_growth", "years"), [(10.8, 1.0, 1.0), (4.6, 1.4, 1.9), (2.3, 1.4, 4.6)])
def test_ten_times_more_sources_buy_little(growth, supply_growth, years):
    got = years_bought(10.0, demand_growth=growth, supply_growth=supply_growth)
    assert got is not None
    assert_close(got, years, rtol=0.0, atol=0.051)


def test_power_also_binds():
    power = chip("h100").power
    assert power is not None
    assert_close(1.12e7 * power / 1e9, 7.9, rtol=0.0, atol=0.1)


@pytest.mark.parametrize(
    ("name", "want"),
    [("two_grazing", 0.77), ("four_grazing", 0.62), ("four_grazing_one_normal", 0.42), ("xlight_transport", 0.25)],
)
def test_beamlines(name, want):
    assert_close(beamline(name).transmission, want, rtol=0.0, atol=5.1e-3)


def test_lpp_chain():
    chain = LppChain()
    assert_close(chain.power_at_focus / chain.drive_power, 0.0116, rtol=0.0, atol=5.1e-5)
    assert_close(chain.collection, 0.194, rtol=0.0, atol=5.1e-4)


def test_kilowatt_beamline_against_lpp():
    """A 620-W line counts as 560-775 W for a bandwidth gain of 0.9-1.25."""
    for gain, want in ((0.9, 560.0), (1.25, 775.0)):
        r = roadmap("ssmb_default", parameters=model_parameters({"bandwidth_gain": gain}))
        assert r.effective_power is not None
        assert_close(r.effective_power, want, rtol=0.0, atol=3.0)


def test_etendue_and_pulses():
    ssmb = euv_source("ssmb_default").etendue
    assert ssmb is not None
    assert_close(ssmb * 1e6, 1.8e-10, rtol=0.0, atol=5.1e-12)
    assert etendue_kept(ssmb) == 1.0
    assert_close(3.3e-6 / 0.157e-6, 21.0, rtol=0.0, atol=0.1)
    assert_close(pulses_per_slit(50e3, 2e-3, 0.28), 360.0, rtol=0.0, atol=5.0)
    assert "CW" in source_feature("SSMB", "stability")


def test_given_power_is_a_source():
    r, table = roadmap(single_source(500.0)), roadmap("lpp_3800e")
    assert r.chips_per_year == table.chips_per_year
