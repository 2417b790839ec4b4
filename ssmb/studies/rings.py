"""The ring of a run: as it is tracked, as its optics are computed, and the beam that matches it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ssmb.beam import Beam, Reference, sigma_from_twiss
from ssmb.dynamics import Optics, optics
from ssmb.lattice import Lattice
from ssmb.lattice.program import Program, compile_elements
from ssmb.maps.radiation import Radiation
from ssmb.ring_models import ring_model
from ssmb.studies.sections import BeamConfig, LaserConfig, TrackConfig


def tracked_lattice(lattice: Lattice, track: TrackConfig, wanted: Iterable[str | None]) -> Lattice:
    """The lattice that a run tracks: that of the file, or its ring model with the places that monitors and light
    need.
    """
    if track.model == "lattice":
        return lattice
    known = [name for name in dict.fromkeys(wanted) if name is not None and name in lattice]  # others are told later
    return ring_model(lattice, order=track.order, keep=known, radiation=track.radiation)


def ring_program(lattice: Lattice, laser: LaserConfig | None, on: bool, radiation: Radiation | str = "off") -> Program:
    """Compile the lattice with the laser on or off, with the synchrotron radiation that is to be tracked."""
    if laser is not None:
        lattice = lattice.with_light(on, laser.elements)
    return compile_elements(lattice.elements, lattice.reference, radiation)


def quiet(lattice: Lattice) -> Lattice:
    """The lattice without random kicks."""
    return lattice.without_noise()


def ring_optics(lattice: Lattice, laser: LaserConfig | None) -> Optics:
    """Optics of the lattice without the laser and without random kicks, which optics knows nothing of."""
    return optics(ring_program(quiet(lattice), laser, False))


def matched_beam(b: BeamConfig, wavelength: float | None, optics: Optics, reference: Reference) -> Beam:
    """The matched beam at the beginning of the lattice, on the closed orbit.

    Parameters
    ----------
    b : section of the run file.
    wavelength : of the laser, the unit of length of a coasting beam [m].
    """
    start = optics.at(0)
    sigma = sigma_from_twiss(
        emit_x=b.emit_x,
        emit_y=b.emit_y,
        beta_x=start["beta_x"],
        beta_y=start["beta_y"],
        alpha_x=start["alpha_x"],
        alpha_y=start["alpha_y"],
        dispersion=(start["dispersion_x"], start["dispersion_px"], start["dispersion_y"], start["dispersion_py"]),
        sigma_delta=b.sigma_delta,
        sigma_z=b.sigma_z,
    )
    orbit = optics.closed_orbit[0] * np.array([1, 1, 1, 1, 0, 0])
    common: dict[str, Any] = {"n": b.particles, "seed": b.seed, "start": b.start, "centroid": orbit}
    if b.z_distribution == "gaussian":
        return Beam.gaussian(reference, sigma, charge=b.charge, **common)
    wavelength = wavelength or 0.0
    part = b.wavelengths * wavelength / (math.sqrt(2.0 * math.pi) * b.sigma_z)
    common |= {"wavelength": wavelength, "n_wavelengths": b.wavelengths}
    return Beam.coasting(reference, sigma, charge=b.charge * part, **common)  # the slice at the peak of the bunch
