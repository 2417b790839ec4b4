"""The collective effects of a run, for any study with turns: in its run file, and made with what the run knows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Annotated, Any

from pydantic import Field

from ssmb.collective import EFFECTS, Effect
from ssmb.errors import ConfigError
from ssmb.lattice.program import Program
from ssmb.studies.config_types import OneOf, SectionOf, can_be_said
from ssmb.studies.study import Places, at_place
from ssmb.text import quantity
from ssmb.tracking.stations import Kick
from ssmb.tracking.stations import places as places_of

#: Section of a run file: one collective effect, told by its kind.
EffectSection = Annotated[SectionOf, OneOf({kind: cls for kind, cls in EFFECTS.items() if can_be_said(cls)})]

#: The section of all of them.
EffectSections = Annotated[
    tuple[EffectSection, ...],
    Field(max_length=100, description="what the particles do to each other while they are tracked"),
]


def effects_of(
    sections: Sequence[Any],
    known: Mapping[str, Any],
    program: Program,
    places: Places | None,
) -> list[Effect]:
    """Return the effects of a run file, with what the lattice says about their places.

    Parameters
    ----------
    known : current [A] and wavelength [m] of the train of the run; ring: the lattice whose model is tracked. None
        where there is none.
    program : what is tracked.
    places : where the run file says what.

    Raises
    ------
    ConfigError
        An element that is not there, a number that neither the section nor the run says, or two effects of one name.
    """
    made: list[Effect] = []
    for i, section in enumerate(sections):
        with at_place(places, "effects", i):
            found = section.made(**_of_the_run(section, known))
            with at_place(places, "effects", i, "at"):
                found = found.in_lattice(program)
                places_of(program, found.at)
            if any(found.name == other.name for other in made):
                raise ConfigError(f"a second effect '{found.name}': give one of them a name of its own, name: ...")
            made.append(found)
    return made


def _of_the_run(section: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the run for what a section leaves out: what it needs; and, if the run has a train, current and
    wavelength of that, unless the section gives the electrons or the window of a bunch.
    """
    may = (*section.of.of_the_run, "ring")
    left = {f.name: f for f in fields(section.of) if f.name in may and getattr(section, f.name, None) is None}
    needed = [name for name, field in left.items() if field.default is MISSING]
    for name in needed:
        if known[name] is None:
            raise ConfigError(
                f"{name} is missing: give it here, or a laser and beam.current, of which it is that of the train"
            )
    bunch = any(getattr(section, own, None) is not None for own in ("electrons", "window"))
    train = not bunch and None not in (known["current"], known["wavelength"])
    return {name: known[name] for name in left if train or name in needed or name == "ring"}


def kicks_text(kicks: Sequence[Kick], energy: float) -> list[str]:
    """Return one line for each effect: what it did on the last turn, all its places together.

    Parameters
    ----------
    energy : beta p0 c, of a change of delta by 1 [eV].
    """
    lines = []
    for name in dict.fromkeys(kick.effect for kick in kicks):
        own = [kick for kick in kicks if kick.effect == name]
        where = f"at '{own[0].element}'" if len(own) == 1 else f"at {len(own)} places"
        mean, rms = sum(k.mean for k in own), math.sqrt(sum(k.rms**2 for k in own))
        across = math.sqrt(sum(k.deflection**2 for k in own))
        told = [f"mean {quantity(mean * energy, 'eV', 3)}, rms {quantity(rms * energy, 'eV', 3)}"]
        told = told if rms > 0.0 or mean != 0.0 or not across > 0.0 else []
        told += [f"rms deflection {quantity(across, 'rad', 3)}"] if across > 0.0 else []
        lines.append(f"{name} {where}, turn {own[0].turn}: {', '.join(told)}")
    return lines
