"""The light of a run: tracked bunching in the undulator, and the closed form beside it."""

from __future__ import annotations

import cmath
import math
from typing import Any

import numpy as np

from ssmb.beam import Beam
from ssmb.bunching import bunching_factor
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.lattice.program import Program
from ssmb.optics import Optics
from ssmb.optics.modulation import measured_modulation
from ssmb.radiation import Undulator, signal_against_charge
from ssmb.schemes import SingleStage
from ssmb.studies.config import LaserConfig, RunConfig
from ssmb.studies.result import Light


def light_of(config: RunConfig, beam: Beam, optics: Optics, lit: Program) -> tuple[Light, ...]:
    """Light of a beam at the undulator, by harmonic.

    Parameters
    ----------
    config : run file with ``light`` and ``laser``.
    beam : beam at the entrance of the undulator on the turn that radiates.
    optics : optics of the ring without laser.
    lit : program of the ring with the laser on.
    """
    want, laser, b = config.light, config.laser, config.beam
    assert want is not None  # the caller asks only for what the config has
    assert laser is not None  # the config class demands it
    reference = lit.reference
    undulator = Undulator.resonant(reference, laser.wavelength, period=want.period, n_periods=want.periods)
    here = optics.at(want.at)
    size = tuple(
        math.sqrt(e * here[f"beta_{p}"] + (here[f"dispersion_{p}"] * b.sigma_delta) ** 2)
        for p, e in (("x", b.emit_x), ("y", b.emit_y))
    )
    scheme = closed_form(config, optics, lit)
    duration = math.sqrt(2.0 * math.pi) * b.sigma_z / (reference.beta * SPEED_OF_LIGHT)
    out = []
    for n in want.harmonics:
        bunching = complex(bunching_factor(beam, laser.wavelength / n))
        options: dict[str, Any] = {
            "sigma_z": b.sigma_z,
            "bunching": abs(bunching),
            "harmonic": n,
            "sigma_perp": size,
            "acceptance": want.acceptance,
            "bandwidth": want.bandwidth,
        }
        now = signal_against_charge(undulator, [b.charge], **options)
        coherent, incoherent = float(now.coherent_energy[0]), float(now.incoherent_energy[0])
        charges = np.array(want.charges)
        ratio = charges / b.charge
        scan = type(now)(now.harmonic, now.wavelength, now.bunching, charges, coherent * ratio**2, incoherent * ratio)
        out.append(
            Light(
                harmonic=n,
                wavelength=undulator.wavelength(n),
                bunching=bunching,
                closed_form=float(abs(scheme.bunching(n))) if scheme is not None else math.nan,
                coherent_power=coherent / duration,
                incoherent_power=incoherent / duration,
                signal=scan,
            )
        )
    return tuple(out)


def closed_form(config: RunConfig, optics: Optics, lit: Program) -> SingleStage | None:
    """The linear single-stage scheme of this ring, if only the modulation of the first turn matters."""
    want, laser, b = config.light, config.laser, config.beam
    if want is None or laser is None or laser.changes or want.turn < 1:
        return None
    if laser.turns < 1 or (laser.turns > 1 and want.turn > 1):
        return None
    here, reference = optics.at(want.at), lit.reference
    return SingleStage.one_turn(
        reference,
        laser.wavelength,
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
    wave = measured_modulation(lit, laser.wavelength, start, 0, int(lit.first_op[last + 1]))
    return abs(wave), cmath.phase(wave) / (2.0 * math.pi)
