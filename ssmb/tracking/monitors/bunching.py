"""Complex bunching factors against turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmb.arguments import checked
from ssmb.kernels.block_sums import block_sum
from ssmb.kernels.loops import WEIGHT, Z
from ssmb.kernels.sums import TILE, add_tile, pairwise, sincos_of_place, split
from ssmb.quantity import LIGHT, quantity
from ssmb.text import nanometres, number, table
from ssmb.tracking.monitors.base import SumMonitor, SumRow, every_field, monitor, place_field, sum_blocks
from ssmb.tracking.monitors.record import Curves, Record

#: Numbers of a group: weight, sum w cos, sum w sin.
_NUMBERS = 3
#: Of a longer record the first and last turns are printed; JSON has all.
_MOST_TURNS = 20


def _bunching_tile(buf, lo, hi, p, out):
    """What :func:`bunching_sums` forms, lanes side by side."""
    total, cosine, sine = np.zeros(TILE), np.zeros(TILE), np.zeros(TILE)
    weight = buf[WEIGHT, lo:hi]
    add_tile(buf[Z, lo:hi], weight, p[0], p[1], 1.0 / (p[0] + p[1]), cosine, sine)
    for i in range(hi - lo):
        total[i] = weight[i]
    out[0] = pairwise(total)
    out[1] = pairwise(cosine)
    out[2] = -pairwise(sine)


@block_sum("bunching", 2, tiled=_bunching_tile)
def bunching_sums(buf, lo, hi, p, out):
    """Weight and weighted sums of cos(2 pi z/lambda), -sin(2 pi z/lambda) of lanes lo..hi; lambda = p[0] + p[1], which
    are its split.
    """
    total = 0.0
    c = 0.0
    s = 0.0
    for i in range(lo, hi):
        w = buf[WEIGHT, i]
        sine, cosine = sincos_of_place(buf[Z, i], p[0], p[1], 1.0 / (p[0] + p[1]))
        total += w
        c += w * cosine
        s -= w * sine
    out[0] = total
    out[1] = c
    out[2] = s


@checked
@dataclass(frozen=True)
class BunchingRecord(Record):
    """Bunching factors against turn."""

    at: str | None = quantity("", "element at whose entrance it is taken; None: the end of each turn")
    wavelengths: np.ndarray = quantity("m", "wavelengths", dims=("wavelengths",))
    turn: np.ndarray = quantity("turn", "turn number, from 0", dims=("turn",))
    bunching: np.ndarray = quantity(
        "1", "bunching factor <exp(-2 pi i z/lambda)> of the particles alive, complex", dims=("turn", "wavelengths")
    )

    @property
    def magnitude(self) -> np.ndarray:
        """(n, k) |b|."""
        return np.abs(self.bunching)

    def text(self, name: str) -> str:
        """|b| by turn."""
        heads = (name, *(f"|b| {nanometres(float(w))}" for w in self.wavelengths))
        rows = [(f"turn {t}", *(number(b, 5) for b in m)) for t, m in zip(self.turn, self.magnitude, strict=True)]
        if len(rows) > _MOST_TURNS:
            half = _MOST_TURNS // 2
            rows = [*rows[:half], ("...", *("" for _ in self.wavelengths)), *rows[-half:]]
        return table(heads, rows)

    def curves(self) -> tuple[Curves, ...]:
        """|b| by wavelength."""
        return (Curves(self.magnitude, "bunching factor |b|", wavelengths=self.wavelengths),)


@checked
@monitor("bunching", BunchingRecord)
class BunchingMonitor(SumMonitor):
    """Record the complex bunching factor b = <exp(-2 pi i z/lambda)> at the entrance of an element on every n-th turn.

    Parameters
    ----------
    at : name of the element; None: the end of each turn.
    wavelengths : wavelengths [m], numbers or texts with unit.
    every, name : as in :class:`MomentMonitor`.
    """

    at: str | None = place_field()
    wavelengths: Sequence[float] = quantity(
        "m", "wavelengths", minimum=1e-15, maximum=1e6, plausible=LIGHT, entries=(1, 1000)
    )
    every: int = every_field()
    name: str = ""

    @classmethod
    def examples(cls, at: str, light: str) -> list[Any]:
        return [cls(at, [1064e-9, 532e-9], every=2)]

    @property
    def row(self) -> np.dtype:
        return np.dtype([("bunching", "c16", (len(self.wavelengths),))])

    def sums(self) -> list[SumRow]:
        return [SumRow(bunching_sums, split(w), _NUMBERS) for w in self.wavelengths]

    def combined(self, parts: np.ndarray) -> np.ndarray:
        """To each b."""
        rows = np.empty(len(parts), self.row)
        for i in range(len(self.wavelengths)):
            b = _combined(parts[:, :, i * _NUMBERS : (i + 1) * _NUMBERS])
            rows["bunching"][:, i] = b[:, 0] + 1j * b[:, 1]
        return rows

    def record(self, turn: np.ndarray, rows: np.ndarray) -> BunchingRecord:
        return BunchingRecord(self.at, np.array(self.wavelengths), turn, rows["bunching"])


def _combined(parts: np.ndarray) -> np.ndarray:
    """Combine block sums (turns, blocks, 3) to the real and imaginary part of b (turns, 2)."""
    total = sum_blocks(parts)
    return total[:, 1:] / np.where(total[:, :1] > 0.0, total[:, :1], 1.0)
