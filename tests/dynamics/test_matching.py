"""Matching brings a detuned ring back, and says so when it cannot."""

from __future__ import annotations

import pytest

from ssmb.dynamics import Knob, MatchStatus, Target, match, optics
from ssmb.errors import ConfigError, LatticeError, PhysicsError
from tests.dynamics.rings import double_bend_ring, mls
from tests.support import assert_close


def test_a_detuned_ring_is_recovered() -> None:
    ring = mls()
    good = optics(ring)
    off = ring.with_changes(
        {"Q2K": {"Kn1": -4.41}, "Q2L": {"Kn1": -4.12}, "Q1L2": {"Kn1": 3.495}, "Q3K": {"Kn1": 4.95}}
    )
    knobs = {"Q2K.Kn1": (-5, -4), "Q2L.Kn1": (-5, -4), "Q1L2.Kn1": (3, 4), "Q3K.Kn1": (4.5, 5.5)}
    made = match(
        off,
        knobs,
        [
            Target("qx", 0.1781274954),
            Target("qy", 0.2200157239),
            Target("alpha_c", good.alpha_c),
            Target("dispersion_x", good.at("U125")["dispersion_x"], at="U125"),
        ],
    )
    assert made.status is MatchStatus.REACHED
    assert made.reached
    want = {"Q2K.Kn1": -4.398, "Q2L.Kn1": -4.1325, "Q1L2.Kn1": 3.48845, "Q3K.Kn1": 4.9426}
    for name, value in want.items():
        assert_close(made.knobs[name], value, rtol=1e-5, atol=0.0, what=name)
    assert made.lattice["Q2K#1"].Kn1 == made.knobs["Q2K.Kn1"]
    assert all(abs(r.off) <= 1.0 for r in made.residuals)


def test_chromaticities_of_a_ring() -> None:
    made = match(
        double_bend_ring(),
        [Knob("sf.Kn2", 0, 900), Knob("sd.Kn2", -600, 0)],
        [Target("dqx", 0.2), Target("dqy", 0.3)],
    )
    assert made.reached
    found = optics(made.lattice)
    assert_close((found.dqx, found.dqy), (0.2, 0.3), rtol=0.0, atol=2e-4)


def test_the_mls_is_made_linear_at_the_undulator() -> None:
    """Chromaticities, second-order slip and second-order dispersion at U125, by all seven families of sextupoles."""
    families = ("S1P1", "S1P2", "S2P1", "S2P2K", "S2P2L", "S3P1", "S3P2")
    made = match(
        mls(),
        {f"{name}.Kn2": (-600.0, 600.0) for name in families},
        [
            Target("dqx", 0.1),
            Target("dqy", 0.1),
            Target("slip_factor2", 0.0),
            Target("dispersion2_x", 0.0, at="U125"),
            Target("dispersion2_px", 0.0, at="U125"),
        ],
    )
    assert made.reached
    again = optics(made.lattice)
    place = again.at("U125")
    assert_close((again.dqx, again.dqy), 0.1, rtol=0.0, atol=1e-4)
    assert_close((place["dispersion2_x"], place["dispersion2_px"]), 0.0, rtol=0.0, atol=1e-4)
    assert_close(again.qx, optics(mls()).qx, rtol=0.0, atol=1e-9, what="sextupoles leave the tunes")
    third = match(made.lattice, {"OP1.Kn3": (-5e3, 5e3), "OP2.Kn3": (-5e3, 5e3)}, [Target("slip_factor3", 0.0)])
    assert third.reached


def test_scaled_knob_function_target_and_limit() -> None:
    made = match(
        mls(),
        [Knob("Q1*.Kn1", 0.95, 1.05, mode="scale")],
        [Target(lambda found, ring: found.alpha_c * 1e5, 1.0, tolerance=1e-4)],
    )
    assert made.reached
    assert_close(made.optics.alpha_c, 1e-5, rtol=1e-4, atol=0.0)
    ratio = made.lattice["Q1L2#1"].Kn1 / made.lattice["Q1K1#1"].Kn1
    assert_close(ratio, 3.48845 / 3.17415, rtol=1e-12, atol=0.0, what="the ratio of the family is kept")


def test_taylor_coefficient() -> None:
    ring = mls()
    target = Target("taylor", -0.03, row="z", powers={"delta": 2}, start="K3", end="L4", tolerance=1e-7)
    made = match(ring, {"S2P2K.Kn2": (-200, 200)}, [target])
    assert made.reached
    assert made.residuals[0].label == "z(delta^2)"


def test_out_of_reach_is_a_status() -> None:
    made = match(mls(), {"S1P1.Kn2": (0, 100)}, [Target("qx", 0.25)])
    assert made.status is MatchStatus.NOT_REACHED
    assert not made.reached
    limited = match(mls(), {"Q1L2.Kn1": (3.48, 3.489)}, [Target("qx", 3.25)])
    assert limited.status is MatchStatus.AT_LIMIT
    assert limited.provenance["at_limit"] == ["Q1L2.Kn1"]
    short = match(mls(), {"Q2L.Kn1": (-5, -3.5)}, [Target("qy", 2.23)], max_evaluations=2)
    assert short.status is MatchStatus.OUT_OF_EVALUATIONS


def test_unstable_to_begin_with() -> None:
    with pytest.raises(PhysicsError):
        match(mls().with_changes({"Q3*": {"Kn1": 0.0}}), {"Q3K.Kn1": (-1, 6)}, [Target("qx", 3.2)])


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Target("tune_x", 1.0), ConfigError, "unknown quantity 'tune_x'"),
        (lambda: Target("beta_x", 1.0), ConfigError, "needs at=ELEMENT"),
        (lambda: Target("qx", 1.0, tolerance=0.0), ConfigError, "tolerance"),
        (lambda: Target("qx", 1.0, bound="below"), ConfigError, "'equal', 'max' or 'min'"),
        (lambda: Knob("Q1K1", 0, 1), ConfigError, "family and parameter"),
        (lambda: Knob("Q1K1.Kn1", 1, 0), ConfigError, "below the upper"),
        (lambda: match(mls(), {"Q9.Kn1": (0, 1)}, [Target("qx", 0.2)]), LatticeError, "no element matches 'Q9'"),
        (lambda: match(mls(), {"Q1*.Kn1": (0, 9)}, [Target("qx", 0.2)]), ConfigError, "different values"),
        (lambda: match(mls(), {"Q1K1.Kn1": (4, 9)}, [Target("qx", 0.2)]), ConfigError, "outside its limits"),
        (lambda: match(mls(), {"Q1K1.K1": (0, 9)}, [Target("qx", 0.2)]), ConfigError, "no parameter 'K1'"),
        (lambda: match(mls(), {}, [Target("qx", 0.2)]), ConfigError, "at least one knob"),
    ],
)
def test_wrong_arguments(make, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()
