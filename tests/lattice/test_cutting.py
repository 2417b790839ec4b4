"""An element cut in two moves particles as the whole one does."""

from dataclasses import replace

import numpy as np
import pytest

from ssmb.beam import Reference
from ssmb.elements import ELEMENTS
from ssmb.errors import LatticeError
from ssmb.lattice.cutting import cut
from ssmb.lattice.program import compile_elements
from tests.support import assert_close

REF = Reference(250e6)
#: a Kicker takes one step, whole or cut
CASES = [
    e
    for kind in (
        "Drift",
        "Instrument",
        "Quadrupole",
        "Sextupole",
        "Octupole",
        "Bend",
        "Solenoid",
        "Multipole",
    )
    for e in ELEMENTS[kind].examples()
    if e.length > 1e-3 and e.part(0.5, True) is not None
]


@pytest.mark.parametrize("element", CASES, ids=lambda e: f"{e.kind}-{e.name}")
def test_two_halves_are_the_whole(element):
    """With an even number of integration steps the halves take the same steps as the whole."""
    if hasattr(element, "slices"):
        element = replace(element, slices=2 * (element.slices or 4))
    rng = np.random.default_rng(3)
    c = rng.standard_normal((6, 50)) * np.array([1e-3, 1e-4, 1e-3, 1e-4, 1e-4, 1e-3])[:, None]
    first, last = cut(element, 0.5 * element.length)
    assert first.length + last.length == pytest.approx(element.length, rel=1e-15, abs=0.0)
    whole = compile_elements([element], REF).propagate(c)[0]
    halves = compile_elements([replace(first, name="a"), replace(last, name="b")], REF).propagate(c)[0]
    assert_close(halves, whole, rtol=1e-12, atol=1e-15, what=element.name)


def test_a_full_pole_face_stays_whole():
    bend = next(e for e in ELEMENTS["Bend"].examples() if e.edge == "full")
    with pytest.raises(LatticeError, match="cannot be cut"):
        cut(bend, 0.1)
