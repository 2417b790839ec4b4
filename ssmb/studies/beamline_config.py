"""The stages of a beamline in a run file: one mapping for each, with its kind and the arguments of its class."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, WithJsonSchema

from ssmb.errors import ConfigError, nearest

if TYPE_CHECKING:
    from ssmb.beamlines import Beamline, Stage

#: kind in a run file -> class of :mod:`ssmb.beamlines.stages`
KINDS = {
    "aperture": "Aperture",
    "filter": "SpectralFilter",
    "gas": "Gas",
    "given": "Given",
    "grazing": "GrazingMirror",
    "homogeniser": "Homogeniser",
    "multilayer": "MultilayerMirror",
}
#: far from any beamline; they keep a slip of the exponent from becoming an overflow deep inside a formula
_SMALLEST, _LARGEST = 1e-30, 1e6


def beamline_of(stages: Sequence[Mapping[str, Any]]) -> Beamline:
    """Return the beamline of the stages of a run file."""
    from ssmb.beamlines import Beamline

    return Beamline("run file", tuple(stage_of(stage) for stage in stages))


def stage_of(given: Mapping[str, Any]) -> Stage:
    """Return the stage that a mapping stands for.

    Parameters
    ----------
    given : ``kind``, one of :data:`KINDS`, and the arguments of its class; ``mirror`` of a homogeniser is a mapping of
        the arguments of a grazing mirror, ``coating`` of a multilayer the name of one (``mo_si``, ``la_b``).

    Raises
    ------
    ConfigError
        An unknown kind or argument, one that is missing, or a value that is out of range.

    Examples
    --------
    >>> stage_of({"kind": "gas", "formula": "H2", "length": 10.0, "pressure": 3.0}).pressure
    3.0
    """
    from ssmb.beamlines.multilayer import coating

    values = dict(given)
    kind = values.pop("kind", None)
    if not isinstance(kind, str) or kind not in KINDS:
        hint = nearest(kind, KINDS) if isinstance(kind, str) else ""
        raise ConfigError(f"kind of a stage must be one of {', '.join(KINDS)}, got {str(kind)[:40]!r}.{hint}")
    if kind == "multilayer" and "coating" in values:
        values["coating"] = coating(values["coating"])
    if kind == "homogeniser" and values.get("mirror") is not None:
        mirror = values["mirror"]
        if not isinstance(mirror, Mapping):
            raise ConfigError("mirror of a homogeniser is a mapping: {coating: Ru, grazing_angle: 0.05, number: 3}")
        values["mirror"] = stage_of({**mirror, "kind": "grazing"})
    return _made(kind, values)


def _made(kind: str, values: dict[str, Any]) -> Stage:
    from ssmb.beamlines import stages

    made = getattr(stages, KINDS[kind])
    known = {f.name: f.default is MISSING and f.default_factory is MISSING for f in fields(made)}
    for name, value in values.items():
        if name not in known:
            raise ConfigError(
                f"{kind}: unknown key '{str(name)[:40]}'; allowed: {', '.join(known)}.{nearest(name, known)}"
            )
        _check_size(f"{kind}: {name}", value)
    missing = [name for name, needed in known.items() if needed and name not in values]
    if missing:
        raise ConfigError(f"{kind}: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    return made(**values)


def _check_size(name: str, value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _check_size(name, item)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        size = abs(value)
        if not (size == 0.0 or _SMALLEST <= size <= _LARGEST):
            given = float(min(size, sys.float_info.max))  # a whole number may have any length
            raise ConfigError(f"size of {name} = {given:g} is not between {_SMALLEST:g} and {_LARGEST:g}")


def _sound(given: dict[str, Any]) -> dict[str, Any]:
    try:
        stage_of(given)
    except ConfigError as error:
        raise ValueError(error.message) from None
    return given


StageConfig = Annotated[
    dict[str, Any],
    AfterValidator(_sound),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {"kind": {"enum": list(KINDS)}},
            "required": ["kind"],
            "description": "stage of a beamline: kind and the arguments of its class in ssmb.facility",
        }
    ),
]
