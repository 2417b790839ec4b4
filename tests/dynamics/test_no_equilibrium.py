"""Rings without equilibrium: one error that names the mode and what to do, from Python and from the command line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from ssmb.beam import Reference
from ssmb.cli.main import main
from ssmb.dynamics import equilibrium, transfer_matrix
from ssmb.dynamics.instability import unstable_mode
from ssmb.elements import Bend, Drift, Multipole, Quadrupole, RFCavity
from ssmb.errors import PhysicsError
from ssmb.lattice import Lattice, load_lattice, save_lattice
from tests.dynamics.rings import mls
from tests.support import assert_close

RING_400 = Path(__file__).parents[2] / "lattices" / "ssmb_400mev_ring.pals.yaml"


def combined_function(gradient: float = 0.8) -> Lattice:
    """Alternating gradients in the bends take the damping of x, as in the first strong-focusing rings."""
    cell = [Bend(name=n, length=1.0, angle=np.pi / 12, Kn1=k) for n, k in (("bf", gradient), ("bd", -gradient))]
    cavity = RFCavity(name="rf", voltage=5e6, harmon=10, zero_phase="ABOVE_TRANSITION")
    return Lattice.from_elements([*cell * 12, cavity], Reference(1e9), name="old", periodic=True)


def changed(element: str, **values) -> Lattice:
    return mls().with_changes({element: values})


def strong_radiation() -> Lattice:
    """A ring that has a closed orbit without radiation, while a turn loses 0.9 % of the energy."""
    bend = Bend(name="b", length=0.5, angle=np.pi / 8, e1=0.1, e2=0.1, edge1_int=0.02, edge2_int=0.02, Kn1=-0.2)
    drift = Drift(name="d", length=0.6)
    lenses = [Quadrupole(name=n, length=0.2, Kn1=k) for n, k in (("qf", 1.2), ("qd", -1.2))]
    row = [lenses[0], drift, bend, drift, lenses[1], drift, bend, drift] * 8
    cavity = RFCavity(name="rf", voltage=2e8, harmon=16, zero_phase="ABOVE_TRANSITION")
    skew = Multipole(name="sk", Ks1=0.01)
    return Lattice.from_elements([row[0], skew, *row[1:], cavity], Reference(5e9), periodic=True)


CASES = {
    "unstable in x": (
        lambda: changed("Q3K", Kn1=9.0),
        r"mode x is unstable.*trace of a turn is (above 2|below -2), as of too .*check Kn1",
    ),
    "unstable in y": (
        lambda: changed("Q2*", Kn1=-6.5),
        r"mode y is unstable.*trace of a turn is (above 2|below -2), as of too .*check Kn1",
    ),
    "wrong phase": (lambda: changed("CAV", zero_phase="BELOW_TRANSITION"), r"mode z is unstable.*zero_phase ABOVE"),
    "no cavity": (lambda: changed("CAV", voltage=0.0), r"mode z is not bound.*Give an RFCavity a voltage"),
    "loss above the voltage": (lambda: changed("CAV", voltage=200.0), r"mode z.*loses 226.* 200 eV.*Raise RFP.voltage"),
    "absurd voltage": (
        lambda: changed("CAV", voltage=5e12),
        r"no closed orbit was found in six dimensions .*check RFP.voltage",
    ),
    "a loss that the optics do not bear": (
        lambda: strong_radiation(),
        r"no closed orbit was found in six dimensions with radiation .*x and y alone are stable, without cavities and "
        r"radiation. A turn loses 4.34.*e\+07 eV, 0.0087 of the energy",
    ),
    "no damping": (combined_function, r"mode x is not damped.*lower the bend gradients"),
    "laser not counted": (lambda: load_lattice(RING_400), r"mode z is not bound.*lasers=True, --lasers"),
}


@pytest.mark.parametrize("case", CASES)
def test_error_names_mode_and_remedy(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make, pattern = CASES[case]
    ring = make()
    with pytest.raises(PhysicsError, match="^no equilibrium: " + pattern):
        equilibrium(ring)
    path = tmp_path / "ring.pals.yaml"
    save_lattice(ring, path)
    assert main(["equilibrium", str(path)]) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.strip().splitlines()) == 1
    assert re.search("no equilibrium: " + pattern, printed.err)


def test_a_laser_too_weak_for_the_loss() -> None:
    ring = load_lattice(RING_400)
    weak = ring.with_changes({"UND_*": {"laser_power": 50.0}, "CELL": {"energy_gain": 0.0}})
    with pytest.raises(PhysicsError, match=r"mode z is not bound by the laser.*loses 2593.*Give back the loss"):
        equilibrium(weak, lasers=True)


@pytest.mark.parametrize(("strength", "mode"), [(3.0, "y"), (-3.0, "x")])
def test_the_unstable_mode_of_a_thick_lens(strength: float, mode: str) -> None:
    """Growth is that of the trace: (|t| + sqrt(t^2 - 4))/2."""
    row = [Quadrupole(name="q", length=0.5, Kn1=strength), Drift(name="d", length=1.0)]
    m = transfer_matrix(Lattice.from_elements(row, Reference(1e9)))[:4, :4]
    block = m[:2, :2] if mode == "x" else m[2:, 2:]
    trace = abs(np.trace(block))
    said = unstable_mode(m)
    found = re.search(r"mode (\w) is unstable, a turn multiplies it by ([\d.]+)", said)
    assert found and found[1] == mode
    assert_close(float(found[2]), 0.5 * (trace + np.sqrt(trace**2 - 4.0)), rtol=1e-5, atol=0.0, what="growth")
