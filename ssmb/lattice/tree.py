"""The lattice: a reference and a row of elements with unique names."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, overload

import numpy as np

from ssmb.arguments import checked
from ssmb.beam.reference import Reference
from ssmb.elements import ELEMENTS, Element
from ssmb.errors import LatticeError, Where, nearest
from ssmb.lattice.cutting import cut
from ssmb.lattice.documents import NAME_RULE, Source, is_element_name
from ssmb.lattice.element_reader import close_key, keys_of
from ssmb.lattice.flatten import base_name, matching, unique_names

_E = TypeVar("_E", bound=Element)
#: Points closer than this to the end of an element count as that end [m].
_SAME_POINT = 1e-12


@checked
@dataclass(frozen=True)
class Lattice:
    """A row of elements and the reference particle; nothing in it ever changes.

    Parameters
    ----------
    name : name of the line or ring.
    reference : species and energy of the reference particle.
    elements : in the order of the beam, with unique names. Copies of what is placed more than once are numbered:
        ``q1#1``, ``q1#2`` ... have the base name ``q1``.
    periodic : True for a ring, False for a single pass, None where the file does not say.
    sources : the files it was read from. They and `origins` do not count in ``==``.
    origins : place of the definition of each element by base name.

    Raises
    ------
    LatticeError
        If a name is not allowed or occurs twice.
    """

    name: str
    reference: Reference
    elements: tuple[Element, ...]
    periodic: bool | None = None
    sources: tuple[Source, ...] = field(default=(), compare=False, repr=False)
    origins: Mapping[str, Where] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "elements", tuple(self.elements))
        if not is_element_name(self.name) or "#" in self.name:
            raise LatticeError(f"a lattice cannot be named {self.name[:80]!r}: {NAME_RULE}")
        if not isinstance(self.reference, Reference):
            raise LatticeError(f"reference must be a Reference(energy=...), not {type(self.reference).__name__}")
        bases = {base_name(e.name) for e in self.elements}
        if self.name in bases:
            raise LatticeError(f"the lattice and one of its elements are both named '{self.name}'")
        wrong = next((e.name for e in self.elements if not is_element_name(e.name)), None)
        if wrong is not None:
            raise LatticeError(f"an element cannot be named {wrong[:80]!r}: {NAME_RULE}")
        if len(self._index) != len(self.elements):
            twice = next(n for n, k in Counter(e.name for e in self.elements).items() if k > 1)
            raise LatticeError(f"two elements are named '{twice}'; Lattice.from_elements numbers copies")

    @classmethod
    def from_elements(
        cls, elements: Iterable[Element], reference: Reference, *, name: str = "lattice", periodic: bool | None = None
    ) -> Lattice:
        """Make a lattice of elements; equal names are numbered, and an element without a name gets that of its kind.

        Raises
        ------
        LatticeError
            If a name is not allowed.
        """
        row = list(elements)
        odd = next((e for e in row if not isinstance(e, Element)), None)
        if odd is not None:
            raise LatticeError(f"a lattice is made of elements, such as Drift and Quadrupole, not {type(odd).__name__}")
        bases = [e.name or e.kind.lower() for e in row]
        named = zip(row, unique_names(bases), strict=True)
        return cls(name, reference, tuple(renamed(e, n) for e, n in named), periodic)

    # ---- looking at it

    @cached_property
    def _index(self) -> dict[str, int]:
        return {e.name: i for i, e in enumerate(self.elements)}

    @cached_property
    def _copies(self) -> dict[str, list[int]]:
        out: dict[str, list[int]] = {}
        for i, e in enumerate(self.elements):
            out.setdefault(base_name(e.name), []).append(i)
        return out

    @cached_property
    def s(self) -> np.ndarray:
        """Position of the entrance of each element along the reference orbit [m], shape (len(lattice),)."""
        ends = np.cumsum([e.length for e in self.elements])
        s = np.concatenate(([0.0], ends[:-1])) if len(ends) else np.zeros(0)
        s.setflags(write=False)
        return s

    @cached_property
    def length(self) -> float:
        """Length along the reference orbit [m]."""
        return math.fsum(e.length for e in self.elements)

    def __len__(self) -> int:
        return len(self.elements)

    def __iter__(self) -> Iterator[Element]:
        return iter(self.elements)

    def __contains__(self, name: object) -> bool:
        return name in self._index

    @overload
    def __getitem__(self, key: str | int) -> Element: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Element, ...]: ...
    def __getitem__(self, key: str | int | slice) -> Element | tuple[Element, ...]:
        """Return the element of a name or position, or those of a slice of positions."""
        if isinstance(key, slice):
            return self.elements[key]
        return self.elements[self.index(key)]

    def index(self, name: str | int) -> int:
        """Return the position of an element in the row, from 0.

        Raises
        ------
        LatticeError
            If no element has this name or position, or if the name belongs to several copies.
        """
        if isinstance(name, str):
            if name in self._index:
                return self._index[name]
            copies = self._copies.get(name, [])
            if len(copies) == 1:
                return copies[0]
            if copies:
                first, last = self.elements[copies[0]].name, self.elements[copies[-1]].name
                raise LatticeError(
                    f"'{name}' is placed {len(copies)} times, from {first} to {last}: take one, or "
                    f"lattice.find('{name}')"
                )
            raise LatticeError(f"no element is named '{name[:80]}'.{self._close(name)}")
        if not -len(self) <= name < len(self):
            raise LatticeError(f"there is no element {name}: the lattice has {len(self)}")
        return int(name) % len(self)

    def indices(self, pattern: str) -> tuple[int, ...]:
        """Return the positions of the elements that match a pattern (see :meth:`find`)."""
        return matching(self.elements, pattern)

    def find(self, pattern: str) -> tuple[Element, ...]:
        """Return the elements that match a pattern, in the order of the beam; an empty tuple if there are none.

        Parameters
        ----------
        pattern : a name with ``*``, ``?`` and ``[abc]``; a base name stands for all its copies; ``Kind::pattern`` keeps
            one kind, as in PALS.
        """
        return tuple(self.elements[i] for i in self.indices(pattern))

    def where(self, name: str) -> Where | None:
        """Return where an element is defined in a file, or None if it was made in Python."""
        return self.origins.get(name) or self.origins.get(base_name(name))

    def _close(self, name: str) -> str:
        return nearest(name, [*self._copies, *self._index]) if len(self) < 5000 else ""

    # ---- changed copies

    def with_changes(self, changes: Mapping[str, Mapping[str, Any]]) -> Lattice:
        """Return a lattice in which parameters have other values.

        Parameters
        ----------
        changes : pattern (as in :meth:`find`: one copy, a base name, or with ``*``) -> parameter -> value. A parameter
            is named by its field, its key in a file or the last part of that: ``Kn1``, ``MagneticMultipoleP.Kn1``.

        Raises
        ------
        LatticeError
            If a pattern matches nothing, or a parameter or value does not fit the element.
        """
        elements = list(self.elements)
        for pattern, values in changes.items():
            found = self.indices(pattern)
            if not found:
                raise LatticeError(f"no element matches '{pattern[:80]}'.{self._close(pattern)}")
            for i in found:
                fields = {_field(elements[i], key): value for key, value in values.items()}
                elements[i] = dataclasses.replace(elements[i], **fields)
        return self._with(elements)

    def with_light(self, on: bool, names: Sequence[str] | None = None) -> Lattice:
        """Return the lattice with its lasers switched on or off.

        Parameters
        ----------
        names : patterns of the elements (as in :meth:`find`); default: all.
        """
        which = range(len(self.elements)) if names is None else {i for name in names for i in self.indices(name)}
        return self._with([e.with_light(on=on) if i in which else e for i, e in enumerate(self.elements)])

    def without_noise(self) -> Lattice:
        """Return the lattice without random kicks of its elements (photons are switched by radiation)."""
        return self._with([e.without_noise() for e in self.elements])

    def refined(self, times: int) -> Lattice:
        """Return the lattice with ``times`` as many integration steps in all elements that were given a number of
        them.
        """
        return self._with([e.refined(times) for e in self.elements])

    def rotated(self, start: str | int) -> Lattice:
        """Return the ring as seen from another element: it comes first, what stood before it moves to the end."""
        i = self.index(start)
        return self._with(self.elements[i:] + self.elements[:i])

    def reversed_order(self) -> Lattice:
        """Return the lattice with its elements in reversed order (the elements themselves are not turned round)."""
        return self._with(self.elements[::-1])

    def with_markers(self, positions: Mapping[str, float], *, kind: str = "Marker") -> Lattice:
        """Return a lattice with an element of no length at each given position.

        An element that has such a position inside is replaced by its two parts, named ``d_1``, ``d_2``. At
        an end of elements the marker stands before everything else of no length there.

        Parameters
        ----------
        positions : name -> s [m], from 0 to the length of the lattice.
        kind : kind of the new elements.

        Raises
        ------
        LatticeError
            If a name is taken, a position lies outside, or an element cannot be cut.
        """
        lattice = self
        if kind not in ELEMENTS:
            raise LatticeError(f"no kind of element is {kind!r}.{nearest(str(kind), ELEMENTS)}")
        for name, s in sorted(positions.items(), key=lambda entry: entry[1]):
            lattice = lattice._with_marker(ELEMENTS[kind](name=name), s)
        return lattice

    def _with_marker(self, marker: Element, s: float) -> Lattice:
        if not 0.0 <= s <= self.length * (1.0 + 1e-15):
            raise LatticeError(f"{marker.label()}: s must lie between 0 and {self.length!r} m, got {s!r}")
        if marker.name in self._copies or marker.name in self._index:
            raise LatticeError(f"{marker.label()}: the lattice has an element of this name")
        i = int(np.searchsorted(self.s, s - _SAME_POINT, side="left"))
        row = list(self.elements)
        inside = i > 0 and self.s[i - 1] + row[i - 1].length > s + _SAME_POINT
        if not inside:
            return self._with([*row[:i], marker, *row[i:]])
        whole = row[i - 1]
        first, last = cut(whole, s - float(self.s[i - 1]))
        taken = {*self._index, *self._copies, marker.name}
        stem = whole.name.replace("#", "_")
        while {f"{stem}_1", f"{stem}_2"} & taken:
            stem += "_"
        parts = [renamed(first, f"{stem}_1"), marker, renamed(last, f"{stem}_2")]
        return self._with([*row[: i - 1], *parts, *row[i:]])

    def _with(self, elements: Sequence[Element]) -> Lattice:
        return dataclasses.replace(self, elements=tuple(elements))


def renamed(element: _E, name: str) -> _E:
    """Return a copy with another name; the other values are sound already and are not checked again."""
    if element.name == name:
        return element
    values = {f: v for f, v in element.__dict__.items() if f in element.__dataclass_fields__}  # and no cached ones
    values["name"] = name
    made = object.__new__(type(element))
    object.__setattr__(made, "__dict__", values)
    return made


def _field(element: Element, key: str) -> str:
    """Name of the field that a user means by a field name, a file key, or the last part of a file key."""
    if key in element.parameters:
        return key
    fields = keys_of(type(element)).fields
    if key in fields:
        return fields[key]
    by_leaf = [field for known, field in fields.items() if known.rsplit(".", 1)[-1] == key]
    if len(by_leaf) == 1:
        return by_leaf[0]
    raise LatticeError(
        f"{element.label()}: no parameter is named '{key[:80]}'."
        + (close_key(key, type(element)) or f" Allowed: {', '.join(element.parameters)}")
    )
