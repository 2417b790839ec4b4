"""Lines of lines to one row of names, and unique names for elements that are placed more than once."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ssmb.elements import Element
from ssmb.errors import LatticeError, Where

#: Most elements of a lattice.
MAX_ELEMENTS = 100_000
#: Most names in all lines of the files together, each line written out.
MAX_NAMES = 2_000_000
#: Deepest nesting of lines.
MAX_LINES_DEEP = 64


@dataclass(frozen=True)
class Item:
    """One entry of a line: a name, how often it stands there (negative: in reversed order), and where it is written."""

    name: str
    repeat: int
    where: Where


def expand(lines: Mapping[str, Sequence[Item]]) -> tuple[dict[str, tuple[str, ...]], list[LatticeError]]:
    """Return the names of the elements of every line in the order of the beam, and what is wrong with lines.

    A negative repeat reverses the order of the elements of a line (of its inner lines too), and not the elements: as in
    PALS, ``e1`` of a bend stays the edge at its upstream side. A line that contains itself, is nested too deeply or has
    too many elements is an error, and empty in the result.

    Parameters
    ----------
    lines : what stands in each line; a name that is not a key is an element.

    Examples
    --------
    >>> here = Where("x")
    >>> rows, _ = expand({"all": [Item("cell", -2, here)], "cell": [Item("a", 1, here), Item("b", 1, here)]})
    >>> rows["all"]
    ('b', 'a', 'b', 'a')
    """
    rows: dict[str, tuple[str, ...]] = {}
    errors: list[LatticeError] = []
    total = 0
    for name in lines:
        if name not in rows:
            total = _expand(name, lines, rows, errors, [], total)
    return rows, errors


def _expand(
    name: str,
    lines: Mapping[str, Sequence[Item]],
    rows: dict[str, tuple[str, ...]],
    errors: list[LatticeError],
    above: list[str],
    total: int,
) -> int:
    """Fill ``rows[name]`` and those of the lines in it; return the number of names in all rows so far."""
    above.append(name)
    out: list[str] = []
    for item in lines[name]:
        if item.name in above:
            circle = " > ".join([*above[above.index(item.name) :], item.name])
            errors.append(LatticeError(f"line '{item.name}' contains itself: {circle[:300]}", item.where))
            continue
        if item.name in lines and item.name not in rows:
            if len(above) >= MAX_LINES_DEEP:
                errors.append(LatticeError(f"lines are nested more than {MAX_LINES_DEEP} deep", item.where))
                rows[item.name] = ()
                continue
            total = _expand(item.name, lines, rows, errors, above, total)
        part = rows.get(item.name, (item.name,))
        more = abs(item.repeat) * len(part)
        if len(out) + more > MAX_ELEMENTS or total + len(out) + more > MAX_NAMES:
            words = f"line '{name}' has more than {MAX_ELEMENTS} elements, or all lines together more than {MAX_NAMES}"
            errors.append(LatticeError(words, item.where))
            out.clear()
            break
        if part:
            out.extend((part[::-1] if item.repeat < 0 else part) * abs(item.repeat))
    rows[name] = tuple(out)
    above.pop()
    return total + len(out)


def unique_names(names: Iterable[str]) -> tuple[str, ...]:
    """Number the copies of what is placed more than once: ``q``, ``q`` become ``q#1``, ``q#2``.

    Raises
    ------
    LatticeError
        If a name that carries a number already occurs twice, or is also the number of a copy.

    Examples
    --------
    >>> unique_names(["q", "d", "q", "b"])
    ('q#1', 'd', 'q#2', 'b')
    """
    names = tuple(names)
    counts = Counter(names)
    if len(counts) == len(names):
        return names
    copy: Counter[str] = Counter()
    out = []
    for name in names:
        if counts[name] == 1:
            out.append(name)
            continue
        if "#" in name:
            raise LatticeError(f"'{name}' is placed {counts[name]} times; a name with # stands for one copy")
        copy[name] += 1
        out.append(f"{name}#{copy[name]}")
    if len(set(out)) != len(out):
        clash = next(n for n, k in Counter(out).items() if k > 1)
        raise LatticeError(f"'{clash}' is both a name and a copy of '{base_name(clash)}'; rename one of them")
    return tuple(out)


def base_name(name: str) -> str:
    """Return the name without the number of the copy.

    >>> base_name("q1#12")
    'q1'
    """
    return name.partition("#")[0]


def matching(elements: Sequence[Element], pattern: str) -> tuple[int, ...]:
    """Return the positions of the elements that a pattern names.

    Parameters
    ----------
    pattern : a name with ``*``, ``?`` and ``[abc]``; a base name stands for all its copies; ``Kind::pattern`` keeps one
        kind, as in PALS.
    """
    kind, _, glob = pattern.rpartition("::")
    fits = re.compile(fnmatch.translate(glob)).match
    return tuple(
        i for i, e in enumerate(elements) if (not kind or e.kind == kind) and (fits(base_name(e.name)) or fits(e.name))
    )
