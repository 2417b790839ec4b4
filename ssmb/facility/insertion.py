"""The coupling insertion as a part: from the beam of a ring to the watts that tracking, scattering and closure leave.

The order is that of the cause: particles are tracked to the radiator and radiate; collisions between the modulators are
brought into balance with the damping of the ring, and the beam that they leave is tracked again, for the share of the
power that is kept; that beam goes on to the second modulator, where its path error makes the vertical emittance grow on
every turn with laser; the laser is on as often as gives the most power, or as its average power allows.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Protocol, Self, TypeVar

import numpy as np

from ssmb.arguments import checked
from ssmb.beam import Beam, Reference
from ssmb.beamlines.chains import SHARE
from ssmb.costs import check_cost
from ssmb.dynamics.linear import symplectic_form
from ssmb.elements.drift import Drift
from ssmb.elements.linear_map import LinearMap
from ssmb.elements.marker import Marker
from ssmb.errors import PhysicsError, ValidityWarning, warn
from ssmb.facility.energy import EnergyOfTurn, energy_of_turn
from ssmb.facility.insertion_effects import FeltPass, at_radiator, felt_effects
from ssmb.facility.insertion_state import (
    Closed,
    Ends,
    InsertionIntrabeam,
    InsertionState,
    LaserNeed,
    OwnLight,
    insertion_intrabeam,
    insertion_kicks,
    laser_need,
    own_light_kick,
)
from ssmb.facility.kick_budget import OWN_LIGHT, light_kick
from ssmb.facility.part import Part
from ssmb.facility.radiator import Radiator
from ssmb.facility.ring import Filling, Ring, RingState
from ssmb.facility.source import RadiatingBeam, SourceLight
from ssmb.facility.steps import Limit
from ssmb.lattice.tree import Lattice
from ssmb.light.tracked import TrackedLight, light_seconds
from ssmb.maps.undulator import Undulator
from ssmb.quantity import check_quantities, quantity
from ssmb.ranges import kept_share
from ssmb.schemes.closure import ClosureBudget, emittance_growth, thick_modulator_path
from ssmb.schemes.explained import ExplainedBunching, explained_bunching
from ssmb.schemes.insertion import CouplingInsertion
from ssmb.tracking.stations import Effect

T = TypeVar("T")
#: Tracked power below so many times the noise of the macroparticles is not believed.
_NOISE = 20.0
#: Particles of the closure at the ends of the Coulomb logarithm, which is a part of its own range only.
_OF_ENDS = 8192
_LIMITS = ("intrabeam scattering", "closure: fewer turns with laser", "closure: emittance that is left")
#: Memory of a particle that radiates, and of one of the closure [B]; how often the light of all is summed; particles
#: that tell how many angles it has.
_BYTES, _BYTES_OF_CLOSURE, _SUMS, _FEW = 340.0, 430.0, 4, 256
#: Seed of the beam that shows the closure.
_CLOSURE_SEED = 5


class Stage(Protocol):
    """Does a part of a computation that has a name."""

    def __call__(self, name: str, kind: type[T], compute: Callable[[], T]) -> T:
        """Return what `compute` gives, of the class `kind`."""
        ...


def at_once(name: str, kind: type[T], compute: Callable[[], T]) -> T:
    """Do it now."""
    return compute()


@checked
@dataclass(frozen=True)
class Insertion(Part, name="insertion"):
    """Modulator, radiator and second modulator in a ring.

    Raises
    ------
    PhysicsError
        The closed form of the bunching says that there is none.

    Examples
    --------
    >>> made, ring = Insertion.examples()[0]
    >>> found = made.state(ring)
    >>> found.light.steps[-1].power == found.light.power_at_focus, found.kept_by
    (True, 'tracked')
    """

    line: CouplingInsertion = quantity(
        "", "its magnets, its laser, and the beam that the ring has without scattering in the insertion"
    )
    harmonic: int = quantity("1", "harmonic of the laser that is radiated", minimum=1)
    radiator: Radiator = quantity("", "the undulator in its middle, and the beamline behind it")
    laser_average_power: float | None = quantity(
        "W", "most average power that travels with the electrons; without it there is no limit", minimum=1e-9,
        maximum=1e18, default=None,
    )  # fmt: skip
    pulse_margin: float = quantity(
        "1", "length of a laser pulse over that of a train", minimum=1.0, maximum=1e3, default=1.2
    )
    coulomb_log: float = quantity("1", "Coulomb logarithm of the collisions", minimum=1.0, maximum=30.0, default=11.0)
    fraction: float = quantity(
        "1", "growth of the vertical emittance over itself that the closure allows", default=0.3, **SHARE
    )
    order: int = quantity(
        "1", "order of the Taylor map that names the terms of the path", minimum=1, maximum=5, default=3
    )
    closure_particles: int = quantity(
        "1", "particles that are tracked for the closure", minimum=64, maximum=10_000_000, default=32_768
    )
    modulators: Literal["thick", "thin"] = quantity(
        "", "thick: what slip in them costs when their r56 is compensated is part of the path error", default="thick"
    )
    particles: int = quantity(
        "1", "particles of each seed of the beam that radiates", minimum=64, maximum=10_000_000, default=131_072
    )
    seeds: int = quantity("1", "independent beams that are added", minimum=1, maximum=1000, default=1)
    seed: int = quantity("1", "first seed", minimum=0, maximum=2**63 - 1, default=1)
    effects: tuple[Effect, ...] = quantity("", "what the particles do to each other between the modulators", default=())

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.closed_form(self.harmonic) < 1e-9:
            raise PhysicsError(
                f"the closed form of |b_{self.harmonic}| is {self.closed_form(self.harmonic):.3g}: r56 h = "
                f"{self.line.section.r56 * self.line.chirp:.4g} from '{self.line.mod1}' to '{self.line.rad}' should be "
                "a little above 1"
            )
        terms = self.explained(self.harmonic, 1.0, 1)
        if terms.product < 1e-12:
            worst = min(terms.terms, key=lambda term: term.factor)
            raise PhysicsError(
                f"nothing is left of |b_{self.harmonic}|: its factor '{worst.name}' ({worst.formula}) is "
                f"{worst.factor:.3g}; lower what makes it, such as an emittance"
            )

    @property
    def wavelength(self) -> float:
        """Of the light [m]."""
        return self.line.wavelength / self.harmonic

    def explained(
        self, harmonic: int, tracked: float, particles: int, sigma: np.ndarray | None = None, *, spot: bool = True
    ) -> ExplainedBunching:
        """Return |b_n| at the radiator as a product of named terms, see :mod:`ssmb.schemes.explained`.

        Parameters
        ----------
        harmonic : n, of the laser.
        tracked : |b_n| of the particles [1].
        particles : how many.
        sigma : covariance of another beam at the first modulator.
        spot : whether the size of the laser counts.
        """
        of, line = self.line, self.line.lattice
        row = line.elements[line.index(of.mod1) : line.index(of.rad)]
        return explained_bunching(
            self.line.section,
            of.sigma if sigma is None else sigma,
            wavelength=of.wavelength,
            chirp=of.chirp,
            harmonic=harmonic,
            spot=(of.spot if spot else None) or math.inf,
            length=sum(e.length for e in row),
            tracked=tracked,
            noise=1.0 / math.sqrt(particles),
        )

    def closed_form(self, harmonic: int) -> float:
        """Return ``|J_n(n xi)| exp(-(n k)^2 eps_y H_rad/2)``, the bunching of an even laser, no extent in x [1]."""
        found = self.explained(harmonic, 1.0, 1, spot=False)
        return found.factor("modulation") * found.factor("vertical emittance")

    def laser(self, filling: Filling) -> LaserNeed:
        """Return what the laser has to give."""
        return laser_need(
            self.line, filling=filling.share, average_power=self.laser_average_power, pulse_margin=self.pulse_margin
        )

    def beam(self, line: CouplingInsertion | None = None) -> Beam:
        """Return the beams of all seeds in the middle of the radiator, as one.

        Parameters
        ----------
        line : the insertion with another beam.
        """
        of = line or self.line
        return at_radiator(of, self._modulated(of), self.effects)

    def _modulated(self, of: CouplingInsertion) -> Beam:
        return of.beams(self.particles, range(self.seed, self.seed + self.seeds))

    def radiating(self, beam: Beam, filling: Filling) -> RadiatingBeam:
        """Return a beam in the radiator as what it radiates there, laser on in all turns."""
        return RadiatingBeam(beam, self.line.wavelength, self.harmonic, filling)

    def intrabeam(self, ring: RingState) -> InsertionIntrabeam:
        """Return what collisions between the modulators make of the beam."""
        return insertion_intrabeam(
            self.line,
            current=ring.filling.local_current,
            turn_time=ring.revolution_time,
            damping=ring.damping,
            coulomb_log=self.coulomb_log,
        )

    @cached_property
    def _slip_path(self) -> float:
        """Path error by slip in the modulators for a momentum spread of 1 [m]."""
        periods = laser_need(self.line, filling=1.0).periods
        return thick_modulator_path(periods, self.line.wavelength) if periods > 0.0 else 0.0

    def thick_path(self, emittance: float) -> float:
        """Return the rms path error by slip in the modulators, their r56 compensated; 0 if they count as thin [m].

        Parameters
        ----------
        emittance : vertical [m].
        """
        return 0.0 if self.modulators == "thin" else self._slip_path * math.sqrt(emittance / self.line.h_mod)

    def uncompensated_path(self) -> float:
        """Return the same where nothing compensates the r56 of the modulators [m]."""
        return self._slip_path * self.line.amplitude / 2.0

    def closure(
        self, damping: float, line: CouplingInsertion | None = None, *, collisions: float = 0.0, kicks: float = 0.0
    ) -> ClosureBudget:
        """Return the budget of the closure, path errors of collisions and of thick modulators in its growth.

        Parameters
        ----------
        damping : vertical amplitude decrement per turn [1].
        line : the insertion with another beam.
        collisions : rms path error by the collisions of one pass [m].
        kicks : rms kick by own light and effects, as at the second modulator [1].
        """
        of = line or self.line
        budget = of.closure(
            self.harmonic,
            damping,
            fraction=self.fraction,
            n=self.closure_particles,
            seed=_CLOSURE_SEED,
            order=self.order,
        )
        errors = (collisions, self.thick_path(of.emit_y))
        more = sum(emittance_growth(of.h_mod, of.chirp, of.wavelength, e) for e in errors)
        more += 0.5 * of.h_mod * kicks**2
        path, (beta, alpha) = self.line.section.R[4, 2:4], (of.beta[1], of.alpha[1])
        twiss = np.array([[beta, -alpha], [-alpha, (1.0 + alpha * alpha) / beta]])
        k = 2.0 * math.pi / self.wavelength
        # the section has more than the least H_rad that theorem 1 allows
        return replace(budget, growth=budget.growth + more, smear_rate=k * k * float(path @ twiss @ path))

    def check_cost(self, ring: RingState, states: float = 1.0, larger: float = 1.0) -> None:
        """Refuse what needs more memory or time than is spent without a word, see :mod:`ssmb.costs`.

        Parameters
        ----------
        ring : the ring.
        states : how many states of this size are found.
        larger : particles of the largest over those of this.
        """
        few = replace(self, particles=min(self.particles, _FEW), seeds=1, effects=())  # these warn once only
        angles = few._tracked(few.line, ring.filling).theta_x.size
        particles = self.particles * self.seeds
        check_cost(
            f"an insertion of {larger * particles:.0f} particles, {larger * self.closure_particles:.0f} for closure,",
            memory=larger * max(_BYTES * particles, _BYTES_OF_CLOSURE * self.closure_particles),
            seconds=states * _SUMS * light_seconds(particles, angles),
            instead="take fewer",
        )

    def state(self, upstream: RingState, *, stage: Stage = at_once) -> InsertionState:
        """Return the whole way from particles to watts at the focus.

        Parameters
        ----------
        upstream : the ring.
        stage : does what it is given, ``stage(name, class of the result, function)``, or knows its result already:
            "bunching" (of which the result is the beam in the radiator), "intrabeam scattering", "light", "light with
            scattering", "own light", "effects", "closure", "ends of the Coulomb logarithm", "watts".

        Raises
        ------
        PhysicsError
            Scattering finds no balance with the damping, or particles are lost.

        Warns
        -----
        ValidityWarning
            The insertion loses the beam that scattering leaves, or see :class:`Radiator`.
        """
        self.check_cost(upstream)
        filling = upstream.filling
        beam = stage("bunching", Beam, self.beam)
        scattered = stage("intrabeam scattering", InsertionIntrabeam, lambda: self.intrabeam(upstream))
        plain = stage("light", SourceLight, lambda: self.radiator.state(self.radiating(beam, filling)))
        heated = scattered.beam_of(self.line)
        left = stage("light with scattering", TrackedLight, lambda: self._tracked(heated, filling))
        kept, kept_by = self._kept(heated, plain.light, left)
        damping = upstream.damping[1]
        seen = stage("own light", OwnLight, lambda: OwnLight(*light_kick(plain, beam)))
        felt = stage("effects", FeltPass, lambda: self._felt(heated)) if self.effects else FeltPass((), ())
        own = own_light_kick(self.line, seen.kick.random * math.sqrt(kept)) if not felt.has(OWN_LIGHT) else 0.0
        kick = math.hypot(own, *(e.kick for e in felt.scattered))
        closed = stage("closure", Closed, lambda: self._closure_of(heated, damping, scattered.path_error, kick))
        of, budget = closed.of, closed.budget
        laser = self.laser(filling)
        factors = (kept, *budget.factors(laser.duty))
        ends = stage(
            "ends of the Coulomb logarithm", Ends, lambda: self._ends(scattered, kept, damping, laser.duty, kick)
        )
        # balances with damping, whatever of their terms is tracked
        limits = tuple(
            Limit(name, factor, "calculated", (min(factor, *pair), max(factor, *pair)))
            for name, factor, pair in zip(_LIMITS, factors, (ends.kept, ends.fewer, ends.left), strict=True)
        )
        duty = min(laser.duty, budget.best_duty)
        settled = heated if of == "scattered" else self.line
        slip = self.thick_path(settled.emit_y)
        radiating = replace(
            self.radiating(beam, filling),
            ideal_bunching=self.closed_form(self.harmonic),
            duty=laser.duty,
            limits=limits,
        )
        light = stage("watts", SourceLight, lambda: self._of_known(radiating, plain))
        return InsertionState(
            explained=self.explained(self.harmonic, light.light.bunching, len(beam)),
            light=light,
            imbalance=seen.imbalance,
            intrabeam=scattered,
            power_kept=kept,
            kept_by=kept_by,
            closure=budget,
            closure_of=of,
            thick=slip,
            uncompensated=self.uncompensated_path(),
            duty=duty,
            laser=laser,
            energy=self._energy(upstream, light, laser, duty),
            kicks=insertion_kicks(settled, upstream, scattered, budget, slip=slip, own_light=own, felt=felt.scattered),
            felt=felt,
        )

    def _tracked(self, line: CouplingInsertion, filling: Filling) -> TrackedLight:
        """Light of the beam of a line, whose limits are told of the beam without scattering already."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ValidityWarning)
            return self.radiator.tracked(self.radiating(self.beam(line), filling))

    def _felt(self, heated: CouplingInsertion) -> FeltPass:
        return FeltPass(*(felt_effects(of, self.effects, self._modulated(of)) for of in (self.line, heated)))

    def _of_known(self, radiating: RadiatingBeam, known: SourceLight) -> SourceLight:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ValidityWarning)
            return self.radiator.state(radiating, known=known)

    def _kept(self, heated: CouplingInsertion, plain: TrackedLight, left: TrackedLight) -> tuple[float, str]:
        """Peak power that scattering leaves [1], and how it was found: by named terms where the tracked is noise."""
        ratio, by = left.power / plain.power, "tracked"
        if left.power < _NOISE * left.noise_power:
            by = "calculated"
            ratio = min(ratio, (self._product(heated) / self._product(self.line)) ** 2)
        return kept_share(ratio), by

    def _ends(self, scattered: InsertionIntrabeam, kept: float, damping: float, duty: float, kick: float) -> Ends:
        """The factors of scattering and closure at both ends of the Coulomb logarithm.

        The bunching is that of the named terms there, relative to the beam of the logarithm that is given.
        """
        center = self._product(scattered.beam_of(self.line))
        found = []
        for end in (scattered.at(0), scattered.at(1)):
            heated = end.beam_of(self.line)
            power = kept * (self._product(heated) / center) ** 2 if center > 0.0 else kept
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ValidityWarning)
                fewer = replace(self, order=1, closure_particles=min(self.closure_particles, _OF_ENDS))
                budget = fewer._closure_of(heated, damping, end.path_error, kick).budget
            found.append((kept_share(power), *budget.factors(duty)))
        return Ends(*zip(*found, strict=True))

    def _product(self, line: CouplingInsertion) -> float:
        """|b_n| of the named terms with the beam of a line [1]."""
        return self.explained(self.harmonic, 1.0, 1, line.sigma).product

    def _closure_of(self, heated: CouplingInsertion, damping: float, collisions: float, kick: float) -> Closed:
        try:
            return Closed("scattered", self.closure(damping, heated, collisions=collisions, kicks=kick))
        except PhysicsError as error:  # the insertion loses the beam that scattering leaves
            warn(f"closure of the beam without scattering: with it {error.message}", ValidityWarning)
            return Closed("given", self.closure(damping, collisions=collisions, kicks=kick))

    def _energy(self, ring: RingState, light: SourceLight, laser: LaserNeed, duty: float) -> EnergyOfTurn:
        """What a turn costs; the lasers give nothing on the whole."""
        reference = self.line.lattice.reference
        return energy_of_turn(
            ring,
            [light],
            in_lattice=True,  # what is given, or found in the lattice of the ring, is the loss of a whole turn
            laser_on=duty,
            laser_peak=self.line.amplitude * reference.p0c * reference.beta,
            laser_power=laser.peak_power,
        )

    @classmethod
    def examples(cls) -> list[tuple[Self, Any]]:
        """A thin insertion that closes: one map to the radiator, its inverse to the second modulator."""
        reference, chirp, wavelength, harmonic = Reference(650e6), 2.5e4, 1064e-9, 5
        dispersion = 0.5
        r56 = (1.0 + 0.81 / harmonic ** (2.0 / 3.0)) / chirp  # J_n has its maximum there
        to_radiator = np.eye(6)
        to_radiator[4, 2], to_radiator[4, 5] = -r56 / dispersion, r56  # z += a.y + r56 delta with a.D = -r56
        to_radiator[3, 5] = -to_radiator[4, 2]
        form = symplectic_form(6)
        back = -form @ to_radiator.T @ form
        row = [
            Marker(name="MOD1"), Drift(name="D1", length=0.1), _linear("COUPLED", to_radiator), Marker(name="RAD"),
            Drift(name="D2", length=0.1), _linear("BACK", back), Marker(name="MOD2"),
        ]  # fmt: skip
        line = CouplingInsertion(
            Lattice.from_elements(row, reference), wavelength, chirp, 1e-9, 40e-12, 5.5e-4, beta=(15.0, 9.0),
            dispersion_y=(dispersion, 0.0), spot=10e-3,
        )  # fmt: skip
        undulator = Undulator.resonant(reference, wavelength / harmonic, 0.05, 40)
        ring = Ring(reference, Filling(0.1, 1.0, 20.0), 200.0, energy_loss=60e3)
        made = cls(line, harmonic, Radiator(undulator), order=1, closure_particles=256, particles=4096)
        return [(made, ring.state())]


def _linear(name: str, matrix: np.ndarray) -> LinearMap:
    return LinearMap(name=name, matrix=tuple(tuple(row) for row in matrix.tolist()))
