"""Data of other programs in a file: the labels that it registers, and what they mark, which is read past."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ssmb.elements.base import ELEMENTS
from ssmb.lattice.problems import Problems
from ssmb.store.yaml_text import ListNode, MapNode, Node, Scalar


@dataclass
class Extensions:
    """Names, prefixes and suffixes of keys that belong to other programs."""

    labels: dict[str, list[str]] = field(default_factory=lambda: {"names": [], "prefixes": [], "suffixes": []})

    def has(self, word: str) -> bool:
        """Whether a key is a registered label."""
        return (
            word in self.labels["names"]
            or word.startswith(tuple(self.labels["prefixes"]))
            or word.endswith(tuple(self.labels["suffixes"]))
        )

    def without(self, body: MapNode) -> MapNode:
        """Return a mapping without the keys of other programs."""
        if not any(self.has(key) for key in body.entries):
            return body
        kept = {key: value for key, value in body.entries.items() if not self.has(key)}
        return replace(body, entries=kept, keys={key: body.keys[key] for key in kept})

    def are_all_of(self, body: MapNode) -> bool:
        """Whether a definition is data of another program: it says so, or its kind or all its keys are labels."""
        keys = set(body.entries)
        return "extension" in keys or self.has(kind_of(body)) or bool(keys) and all(map(self.has, keys))

    def read(self, node: Node, problems: Problems, known: Iterable[str]) -> None:
        """Add the labels of a file, or note why not; they must not hide what is read, such as the keys `known`."""
        if not isinstance(node, MapNode):
            words = f"'extension_labels' must be a mapping with the keys {', '.join(self.labels)}"
            problems.add(f"{words}, got {shown(node)}", node.where)
            return
        problems.only(node.keys, tuple(self.labels), "'extension_labels'")
        for key, labels in node.entries.items():
            items = labels.items if isinstance(labels, ListNode) else []
            named = list(labels.entries) if isinstance(labels, MapNode) else []
            words = named or [i.text for i in items if isinstance(i, Scalar)]
            if key not in self.labels:
                continue
            if not words or "" in words:
                problems.add(f"'extension_labels': {key} must be 'label: words', got {shown(labels)}", labels.where)
            else:
                self._register(key, words, labels, problems, known)

    def _register(self, key: str, words: list[str], node: Node, problems: Problems, known: Iterable[str]) -> None:
        """Add labels of other programs; those of this one (SSMB_) are read."""
        mine = {info.key.split(".")[0] for cls in ELEMENTS.values() for info in cls.parameters.values()}
        mine |= {"kind", "inherit", "repeat", "line", "branches", "periodic", *known, *ELEMENTS}
        for word in words:
            hidden = sorted(w for w in mine if word == w or key == "prefixes" and w.startswith(word)
                            or key == "suffixes" and w.endswith(word))  # fmt: skip
            if word.startswith("SSMB_"):
                continue
            if hidden:
                problems.add(f"'extension_labels': {key}: '{word[:80]}' would hide '{hidden[0]}'", node.where)
            else:
                self.labels[key].append(word)


def kind_of(body: MapNode) -> str:
    """Return the kind that a definition states, or ""."""
    kind = body.entries.get("kind")
    return kind.text if isinstance(kind, Scalar) else ""


def shown(node: Node) -> str:
    """Return a short text for messages: what stands in the file, or what kind of thing it is."""
    if isinstance(node, Scalar):
        return repr(node.text if len(node.text) <= 80 else node.text[:77] + "...")
    return "a mapping" if isinstance(node, MapNode) else "a list"
