"""What the entries of a facility mean: kinds, inheritance, lines and the reference."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from ssmb.beam.reference import SPECIES, Reference
from ssmb.elements import ELEMENTS, Element
from ssmb.errors import SsmbError
from ssmb.lattice.assignments import CONTROLLER, Assignments
from ssmb.lattice.documents import Definition, Documents
from ssmb.lattice.element_reader import PROSE_GROUP, Given, build, given_keys
from ssmb.lattice.extensions import shown
from ssmb.lattice.flatten import MAX_ELEMENTS, Item, expand
from ssmb.store.yaml_text import ListNode, MapNode, Node, Scalar

#: Keys of the kinds that are not elements.
#: Of a line; ``zero_point`` is for placements, which are not read.
LINE_KEYS = ("kind", "line", "length", "periodic", "repeat", "multipass", "zero_point", PROSE_GROUP)
LATTICE_KEYS = ("kind", "branches", "line", "periodic", PROSE_GROUP)
BRANCH_KEYS = ("inherit", "periodic")
#: Of a BeginningEle; Twiss functions follow from the ring, and nothing from the place in the building.
BEGIN_KEYS = ("kind", "ReferenceP", "TwissP", "FloorP", "repeat", PROSE_GROUP)
REFERENCE_KEYS = ("species_ref", "E_tot_ref", "pc_ref")
STRUCTURE = ("BeginningEle", "BeamLine", "Lattice", CONTROLLER)
#: Kinds of PALS for which there is nothing here, and why.
NOT_READ = {
    "Girder": "supports are not known; shift the elements by BodyShiftP",
    "Superimpose": "elements stand one after the other; split what is superimposed",
}


class Definitions:
    """The definitions of all files, with their kinds and the items of their lines."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.problems = documents.problems
        self.classes = ELEMENTS
        self.lines: dict[str, list[Item]] = {}
        self.periodic: dict[str, bool] = {}
        self.kinds: dict[str, str] = {}
        self._given: dict[str, Given] = {}
        queue = list(documents.definitions)
        for name in queue:  # grows by what is defined inside lines
            self._read_structure(documents.definitions[name], queue)
        Assignments(documents).write()
        for name in queue:
            self._find_kind(name, [])

    @property
    def _all(self) -> dict[str, Definition]:
        return self.documents.definitions

    def label(self, name: str) -> str:
        """``Quadrupole 'qf1'``, for messages."""
        return f"{self.kinds.get(name) or 'element'} '{name}'"

    # ---- structure

    def _read_structure(self, made: Definition, queue: list[str]) -> None:
        kind = made.body.entries.get("kind")
        word = kind.text if isinstance(kind, Scalar) else ""
        if isinstance(kind, Scalar) and word == "Fork":
            self._read_fork(made, kind)
        if word not in ("BeamLine", "Lattice"):
            return
        label = f"{word} '{made.name}'"
        self.problems.only(made.body.keys, LINE_KEYS if word == "BeamLine" else LATTICE_KEYS, label)
        self.lines[made.name] = []
        rows = made.body.entries.get("line")
        if word == "Lattice" and (rows is None) == ("branches" not in made.body.entries):
            self.problems.add(f"{label} needs either 'branches: [NAME]' or 'line: [...]'", made.key.where)
        elif word == "Lattice" and rows is None:
            rows = made.body.entries["branches"]
            if isinstance(rows, ListNode) and len(rows.items) != 1:
                self.problems.add(f"{label} has {len(rows.items)} branches; one is supported", rows.where)
        elif rows is None:
            self.problems.add(f"{label} needs 'line: [...]'", made.key.where)
        periodic = made.body.entries.get("periodic")
        self._read_periodic(periodic, made.name, label)
        passes = made.body.entries.get("multipass")
        if passes is not None and not (isinstance(passes, Scalar) and isinstance(passes.value, bool)):
            self.problems.add(f"{label}: multipass must be true or false, got {shown(passes)}", passes.where)
        if isinstance(rows, ListNode):
            for item in rows.items:
                if word == "Lattice" and "branches" in made.body.entries:
                    item = self._branch(item, made.name, label)
                self._read_item(item, made.name, label, queue)
        elif rows is not None:
            self.problems.add(f"{label}: the line must be a list of names, got {shown(rows)}", rows.where)

    def _read_fork(self, made: Definition, kind: Scalar) -> None:
        """A Fork is a marker of the line that it leaves; the line that begins there is not built."""
        group = made.body.entries.get("ForkP")
        line = group.entries.get("to_line") if isinstance(group, MapNode) else None
        if not (isinstance(line, Scalar) and line.text):
            self.problems.add(f"Fork '{made.name}' needs ForkP: {{to_line: NAME}}", made.key.where)
        kept = {key: node for key, node in made.body.entries.items() if key != "ForkP"}
        kept["kind"] = replace(kind, value="Marker", text="Marker")
        made.body = replace(made.body, entries=kept, keys={key: made.body.keys[key] for key in kept})

    def _read_periodic(self, node: Node | None, name: str, label: str) -> None:
        if node is None:
            return
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            self.periodic[name] = node.value
        else:
            self.problems.add(f"{label}: periodic must be true or false, got {shown(node)}", node.where)

    def _branch(self, item: Node, lattice: str, label: str) -> Node:
        """The line of a branch: it has the name of the branch, or is what the branch inherits."""
        if not isinstance(item, MapNode) or len(item.entries) != 1:
            return item
        ((name, body),) = item.entries.items()
        if not isinstance(body, MapNode) or "kind" in body.entries or not {"inherit", "periodic"} & set(body.entries):
            return item
        self.problems.only(body.keys, BRANCH_KEYS, f"{label}: branch '{name[:80]}'")
        self._read_periodic(body.entries.get("periodic"), lattice, f"{label}: branch '{name[:80]}'")
        return body.entries.get("inherit", item.keys[name])

    def is_periodic(self, name: str) -> bool | None:
        """Whether a line is said to be a ring: by itself, or by the only line that it holds."""
        seen: set[str] = set()
        while name not in self.periodic and name not in seen and len(self.lines.get(name, ())) == 1:
            seen.add(name)
            name = self.lines[name][0].name
        return self.periodic.get(name)

    def _read_item(self, item: Node, line: str, label: str, queue: list[str]) -> None:
        if isinstance(item, Scalar) and item.text:
            self.lines[line].append(Item(item.text, 1, item.where))
            return
        if not isinstance(item, MapNode) or len(item.entries) != 1:
            message = "an item of a line is a name, '- name: {repeat: n}' or '- name: {kind: ...}'"
            self.problems.add(f"{label}: {message}, got {shown(item)}", item.where)
            return
        ((name, body),) = item.entries.items()
        place = item.keys[name]
        if not isinstance(body, MapNode):
            self.problems.add(f"{label}: '{name[:80]}' must be followed by a mapping, got {shown(body)}", body.where)
            return
        self.lines[line].append(Item(name, self._repeat(body, f"{label}: '{name[:80]}'"), place.where))
        if "kind" in body.entries or "inherit" in body.entries:
            before = len(self._all)
            self.documents.define(place, body)
            if len(self._all) > before:
                queue.append(name)
        elif set(body.entries) - {"repeat"}:
            key = next(k for k in body.entries if k != "repeat")
            hint = (
                "known here is 'repeat'; a new element needs 'kind' or 'inherit'; direction and placement are not read"
            )
            self.problems.add(f"{label}: '{name[:80]}': unknown key '{key[:80]}'; {hint}", body.keys[key].where)

    def _repeat(self, body: MapNode, label: str) -> int:
        node = body.entries.get("repeat")
        if node is None:
            return 1
        number = self.documents.number(node, f"{label}: repeat")
        if number is None:
            return 1
        if not abs(number) <= MAX_ELEMENTS or number != int(number):  # nan and infinities, too
            words = f"{label}: repeat must be a whole number up to {MAX_ELEMENTS}, got {shown(node)}"
            self.problems.add(words, node.where)
            return 1
        return int(number)

    # ---- kinds and inheritance

    def _find_kind(self, name: str, below: list[str]) -> str:
        """Kind of a definition, its own or inherited; "" if it has none (the reason is noted)."""
        if name in self.kinds:
            return self.kinds[name]
        made = self._all[name]
        own, parent = made.body.entries.get("kind"), made.body.entries.get("inherit")
        self.kinds[name] = ""  # known as broken while its parents are looked up
        if own is not None and not (isinstance(own, Scalar) and own.text):
            self.problems.add(f"'{name}': kind must be a word, got {shown(own)}", own.where)
        elif parent is not None:
            self.kinds[name] = self._inherited_kind(made, own, parent, [*below, name])
        elif own is None:
            self.problems.add(f"'{name}' needs a 'kind' or an 'inherit'", made.key.where)
        elif own.text in STRUCTURE or own.text in self.classes:
            self.kinds[name] = own.text
        elif own.text in NOT_READ:
            self.problems.add(f"'{name}': kind {own.text} of PALS: {NOT_READ[own.text]}", own.where)
        else:
            kinds = [*self.classes, *STRUCTURE]
            hint = self.problems.nearest(own.text, kinds) or f" Allowed: {', '.join(kinds)}"
            self.problems.add(f"'{name}': unknown kind '{own.text[:80]}'.{hint}", own.where)
        return self.kinds[name]

    def _inherited_kind(self, made: Definition, own: Scalar | None, parent: Node, chain: list[str]) -> str:
        name = parent.text if isinstance(parent, Scalar) else ""
        if name not in self._all:
            hint = self.problems.nearest(name, self._all)
            self.problems.add(f"'{made.name}': inherit: nothing is named {shown(parent)}.{hint}", parent.where)
            return ""
        if name in chain or len(chain) > 50:
            words = "inherits from itself" if name in chain else "inherits over more than 50 steps"
            self.problems.add(f"'{made.name}' {words}: {' > '.join([*chain, name])[:300]}", parent.where)
            return ""
        kind = self._find_kind(name, chain)
        if kind in STRUCTURE:
            self.problems.add(f"'{made.name}': only elements can be inherited, '{name}' is a {kind}", parent.where)
            return ""
        if own is not None and kind and own.text != kind:
            self.problems.add(f"'{made.name}' is a {own.text[:80]} but inherits from '{name}', a {kind}", own.where)
            return ""
        return kind

    def _keys(self, name: str) -> Given:
        """Parameters of an element, those of its parents included."""
        if name not in self._given:
            made = self._all[name]
            parent = made.body.entries.get("inherit")
            inherited = self._keys(parent.text) if isinstance(parent, Scalar) else {}
            own = given_keys(made.body, self.classes[self.kinds[name]], self.label(name), self.problems)
            self._given[name] = {**inherited, **own}
        return self._given[name]

    # ---- results

    def rows(self) -> dict[str, tuple[str, ...]]:
        """Names of the elements of every line in order; unknown names are noted and left out."""
        known: dict[str, list[Item]] = {}
        for name, items in self.lines.items():
            known[name] = [item for item in items if item.name in self._all]
            for item in items:
                if self.kinds.get(item.name) == CONTROLLER:
                    words = f"{self.label(name)}: '{item.name}' is a Controller, which stands in no line"
                    self.problems.add(words, item.where)
                if item.name not in self._all:
                    hint = self.problems.nearest(item.name, self._all)
                    words = f"{self.label(name)}: nothing is named '{item.name[:80]}'.{hint}"
                    self.problems.add(words, item.where)
        rows, errors = expand(known)
        for error in errors:
            self.problems.note(error)
        return rows

    def reference(self, row: tuple[str, ...]) -> Reference | None:
        """Reference of the BeginningEle at the start of a row of names, or of the only one that is defined."""
        begins = {n: self._read_reference(self._all[n]) for n, kind in self.kinds.items() if kind == "BeginningEle"}
        if row and row[0] in begins:
            return begins[row[0]]
        if len(begins) == 1:
            return next(iter(begins.values()))
        words = "the first element of the line must be one" if begins else "define one"
        self.problems.add(
            f"there {'are several' if begins else 'is no'} BeginningEle, which gives the reference energy; {words}: "
            "- begin: {kind: BeginningEle, ReferenceP: {species_ref: electron, E_tot_ref: 250e6}}",
            self.documents.start,
        )
        return None

    def _read_reference(self, made: Definition) -> Reference | None:
        label = f"BeginningEle '{made.name}'"
        self.problems.only(made.body.keys, BEGIN_KEYS, label)
        group = made.body.entries.get("ReferenceP")
        if not isinstance(group, MapNode):
            where = (group or made.key).where
            self.problems.add(f"{label} needs ReferenceP: {{species_ref: electron, E_tot_ref: ENERGY_IN_EV}}", where)
            return None
        self.problems.only(group.keys, REFERENCE_KEYS, f"{label}: ReferenceP")
        species = group.entries.get("species_ref")
        word = species.text if isinstance(species, Scalar) else "electron"
        if species is not None and (not isinstance(species, Scalar) or word not in SPECIES):
            hint = self.problems.nearest(word, SPECIES)
            words = f"{label}: species_ref must be one of {', '.join(SPECIES)}, got {shown(species)}.{hint}"
            self.problems.add(words, species.where)
            return None
        given = [key for key in ("E_tot_ref", "pc_ref") if key in group.entries]
        if len(given) != 1:
            self.problems.add(f"{label}: ReferenceP needs either E_tot_ref or pc_ref [eV]", group.where)
            return None
        node = group.entries[given[0]]
        number = self.documents.number(node, f"{label}: {given[0]}")
        if number is None:
            return None
        try:
            energy = math.hypot(number, SPECIES[word][0]) if given[0] == "pc_ref" and number > 0 else float(number)
            return Reference(energy=energy, species=word)
        except SsmbError as err:
            self.problems.add(f"{label}: {given[0]}: {err.message}", node.where)
            return None

    def elements(self, ref: Reference | None) -> Mapping[str, Element]:
        """Every element that is defined and sound, by name."""
        out: dict[str, Element] = {}
        for name, kind in self.kinds.items():
            if kind in self.classes:
                given = self._keys(name)
                made = build(name, self.classes[kind], given, self._all[name].key.where, ref, self.documents)
                if made is not None:
                    out[name] = made
                self._repeat(self._all[name].body, self.label(name))
        return out
