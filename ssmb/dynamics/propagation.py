"""Test particles through a compiled lattice: what every part of optics is made of."""

from __future__ import annotations

from contextlib import AbstractContextManager

import numpy as np

from ssmb.errors import ConfigError, PhysicsError
from ssmb.kernels.engine import OP_ELEMENT
from ssmb.kernels.loops import BLOCK
from ssmb.kernels.roles import Role
from ssmb.kernels.threads import thread_count
from ssmb.lattice.program import Program, compile_elements
from ssmb.lattice.tree import Lattice


def program_of(lattice: Lattice | Program) -> Program:
    """Return the compiled lattice.

    Raises
    ------
    ConfigError
        If it is neither a lattice nor a program, holds no element, or has random kicks.
    """
    if isinstance(lattice, Program):
        program = lattice
    elif isinstance(lattice, Lattice):
        program = compile_elements(lattice.elements, lattice.reference)
    else:
        raise ConfigError(f"optics needs a Lattice or a compiled Program, not {type(lattice).__name__}")
    if not program.names:
        raise ConfigError("the lattice has no elements")
    if random := program.random():
        raise ConfigError(f"'{random[0]}' gives random kicks, and optics is defined without; switch its diffusion off")
    return program


def has_cavities(program: Program) -> bool:
    """Return whether a radio-frequency cavity with voltage is in the lattice."""
    return program.has(Role.CAVITY)


def laser_wavelength(program: Program) -> float:
    """Return the shortest period in z of the lasers in the lattice [m], 0 if there is none."""
    turns = [1.0 / (light.wavelength * program.reference.beta) for light in program.said(Role.LIGHT)]
    return 1.0 / max(turns) if turns else 0.0


def without(program: Program, *, cavities: bool = False, lasers: bool = False) -> Program:
    """Return the program without the energy kicks of cavities or lasers; everything else stays, elements included."""
    return program.without(*[Role.CAVITY] * cavities, *[Role.LIGHT] * lasers)


def one_thread() -> AbstractContextManager[int]:
    """Keep the few test particles of one tile from waking a pool of threads."""
    return thread_count(1)


def carry(program: Program, coordinates: np.ndarray, op_from: int = 0, op_to: int | None = None) -> np.ndarray:
    """Take (6, n) particles through a range of ops once and return them; NaN where a particle is lost."""
    out, state = program.propagate(coordinates, op_from, op_to)
    lost = state != 0
    if lost.any():
        out[:, lost] = np.nan
    return out


class _Direct:
    """The turn loop on one tile of test particles, with all that does not change prepared once."""

    def __init__(self, program: Program, count: int) -> None:
        from ssmb.kernels.engine import no_sums

        ref = program.reference
        self.weight, self.ids = np.ones(count), np.arange(count)
        self.lost = np.zeros((2, count), dtype=np.int64)
        self.before = (program.params, program.kernel_table(), ref.inv_gamma2, ref.beta**2, 0, 0, 1, BLOCK)
        self.after = no_sums()
        self.ops = program.ops

    def __call__(self, coordinates: np.ndarray, op_from: int, op_to: int) -> bool:
        """Take (6, n) contiguous coordinates in place through the ops; return whether all particles survive."""
        from ssmb.kernels.engine import advance

        n = coordinates.shape[1]
        state = np.zeros(n, dtype=np.int32)
        where = (self.lost[0, :n], self.lost[1, :n])
        ops = (self.ops, op_from, op_to)
        advance(coordinates, self.weight[:n], self.ids[:n], state, *where, *ops, *self.before, *self.after)
        return not state.any()


def recorded(*sets: tuple[Program, np.ndarray]) -> list[np.ndarray]:
    """Take sets of particles through all elements, each set by its own program of the same lattice.

    Returns for each set the coordinates at every entrance and at the end, (m + 1, 6, n). Sets travel in one tile
    through the elements that are the same in all programs.

    Raises
    ------
    PhysicsError
        If a particle is lost on the way.
    """
    bounds = np.concatenate(([0], np.cumsum([c.shape[1] for _, c in sets])))
    programs = [program for program, _ in sets]
    names, first = programs[0].names, [p.first_op.tolist() for p in programs]
    loops = [_Direct(p, int(bounds[-1])) for p in programs]
    same = [_same_ops(programs, i) for i in range(len(names))]
    here = np.ascontiguousarray(np.concatenate([c for _, c in sets], axis=1))
    out = np.empty((len(names) + 1, *here.shape))
    out[0] = here
    with one_thread():
        for i, name in enumerate(names):
            alive = True
            if same[i]:
                if first[0][i + 1] > first[0][i]:
                    alive = loops[0](here, first[0][i], first[0][i + 1])
            else:
                for k, loop in enumerate(loops):
                    part = np.ascontiguousarray(here[:, bounds[k] : bounds[k + 1]])
                    alive = loop(part, first[k][i], first[k][i + 1]) and alive
                    here[:, bounds[k] : bounds[k + 1]] = part
            if not alive:
                raise PhysicsError(f"a test particle is lost in '{name}': check its aperture and strength")
            out[i + 1] = here
    return [out[:, :, a:b] for a, b in zip(bounds[:-1], bounds[1:], strict=True)]


def _same_ops(programs: list[Program], i: int) -> bool:
    counts = {int(p.first_op[i + 1] - p.first_op[i]) for p in programs}
    return len(counts) == 1


def op_range(program: Program, start: str | int | None, end: str | int | None) -> tuple[int, int]:
    """Return the ops from the entrance of ``start`` (None: the beginning) to the entrance of ``end`` (None: the end).

    A position counts elements from 0; the number of elements is the end of the lattice.
    """
    count = len(program.names)

    def entrance(place: str | int | None, default: int) -> int:
        if place is None:
            return default
        if isinstance(place, str):
            return program.index(place)
        if isinstance(place, bool) or not isinstance(place, (int, np.integer)) or not 0 <= place <= count:
            raise ConfigError(f"a place is the name of an element or a position from 0 to {count}, not {place!r}")
        return int(place)

    a, b = entrance(start, 0), entrance(end, count)
    if a > b:
        raise ConfigError(
            f"the section ends at {end!r} before it begins at {start!r}; for a section over the end of a ring use "
            "lattice.rotated(start)"
        )
    return int(program.first_op[a]), int(program.first_op[b])


def recorded_at(program: Program, coordinates: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Take (6, n) particles through all ops and return their coordinates before the ops ``cuts`` (rising), (k, 6, n).

    Raises
    ------
    PhysicsError
        If a particle is lost on the way.
    """
    here = np.ascontiguousarray(coordinates, dtype=float).copy()
    loop = _Direct(program, here.shape[1])
    out = np.empty((len(cuts), *here.shape))
    at = 0
    with one_thread():
        for k, cut in enumerate(np.asarray(cuts).tolist()):
            if cut > at and not loop(here, at, cut):
                name = program.names[int(program.ops[cut - 1, OP_ELEMENT])]
                raise PhysicsError(f"a test particle is lost before the end of '{name}'")
            at = cut
            out[k] = here
    return out
