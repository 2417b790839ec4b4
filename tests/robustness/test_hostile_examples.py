"""One argument of the calls that docstrings show, replaced by what nobody means: an error of the package, or a result.

Many more: ``python benchmarks/fuzz.py --only calls``.
"""

from __future__ import annotations

import random

import pytest

from tests.robustness.calls import modules, outcome, sound_calls

#: Rooms whose examples take a second; all of them are in the benchmark.
ROOMS = (
    "ssmb.beam.", "ssmb.beamlines.beamline", "ssmb.beamlines.chains", "ssmb.buckets.micro_bucket",
    "ssmb.buckets.lifetime", "ssmb.collective", "ssmb.facility.ring", "ssmb.light.coherent", "ssmb.light.growth",
    "ssmb.light.harmonics", "ssmb.light.statistics", "ssmb.lithography.dies", "ssmb.lithography.scanner",
    "ssmb.maps.undulator", "ssmb.schemes.lsf", "ssmb.schemes.tlc", "ssmb.tracking.laser_program",
)  # fmt: skip
CALLS = 12


@pytest.mark.parametrize("room", ROOMS)
def test_one_argument_that_nobody_means(room: str) -> None:
    chance = random.Random(room)
    calls = [call for name in modules() if name.startswith(room) for call in sound_calls(name)]
    assert calls
    wrong = []
    for _ in range(CALLS):
        words, changed = chance.choice(calls).with_one(chance)
        kind, said = outcome(changed)
        if kind not in ("refused", "result"):
            wrong.append((words, kind, said))
    assert not wrong
