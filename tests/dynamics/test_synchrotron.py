"""Textbook synchrotron motion against the reference values, the tracked ring, and impossible input."""

from pathlib import Path

import pytest

from ssmb.dynamics import optics
from ssmb.dynamics.synchrotron import bunch_length, synchrotron_tune
from ssmb.errors import PhysicsError
from ssmb.lattice import load_lattice
from tests.support import assert_close, assert_reference, reference_values

LATTICE = Path(__file__).parents[2] / "lattices" / "mls.pals.yaml"


def test_reference_values():
    qs = reference_values()["mls_qs_classical"]["inputs"]
    assert_reference("mls_qs_classical", synchrotron_tune(qs["h"], qs["V"], qs["alpha_c"], qs["E_eV"]))
    z = reference_values()["mls_sigmaz_classical"]["inputs"]
    assert_reference("mls_sigmaz_classical", bunch_length(z["sigma_delta"], z["eta"], z["C"], z["Qs"]))


def test_tune_of_the_tracked_ring():
    """The one-turn matrix knows the place of the cavity; the difference is of second order in Q_s."""
    lattice = load_lattice(LATTICE)
    opt, ref = optics(lattice), lattice.reference
    want = synchrotron_tune(80, 500e3, opt.slip_factor, ref.energy, beta=ref.beta)
    assert_close(opt.qs, want, rtol=2e-3, atol=0.0)


def test_unbound_motion_is_refused():
    with pytest.raises(PhysicsError, match="head must gain energy"):
        synchrotron_tune(80, 500e3, -1e-5, 250e6)
