"""The throughput model: residuals on published points, monotonicity, limits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmb.errors import ConfigError
from ssmb.lithography import model_parameters, roadmap, scanner, scanner_names, scanner_points
from ssmb.lithography.tables import fact_row, fact_rows
from tests.support import assert_close

#: tools with a model rate
FITTED = tuple(n for n in scanner_names() if scanner(n).transmission is not None)
#: point, published, model, residual [%] as printed in the calibration table
CALIBRATION = (
    ("nxe3400c_spec20", 170, 166.1, -2.3),
    ("nxe3400c_spec30", 135, 131.8, -2.4),
    ("nxe3600d_spec", 160, 160.2, 0.1),
    ("nxe3800e_spec", 220, 218.8, -0.5),
)
VALIDATION = (
    ("nxe3800e_first spec", 195, 190.9, -2.1),
    ("nxe3800e_600W", 230, 239.3, 4.0),
    ("exe5000_at20", 185, 192.8, 4.2),
    ("exe5000_at50", 110, 115.8, 5.3),
    ("exe5200b_spec600", 175, 176.4, 0.8),
    ("exe5200b_spec500", 175, 157.2, -10.2),
    ("nxe3400b_fomenkov2017", 126, 126.1, 0.1),
    ("nxe3400b_2018", 140, 140.2, 0.1),
    ("nxe_2030_target", 330, 294.4, -10.8),
)
POINTS = {p.point_id: p for p in scanner_points()}


@pytest.mark.parametrize(("key", "published", "model", "residual"), CALIBRATION + VALIDATION)
def test_residuals(key, published, model, residual):
    p = POINTS[key]
    assert p.published == published
    assert_close(p.modelled, model, rtol=0.0, atol=0.051, what=key)
    # The printed residual was formed of the printed model value.
    assert_close(100.0 * p.residual, residual, rtol=0.0, atol=0.09, what=key)


def test_calibrated_four_within_2_5_percent():
    four = [p for p in POINTS.values() if p.role == "calibration"]
    assert {p.point_id for p in four} == {row[0] for row in CALIBRATION}
    assert max(abs(p.residual) for p in four) <= 0.025


def test_exe5000_within_6_percent():
    two = [p for p in POINTS.values() if p.point_id.startswith("exe5000")]
    assert len(two) == 2
    assert max(abs(p.residual) for p in two) <= 0.06


def test_nxe3300b_duty():
    """26.5 wafers/h over 24 h against 37.6 without stops: a duty of 70 %."""
    p = POINTS["nxe3300b_ibm2014"]
    assert_close(p.modelled, 37.6, rtol=0.0, atol=0.05)
    # 26.5/37.58 is 0.705; the printed 0.70 was cut off.
    assert_close(p.published / p.modelled, 0.70, rtol=0.0, atol=0.006)


@pytest.mark.parametrize("key", sorted(POINTS))
def test_model_columns_of_the_table_are_its_own_output(key):
    row = fact_row("scanners", key)
    want = row.number("model_wph")
    assert want is not None
    assert_close(POINTS[key].modelled, want, rtol=0.0, atol=0.051)


@pytest.mark.parametrize(
    ("power", "rates"),
    [
        (250, (187, 145, 118, 100, 86, 68)),
        (500, (264, 219, 187, 163, 145, 118)),
        (1000, (333, 294, 264, 239, 219, 187)),
        (2000, (383, 356, 333, 312, 294, 264)),
    ],
)
def test_rate_table_replace(power, rates, scan_speed_limit=None):
    tool = replace(scanner(), scan_speed_limit=None)
    for dose, want in zip((200, 300, 400, 500, 600, 800), rates, strict=True):
        # Half a wafer for the rounding of the table; one entry (144.5) was rounded up.
        assert_close(tool.throughput(power, dose).wafers_per_hour, want, rtol=0.0, atol=0.55)


def test_ceiling_and_half_power():
    tool = scanner()
    assert_close(tool.ceiling, 450.0, rtol=1e-12, atol=0.0)
    assert_close(tool.half_power(300.0), 528.0, rtol=0.0, atol=0.5)
    assert_close(tool.half_power(600.0), 1057.0, rtol=0.0, atol=0.5)
    assert_close(
        replace(tool, scan_speed_limit=None).throughput(tool.half_power(300.0), 300.0).wafers_per_hour,
        225.0,
        rtol=1e-12,
        atol=0.0,
    )


def test_swept_areas():
    assert_close(scanner("nxe3600d").swept_area, 873.6e-4, rtol=1e-12, atol=0.0)
    assert_close(scanner("exe5000").swept_area, 923.5e-4, rtol=1e-4, atol=0.0)
    assert scanner("exe5000").fields_per_wafer == 2 * scanner("nxe3600d").fields_per_wafer


def test_speed_at_one_kilowatt():
    assert_close(scanner().throughput(1000.0, 300.0).scan_speed, 0.8, rtol=0.0, atol=0.01)
    limited = scanner().throughput(2000.0, 300.0)
    assert limited.limited_by == "scan speed"
    assert limited.scan_speed == 0.9


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(FITTED),
    power=st.floats(1e-3, 1e5),
    dose=st.floats(1.0, 1e4),
    factor=st.floats(1.01, 100.0),
)
def test_monotonic_in_power_and_dose(name, power, dose, factor):
    tool = scanner(name)
    base = tool.throughput(power, dose).wafers_per_hour
    assert tool.throughput(power * factor, dose).wafers_per_hour >= base
    assert tool.throughput(power, dose * factor).wafers_per_hour <= base
    free = replace(tool, scan_speed_limit=None)
    assert free.throughput(power * factor, dose).wafers_per_hour > free.throughput(power, dose).wafers_per_hour
    # Only power over dose counts.
    again = free.throughput(power * factor, dose * factor).wafers_per_hour
    assert_close(again, free.throughput(power, dose).wafers_per_hour, rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("name", FITTED)
def test_limits_of_power(name):
    tool = scanner(name)
    assert tool.throughput(0.0, 300.0).wafers_per_hour == 0.0
    assert tool.throughput(5e-324, 300.0).wafers_per_hour == 0.0
    # Small power: proportional to it, with all the time spent in exposure.
    small = tool.throughput(1e-6, 300.0).wafers_per_hour
    assert_close(small, 3600.0 * 1e-6 * tool.transmission / (300.0 * tool.swept_area), rtol=1e-6, atol=0.0)
    # Infinite power: the ceiling without a stage limit, and the stage with one.
    assert_close(
        replace(tool, scan_speed_limit=None).throughput(1e30, 300.0).wafers_per_hour, tool.ceiling, rtol=1e-12, atol=0.0
    )
    path = tool.fields_per_wafer * (tool.field_height + tool.slit_height)
    assert tool.scan_speed_limit is not None
    stage = 3600.0 / (tool.overhead + path / tool.scan_speed_limit)
    assert_close(tool.throughput(1e30, 300.0).wafers_per_hour, stage, rtol=1e-12, atol=0.0)


def test_every_choice_is_a_field():
    tool = scanner("nxe3600d")
    faster = replace(tool, overhead=5.0, transmission=0.01, fields_per_wafer=84.0)
    assert faster.throughput(350.0, 300.0).wafers_per_hour > tool.throughput(350.0, 300.0).wafers_per_hour


@pytest.mark.parametrize(
    ("power", "dose"),
    [
        (-1.0, 300.0),
        (float("nan"), 300.0),
        (float("inf"), 300.0),
        (1.0, 0.0),
        (1.0, -3.0),
        ("350", 300.0),
        (True, 300.0),
    ],
)
def test_impossible_power_or_dose(power, dose):
    with pytest.raises(ConfigError):
        scanner().throughput(power, dose)


def test_unknown_scanner_gives_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'nxe3600d'"):
        scanner("nxe3600")


def test_no_missing_factor_is_taken_as_one():
    """A tool whose rows know no transmission factor has none, and says so; a later row leaves it to an earlier one."""
    factors: dict[str, list[str]] = {}
    for row in fact_rows("scanners"):
        factors.setdefault(row.text("scanner_id"), []).append(row.text("model_transmission_factor"))
    assert [name for name, known in factors.items() if not any(known)] == ["nxe3100"]
    for name, known in factors.items():
        tool, told = scanner(name), [float(f) for f in known if f]
        assert (tool.transmission is None) == (not told)
        if told:
            assert tool.transmission == model_parameters().transmission * told[-1]
    old = scanner("nxe3100")
    assert old.overhead_status == "that of its generation, by its year"
    for ask in (lambda: old.throughput(100.0, 200.0), lambda: old.half_power(200.0), lambda: roadmap(
        "lpp_3800e", scanner_id="nxe3100")):  # fmt: skip
        with pytest.raises(ConfigError, match="transmission of 'nxe3100' is not known"):
            ask()
    assumed = replace(old, transmission=0.005).throughput(100.0, 200.0)
    assert 0.0 < assumed.wafers_per_hour < old.ceiling
