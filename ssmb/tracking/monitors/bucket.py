"""The micro-bucket against turn: what is captured, how long and how warm it is, what bunching it has.

Captured is inside the separatrix. That is not alive: an electron that leaves its bucket drifts in z and lives on, as
long as no aperture takes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmb.arguments import checked
from ssmb.buckets import MicroBucket
from ssmb.errors import ConfigError
from ssmb.kernels.block_sums import block_sum
from ssmb.kernels.drives import Drive
from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import DELTA, WEIGHT, Z
from ssmb.kernels.primitives import floor, sincos_turns, where
from ssmb.kernels.sums import products_of, sum_of_eight
from ssmb.quantity import quantity
from ssmb.text import named_values, number, table
from ssmb.text import quantity as with_unit
from ssmb.tracking.monitors.base import RunAround, SumMonitor, SumRow, every_field, monitor, place_field, sum_blocks
from ssmb.tracking.monitors.record import Curves, Record

_FAR = 1e300
#: Turns of which the summary tells; harmonics that tables and figures show.
_TOLD, _SHOWN = 9, 6
#: A lifetime is told if what is held falls by this many standard errors, and by this much, in the second half.
_SIGNIFICANT, _FALL = 5.0, 0.01
#: Numbers of a group: (weight, means, central second moments of (z in buckets, delta)) of all and of those inside, and
#: behind them (sum w cos, -sum w sin) for each harmonic.
_NUMBERS = 12
#: Packed numbers of a bucket: 1/length [1/m]; middle between its barriers [lengths]; delta of the fixed point;
#: coefficients of d^2, d^3, d^4, 1 - cos q and sin q - q in the Hamiltonian; its value on the separatrix; lowest and
#: highest d; fixed point from the middle [lengths]; number of harmonics. d is delta and q/2 pi the place [lengths],
#: from the fixed
#: point.
_PARAMS = 13


#: Rows of a group: place and momentum; weights of all and of those inside; ones; sine and cosine of the place in z,
#: and of a harmonic, weighted; for all and for those inside, place and momentum from the mean, and these weighted.
_U, _D, _ALL, _INSIDE, _ONE, _SIN, _COS, _WSIN, _WCOS, _FROM_MEAN, _ROWS = *range(10), 17
_add_first = products_of([(w, r) for w in (_ALL, _INSIDE) for r in (_ONE, _U, _D)])
_add_second = products_of([(k + i, k + j) for k in (_FROM_MEAN, _FROM_MEAN + 4) for i, j in ((2, 0), (2, 1), (3, 1))])
_add_harmonic = products_of([(_WCOS, _ONE), (_WSIN, _ONE)])


@scalar
def _in_bucket(z, delta, p):
    """Place [lengths] and delta from the fixed point of its bucket, and 1.0 inside the separatrix (0.0 outside)."""
    u = z * p[0] - p[1]
    u -= floor(u + 0.5) + p[11]
    d = delta - p[2]
    s, c = sincos_turns(u)
    well = p[6] * (1.0 - c) + p[7] * (s - 2.0 * math.pi * u)
    level = well + d * d * (p[3] + d * (p[4] + d * p[5]))
    return u, d, where((level < p[8]) & (p[9] < d) & (d < p[10]), 1.0, 0.0)


def _bucket_tile(buf, lo, hi, p, out):
    """What :func:`bucket_sums` forms, eight lanes side by side."""
    n = hi - lo
    m = (n + 7) // 8 * 8
    rows, totals = np.zeros((_ROWS, m)), np.zeros((6, 8))
    z, delta, weight = buf[Z, lo:hi], buf[DELTA, lo:hi], buf[WEIGHT, lo:hi]
    for i in range(n):
        u, d, inside = _in_bucket(z[i], delta[i], p)
        rows[_U, i], rows[_D, i], rows[_ONE, i] = u, d, 1.0
        rows[_ALL, i], rows[_INSIDE, i] = weight[i], weight[i] * inside
    for i in range(n):
        rows[_SIN, i], rows[_COS, i] = sincos_turns(z[i] * p[0])
        rows[_WCOS, i] = weight[i]
    for i in range(0, m, 8):
        _add_first(totals, rows, i)
    for k in range(12):
        out[k] = 0.0
    for g in range(2):
        total = out[6 * g] = sum_of_eight(totals[3 * g])
        if total > 0.0:
            out[6 * g + 1] = sum_of_eight(totals[3 * g + 1]) / total
            out[6 * g + 2] = sum_of_eight(totals[3 * g + 2]) / total
        for r in range(2):
            at, mean = _FROM_MEAN + 4 * g + r, out[6 * g + 1 + r]
            for i in range(m):
                rows[at, i] = rows[_U + r, i] - mean
                rows[at + 2, i] = rows[_ALL + g, i] * rows[at, i]
    for k in range(6):
        for i in range(8):
            totals[k, i] = 0.0
    for i in range(0, m, 8):
        _add_second(totals, rows, i)
    for g in range(2):
        for k in range(3):
            out[6 * g + 3 + k] = sum_of_eight(totals[3 * g + k])
    for h in range(int(p[12])):
        for i in range(m):
            c, s = rows[_WCOS, i], rows[_WSIN, i]
            rows[_WCOS, i] = c * rows[_COS, i] - s * rows[_SIN, i]
            rows[_WSIN, i] = c * rows[_SIN, i] + s * rows[_COS, i]
        for k in range(2):
            for i in range(8):
                totals[k, i] = 0.0
        for i in range(0, m, 8):
            _add_harmonic(totals, rows, i)
        out[_NUMBERS + 2 * h] = sum_of_eight(totals[0])
        out[_NUMBERS + 2 * h + 1] = -sum_of_eight(totals[1])


@block_sum("bucket", _PARAMS, tiled=_bucket_tile)
def bucket_sums(buf, lo, hi, p, out):
    """Moments of lanes lo..hi in one bucket, about the block's own means, of all and of those inside; harmonics of
    all.
    """
    for k in range(out.size):
        out[k] = 0.0
    for i in range(lo, hi):
        u, d, inside = _in_bucket(buf[Z, i], buf[DELTA, i], p)
        for k in range(0, 12, 6):
            w = buf[WEIGHT, i] * (1.0 if k == 0 else inside)
            out[k] += w
            out[k + 1] += w * u
            out[k + 2] += w * d
        s, c = sincos_turns(buf[Z, i] * p[0])
        wc, ws = buf[WEIGHT, i], 0.0
        for n in range(int(p[12])):
            wc, ws = wc * c - ws * s, wc * s + ws * c
            out[_NUMBERS + 2 * n] += wc
            out[_NUMBERS + 2 * n + 1] -= ws
    for k in range(0, 12, 6):
        if out[k] > 0.0:
            out[k + 1] /= out[k]
            out[k + 2] /= out[k]
    for i in range(lo, hi):
        u, d, inside = _in_bucket(buf[Z, i], buf[DELTA, i], p)
        for k in range(0, 12, 6):
            w = buf[WEIGHT, i] * (1.0 if k == 0 else inside)
            a, b = u - out[k + 1], d - out[k + 2]
            out[k + 3] += w * (a * a)
            out[k + 4] += w * (a * b)
            out[k + 5] += w * (b * b)


@checked
@dataclass(frozen=True)
class BucketRecord(Record):
    """A micro-bucket against turn; z and delta count from the centre of the bucket, z_in of all is folded into it."""

    told_as = "buckets"
    at: str | None = quantity("", "element at whose entrance it is taken; None: the end of each turn")
    bucket: MicroBucket = quantity("", "the bucket, at rest")
    harmonics: np.ndarray = quantity("1", "harmonics of the laser", dims=("harmonics",))
    turn: np.ndarray = quantity("turn", "turn number, from 0", dims=("turn",))
    electrons: np.ndarray = quantity("1", "electrons alive, inside the separatrix or not", dims=("turn",))
    captured: np.ndarray = quantity(
        "1", "share of the charge alive that is inside the separatrix", dims=("turn",), label="captured share"
    )
    mean: np.ndarray = quantity(
        "m, 1", "mean of (z, delta) from the centre of the bucket, all particles alive", dims=("turn", "longitudinal")
    )
    sigma: np.ndarray = quantity(
        "m^2, m; m, 1",
        "covariance of (z, delta), all particles alive",
        dims=("turn", "longitudinal", "other_longitudinal"),
    )
    captured_mean: np.ndarray = quantity(
        "m, 1", "mean of (z, delta) from the centre of the bucket, those inside", dims=("turn", "longitudinal")
    )
    captured_sigma: np.ndarray = quantity(
        "m^2, m; m, 1", "covariance of (z, delta), those inside", dims=("turn", "longitudinal", "other_longitudinal")
    )
    bunching: np.ndarray = quantity(
        "1",
        "bunching factors <exp(-2 pi i n z/wavelength)> of all particles alive, complex",
        dims=("turn", "harmonics"),
    )

    @property
    def alive(self) -> np.ndarray:
        """(n,) electrons alive over those of the first record [1]."""
        first = self.electrons[:1]
        return self.electrons / np.where(first > 0.0, first, 1.0)

    @property
    def held(self) -> np.ndarray:
        """(n,) electrons alive and inside the separatrix, over those alive in the first record [1]."""
        return self.alive * self.captured

    @property
    def sigma_z(self) -> np.ndarray:
        """(n,) rms length of those inside [m]."""
        return np.sqrt(self.captured_sigma[:, 0, 0])

    @property
    def sigma_delta(self) -> np.ndarray:
        """(n,) rms momentum spread of those inside [1]."""
        return np.sqrt(self.captured_sigma[:, 1, 1])

    @property
    def magnitude(self) -> np.ndarray:
        """(n, k) |b_n|."""
        return np.abs(self.bunching)

    def micro_bucket(self) -> MicroBucket:
        """The bucket, at rest."""
        return self.bucket

    def summary(self) -> dict[str, Any]:
        """The bucket, some turns, and the lifetime of what is held in it.

        ``tune`` is None beyond the stability limit, ``lifetime`` [turns] where what is held does not fall: electrons go
        by leaving the bucket or by being lost.
        """
        bucket, turns = self.bucket, len(self.turn)
        rows = np.unique(np.rint(np.linspace(0, turns - 1, min(turns, _TOLD))).astype(int)) if turns else []
        return {
            "at": self.at,
            "tune": bucket.tune if bucket.focusing < 4.0 else None,
            "half_height": bucket.half_height,
            "amplitude": bucket.amplitude,
            "harmonics": self.harmonics.tolist(),
            "turns": [
                {
                    "turn": int(self.turn[i]),
                    "alive": float(self.alive[i]),
                    "captured": float(self.captured[i]),
                    "sigma_z": float(self.sigma_z[i]),
                    "sigma_delta": float(self.sigma_delta[i]),
                    "bunching": self.magnitude[i].tolist(),
                }
                for i in rows
            ],
            "lifetime": lifetime(self.turn, self.held),
        }

    def text(self, name: str) -> str:
        """The bucket, its record at some turns, and how long it holds what is in it."""
        told = self.summary()
        lines = [
            ("bucket", f"at {self.at or 'the end of each turn'}"),
            ("", f"tune {number(told['tune'])}, half height {number(told['half_height'], 4)} of delta"),
        ]
        if told["lifetime"] is not None:
            lines.append(("lifetime", f"{number(told['lifetime'], 4)} turns in it, from the second half of the run"))
        heads = (
            "turn",
            "alive",
            "captured",
            "sigma_z",
            "sigma_delta",
            *(f"|b_{n}|" for n in told["harmonics"][:_SHOWN]),
        )
        rows = [
            (
                str(row["turn"]),
                number(row["alive"], 4),
                number(row["captured"], 4),
                with_unit(row["sigma_z"], "m"),
                number(row["sigma_delta"], 4),
                *(number(b, 4) for b in row["bunching"][:_SHOWN]),
            )
            for row in told["turns"]
        ]
        what = (
            "alive: share that no aperture has taken, in the bucket or not; captured: of those alive, the share in it\n"
            "sizes: rms of what is captured; bunching: of all that are alive"
        )
        return "\n\n".join([named_values(lines), table(heads, rows), what])

    def curves(self) -> tuple[Curves, ...]:
        """What is alive and what of it is in the bucket, with the rms length of the latter, and |b_n|."""
        length = Curves(self.sigma_z[:, None], "σ_z", unit="m")
        names = tuple(f"n = {n}" for n in self.harmonics[:_SHOWN])
        both = np.stack([self.alive, self.held], axis=1)
        shares = Curves(both, "share of the charge", names=("alive", "alive and captured"), reach=1.4, right=length)
        return shares, Curves(self.magnitude[:, :_SHOWN], "|b_n|", names=names)

    def shares(self) -> dict[str, float]:
        """The share of those alive that is in the bucket at last."""
        return {"captured": float(self.captured[-1])} if len(self.turn) else {}


@checked
@monitor("bucket", BucketRecord)
class BucketMonitor(SumMonitor):
    """Record a micro-bucket at the entrance of an element on every n-th turn, z folded modulo its length.

    An electron is captured while it is :meth:`~ssmb.buckets.MicroBucket.inside`, which is more than being alive: its
    smooth Hamiltonian is below the value on the separatrix. That Hamiltonian belongs to a point half a kick from the
    laser, such as the middle of the modulator; right before and behind the modulator the bucket is sheared by half a
    kick.

    Parameters
    ----------
    at : name of the element; None: the end of each turn.
    bucket : the bucket; its ``wavelength`` is the period in z, which is beta times that of the light.
    harmonics : numbers n of the bunching factors b_n = <exp(-2 pi i n z/wavelength)> of all particles.
    light : element whose LaserProgram moves the bucket: its phase and detuning, without noise. The depth stays that of
        ``bucket``, whatever the amplitude; a path s behind the laser the true bucket is ``s detuning`` further. None:
        the bucket rests.
    every, name : as in :class:`~ssmb.tracking.MomentMonitor`.
    """

    needs_laser = "its wavelength is the length of a bucket"
    at: str | None = place_field()
    bucket: MicroBucket
    harmonics: Sequence[int] = quantity(
        "1", "harmonics of the laser", default=(1, 2, 3), minimum=1, maximum=1000, entries=(1, 1000)
    )
    light: str | None = None
    every: int = every_field()
    name: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.bucket, MicroBucket):
            raise ConfigError(f"BucketMonitor: bucket must be a MicroBucket, got {type(self.bucket).__name__}")
        super().__post_init__()

    @classmethod
    def from_run(cls, run: RunAround) -> dict[str, Any]:
        """The bucket of the run, and the light that it moves with."""
        return {"bucket": run.micro_bucket(), "light": run.moving_light()}

    @classmethod
    def examples(cls, at: str, light: str) -> list[Any]:
        return [cls(at, MicroBucket(1064e-9, 1e-6, 100.0, 1e-4), light=light, every=2)]

    @property
    def numbers(self) -> tuple[float, ...]:
        """The bucket as the turn loop knows it (``_PARAMS`` numbers)."""
        b = self.bucket.main
        low, high = b.barriers_z
        from_middle = -0.5 * (low + high) / b.wavelength
        lowest, highest = (max(-_FAR, min(_FAR, d)) for d in b.barriers_delta)
        return (
            *(1.0 / b.wavelength, b.z / b.wavelength - from_middle, b.delta),
            *(*b.slip, b.depth * math.cos(b.phase), b.depth * math.sin(b.phase)),
            *(b.level, lowest, highest, from_middle, float(max(self.harmonics))),
        )

    def law(self, p: tuple[float, ...], drive: Drive) -> dict[int, np.ndarray]:
        """Numbers of the bucket that follow the light."""
        out = {1: p[1] - drive.turns_of_phase(p[0])}
        if drive.stretch is not None:
            # the bucket moves by -C (stretch - 1) a turn, and what moves so has this momentum
            out |= {0: p[0] / drive.stretch, 2: (drive.stretch - 1.0) / self.bucket.slip_factor}
        return out

    def sums(self) -> list[SumRow]:
        return [SumRow(bucket_sums, self.numbers, _NUMBERS + 2 * max(self.harmonics), self.law, self.light)]

    @property
    def row(self) -> np.dtype:
        means, matrix = ("f8", (2,)), ("f8", (2, 2))
        return np.dtype(
            [("electrons", "f8"), ("captured", "f8"), ("mean", *means), ("sigma", *matrix)]
            + [("captured_mean", *means), ("captured_sigma", *matrix), ("bunching", "c16", (len(self.harmonics),))]
        )

    def combined(self, parts: np.ndarray) -> np.ndarray:
        """To captured share, moments of all and of those inside, and bunching factors."""
        total = sum_blocks(parts)
        weight = np.where(total[:, 0] > 0.0, total[:, 0], 1.0)[:, None]
        harmonics = _NUMBERS + 2 * (np.array(self.harmonics) - 1)
        rows, length = np.empty(len(parts), self.row), self.bucket.wavelength
        every, inside = (_combined(parts[:, :, k : k + 6]) for k in (0, 6))
        rows["electrons"] = every[:, 0]
        rows["captured"] = inside[:, 0] / np.where(every[:, 0] > 0.0, every[:, 0], 1.0)
        rows["mean"], rows["sigma"] = _moments(every, length)
        rows["captured_mean"], rows["captured_sigma"] = _moments(inside, length)
        rows["bunching"] = total[:, harmonics] / weight + 1j * (total[:, harmonics + 1] / weight)
        return rows

    def record(self, turn: np.ndarray, rows: np.ndarray) -> BucketRecord:
        values = {name: rows[name] for name in self.row.names or ()}
        return BucketRecord(at=self.at, bucket=self.bucket, harmonics=np.array(self.harmonics), turn=turn, **values)


def _combined(parts: np.ndarray) -> np.ndarray:
    """Combine (weight, two means, three central second moments) of blocks (turns, blocks, 6) to (turns, 6)."""
    out = np.zeros((parts.shape[0], 6))
    out[:, :1] = sum_blocks(parts[:, :, :1])
    out[:, 1:3] = sum_blocks(parts[:, :, :1] * parts[:, :, 1:3])
    weight = np.where(out[:, 0] > 0.0, out[:, 0], 1.0)[:, None]
    out[:, 1:3] /= weight
    a, d = (parts[:, :, i] - out[:, None, i] for i in (1, 2))
    out[:, 3:] = sum_blocks(parts[:, :, 3:] + parts[:, :, :1] * np.stack([a * a, a * d, d * d], axis=2))
    out[:, 3:] /= weight
    return out


def _moments(table: np.ndarray, length: float) -> tuple[np.ndarray, np.ndarray]:
    """Means and covariances in metres."""
    unit = np.array([length, 1.0])
    sigma = table[:, (3, 4, 4, 5)].reshape(-1, 2, 2) * np.outer(unit, unit)
    return table[:, 1:3] * unit, sigma


def lifetime(turn: np.ndarray, held: np.ndarray) -> float | None:
    """Turns in which a share falls to 1/e, from its second half; None if it does not fall clearly.

    >>> round(lifetime(np.arange(100), np.exp(-np.arange(100)/500.0)))
    500
    >>> lifetime(np.arange(100), np.full(100, 0.5)) is None
    True
    """
    half = slice(len(turn) // 2, None)
    t, share = turn[half].astype(float), held[half]
    if t.size < 8 or not (share > 0.0).all():
        return None
    t = t - t.mean()
    y = np.log(share)
    slope = float((t @ y) / (t @ t))
    error = math.sqrt(float(np.sum((y - y.mean() - slope * t) ** 2)) / (t.size - 2) / float(t @ t))
    fall = -slope * float(t[-1] - t[0])
    return -1.0 / slope if fall > _FALL and -slope > _SIGNIFICANT * error else None
