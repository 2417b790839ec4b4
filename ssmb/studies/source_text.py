"""Sources in words and tables: light, way of the power, scattering, closure, laser, energy of a turn."""

from __future__ import annotations

from typing import Any

from ssmb.text import named_values, nanometres, number, quantity, table

#: Harmonics that are printed of the many that are stored, and terms of the closure.
_MOST = 12


def lights_text(lights: list[dict[str, Any]]) -> str:
    """Return one line for each light."""
    heads = ("harmonic", "wavelength", "|b|", "peak", "average", "in band", "at focus", "incoherent", "noise", "gain")
    rows = [
        (
            str(light["harmonic"]),
            nanometres(light["wavelength"]),
            number(light["bunching"], 4),
            quantity(light["peak_power"], "W"),
            quantity(light["average_power"], "W"),
            quantity(light["in_band_power"], "W"),
            quantity(light["power_at_focus"], "W"),
            quantity(light["incoherent_power"], "W", 3),
            quantity(light["noise_power"], "W", 3),
            number(light["gain"], 3),
        )
        for light in lights
    ]
    words = (
        "peak: inside a train, without the factors from the filling on; incoherent: average, in band\n"
        "noise: what macroparticles at random would add to the peak; gain: 4 pi rho N, above 1 the light would change "
        "the "
        "beam\nwhile it radiates, and the power of an unchanged beam, which is told, does not hold"
    )
    return "\n".join((table(heads, rows), words))


def steps_text(light: dict[str, Any]) -> str:
    """Return the way of the power of a light, step by step."""
    rows = [
        (s["name"], "" if i == 0 else number(s["factor"], 4), quantity(s["power"], "W"), s["origin"])
        for i, s in enumerate(light["steps"])
    ]
    per = "" if light["beamlines"] == 1 else f", each of {light['beamlines']} beamlines"
    head = f"way of the power, harmonic {light['harmonic']}, {nanometres(light['wavelength'])}{per}"
    body = table(("step", "factor", "power", "origin"), rows)
    lost, error = light["energy_loss"], light["energy_imbalance"]
    tail = f"an electron gives {quantity(lost, 'eV')} to the peak in a pass; lost over radiated - 1: {error:.1e}"
    if light["average_power"] < light["incoherent_power"]:
        tail += (
            f"\nBELOW the incoherent light of the same electrons in the band, "
            f"{quantity(light['incoherent_power'], 'W')}"
        )
    return "\n".join((head, body, tail))


def intrabeam_text(found: dict[str, Any] | None, note: str) -> str:
    """Return what intrabeam scattering does to the beam."""
    if found is None:
        return named_values([("intrabeam", note)])
    holder = f", {number(found['electrons'], 4)} electrons in a microbunch" if found["electrons"] else ", coasting"
    lines = [
        (
            "intrabeam",
            f"{found['covers']}; {quantity(found['current'], 'A')}{holder}, log {number(found['coulomb_log'])}",
        ),
        ("", note),
        ("without, with", f"sigma_delta {_pair(found['sigma_delta'], '')}, emittance x {_pair(found['emit_x'], 'm')}"),
        ("", f"emittance y {_pair(found['emit_y'], 'm')}"),
    ]
    if found["electrons"]:
        lines.append(("", f"sigma_z {_pair(found['sigma_z'], 'm')}"))
    return named_values(lines)


def _pair(values: Any, unit: str) -> str:
    words = [quantity(v, unit) if unit else number(v, 4) for v in values]
    return f"{words[0]} -> {words[1]}"


def energy_text(energy: dict[str, Any]) -> str:
    """Return where the energy of a turn goes."""
    lines = [
        ("energy a "
         "turn", f"lost: magnets {quantity(energy['radiation'], 'eV')}, light {quantity(energy['light'], 'eV')}, "
         f"incoherent light of radiators not in the lattice {quantity(energy['incoherent'], 'eV')}"),
        ("", f"given: restorer {quantity(energy['restored'], 'eV')}, cavities at most "
             f"{quantity(energy['voltage'], 'V')}"),
        ("laser", f"has to give {quantity(energy['missing'], 'eV')}, can give {quantity(energy['laser_peak'], 'eV')} "
                  f"a pass"),
        ("", f"power {quantity(energy['laser_power'], 'W')} with the electrons, on {100 * energy['laser_on']:.4g} % "
             f"of the turns"),
    ]  # fmt: skip
    if not energy["held"]:
        lines.append(("", "NOT HELD: the laser cannot give what is missing; the beam of the run is not a steady state"))
    return named_values(lines)


def ring_source_text(source: dict[str, Any]) -> str:
    """Return the whole source of a ring."""
    mean = f"; powers: mean over the last {source['mean_over']} turns" if source["mean_over"] > 1 else ""
    parts = [
        named_values([("source", f"at {source['at']}, turn {source['turn']}{mean}")]),
        lights_text(source["lights"]),
    ]
    parts += [steps_text(light) for light in source["lights"]]
    parts += [intrabeam_text(source["intrabeam"], source["intrabeam_note"]), energy_text(source["energy"])]
    return "\n\n".join(parts)


def harmonics_text(found: dict[str, Any], of_light: int) -> str:
    """Return |b_n| against harmonic, tracked and, if it is there, closed form."""
    harmonics = found["harmonics"]
    closed = found.get("closed_form", [None] * len(harmonics))
    step = max(1, len(harmonics) // _MOST)
    chosen = [i for i, n in enumerate(harmonics) if i % step == 0 or n == of_light]
    rows = [(str(harmonics[i]), number(found["bunching"][i], 4), number(closed[i], 4)) for i in chosen]
    words = "closed form: |J_n(n xi)| exp(-(n k)^2 eps_y H_rad/2)"
    return "\n".join((table(("harmonic", "|b| tracked", "closed form"), rows), words))


def insertion_source_text(source: dict[str, Any]) -> str:
    """Return the whole source of an insertion: light, its terms, scattering, closure, laser and energy."""
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
        ("closure", f"path error MOD1-MOD2 of the magnets, tracked: {quantity(found['magnets'], 'm')} without "
                    f"scattering"),
        ("", f"{which} {quantity(found['dz_rms'], 'm')}, of it at random phase "
             f"{quantity(found['dz_counting'], 'm')}; allowed {quantity(found['allowed'], 'm')}"),
        ("", f"photons, tracked: {quantity(found['quantum'], 'm')}"),
        ("", f"collisions of one pass, calculated: path error {quantity(collisions, 'm')}"),
        ("", f"slip in the modulators, calculated: {words}; {quantity(found['uncompensated'], 'm')} if not"),
        ("", f"all of them: emittance y grows by {quantity(found['growth'], 'm')} a turn with laser, of it by "
             f"aberrations "
             f"{quantity(found['aberrations'], 'm')}"),
        ("", f"damping takes {quantity(2 * found['damping'] * found['emittance'], 'm')} a turn of "
             f"{quantity(found['emittance'], 'm')}"),
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
            f"h 2 N lambda = {number(laser['slip'], 3)} in {number(laser['periods'])} periods; the tracked kicks are "
            f"thin, "
            "which it should be small for",
        ),
    ]
    return named_values(lines)


def _energy(source: dict[str, Any]) -> str:
    energy, light = source["energy"], source["lights"][0]
    in_pass = quantity(light["energy_loss"], "eV")
    lines = [
        ("energy a "
         "turn", f"lost: ring {quantity(energy['radiation'], 'eV')} (given), light {quantity(energy['light'], 'eV')} "
                 f"on average"),
        ("", f"in a train, in a pass with laser, before scattering and closure: {in_pass}"),
        ("", f"modulation {quantity(energy['laser_peak'], 'eV')}, given by the first laser and taken by the second"),
    ]  # fmt: skip
    return named_values(lines)


def _convergence(found: list[dict[str, Any]]) -> str:
    rows = [(c["doubled"], *(f"{100 * c[name]:+.2f} %" for name in ("bunching", "peak", "focus"))) for c in found]
    return "\n".join((table(("twice the", "|b|", "peak power", "at focus"), rows), "what doubling changes"))
