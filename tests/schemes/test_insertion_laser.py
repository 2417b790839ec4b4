"""The laser of an insertion is that of the package: its kick of delta, and the kick of the angles that belongs to
it.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.elements import Drift
from ssmb.errors import ConfigError
from ssmb.lattice import Lattice
from ssmb.schemes.insertion import CouplingInsertion
from tests.support import assert_close

REF, WAVELENGTH, CHIRP, SPOT = Reference(650e6), 1064e-9, 2.5e4, 6e-4
K = 2.0 * math.pi / WAVELENGTH
LINE = Lattice.from_elements([Drift(name="MOD1", length=1.0), Drift(name="RAD", length=1.0)], REF)
MADE = CouplingInsertion(LINE, WAVELENGTH, CHIRP, 1e-9, 40e-12, 5.5e-4, (10.0, 9.0), (0.52, 0.0), spot=SPOT)


def bare(n: int) -> Beam:
    return Beam.coasting(REF, MADE.sigma, wavelength=WAVELENGTH, n=n, charge=1e-12, seed=1)


@pytest.mark.parametrize("spot", [SPOT, math.inf])
def test_kick_is_that_of_the_potential(spot: float) -> None:
    """delta -= A g sin(k z), g = exp(-r^2/w0^2); by Panofsky and Wenzel the angles get (A/k) grad g cos(k z)."""
    before, after = bare(4096), replace(MADE, spot=spot if spot < math.inf else None).beam(4096)
    g = np.exp(-(before.x**2 + before.y**2) / spot**2)
    a = CHIRP / K
    assert_close(after.delta - before.delta, -a * g * np.sin(K * before.z), rtol=0.0, atol=2e-5 * a, what="delta")
    size = a / K / SPOT
    for axis, p in (("x", "px"), ("y", "py")):
        slope = -2.0 * getattr(before, axis) / spot**2 * g
        want = a / K * slope * np.cos(K * before.z)
        got = getattr(after, p) - getattr(before, p)
        assert_close(got, want, rtol=0.0, atol=1e-5 * size, what=p)
        assert_close(getattr(after, axis), getattr(before, axis), rtol=0.0, atol=0.0, what=axis)
        assert spot == math.inf or abs(got).max() > 0.05 * size


def test_bad_input() -> None:
    with pytest.raises(ConfigError, match="is a modulation of 1.69 of the momentum; delta must be above -1"):
        replace(MADE, chirp=1e7)
