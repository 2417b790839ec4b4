"""``ssmb bunching DIR``: bunching factors of the records and particles of a run folder."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ssmb.cli.arguments import number_of
from ssmb.cli.output import nanometres, number, print_json, table
from ssmb.quantity import LIGHT, Quantity

if TYPE_CHECKING:
    from ssmb.beam import Beam
    from ssmb.studies.insertion_result import InsertionResult
    from ssmb.studies.result import StudyResult
    from ssmb.tracking import BunchingRecord

#: Of a longer record the first and last turns are printed; --json has all.
_MOST_TURNS = 20


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the verb."""
    verb = subparsers.add_parser("bunching", help="bunching factors of a run folder")
    verb.add_argument("folder", metavar="DIR", help="folder of a run")
    verb.add_argument(
        "--wavelength",
        nargs="+",
        type=number_of(Quantity("m", "wavelength of light", plausible=LIGHT), "--wavelength"),
        metavar="M",
        help="wavelengths for the stored particles, such as 1064e-9 or '1064 nm' (default: those of the monitors)",
    )
    verb.add_argument("--json", action="store_true", help="one JSON object on stdout")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read, compute and print."""
    from ssmb.studies import InsertionResult, load_result
    from ssmb.tracking import BunchingRecord

    result = load_result(args.folder)
    if isinstance(result, InsertionResult):
        return _of_insertion(result, args)
    records = {name: r for name, r in result.records.items() if isinstance(r, BunchingRecord)}
    wavelengths = args.wavelength or sorted({float(w) for r in records.values() for w in r.wavelengths}, reverse=True)
    if not wavelengths and result.source is not None:
        wavelengths = [light.light.wavelength for light in result.source.lights]
    particles = [_of_beam(words, beam, wavelengths) for words, beam in _beams(result)] if wavelengths else []
    if args.json:
        print_json(
            {"folder": args.folder, "particles": particles, "records": {n: _payload(r) for n, r in records.items()}}
        )
        return 0
    parts = [_particles_text(particles)] if particles else []
    parts += [_record_text(name, record) for name, record in records.items()]
    print("\n\n".join(parts) or "this run has no particles and no bunching monitor; give --wavelength")
    return 0


def _of_insertion(result: InsertionResult, args: argparse.Namespace) -> int:
    """|b| against harmonic as stored, or of the particles in the radiator at the wavelengths asked for."""
    from ssmb.cli.insertion_text import bunching_text

    summary = result.summary()
    at = f"radiator {result.config.insertion.rad}"
    particles = [_of_beam(at, result.beam, args.wavelength)] if args.wavelength else []
    if args.json:
        stored = {name: summary[name] for name in ("harmonics", "bunching", "closed_form")}
        print_json({"folder": args.folder, "particles": particles, **stored})
    else:
        print(_particles_text(particles) if particles else bunching_text(summary))
    return 0


def _beams(result: StudyResult) -> list[tuple[str, Beam]]:
    """The stored beams that have a living particle, with words for where they stand."""
    beams: list[tuple[str, Beam | None]] = []
    if result.config.light is not None:
        beams.append((f"{result.config.light.at}, turn {result.config.light.turn}", result.beam_at_light))
    if result.source is not None:
        beams.append((f"source at {result.source.at}, turn {result.source.turn}", result.beam_at_source))
    beams.append((f"end of turn {result.turns - 1}", result.beam))
    return [(words, beam) for words, beam in beams if beam is not None and beam.alive.any()]


def _of_beam(words: str, beam: Beam, wavelengths: list[float]) -> dict[str, Any]:
    from ssmb.bunching.factors import bunching_factor, shot_noise_level

    return {
        "at": words,
        "wavelengths": wavelengths,
        "bunching": bunching_factor(beam, wavelengths),
        "shot_noise_level": shot_noise_level(beam),
        "particles_alive": int(beam.alive.sum()),
    }


def _payload(record: BunchingRecord) -> dict[str, Any]:
    return {
        "at": record.at,
        "wavelengths": record.wavelengths,
        "turn": record.turn,
        "bunching": record.bunching,
        "magnitude": record.magnitude,
    }


def _particles_text(particles: list[dict[str, Any]]) -> str:
    rows = [
        (p["at"], nanometres(w), number(abs(b), 5), number(p["shot_noise_level"], 2), str(p["particles_alive"]))
        for p in particles
        for w, b in zip(p["wavelengths"], p["bunching"], strict=True)
    ]
    return table(("particles", "wavelength", "|b|", "shot noise", "alive"), rows)


def _record_text(name: str, record: BunchingRecord) -> str:
    heads = (name, *(f"|b| {nanometres(float(w))}" for w in record.wavelengths))
    rows = [(f"turn {t}", *(number(b, 5) for b in m)) for t, m in zip(record.turn, record.magnitude, strict=True)]
    if len(rows) > _MOST_TURNS:
        half = _MOST_TURNS // 2
        rows = [*rows[:half], ("...", *("" for _ in record.wavelengths)), *rows[-half:]]
    return table(heads, rows)
