"""Numbers of run files with their limits, the base of their sections, and the section that all kinds of runs share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from ssmb.elements.radiation import MODES, Radiation
from ssmb.errors import SsmbError, nearest


def a_number(value: Any) -> Any:
    """Refuse what pydantic would read as a number: true, and digits in quotes."""
    if isinstance(value, (bool, str, bytes)):
        raise ValueError("input should be a number")
    return value


Number = BeforeValidator(a_number)
# the limits are far from any machine; they keep a slip of the exponent from becoming an overflow deep inside a formula
Length = Annotated[float, Number, Field(ge=1e-15, le=1e6, allow_inf_nan=False)]
Charge = Annotated[float, Number, Field(ge=1e-24, le=1.0, allow_inf_nan=False)]
Share = Annotated[float, Number, Field(ge=1e-9, le=10.0, allow_inf_nan=False)]
UpToOne = Annotated[float, Number, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Seconds = Annotated[float, Number, Field(ge=1e-6, le=1e9, allow_inf_nan=False)]
Count = Annotated[int, Number, Field(ge=1, le=10_000_000)]
Turns = Annotated[int, Number, Field(ge=0, le=10**12)]
Seed = Annotated[int, Number, Field(ge=0, lt=2**63)]
Factor = Annotated[float, Number, Field(ge=-1e3, le=1e3, allow_inf_nan=False)]
Detuning = Annotated[float, Number, Field(ge=-1e-4, le=1e-4, allow_inf_nan=False)]
Noise = Annotated[float, Number, Field(ge=0.0, le=10.0, allow_inf_nan=False)]


def _radiation(value: Any) -> Radiation:
    """A radiation from its mode, or from a mapping of mode, edges and angles."""
    try:
        if isinstance(value, Mapping):
            names = [f.name for f in fields(Radiation)]
            unknown = next((key for key in value if key not in names), None)
            if unknown is not None:
                hint = nearest(str(unknown), names)
                raise ValueError(f"unknown key '{str(unknown)[:80]}'; allowed: {', '.join(names)}.{hint}")
            value = Radiation(**value)
        made = Radiation.of(value)
        if made.mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}")
    except SsmbError as error:
        raise ValueError(error.message) from None
    return made


#: Synchrotron radiation of a run: a text, or a mapping.
RadiationValue = Annotated[
    Radiation,
    BeforeValidator(_radiation),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(MODES)},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "mode": {"enum": list(MODES), "default": "off"},
                        "edges": {"type": "boolean", "default": True},
                        "angles": {"type": "boolean", "default": False},
                    },
                },
            ]
        }
    ),
]


class Section(BaseModel):
    """A part of a run file: frozen, and no key that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OutputConfig(Section):
    """What is written into the run folder."""

    folder: str = Field(default="", description="folder of the run; by default runs/<name of the run file>")
    particles: bool = True
    figures: bool = True
