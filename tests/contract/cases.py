"""The cases of the contract tests: every example of every element, and op rows for the kernels that none of them
uses.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmb.beam.reference import Reference
from ssmb.elements import ELEMENTS, Bend, Element, Multipole, Quadrupole, Sextupole
from ssmb.kernels.engine import LIMIT, MAP
from ssmb.kernels.loops import KERNELS, Kernel
from ssmb.kernels.primitives import velocity_excess
from ssmb.lattice.program import Program, element_ops
from ssmb.maps import Op
from tests.contract.number_systems import bound

REFERENCE = Reference(250e6)
#: points per case
POINTS = 100
#: half widths of the random points: x, px, y, py, z, delta
WIDTHS = (3e-3, 1e-3, 3e-3, 1e-3, 5e-3, 1e-2)
#: (seed, particle, turn, element) of the stochastic maps in these tests
KEY = (7, 3, 2, 5)


@dataclass(frozen=True)
class Case:
    """One element, placed."""

    element: Element

    @property
    def label(self) -> str:
        return f"{self.element.kind}-{self.element.name.replace(' ', '_')}"

    def ops(self) -> tuple[Op, ...]:
        return element_ops(self.element.in_lattice(240.0, REFERENCE), REFERENCE)

    def points(self, n: int = POINTS) -> np.ndarray:
        return points_for(self.label, getattr(self.element, "laser_wavelength", 0.0), n)


def points_for(label: str, wavelength: float = 0.0, n: int = POINTS) -> np.ndarray:
    """Seeded random points (6, n), a fifth of them at delta = -5 % and +5 %; z within 3 wavelengths of a laser."""
    random = np.random.default_rng(zlib.crc32(label.encode()))
    widths = np.array(WIDTHS)
    if wavelength:
        widths[4] = 3.0 * wavelength
    out = random.uniform(-1.0, 1.0, (6, n)) * widths[:, None]
    out[5, : n // 10] = -0.05
    out[5, n // 10 : n // 5] = 0.05
    return out


def _family(kind: type[Element], name: str, **values: Any) -> Iterator[Element]:
    for order in (2, 4, 6):
        for drift in ("exact", "expanded"):
            yield kind(name=f"{name}{order}{drift}", integrator=f"yoshida{order}", drift=drift, **values)


def _elements() -> Iterator[Element]:
    for cls in ELEMENTS.values():
        yield from cls.examples()
    yield from _family(Quadrupole, "family", length=0.3, Kn1=-1.7, slices=2)
    yield from _family(Sextupole, "family", length=0.2, Kn2=80.0, slices=2)
    yield from _family(Multipole, "family", length=0.2, Kn1=0.5, Ks2=9.0, Kn3=-400.0, slices=2)
    yield from _family(Bend, "family", length=0.8, angle=0.3, slices=2)
    yield from _family(Bend, "gradient_family", length=0.8, angle=0.3, Kn1=-0.9, Ks1=0.1, slices=2)
    shift = {"x_offset": 3e-4, "y_offset": -2e-4, "z_offset": 1e-3, "x_rot": 2e-3, "y_rot": -1e-3, "z_rot": 0.02}
    yield Quadrupole(name="misaligned", length=0.3, Kn1=2.0, **shift)
    yield Bend(name="misaligned", length=0.8, angle=0.3, tilt_ref=0.2, **shift)
    yield Bend(name="limit of no bend", length=0.8, angle=0.0, Kn1=1e-13, Kn2=1e-9)
    yield Bend(name="tiny", length=1e-9, angle=1e-9)
    yield Bend(name="matrix without bend", length=0.8, angle=1e-14, Kn1=1e-14, integrator="matrix")


CASES: tuple[Case, ...] = tuple(Case(e) for e in _elements())
LABELS = [c.label for c in CASES]


def ops_and_inverses(case: Case) -> Iterator[Op]:
    """Each map of the case and the inverse of each, without repetitions; apertures left out."""
    seen: set[tuple[int, tuple[float, ...]]] = set()
    for op in case.ops():
        for one in (op, inverse_op(op)):
            if one is not None and not one.kernel.limit and (one.kernel.index, one.params) not in seen:
                seen.add((one.kernel.index, one.params))
                yield one


def inverse_op(op: Op) -> Op | None:
    """The op that undoes this one, or None where its kernel declares no inverse."""
    if op.kernel.invert is None:
        return None
    return Op(op.kernel.partner or op.kernel, tuple(op.kernel.invert(op.params)), op.repeat)


def is_symplectic(element: Element) -> bool:
    """False only for elements that say so (damping, diffusion)."""
    return bool(getattr(element, "symplectic", True))


def packed(op: Op, reference: Reference = REFERENCE) -> tuple[float, ...]:
    """The numbers of an op with those of the reference where its kernel takes them."""
    kernel = op.kernel
    tail = (reference.inv_gamma2, reference.beta**2)
    return op.params + tail if kernel.width > kernel.n_params else op.params


def run_on(ops: Sequence[Op], system: dict[str, Callable] | None, state: Sequence[Any]) -> tuple[Any, ...]:
    """Take six numbers of any kind through the maps of the ops (apertures left out), in Python."""
    excess = bound(velocity_excess, system or {})
    state = tuple(state)
    ig2, beta2 = REFERENCE.inv_gamma2, REFERENCE.beta**2
    for op in ops:
        if op.kernel.limit:
            continue
        f, p = bound(op.kernel.scalar, system or {}), packed(op)
        for _ in range(op.repeat):
            rpp, dbeta = 1.0 / (1.0 + state[5]), excess(state[5], ig2, beta2)
            extra = (KEY,) if op.kernel.stochastic else ()
            state = tuple(f(*state, rpp, dbeta, p, *extra))
    return state


def program_of(ops: Sequence[Op], reference: Reference = REFERENCE) -> Program:
    """A compiled program of bare ops, all of them in one element."""
    rows, numbers = [], []
    for op in ops:
        rows.append((op.kernel.index, len(numbers), op.repeat, 0, LIMIT if op.kernel.limit else MAP))
        numbers.extend(packed(op, reference))
    return Program(
        reference=reference,
        names=("e",),
        s=np.array([0.0, 0.0]),
        ops=np.array(rows, dtype=np.int64).reshape(-1, 5),
        params=np.array(numbers or [0.0]),
        first_op=np.array([0, len(rows)]),
        roles=np.array([op.kernel.role if op.role is None else op.role for op in ops], dtype=np.int64),
        details=(None,) * len(rows),
    )


def compiled(ops: Sequence[Op], points: np.ndarray) -> np.ndarray:
    """Coordinates (6, n) after the ops, through the tile engine."""
    out, state = program_of(ops).propagate(points)
    assert not state.any(), "a particle was lost"
    return out


def scale(*points: Any) -> np.ndarray:
    """Largest absolute value of each coordinate over all points and all given states, (6, 1)."""
    return np.max([np.abs(np.asarray(p, dtype=float)).max(axis=1) for p in points], axis=0)[:, None]


def unused_kernels() -> list[Kernel]:
    """Kernels that no case reaches, directly or by inversion; those of radiation have tests in ``tests/dynamics``."""
    used = {op.kernel.name for case in CASES for op in ops_and_inverses(case)}
    return [k for k in KERNELS if k.name not in used and not k.limit and not k.name.startswith("radiation_")]
