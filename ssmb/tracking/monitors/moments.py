"""Particles, charge, means and covariance matrix against turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmb.arguments import checked
from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.kernels.block_sums import block_sum
from ssmb.kernels.loops import WEIGHT
from ssmb.kernels.sums import products_of, sum_of_eight
from ssmb.quantity import COVARIANCE, PHASE_SPACE, quantity
from ssmb.tracking.monitors.base import SumMonitor, SumRow, every_field, monitor, place_field, sum_blocks
from ssmb.tracking.monitors.record import Record

_UPPER = np.triu_indices(6)
#: Numbers of a group: particles, weight, 6 means, 21 central second moments (upper triangle by rows).
_NUMBERS = 29
#: Rows of a group behind the coordinates: these times the weights, the weights, ones.
_WEIGHTED, _WEIGHT, _ONE, _ROWS = 6, 12, 13, 14
_add_first = products_of([*((r, _WEIGHT) for r in range(6)), (_WEIGHT, _ONE)])
_add_second = products_of([(_WEIGHTED + r, q) for r in range(6) for q in range(r, 6)])
_ROW = np.dtype([("particles", "i8"), ("charge", "f8"), ("mean", "f8", (6,)), ("sigma", "f8", (6, 6))])


def _moment_tile(buf, lo, hi, p, out):
    """What :func:`moment_sums` forms, eight lanes side by side."""
    for k in range(_NUMBERS):
        out[k] = 0.0
    n, living = hi - lo, buf[WEIGHT, lo:hi]
    m = (n + 7) // 8 * 8
    rows, totals = np.empty((_ROWS, m)), np.zeros((21, 8))
    for r in range(_ROWS):
        for i in range(n, m):
            rows[r, i] = 0.0
    for r in range(6):
        here = buf[r, lo:hi]
        for i in range(n):
            rows[r, i] = here[i]
    count = 0
    for i in range(n):
        rows[_WEIGHT, i] = living[i]
        rows[_ONE, i] = 1.0
        count += living[i] > 0.0
    out[0] = count
    for i in range(0, m, 8):
        _add_first(totals, rows, i)
    total = out[1] = sum_of_eight(totals[6])
    if total <= 0.0:
        return
    for r in range(6):
        mean = out[2 + r] = sum_of_eight(totals[r]) / total
        for i in range(m):
            rows[r, i] -= mean
        for i in range(m):
            rows[_WEIGHTED + r, i] = rows[_WEIGHT, i] * rows[r, i]
    for k in range(7):
        for i in range(8):
            totals[k, i] = 0.0
    for i in range(0, m, 8):
        _add_second(totals, rows, i)
    for k in range(21):
        out[8 + k] = sum_of_eight(totals[k])


@block_sum("moments", 0, tiled=_moment_tile)
def moment_sums(buf, lo, hi, p, out):
    """Particles, weight, means and central second moments of lanes lo..hi, formed about the block's own mean."""
    count = 0.0
    total = 0.0
    for i in range(lo, hi):
        total += buf[WEIGHT, i]
        count += 1.0 if buf[WEIGHT, i] > 0.0 else 0.0
    out[0] = count
    out[1] = total
    for k in range(2, _NUMBERS):
        out[k] = 0.0
    if total <= 0.0:
        return
    for r in range(6):
        s = 0.0
        for i in range(lo, hi):
            s += buf[WEIGHT, i] * buf[r, i]
        out[2 + r] = s / total
    k = 8
    for r in range(6):
        for q in range(r, 6):
            s = 0.0
            a, b = out[2 + r], out[2 + q]
            for i in range(lo, hi):
                s += buf[WEIGHT, i] * ((buf[r, i] - a) * (buf[q, i] - b))
            out[k] = s
            k += 1


@dataclass(frozen=True)
class MomentRecord(Record):
    """Moments against turn."""

    at: str | None = quantity("", "element at whose entrance it is taken; None: the end of each turn")
    turn: np.ndarray = quantity("turn", "turn number, from 0", dims=("turn",))
    particles: np.ndarray = quantity("1", "macroparticles alive", dims=("turn",))
    charge: np.ndarray = quantity("C", "charge of those alive", dims=("turn",))
    mean: np.ndarray = quantity(PHASE_SPACE, "means of x, px, y, py, z, delta", dims=("turn", "coordinate"))
    sigma: np.ndarray = quantity(
        COVARIANCE, "covariance of x, px, y, py, z, delta", dims=("turn", "coordinate", "other_coordinate")
    )

    @property
    def rms(self) -> np.ndarray:
        """(n, 6) standard deviations."""
        return np.sqrt(np.einsum("nii->ni", self.sigma))

    @property
    def projected_emittance(self) -> np.ndarray:
        """(n, 3) projected rms emittances of (x, px), (y, py), (z, delta) [m]."""
        blocks = [self.sigma[:, i : i + 2, i : i + 2] for i in (0, 2, 4)]
        return np.stack([np.sqrt(np.clip(np.linalg.det(b), 0.0, None)) for b in blocks], axis=1)


@checked
@monitor("moments", MomentRecord)
class MomentMonitor(SumMonitor):
    """Record particles, charge, means and the covariance matrix at the entrance of an element, on every n-th turn.

    Parameters
    ----------
    at : name of the element; None: the end of each turn.
    every : record turns 0, every, 2 every ... .
    name : key of the record in :attr:`Run.monitors`; by default ``moments`` or ``moments@<at>``.
    """

    at: str | None = place_field(default=None)
    every: int = every_field()
    name: str = ""

    @classmethod
    def examples(cls, at: str, light: str) -> list[Any]:
        return [cls(at, every=2)]

    @property
    def row(self) -> np.dtype:
        return _ROW

    def sums(self) -> list[SumRow]:
        return [SumRow(moment_sums, (), _NUMBERS)]

    def combined(self, parts: np.ndarray) -> np.ndarray:
        """To particles, charge, means and covariances."""
        out = np.zeros((parts.shape[0], parts.shape[2]))
        out[:, :2] = sum_blocks(parts[:, :, :2])
        weight = np.where(out[:, 1] > 0.0, out[:, 1], 1.0)[:, None]
        out[:, 2:8] = sum_blocks(parts[:, :, 1:2] * parts[:, :, 2:8])
        out[:, 2:8] /= weight
        i, j = _UPPER
        shift = parts[:, :, 2:8] - out[:, None, 2:8]
        out[:, 8:] = sum_blocks(parts[:, :, 8:] + parts[:, :, 1:2] * (shift[:, :, i] * shift[:, :, j]))
        out[:, 8:] /= weight
        rows = np.empty(len(out), _ROW)
        rows["particles"], rows["charge"], rows["mean"] = out[:, 0], out[:, 1] * ELEMENTARY_CHARGE, out[:, 2:8]
        rows["sigma"][:, i, j] = rows["sigma"][:, j, i] = out[:, 8:]
        return rows

    def record(self, turn: np.ndarray, rows: np.ndarray) -> MomentRecord:
        return MomentRecord(self.at, turn, rows["particles"], rows["charge"], rows["mean"], rows["sigma"])
