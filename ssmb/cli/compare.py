"""``ssmb compare sources | scanners | roadmap | schemes | generations``: parses, calls, prints."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ssmb.cli import compare_generations, compare_schemes
from ssmb.cli.arguments import add_number, add_settings, add_verb, result_in
from ssmb.cli.output import answer, write_csv
from ssmb.errors import ConfigError
from ssmb.quantity import Quantity

if TYPE_CHECKING:
    from ssmb.lithography.parameters import ModelParameters
    from ssmb.lithography.sources import EuvSource
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
    power = Quantity("W", "power at the IF", minimum=0.0, open_minimum=True, plausible=(1e-3, 1e6))
    add_number(scanners, "--power", power, nargs="+", default=[250.0, 500.0, 1000.0], metavar="W")
    dose = Quantity("1", "resist dose [mJ/cm^2]", minimum=0.0, open_minimum=True)
    add_number(scanners, "--dose", dose, nargs="+", default=[20.0, 30.0, 50.0, 60.0], metavar="D")
    scanners.set_defaults(compare=_scanners)

    roadmap = subjects.add_parser("roadmap", help="wafers, chips, compute and energy per year from a source")
    roadmap.add_argument("--source", nargs="+", default=["ssmb_default"], metavar="NAME", help="one or several sources")
    roadmap.add_argument("--node", help="process node; that of the chip if not given")
    roadmap.add_argument("--chip", default="h100", help="accelerator (default h100)")
    roadmap.add_argument("--scanner", default="future", help="scanner (default: hypothetical future tool)")
    area = Quantity("1", "compute-die area [mm^2], where the table has none", minimum=0.0, open_minimum=True)
    add_number(roadmap, "--die-area", area, metavar="MM2")
    roadmap.add_argument("--compute-dies-only", action="store_true", help="leave out IO and CPU dies of a package")
    roadmap.add_argument(
        "--demand", nargs="+", default=["epoch_stock", "epoch_46", "brief_35"], help="growth scenarios"
    )
    built = "scanners that meet the demand, the same number for each source (default 4)"
    roadmap.add_argument("--scanners-built", type=int, default=4, metavar="N", help=built)
    roadmap.add_argument("--samples", type=int, default=1000, help="samples of the intervals")
    roadmap.add_argument("--seed", type=int, default=1, help="seed of the intervals")
    roadmap.set_defaults(compare=_roadmap)

    add_verb(subjects, compare_schemes)
    add_verb(subjects, compare_generations)

    for p in (sources, roadmap):
        words = "folders of finished runs, whose light stands beside the others"
        p.add_argument("--run", nargs="+", default=[], dest="runs", metavar="DIR", help=words)
    for p in (sources, scanners, roadmap):
        add_settings(p, "model parameters, SI units", "rework=0.02")
        p.add_argument("--json", action="store_true", help="one JSON object on stdout")
        p.add_argument("--csv", metavar="FILE", help="write the main table as CSV (-: to stdout)")
        p.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the subject; 0 on success, 2 on an input error, 4 if a file cannot be written."""
    from ssmb.lithography.parameters import model_parameters

    main, tables, payload = args.compare(args, model_parameters(dict(args.set)))
    if args.csv and write_csv(args, main.to_csv()):
        return 0
    return answer(args.json, payload, "\n\n".join(str(t) for t in tables))


def _simulated(folders: list[str]) -> list[EuvSource]:
    """The light of runs, as sources; ConfigError if one has none."""
    from ssmb.lithography.sources import simulated_sources

    found: list[EuvSource] = []
    for folder in folders:
        lights = result_in(folder).lights()
        if not lights:
            raise ConfigError(f"the run in '{folder}' has no light that could be compared: it needs a section 'source'")
        found += simulated_sources(lights, Path(folder).resolve().name)
    return found


def _sources(args: argparse.Namespace, par: ModelParameters) -> Output:
    from ssmb.lithography.compare import compare_sources

    found = compare_sources(args.family, names=args.source, extra=_simulated(args.runs), parameters=par)
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
        [*args.source, *_simulated(args.runs)],
        node_id=args.node,
        chip_id=args.chip,
        scanner_id=args.scanner,
        die_area=None if args.die_area is None else args.die_area * SQUARE_MILLIMETRE,
        all_dies=not args.compute_dies_only,
        demand=args.demand,
        scanners_built=args.scanners_built,
        parameters=par,
        samples=args.samples,
        seed=args.seed,
    )
    return found.table(), list(found.tables()), {"roadmaps": found.records()}
