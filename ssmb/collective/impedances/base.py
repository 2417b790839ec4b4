"""What an impedance is: a frozen class of parameters that gives ohms for wave numbers, and its wake where one is known.

Signs: time factor exp(-i omega t), z > 0 at the head, s > 0 behind the source. Longitudinal:
``Z(k) = (1/c) Int W(s) exp(i k s) ds`` with the wake W(s) [V/C] > 0 where a particle a length s behind the source
loses, Z(-k) = conj Z(k). Transverse: ``Zt(k) = (-i/c) Int Wt(s) exp(i k s) ds`` with Wt(s) [V/C/m] > 0 where the kick
is towards the offset of the source, Zt(-k) = -conj Zt(k). An inductance is -i omega L, a resistive wall (1 - i) times a
root. Other codes (with e^{+i omega t}) have the conjugate.

To add an impedance, write one file: a class under :func:`impedance` with its values at k >= 0, its wake if there is a
closed form, and examples. Effects, run files and the contract tests find it by itself.

References
----------
A. W. Chao, Physics of Collective Beam Instabilities in High Energy Accelerators (Wiley, 1993), chapter 2; its time
    factor is the same, its z has the head at z > 0, too.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, dataclass_transform

import numpy as np

from ssmb.arguments import checked
from ssmb.errors import ConfigError, PhysicsError, nearest
from ssmb.quantity import check_quantities, quantity
from ssmb.ranges import several

#: A function of wave numbers [1/m], all of one sign, that gives an impedance.
Ohms = Callable[[np.ndarray], np.ndarray]
#: Impedances of the package by name.
IMPEDANCES: dict[str, type[Impedance]] = {}
_I = TypeVar("_I", bound="type[Impedance]")
#: Riemann's zeta function at -p, for impedances that go as k^p.
_ZETA = {-0.5: -1.4603545088095868, 1.0 / 3.0: -0.2773430478401295, 0.5: -0.2078862249773546}


@checked
@dataclass_transform(frozen_default=True)
def impedance(kind: str) -> Callable[[_I], _I]:
    """Register a class as the impedance of this name and freeze it."""

    def register(cls: _I) -> _I:
        made = dataclass(frozen=True)(cls)
        made.kind = kind
        if kind in IMPEDANCES:
            raise ValueError(f"impedance '{kind}' is registered twice")
        IMPEDANCES[kind] = made
        return made

    return register


@checked
def impedance_class(kind: str) -> type[Impedance]:
    """Return the impedance of a name, or raise ConfigError with the nearest one.

    >>> impedance_class("resonator").__name__
    'Resonator'
    """
    if kind not in IMPEDANCES:
        raise ConfigError(
            f"no impedance '{kind}'.{nearest(kind, IMPEDANCES)} Impedances: {', '.join(sorted(IMPEDANCES))}"
        )
    return IMPEDANCES[kind]


@checked
@dataclass(frozen=True)
class Impedance:
    """Base of all impedances; they can be added, and multiplied by a number.

    Attributes
    ----------
    kind : name in the registry.
    plane : "longitudinal" [ohm] or "transverse" [ohm/m].
    passive : whether it only takes energy, Re Z >= 0 at k > 0.
    acts : whom the wake acts on: those "behind" the source, "ahead" of it (light of a bend), or "both" (space charge).
    has_wake : whether :meth:`wake` is known.
    power : exponent p of k^p at small k where that is no whole number; None: smooth.
    """

    kind: ClassVar[str] = ""
    #: classes by kind, for run files
    kinds: ClassVar[dict[str, type[Impedance]]] = IMPEDANCES
    #: what it is in a budget of kicks
    physics: ClassVar[str] = "wakes of the chamber"
    passive: ClassVar[bool] = True
    power: ClassVar[float | None] = None
    plane = "longitudinal"
    acts = "behind"
    has_wake = False

    def __post_init__(self) -> None:
        check_quantities(self)

    def __call__(self, k: Any) -> np.ndarray:
        """Impedance at wave numbers of either sign [1/m]."""
        k = np.asarray(k, dtype=float)
        z = np.asarray(self.at(np.abs(k)), dtype=complex)
        mirrored = np.conj(z) if self.plane == "longitudinal" else -np.conj(z)
        return np.where(k < 0.0, mirrored, z)

    def at(self, k: np.ndarray) -> np.ndarray:
        """Impedance [ohm], or [ohm/m] of a transverse one, at wave numbers >= 0 [1/m], 0 included."""
        raise NotImplementedError

    def wake(self, s: Any) -> np.ndarray:
        """Wake [V/C], or [V/C/m] of a transverse one, a length s [m] behind the source; at s = 0 the limit from behind.

        Raises
        ------
        PhysicsError
            There is no closed form, or the wake is no function.
        """
        raise PhysicsError(f"the wake of '{self.kind}' is not known in closed form; use its impedance")

    def exponentials(self) -> tuple[tuple[complex, complex], ...]:
        """Sizes A [V/C, V/C/m] and rates [1/m], if the wake behind the source is Re of the sum of A exp(rate s)."""
        return ()

    def origin(self, step: float) -> complex:
        """What stands for k = 0 in a Fourier sum over multiples of ``step`` [1/m].

        Where the impedance goes as k^p, a sum misses an integral by the generalised Euler-Maclaurin term
        zeta(-p) (A. Sidi, Math. Comp. 81, 2159 (2012), doi:10.1090/S0025-5718-2012-02597-X).
        """
        if self.power is None:
            return complex(self(np.zeros(1))[0])
        return complex(-2.0 * _ZETA[self.power] * self(np.array([step]))[0])

    @property
    def k_range(self) -> tuple[float, float]:
        """Wave numbers between which it is known [1/m]."""
        return 0.0, math.inf

    @functools.cached_property
    def left_at_end(self) -> float:
        """Size of the impedance where it ends, of its largest one [1]: what of it is not known beyond."""
        first, last = self.k_range
        if not math.isfinite(last):
            return 0.0
        size = np.abs(self(np.linspace(first, last, 1025)))
        return float(size[-1] / size.max()) if size.max() > 0.0 else 0.0

    def __add__(self, other: Any) -> Impedance:
        if not isinstance(other, Impedance):
            return NotImplemented
        mine, yours = _weighted(self), _weighted(other)
        return Sum(mine[0] + yours[0], mine[1] + yours[1])

    def __mul__(self, factor: Any) -> Impedance:
        if isinstance(factor, bool) or not isinstance(factor, (int, float, np.number)):
            return NotImplemented
        parts, weights = _weighted(self)
        return Sum(parts, tuple(float(factor) * w for w in weights))

    __rmul__ = __mul__

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        """Members for the contract, each with a wave number [1/m] at which it is looked at."""
        raise NotImplementedError


def _weighted(z: Impedance) -> tuple[tuple[Impedance, ...], tuple[float, ...]]:
    """Parts and factors of a sum; of any other impedance itself."""
    return (tuple(z.parts), tuple(z.factors)) if isinstance(z, Sum) else ((z,), (1.0,))


@checked
@impedance("sum")
class Sum(Impedance):
    """A sum of impedances of one plane, each times a factor, such as a length [m] or a number of equal pieces."""

    parts: Sequence[Impedance]
    factors: Sequence[float] = quantity("", "factors of the parts; by default 1 each", default=())

    def __post_init__(self) -> None:
        parts = several("Sum: parts", self.parts, "impedances")
        wrong = next((p for p in parts if not isinstance(p, Impedance)), None)
        if not parts or wrong is not None:
            raise ConfigError(f"Sum: parts must be impedances, at least one, got {wrong!r}")
        if len({p.plane for p in parts}) > 1:
            raise ConfigError("Sum: longitudinal [ohm] and transverse [ohm/m] impedances cannot be added")
        object.__setattr__(self, "parts", tuple(parts))
        object.__setattr__(self, "factors", self.factors or (1.0,) * len(parts))
        super().__post_init__()
        if len(self.factors) != len(parts):
            raise ConfigError(f"Sum: {len(parts)} parts have {len(self.factors)} factors; give one for each, or none")

    @property
    def plane(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.parts[0].plane

    @property
    def acts(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        found = {p.acts for p in self.parts}
        return found.pop() if len(found) == 1 else "both"

    @property
    def has_wake(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return all(p.has_wake for p in self.parts)

    def at(self, k: np.ndarray) -> np.ndarray:
        return sum((f * p.at(k) for f, p in zip(self.factors, self.parts, strict=True)), np.zeros(np.shape(k), complex))

    def wake(self, s: Any) -> np.ndarray:
        return sum((f * p.wake(s) for f, p in zip(self.factors, self.parts, strict=True)), np.zeros(np.shape(s)))

    def origin(self, step: float) -> complex:
        return sum((f * p.origin(step) for f, p in zip(self.factors, self.parts, strict=True)), 0j)

    @property
    def k_range(self) -> tuple[float, float]:
        ranges = [p.k_range for p in self.parts]
        return max(r[0] for r in ranges), min(r[1] for r in ranges)

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        pairs = [kind.examples()[0] for name, kind in sorted(IMPEDANCES.items()) if name in ("inductance", "resonator")]
        return [(cls(tuple(z for z, _ in pairs), tuple(2.0 + i for i in range(len(pairs)))), pairs[-1][1])]


def impedance_values(who: str, z: Any, k: np.ndarray, plane: str = "longitudinal") -> np.ndarray:
    """Values at wave numbers [1/m] of an impedance of a plane, or of a function of the user, checked."""
    if not callable(z):
        raise ConfigError(
            f"{who}: impedance must be a function of wave numbers [1/m], such as those of "
            f"ssmb.collective.impedances, got {z!r}"
        )
    if isinstance(z, Impedance) and z.plane != plane:
        raise ConfigError(f"{who}: impedance must be {plane}; '{z.kind}' is {z.plane}")
    try:
        with np.errstate(all="ignore"):  # what is not finite is said below
            values = np.asarray(z(k), dtype=complex)
    except Exception as error:
        raise ConfigError(
            f"{who}: impedance gets an array of wave numbers [1/m]; it gave {type(error).__name__}: {error}"
        ) from error
    if values.shape != k.shape or not np.isfinite(values).all():
        raise ConfigError(f"{who}: impedance must give one finite number [ohm] for each wave number, 0 included")
    return values
