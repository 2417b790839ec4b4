"""What is written reads back bit for bit; a file is complete or not there."""

from __future__ import annotations

import dataclasses
import os
import random
import struct
from pathlib import Path
from typing import Any

import pytest

from ssmb.beam.reference import Reference
from ssmb.elements import ELEMENTS, Drift, Element, Quadrupole
from ssmb.errors import LatticeError
from ssmb.lattice import Lattice, lattice_text, load_lattice, save_lattice
from ssmb.lattice.tree import renamed

REF = Reference(energy=629e6)


def bits(value: Any) -> Any:
    """A value in which -0.0 differs from 0.0 and 1 from 1.0."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, tuple):
        return tuple(bits(v) for v in value)
    if isinstance(value, Element):
        return type(value), tuple(bits(getattr(value, f.name)) for f in dataclasses.fields(value))
    return type(value), value


def assert_same(got: Lattice, want: Lattice) -> None:
    assert (got.name, got.reference, got.periodic) == (want.name, want.reference, want.periodic)
    assert len(got) == len(want)
    for g, w in zip(got, want, strict=True):
        assert bits(g) == bits(w), (g, w)


@pytest.mark.parametrize("kind", sorted(ELEMENTS))
def test_examples_of_every_element(kind: str, tmp_path: Path) -> None:
    examples = [renamed(e, f"e{i}") for i, e in enumerate(ELEMENTS[kind].examples())]
    lattice = Lattice.from_elements(examples, REF, name="examples")
    save_lattice(lattice, tmp_path / "a.pals.yaml")
    assert_same(load_lattice(tmp_path / "a.pals.yaml"), lattice)


def test_awkward_numbers_in_every_parameter() -> None:
    rng = random.Random(7)
    awkward = [-0.0, 5e-324, 1.7976931348623157e308, 0.1, 1 / 3, 1e16, 123456789.0, 1e-5, 2**53 + 1.0]
    row = []
    for i in range(300):
        strength = rng.choice([*awkward, struct.unpack("<d", rng.randbytes(8))[0]])
        if strength != strength or abs(strength) == float("inf"):
            continue
        row.append(Quadrupole(name=f"q{i}", length=abs(rng.choice(awkward[:1] + awkward[3:])) + 1e-3, Kn3=strength))
    lattice = Lattice.from_elements(row, REF)
    assert len(lattice) > 250
    assert_same(load_lattice(lattice_text(lattice)), lattice)


def test_copies_changed_copies_and_their_order() -> None:
    d, q = Drift(name="d", length=0.1), Quadrupole(name="q", length=0.2, Kn1=1.0)
    ring = Lattice.from_elements([d, q] * 4, REF, name="ring", periodic=True)
    text = lattice_text(ring)
    assert text.count("kind: Quadrupole") == 1
    assert "line: [begin, d, q, d, q, d, q, d, q]" in text
    for changed in (
        ring,
        ring.rotated("q#2"),
        ring.reversed_order(),
        ring.with_changes({"q#3": {"Kn1": -0.0}}),
        ring.with_changes({"q": {"Kn1": 0.0}}).with_changes({"q#2": {"Kn1": -0.0}}),
        ring.with_markers({"m": 0.35, "begin": 0.05}),
        dataclasses.replace(ring, elements=ring.elements[3:4]),
        dataclasses.replace(ring, elements=(renamed(ring[0], "d"), *ring.elements[1:])),
    ):
        assert_same(load_lattice(lattice_text(changed)), changed)


@pytest.mark.parametrize("name", ["null", "true", "yes", "no", "y", "e1", "Inf", "_", "a-b", "a.b", "PALS", "begin"])
def test_words_that_yaml_might_misread(name: str) -> None:
    lattice = Lattice.from_elements([Drift(name=name, length=0.1)] * 2, REF, name="x" + name)
    assert_same(load_lattice(lattice_text(lattice)), lattice)
    lattice = Lattice.from_elements([Drift(name="d", length=0.1)], REF, name=name)
    assert_same(load_lattice(lattice_text(lattice)), lattice)


def test_long_lines_are_broken_and_texts_are_stable() -> None:
    ring = Lattice.from_elements([Drift(name=f"drift_{i}", length=i / 7) for i in range(200)], REF, name="ring")
    text = lattice_text(ring)
    assert max(len(line) for line in text.splitlines()) <= 120
    assert lattice_text(load_lattice(text)) == text


def test_source_is_kept_and_does_not_count(tmp_path: Path) -> None:
    ring = Lattice.from_elements([Drift(name="d", length=0.1)], REF, name="ring")
    save_lattice(ring, tmp_path / "ring.pals.yaml")
    back = load_lattice(tmp_path / "ring.pals.yaml")
    assert back == ring
    assert back.sources[0].text == lattice_text(ring) == (tmp_path / "ring.pals.yaml").read_text()


def test_saving_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Lattice.from_elements([Drift(name="d", length=0.1)], REF, name="ring")
    target = tmp_path / "ring.pals.yaml"
    target.write_text("old")
    target.chmod(0o640)

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fails)
        with pytest.raises(LatticeError, match="ring.pals.yaml: cannot be written: No space left on device"):
            save_lattice(ring, target)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["ring.pals.yaml"]
    save_lattice(ring, target)
    assert load_lattice(target) == ring
    assert target.stat().st_mode & 0o777 == 0o640
    with pytest.raises(LatticeError, match="cannot be written"):
        save_lattice(ring, tmp_path / "none" / "ring.pals.yaml")
