"""The Metrology Light Source: reference values made by a script that shares no code with the package."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ssmb.dynamics import Optics, optics, transfer_matrix
from tests.dynamics.rings import mls, mls_user, with_maps_of_at
from tests.support import assert_close, assert_reference, reference_values


@pytest.fixture(scope="module")
def exact() -> Optics:
    return optics(mls())


@pytest.fixture(scope="module")
def as_at() -> Optics:
    return optics(with_maps_of_at(mls()))


def test_circumference() -> None:
    assert_reference("mls_circumference", mls().length)


def test_tunes(exact: Optics) -> None:
    assert_reference("mls_nux_frac", exact.qx % 1.0)
    assert_reference("mls_nuy_frac", exact.qy % 1.0)
    assert (int(exact.qx), int(exact.qy)) == (3, 2)


def test_tunes_do_not_depend_on_slices(exact: Optics) -> None:
    fine = optics(mls().with_changes({"Quadrupole::*": {"slices": 4}, "Sextupole::*": {"slices": 6}}))
    assert_close((fine.qx, fine.qy), (exact.qx, exact.qy), rtol=0.0, atol=1e-9, what="tunes")
    assert_close(fine.slip_factor, exact.slip_factor, rtol=1e-6, atol=0.0, what="slip factor")


def test_tunes_of_the_maps_of_at(as_at: Optics) -> None:
    # the published export says 0.178123 and 0.220016
    assert_close((as_at.qx % 1.0, as_at.qy % 1.0), (0.178123, 0.220016), rtol=0.0, atol=1e-6, what="tunes")


def test_momentum_compaction_of_exact_maps(exact: Optics) -> None:
    want = reference_values()["mls_alpha_c_exact"]["value"]
    assert_close(exact.alpha_c, want, rtol=1e-6, atol=0.0, what="alpha_c")


def test_momentum_compaction_of_ten_slices_is_five_percent_off(as_at: Optics) -> None:
    assert_reference("mls_alpha_c_model", as_at.alpha_c)
    assert_close(as_at.alpha_c, 2.0908e-5, rtol=1e-4, atol=0.0, what="alpha_c")


def test_slip_factor_has_the_velocity_term(exact: Optics) -> None:
    assert_reference("mls_eta_exact", exact.slip_factor)
    assert_close(exact.slip_factor, exact.alpha_c - mls().reference.inv_gamma2, rtol=1e-9, atol=1e-14)


def test_dispersion_at_the_undulator(exact: Optics, as_at: Optics) -> None:
    assert_reference("mls_etax_U125_exact", exact.at("U125")["dispersion_x"])
    assert_reference("mls_etax_U125_model", as_at.at("U125")["dispersion_x"])


def test_dispersion_invariant_at_the_undulator(exact: Optics, as_at: Optics) -> None:
    place = as_at.at("U125")
    assert_reference("mls_H_U125", place["H_x"])
    assert_close(place["beta_x"], 9.32129, rtol=1e-5, atol=0.0, what="beta_x")
    assert_close(place["beta_y"], 2.533, rtol=1e-3, atol=0.0, what="beta_y")
    assert_close(exact.at("U125")["H_x"], 1.0259e-7, rtol=1e-4, atol=0.0, what="H_x of exact maps")


def test_smear_of_one_turn(as_at: Optics) -> None:
    emittance = reference_values()["mls_tlc_smear_1turn"]["inputs"]["eps_x"]
    smear = 2.0 * math.sqrt(emittance * as_at.at("U125")["H_x"]) * abs(math.sin(math.pi * as_at.qx))
    assert_reference("mls_tlc_smear_1turn", smear)


def test_synchrotron_tune_at_500_kv(exact: Optics) -> None:
    assert_reference("mls_qs_physical", exact.qs)


def test_synchrotron_tune_without_the_velocity_term(as_at: Optics) -> None:
    # the export leaves 1/gamma^2 out: its Q_s follows from alpha_c where ours follows from the slip factor
    scaled = as_at.qs * math.sqrt(as_at.alpha_c / as_at.slip_factor)
    assert_reference("mls_qs_model", scaled)


def test_user_optics() -> None:
    found = optics(mls_user())
    assert_reference("mls_user_nux_frac", found.qx % 1.0)
    assert_reference("mls_user_nuy_frac", found.qy % 1.0)
    assert_reference("mls_user_alpha_c", found.alpha_c)
    assert_close((found.qx, found.qy), (3.178, 2.232), rtol=0.0, atol=1e-3, what="tunes of the published header")


def test_running_slip_over_the_bends(exact: Optics) -> None:
    # markers cut the bends, so that the slip is known inside
    cuts, ring = 8, mls()
    starts = [float(s) for e, s in zip(ring, ring.s, strict=True) if e.kind == "Bend"]
    places = {f"m{i}_{j}": s + 1.2 * (j + 0.5) / cuts for i, s in enumerate(starts) for j in range(cuts)}
    found = optics(ring.with_markers(places))
    running = np.array([found.at(name)["partial_r56"] for name in places])
    assert len(running) == 8 * cuts
    assert_reference("mls_partial_slip_rms", float(np.std(running)))
    assert_close(found.slip_factor, exact.slip_factor, rtol=1e-8, atol=0.0, what="cutting changes nothing")


def test_one_turn_r56_is_minus_slip_times_circumference(exact: Optics) -> None:
    m = transfer_matrix(mls(), cavities=False)
    d = np.append(exact.dispersion[0], (0.0, 1.0))
    assert_close(m[4] @ d, -exact.slip_factor * mls().length, rtol=1e-7, atol=0.0, what="R56 of a turn")
    assert_close(exact.partial_r56[-1], -exact.slip_factor * mls().length, rtol=1e-7, atol=0.0)


def test_chromaticity_depends_on_the_edges(exact: Optics) -> None:
    """Linear edges, independent of momentum; full hard-edge fringes take 1.8 off the vertical chromaticity.

    The values were found to agree with Xsuite 0.118 within 0.012 (0.7055, 2.411 with linear edges; 0.6836, 0.620 with
    full ones, where its sextupoles have one kick).
    """
    full = optics(mls().with_changes({"B": {"edge": "full"}}))
    assert_close((exact.dqx, exact.dqy), (0.7055, 2.411), rtol=0.0, atol=0.012, what="linear edges")
    assert_close((full.dqx, full.dqy), (0.6836, 0.620), rtol=0.0, atol=0.012, what="full edges")
    assert exact.provenance["bend_edges"] == "linear"
    assert full.provenance["bend_edges"] == "full"
    assert_close((full.qx, full.qy), (exact.qx, exact.qy), rtol=0.0, atol=1e-9, what="tunes are those of linear edges")


def test_paraxial_bends_change_the_horizontal_chromaticity(exact: Optics) -> None:
    # the exact bend has second-order terms that the expanded Hamiltonian of the export lacks: 1.03 there
    paraxial = optics(mls().with_changes({"B": {"integrator": "matrix"}}))
    assert_close(paraxial.dqx, 1.03, rtol=0.0, atol=0.005, what="dqx, paraxial")
    assert exact.dqx < 0.75
