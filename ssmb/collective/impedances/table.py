"""An impedance by the points of a table, typed or in a text file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ssmb.arguments import checked
from ssmb.collective.impedances.base import Impedance, impedance
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.errors import ConfigError, ValidityWarning, Where, nearest, warn
from ssmb.quantity import quantity
from ssmb.ranges import several

#: An interval of so many times both its neighbours is a gap; share of the wake on the wrong side that is refused.
_GAP, _WRONG_SIDE = 3.5, 0.6
#: Share of the largest |Re Z| by which it may be below zero before the table says that charge gains.
_ROUNDING = 1e-6
#: Half waves of the last wave number behind and ahead of the source in which the sides are not told apart.
_SMEARED = 4
_COLUMNS = ("k", "frequency", "real", "imaginary")


@checked
@impedance("table")
class ImpedanceTable(Impedance):
    """Linear between the points of a table, zero outside of it.

    Give ``k`` [1/m] or ``frequency`` [Hz], rising, with ``real`` and ``imaginary`` parts, or a text ``file`` of such
    columns, whose first line names them: ``frequency real imaginary`` or ``k real imaginary``, with blanks or commas
    between, lines of # are comments. Of a transverse impedance the parts are those of Zt [ohm/m].

    ``time_factor`` is that of the code that made the table: "-" for e^{-i omega t}, as here, "+" for e^{+i omega t}
    (mbtrack2 and most codes), of which the conjugate is taken (of a transverse one minus the conjugate). ``acts`` says
    whom the wake acts on; a table of another convention has it on the wrong side and is refused: its Re and Im Z are no
    Hilbert transforms of each other. So is one that gives energy, Re Z < 0 (Re Zt < 0).

    Warns
    -----
    ValidityWarning
        Points are missing: one interval is far longer than both its neighbours.
    """

    k: Sequence[float] = quantity("1/m", "wave numbers of the points, rising", default=(), minimum=0.0)
    real: Sequence[float] = quantity("", "real parts at the points [ohm, or ohm/m]", default=())
    imaginary: Sequence[float] = quantity("", "imaginary parts at the points [ohm, or ohm/m]", default=())
    frequency: Sequence[float] = quantity("Hz", "frequencies of the points, rising", default=(), minimum=0.0)
    file: str = quantity("", "text file of the columns", default="")
    time_factor: Literal["-", "+"] = quantity("", "sign of i omega t in the time factor of the table", default="-")
    acts: Literal["behind", "ahead", "both"] = quantity("", "whom the wake acts on", default="behind")  # pyright: ignore[reportIncompatibleVariableOverride]
    plane: Literal["longitudinal", "transverse"] = quantity("", "plane of the impedance", default="longitudinal")  # pyright: ignore[reportIncompatibleVariableOverride]

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [name for name in ("k", "frequency", "file") if len(getattr(self, name))]
        if len(given) != 1 or (given == ["file"] and (self.real or self.imaginary)):
            raise ConfigError(
                "ImpedanceTable: give k [1/m] or frequency [Hz] with real and imaginary, or a file of them; got "
                f"{' and '.join(given) or 'none of them'}"
            )
        columns = _read(Path(self.file)) if self.file else {name: getattr(self, name) for name in _COLUMNS}
        axis = columns.get("k") or [2.0 * math.pi * f / SPEED_OF_LIGHT for f in columns["frequency"]]
        self._check(np.array(axis), np.array(columns["real"]), np.array(columns["imaginary"]))
        sign = self._sign()
        parts = {"k": axis, "real": [sign[0] * v for v in columns["real"]]}
        parts |= {"imaginary": [sign[1] * v for v in columns["imaginary"]], "frequency": ()}
        for name, values in parts.items():
            object.__setattr__(self, name, tuple(values))
        object.__setattr__(self, "file", "")
        object.__setattr__(self, "time_factor", "-")
        self._check_side()

    @classmethod
    def of(cls, k: Any, z: Any, **more: Any) -> ImpedanceTable:
        """A table from arrays of wave numbers [1/m] and complex impedances.

        >>> ImpedanceTable.of([0.0, 100.0], [0.0, 5.0 - 3.0j]).imaginary
        (0.0, -3.0)
        """
        z = np.asarray(z, dtype=complex)
        k = several("ImpedanceTable: k", k, "wave numbers [1/m]")
        return cls(k=tuple(map(float, k)), real=tuple(z.real.tolist()), imaginary=tuple(z.imag.tolist()), **more)

    def at(self, k: np.ndarray) -> np.ndarray:
        return np.interp(k, self.k, self.real, 0.0, 0.0) + 1j * np.interp(k, self.k, self.imaginary, 0.0, 0.0)

    @property
    def k_range(self) -> tuple[float, float]:
        return self.k[0], self.k[-1]

    def _sign(self) -> tuple[float, float]:
        if self.time_factor == "-":
            return 1.0, 1.0
        return (1.0, -1.0) if self.plane == "longitudinal" else (-1.0, 1.0)

    def _check(self, k: np.ndarray, real: np.ndarray, imaginary: np.ndarray) -> None:
        if not k.size or not k.size == real.size == imaginary.size or k[0] < 0.0 or (np.diff(k) <= 0.0).any():
            raise ConfigError(
                "ImpedanceTable: give as many wave numbers or frequencies >= 0, rising, as real and imaginary parts; "
                f"got {k.size}, {real.size} and {imaginary.size}"
            )
        for i in range(1, k.size - 2):
            step, usual = k[i + 1] - k[i], max(k[i] - k[i - 1], k[i + 2] - k[i + 1])
            if step > _GAP * usual:
                warn(
                    f"ImpedanceTable: no point between k = {k[i]:.6g} and {k[i + 1]:.6g} 1/m, where those next to it "
                    f"lie {usual:.3g} 1/m apart: about {round(step / usual) - 1} are missing; a line stands for them",
                    ValidityWarning,
                )

    def _check_side(self) -> None:
        """Whether it takes energy, and its wake acts where it is said to act."""
        real, imaginary = np.array(self.real), np.array(self.imaginary)
        if (real < -_ROUNDING * np.abs(real).max()).any():
            i = int(np.argmin(real))
            what = "Re Zt" if self.plane == "transverse" else "Re Z"
            raise ConfigError(
                f"ImpedanceTable: {what} = {real[i]:.6g} at k = {self.k[i]:.6g} 1/m is below zero: the charge would "
                "gain energy. Turn the sign of the table" + (", or give time_factor='+'" if what == "Re Zt" else "")
            )
        if self.acts == "both":
            return
        behind = behind_share(np.array(self.k), real, imaginary, self.plane)
        wrong = 1.0 - behind if self.acts == "behind" else behind
        if wrong > _WRONG_SIDE:
            seen = "ahead of" if self.acts == "behind" else "behind"
            other = "ahead" if self.acts == "behind" else "behind"
            raise ConfigError(
                f"ImpedanceTable: {wrong:.0%} of the square of the wake acts {seen} its source: the table has the time "
                "factor e^{+i omega t}. Give time_factor='+'"
                + f", or acts='{other}' if the wake does that (light of bends acts ahead)"
            )

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        frequency = (0.0, 5e9, 10e9, 20e9, 40e9, 80e9)
        real, imaginary = (0.0, 200.0, 900.0, 1500.0, 600.0, 0.0), (0.0, -400.0, -700.0, 0.0, 500.0, 0.0)
        return [
            (cls(frequency=frequency, real=real, imaginary=imaginary), 300.0),
            (cls(frequency=frequency, real=real, imaginary=imaginary, plane="transverse"), 300.0),
        ]


def behind_share(k: np.ndarray, real: np.ndarray, imaginary: np.ndarray, plane: str) -> float:
    """Share of the square of the wake that acts behind the source [1]; 1/2 where the parts do not tell.

    The wake is found by Fourier sums on an even grid; half waves of the last wave number about the source are left out,
    where the end of the table smears one side into the other.
    """
    if k.size < 2:
        return 0.5
    points = 1 << min(16, max(10, math.ceil(math.log2(8.0 * k[-1] / np.diff(k).min()))))
    grid = np.linspace(0.0, k[-1], points + 1)
    z = np.interp(grid, k, real, 0.0, 0.0) + 1j * np.interp(grid, k, imaginary, 0.0, 0.0)
    if plane == "transverse":
        z = 1j * z
    wake = np.fft.irfft(np.conj(z))  # e^{-iks} on the grid
    half = wake.size // 2
    behind, ahead = float(np.sum(wake[_SMEARED:half] ** 2)), float(np.sum(wake[half + 1 : 1 - _SMEARED] ** 2))
    return behind / (behind + ahead) if behind + ahead > 0.0 else 0.5


def _read(path: Path) -> dict[str, list[float]]:
    """Columns of a text file by name."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(f"ImpedanceTable: '{path}' cannot be read: {why}") from None
    numbered = [(i, line.replace(",", " ").split()) for i, line in enumerate(text.splitlines(), 1)]
    rows = [(i, words) for i, words in numbered if words and (i == 1 or not words[0].startswith("#"))]
    names = [w for w in rows[0][1] if w != "#"] if rows else []
    names = [n.lstrip("#") for n in names]
    if sorted(names) not in (["imaginary", "k", "real"], ["frequency", "imaginary", "real"]):
        wrong = next((n for n in names if n not in _COLUMNS), "")
        raise ConfigError(
            "ImpedanceTable: the first line must name the columns, 'frequency real imaginary' (Hz) or 'k real "
            f"imaginary' (1/m), got '{' '.join(names)[:60]}'.{nearest(wrong, _COLUMNS) if wrong else ''}",
            Where(str(path), 1, 1),
        )
    columns: dict[str, list[float]] = {name: [] for name in names}
    for i, words in rows[1:]:
        values = [_number(w) for w in words]
        if len(values) != len(names) or not all(map(math.isfinite, values)):
            raise ConfigError(
                f"ImpedanceTable: a row must have {len(names)} finite numbers, got '{' '.join(words)[:60]}'",
                Where(str(path), i, 1),
            )
        for name, value in zip(names, values, strict=True):
            columns[name].append(value)
    return columns


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return math.nan
