"""Monitors: one file each. Importing this package registers all of them."""

import importlib
import pkgutil

from ssmb.tracking.monitors.base import MONITORS, KeepingMonitor, Monitor, Probes, SumMonitor, SumRow, monitor
from ssmb.tracking.monitors.bucket import BucketMonitor, BucketRecord
from ssmb.tracking.monitors.bunching import BunchingMonitor, BunchingRecord
from ssmb.tracking.monitors.moments import MomentMonitor, MomentRecord
from ssmb.tracking.monitors.record import Curves, Record
from ssmb.tracking.monitors.snapshots import SnapshotMonitor, SnapshotRecord, beam_at

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")  # a new file is registered by being there

__all__ = [
    "MONITORS",
    "BucketMonitor",
    "BucketRecord",
    "BunchingMonitor",
    "BunchingRecord",
    "Curves",
    "KeepingMonitor",
    "MomentMonitor",
    "MomentRecord",
    "Monitor",
    "Probes",
    "Record",
    "SnapshotMonitor",
    "SnapshotRecord",
    "SumMonitor",
    "SumRow",
    "beam_at",
    "monitor",
]
