"""Technology nodes: EUV exposures per wafer, dose, defect density."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ssmb.errors import ConfigError
from ssmb.lithography.tables import fact_row, fact_rows
from ssmb.units import MILLIJOULE_PER_CM2, PER_SQUARE_CENTIMETRE


@dataclass(frozen=True)
class Node:
    """One process node.

    Parameters
    ----------
    node_id, foundry : names.
    year : first year of volume production, ``None`` if not known.
    euv_layers, euv_layers_low, euv_layers_high : EUV exposures per wafer [1]; double patterning counts twice.
    dose : resist dose at the wafer [J/m^2], ``None`` for nodes without EUV.
    defect_density : mature defect density [1/m^2].
    high_na : "no", "yes ..." or "selected layers".
    status, layers_status, dose_status, defect_status : quality of the row and of three of its cells.
    source, note : where the row comes from.
    """

    node_id: str
    foundry: str
    year: float | None
    euv_layers: float
    euv_layers_low: float
    euv_layers_high: float
    dose: float | None
    defect_density: float
    high_na: str
    status: str
    layers_status: str
    dose_status: str
    defect_status: str
    source: str
    note: str

    @property
    def uses_euv(self) -> bool:
        """Whether any layer of the node is exposed with EUV."""
        return self.euv_layers > 0


def node(node_id: str) -> Node:
    """The node of that name; unknown names and roadmap rows without layers raise :class:`ConfigError`.

    >>> node("N5").euv_layers
    14.0
    """
    return _node(fact_row("nodes", node_id).key)


@cache
def _node(node_id: str) -> Node:
    row = fact_row("nodes", node_id)
    layers = row.number("euv_layers_default")
    if layers is None:
        raise ConfigError(
            f"Node '{row.key}' is a row of a roadmap without layer count and dose. Use one of "
            f"{', '.join(node_names())}."
        )
    dose = row.number("dose_default_mJ_cm2")
    return Node(
        node_id=row.key,
        foundry=row.text("foundry"),
        year=row.number("hvm_year"),
        euv_layers=layers,
        euv_layers_low=row.needed("euv_layers_low"),
        euv_layers_high=row.needed("euv_layers_high"),
        dose=None if dose is None else dose * MILLIJOULE_PER_CM2,
        defect_density=row.needed("d0_mature_per_cm2") * PER_SQUARE_CENTIMETRE,
        high_na=row.text("high_na"),
        status=row.text("status"),
        layers_status=row.text("euv_layers_status"),
        dose_status=row.text("dose_status"),
        defect_status=row.text("d0_status"),
        source=row.text("source"),
        note=row.text("note"),
    )


def node_names() -> tuple[str, ...]:
    """Names of all nodes with a layer count, by year."""
    return tuple(r.key for r in fact_rows("nodes") if r.number("euv_layers_default") is not None)
