"""The source of a ring run: its light by harmonic, what intrabeam scattering takes, and the energy of a turn."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from ssmb.beam import Beam, Reference
from ssmb.beamlines import Beamline, UndulatorChain, beamline
from ssmb.bunching import bunching_factor
from ssmb.errors import ConfigError, SsmbError, ValidityWarning
from ssmb.facility import Filling, Limit, RadiatingBeam, Radiator, Ring, energy_of_turn
from ssmb.facility.ring_intrabeam import IntrabeamEstimate, ring_intrabeam
from ssmb.facility.source import energy_imbalance
from ssmb.lattice import Lattice
from ssmb.optics import Optics
from ssmb.radiation.undulator import Undulator
from ssmb.studies.beamline_config import beamline_of
from ssmb.studies.config import RunConfig
from ssmb.studies.light import modulation
from ssmb.studies.rings import quiet, ring_program
from ssmb.studies.source_config import RadiatorConfig
from ssmb.studies.source_result import RingSource
from ssmb.tracking import BucketRecord


def radiator_of(want: RadiatorConfig, reference: Reference, wavelength: float) -> Radiator:
    """The radiator of a run file, its gap set to a wavelength [m]."""
    undulator = Undulator.resonant(reference, wavelength, want.period, want.periods, helical=want.helical)
    return Radiator(undulator, want.detuning, want.beamlines, chain_of(want), want.band)


def chain_of(want: RadiatorConfig) -> UndulatorChain | Beamline | None:
    """The way to the focus of a run file: its stages, or a chain by name; "none" is the undulator exit."""
    if want.beamline:
        return beamline_of(want.beamline)
    if want.chain is None:
        return None
    return UndulatorChain("none", transport=1.0) if want.chain == "none" else beamline(want.chain)


def wavelength_of(config: RunConfig) -> float:
    """Wavelength of the laser as it shines, detuning counted [m]."""
    assert config.laser is not None  # the config class demands it
    return config.laser.wavelength * (1.0 + config.laser.detuning)


def check_source(config: RunConfig, ring: Lattice) -> None:
    """Raise what stops the light before anything is tracked, see :func:`check_radiator`."""
    want = config.source
    assert want is not None
    for n in want.harmonics:
        check_radiator(want, ring.reference, wavelength_of(config) / n, ring.length)


def check_radiator(want: RadiatorConfig, reference: Reference, wavelength: float, circumference: float) -> None:
    """Raise what stops the light of a radiator at a wavelength [m].

    It is longer than its ring [m], no K makes it resonant, or a stage of its beamline cannot work at the wavelength.
    """
    Undulator.resonant(reference, wavelength, want.period, want.periods, helical=want.helical)
    if want.period * want.periods > circumference:
        raise ConfigError(
            f"a radiator of {want.periods} periods of {want.period:g} m is longer than the ring, {circumference:.6g} m"
        )
    beamline_of(want.beamline or ()).check(wavelength)


def over_turns(config: RunConfig, records: Mapping[str, Any], harmonic: int, bunching: float) -> float:
    """Mean of |b_n|^2 over the last turns of the bucket monitor at the radiator, over that of one turn [1].

    Parameters
    ----------
    records : of the run, by name of the monitor.
    bunching : |b_n| of that one turn.
    """
    want = config.source
    assert want is not None
    if want.mean_over is None or bunching == 0.0:
        return 1.0
    record = next(r for r in records.values() if isinstance(r, BucketRecord) and r.at == want.at)
    column = int(np.flatnonzero(record.harmonics == harmonic)[0])
    late = record.turn >= config.track.turns - want.mean_over
    return float(np.mean(record.magnitude[late, column] ** 2)) / bunching**2


def ring_source(
    config: RunConfig, ring: Lattice, optics: Optics, beam: Beam, turn: int, records: Mapping[str, Any]
) -> RingSource:
    """Return the light of a tracked beam as the run file asks.

    Parameters
    ----------
    config : run file with ``source`` and ``laser``.
    ring : lattice of the file, with its magnets (not the ring model).
    optics : its optics.
    beam : beam in the middle of the radiator.
    turn : turn of that beam.
    records : of the monitors of the run, by name.

    Warns
    -----
    ValidityWarning
        The ring has no equilibrium, so that nothing is said about intrabeam scattering.
    """
    want, laser = config.source, config.laser
    assert want is not None
    assert laser is not None
    duty = config.laser_duty() or 1.0
    filling = Filling(want.average_current, want.train_current, want.train_length or math.inf)
    found, note = _intrabeam(config, ring, filling.local_current)
    seen = []
    for n in want.harmonics:
        of_turn = abs(complex(bunching_factor(beam, wavelength_of(config) / n)))
        limits: tuple[Limit, ...] = ()
        if found is not None and found.electrons and want.intrabeam == "add":
            factor = max(found.power_factor(wavelength_of(config) / n), 1e-300)
            limits = (Limit("intrabeam scattering, longer microbunch", factor, "calculated"),)
        turns = over_turns(config, records, n, of_turn)
        seen.append(RadiatingBeam(beam, wavelength_of(config), n, filling, duty, over_turns=turns, limits=limits))
    radiator = radiator_of(want, ring.reference, seen[0].wavelength)
    lights = [radiator.state(one) for one in seen]
    amplitude, _ = modulation(laser, optics, ring_program(quiet(ring), laser, True))
    powers = [light.power for name in laser.elements for e in ring.find(name) if (light := e.light())]
    return RingSource(
        at=want.at,
        turn=turn,
        mean_over=want.mean_over or 1,
        lights=tuple(lights),
        imbalance=tuple(energy_imbalance(light, beam) for light in lights),
        intrabeam=found,
        intrabeam_note=note,
        energy=energy_of_turn(
            Ring.of(ring, filling),
            lights,
            in_lattice=_in_lattice(want, ring),
            laser_on=duty,
            laser_peak=amplitude * ring.reference.p0c * ring.reference.beta,
            laser_power=max(powers, default=0.0),
        ),
    )


def _in_lattice(want: RadiatorConfig, ring: Lattice) -> bool:
    """Whether an undulator of this period is a magnet of the lattice."""
    fields = (e.undulator(ring.reference) for e in ring)
    return any(field is not None and math.isclose(field.period, want.period, rel_tol=1e-6) for field in fields)


def _intrabeam(config: RunConfig, ring: Lattice, current: float) -> tuple[IntrabeamEstimate | None, str]:
    want: Any = config.source
    options = {"current": current, "wavelength": wavelength_of(config), "emit_y": config.beam.emit_y}
    try:
        found = ring_intrabeam(quiet(ring), want.at, coulomb_log=want.coulomb_log, **options)
    except SsmbError as error:
        note = f"intrabeam scattering is NOT counted: {error.message}"
        warnings.warn(note, ValidityWarning, stacklevel=4)
        return None, note
    if want.intrabeam == "in_beam":
        return found, "told only: the beam of the run file is said to have it"
    if not found.electrons:
        return found, "told only: micro-buckets do not hold this beam"
    return found, "a factor on the power: exp(-k^2 d sigma_z^2) of the longer microbunch"
