"""Radiation integrals of an uncoupled ring, with the pole faces of bends and wigglers, and what follows from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ssmb.arguments import checked
from ssmb.beam.reference import Reference
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.dynamics.closed_orbit import find_orbits
from ssmb.dynamics.linear import carried_plane, dispersion_invariant, is_coupled, periodic_plane
from ssmb.dynamics.matrices import suited
from ssmb.dynamics.propagation import recorded_at, without
from ssmb.errors import ConfigError, PhysicsError
from ssmb.kernels.roles import Role
from ssmb.lattice.program import Program, compile_elements
from ssmb.lattice.tree import Lattice
from ssmb.maps.op import Emission
from ssmb.maps.radiation import ENVELOPE, Radiation
from ssmb.maps.synchrotron_radiation import RadiationConstants

_GRADIENT_STEP = 1e-6


@dataclass(frozen=True)
class RadiationIntegrals:
    """Synchrotron radiation integrals, with kappa the local curvature on the closed orbit and D the dispersion.

    Attributes
    ----------
    i1 : sum of h D_x ds, h the curvature of the orbit [m] (bodies of wigglers give none: their motion is averaged).
    i2 : of kappa^2 [1/m].
    i3 : of |kappa|^3 [1/m^2].
    i4 : (i4x, i4y) of grad(kappa^2 (1 + h x)) D by planes [1/m]; for a plane bend h (h^2 + 2 Kn1) D_x, pole faces
        included.
    i5 : (i5x, i5y) of |kappa|^3 H [1/m].
    slip_rms : rms of the running R56 at emission, weighted with |kappa|^3 [m].
    pole_faces : whether pole faces are in i4.
    reference : reference particle.
    length : length of the ring [m].

    References
    ----------
    M. Sands, SLAC-121 (1970); R. H. Helm et al., IEEE Trans. Nucl. Sci. 20, 900 (1973), doi:10.1109/TNS.1973.4327284.
    """

    i1: float
    i2: float
    i3: float
    i4: tuple[float, float]
    i5: tuple[float, float]
    slip_rms: float
    pole_faces: bool
    reference: Reference
    length: float

    @property
    def energy_loss(self) -> float:
        """Energy loss per turn [eV]."""
        ref = self.reference
        return RadiationConstants.of(ref).loss * self.i2 * ref.p0c * ref.beta

    @property
    def partition_numbers(self) -> tuple[float, float, float]:
        """Damping partition numbers of x, y, z [1]."""
        x, y = (i / self.i2 for i in self.i4)
        return 1.0 - x, 1.0 - y, 2.0 + x + y

    @property
    def damping_times(self) -> tuple[float, float, float]:
        """Amplitude damping times of x, y, z [s]; infinite or negative where a mode is not damped."""
        ref = self.reference
        period = self.length / (ref.beta * SPEED_OF_LIGHT)
        rate = 0.5 * self.energy_loss / (ref.beta**2 * ref.energy)
        x, y, z = (period / (rate * j) if j else math.inf for j in self.partition_numbers)
        return x, y, z

    @property
    def sigma_delta(self) -> float:
        """Rms energy spread of the classical formula, without what the bunch length along the ring adds [1]."""
        return math.sqrt(0.25 * self._heating() * self.i3 / (0.5 * self._cooling() * self.partition_numbers[2]))

    @property
    def emittances(self) -> tuple[float, float]:
        """Equilibrium emittances of x and y [m]."""
        jx, jy, _ = self.partition_numbers
        scale = 0.5 * self._heating() / self._cooling()
        return scale * self.i5[0] / jx, scale * self.i5[1] / jy

    def _heating(self) -> float:
        return RadiationConstants.of(self.reference).spread

    def _cooling(self) -> float:
        return RadiationConstants.of(self.reference).loss * self.i2


@checked
def radiation_integrals(lattice: Lattice, *, pole_faces: bool = True) -> RadiationIntegrals:
    """Return the radiation integrals of a ring whose planes x and y are not coupled.

    Parameters
    ----------
    lattice : ring.
    pole_faces : whether thin pole faces belong to i4: -tan(e) h^2 D at each. Some codes leave them out.

    Raises
    ------
    PhysicsError
        If x and y are coupled (use :func:`equilibrium`), the ring has no stable motion, or nothing bends.

    Examples
    --------
    >>> from ssmb.elements import Bend
    >>> half = Bend(name="b", length=2.0, angle=math.pi / 2, Kn1=-0.3)
    >>> found = radiation_integrals(Lattice.from_elements([half] * 4, Reference(2e8), periodic=True))
    >>> round(found.i2 / (math.pi**2 / 2), 9), round(found.partition_numbers[0], 4)
    (1.0, 0.9468)
    """
    if not isinstance(lattice, Lattice):
        raise ConfigError(f"radiation integrals need a Lattice, not {type(lattice).__name__}")
    compiled = without(
        compile_elements(lattice.elements, lattice.reference, Radiation(ENVELOPE, edges=pole_faces)), lasers=True
    )
    compiled, _ = compiled.without_noise()
    program, cuts, points = _without_radiation(compiled)
    if not len(cuts):
        raise PhysicsError("nothing in the lattice radiates: it has no bends, wigglers or multipoles")
    made, turn = suited(program, find_orbits(program, np.zeros((6, 1)), 4))
    m = turn[0]
    record = recorded_at(program, made.particles(), cuts)
    maps, orbit = made.slopes(record)[:, 0], made.centre(record)[:, :, 0]
    if is_coupled(m[:4, :4]) or is_coupled(_unrolled(maps, points)[:, :4, :4]):
        raise PhysicsError("x and y are coupled: radiation integrals do not describe this ring; use ssmb.equilibrium")
    start = np.append(np.linalg.solve(np.eye(4) - m[:4, :4], m[:4, 5]), (0.0, 1.0))
    dispersion = maps @ start
    invariants = []
    for plane, name in enumerate("xy"):
        block = slice(2 * plane, 2 * plane + 2)
        _, beta, alpha = periodic_plane(m[block, block], name)
        # the frames of rolled bodies are undone in _sums; beta functions are those of the ring
        b, a, _ = carried_plane(_unrolled(maps, points)[:, block, block], beta, alpha)
        d = _unrolled(dispersion[:, :, None], points)[:, :, 0]
        invariants.append(dispersion_invariant(d[:, 2 * plane], d[:, 2 * plane + 1], b, a))
    return _sums(compiled, points, orbit, dispersion, np.array(invariants), pole_faces)


def _without_radiation(compiled: Program) -> tuple[Program, np.ndarray, list[Emission]]:
    """The program without energy changes, where its radiation ops stood, and what they were."""
    gone = (Role.EMISSION, Role.EDGE, Role.RESTORER, Role.CAVITY)
    before = np.concatenate(([0], np.cumsum(~np.isin(compiled.roles, gone))))
    emissions = compiled.emissions
    return compiled.without(*gone), before[list(emissions)], list(emissions.values())


def _unrolled(rows: np.ndarray, points: list[Emission]) -> np.ndarray:
    """Turn (j, 6, k) vectors of rolled frames back into the frame of the ring."""
    c, s = (np.array([f(p.field.tilt) for p in points])[:, None] for f in (math.cos, math.sin))
    out = rows.copy()
    for x, y in ((0, 2), (1, 3)):
        out[:, x], out[:, y] = c * rows[:, x] - s * rows[:, y], s * rows[:, x] + c * rows[:, y]
    return out


def _sums(
    compiled: Program,
    points: list[Emission],
    orbit: np.ndarray,
    dispersion: np.ndarray,
    invariants: np.ndarray,
    pole_faces: bool,
) -> RadiationIntegrals:
    i1 = i2 = i3 = 0.0
    i4, i5 = np.zeros(2), np.zeros(2)
    slips, weights = [], []
    for j, point in enumerate(points):
        field, length = point.field, point.length
        if not length:
            gradient = np.array([point.tangent * field.strength() ** 2, 0.0])
        else:

            def power(x: float, y: float, field=field) -> float:
                return field.squared(x, y) * (1.0 + field.h * x)

            x, y = float(orbit[j, 0]), float(orbit[j, 2])
            e = _GRADIENT_STEP
            slope = ((power(x + e, y) - power(x - e, y)) / (2 * e), (power(x, y + e) - power(x, y - e)) / (2 * e))
            gradient = length * field.square * np.array(slope)
            cube = length * field.cube * power(x, y) ** 1.5
            i1 += length * field.h * dispersion[j, 0]
            i2 += length * field.square * power(x, y)
            i3 += cube
            i5 += cube * invariants[:, j]
            slips.append(dispersion[j, 4])
            weights.append(cube)
        # the gradient stands in the frame of the body, the planes are those of the ring
        c, s = math.cos(field.tilt), math.sin(field.tilt)
        lab_d = (c * dispersion[j, 0] - s * dispersion[j, 2], s * dispersion[j, 0] + c * dispersion[j, 2])
        lab_g = (c * gradient[0] - s * gradient[1], s * gradient[0] + c * gradient[1])
        i4 += np.multiply(lab_d, lab_g)
    if not i2 > 0.0:
        raise PhysicsError("nothing in the lattice bends on the closed orbit: there is no radiation")
    mean = float(np.average(slips, weights=weights))
    return RadiationIntegrals(
        i1=float(i1),
        i2=float(i2),
        i3=float(i3),
        i4=(float(i4[0]), float(i4[1])),
        i5=(float(i5[0]), float(i5[1])),
        slip_rms=math.sqrt(float(np.average((np.array(slips) - mean) ** 2, weights=weights))),
        pole_faces=bool(pole_faces),
        reference=compiled.reference,
        length=compiled.length,
    )
