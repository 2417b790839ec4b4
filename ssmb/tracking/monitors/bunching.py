"""Complex bunching factors against turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmb.errors import ConfigError
from ssmb.kernels.block_sums import block_sum
from ssmb.kernels.loops import WEIGHT, Z
from ssmb.kernels.primitives import sincos_turns
from ssmb.quantity import Shown, quantity
from ssmb.tracking.monitors.base import SumMonitor, SumRow, checked_every, monitor, sum_blocks

#: Numbers of a group: weight, sum w cos, sum w sin.
_NUMBERS = 3


@block_sum("bunching", 1)
def bunching_sums(buf, lo, hi, p, out):
    """Weight and weighted sums of cos(2 pi z/lambda), -sin(2 pi z/lambda) of lanes lo..hi; p[0] is 1/lambda."""
    total = 0.0
    c = 0.0
    s = 0.0
    for i in range(lo, hi):
        w = buf[WEIGHT, i]
        sine, cosine = sincos_turns(buf[Z, i] * p[0])
        total += w
        c += w * cosine
        s -= w * sine
    out[0] = total
    out[1] = c
    out[2] = s


@dataclass(frozen=True)
class BunchingRecord(Shown):
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


@monitor("bunching")
class BunchingMonitor(SumMonitor):
    """Record the complex bunching factor b = <exp(-2 pi i z/lambda)> at the entrance of an element on every n-th turn.

    Parameters
    ----------
    at : name of the element; None: the end of each turn.
    wavelengths : wavelengths [m], > 0.
    every, name : as in :class:`MomentMonitor`.
    """

    at: str | None
    wavelengths: Sequence[float]
    every: int = 1
    name: str = ""

    def __post_init__(self) -> None:
        try:
            values = tuple(float(w) for w in np.ravel(np.asarray(self.wavelengths, dtype=float)))
        except (TypeError, ValueError):
            values = ()
        if not values or not all(0.0 < w < np.inf and 1.0 / w < np.inf for w in values):
            raise ConfigError(f"BunchingMonitor: wavelengths must be numbers > 0 [m], got {self.wavelengths!r}")
        object.__setattr__(self, "wavelengths", values)
        object.__setattr__(self, "every", checked_every(self.every, "BunchingMonitor"))
        object.__setattr__(self, "name", self.name or ("bunching" if self.at is None else f"bunching@{self.at}"))

    @classmethod
    def examples(cls, at: str, light: str) -> list[Any]:
        return [cls(at, [1064e-9, 532e-9], every=2)]

    @property
    def row(self) -> np.dtype:
        return np.dtype([("bunching", "c16", (len(self.wavelengths),))])

    def sums(self) -> list[SumRow]:
        return [SumRow(bunching_sums, (1.0 / w,), _NUMBERS) for w in self.wavelengths]

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
