"""A small ring with everything a run can have: laser, aperture, random kicks; and what makes two results the same."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ssmb.beam import Beam
from ssmb.studies import StudyResult

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
light: {at: U, turn: 1, period: 0.125, periods: 32, harmonics: [1], bandwidth: 2e-3, acceptance: 2e-3}
output: {figures: false}
"""


def write_files(folder: Path, run: str = RUN, ring: str = RING) -> Path:
    """Write both files and return the path of the run file."""
    (folder / "ring.pals.yaml").write_text(ring, encoding="utf-8")
    path = folder / "small.run.yaml"
    path.write_text(run, encoding="utf-8")
    return path


def bits(thing: Any) -> str:
    """Hash of all arrays and numbers of a beam, a record, a result, or a dict or sequence of such."""
    digest = hashlib.sha256()
    _add(digest, thing)
    return digest.hexdigest()


def _add(digest: Any, thing: Any) -> None:
    if isinstance(thing, Beam):
        thing = thing.arrays()
    if isinstance(thing, StudyResult):
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
