"""The maps of the sections of a ring model: matrices, and what is not linear in them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ssmb.beam.reference import Reference
from ssmb.dynamics.closed_orbit import find_orbits
from ssmb.dynamics.damped_turn import DampedTurn, check_voltage, damped_turn, symplectified
from ssmb.dynamics.factorisation import kicks_of
from ssmb.dynamics.linear import followed_modes, normal_modes
from ssmb.dynamics.matrices import jacobians
from ssmb.dynamics.off_momentum import derivatives, off_momentum
from ssmb.dynamics.optics import optics
from ssmb.dynamics.propagation import carry, has_cavities, program_of, recorded_at, without
from ssmb.dynamics.taylor import taylor_map
from ssmb.elements import Element
from ssmb.elements.linear_map import LinearMap
from ssmb.elements.lumped_radiation import LumpedRadiation
from ssmb.elements.polynomial_kicks import PolynomialKicks
from ssmb.elements.thin_chicane import ThinChicane
from ssmb.errors import PhysicsError
from ssmb.lattice.program import Program, compile_elements
from ssmb.maps.radiation import Radiation
from ssmb.ring_models.parts import Part, PartRole

#: Orbits closer than this to the reference count as it [m, 1]: below any length that matters.
_ON_AXIS = 1e-15
#: Maps that touch z or delta by less than this part of their largest entry keep delta, and do not depend on z, exactly.
_ROUNDING = 1e-10
#: Least amplitude that counts as much as a momentum deviation of 1 [sqrt(m)], for rings without dispersion.
_NARROW = 1e-2
#: Powers of delta in which the slip is corrected, and the orbits on which it is measured: their number and largest
#: delta.
_BEYOND = (4, 5, 6, 7, 8, 9)
_ORBITS, _REACH = 24, 2.5e-3


@dataclass(frozen=True, eq=False)
class Ring:
    """The ring that is modelled.

    Attributes
    ----------
    parts : its parts, a place first.
    program : compiled without radiation, without the kicks of lasers.
    orbit : (n + 1, 6) closed orbit at the entrances of the parts and at the end [m, 1]; with radiation if the model has
        it.
    damped : maps of the sections about that orbit with radiation; empty without.
    """

    parts: list[Part]
    program: Program
    orbit: np.ndarray
    damped: list[DampedTurn]

    @classmethod
    def of(cls, parts: list[Part], reference: Reference, radiation: Radiation) -> Ring:
        """Compile the parts and find the closed orbit.

        Raises
        ------
        PhysicsError
            If there is none, or betatron motion is not stable.
        """
        elements = [part.element for part in parts]
        program = without(program_of(compile_elements(elements, reference)), lasers=True)
        start = find_orbits(program, np.zeros((6, 1)), 6 if has_cavities(program) else 4)
        still = without(program, cavities=True)
        normal_modes(jacobians(still, start)[0][:4, :4])
        if not radiation.on:
            return cls(parts, program, recorded_at(program, start, program.first_op)[:, :, 0], [])
        radiating = compile_elements(elements, reference, radiation.envelope())
        orbit = _radiating_orbit(radiating)
        ring = cls(parts, program, orbit, [])
        for begin, end in ring.sections():
            section = compile_elements(elements[begin:end], reference, radiation.envelope())
            ring.damped.append(damped_turn(section, orbit[begin]))
        return ring

    def sections(self) -> Iterator[tuple[int, int]]:
        """Ranges of the parts behind each place up to the next one."""
        places = [i for i, part in enumerate(self.parts) if part.role is PartRole.PLACE]
        yield from ((a + 1, b) for a, b in zip(places, [*places[1:], len(self.parts)], strict=True))

    def ops(self, begin: int, end: int) -> tuple[int, int]:
        """Range of ops of a range of parts."""
        return int(self.program.first_op[begin]), int(self.program.first_op[end])

    def matrix(self, section: int, begin: int, end: int) -> np.ndarray:
        """(6, 6) symplectic matrix of a range of parts of a section about the closed orbit."""
        matrix = jacobians(self.program, self.orbit[begin][:, None], *self.ops(begin, end))[0]
        unit, rounding = np.eye(6), _ROUNDING * np.abs(matrix).max()
        does_without_z = max(np.abs(matrix[:, 4] - unit[:, 4]).max(), np.abs(matrix[5] - unit[5]).max()) < rounding
        if self.damped:
            first, _ = list(self.sections())[section]
            maps = self.damped[section].undamped
            matrix = maps[end - first] @ np.linalg.inv(maps[begin - first])
        matrix = symplectified(matrix)
        if does_without_z:
            matrix[:, 4], matrix[5] = unit[:, 4], unit[5]
        return matrix

    def reached(self, begin: int, end: int) -> np.ndarray:
        """Where a particle on the closed orbit gets without radiation."""
        return carry(self.program, self.orbit[begin][:, None], *self.ops(begin, end))[:, 0]


def _radiating_orbit(program: Program) -> np.ndarray:
    """(n + 1, 6) closed orbit with radiation; where no cavity binds z, that of a particle in a micro-bucket."""
    try:
        check_voltage(program)
        program = without(program.without_noise()[0], lasers=has_cavities(program))
        return recorded_at(program, find_orbits(program, np.zeros((6, 1)), 6), program.first_op)[:, :, 0]
    except PhysicsError as error:
        raise PhysicsError(
            f"the ring model has no closed orbit with radiation: {error.message}. If nothing replaces the energy that "
            f"is lost, "
            "add a cavity or an SSMB_EnergyRestorer, or ask for radiation='off'"
        ) from None


def linear_elements(ring: Ring, section: int, name: str) -> list[Element]:
    """The matrices of a section, and its cavities between them."""
    begin, end = list(ring.sections())[section]
    out: list[Element] = []
    here = begin
    cuts = [begin - 1, *(i for i in range(begin, end) if ring.parts[i].role is PartRole.CAVITY), end]
    for a, b in zip(cuts[:-1], cuts[1:], strict=True):
        if a >= begin:
            out += [*_shift(ring, here, a, name), ring.parts[a].element]
        here = a + 1
        first, last = ring.ops(a + 1, b)
        length = sum(part.length for part in ring.parts[a + 1 : b])
        if first == last and length == 0.0:
            continue
        enter, leave = ring.orbit[a + 1], ring.reached(a + 1, b)
        points: dict[str, Any] = {}
        if max(np.abs(enter).max(), np.abs(leave).max()) > _ON_AXIS:
            points = {"fixed_point": tuple(enter.tolist()), "exit_point": tuple(leave.tolist())}
        rows = tuple(tuple(row) for row in ring.matrix(section, a + 1, b).tolist())
        out.append(LinearMap(name=name, length=length, matrix=rows, **points))
    return out


def _shift(ring: Ring, begin: int, cavity: int, name: str) -> list[Element]:
    """The radiation before a cavity, as far as it changes the time at which the closed orbit gets there."""
    mean = ring.orbit[cavity] - ring.reached(begin, cavity)
    return [LumpedRadiation(name=f"{name}_radiation", mean=tuple(mean.tolist()))] if ring.damped else []


def slips(ring: Ring) -> list[ThinChicane | None]:
    """What a particle without betatron motion slips in each section by the second and third power of delta."""
    still = without(ring.program, cavities=True)
    off = off_momentum(still, 0.0, tunes=False)
    z = recorded_at(still, off.orbits, still.first_op)[:, 4]
    _, second, third = derivatives(z, off.step)
    out: list[ThinChicane | None] = []
    for begin, end in ring.sections():
        t566, u5666 = ((d[end] - d[begin]) / f for d, f in ((second, 2.0), (third, 6.0)))
        # the matrix has the slip on the closed orbit already, also where that has another momentum
        delta = float(ring.orbit[begin, 5])
        r56 = -delta * (2.0 * float(t566) + 3.0 * float(u5666) * delta)
        out.append(ThinChicane(r56=r56, t566=float(t566), u5666=float(u5666)) if t566 or u5666 else None)
    return out


def kicks(ring: Ring, order: int) -> list[PolynomialKicks | None]:
    """The kicks of each section that give its Taylor map, cavities off."""
    still = without(ring.program, cavities=True)
    out: list[PolynomialKicks | None] = []
    dispersed = math.sqrt(
        float(optics(still, compare_edges=False).curly_h.max())
    )  # amplitude of a momentum deviation of 1
    momentum = min(max(dispersed, _NARROW), 1.0)
    for (begin, end), twiss in zip(ring.sections(), _twiss(ring), strict=True):
        if begin == end:
            out.append(None)
            continue
        section = taylor_map(still, begin, end, order=order, orbit=ring.orbit[begin])
        rows = kicks_of(section, twiss, momentum)
        out.append(PolynomialKicks(kicks=rows, point=tuple(ring.orbit[begin].tolist())))
    return out


def slips_beyond(ring: Ring, maps: list[list[Element]]) -> list[ThinChicane | None]:
    """What the maps of the sections lack of the slip of particles without betatron motion, in powers above the third.

    A row of kicks has terms of all higher orders that the ring has not. Those of delta alone are the worst, because the
    others average out: they are measured on the off-momentum orbits of the ring, and taken away.
    """
    still = without(ring.program, cavities=True)
    orbits = _off_momentum_orbits(still)
    record = recorded_at(still, orbits, still.first_op)
    out: list[ThinChicane | None] = []
    for (begin, end), elements in zip(ring.sections(), maps, strict=True):
        if not elements:
            out.append(None)
            continue
        unique = [replace(e, name=f"{i}") for i, e in enumerate(elements)]
        model = without(compile_elements(unique, ring.program.reference), cavities=True)
        lacks = record[end, 4] - carry(model, record[begin])[4]
        scale = np.abs(orbits[5]).max()
        powers = np.stack([(orbits[5] / scale) ** n for n in _BEYOND], axis=1)
        found, *_ = np.linalg.lstsq(powers, lacks, rcond=None)
        out.append(ThinChicane(higher=tuple((found / scale ** np.array(_BEYOND)).tolist())))
    return out


def _off_momentum_orbits(program: Program) -> np.ndarray:
    """(6, k) closed orbits on both sides of the momentum of the reference, as far out as there are any."""
    reach = _REACH
    while reach > _REACH / 64.0:
        start = np.zeros((6, _ORBITS))
        start[5] = reach * np.cos(np.pi * (np.arange(_ORBITS) + 0.5) / _ORBITS)
        try:
            return find_orbits(program, start, 4)
        except PhysicsError:
            reach *= 0.7
    raise PhysicsError(
        f"no closed orbits of the ring were found off momentum, tried down to delta = {reach / 0.7:.2g}; use order=1"
    )


def _twiss(ring: Ring) -> list[tuple[float, float, float, float]]:
    """beta_x [m], alpha_x, beta_y [m], alpha_y behind each place."""
    still = without(ring.program, cavities=True)
    turn = jacobians(still, ring.orbit[0][:, None])[0][:4, :4]
    ends = [ring.ops(begin, begin)[0] for begin, _ in ring.sections()]
    there = [jacobians(still, ring.orbit[0][:, None], 0, end)[0][:4, :4] for end in ends]
    modes = followed_modes(np.array([np.eye(4), *there, turn]) @ normal_modes(turn)[1])
    both = np.stack((modes.beta, modes.alpha), axis=2)[1:-1]
    return [(float(bx), float(ax), float(by), float(ay)) for (bx, ax), (by, ay) in both]
