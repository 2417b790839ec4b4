"""Broken and hostile run files: a result or an SsmbError with file:line:column, soon; nothing is executed or left
behind.

The suite reads 2000 mutated files. Many more: ``SSMB_FUZZ=10000 pytest tests/robustness/test_hostile_run_files.py``
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ssmb.errors import ConfigError, LatticeError, PhysicsError, ResultFileError, SeveralErrors, SsmbError, SsmbWarning
from ssmb.studies import check_config, load_config, run_file
from ssmb.studies.read_config import config_from_text
from tests.studies.small_ring import RUN, write_files

MUTATED = int(os.environ.get("SSMB_FUZZ", "2000"))
PARTS = 4
#: Longest time for one file [s]: of the processor, and, on a machine that is busy with other things, by the clock.
PATIENCE = 2.0
PATIENCE_BY_CLOCK = 20.0
#: What makes a sound file cheap enough to be run.
SMALL = {"beam.particles": 32, "track.turns": 2, "beam.wavelengths": 4, "light.turn": 1}

BLOCKS = """# a run file in blocks
title: "blocks"
lattice: ring.pals.yaml
beam:
  particles: 64
  charge: 1e-12
  emit_x: 1e-8
  emit_y: 1e-9
  sigma_delta: 1e-4
  sigma_z: 1e-4
  z_distribution: gaussian
  start: random
  seed: 3
track: {turns: 2, seed: 2}
monitors:
  - kind: moments
    at: U
  - {kind: snapshots, every: 2}
output:
  folder: ""
  particles: false
"""
STEADY = """title: steady state
lattice: ring.pals.yaml
beam: {particles: 64, emit_x: 1e-8, emit_y: 1e-9, sigma_delta: 1e-4, sigma_z: 1e-4, wavelengths: 1}
laser:
  elements: [U]
  wavelength: 1064e-9
  turns: 50
  windows: [[0, 10], [12, 50]]
  duty: {period: 4, on: 3}
  ramp: {turns: [0, 5, 20], amplitude: [0.0, 0.5, 1.0], shape: smooth}
  detuning: 1e-9
  noise: {phase: 1e-3, amplitude: 1e-2, seed: 4}
track: {turns: 60, radiation: quantum}
monitors:
- {kind: bucket, at: U, harmonics: [1, 2], every: 2}
- {kind: bucket}
"""
SOURCE = (
    RUN + "source: {radiator: qd, turn: 1, period: 0.125, periods: 20, harmonics: [1, 2], average_current: 0.1, duty: "
    "0.5}\n"
)
INSERTION = """title: insertion
lattice: ring.pals.yaml
insertion: {mod1: U, rad: qd, mod2: stop, wavelength: 1064e-9, chirp: 1e4, spot: 1e-3, beta: [10, 9], alpha: [0.1, 0], dispersion_y: [0.5, 0]}
beam: {particles: 64, emit_x: 1e-9, emit_y: 40e-12, sigma_delta: 5e-4, seeds: 2, seed: 3}
ring: {circumference: 200, energy_loss: 60e3, average_current: 1, train_current: 60, laser_average_power: 2e6}
source: {harmonic: 5, harmonics: [1, 5], period: 0.1, periods: 20, detuning: best, check: true}
closure: {fraction: 0.3, order: 2, particles: 64, modulators: thin}
"""
SEEDS = [RUN, STEADY, SOURCE, INSERTION, BLOCKS, json.dumps({"lattice": "ring.pals.yaml", "beam": {"particles": 64,
"emit_x": 1e-8, "emit_y": 0,
    "sigma_delta": 1e-4, "sigma_z": 1e-4, "wavelengths": 2}, "laser": {"elements": ["U"], "wavelength": 1064e-9}},
    indent=1)]  # fmt: skip

#: Pieces that mutation writes into the text. What they try to run would leave the file `pwned` behind.
HOSTILE = [
    "!!python/object/apply:os.system ['touch "
    "pwned']", "!!python/name:os.system", "!<tag:yaml.org,2002:str>", "!!binary aGk=",
    "__import__('os').system('touch pwned')", "().__class__.__bases__[0].__subclasses__()", "open('pwned','w')",
    "eval('1')", "exec(\"open('pwned','w')\")", "${HOME}", "`touch pwned`", "$(touch pwned)", "{{7*7}}", "%s%n",
    "{0.__class__}",
    "9**9**9**9", "1e999", "1/0", "9" * 5000, "9" * 30, "1e300", "-1e300", "1e-300", "1e-400", ".nan", ".inf",
    "-.inf", "-1", "0",
    "true", "'100'", '"1e-8"', "1e5", "1.5", "2e9", "null", "~", "[]", "{}", "[1, 2]", "{a: 1}", "[[[[1]]]]", "''",
    "a" * 300,
    "&a", "*a", "&a [*a]", "<<: *a", "? [a]: b", "- - - -", "[" * 200, "{" * 200, "]", "}", ":", ": ", "\t", "\r",
    "\n", "|", ">",
    "'", '"', '"\\x00"', '"\\ud800"', "#", "%YAML 1.1\n---\n", "---\n", "...\n", "\x00", "\x1b", "\ufeff", "\u2028",
    "\x85",
    "\U0001f4a9", "\u0661", "\u202e", "include: "
                                      "../x.yaml", "lattice: "
                                                   "/etc/passwd", "lattice: ../x.yaml", "lattice: small.run.yaml",
    "lattice: .", "lattice: "
                  "/dev/zero", "lattice: "
                               "''", "lattice: 5", "kind: moments", "kind: bunching", "kind: x", "kind: bucket",
                               "windows: [[0, 1]]", "windows: [0, 1]",
    "windows: [[5, "
    "2]]", "duty: {period: 0, on: 0}", "duty: {period: 2, on: 3}", "duty: 2", "ramp: {turns: [1], amplitude: [1, 2]}",
    "ramp: {turns: [2, 1], amplitude: [1, "
    "2]}", "ramp: []", "shape: smoth", "detuning: 1", "detuning: 1e-3", "detuning: 1e-300",
    "noise: {phase: "
    "-1}", "noise: {phase: "
           "1e300}", "noise: {}", "noise: 1", "harmonics: [1000]", "harmonics: [0]", "every: 0", "moments: 1",
    "snapshots: "
    "{}", "bunching: []", "partcles: 100", "turns: -1", "turns: 1e300", "particles: 1e300", "particles: 1e7", "at: V",
    "at: U", "elements: "
             "[d]", "elements: []", "elements: [U, U]", "elements: ['*']", "wavelength: 800e-9", "harmonics: [1, 1]",
    "threads: "
    "1000000", "threads: 0", "seed: -1", "seed: 99999999999999999999", "checkpoint_every: 0", "light: null",
    "laser: null",
    "folder: /proc/nothing", "folder: ../out", "z_distribution: "
                                               "gaussian", "start: random", "periods: 5", "turn: 0", "emit_x: 0",
    "average_current: 0", "train_current: "
                          "1e-6", "train_current: "
                                  "1e6", "duty: 0", "duty: 1", "intrabeam: in_beam", "chain: none", "chain: x",
    "source: null", "source: {}", "insertion: "
                                  "null", "insertion: 1", "mod1: stop", "chirp: 0", "beta: [1]", "energy_loss: 0",
                                  "damping_time: 1",
    "harmonic: 0", "order: 99", "modulators: "
                                "thick", "detuning: "
                                         "best", "helical: "
                                                 "true", "beamlines: 0", "band: 0", "train_length: "
                                                                                    "1e-15", "coulomb_log: 0",
]  # fmt: skip
_WORD = re.compile(rb"[A-Za-z_0-9.+-]+")
VALUES = [
    b"0",
    b"-1",
    b"1",
    b"1e3",
    b"1e300",
    b"1e-300",
    b"1e7",
    b"U",
    b"x",
    b"true",
    b"null",
    b"gaussian",
    b"random",
    b"qf",
]

_watched: list[tuple[str, Any]] | None = None
_ALWAYS_BAD = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess", "exec", "socket", "pty", "os.remove")


def _audit(event: str, arguments: tuple) -> None:
    """Note everything that a reader of files has no business with."""
    if _watched is None:
        return
    if event.startswith((*_ALWAYS_BAD, "os.mkdir")) or (event == "open" and isinstance(arguments[0], str)):
        _watched.append((event, arguments[0] if arguments else None))


sys.addaudithook(_audit)


@contextlib.contextmanager
def watched(folder: Path) -> Iterator[None]:
    """Fail if anything is executed, a folder made, or a file outside of the folder opened."""
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
    place = tmp_path / "runs here"
    place.mkdir()
    (tmp_path / "x.yaml").write_text("secret: 1\n")
    monkeypatch.chdir(place)
    path = write_files(place)
    for text in SEEDS:  # imports and compilation are done before the watch begins
        path.write_text(text)
        load_config(path)
    path.write_text("unknown: 1\n")  # its message imports something too
    assert check_config(path)
    return place


def assert_placed(error: SsmbError, file: str) -> None:
    """Every error names file, line and column, in words that can be printed."""
    for single in error.errors if isinstance(error, SeveralErrors) else (error,):
        assert isinstance(single, (ConfigError, LatticeError, PhysicsError)), repr(single)
        assert single.where is not None, str(single)
        assert single.where.file.endswith((file, "ring.pals.yaml")) or single.where.file.startswith("<change"), str(
            single
        )
        assert min(single.where.line, single.where.column) >= 1, str(single)
        assert 10 < len(str(single).encode()) < 2000, str(single)
        assert "\n" not in str(single), str(single)


def read(path: Path) -> bool:
    """Check a file as ``ssmb check`` does; return whether it is sound."""
    start, clock = time.process_time(), time.perf_counter()
    found = check_config(path)
    assert time.process_time() - start < PATIENCE, path.read_bytes()[:500]
    assert time.perf_counter() - clock < PATIENCE_BY_CLOCK, path.read_bytes()[:500]
    for error in found:
        assert isinstance(error, ConfigError), repr(error)
        assert_placed(error, path.name)
    return not found


def mutated(rng: random.Random, text: str) -> bytes:
    """One to four random changes of a text: hostile pieces, moved and copied parts, changed bytes, other words."""
    raw = bytearray(text.encode())
    for _ in range(rng.choice((1, 1, 2, 4))):
        i = rng.randrange(len(raw) + 1)
        j = min(len(raw), i + rng.choice((1, 1, 3, 10, 40)))
        what = rng.randrange(14)
        piece = rng.choice(HOSTILE).encode("utf-8", "surrogatepass")
        words = list(_WORD.finditer(raw))
        if what == 0:
            raw[i:i] = piece
        elif what == 1:  # replace the rest of a value
            end = next((k for k in range(i, len(raw)) if raw[k] in b",}]\n"), len(raw))
            raw[i:end] = piece
        elif what == 2:
            del raw[i:j]
        elif what == 3:
            raw[i:i] = raw[rng.randrange(len(raw)) :][: rng.randrange(1, 80)]
        elif what == 4 and i < len(raw):
            raw[i] = rng.randrange(256)
        elif what == 5:  # one more key
            ends = [k for k, byte in enumerate(raw) if byte in b"{\n"]
            k = rng.choice(ends) + 1 if ends else 0
            raw[k:k] = piece + (b", " if raw[k - 1 : k] == b"{" else b"\n")
        elif what == 6:
            lines = raw.split(b"\n")
            rng.shuffle(lines)
            raw = bytearray(b"\n".join(lines))
        elif words:
            word = rng.choice(words)
            other = rng.choice(words)[0] if what < 9 else piece if what < 11 else rng.choice(VALUES)
            raw[word.start() : word.end()] = other
        if not raw:
            raw += b" "
    return bytes(raw)


@pytest.mark.parametrize("part", range(PARTS))
def test_mutated_files(folder: Path, part: int) -> None:
    rng = random.Random(part)
    path = folder / "small.run.yaml"
    sound = 0
    with watched(folder):
        for i in range(MUTATED // PARTS):
            path.write_bytes(mutated(rng, SEEDS[i % len(SEEDS)]))
            sound += read(path)
    print(f"\nchanged files: {MUTATED // PARTS}")
    assert sorted(os.listdir(folder)) == ["ring.pals.yaml", "small.run.yaml"]
    assert 0.02 < sound / (MUTATED // PARTS) < 0.8  # the mutations are neither all harmless nor all fatal


def test_sound_files_are_run_or_refused_before_a_folder_is_made(folder: Path, tmp_path: Path) -> None:
    """Whatever passes the reader, with few particles and turns: a finished run, or a placed error and no folder."""
    rng = random.Random(11)
    path, out = folder / "small.run.yaml", tmp_path / "out"
    done = refused = 0
    began = time.process_time()
    while done + refused < max(12, MUTATED // 50 - 40) and time.process_time() - began < 200.0:
        text = SEEDS[(done + refused) % len(SEEDS)]
        path.write_bytes(mutated(rng, text))
        if not read(path):
            continue
        changes = {key: value for key, value in SMALL.items() if key != "light.turn" or "light:" in text}
        if "source:" in text:
            changes["source.turn"] = 1
        start = time.process_time()
        place = out / str(done + refused)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", SsmbWarning)  # of a source with 32 particles
            try:
                result = run_file(path, folder=place, changes=changes, threads=1)
                assert result.folder
                assert (place / "run.h5").is_file()
                done += 1
            except SsmbError as error:
                refused += 1
                text = path.read_text()
                if isinstance(error, PhysicsError) and "all particles are lost" in str(error):
                    continue
                assert_placed(error, path.name)
                assert not place.exists(), str(error)
        assert time.process_time() - start < 2.0 * PATIENCE, path.read_bytes()[:800]
    assert done >= 3
    assert refused >= 1
    assert sorted(os.listdir(folder)) == ["ring.pals.yaml", "small.run.yaml"]


@pytest.mark.parametrize(
    "key", ["title", "lattice", "beam", "charge", "turns", "elements", "at", "harmonics", "folder"]
)
def test_each_hostile_piece_as_a_value(folder: Path, key: str) -> None:
    path = folder / "small.run.yaml"
    line = re.compile(rf"(\b{key}: )(\{{[^}}]*\}}|\[[^]]*\]|[^,}}\n]*)")
    text = RUN.replace("figures: false", "folder: out")
    assert line.search(text)
    for piece in HOSTILE:
        for value in (piece, json.dumps(piece, ensure_ascii=True), f"[{piece}]"):
            changed = line.sub(lambda found, value=value: found[1] + value, text, count=1)
            path.write_bytes(changed.encode("utf-8", "surrogatepass"))
            with watched(folder):
                read(path)
    assert sorted(os.listdir(folder)) == ["ring.pals.yaml", "small.run.yaml"]


# ---- what the messages say


def message(text: str, **changes: Any) -> str:
    """The errors of a text."""
    with pytest.raises(SsmbError) as caught:
        config_from_text(text, "a.run.yaml", changes)
    assert_placed(caught.value, "a.run.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "want"),
    [
        ("particles: "
         "700", "partcles: 700", r"a.run.yaml:3:\d+: unknown key 'beam.partcles'; .* Did you mean 'particles'\?"),
        ("title:", "titel:", r"unknown key 'titel'.*Did you mean 'title'\?"),
        ("title: small ring", "moments: 1", r"a.run.yaml:1:\d+: unknown key 'moments'; allowed: beam, effects, laser"),
        ("kind: moments, at: "
         "stop", "kind: moments, att: stop", r":8:\d+: unknown key 'monitors.1.att'; allowed: at, every, kind.*'at'"),
        ("kind: snapshots", "kind: snapshot", r":10:\d+: monitors.3.kind must be one of bucket, bunching, .*"
                                              r"got 'snapshot'. Did you mean 'snapshots'\?"),
        ("kind: snapshots, ", "", r":10:\d+: 'monitors.3.kind' is missing"),
        ("particles: 700", "particles: true", "beam.particles: must be a whole number from 1 to 10000000, got True"),
        ("particles: 700", "particles: '700'", "beam.particles: must be a whole number from 1 to 10000000, got '700'"),
        ("particles: 700", "particles: 1e300", "beam.particles: "),
        ("particles: 700", "particles: 0", "beam.particles: must be a whole number from 1 to 10000000, got 0"),
        ("particles: 700", "particles: 20000000", "must be a whole number from 1 to 10000000, got 20000000"),
        ("particles: 700", "particles: 1.5", "beam.particles: .*got 1.5"),
        ("turns: 600", "turns: -1", "track.turns: must be a whole number from 0 to 1000000000000, got -1"),
        ("turns: 600", "turns: 1e300", "track.turns: "),
        ("charge: 1e-12", "charge: .nan", "beam.charge: must be .*got nan"),
        ("charge: 1e-12", "charge: .inf", "beam.charge: must be a number from 1e-24 to 1 C, got inf"),
        ("charge: 1e-12", "charge: 1e-12, charge: "
                          "2e-12", "a.run.yaml:3:39: key 'charge' stands twice in this mapping, first in line 3"),
        ("charge: 1e-12", "charge: 2*3", "beam.charge: must be a number from 1e-24 to 1 C: '2\\*3' is no number with "
                                         "a unit"),
        ("emit_x: 1e-8, ", "", "a.run.yaml:3:7: beam: emit_x is missing: give it, or matched: equilibrium"),
        ("lattice: ring.pals.yaml", "", "'lattice' is missing"),
        ("elements: [U]", "elements: []", "laser.elements: "),
        ("wavelengths: [1064e-9, "
         "532e-9]", "wavelengths: [0]", "monitors.0.wavelengths.0: must be a number from 1e-15 to 1e\\+06 m, got 0"),
        ("wavelength: 1064e-9, "
         "turns", "wavelength: 1064, "
                  "turns", "laser.wavelength: 1064 m is no wavelength of light; did you mean 1064e-9"),
        ("wavelength: 1064e-9, "
         "turns", "wavelength: 5 MW, "
                  "turns", r":4:\d+: laser.wavelength: must be a number .*'5 MW' is not a quantity in m"),
        ("wavelengths: [1064e-9, "
         "532e-9]", "wavelengths: []", "monitors.0.wavelengths: must be a list of at least 1 entries, got 0$"),
        ("wavelengths: [1064e-9, 532e-9]", "wavelengths: [x]", r"^a.run.yaml:7:\d+: monitors.0.wavelengths.0: [^\n]*$"),
        ("turn: 1,", "turn: 600,", "light.turn 600 is not tracked: track.turns is 600"),
        ("harmonics: [1]", "harmonics: [1, 1]", "light.harmonics holds a number twice"),
        ("turns: 200}", "turns: 200, windows: [[3, 3]]}", r"a.run.yaml:4:\d+: laser: window \[3, 3\] holds no turn"),
        ("turns: 200}", "turns: 200, windows: [[3, "
                        "300]]}", "laser: a window ends at turn 300, but the laser goes off for good at turns = 200"),
        ("turns: 200}", "turns: 1, duty: {period: 2, on: "
                        "1}}", "laser: what changes by turn needs several turns with light, but turns = 1"),
        ("turns: 200}", "turns: 200, duty: {period: 2, on: "
                        "3}}", "laser.duty: on = 3 turns do not fit into a period of 2"),
        ("turns: 200}", "turns: 200, ramp: {turns: [1, 1], amplitude: [0, 1]}}", "laser.ramp: turns must rise"),
        ("turns: 200}", "turns: 200, ramp: {turns: [1], amplitude: [0, 1]}}", "laser.ramp: 1 turns, but 2 amplitudes"),
        ("turns: 200}", "turns: 200, detuning: "
                        "0.01}", "laser.detuning: must be a number from -0.0001 to 0.0001, got 0.01"),
        ("turns: 200}", "turns: 200, noise: {phse: "
                        "1}}", "unknown key 'laser.noise.phse'; allowed: amplitude, phase, seed.*'phase'"),
        ("kind: snapshots", "kind: bucket, harmoncs: "
                            "[1]", "unknown key 'monitors.3.harmoncs'; allowed: at, every, harmonics, kind"),
        ("light:", "lght:", r"unknown key 'lght'.*'light'"),
        ("seed", "seed", ""),
    ][:-1],
)  # fmt: skip
def test_messages(old: str, new: str, want: str) -> None:
    assert RUN.count(old) >= 1
    assert re.search(want, message(RUN.replace(old, new, 1)))


def test_all_errors_at_once() -> None:
    text = RUN.replace("particles: 700", "particles: -1").replace("turns: 600", "turns: x").replace("figures", "figurs")
    with pytest.raises(SeveralErrors) as caught:
        config_from_text(text, "a.run.yaml")
    assert len(caught.value.errors) == 3
    assert_placed(caught.value, "a.run.yaml")


@pytest.mark.parametrize("text", ["", "5", "[]", "title", "- a", "null", "{}"])
def test_files_that_are_no_mapping(text: str) -> None:
    assert "a.run.yaml:1:1" in message(text)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("beam.particles.x", "1"), ("monitors.9.at", "U"), ("monitors.x", "1"), ("", "1"), ("beam.", "1"), ("x.y.z",
        "1"),
        ("beam.particles", "[1"), ("beam.particles", "{a: 1}"), ("beam", "1"), ("track.turns", "-1"), ("beam.charge",
        "nan"),
        ("beam.particles", None), ("beam.charge", object()), ("title", "\0"), ("lattice", 5),
    ],
)  # fmt: skip
def test_changes_that_do_not_fit(key: str, value: Any) -> None:
    if key == "title":
        assert config_from_text(RUN, "a", {key: "a"}).title == "a"
        return
    with pytest.raises(SsmbError) as caught:
        config_from_text(RUN, "a.run.yaml", {key: value})
    assert 10 < len(str(caught.value)) < 1000


# ---- what only the lattice and the physics can know: refused before a folder is made


@pytest.mark.parametrize(
    ("changes", "want"),
    [
        ({"monitors.1.at": "stopp"}, r"no element 'stopp' in the lattice. Did you mean 'stop'\?"),
        ({"monitors.2.at": "stop"}, "monitors.2: a second monitor of moments at the same place"),
        ({"laser.elements": "[d]"}, "'d' is not a Wiggler with a laser in lattice 'ring'. Those with a laser: U."),
        ({"laser.elements": "['*']"}, "is not a Wiggler with a laser"),
        ({"light.period": "10.0"}, r"light: "),
        ({"light.period": "1e300"}, "light.period: "),
        ({"beam.sigma_delta": "1e300"}, "beam.sigma_delta: "),
        ({"beam.sigma_delta": "0.9"}, "beam: .*no momentum"),
        ({"beam.emit_x": "1e300"}, "beam.emit_x: "),
        ({"beam.start": "quiet", "beam.particles": "3"}, "beam: a quiet start needs at least 16"),
        ({"beam.start": "quiet", "beam.wavelengths": "10000"}, "beam: .*fewer than two per wavelength"),
        ({"lattice": "nothing.yaml"}, "lattice: .*nothing.yaml: there is no such file"),
        ({"lattice": "."}, "lattice: .*is not a regular file"),
        ({"lattice": "/dev/zero"}, "lattice: .*is not a regular file"),
        ({"lattice": "small.run.yaml"}, "small.run.yaml:1:1: .*PALS"),
        ({"track.threads": "4000"}, "track.threads: "),
        ({"laser.elements": "[U, 'U#1']", "laser.detuning": 1e-9}, "laser"),
        ({"monitors.3": {"kind": "bucket", "at": "V"}}, "monitors.3: no element 'V'"),
    ],
)  # fmt: skip
def test_refused_before_a_folder_is_made(folder: Path, changes: dict[str, Any], want: str) -> None:
    path = folder / "small.run.yaml"
    path.write_text(RUN)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SsmbError, match=want) as caught:
            run_file(path, changes=changes)
    assert_placed(caught.value, path.name)
    assert sorted(os.listdir(folder)) == ["ring.pals.yaml", "small.run.yaml"]


def test_a_lattice_elsewhere_is_the_users_choice(folder: Path) -> None:
    """Only includes are kept inside a folder; a run file may name any lattice, and a wrong one leaks nothing."""
    (folder / "ring.pals.yaml").rename(folder.parent / "ring.pals.yaml")
    path = folder / "small.run.yaml"
    path.write_text(RUN)
    result = run_file(path, changes={"lattice": "../ring.pals.yaml", "track.turns": 2, "beam.particles": 32})
    assert result.turns == 2
    with pytest.raises(LatticeError) as caught:
        run_file(path, changes={"lattice": "../x.yaml"})
    assert "1" not in str(caught.value).partition("secret")[2]


def test_a_folder_that_is_taken_or_a_file(folder: Path) -> None:
    path = folder / "small.run.yaml"
    path.write_text(RUN)
    small = {"track.turns": 2, "beam.particles": 32}
    first, second = (run_file(path, changes=small).folder for _ in range(2))
    assert (first, second) == (os.path.join("runs", "small"), os.path.join("runs", "small-2"))
    with pytest.raises(ConfigError, match="holds a run already"):
        run_file(path, folder=first, changes=small)
    for bad in (path, folder / "ring.pals.yaml" / "x", "/proc/nothing", "a\0b"):
        with pytest.raises(ResultFileError):
            run_file(path, folder=bad, changes=small)


def test_numbers_of_a_run_file_may_have_units() -> None:
    text = RUN.replace("charge: 1e-12, emit_x: 1e-8", "charge: 1 pC, emit_x: 10 nm rad").replace(
        "wavelength: 1064e-9, turns", "wavelength: 1064 nm, turns"
    )
    assert config_from_text(text) == config_from_text(RUN)
    changed = config_from_text(RUN, changes={"laser.wavelength": "532 nm", "beam.sigma_z": "0.3 mm"})
    assert (changed.laser.wavelength, changed.beam.sigma_z) == (532e-9, 0.3e-3)  # type: ignore[union-attr]
