"""Intrabeam scattering in tracking: kicks with the local tensor of any coupling, and large collisions one by one."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, cached_property
from typing import Any

import numpy as np
import scipy

from ssmb.arguments import checked
from ssmb.beam import Beam
from ssmb.beam.reference import Reference
from ssmb.collective.along import Along
from ssmb.collective.collisions import ImpactParameters, impact_parameters
from ssmb.collective.effect import Effect, effect
from ssmb.collective.intrabeam import (
    MOMENTA,
    line_density,
    momenta_at_a_point,
    moments_of,
    places_of,
    rest_frame,
)
from ssmb.collective.trains import check_train, of_density
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.dynamics.matrices import suited
from ssmb.dynamics.propagation import recorded_at
from ssmb.errors import ConfigError, ValidityWarning, warn
from ssmb.kernels.collisions import lower_root
from ssmb.kernels.scattering import (
    NUMBERS,
    PAIRS,
    QUANTILES,
    WAVE_NUMBERS,
    collide,
    combined,
    kick_at_random,
    moment_sums,
)
from ssmb.lattice.program import Program, compile_elements
from ssmb.lattice.tree import Lattice
from ssmb.quantity import quantity
from ssmb.ranges import positive
from ssmb.tracking.stations import Place, places

_FIRST, _SECOND = np.array(PAIRS).T
_ROWS = np.arange(6)
#: Rest frame velocity over c, and part of the motion that one kick takes, above which is warned.
RELATIVISTIC, _STEP = 0.3, 0.1
#: Bunching factor below which microbunches count as a coasting beam: the density of the train changes by 2 %.
LEAST_BUNCHING = 0.1
#: Relative motion that no pair of a Gaussian beam has, in rms values.
_BOUND = 6.0


@checked
@effect("intrabeam")
class Intrabeam(Effect):
    """Scattering of the particles of a beam by many small collisions, and, if wanted, by single large ones.

    The covariance of the particles gives the diffusion and friction of :func:`ssmb.collective.intrabeam_diffusion`, for
    the time of ``here.share`` of a turn; each particle gets Gaussian noise of that covariance and is slowed relative to
    the mean motion at its place. The momentum of the beam and, in the mean, its energy stay. All particles scatter as
    in the mean over the beam; the friction is that of a Gaussian beam.

    With ``ring`` the rates are integrated along its elements, from place to place: the covariance is carried there by
    linear maps, the kicks to the place. So a spacing may be wider than the beam's sizes take to change, and the fast
    model of a ring (:func:`ssmb.ring_models.ring_model`) scatters as the ring; its kept places are named. A thousand
    elements take some tenths of a second: keep the rates for as many turns as the beam's sizes stay, with ``every``.
    Without a ring, the covariance at each place stands for the whole way before it.

    Collisions closer than a cut are in neither log nor kicks; with ``large`` they are events between two particles of
    about one group, by Moeller's cross-section of slow particles. The cut is the largest impact parameter over
    exp(logarithm), so that nothing counts twice: a smaller logarithm makes more of the collisions events.

    Valid for motion that is not relativistic in the rest frame, beams near Gaussian, and small changes by one kick.
    """

    physics = "intrabeam scattering"
    electrons: float | None = quantity("1", "of a bunch; by default the weight of the beam", default=None)
    current: float | None = quantity(
        "A", "in place of electrons, local current of a coasting beam or train", default=None
    )
    wavelength: float | None = quantity(
        "m", "distance of the microbunches in which the current flows, in z; by default it is coasting", default=None
    )
    coulomb_log: float | None = quantity("1", "Coulomb logarithm; by default that of the beam as it is", default=None)
    damping_time: float | None = quantity("s", "for the tail cut of a logarithm that is not given", default=None)
    large: bool = quantity("", "whether single large collisions are events", default=False)
    ring: Lattice | None = None
    every: int = quantity("", "turns for which rates are kept", default=1, minimum=1, maximum=1_000_000)
    seed: int = quantity("", "key of the random numbers", default=0, minimum=0, maximum=2**31 - 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, unit in (
            ("electrons", ""), ("current", "A"), ("coulomb_log", ""), ("damping_time", "s")
        ):  # fmt: skip
            if getattr(self, name) is not None:
                positive(name, getattr(self, name), unit)
        check_train(self.current, self.wavelength)
        if self.current is not None and self.electrons is not None:
            raise ConfigError("intrabeam: give electrons of a bunch or the current of a train, not both")
        if self.coulomb_log is not None and self.damping_time is not None:
            raise ConfigError(
                "intrabeam: a damping_time belongs to a logarithm that is calculated; give no coulomb_log"
            )

        if self.ring is not None and not isinstance(self.at, (int, float)):
            for i in (i for name in self.at for i in self.ring.indices(name) or (self.ring.index(name),)):
                element = self.ring[i]
                if element.light() is not None and element.length > 0.0:
                    raise ConfigError(
                        f"intrabeam: '{element.name}' is a modulator, which the model of a ring has as one kick in its "
                        "middle; put a marker beside it, name that, and keep it in the model (keep=[...])"
                    )

    def as_asked(self) -> dict[str, Any]:
        """A ring is known by its elements."""
        found = super().as_asked()
        return found | {"ring": list(self.ring.elements)} if self.ring is not None else found

    # ------------------------------------------------------------------ sums

    def state(self, program: Program) -> dict[str, np.ndarray]:
        """The rates of each place, and the turn from which they are, where they are kept."""
        if self.every == 1:
            return {}
        elements = np.array(sorted({here.element for here in places(program, self.at)}), dtype=float)
        rates = np.zeros((len(elements), 2, 6, 6))
        return {"element": elements, "turn": np.full(len(elements), -1.0), "rates": rates}

    def sums(self, beam: Beam, state: dict[str, np.ndarray]) -> np.ndarray:
        """Weights, means and moments about them, and those of the wave of a train."""
        out = np.empty((self.blocks(beam), NUMBERS + (WAVE_NUMBERS if self.wavelength else 0)))
        per_metre = 1.0 / self.wavelength if self.wavelength else 0.0
        moment_sums(beam.coordinates, beam.weight, beam.state, per_metre, out)
        return out

    def total(self, parts: np.ndarray) -> np.ndarray:
        """Weights, means, covariance, and bunching factor of the wave with its correlations."""
        return combined(parts)

    def covariance(self, total: np.ndarray) -> tuple[np.ndarray, bool]:
        """Covariance (6, 6) of the particles, and whether they count as a coasting beam.

        Of a train, z has the length and the correlations of the Gaussian microbunch that has its bunching factor and
        means of phase times coordinate; in how many buckets the particles are does not matter.
        """
        sigma = np.zeros((6, 6))
        sigma[_FIRST, _SECOND] = sigma[_SECOND, _FIRST] = total[8:NUMBERS]
        if self.wavelength is None:
            return sigma, self.current is not None
        k = 2.0 * math.pi / self.wavelength
        wave = total[NUMBERS::2] + 1j * total[NUMBERS + 1 :: 2]
        size = abs(wave[0])
        if size < LEAST_BUNCHING:
            return sigma, True
        others = [0, 1, 2, 3, 5]
        # <u e^{-ikz}> = -ik <u z> <e^{-ikz}>
        sigma[4, others] = sigma[others, 4] = np.real(1j * wave[1:] / (k * wave[0]))
        sigma[4, 4] = -2.0 * math.log(min(size, 1.0 - 1e-12)) / k**2
        return sigma, False

    # ------------------------------------------------------------------ rates

    def _many(self, total: np.ndarray) -> tuple[float | None, float | None]:
        """Electrons or current of those that are alive."""
        if self.current is not None:
            return None, self.current * total[0] / total[1]
        return (total[0] if self.electrons is None else self.electrons * total[0] / total[1]), None

    def _impact(
        self, reference: Reference, sigma: np.ndarray, electrons: float | None, current: float | None, coasting: bool
    ) -> ImpactParameters:
        """Impact parameters; the electrons of a train are those of a microbunch."""
        if self.wavelength is not None and current is not None and not coasting:
            electrons, current = line_density(reference, current) * self.wavelength, None
        return impact_parameters(reference, sigma, electrons=electrons, current=current, damping_time=self.damping_time)

    def _moments(
        self,
        sigma: np.ndarray,
        reference: Reference,
        here: Place,
        electrons: float | None,
        current: float | None,
        coasting: bool,
    ) -> np.ndarray:
        """Covariance of the random kicks and matrix of the mean kicks at a place, (2, 6, 6)."""
        logarithm = self.coulomb_log
        if logarithm is None:
            logarithm = self._impact(reference, sigma, electrons, current, coasting).logarithm
        wavelength = None if coasting else self.wavelength

        def rate(at: np.ndarray) -> np.ndarray:
            return of_density(
                reference,
                at,
                electrons,
                current,
                wavelength,
                lambda n, i: moments_of(reference, at, n, i, logarithm),
            )

        if self.ring is not None:
            return self._sections.moments(here, sigma, rate)
        return rate(sigma[None])[0] * (here.share * here.length / (reference.beta * SPEED_OF_LIGHT))

    @cached_property
    def _sections(self) -> _Sections:
        return _Sections(self.ring, self.at)  # type: ignore[arg-type]

    def _kept(
        self, total: np.ndarray, state: dict[str, np.ndarray], turn: int, reference: Reference, here: Place
    ) -> np.ndarray:
        """Moments of a kick (2, 6, 6), of this turn or kept from one before."""
        slot = int(np.searchsorted(state["element"], here.element)) if state else -1
        if state and 0.0 <= state["turn"][slot] <= turn < state["turn"][slot] + self.every:
            return state["rates"][slot]
        sigma, coasting = self.covariance(total)
        made = self._moments(sigma, reference, here, *self._many(total), coasting)
        _check_beam(reference, sigma, made)
        if state:
            state["turn"][slot], state["rates"][slot] = turn, made
        return made

    # ------------------------------------------------------------------ kicks

    def kick(self, beam: Beam, total: np.ndarray, state: dict[str, np.ndarray], turn: int, here: Place) -> None:
        if not total[0] > 0.0:
            return
        noise, drift = self._kept(total, state, turn, beam.reference, here)
        kicked = slice(None) if self.ring is not None else slice(1, None, 2)  # all, or the momenta
        key = (self._stream, turn, here.element)
        common = (beam.coordinates, beam.weight, beam.state, beam.ids, key, total[2:8].copy())
        root, drift = lower_root(noise[kicked, kicked]), np.ascontiguousarray(drift[kicked])
        kick_at_random(*common, drift, root, _ROWS[kicked], _quantiles(), beam.reference.inv_gamma2)
        if self.large:
            self._large(common, total, beam.reference, here)

    @cached_property
    def _stream(self) -> int:
        """Key that no other effect and no element draws with."""
        return (zlib.crc32(f"effect {self.name}".encode()) << 31) | self.seed

    def _large(self, common: tuple[Any, ...], total: np.ndarray, reference: Reference, here: Place) -> None:
        sigma, coasting = self.covariance(total)
        electrons, current = self._many(total)
        impact = self._impact(reference, sigma, electrons, current, coasting)
        inner, means, _ = momenta_at_a_point(reference, sigma[None], coasting)
        relative = np.zeros((3, 6))
        relative[range(3), MOMENTA] = rest_frame(reference)
        relative[:, places_of(coasting)] = -means[0]
        density = of_density(
            reference, sigma[None], electrons, current, None if coasting else self.wavelength,
            lambda n, i: _density(reference, sigma[None], n, i),
        )[0]  # fmt: skip
        time = here.share * here.length / (reference.beta * SPEED_OF_LIGHT)
        half = 0.5 * density * time * math.pi * SPEED_OF_LIGHT / reference.gamma**2
        to_beta = reference.gamma * reference.beta
        bound = _BOUND * to_beta * math.sqrt(2.0 * float(np.trace(inner[0])))
        logarithm = impact.logarithm if self.coulomb_log is None else self.coulomb_log
        cut = impact.largest * math.exp(-logarithm)
        if half * bound * cut**2 > 1.0:
            warn(
                "intrabeam: a kick would have several large collisions of one particle; give a larger coulomb_log or "
                "more places",
                ValidityWarning,
            )
        collide(*common, relative, to_beta, half, cut, reference.classical_radius, bound, reference.inv_gamma2)

    def mean_loss(self, total: np.ndarray, reference: Reference, here: Place) -> float:
        """None: what one particle gives others get."""
        return 0.0

    def diffusion(self, sigma: np.ndarray, reference: Reference, here: Place) -> np.ndarray:
        """Growth by small collisions; ``sigma`` of a train is that of a microbunch, not longer than the others."""
        if self.electrons is None and self.current is None:
            raise ConfigError("intrabeam: the envelope has no particles: give electrons or current")
        coasting = self.current is not None and self.wavelength is None
        noise, drift = self._moments(sigma, reference, here, self.electrons, self.current, coasting)
        change = drift @ sigma
        return noise + change + change.T

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        return [
            (cls(at="m", electrons=1e12, coulomb_log=10.0), 3e-3),
            (cls(at=0.7, current=5e3), 3e-3),
            (cls(at=("m", "n"), current=2e3, wavelength=1064e-9, coulomb_log=8.0), 60e-9),
            (cls(at="m", electrons=1e12, large=True), 3e-3),
        ]


class _Sections:
    """Moments of the kicks on the way to each place of a ring or a line, carried to the place."""

    def __init__(self, ring: Lattice, at: Sequence[str] | float) -> None:
        program = compile_elements(ring.elements, ring.reference)
        self.ring, self.spaced = ring, isinstance(at, (int, float))
        self.places = sorted(here.element for here in places(program, at))
        made, _ = suited(program, np.zeros((6, 1)))
        self.along = made.slopes(recorded_at(program, made.particles(), program.first_op))[:, 0]
        self.known: dict[int, tuple[np.ndarray, Along]] = {}

    def moments(self, here: Place, sigma: np.ndarray, rate: Any) -> np.ndarray:
        """(2, 6, 6) of the covariance at a place; ``rate`` of covariances (n, 6, 6) gives (n, 2, 6, 6)."""
        names = [e.name for e in self.ring.elements]
        place = here.element if self.spaced else self.ring.index(here.name)
        if not (place < len(names) and names[place] == here.name):
            raise ConfigError(
                f"intrabeam: '{here.name}' is not at the same place in ring; at a spacing the ring must be the lattice "
                "that is tracked, of another model name the places"
            )
        if place not in self.known:
            self.known[place] = self._section(place)
        onward, along = self.known[place]
        back = np.linalg.inv(onward)
        noise, drift = np.moveaxis(along.moments(back @ sigma @ np.swapaxes(back, 1, 2), rate), 1, 0)
        return np.stack([(onward @ noise @ np.swapaxes(onward, 1, 2)).sum(axis=0), (onward @ drift @ back).sum(axis=0)])

    def _section(self, place: int) -> tuple[np.ndarray, Along]:
        """Maps (n, 6, 6) from the entrances of the elements before a place to it, and the integral along them."""
        k, n = self.places.index(place), len(self.ring)
        here, whole = self.along[place], self.along[-1]
        before = list(range(self.places[k - 1] if k else 0, place))
        onward = [here @ np.linalg.inv(self.along[i]) for i in before]
        last = list(range(self.places[-1], n))
        if k == 0 and self.ring.periodic is not False:  # the rest of the turn before
            onward = [here @ whole @ np.linalg.inv(self.along[i]) for i in last] + onward
            before = last + before
        if place == self.places[-1] and self.ring.periodic is False:  # the rest of the line
            onward += [here @ np.linalg.inv(self.along[i]) for i in last]
            before += last
        elements = [self.ring.elements[i].in_lattice(self.ring.length, self.ring.reference) for i in before]
        section = Lattice.from_elements(
            [replace(e, name=f"at_{i}") for i, e in enumerate(elements)], self.ring.reference, periodic=False
        )
        return np.array(onward).reshape(-1, 6, 6), Along(section, "intrabeam scattering")


@cache
def _quantiles() -> np.ndarray:
    """Means of the normal distribution between its quantiles, scaled to unit variance."""
    edges = scipy.special.ndtri(np.linspace(0.0, 1.0, QUANTILES + 1))
    made = -np.diff(np.exp(-0.5 * edges**2))
    made = 0.5 * (made - made[::-1])
    return made / np.sqrt(np.mean(made**2))


def _density(reference: Reference, sigma: np.ndarray, electrons: float | None, current: float | None) -> np.ndarray:
    """Mean density at a particle of the beam [1/m^3], (n,)."""
    room = momenta_at_a_point(reference, sigma, current is not None)[2]
    if current is not None:
        return line_density(reference, current) / (4.0 * math.pi * np.sqrt(room))
    return (electrons or 0.0) / (8.0 * math.pi**1.5 * np.sqrt(room))


def _check_beam(reference: Reference, sigma: np.ndarray, moments: np.ndarray) -> None:
    """Warn where collisions are relativistic, or a kick is not small."""
    speed = reference.gamma * math.sqrt(max(sigma[1, 1], sigma[3, 3]))
    if speed > RELATIVISTIC:
        warn(
            f"intrabeam: electrons move with {speed:.1g} c in the rest frame of the beam, above {RELATIVISTIC:g}; the "
            "rates are those of slow collisions",
            ValidityWarning,
        )
    taken = -float(np.trace(moments[1]))  # the sum of three parts, each positive
    if taken > _STEP:
        warn(
            f"intrabeam: one kick takes {taken:.1g} of the relative motion, above {_STEP:g}; use more places",
            ValidityWarning,
        )
