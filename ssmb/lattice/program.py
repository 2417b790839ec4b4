"""Compile elements to a Program: a table of ops and one array of numbers, all that the turn loop needs to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ssmb.beam.reference import Reference
from ssmb.elements import Bend, Element, Op
from ssmb.elements.aperture import aperture_op
from ssmb.elements.radiation import OFF, Radiation
from ssmb.elements.synchrotron_radiation import radiating_ops
from ssmb.elements.transformations import misalignment_ops
from ssmb.errors import LatticeError, nearest
from ssmb.kernels.engine import LIMIT, MAP, OP_COLUMNS
from ssmb.kernels.loops import BLOCK, KERNELS


@dataclass(frozen=True, eq=False)
class Program:
    """A compiled lattice.

    Attributes
    ----------
    reference : reference particle.
    names : element names in order.
    s : (n + 1,) entrance positions of the elements and the end [m].
    ops : (m, 5) op table: kernel, offset into ``params``, repeat, element index, kind.
    params : packed numbers of all ops.
    first_op : (n + 1,) index of the first op of each element, and the number of ops.
    radiation : how radiation acts in it.
    elements : what was compiled, as it was given.
    """

    reference: Reference
    names: tuple[str, ...]
    s: np.ndarray
    ops: np.ndarray
    params: np.ndarray
    first_op: np.ndarray
    radiation: Radiation = OFF
    elements: tuple[Element, ...] = ()

    @property
    def length(self) -> float:
        """Length of the reference orbit [m]."""
        return float(self.s[-1])

    def index(self, name: str) -> int:
        """Index of the element of this name."""
        try:
            return self.names.index(name)
        except ValueError:
            raise LatticeError(f"no element '{name}' in the lattice.{nearest(name, self.names)}") from None

    def propagate(
        self, coordinates: np.ndarray, op_from: int = 0, op_to: int | None = None, turns: int = 1, seed: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Track a few test particles without monitors; return new (6, n) coordinates and the (n,) loss states.

        Parameters
        ----------
        coordinates : (6, n) x, px, y, py, z, delta [m, 1]; not changed.
        op_from, op_to : range of ops (see :attr:`first_op`).
        """
        from ssmb.kernels.engine import advance, no_probes

        c = np.array(coordinates, dtype=np.float64, order="C")
        n = c.shape[1]
        state = np.zeros(n, dtype=np.int32)
        lost = np.zeros((2, n), dtype=np.int64)
        advance(
            c, np.ones(n), np.arange(n), state, lost[0], lost[1],
            self.ops, op_from, len(self.ops) if op_to is None else op_to, self.params, self.kernel_table(),
            self.reference.inv_gamma2, self.reference.beta**2, seed, 0, turns, BLOCK, *no_probes(),
        )  # fmt: skip
        return c, state

    def kernel_table(self) -> np.ndarray:
        """Addresses of the native loops that the ops need, by op code (0 where not needed)."""
        from ssmb.kernels import jit

        table = np.zeros(len(KERNELS), dtype=np.int64)
        if not jit.JIT_OFF:
            used = self.ops[self.ops[:, 4] <= LIMIT, 0]
            for code in np.unique(used):
                table[code] = KERNELS[code].address()
        return table

    def with_rows(self, rows: Sequence[tuple[int, Sequence[int]]]) -> Program:
        """Insert op rows, each before the op of the given index (used by probes); first_op stays that of the maps."""
        if not rows:
            return self
        order = sorted(rows, key=lambda r: r[0])
        where = [at for at, _ in order]
        ops = np.insert(self.ops, where, np.array([row for _, row in order], dtype=np.int64), axis=0)
        shift = np.array([sum(1 for w in where if w < f) for f in self.first_op])
        return replace(self, ops=np.ascontiguousarray(ops), first_op=self.first_op + shift)


def element_ops(element: Element, reference: Reference, radiation: Radiation = OFF) -> tuple[Op, ...]:
    """All ops of a placed element: aperture, entry of the displaced body, body, exit, aperture."""
    angle, tilt = (element.angle, element.tilt_ref) if isinstance(element, Bend) else (0.0, 0.0)
    enter, leave = misalignment_ops(element, angle, tilt)
    limit = aperture_op(element)
    at = element.aperture_at
    before = (limit,) if limit is not None and at in ("ENTRANCE_END", "BOTH_ENDS") else ()
    after = (limit,) if limit is not None and at in ("EXIT_END", "BOTH_ENDS") else ()
    body = radiating_ops(element, reference, radiation) if radiation.on else element.ops(reference)
    return (*before, *enter, *body, *leave, *after)


def compile_elements(elements: Sequence[Element], reference: Reference, radiation: Radiation | str = "off") -> Program:
    """Compile a sequence of placed elements with unique names.

    Parameters
    ----------
    radiation : how radiation acts: a :class:`~ssmb.elements.radiation.Radiation`, or its mode.

    Raises
    ------
    LatticeError : an element cannot be packed, or two have the same name.
    ConfigError : an unknown mode of radiation.
    """
    radiation = Radiation.of(radiation)
    names = tuple(e.name for e in elements)
    if len(set(names)) != len(names):
        seen: set[str] = set()
        twice = next(n for n in names if n in seen or seen.add(n))
        raise LatticeError(f"element name '{twice}' stands twice; placed elements need unique names")
    s = np.concatenate(([0.0], np.cumsum([e.length for e in elements], dtype=float)))
    rows: list[tuple[int, int, int, int, int]] = []
    numbers: list[float] = []
    first: list[int] = []
    packed: dict[tuple[int, tuple[float, ...]], int] = {}
    tail = (reference.inv_gamma2, reference.beta**2)
    cache: dict[Any, tuple[Op, ...]] = {}
    for index, element in enumerate(elements):
        first.append(len(rows))
        placed = element.in_lattice(float(s[-1]), reference)
        key = (type(placed), *(v for k, v in vars(placed).items() if k != "name"))  # equal magnets are packed once
        if key not in cache:
            cache[key] = element_ops(placed, reference, radiation)
        for op in cache[key]:
            params = op.params + tail if op.kernel.width > op.kernel.n_params else op.params
            if len(params) != op.kernel.width:
                raise LatticeError(f"{element.label()}: kernel {op.kernel.name} takes {op.kernel.n_params} numbers")
            known = (op.kernel.index, params)
            if known not in packed:
                packed[known] = len(numbers)
                numbers.extend(params)
            rows.append((op.kernel.index, packed[known], op.repeat, index, LIMIT if op.kernel.limit else MAP))
    first.append(len(rows))
    return Program(
        reference=reference,
        names=names,
        s=s,
        ops=np.array(rows, dtype=np.int64).reshape(-1, OP_COLUMNS),
        params=np.array(numbers or [0.0], dtype=np.float64),
        first_op=np.array(first, dtype=np.int64),
        radiation=radiation,
        elements=tuple(elements),
    )
