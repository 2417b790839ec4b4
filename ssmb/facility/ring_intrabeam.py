"""The beam of a ring with intrabeam scattering.

References
----------
See :mod:`ssmb.collective.intrabeam`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ssmb.collective.collisions import logarithms
from ssmb.collective.intrabeam import line_density
from ssmb.collective.intrabeam_heating import IntrabeamHeating, unit_vertical
from ssmb.dynamics import Equilibrium, equilibrium
from ssmb.dynamics.equilibrium import EquilibriumStatus
from ssmb.lattice.tree import Lattice
from ssmb.quantity import quantity
from ssmb.ranges import kept_share, not_negative, positive

Pair = tuple[float, float]
#: Largest rms length of a microbunch, where it is shortest, over the laser wavelength: the length of a bucket.
FITS = 0.25
#: About so many places tell the Coulomb logarithm of a ring.
_PLACES = 100


@dataclass(frozen=True)
class IntrabeamEstimate:
    """A beam without and with intrabeam scattering; each pair is (without, with).

    Ranges are those of the values with scattering over `coulomb_log_range`: its lower end has the tail cut of a damping
    time and ends at the structure that the laser makes, its upper end has neither, and what is given is inside.
    """

    covers: str = quantity("", "what the estimate covers, in words")
    current: float = quantity("A", "local current of the beam")
    electrons: float = quantity("1", "electrons of a microbunch; 0 for a coasting beam")
    coulomb_log: float = quantity("1", "Coulomb logarithm of the collisions")
    coulomb_log_range: Pair = quantity("1", "logarithms that its definitions give for this beam", dims=("bound",))
    reach: float = quantity(
        "m", "distance along the beam over which electrons meet: largest impact parameter over gamma"
    )
    emit_x: Pair = quantity("m", "rms horizontal emittance without and with scattering", dims=("heating",))
    emit_y: Pair = quantity("m", "rms vertical emittance without and with scattering", dims=("heating",))
    sigma_delta: Pair = quantity("1", "rms momentum spread without and with scattering", dims=("heating",))
    sigma_z: Pair = quantity(
        "m", "rms length of a microbunch without and with scattering; 0 for a coasting beam", dims=("heating",)
    )
    emit_x_range: Pair = quantity("m", "range of emit_x with scattering", dims=("bound",))
    emit_y_range: Pair = quantity("m", "range of emit_y with scattering", dims=("bound",))
    sigma_delta_range: Pair = quantity("1", "range of sigma_delta with scattering", dims=("bound",))
    sigma_z_range: Pair = quantity("m", "range of sigma_z with scattering", dims=("bound",))

    def power_factor(self, wavelength: float) -> float:
        """Coherent power with over that without it, by the longer microbunch alone, ``exp(-k^2 d sigma_z^2)`` [1].

        Parameters
        ----------
        wavelength : of the light [m].
        """
        return self._factor(wavelength, self.sigma_z[1])

    def power_factor_range(self, wavelength: float) -> Pair:
        """The same over the range of the logarithm, (low, high) [1]."""
        return self._factor(wavelength, self.sigma_z_range[1]), self._factor(wavelength, self.sigma_z_range[0])

    def _factor(self, wavelength: float, heated: float) -> float:
        k = 2.0 * math.pi / positive("wavelength", wavelength, "m")
        return kept_share(math.exp(-k * k * max(heated**2 - self.sigma_z[0] ** 2, 0.0)))


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
    coulomb_log : see :func:`ssmb.collective.impact_parameters`.

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
    electrons = line_density(ring.reference, positive("current", current, "A")) * positive(
        "wavelength", wavelength, "m"
    )
    held = {"current": current, "wavelength": wavelength * ring.reference.beta if bunched else None}  # they may overlap
    kept = max(not_negative("emit_y", emit_y, "m"), float(quiet.emittances[1]))

    heating = IntrabeamHeating(ring, **held, coulomb_log=coulomb_log, emit_y=kept or None)

    def at_log(logarithm: float) -> tuple[Equilibrium, tuple[float, float, float]]:
        found = equilibrium(ring, lasers=bunched, heating=lambda sigma: logarithm / coulomb_log * heating(sigma))
        return found, _numbers(found, place, bunched)

    place = quiet.index(at)
    heated, numbers = at_log(coulomb_log)
    logs, reach = _logarithms(ring, heated, kept, current, electrons if bunched else None, wavelength)
    logs = min(logs[0], coulomb_log), max(logs[1], coulomb_log)
    bounds = [at_log(logarithm)[1] for logarithm in logs]
    before = _numbers(quiet, place, bunched)
    words = "microbunch" if bunched else "coasting beam" if fits else "coasting beam (no room in the micro-bucket)"
    pairs, ranges = list(zip(before, numbers, strict=True)), list(zip(*bounds, strict=True))
    return IntrabeamEstimate(
        covers=f"whole ring, {words}, vertical emittance kept as given",
        current=current,
        electrons=electrons if bunched else 0.0,
        coulomb_log=coulomb_log,
        coulomb_log_range=logs,
        reach=reach,
        emit_x=pairs[0],
        emit_y=(kept, kept),
        sigma_delta=pairs[1],
        sigma_z=pairs[2],
        emit_x_range=ranges[0],
        emit_y_range=(kept, kept),
        sigma_delta_range=ranges[1],
        sigma_z_range=ranges[2],
    )


def _numbers(found: Equilibrium, place: int, bunched: bool) -> tuple[float, float, float]:
    """Horizontal emittance, momentum spread and length, 0 of a coasting beam."""
    length = float(found.sigma_z[place]) if bunched else 0.0
    return float(found.emittances[0]), float(found.sigma_delta[place]), length


def _logarithms(
    ring: Lattice, heated: Equilibrium, emit_y: float, current: float, electrons: float | None, wavelength: float
) -> tuple[Pair, float]:
    """Coulomb logarithms of the beam of a ring, without and with what cuts them, and how far collisions reach [m]."""
    vertical = max(emit_y - float(heated.emittances[1]), 0.0) * unit_vertical(ring)
    return logarithms(
        ring.reference,
        (heated.sigma[:-1] + vertical)[:: max(1, len(ring) // _PLACES)],
        electrons=electrons,
        current=current if electrons is None else None,
        damping_time=float(heated.damping_times.max()),
        structure=wavelength / (2.0 * math.pi) if electrons is None else None,
    )
