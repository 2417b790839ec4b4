"""Tracking: many particles, many turns, monitors, checkpoints."""

from ssmb.tracking.monitors import (
    BunchingMonitor,
    BunchingRecord,
    MomentMonitor,
    MomentRecord,
    SnapshotMonitor,
    SnapshotRecord,
)
from ssmb.tracking.track import Run, RunStatus, track

__all__ = [
    "BunchingMonitor",
    "BunchingRecord",
    "MomentMonitor",
    "MomentRecord",
    "Run",
    "RunStatus",
    "SnapshotMonitor",
    "SnapshotRecord",
    "track",
]
