"""What changes the values that stand in the files: assignments (``set``) and controllers, by names or patterns."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ssmb.lattice.documents import Definition, Documents
from ssmb.lattice.extensions import kind_of, shown
from ssmb.store.yaml_text import ListNode, MapNode, Node, Scalar

CONTROLLER = "Controller"
CONTROL_TYPES = ("ABSOLUTE", "RELATIVE")
CONTROLLER_KEYS = ("kind", "control_type", "variables", "controls", "MetaP")
#: What a pattern of names is made of, and how many repetitions it may have and names be compared with patterns.
_PATTERN = frozenset(string.ascii_letters + string.digits + "_.-#|[]^*+?")
_MOST_REPEATED = 3
_MOST_COMPARED = 1_000_000
#: The element that an assignment writes to, in its value.
_SELF = re.compile(r"\bSELF[.>]")
#: Deepest chain of controllers.
_MOST_DEEP = 50


@dataclass(eq=False)
class _Controller:
    """Variables, and what they drive: a parameter and its expression."""

    name: str
    absolute: bool = True
    variables: dict[str, Node] = field(default_factory=dict)
    controls: list[tuple[Scalar, Node]] = field(default_factory=list)


@dataclass(frozen=True)
class _Drive:
    """A controller drives a parameter by an expression."""

    by: _Controller
    what: Scalar
    expression: Node


class Assignments:
    """The assignments and controllers of all files, which write values into the definitions."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.problems = documents.problems
        self._compared = 0
        self._drives: dict[tuple[str, str], list[_Drive]] = {}
        self._variables: dict[str, dict[str, float]] = {}

    def write(self) -> None:
        """Write all values: the assignments in the order of the files, then what controllers give."""
        for what, value in self.documents.sets:
            for name, key in self._targets(what, f"set {shown(what)}"):
                self._write(name, key, self._assigned(name, key, value, what), what)
        controllers = {
            made.name: self._controller(made) for made in self._all.values() if kind_of(made.body) == CONTROLLER
        }
        for by in controllers.values():
            for what, expression in by.controls:
                for place in self._targets(what, f"{CONTROLLER} '{by.name}': {shown(what)}"):
                    self._drives.setdefault(place, []).append(_Drive(by, what, expression))
        for (name, key), drives in self._drives.items():
            if name in controllers:
                if key not in controllers[name].variables:
                    words = f"{CONTROLLER} '{name}' has no variable '{key[:80]}'"
                    self.problems.add(words, drives[0].what.where)
                continue
            total = self._total(drives, [])
            if total is not None:
                node = drives[0].what
                self._write(name, key, replace(node, value=total, text=repr(total), plain=True), node)

    @property
    def _all(self) -> dict[str, Definition]:
        return self.documents.definitions

    # ---- places

    def _targets(self, what: Scalar, label: str) -> Iterator[tuple[str, str]]:
        """Name and key of every parameter that ``NAME>GROUP.KEY`` names."""
        pattern, _, key = (part.strip() for part in what.text.partition(">"))
        names = self._matching(pattern) if key else []
        if not names:
            hint = self.problems.nearest(pattern, self._all)
            words = "must name a parameter as NAME>GROUP.KEY" if not key else f"nothing is named '{pattern[:80]}'"
            self.problems.add(f"{label}: {words}.{hint}", what.where)
        for name in names:
            yield name, key

    def _matching(self, pattern: str) -> list[str]:
        """Definitions whose name is, or fits, a pattern of few wildcards, so that none takes long."""
        if pattern in self._all:
            return [pattern]
        self._compared += len(self._all)
        repeated = sum(pattern.count(sign) for sign in "*+?")
        if len(pattern) > 200 or not _PATTERN.issuperset(pattern) or repeated > _MOST_REPEATED:
            return []
        if self._compared > _MOST_COMPARED:
            return []
        try:
            return [n for n in self._all if re.fullmatch(pattern, n)]
        except re.error:
            return []

    def _write(self, name: str, key: str, value: Node, what: Scalar) -> None:
        body, path = self._all[name].body, key.split(".")
        for group in path[:-1]:
            inner = body.entries.get(group)
            if not isinstance(inner, MapNode):
                inner = MapNode(what.file, what.line, what.column)
                body.entries[group], body.keys[group] = inner, what
            body = inner
        body.entries[path[-1]] = value
        body.keys.setdefault(path[-1], what)
        self.documents.known.clear()

    # ---- values

    def _assigned(self, name: str, key: str, value: Node, what: Scalar) -> Node:
        """The value, with the numbers that stand there now in place of PARAMETER, SELF and other elements."""
        if not isinstance(value, Scalar) or not isinstance(value.value, str):
            return value
        text = value.text
        if "PARAMETER" in text:
            before = self.documents.value_at(name, key)
            old = 0.0 if before is None else self.documents.number(before, f"set {shown(what)}: PARAMETER")
            text = text.replace("PARAMETER", f"({old!r})")
        asked = replace(value, value=text, text=_SELF.sub(f"{name}>", text))
        found = self.documents.with_references(asked, f"set {shown(what)}")
        return replace(value, value=found, text=found) if found is not None else replace(value, value=0.0, text="0")

    def _controller(self, made: Definition) -> _Controller:
        out, body, label = _Controller(made.name), made.body, f"{CONTROLLER} '{made.name}'"
        self.problems.only(body.keys, CONTROLLER_KEYS, label)
        kind = body.entries.get("control_type")
        if kind is not None and not (isinstance(kind, Scalar) and kind.text in CONTROL_TYPES):
            words = f"{label}: control_type must be one of {', '.join(CONTROL_TYPES)}, got {shown(kind)}"
            self.problems.add(words, kind.where)
        out.absolute = not (isinstance(kind, Scalar) and kind.text == "RELATIVE")
        variables, controls = body.entries.get("variables"), body.entries.get("controls")
        if isinstance(variables, MapNode):
            out.variables = variables.entries
        elif variables is not None:
            self.problems.add(f"{label}: variables must be 'name: number', got {shown(variables)}", variables.where)
        rows = controls.items if isinstance(controls, ListNode) else []
        for row in rows:
            what = row.entries.get("parameter") if isinstance(row, MapNode) else None
            if (
                isinstance(row, MapNode)
                and isinstance(what, Scalar)
                and set(row.entries) == {"parameter", "expression"}
            ):
                out.controls.append((what, row.entries["expression"]))
            else:
                words = f"{label}: a control is {{parameter: NAME>KEY, expression: NUMBER}}, got {shown(row)}"
                self.problems.add(words, row.where)
        if not rows:
            self.problems.add(f"{label} needs 'controls: [...]'", (controls or made.key).where)
        return out

    def _total(self, drives: list[_Drive], above: list[str]) -> float | None:
        """Sum of what absolute controllers give. Relative ones begin at what the file says, and add nothing to it."""
        parts = []
        for drive in drives:
            label = f"{CONTROLLER} '{drive.by.name}': {shown(drive.what)}"
            value = self.documents.number(drive.expression, label, self._values_of(drive.by, above))
            if drive.by.absolute:
                parts.append(value)
        return sum(part for part in parts if part is not None) if parts and None not in parts else None

    def _values_of(self, of: _Controller, above: list[str]) -> dict[str, float]:
        """Variables of a controller, those included that other controllers drive."""
        if of.name in above or len(above) > _MOST_DEEP:
            circle = " > ".join([*above, of.name])[:300]
            words = f"controllers drive each other in a circle, or more than {_MOST_DEEP} deep: {circle}"
            self.problems.add(words, self._all[of.name].key.where)
            return dict.fromkeys(of.variables, 0.0)
        if of.name not in self._variables:
            out = {}
            for name, node in of.variables.items():
                driven = self._total(self._drives.get((of.name, name), []), [*above, of.name])
                own = self.documents.number(node, f"{CONTROLLER} '{of.name}': {name}") if driven is None else driven
                out[name] = 0.0 if own is None else own
            self._variables[of.name] = out
        return self._variables[of.name]
