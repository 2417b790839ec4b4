"""From a source to wafers, chips and compute per year, and the energy that they take."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ssmb.arguments import checked
from ssmb.errors import ConfigError
from ssmb.lithography.chips import Chip, DieSupply, chip, die_supply
from ssmb.lithography.energy import energy_per_chip, energy_per_pass, operating_energy, shared_tool_power
from ssmb.lithography.nodes import Node, node
from ssmb.lithography.parameters import ModelParameters, model_parameters
from ssmb.lithography.scanner import Scanner, scanner, wafers_per_year
from ssmb.lithography.sources import COHERENT_FAMILIES, EuvSource, FocusPower, euv_source, power_at_focus
from ssmb.quantity import Shown, quantities_of, quantity
from ssmb.ranges import finite, positive
from ssmb.tables import Table
from ssmb.units import KILOWATT_HOUR, MILLIJOULE_PER_CM2

NOT_LIMITED = "not limited by EUV power: no layer is exposed with EUV"


@dataclass(frozen=True)
class Case:
    """All inputs of one roadmap, resolved to records; what the Monte-Carlo varies."""

    source: EuvSource = quantity("", "the source")
    scanner: Scanner = quantity("", "the scanner")
    chip: Chip = quantity("", "the accelerator")
    node: Node = quantity("", "node of the compute die")
    parameters: ModelParameters = quantity("", "model parameters")
    layers: float = quantity("1", "EUV exposures per wafer of the compute node")
    power_factor: float = quantity("1", "multiplies the source power", default=1.0)
    all_dies: bool = quantity(
        "", "count the scanner time of all dies of a package, not of the compute dies only", default=True
    )


@checked
@dataclass(frozen=True)
class Roadmap(Shown):
    """Result of :func:`roadmap` for one scanner and for all scanners of the source; None stands for what is not known.

    Chips and wafers are those of a year; a chip without EUV layers has none of the numbers.
    """

    source_id: str = quantity("", "source")
    scanner_id: str = quantity("", "scanner")
    node_id: str = quantity("", "node of the compute die")
    chip_id: str = quantity("", "accelerator")
    limited_by_euv: bool = quantity("", "whether any layer is exposed with EUV")
    statement: str = quantity("", "one sentence on the limit")
    power_at_if: float | None = quantity("W", "power at the intermediate focus, of one scanner", default=None)
    effective_power: float | None = quantity("W", "the same times the bandwidth gain", default=None)
    wafers_per_hour: float | None = quantity("1/h", "throughput at the dose of the node", default=None)
    limited_by: str = quantity("", "power or scan speed", default="")
    wafers_per_year: float | None = quantity(
        "1/year", "wafers per scanner and year, of compute dies, if it did nothing else", default=None
    )
    good_dies_per_wafer: float | None = quantity("1", "good compute dies per wafer", default=None)
    packages_per_wafer: float | None = quantity("1", "packages per compute wafer, before line yield", default=None)
    passes_per_chip: float | None = quantity(
        "1", "EUV passes per chip, exposures of a wafer with line yield and rework", default=None
    )
    chips_per_year: float | None = quantity(
        "1/year", "chips per scanner and year, finished, all dies of the package counted if asked", default=None
    )
    flops_per_year: float | None = quantity("1/s/year", "compute added per scanner and year, dense BF16", default=None)
    scanners: float | None = quantity("1", "scanners on this source", default=None)
    chips_per_year_source: float | None = quantity("1/year", "chips per source and year", default=None)
    flops_per_year_source: float | None = quantity(
        "1/s/year", "compute added per source and year, dense BF16", default=None
    )
    tool_power: float | None = quantity("W", "wall power per scanner", default=None)
    energy_per_pass: float | None = quantity("J", "energy per exposure, electrical", default=None)
    energy_per_chip: float | None = quantity("J", "EUV energy per chip, electrical", default=None)
    life_energy: float | None = quantity("J", "energy over the life of a chip", default=None)
    operating_power: float | None = quantity("W", "power to run one scanner-year of chips", default=None)
    doubtful: tuple[str, ...] = quantity("", "unverified cells of the chip row that were used", default=())

    def table(self) -> Table:
        """Quantities with units, one per line."""
        title = f"{self.source_id} -> {self.scanner_id} -> {self.node_id} -> {self.chip_id}"
        if not self.limited_by_euv:
            return Table(title, ("quantity", "value", "unit"), (), (self.statement,))
        known = {name: value for name, _, _, _ in SHOWN if (value := getattr(self, name)) is not None}
        rows = tuple((label, known[n] * scale if n in known else None, unit) for n, label, scale, unit in SHOWN)
        notes = [self.statement]
        if self.doubtful:
            notes.append("Doubtful cells of the chip: " + ", ".join(self.doubtful))
        return Table(title, ("quantity", "value", "unit"), rows, tuple(notes))


#: field, label, factor to the shown unit, shown unit
SHOWN = tuple(
    (name, quantities_of(Roadmap)[name].what, scale, unit)
    for name, scale, unit in (
        ("power_at_if", 1.0, "W"),
        ("wafers_per_hour", 1.0, "wafers/h"),
        ("wafers_per_year", 1.0, "1/year"),
        ("good_dies_per_wafer", 1.0, "1"),
        ("packages_per_wafer", 1.0, "1"),
        ("passes_per_chip", 1.0, "1"),
        ("chips_per_year", 1.0, "1/year"),
        ("flops_per_year", 1e-15, "PFLOPS dense BF16"),
        ("scanners", 1.0, "1"),
        ("chips_per_year_source", 1.0, "1/year"),
        ("flops_per_year_source", 1e-15, "PFLOPS dense BF16"),
        ("tool_power", 1e-6, "MW"),
        ("energy_per_pass", 1.0 / KILOWATT_HOUR, "kWh"),
        ("energy_per_chip", 1.0 / KILOWATT_HOUR, "kWh"),
        ("life_energy", 1.0 / KILOWATT_HOUR, "kWh"),
        ("operating_power", 1e-9, "GW"),
    )
)


def roadmap_case(
    source: EuvSource | str,
    *,
    node_id: str | None = None,
    chip_id: str = "h100",
    scanner_id: str = "future",
    die_area: float | None = None,
    all_dies: bool = True,
    parameters: ModelParameters | None = None,
) -> Case:
    """Resolve names into records; see :func:`roadmap`."""
    par = parameters or model_parameters()
    record = euv_source(source) if isinstance(source, str) else source
    if not isinstance(record, EuvSource):
        raise ConfigError(f"source must be an EuvSource or the name of one, got {type(record).__name__}.")
    part = chip(chip_id)
    if die_area is not None:
        part = part.with_die_area(positive("die_area", die_area, "m^2"))
    home = node(node_id or part.node_id)
    if node_id is not None and part.dies and home.node_id != part.node_id:
        part = _moved(part, home.node_id)
    return Case(record, scanner(scanner_id, parameters=par), part, home, par, home.euv_layers, 1.0, all_dies)


@checked
def roadmap(
    source: EuvSource | str,
    *,
    node_id: str | None = None,
    chip_id: str = "h100",
    scanner_id: str = "future",
    die_area: float | None = None,
    all_dies: bool = True,
    parameters: ModelParameters | None = None,
) -> Roadmap:
    """Wafers, chips, compute and energy per year from one source.

    Parameters
    ----------
    source : record or name; a simulated one comes from :meth:`EuvSource.from_result`.
    node_id : node of the compute die; that of the chip if not given. Another node moves the compute die there with its
        area unchanged.
    chip_id : accelerator.
    scanner_id : scanner, "future" for the tool of the model parameters.
    die_area : area of one compute die [m^2], for chips whose area is not known.
    all_dies : count the scanner time of all dies of a chiplet package; ``False`` counts the compute dies only.
    parameters : model parameters, see :func:`model_parameters`.

    Raises
    ------
    ConfigError
        Unknown names; a source outside the band of the scanner; a die area that is not known.

    Examples
    --------
    >>> round(roadmap("ssmb_default", chip_id="h100").chips_per_year / 1e6, 2)
    2.81
    """
    return evaluate(
        roadmap_case(
            source, node_id=node_id, chip_id=chip_id, scanner_id=scanner_id, die_area=die_area, all_dies=all_dies,
            parameters=parameters,
        )
    )  # fmt: skip


def evaluate(case: Case) -> Roadmap:
    """The roadmap of one resolved case (deterministic)."""
    names = (case.source.source_id, case.scanner.scanner_id, case.node.node_id, case.chip.chip_id)
    if not _any_euv(case):
        return Roadmap(*names, False, f"{case.chip.name}: {NOT_LIMITED}")
    par, part = case.parameters, case.chip
    main = die_supply(part.compute_die, parameters=par)
    focus, gain = _focus(case)
    at_if = focus.power * case.power_factor
    effective = at_if * gain
    packages, passes, hours = _package(case, main, effective)
    rate, limited = _rate(case, effective, case.node) if case.node.uses_euv else (None, "")
    usable = 8760.0 * par.equipment_effectiveness * par.wafer_share
    chips = usable / hours if hours is not None else 0.0
    wafers = None
    if rate is not None:
        wafers = wafers_per_year(rate, par.equipment_effectiveness, case.layers, par.rework) * par.wafer_share
    served, tool = _sharing(case)
    per_pass = None if hours is None else energy_per_pass(tool, passes / hours)
    flops = None if part.flops is None else chips * part.flops
    return Roadmap(
        *names,
        True,
        _statement(case, served, focus),
        power_at_if=at_if,
        effective_power=effective,
        wafers_per_hour=rate,
        limited_by=limited,
        wafers_per_year=wafers,
        good_dies_per_wafer=main.good,
        packages_per_wafer=packages,
        passes_per_chip=passes,
        chips_per_year=chips,
        flops_per_year=flops,
        scanners=served,
        chips_per_year_source=chips * served,
        flops_per_year_source=None if flops is None else flops * served,
        tool_power=tool,
        energy_per_pass=per_pass,
        energy_per_chip=None if per_pass is None else energy_per_chip(per_pass, passes),
        life_energy=None if part.power is None else operating_energy(part.power, par.chip_life),
        operating_power=None if part.power is None else chips * part.power,
        doubtful=part.unverified,
    )


def _any_euv(case: Case) -> bool:
    if case.layers > 0:
        return True
    return case.all_dies and any(node(d.node_id).uses_euv for d in case.chip.dies[1:])


def _focus(case: Case) -> tuple[FocusPower, float]:
    found = power_at_focus(case.source, parameters=case.parameters)
    if found is None:
        raise ConfigError(
            f"'{case.source.source_id}' ({case.source.wavelength * 1e9:g} nm, {case.source.plane.words}) does not feed "
            "a 13.5-nm scanner: its figure is outside the 2 % band or stands at the wafer. Choose a source whose "
            "power is at the plasma, the undulator or the intermediate focus, or give it another wavelength with "
            "dataclasses.replace."
        )
    gain = case.parameters.bandwidth_gain if case.source.family in COHERENT_FAMILIES else 1.0
    return found, gain


def _rate(case: Case, power: float, home: Node) -> tuple[float, str]:
    if home.dose is None:
        raise ConfigError(f"Node '{home.node_id}' has no EUV dose.")
    result = case.scanner.throughput(power, home.dose * case.parameters.dose_factor)
    return result.wafers_per_hour, result.limited_by


def _package(case: Case, main: DieSupply, power: float) -> tuple[float, float, float | None]:
    """Packages per compute wafer, EUV passes per chip and scanner hours per chip (``None`` without power)."""
    par = case.parameters
    dies = case.chip.dies if case.all_dies else case.chip.dies[:1]
    passes = hours = 0.0
    for i, die in enumerate(dies):
        supply = main if i == 0 else die_supply(die, parameters=par)
        layers = case.layers if i == 0 else supply.node.euv_layers
        if layers == 0:
            continue
        starts = 1.0 / (supply.packages * par.line_yield)
        exposures = starts * layers * (1.0 + par.rework)
        rate, _ = _rate(case, power, case.node if i == 0 else supply.node)
        if rate == 0.0:
            return main.packages, passes + exposures, None
        passes += exposures
        hours += exposures / rate
    return main.packages, passes, hours


def _sharing(case: Case) -> tuple[float, float]:
    """Scanners on the source and wall power per scanner [W]."""
    par, source = case.parameters, case.source
    if source.family in ("LPP", "DPP"):
        own = case.scanner.tool_power if case.scanner.tool_power is not None else par.tool_power
        return (1.0, source.wall_power if source.wall_power is not None and source.wall_scope == "tool" else own)
    served = source.served if source.served is not None else par.beamlines
    facility = source.wall_power if source.wall_power is not None else par.ring_power
    if source.source_id == "ssmb_default":
        # The default row repeats two parameters; the parameters rule, so that they can be varied.
        served, facility = par.beamlines, par.ring_power
    return float(served), shared_tool_power(facility, served, par.body_power)


def _statement(case: Case, served: float, focus: FocusPower) -> str:
    way = f" (x {focus.transport:g} to the intermediate focus, assumed)" if focus.assumed else ""
    power = float(f"{case.source.power * case.power_factor:.4g}")
    dose = finite("dose", case.node.dose or 0.0) * case.parameters.dose_factor / MILLIJOULE_PER_CM2
    return (
        f"{case.source.figure_kind} power of {power:g} W at the {case.source.plane.words}{way}; {case.layers:g} EUV "
        f"exposures per wafer ({case.node.layers_status}), {dose:g} mJ/cm2 ({case.node.dose_status}), equipment "
        f"effectiveness {case.parameters.equipment_effectiveness:g} "
        f"(assumption); {served:g} scanner(s) on the source; the scanner makes nothing but this chip unless "
        "wafer_share is set."
    )


def _moved(part: Chip, node_id: str) -> Chip:
    return replace(part, node_id=node_id, dies=(replace(part.dies[0], node_id=node_id), *part.dies[1:]))
