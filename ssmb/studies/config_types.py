"""Numbers of run files with their limits, the base of their sections, and the section that all kinds of runs share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from ssmb.errors import SsmbError, nearest
from ssmb.maps.radiation import MODES, Radiation
from ssmb.quantity import LIGHT, Quantity


def a_number(value: Any) -> Any:
    """Refuse what pydantic would read as a number: true, and digits in quotes."""
    if isinstance(value, (bool, str, bytes)):
        raise ValueError("input should be a number")
    return value


Number = BeforeValidator(a_number)
# the limits are far from any machine; they keep a slip of the exponent from becoming an overflow deep inside a formula
Length = Annotated[float, Quantity("m", "length", minimum=1e-15, maximum=1e6)]
Wavelength = Annotated[float, Quantity("m", "wavelength of light", minimum=1e-15, maximum=1e6, plausible=LIGHT)]
Emit = Annotated[float, Quantity("m", "emittance", minimum=0.0, maximum=1.0)]
Period = Annotated[float, Quantity("m", "period", minimum=1e-6, maximum=100.0)]
Periods = Annotated[int, Quantity("1", "number of periods", minimum=5, maximum=1_000_000)]
Charge = Annotated[float, Quantity("C", "charge", minimum=1e-24, maximum=1.0)]
Share = Annotated[float, Quantity("1", "share", minimum=1e-9, maximum=10.0)]
Angle = Annotated[float, Quantity("rad", "angle", minimum=1e-9, maximum=10.0)]
UpToOne = Annotated[float, Quantity("1", "number", minimum=0.0, maximum=1.0)]
Seconds = Annotated[float, Quantity("s", "time", minimum=1e-6, maximum=1e9)]
Count = Annotated[int, Quantity("1", "number", minimum=1, maximum=10_000_000)]
Turns = Annotated[int, Quantity("turn", "turns", minimum=0, maximum=10**12)]
Seed = Annotated[int, Quantity("1", "seed", minimum=0, maximum=2**63 - 1)]
Factor = Annotated[float, Quantity("1", "factor", minimum=-1e3, maximum=1e3)]
Detuning = Annotated[float, Quantity("1", "detuning", minimum=-1e-4, maximum=1e-4)]
Noise = Annotated[float, Quantity("1", "noise", minimum=0.0, maximum=10.0)]


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
