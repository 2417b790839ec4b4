"""Run file of a coupling insertion: modulator, radiator and second modulator of a ring that is not in the lattice.

It is told from the run file of a ring by its key ``insertion``. What it says about the ring (section ``ring``) is given, and
printed as that.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ssmb.studies.config_types import Count, Length, Number, OutputConfig, Section, Seed
from ssmb.studies.source_config import Current, Part, RadiatorConfig, check_train

Chirp = Annotated[float, Number, Field(ge=1e-3, le=1e8, allow_inf_nan=False)]
Beta = Annotated[float, Number, Field(ge=1e-6, le=1e6, allow_inf_nan=False)]
Slope = Annotated[float, Number, Field(ge=-1e4, le=1e4, allow_inf_nan=False)]
Emittance = Annotated[float, Number, Field(gt=0.0, le=1e-3, allow_inf_nan=False)]
Spread = Annotated[float, Number, Field(gt=0.0, le=0.1, allow_inf_nan=False)]
Time = Annotated[float, Number, Field(ge=1e-9, le=1e6, allow_inf_nan=False)]
Energy = Annotated[float, Number, Field(ge=1e-6, le=1e12, allow_inf_nan=False)]
Power = Annotated[float, Number, Field(ge=1e-9, le=1e18, allow_inf_nan=False)]
Margin = Annotated[float, Number, Field(ge=1.0, le=1e3, allow_inf_nan=False)]


class InsertionConfig(Section):
    """The insertion, the laser in its modulators, and the optics of the beam that comes to it."""

    mod1: str = Field(default="MOD1", description="element at whose entrance the middle of the first modulator is")
    rad: str = Field(default="RAD", description="that of the middle of the radiator")
    mod2: str = Field(default="MOD2", description="that of the middle of the second modulator")
    wavelength: Length = Field(description="laser wavelength [m]")
    chirp: Chirp = Field(description="h = k A, slope of the modulation on the axis [1/m]")
    spot: Length | None = Field(default=None, description="waist w0 of the laser [m]; without it a plane wave")
    beta: tuple[Beta, Beta] = Field(description="beta functions in x and y at mod1 [m]")
    alpha: tuple[Slope, Slope] = Field(default=(0.0, 0.0), description="alpha in x and y at mod1 [1]")
    dispersion_y: tuple[Slope, Slope] = Field(description="vertical dispersion D [m] and D' [1] at mod1")

    @model_validator(mode="after")
    def _possible(self) -> InsertionConfig:
        if self.spot is not None and self.spot < self.wavelength:
            raise ValueError(
                f"spot {self.spot:g} m is below the wavelength {self.wavelength:g} m: no waist is so small"
            )
        if self.dispersion_y == (0.0, 0.0):
            raise ValueError("dispersion_y is zero at mod1: the coupling of the insertion needs a vertical dispersion")
        return self


class InsertionBeamConfig(Section):
    """The coasting beam that the ring has without scattering in the insertion; quiet start over one laser wavelength."""

    particles: Annotated[Count, Field(ge=64)] = Field(default=131_072, description="of each seed")
    emit_x: Emittance = Field(description="rms horizontal emittance [m]")
    emit_y: Emittance = Field(description="rms vertical emittance [m]")
    sigma_delta: Spread = Field(description="rms relative momentum spread [1]")
    seeds: Annotated[Count, Field(le=1000)] = Field(default=1, description="independent beams that are added")
    seed: Seed = 1


class GivenRingConfig(Section):
    """The ring around the insertion: not tracked, what is said here is given."""

    circumference: Length
    damping_time: Time | None = Field(default=None, description="vertical amplitude damping time [s], or energy_loss")
    energy_loss: Energy | None = Field(default=None, description="radiated energy of a turn [eV], or damping_time")
    average_current: Current = Field(description="[A]")
    train_current: Current | None = Field(default=None, description="current inside the trains [A]")
    laser_average_power: Power | None = Field(
        default=None, description="most average power that travels with the electrons [W]; without it there is no limit"
    )
    pulse_margin: Margin = Field(default=1.2, description="length of a laser pulse over that of a train [1]")

    @model_validator(mode="after")
    def _agree(self) -> GivenRingConfig:
        if (self.damping_time is None) == (self.energy_loss is None):
            raise ValueError("give either damping_time or energy_loss")
        check_train(self.train_current, self.average_current)
        return self


class InsertionSourceConfig(RadiatorConfig):
    """The light of the insertion."""

    harmonic: Annotated[Count, Field(le=1000)] = Field(description="harmonic of the laser that is radiated")
    harmonics: tuple[Annotated[Count, Field(le=1000)], ...] = Field(
        default=(), max_length=1000, description="harmonics whose bunching is told; by default all up to harmonic + 5"
    )
    check: bool = Field(
        default=False, description="repeat with twice the particles, slices and seeds and tell what changes"
    )


class ClosureConfig(Section):
    """The path from the first to the second modulator."""

    fraction: Part = Field(default=0.3, description="growth of the vertical emittance over itself that is allowed [1]")
    order: Annotated[int, Number, Field(ge=1, le=5)] = Field(default=3, description="order of the map that names terms")
    particles: Annotated[Count, Field(ge=64)] = 32_768
    modulators: Literal["thick", "thin"] = Field(
        default="thick",
        description="thick: what slip in the modulators costs when their r56 is compensated is part of the path error",
    )


class InsertionRunConfig(Section):
    """A run file of an insertion."""

    title: str = ""
    lattice: str = Field(description="lattice file, relative to the run file")
    insertion: InsertionConfig
    beam: InsertionBeamConfig
    ring: GivenRingConfig
    source: InsertionSourceConfig
    closure: ClosureConfig = ClosureConfig()
    output: OutputConfig = OutputConfig()

    @model_validator(mode="after")
    def _agree(self) -> InsertionRunConfig:
        if self.beam.particles * self.beam.seeds > 20_000_000:
            raise ValueError("beam.particles times beam.seeds must not exceed 20 million")
        return self
