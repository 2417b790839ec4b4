"""The source of a ring run: its light by harmonic, what intrabeam scattering takes, and the energy of a turn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ssmb.beam import Beam, Reference, bunching_factor
from ssmb.beam.kick_statistics import KickStatistics
from ssmb.beamlines import Beamline, UndulatorChain, beamline
from ssmb.collective import Effect
from ssmb.dynamics import Optics
from ssmb.errors import ConfigError, SsmbError, ValidityWarning, warn
from ssmb.facility import (
    EnergyOfTurn,
    Filling,
    Limit,
    RadiatingBeam,
    Radiator,
    Ring,
    SourceLight,
    energy_of_turn,
)
from ssmb.facility.kick_budget import (
    OWN_LIGHT,
    KickBudget,
    KickLine,
    allowed_kick,
    light_kick,
    missing_physics,
    tracked_lines,
)
from ssmb.facility.ring_intrabeam import IntrabeamEstimate, ring_intrabeam
from ssmb.lattice import Lattice
from ssmb.maps.undulator import Undulator
from ssmb.quantity import quantities_of, quantity
from ssmb.studies.light import modulation
from ssmb.studies.ring_and_laser import ring_program
from ssmb.studies.sections import LaserConfig
from ssmb.studies.source_config import RadiatorConfig, SourceConfig
from ssmb.tracking.stations import Kick


@dataclass(frozen=True, eq=False)
class RingSource:
    """The light of a ring at harmonics of its laser."""

    at: str = quantity("", "element at whose entrance the middle of the radiator is")
    turn: int = quantity("turn", "turn whose beam radiates")
    mean_over: int = quantity("1", "last turns over which the powers are the mean; 1: those of `turn`")
    lights: tuple[SourceLight, ...] = quantity("", "one for each harmonic; the radiator is tuned to one at a time")
    imbalance: tuple[float, ...] = quantity(
        "1", "of each, energy lost by the particles over energy radiated, minus 1", dims=("light",)
    )
    intrabeam: IntrabeamEstimate | None = quantity(
        "", "beam without and with intrabeam scattering; None if the ring has no equilibrium"
    )
    intrabeam_note: str = quantity("", "what was done with it, or why there is none")
    energy: EnergyOfTurn = quantity("", "where the energy of a turn goes, for the harmonic that takes the most")
    kicks: KickBudget | None = quantity("", "random kicks of a turn against damping, plane of z; None: no equilibrium")


def undulator_of(want: RadiatorConfig, reference: Reference, wavelength: float) -> Undulator:
    """The undulator of a radiator, resonant at a wavelength [m]."""
    return Undulator.resonant(
        reference, wavelength, want.known("period"), want.known("periods"), helical=bool(want.helical)
    )


def radiator_of(want: RadiatorConfig, reference: Reference, wavelength: float) -> Radiator:
    """The radiator of a run file, its gap set to a wavelength [m]."""
    return want.made(undulator=undulator_of(want, reference, wavelength), chain=chain_of(want))


def chain_of(want: RadiatorConfig) -> UndulatorChain | Beamline | None:
    """The way to the focus of a run file: its stages, or a chain by name; "none" is the undulator exit."""
    if want.beamline:
        return Beamline("run file", tuple(stage.made() for stage in want.beamline))
    if want.chain is None:
        return None
    return UndulatorChain("none", transport=1.0) if want.chain == "none" else beamline(want.chain)


def wavelength_of(laser: LaserConfig) -> float:
    """Wavelength of the laser as it shines, detuning counted [m]."""
    return laser.known("wavelength") * (1.0 + laser.detuning)


def check_source(want: SourceConfig, laser: LaserConfig, ring: Lattice) -> None:
    """Raise what stops the light before anything is tracked, see :func:`check_radiator`."""
    for n in want.harmonics:
        check_radiator(want, ring.reference, wavelength_of(laser) / n, ring.length)


def check_radiator(want: RadiatorConfig, reference: Reference, wavelength: float, circumference: float) -> None:
    """Raise what stops the light of a radiator at a wavelength [m].

    It is longer than its ring [m], no K makes it resonant, or a stage of its beamline cannot work at the wavelength.
    """
    u = undulator_of(want, reference, wavelength)
    if u.period * u.n_periods > circumference:
        raise ConfigError(
            f"a radiator of {u.n_periods} periods of {u.period:g} m is longer than the ring, {circumference:.6g} m"
        )
    chain = chain_of(want)
    if isinstance(chain, Beamline):
        chain.check(wavelength)


def over_turns(config: Any, records: Mapping[str, Any], harmonic: int, bunching: float) -> float:
    """Mean of |b_n|^2 over the last turns, as a monitor of harmonics at the radiator has it, over that of one turn [1].

    Parameters
    ----------
    config : the run file.
    records : of the run, by name of the monitor.
    bunching : |b_n| of that one turn.
    """
    want = cast(SourceConfig, config.source)
    if want.mean_over is None or bunching == 0.0:
        return 1.0
    record = next(r for r in records.values() if "harmonics" in quantities_of(r) and r.at == want.radiator)
    column = int(np.flatnonzero(record.harmonics == harmonic)[0])
    last = record.turn >= config.track.turns - want.mean_over
    return float(np.mean(np.abs(record.bunching)[last, column] ** 2)) / bunching**2


def ring_source(
    config: Any,
    emit_y: float,
    ring: Lattice,
    optics: Optics,
    beam: Beam,
    records: Mapping[str, Any],
    effects: Sequence[Effect] = (),
    kicks: Sequence[Kick] = (),
) -> RingSource:
    """Return the light of a tracked beam as the run file asks.

    Parameters
    ----------
    config : the run file, with a source.
    emit_y : rms vertical emittance that scattering starts from [m].
    ring : lattice of the file, with its magnets (not the ring model).
    optics : its optics.
    beam : beam in the middle of the radiator.
    records : of the monitors of the run, by name.
    effects, kicks : that the beam felt while it was tracked, and what they did on the last turn.

    Warns
    -----
    ValidityWarning
        The ring has no equilibrium, so that nothing is said about intrabeam scattering.
    """
    want, laser = cast(SourceConfig, config.source), cast(LaserConfig, config.laser)
    duty = cast(float, config.laser_duty())  # the class of the run file demands all three
    filling = Filling(**want.values_of(Filling))
    wavelength = wavelength_of(laser)
    found, note = _intrabeam(want, wavelength, emit_y, ring, filling.local_current)
    seen = []
    for n in want.harmonics:
        of_turn = abs(complex(bunching_factor(beam, wavelength / n)))
        limits: tuple[Limit, ...] = ()
        if found is not None and found.electrons and want.intrabeam == "add":
            factor, bounds = found.power_factor(wavelength / n), found.power_factor_range(wavelength / n)
            limits = (Limit("intrabeam scattering, longer microbunch", factor, "calculated", bounds),)
        turns = over_turns(config, records, n, of_turn)
        seen.append(RadiatingBeam(beam, wavelength, n, filling, duty, over_turns=turns, limits=limits))
    radiator = radiator_of(want, ring.reference, seen[0].wavelength)
    lights = [radiator.state(one) for one in seen]
    own = [light_kick(light, beam) for light in lights]
    at_z = None if found is None else _kicks(found, Ring.of(ring, filling), own, effects, kicks)
    amplitude, _ = modulation(laser, optics, ring_program(ring.without_noise(), laser, True))
    powers = [light.power for name in laser.elements for e in ring.find(name) if (light := e.light())]
    return RingSource(
        at=want.radiator,
        turn=config.source_turn,
        mean_over=want.mean_over or 1,
        lights=tuple(lights),
        imbalance=tuple(imbalance for imbalance, _ in own),
        intrabeam=found,
        intrabeam_note=note,
        energy=energy_of_turn(
            Ring.of(ring, filling),
            lights,
            in_lattice=bool(want.in_lattice),
            laser_on=duty,
            laser_peak=amplitude * ring.reference.p0c * ring.reference.beta,
            laser_power=max(powers, default=0.0),
        ),
        kicks=at_z,
    )


def _kicks(
    found: IntrabeamEstimate, ring: Ring, own: Sequence[tuple[float, KickStatistics]], effects: Sequence[Effect],
    kicks: Sequence[Kick],
) -> KickBudget:  # fmt: skip
    """The random kicks of a turn in the plane of z, of the light that kicks most: radiators are tuned one at a time."""
    damping = 0.5 * ring.damping[2]  # of an amplitude in a bucket
    alone, scattered = found.sigma_delta
    more = math.sqrt(max(scattered**2 - alone**2, 0.0))
    physics = {made.name: made.physics for made in effects}
    lines = [KickLine("photons of the ring", allowed_kick(damping, alone**2), "calculated", True)]
    if more > 0.0 and "intrabeam scattering" not in physics.values():
        lines.append(KickLine("intrabeam scattering", allowed_kick(damping, more**2), "calculated", True))
    lines += tracked_lines(kicks, physics)
    if OWN_LIGHT not in physics.values():
        worst = max((kick.scatter for _, kick in own), default=0.0)
        lines.append(KickLine(OWN_LIGHT, worst, "tracked", False))
    covered = {*physics.values(), OWN_LIGHT, "intrabeam scattering"}
    return KickBudget("z", allowed_kick(damping, scattered**2), tuple(lines), missing_physics(covered))


def _intrabeam(
    want: SourceConfig, wavelength: float, emit_y: float, ring: Lattice, current: float
) -> tuple[IntrabeamEstimate | None, str]:
    options = {"current": current, "wavelength": wavelength, "emit_y": emit_y}
    try:
        found = ring_intrabeam(ring.without_noise(), want.radiator, coulomb_log=want.coulomb_log, **options)
    except SsmbError as error:
        note = f"intrabeam scattering is NOT counted: {error.message}"
        warn(note, ValidityWarning)
        return None, note
    if want.intrabeam == "in_beam":
        return found, "told only: the beam of the run file is said to have it"
    if not found.electrons:
        return found, "told only: micro-buckets do not hold this beam"
    return found, "a factor on the power: exp(-k^2 d sigma_z^2) of the longer microbunch"
