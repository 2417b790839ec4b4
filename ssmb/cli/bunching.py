"""``ssmb bunching DIR``: bunching factors of the records and particles of a run folder, or of a particle file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssmb.cli.arguments import WAVELENGTH, add_number, result_in
from ssmb.cli.output import answer
from ssmb.errors import ConfigError
from ssmb.quantity import Quantity
from ssmb.text import nanometres, number, table

if TYPE_CHECKING:
    from ssmb.beam import Beam


HELP = "bunching factors of a run folder, or of a file of particles"
#: Options for files alone.
_OF_A_FILE = ("iteration", "species", "energy")
_ENERGY = Quantity("eV", "total energy of the reference particle")


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    verb.add_argument("folder", metavar="DIR", help="folder of a run, or a file of particles (openPMD-beamphysics)")
    words = "wavelengths for the stored particles, such as 1064e-9 or '1064 nm' (default: those of the monitors)"
    add_number(verb, "--wavelength", WAVELENGTH, nargs="+", metavar="M", help=words)
    for name in _OF_A_FILE[:2]:
        verb.add_argument(f"--{name}", metavar="NAME", help=f"{name} to take from a file that holds several")
    add_number(
        verb, "--energy", _ENERGY, metavar="EV", help="of a file: total energy of its reference [eV] (default: mean)"
    )


def run(args: argparse.Namespace) -> int:
    """Read, compute and print."""
    if Path(args.folder).is_file():
        return _run_of_file(args)
    if given := [f"--{name}" for name in _OF_A_FILE if getattr(args, name) is not None]:
        raise ConfigError(f"{', '.join(given)}: '{args.folder}' is no file of particles")
    result = result_in(args.folder)
    beams = result.beams()
    if args.wavelength and not beams:
        raise ConfigError(
            f"--wavelength: the run in '{args.folder}' keeps no particles (output.particles is false, or all are lost)"
        )
    wavelengths = args.wavelength or result.wavelengths()
    particles = [_of_beam(words, beam, wavelengths) for words, beam in beams] if wavelengths else []
    parts = [_particles_text(particles) if particles else "", result.bunching_text()]
    text = "\n\n".join(part for part in parts if part)
    none = "this run has no particles and no bunching monitor; give --wavelength"
    return answer(args.json, {"folder": args.folder, "particles": particles} | result.bunching(), text or none)


def _run_of_file(args: argparse.Namespace) -> int:
    from ssmb.beam import Reference
    from ssmb.studies import load_beam

    if not args.wavelength:
        raise ConfigError(f"give --wavelength: '{args.folder}' is a file of particles")
    reference = None if args.energy is None else Reference(args.energy, args.species or "electron")
    beam = load_beam(args.folder, reference, iteration=args.iteration, species=args.species)
    particles = [_of_beam("the file", beam, args.wavelength)]
    return answer(args.json, {"folder": args.folder, "particles": particles}, _particles_text(particles))


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
