"""Accelerator chips: dies of one or several nodes in a package, dense FLOPS only, doubtful cells flagged."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ssmb.errors import ConfigError
from ssmb.lithography.dies import die_yield, gross_dies
from ssmb.lithography.nodes import Node, node
from ssmb.lithography.parameters import ModelParameters, model_parameters
from ssmb.lithography.tables import fact_row, fact_rows
from ssmb.ranges import count, positive, share
from ssmb.tables import Table
from ssmb.units import SQUARE_MILLIMETRE, TERAFLOPS


@dataclass(frozen=True)
class Die:
    """One kind of die in a package.

    Parameters
    ----------
    name : of the die.
    node_id : its node.
    area : of *one* die [m^2].
    per_package : number in a package [1].
    spare_share : share of the area that tolerates a defect [1].
    wafer_scale : a part of a whole wafer, one per wafer, defects bypassed.
    compute : whether the FLOPS come from it.
    """

    name: str
    node_id: str
    area: float
    per_package: int
    spare_share: float
    wafer_scale: bool
    compute: bool

    def __post_init__(self) -> None:
        positive(f"area of {self.name}", self.area, "m^2")
        count(f"dies per package of {self.name}", self.per_package)
        share("spare_share", self.spare_share, zero=True)


@dataclass(frozen=True)
class Chip:
    """One accelerator.

    Parameters
    ----------
    chip_id, name, vendor : names.
    year : of the first sale.
    node_id : node of the compute die.
    dies : compute die first; empty if its area is not known.
    transistors : [1], ``None`` if not known.
    flops : *dense* BF16 or FP16 peak [1/s], ``None`` if not known or only quoted with sparsity.
    flops_fp8 : dense FP8 (or INT8) peak [1/s].
    memory : [byte]; bandwidth : [byte/s].
    power : [W], ``None`` if not known.
    status, unverified, source, note : quality of the row; `unverified` names the doubtful cells.
    """

    chip_id: str
    name: str
    vendor: str
    year: float | None
    node_id: str
    dies: tuple[Die, ...]
    transistors: float | None
    flops: float | None
    flops_fp8: float | None
    memory: float | None
    memory_type: str
    bandwidth: float | None
    power: float | None
    status: str
    unverified: tuple[str, ...]
    source: str
    note: str

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
    """Good dies of one kind from one wafer.

    Parameters
    ----------
    die : the die.
    node : its node.
    gross : whole dies per wafer [1].
    die_yield : [1].
    good : per started wafer that leaves the line [1]; line yield not included.
    packages : per wafer of this die [1].
    """

    die: Die
    node: Node
    gross: float
    die_yield: float
    good: float
    packages: float


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


def chip(name: str) -> Chip:
    """The chip of that name; an unknown name raises :class:`ConfigError` with the nearest match.

    >>> chip("h100").flops
    989400000000000.0
    """
    row = fact_row("chips", name)
    area = row.number("compute_die_area_mm2")
    dies: tuple[Die, ...] = ()
    if area is not None:
        scale = row.text("wafer_scale") == "yes"
        per_package = int(row.number("compute_dies_per_package") or 1.0)
        spare = row.number("spare_area_share") or 0.0
        dies = (Die("compute die", row.text("node_id"), area * SQUARE_MILLIMETRE, per_package, spare, scale, True),)
        dies += tuple(
            Die(
                e.text("die_name"), e.text("node_id"), e.needed("die_area_mm2") * SQUARE_MILLIMETRE,
                int(e.needed("dies_per_package")), 0.0, False, False,
            )
            for e in fact_rows("chip_extra_dies")
            if e.text("chip_id") == row.key
        )  # fmt: skip

    def scaled(column: str, unit: float) -> float | None:
        value = row.number(column)
        return None if value is None else value * unit

    return Chip(
        chip_id=row.key,
        name=row.text("name"),
        vendor=row.text("vendor"),
        year=row.number("year"),
        node_id=row.text("node_id"),
        dies=dies,
        transistors=scaled("transistors_G", 1e9),
        flops=scaled("bf16_dense_TFLOPS", TERAFLOPS),
        flops_fp8=scaled("fp8_dense_TFLOPS", TERAFLOPS),
        memory=scaled("memory_GB", 1e9),
        memory_type=row.text("memory_type"),
        bandwidth=scaled("bandwidth_GB_s", 1e9),
        power=row.number("tdp_W"),
        status=row.text("status"),
        unverified=tuple(row.text("unverified_fields").split()),
        source=row.text("source"),
        note=row.text("note"),
    )


def chip_names() -> tuple[str, ...]:
    """Names of all chips."""
    return tuple(r.key for r in fact_rows("chips"))


def chips_table() -> Table:
    """All chips with the cells of the table; ``?`` marks a doubtful cell, ``-`` an unknown one."""
    shown = (
        ("year", "year"), ("node_id", "node"), ("compute_die_area_mm2", "die_mm2"),
        ("compute_dies_per_package", "compute_dies"), ("bf16_dense_TFLOPS", "bf16_dense_TFLOPS"), ("memory_GB",
        "memory_GB"),
        ("bandwidth_GB_s", "bandwidth_GB_s"), ("tdp_W", "tdp_W"),
    )  # fmt: skip
    rows = []
    for r in fact_rows("chips"):
        doubtful = set(r.text("unverified_fields").split())
        cells = [None if not r.text(c) else r.text(c) + ("?" if c in doubtful else "") for c, _ in shown]
        limited = "yes" if chip(r.key).uses_euv else "no: not limited by EUV power"
        rows.append((r.key, r.text("name"), *cells, limited, r.text("status"), r.text("source")))
    headers = ("chip", "name", *(h for _, h in shown), "uses_EUV", "status", "source")
    return Table("Accelerators, dense FLOPS only", headers, tuple(rows), ("? = doubtful cell, - = not known.",))


@dataclass(frozen=True)
class Cluster:
    """A cluster of the table with FLOPS and power recomputed from its chips.

    Parameters
    ----------
    cluster_id, name : names.
    chip_id : of its accelerators.
    chips : number [1].
    flops : dense BF16 [1/s], ``None`` if the chip has no dense figure.
    power : of the chips alone [W].
    quoted, quoted_unit, quoted_precision : the figure in public; FP64 and FP4 figures are not comparable with `flops`.
    status, source, note : origin.
    """

    cluster_id: str
    name: str
    chip_id: str
    chips: float
    flops: float | None
    power: float | None
    quoted: float | None
    quoted_unit: str
    quoted_precision: str
    status: str
    source: str
    note: str


def clusters() -> tuple[Cluster, ...]:
    """All clusters with a known chip and number."""
    found = []
    for r in fact_rows("clusters"):
        n = r.number("n_chips")
        if n is None or not r.text("chip_id"):
            continue
        c = chip(r.text("chip_id"))
        found.append(
            Cluster(
                r.key, r.text("name"), c.chip_id, n, None if c.flops is None else n * c.flops,
                None if c.power is None else n * c.power, r.number("quoted_performance"), r.text("quoted_unit"),
                r.text("quoted_precision"), r.text("status"), r.text("source"), r.text("note"),
            )
        )  # fmt: skip
    return tuple(found)
