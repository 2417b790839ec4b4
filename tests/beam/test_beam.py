"""The beam: what it accepts, what it refuses, and that its arrays are what they claim to be."""

from __future__ import annotations

import numpy as np
import pytest

from ssmb.beam import Beam, LossReason, Reference
from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.errors import ConfigError
from tests.support import assert_close

REF = Reference(250e6)


def example() -> Beam:
    rows = np.arange(30.0).reshape(6, 5) * 1e-3
    return Beam(
        REF,
        rows,
        weight=[1.0, 2.0, 3.0, 4.0, 5.0],
        ids=[7, 3, 9, 0, 1],
        state=[0, 1, 0, 2, 3],
        lost_turn=[-1, 4, -1, 5, 0],
        lost_element=[-1, 0, -1, 17, 2],
    )


def test_layout_and_defaults():
    beam = Beam(REF, np.asfortranarray(np.arange(12).reshape(6, 2) * 0.01), weight=3)
    assert beam.coordinates.shape == (6, 2) and beam.coordinates.flags.c_contiguous
    types = [a.dtype.name for a in beam.arrays().values()]
    assert types == ["float64", "float64", "int64", "int32", "int64", "int64"]
    assert beam.ids.tolist() == [0, 1] and beam.state.tolist() == [0, 0]
    assert beam.lost_turn.tolist() == beam.lost_element.tolist() == [-1, -1]
    assert len(beam) == 2 and beam.alive.all()
    assert_close(beam.charge, 6 * ELEMENTARY_CHARGE, rtol=1e-15, atol=0.0)


def test_rows_are_views():
    beam = example()
    for row, name in enumerate(("x", "px", "y", "py", "z", "delta")):
        assert np.shares_memory(getattr(beam, name), beam.coordinates)
        getattr(beam, name)[1] = 0.5 + row
    assert beam.coordinates[:, 1].tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]


def test_attributes_cannot_be_bound_to_other_arrays():
    beam = example()
    for name in ("x", "coordinates", "weight", "reference", "nonsense"):
        with pytest.raises(AttributeError):
            setattr(beam, name, np.zeros(5))


def test_input_is_copied():
    rows, weight = np.zeros((6, 3)), np.ones(3)
    beam = Beam(REF, rows, weight)
    rows[:] = 1.0
    weight[:] = 2.0
    assert not beam.coordinates.any() and beam.weight.tolist() == [1.0, 1.0, 1.0]


def test_charge_counts_living_particles_only():
    assert_close(example().charge, 4.0 * ELEMENTARY_CHARGE, rtol=1e-15, atol=0.0)
    assert_close(
        Beam(Reference(1e9, "positron"), np.zeros((6, 1)), 2.0).charge, 2.0 * ELEMENTARY_CHARGE, rtol=1e-15, atol=0.0
    )


def test_copy_is_deep_and_arrays_rebuild_the_beam():
    beam = example()
    for other in (beam.copy(), Beam(beam.reference, **beam.arrays())):
        assert other.reference is beam.reference
        for name, values in beam.arrays().items():
            twin = other.arrays()[name]
            assert twin.dtype == values.dtype and np.array_equal(twin, values) and not np.shares_memory(twin, values)
        assert other.coordinates.flags.c_contiguous


def test_select_keeps_ids_and_losses():
    beam = example()
    living = beam.select(beam.alive)
    assert living.ids.tolist() == [7, 9] and living.weight.tolist() == [1.0, 3.0]
    assert living.coordinates.flags.c_contiguous and living.coordinates.shape == (6, 2)
    lost = beam.select([3, 1])
    assert lost.ids.tolist() == [0, 3] and lost.lost_turn.tolist() == [5, 4] and lost.lost_element.tolist() == [17, 0]
    assert np.array_equal(lost.coordinates, beam.coordinates[:, [3, 1]])
    assert len(beam.select([])) == 0 and beam.select([]).charge == 0.0


@pytest.mark.parametrize(
    ("mask", "words"),
    [([True], "shape"), ([5], "indices must lie"), ([1, 1], "twice"), ([-1, 4], "twice"), ([0.5], "booleans")],
)
def test_select_refuses(mask, words):
    with pytest.raises(ConfigError, match=words):
        example().select(mask)


def test_lost_particle_may_have_any_finite_coordinates():
    rows = np.zeros((6, 2))
    rows[5, 1] = -3.0
    beam = Beam(REF, rows, state=[0, LossReason.NO_FORWARD_MOMENTUM], lost_turn=[-1, 3])
    assert beam.copy().delta.tolist() == [0.0, -3.0]


def test_loss_reasons_have_words():
    assert [r.value for r in LossReason] == [0, 1, 2, 3]
    assert [r.name for r in LossReason] == ["ALIVE", "APERTURE", "NO_FORWARD_MOMENTUM", "OUT_OF_RANGE"]
    assert len({r.text for r in LossReason}) == 4 and all(len(r.text) >= 5 for r in LossReason)


def test_repr_says_what_it_is():
    assert repr(example()) == "Beam(2 macroparticles, 3 lost, 6.409e-19 C, electron, 2.5e+08 eV)"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"reference": 250e6}, "Reference"),
        ({"coordinates": np.zeros((2, 6))}, "transpose"),
        ({"coordinates": np.zeros(6)}, "shape"),
        ({"coordinates": [["a"]] * 6}, "real numbers"),
        ({"coordinates": np.zeros((6, 2), dtype=complex) + 1j}, "real numbers"),
        ({"coordinates": np.full((6, 2), np.inf)}, "x of particle 0"),
        ({"coordinates": np.full((6, 2), -1.0)}, "delta"),
        ({"weight": [1.0]}, "weight"),
        ({"weight": -1.0}, "weight"),
        ({"weight": np.nan}, "weight"),
        ({"weight": "many"}, "weight"),
        ({"weight": [[1.0], [1.0, 2.0]]}, "weight"),
        ({"ids": [1, 1]}, "unique"),
        ({"ids": [-1, 1]}, "unique"),
        ({"ids": [0.0, 1.0]}, "whole"),
        ({"state": [0, 4]}, "NO_FORWARD_MOMENTUM"),
        ({"state": [0, 2**40]}, "int32"),
        ({"lost_turn": [0, -1]}, "alive"),
    ],
)
def test_wrong_input_is_explained(arguments, words):
    given = {"reference": REF, "coordinates": np.zeros((6, 2))} | arguments
    with pytest.raises(ConfigError, match=words):
        Beam(**given)
