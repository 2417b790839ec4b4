"""The coherent light of a radiator or a modulator acts back on the beam that makes it, in every turn."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, Self

import numpy as np

from ssmb.arguments import checked
from ssmb.beam import Beam
from ssmb.beam.reference import Reference
from ssmb.collective.effect import Effect, effect, energy_gains, mass2
from ssmb.collective.light_modes import mode_impedance, mode_list, mode_values
from ssmb.errors import ConfigError
from ssmb.kernels.light_modes import MOMENTS, SCALE, kick_by_modes, mode_sums
from ssmb.lattice.facts import undulator_in
from ssmb.lattice.program import Program
from ssmb.maps.undulator import Undulator
from ssmb.quantity import quantity
from ssmb.tracking.stations import Place

#: Sizes of a beam over those of the modes beyond which the mean field is 10 to 20 % off; at 1 order 2 has it to 1 %.
_FITS = (0.4, 1.6)
#: Phase and lobe over the undulator above which angles and energies of the particles change their light by 2 %.
_MOST_PHASE = 0.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class UndulatorField(Effect):
    """What effects of the light of an undulator share: the undulator, the line, the modes, and where they end."""

    wavelength: float = quantity(
        "m", "wavelength of the train, in z: beta times that of light", minimum=0.0, open_minimum=True
    )
    sigma_x: float = quantity("m", "horizontal rms size that the modes are made for", minimum=0.0, open_minimum=True)
    sigma_y: float = quantity("m", "vertical rms size that the modes are made for", minimum=0.0, open_minimum=True)
    line: int = quantity(
        "1",
        "harmonic of the train that is radiated; 0: the one nearest to the resonance",
        minimum=0,
        maximum=1_000_000,
        default=0,
    )
    harmonic: int = quantity("1", "odd harmonic of the undulator", minimum=1, maximum=999, default=1)
    order: int = quantity("1", "highest order of the modes", minimum=0, maximum=12, default=2)
    period: float = quantity("m", "undulator period; 0: of the lattice", minimum=0.0, default=0.0)
    periods: int = quantity("1", "number of periods; 0: of the lattice", minimum=0, maximum=1_000_000, default=0)
    deflection: float = quantity("1", "deflection parameter K; 0: of the lattice", minimum=0.0, default=0.0)
    helical: bool = quantity("", "whether the undulator is helical", default=False)

    @property
    def physics(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """A radiator at the wavelength of the train is one of its modulators."""
        return "light of the modulators" if self.line == 1 else "own light of the radiator"

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [bool(v) for v in (self.period, self.periods, self.deflection)]
        if any(given) and not all(given):
            raise ConfigError(f"{self.name}: give period, periods and deflection of the undulator, or none of them")
        if self.harmonic % 2 == 0 or (self.helical and self.harmonic > 1):
            raise ConfigError(
                f"{self.name}: harmonic {self.harmonic}: on its axis an undulator radiates odd harmonics, a helical "
                "one the first"
            )

    def in_lattice(self, program: Program) -> Self:
        """Take the undulator from the elements at the places, where it is not given."""
        made = super().in_lattice(program)
        if made.period:
            return made
        if isinstance(made.at, (int, float)):
            raise ConfigError(f"{self.name}: at must name the undulator, not be a spacing of {self.at:g} m")
        found = {name: undulator_in(program.elements, program.reference, program.index(name))[0] for name in made.at}
        for name, one in found.items():
            if one is None:
                raise ConfigError(
                    f"{self.name}: no undulator at '{name}': name a Wiggler, a marker beside one, or give period, "
                    "periods and deflection"
                )
        first, *others = [one for one in found.values() if one is not None]
        if any(one != first for one in others):
            raise ConfigError(f"{self.name}: {', '.join(found)} are different undulators: make an effect for each")
        return dataclasses.replace(
            made, period=first.period, periods=first.n_periods, deflection=first.k, helical=first.helical
        )

    def undulator(self, reference: Reference) -> Undulator:
        """The undulator, passed by the reference particle."""
        if not self.period:
            raise ConfigError(f"{self.name}: give period, periods and deflection of the undulator")
        return Undulator(reference, self.period, self.periods, self.deflection, self.helical)

    def light(self, reference: Reference) -> float:
        """Wavelength in z of the light [m]: that of the train over ``line``."""
        resonant = self.undulator(reference).wavelength(self.harmonic) * reference.beta
        return self.wavelength / (self.line or max(1, round(self.wavelength / resonant)))

    def impedance(self, reference: Reference) -> np.ndarray:
        """(modes, modes) impedance between the modes [ohm]."""
        return mode_impedance(
            self.undulator(reference), self.light(reference) / reference.beta, self.harmonic,
            (self.sigma_x, self.sigma_y), self.order,
        )  # fmt: skip

    @functools.cached_property
    def _scales(self) -> tuple[float, float]:
        """u over x and over y [1/m]."""
        return SCALE / self.sigma_x, SCALE / self.sigma_y

    def _warn(self, total: np.ndarray, reference: Reference, turn: int, here: Place) -> None:
        """Say where the beam leaves what the modes, and the thin kick, are good for."""
        if not total[1] > 0.0:
            return
        mean, square = total[2:MOMENTS:2] / total[1], total[3:MOMENTS:2] / total[1]
        rms = np.sqrt(np.maximum(square - mean * mean, 0.0))
        told = f"{self.name} at '{here.name}', turn {turn}"
        for plane, size, seen, off in zip("xy", (self.sigma_x, self.sigma_y), rms[:2], mean[:2], strict=True):
            if not _FITS[0] <= math.hypot(seen, off) / size <= _FITS[1]:
                self.tell(
                    f"size {plane} at {here.name}",
                    f"{told}: modes for sigma_{plane} = {size:.3g} m, but the beam has {seen:.3g} m about "
                    f"{off:.3g} m: set sigma_{plane} to it",
                )
        undulator = self.undulator(reference)
        lobe = 0.5 * math.pi * undulator.length / self.light(reference) * float(square[2] + square[3])
        spread = 2.0 * math.pi * self.harmonic * undulator.n_periods * float(rms[4])
        for what, value in (("k L sigma'^2/4", lobe), ("2 pi n N sigma_delta", spread)):
            if value > _MOST_PHASE:
                self.tell(
                    f"{what} at {here.name}",
                    f"{told}: {what} = {value:.2g} (good below {_MOST_PHASE}): the light of each electron depends on "
                    "its angle or energy, which the kick leaves out",
                )


@checked
@effect("own_light")
class OwnLight(UndulatorField):
    """The field that a bunched beam radiates in an undulator acts on each of its electrons.

    ``dE = -2 I Re[exp(i k z) Sum psi_m(x, y) Z_mn b_n]``, b_n = <psi_n exp(-i k z)> of the particles at the place, in
    the modes of :mod:`ssmb.collective.light_modes`: emission at one point of the undulator, spreading, and action
    at another one ahead of it, so with its reactive part, which is as large as what is radiated, and with its
    variation over the beam. The transverse momenta change by the Panofsky-Wenzel partner: the kick is symplectic. What
    is lost is the power radiated, ``2 I b* Re(Z) b``. The place stands for the middle of the undulator (a marker
    between its halves).

    Order 2 has the mean field of a beam of the sizes given to 1 % and the field at its electrons to 1 to 9 % rms (S = k
    sigma^2/L from 0.06 to 2), order 4 to 0.1 % and 3 %; a beam far off the axis, or tilted, needs more.

    One effect is one line of the train at an odd harmonic of one undulator; more radiators, harmonics, colours are more
    effects, each with its name. Valid for an infinite train (every bucket sees N equal ones behind it; within N
    wavelengths of the ends it sees fewer: ``BunchLight``), low gain, N >= 10, and angles and energy spread small over
    the undulator; where the beam leaves the range, and the sizes those of the modes, it is warned.

    References
    ----------
    W. K. H. Panofsky, W. A. Wenzel, Rev. Sci. Instrum. 27, 967 (1956), doi:10.1063/1.1715427.
    """

    current: float = quantity("A", "local current of the train while it passes", minimum=0.0)
    bunching: float = quantity(
        "1",
        "|b| of a beam that is bunched anew on each turn and forgets its phase, for the envelope; 0: it keeps it",
        minimum=0.0,
        maximum=1.0,
        default=0.0,
    )

    def sums(self, beam: Beam, state: dict[str, np.ndarray]) -> np.ndarray:
        """Weight of all particles, moments of those alive, and the bunching in each mode (real, imaginary)."""
        out = np.empty((self.blocks(beam), MOMENTS + 2 * len(mode_list(self.order))))
        per_metre = 1.0 / self.light(beam.reference)
        mode_sums(beam.coordinates, beam.weight, beam.state, per_metre, *self._scales, self.order, out)
        return out

    def modes(self, total: np.ndarray) -> np.ndarray:
        """(modes,) bunching in each mode, of the charge that there was at the start."""
        return (total[MOMENTS::2] + 1j * total[MOMENTS + 1 :: 2]) / (total[0] if total[0] > 0.0 else 1.0)

    def kick(self, beam: Beam, total: np.ndarray, state: dict[str, np.ndarray], turn: int, here: Place) -> None:
        reference = beam.reference
        self._warn(total, reference, turn, here)
        wave = energy_gains(-2.0 * self.current * self.impedance(reference) @ self.modes(total), reference, here)
        # of the pair (z/beta, E/(p0 c)): the potential of the energy is that of the momentum, over beta times k in z
        light = self.light(reference)
        per_slope = light / (2.0 * math.pi * reference.beta)
        kick_by_modes(
            beam.coordinates, beam.state, 1.0 / light, per_slope, *self._scales, self.order,
            np.real(wave).copy(), np.imag(wave).copy(), mass2(reference),
        )  # fmt: skip

    def mean_loss(self, total: np.ndarray, reference: Reference, here: Place) -> float:
        """Power that is radiated over the current, as long as all are alive."""
        return self.radiated_power(total, reference) * here.share * abs(reference.charge_number)

    def radiated_power(self, total: np.ndarray, reference: Reference) -> float:
        """Coherent power over the current [W/A], of the sums at the place: 2 I b* Re(Z) b."""
        b = self.modes(total)
        return 2.0 * self.current * float(np.real(np.conj(b) @ np.real(self.impedance(reference)) @ b))

    def diffusion(self, sigma: np.ndarray, reference: Reference, here: Place) -> np.ndarray | None:
        """Of a beam that is bunched anew on each turn: half the square of the wave, in its mean over the Gaussian beam.

        A kick ``(V/E) cos(k z + phase)`` of an electron whose phase is another one on each turn adds V^2/(2 E^2) to
        sigma_delta^2. V = 2 I |Z b| at the electron, of a beam of the sizes in ``sigma`` with one bunching
        all over it; the transverse partner adds to px and py alike.
        """
        if not self.bunching:
            return None
        nodes, weights = np.polynomial.hermite_e.hermegauss(40)
        weights /= weights.sum()
        (x, x1), (y, y1) = (
            mode_values(math.sqrt(sigma[i, i]) * nodes, size, self.order)
            for i, size in ((0, self.sigma_x), (2, self.sigma_y))
        )
        pairs = mode_list(self.order)
        b = self.bunching * np.array([(weights @ x[m]) * (weights @ y[n]) for m, n in pairs])
        wave = np.zeros((self.order + 1, self.order + 1), complex)
        for (m, n), volts in zip(pairs, 2.0 * self.current * self.impedance(reference) @ b, strict=True):
            wave[m, n] = volts
        per_slope = self.light(reference) / (2.0 * math.pi * reference.beta)
        out = np.zeros((6, 6))
        for i, across, along, scale in ((1, x1, y, per_slope), (3, x, y1, per_slope), (5, x, y, 1.0 / reference.beta)):
            square = np.abs(across.T @ wave @ along) ** 2
            unit = scale * here.share * abs(reference.charge_number) / reference.p0c
            out[i, i] = 0.5 * float(weights @ square @ weights) * unit * unit
        return out

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        euv: dict[str, Any] = {"wavelength": 13.5e-9, "current": 5.0, "period": 0.01, "periods": 60}
        k = Undulator.resonant(Reference(600e6), 13.5e-9, 0.02, 60).k
        wide: dict[str, Any] = {"sigma_x": 2.25e-4, "sigma_y": 2.25e-4}
        modulator = Undulator.resonant(Reference(600e6), 1064e-9, 0.05, 30).k
        return [
            (cls(at="m", **(euv | {"period": 0.02, "deflection": k}), **wide), 3e-9),
            (
                cls(
                    at=("m", "n"), wavelength=1060e-9, current=0.3, period=0.05, periods=30, deflection=modulator,
                    sigma_x=2.25e-4, sigma_y=2.25e-4, order=6,
                ),
                150e-9,
            ),
            (
                cls(
                    at=0.7, wavelength=1064e-9 / 3.0, current=0.3, harmonic=3, period=0.05, periods=30,
                    deflection=modulator, order=2, **wide,
                ),
                50e-9,
            ),
        ]  # fmt: skip
