"""``track`` and what it is given, called with anything: a run whose records are finite, or an error of ours, soon."""

from __future__ import annotations

import inspect
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam
from ssmb.buckets import MicroBucket
from ssmb.collective import (
    BunchImpedance,
    ImpedanceTable,
    Inductance,
    ResistiveWall,
    Resonator,
    TrainImpedance,
)
from ssmb.errors import SsmbError
from ssmb.maps.radiation import Radiation
from ssmb.ranges import LARGEST
from ssmb.tracking import (
    BucketMonitor,
    BunchingMonitor,
    Duty,
    LaserProgram,
    MomentMonitor,
    Noise,
    Ramp,
    Run,
    SnapshotMonitor,
    track,
)
from tests.tracking.micro_ring import LIGHT, REFERENCE, bucket, ring

#: Longest time for one call [s], of the processor.
PATIENCE = 5.0
RING = ring(4.2e-4)
BEAM = Beam.gaussian(REFERENCE, np.diag([1e-10, 1e-12, 1e-10, 1e-12, 1e-14, 1e-8]), n=20, charge=1e-12, seed=1)
HOSTILE = (
    None, "U", "V", "", b"U", True, math.nan, math.inf, -math.inf, -1, -1.0, 0, 0.0, 1e300, 1e-300, 10**30, 2**63, 0.5,
    3, 1j, [], [1.0], [math.nan], [None], ["V"], ["U"], {}, {"V": 1}, {"U": None}, {1: 2}, np.array([1.0, np.nan]),
    np.zeros((2, 2)), np.array("U"), object(), MomentMonitor, MomentMonitor(), [MomentMonitor()], [MomentMonitor] * 2,
    LARGEST, len, lambda turn: np.nan * turn, lambda *a, **k: None, (5, 2), (0, 0), [(3, 1)], [(0, math.nan)],
    [(1, 2, 3)], "quantun", iter([MomentMonitor()]), MicroBucket, LaserProgram, Resonator,
)  # fmt: skip

POINTS = {"k": (1e6, 2e7), "real": (3e3, 5e3), "imaginary": (2e3, 0.0), "acts": "both"}
TABLE = ImpedanceTable(**POINTS)
#: What is made, and how it is handed to track.
MADE: list[tuple[Callable[..., Any], dict[str, Any], Callable[[Any], dict[str, Any]]]] = [
    (MomentMonitor, {"at": "m", "every": 1, "name": "a"}, lambda m: {"monitors": [m]}),
    (BunchingMonitor, {"at": "m", "wavelengths": [LIGHT], "every": 1, "name": "a"}, lambda m: {"monitors": [m]}),
    (SnapshotMonitor, {"at": "m", "turns": [1], "every": 1, "name": "a"}, lambda m: {"monitors": [m]}),
    (
        BucketMonitor,
        {"at": "m", "bucket": bucket(4.2e-4), "harmonics": [1], "light": None, "every": 1, "name": "a"},
        lambda m: {"monitors": [m]},
    ),
    (
        LaserProgram,
        {"amplitude": 1.0, "phase": 0.0, "detuning": 0.0, "windows": [(0, 2)], "duty": Duty(2, 1),
         "ramp": Ramp((0,), (0.0,)), "noise": Noise(0.1, 0.1)},
        lambda p: {"drives": {"U": p}},
    ),
    (Radiation, {"mode": "quantum", "edges": True, "angles": False}, lambda r: {"radiation": r}),
    (
        TrainImpedance,
        {"at": "m", "impedance": TABLE, "wavelength": LIGHT, "current": 1.0, "harmonics": (1,), "name": "a"},
        lambda e: {"effects": [e]},
    ),
    (
        BunchImpedance,
        {"at": 0.7, "impedance": Inductance(5e-9), "window": (-1e-6, 1e-6), "bins": 16, "name": "a"},
        lambda e: {"effects": [e]},
    ),
    *(
        (make, good, lambda z: {"effects": [TrainImpedance(at="m", impedance=z, wavelength=LIGHT, current=1.0)]})
        for make, good in (
            (Resonator, {"shunt_impedance": 1e4, "quality": 2.0, "frequency": 3e14}),
            (Inductance, {"inductance": 1e-12}),
            (ResistiveWall, {"length": 1.0, "radius": 0.01, "conductivity": 5.8e7}),
            (ImpedanceTable, POINTS),
        )
    ),
]  # fmt: skip


def _not_finite(thing: Any, path: str = "") -> list[str]:
    """Names of what is not a finite number in a run."""
    if isinstance(thing, Run):
        return _not_finite(thing.monitors, "monitors") + _not_finite(thing.beam, "beam")
    if isinstance(thing, Beam):
        return [] if np.isfinite(thing.coordinates[:, thing.alive]).all() else [path]
    if isinstance(thing, dict):
        return [name for key, value in thing.items() for name in _not_finite(value, f"{path} {key}")]
    if isinstance(thing, (list, tuple)):
        return [name for value in thing for name in _not_finite(value, path)]
    if isinstance(thing, np.ndarray) and thing.dtype.kind in "fc":
        return [] if np.isfinite(thing).all() else [path]
    if isinstance(thing, MicroBucket):
        return []
    if hasattr(thing, "__dataclass_fields__"):
        return [n for f in fields(thing) for n in _not_finite(getattr(thing, f.name), f"{path}.{f.name}")]
    return [path] if isinstance(thing, (float, complex)) and not np.isfinite(thing) else []


def _outcome(call: Callable[[], Any], what: str, patience: float = PATIENCE) -> str:
    """What is wrong with a call, or nothing."""
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            run = call()
        except SsmbError as error:
            words = str(error)
            wrong = "" if 15 < len(words) < 1500 else f"says {words[:2000]!r}"
        except Exception as error:  # what this test is for
            wrong = f"{type(error).__name__}: {error}"
        else:
            wrong = f"{', '.join(names)} not finite" if (names := _not_finite(run)) else ""
    took = time.process_time() - start
    return f"{what}: {wrong or f'took {took:.1f} s'}" if wrong or took > patience else ""


def _track(**given: Any) -> Run:
    return track(**({"lattice": RING, "beam": BEAM, "turns": 2} | given))


_IDS = [m[0].__name__ for m in MADE]


@pytest.mark.parametrize(("make", "good", "hand_over"), MADE, ids=_IDS)
def test_what_is_given_to_track_takes_anything(make, good, hand_over):
    assert not _outcome(lambda: _track(**hand_over(make(**good))), "sound", math.inf)  # compiles, too
    wrong = [
        _outcome(lambda name=name, bad=bad: _track(**hand_over(make(**(good | {name: bad})))), f"{name} = {bad!r}")
        for name in good
        for bad in HOSTILE
    ]
    assert not any(wrong), "\n".join(filter(None, wrong))


@pytest.mark.parametrize("name", [n for n in inspect.signature(track).parameters if n != "checkpoint"])
def test_every_argument_of_track_takes_anything(name):
    given = [bad for bad in HOSTILE if not (name == "progress" and callable(bad))]  # what it raises is the caller's own
    wrong = [_outcome(lambda bad=bad: _track(**{name: bad}), f"{name} = {bad!r}") for bad in given]
    assert not any(wrong), "\n".join(filter(None, wrong))
