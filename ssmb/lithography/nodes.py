"""Technology nodes: EUV exposures per wafer, dose, defect density."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ssmb.arguments import checked
from ssmb.errors import ConfigError
from ssmb.lithography.tables import fact_row, fact_rows
from ssmb.quantity import quantity

#: field -> column
_COLUMNS = {
    "year": "hvm_year", "euv_layers": "euv_layers_default", "layers_status": "euv_layers_status",
    "dose": "dose_default_mJ_cm2", "defect_density": "d0_mature_per_cm2", "defect_status": "d0_status",
}  # fmt: skip


@dataclass(frozen=True)
class Node:
    """One process node."""

    node_id: str = quantity("", "name")
    foundry: str = quantity("", "who makes it")
    year: float | None = quantity("year", "first year of volume production; None if not known")
    euv_layers: float = quantity("1", "EUV exposures per wafer; double patterning counts twice")
    euv_layers_low: float = quantity("1", "lower end of their range")
    euv_layers_high: float = quantity("1", "upper end of their range")
    dose: float | None = quantity("J/m^2", "resist dose at the wafer; None for nodes without EUV")
    defect_density: float = quantity("1/m^2", "mature defect density")
    high_na: str = quantity("", "no, yes ... or selected layers")
    status: str = quantity("", "quality of the row")
    layers_status: str = quantity("", "quality of the number of layers")
    dose_status: str = quantity("", "quality of the dose")
    defect_status: str = quantity("", "quality of the defect density")
    source: str = quantity("", "where the row comes from")
    note: str = quantity("", "what else is to be said")

    @property
    def uses_euv(self) -> bool:
        """Whether any layer of the node is exposed with EUV."""
        return self.euv_layers > 0


@checked
def node(node_id: str) -> Node:
    """The node of that name; unknown names and roadmap rows without layers raise :class:`ConfigError`.

    >>> node("N5").euv_layers
    14.0
    """
    return _node(fact_row("nodes", node_id).key)


@cache
def _node(node_id: str) -> Node:
    row = fact_row("nodes", node_id)
    if row.number("euv_layers_default") is None:
        raise ConfigError(
            f"Node '{row.key}' is a row of a roadmap without layer count and dose. Use one of "
            f"{', '.join(node_names())}."
        )
    return row.record(Node, _COLUMNS)


@checked
def node_names() -> tuple[str, ...]:
    """Names of all nodes with a layer count, by year."""
    return tuple(r.key for r in fact_rows("nodes") if r.number("euv_layers_default") is not None)
