"""``ssmb schema lattice | run | scan``: the JSON schema of a file, for editors and other programs."""

from __future__ import annotations

import argparse
import functools
import json
import operator
from typing import Any

from ssmb.cli.output import answer

HELP = "JSON schema of lattice files, run files or files of scans"


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    verb.add_argument("of", choices=("lattice", "run", "scan"), help="which kind of file")


def run(args: argparse.Namespace) -> int:
    """Print the schema, which is JSON with and without ``--json``."""
    schema = schema_of(args.of)
    return answer(args.json, schema, json.dumps(schema, indent=2, allow_nan=False, ensure_ascii=False))


def schema_of(kind: str) -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of "lattice", "run" or "scan" files."""
    if kind == "lattice":
        from ssmb.lattice import lattice_schema

        return lattice_schema()
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    if kind == "scan":
        from ssmb.studies.scan_config import ScanConfig

        return draft | ScanConfig.model_json_schema() | {"title": "file of a scan of ssmb"}
    from pydantic import TypeAdapter

    from ssmb.studies import STUDIES

    kinds: Any = functools.reduce(operator.or_, (study.Config for study in STUDIES.values()))
    made = draft | TypeAdapter(kinds).json_schema()
    return made | {"title": f"run file of ssmb, told by its key: {', '.join(STUDIES)}"}
