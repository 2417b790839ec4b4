"""Monte-Carlo intervals: reproducible, centred on the deterministic values, widths that follow the ranges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, optimize, special

from ssmb.errors import ConfigError
from ssmb.lithography import model_parameters, roadmap, roadmap_intervals, shortage_map
from ssmb.lithography.curvature import median_shifts
from ssmb.lithography.roadmap import SHOWN, evaluate, roadmap_case
from ssmb.lithography.uncertainty import Varied, _sampled, curvatures, draw, varied_inputs
from tests.support import assert_close

CASES = (
    ("ssmb_default", "h100", None),
    ("lpp_3800e", "h100", "N2"),
    ("ssmb_default", "mi300x", None),
    ("lpp_roadmap_2030", "b200", "A14"),
)


def test_same_seed_same_numbers():
    a = roadmap_intervals("ssmb_default", samples=200, seed=5)
    assert a == roadmap_intervals("ssmb_default", samples=200, seed=5)
    b = roadmap_intervals("ssmb_default", samples=200, seed=6)
    assert a["chips_per_year"].median != b["chips_per_year"].median
    assert a["chips_per_year"].value == b["chips_per_year"].value


def test_stream_of_an_input_does_not_depend_on_the_others():
    v = Varied("rework", 0.03, 0.01, 0.06)
    assert np.array_equal(draw(v, 50, 1), draw(v, 100, 1)[:50])
    assert not np.array_equal(draw(v, 50, 1), draw(Varied("line_yield", 0.03, 0.01, 0.06), 50, 1))


@pytest.mark.parametrize(("case", "seed"), [(0, 1), (1, 2), (2, 3), (3, 4)])
def test_central_values_are_the_deterministic_ones(case, seed):
    """Every headline number, within three standard errors of the median of 20 000 samples and nothing more."""
    source, part, home = CASES[case]
    r = roadmap_intervals(source, chip_id=part, node_id=home, samples=20_000, seed=seed)
    assert r.roadmap == roadmap(source, chip_id=part, node_id=home)
    assert len(r.intervals) == len(SHOWN)
    for i in r.intervals:
        assert_close(i.median, i.value, rtol=1e-12, atol=3.0 * i.median_error, what=i.name)
        assert i.median_error <= 0.004 * i.value
        assert i.low <= i.value <= i.high


def test_shift_that_is_taken_out_is_that_of_the_samples():
    """The samples of the model itself: their median lies off the deterministic value by the stated shift."""
    case = roadmap_case("ssmb_default")
    varied, n = varied_inputs(case), 12_000
    columns = {v.name: draw(v, n, 7) for v in varied}
    energy = [evaluate(_sampled(case, {k: float(c[i]) for k, c in columns.items()})).energy_per_chip for i in range(n)]
    value, (bend,) = evaluate(case).energy_per_chip, curvatures(case, varied, ("energy_per_chip",))
    assert value is not None
    error = 1.2533 * np.std(np.log(np.array(energy, float))) / math.sqrt(n)
    shift = math.log(float(np.median(np.array(energy, float))) / value)
    assert shift > 5.0 * error
    assert_close(shift, math.log1p(bend), rtol=0.0, atol=3.0 * error)


def test_shift_of_a_sum_of_lognormals():
    """Second order against the exact median of e^(s z1) + 2 e^(t z2), found from its distribution by quadrature."""
    s, t = 0.4, 0.25
    got = float(median_shifts(lambda z: np.log([np.exp(s * z[0]) + 2.0 * np.exp(t * z[1])]), 2)[0])

    def below(total: float) -> float:
        def rest(z: float) -> float:
            return float(special.ndtr(math.log(total - 2.0 * math.exp(t * z)) / s))

        edge = math.log(0.5 * total) / t
        return integrate.quad(lambda z: rest(z) * math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi), -9.0, edge)[0]

    exact = math.log(optimize.brentq(lambda total: below(total) - 0.5, 2.5, 3.5) / 3.0)
    assert exact > 0.01
    assert_close(got, exact, rtol=0.05, atol=0.0)


def test_monotone_function_of_one_input_keeps_its_median():
    shifts = median_shifts(lambda z: np.array([math.exp(z[0]), math.tanh(z[0] + 0.3), 1.0]), 3)
    assert_close(shifts, np.zeros(3), rtol=0.0, atol=1e-12)


def test_medians_of_the_inputs_give_the_deterministic_result():
    case = roadmap_case("ssmb_default")
    for shape in ("centred", "split"):
        medians = {v.name: float(np.median(draw(v, 4000, 9, shape))) for v in varied_inputs(case)}
        got, want = evaluate(_sampled(case, medians)), evaluate(case)
        assert got.chips_per_year is not None
        assert want.chips_per_year is not None
        assert_close(got.chips_per_year, want.chips_per_year, rtol=0.03, atol=0.0, what=shape)


def test_quantiles_of_one_input():
    """5 and 95 % of a lopsided range: as it stands when split, centred on the default otherwise."""
    v = Varied("test", 10.0, 5.0, 12.0)
    split = np.quantile(draw(v, 40000, 1, "split"), [0.05, 0.5, 0.95])
    assert_close(split, np.array([5.0, 10.0, 12.0]), rtol=0.02, atol=0.0)
    centred = np.quantile(draw(v, 40000, 1), [0.05, 0.5, 0.95])
    ratio = math.sqrt(12.0 / 5.0)
    assert_close(centred, np.array([10.0 / ratio, 10.0, 10.0 * ratio]), rtol=0.02, atol=0.0)
    normal = np.quantile(draw(Varied("test", 1.0, 0.5, 1.5, normal=True), 40000, 1), [0.05, 0.5, 0.95])
    assert_close(normal, np.array([0.5, 1.0, 1.5]), rtol=0.02, atol=0.0)


def test_shares_stay_below_one():
    assert draw(Varied("oee", 0.9, 0.5, 1.0, 1.0), 4000, 1).max() == 1.0


def test_interval_of_a_product_is_known():
    """Only the effectiveness and the line yield vary: the logarithm of the chips is the sum of two normals."""
    case = roadmap_case("lpp_3800e")
    two = [v for v in varied_inputs(case) if v.name in ("equipment_effectiveness", "rework")]
    assert len(two) == 2
    samples = {v.name: draw(v, 2500, 4) for v in two}
    chips = np.array(
        [evaluate(_sampled(case, {n: float(s[i]) for n, s in samples.items()})).chips_per_year for i in range(2500)]
    )
    spread = np.std(np.log(chips))
    widths = {v.name: math.log(v.high / v.low) / (2.0 * 1.6448536) for v in two}
    expected = math.hypot(widths["equipment_effectiveness"], 0.03 / 1.03 * widths["rework"])
    # The clip at an effectiveness of 1 (two sigma above the default) narrows the spread by about 1 %.
    assert_close(spread, expected, rtol=0.05, atol=0.0)


def test_what_does_not_matter_is_not_varied():
    names = {v.name for v in varied_inputs(roadmap_case("lpp_3800e"))}
    assert "beamline_transport" not in names
    assert "ring_power" not in names
    assert "tool_power" in names
    names = {v.name for v in varied_inputs(roadmap_case("ssmb_default"))}
    assert {"beamline_transport", "bandwidth_gain", "ring_power", "layers"} <= names
    assert "tool_power" not in names


def test_range_follows_a_changed_default():
    par = model_parameters({"rework": 0.06})
    v = {v.name: v for v in varied_inputs(roadmap_case("ssmb_default", parameters=par))}["rework"]
    assert_close((v.low, v.value, v.high), (0.02, 0.06, 0.12), rtol=1e-12, atol=0.0)


def test_power_range_of_the_row_is_used():
    r = roadmap_intervals("lpp_roadmap_2030")["power_at_if"]
    assert_close((r.low, r.high), (1732.0 * 0.917, 1732.0 / 0.917), rtol=0.03, atol=0.0)


def test_shortage_map():
    m = shortage_map(1.12e7, demand=4e6, supply_growth=1.4)
    assert m.years[0] == (None,) * 5  # demand x1.2 against supply x1.4
    assert "none" in str(m.table())
    for line in m.years[1:]:
        years = [y for y in line if y is not None]
        assert years == sorted(years)


def test_default_outside_its_range_is_an_error():
    from ssmb.errors import SsmbError

    with pytest.raises(SsmbError, match="outside its range"):
        draw(Varied("x", 3.0, 4.0, 5.0), 10, 1)
    assert issubclass(ConfigError, SsmbError)
