"""Equilibrium of a ring: damping, diffusion and the beam that they settle to, for any coupling of the three planes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from ssmb.arguments import checked
from ssmb.beam.reference import Reference
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.dynamics.bend_edges import edges_of
from ssmb.dynamics.damped_turn import DampedTurn, damped_turn
from ssmb.dynamics.instability import MODES, reason, unstable_mode
from ssmb.dynamics.linear import normal_modes, symplectic_form
from ssmb.dynamics.propagation import has_cavities, laser_wavelength, without
from ssmb.errors import ConfigError, PhysicsError
from ssmb.lattice.facts import check_radio_frequency
from ssmb.lattice.places import entrance_of, place_columns
from ssmb.lattice.program import Program, compile_elements
from ssmb.lattice.tree import Lattice
from ssmb.maps.radiation import ENVELOPE, Radiation
from ssmb.quantity import COVARIANCE, MATRIX, PHASE_SPACE, Shown, quantity
from ssmb.ranges import positive

_FORM = symplectic_form(6)
#: Beam and heating are found when the emittances change by less than this in a step; and how many steps that may take.
_SAME, _MOST_STEPS = 1e-5, 400
#: Covariance that a passage adds at the entrance of each element (n, 6, 6), of the covariances there (n, 6, 6).
Heating = Callable[[np.ndarray], np.ndarray]


class EquilibriumStatus(Enum):
    """What kind of equilibrium was found."""

    BUNCHED = "three damped modes; the beam is bound by cavities"
    MICROBUNCHED = "three damped modes; the beam is bound by lasers, in a micro-bucket"
    LINEAR = "three damped modes; the beam is bound by a linear map"


@checked
@dataclass(frozen=True, eq=False)
class Equilibrium(Shown):
    """The beam of a ring in equilibrium, at n + 1 places: the beginning, and the exit of each of the n elements.

    Modes are ordered by the plane in which they are largest: x, y, z. Emittances are rms and geometric; damping times
    are those of amplitudes (emittances shrink twice as fast); sigma is the second moment about the closed orbit.
    """

    status: EquilibriumStatus
    reference: Reference
    names: tuple[str, ...] = quantity("", "names of the elements", dims=("element",))
    s: np.ndarray = quantity("m", "position", dims=("place",), label="s")
    emittances: np.ndarray = quantity("m", "rms emittances of the modes, from the envelope", dims=("mode",))
    emittances_sands: np.ndarray = quantity(
        "m", "the same from eigenvectors and damping rates (Sands, Chao)", dims=("mode",)
    )
    damping_times: np.ndarray = quantity("s", "amplitude damping times of the modes", dims=("mode",))
    partition_numbers: np.ndarray = quantity("1", "damping partition numbers; their sum is 4", dims=("mode",))
    tunes: np.ndarray = quantity(
        "1", "fractional tunes of the modes; that of z is the synchrotron tune, < 0.5", dims=("mode",)
    )
    sigma_delta: np.ndarray = quantity("1", "rms energy spread", dims=("place",))
    sigma_z: np.ndarray = quantity("m", "rms bunch length", dims=("place",), label="σz")
    energy_loss: float = quantity("eV", "energy loss per turn on the closed orbit")
    sigma: np.ndarray = quantity(
        COVARIANCE, "second moments of (x, px, y, py, z, delta)", dims=("place", "coordinate", "other_coordinate")
    )
    closed_orbit: np.ndarray = quantity(PHASE_SPACE, "closed orbit with radiation", dims=("place", "coordinate"))
    m66: np.ndarray = quantity(
        MATRIX, "damped one-turn matrix at the beginning", dims=("coordinate", "other_coordinate")
    )
    provenance: dict[str, Any] = field(default_factory=dict, repr=False)

    def index(self, name: str) -> int:
        """Position in the arrays of the entrance of an element."""
        return entrance_of(self.names, name, "equilibrium")

    def bunching(self, wavelength: float) -> np.ndarray:
        """|b| that a Gaussian of the local bunch length has, exp(-(2 pi sigma_z/wavelength)^2/2), at every place, (n +
        1,).

        Parameters
        ----------
        wavelength : [m], > 0.
        """
        k = 2.0 * math.pi / positive("wavelength", wavelength, "m")
        return np.exp(-0.5 * (k * self.sigma_z) ** 2)

    def table(self) -> dict[str, np.ndarray]:
        """Return columns; row 0 is the beginning, row i the exit of element i. Sizes in m, SIGT is the spread of
        delta.
        """
        sizes = np.sqrt(np.maximum(np.diagonal(self.sigma, axis1=1, axis2=2), 0.0))
        names = ("SIGX", "SIGPX", "SIGY", "SIGPY", "SIGZ", "SIGDELTA")
        out = place_columns(self.names, self.s)
        return out | {name: sizes[:, i] for i, name in enumerate(names)}


@checked
def equilibrium(
    lattice: Lattice | Program,
    *,
    radiation: Radiation | str = ENVELOPE,
    lasers: bool = False,
    heating: Heating | None = None,
) -> Equilibrium:
    """Return the equilibrium of radiation damping and quantum excitation of a ring.

    The envelope is Sigma = M Sigma M^T + D with M the one-turn map about the closed orbit with radiation and D the
    local diffusion of all radiation points, carried to the end of the turn.

    Parameters
    ----------
    lattice : ring; or a program that was compiled with radiation="envelope".
    radiation : whether pole faces radiate (J_x of the MLS: 1.055 with it, 1.000 without), and whether photons leave at
        their angle to the plane of the orbit, which sets the floor of the vertical emittance (and in wigglers along the
        wiggling velocity). The radiation of a run as it stands: "quantum", "diffusion" and "envelope" have the same
        equilibrium. A compiled program has its own.
    lasers : whether lasers act, about the nearest micro-bucket.
    heating : diffusion that depends on the beam, such as that of intrabeam scattering (:mod:`ssmb.collective`): of the
        covariances at the entrances of the n elements, (n, 6, 6), what a passage of each adds to them, (n, 6, 6). The
        beam is then that which such a heating and the radiation leave; ``emittances_sands`` stay those of radiation.

    Raises
    ------
    PhysicsError
        No closed orbit, a loss larger than the voltage, unstable motion, a mode that is not damped, or a heating that
        finds no balance.

    References
    ----------
    K. Ohmi, K. Hirata, K. Oide, Phys. Rev. E 49, 751 (1994), doi:10.1103/PhysRevE.49.751 (envelope).
    A. W. Chao, J. Appl. Phys. 50, 595 (1979), doi:10.1063/1.326070 (eigenvectors).

    Examples
    --------
    >>> from ssmb.elements import Bend, RFCavity
    >>> half = Bend(name="b", length=2.0, angle=math.pi / 2, Kn1=-0.3)
    >>> cavity = RFCavity(name="rf", voltage=1e5, harmon=4, zero_phase="ABOVE_TRANSITION")
    >>> ring = Lattice.from_elements([half] * 4 + [cavity], Reference(2e8), periodic=True)
    >>> found = equilibrium(ring)
    >>> [round(float(j), 3) for j in found.partition_numbers], round(found.energy_loss, 2)
    ([0.945, 1.0, 2.055], 111.16)
    """
    program = _envelope_program(lattice, Radiation.of(radiation), lasers)
    try:
        turn = damped_turn(program)
    except PhysicsError as error:
        raise PhysicsError(f"no equilibrium: {reason(program, error.message)}") from None
    vectors, rates, tunes = _damped_modes(turn)
    sigma, noise = _settled(turn, turn.noise[-1]), turn.noise
    if heating is not None:
        sigma, noise = _heated(turn, sigma, heating)
    period = program.length / (program.reference.beta * SPEED_OF_LIGHT)
    partition = (
        2.0 * rates * program.reference.beta**2 * program.reference.energy / turn.energy_loss
        if turn.energy_loss > 0.0
        else np.zeros(3)
    )
    along = turn.along @ (sigma + noise) @ np.swapaxes(turn.along, 1, 2)
    projected = (vectors.conj().T @ _FORM) @ sigma @ (vectors.conj().T @ _FORM).conj().T
    return Equilibrium(
        status=_status(program, lasers),
        reference=program.reference,
        names=program.names,
        s=program.s,
        emittances=np.maximum(np.real(np.diagonal(projected)), 0.0),
        emittances_sands=_sands(turn, vectors, rates),
        damping_times=period / rates,
        partition_numbers=partition,
        tunes=tunes,
        sigma_delta=np.sqrt(np.maximum(along[:, 5, 5], 0.0)),
        sigma_z=np.sqrt(np.maximum(along[:, 4, 4], 0.0)),
        energy_loss=turn.energy_loss,
        sigma=along,
        closed_orbit=turn.orbit,
        m66=turn.one_turn,
        provenance={
            "bend_edges": edges_of(program),
            "pole_faces": program.radiation.edges,
            "opening_angle": program.radiation.angles,
            "lasers": bool(lasers and laser_wavelength(program)),
            "radiation_points": len(turn.strengths),
        },
    )


def _envelope_program(lattice: Lattice | Program, radiation: Radiation, lasers: bool) -> Program:
    if radiation.mode in ("off", "mean"):
        raise ConfigError(
            f"there is no equilibrium with radiation '{radiation.mode}': nothing heats the beam; use 'quantum', "
            "'diffusion' or 'envelope'"
        )
    if isinstance(lattice, Program):
        if lattice.radiation.mode != ENVELOPE:
            raise ConfigError(
                f"the program was compiled with radiation='{lattice.radiation.mode}'; the equilibrium needs a "
                f"Lattice, or "
                f"compile_elements(..., radiation='{ENVELOPE}')"
            )
        program = lattice
    elif isinstance(lattice, Lattice):
        check_radio_frequency(lattice)
        program = compile_elements(lattice.elements, lattice.reference, radiation.envelope())
    else:
        raise ConfigError(f"equilibrium needs a Lattice, not {type(lattice).__name__}")
    if not program.names:
        raise ConfigError("the lattice has no elements")
    return without(program, lasers=not lasers)


def _status(program: Program, lasers: bool) -> EquilibriumStatus:
    if lasers and laser_wavelength(program):
        return EquilibriumStatus.MICROBUNCHED
    return EquilibriumStatus.BUNCHED if has_cavities(program) else EquilibriumStatus.LINEAR


def _damped_modes(turn: DampedTurn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvectors (6, 3) of the damped map, normalised to E^dagger S E = i, damping rates per turn and tunes.

    Raises
    ------
    PhysicsError
        If the motion is unstable, or a mode grows.
    """
    if said := unstable_mode(turn.symplectic):
        raise PhysicsError(f"no equilibrium: {said}")
    tunes, clean = normal_modes(turn.symplectic)
    values, vectors = np.linalg.eig(turn.one_turn)
    rates, found = np.empty(3), np.empty((6, 3), dtype=complex)
    overlap = np.abs(clean.conj().T @ _FORM @ (vectors / np.linalg.norm(vectors, axis=0)))  # (mode, eigenvector)
    for k in range(3):
        i = int(np.argmax(overlap[k] * (np.abs(np.angle(values * np.exp(-2j * np.pi * tunes[k]))) < 0.1)))
        sign = float(np.imag(vectors[:, i].conj() @ _FORM @ vectors[:, i]))
        if not sign > 0.0:
            raise PhysicsError(
                f"no equilibrium: mode {MODES[k]} is too near a resonance to be told from its mirror image"
            )
        found[:, k] = vectors[:, i] / math.sqrt(sign)
        rates[k] = -math.log(abs(values[i]))
        tunes[k] = np.angle(values[i]) / (2.0 * math.pi) % 1.0
    tunes[2] = min(tunes[2], 1.0 - tunes[2])  # z turns backward above transition
    for k in range(3):
        if not rates[k] > 0.0:
            remedy = {
                0: "lower the bend gradients that focus in x (or use J_x wigglers, or a smaller dispersion in them)",
                1: "vertical bends with gradient take the damping; check Ks1 and tilts",
                2: "damping of z needs radiation and J_z > 0; the gradient of the bends may be too strong",
            }[k]
            raise PhysicsError(
                f"no equilibrium: mode {MODES[k]} is not damped (rate {rates[k]:.3g} per turn; energy loss "
                f"{turn.energy_loss:.4g} eV per turn): {remedy}"
            )
    return found, rates, tunes


def _settled(turn: DampedTurn, noise: np.ndarray) -> np.ndarray:
    """Solve Sigma = M (Sigma + noise) M^T at the beginning, in the eigenbasis of M."""
    values, vectors = np.linalg.eig(turn.one_turn)
    inverse = np.linalg.inv(vectors)
    added = inverse @ (turn.one_turn @ noise @ turn.one_turn.T) @ inverse.T
    sigma = (vectors @ (added / (1.0 - np.multiply.outer(values, values))) @ vectors.T).real
    return 0.5 * (sigma + sigma.T)


def _heated(turn: DampedTurn, sigma: np.ndarray, heating: Heating) -> tuple[np.ndarray, np.ndarray]:
    """Beam at the beginning and noise along the ring with a heating that depends on the beam: repeated until both
    agree.
    """
    maps, back = turn.along[:-1], np.linalg.inv(turn.along[:-1])
    extra, invariants = np.zeros_like(turn.noise), None
    for _ in range(_MOST_STEPS):
        here = maps @ (sigma + turn.noise[:-1] + extra[:-1]) @ np.swapaxes(maps, 1, 2)
        added = np.cumsum(back @ heating(here) @ np.swapaxes(back, 1, 2), axis=0)
        extra[1:] = added if invariants is None else 0.5 * (extra[1:] + added)
        sigma = _settled(turn, turn.noise[-1] + extra[-1])
        found = np.sort(np.abs(np.linalg.eigvals(sigma @ _FORM)))[::2]
        if invariants is not None and np.all(np.abs(found - invariants) <= _SAME * found):
            return sigma, turn.noise + extra
        invariants = found
    raise PhysicsError(
        f"no equilibrium with heating: the emittances still change after {_MOST_STEPS} steps; lower the current"
    )


def _sands(turn: DampedTurn, vectors: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Emittances from eigenvectors: the energy kicks feed |E_k5|^2 and the mode forgets at twice its rate."""
    if not len(turn.strengths):
        return np.zeros(3)
    amplitudes = np.abs(turn.kicks @ (_FORM @ vectors.conj())) ** 2
    return turn.strengths @ amplitudes / (2.0 * rates)
