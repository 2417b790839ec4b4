"""``ssmb check FILE``: all errors of a lattice or run file at once."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ssmb.cli.output import answer, error_as_dict
from ssmb.errors import ConfigError, SsmbError

if TYPE_CHECKING:
    from ssmb.io import ImportReport


HELP = "all errors of a lattice or run file, with file:line:column"


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    verb.add_argument(
        "file",
        metavar="FILE",
        help="a lattice (*.pals.yaml, or one of another code), a run file (*.run.yaml) or a scan (*.scan.yaml)",
    )


def run(args: argparse.Namespace) -> int:
    """Check and print; 0 if the file is sound, else 2."""
    kind = kind_of(args.file)
    found, report = (_ERRORS[kind](args.file), None) if kind in _ERRORS else _read(args.file)
    for error in found:
        print(f"ssmb: error: {error}", file=sys.stderr)
    payload = {"file": args.file, "kind": kind, "ok": not found, "errors": [error_as_dict(e) for e in found]}
    text = f"{args.file}: " + (f"{len(found)} error{'s'[: len(found) - 1]}" if found else f"this {kind} is sound")
    if report:
        payload["report"] = report.as_dict()
        text += f"\n\n{report.text()}" if report.changes else ""
    answer(args.json, payload, text)
    return max((error.exit_code for error in found), default=0)


def kind_of(path: str) -> str:
    """Return "run file", "scan" or "lattice": by the name of the file, else by what it holds."""
    name = Path(path).name
    if name.endswith((".scan.yaml", ".scan.yml")):
        return "scan"
    if name.endswith((".run.yaml", ".run.yml")):
        return "run file"
    from ssmb.io import is_lattice_name

    if name.endswith((".pals.yaml", ".pals.yml")) or (is_lattice_name(name) and not name.endswith((".yaml", ".yml"))):
        return "lattice"
    from ssmb.store.yaml_text import MapNode, load_yaml, read_text

    try:
        tree = load_yaml(read_text(path), path)
    except SsmbError:  # the reader of lattices says what is wrong with it
        return "lattice"
    if isinstance(tree, MapNode) and "PALS" not in tree.entries:
        return "scan" if "scan" in tree.entries else "run file"
    return "lattice"


def _read(path: str) -> tuple[list[SsmbError], ImportReport | None]:
    """All errors of a lattice file; if it has none, what was kept, changed and dropped of it."""
    from ssmb.io import read_lattice

    try:
        return [], read_lattice(path).report
    except SsmbError as error:
        return error.singles(), None


def _errors_of_scan(path: str) -> list[SsmbError]:
    """Errors of the file of a scan, with those of its axes in the run file and the lattice."""
    from ssmb.studies.scan import check_scan

    try:
        check_scan(path)
    except SsmbError as error:
        return error.singles()
    return []


def _errors_of_run_file(path: str) -> list[SsmbError]:
    """Errors of the run file, and if it names a lattice, of that too."""
    from ssmb.store.yaml_text import MapNode, Scalar, load_yaml, read_text
    from ssmb.studies.read_config import check_config

    found = check_config(path)
    try:
        tree = load_yaml(read_text(path, error=ConfigError), path, error=ConfigError)
    except SsmbError:
        return found
    node = tree.entries.get("lattice") if isinstance(tree, MapNode) else None
    if isinstance(node, Scalar) and isinstance(node.value, str):
        found = [*found, *_read(str(Path(path).parent / node.value))[0]]
    return found


#: What finds the errors of a kind of file that is no lattice.
_ERRORS = {"run file": _errors_of_run_file, "scan": _errors_of_scan}
