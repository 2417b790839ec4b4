"""The field of one mode of a cavity as a state: what the beam and the drive change in it from pass to pass.

The lattice has the cavity with its static wave, at its place or in two halves on both sides. The state is the
*difference* d of the field from that wave, over the wave: nothing without a beam and with a drive that is right, so
that an uncharged beam is tracked to the same bits as without the effect. In each pass a part of the train gets the gain

    V Im[(d + d_b/2) exp(i k z)],   d_b = -(i/2) g b exp(-i phase)   (its own field counted half),

and then d -> rho exp(i psi) (d + d_b) + drive: the order of beam and round trip is physics. Several places of the same
turn (two modulators in one cavity, in the order in which the light comes by) load the same field; behind the last one
it goes round. ``phase`` of each place is that of the lattice's wave; waves of opposite sign, V > 0 and V < 0, take back
each other's reactive part.
"""

from __future__ import annotations

import cmath
import dataclasses
import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ssmb.beam import Beam
from ssmb.beam.reference import Reference
from ssmb.collective.effect import Effect, energy_gains, mass2
from ssmb.elements.base import Element
from ssmb.errors import ConfigError, ValidityWarning, warn
from ssmb.kernels.cavity_waves import kick_by_parts, part_sums
from ssmb.lattice.program import Program
from ssmb.maps.roles import Wave
from ssmb.quantity import quantity
from ssmb.tracking.stations import Place

#: Difference of the field from that of the lattice, over it, that is told.
_FAR = 0.5
#: Half widths of the resonance above which the phase of a pass is told before it happens.
_WIDTHS = 10.0
#: Difference of a given number from that of the lattice, over it, from which they are two.
_SAME = 1e-4


@dataclasses.dataclass(frozen=True, kw_only=True)
class CavityField(Effect):
    """What optical and radio-frequency cavities share; :meth:`load` and :meth:`turn` say how they differ."""

    what: ClassVar[str] = "a cavity"

    voltage: Sequence[float] = quantity(
        "V", "peak energy gain over charge in the wave of the lattice, one for each place; none: of the lattice",
        default=(), entries=(0, 100),
    )  # fmt: skip
    phase: Sequence[float] = quantity(
        "2pi", "phase of that wave at z = 0, one for each place; 0: the head gains", default=(), entries=(0, 100)
    )
    detuning: float = quantity("rad", "phase that the field gains between two passes", default=0.0)
    parts: int = quantity(
        "1", "passes in a turn: equal parts of the train, to which particles belong by id modulo it", minimum=1,
        maximum=400, default=1,
    )  # fmt: skip
    fill: Sequence[float] = quantity(
        "1", "current of each part over the current; none: 1", minimum=0.0, default=(), entries=(0, 400)
    )
    held_bunching: float = quantity(
        "1", "|b| with which the drive keeps the wave of the lattice, at zero phase; 0: it is set without beam",
        minimum=0.0, maximum=1.0, default=0.0,
    )  # fmt: skip
    proportional: float = quantity("1", "feedback on the drive: share of the error that a pass corrects", default=0.0)
    integral: float = quantity("1", "share of the sum of errors that a pass corrects", default=0.0)
    delay: int = quantity("1", "passes from an error to its correction", minimum=0, maximum=100_000, default=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("voltage", "phase", "fill"):
            object.__setattr__(self, name, tuple(float(v) for v in getattr(self, name)))
        places = len(self.places)
        if not places:
            raise ConfigError(f"{self.name}: at must name elements, not be a spacing of {self.at!r} m")
        if self.voltage and not len(self.voltage) == len(self.phase or self.voltage) == places:
            raise ConfigError(f"{self.name}: give a voltage, and a phase, for each of the {places} places")
        if self.phase and not self.voltage:
            raise ConfigError(f"{self.name}: phases without voltages")
        if self.fill and len(self.fill) != self.parts:
            raise ConfigError(f"{self.name}: fill has {len(self.fill)} numbers for {self.parts} parts")
        if places > 1 and self.parts > 1:
            raise ConfigError(
                f"{self.name}: {places} places and {self.parts} passes in a turn: light of one pass would be needed "
                "before the beam has been at the place before; take parts: 1, or one place"
            )

    def waves_of(self, program: Program) -> list[Wave]:
        """The waves of the elements at the places.

        Raises
        ------
        ConfigError
            One of them has none, or two have another wavelength or profile.
        """
        found = []
        for name in self.places:
            wave = wave_at(program.elements, program.reference, program.index(name))
            if wave is None:
                raise ConfigError(
                    f"{self.name}: '{name}' has no wave of {self.what}: name an element that has, or give voltage"
                )
            found.append(wave)
        first = found[0]
        for name, wave in zip(self.places, found, strict=True):
            if (wave.wavelength, wave.inverse_waist2) != (first.wavelength, first.inverse_waist2):
                raise ConfigError(f"{self.name}: '{name}' has another wavelength or profile than the first place")
        return found

    def check_wave(self, name: str, found: float) -> None:
        """Raise ConfigError if a number that is given is not that of the wave at the first place."""
        given = getattr(self, name)
        if given and abs(given / found - 1.0) > _SAME:
            raise ConfigError(
                f"{self.name}: {name} {given:.9g} is not that of '{self.places[0]}', {found:.9g}: leave it out, or "
                "give voltage, too"
            )

    @property
    def places(self) -> tuple[str, ...]:
        """Names of the elements at which it acts."""
        return () if isinstance(self.at, (int, float)) else tuple(self.at)

    # what the two kinds say

    def wave(self) -> tuple[float, float]:
        """Wavelength in z [m], and 1/w^2 of its profile [1/m^2]."""
        raise NotImplementedError

    def turn(self) -> complex:
        """Factor on the field from one pass to the next, rho exp(i psi)."""
        raise NotImplementedError

    def load(self) -> float:
        """|d_b| over |b|, of the first place and the full current [1]."""
        raise NotImplementedError

    # the protocol

    def state(self, program: Program) -> dict[str, np.ndarray]:
        """Difference of the field, the sum of errors, and those on their way to the drive."""
        return self._fresh()

    def _fresh(self) -> dict[str, np.ndarray]:
        return {
            "field": np.zeros(2),
            "sum": np.zeros(2),
            "errors": np.zeros((self.delay + 1, 2)),
        }

    def sums(self, beam: Beam, state: dict[str, np.ndarray]) -> np.ndarray:
        """For each part its weight, and the sums of w p cos k z and -w p sin k z."""
        wavelength, inverse_waist2 = self.wave()
        out = np.empty((self.blocks(beam), 3 * self.parts))
        part_sums(
            beam.coordinates, beam.weight, beam.state, beam.ids, 1.0 / wavelength, inverse_waist2, self.parts, out
        )
        return out

    def bunching(self, total: np.ndarray) -> np.ndarray:
        """(parts,) bunching factors, of the charge that there was at the start."""
        weight = np.where(total[::3] > 0.0, total[::3], 1.0)
        return (total[1::3] + 1j * total[2::3]) / weight

    def _turned(self, place: int) -> complex:
        """exp(i phase) of the wave at a place."""
        return cmath.exp(2j * math.pi * (self.phase[place] if self.phase else 0.0))

    def _passes(self, total: np.ndarray, state: dict[str, np.ndarray], place: int = 0) -> np.ndarray:
        """(parts,) difference of the field that each part sees at a place; the state goes on, round after the last."""
        last = place == len(self.voltage) - 1
        ratio = self.voltage[place] / self.voltage[0] * self._turned(place).conjugate()
        given = -1j * self.load() * ratio * np.array(self.fill or (1.0,) * self.parts) * self.bunching(total)
        now, seen = complex(*state["field"]), np.empty(self.parts, complex)
        for part in range(self.parts):
            seen[part] = now + 0.5 * given[part]
            now += given[part]
            if last:
                now = self._round(now, state)
        state["field"][:] = now.real, now.imag
        return seen

    def kick(self, beam: Beam, total: np.ndarray, state: dict[str, np.ndarray], turn: int, here: Place) -> None:
        place = self.places.index(here.name)
        if place == 0 and not any(array.any() for array in state.values()):
            self._warn_of_load(total, here)
        seen = self._passes(total, state, place)
        self._warn(seen, turn, here)
        wave = energy_gains(self.voltage[place] * self._turned(place) * seen, beam.reference, here)
        wavelength, inverse_waist2 = self.wave()
        kick_by_parts(
            beam.coordinates, beam.state, beam.ids, 1.0 / wavelength,
            wavelength / (2.0 * math.pi * beam.reference.beta), inverse_waist2, np.real(wave).copy(),
            np.imag(wave).copy(), mass2(beam.reference),
        )  # fmt: skip

    def _round(self, now: complex, state: dict[str, np.ndarray]) -> complex:
        """Field after the round trip, with what the drive adds; the error of a pass is that before the beam comes."""
        turned = self.turn()
        errors, total = state["errors"], state["sum"]
        late = complex(*errors[-1])
        total += errors[-1]
        held = 1j * self.load() * self.held_bunching * sum(v / self.voltage[0] for v in self.voltage)
        held *= float(np.mean(self.fill)) if self.fill else 1.0
        now = turned * (now + held) - (self.proportional * late + self.integral * complex(*total))
        errors[1:] = errors[:-1].copy()
        errors[0] = now.real, now.imag
        return now

    def _warn_of_load(self, total: np.ndarray, here: Place) -> None:
        """Say on the first turn where the field will not stay, if the beam goes on as it comes.

        Load and drive of a pass settle at turn (load + drive)/(1 - turn + proportional), an integral leaves nothing;
        a phase of few half widths is left to the warning of what happens.
        """
        waves = sum(v / self.voltage[0] for v in self.voltage)  # those of opposite slope take back each other's load
        fill = np.array(self.fill or (1.0,) * self.parts)
        bunching = complex(np.mean(fill * self.bunching(total))) * self._turned(0).conjugate()
        given = -1j * self.load() * waves * (bunching - self.held_bunching * float(np.mean(fill)))
        turn = self.turn()
        phase, width = abs(self.load() * waves * bunching.real), 1.0 - abs(turn)
        rest = abs(1.0 - turn + self.proportional)
        if self.integral or phase <= _WIDTHS * width or abs(turn * given) <= _FAR * rest:
            return
        widths = f", {phase / width:.3g} half widths of the resonance," if width > 0.0 else ""
        settled, passes = abs(turn * given) / rest if rest else math.inf, math.ceil(_FAR / abs(given))
        warn(
            f"{self.name} at '{here.name}': the beam turns the field by {phase:.2g} rad a pass{widths} and detuning "
            f"({self.detuning:.2g} rad) and drive do not take that back: the field leaves that of the lattice by "
            f"{_FAR} of it in about {passes} passes, and would settle {settled:.2g} of it away. Give "
            f"held_bunching ({abs(bunching):.2g} here) with a detuning beyond {2.0 * math.atan(0.5 * phase):.2g} rad "
            "(second Robinson limit), an integral feedback, or a second modulator of opposite slope",
            ValidityWarning,
        )

    def _warn(self, seen: np.ndarray, turn: int, here: Place) -> None:
        """Say where the wave is no longer that of the lattice at all."""
        if np.abs(seen).max() > _FAR and (turn % 1000 == 0 or turn < 1):
            warn(
                f"{self.name} at '{here.name}', turn {turn}: the field differs from that of the lattice by "
                f"{np.abs(seen).max():.2g} of it; the beam turns it by {self.load():.2g} rad a pass: set detuning to "
                "about that, held_bunching, or a feedback",
                ValidityWarning,
            )

    def mean_loss(self, total: np.ndarray, reference: Reference, here: Place) -> float:
        """On the first turn: what the parts add acts on them and on those behind."""
        weight, state = total[::3], self._fresh()
        volts = self.voltage[0] * self._turned(0) * self._passes(total, state)
        gained = float(weight @ np.imag(volts * np.conj(self.bunching(total))))
        return -gained * here.share * abs(reference.charge_number) / max(float(weight.sum()), 1e-300)


def wave_at(row: Sequence[Element], reference: Reference, at: int) -> Wave | None:
    """Return the wave of an element, or of the two that touch it in a row whose last element touches its first.

    A marker in the middle of a modulator that is told in two halves has the sum of their waves.
    """
    own = row[at].wave(reference)
    if own is not None or row[at].length:
        return own
    found = []
    for way in (range(at + 1, at + len(row)), range(at - 1, at - len(row), -1)):
        beside = next((row[i % len(row)] for i in way if row[i % len(row)].length), None)
        wave = None if beside is None else beside.wave(reference)
        if wave is not None and beside not in [e for e, _ in found]:
            found.append((beside, wave))
    if not found:
        return None
    waves = [wave for _, wave in found]
    total = sum(w.voltage * cmath.exp(2j * math.pi * w.phase) for w in waves)
    return dataclasses.replace(waves[0], voltage=abs(total), phase=cmath.phase(total) / (2.0 * math.pi))
