"""``ssmb compare generations``: bend, wiggler, undulator, FEL and SSMB from machine parameters."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssmb.cli.arguments import WAVELENGTH, add_number, add_settings
from ssmb.cli.output import answer
from ssmb.cli.plot import write_figure
from ssmb.quantity import Quantity
from ssmb.text import digits_within, nanometres, number, quantity, table

if TYPE_CHECKING:
    from ssmb.light import Generations, LightSource, MachineInput

_VALUES = (
    "name", "wavelength", "average_power", "peak_power", "band", "bandwidth", "average_brightness", "peak_brightness",
    "coherent_fraction", "coherence_length", "total_power", "note",
)  # fmt: skip


HELP = "light sources: power, brightness, bandwidth, coherence from machine parameters"


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    add_number(verb, "--wavelength", WAVELENGTH, default=13.5e-9, metavar="M", help="of the light [m]")
    words = "full relative band of the powers (default: 2 %%)"
    add_number(verb, "--band", Quantity("1", "relative band"), metavar="B", help=words)
    add_settings(verb, "machine parameters, SI units and eV, by the names that are printed", "ssmb_energy=600e6")
    verb.add_argument("--figure", metavar="FILE", help="draw the comparison (.png, .pdf, .svg)")


def run(args: argparse.Namespace) -> int:
    """Compare and print; 0 on success."""
    from ssmb.light import Machines, compare_generations

    machines = Machines().changed(dict(args.set))
    found = compare_generations(args.wavelength, machines, band=args.band)
    if args.figure:
        from ssmb.plot import plot

        write_figure(plot(found), Path(args.figure))
    return answer(args.json, _payload(found, args), _text(found, args.wavelength))


def _payload(found: Generations, args: argparse.Namespace) -> dict[str, Any]:
    def inputs(given: tuple[MachineInput, ...]) -> dict[str, Any]:
        return {i.name: {"value": i.value, "unit": i.unit, "origin": i.origin} for i in given}

    def interval(s: LightSource) -> dict[str, Any]:
        if s.hangs_on is None:
            return {}
        changing = [n for n in _VALUES[1:-1] if s.interval(n)[0] < s.interval(n)[1]]
        return {"hangs_on": s.hangs_on.words(), "intervals": {n: list(s.interval(n)) for n in changing}}

    rows = [{n: getattr(s, n) for n in _VALUES} | interval(s) | {"inputs": inputs(s.inputs)} for s in found.sources]
    missing = [{"name": name, "reason": reason} for name, reason in found.missing]
    return {"wavelength": args.wavelength, "sources": rows, "missing": missing, "figure": args.figure}


def _text(found: Generations, wavelength: float) -> str:
    def digits(s: LightSource, name: str) -> int:
        return digits_within(getattr(s, name), s.interval(name), 3)

    def watts(s: LightSource, name: str) -> str:
        return quantity(getattr(s, name), "W", digits(s, name))

    def bright(s: LightSource, name: str) -> str:
        return f"{getattr(s, name):.{digits(s, name) - 1}e}"

    rows = [
        (
            s.name, watts(s, "average_power"), watts(s, "peak_power"), f"{s.band * 100:.3g} %", f"{s.bandwidth:.2e}",
            bright(s, "average_brightness"), bright(s, "peak_brightness"), f"{s.coherent_fraction:.2g}",
            quantity(s.coherence_length, "m", 3), watts(s, "total_power"),
        )
        for s in found.sources
    ]  # fmt: skip
    heads = (
        "SOURCE", "POWER", "PEAK", "BAND", "WIDTH", "BRIGHTNESS", "PEAK", "COHERENT", "COHERENCE", "ALL LIGHT",
    )  # fmt: skip
    used = {i.name: i for s in found.sources for i in s.inputs}
    inputs = [(i.name, number(i.value), "" if i.unit == "1" else i.unit, i.origin) for i in used.values()]
    words = (
        "Power: average, and while the beam passes, in BAND. Width: relative rms. Brightness: photons/(s mm2 mrad2 "
        "0.1 %),\n"
        "average and peak. Coherent: share in one transverse mode. Coherence: rms length. All light: all wavelengths."
    )
    notes = [f"{s.name}: {s.words()}" for s in found.sources]
    missing = [f"{name} cannot: {reason}" for name, reason in found.missing]
    parts = (
        f"Light sources at {nanometres(wavelength)}", table(heads, rows), "\n".join([*notes, *missing]), words,
        table(("INPUT", "VALUE", "UNIT", "ORIGIN"), inputs, left=4),
    )  # fmt: skip
    return "\n\n".join(part for part in parts if part)
