"""The run file: what one run is, as frozen classes that Python users can make themselves."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ssmb.elements.radiation import Radiation
from ssmb.studies.config_types import (
    Angle,
    Charge,
    Count,
    Detuning,
    Emit,
    Factor,
    Length,
    Noise,
    Number,
    OutputConfig,
    RadiationValue,
    Seconds,
    Section,
    Seed,
    Share,
    Turns,
    UpToOne,
    Wavelength,
)
from ssmb.studies.source_config import SourceConfig


class BeamConfig(Section):
    """The beam at the start: Gaussian about the matched optics; in z Gaussian or uniform over whole wavelengths."""

    particles: Count = 100_000
    charge: Charge = Field(default=5e-12, description="charge of the bunch [C]; 1/weight of the macroparticles")
    emit_x: Emit = Field(description="rms horizontal emittance [m]")
    emit_y: Emit = Field(description="rms vertical emittance [m]")
    sigma_delta: UpToOne = Field(description="rms relative momentum spread [1]")
    sigma_z: Length = Field(description="rms bunch length [m], also for the light of the whole bunch")
    z_distribution: Literal["coasting", "gaussian"] = Field(
        default="coasting", description="coasting: uniform over whole laser wavelengths, a slice of the bunch"
    )
    wavelengths: Count = Field(default=4, description="length of a coasting slice in laser wavelengths")
    start: Literal["quiet", "random"] = "quiet"
    seed: Seed = 1


class DutyConfig(Section):
    """On during the first ``on`` of each ``period`` turns."""

    period: Count
    on: Count

    @model_validator(mode="after")
    def _agree(self) -> DutyConfig:
        if self.on > self.period:
            raise ValueError(f"on = {self.on} turns do not fit into a period of {self.period}")
        return self


class RampConfig(Section):
    """Amplitude of the laser's field against turn, constant before the first point and after the last."""

    turns: tuple[Turns, ...] = Field(min_length=1, max_length=10_000, description="turns of the points, rising")
    amplitude: tuple[Factor, ...] = Field(
        min_length=1, max_length=10_000, description="factors on the field; the power goes as their square"
    )
    shape: Literal["linear", "smooth"] = Field(
        default="linear", description="between the points; smooth: 3 t^2 - 2 t^3"
    )

    @model_validator(mode="after")
    def _agree(self) -> RampConfig:
        if len(self.turns) != len(self.amplitude):
            raise ValueError(f"{len(self.turns)} turns, but {len(self.amplitude)} amplitudes; give one for each turn")
        if any(b <= a for a, b in zip(self.turns[:-1], self.turns[1:], strict=True)):
            raise ValueError("turns must rise")
        return self


class NoiseConfig(Section):
    """White noise of the laser from turn to turn, the same in all its elements."""

    phase: Noise = Field(default=0.0, description="rms of the phase [2 pi]")
    amplitude: Noise = Field(default=0.0, description="relative rms of the field [1]")
    seed: Seed = 1


class LaserConfig(Section):
    """When the laser is on, and how it changes; its parameters stand in the lattice (group SSMB_laser of a Wiggler)."""

    elements: tuple[str, ...] = Field(min_length=1, description="names of the Wigglers that carry it")
    wavelength: Wavelength = Field(description="laser wavelength [m]: unit of coasting slices and of the buckets")
    turns: Turns = Field(default=1, description="on during the first so many turns, then off")
    windows: tuple[tuple[Turns, Turns], ...] = Field(
        default=(), max_length=10_000, description="[first turn, turn after the last] of each time that it is on"
    )
    duty: DutyConfig | None = None
    ramp: RampConfig | None = None
    detuning: Detuning = Field(default=0.0, description="relative change of the wavelength [1]; the buckets move")
    noise: NoiseConfig | None = None

    @property
    def changes(self) -> bool:
        """Whether it is more than on and then off."""
        return bool(self.windows or self.duty or self.ramp or self.detuning or self.noise)

    @model_validator(mode="after")
    def _agree(self) -> LaserConfig:
        for first, after in self.windows:
            if after <= first:
                raise ValueError(f"window [{first}, {after}] holds no turn; the second number is the turn after it")
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
        description="synchrotron radiation: off, mean (loss), quantum (photons) or diffusion (loss with Gaussian noise); "
        "or {mode, edges: pole faces radiate, angles: photons leave at their angle to the plane of the orbit}",
    )
    model: Literal["lattice", "ring_model"] = Field(
        default="lattice",
        description="ring_model: the fast model of the lattice, made for the run, about 50 times faster",
    )
    order: Annotated[int, Number, Field(ge=1, le=4)] = Field(default=3, description="order of the maps of a ring_model")
    checkpoint_every: Seconds = Field(default=60.0, description="time between checkpoints [s]")


class MomentsConfig(Section):
    """A monitor of moments."""

    kind: Literal["moments"]
    at: str | None = None
    every: Count = 1


class BunchingConfig(Section):
    """A monitor of bunching factors."""

    kind: Literal["bunching"]
    at: str | None = None
    wavelengths: tuple[Wavelength, ...] = Field(min_length=1, max_length=1000, description="wavelengths [m]")
    every: Count = 1


class BucketConfig(Section):
    """A monitor of the micro-bucket that laser and ring make: captured share, sizes, bunching."""

    kind: Literal["bucket"]
    at: str | None = None
    harmonics: tuple[Annotated[Count, Field(le=1000)], ...] = Field(
        default=(1, 2, 3), min_length=1, max_length=1000, description="harmonics of the laser"
    )
    every: Count = 1


class SnapshotConfig(Section):
    """Whole beams at the end of every n-th turn."""

    kind: Literal["snapshots"]
    every: Count = 1


MonitorConfig = Annotated[MomentsConfig | BunchingConfig | BucketConfig | SnapshotConfig, Field(discriminator="kind")]


class LightConfig(Section):
    """The undulator in which the microbunched beam radiates, and the detector behind it."""

    at: str = Field(description="element at whose entrance the bunching is taken; must have a bunching monitor")
    turn: Turns = Field(default=1, description="turn whose bunching radiates")
    period: Annotated[Length, Field(ge=1e-6, le=100.0)] = Field(description="undulator period [m]")
    periods: Annotated[Count, Field(ge=5, le=1_000_000)]
    harmonics: tuple[Annotated[Count, Field(le=99)], ...] = Field(default=(1, 2), min_length=1, max_length=99)
    bandwidth: Share = Field(description="full relative width of the detector's filter [1]")
    acceptance: Angle = Field(description="half angle of the detector's aperture [rad]")
    charges: tuple[Charge, ...] = Field(
        default=(1e-13, 3e-13, 1e-12, 3e-12, 1e-11, 3e-11, 1e-10),
        min_length=1,
        max_length=1000,
        description="charges of the scan [C]",
    )


class RunConfig(Section):
    """A run file."""

    title: str = ""
    lattice: str = Field(description="lattice file, relative to the run file")
    beam: BeamConfig
    laser: LaserConfig | None = None
    track: TrackConfig = TrackConfig()
    monitors: tuple[MonitorConfig, ...] = Field(default=(), max_length=100)
    light: LightConfig | None = None
    source: SourceConfig | None = None
    output: OutputConfig = OutputConfig()

    @model_validator(mode="after")
    def _agree(self) -> RunConfig:
        if self.beam.z_distribution == "coasting" and self.laser is None:
            raise ValueError("a coasting beam needs laser.wavelength as its unit of length")
        if self.laser is None and any(isinstance(m, BucketConfig) for m in self.monitors):
            raise ValueError("a bucket monitor needs laser.wavelength, the length of a bucket")
        self._check_source()
        if self.light is not None:
            if self.laser is None:
                raise ValueError("light needs laser.wavelength: it is the light at the harmonics of the laser")
            if len(set(self.light.harmonics)) < len(self.light.harmonics):
                raise ValueError("light.harmonics holds a number twice")
            seen = [m for m in self.monitors if isinstance(m, BunchingConfig) and m.at == self.light.at]
            if not seen:
                raise ValueError(f"light.at '{self.light.at}' needs a bunching monitor at the same element")
            if self.light.turn >= self.track.turns:
                raise ValueError(f"light.turn {self.light.turn} is not tracked: track.turns is {self.track.turns}")
        return self

    def _check_source(self) -> None:
        if self.source is None:
            return
        if self.laser is None:
            raise ValueError("source needs laser.wavelength: it is the light at the harmonics of the laser")
        if self.source.turn is not None and self.source.turn >= self.track.turns:
            raise ValueError(f"source.turn {self.source.turn} is not tracked: track.turns is {self.track.turns}")
        if self.source.duty is None and self.laser_duty() is None:
            raise ValueError(
                "the laser is not on for the whole run: give source.duty, the share of the turns with laser that the "
                "source has"
            )
        self._check_mean(self.source)

    def _check_mean(self, source: SourceConfig) -> None:
        if source.mean_over is None:
            return
        here = next((m for m in self.monitors if isinstance(m, BucketConfig) and m.at == source.at), None)
        if here is None:
            raise ValueError(f"source.mean_over needs a bucket monitor at '{source.at}', where the radiator is")
        missing = sorted(set(source.harmonics) - set(here.harmonics))
        if missing:
            raise ValueError(f"source.mean_over: the bucket monitor at '{source.at}' has no harmonic {missing[0]}")
        if not 2 * here.every <= source.mean_over <= self.track.turns:
            raise ValueError(
                f"source.mean_over must be {2 * here.every} (two records) to {self.track.turns} (track.turns), "
                f"not {source.mean_over}"
            )

    def laser_duty(self) -> float | None:
        """Share of the turns with laser, if the laser section says one for a source that goes on [1]."""
        if self.source is not None and self.source.duty is not None:
            return self.source.duty
        laser = self.laser
        if laser is None or laser.windows or laser.turns < self.track.turns:
            return None
        return 1.0 if laser.duty is None else laser.duty.on / laser.duty.period
