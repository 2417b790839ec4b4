"""The beam of a ring with intrabeam scattering.

References
----------
See :mod:`ssmb.collective.intrabeam`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ssmb.collective.intrabeam import IntrabeamHeating
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.dynamics import Equilibrium, equilibrium, optics
from ssmb.dynamics.equilibrium import EquilibriumStatus, Heating
from ssmb.lattice.tree import Lattice
from ssmb.maps.radiation import ENVELOPE, Radiation
from ssmb.quantity import quantity
from ssmb.ranges import not_negative, positive

Pair = tuple[float, float]
#: Largest rms length of a microbunch, where it is shortest, over the laser wavelength: the length of a bucket.
FITS = 0.25


@dataclass(frozen=True)
class IntrabeamEstimate:
    """A beam without and with intrabeam scattering; each pair is (without, with)."""

    covers: str = quantity("", "what the estimate covers, in words")
    current: float = quantity("A", "local current of the beam")
    electrons: float = quantity("1", "electrons of a microbunch; 0 for a coasting beam")
    coulomb_log: float = quantity("1", "Coulomb logarithm of the collisions")
    emit_x: Pair = quantity("m", "rms horizontal emittance without and with scattering", dims=("heating",))
    emit_y: Pair = quantity("m", "rms vertical emittance without and with scattering", dims=("heating",))
    sigma_delta: Pair = quantity("1", "rms momentum spread without and with scattering", dims=("heating",))
    sigma_z: Pair = quantity(
        "m", "rms length of a microbunch without and with scattering; 0 for a coasting beam", dims=("heating",)
    )

    def power_factor(self, wavelength: float) -> float:
        """Coherent power with over that without it, by the longer microbunch alone, ``exp(-k^2 d sigma_z^2)`` [1].

        Parameters
        ----------
        wavelength : of the light [m].
        """
        k = 2.0 * math.pi / positive("wavelength", wavelength, "m")
        return math.exp(-k * k * max(self.sigma_z[1] ** 2 - self.sigma_z[0] ** 2, 0.0))


def ring_intrabeam(
    ring: Lattice, at: str, *, current: float, wavelength: float, emit_y: float, coulomb_log: float = 11.0
) -> IntrabeamEstimate:
    """Return the equilibrium of a ring without and with intrabeam scattering, lasers on.

    Parameters
    ----------
    ring : lattice with its lasers.
    at : element at whose entrance spread and length are told.
    current : local current, which the laser holds in one microbunch a wavelength [A].
    wavelength : of the laser [m].
    emit_y : vertical emittance, kept: the coupling that makes it is not in the lattice [m].
    coulomb_log : see :func:`ssmb.collective.intrabeam.coulomb_logarithm`.

    Raises
    ------
    PhysicsError, ConfigError, LatticeError
        The ring has no equilibrium.

    Notes
    -----
    A ring whose lasers are off, or without lasers, holds a bunch by its cavities, and so does one whose linear
    equilibrium does not fit into a micro-bucket: the beam is then taken as coasting with the current. Else all
    electrons count as captured in the micro-buckets; where betatron motion makes microbunches longer than their
    distance, an electron meets those of its neighbours too. Scattering that the lattice has in it already, as
    diffusion, would be counted twice.
    """
    quiet = equilibrium(ring, lasers=True)
    bunched = quiet.status is EquilibriumStatus.MICROBUNCHED
    fits = not bunched or float(quiet.sigma_z.min()) < FITS * wavelength
    if not fits:  # the linear force of the laser is not that of its bucket
        quiet, bunched = equilibrium(ring), False
    velocity = ring.reference.beta * SPEED_OF_LIGHT
    electrons = positive("current", current, "A") * positive("wavelength", wavelength, "m") / velocity
    electrons = electrons / ELEMENTARY_CHARGE if bunched else 0.0
    distance = wavelength * ring.reference.beta if bunched else None  # of microbunches, which overlap in the arcs
    heating = IntrabeamHeating.of(ring, current=current, wavelength=distance, coulomb_log=coulomb_log)
    heated = scattered(ring, quiet, heating, not_negative("emit_y", emit_y, "m"))
    place = quiet.index(at)
    kept = max(emit_y, float(quiet.emittances[1]))
    rms = [(float(e.sigma_delta[place]), float(e.sigma_z[place]) if bunched else 0.0) for e in (quiet, heated)]
    words = "microbunch" if bunched else "coasting beam" if fits else "coasting beam (no room in the micro-bucket)"
    return IntrabeamEstimate(
        covers=f"whole ring, {words}, vertical emittance kept as given",
        current=current,
        electrons=electrons,
        coulomb_log=coulomb_log,
        emit_x=(float(quiet.emittances[0]), float(heated.emittances[0])),
        emit_y=(kept, kept),
        sigma_delta=(rms[0][0], rms[1][0]),
        sigma_z=(rms[0][1], rms[1][1]),
    )


def scattered(
    ring: Lattice, quiet: Equilibrium, heating: Heating, emit_y: float, radiation: Radiation | str = ENVELOPE
) -> Equilibrium:
    """Return the equilibrium of a ring with scattering, without what a coupling adds to its vertical emittance.

    Parameters
    ----------
    quiet : its equilibrium without scattering; the lasers act if they hold that.
    heating : see :func:`ssmb.dynamics.equilibrium`.
    emit_y : vertical emittance of the beam that scatters, kept: what is more than that of `quiet` comes from a coupling
        that is not in the lattice [m].
    radiation : that of `quiet`.

    Raises
    ------
    PhysicsError
        There is no balance.
    """
    vertical = max(emit_y - float(quiet.emittances[1]), 0.0) * unit_vertical(ring)
    lasers = quiet.status is EquilibriumStatus.MICROBUNCHED
    return equilibrium(ring, radiation=radiation, lasers=lasers, heating=lambda sigma: heating(sigma + vertical))


def unit_vertical(ring: Lattice) -> np.ndarray:
    """Return the covariances (n, 6, 6) of unit vertical emittance at the entrances of the elements."""
    columns = optics(ring, compare_edges=False).table()
    beta, alpha = columns["BETY"][:-1], columns["ALFY"][:-1]
    out = np.zeros((len(beta), 6, 6))
    out[:, 2, 2], out[:, 3, 3] = beta, (1.0 + alpha**2) / beta
    out[:, 2, 3] = out[:, 3, 2] = -alpha
    return out
