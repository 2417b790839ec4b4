"""Sources in words and tables: light, way of the power, scattering, energy of a turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ssmb.facility import EnergyOfTurn, SourceLight
from ssmb.facility.ring_intrabeam import IntrabeamEstimate
from ssmb.quantity import quantities_of, text_of
from ssmb.studies.source import RingSource
from ssmb.text import digits_within, named_values, nanometres, number, quantity, ranged, table

#: Harmonics that are printed of the many that are stored.
_MOST = 12


def lights_text(lights: Sequence[SourceLight]) -> str:
    """Return one line for each light."""
    heads = ("harmonic", "wavelength", "|b|", "peak", "average", "in band", "at focus", "incoherent", "noise", "gain")
    rows = [
        (
            str(of.harmonic),
            nanometres(of.light.wavelength),
            number(of.light.bunching, digits_within(of.light.bunching, of.light.bunching_range)),
            quantity(of.exit.peak_power, "W", digits_within(of.light.power, of.light.power_range)),
            *(
                quantity(power, "W", digits_within(power, bounds))
                for power, bounds in (
                    (of.exit.average_power, of.exit.average_power_range),
                    (of.exit.in_band_power, of.exit.in_band_power_range),
                )
            ),
            text_of(of, "power_at_focus"),
            text_of(of, "incoherent_power", 3),
            text_of(of.light, "noise_power", 3),
            number(of.gain, 3),
        )
        for of in lights
    ]
    words = (
        "peak: inside a train, without the factors from the filling on; incoherent: average, in band\n"
        "noise: what macroparticles at random would add to the peak; gain: 4 pi rho N, above 1 the light would change "
        "the beam\nwhile it radiates, and the power of an unchanged beam, which is told, does not hold\n"
        "intervals: 16 to 84 %, noise of the macroparticles, form of the light and assumed transmissions, with the "
        "ends\nof the Coulomb logarithm; what is given, or calculated besides, counts as exact"
    )
    return "\n".join((table(heads, rows), words))


def steps_text(of: SourceLight, imbalance: float) -> str:
    """Return the way of the power of a light, step by step; `imbalance` as :func:`energy_imbalance` has it."""
    rows = [
        (s.name, number(s.factor, digits_within(s.factor, s.factor_range)) if i else "", text_of(s, "power"), s.origin)
        for i, s in enumerate(of.steps)
    ]
    per = "" if of.beamlines == 1 else f", each of {of.beamlines} beamlines"
    head = f"way of the power, harmonic {of.harmonic}, {nanometres(of.light.wavelength)}{per}"
    body = table(("step", "factor", "power", "origin"), rows)
    lost = text_of(of, "energy_loss")
    tail = f"an electron gives {lost} to the peak in a pass; lost over radiated - 1: {imbalance:.1e}"
    return "\n".join((head, body, tail))


def doubts_text(lights: Sequence[SourceLight]) -> list[str]:
    """Return what is said before any number: which light is no result, and why; empty if all are."""
    told = [f"harmonic {of.harmonic}, {nanometres(of.light.wavelength)}: {of.doubt}" for of in lights if of.doubt]
    return ["\n".join(told)] if told else []


def intrabeam_text(found: IntrabeamEstimate | None, note: str) -> str:
    """Return what intrabeam scattering does to the beam."""
    if found is None:
        return named_values([("intrabeam", note)])
    holder = f", {number(found.electrons, 4)} electrons in a microbunch" if found.electrons else ", coasting"
    low, high = found.coulomb_log_range
    lines = [
        ("intrabeam", f"{found.covers}; {text_of(found, 'current')}{holder}"),
        ("", note),
        ("logarithm", f"{number(found.coulomb_log)} (given); ranges are those of {low:.1f} to {high:.1f}, which its "
                      f"definitions leave"),
        ("", f"electrons meet over {quantity(found.reach, 'm', 2)} along z"),
        ("without, with", f"sigma_delta {_pair(found, 'sigma_delta')}"),
        ("", f"emittance x {_pair(found, 'emit_x')}"),
        ("", f"emittance y {_pair(found, 'emit_y')}"),
    ]  # fmt: skip
    if found.electrons:
        lines.append(("", f"sigma_z {_pair(found, 'sigma_z')}"))
    return named_values(lines)


def _pair(found: IntrabeamEstimate, field: str) -> str:
    (before, after), bounds = getattr(found, field), getattr(found, f"{field}_range")
    unit = quantities_of(found)[field].unit
    first = number(before, 4) if unit == "1" else quantity(before, unit)
    return f"{first} -> {ranged(after, bounds, unit)}"


def energy_text(of: EnergyOfTurn) -> str:
    """Return where the energy of a turn goes, and what the lasers do about it."""
    rows = [(step.name, quantity(step.energy, "eV"), step.origin) for step in of.steps]
    laser = f"lasers: at most {text_of(of, 'laser_peak')} a pass, on {100 * of.laser_on:.4g} % of the turns, with "
    lines = [table(("energy a turn", "", "origin"), rows), f"{laser}{text_of(of, 'laser_power')} with the electrons"]
    if of.origin != "given" and not of.held:  # else the supply of the ring has to give it
        lines.append("NOT HELD: the laser cannot give what is missing; the beam of the run is not a steady state")
    return "\n".join(lines)


def ring_source_text(source: RingSource) -> str:
    """Return the whole source of a ring."""
    mean = f"; powers: mean over the last {source.mean_over} turns" if source.mean_over > 1 else ""
    doubts = [source.kicks.doubt] if source.kicks is not None and source.kicks.doubt else []
    parts = [
        *doubts,
        *doubts_text(source.lights),
        named_values([("source", f"at {source.at}, turn {source.turn}{mean}")]),
    ]
    parts.append(lights_text(source.lights))
    parts += [steps_text(*pair) for pair in zip(source.lights, source.imbalance, strict=True)]
    parts += [intrabeam_text(source.intrabeam, source.intrabeam_note), energy_text(source.energy)]
    parts.append(
        "random kicks: not told, the ring has no equilibrium" if source.kicks is None else source.kicks.table()
    )
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
