"""From the nodes of a definition to an element: keys and types come from the registry of element classes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from typing import Any

from ssmb.beam.reference import Reference
from ssmb.elements.base import APERTURE_KEYS, Element, ParameterInfo, _checked, aperture_limits
from ssmb.errors import LatticeError, SsmbError, Where
from ssmb.lattice.documents import Documents
from ssmb.lattice.extensions import shown
from ssmb.lattice.problems import Problems
from ssmb.store.yaml_text import ListNode, MapNode, Node, Scalar
from ssmb.units import number_in

#: Keys of a definition that are not parameters.
PROSE_GROUP = "MetaP"
RESERVED = ("kind", "inherit", "repeat", PROSE_GROUP)
#: Keys and groups of PALS for which there is nothing here, and why.
NOT_READ = {
    "ElectricMultipoleP": "electric fields are not tracked",
    "ReferenceP": "the reference particle is that of the BeginningEle at the start of the line",
    "ReferenceChangeP": "a lattice has one reference energy",
    "BeamBeamP": "there is one beam",
    "direction": "elements that are turned round are not read; write what the beam meets, with e1 and e2 exchanged",
}

#: Of keys that say the same as others in another way, so many are named in a message.
_FEW = 8
#: Longest message of an element class that is shown.
_LONGEST = 600

#: What one definition says: dotted key -> (the key's node, its value).
Given = dict[str, tuple[Scalar, Node]]


@dataclass(frozen=True)
class Keys:
    """The keys that a kind of element takes."""

    fields: Mapping[str, str]
    alternatives: Mapping[str, str]
    groups: frozenset[str]

    @property
    def all(self) -> list[str]:
        """Keys of fields and alternatives."""
        return [*self.fields, *self.alternatives]


@cache
def keys_of(cls: type[Element]) -> Keys:
    """Return the keys of an element class."""
    fields = {info.key: name for name, info in cls.parameters.items()}
    alternatives = {**APERTURE_KEYS, **cls.alternative_keys}
    every = [*fields, *alternatives]
    groups = {key.rsplit(".", n)[0] for key in every for n in range(1, key.count(".") + 1)}
    return Keys(fields, alternatives, frozenset(groups))


def close_key(key: str, cls: type[Element]) -> str:
    """Return ``" Did you mean 'MagneticMultipoleP.Kn1'?"`` for a key that the class does not have.

    The last part of the key counts: it is usually right, or nearly so, and only the group is forgotten. Of keys that
    are equally close (Kn1 and Ks1 to K1), the one that the class names first is meant. A key of another quantity (a
    strength of another order, integrated or not, field or normalised) is never meant: its number would change unit.
    """
    leaf = key.rsplit(".", 1)[-1][:40].lower()

    def likeness(known: str) -> float:
        word = known.rsplit(".", 1)[-1].lower()
        return SequenceMatcher(None, leaf, word).ratio() if _quantity(leaf) == _quantity(word) else 0.0

    best = max(keys_of(cls).all, key=likeness)
    return f" Did you mean '{best}'?" if likeness(best) > 0.6 else ""


#: A multipole strength: quantity, order, whether it is integrated. MAD-X and elegant write k1, k1s, k1l, k1sl, knl.
_STRENGTH = re.compile(r"(k|b|e)(?:n|s)?([0-9])(?:s)?(l?)")
#: Words of other quantities that look alike: their numbers mean something else.
_OTHER = ("gradient", "h1", "h2", "harmon", "radius", "rho", "chord", "field", "active", "width", "center")


def _quantity(word: str) -> tuple[str, ...]:
    """What kind of number a key (in small letters) stands for, as far as its word says it."""
    strength = _STRENGTH.fullmatch(word)
    return strength.groups() if strength else tuple(w for w in _OTHER if w in word)


def given_keys(body: MapNode, cls: type[Element], label: str, problems: Problems) -> Given:
    """Return the parameters of a definition by dotted key; unknown keys and groups are noted."""
    out: Given = {}
    _collect(body, "", cls, label, problems, out)
    return out


def _collect(body: MapNode, prefix: str, cls: type[Element], label: str, problems: Problems, out: Given) -> None:
    keys = keys_of(cls)
    for word, value in body.entries.items():
        place = body.keys[word]
        key = prefix + word
        if not prefix and word in RESERVED:
            continue
        if key in keys.fields or key in keys.alternatives:
            out[key] = (place, value)
        elif key in keys.groups:
            if isinstance(value, MapNode):
                _collect(value, key + ".", cls, label, problems, out)
            else:
                problems.add(f"{label}: '{key}' is a group: write {key}: {{...}}, got {shown(value)}", value.where)
        else:
            problems.add(f"{label}: {_unknown(key, value, cls, problems)}", place.where)


def _unknown(key: str, value: Node, cls: type[Element], problems: Problems) -> str:
    keys = keys_of(cls)
    if key in NOT_READ:
        return f"{key} of PALS: {NOT_READ[key]}"
    if key.endswith("<<"):
        return "merge keys (<<) are not used; write inherit: NAME"
    if isinstance(value, MapNode):
        groups = sorted(keys.groups)
        return f"unknown group '{key[:80]}'; allowed: {', '.join(groups)}.{problems.nearest(key, groups)}"
    close = close_key(key, cls) if problems.may_compare(len(keys.fields)) else ""
    group = key[: key.rfind(".") + 1]
    others = [k for k in keys.alternatives if k.startswith(group)]
    some = [k for k in keys.fields if k.startswith(group)] + others[:_FEW] + ["..."] * (len(others) > _FEW)
    return f"unknown key '{key[:80]}'." + (close or f" Allowed: {', '.join(some)}")


def build(
    name: str, cls: type[Element], given: Given, where: Where, ref: Reference | None, documents: Documents
) -> Element | None:
    """Return the element of these keys, or note every problem and return None."""
    label = f"{cls.kind} '{name}'"
    values: dict[str, Any] = {}
    problems = documents.problems
    sound = True
    for key, (_, node) in given.items():
        if not documents.may_read(node):
            sound = False
            continue
        field = keys_of(cls).fields.get(key)
        info = cls.parameters[field] if field else ParameterInfo("", key, key=key)  # alternative keys are numbers
        value = _read(node, info, label, documents)
        if value is None:
            documents.failed.add(id(node))
            sound = False
            continue
        if field:
            try:
                value = _checked(label, info, value)
            except LatticeError as err:
                problems.add(err.message[:_LONGEST], node.where)
                documents.failed.add(id(node))
                sound = False
                continue
        values[key] = value
    if not sound:
        return None
    try:
        fields = to_fields(cls, values, ref)
        return cls.class_for(fields)(name=name, **fields)
    except SsmbError as err:
        message = err.message if isinstance(err, LatticeError) else str(err)
        blamed = _blamed(message, given)
        if blamed is not None:
            documents.failed.add(id(blamed))
        message = message if label in message else f"{label}: {message}"
        problems.add(message[:_LONGEST], blamed.where if blamed else where)
    except (ArithmeticError, ValueError) as err:
        problems.add(f"{label}: these values contradict each other ({err})"[:_LONGEST], where)
    return None


def to_fields(cls: type[Element], values: Mapping[str, Any], ref: Reference | None) -> dict[str, Any]:
    """Return the arguments of the class for values by file key."""
    fields = keys_of(cls).fields
    return {fields[key]: value for key, value in cls.from_keys(aperture_limits(values), ref).items()}


def _blamed(message: str, given: Given) -> Node | None:
    """Value of the parameter that a message of the class speaks of, if it names one."""
    for key in sorted(given, key=len, reverse=True):
        leaf = key.rsplit(".", 1)[-1]
        if f" {key} " in f"{message} " or f" {leaf} " in f"{message} ":
            return given[key][1]
    return None


def _read(node: Node, info: ParameterInfo, label: str, documents: Documents) -> Any:
    """Return the Python value of a node for a parameter, or note the problem and return None."""
    what = f"{label}: {info.key}"
    if info.type in ("float", "int"):
        return _number(node, info, what, documents)
    if info.type in ("vector", "matrix"):
        return _numbers(node, info, what, 2 if info.type == "matrix" else 1, documents)
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, bool if info.type == "bool" else str) and (not info.choices or value in info.choices):
        return value
    need, hint = "true or false" if info.type == "bool" else "a text", ""
    if info.choices:
        need = f"one of {', '.join(info.choices)}"
        hint = f".{documents.problems.nearest(node.text, info.choices)}" if isinstance(node, Scalar) else ""
    documents.problems.add(f"{what} must be {need}, got {shown(node)}{hint}", node.where)
    return None


#: A number and a unit, ``20 cm``, which is no expression: those have an operator between two words. The number is read
#: whole (atomic), so that ``5e5*1`` is not 5 of a unit ``e5*1``.
_WITH_UNIT = re.compile(r"(?>[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)[ ]*[A-Za-zµμ].*")


def _number(node: Node, info: ParameterInfo, what: str, documents: Documents) -> float | None:
    """Value of a number, of an expression, or of a number with a unit of the same dimension as that of the
    parameter.
    """
    if info.unit and info.type != "int" and isinstance(node, Scalar) and _WITH_UNIT.fullmatch(node.text):
        if not isinstance(node.value, str):
            return documents.number(node, what)  # 1e5 and the like
        try:
            return number_in(info.unit, node.text)
        except SsmbError as err:
            documents.problems.add(f"{what}: {err.message}", node.where)
            return None
    return documents.number(node, what)


def _numbers(node: Node, info: ParameterInfo, what: str, depth: int, documents: Documents) -> tuple | None:
    if depth == 0:
        return _number(node, info, what, documents)  # type: ignore[return-value]
    if not isinstance(node, ListNode):
        need = "a list of lists of numbers" if depth == 2 else "a list of numbers"
        documents.problems.add(f"{what} must be {need}, got {shown(node)}", node.where)
        return None
    values = [_numbers(item, info, what, depth - 1, documents) for item in node.items]
    return None if any(v is None for v in values) else tuple(values)
