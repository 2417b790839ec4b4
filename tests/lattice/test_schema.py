"""The JSON schema follows from the registry and agrees with the reader."""

from __future__ import annotations

import json

from ssmb.elements import ELEMENTS
from ssmb.lattice import lattice_schema


def test_every_key_of_every_element_is_described() -> None:
    schema = lattice_schema()
    for kind, cls in ELEMENTS.items():
        for info in cls.parameters.values():
            node = schema["$defs"][kind]
            for part in info.key.split("."):
                assert node["additionalProperties"] is False
                node = node["properties"][part]
            assert info.doc in node["description"]


def test_it_is_json_with_references_that_exist() -> None:
    schema = lattice_schema()
    assert json.loads(json.dumps(schema)) == schema
    text = json.dumps(schema)
    used = {piece.split('"')[0] for piece in text.split('"$ref": "#/$defs/')[1:]}
    assert used <= set(schema["$defs"])
    assert {"Drift", "BeamLine", "number"} <= used
