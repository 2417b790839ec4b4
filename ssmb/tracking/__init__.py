"""Tracking: many particles, many turns, monitors, checkpoints."""

from ssmb.tracking.job import RunStatus
from ssmb.tracking.laser_program import Duty, LaserProgram, Noise, Ramp
from ssmb.tracking.monitors import (
    BucketMonitor,
    BucketRecord,
    BunchingMonitor,
    BunchingRecord,
    MomentMonitor,
    MomentRecord,
    Monitor,
    SnapshotMonitor,
    SnapshotRecord,
)
from ssmb.tracking.track import Loss, Run, losses_of, track

__all__ = [
    "BucketMonitor",
    "BucketRecord",
    "BunchingMonitor",
    "BunchingRecord",
    "Duty",
    "LaserProgram",
    "Loss",
    "MomentMonitor",
    "MomentRecord",
    "Monitor",
    "Noise",
    "Ramp",
    "Run",
    "RunStatus",
    "SnapshotMonitor",
    "SnapshotRecord",
    "losses_of",
    "track",
]
