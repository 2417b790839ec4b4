"""A bunch in bins against the sum over all pairs, and what is said where bins, window or wake are not good enough."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam
from ssmb.collective import (
    BunchImpedance,
    Impedance,
    ResistiveWall,
    Resonator,
    TransverseImpedance,
    TransverseResonator,
)
from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.errors import ValidityWarning
from tests.collective.test_impedance import gains, gaussian
from tests.support import assert_close

SIGMA, WINDOW = 1e-3, (-6e-3, 6e-3)
#: 30 GHz: a period of 1 cm; with a quality of 1000 it rings for 3 m, in a window of 12 mm.
NARROW = Resonator(5e3, 1000.0, 30e9)
#: Wakes of all kinds whose closed form is known.
KINDS: dict[str, Impedance] = {
    "broad": Resonator(5e3, 1.0, 60e9),
    "narrow": NARROW,
    "high": Resonator(1e4, 1e4, 150e9),
    "wall": ResistiveWall(10.0, 0.03, 1e4),
    "sum": 3.0 * NARROW + ResistiveWall(1e3, 0.03, 1e4),
}


def by_pairs(beam: Beam, impedance: Impedance) -> np.ndarray:
    """Energy gains [eV] from the wakes of all others, and half of the limit of the own one."""
    behind = beam.z[None, :] - beam.z[:, None]
    wake = np.where(behind > 0.0, impedance.wake(np.maximum(behind, 0.0)), 0.0)
    wake += 0.5 * (behind == 0.0) * impedance.wake(np.zeros(1))[0]
    return -wake @ (beam.weight * ELEMENTARY_CHARGE)


@pytest.mark.parametrize("kind", KINDS)
def test_against_the_sum_over_all_pairs(kind: str) -> None:
    """Lumps of unequal charge; the wake may ring far beyond the window."""
    lumps = [gaussian(SIGMA / 2.0, 250, 1e-10).z + place for place in (-3e-3, 0.5e-3, 4e-3)]
    rows = np.zeros((6, 750))
    rows[4] = np.concatenate(lumps)
    beam = Beam(gaussian(SIGMA, 3, 1e-10).reference, rows, weight=np.repeat([1.0, 5.0, 2.0], 250) * 1e6)
    effect = BunchImpedance(at="m", impedance=KINDS[kind], window=(-6e-3, 7e-3), bins=1201)
    want = by_pairs(beam, KINDS[kind])
    assert_close(gains(effect, beam), want, rtol=0.0, atol=2e-3 * np.abs(want).max(), what="dE [eV]")


@pytest.mark.parametrize("kind", KINDS)
def test_bins_that_are_too_coarse_are_told_how_many_it_takes(kind: str) -> None:
    """A third of the bins is wrong by more than a percent of the largest gain, the number that is told by less."""
    beam = gaussian(SIGMA, 601, 1e-9)
    want = by_pairs(beam, KINDS[kind])

    def error(bins: int) -> float:
        effect = BunchImpedance(at="m", impedance=KINDS[kind], window=WINDOW, bins=bins)
        return float(np.abs(gains(effect, beam) - want).max() / np.abs(want).max())

    with pytest.warns(ValidityWarning, match="bins of .* are too coarse for a bunch of 0.00") as caught:
        error(8)
    found = re.search(r"take bins=(\d+)", str(caught[0].message))
    assert found is not None
    needed = int(found[1])
    with pytest.warns(ValidityWarning, match="too coarse"):
        assert error(needed // 3) > 0.01
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert error(needed) < 0.01


def test_charge_outside_of_the_window_does_not_act() -> None:
    beam = gaussian(SIGMA, 1000, 1e-9)
    inside = np.abs(beam.z) < 1.5e-3
    effect = BunchImpedance(at="m", impedance=NARROW, window=(-1.5e-3, 1.5e-3))
    with pytest.warns(ValidityWarning, match=r"bunch_impedance: 0.13 of the charge lies outside .* make the window"):
        got = gains(effect, beam)
    assert got[inside].tobytes() == gains(effect, beam.select(inside)).tobytes()
    assert not got[~inside].any()


def test_a_function_whose_wake_rings_for_too_long_is_told() -> None:
    """As a function a resonance of high quality has no closed wake; one that dies out is found by its Fourier sum."""

    def given(quality: float) -> Any:
        return Resonator(5e3, quality, 30e9).__call__

    short = BunchImpedance(at="m", impedance=given(30.0), window=WINDOW)
    beam = gaussian(SIGMA, 1001, 1e-9)
    closed = gains(BunchImpedance(at="m", impedance=Resonator(5e3, 30.0, 30e9), window=WINDOW), beam)
    assert_close(gains(short, beam), closed, rtol=0.0, atol=1e-3 * np.abs(closed).max(), what="dE [eV]")
    with pytest.warns(ValidityWarning, match=r"rings for longer than .* m; .* is known to .*: take an impedance with"):
        BunchImpedance(at="m", impedance=given(1e7), window=WINDOW)


@pytest.mark.parametrize("plane", ["longitudinal", "transverse"])
def test_a_mode_that_is_gone_within_the_window(plane: str) -> None:
    """What decays by more than a number can hold over a window has the wake of a shorter window, and is not NaN."""

    def wakes(half: float, bins: int) -> Any:
        own: dict[str, Any] = {"at": "m", "window": (-half, half), "bins": bins}
        if plane == "transverse":
            return TransverseImpedance(impedance=TransverseResonator(1e4, 1.0, 1e12), axis="x", **own)._wakes
        return BunchImpedance(impedance=Resonator(1e4, 1.0, 1e12), **own)._wakes

    charge = np.zeros(8001)
    charge[4000] = 1e-9
    want = wakes(0.0125, 1001)(charge[3500:4501])
    assert_close(wakes(0.1, 8001)(charge)[3500:4501], want, rtol=0.0, atol=1e-6 * float(np.abs(want).max()))
