"""Accelerator chips: dies of one or several nodes in a package, dense FLOPS only, doubtful cells flagged."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ssmb.arguments import checked
from ssmb.errors import ConfigError
from ssmb.lithography.dies import die_yield, gross_dies
from ssmb.lithography.nodes import Node, node
from ssmb.lithography.parameters import ModelParameters, model_parameters
from ssmb.lithography.tables import fact_row, fact_rows
from ssmb.quantity import check_quantities, quantity

#: field -> column
_COLUMNS = {
    "transistors": "transistors_G", "flops": "bf16_dense_TFLOPS", "flops_fp8": "fp8_dense_TFLOPS",
    "memory": "memory_GB", "bandwidth": "bandwidth_GB_s", "power": "tdp_W",
}  # fmt: skip
_DIE_COLUMNS = {"name": "die_name", "area": "die_area_mm2", "per_package": "dies_per_package"}


@checked
@dataclass(frozen=True)
class Die:
    """One kind of die in a package."""

    name: str = quantity("", "name")
    node_id: str = quantity("", "its node")
    area: float = quantity("m^2", "area of one die", minimum=0.0, open_minimum=True)
    per_package: int = quantity("1", "number in a package", minimum=1)
    spare_share: float = quantity("1", "share of the area that tolerates a defect", minimum=0.0, maximum=1.0)
    wafer_scale: bool = quantity("", "a part of a whole wafer, one per wafer, defects bypassed")
    compute: bool = quantity("", "whether the FLOPS come from it")

    def __post_init__(self) -> None:
        check_quantities(self)


@checked
@dataclass(frozen=True)
class Chip:
    """One accelerator; None stands for what is not known."""

    chip_id: str = quantity("", "name in the table")
    name: str = quantity("", "name")
    vendor: str = quantity("", "who sells it")
    year: float | None = quantity("year", "year of the first sale")
    node_id: str = quantity("", "node of the compute die")
    dies: tuple[Die, ...] = quantity("", "compute die first; empty if its area is not known")
    transistors: float | None = quantity("1", "transistors")
    flops: float | None = quantity("1/s", "dense BF16 or FP16 peak; None if only quoted with sparsity")
    flops_fp8: float | None = quantity("1/s", "dense FP8 or INT8 peak")
    memory: float | None = quantity("1", "memory in bytes")
    memory_type: str = quantity("", "kind of memory")
    bandwidth: float | None = quantity("1/s", "bytes per second of the memory")
    power: float | None = quantity("W", "power")
    status: str = quantity("", "quality of the row")
    unverified: tuple[str, ...] = quantity("", "doubtful cells of the row")
    source: str = quantity("", "where the row comes from")
    note: str = quantity("", "what else is to be said")

    @property
    def uses_euv(self) -> bool:
        """Whether any known die (or the compute node) is exposed with EUV."""
        nodes = {self.node_id, *(d.node_id for d in self.dies)}
        return any(node(n).uses_euv for n in nodes)

    @property
    def compute_die(self) -> Die:
        """The die that the FLOPS come from; :class:`ConfigError` if its area is not known."""
        if not self.dies:
            raise ConfigError(
                f"The die area of '{self.chip_id}' is not known (chips.csv). Give die_area (CLI: --die-area, mm^2) or "
                f"choose a chip with an area, such as h100."
            )
        return self.dies[0]

    def with_die_area(self, area: float) -> Chip:
        """The same chip with compute dies of `area` [m^2]."""
        per_package = fact_row("chips", self.chip_id).number("compute_dies_per_package") or 1.0
        if self.dies:
            first = replace(self.dies[0], area=area)
        else:
            first = Die("compute die", self.node_id, area, int(per_package), 0.3 if area > 300e-6 else 0.0, False, True)
        return replace(self, dies=(first, *self.dies[1:]))


@dataclass(frozen=True)
class DieSupply:
    """Good dies of one kind from one wafer."""

    die: Die = quantity("", "the die")
    node: Node = quantity("", "its node")
    gross: float = quantity("1", "whole dies per wafer")
    die_yield: float = quantity("1", "share of good dies")
    good: float = quantity("1", "good dies per started wafer that leaves the line; line yield not included")
    packages: float = quantity("1", "packages per wafer of this die")


@checked
def die_supply(
    die: Die, *, parameters: ModelParameters | None = None, model: str = "negative_binomial",
    defect_density: float | None = None
) -> DieSupply:  # fmt: skip
    """Gross dies, yield and packages per wafer of one die.

    Parameters
    ----------
    die : the die.
    parameters : wafer, clustering and the factors on defect density and spare share.
    model : yield model, see :func:`ssmb.lithography.dies.die_yield`.
    defect_density : [1/m^2]; that of the node if not given.
    """
    par = parameters or model_parameters()
    home = node(die.node_id)
    gross = gross_dies(
        die.area, wafer_diameter=par.wafer_diameter, edge_exclusion=par.edge_exclusion, scribe_width=par.scribe_width
    )
    d0 = home.defect_density if defect_density is None else defect_density
    # A wafer-scale part routes around its defects: it is counted as one good part per wafer.
    share = min(1.0, die.spare_share * par.spare_share_factor)
    good_share = 1.0 if die.wafer_scale else die_yield(
        die.area, d0 * par.defect_density_factor, model=model, clustering=par.clustering, spare_share=share
    )  # fmt: skip
    if gross == 0.0:
        raise ConfigError(f"Not one {die.name} of {die.area * 1e6:g} mm^2 fits on the wafer.")
    good = gross * good_share
    return DieSupply(die, home, gross, good_share, good, good / die.per_package)


@checked
def chip(name: str) -> Chip:
    """The chip of that name; an unknown name raises :class:`ConfigError` with the nearest match.

    >>> chip("h100").flops
    989400000000000.0
    """
    row = fact_row("chips", name)
    area = row.si("compute_die_area_mm2")
    dies: tuple[Die, ...] = ()
    if area is not None:
        scale = row.text("wafer_scale") == "yes"
        per_package = int(row.number("compute_dies_per_package") or 1.0)
        spare = row.number("spare_area_share") or 0.0
        dies = (Die("compute die", row.text("node_id"), area, per_package, spare, scale, True),)
        more = [e for e in fact_rows("chip_extra_dies") if e.text("chip_id") == row.key]
        dies += tuple(e.record(Die, _DIE_COLUMNS, spare_share=0.0, wafer_scale=False, compute=False) for e in more)
    return row.record(Chip, _COLUMNS, dies=dies)


@checked
def chip_names() -> tuple[str, ...]:
    """Names of all chips."""
    return tuple(r.key for r in fact_rows("chips"))


@dataclass(frozen=True)
class Cluster:
    """A cluster of the table with FLOPS and power recomputed from its chips."""

    cluster_id: str = quantity("", "name in the table")
    name: str = quantity("", "name")
    chip_id: str = quantity("", "its accelerators")
    chips: float = quantity("1", "number of accelerators")
    flops: float | None = quantity("1/s", "dense BF16; None if the chip has no dense figure")
    power: float | None = quantity("W", "power of the chips alone")
    quoted: float | None = quantity("1", "figure in public; of FP64 or FP4 it cannot be compared with the dense BF16")
    quoted_unit: str = quantity("", "its unit")
    quoted_precision: str = quantity("", "its precision")
    status: str = quantity("", "quality of the row")
    source: str = quantity("", "where the row comes from")
    note: str = quantity("", "what else is to be said")


@checked
def clusters() -> tuple[Cluster, ...]:
    """All clusters with a known chip and number."""
    found = []
    for r in fact_rows("clusters"):
        n = r.number("n_chips")
        if n is None or not r.text("chip_id"):
            continue
        c = chip(r.text("chip_id"))
        flops, power = (None if of_one is None else n * of_one for of_one in (c.flops, c.power))
        found.append(r.record(Cluster, {"quoted": "quoted_performance"}, chips=n, flops=flops, power=power))
    return tuple(found)
