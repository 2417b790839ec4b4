"""``ssmb compare schemes``: what each microbunching scheme needs for a harmonic and a bunching."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ssmb.cli.arguments import add_number
from ssmb.cli.output import answer
from ssmb.quantity import LIGHT, Quantity
from ssmb.text import named_values, number, quantity, ranged, table

if TYPE_CHECKING:
    from ssmb.schemes.compare import InMagnets, PowerWithin, SchemeComparison

    Magnets = dict[str, InMagnets | str]

_ENERGY = Quantity("eV", "beam energy", plausible=(1e6, 1e13))
#: option -> (field of Given, letters for its value, what it is)
_GIVEN = {
    "--wavelength": ("wavelength", "M", Quantity("m", "laser wavelength", plausible=LIGHT)),
    "--sigma-delta": ("sigma_delta", "S", Quantity("1", "rms relative momentum spread", plausible=(1e-9, 0.1))),
    "--emittance": ("emittance", "EPS", Quantity("m*rad", "vertical emittance", plausible=(1e-18, 1e-3))),
    "--h-mod": ("h_mod", "H", Quantity("m", "H of the dispersion at the modulator")),
    "--beta-mod": ("beta_mod", "BETA", Quantity("m", "vertical beta function at the modulator")),
    "--bend": ("bend", "RAD", Quantity("rad", "dipole in front of the modulator of ADM")),
    "--eta": ("eta", "M", Quantity("m", "dispersion in the transverse-gradient undulator of PEHG")),
    "--slip-length": ("slip_length", "M", Quantity("m", "eta C of a micro-bucket ring")),
    "--period-length": ("period_length", "M", Quantity("m", "period of the modulator", plausible=(1e-6, 10.0))),
    "--sigma-z": ("sigma_z", "M", Quantity("m", "microbunch in front of the modulator of strong focusing")),
}


HELP = "laser power, R56 and emittance that a harmonic and |b| ask for"


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    verb.add_argument("--harmonic", type=int, required=True, metavar="N", help="harmonic of the laser")
    verb.add_argument("--bunching", type=float, required=True, metavar="B", help="wanted |b| at it, below 1")
    verb.add_argument("--scheme", nargs="+", metavar="NAME", help="only these schemes")
    add_number(verb, "--energy", _ENERGY, metavar="EV", help="beam energy [eV] (default 600e6)")
    for option, (field, metavar, of) in _GIVEN.items():
        add_number(verb, option, of, dest=field, metavar=metavar)
    verb.add_argument("--periods", type=int, metavar="N", help="periods of the modulator (default 20)")
    verb.add_argument("--thin", action="store_true", help="thin models alone, nothing is tracked through magnets")
    verb.add_argument("--terms", action="store_true", help="nonlinear terms of the magnets of each design")


def run(args: argparse.Namespace) -> int:
    """Compare and print; 0 on success."""
    from dataclasses import replace

    from ssmb.beam import Reference
    from ssmb.schemes.compare import (
        ASSUMED,
        bunching_in_magnets,
        compare_schemes,
        powers_of_assumed,
        terms_of_designs,
    )
    from ssmb.schemes.given import Given

    changes: dict[str, Any] = {f: v for f, _, _ in _GIVEN.values() if (v := getattr(args, f)) is not None}
    if args.energy is not None:
        changes["reference"] = Reference(energy=args.energy)
    if args.periods is not None:
        changes["periods"] = args.periods
    found = compare_schemes(args.harmonic, args.bunching, replace(Given(), **changes), names=args.scheme)
    magnets = {} if args.thin else bunching_in_magnets(found)
    assumed = tuple(name for name in ASSUMED if name not in changes)
    powers = powers_of_assumed(found, assumed) if assumed else {}
    terms = terms_of_designs(found) if args.terms else {}
    payload = _payload(found, magnets, powers) | {"assumed": list(assumed)}
    if terms:
        payload["terms"] = {k: {"reason": v} if isinstance(v, str) else asdict(v) for k, v in terms.items()}
    tables = (f"{name}\n{t if isinstance(t, str) else t.table()}" for name, t in terms.items())
    return answer(args.json, payload, "\n\n".join((_text(found, magnets, powers), *tables)))


def _payload(found: SchemeComparison, magnets: Magnets, powers: dict[str, PowerWithin]) -> dict[str, Any]:
    fields = (
        "name", "title", "possible", "reason", "laser_power", "laser_powers", "amplitudes", "r56", "emittance",
        "sigma_delta", "bunching",
    )  # fmt: skip
    rows = []
    for r in found.rows:
        row, b, within = {f: getattr(r, f) for f in fields}, magnets.get(r.name), powers.get(r.name)
        if isinstance(b, str):
            row["no_magnets"] = b
        elif b is not None:
            row |= {"bunching_in_magnets": b.bunching, "bunching_in_magnets_range": b.bunching_range, "doubt": b.doubt}
        if within is not None:
            row |= {"laser_power_range": within.power_range, "impossible_with": within.impossible}
        rows.append(row)
    given = {f: getattr(found.given, f) for f, _, _ in _GIVEN.values()} | {
        "energy": found.given.reference.energy,
        "periods": found.given.periods,
    }
    return {"harmonic": found.harmonic, "bunching": found.bunching, "given": given, "schemes": rows}


def _text(found: SchemeComparison, magnets: Magnets, powers: dict[str, PowerWithin]) -> str:
    from ssmb.schemes.compare import KEPT

    given, k = found.given, found.given.modulator.undulator.k
    head = named_values(
        (
            ("wanted", f"|b_{found.harmonic}| = {number(found.bunching)} at "
                       f"{given.wavelength / found.harmonic * 1e9:.6g} nm"),
            ("beam", f"{quantity(given.reference.energy, 'eV')}, spread {number(given.sigma_delta)}, emittance "
             f"{quantity(given.emittance, 'm rad')}"),
            ("modulator", f"{given.periods} periods of {quantity(given.period_length, 'm')}, K = {k:.4g}"),
        )
    )  # fmt: skip
    measured = {name: b for name, b in magnets.items() if not isinstance(b, str)}
    rows = [
        (
            r.name,
            ranged(r.laser_power, powers[r.name].power_range, "W") if powers else quantity(r.laser_power, "W"),
            " + ".join(number(a, 3) for a in r.amplitudes),
            " + ".join(quantity(v, "m", 3) for v in r.r56),
            "-" if r.emittance is None else quantity(r.emittance, "m", 3),
            "-" if (b := measured.get(r.name)) is None else ranged(b.bunching, b.bunching_range, most=3),
        )
        for r in found.rows
        if r.possible
    ]
    body = table(("SCHEME", "LASER POWER", "MODULATION", "R56", "EMITTANCE", "|b| IN MAGNETS"), rows)
    missing = [f"{r.name}: {r.reason}" for r in found.rows if r.reason]
    missing += [f"{name}: no magnets: {why}" for name, why in magnets.items() if isinstance(why, str)]
    missing += [
        f"{name}: LOSES {100.0 * (1.0 - b.bunching / found.bunching):.0f} % of its |b| in real magnets; --terms "
        "says by what"
        for name, b in measured.items()
        if not b.doubt and b.bunching_range[1] < KEPT * found.bunching
    ]
    missing += [f"{name}: impossible with {' or '.join(p.impossible)}" for name, p in powers.items() if p.impossible]
    doubts = "\n".join(f"{name}: |b| in magnets {b.doubt}" for name, b in measured.items() if b.doubt)
    words = (
        "Thin models at the bounds of their theorems, no collective effects. Modulation: peak relative momentum; "
        "slope t\n"
        "[1/m] for tlc_angular. Emittance: vertical [m rad], longitudinal [m] for lsf; - : the spread limits. |b| in "
        "magnets:\n"
        "tracked through bends, quadrupoles and undulators that are matched to first order, without sextupoles; its "
        "interval is\nthe noise of the particles. Interval of the power: spread and emittance that are not given, each "
        "from half to double."
    )
    return "\n\n".join(part for part in (doubts, head, body, "\n".join(missing), words) if part)
