"""The source of a run in words and tables, for the verbs ``run`` and ``power``."""

from __future__ import annotations

from typing import Any

from ssmb.cli.output import named_values, nanometres, number, quantity, table


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
        "noise: what macroparticles at random would add to the peak; gain: 4 pi rho N, above 1 the light would change the "
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
        tail += f"\nBELOW the incoherent light of the same electrons in the band, {quantity(light['incoherent_power'], 'W')}"
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
        ("energy a turn", f"lost: magnets {quantity(energy['radiation'], 'eV')}, light {quantity(energy['light'], 'eV')}, "
         f"incoherent light of radiators not in the lattice {quantity(energy['incoherent'], 'eV')}"),
        ("", f"given: restorer {quantity(energy['restored'], 'eV')}, cavities at most {quantity(energy['voltage'], 'V')}"),
        ("laser", f"has to give {quantity(energy['missing'], 'eV')}, can give {quantity(energy['laser_peak'], 'eV')} a pass"),
        ("", f"power {quantity(energy['laser_power'], 'W')} with the electrons, on {100 * energy['laser_on']:.4g} % of the turns"),
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
