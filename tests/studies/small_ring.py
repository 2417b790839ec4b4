"""A small ring with everything a run can have: laser, aperture, random kicks; and what makes two results the same."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ssmb.beam import Beam
from ssmb.studies.ring import RingResult

RING = """PALS:
  constants:
    gamma: 250e6/m_electron
    lam: 1064e-9
    K: sqrt(2*(2*gamma**2*lam/0.125 - 1))
  facility:
  - begin: {kind: BeginningEle, ReferenceP: {species_ref: electron, E_tot_ref: 250e6}}
  - U:
      kind: Wiggler
      length: 0.5
      SSMB_WigglerP: {periods: 4, period_length: 0.125, K: K}
      SSMB_laser: {wavelength: lam, power: 1e6, rayleigh_length: 1.0, model: THIN}
  - qf: {kind: Quadrupole, length: 0.2, MagneticMultipoleP: {Kn1: 3.0}}
  - qd: {kind: Quadrupole, length: 0.2, MagneticMultipoleP: {Kn1: -3.0}}
  - d: {kind: Drift, length: 0.5}
  - stop: {kind: Marker, ApertureP: {x_limits: [-0.4e-3, 0.4e-3]}}
  - chicane: {kind: SSMB_ThinChicane, SSMB_ChicaneP: {r56: 1e-4}}
  - noise:
      kind: SSMB_LinearMap
      SSMB_LinearMapP:
        matrix: [[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1]]
        diffusion: [[1e-12, 0, 0, 0, 0, 0], [0, 1e-14, 0, 0, 0, 0], [0, 0, 1e-13, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1e-16]]
  - ring: {kind: BeamLine, line: [begin, U, qf, d, qd, stop, d, chicane, noise]}
  - use: ring
"""

#: 600 turns: long enough to be killed in all its parts, a second or so.
RUN = """title: small ring
lattice: ring.pals.yaml
beam: {particles: 700, charge: 1e-12, emit_x: 1e-8, emit_y: 1e-9, sigma_delta: 1e-4, sigma_z: 1e-4, start: random}
laser: {elements: [U], wavelength: 1064e-9, turns: 200}
track: {turns: 600, checkpoint_every: 0.02}
monitors:
- {kind: bunching, at: U, wavelengths: [1064e-9, 532e-9]}
- {kind: moments, at: stop, every: 3}
- {kind: moments}
- {kind: snapshots, every: 150}
light: {at: U, turn: 1, in_lattice: false, period: 0.125, periods: 32, harmonics: [1], bandwidth: 2e-3, acceptance: 2e-3}
output: {figures: false}
"""


#: The ring with bends that emit ten photons a turn each, and a laser that holds what it finds.
STEADY_RING = (
    RING.replace("power: 1e6", "power: 2e4")
    .replace(
        "line: [begin, U, qf, d, qd, stop, d, chicane, noise]",
        "line: [begin, U, qf, bend, qd, stop, bend, chicane, noise]",
    )
    .replace("{r56: 1e-4}", "{r56: -2e-4}")
    .replace("  - d: {kind: Drift, length: 0.5}", "  - bend: {kind: Bend, length: 0.5, BendP: {angle_ref: 0.4}}")
)

#: A steady state with everything that its laser can do.
STEADY = """title: steady state
lattice: steady.pals.yaml
beam: {particles: 700, charge: 1e-12, emit_x: 1e-8, emit_y: 1e-9, sigma_delta: 1e-4, sigma_z: 1e-4, start: random}
laser:
  elements: [U]
  wavelength: 1064e-9
  turns: 350
  windows: [[0, 100], [110, 350]]
  duty: {period: 5, on: 4}
  ramp: {turns: [0, 60, 120], amplitude: [0.0, 0.4, 1.0], shape: smooth}
  detuning: 1e-8
  noise: {phase: 2e-3, amplitude: 1e-2, seed: 4}
track: {turns: 400, checkpoint_every: 0.02, radiation: quantum}
monitors:
- {kind: bucket, at: U}
- {kind: bucket, harmonics: [2, 5], every: 3}
- {kind: bunching, at: U, wavelengths: [1064e-9]}
- {kind: moments, every: 3}
- {kind: snapshots, every: 50}
output: {figures: false}
"""


def write_files(folder: Path, run: str = RUN, ring: str = RING) -> Path:
    """Write both files and return the path of the run file."""
    (folder / "ring.pals.yaml").write_text(ring, encoding="utf-8")
    path = folder / "small.run.yaml"
    path.write_text(run, encoding="utf-8")
    return path


def write_steady(folder: Path) -> Path:
    """Write the files of the steady state and return the path of the run file."""
    (folder / "steady.pals.yaml").write_text(STEADY_RING, encoding="utf-8")
    path = folder / "steady.run.yaml"
    path.write_text(STEADY, encoding="utf-8")
    return path


def bits(thing: Any) -> str:
    """Hash of all arrays and numbers of a beam, a record, a result, or a dict or sequence of such."""
    digest = hashlib.sha256()
    _add(digest, thing)
    return digest.hexdigest()


def _add(digest: Any, thing: Any) -> None:
    if isinstance(thing, Beam):
        thing = thing.arrays()
    if isinstance(thing, RingResult):
        names = ("records", "light", "beam", "beam_at_light", "status", "turns", "losses", "lattice_text", "config")
        thing = {name: getattr(thing, name) for name in names}
    if isinstance(thing, np.ndarray):
        digest.update(f"{thing.dtype.str}{thing.shape}".encode() + np.ascontiguousarray(thing).tobytes())
    elif isinstance(thing, dict):
        for name, value in sorted(thing.items()):
            digest.update(repr(name).encode())
            _add(digest, value)
    elif isinstance(thing, (tuple, list)):
        digest.update(str(len(thing)).encode())
        for value in thing:
            _add(digest, value)
    elif hasattr(thing, "__dataclass_fields__"):
        _add(digest, {f.name: getattr(thing, f.name) for f in fields(thing)})
    else:
        digest.update(repr(thing).encode())
