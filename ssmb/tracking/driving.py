"""The numbers of a program that change from turn to turn: which they are, and their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ssmb.errors import ConfigError, nearest
from ssmb.kernels.drives import Drive
from ssmb.kernels.engine import OP_OFFSET
from ssmb.lattice.program import Law, Program
from ssmb.tracking.laser_program import GROUP, LaserProgram


@dataclass(eq=False)
class _Driven:
    """One block of numbers that a program changes: where it begins, what it holds, and by which law."""

    program: LaserProgram
    law: Law
    offset: int
    block: tuple[float, ...]
    noise: bool = True


@dataclass(eq=False)
class Drives:
    """All that is driven in one run.

    ``params`` are the packed numbers of the run: those of the compiled program, and behind them a block of its own for
    each driven op, since equal elements share one. ``at`` are the places in it that change.
    """

    circumference: float
    params: np.ndarray
    last_turn: int
    driven: list[_Driven] = field(default_factory=list)
    at: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    _group: tuple[int, np.ndarray] | None = None
    _whole: dict[int, Drive] = field(default_factory=dict)

    def own_block(self, numbers: tuple[float, ...]) -> int:
        """Append a block of numbers and return where it begins."""
        offset = len(self.params)
        self.params = np.concatenate([self.params, numbers])
        return offset

    def add(self, program: LaserProgram, law: Law, numbers: tuple[float, ...], noise: bool = True) -> int:
        """Append a block whose numbers change by ``law`` under this program; return where it begins."""
        program.check_turns(self.last_turn)
        offset = self.own_block(numbers)
        self.driven.append(_Driven(program, law, offset, numbers, noise))
        places = sorted(law(numbers, program.evaluate(0, 1, self.circumference)))
        self.at = np.concatenate([self.at, offset + np.array(places, dtype=np.int64)])
        return offset

    def values(self, first_turn: int, turns: int) -> np.ndarray:
        """Values (turns, places) on the turns from ``first_turn`` on."""
        if not self.driven:
            return np.zeros((1, 0))
        parts = []
        for group in range(first_turn // GROUP, (first_turn + turns - 1) // GROUP + 1):
            if self._group is None or self._group[0] != group:
                columns = [v for d in self.driven for _, v in sorted(d.law(d.block, self._drive(d, group)).items())]
                self._group = (group, np.ascontiguousarray(np.stack(columns, axis=1)))
            begin = max(first_turn - group * GROUP, 0)
            parts.append(self._group[1][begin : min(first_turn + turns - group * GROUP, GROUP)])
        return np.ascontiguousarray(np.concatenate(parts))

    def _drive(self, driven: _Driven, group: int) -> Drive:
        program = driven.program
        if not program.summed:
            return program.evaluate(group * GROUP, GROUP, self.circumference, driven.noise)
        key = 2 * id(program) + driven.noise
        if key not in self._whole:
            turns = -(-self.last_turn // GROUP) * GROUP
            self._whole[key] = program.evaluate(0, turns, self.circumference, driven.noise)
        return self._whole[key].between(group * GROUP, (group + 1) * GROUP)


def drives_of(program: Program, ops: np.ndarray, drives: Mapping[str, LaserProgram], last_turn: int) -> Drives:
    """Give each op that is driven its own block of numbers; ``ops``, an op table of the program, is changed in place.

    Parameters
    ----------
    drives : programs by name of an element; a name without ``#`` stands for all its copies.
    last_turn : number of the turn after the last.

    Raises
    ------
    ConfigError
        An element does not exist, or has nothing that oscillates; a course that is too short.
    """
    made = Drives(program.length, program.params, last_turn)
    if not isinstance(drives, Mapping):
        raise ConfigError(f"drives must be a mapping of element names to LaserPrograms, not {type(drives).__name__}")
    taken: dict[int, str] = {}
    for name, light in drives.items():
        if not isinstance(light, LaserProgram):
            raise ConfigError(f"drives['{name}'] must be a LaserProgram, not {type(light).__name__}")
        elements = elements_named(program, name)
        for index in elements:
            if index in taken:
                raise ConfigError(f"'{program.names[index]}' is driven twice: as '{taken[index]}' and as '{name}'")
            taken[index] = name
        rows = program.driven(elements)
        if not rows:
            raise ConfigError(
                f"'{name}' has nothing to drive: a Wiggler with its laser on, or an RFCavity with voltage, can be "
                f"driven"
            )
        for row, law in rows:
            ops[row, OP_OFFSET] = made.add(light, law, program.numbers(row))
    return made


def elements_named(program: Program, name: Any) -> list[int]:
    """Indices of the elements of this name, or of which it is the name without ``#`` and number."""
    found = [i for i, n in enumerate(program.names) if n == name or n.partition("#")[0] == name]
    if not found:
        raise ConfigError(f"no element '{name}' in the lattice to drive.{nearest(str(name), program.names)}")
    return found
