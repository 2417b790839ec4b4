"""An insertion study: tracked bunching, light, scattering, closure, and the watts that all of them leave.

Modulator, radiator and second modulator of a ring that is not in the lattice: what the run file says about it (section
``ring``) is given, and printed as that.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self, TypeVar

import numpy as np
from pydantic import model_validator

from ssmb.beam import Beam, Reference
from ssmb.beam.bunching import bunching_factor
from ssmb.collective import Effect
from ssmb.errors import ConfigError, ValidityWarning, warn
from ssmb.facility import Filling, Insertion, InsertionState, Ring
from ssmb.facility.kick_budget import SCATTERING, KickBudget
from ssmb.facility.radiator import neighbouring_lines
from ssmb.facility.source import SourceLight
from ssmb.lattice import Lattice, lattice_text
from ssmb.lattice.facts import laser_wavelengths, undulator_at
from ssmb.lattice.program import compile_elements
from ssmb.quantity import quantity
from ssmb.schemes.insertion import CouplingInsertion
from ssmb.studies.effects import EffectSections, effects_of
from ssmb.studies.facts import wavelength_of_laser, with_undulator
from ssmb.studies.insertion_findings import Convergence, InsertionFindings, findings_text
from ssmb.studies.records import numbers_of
from ssmb.studies.sections import ClosureConfig, GivenRingConfig, InsertionBeamConfig, InsertionConfig
from ssmb.studies.source import check_radiator, radiator_of
from ssmb.studies.source_config import InsertionSourceConfig
from ssmb.studies.source_text import harmonics_text
from ssmb.studies.study import On, Result, Stopped, Study, StudyConfig, at_place
from ssmb.text import named_values
from ssmb.tracking import RunStatus
from ssmb.tracking.stations import places as places_of

T = TypeVar("T")
#: A radiator in the lattice this far off the wavelength of the light is a slip.
_OFF_RESONANCE = 0.1
#: Damping per turn above which what is given of the ring is a slip: growth and damping are counted per turn.
_FAST = 0.1
#: Particles that are kept for figures.
_SHOWN = 20_000


class InsertionRunConfig(StudyConfig):
    """A run file of an insertion."""

    insertion: InsertionConfig
    beam: InsertionBeamConfig
    ring: GivenRingConfig
    source: InsertionSourceConfig
    closure: ClosureConfig = ClosureConfig()
    effects: EffectSections = ()

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.beam.particles * self.beam.seeds > 20_000_000:
            raise ValueError("beam.particles times beam.seeds must not exceed 20 million")
        return self

    @property
    def light_wavelength(self) -> float:
        """Wavelength of the light that the radiator is tuned to [m]."""
        return self.insertion.known("wavelength") / self.source.harmonic

    @property
    def told_harmonics(self) -> np.ndarray:
        """Harmonics of the laser whose bunching is told."""
        return np.array(self.source.harmonics or range(1, self.source.harmonic + 6))


@dataclass(frozen=True, eq=False, kw_only=True)
class InsertionResult(Result):
    """What the run of an insertion found; ``beam`` is that in the middle of the radiator."""

    kept = {"radiator": "beam"}

    config: InsertionRunConfig
    findings: InsertionFindings | None = quantity("", "all numbers; None as long as it is not finished")
    count: int = quantity("1", "particles")
    beam: Beam | None = None

    def summary(self) -> dict[str, Any]:
        """Headline numbers in SI units."""
        out = {"title": self.config.title, "status": self.status.name.lower(), "particles": self.count}
        return out | self.bunching() | {"source": self.power()}

    def table(self) -> dict[str, Any]:
        """One row of numbers."""
        f = self.findings
        if f is None:
            return {}
        row = {"bunching [1]": f.light.light.bunching, "peak_power [W]": f.light.exit.peak_power}
        return row | {"power_at_focus [W]": f.light.power_at_focus, "growth [m]": f.closure.growth, "duty [1]": f.duty}

    def text(self) -> str:
        """Words and tables."""
        head = named_values([("run", self.config.title or "-"), ("particles", str(self.count))])
        return "\n\n".join(part for part in (head, self.bunching_text(), self.power_text()) if part)

    def beams(self) -> list[tuple[str, Beam]]:
        """The beam in the radiator."""
        return [(f"radiator {self.config.insertion.rad}", beam) for beam in self.particles().values()]

    def bunching(self) -> dict[str, Any]:
        """|b| against harmonic; of a run that is not finished, that of its particles."""
        f, harmonics = self.findings, self.config.told_harmonics
        if f is not None:
            found, more = f.bunching, {"closed_form": f.closed_form.tolist()}
        elif self.beam is not None:
            wavelength = self.config.insertion.known("wavelength")
            found, more = bunching_factor(self.beam, wavelength / harmonics), {}
        else:
            return {}
        return {"harmonics": harmonics.tolist(), "bunching": np.abs(found).tolist()} | more

    def bunching_text(self) -> str:
        """The same as a table."""
        found = self.bunching()
        return harmonics_text(found, self.config.source.harmonic) if found else ""

    def lights(self) -> Sequence[SourceLight]:
        """The light of the radiator."""
        return () if self.findings is None else (self.findings.light,)

    def kicks_of_turn(self) -> KickBudget | None:
        """The budget of the vertical plane."""
        return None if self.findings is None else self.findings.kicks

    def power(self) -> dict[str, Any] | None:
        """Light, limits and energy."""
        if self.findings is None:
            return None
        found = numbers_of(self.findings)
        found["lights"] = [found.pop("light")]  # as a ring has them
        return found | {name: getattr(self.findings, name).tolist() for name in ("line_harmonics", "line_power")}

    def power_text(self) -> str:
        """The same in words and tables."""
        return "" if self.findings is None else findings_text(self.findings)


class InsertionStudy(Study, key="insertion", config=InsertionRunConfig, result=InsertionResult):
    """Modulator, radiator and second modulator in a ring of which only numbers are given."""

    config: InsertionRunConfig

    def check(self) -> None:
        """Find all that can be wrong with the files."""
        self.config = config = self._with_facts()
        lattice, places = self.lattice, self.places
        self._check_ring()
        self.line = lattice.with_light(False)  # the kicks of the insertion are its lasers
        with at_place(places, "source"):
            check_radiator(config.source, lattice.reference, config.light_wavelength, config.ring.circumference)
            check_resonance(config, lattice)
        with at_place(places, "insertion"):
            self.insertion = self._insertion(self.line)
        self.ring = ring_of(config, lattice.reference).state()
        self.insertion = replace(self.insertion, effects=self._effects())
        with at_place(places, "beam", "particles"):  # twice the particles and seeds, and other slices, if checked
            self.insertion.check_cost(self.ring, *((6.0, 2.0) if config.source.check else ()))

    def _check_names(self) -> None:
        """Raise ConfigError unless mod1, rad and mod2 are elements of the lattice in this order."""
        before = -1
        for key in ("mod1", "rad", "mod2"):
            with at_place(self.places, "insertion", key):
                at = self.lattice.index(getattr(self.config.insertion, key))
                if at <= before:
                    raise ConfigError("mod1, rad and mod2 must follow each other in the lattice")
                before = at

    def _check_ring(self) -> None:
        """Raise ConfigError if what is given of the ring is not possible with this insertion."""
        ring, insertion, lattice = self.config.ring, self.config.insertion, self.lattice
        section = lattice.elements[lattice.index(insertion.mod1) : lattice.index(insertion.mod2)]
        length = sum(e.length for e in section)
        if ring.circumference < length:
            with at_place(self.places, "ring", "circumference"):
                raise ConfigError(f"{ring.circumference:g} m is less than the {length:g} m from mod1 to mod2")
        damping = ring_of(self.config, lattice.reference).damping[1]
        if damping > _FAST:
            with at_place(self.places, "ring", "energy_loss" if ring.damping_time is None else "damping_time"):
                raise ConfigError(
                    f"the vertical amplitude would be damped by {damping:.3g} of itself in a turn, above {_FAST:g}; a "
                    "small decrement is assumed"
                )

    def _with_facts(self) -> InsertionRunConfig:
        """The run file with what its elements say."""
        config, lattice, places = self.config, self.lattice, self.places
        self._check_names()
        want = config.insertion
        _, parts = undulator_at(lattice, want.mod1)
        with at_place(places, "insertion", "wavelength"):
            wavelength = wavelength_of_laser(want.wavelength, laser_wavelengths(lattice, parts), lattice)
        if wavelength is None:
            with at_place(places, "insertion"):
                raise ConfigError(f"no laser at '{want.mod1}' in the lattice: give its wavelength")
        source = with_undulator(config.source, want.rad, lattice, places, "insertion", "rad")
        return config.model_copy(
            update={"insertion": want.model_copy(update={"wavelength": wavelength}), "source": source}
        )

    def _effects(self) -> tuple[Effect, ...]:
        """The effects of the file; the beam passes once, and its collisions are in the balance with damping."""
        known = {"current": self.ring.filling.local_current, "wavelength": self.insertion.line.wavelength, "ring": None}
        line = self.insertion.line
        program = compile_elements(self.line.elements, self.line.reference)
        made = effects_of(self.config.effects, known, program, self.places)
        inside = range(program.index(line.mod1), program.index(line.mod2) + 1)
        for i, one in enumerate(made):
            with at_place(self.places, "effects", i):
                if outside := [here.name for here in places_of(program, one.at) if here.element not in inside]:
                    raise ConfigError(f"'{outside[0]}' is not between mod1 '{line.mod1}' and mod2 '{line.mod2}'")
                if one.state(program) or one.physics == SCATTERING:
                    raise ConfigError(
                        f"'{one.kind}' has no place in an insertion, which the beam passes once: what an effect keeps "
                        "from turn to turn, and collisions (counted in the balance with damping), are left out"
                    )
        return tuple(made)

    def _insertion(self, lattice: Lattice) -> Insertion:
        c = self.config
        closure = c.closure.values_of(Insertion)
        closure["closure_particles"] = closure.pop("particles")
        return Insertion(
            line=c.insertion.made(lattice=lattice, **c.beam.values_of(CouplingInsertion)),
            radiator=radiator_of(c.source, lattice.reference, c.light_wavelength),
            **c.source.values_of(Insertion),
            **c.ring.values_of(Insertion),
            **c.beam.values_of(Insertion),
            **closure,
        )

    def run(self, on: On) -> InsertionResult:
        """Track and evaluate, stage by stage."""
        found: dict[str, Any] = {}

        def stage(name: str, kind: type[T], compute: Callable[[], T]) -> T:
            with at_place(self.places, "ring" if name == "intrabeam scattering" else "insertion"):
                found[name] = on.stage(name, kind, compute)
            return found[name]

        findings, stopped = None, ""
        try:
            got = self.insertion.state(self.ring, stage=stage)
            convergence = self._convergence(got, stage) if self.config.source.check else ()
            findings = stage("findings", InsertionFindings, lambda: self._findings(got, found["bunching"], convergence))
        except Stopped as stop:
            stopped = stop.stage
        beam = found.get("bunching")
        return InsertionResult(
            config=self.config,
            lattice_text=lattice_text(self.line),
            status=RunStatus.INTERRUPTED if stopped else RunStatus.COMPLETED,
            stage=stopped,
            provenance={"seed": self.config.beam.seed},
            findings=findings,
            count=self.config.beam.particles * self.config.beam.seeds,
            beam=beam,
        )

    def _findings(self, got: InsertionState, beam: Beam, convergence: tuple[Convergence, ...]) -> InsertionFindings:
        insertion, harmonics = self.insertion, self.config.told_harmonics
        lines = neighbouring_lines(got.light, insertion.radiating(beam, self.ring.filling))
        return InsertionFindings(
            **vars(got),
            harmonics=harmonics,
            bunching=bunching_factor(beam, self.config.insertion.known("wavelength") / harmonics),
            closed_form=np.array([insertion.closed_form(int(n)) for n in harmonics]),
            line_harmonics=lines[0],
            line_power=lines[1],
            path_error=replace(insertion, order=1).closure(self.ring.damping[1]).dz_rms,
            damping=self.ring.damping,
            **shown_particles(insertion.line, self.config.beam.particles, self.config.beam.seed),
            convergence=convergence,
        )

    def _convergence(self, got: InsertionState, stage: Any) -> tuple[Convergence, ...]:
        """The same with twice the particles, slices and seeds."""
        made = self.insertion
        twice = 2 * made.closure_particles
        cases = {
            "particles": replace(made, particles=2 * made.particles, closure_particles=twice, order=1),
            "slices": replace(made, line=self._insertion(self.line.refined(2)).line, order=1),
            "seeds": replace(made, seeds=2 * made.seeds, order=1),
        }

        def compared(name: str, finer: Insertion) -> Convergence:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ValidityWarning)
                other = finer.state(self.ring)
            pairs = (
                (other.light.light.bunching, got.light.light.bunching),
                (other.light.light.power, got.light.light.power),
                (other.light.power_at_focus, got.light.power_at_focus),
            )
            return Convergence(name, *(a / b - 1.0 for a, b in pairs))

        return tuple(
            stage(f"convergence: {name}", Convergence, partial(compared, name, finer)) for name, finer in cases.items()
        )


def ring_of(config: InsertionRunConfig, reference: Reference) -> Ring:
    """The ring that is given around an insertion."""
    filling = Filling(**config.ring.values_of(Filling), **config.source.values_of(Filling))
    return config.ring.made(reference=reference, filling=filling)


def check_resonance(config: InsertionRunConfig, lattice: Lattice) -> None:
    """Warn if the undulator at the radiator's place in the lattice is not tuned to the light."""
    light = config.light_wavelength
    found, parts = undulator_at(lattice, config.insertion.rad)
    if found is None or not found.k > 0.0:
        return
    tuned = found.wavelength()
    if abs(tuned / light - 1.0) > _OFF_RESONANCE:
        warn(
            f"'{parts[0]}' at '{config.insertion.rad}' is resonant at {tuned * 1e9:.4g} nm, the light has "
            f"{light * 1e9:.4g} nm; is it that harmonic?",
            ValidityWarning,
        )


def shown_particles(insertion: CouplingInsertion, particles: int, seed: int) -> dict[str, Any]:
    """Return z and delta of some particles before the kick, behind it, and in the radiator."""
    n = min(particles, _SHOWN)
    modulated = insertion.beam(n, seed)
    before = replace(insertion, chirp=1e-9).beam(n, seed)
    beams = {"before": before, "modulated": modulated, "radiator": insertion.at_radiator(modulated)}
    return {f"{axis}_{name}": getattr(b, axis).copy() for name, b in beams.items() for axis in ("z", "delta")}
