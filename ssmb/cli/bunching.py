"""``ssmb bunching DIR``: bunching factors of the records and particles of a run folder."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ssmb.cli.arguments import number_of
from ssmb.cli.output import print_json, warn_if_unfinished
from ssmb.errors import ConfigError
from ssmb.quantity import LIGHT, Quantity
from ssmb.text import nanometres, number, table

if TYPE_CHECKING:
    from ssmb.beam import Beam


HELP = "bunching factors of a run folder"


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    verb.add_argument("folder", metavar="DIR", help="folder of a run")
    verb.add_argument(
        "--wavelength",
        nargs="+",
        type=number_of(Quantity("m", "wavelength of light", plausible=LIGHT), "--wavelength"),
        metavar="M",
        help="wavelengths for the stored particles, such as 1064e-9 or '1064 nm' (default: those of the monitors)",
    )


def run(args: argparse.Namespace) -> int:
    """Read, compute and print."""
    from ssmb.studies import load_result

    result = load_result(args.folder)
    warn_if_unfinished(result)
    beams = result.beams()
    if args.wavelength and not beams:
        raise ConfigError(
            f"--wavelength: the run in '{args.folder}' keeps no particles (output.particles is false, or all are lost)"
        )
    wavelengths = args.wavelength or result.wavelengths()
    particles = [_of_beam(words, beam, wavelengths) for words, beam in beams] if wavelengths else []
    if args.json:
        print_json({"folder": args.folder, "particles": particles} | result.bunching())
        return 0
    parts = [_particles_text(particles)] if particles else []
    parts += [text] if (text := result.bunching_text()) else []
    print("\n\n".join(parts) or "this run has no particles and no bunching monitor; give --wavelength")
    return 0


def _of_beam(words: str, beam: Beam, wavelengths: list[float]) -> dict[str, Any]:
    from ssmb.beam.bunching import bunching_factor, shot_noise_level

    return {
        "at": words,
        "wavelengths": wavelengths,
        "bunching": bunching_factor(beam, wavelengths),
        "shot_noise_level": shot_noise_level(beam),
        "particles_alive": int(beam.alive.sum()),
    }


def _particles_text(particles: list[dict[str, Any]]) -> str:
    rows = [
        (p["at"], nanometres(w), number(abs(b), 5), number(p["shot_noise_level"], 2), str(p["particles_alive"]))
        for p in particles
        for w, b in zip(p["wavelengths"], p["bunching"], strict=True)
    ]
    return table(("particles", "wavelength", "|b|", "shot noise", "alive"), rows)
