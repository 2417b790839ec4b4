"""Sections of a run file: beam, laser, turns and light, as frozen classes."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ssmb.facility import Filling, Insertion, Ring
from ssmb.maps.radiation import Radiation
from ssmb.schemes.insertion import CouplingInsertion
from ssmb.studies.config_types import (
    Angle,
    Charge,
    Count,
    Detuning,
    Emit,
    Length,
    Order,
    RadiationValue,
    Seconds,
    Section,
    Seed,
    Share,
    Turns,
    UpToOne,
    Wavelength,
    keys_of,
    section_of,
)
from ssmb.studies.source_config import CoulombLog, Current, Part, UndulatorConfig
from ssmb.tracking.laser_program import LaserProgram

#: What makes a Gaussian beam.
NUMBERS_OF_A_BEAM: tuple[str, ...] = ("emit_x", "emit_y", "sigma_delta", "sigma_z")


class BeamConfig(Section):
    """The beam at the start: Gaussian about the matched optics; in z Gaussian or uniform over whole wavelengths.

    Its numbers are given, or are those of the equilibrium of the ring.
    """

    particles: Count = 100_000
    charge: Charge | None = Field(
        default=None, description="charge of the bunch, or of a microbunch [C]; 1/weight of the macroparticles; 5 pC"
    )
    current: Current | None = Field(
        default=None,
        description="current of a filled train of microbunches [A], instead of charge: that of a microbunch is "
        "current times wavelength over c",
    )
    matched: Literal["equilibrium"] | None = Field(
        default=None,
        description="equilibrium: emittances, momentum spread and length are those of radiation damping and noise in "
        "the ring; in the micro-buckets, if z is gaussian and the laser is the same on all turns, else by its cavities",
    )
    effects: tuple[Literal["intrabeam"], ...] = Field(
        default=(),
        max_length=1,
        description="what the equilibrium has besides: intrabeam scattering of the charge (a lattice that has it as "
        "diffusion already would count it twice)",
    )
    coulomb_log: CoulombLog = Field(default=11.0, description="logarithm of the scattering [1]")
    emit_x: Emit | None = Field(default=None, description="rms horizontal emittance [m]; of a matched beam: the same")
    emit_y: Emit | None = Field(
        default=None,
        description="rms vertical emittance [m]; of a matched beam: with a coupling that the lattice has not",
    )
    coupling: Part | None = Field(
        default=None, description="of a matched beam, instead of emit_y: emit_y over emit_x [1]"
    )
    sigma_delta: UpToOne | None = Field(
        default=None, description="rms relative momentum spread [1]; of a matched beam: the same"
    )
    sigma_z: Length | None = Field(
        default=None,
        description="rms bunch length [m], also for the light of the whole bunch; of a matched beam: the same",
    )
    z_distribution: Literal["coasting", "gaussian"] = Field(
        default="coasting", description="coasting: uniform over whole laser wavelengths, a slice of the bunch"
    )
    wavelengths: Count = Field(default=4, description="length of a coasting slice in laser wavelengths")
    start: Literal["quiet", "random"] = "quiet"
    seed: Seed = 1

    @model_validator(mode="after")
    def _agree(self) -> Self:
        for one, other in (("charge", "current"), ("emit_y", "coupling")):
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise ValueError(f"give {one} or {other}, not both")
        if self.matched is None:
            for name in NUMBERS_OF_A_BEAM:
                if getattr(self, name) is None:
                    raise ValueError(f"{name} is missing: give it, or matched: equilibrium for the beam of the ring")
            for name in ("effects", "coupling"):
                if getattr(self, name):
                    raise ValueError(f"{name} belongs to matched: equilibrium; given numbers are taken as they are")
        return self


class LaserConfig(section_of(LaserProgram)):
    """When the laser is on, and how it changes; its parameters stand in the lattice (group SSMB_laser of a Wiggler)."""

    elements: tuple[str, ...] = Field(min_length=1, description="names of the Wigglers that carry it")
    wavelength: Wavelength | None = Field(
        default=None, description="laser wavelength [m], which the lattice has: what is given must be the same"
    )
    turns: Turns = Field(default=1, description="on during the first so many turns, then off")
    detuning: Detuning = Field(default=0.0, description="relative change of the wavelength [1]; the buckets move")

    @property
    def changes(self) -> bool:
        """Whether it is more than on and then off."""
        return bool(self.windows or self.duty or self.ramp or self.detuning or self.noise)

    @model_validator(mode="after")
    def _agree(self) -> LaserConfig:
        last = max((after for _, after in self.windows), default=0)
        if last > self.turns:
            raise ValueError(f"a window ends at turn {last}, but the laser goes off for good at turns = {self.turns}")
        if self.changes and self.turns < 2:
            raise ValueError(f"what changes by turn needs several turns with light, but turns = {self.turns}")
        return self


class TrackConfig(Section):
    """How far and how."""

    turns: Turns = Field(default=2, ge=1)
    seed: Seed = 1
    threads: Annotated[Count, Field(le=4096)] | None = None
    radiation: RadiationValue = Field(
        default=Radiation(),
        description="synchrotron radiation: off, mean (loss), quantum (photons) or diffusion (loss with Gaussian "
        "noise); "
        "or {mode, edges: pole faces radiate, angles: photons leave at their angle to the plane of the orbit}",
    )
    model: Literal["lattice", "ring_model"] = Field(
        default="lattice",
        description="ring_model: the fast model of the lattice, made for the run, about 50 times faster",
    )
    order: Order = Field(default=3, description="order of the maps of a ring_model")
    checkpoint_every: Seconds = Field(default=60.0, description="time between checkpoints [s]")


class LightConfig(UndulatorConfig):
    """The undulator in which the microbunched beam radiates, and the detector behind it."""

    at: str = Field(description="element at whose entrance the bunching is taken")
    turn: Turns = Field(default=1, description="turn whose bunching radiates")
    harmonics: tuple[Annotated[Count, Field(le=99)], ...] = Field(default=(1, 2), min_length=1, max_length=99)
    bandwidth: Share = Field(description="full relative width of the detector's filter [1]")
    acceptance: Angle = Field(description="half angle of the detector's aperture [rad]")
    charges: tuple[Charge, ...] = Field(
        default=(1e-13, 3e-13, 1e-12, 3e-12, 1e-11, 3e-11, 1e-10),
        min_length=1,
        max_length=1000,
        description="charges of the scan [C]",
    )


#: Of the beam that comes to an insertion; its optics belong to the insertion.
_BEAM = ("emit_x", "emit_y", "sigma_delta")


class InsertionConfig(section_of(CouplingInsertion, leave_out=("lattice", *_BEAM), optional=("wavelength",))):
    """The insertion, the laser in its modulators, and the optics of the beam that comes to it.

    The wavelength is that of the laser at mod1 if the lattice has it.
    """

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.spot is not None and self.wavelength is not None and self.spot < self.wavelength:
            raise ValueError(
                f"spot {self.spot:g} m is below the wavelength {self.wavelength:g} m: no waist is so small"
            )
        if self.dispersion_y == (0.0, 0.0):
            raise ValueError("dispersion_y is zero at mod1: the coupling of the insertion needs a vertical dispersion")
        return self


class InsertionBeamConfig(section_of(Insertion, "particles", "seeds", "seed", **keys_of(CouplingInsertion, *_BEAM))):
    """The coasting beam that the ring has without scattering in the insertion; quiet start over one laser
    wavelength.
    """


class GivenRingConfig(
    section_of(
        Ring, "circumference", "damping_time", "energy_loss", **keys_of(Filling, "average_current", "train_current"),
        **keys_of(Insertion, "laser_average_power", "pulse_margin"),
    )
):  # fmt: skip
    """The ring around the insertion: not tracked, what is said here is given."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.damping_time is None) == (self.energy_loss is None):
            raise ValueError("give either damping_time or energy_loss")
        self.check_as(Filling)
        return self


class ClosureConfig(
    section_of(
        Insertion, "fraction", "order", "modulators", particles=keys_of(Insertion, "closure_particles").popitem()[1]
    )
):
    """The path from the first to the second modulator."""
