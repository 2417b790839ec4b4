"""What a kick does to a beam as a whole: its mean, its size, and the part of it that heats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssmb.arguments import checked
from ssmb.quantity import quantity

#: Slices in z that tell what is a function of z, and the fewest particles of one.
_SLICES, _IN_A_SLICE = 128, 8


@dataclass(frozen=True)
class KickStatistics:
    """The changes of the momentum deviation of many particles."""

    mean: float = quantity("1", "mean change of delta", default=0.0)
    rms: float = quantity("1", "rms change of delta about the mean", default=0.0)
    random: float = quantity(
        "1",
        "rms of the part that is not linear in the coordinates before: a linear part focuses or couples, this one "
        "heats a beam that comes back at other places in z, such as a coasting one",
        default=0.0,
    )
    scatter: float = quantity(
        "1",
        "rms of the part that is no function of z either: what heats a beam that is held in z, for which a kick that "
        "is the same at the same z on every turn only bends its bucket",
        default=0.0,
    )


@checked
def kick_statistics(coordinates: np.ndarray, change: np.ndarray, weight: np.ndarray) -> KickStatistics:
    """Return mean, size and random parts of a kick.

    Parameters
    ----------
    coordinates : (6, n) before the kick, of living particles.
    change : (n,) of delta.
    weight : (n,) of the particles.

    Examples
    --------
    A kick that is linear in z focuses and does not heat.

    >>> z = np.linspace(-1e-8, 1e-8, 101)
    >>> rows = np.zeros((6, 101)); rows[4] = z
    >>> found = kick_statistics(rows, -3e3 * z, np.ones(101))
    >>> bool(found.rms > 1e-5), bool(found.random < 1e-15)
    (True, True)
    """
    if not weight.sum() > 0.0:
        return KickStatistics()
    share = weight / weight.sum()
    mean = float(share @ change)
    rest = change - mean
    centred = coordinates - (coordinates @ share)[:, None]
    size = np.sqrt(centred**2 @ share)
    rows = centred[size > 0.0] / size[size > 0.0, None]
    rms = float(np.sqrt(share @ rest**2))
    if len(rows):
        slopes = np.linalg.lstsq((rows * share) @ rows.T, rows @ (share * rest), rcond=1e-12)[0]
        rest = rest - slopes @ rows
    return KickStatistics(mean, rms, float(np.sqrt(share @ rest**2)), _scatter(coordinates[4], rest, share))


def _scatter(z: np.ndarray, rest: np.ndarray, share: np.ndarray) -> float:
    """What is left of a kick in slices of z of equal number, each without its mean and slope."""
    slices = min(_SLICES, len(z) // _IN_A_SLICE)
    if slices < 2:
        return float(np.sqrt(share @ rest**2))
    slice_of = np.empty(len(z), dtype=np.int64)
    slice_of[np.argsort(z, kind="stable")] = np.arange(len(z)) * slices // len(z)

    def mean(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
        total = np.bincount(slice_of, weight, slices)
        found = np.bincount(slice_of, weight * values, slices) / np.where(total > 0.0, total, 1.0)
        return found[slice_of]

    left, along = rest - mean(rest, share), z - mean(z, share)
    steep = along != 0.0
    left = left - along * mean(np.where(steep, left / np.where(steep, along, 1.0), 0.0), share * along**2)
    freedom = 1.0 - 2.0 * slices / len(z)  # what means and slopes take from noise
    return float(np.sqrt(share @ left**2 / freedom))
