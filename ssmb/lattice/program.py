"""Compile elements to a Program: a table of ops and one array of numbers, all that the turn loop needs to know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import numpy as np

from ssmb.beam.reference import Reference
from ssmb.elements import Element
from ssmb.elements.placed import aperture_op, misalignment_ops, radiating_ops
from ssmb.errors import LatticeError, nearest
from ssmb.kernels.drives import Drive
from ssmb.kernels.engine import (
    LIMIT,
    MAP,
    OP_COLUMNS,
    OP_ELEMENT,
    OP_KERNEL,
    OP_KIND,
    OP_OFFSET,
    OP_REPEAT,
)
from ssmb.kernels.loops import BLOCK, KERNELS, Kernel
from ssmb.kernels.philox import ELEMENT_BITS
from ssmb.kernels.roles import Role
from ssmb.lattice.flatten import matching
from ssmb.maps import Op
from ssmb.maps.op import Emission, Noise
from ssmb.maps.radiation import OFF, Radiation
from ssmb.maps.roles import Cavity, Light

#: What is known about an op besides its role; of a restorer the energy that it gives [eV].
Detail = Emission | Noise | Light | Cavity | float | None
#: Values of the changing numbers of an op by position, under a drive.
Law = Callable[[tuple[float, ...], Drive], dict[int, np.ndarray]]


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
    roles : (m,) what each op is there for, a :class:`~ssmb.kernels.roles.Role`.
    details : (m,) what the element says about it: its light, cavity, emission or noise.
    radiation : how radiation acts in it.
    elements : what was compiled, as it was given.
    """

    reference: Reference
    names: tuple[str, ...]
    s: np.ndarray
    ops: np.ndarray
    params: np.ndarray
    first_op: np.ndarray
    roles: np.ndarray
    details: tuple[Detail, ...]
    radiation: Radiation = OFF
    elements: tuple[Element, ...] = ()

    @property
    def length(self) -> float:
        """Length of the reference orbit [m]."""
        return float(self.s[-1])

    def to_send(self) -> tuple[Program, dict[int, str]]:
        """Return it as other processes can read it, with the names of its maps, whose numbers follow from what a
        process has loaded; without the maps that stand for its noise when there is none, which tracking does not need.
        """
        names = {int(code): KERNELS[code].name for code in np.unique(self.ops[:, OP_KERNEL])}
        details = tuple(None if isinstance(detail, Noise) else detail for detail in self.details)
        return replace(self, details=details), names

    @staticmethod
    def sent(program: Program, names: dict[int, str]) -> Program:
        """Return what :meth:`to_send` gave, with the numbers that its maps have in this process."""
        ops, numbers = program.ops.copy(), {kernel.name: kernel.index for kernel in KERNELS}
        for code, name in names.items():
            ops[program.ops[:, OP_KERNEL] == code, OP_KERNEL] = numbers[name]
        return replace(program, ops=ops)

    def index(self, name: str) -> int:
        """Index of the element of this name."""
        try:
            return self.names.index(name)
        except ValueError:
            raise LatticeError(f"no element '{name}' in the lattice.{nearest(name, self.names)}") from None

    def indices(self, pattern: str) -> tuple[int, ...]:
        """Indices of the element of this name, or of those that a pattern names (see
        :meth:`ssmb.lattice.Lattice.find`); at least one.
        """
        found = () if pattern in self.names else matching(self.elements, pattern)
        return found or (self.index(pattern),)

    def has(self, role: Role) -> bool:
        """Whether any op has this role."""
        return bool(np.any(self.roles == role))

    def without(self, *roles: Role) -> Program:
        """Return the program without the ops of these roles; elements, and everything else, stay."""
        drop = np.isin(self.roles, [int(role) for role in roles])
        if not drop.any():
            return self
        before = np.concatenate(([0], np.cumsum(drop)))
        return replace(
            self,
            ops=np.ascontiguousarray(self.ops[~drop]),
            first_op=self.first_op - before[self.first_op],
            roles=self.roles[~drop],
            details=tuple(compress(self.details, (~drop).tolist())),
        )

    def without_noise(self) -> tuple[Program, dict[int, np.ndarray]]:
        """Replace maps with random kicks by those without.

        Returns
        -------
        The program, and by op the directions L (6, k) of its kicks, L L^T their covariance.
        """
        noisy = {op: d for op, d in enumerate(self.details) if isinstance(d, Noise)}
        if not noisy:
            return self, {}
        ops, numbers, details = self.ops.copy(), [self.params], list(self.details)
        size, tail = len(self.params), (self.reference.inv_gamma2, self.reference.beta**2)
        for op, noise in noisy.items():
            packed = _packed(noise.quiet, tail)
            ops[op, OP_KERNEL], ops[op, OP_OFFSET] = noise.quiet.kernel.index, size
            numbers.append(np.array(packed))
            size += len(packed)
            details[op] = None
        quiet = replace(self, ops=ops, params=np.concatenate(numbers), details=tuple(details))
        return quiet, {op: noise.directions for op, noise in noisy.items()}

    def said(self, role: Role) -> list[Any]:
        """What elements say about the ops of a role, in order: emissions, lights, cavities, energies given back
        [eV].
        """
        return [d for d, r in zip(self.details, self.roles.tolist(), strict=True) if r == role and d is not None]

    @property
    def emissions(self) -> dict[int, Emission]:
        """Where bodies and pole faces radiate on the mean, by op (of a program with radiation "mean" or "envelope")."""
        return {op: d for op, d in enumerate(self.details) if isinstance(d, Emission)}

    def changers(self) -> tuple[str, ...]:
        """Names of the elements that may change delta, in order."""
        return self._elements_where(lambda kernel: kernel.changes_delta)

    def random(self) -> tuple[str, ...]:
        """Names of the elements that give random kicks, in order."""
        return self._elements_where(lambda kernel: kernel.stochastic)

    def _elements_where(self, holds: Callable[[Kernel], bool]) -> tuple[str, ...]:
        rows = [int(row[OP_ELEMENT]) for row in self.ops if holds(KERNELS[row[OP_KERNEL]])]
        return tuple(self.names[i] for i in dict.fromkeys(rows))

    def maps(self) -> list[str]:
        """Names of the maps that are used, sorted."""
        return sorted({KERNELS[code].name for code in self.ops[:, OP_KERNEL].tolist()})

    def maps_by_element(self) -> list[list[str]]:
        """Names of the maps and apertures of each element, in order; sums of monitors are left out."""
        found: list[list[str]] = [[] for _ in self.names]
        for code, _, _, element, kind in self.ops.tolist():
            if kind <= LIMIT:
                found[element].append(KERNELS[code].name)
        return found

    def numbers(self, op: int) -> tuple[float, ...]:
        """Packed numbers of an op."""
        offset = int(self.ops[op, OP_OFFSET])
        return tuple(self.params[offset : offset + KERNELS[self.ops[op, OP_KERNEL]].width].tolist())

    def calls(self, op_from: int, op_to: int) -> Iterator[tuple[Kernel, tuple[float, ...], int]]:
        """Kernel, packed numbers and repeats of a range of ops, without apertures."""
        for op in range(op_from, op_to):
            kernel = KERNELS[self.ops[op, OP_KERNEL]]
            if not kernel.limit:
                yield kernel, self.numbers(op), int(self.ops[op, OP_REPEAT])

    def driven(self, elements: Sequence[int]) -> list[tuple[int, Law]]:
        """Ops of these elements (by index) that can change from turn to turn, and by which law."""
        rows = np.flatnonzero(np.isin(self.ops[:, OP_ELEMENT], elements) & (self.ops[:, OP_KIND] == MAP))
        laws = ((int(r), KERNELS[self.ops[r, OP_KERNEL]].driven) for r in rows)
        return [(r, law) for r, law in laws if law is not None]

    def propagate(
        self, coordinates: np.ndarray, op_from: int = 0, op_to: int | None = None, turns: int = 1, seed: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Track a few test particles without monitors; return new (6, n) coordinates and the (n,) loss states.

        Parameters
        ----------
        coordinates : (6, n) x, px, y, py, z, delta [m, 1]; not changed.
        op_from, op_to : range of ops (see :attr:`first_op`).
        """
        from ssmb.kernels.engine import advance, no_sums

        c = np.array(coordinates, dtype=np.float64, order="C")
        n = c.shape[1]
        state = np.zeros(n, dtype=np.int32)
        lost = np.zeros((2, n), dtype=np.int64)
        advance(
            c, np.ones(n), np.arange(n), state, lost[0], lost[1],
            self.ops, op_from, len(self.ops) if op_to is None else op_to, self.params, self.kernel_table(),
            self.reference.inv_gamma2, self.reference.beta**2, seed, 0, turns, BLOCK, *no_sums(),
        )  # fmt: skip
        return c, state

    def kernel_table(self) -> np.ndarray:
        """Addresses of the native loops that the ops need, by op code (0 where not needed)."""
        from ssmb.kernels import jit

        table = np.zeros(len(KERNELS), dtype=np.int64)
        if not jit.JIT_OFF:
            used = self.ops[self.ops[:, 4] <= LIMIT, 0]
            for code in sorted(set(used.tolist())):
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
        details = list(self.details)
        for at in reversed(where):
            details.insert(at, None)
        return replace(
            self,
            ops=np.ascontiguousarray(ops),
            first_op=self.first_op + shift,
            roles=np.insert(self.roles, where, Role.SUM),
            details=tuple(details),
        )


def element_ops(element: Element, reference: Reference, radiation: Radiation = OFF) -> tuple[Op, ...]:
    """All ops of a placed element: aperture, entry of the displaced body, body, exit, aperture."""
    enter, leave = misalignment_ops(element, *element.bending())
    limit = aperture_op(element)
    at = element.aperture_at
    before = (limit,) if limit is not None and at in ("ENTRANCE_END", "BOTH_ENDS") else ()
    after = (limit,) if limit is not None and at in ("EXIT_END", "BOTH_ENDS") else ()
    body = radiating_ops(element, reference, radiation) if radiation.on else element.ops(reference)
    return (*before, *enter, *body, *leave, *after)


def _packed(op: Op, tail: tuple[float, float]) -> tuple[float, ...]:
    """Numbers of an op as the loop takes them: with those of the reference where the kernel changes delta."""
    return op.params + tail if op.kernel.width > op.kernel.n_params else op.params


def _role(op: Op) -> Role:
    if op.role is not None:
        return op.role
    return Role.LIMIT if op.kernel.limit else op.kernel.role


def _detail(element: Element, role: Role, op: Op) -> Detail:
    """What the element says about one of its ops."""
    if op.detail is not None or role is Role.MAP:
        return op.detail
    says: dict[Role, Callable[[], Detail]] = {
        Role.LIGHT: element.light,
        Role.CAVITY: element.cavity,
        Role.RESTORER: element.restores,
    }
    if role not in says:
        return None
    detail = says[role]()
    if detail is None:
        raise LatticeError(
            f"{element.label()} packs an op with the role {role.name}, but says nothing about it; its class needs "
            f"{says[role].__name__}()"
        )
    return detail


def compile_elements(elements: Sequence[Element], reference: Reference, radiation: Radiation | str = "off") -> Program:
    """Compile a sequence of placed elements with unique names.

    Parameters
    ----------
    radiation : how radiation acts: a :class:`~ssmb.maps.radiation.Radiation`, or its mode.

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
    cache: dict[Any, tuple[Op, ...]] = {}
    placed: list[tuple[Element, tuple[Op, ...]]] = []
    for element in elements:
        of = element.in_lattice(float(s[-1]), reference)
        key = (type(of), *(v for k, v in vars(of).items() if k != "name"))  # equal magnets are packed once
        if key not in cache:
            cache[key] = element_ops(of, reference, radiation)
        placed.append((of, cache[key]))
    return replace(_program(reference, names, s, placed), radiation=radiation, elements=tuple(elements))


def compile_pieces(element: Element, reference: Reference, pieces: int) -> Program:
    """Compile equal pieces of an element, in the frame of its body, without noise, apertures and radiation.

    Raises
    ------
    LatticeError
        This kind of element stays whole: it has one piece.
    """
    whole = element.without_noise()
    enter, leave = misalignment_ops(whole, *whole.bending())
    ends = np.linspace(0.0, 1.0, pieces + 1)
    pairs = zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
    bodies = [whole.slice_ops(reference, *pair) for pair in pairs] if pieces > 1 else [whole.ops(reference)]
    bodies[0] = (*enter, *bodies[0])
    bodies[-1] = (*bodies[-1], *leave)
    names = tuple(f"{whole.name}:{i + 1}" for i in range(pieces))
    return _program(reference, names, ends * whole.length, [(whole, tuple(ops)) for ops in bodies])


def _program(
    reference: Reference, names: tuple[str, ...], s: np.ndarray, placed: Sequence[tuple[Element, tuple[Op, ...]]]
) -> Program:
    """Table of the ops of elements, or of their pieces, in a row."""
    rows: list[tuple[int, int, int, int, int]] = []
    numbers: list[float] = []
    roles: list[Role] = []
    details: list[Detail] = []
    first: list[int] = []
    packed: dict[tuple[int, tuple[float, ...]], int] = {}
    tail = (reference.inv_gamma2, reference.beta**2)
    for index, (element, ops) in enumerate(placed):
        first.append(len(rows))
        for op in ops:
            params = _packed(op, tail)
            if len(params) != op.kernel.width:
                raise LatticeError(f"{element.label()}: kernel {op.kernel.name} takes {op.kernel.n_params} numbers")
            known = (op.kernel.index, params)
            if known not in packed:
                packed[known] = len(numbers)
                numbers.extend(params)
            role = _role(op)
            roles.append(role)
            details.append(_detail(element, role, op))
            rows.append((op.kernel.index, packed[known], op.repeat, index, LIMIT if op.kernel.limit else MAP))
    first.append(len(rows))
    if len(names) >= 1 << ELEMENT_BITS and any(KERNELS[row[0]].stochastic for row in rows):
        raise LatticeError(f"random numbers are for less than {1 << ELEMENT_BITS} elements, not {len(names)}")
    return Program(
        reference=reference,
        names=names,
        s=s,
        ops=np.array(rows, dtype=np.int64).reshape(-1, OP_COLUMNS),
        params=np.array(numbers or [0.0], dtype=np.float64),
        first_op=np.array(first, dtype=np.int64),
        roles=np.array(roles, dtype=np.int64),
        details=tuple(details),
    )
