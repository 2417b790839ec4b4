"""The light of a run: tracked bunching in the undulator, and the closed form beside it."""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ssmb.beam import Beam, bunching_factor
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.dynamics import Optics
from ssmb.dynamics.modulation import measured_modulation
from ssmb.lattice.program import Program
from ssmb.light import Undulator, signal_against_charge
from ssmb.light.signal import ChargeSignal
from ssmb.light.statistics import noise_spread
from ssmb.quantity import quantity, text_of
from ssmb.schemes import SingleStage
from ssmb.studies.sections import LaserConfig, LightConfig
from ssmb.studies.starting_beam import StartingBeam
from ssmb.text import digits_within, nanometres, number, table
from ssmb.text import quantity as with_unit


@dataclass(frozen=True)
class Light:
    """Light of one passage at one harmonic of the laser."""

    harmonic: int = quantity("1", "harmonic of the laser")
    wavelength: float = quantity("m", "wavelength")
    bunching: complex = quantity("1", "complex bunching factor of the tracked particles at the undulator")
    closed_form: float | None = quantity(
        "1",
        "|b_n| of the linear single-stage formula with the same modulation, slip factor and beam; none without laser",
    )
    coherent_power: float = quantity(
        "W", "coherent power averaged over the passage of the bunch, rms length sqrt(2 pi) sigma_z/c"
    )
    incoherent_power: float = quantity("W", "incoherent power averaged in the same way")
    signal: ChargeSignal = quantity("", "energies against charge")
    noise: float = quantity("1", "1/sqrt(n) of the macroparticles that live: |b| of as many at random")

    @property
    def noise_spread(self) -> float:
        """Relative rms spread of the power; see :func:`ssmb.light.statistics.noise_spread` [1]."""
        return noise_spread((self.noise / abs(self.bunching)) ** 2 if self.bunching else math.inf)

    @property
    def coherent_power_range(self) -> tuple[float, float]:
        """16 to 84 % of the power by that noise [W]."""
        if math.isinf(self.noise_spread):
            return 0.0, math.inf
        return self.coherent_power * max(0.0, 1.0 - self.noise_spread), self.coherent_power * (1.0 + self.noise_spread)

    @property
    def doubt(self) -> str:
        """Why the power is no result, in words: in the noise of its macroparticles, or below the incoherent light."""
        if self.noise_spread >= 1.0:
            return f"IN THE NOISE of the macroparticles, |b| {self.noise:.2g} at random"
        return "BELOW THE INCOHERENT LIGHT" if self.coherent_power < self.incoherent_power else ""


def light_of(
    want: LightConfig, laser: LaserConfig, b: StartingBeam, beam: Beam, optics: Optics, lit: Program
) -> tuple[Light, ...]:
    """Light of a beam at the undulator, by harmonic.

    Parameters
    ----------
    want, laser : sections of the run file.
    b : beam at the start.
    beam : beam at the entrance of the undulator on the turn that radiates.
    optics : optics of the ring without laser.
    lit : program of the ring with the laser on.
    """
    reference, wavelength = lit.reference, laser.known("wavelength")
    undulator = Undulator.resonant(reference, wavelength, period=want.known("period"), n_periods=want.known("periods"))
    here = optics.at(want.at)
    size = tuple(
        math.sqrt(e * here[f"beta_{p}"] + (here[f"dispersion_{p}"] * b.sigma_delta) ** 2)
        for p, e in (("x", b.emit_x), ("y", b.emit_y))
    )
    scheme = closed_form(want, laser, b, optics, lit)
    duration = math.sqrt(2.0 * math.pi) * b.sigma_z / (reference.beta * SPEED_OF_LIGHT)
    out, weight = [], beam.weight[beam.alive]
    for n in want.harmonics:
        bunching = complex(bunching_factor(beam, wavelength / n))
        now = signal_against_charge(
            undulator,
            [b.charge],
            sigma_z=b.sigma_z,
            bunching=abs(bunching),
            harmonic=n,
            sigma_perp=size,
            acceptance=want.acceptance,
            bandwidth=want.bandwidth,
        )
        coherent, incoherent = float(now.coherent_energy[0]), float(now.incoherent_energy[0])
        charges = np.array(want.charges)
        ratio = charges / b.charge
        scan = replace(now, charge=charges, coherent_energy=coherent * ratio**2, incoherent_energy=incoherent * ratio)
        light = Light(
            harmonic=n,
            wavelength=undulator.wavelength(n),
            bunching=bunching,
            closed_form=float(abs(scheme.bunching(n))) if scheme is not None else None,
            coherent_power=coherent / duration,
            incoherent_power=incoherent / duration,
            signal=scan,
            noise=float(np.sqrt(np.sum(weight**2)) / np.sum(weight)) if weight.any() else 1.0,
        )
        out.append(replace(light, signal=replace(scan, spread=light.noise_spread)))
    return tuple(out)


def closed_form(
    want: LightConfig, laser: LaserConfig, b: StartingBeam, optics: Optics, lit: Program
) -> SingleStage | None:
    """The linear single-stage scheme of this ring, if only the modulation of the first turn matters."""
    if laser.changes or want.turn < 1:
        return None
    if laser.turns < 1 or (laser.turns > 1 and want.turn > 1):
        return None
    here, reference = optics.at(want.at), lit.reference
    return SingleStage.one_turn(
        reference,
        laser.known("wavelength"),
        optics.slip_factor,
        float(optics.s[-1]),
        modulation(laser, optics, lit)[0],
        b.sigma_delta,
        emittance=b.emit_x,
        h=here["H_x"],
        tune=optics.qx,
        turns=want.turn,
    )


def modulation(laser: LaserConfig, optics: Optics, lit: Program) -> tuple[float, float]:
    """Kick A sin(2 pi (z/lambda + phase)) of one passage on axis, from particles spread over one wavelength.

    Returns
    -------
    (A, phase) : peak relative momentum modulation [1]; phase [2 pi].
    """
    names = set(laser.elements)
    last = max(i for i, name in enumerate(lit.names) if name in names or name.partition("#")[0] in names)
    start = optics.closed_orbit[0].copy()
    start[4] = 0.0
    wave = measured_modulation(lit, laser.known("wavelength"), start, 0, int(lit.first_op[last + 1]))
    return abs(wave), cmath.phase(wave) / (2.0 * math.pi)


def light_summary(light: Light) -> dict[str, Any]:
    """Headline numbers of a light, SI units."""
    crossover = light.signal.crossover_charge
    return ({"doubt": light.doubt} if light.doubt else {}) | {
        "harmonic": light.harmonic,
        "wavelength": light.wavelength,
        "bunching": abs(light.bunching),
        "bunching_phase": float(np.angle(light.bunching)),
        "closed_form_bunching": light.closed_form,
        "coherent_power": light.coherent_power,
        "coherent_power_range": list(light.coherent_power_range) if math.isfinite(light.noise_spread) else None,
        "incoherent_power": light.incoherent_power,
        "crossover_charge": crossover if math.isfinite(crossover) else None,
    }


def light_text(lights: Sequence[Light]) -> str:
    """Return one line for each light."""
    heads = ("harmonic", "wavelength", "|b|", "closed form", "coherent", "incoherent", "crossover charge")
    rows = [
        (
            str(light.harmonic),
            nanometres(light.wavelength),
            number(light.bunching, digits_within(1.0, (1.0, 1.0 + light.noise_spread))),
            number(light.closed_form, 4),
            text_of(light, "coherent_power"),
            text_of(light, "incoherent_power"),
            with_unit(light.signal.crossover_charge, "C"),
        )
        for light in lights
    ]
    words = (
        "power: mean over the passage of the bunch, with 16 to 84 % by the noise of the macroparticles; crossover: "
        "charge at\nwhich both parts are equal"
    )
    told = [
        f"harmonic {light.harmonic}, {nanometres(light.wavelength)}: {light.doubt}" for light in lights if light.doubt
    ]
    return "\n\n".join((*(["\n".join(told)] if told else []), table(heads, rows), words))
