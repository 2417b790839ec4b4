"""The figures of a ring study."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ssmb.plot.bucket import plot_bucket
from ssmb.plot.optics import plot_optics
from ssmb.plot.phase_space import plot_phase_space
from ssmb.plot.record import plot_record
from ssmb.plot.signal import plot_signal
from ssmb.plot.source import plot_harmonics, plot_source
from ssmb.plot.study import Draw, drawings
from ssmb.studies.ring import RingResult

if TYPE_CHECKING:
    from ssmb.beam import Beam
    from ssmb.buckets import MicroBucket
    from ssmb.lattice import Lattice


@drawings(RingResult)
def ring_drawings(result: RingResult) -> dict[str, Draw]:
    """What can be drawn of a ring: functions of the place to draw in.

    Optics, phase_space, the record of each monitor that has curves, separatrix, signal; power against harmonic and the
    way of each.
    """
    lattice = _lattice_of(result)
    out: dict[str, Draw] = {"optics": lambda into: plot_optics(result.optics, lattice, into=into)}
    beam, words = _beam_of(result)
    wavelength = _wavelength_of(result)
    if beam is not None and wavelength is not None:
        out["phase_space"] = lambda into: plot_phase_space(beam, wavelength, title=words, into=into)
    drawn = {name: r for name, r in result.records.items() if len(r.turn) and r.curves()}
    for name, record in sorted(drawn.items(), key=lambda item: item[1].kind):
        alone = [r.kind for r in drawn.values()].count(record.kind) == 1
        key = record.kind if alone else name.replace("@", "_at_").replace("/", "_")
        out[key] = lambda into, record=record: plot_record(record, into=into)
    watched, final = next((b for r in drawn.values() if (b := r.micro_bucket())), None), result.beam
    if watched is not None and final is not None and final.alive.any():
        end = f"end of turn {result.turns - 1}" if result.turns else "start"
        bucket_then = _bucket_at_end(watched, result)
        out["separatrix"] = lambda into: plot_bucket(bucket_then, final, periods=1, title=end, into=into)
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


def _bucket_at_end(bucket: MicroBucket, result: RingResult) -> MicroBucket:
    """The bucket where a detuned laser has brought it: by -C detuning in each turn."""
    laser = result.config.laser
    moved = bucket.circumference * laser.detuning * result.turns if laser is not None else 0.0
    return replace(bucket, phase=bucket.phase + moved / bucket.wavelength)


def _lattice_of(result: RingResult) -> Lattice | None:
    from ssmb.errors import SsmbError
    from ssmb.lattice import load_lattice

    try:
        return load_lattice(result.lattice_text).without_noise() if result.lattice_text else None
    except SsmbError:  # written by a newer version, or by hand: the curves can be drawn without it
        return None


def _beam_of(result: RingResult) -> tuple[Beam | None, str]:
    """The beam at the light, else that at the end."""
    source = "" if result.config.source is None else "source at "
    kept = [(beam, words) for words, beam in result.beams() if not (source and words.startswith(source))]
    return kept[0] if kept else (None, "")


def _wavelength_of(result: RingResult) -> float | None:
    if result.config.laser is not None:
        return result.config.laser.wavelength
    return max((light.wavelength * light.harmonic for light in result.light), default=None)
