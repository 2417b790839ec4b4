"""The beam at the start of a ring run: given numbers or the equilibrium of its ring, and where each comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmb.beam import Beam, Reference, sigma_from_twiss
from ssmb.collective.intrabeam_heating import IntrabeamHeating, unit_vertical
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.dynamics import Equilibrium, Optics, equilibrium
from ssmb.dynamics.equilibrium import EquilibriumStatus
from ssmb.elements.lumped_radiation import LumpedRadiation
from ssmb.errors import ConfigError, PhysicsError
from ssmb.facility.ring_intrabeam import FITS
from ssmb.lattice import Lattice
from ssmb.maps.radiation import Radiation
from ssmb.quantity import COVARIANCE, PHASE_SPACE, quantity
from ssmb.studies.facts import SAME, agreed
from ssmb.studies.sections import NUMBERS_OF_A_BEAM, BeamConfig, LaserConfig
from ssmb.studies.study import Places, at_place
from ssmb.text import number
from ssmb.text import quantity as with_unit

#: Charge of a bunch of which the run file says none [C].
_USUAL_CHARGE = 5e-12
#: Vertical over horizontal emittance below which a beam has no vertical extent but by rounding.
_FLAT = 1e-9
_ORIGINS = {
    EquilibriumStatus.BUNCHED: "equilibrium of the ring, in the buckets of its cavities",
    EquilibriumStatus.MICROBUNCHED: "equilibrium of the ring, in the micro-buckets of its laser",
    EquilibriumStatus.LINEAR: "equilibrium of the ring, bound by a linear map",
}


@dataclass(frozen=True, eq=False)
class StartingBeam:
    """The Gaussian beam of which a run takes its particles, at the beginning of the lattice."""

    emit_x: float = quantity("m", "rms horizontal emittance")
    emit_y: float = quantity("m", "rms vertical emittance")
    sigma_delta: float = quantity("1", "rms momentum spread; of a slice of a bunch, that at one z")
    sigma_z: float = quantity("m", "rms length of the bunch, or of a microbunch")
    charge: float = quantity("C", "charge of the bunch, or of a microbunch")
    origin: Mapping[str, str] = quantity("", "where each of these numbers comes from, in words")
    sigma: np.ndarray = quantity(
        COVARIANCE, "second moments of (x, px, y, py, z, delta)", dims=("coordinate", "other_coordinate")
    )
    orbit: np.ndarray = quantity(PHASE_SPACE, "closed orbit, about which they are", dims=("coordinate",))

    def lines(self) -> list[tuple[str, str]]:
        """Numbers of one origin in one line."""
        shown: dict[str, list[str]] = {}
        for name in (*NUMBERS_OF_A_BEAM, "charge"):
            value = getattr(self, name)
            text = number(value, 4) if name == "sigma_delta" else with_unit(value, "C" if name == "charge" else "m")
            shown.setdefault(self.origin[name], []).append(f"{name} {text}")
        rows = [f"{', '.join(names)}: {origin}" for origin, names in shown.items()]
        return [("beam" if i == 0 else "", row) for i, row in enumerate(rows)]

    def particles(self, b: BeamConfig, wavelength: float | None, reference: Reference) -> Beam:
        """Return the particles.

        Parameters
        ----------
        b : section of the run file.
        wavelength : of the laser, the unit of length of a coasting beam [m].
        """
        common: dict[str, Any] = {"n": b.particles, "seed": b.seed, "start": b.start, "centroid": self.orbit}
        if b.z_distribution == "gaussian":
            return Beam.gaussian(reference, self.sigma, charge=self.charge, **common)
        if wavelength is None:
            raise ConfigError("a coasting beam needs the wavelength of a laser, the unit of its length")
        part = b.wavelengths * wavelength / (math.sqrt(2.0 * math.pi) * self.sigma_z)
        common |= {"wavelength": wavelength, "n_wavelengths": b.wavelengths}
        return Beam.coasting(reference, self.sigma, charge=self.charge * part, **common)  # at the peak of the bunch


def starting_beam(
    b: BeamConfig, laser: LaserConfig | None, held: bool, optics: Optics, ring: Lattice, radiation: Radiation,
    places: Places | None = None,
) -> StartingBeam:  # fmt: skip
    """Return the beam that a run file asks for.

    Parameters
    ----------
    b, laser : sections of the run file, the laser with its wavelength.
    held : whether the laser holds the beam in micro-buckets from the start.
    optics : of the lattice that is tracked, laser off, for a beam of given numbers.
    ring : lattice of the file, for its equilibrium.
    radiation : of the run; whether pole faces radiate counts for the equilibrium, too.

    Raises
    ------
    ConfigError, PhysicsError
        The ring has no equilibrium, the scattering no balance, or what is said beside it is another number.
    """
    charge, origin = b.charge, "given"
    if b.current is not None and laser is not None and laser.wavelength is not None:
        charge, origin = b.current * laser.wavelength / SPEED_OF_LIGHT, f"a microbunch at {b.current:g} A"
    elif charge is None:
        charge, origin = _USUAL_CHARGE, "default"
    orbit = optics.closed_orbit[0] * np.array([1, 1, 1, 1, 0, 0])
    if b.matched is not None:
        wavelength = laser.wavelength if held and laser is not None else None
        if held and laser is not None:
            ring = _with_light(ring, laser)
        numbers, origins, sigma, settled = _settled(b, charge, wavelength, ring, radiation.envelope(), places)
        orbit = settled if wavelength is not None else orbit
    else:
        numbers = {name: float(getattr(b, name)) for name in NUMBERS_OF_A_BEAM}
        origins, start = dict.fromkeys(NUMBERS_OF_A_BEAM, "given"), optics.at(0)
        functions = {name: start[name] for name in ("beta_x", "beta_y", "alpha_x", "alpha_y")}
        dispersion = tuple(start[f"dispersion_{a}"] for a in ("x", "px", "y", "py"))
        sigma = sigma_from_twiss(**numbers, **functions, dispersion=dispersion)
    return StartingBeam(**numbers, charge=charge, origin=origins | {"charge": origin}, sigma=sigma, orbit=orbit)


def _with_light(ring: Lattice, laser: LaserConfig) -> Lattice:
    """The ring with its laser on, as seen from the buckets, which a detuned laser moves by -C detuning a turn."""
    lit = ring.with_light(True, laser.elements)
    if laser.detuning == 0.0:
        return lit
    moved = ring.length * laser.detuning / (1.0 + laser.detuning)
    frame = LumpedRadiation(name="frame_of_the_buckets", mean=(0.0, 0.0, 0.0, 0.0, moved, 0.0))
    return Lattice(lit.name, lit.reference, (*lit.elements, frame), periodic=True)


def _settled(
    b: BeamConfig, charge: float, wavelength: float | None, ring: Lattice, radiation: Radiation, places: Places | None
) -> tuple[dict[str, float], dict[str, str], np.ndarray, np.ndarray]:
    """Numbers, their origins, covariance and orbit of the equilibrium; `wavelength` of the laser that holds it [m]."""
    with at_place(places, "beam", "matched"):
        alone = found = equilibrium(ring, radiation=radiation, lasers=wavelength is not None)
        _check_length(alone, wavelength)
    if b.effects:
        with at_place(places, "beam", "effects"):
            found = _scattered(b, charge, wavelength, ring, radiation, alone)
            _check_length(found, wavelength)
    emit_y = _emit_y(b, found)
    own = float(found.emittances[1])
    if emit_y < (1.0 - SAME) * own - _FLAT * float(found.emittances[0]):
        with at_place(places, "beam", "emit_y" if b.coupling is None else "coupling"):
            raise ConfigError(
                f"{emit_y:.6g} m is below the vertical emittance {own:.6g} m that the ring has by itself; what is said "
                "beside the equilibrium is a coupling that the lattice has not: leave it out"
            )
    sigma = found.sigma[0] + max(emit_y - own, 0.0) * unit_vertical(ring)[0]
    if b.z_distribution == "coasting":  # what is at one z
        length = sigma[4, 4]
        sigma = sigma - np.outer(sigma[:, 4], sigma[4]) / length
        sigma[4, 4] = length
    return *_told(b, (alone, found), emit_y, sigma, places), sigma, found.closed_orbit[0]


def _scattered(
    b: BeamConfig, charge: float, wavelength: float | None, ring: Lattice, radiation: Radiation, alone: Equilibrium
) -> Equilibrium:
    """The equilibrium with intrabeam scattering."""
    many: dict[str, Any] = {"electrons": charge / ELEMENTARY_CHARGE}
    if wavelength is not None and alone.status is EquilibriumStatus.MICROBUNCHED:  # electrons meet those of neighbours
        many = {"current": charge * SPEED_OF_LIGHT / wavelength, "wavelength": wavelength * ring.reference.beta}
    heating = IntrabeamHeating(ring, coulomb_log=b.coulomb_log, coupling=b.coupling, emit_y=b.emit_y, **many)
    return equilibrium(ring, radiation=radiation, lasers=wavelength is not None, heating=heating)


def _emit_y(b: BeamConfig, found: Equilibrium) -> float:
    """Vertical emittance: given, by a coupling, or that of the ring [m]."""
    own_x, own_y = (float(e) for e in found.emittances[:2])
    return b.coupling * own_x if b.coupling is not None else own_y if b.emit_y is None else b.emit_y


def _check_length(found: Equilibrium, wavelength: float | None) -> None:
    shortest = float(found.sigma_z.min())
    if wavelength is not None and found.status is EquilibriumStatus.MICROBUNCHED and shortest > FITS * wavelength:
        raise PhysicsError(
            f"the equilibrium is {with_unit(shortest, 'm')} long where it is shortest, more than {FITS:g} of the laser "
            "wavelength: micro-buckets do not hold it. Give more laser power or less charge, or z_distribution: "
            "coasting, a slice of the bunch that cavities hold"
        )


def _told(
    b: BeamConfig, pair: tuple[Equilibrium, Equilibrium], emit_y: float, sigma: np.ndarray, places: Places | None
) -> tuple[dict[str, float], dict[str, str]]:
    """Numbers and origins of the beam, of the equilibria without and with scattering."""
    alone, found = pair
    numbers = {"emit_x": float(found.emittances[0]), "emit_y": emit_y}
    numbers |= {"sigma_delta": math.sqrt(sigma[5, 5]), "sigma_z": math.sqrt(sigma[4, 4])}
    for name in ("emit_x", "sigma_delta", "sigma_z"):
        with at_place(places, "beam", name):
            agreed(getattr(b, name), numbers[name], name, "the equilibrium of the ring")
    origin = _ORIGINS[found.status] + (", with intrabeam scattering" if b.effects else "")
    origins = dict.fromkeys(NUMBERS_OF_A_BEAM, origin)
    if b.effects:
        quiet = (float(alone.emittances[0]), float(alone.sigma_delta[0]), float(alone.sigma_z[0]))
        for name, value in zip(("emit_x", "sigma_delta", "sigma_z"), quiet, strict=True):
            origins[name] += f" (without: {number(value, 4) if name == 'sigma_delta' else with_unit(value, 'm')})"
    if b.coupling is not None:
        origins["emit_y"] = f"given, {b.coupling:g} of emit_x"
    elif b.emit_y is not None:
        origins["emit_y"] = "given"
    return numbers, origins
