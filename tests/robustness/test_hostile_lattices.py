"""Broken and hostile lattice files: a lattice or an SsmbError with file:line:column, soon, and nothing is executed.

The suite reads 2000 mutated files and 600 made by hypothesis. Many more, for instance ten thousand mutated ones:

    SSMB_FUZZ=10000 pytest tests/robustness/test_hostile_lattices.py
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssmb.errors import LatticeError, SeveralErrors, SsmbError, Where
from ssmb.lattice import Lattice, load_lattice
from ssmb.lattice.expressions import evaluate

MUTATED = int(os.environ.get("SSMB_FUZZ", "2000"))
PARTS = 4
#: Longest time for one file [s]: of the processor, and, on a machine that is busy with other things, by the clock.
PATIENCE = 2.0
PATIENCE_BY_CLOCK = 20.0

SEEDS = [
    """PALS:
  version: null
  constants: {l: 0.5, k: 2*l + sqrt(4)}
  facility:
    - begin: {kind: BeginningEle, ReferenceP: {species_ref: electron, E_tot_ref: 250e6}}
    - d: {kind: Drift, length: l}
    - qf: {kind: Quadrupole, length: 0.2, MagneticMultipoleP: {Kn1: k, Ks1: -1e-3}}
    - qd: {inherit: qf, MagneticMultipoleP: {Kn1: -k}}
    - cell: {kind: BeamLine, line: [qf, d, qd, d], length: 1.4}
    - ring: {kind: BeamLine, line: [begin, cell: {repeat: 2}, cell: {repeat: -1}]}
    - use: ring
""",
    """PALS:
  facility:
  - begin:
      kind: BeginningEle
      ReferenceP:
        pc_ref: 628.999e6
  - b1:
      kind: Bend
      length: 1.2
      BendP:
        angle_ref: pi/4   # half of a quarter
        e1: 0.1
        e2: -0.1
      ApertureP: {x_limits: [-0.03, 0.03], shape: ELLIPTICAL}
  - ring:
      kind: BeamLine
      line:
      - begin
      - b1
      - m: {kind: Marker}
      - b2:
          inherit: b1
          BodyShiftP: &shift {x_offset: 1e-4, z_rot: 0.001}
      - b3: {inherit: b2, BodyShiftP: *shift}
  - machine: {kind: Lattice, branches: [ring], periodic: true}
  - use: machine
""",
    """{"PALS": {"facility": [
 {"begin": {"kind": "BeginningEle", "ReferenceP": {"species_ref": "electron", "E_tot_ref": 1e9}}},
 {"cav": {"kind": "RFCavity", "length": 0.3, "RFP": {"voltage": "5e5*1", "frequency": 5e8, "zero_phase": "ACCELERATING"}}},
 {"m": {"kind": "Multipole", "MagneticMultipoleP": {"Kn2L": 3.0, "Kn5L": 1e5}}},
 {"all": {"kind": "BeamLine", "line": ["cav", {"m": {"repeat": 3}}]}}], "use": "all"}}
""",
    """PALS:
  facility:
  - include: part.yaml
  - ring: {kind: BeamLine, line: [begin, d, d]}
  - use: ring
""",
]

#: Pieces that mutation writes into the text. What they try to run would leave the file `pwned` behind.
HOSTILE = [
    "!!python/object/apply:os.system ['touch "
    "pwned']", "!!python/name:os.system", "!<tag:yaml.org,2002:str>", "!!binary aGk=",
    "__import__('os').system('touch pwned')", "().__class__.__bases__[0].__subclasses__()", "open('pwned','w')",
    "eval('1')", "exec(\"open('pwned','w')\")", "${HOME}", "`touch pwned`", "$(touch pwned)", "{{7*7}}", "%s%n",
    "lambda: 0",
    "9**9**9**9", "1e999", "-1e999", "1/0", "0x" + "f" * 40, "9" * 5000, "1e-400", ".nan", ".inf", "-.inf", "(" * 400,
    "-" * 1200,
    "&a", "*a", "&a [*a]", "<<: *a", "? ", "? [a]: b", "- - - -", "[" * 200, "{" * 200, "]", "}", ":", ": ", "\t",
    "\r", "\n",
    "|", ">", "|9", "'", '"', '"\\x00"', '"\\ud800"', '"\\U00110000"', "#", "%YAML 1.1\n---\n", "%TAG ! x\n", "---\n",
    "...\n",
    "~", "null", "true", "[]", "{}", "''", "\x00", "\x1b", "\ufeff", "\u2028", "\x85", "\U0001f4a9", "\u0661", "\u202e",
    "include: "
    "../x.yaml", "include: /etc/passwd", "include: part.yaml", "include: main.pals.yaml", "use: ring", "use: cell",
    "repeat: 99999999999", "repeat: -100000", "repeat: 1e300", "kind: Drift", "kind: BeamLine", "kind: BeginningEle",
    "inherit: b1",
    "inherit: "
    "qf", "length: -1", "length: 1e300", "line: [ring]", "d#2", "qf#1", "a" * 300, "constants: {pi: 3}", "- cell",
]  # fmt: skip

VALUES = [
    "0",
    "-1",
    "1e3",
    "3",
    "0.1",
    "1e300",
    "l",
    "k/l",
    "true",
    "null",
    "[1, 2]",
    "{a: 1}",
    "d",
    "ring",
    "x",
    "1/3",
    "Drift",
]
_WORD = re.compile(rb"[A-Za-z_0-9.+-]+")

_watched: list[tuple[str, Any]] | None = None
_ALWAYS_BAD = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess", "exec", "socket", "pty", "os.remove")


def _audit(event: str, arguments: tuple) -> None:
    """Note everything that a reader of files has no business with."""
    if _watched is None:
        return
    if event.startswith(_ALWAYS_BAD) or (event == "open" and isinstance(arguments[0], str)):
        _watched.append((event, arguments[0] if arguments else None))


sys.addaudithook(_audit)


@contextlib.contextmanager
def watched(folder: Path) -> Iterator[None]:
    """Fail if anything is executed, or a file outside of the folder is opened."""
    global _watched
    _watched = []
    try:
        yield
    finally:
        seen, _watched = _watched, None
    bad = [(e, a) for e, a in seen if e != "open" or not os.path.realpath(a).startswith(f"{folder}{os.sep}")]
    assert not bad, bad[:5]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "lattices"
    folder.mkdir()
    (tmp_path / "x.yaml").write_text("secret: 1\n")
    (folder / "part.yaml").write_text(
        "PALS:\n  facility:\n  - begin: {kind: BeginningEle, ReferenceP: {E_tot_ref: 1e9}}\n  - d: {kind: Drift, "
        "length: 1}\n"
    )
    monkeypatch.chdir(folder)
    for text in SEEDS:  # imports are done before the watch begins
        (folder / "main.pals.yaml").write_text(text)
        assert isinstance(load_lattice(folder / "main.pals.yaml"), Lattice)
    return folder


def assert_placed(error: SsmbError) -> None:
    """Every error names file, line and column, in words that can be printed."""
    for single in error.errors if isinstance(error, SeveralErrors) else (error,):
        assert isinstance(single, LatticeError)
        where = single.where
        assert where is not None, str(single)
        assert where.file, str(single)
        assert min(where.line, where.column) >= 1, str(single)
        assert 10 < len(str(single).encode()) < 2000, str(single)
        assert "\n" not in str(single), str(single)


def read(path: Path) -> bool:
    """Load a file as a user would; return whether it is a lattice."""
    start, clock = time.process_time(), time.perf_counter()
    try:
        assert isinstance(load_lattice(path), Lattice)
        return True
    except SsmbError as err:
        assert_placed(err)
        return False
    finally:
        assert time.process_time() - start < PATIENCE, path.read_bytes()[:500]
        assert time.perf_counter() - clock < PATIENCE_BY_CLOCK, path.read_bytes()[:500]


def mutated(rng: random.Random, text: str) -> bytes:
    """One to four random changes of a text: hostile pieces, moved and copied parts, changed bytes."""
    raw = bytearray(text.encode())
    for _ in range(rng.choice((1, 1, 2, 4))):
        i = rng.randrange(len(raw) + 1)
        j = min(len(raw), i + rng.choice((1, 1, 3, 10, 40)))
        what = rng.randrange(13)
        if what == 0:
            raw[i:i] = rng.choice(HOSTILE).encode("utf-8", "surrogatepass")
        elif what == 1:  # replace the rest of a value
            end = next((k for k in range(i, len(raw)) if raw[k] in b",}]\n"), len(raw))
            raw[i:end] = rng.choice(HOSTILE).encode("utf-8", "surrogatepass")
        elif what == 2:
            del raw[i:j]
        elif what == 3:
            raw[i:i] = raw[rng.randrange(len(raw)) :][: rng.randrange(1, 80)]
        elif what == 4 and i < len(raw):
            raw[i] = rng.randrange(256)
        elif what == 5 and i < len(raw):
            raw[i] = rng.choice(b"[]{}:,-#&*!|>'\"%@`?\n \t0")
        elif what == 6:
            lines = raw.split(b"\n")
            rng.shuffle(lines)
            raw = bytearray(b"\n".join(lines))
        elif what == 7:
            raw[i:j] = bytes(rng.randrange(256) for _ in range(rng.randrange(4)))
        else:  # the file stays well formed: a word or number becomes another one
            words = list(_WORD.finditer(raw))
            if words:
                word, other = rng.choice(words), rng.choice(words)[0] if what < 11 else rng.choice(VALUES).encode()
                raw[word.start() : word.end()] = other
        if not raw:
            raw += b" "
    return bytes(raw)


@pytest.mark.parametrize("part", range(PARTS))
def test_mutated_files(folder: Path, part: int) -> None:
    rng = random.Random(part)
    path = folder / "main.pals.yaml"
    sound = 0
    with watched(folder):
        for i in range(MUTATED // PARTS):
            path.write_bytes(mutated(rng, SEEDS[i % len(SEEDS)]))
            sound += read(path)
    print(f"\nchanged files: {MUTATED // PARTS}")
    assert sorted(os.listdir(folder)) == ["main.pals.yaml", "part.yaml"]
    assert 0.005 < sound / (MUTATED // PARTS) < 0.8  # the mutations are neither all harmless nor all fatal


_words = st.sampled_from(
    [
        "PALS",
        "facility",
        "kind",
        "line",
        "use",
        "include",
        "constants",
        "inherit",
        "repeat",
        "length",
        "Drift",
        "Bend",
        "BeamLine",
    ]
    + [
        "Quadrupole",
        "MagneticMultipoleP",
        "Kn1",
        "BendP",
        "ApertureP",
        "x_limits",
        "shape",
        "Lattice",
        "branches",
        "ReferenceP",
    ]
    + [
        "E_tot_ref",
        "BeginningEle",
        "periodic",
        "a",
        "b",
        "c",
        "begin",
        "1e9",
        "a/0",
        "2*b",
        "part.yaml",
        "../x.yaml",
        "d#1",
    ]
)
_scalars = st.one_of(_words, st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(), st.text(max_size=6))
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_words, inner, max_size=4),
    max_leaves=12,
)
_names = st.sampled_from(["a", "b", "c", "begin", "use", "include", "constants"])
_entries = st.dictionaries(_names, st.dictionaries(_words, _values, max_size=4) | _values, min_size=1, max_size=1)
_documents = st.fixed_dictionaries(
    {"facility": st.lists(_entries, max_size=5) | _values, "use": _words}, optional={"constants": _values}
)
_quick = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)


@_quick
@given(document=_documents)
def test_well_formed_files_of_wrong_content(folder: Path, document: Any) -> None:
    path = folder / "main.pals.yaml"
    path.write_text(json.dumps({"PALS": document}).replace("NaN", ".nan").replace("Infinity", ".inf"))
    read(path)


@_quick
@given(text=st.text(alphabet="abPALS:-{}[]&*!'\"\n #|>,?%0\t", max_size=60))
def test_texts_of_yaml_signs(folder: Path, text: str) -> None:
    path = folder / "main.pals.yaml"
    path.write_text(text)
    read(path)


@_quick
@given(text=st.text(alphabet="0123456789.eE+-*/()ab, pisqrt", max_size=30) | st.text(max_size=20))
def test_expressions_of_any_text(text: str) -> None:
    try:
        value = evaluate(text, {"a": 2.0, "b": 0.0}, Where("f", 1, 1))
        assert isinstance(value, float)
        assert abs(value) < float("inf")
    except LatticeError as err:
        assert_placed(err)


@pytest.mark.parametrize("seed", SEEDS[:1])
@pytest.mark.parametrize("text", HOSTILE)
def test_each_hostile_piece_as_a_value(folder: Path, seed: str, text: str) -> None:
    path = folder / "main.pals.yaml"
    for value in (text, json.dumps(text, ensure_ascii=True), f"[{text}]", f"{{{text}}}"):
        path.write_bytes(seed.replace("length: l}", f"length: {value}}}").encode("utf-8", "surrogatepass"))
        with watched(folder):
            read(path)
    assert not (folder / "pwned").exists()


def _bomb(levels: int, width: int, leaf: str) -> str:
    rows = [f"  - a0: &a0 {leaf}"]
    rows += [f"  - a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]" for i in range(1, levels)]
    return "PALS:\n  facility:\n" + "\n".join(rows) + "\n"


_HEAD = SEEDS[0].replace("    - use: ring\n", "")
BOMBS = {
    "aliases": _bomb(30, 10, "[1, 1, 1]"),
    "wide aliases": _bomb(4, 3000, "[1, 1, 1]"),
    "repeats": _HEAD
    + "".join(f"    - r{i + 1}: {{kind: BeamLine, line: [r{i}: {{repeat: 99999}}]}}\n" for i in range(1, 40))
    + "    - r1: {kind: BeamLine, line: [d]}\n    - use: r40\n",
    "doubling of nothing": _HEAD
    + "".join(f"    - r{i + 1}: {{kind: BeamLine, line: [r{i}, r{i}]}}\n" for i in range(1, 60))
    + "    - r1: {kind: BeamLine, line: []}\n    - use: r60\n",
    "many long lines": _HEAD
    + "".join(f"    - r{i}: {{kind: BeamLine, line: [d: {{repeat: 99999}}]}}\n" for i in range(300))
    + "    - use: r1\n",
    "longest lattice": _HEAD + "    - r: {kind: BeamLine, line: [d: {repeat: 100000}]}\n    - use: r\n",
    "inherited lists": _HEAD
    + "    - big: {kind: Drift, ApertureP: {x_limits: ["
    + "1, " * 20_000
    + "1]}}\n"
    + "".join(f"    - i{i}: {{inherit: big}}\n" for i in range(300))
    + "    - use: ring\n",
    "long chain of inherits": _HEAD
    + "".join(f"    - i{i}: {{inherit: i{i + 1}}}\n" for i in range(1000))
    + "    - i1000: {kind: Drift}\n    - use: ring\n",
    "wrong names": _HEAD
    + "    - r: {kind: BeamLine, line: ["
    + ", ".join(f"x{i}y" for i in range(4000))
    + "]}\n    - use: r\n",
    "deep expression": _HEAD.replace("length: l}", f"length: {'(' * 499}1{')' * 499}}}") + "    - use: ring\n",
    "deep lists": "PALS: " + "[" * 50_000,
    "deep blocks": "PALS:\n" + "".join(" " * i + "- a:\n" for i in range(1, 300)),
    "long key": "PALS: {" + "a" * 200_000 + ": 1}",
    "one long line": "PALS: [" + "1," * 20_000 + "]",
    "quotes": "PALS: " + "'" * 100_001,
    "comments": "#" * 300_000,
    "blank lines": "\n" * 300_000 + "PALS: 1",
    "colons": "PALS: " + "a:" * 50_000,
    "question marks": "? " * 50_000,
    "dashes": "- " * 50_000,
    "anchors": "PALS: [" + ", ".join(f"&a{i} 1" for i in range(8_000)) + "]",
    "digits": "PALS: {facility: [d: {kind: Drift, length: " + "9" * 9_999 + "}]}",
    "zeros": "\0" * 100_000,
    "escapes": 'PALS: "' + "\\u0041" * 30_000 + '"',
    "folded text": "PALS: >\n" + " a\n\n" * 50_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_in_time(folder: Path, name: str) -> None:
    path = folder / "main.pals.yaml"
    path.write_text(BOMBS[name])
    with watched(folder):
        sound = read(path)
    assert sound == (name in ("longest lattice",))


def test_a_tangle_of_includes(folder: Path) -> None:
    """Fifty files that include one another at random: each is read once, every circle is refused."""
    rng = random.Random(3)
    for i in range(50):
        rows = [f"  - include: f{rng.randrange(50)}.yaml\n" for _ in range(4)]
        (folder / f"f{i}.yaml").write_text("PALS:\n  facility:\n" + "".join(rows))
    path = folder / "main.pals.yaml"
    path.write_text(SEEDS[3].replace("part.yaml", "f0.yaml\n  - include: part.yaml"))
    with watched(folder):
        assert not read(path)
