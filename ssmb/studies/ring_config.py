"""The run file of a ring: what its sections must have together."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from ssmb.beam import Reference
from ssmb.quantity import quantities_of
from ssmb.studies.effects import EffectSections
from ssmb.studies.facts import SAME
from ssmb.studies.monitors import MonitorSection
from ssmb.studies.sections import BeamConfig, LaserConfig, LightConfig, TrackConfig
from ssmb.studies.source_config import SourceConfig
from ssmb.studies.study import StudyConfig
from ssmb.tracking.monitors import MONITORS


class RunConfig(StudyConfig):
    """A run file of a ring."""

    beam: BeamConfig
    laser: LaserConfig | None = None
    track: TrackConfig = TrackConfig()
    monitors: tuple[MonitorSection, ...] = Field(default=(), max_length=100)
    effects: EffectSections = ()
    light: LightConfig | None = None
    source: SourceConfig | None = None

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.laser is None:
            self._check_without_laser()
        if self.beam.current is not None and not self.held:
            raise ValueError(
                "beam.current is that of a train of microbunches: it needs z_distribution: gaussian and a laser that "
                "is the same on all turns; else give beam.charge"
            )
        if self.light is not None:
            if len(set(self.light.harmonics)) < len(self.light.harmonics):
                raise ValueError("light.harmonics holds a number twice")
            if self.light.turn >= self.track.turns:
                raise ValueError(f"light.turn {self.light.turn} is not tracked: track.turns is {self.track.turns}")
        if self.source is not None:
            self._check_source(self.source)
        return self

    def _check_without_laser(self) -> None:
        if self.beam.z_distribution == "coasting":
            raise ValueError("a coasting beam needs a laser: its wavelength is the unit of length")
        for m in self.monitors:
            if m.of.needs_laser:
                raise ValueError(f"a {m.of.kind} monitor needs a laser: {m.of.needs_laser}")
        for name in ("light", "source"):
            if getattr(self, name) is not None:
                raise ValueError(f"{name} needs a laser: it is the light at its harmonics")

    def _check_source(self, source: SourceConfig) -> None:
        if source.turn is not None and source.turn >= self.track.turns:
            raise ValueError(f"source.turn {source.turn} is not tracked: track.turns is {self.track.turns}")
        if source.duty is None and self.laser_duty() is None:
            raise ValueError(
                "the laser is not on for the whole run: give source.duty, the share of the turns with laser that the "
                "source has"
            )
        scatters = "intrabeam" in self.beam.effects
        if scatters and source.intrabeam == "add":
            raise ValueError("source.intrabeam: add would count the scattering of beam.effects twice; leave it out")
        if scatters and source.coulomb_log != self.beam.coulomb_log:
            raise ValueError(
                f"source.coulomb_log {source.coulomb_log:g} is not that of the beam, {self.beam.coulomb_log:g}"
            )
        local, told = source.train_current or source.average_current, self.beam.current
        if told is not None and abs(told - local) > SAME * local:
            raise ValueError(f"beam.current {told:g} A is not that of the source inside a train, {local:g} A")
        if source.mean_over is None:
            return
        kinds = [kind for kind, cls in MONITORS.items() if "harmonics" in quantities_of(cls)]
        monitors: tuple[Any, ...] = self.monitors
        here = next((m for m in monitors if m.kind in kinds and m.at == source.radiator), None)
        if here is None:
            raise ValueError(f"source.mean_over needs a {' or '.join(kinds)} monitor at '{source.radiator}'")
        source.check_mean(here.harmonics, here.every, self.track.turns)

    @property
    def held(self) -> bool:
        """Whether the laser holds the beam in micro-buckets from the start: it is the same on all turns."""
        laser = self.laser
        if laser is None or self.beam.z_distribution == "coasting" or laser.turns < self.track.turns:
            return False
        return not (laser.windows or laser.duty or laser.ramp)

    def laser_duty(self) -> float | None:
        """Share of the turns with laser, if the laser section says one for a source that goes on [1]."""
        if self.source is not None and self.source.duty is not None:
            return self.source.duty
        laser = self.laser
        if laser is None or laser.windows or laser.turns < self.track.turns:
            return None
        return 1.0 if laser.duty is None else laser.duty.on / laser.duty.period

    def places_wanted(self) -> list[str | None]:
        """Elements at which something is looked at."""
        wanted = [getattr(m, "at", None) for m in self.monitors] + [self.light.at if self.light else None]
        effects: tuple[Any, ...] = self.effects
        for effect in effects:
            at = effect.at
            wanted += [at] if isinstance(at, str) else [] if isinstance(at, float) else at
        return [*wanted, self.source.radiator if self.source else None]

    def train(self, reference: Reference) -> dict[str, float | None]:
        """Current [A] and length of a period in z [m] of the train of micro-buckets; None where nothing says it."""
        source, laser = self.source, self.laser
        current = self.beam.current
        if current is None and source is not None:
            current = source.train_current or source.average_current
        wavelength = None if laser is None else laser.known("wavelength") * (1.0 + laser.detuning) * reference.beta
        return {"current": current, "wavelength": wavelength}

    @property
    def source_turn(self) -> int:
        """Turn whose beam is that of the source."""
        last = self.track.turns - 1
        return last if self.source is None or self.source.turn is None else self.source.turn
