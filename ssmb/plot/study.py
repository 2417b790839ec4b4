"""The figures of a run: each alone, or all on one page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ssmb.errors import ConfigError
from ssmb.plot.bucket import plot_bucket
from ssmb.plot.bunching import plot_bunching
from ssmb.plot.canvas import Figure, new_figure
from ssmb.plot.captured import plot_captured
from ssmb.plot.insertion import insertion_drawings
from ssmb.plot.optics import plot_optics
from ssmb.plot.phase_space import plot_phase_space
from ssmb.plot.signal import plot_signal
from ssmb.plot.source import plot_harmonics, plot_source
from ssmb.tracking import BucketRecord, BunchingRecord

if TYPE_CHECKING:
    from ssmb.beam import Beam
    from ssmb.bunching import MicroBucket
    from ssmb.lattice import Lattice
    from ssmb.studies.insertion_result import InsertionResult
    from ssmb.studies.result import StudyResult


def study_figures(result: StudyResult | InsertionResult) -> dict[str, Figure]:
    """Return the figures that a run can have, by name: optics, phase_space, bunching and bucket (one for
    each monitor), signal; power against harmonic and the way of the power of each.
    """
    return {name: draw(None) for name, draw in _drawings(result).items()}


def plot_study(result: StudyResult | InsertionResult) -> Figure:
    """Return all figures of a run on one page.

    Raises
    ------
    ConfigError
        The run has nothing to draw.
    """
    drawings = list(_drawings(result).values())
    if not drawings:
        raise ConfigError("this run has nothing to draw: no optics, no living particles, no records")
    rows = (len(drawings) + 1) // 2
    page = new_figure(10.4, 4.3 * rows)
    parts = page.subfigures(rows, 2, squeeze=False).ravel()
    for part, draw in zip(parts, drawings, strict=False):
        draw(part)
    return page


def _drawings(result: StudyResult | InsertionResult) -> dict[str, Callable[[Any], Figure]]:
    """What can be drawn: functions of the place to draw in."""
    from ssmb.studies.insertion_result import InsertionResult

    if isinstance(result, InsertionResult):
        return insertion_drawings(result)
    out: dict[str, Callable[[Any], Figure]] = {}
    if result.optics is not None:
        lattice = _lattice_of(result)
        out["optics"] = lambda into: plot_optics(result.optics, lattice, into=into)
    beam, words = _beam_of(result)
    wavelength = _wavelength_of(result)
    if beam is not None and wavelength is not None:
        out["phase_space"] = lambda into: plot_phase_space(beam, wavelength, title=words, into=into)
    buckets = {name: r for name, r in result.records.items() if isinstance(r, BucketRecord) and len(r.turn)}
    for name, bucket in buckets.items():
        key = _key("bucket", name, len(buckets))
        out[key] = lambda into, bucket=bucket: plot_captured(bucket, into=into)
    last = next(iter(buckets.values()), None)
    if last is not None and result.beam.alive.any():
        end = f"end of turn {result.turns - 1}" if result.turns else "start"
        bucket_then = _bucket_at_end(last.bucket, result)
        out["separatrix"] = lambda into: plot_bucket(bucket_then, result.beam, periods=1, title=end, into=into)
    records = {name: r for name, r in result.records.items() if isinstance(r, BunchingRecord) and len(r.turn)}
    for name, record in records.items():
        key = _key("bunching", name, len(records))
        out[key] = lambda into, record=record: plot_bunching(record, into=into)
    for light in result.source.lights if result.source is not None else ():
        if all(step.power > 0.0 for step in light.steps):
            key = f"power_{light.harmonic}"
            out[key] = lambda into, light=light: plot_source(light, into=into)
    if result.source is not None and len(result.source.lights) > 1:
        lights = result.source.lights
        out["power"] = lambda into: plot_harmonics(lights, into=into)
    signals = [light.signal for light in result.light if (light.signal.energy > 0.0).any()]
    if signals:
        out["signal"] = lambda into: plot_signal(signals, into=into)
    return out


def _bucket_at_end(bucket: MicroBucket, result: StudyResult) -> MicroBucket:
    """The bucket where a detuned laser has brought it: by -C detuning in each turn."""
    laser = result.config.laser
    moved = bucket.circumference * laser.detuning * result.turns if laser is not None else 0.0
    return replace(bucket, phase=bucket.phase + moved / bucket.wavelength)


def _key(kind: str, name: str, of_its_kind: int) -> str:
    """Name of the figure of a monitor."""
    return kind if of_its_kind == 1 else name.replace("@", "_at_").replace("/", "_")


def _lattice_of(result: StudyResult) -> Lattice | None:
    from ssmb.errors import SsmbError
    from ssmb.lattice import load_lattice
    from ssmb.studies.rings import quiet

    try:
        return quiet(load_lattice(result.lattice_text)) if result.lattice_text else None
    except SsmbError:  # written by a newer version, or by hand: the curves can be drawn without it
        return None


def _beam_of(result: StudyResult) -> tuple[Beam | None, str]:
    light = result.config.light
    if result.beam_at_light is not None and light is not None and result.beam_at_light.alive.any():
        return result.beam_at_light, f"at {light.at}, turn {light.turn}"
    if result.beam is not None and result.beam.alive.any():
        return result.beam, f"end of turn {result.turns - 1}" if result.turns else "start"
    return None, ""


def _wavelength_of(result: StudyResult) -> float | None:
    if result.config.laser is not None:
        return result.config.laser.wavelength
    return max((light.wavelength * light.harmonic for light in result.light), default=None)
