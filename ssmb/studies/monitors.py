"""The monitors of a run file: what is made of a section, and what its record is called in files and in print."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ssmb.buckets import MicroBucket
from ssmb.studies.sections import BucketConfig, BunchingConfig, MomentsConfig, MonitorConfig
from ssmb.text import nanometres, number, table
from ssmb.tracking import (
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

#: kind of a monitor in files -> its record
RECORDS: dict[str, type[Any]] = {
    "moments": MomentRecord,
    "bunching": BunchingRecord,
    "bucket": BucketRecord,
    "snapshots": SnapshotRecord,
}
KINDS = {record: kind for kind, record in RECORDS.items()}
#: Of a longer record the first and last turns are printed; JSON has all.
_MOST_TURNS = 20


def monitor_of(m: MonitorConfig, bucket: Callable[[], tuple[MicroBucket, str | None]]) -> Monitor:
    """Return the monitor of a section.

    Parameters
    ----------
    bucket : gives the bucket of the run, and the element whose light it moves with.
    """
    if isinstance(m, MomentsConfig):
        return MomentMonitor(m.at, m.every)
    if isinstance(m, BunchingConfig):
        return BunchingMonitor(m.at, m.wavelengths, m.every)
    if isinstance(m, BucketConfig):
        of, light = bucket()
        return BucketMonitor(m.at, of, m.harmonics, light, m.every)
    return SnapshotMonitor(every=m.every)


def record_text(name: str, record: BunchingRecord) -> str:
    """Return |b| by turn of a bunching monitor."""
    heads = (name, *(f"|b| {nanometres(float(w))}" for w in record.wavelengths))
    rows = [(f"turn {t}", *(number(b, 5) for b in m)) for t, m in zip(record.turn, record.magnitude, strict=True)]
    if len(rows) > _MOST_TURNS:
        half = _MOST_TURNS // 2
        rows = [*rows[:half], ("...", *("" for _ in record.wavelengths)), *rows[-half:]]
    return table(heads, rows)
