"""Between which distances the collisions of a beam count: impact parameters and the Coulomb logarithm.

All distances are those of the rest frame of the beam, where it is gamma times as long.

References
----------
J. D. Huba, NRL Plasma Formulary (2019): distance of closest approach, quantum limit, Debye length.
T. O. Raubenheimer, Part. Accel. 45, 111 (1994): the tail cut.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ssmb.arguments import checked
from ssmb.beam import Reference
from ssmb.collective.intrabeam import checked_beam, line_density, motion_at_a_point
from ssmb.constants import FINE_STRUCTURE, SPEED_OF_LIGHT
from ssmb.errors import PhysicsError
from ssmb.quantity import derived, quantity
from ssmb.ranges import positive


@dataclass(frozen=True)
class ImpactParameters:
    """Smallest and largest impact parameters of a beam, and what sets them; lengths of the rest frame."""

    closest: float = quantity("m", "distance at which a collision turns the relative motion by 90 degrees")
    quantum: float = quantity("m", "half of the reduced wavelength of the relative motion")
    tail: float = quantity("m", "distance that an electron sees once in a damping time; 0 without that time")
    size: float = quantity("m", "smallest rms size of the beam; that of a bunch counts its length times gamma")
    debye: float = quantity("m", "Debye length, at which the others shield a charge")
    structure: float = quantity("m", "length in z over which the beam is one, times gamma; infinite if none is given")
    gamma: float = quantity("1", "Lorentz factor of the beam")

    @derived
    def smallest(self) -> float:
        """Impact parameter below which collisions are rare or not classical [m]."""
        return max(self.closest, self.quantum, self.tail)

    @derived
    def largest(self) -> float:
        """Impact parameter above which an electron sees no other [m]."""
        return min(self.size, self.debye, self.structure)

    @derived
    def reach(self) -> float:
        """Distance along the beam, in the laboratory, over which electrons meet where no structure ends it [m].

        Density and motion are taken as those of one place over this distance, the largest impact parameter over gamma.
        A structure of the beam that is shorter, such as the buckets of a laser, is in the logarithm only.
        """
        return min(self.size, self.debye) / self.gamma

    @derived
    def logarithm(self) -> float:
        """Coulomb logarithm [1].

        Raises
        ------
        PhysicsError
            The largest impact parameter is below the smallest.
        """
        if not self.largest > self.smallest:
            raise PhysicsError(
                f"no Coulomb logarithm: the largest impact parameter {self.largest:.3g} m is below the smallest "
                f"{self.smallest:.3g} m"
            )
        return math.log(self.largest / self.smallest)


@checked
def impact_parameters(
    reference: Reference,
    sigma: ArrayLike,
    *,
    electrons: float | None = None,
    current: float | None = None,
    damping_time: float | None = None,
    structure: float | None = None,
) -> ImpactParameters:
    """Return between which distances the electrons of a beam collide.

    With the rms relative motion v at one place, n the density of the rest frame and r the classical radius: closest
    ``r c^2/<v^2>``, quantum ``hbar/(2 mu v_rel)`` (mu half the mass, v_rel^2 twice <v^2>), Debye length
    ``sqrt(<v^2>/3)/sqrt(4 pi r c^2 n)``. With a damping time the *tail cut*: collisions that an electron has less than
    once in that time make tails, not the core of the beam.

    Parameters
    ----------
    reference, sigma, electrons, current : as in :func:`ssmb.collective.intrabeam_diffusion`.
    damping_time : amplitude damping time [s] for the tail cut.
    structure : length in z over which density and mean momentum of the beam are the same [m], such as wavelength/(2 pi)
        of the laser that modulates it; an electron does not count those farther away.

    Raises
    ------
    ConfigError, PhysicsError
        As :func:`ssmb.collective.intrabeam_diffusion`.

    Examples
    --------
    >>> sigma = np.diag([1e-8, 4e-10, 1e-9, 4e-11, 2.5e-15, 1.156e-7])
    >>> ref = Reference(400e6)
    >>> round(impact_parameters(ref, sigma, electrons=22000).logarithm, 1)
    14.5
    >>> round(impact_parameters(ref, sigma, electrons=22000, damping_time=0.06).logarithm, 1)
    11.1
    """
    s, coasting = checked_beam(sigma, electrons, current)
    gamma, radius = reference.gamma, reference.classical_radius
    along_axes, *_ = motion_at_a_point(reference, s[None], coasting)
    motion = gamma * reference.beta * math.sqrt(float(along_axes.sum()))  # rest frame velocity over c
    across, sizes = s[np.ix_([0, 2], [0, 2])], [math.sqrt(s[0, 0]), math.sqrt(s[2, 2])]
    if coasting:
        line = line_density(reference, current or 0.0)
    else:
        line = (electrons or 0.0) / (2.0 * math.sqrt(math.pi) * math.sqrt(s[4, 4]))
        sizes.append(gamma * math.sqrt(s[4, 4]))
    density = line / (4.0 * math.pi * math.sqrt(float(np.linalg.det(across)))) / gamma
    tail = 0.0
    if damping_time is not None:
        # the time that passes in the rest frame
        collisions = density * motion * SPEED_OF_LIGHT * positive("damping_time", damping_time, "s") / gamma
        tail = math.sqrt(1.0 / (math.pi * collisions))
    compton = radius / (FINE_STRUCTURE * reference.charge_number**2)  # reduced wavelength of the species
    return ImpactParameters(
        closest=radius / motion**2,
        quantum=compton / (math.sqrt(2.0) * motion),
        tail=tail,
        size=min(sizes),
        debye=math.sqrt(motion**2 / 3.0 / (4.0 * math.pi * radius * density)),
        structure=math.inf if structure is None else gamma * positive("structure", structure, "m"),
        gamma=gamma,
    )


def logarithms(
    reference: Reference,
    sigma: Sequence[ArrayLike] | np.ndarray,
    *,
    electrons: float | None = None,
    current: float | None = None,
    damping_time: float,
    structure: float | None = None,
) -> tuple[tuple[float, float], float]:
    """Return the Coulomb logarithms between which the definitions leave that of a beam, and how far collisions reach.

    The first with the tail cut and the structure of the beam, the second without them; each the mean over the places
    whose covariances (n, 6, 6) are given, at least 1; and the largest reach of them [m].
    """
    many = {"electrons": electrons, "current": current}
    wide = [impact_parameters(reference, s, **many) for s in sigma]
    narrow = [impact_parameters(reference, s, **many, damping_time=damping_time, structure=structure) for s in sigma]
    low, high = (
        float(np.mean([math.log(max(p.largest / p.smallest, math.e)) for p in each])) for each in (narrow, wide)
    )
    return (low, high), max(p.reach for p in wide)
