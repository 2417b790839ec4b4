"""``ssmb compare schemes``: what each microbunching scheme needs for a harmonic and a bunching."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ssmb.cli.arguments import add_number
from ssmb.cli.output import answer
from ssmb.quantity import LIGHT, Quantity
from ssmb.text import named_values, number, quantity, table

if TYPE_CHECKING:
    from ssmb.schemes.compare import SchemeComparison

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
    verb.add_argument(
        "--terms", action="store_true", help="nonlinear terms of the magnets of each design (needs daceypy)"
    )


def run(args: argparse.Namespace) -> int:
    """Compare and print; 0 on success."""
    from dataclasses import replace

    from ssmb.beam import Reference
    from ssmb.schemes.compare import bunching_in_magnets, compare_schemes, terms_of_designs
    from ssmb.schemes.given import Given

    changes: dict[str, Any] = {f: v for f, _, _ in _GIVEN.values() if (v := getattr(args, f)) is not None}
    if args.energy is not None:
        changes["reference"] = Reference(energy=args.energy)
    if args.periods is not None:
        changes["periods"] = args.periods
    found = compare_schemes(args.harmonic, args.bunching, replace(Given(), **changes), names=args.scheme)
    magnets = {} if args.thin else bunching_in_magnets(found)
    terms = terms_of_designs(found) if args.terms else {}
    payload = _payload(found, magnets)
    if terms:
        payload["terms"] = {k: {"reason": v} if isinstance(v, str) else asdict(v) for k, v in terms.items()}
    tables = (f"{name}\n{t if isinstance(t, str) else t.table()}" for name, t in terms.items())
    return answer(args.json, payload, "\n\n".join((_text(found, magnets), *tables)))


def _payload(found: SchemeComparison, magnets: dict[str, float | str]) -> dict[str, Any]:
    fields = (
        "name", "title", "possible", "reason", "laser_power", "laser_powers", "amplitudes", "r56", "emittance",
        "sigma_delta", "bunching",
    )  # fmt: skip
    told = {name: "no_magnets" if isinstance(b, str) else "bunching_in_magnets" for name, b in magnets.items()}
    rows = [
        {f: getattr(r, f) for f in fields} | ({told[r.name]: magnets[r.name]} if r.name in told else {})
        for r in found.rows
    ]
    given = {f: getattr(found.given, f) for f, _, _ in _GIVEN.values()} | {
        "energy": found.given.reference.energy,
        "periods": found.given.periods,
    }
    return {"harmonic": found.harmonic, "bunching": found.bunching, "given": given, "schemes": rows}


def _text(found: SchemeComparison, magnets: dict[str, float | str]) -> str:
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
    rows = [
        (
            r.name,
            quantity(r.laser_power, "W"),
            " + ".join(number(a, 3) for a in r.amplitudes),
            " + ".join(quantity(v, "m", 3) for v in r.r56),
            "-" if r.emittance is None else quantity(r.emittance, "m", 3),
            number(b, 3) if isinstance(b := magnets.get(r.name), float) else "-",
        )
        for r in found.rows
        if r.possible
    ]
    body = table(("SCHEME", "LASER POWER", "MODULATION", "R56", "EMITTANCE", "|b| IN MAGNETS"), rows)
    missing = [f"{r.name}: {r.reason}" for r in found.rows if r.reason]
    missing += [f"{name}: no magnets: {why}" for name, why in magnets.items() if isinstance(why, str)]
    missing += [
        f"{name}: LOSES {100.0 * (1.0 - b / found.bunching):.0f} % of its |b| in real magnets; --terms says by what"
        for name, b in magnets.items()
        if isinstance(b, float) and b < KEPT * found.bunching
    ]
    words = (
        "Thin models at the bounds of their theorems, no collective effects. Modulation: peak relative momentum; "
        "slope t\n"
        "[1/m] for tlc_angular. Emittance: vertical [m rad], longitudinal [m] for lsf; - : the spread limits. |b| in "
        "magnets:\n"
        "tracked through bends, quadrupoles and undulators that are matched to first order, without sextupoles."
    )
    return "\n\n".join(part for part in (head, body, "\n".join(missing), words) if part)
