"""``ssmb run FILE.run.yaml``: do what a run file says."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssmb.cli.figures import FIGURE_FOLDER, write_study_figures
from ssmb.cli.output import named_values, nanometres, note, number, print_json, quantity, table
from ssmb.cli.source_text import ring_source_text
from ssmb.errors import ConfigError

if TYPE_CHECKING:
    from ssmb.studies.insertion_result import InsertionResult
    from ssmb.studies.result import StudyResult

_OK, _INTERRUPTED = 0, 130


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the verb."""
    verb = subparsers.add_parser("run", help="do what a run file says; results go into a folder")
    verb.add_argument("file", metavar="FILE", help="run file (*.run.yaml)")
    verb.add_argument("--folder", metavar="DIR", help="folder of the run (default: as in the file, else runs/NAME)")
    verb.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="values that replace those of the file, such as beam.particles=1000",
    )
    add_common(verb)
    verb.set_defaults(run=run)


def add_common(verb: argparse.ArgumentParser) -> None:
    """Add what ``run`` and ``resume`` share."""
    verb.add_argument("--threads", type=int, metavar="N", help="number of threads; the result does not depend on it")
    verb.add_argument("--no-figures", action="store_true", help="write no figures, whatever the run file says")
    verb.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """Run and print."""
    from ssmb.studies import run_file

    changes = changes_of(args.set)
    result = run_file(args.file, folder=args.folder, changes=changes, threads=args.threads, progress=True)
    return finish(result, args)


def changes_of(settings: list[str]) -> dict[str, str]:
    """Return the values of ``--set`` by dotted key; the run file's reader reads and checks them.

    >>> changes_of(["beam.particles=1000", "title=a=b"])
    {'beam.particles': '1000', 'title': 'a=b'}
    """
    changes: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise ConfigError(
                f"--set needs KEY=VALUE such as beam.particles=1000, got '{setting}' (write FILE before --set)"
            )
        changes[key.strip()] = value.strip()
    return changes


def finish(result: StudyResult | InsertionResult, args: argparse.Namespace) -> int:
    """Write figures, print the result, and return the exit code of its status."""
    folder = result.folder
    status = result.status.name.lower()
    figures: list[Path] = []
    if status == "completed" and folder and result.config.output.figures and not args.no_figures:
        figures = write_study_figures(result, Path(folder) / FIGURE_FOLDER)
    summary = result.summary() | {"folder": folder, "figures": figures}
    if args.json:
        print_json(summary)
    else:
        print(_text_of(summary, result))
    if status == "interrupted":
        note(
            f"ssmb: interrupted after {summary['turns']} turns; a checkpoint is written. Go on with: ssmb resume {folder}"
        )
        return _INTERRUPTED
    return _OK


def _text_of(summary: dict[str, Any], result: StudyResult | InsertionResult) -> str:
    from ssmb.cli.insertion_text import insertion_text
    from ssmb.studies.insertion_result import InsertionResult

    if not isinstance(result, InsertionResult):
        return _text(summary, result)
    places = [("folder", str(summary["folder"]))] if summary["folder"] else []
    return "\n\n".join((insertion_text(summary), *([named_values(places)] if places else [])))


def _text(summary: dict[str, Any], result: StudyResult) -> str:
    optics = result.optics
    alive, particles = summary["particles_alive"], summary["particles"]
    lines = [
        ("run", summary["title"] or "-"),
        ("status", result.status.value),
        ("optics", f"Qx {optics.qx:.5f}, Qy {optics.qy:.5f}, Qs {optics.qs:.4g}"),
        ("", f"alpha_c {optics.alpha_c:.5e}, slip factor {optics.slip_factor:.5e}"),
        ("tracked", f"{particles} particles, {summary['turns']} turns, {particles - alive} lost"),
    ]
    lines += [("lost", _loss(loss)) for loss in result.losses[:5]]
    parts = [named_values(lines)]
    if summary["light"]:
        heads = ("harmonic", "wavelength", "|b|", "closed form", "coherent", "incoherent", "crossover charge")
        parts.append(table(heads, [_light_row(light) for light in summary["light"]]))
        parts.append("power: mean over the passage of the bunch; crossover: charge at which both parts are equal")
    parts += [_bucket(bucket) for bucket in summary["buckets"]]
    if summary["source"]:
        parts.append(ring_source_text(summary["source"]))
    if summary["folder"]:
        parts.append(named_values([("folder", str(summary["folder"]))]))
    return "\n\n".join(parts)


def _light_row(light: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(light["harmonic"]),
        nanometres(light["wavelength"]),
        number(light["bunching"], 4),
        number(light["closed_form_bunching"], 4),
        quantity(light["coherent_power"], "W"),
        quantity(light["incoherent_power"], "W"),
        quantity(light["crossover_charge"], "C"),
    )


def _bucket(bucket: dict[str, Any]) -> str:
    """The bucket, its record at some turns, and how long it holds what is in it."""
    lines = [
        ("bucket", f"at {bucket['at'] or 'the end of each turn'}"),
        ("", f"tune {number(bucket['tune'])}, half height {number(bucket['half_height'], 4)} of delta"),
    ]
    if bucket["lifetime"] is not None:
        lines.append(("lifetime", f"{number(bucket['lifetime'], 4)} turns, from the second half of the run"))
    heads = ("turn", "captured", "sigma_z", "sigma_delta", *(f"|b_{n}|" for n in bucket["harmonics"][:6]))
    rows = [
        (
            str(row["turn"]),
            number(row["captured"], 4),
            quantity(row["sigma_z"], "m"),
            number(row["sigma_delta"], 4),
            *(number(b, 4) for b in row["bunching"][:6]),
        )
        for row in bucket["turns"]
    ]
    what = "sizes: rms of what is captured; bunching: of all particles"
    return "\n\n".join([named_values(lines), table(heads, rows), what])


def _loss(loss: Any) -> str:
    return f"{loss.particles} at {loss.element} (s = {loss.s:.3f} m) from turn {loss.first_turn}: {loss.reason.text}"
