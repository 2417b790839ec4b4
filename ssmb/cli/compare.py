"""``ssmb compare sources | scanners | roadmap | schemes | generations``: parses, calls, prints."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from ssmb.cli import compare_generations, compare_schemes
from ssmb.cli.arguments import add_verb, named_numbers, number_of
from ssmb.quantity import Quantity

if TYPE_CHECKING:
    from ssmb.lithography.parameters import ModelParameters
    from ssmb.tables import Table

    Output = tuple[Table, list[Table], dict[str, object]]  # main table (for CSV), tables to print, payload for JSON


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the verb ``compare`` with its subjects."""
    parser = subparsers.add_parser(
        "compare", help="EUV sources, scanners, the way from watts to chips; microbunching schemes; light sources"
    )
    names = "{sources,scanners,roadmap,schemes,generations}"
    subjects = parser.add_subparsers(dest="subject", required=True, metavar=names)

    sources = subjects.add_parser("sources", help="EUV sources: power with its plane, band, readiness, features")
    sources.add_argument("--family", help="LPP, DPP, synchrotron, FEL, HHG, SSMB or other")
    sources.add_argument("--source", nargs="+", metavar="NAME", help="only these sources")
    sources.set_defaults(compare=_sources)

    scanners = subjects.add_parser("scanners", help="published throughput against the model; model rates")
    scanners.add_argument("--scanner", nargs="+", metavar="NAME", help="only these scanners")
    power = number_of(
        Quantity("W", "power at the IF", minimum=0.0, open_minimum=True, plausible=(1e-3, 1e6)), "--power"
    )
    dose = number_of(Quantity("1", "resist dose", minimum=0.0, open_minimum=True), "--dose [mJ/cm^2]")
    scanners.add_argument(
        "--power", nargs="+", type=power, default=[250.0, 500.0, 1000.0], metavar="W", help="at the IF [W]"
    )
    scanners.add_argument(
        "--dose", nargs="+", type=dose, default=[20.0, 30.0, 50.0, 60.0], metavar="D", help="resist dose [mJ/cm^2]"
    )
    scanners.set_defaults(compare=_scanners)

    roadmap = subjects.add_parser("roadmap", help="wafers, chips, compute and energy per year from a source")
    roadmap.add_argument("--source", nargs="+", default=["ssmb_default"], metavar="NAME", help="one or several sources")
    roadmap.add_argument("--node", help="process node; that of the chip if not given")
    roadmap.add_argument("--chip", default="h100", help="accelerator (default h100)")
    roadmap.add_argument("--scanner", default="future", help="scanner (default: hypothetical future tool)")
    area = number_of(Quantity("1", "area of a die", minimum=0.0, open_minimum=True), "--die-area [mm^2]")
    roadmap.add_argument(
        "--die-area", type=area, metavar="MM2", help="compute-die area [mm^2], where the table has none"
    )
    roadmap.add_argument("--compute-dies-only", action="store_true", help="leave out IO and CPU dies of a package")
    roadmap.add_argument(
        "--demand", nargs="+", default=["epoch_stock", "epoch_46", "brief_35"], help="growth scenarios"
    )
    roadmap.add_argument("--sources-built", type=int, default=1, help="equal sources that meet the demand")
    roadmap.add_argument("--samples", type=int, default=1000, help="samples of the intervals")
    roadmap.add_argument("--seed", type=int, default=1, help="seed of the intervals")
    roadmap.set_defaults(compare=_roadmap)

    add_verb(subjects, compare_schemes)
    add_verb(subjects, compare_generations)

    for p in (sources, scanners, roadmap):
        p.add_argument(
            "--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="model parameters, SI units"
        )
        p.add_argument("--json", action="store_true", help="one JSON object on stdout")
        p.add_argument("--csv", metavar="FILE", help="write the main table as CSV")
        p.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the subject; 0 on success, 2 on an input error, 4 if a file cannot be written."""
    main, tables, payload = args.compare(args, _parameters(args.set))
    if args.csv:
        from ssmb.store.atomic import atomic_path

        with atomic_path(args.csv) as part:
            part.write_text(main.to_csv(), encoding="utf-8", newline="")
    print(json.dumps(payload, allow_nan=False) if args.json else "\n\n".join(str(t) for t in tables))
    return 0


def _sources(args: argparse.Namespace, par: ModelParameters) -> Output:
    from ssmb.lithography.compare import compare_sources

    found = compare_sources(args.family, names=args.source, parameters=par)
    features = [dict(zip(("family", "feature", "cell", "status", "source"), f, strict=True)) for f in found.features]
    payload = {"sources": found.records(), "features": features, "statement": found.statement}
    main = found.table()
    return main, [main, found.feature_table()], payload


def _scanners(args: argparse.Namespace, par: ModelParameters) -> Output:
    from ssmb.lithography.compare import compare_scanners
    from ssmb.units import MILLIJOULE_PER_CM2

    doses = [d * MILLIJOULE_PER_CM2 for d in args.dose]
    found = compare_scanners(args.scanner, powers=args.power, doses=doses, parameters=par)
    main = found.table()
    return main, [main, found.rate_table()], found.records()


def _roadmap(args: argparse.Namespace, par: ModelParameters) -> Output:
    from ssmb.lithography.compare import compare_roadmap
    from ssmb.units import SQUARE_MILLIMETRE

    found = compare_roadmap(
        args.source,
        node_id=args.node,
        chip_id=args.chip,
        scanner_id=args.scanner,
        die_area=None if args.die_area is None else args.die_area * SQUARE_MILLIMETRE,
        all_dies=not args.compute_dies_only,
        demand=args.demand,
        sources_built=args.sources_built,
        parameters=par,
        samples=args.samples,
        seed=args.seed,
    )
    return found.table(), list(found.tables()), {"roadmaps": found.records()}


def _parameters(settings: list[str]) -> ModelParameters:
    from ssmb.lithography.parameters import model_parameters

    return model_parameters(named_numbers(settings, "rework=0.02"))
