"""Sections of a run file that turn a tracked beam into light: the radiator, the beamline, what is asked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ssmb.beamlines.stages import STAGES
from ssmb.facility import Filling, Insertion, Radiator
from ssmb.quantity import Quantity
from ssmb.studies.config_types import (
    Count,
    Length,
    OneOf,
    Period,
    Periods,
    Section,
    SectionOf,
    Turns,
    keys_of,
    section_of,
)

Current = Annotated[float, Quantity("A", "current", minimum=1e-9, maximum=1e6)]
Part = Annotated[float, Quantity("1", "share", minimum=0.0, open_minimum=True, maximum=1.0)]
CoulombLog = Annotated[float, Quantity("1", "Coulomb logarithm", minimum=1.0, maximum=30.0)]
#: Beamlines of :mod:`ssmb.beamlines.chains`, and the undulator exit itself.
Chain = Literal["none", "two_grazing", "four_grazing", "four_grazing_one_normal", "xlight_transport"]


class UndulatorConfig(Section):
    """The undulator in which a beam radiates; what the file leaves out is that of the lattice."""

    period: Period | None = Field(default=None, description="undulator period [m]; that of the undulator at this place")
    periods: Periods | None = Field(default=None, description="its number of periods; of the same")
    in_lattice: bool | None = Field(
        default=None, description="false: another undulator than that of the lattice; by default the lattice decides"
    )


class RadiatorConfig(
    UndulatorConfig, section_of(Radiator, "detuning", "beamlines", "band", **keys_of(Insertion, "coulomb_log"))
):
    """The undulator in which the beam radiates, and the beamline behind it."""

    helical: bool | None = Field(default=None, description="of the undulator; false where none is in the lattice")
    train_length: Length | None = Field(
        default=None,
        description="length of a train [m], which sets the width of the line; without it the line is sharp",
    )
    chain: Chain | None = Field(
        default=None, description="beamline to the focus; by default four grazing mirrors for 6 to 15 nm, else none"
    )
    beamline: tuple[Annotated[SectionOf, OneOf(STAGES)], ...] | None = Field(
        default=None, max_length=100, description="stages to the focus, calculated; instead of chain"
    )

    @model_validator(mode="after")
    def _one_way_to_the_focus(self) -> RadiatorConfig:
        if self.beamline == ():
            raise ValueError("beamline holds no stage; chain: none stands for the undulator exit")
        # a stored run names its defaults too
        if self.beamline is not None and self.chain != type(self).model_fields["chain"].default:
            raise ValueError("give beamline (its stages) or chain (the name of one), not both")
        return self


class SourceConfig(RadiatorConfig):
    """The light of a ring as a source: power from the radiator to the focus, and what limits it."""

    radiator: str = Field(description="element at whose entrance the middle of the radiator is")
    turn: Turns | None = Field(default=None, description="turn whose beam radiates; by default the last")
    mean_over: Turns | None = Field(
        default=None,
        ge=2,
        description="power is the mean over the last so many turns, by the bucket monitor at the same element; by "
        "default "
        "that of one turn",
    )
    harmonics: tuple[Annotated[Count, Field(le=1000)], ...] = Field(
        min_length=1, max_length=30, description="harmonics of the laser; the radiator is tuned to each"
    )
    average_current: Current = Field(description="of the ring [A]")
    train_current: Current | None = Field(
        default=None, description="current inside the trains [A]; without it the ring is filled"
    )
    duty: Part | None = Field(default=None, description="share of the turns with laser [1]; by default that of laser")
    intrabeam: Literal["add", "in_beam"] | None = Field(
        default=None,
        description="add: intrabeam scattering is a factor on the power; in_beam: the beam of the file has it already; "
        "by default what beam.effects says",
    )

    @model_validator(mode="after")
    def _agree(self) -> SourceConfig:
        if len(set(self.harmonics)) < len(self.harmonics):
            raise ValueError("harmonics holds a number twice")
        if self.turn is not None and self.mean_over is not None:
            raise ValueError("give turn (the light of that turn) or mean_over (the mean of the last turns), not both")
        self.check_as(Filling)
        return self

    def check_mean(self, harmonics: tuple[int, ...], every: int, turns: int) -> None:
        """Raise ValueError unless a bucket monitor of these harmonics, every so many turns, gives mean_over."""
        missing = sorted(set(self.harmonics) - set(harmonics))
        if missing:
            raise ValueError(f"source.mean_over: the bucket monitor at '{self.radiator}' has no harmonic {missing[0]}")
        if 2 * every > turns:
            raise ValueError(
                f"source.mean_over needs two records of the bucket monitor at '{self.radiator}', {2 * every} turns, "
                f"and track.turns is {turns}: record more often, or track longer"
            )
        if not 2 * every <= (self.mean_over or 0) <= turns:
            raise ValueError(
                f"source.mean_over must be {2 * every} (two records) to {turns} (track.turns), not {self.mean_over}"
            )


class InsertionSourceConfig(RadiatorConfig):
    """The light of the insertion."""

    harmonic: Annotated[Count, Field(le=1000)] = Field(description="harmonic of the laser that is radiated")
    harmonics: tuple[Annotated[Count, Field(le=1000)], ...] = Field(
        default=(), max_length=1000, description="harmonics whose bunching is told; by default all up to harmonic + 5"
    )
    check: bool = Field(
        default=False, description="repeat with twice the particles, slices and seeds and tell what changes"
    )
