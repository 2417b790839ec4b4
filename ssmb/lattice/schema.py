"""JSON schema of the lattice dialect, made from the registry of elements: for editors, and for ``ssmb schema``."""

from __future__ import annotations

import math
from typing import Any

from ssmb.arguments import checked
from ssmb.beam.reference import SPECIES
from ssmb.elements import ELEMENTS, Element
from ssmb.elements.base import ParameterInfo
from ssmb.lattice.assignments import CONTROL_TYPES, CONTROLLER
from ssmb.lattice.definitions import REFERENCE_KEYS
from ssmb.lattice.documents import PROSE
from ssmb.lattice.element_reader import PROSE_GROUP, keys_of

#: A number, or the text of an arithmetic expression.
_NUMBER = {"$ref": "#/$defs/number"}
_NAME = {"type": "string"}


@checked
def lattice_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a lattice file.

    Examples
    --------
    >>> schema = lattice_schema()
    >>> schema["$defs"]["Drift"]["properties"]["length"]["description"]
    'length along the reference orbit [m]'
    """
    kinds = {kind: _element_schema(cls) for kind, cls in sorted(ELEMENTS.items())}
    structure = {"BeginningEle": _begin_schema(), "BeamLine": _line_schema(), "Lattice": _lattice_kind_schema()}
    structure |= {CONTROLLER: _controller_schema(), "Fork": _fork_schema()}
    inheriting = {
        "type": "object",
        "description": "an element like another one; keys given here replace those of its parent",
        "required": ["inherit"],
        "properties": {"inherit": _NAME},
    }
    some = {"type": "object", "additionalProperties": _NUMBER}
    constants = {"anyOf": [some, {"type": "array", "items": some}]}
    assignment = _object({"parameter": {"type": "string"}, "value": _NUMBER}, ["parameter", "value"])
    entry = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {"use": _NAME, "include": _NAME, "constants": constants, "variables": constants}
        | {"set": assignment, "sets": {"type": "array", "items": some}},
        "additionalProperties": {"$ref": "#/$defs/definition"},
    }
    choices = [{"$ref": f"#/$defs/{name}"} for name in (*kinds, *structure, "inheriting")]
    top = {"version": {}, "constants": constants, "facility": {"type": "array", "items": entry}, "use": _NAME}
    top |= {"variables": constants, "load": {"type": "array", "items": _NAME}, "extension_labels": {"type": "object"}}
    top |= dict.fromkeys(PROSE, {}) | {"phase_space_coordinates": {"const": "standard"}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "lattice file of ssmb (a subset of PALS)",
        "type": "object",
        "required": ["PALS"],
        "additionalProperties": False,
        "properties": {"PALS": _object(top)},
        "$defs": {
            "number": {"anyOf": [{"type": "number"}, {"type": "string", "description": "arithmetic expression"}]},
            "definition": {"anyOf": choices},
            "inheriting": inheriting,
            **structure,
            **kinds,
        },
    }


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    made = {"type": "object", "properties": properties, "additionalProperties": False}
    return made | {"required": required} if required else made


def _begin_schema() -> dict[str, Any]:
    group = dict.fromkeys(REFERENCE_KEYS, _NUMBER) | {"species_ref": {"enum": list(SPECIES)}}
    return _object(
        {
            "kind": {"const": "BeginningEle"},
            "ReferenceP": _object(group),
            "TwissP": {"type": "object"},
            "FloorP": {"type": "object"},
            PROSE_GROUP: {"type": "object"},
            "repeat": _NUMBER,
        },
        ["kind", "ReferenceP"],
    )


def _row_schema() -> dict[str, Any]:
    placed = _object({"repeat": _NUMBER, "periodic": {"type": "boolean"}, "inherit": _NAME})
    item = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": {"anyOf": [placed, {"$ref": "#/$defs/definition"}]},
    }
    return {"type": "array", "items": {"anyOf": [_NAME, item]}}


def _line_schema() -> dict[str, Any]:
    keys = {"line": _row_schema(), "length": _NUMBER, "periodic": {"type": "boolean"}, "repeat": _NUMBER}
    keys |= {"multipass": {"type": "boolean"}, "zero_point": _NAME, PROSE_GROUP: {"type": "object"}}
    return _object({"kind": {"const": "BeamLine"}, **keys}, ["kind", "line"])


def _lattice_kind_schema() -> dict[str, Any]:
    row = _row_schema()
    keys = {"branches": row | {"minItems": 1, "maxItems": 1}, "line": row, "periodic": {"type": "boolean"}}
    keys[PROSE_GROUP] = {"type": "object"}
    return _object({"kind": {"const": "Lattice"}, **keys}, ["kind"])


def _controller_schema() -> dict[str, Any]:
    control = _object({"parameter": _NAME, "expression": _NUMBER}, ["parameter", "expression"])
    keys = {"control_type": {"enum": list(CONTROL_TYPES)}, "controls": {"type": "array", "items": control}}
    keys |= {"variables": {"type": "object", "additionalProperties": _NUMBER}, PROSE_GROUP: {"type": "object"}}
    return _object({"kind": {"const": CONTROLLER}, **keys}, ["kind", "controls"])


def _fork_schema() -> dict[str, Any]:
    to = {"type": "object", "required": ["to_line"], "properties": {"to_line": _NAME}}
    return {"type": "object", "required": ["kind", "ForkP"], "properties": {"kind": {"const": "Fork"}, "ForkP": to}}


def _element_schema(cls: type[Element]) -> dict[str, Any]:
    properties: dict[str, Any] = {"kind": {"const": cls.kind}, "inherit": _NAME, "repeat": _NUMBER}
    properties[PROSE_GROUP] = {"type": "object"}
    for key, field in keys_of(cls).fields.items():
        _place(properties, key, _parameter_schema(cls.parameters[field], cls.__dataclass_fields__[field].default))
    for key, meaning in keys_of(cls).alternatives.items():
        _place(properties, key, {"description": meaning, **_NUMBER})
    return _object(properties, ["kind"]) | {"description": (cls.__doc__ or cls.kind).strip().splitlines()[0]}


def _place(properties: dict[str, Any], key: str, schema: dict[str, Any]) -> None:
    *groups, leaf = key.split(".")
    for group in groups:
        properties = properties.setdefault(group, _object({}))["properties"]
    properties[leaf] = schema


def _parameter_schema(info: ParameterInfo, default: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"description": info.doc + (f" [{info.unit}]" if info.unit else "")}
    if info.type in ("float", "int"):
        number: dict[str, Any] = {"type": "number" if info.type == "float" else "integer"}
        if math.isfinite(info.minimum):
            number["exclusiveMinimum" if info.open_minimum else "minimum"] = info.minimum
        if math.isfinite(info.maximum):
            number["maximum"] = info.maximum
        unit = ", or a number with its unit" if info.unit and info.type == "float" else ""
        made["anyOf"] = [number, {"type": "string", "description": f"arithmetic expression{unit}"}]
    elif info.type == "bool":
        made["type"] = "boolean"
    elif info.type == "str":
        made |= {"enum": list(info.choices)} if info.choices else {"type": "string"}
    else:
        row = {"type": "array", "items": _NUMBER}
        made |= {"type": "array", "items": row} if info.type == "matrix" else row
    return made if default is None else made | {"default": list(default) if isinstance(default, tuple) else default}
