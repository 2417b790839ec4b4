"""What a kick does to a beam as a whole: its mean, its size, and the part of it that heats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssmb.arguments import checked
from ssmb.quantity import quantity


@dataclass(frozen=True)
class KickStatistics:
    """The changes of the momentum deviation of many particles."""

    mean: float = quantity("1", "mean change of delta", default=0.0)
    rms: float = quantity("1", "rms change of delta about the mean", default=0.0)
    random: float = quantity(
        "1",
        "rms of the part that is not linear in the coordinates before: a linear part focuses or couples, this one "
        "heats, as far as its particles come back at other phases",
        default=0.0,
    )


@checked
def kick_statistics(coordinates: np.ndarray, change: np.ndarray, weight: np.ndarray) -> KickStatistics:
    """Return mean, size and random part of a kick.

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
    return KickStatistics(mean, rms, float(np.sqrt(share @ rest**2)))
