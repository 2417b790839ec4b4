"""Simulation of steady-state microbunching (SSMB) light sources.

Names are loaded when they are first used, so that ``import ssmb`` is quick.

Examples
--------
>>> import ssmb
>>> ssmb.Reference(energy=250e6).species
'electron'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ssmb.version import __version__

#: public name -> module that has it
_PUBLIC = {
    "Beam": "ssmb.beam",
    "Reference": "ssmb.beam",
    "LossReason": "ssmb.beam",
    "Lattice": "ssmb.lattice",
    "load_lattice": "ssmb.io",
    "read_lattice": "ssmb.io",
    "save_lattice": "ssmb.lattice",
    "check_file": "ssmb.lattice",
    "optics": "ssmb.dynamics",
    "closed_orbit": "ssmb.dynamics",
    "transfer_matrix": "ssmb.dynamics",
    "taylor_map": "ssmb.dynamics",
    "match": "ssmb.dynamics",
    "Radiation": "ssmb.maps.radiation",
    "equilibrium": "ssmb.dynamics",
    "Target": "ssmb.dynamics",
    "track": "ssmb.tracking",
    "ring_model": "ssmb.ring_models",
    "MomentMonitor": "ssmb.tracking",
    "BunchingMonitor": "ssmb.tracking",
    "BucketMonitor": "ssmb.tracking",
    "LaserProgram": "ssmb.tracking",
    "SnapshotMonitor": "ssmb.tracking",
    "RunStatus": "ssmb.tracking",
    "bunching_factor": "ssmb.beam",
    "bunching_spectrum": "ssmb.beam",
    "fold": "ssmb.beam",
    "shot_noise_level": "ssmb.beam",
    "MicroBucket": "ssmb.buckets",
    "SingleStage": "ssmb.schemes",
    "EchoEnabled": "ssmb.schemes",
    "Undulator": "ssmb.light",
    "coherent_power": "ssmb.light",
    "signal_against_charge": "ssmb.light",
    "plot": "ssmb.plot",
    "run_file": "ssmb.studies",
    "resume": "ssmb.studies",
    "load_result": "ssmb.studies",
    "scan": "ssmb.studies.scan",
    "load_scan": "ssmb.studies.scan",
    "save": "ssmb.studies",
    "load": "ssmb.studies",
    "SsmbError": "ssmb.errors",
    "any_cost": "ssmb.costs",
}

if TYPE_CHECKING:
    from ssmb.beam import Beam, LossReason, Reference, bunching_factor, bunching_spectrum, fold, shot_noise_level
    from ssmb.buckets import MicroBucket
    from ssmb.costs import any_cost
    from ssmb.dynamics import Target, closed_orbit, equilibrium, match, optics, taylor_map, transfer_matrix
    from ssmb.errors import SsmbError
    from ssmb.io import load_lattice, read_lattice
    from ssmb.lattice import Lattice, check_file, save_lattice
    from ssmb.light import Undulator, coherent_power, signal_against_charge
    from ssmb.maps.radiation import Radiation
    from ssmb.plot import plot
    from ssmb.ring_models import ring_model
    from ssmb.schemes import EchoEnabled, SingleStage
    from ssmb.studies import load, load_result, resume, run_file, save
    from ssmb.studies.scan import load_scan, scan
    from ssmb.tracking import (
        BucketMonitor,
        BunchingMonitor,
        LaserProgram,
        MomentMonitor,
        RunStatus,
        SnapshotMonitor,
        track,
    )

__all__ = sorted([*_PUBLIC, "__version__"])  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    # ``ssmb.plot`` is a room and a verb at once: the verb is what a user means
    if name in _PUBLIC:
        value = getattr(importlib.import_module(_PUBLIC[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'ssmb' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
