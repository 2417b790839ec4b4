"""What the record of a monitor tells besides its quantities: numbers for ``--json``, a table, curves for a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmb.buckets import MicroBucket
from ssmb.quantity import Shown, label_of


@dataclass(frozen=True, eq=False)
class Curves:
    """Curves against turn that share an axis.

    Parameters
    ----------
    values : (n, k) numbers by turn and curve.
    label : of their axis; without unit if ``unit`` is given.
    unit : SI unit that is drawn with a prefix.
    names : names of the k curves, for the legend; not needed for one.
    wavelengths : (k,) wavelengths that they belong to [m], instead of names; many are drawn as a map.
    reach : the axis reaches at least this far.
    right : curves on the axis to the right.
    """

    values: np.ndarray
    label: str
    unit: str = ""
    names: tuple[str, ...] = ()
    wavelengths: np.ndarray | None = None
    reach: float = 0.0
    right: Curves | None = None


class Record(Shown):
    """Base of the records of monitors: frozen dataclasses of quantities, with the number of the turn in ``turn``.

    Who reads records asks for quantities, not for classes: one with ``wavelengths`` has complex ``bunching`` factors by
    (turn, wavelength), one with ``harmonics`` by (turn, harmonic of the laser), one with ``beams`` whole beams.
    """

    kind = ""
    #: key of ``ssmb run --json`` under which all records of the kind tell their summary; empty: they are not told
    told_as = ""
    turn: np.ndarray

    def summary(self) -> dict[str, Any]:
        """Headline numbers in SI units, for ``--json``."""
        return {}

    def text(self, name: str) -> str:
        """Words and a table; `name` is that of the monitor."""
        return ""

    def curves(self) -> tuple[Curves, ...]:
        """What its figure shows, one frame above the other; empty if it has none."""
        return ()

    def micro_bucket(self) -> MicroBucket | None:
        """The bucket that it watches, if it watches one."""
        return None

    def shares(self) -> dict[str, float]:
        """Shares of those alive at the last turn, by name: what being alive does not say."""
        return {}

    def curve(self, name: str, reach: float = 0.0, right: Curves | None = None) -> Curves:
        """One quantity, a number a turn, as a curve."""
        return Curves(getattr(self, name)[:, None], label_of(self, name), reach=reach, right=right)
