"""Every row of every fact table has a source and a status, every column a unit; no table repeats a known mistake."""

from __future__ import annotations

import csv
import io
import math
import re
from importlib.resources import files

import pytest

from ssmb.errors import ConfigError
from ssmb.lithography import (
    chip,
    chip_names,
    clusters,
    euv_source,
    euv_sources,
    node,
    node_names,
    parameter_table,
    source_feature,
)
from ssmb.lithography.compare import FEATURES
from ssmb.lithography.sources import FAMILIES, PowerPlane
from ssmb.lithography.tables import STATUSES, TABLES, fact_row, fact_rows
from tests.support import assert_close

UNIT_SUFFIX = {
    "nm": "_nm", "W": "_W", "percent": "_percent", "kHz": "_kHz", "kW": "_kW", "MW": "_MW", "mm": "_mm", "mm2": "_mm2",
    "mJ/cm2": "_mJ_cm2", "wafers/h": "_w(ph)", "kWh": "_kWh_per_pass", "s": "_s", "1/cm2": "_per_cm2", "1e9": "_G",
    "TFLOPS": "_TFLOPS", "GB": "_GB", "GB/s": "_GB_s", "EFLOPS": "_EFLOPS",
}  # fmt: skip
WITHOUT_SUFFIX = {"1", "count", "year", "see unit", "see quoted_unit", ""}


def raw(table: str) -> list[dict[str, str]]:
    text = files("ssmb.lithography").joinpath("data", f"{table}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def columns(table: str) -> dict[str, dict[str, str]]:
    """Kind and unit of each column of a table, as declared."""
    return {r["column"]: r for r in raw("columns") if r["table"] == table}


def faults(rows: list[dict[str, str]]) -> list[str]:
    """What is wrong with the rows of a table: no source, no valid status, too many or too few cells."""
    found = []
    for row in rows:
        key = next(iter(row.values()))
        if None in row or None in row.values():
            found.append(f"row {key} has more or fewer cells than columns")
        if not (row.get("source") or "").strip():
            found.append(f"row {key} has no source")
        if row.get("status") not in STATUSES:
            found.append(f"row {key} has status {row.get('status')!r}")
    return found


@pytest.mark.parametrize("table", TABLES)
def test_every_row_has_source_and_status(table):
    rows = raw(table)
    assert rows
    assert not faults(rows)


@pytest.mark.parametrize("change", [{"source": ""}, {"source": "  "}, {"status": ""}, {"status": "certain"}])
def test_a_row_without_source_or_status_is_found(change):
    rows = raw("chips")
    rows[3] = rows[3] | change
    assert len(faults(rows)) == 1


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_declared_with_a_unit_in_its_name(table):
    declared = columns(table)
    assert list(raw(table)[0]) == list(declared)
    for name, column in declared.items():
        assert column["kind"] in ("number", "text"), name
        if column["kind"] == "text":
            continue
        unit = column["unit"]
        assert unit, f"{table}.{name} is a number without unit"
        if unit not in WITHOUT_SUFFIX:
            suffix = UNIT_SUFFIX[unit].replace("_w(ph)", "_wph")
            assert re.search(rf"{suffix}($|_)", name), f"{table}.{name} does not carry its unit {unit}"


@pytest.mark.parametrize("table", TABLES)
def test_number_columns_hold_numbers(table):
    numbers = [name for name, column in columns(table).items() if column["kind"] == "number"]
    for row in fact_rows(table):
        for name in numbers:
            value = row.number(name)
            assert value is None or (math.isfinite(value) and (value >= 0.0 or name == "model_residual_percent")), (
                f"{table}: {row.key}: {name} = {value}"
            )


@pytest.mark.parametrize("table", [t for t in TABLES if t not in ("chip_extra_dies", "features")])
def test_keys_are_unique(table):
    keys = [r.key for r in fact_rows(table)]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("table", TABLES)
def test_unverified_fields_name_columns(table):
    names = set(columns(table))
    for row in fact_rows(table):
        if "unverified_fields" not in names:
            return
        for field in re.sub(r"\(.*?\)", "", row.text("unverified_fields")).split():
            assert field in names, f"{table}: {row.key}: unverified field {field} is no column"


def test_no_table_names_a_private_file():
    for table in TABLES:
        for row in raw(table):
            text = " ".join(row.values())
            assert not re.search(r"_[0-9a-f]{16}|/work/|shared/|find_string", text), (table, text)
            assert text.isascii(), (table, text)


def test_joins():
    nodes = {r.key for r in fact_rows("nodes")}
    assert {r.text("node_id") for r in fact_rows("chips")} <= nodes
    assert {r.text("node_id") for r in fact_rows("chip_extra_dies")} <= set(node_names())
    assert {r.text("chip_id") for r in fact_rows("clusters") if r.text("chip_id")} <= set(chip_names())
    assert {r.text("family") for r in fact_rows("euv_sources")} <= set(FAMILIES)
    for family in ("LPP", "DPP", "synchrotron", "FEL", "HHG", "SSMB"):
        assert {r.text("feature") for r in fact_rows("features") if r.text("family") == family} == set(FEATURES)


def test_parameters_have_range_unit_status_and_source():
    for name, p in parameter_table().items():
        assert p.low <= p.value <= p.high, name
        assert p.unit, name
        assert p.source, name
        assert p.status in STATUSES, name


def test_all_records_load():
    assert len(euv_sources()) == len(fact_rows("euv_sources")) >= 44
    assert len([chip(n) for n in chip_names()]) >= 43
    assert len([node(n) for n in node_names()]) >= 17


def test_clusters_recomputed_from_chips():
    for c in clusters():
        row = fact_row("clusters", c.cluster_id)
        for got, column, unit in (
            (c.flops, "bf16_dense_EFLOPS_computed", 1e18),
            (c.power, "chip_power_MW_computed", 1e6),
        ):
            want = row.number(column)
            if want is not None:
                assert got is not None
                assert_close(got / unit, want, rtol=6e-3, atol=5e-3, what=f"{c.cluster_id} {column}")


# ---- the traps
# ----------------------------------------------------------------------------------------------------------


def test_trap_power_planes():
    """1290 W into 2 pi, 250 W at the focus and 1.6 W at the wafer are one source."""
    from ssmb.beamlines import LppChain
    from ssmb.lithography import scanner

    chain = LppChain()
    assert_close(chain.power_2pi, 1290.0, rtol=0.0, atol=0.5)
    assert_close(chain.power_at_focus, 250.0, rtol=0.0, atol=0.5)
    wafer = scanner("nxe3400c").throughput(250.0, 300.0).power_at_wafer
    assert_close(wafer, 1.6, rtol=0.0, atol=0.06)
    for s in euv_sources():
        assert isinstance(s.plane, PowerPlane)
        assert s.scope
        assert s.figure_kind
    assert euv_source("dpp_triniti_360").plane is PowerPlane.PLASMA
    assert euv_source("ssmb_default").plane is PowerPlane.UNDULATOR_EXIT


def test_trap_throughput_without_a_dose():
    """A rate cannot be asked for without a dose, and a row without a dose never becomes a point."""
    from ssmb.lithography import compare_scanners, scanner, scanner_points

    with pytest.raises(TypeError):
        scanner("nxe3600d").throughput(350.0)
    with pytest.raises(ConfigError, match="without a dose"):
        compare_scanners(doses=())
    ids = {p.point_id for p in scanner_points()}
    doseless = {r.key for r in fact_rows("scanners") if r.number("dose_mJ_cm2") is None}
    assert "nxe3100_target2011" in doseless
    assert "exe5200b_stitched" in doseless
    assert not ids & doseless


@pytest.mark.parametrize(
    ("name", "dense"), [("a100_80", 312.0), ("a100_40", 312.0), ("h100", 989.4), ("l40s", 362.0), ("b200", 2250.0)]
)
def test_trap_sparse_flops(name, dense):
    """The figures with sparsity (624, 1979, 733, 4500) must not stand in the dense column."""
    flops = chip(name).flops
    assert flops is not None
    assert_close(flops / 1e12, dense, rtol=1e-3, atol=0.0)


def test_trap_wafer_scale_and_sparse_quotes_are_left_empty():
    assert chip("wse3").flops is None
    assert chip("wse2").flops is None


def test_trap_per_chip_not_per_dollar():
    v5e, v4 = chip("tpu_v5e").flops, chip("tpu_v4").flops
    assert v5e is not None
    assert v4 is not None
    assert v5e < v4


@pytest.mark.parametrize(
    "name", ["a100_80", "a800", "tpu_v4", "gc200", "dojo_d1", "wse2", "ascend910b", "ascend910c", "groq1"]
)
def test_trap_chips_without_euv_are_not_limited_by_it(name):
    from ssmb.lithography import roadmap

    result = roadmap("ssmb_default", chip_id=name)
    assert not chip(name).uses_euv
    assert not result.limited_by_euv
    assert result.chips_per_year is None
    assert "not limited by EUV power" in result.statement
    assert "not limited by EUV power" in str(result.table())


def test_trap_one_die_or_all_dies():
    """MI250X: the area is one of two dies; MI300X: one of eight, and the IO dies take EUV passes too."""
    from ssmb.lithography import roadmap

    assert chip("mi250x").compute_die.per_package == 2
    x = chip("mi300x")
    assert x.compute_die.per_package == 8
    assert_close(sum(d.per_package for d in x.dies), 12, rtol=0.0, atol=0.0)
    assert_close(sum(d.per_package for d in chip("mi300a").dies), 13, rtol=0.0, atol=0.0)
    alone = roadmap("ssmb_default", chip_id="mi300x", all_dies=False)
    whole = roadmap("ssmb_default", chip_id="mi300x")
    assert alone.chips_per_year is not None
    assert whole.chips_per_year is not None
    assert whole.chips_per_year < 0.9 * alone.chips_per_year
    assert chip("ascend910").compute_die.area < 500e-6  # 1228 mm2 is the sum of all dies


def test_trap_cluster_precision():
    """The 0.561 EFLOPS of Eagle are FP64; dense BF16 is 25 times more."""
    eagle = {c.cluster_id: c for c in clusters()}["eagle"]
    assert "FP64" in eagle.quoted_precision
    assert eagle.quoted is not None
    assert eagle.flops is not None
    assert_close(eagle.flops / (eagle.quoted * 1e18), 25.4, rtol=0.0, atol=0.1)


def test_trap_naive_mirror_product():
    """0.7^11 is three times the transmission that throughput allows."""
    assert_close(0.7**11 / parameter_table()["transmission"].value, 3.2, rtol=0.0, atol=0.05)


def test_transmission_split():
    """The assumed split of 0.62 %: ten mirrors, mask, pellicle twice, gas and membranes, uniformity."""
    assert_close(0.652**10 * 0.65 * 0.90**2 * 0.95 * 0.90, 0.0062, rtol=0.01, atol=0.0)


def test_trap_swept_area():
    """96 exposures on a wafer that holds 64 complete fields at best; the swept area is 874, not 707 cm2."""
    from ssmb.lithography import gross_dies_grid, scanner

    assert scanner("nxe3600d").fields_per_wafer == 96.0
    assert gross_dies_grid(26e-3, 33e-3, scribe_width=0.0, trial_offsets=None) == 64
    assert_close(scanner("nxe3600d").swept_area * 1e4, 874.0, rtol=0.0, atol=0.5)
    assert_close(math.pi * 15.0**2, 707.0, rtol=0.0, atol=0.5)


def test_trap_claims_of_the_brief():
    """Ceiling of 500 W, B200 four times H100, TPU v5p twice v4: marked as claims, or not what the tables give."""
    limit = euv_source("lpp_brief_limit")
    assert limit.figure_kind == "claimed"
    assert limit.status == "brief"
    assert euv_source("lpp_2026_600").power > limit.power
    ratios = {("b200", "h100"): 2.27, ("tpu_v5p", "tpu_v4"): 1.67}
    for (new, old), want in ratios.items():
        a, b = chip(new).flops, chip(old).flops
        assert a is not None
        assert b is not None
        assert_close(a / b, want, rtol=0.0, atol=0.01)
    assert fact_row("demand", "brief_35").text("status") == "brief"


def test_records_speak_of_light_and_dirt():
    lpp, ring = euv_source("lpp_3800e"), euv_source("ssmb_default")
    assert "tin" in source_feature("LPP", "debris")
    assert source_feature("SSMB", "debris") == "none"
    assert "mrad" in source_feature("SSMB", "collimation")
    assert lpp.etendue is not None
    assert ring.etendue is not None
    assert lpp.etendue > 1e6 * ring.etendue
