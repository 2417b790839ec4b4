"""YAML 1.2 text as a tree of nodes that know their line and column; nothing in a file can run or make an object.

ruamel.yaml (pure Python) splits the text into events; the tree is built here, so that duplicate keys, tags, nesting and
alias bombs are refused while reading, and scalars follow the YAML 1.2 core schema (``yes``, ``on`` are plain text).
libyaml, six times as quick, reads what means the same in its YAML 1.1; what it does not take, ruamel.yaml reads again,
so that all messages come from one place.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ssmb.errors import LatticeError, SsmbError, Where

#: Largest file [bytes]. Reading takes about 7 us per byte.
MAX_BYTES = 1_000_000
#: Deepest nesting of lists and mappings.
MAX_DEPTH = 32
#: Most values of one file (about 40 us each), and most when what aliases repeat is counted.
MAX_WRITTEN = 100_000
MAX_NODES = 500_000
_MAX_TEXT = 10_000

_SIMPLE = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_SIMPLE |= {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_BASED = re.compile(r"0o[0-7]{1,20}|0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = {f"{sign}.{word}": f"{sign}{word.lower()}" for sign in ("", "+", "-") for word in ("inf", "Inf", "INF")}
_SPECIAL |= {".nan": "nan", ".NaN": "nan", ".NAN": "nan"}
_FORBIDDEN = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

#: Where libyaml may read in another way: tabs, line ends, escapes, tags, directives, the end of a document.
_ONLY_SLOWLY = re.compile("[\t\r\\\\!\x85\u2028\u2029\ufeff]|^(%|[.]{3})", re.MULTILINE)

#: What the parser raises where it stumbles over garbage instead of naming it.
_STUMBLES = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


@dataclass(slots=True, eq=False)
class Node:
    """A value and where it stands; `line` and `column` count from 1."""

    file: str
    line: int
    column: int

    @property
    def where(self) -> Where:
        """The place for messages."""
        return Where(self.file, self.line, self.column)

    @property
    def size(self) -> int:
        """Number of nodes in it, itself included."""
        return 1


@dataclass(slots=True, eq=False)
class Scalar(Node):
    """None, True, False, an int, a float or a text; `text` is what the file says, `plain` that it is not quoted."""

    value: None | bool | int | float | str
    text: str
    plain: bool
    one_line: bool


@dataclass(slots=True, eq=False)
class ListNode(Node):
    """A YAML sequence."""

    items: list[Node] = field(default_factory=list)
    nodes: int = 1

    @property
    def size(self) -> int:
        return self.nodes


@dataclass(slots=True, eq=False)
class MapNode(Node):
    """A YAML mapping; `keys` holds the place of each key, `entries` its value, both by the key's text."""

    keys: dict[str, Scalar] = field(default_factory=dict)
    entries: dict[str, Node] = field(default_factory=dict)
    nodes: int = 1

    @property
    def size(self) -> int:
        return self.nodes


def read_text(path: str | os.PathLike[str], *, error: type[SsmbError] = LatticeError) -> str:
    """Return the text of a regular UTF-8 file of at most :data:`MAX_BYTES`.

    Raises
    ------
    SsmbError
        (of class `error`) if it is not such a file or cannot be read.
    """
    shown = os.fspath(path)
    place = Where(shown)
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise error("is not a regular file; give the path of a YAML file", place)
        if status.st_size > MAX_BYTES:
            raise error(f"has {status.st_size} bytes, more than the {MAX_BYTES} that are read; split it", place)
        raw = Path(path).read_bytes()[: MAX_BYTES + 1]
    except FileNotFoundError:
        raise error("there is no such file", place) from None
    except OSError as err:
        raise error(f"cannot be read: {err.strerror or err}", place) from None
    except ValueError:  # a NUL in the path
        raise error("is not a path", Where(repr(shown))) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        before = raw[: err.start]
        line = before.count(b"\n") + 1
        column = err.start - (before.rfind(b"\n") + 1) + 1
        raise error(f"byte 0x{raw[err.start]:02x} is not UTF-8 text", Where(shown, line, column)) from None


def load_yaml(text: str, file: str, *, error: type[SsmbError] = LatticeError) -> Node:
    """Return the tree of a YAML text with one document.

    Parameters
    ----------
    text : what the file holds.
    file : name of the file, for messages.
    error : class of the error to raise.

    Raises
    ------
    SsmbError
        (of class `error`), with line and column, if the text is not YAML 1.2, has a duplicate key, a tag, more than one
        document, control characters, or passes the limits of this module.

    Examples
    --------
    >>> tree = load_yaml("q1: {length: 0.25}", "a.yaml")
    >>> str(tree.entries["q1"].entries["length"].where)
    'a.yaml:1:14'
    """
    if len(text) > MAX_BYTES:
        raise error(f"the text has {len(text)} characters, more than the {MAX_BYTES} that are read", Where(file, 1, 1))
    bad = _FORBIDDEN.search(text)
    if bad is not None:
        raise error(f"control character 0x{ord(bad[0]):02x}: this is not a text file", _place(text, bad.start(), file))
    tree = _quick_tree(text, file)
    if tree is None:
        composer = _Composer(file, error)
        tree = composer.document(composer.events(text))
    return tree


def _quick_tree(text: str, file: str) -> Node | None:
    """The tree by libyaml, or None where it is not there, does not read the text, or may read it in another way."""
    if _ONLY_SLOWLY.search(text):
        return None
    try:
        import yaml

        events = yaml.parse(text, yaml.CSafeLoader)
    except (ImportError, AttributeError):  # no PyYAML, or one without libyaml
        return None
    try:
        composer = _Composer(file, SsmbError)
        return composer.document(composer.placed(_surely_the_same(events)))
    except (SsmbError, yaml.YAMLError, *_STUMBLES):
        return None


def _surely_the_same(events: Iterator[Any]) -> Iterator[Any]:
    """Events of libyaml without those that ruamel.yaml may place or name in another way."""
    for event in events:
        if getattr(event, "anchor", None) is not None or not getattr(event, "value", "a"):
            raise ValueError("an anchor, or nothing where a value may stand")
        if getattr(event, "style", None) in ("|", ">"):
            raise ValueError("a block of text")
        yield event


def _place(text: str, index: int, file: str) -> Where:
    return Where(file, text.count("\n", 0, index) + 1, index - (text.rfind("\n", 0, index) + 1) + 1)


def scalar_value(text: str) -> None | bool | int | float | str:
    """Return the value of an unquoted scalar by the YAML 1.2 core schema.

    >>> scalar_value("1e-3"), scalar_value("0x10"), scalar_value("yes"), scalar_value("~")
    (0.001, 16, 'yes', None)
    """
    if text in _SIMPLE:
        return _SIMPLE[text]
    if text[0] not in "+-.0123456789" or len(text) > 400:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return float(_SPECIAL[text]) if text in _SPECIAL else text


class _Composer:
    """Builds the tree from events and keeps count."""

    def __init__(self, file: str, error: type[SsmbError]) -> None:
        self.file, self.error = file, error
        self.anchors: dict[str, Node] = {}
        self.nodes = self.written = 0
        self.line, self.column = 1, 1

    def document(self, events: Iterator[Any]) -> Node:
        next(events)  # start of the stream
        if (root := next(events)).__class__.__name__ == "StreamEndEvent":
            raise self._refusal("the file is empty")
        if root.version is not None and tuple(root.version) != (1, 2):
            raise self._refusal("only YAML 1.2 is read; leave the %YAML line out")
        if root.tags:
            raise self._refusal("%TAG directives are not allowed")
        tree = self._node(next(events), events, 0)
        next(events)  # end of the document
        if next(events).__class__.__name__ != "StreamEndEvent":
            raise self._refusal("a second document begins here; a file holds one")
        return tree

    def _refusal(self, message: str) -> SsmbError:
        return self.error(message, Where(self.file, self.line, self.column))

    def placed(self, events: Iterator[Any]) -> Iterator[Any]:
        """Events, each with its place kept for messages."""
        for event in events:
            mark = event.start_mark
            self.line, self.column = mark.line + 1, mark.column + 1
            yield event

    def events(self, text: str) -> Iterator[Any]:
        """Events of ruamel.yaml, with what is wrong in a text said in its words."""
        from ruamel.yaml import YAML, YAMLError  # ~40 ms to import

        try:
            yield from self.placed(YAML(typ="safe", pure=True).parse(text))
        except SsmbError:
            raise
        except YAMLError as err:
            mark = getattr(err, "problem_mark", None) or getattr(err, "context_mark", None)
            if mark is not None:
                self.line, self.column = mark.line + 1, mark.column + 1
            parts = [getattr(err, "context", None), getattr(err, "problem", None)]
            words = ", ".join(" ".join(str(p).split()) for p in parts if p)[:300]
            raise self._refusal(f"not valid YAML: {words or err.__class__.__name__}") from None
        except _STUMBLES as err:
            raise self._refusal(f"not valid YAML ({err.__class__.__name__} after this place)") from None

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        kind = event.__class__.__name__
        if kind == "AliasEvent":
            return self._alias(event)
        if depth > MAX_DEPTH:
            raise self._refusal(f"nested more than {MAX_DEPTH} levels deep")
        self._count(1, written=True)
        if event.tag is not None:
            raise self._refusal("tags (!...) are not allowed; a file holds only numbers, texts, lists and mappings")
        if kind == "ScalarEvent":
            node = self._scalar(event)
        elif kind == "SequenceStartEvent":
            node = self._list(events, depth)
        else:
            node = self._map(events, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _count(self, more: int, *, written: bool = False) -> None:
        self.nodes += more
        self.written += written
        if self.written > MAX_WRITTEN:
            raise self._refusal(f"more than {MAX_WRITTEN} values; the file is too large")
        if self.nodes > MAX_NODES:
            raise self._refusal(f"more than {MAX_NODES} values, repeats by * counted; the file is too large")

    def _alias(self, event: Any) -> Node:
        node = self.anchors.get(event.anchor)
        if node is None:
            raise self._refusal(f"alias *{str(event.anchor)[:60]} has no complete anchor & before it")
        self._count(node.size)
        return node

    def _scalar(self, event: Any) -> Scalar:
        text = event.value
        if len(text) > _MAX_TEXT:
            raise self._refusal(f"a text of {len(text)} characters; at most {_MAX_TEXT} are read")
        plain = not event.style
        if event.style == '"' and _FORBIDDEN.search(text):
            raise self._refusal("an escape in this text makes a control character")
        value = scalar_value(text) if plain else text
        one_line = event.start_mark.line == event.end_mark.line
        return Scalar(self.file, self.line, self.column, value, text, plain, one_line)

    def _list(self, events: Iterator[Any], depth: int) -> ListNode:
        node = ListNode(self.file, self.line, self.column)
        while (event := next(events)).__class__.__name__ != "SequenceEndEvent":
            item = self._node(event, events, depth + 1)
            node.items.append(item)
            node.nodes += item.size
        return node

    def _map(self, events: Iterator[Any], depth: int) -> MapNode:
        node = MapNode(self.file, self.line, self.column)
        while (event := next(events)).__class__.__name__ != "MappingEndEvent":
            key = self._node(event, events, depth + 1)
            if not isinstance(key, Scalar) or not key.text:
                raise self.error("a key must be a word", key.where)
            if key.text in node.keys:
                first = node.keys[key.text].where
                raise self.error(
                    f"key '{key.text[:80]}' stands twice in this mapping, first in line {first.line}", key.where
                )
            value = self._node(next(events), events, depth + 1)
            node.keys[key.text] = key
            node.entries[key.text] = value
            node.nodes += 1 + value.size
        return node


def plain_value(node: Node) -> Any:
    """Return the tree as dicts, lists and scalars (for validation by a model class).

    >>> plain_value(load_yaml("{turns: 3, at: [1.5, U125]}", "x"))
    {'turns': 3, 'at': [1.5, 'U125']}
    """
    if isinstance(node, MapNode):
        return {key: plain_value(value) for key, value in node.entries.items()}
    if isinstance(node, ListNode):
        return [plain_value(item) for item in node.items]
    return node.value if isinstance(node, Scalar) else None


def place_of(node: Node, path: Sequence[str | int]) -> Where:
    """Return where the entry at a path of keys and list positions stands, or the last part of the path that exists.

    >>> str(place_of(load_yaml("track: {turns: x}", "r.yaml"), ("track", "turns")))
    'r.yaml:1:16'
    """
    for step in path:
        if isinstance(node, MapNode) and str(step) in node.entries:
            node = node.entries[str(step)]
        elif isinstance(node, ListNode) and isinstance(step, int) and -len(node.items) <= step < len(node.items):
            node = node.items[step]
        else:
            break
    return node.where
