"""YAML with places: what is read, what is refused, and where the error points."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from ssmb.errors import ConfigError, LatticeError
from ssmb.store import yaml_text
from ssmb.store.yaml_text import MapNode, load_yaml, place_of, plain_value, read_text, scalar_value

LATTICES = Path(__file__).parents[2] / "lattices"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("true", True), ("False", False),
        ("yes", "yes"), ("on", "on"), ("12", 12), ("-3", -3), ("007", 7), ("0o17", 15), ("0x1F", 31),
        ("1e-3", 1e-3), ("1e6", 1e6), (".5", 0.5), ("3.", 3.0), ("+1.5E+2", 150.0), ("1_000", "1_000"), ("1:30",
        "1:30"),
        ("2024-01-01", "2024-01-01"), ("0.1", 0.1), (".inf", float("inf")), ("-", "-"), ("1e", "1e"), ("9" * 30, 1e30),
    ],
)  # fmt: skip
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    got = scalar_value(text)
    assert got == value
    assert type(got) is type(value)


def test_tree_and_places() -> None:
    text = "# comment\na:\n  - 1\n  - {b: 'x y', c: [true, ~]}\nd: &k {e: 2}\nf: *k\n"
    tree = load_yaml(text, "t.yaml")
    assert plain_value(tree) == {"a": [1, {"b": "x y", "c": [True, None]}], "d": {"e": 2}, "f": {"e": 2}}
    assert str(place_of(tree, ("a", 1, "b"))) == "t.yaml:4:9"
    assert str(place_of(tree, ("a", 1, "c", 1))) == "t.yaml:4:26"
    assert str(place_of(tree, ("a", 7))) == "t.yaml:3:3"
    assert isinstance(tree, MapNode)
    assert str(tree.keys["d"].where) == "t.yaml:5:1"


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 1\na: 2", "2:1", "key 'a' stands twice"),
        ("{a: 1, a: 2}", "1:8", "key 'a' stands twice"),
        ("a: !!python/object/apply:os.system [x]", "1:4", "tags"),
        ("!!str a: 1", "1:1", "tags"),
        ("a: [1, 2", "1:9", "not valid YAML"),
        ("a: b: c", "1:5", "not valid YAML"),
        ("\ta: 1", "1:1", "not valid YAML"),
        ("a: 'x", "1:6", "not valid YAML"),
        ("a: *b", "1:4", "alias *b"),
        ("a: &b [*b]", "1:8", "alias *b"),
        ("", "1:1", "empty"),
        ("# only this\n", "2:1", "empty"),
        ("a: 1\n---\nb: 2", "2:1", "second document"),
        ("%YAML 1.1\n---\na: 1", "2:1", "YAML 1.2"),
        ("%TAG ! !x\n---\na: 1", "2:1", "%TAG"),
        ("a: 1\nb: \x07", "2:4", "control character 0x07"),
        ("a: 1\n\x00", "2:1", "control character 0x00"),
        ('a: "\\ud800"', "1:4", "escape"),
        ('a: "\\0"', "1:4", "escape"),
        ("? [1]\n: 2", "1:3", "a key must be a word"),
        ("[" * 500, "1:34", "nested more than 32"),
        ("a: " + "x" * 10_001, "1:4", "10001 characters"),
    ],
)  # fmt: skip
def test_refusals_name_line_and_column(text: str, place: str, words: str) -> None:
    with pytest.raises(LatticeError) as caught:
        load_yaml(text, "t.yaml")
    assert str(caught.value).startswith(f"t.yaml:{place}: ")
    assert words in str(caught.value)


def test_alias_bomb_is_counted_and_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_text, "MAX_NODES", 1000)
    levels = "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9))
    with pytest.raises(LatticeError, match="more than 1000 values"):
        load_yaml("a0: &a0 [1, 1]\n" + levels, "t.yaml")


def test_error_class_can_be_chosen() -> None:
    with pytest.raises(ConfigError):
        load_yaml("a: [", "r.run.yaml", error=ConfigError)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(LatticeError, match="no such file"):
        read_text(tmp_path / "none.yaml")
    with pytest.raises(LatticeError, match="not a regular file"):
        read_text(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LatticeError, match="not a regular file"):
        read_text(tmp_path / "pipe")
    with pytest.raises(LatticeError, match="not a path"):
        read_text("a\0b")
    (tmp_path / "bytes.yaml").write_bytes(b"a: 1\nb: \xff\xfe")
    with pytest.raises(LatticeError, match=r"bytes.yaml:2:4: byte 0xff"):
        read_text(tmp_path / "bytes.yaml")
    with open(tmp_path / "large.yaml", "wb") as file:
        file.truncate(yaml_text.MAX_BYTES + 1)
    with pytest.raises(LatticeError, match="more than the"):
        read_text(tmp_path / "large.yaml")


def test_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert plain_value(load_yaml(read_text(tmp_path / "a.yaml"), "a")) == {"a": 1, "b": 2}


# ---- libyaml reads what ruamel.yaml reads: the same tree, or nothing

ODD = (
    "a: {b: c, d: [1,2, {e: f}]}\n", "- a\n- b: 1\n  c: x\n", "a: &x {b: 1}\nc: *x\n", "? a\n: b\n", "{a: 1, b}\n",
    "[a: 1, b]\n", "'a': \"b\"\n", "a: b: c\n", "---\na: 1\n...\n", "a: 1\n...\n\n...", "a: 'it''s'\n",
    "a: 'x\n  y'\n", "{a: , b: ~}\n", "# c\n\na: 1 # d\nb: x#y\n", "a: x\n  y\n  z\n", "{url: http://x, t: 1:2}\n",
    "[a?b, ?c]\n", "a: -\n", "- -1\n- - 2\n", '{"a":1}\n', "{a:1}\n", "a: |2\n   x\n  y\n", ">#,  ", "a: &-?.5",
    "a: [1,\n2]\n", "a: µm – x\nb: 𝛼 1\n", "a: ", "a:\tb\n", "%YAML 1.1\n---\na: 1\n", "a: !!int 1\n", "a: \"\\x41\"\n",
    "a:\r\n- 1\r\n", "a: 1\x85b: 2\n", "a: 1\u2028b: 2\n", "\ufeffa: 1\n", "\na: 1\ufeff", "- : 1\n", "a: 1\na : 2\n",
)  # fmt: skip


def _told(node: yaml_text.Node) -> object:
    """All that a tree says."""
    inner: object = None
    if isinstance(node, MapNode):
        inner = [(_told(node.keys[key]), _told(value)) for key, value in node.entries.items()]
    elif isinstance(node, yaml_text.ListNode):
        inner = [_told(item) for item in node.items]
    elif isinstance(node, yaml_text.Scalar):
        inner = repr(node.value), node.text, node.plain, node.one_line
    return type(node).__name__, node.line, node.column, node.size, inner


def _slowly(text: str) -> object:
    composer = yaml_text._Composer("t.yaml", LatticeError)
    try:
        return _told(composer.document(composer.events(text)))
    except LatticeError as error:
        return str(error)


def _mutated(text: str, rng: random.Random) -> str:
    letters = list(text)
    for _ in range(rng.randint(0, 3)):
        at = rng.randint(0, len(letters))
        if letters and rng.random() < 0.4:
            del letters[min(at, len(letters) - 1)]
        else:
            letters.insert(at, rng.choice("abc019 :,-?#&*|>'\"{}[]\n\n  .@`%~=<µ\u2013"))
    return "".join(letters)


def test_libyaml_reads_the_same_tree_or_leaves_it_to_the_other() -> None:
    """Odd texts and pieces of the shipped files, as they are and changed at random."""
    rng = random.Random(1)
    shipped = [path.read_text(encoding="utf-8") for path in sorted(LATTICES.glob("*.yaml"))]
    quick = 0
    for _ in range(1500):
        lines = rng.choice(shipped).split("\n")
        first = rng.randint(0, max(0, len(lines) - 8))
        text = _mutated(rng.choice(ODD) if rng.random() < 0.7 else "\n".join(lines[first : first + 8]), rng)
        tree = None if yaml_text._FORBIDDEN.search(text) else yaml_text._quick_tree(text, "t.yaml")
        if tree is not None:
            quick += 1
            assert _told(tree) == _slowly(text), text
    assert quick > 300


def test_shipped_files_are_read_by_libyaml() -> None:
    for path in sorted(LATTICES.glob("*.yaml")):
        assert yaml_text._quick_tree(path.read_text(encoding="utf-8"), path.name) is not None, path.name


def test_without_libyaml_the_same_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml

    text = (LATTICES / "mls.pals.yaml").read_text(encoding="utf-8")
    quick = load_yaml(text, "t.yaml")
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert yaml_text._quick_tree(text, "t.yaml") is None
    assert _told(load_yaml(text, "t.yaml")) == _told(quick)
