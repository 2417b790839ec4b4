"""What a microbunching scheme is: a closed form, the thin model it is exact for, and a beamline that realises it.

To add a scheme, write one file: a frozen dataclass that inherits :class:`Scheme` and is registered with
:func:`scheme`. The contract tests (tracked thin model against closed form, tracked magnets against closed form), the
table of schemes and ``ssmb compare schemes`` find it by itself.
"""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np

from ssmb.arguments import checked
from ssmb.beam import Beam, Reference, bunching_factor
from ssmb.errors import ConfigError, PhysicsError, nearest
from ssmb.lattice import Lattice
from ssmb.ranges import harmonic_number
from ssmb.schemes.beamlines import Parts
from ssmb.schemes.given import Given
from ssmb.schemes.modulator import Modulator
from ssmb.schemes.quadrature import check_resolved, quadrature_beam, quiet_beam
from ssmb.tracking import track

_S = TypeVar("_S", bound="type[Scheme]")

#: name of a scheme -> its class
SCHEMES: dict[str, type[Scheme]] = {}

#: macroparticles of a quiet start that give |b| to 1e-5 up to the 79th harmonic
QUIET_PARTICLES = 2**20


@checked
def scheme(name: str) -> Callable[[_S], _S]:
    """Register a class as the scheme of this name."""

    def register(cls: _S) -> _S:
        if name in SCHEMES:
            raise ValueError(f"scheme '{name}' is registered twice")
        cls.name = name
        SCHEMES[name] = checked(cls)
        return cls

    return register


@checked
def scheme_class(name: str) -> type[Scheme]:
    """Return the scheme of a name, or raise ConfigError with the nearest one.

    >>> scheme_class("eehg").__name__
    'EchoEnabled'
    """
    if name not in SCHEMES:
        raise ConfigError(f"no scheme '{name}'.{nearest(name, SCHEMES)} Schemes: {', '.join(sorted(SCHEMES))}")
    return SCHEMES[name]


@checked
class Scheme(ABC):
    """A microbunching scheme with all its parameters; subclasses are frozen dataclasses.

    Attributes
    ----------
    name : name in the registry.
    title : what it is, in words.
    references : where it comes from.
    reference : reference particle.
    wavelength : laser wavelength [m], in whose harmonics bunching is counted.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    references: ClassVar[tuple[str, ...]] = ()
    #: passes through the thin model after which its bunching is that of the closed form
    thin_turns: ClassVar[int] = 1
    #: nodes by coordinate that resolve the beam in the magnets of a typical member; empty: too many for a product of
    #: rules
    magnet_nodes: ClassVar[Mapping[str, int]] = {"z": 64, "delta": 12, "x": 3, "px": 1, "y": 7, "py": 7}

    reference: Reference
    wavelength: float

    @abstractmethod
    def bunching(self, harmonic: int) -> float:
        """Return the closed form of |b| at `harmonic` times the laser frequency [1]."""

    def exact_bunching(self, harmonic: int) -> float:
        """Return |b_n| of the thin model with what the closed form leaves out; the closed form where it is exact
        [1].
        """
        return self.bunching(harmonic)

    def departure(self, harmonic: int) -> float:
        """Return how far the closed form is from the thin model that it describes, in |b_n| [1]; 0 where it is
        exact.
        """
        return abs(self.bunching(harmonic) - self.exact_bunching(harmonic))

    @abstractmethod
    def thin_line(self) -> Lattice:
        """Return the thin model: laser kicks and linear maps, from the first modulator to the radiator."""

    @abstractmethod
    def sigma(self) -> np.ndarray:
        """Return the covariance (6, 6) in front of the first modulator; its row of z is zero for a coasting beam."""

    def beam(self, n: int = QUIET_PARTICLES, seed: int = 1) -> Beam:
        """Return the matched quiet-start beam in front of the first modulator of the thin model.

        A coasting beam fills one laser wavelength.

        Parameters
        ----------
        n : number of macroparticles.
        seed : scrambling of the quiet start.
        """
        return quiet_beam(self.reference, self.wavelength, self.sigma(), n, seed)

    def quadrature(self, nodes: int = 12, more: Mapping[str, int] | None = None) -> Beam:
        """Return a weighted beam in front of the first modulator whose means are quadratures, free of noise.

        Parameters
        ----------
        nodes, more : numbers of nodes, see :func:`ssmb.schemes.quadrature.quadrature_beam`.

        Warns
        -----
        ValidityWarning
            The largest r56 turns the laser phase of delta by more than its nodes resolve, as that of an echo does.
        """
        turned = 2.0 * math.pi / self.wavelength * max(map(abs, self.dispersions()), default=0.0)
        check_resolved("delta", (more or {}).get("delta", nodes), turned * math.sqrt(self.sigma()[5, 5]))
        return quadrature_beam(self.reference, self.wavelength, self.sigma(), nodes=nodes, more=more)

    @classmethod
    @abstractmethod
    def examples(cls) -> Sequence[Any]:
        """Return typical and extreme members, from which the contract tests run."""

    @classmethod
    def design(cls, harmonic: int, bunching: float, given: Given) -> Scheme:
        """Return the member that reaches |b_n| with the least laser power from what is given.

        Raises
        ------
        PhysicsError
            If the scheme cannot reach it, with the reason.
        """
        raise PhysicsError(f"{cls.title}: there is no rule to design it for a wanted bunching")

    def dispersions(self) -> tuple[float, ...]:
        """Return the r56 of the sections of the thin model in turn [m]."""
        return tuple(r56 for e in self.thin_line() if (r56 := e.lumped_r56()) is not None)

    def laser_powers(self, modulator: Modulator) -> tuple[float, ...]:
        """Return the power of each laser, if all modulators are such undulators, tuned to it [W]."""
        tuned = [(e, modulator.tuned(e.laser_wavelength, self.reference)) for e in self._lasers()]
        return tuple(m.power_for_gradient(e.gradient) if e.gradient else m.power(e.amplitude) for e, m in tuned)

    def _modulator(self, modulator: Modulator | None, *, vertical: bool = False) -> Modulator:
        """The modulator that is given, tuned to the laser of the scheme, or the suited one."""
        if modulator is None:
            return Modulator.suited(self.reference, self.wavelength, vertical=vertical)
        return modulator.tuned(self.wavelength, self.reference)

    def modulations(self) -> tuple[float, ...]:
        """Return the peak relative modulation of each laser [1], of an angular one its slope t [1/m]."""
        return tuple(e.gradient or e.amplitude for e in self._lasers())

    def _lasers(self) -> list[Any]:
        return [e for e in self.whole_line() if e.light() is not None]

    def whole_line(self) -> Lattice:
        """Return the thin model with what follows behind the radiator, such as a demodulator; else the thin model."""
        return self.thin_line()

    def parts(self, modulator: Modulator | None = None, *, thick: bool = False) -> Parts:
        """Return the magnets that realise the scheme, matched by the tracked maps.

        Parameters
        ----------
        modulator : for all of them, tuned to the laser; default :meth:`Modulator.suited`.
        thick : light in slices along the undulators; False: one kick in the middle of each.

        Raises
        ------
        PhysicsError
            If no beamline is known for this scheme or its parameters, with the reason.
        """
        raise PhysicsError(f"{self.title}: no beamline of magnets is known; see thin_line()")

    def beamline(self, modulator: Modulator | None = None, *, thick: bool = False) -> Lattice:
        """Return the beamline of real magnets, ending with the marker RAD; arguments and errors as for
        :meth:`parts`.
        """
        return self.parts(modulator, thick=thick).lattice(self.name)

    def realised(self, modulator: Modulator | None = None, *, thick: bool = False) -> Scheme:
        """Return the scheme with what its magnets have and leave out, such as the waist of the laser; itself if
        nothing.

        With `thick` the slip inside a long modulator is in it, to first order.
        """
        return self

    def beamline_bunching(
        self,
        harmonics: Sequence[int],
        modulator: Modulator | None = None,
        *,
        thick: bool = False,
        n: int = 2**16,
        seed: int = 1,
        beam: Beam | None = None,
    ) -> np.ndarray:
        """Return |b| in the radiator of a matched quiet start tracked through the beamline, shape of `harmonics` [1].

        Parameters
        ----------
        harmonics : harmonics of the laser [1].
        modulator, thick : see :meth:`parts`.
        n, seed : macroparticles and scrambling of the quiet start.
        beam : another beam at the entrance, such as :meth:`Parts.quadrature`, which is free of noise.
        """
        parts = self.parts(modulator, thick=thick)
        orders = np.array([harmonic_number(h) for h in harmonics])
        run = track(parts.lattice(self.name), parts.beam(n, seed) if beam is None else beam)
        return np.abs(bunching_factor(run.beam, self.wavelength / orders))

    def best_harmonic(self) -> int:
        """Return the harmonic that this member is made for, for tables and tests [1]."""
        values = [(self.bunching(n) * math.sqrt(n), n) for n in range(1, 31)]
        return max(values)[1]

    def tracked_bunching(self, harmonics: Sequence[int], beam: Beam | None = None) -> np.ndarray:
        """Return |b| at these harmonics of a beam that was tracked through the thin model, shape of `harmonics` [1].

        Parameters
        ----------
        harmonics : harmonics of the laser [1].
        beam : beam in front of the modulator; default :meth:`beam`, whose error is some 1e-5 where few coordinates
            matter and 1e-3 in an echo; :meth:`quadrature` has less.
        """
        orders = np.array([harmonic_number(h) for h in harmonics])
        run = track(self.thin_line(), self.beam() if beam is None else beam, self.thin_turns)
        return np.abs(bunching_factor(run.beam, self.wavelength / orders))

    def parameters(self) -> dict[str, Any]:
        """Return the parameters by name, in the order in which they are given."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]
