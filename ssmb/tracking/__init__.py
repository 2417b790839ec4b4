"""Tracking: many particles, many turns, monitors, checkpoints."""

from ssmb.tracking.monitors import (
    BunchingMonitor,
    BunchingRecord,
    MomentMonitor,
    MomentRecord,
    Monitor,
    SnapshotMonitor,
    SnapshotRecord,
)
from ssmb.tracking.track import Loss, Run, RunStatus, losses_of, most_threads, track

__all__ = [
    "BunchingMonitor",
    "BunchingRecord",
    "Loss",
    "MomentMonitor",
    "MomentRecord",
    "Monitor",
    "Run",
    "RunStatus",
    "SnapshotMonitor",
    "SnapshotRecord",
    "losses_of",
    "most_threads",
    "track",
]
