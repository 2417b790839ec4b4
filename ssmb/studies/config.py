"""The run file: what one run is, as frozen classes that Python users can make themselves."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=10_000_000)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BeamConfig(_Section):
    """The beam at the start: Gaussian about the matched optics; in z Gaussian or uniform over whole wavelengths."""

    particles: Count = 100_000
    charge: Positive = Field(5e-12, description="charge of the bunch [C]; 1/weight of the macroparticles")
    emit_x: NotNegative = Field(description="rms horizontal emittance [m]")
    emit_y: NotNegative = Field(description="rms vertical emittance [m]")
    sigma_delta: NotNegative = Field(description="rms relative momentum spread [1]")
    sigma_z: Positive = Field(description="rms bunch length [m], also for the light of the whole bunch")
    z_distribution: Literal["coasting", "gaussian"] = Field(
        "coasting", description="coasting: uniform over whole laser wavelengths, a slice of the bunch"
    )
    wavelengths: Count = Field(4, description="length of a coasting slice in laser wavelengths")
    start: Literal["quiet", "random"] = "quiet"
    seed: Seed = 1


class LaserConfig(_Section):
    """When the laser is on; its parameters stand in the lattice (group SSMB_laser of a Wiggler)."""

    elements: tuple[str, ...] = Field(min_length=1, description="names of the Wigglers that carry it")
    wavelength: Positive = Field(description="laser wavelength [m]: unit of coasting slices and of the buckets")
    turns: Annotated[int, Field(ge=0)] = Field(1, description="on during the first so many turns, then off")


class TrackConfig(_Section):
    """How far and how."""

    turns: Annotated[int, Field(ge=1)] = 2
    seed: Seed = 1
    threads: Annotated[int, Field(ge=1)] | None = None
    checkpoint_every: Positive = Field(60.0, description="time between checkpoints [s]")


class MomentsConfig(_Section):
    """A monitor of moments."""

    kind: Literal["moments"]
    at: str | None = None
    every: Count = 1


class BunchingConfig(_Section):
    """A monitor of bunching factors."""

    kind: Literal["bunching"]
    at: str | None = None
    wavelengths: tuple[Positive, ...] = Field(min_length=1, description="wavelengths [m]")
    every: Count = 1


class SnapshotConfig(_Section):
    """Whole beams at the end of every n-th turn."""

    kind: Literal["snapshots"]
    every: Count = 1


MonitorConfig = Annotated[MomentsConfig | BunchingConfig | SnapshotConfig, Field(discriminator="kind")]


class LightConfig(_Section):
    """The undulator in which the microbunched beam radiates, and the detector behind it."""

    at: str = Field(description="element at whose entrance the bunching is taken; must have a bunching monitor")
    turn: Annotated[int, Field(ge=0)] = Field(1, description="turn whose bunching radiates")
    period: Positive = Field(description="undulator period [m]")
    periods: Annotated[int, Field(ge=5)]
    harmonics: tuple[Annotated[int, Field(ge=1, le=99)], ...] = (1, 2)
    bandwidth: Positive = Field(description="full relative width of the detector's filter [1]")
    acceptance: Positive = Field(description="half angle of the detector's aperture [rad]")
    charges: tuple[Positive, ...] = Field(
        (1e-13, 3e-13, 1e-12, 3e-12, 1e-11, 3e-11, 1e-10), description="charges of the scan [C]"
    )


class OutputConfig(_Section):
    """What is written into the run folder."""

    folder: str = Field("", description="folder of the run; by default runs/<name of the run file>")
    particles: bool = True
    figures: bool = True


class RunConfig(_Section):
    """A run file."""

    title: str = ""
    lattice: str = Field(description="lattice file, relative to the run file")
    beam: BeamConfig
    laser: LaserConfig | None = None
    track: TrackConfig = TrackConfig()
    monitors: tuple[MonitorConfig, ...] = ()
    light: LightConfig | None = None
    output: OutputConfig = OutputConfig()

    @model_validator(mode="after")
    def _agree(self) -> RunConfig:
        if self.beam.z_distribution == "coasting" and self.laser is None:
            raise ValueError("a coasting beam needs laser.wavelength as its unit of length")
        if self.light is not None:
            seen = [m for m in self.monitors if isinstance(m, BunchingConfig) and m.at == self.light.at]
            if not seen:
                raise ValueError(f"light.at '{self.light.at}' needs a bunching monitor at the same element")
            if self.light.turn >= self.track.turns:
                raise ValueError(f"light.turn {self.light.turn} is not tracked: track.turns is {self.track.turns}")
        return self
