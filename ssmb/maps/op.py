"""One call of a kernel, what elements pack themselves into, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ssmb.kernels.loops import Kernel
from ssmb.kernels.roles import Role
from ssmb.maps.local_field import LocalField


class Op(NamedTuple):
    """One call of a kernel: its packed numbers, and how often it is repeated in a row.

    ``role`` is that of the kernel unless given. ``detail`` says what radiates (:class:`~ssmb.maps.op.Emission`) or
    which random kicks there are (:class:`~ssmb.maps.op.Noise`).
    """

    kernel: Kernel
    params: tuple[float, ...]
    repeat: int = 1
    role: Role | None = None
    detail: Emission | Noise | None = None


@dataclass(frozen=True)
class Emission:
    """Mean radiation of one op: a piece of a body, or the field that a thin pole face stands for.

    Attributes
    ----------
    field : local field of the body.
    length : length of the piece along the mean path [m]; 0 for a pole face.
    tangent : minus the tangent of the angle of the pole face; 0 for a body.
    """

    field: LocalField
    length: float = 0.0
    tangent: float = 0.0


@dataclass(frozen=True, eq=False)
class Noise:
    """Random kicks of an op: the op without them, and their directions L (6, k), L L^T the covariance that they add."""

    quiet: Op
    directions: np.ndarray
