"""The bends of a row of elements as light sees them: pieces of one bend belong together, between straights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ssmb.elements import Element

#: Curvatures of pieces of one bend, relative, and the sum of all angles of a ring over a full turn.
_SAME, _FULL_TURN = 1e-9, 1e-3


@dataclass(frozen=True)
class BendPiece:
    """An element that bends, and the bend to which it belongs: all that follow each other with the same curvature.

    Attributes
    ----------
    radius : bending radius [m].
    begin, end : way in the bend to the entrance and to the exit of the element [m].
    whole : length of the bend [m].
    before, behind : straights before and behind the bend [m]; infinite and 0 at the ends of a line.
    """

    radius: float
    begin: float
    end: float
    whole: float
    before: float = math.inf
    behind: float = 0.0

    @property
    def length(self) -> float:
        """Length of the element [m]."""
        return self.end - self.begin

    @property
    def straight(self) -> float:
        """Straight that follows the element [m]: none inside of a bend."""
        return self.behind if self.end >= self.whole * (1.0 - _SAME) else 0.0


def bends_of(elements: Sequence[Element]) -> dict[int, BendPiece]:
    """Return the elements that bend, by their index.

    Where the angles sum to a full turn it is a ring, whose end goes on in its beginning.
    """
    order = [i for i, e in enumerate(elements) if e.length > 0.0]
    turn = abs(math.fsum(elements[i].bending()[0] for i in order)) / (2.0 * math.pi)
    ring = abs(turn - 1.0) < _FULL_TURN
    if ring:  # begin in a straight, so that no bend is cut
        first = next((n for n, i in enumerate(order) if not elements[i].bending()[0]), 0)
        order = order[first:] + order[:first]
    rows: list[list[int]] = []
    straights = [0.0]  # before each bend, and behind the last one
    for i in order:
        if not elements[i].bending()[0]:
            straights[-1] += elements[i].length
        elif rows and straights[-1] == 0.0 and _same(elements[rows[-1][-1]], elements[i]):
            rows[-1].append(i)
        else:
            rows.append([i])
            straights.append(0.0)
    straights[0], straights[-1] = (straights[0] + straights[-1],) * 2 if ring else (math.inf, straights[-1])
    found = {}
    for row, before, behind in zip(rows, straights[:-1], straights[1:], strict=True):
        whole, begin = math.fsum(elements[i].length for i in row), 0.0
        for i in row:
            length = elements[i].length
            radius = length / abs(elements[i].bending()[0])
            found[i] = BendPiece(radius, begin, begin + length, whole, before, behind)
            begin += length
    return found


def _same(a: Element, b: Element) -> bool:
    """Whether two elements are pieces of one bend."""
    (angle, tilt), (other, rolled) = a.bending(), b.bending()
    here, there = angle / a.length, other / b.length
    return abs(here - there) <= _SAME * abs(here) and tilt == rolled
