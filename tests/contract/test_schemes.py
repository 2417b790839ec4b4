"""Contract of every scheme: its thin model, tracked by the scalar maps, is its closed form; so are its magnets."""

from __future__ import annotations

import dataclasses
from functools import cache

import pytest

from ssmb.elements import ELEMENTS
from ssmb.lattice import Lattice
from ssmb.schemes import SCHEMES, Scheme
from tests.support import assert_close

CASES = [(name, i) for name, cls in sorted(SCHEMES.items()) for i in range(len(cls.examples()))]
#: the sharpest echo takes 5e6 nodes: it is left to the quiet start and to the plain quadrature in tests/schemes
QUADRATURE_CASES = [case for case in CASES if case != ("eehg", 0)]
LABELS = [f"{name}-{i}" for name, i in CASES]
#: nodes per coordinate: the phase turns fast with delta in an echo, with y where an angular modulation leaks r56
NODES: dict[str, dict[str, int]] = {
    "eehg": {"z": 160, "delta": 220, "px": 5, "py": 5, "x": 5, "y": 5},
    "tlc_angular": {"z": 128, "y": 40, "delta": 7, "x": 5},
    "micro_bucket": {"z": 400, "delta": 401},
    "single_stage": {"z": 96, "delta": 16, "x": 12, "y": 8, "px": 5},
}
#: harmonics that these numbers of nodes resolve
HIGHEST = {"eehg": 5}


@cache
def example(name: str, i: int) -> Scheme:
    return SCHEMES[name].examples()[i]


def harmonics(scheme: Scheme) -> list[int]:
    highest = HIGHEST.get(scheme.name, 100)
    orders = sorted({1, 2, 3, 7, 20, scheme.best_harmonic()})
    return [n for n in orders if n <= highest and scheme.exact_bunching(n) > 1e-3]


@pytest.mark.parametrize(("name", "i"), QUADRATURE_CASES, ids=[f"{name}-{i}" for name, i in QUADRATURE_CASES])
def test_thin_model_is_the_closed_form(name: str, i: int) -> None:
    scheme = example(name, i)
    orders = harmonics(scheme)
    exact = [scheme.exact_bunching(n) for n in orders]
    assert max(exact) > 0.02  # there is bunching to be compared
    nodes = NODES.get(name, {"z": 128, "delta": 16})
    tracked = scheme.tracked_bunching(orders, scheme.quadrature(7, nodes))
    if scheme.exact_bunching is not scheme.bunching and name != "micro_bucket":
        assert_close(tracked, exact, rtol=0.0, atol=1e-4, what=f"|b| at {orders}")
    for n, got in zip(orders, tracked, strict=True):
        closed, stated = scheme.bunching(n), scheme.departure(n)
        assert_close(
            got, closed, rtol=0.0, atol=1e-4 + stated, what=f"closed form of b_{n} with departure {stated:.2g}"
        )


@pytest.mark.parametrize("name", sorted(SCHEMES))
def test_quiet_start_of_a_million_particles_is_the_closed_form(name: str) -> None:
    scheme = example(name, 0)
    orders = [24] if name == "eehg" else harmonics(scheme)
    exact = [scheme.exact_bunching(n) for n in orders]
    assert_close(scheme.tracked_bunching(orders), exact, rtol=0.0, atol=1e-4, what=f"|b| at {orders}")


@pytest.mark.parametrize("name", sorted(SCHEMES))
def test_scheme_is_documented_and_frozen(name: str) -> None:
    cls = SCHEMES[name]
    assert cls.name == name and cls.title and cls.references and cls.examples()
    assert all(("doi:" in text or "arXiv:" in text) for text in cls.references)
    first = cls.examples()[0]
    assert dataclasses.is_dataclass(first) and first == cls(**first.parameters())
    field = dataclasses.fields(first)[1].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(first, field, 1.0)


@pytest.mark.parametrize(("name", "i"), CASES, ids=LABELS)
def test_thin_line_is_a_lattice_of_registered_elements(name: str, i: int) -> None:
    made = example(name, i).thin_line()
    assert isinstance(made, Lattice) and all(e.kind in ELEMENTS for e in made)
