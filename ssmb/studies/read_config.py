"""Read a run file: the same strict YAML as a lattice, checked by the class of its study."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from ssmb.arguments import checked
from ssmb.errors import ConfigError, SeveralErrors, SsmbError, nearest
from ssmb.store.yaml_text import MapNode, load_yaml, plain_value, read_text, scalar_value
from ssmb.studies.study import Places, is_of_lattice, study_of

#: what pydantic says of its own classes -> what a file has there
_SHAPES = dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), "a mapping of its keys")
_SHAPES |= dict.fromkeys(("tuple_type", "list_type"), "a list")


@checked
def load_config(path: str | os.PathLike[str], changes: Mapping[str, Any] | None = None) -> Any:
    """Read and check a run file.

    Parameters
    ----------
    path : a ``*.run.yaml`` file.
    changes : values that replace those of the file, by dotted key: ``{"beam.particles": 1000}``. A text is read as the
        file would read it. ``lattice.NAME`` is a constant of the lattice file, ``lattice.PATTERN.PARAMETER`` a
        parameter of its elements; both are looked at when the lattice is read.

    Raises
    ------
    ConfigError, SeveralErrors
        With file, line and column of each error.
    """
    return placed_config(path, changes)[0]


def config_from_text(text: str, file: str = "<text>", changes: Mapping[str, Any] | None = None) -> Any:
    """Check the text of a run file (see :func:`load_config`)."""
    return _checked(text, file, changes or {})[0]


def placed_config(path: str | os.PathLike[str], changes: Mapping[str, Any] | None = None) -> tuple[Any, Places]:
    """As :func:`load_config`, with the places of the values."""
    return _checked(read_text(path, error=ConfigError), os.fspath(path), changes or {})


def _checked(text: str, file: str, changes: Mapping[str, Any]) -> tuple[Any, Places]:
    node = load_yaml(text, file, error=ConfigError)
    if not isinstance(node, MapNode):
        raise ConfigError("a run file is a mapping: lattice, beam, track ...", node.where)
    values = plain_value(node)
    changes = {str(key): _read(value) for key, value in changes.items()}
    for key, value in changes.items():
        if not is_of_lattice(key):
            _put(values, key, value)
    places = Places(node, changes)
    try:
        kind = study_of(values).Config
    except ConfigError as error:
        raise ConfigError(error.message, node.where) from None
    try:
        return kind.model_validate(values), places
    except ValidationError as error:
        raise section_errors(error, places, kind, values) from None


def section_errors(error: ValidationError, places: Places, kind: type[BaseModel], values: Any) -> SsmbError:
    """Return the errors of a file of this class, each with its place."""
    every = error.errors(include_url=False)
    inside = {e["loc"][:n] for e in every for n in range(len(e["loc"]))}
    # a list whose entries are wrong is not also too short
    found = [_as_error(e, places, kind, values) for e in every if e["type"] != "too_short" or e["loc"] not in inside]
    return found[0] if len(found) == 1 else SeveralErrors(found)


@checked
def check_config(path: str | os.PathLike[str]) -> list[SsmbError]:
    """Return all errors of a run file; an empty list if it is sound. The lattice file that it names is not read."""
    try:
        load_config(path)
    except SsmbError as error:
        return error.singles()
    return []


def _put(values: dict[str, Any], key: str, value: Any) -> None:
    at: Any = values
    steps = key.split(".")
    for i, step in enumerate(steps):
        if isinstance(at, list):
            if not step.isdigit() or int(step) >= len(at):
                raise ConfigError(f"change '{key}': '{step}' is not a position in a list of {len(at)}")
        elif not isinstance(at, dict):
            raise ConfigError(f"change '{key}': '{steps[i - 1]}' is a value and has no '{step}'")
        place: Any = int(step) if isinstance(at, list) else step
        if i == len(steps) - 1:
            at[place] = value
        else:
            at = at[place] if isinstance(at, list) else at.setdefault(place, {})


def _read(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value.startswith(("[", "{")):
        return plain_value(load_yaml(value, "<change>", error=ConfigError))
    return scalar_value(value)


def _as_error(error: Any, places: Places, kind: type[BaseModel], values: Any) -> ConfigError:
    """Turn one of pydantic's errors into ours: the place in the file, what is allowed, the nearest match."""
    path, kinds = _path(error["loc"], values)
    name = ".".join(str(step)[:80] for step in path) or "run file"
    where = places.of(*path)
    given = error.get("input")
    shown = "" if isinstance(given, (dict, list, BaseModel)) else f", got {str(given)[:60]!r}"
    if error["type"] == "extra_forbidden":
        allowed = _allowed(kind, path[:-1], kinds)
        key = str(path[-1])[:80]
        return ConfigError(f"unknown key '{name}'; allowed: {', '.join(allowed)}.{nearest(key, allowed)}", where)
    if error["type"] == "missing":
        return ConfigError(f"'{name}' is missing", where)
    if error["type"] in ("too_short", "too_long"):  # pydantic counts only the entries that are sound
        limits = error["ctx"]
        allowed = f"at least {limits['min_length']}" if "min_length" in limits else f"at most {limits['max_length']}"
        return ConfigError(f"{name}: must be a list of {allowed} entries, got {len(error['input'])}", where)
    if error["type"] == "union_tag_not_found":
        return ConfigError(f"'{name}.kind' is missing", where)
    if error["type"] == "union_tag_invalid":
        tags, tag = re.findall(r"'([^']*)'", error["ctx"]["expected_tags"]), error["ctx"]["tag"][:80]
        words = f"{name}.kind must be one of {', '.join(tags)}, got '{tag}'.{nearest(tag, tags)}"
        return ConfigError(words, places.of(*path, "kind"))
    shape = _SHAPES.get(error["type"])
    if shape:
        return ConfigError(f"{name}: must be {shape}{shown}", where)
    if error["type"] == "quantity":
        shown = ""
    message = re.sub(r"\S{81,}", lambda word: word[0][:80] + "...", error["msg"].removeprefix("Value error, "))
    if message[:1].isupper() and message[1:].split(maxsplit=1)[0].strip(":").islower():  # a word, and no name
        message = message[0].lower() + message[1:]
    return ConfigError(f"{name}: {message}{shown}", where)


def _path(loc: tuple[Any, ...], values: Any) -> tuple[tuple[Any, ...], dict[int, str]]:
    """Keys and positions of an error; and, by how many of them lead there, the kinds of what has kinds, which pydantic
    puts behind.
    """
    path: list[Any] = []
    kinds: dict[int, str] = {}
    for n, step in enumerate(loc, 1):
        named = len(path) not in kinds and isinstance(values, dict) and values.get("kind") == step
        if path and named and (isinstance(path[-1], int) or step not in values or n < len(loc)):
            kinds[len(path)] = step
            continue
        path.append(step)
        known = values if isinstance(values, dict) else dict(enumerate(values)) if isinstance(values, list) else {}
        values = known.get(step)
    return tuple(path), kinds


def _allowed(of: type[BaseModel], path: tuple[Any, ...], kinds: Mapping[int, str]) -> list[str]:
    """Keys of the section at ``path`` of the run file, with the kinds on the way to it (see :func:`_path`)."""
    schema = of.model_json_schema()
    definitions = schema["$defs"]
    at: dict[str, Any] = schema
    for n, step in enumerate(path, 1):
        at = at["items"] if isinstance(step, int) else at.get("properties", {}).get(step, {})
        options = [at, *at.get("anyOf", ()), *at.get("oneOf", ())]
        named = [definitions[o["$ref"].rpartition("/")[2]] for o in options if "$ref" in o]
        fitting = [d for d in named if len(named) == 1 or d["properties"]["kind"]["const"] == kinds.get(n)]
        at = next((o for o in (*fitting, *options) if "properties" in o or "items" in o), at)
    return sorted(at.get("properties", {}))
