"""The run of an insertion in words and tables, for the verbs ``run`` and ``power``."""

from __future__ import annotations

from typing import Any

from ssmb.cli.output import named_values, number, quantity, table
from ssmb.cli.source_text import intrabeam_text, lights_text, steps_text

#: Harmonics that are printed of the many that are stored, and terms of the closure.
_MOST = 12


def insertion_text(summary: dict[str, Any]) -> str:
    """Return the whole run."""
    head = named_values([("run", summary["title"] or "-"), ("particles", str(summary["particles"]))])
    return "\n\n".join((head, bunching_text(summary), power_text(summary["source"])))


def bunching_text(summary: dict[str, Any]) -> str:
    """Return |b_n| against harmonic, tracked and closed form."""
    harmonics = summary["harmonics"]
    of_light = summary["source"]["explained"]["harmonic"]
    step = max(1, len(harmonics) // _MOST)
    chosen = [i for i, n in enumerate(harmonics) if i % step == 0 or n == of_light]
    rows = [
        (str(harmonics[i]), number(summary["bunching"][i], 4), number(summary["closed_form"][i], 4)) for i in chosen
    ]
    words = "closed form: |J_n(n xi)| exp(-(n k)^2 eps_y H_rad/2)"
    return "\n".join((table(("harmonic", "|b| tracked", "closed form"), rows), words))


def power_text(source: dict[str, Any]) -> str:
    """Return light, its terms, scattering, closure, laser and energy."""
    parts = [
        _explained(source["explained"]),
        lights_text(source["lights"]),
        steps_text(source["lights"][0]),
        _intrabeam(source["intrabeam"]),
        _closure(source["closure"], source["intrabeam"]["path_error"]),
        _laser(source),
        _energy(source),
    ]
    if source["convergence"]:
        parts.append(_convergence(source["convergence"]))
    return "\n\n".join(parts)


def _explained(found: dict[str, Any]) -> str:
    n = found["harmonic"]
    rows = [(t["name"], number(t["factor"], 5), t["formula"]) for t in found["terms"]]
    rows.append(("product", number(found["product"], 5), ""))
    words = f"noise {number(found['noise'], 2)}, {100 * found['departure']:+.1f} % of the product"
    rows.append((f"|b_{n}| tracked", number(found["tracked"], 5), words))
    return _left_table(f"what makes |b_{n}|", rows)


def _left_table(head: str, rows: list[tuple[str, str, str]]) -> str:
    """Names, numbers and words; the words to the left."""
    widths = [max(len(row[i]) for row in rows) for i in (0, 1)]
    return "\n".join((head, *(f"{a.ljust(widths[0])}  {b.rjust(widths[1])}  {c}".rstrip() for a, b, c in rows)))


def _intrabeam(found: dict[str, Any]) -> str:
    how = "tracked again" if found["kept_by"] == "tracked" else "by the named terms (tracked light is noise)"
    note = f"peak power x {number(found['power_kept'], 4)}, {how}, with the beam that the balance leaves"
    x, y, delta = (quantity(t, "s", 3) for t in found["growth_times"])
    more = [
        ("", f"growth times of emittance x {x}, y {y}, sigma_delta^2 {delta}"),
        ("", "counted in every turn, before what closure adds to the emittance"),
    ]
    width = len("without, with")
    lines = "\n".join(f"{name.ljust(width)}  {words}" for name, words in more)
    return "\n".join((intrabeam_text(found["beam"], note), lines))


def _closure(found: dict[str, Any], collisions: float) -> str:
    thick = found["thick"]
    words = f"{quantity(thick, 'm')} if their r56 is compensated (not tracked)" if thick else "not counted"
    which = "with the beam that scattering leaves" if found["of"] == "scattered" else "LOST with scattering; without it"
    lines = [
        ("closure", f"path error MOD1-MOD2 of the magnets, tracked: {quantity(found['magnets'], 'm')} without scattering"),
        ("", f"{which} {quantity(found['dz_rms'], 'm')}, of it at random phase "
             f"{quantity(found['dz_counting'], 'm')}; allowed {quantity(found['allowed'], 'm')}"),
        ("", f"photons, tracked: {quantity(found['quantum'], 'm')}"),
        ("", f"collisions of one pass, calculated: path error {quantity(collisions, 'm')}"),
        ("", f"slip in the modulators, calculated: {words}; {quantity(found['uncompensated'], 'm')} if not"),
        ("", f"all of them: emittance y grows by {quantity(found['growth'], 'm')} a turn with laser, of it by aberrations "
             f"{quantity(found['aberrations'], 'm')}"),
        ("", f"damping takes {quantity(2 * found['damping'] * found['emittance'], 'm')} a turn of {quantity(found['emittance'], 'm')}"),
        ("", f"laser in {number(found['duty'], 3)} of the turns for +{100 * found['fraction']:.0f} % emittance, "
             f"{number(found['best_duty'], 3)} for the most power"),
    ]  # fmt: skip
    rows = [(t["name"], number(t["coefficient"], 5), quantity(t["rms"], "m")) for t in found["terms"][:_MOST]]
    rows.append(("beyond the map", "", quantity(found["beyond"], "m")))
    return "\n".join((named_values(lines), table(("term of the path", "coefficient", "rms"), rows)))


def _laser(source: dict[str, Any]) -> str:
    laser = source["laser"]
    limit = f", average at most {quantity(laser['average_power'], 'W')} (given)" if laser["average_power"] else ""
    power = (
        quantity(laser["peak_power"], "W") if laser["peak_power"] else "not told: no undulator at mod1, or a plane wave"
    )
    lines = [
        ("laser", f"peak power {power} with the electrons in each modulator{limit}"),
        ("", f"allows light in {number(laser['duty'], 4)} of the turns; {number(source['duty'], 4)} are used"),
        (
            "",
            f"h 2 N lambda = {number(laser['slip'], 3)} in {number(laser['periods'])} periods; the tracked kicks are thin, "
            "which it should be small for",
        ),
    ]
    return named_values(lines)


def _energy(source: dict[str, Any]) -> str:
    energy, light = source["energy"], source["lights"][0]
    in_pass = quantity(light["energy_loss"], "eV")
    lines = [
        ("energy a turn", f"lost: ring {quantity(energy['radiation'], 'eV')} (given), light {quantity(energy['light'], 'eV')} on average"),
        ("", f"in a train, in a pass with laser, before scattering and closure: {in_pass}"),
        ("", f"modulation {quantity(energy['laser_peak'], 'eV')}, given by the first laser and taken by the second"),
    ]  # fmt: skip
    return named_values(lines)


def _convergence(found: list[dict[str, Any]]) -> str:
    rows = [(c["doubled"], *(f"{100 * c[name]:+.2f} %" for name in ("bunching", "peak", "focus"))) for c in found]
    return "\n".join((table(("twice the", "|b|", "peak power", "at focus"), rows), "what doubling changes"))
