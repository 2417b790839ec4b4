"""YAML with places: what is read, what is refused, and where the error points."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ssmb.errors import ConfigError, LatticeError
from ssmb.store import yaml_text
from ssmb.store.yaml_text import MapNode, load_yaml, place_of, plain_value, read_text, scalar_value


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
