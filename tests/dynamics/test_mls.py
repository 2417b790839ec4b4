"""The Metrology Light Source at 250 MeV, in both conventions of the pole faces, against an independent script.

``_physical`` values: exact maps, velocity term, pole faces radiate. ``_model`` values are those of a published export:
maps of AT in ten slices, no pole faces, no 1/gamma^2. The last is had here with a reference particle whose velocity
does not depend on its momentum.
"""

from __future__ import annotations

import numpy as np
import pytest

from ssmb.beam import Reference
from ssmb.dynamics import Equilibrium, equilibrium, radiation_integrals
from ssmb.lattice.program import compile_elements
from ssmb.maps.radiation import Radiation
from tests.dynamics.rings import mls, with_maps_of_at
from tests.support import assert_close, assert_reference


class WithoutVelocityTerm(Reference):
    """A reference whose particles all have the velocity of the reference particle."""

    inv_gamma2 = 0.0  # type: ignore[assignment]


@pytest.fixture(scope="module")
def physical() -> Equilibrium:
    return equilibrium(mls())


@pytest.fixture(scope="module")
def model() -> Equilibrium:
    ring = with_maps_of_at(mls())
    reference = WithoutVelocityTerm(ring.reference.energy)
    return equilibrium(compile_elements(ring.elements, reference, Radiation("envelope", edges=False)))


def test_loss(physical: Equilibrium, model: Equilibrium) -> None:
    assert_reference("mls_U0", physical.energy_loss)
    assert_reference("mls_U0", model.energy_loss)
    assert_reference("mls_U0", radiation_integrals(mls()).energy_loss)


def test_damping(physical: Equilibrium, model: Equilibrium) -> None:
    assert_reference("mls_tau_x_model", model.damping_times[0])
    assert_close(model.damping_times[1], 0.3540, rtol=1e-3, atol=0.0, what="tau_y of the export")
    assert_reference("mls_tau_z_model", model.damping_times[2])
    assert_reference("mls_tau_z_physical", physical.damping_times[2])


def test_pole_faces_damp(physical: Equilibrium, model: Equilibrium) -> None:
    with_faces, without = radiation_integrals(mls()), radiation_integrals(mls(), pole_faces=False)
    assert_reference("mls_Jx_physical", physical.partition_numbers[0])
    assert_reference("mls_Jx_physical", with_faces.partition_numbers[0])
    assert_close(physical.partition_numbers[2], 1.945, rtol=1e-3, atol=0.0, what="J_z")
    assert_close(model.partition_numbers, (1.0, 1.0, 2.0), rtol=0.0, atol=2e-3, what="J of the export")
    assert_close(without.partition_numbers[0], 0.9999, rtol=0.0, atol=1e-4, what="J_x without pole faces")
    for found in (physical, model):
        assert_close(found.partition_numbers.sum(), 4.0, rtol=0.0, atol=1e-6, what="sum of J")


def test_emittances_and_spread(physical: Equilibrium, model: Equilibrium) -> None:
    assert_reference("mls_emit_x_model", model.emittances[0])
    assert_reference("mls_emit_z_model", model.emittances[2])
    assert_reference("mls_emit_z_physical", physical.emittances[2])
    assert_reference("mls_sigma_delta_model", model.sigma_delta[model.index("K1")])
    assert_reference("mls_sigma_delta_classical", radiation_integrals(mls()).sigma_delta)


@pytest.mark.parametrize(("name", "place"), [("K1", "K1"), ("U125", "U125"), ("CAV", "L4")])
def test_bunch_length_depends_on_the_place(physical: Equilibrium, model: Equilibrium, name: str, place: str) -> None:
    assert_reference(f"mls_sigmaz_{name}_physical", physical.sigma_z[physical.index(place)])
    assert_reference(f"mls_sigmaz_{name}_model", model.sigma_z[model.index(place)])
    exported = {"K1": 67.76e-6, "U125": 40.27e-6, "CAV": 74.65e-6}[name]
    assert_close(model.sigma_z[model.index(place)], exported, rtol=0.01, atol=0.0, what="sigma_z of the export")


def test_synchrotron_tune(physical: Equilibrium, model: Equilibrium) -> None:
    assert_reference("mls_qs_physical", physical.tunes[2])
    assert_reference("mls_qs_model", model.tunes[2])


def test_running_slip() -> None:
    found = radiation_integrals(mls())
    assert_reference("mls_partial_slip_rms", found.slip_rms)
    assert_close(found.i1 / found.length, 1.99450e-5, rtol=1e-4, atol=0.0, what="momentum compaction from i1")


def test_envelope_and_eigenvectors_agree(physical: Equilibrium) -> None:
    assert_close(physical.emittances_sands[[0, 2]], physical.emittances[[0, 2]], rtol=1e-5, atol=0.0)
    assert np.all(physical.emittances[1] < 1e-30), "nothing feeds y in a plane ring"
