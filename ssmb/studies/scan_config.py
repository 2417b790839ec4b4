"""What the file of a scan says: the run file, the values of its keys, how they are combined."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from ssmb.errors import ConfigError
from ssmb.quantity import Quantity
from ssmb.store.yaml_text import MapNode, load_yaml, plain_value, read_text
from ssmb.studies.config_types import Count, Section, Seed
from ssmb.studies.read_config import section_errors
from ssmb.studies.study import Places

#: Most points of a scan.
_MOST = 1_000_000
_Number = Annotated[float, Quantity("", "value")]
_Ends = tuple[_Number, _Number]


class Axis(Section):
    """Values of one key: a list, an even spacing in them or in their logarithm, or a range for samples."""

    values: tuple[int | float | str | bool, ...] | None = Field(default=None, min_length=1, description="each value")
    linspace: tuple[_Number, _Number, Count] | None = Field(default=None, description="first, last, how many")
    logspace: tuple[_Number, _Number, Count] | None = Field(
        default=None, description="first, last, how many, evenly in the logarithm; ends are values, not exponents"
    )
    range: _Ends | None = Field(default=None, description="lowest and highest, for samples")
    logrange: _Ends | None = Field(default=None, description="the same, sampled evenly in the logarithm")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of {', '.join(type(self).model_fields)}, got {' and '.join(given) or 'none'}")
        ends = self.logspace or self.logrange
        if ends is not None and not min(ends[0], ends[1]) > 0.0:
            raise ValueError(f"{given[0]} needs ends above zero, got {ends[0]:g} and {ends[1]:g}")
        return self

    @property
    def logarithmic(self) -> bool:
        """Whether a figure of it has a logarithmic axis."""
        return self.logspace is not None or self.logrange is not None

    @property
    def sampled(self) -> bool:
        """Whether samples choose its values."""
        return self.range is not None or self.logrange is not None

    def listed(self) -> list[Any]:
        """Its values, of one that is not sampled."""
        if self.values is not None:
            return list(self.values)
        space, given = (np.linspace, self.linspace) if self.linspace else (np.geomspace, self.logspace)
        assert given is not None
        return space(*given).tolist()

    def at(self, share: float) -> float:
        """Its value at a share of its range."""
        low, high = self.range or self.logrange or (0.0, 0.0)
        if self.logrange is not None:
            return float(low * (high / low) ** share)
        return low + (high - low) * share


class Samples(Section):
    """Points in a box instead of on a grid."""

    number: Count
    method: Literal["sobol", "latin_hypercube"] = "sobol"
    seed: Seed = 1

    def shares(self, axes: int) -> np.ndarray:
        """(number, axes) shares of the ranges, the same for the same seed."""
        import warnings

        import scipy

        kinds = {"sobol": scipy.stats.qmc.Sobol, "latin_hypercube": scipy.stats.qmc.LatinHypercube}
        with warnings.catch_warnings():  # of a number of points that is no power of 2
            warnings.simplefilter("ignore", UserWarning)
            return kinds[self.method](axes, rng=self.seed).random(self.number)


class ScanSection(Section):
    """What is scanned."""

    of: str = Field(description="run file of any study, relative to this file")
    axes: dict[str, Axis] = Field(min_length=1, description="dotted key of the run file, or lattice.NAME: its values")
    combine: Literal["product", "zip"] = Field(default="product", description="all combinations, or value by value")
    samples: Samples | None = Field(default=None, description="instead: so many points in the ranges of all axes")
    outputs: tuple[str, ...] = Field(
        default=(), description="columns of the table, or dotted keys of --json; by default the table of the study"
    )

    @model_validator(mode="before")
    @classmethod
    def _short_axes(cls, values: Any) -> Any:
        """A list stands for values."""
        if isinstance(values, dict) and isinstance(values.get("axes"), dict):
            long = {k: {"values": v} if isinstance(v, (list, tuple)) else v for k, v in values["axes"].items()}
            values = values | {"axes": long}
        return values

    @model_validator(mode="after")
    def _agree(self) -> Self:
        for key, axis in self.axes.items():
            if axis.sampled != (self.samples is not None):
                words = "needs range or logrange, since there are samples" if self.samples else "needs samples: number"
                raise ValueError(f"axes.{key} {words}")
        if self.samples is None and self.combine == "zip":
            lengths = {key: len(axis.listed()) for key, axis in self.axes.items()}
            if len(set(lengths.values())) > 1:
                raise ValueError(f"combine: zip needs axes of one length, got {lengths}")
        if self.total > _MOST:
            raise ValueError(f"the axes make {self.total} points; at most {_MOST} are done: take samples")
        return self

    @property
    def total(self) -> int:
        """Number of points."""
        if self.samples is not None:
            return self.samples.number
        lengths = [len(axis.listed()) for axis in self.axes.values()]
        return lengths[0] if self.combine == "zip" else math.prod(lengths)

    def values(self) -> Iterator[dict[str, Any]]:
        """Values of each point by key, in order: the last axis runs first."""
        if self.samples is not None:
            for row in self.samples.shares(len(self.axes)):
                yield {key: axis.at(float(s)) for (key, axis), s in zip(self.axes.items(), row, strict=True)}
            return
        lists = [axis.listed() for axis in self.axes.values()]
        rows = zip(*lists, strict=True) if self.combine == "zip" else itertools.product(*lists)
        for row in rows:
            yield dict(zip(self.axes, row, strict=True))


class ScanConfig(Section):
    """A file of a scan."""

    title: str = ""
    scan: ScanSection


def load_scan_config(path: str | os.PathLike[str]) -> tuple[ScanConfig, Places]:
    """Read and check the file of a scan.

    Raises
    ------
    ConfigError, SeveralErrors
        With file, line and column of each error.
    """
    node = load_yaml(read_text(path, error=ConfigError), os.fspath(path), error=ConfigError)
    if not isinstance(node, MapNode):
        raise ConfigError("a file of a scan is a mapping: title, scan", node.where)
    values, places = plain_value(node), Places(node, {})
    try:
        return ScanConfig.model_validate(values), places
    except ValidationError as error:
        raise section_errors(error, places, ScanConfig, values) from None
