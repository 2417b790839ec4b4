"""The beam: macroparticles as a struct of arrays, with a state for the lost ones.

Coordinates are (x, px, y, py, z, delta): px = Px/P0, delta = (P - P0)/P0, z = -beta c (t - t_ref) > 0 at the head.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.beam import distributions
from ssmb.beam.reference import Reference
from ssmb.beam.rows import numbers_of, real_array, six_rows, whole_numbers_of
from ssmb.beam.sigma import sigma_from_twiss
from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.errors import ConfigError, PhysicsError
from ssmb.kernels.philox import PARTICLE_BITS
from ssmb.ranges import not_negative

#: Largest number of a particle: random numbers are keyed by it.
LARGEST_ID = (1 << PARTICLE_BITS) - 1


class LossReason(IntEnum):
    """Why a particle is lost; the code that stands in :attr:`Beam.state`."""

    ALIVE = 0
    APERTURE = 1
    NO_FORWARD_MOMENTUM = 2
    OUT_OF_RANGE = 3

    @property
    def text(self) -> str:
        """The reason in words."""
        return _LOSS_TEXT[self]


_LOSS_TEXT = {
    LossReason.ALIVE: "alive",
    LossReason.APERTURE: "outside an aperture",
    LossReason.NO_FORWARD_MOMENTUM: "no forward momentum left, px^2 + py^2 >= (1 + delta)^2",
    LossReason.OUT_OF_RANGE: "coordinates beyond the range in which the maps hold",
}


def _row(index: int, doc: str) -> property:
    def view(self: Beam) -> NDArray[np.float64]:
        return self.coordinates[index]

    return property(view, doc=doc)


@checked
class Beam:
    """Macroparticles around a reference particle.

    Parameters
    ----------
    reference : reference particle.
    coordinates : shape (6, n), rows x [m], px [1], y [m], py [1], z [m], delta [1]; copied. A lost particle keeps the
        coordinates that it had when it was lost.
    weight : real particles per macroparticle, one number or shape (n,), >= 0.
    ids : shape (n,), unique, from 0 to :data:`LARGEST_ID`; random streams are keyed by them. 0 ... n-1 if left out.
    state : shape (n,), codes of :class:`LossReason`; all alive if left out.
    lost_turn : shape (n,), turn of the loss, -1 if alive.
    lost_element : shape (n,), index of the element in the compiled program, -1 if alive.

    Attributes
    ----------
    coordinates : one C-contiguous float64 array (6, n), of which x, px, y, py, z, delta are views.
    weight, ids, state, lost_turn, lost_element : arrays (n,) of float64, int64, int32, int64, int64.

    Raises
    ------
    ConfigError
        Wrong shapes, numbers that are not finite, delta <= -1, ids that repeat, unknown states.

    Notes
    -----
    The arrays may be written to, which is how tracking works; the attributes cannot be bound to others.

    Examples
    --------
    >>> beam = Beam(Reference(250e6), np.zeros((6, 3)), weight=1e6)
    >>> len(beam), f"{beam.charge:.3e}"
    (3, '4.807e-13')
    """

    __slots__ = ("_coordinates", "_ids", "_lost_element", "_lost_turn", "_reference", "_state", "_weight")

    def __init__(
        self,
        reference: Reference,
        coordinates: ArrayLike,
        weight: ArrayLike = 1.0,
        ids: ArrayLike | None = None,
        state: ArrayLike | None = None,
        lost_turn: ArrayLike | None = None,
        lost_element: ArrayLike | None = None,
    ) -> None:
        if not isinstance(reference, Reference):
            raise ConfigError(f"reference must be a Reference(energy=..., species=...), not {type(reference).__name__}")
        self._reference = reference
        self._coordinates = six_rows(coordinates)
        n = self._coordinates.shape[1]
        self._weight = numbers_of("weight", weight, n)
        self._ids = whole_numbers_of("ids", np.arange(n) if ids is None else ids, n, np.int64)
        rising = bool((self._ids[1:] > self._ids[:-1]).all())  # most are, and need no sort
        if ((self._ids < 0) | (self._ids > LARGEST_ID)).any() or not (rising or np.unique(self._ids).size == n):
            raise ConfigError(
                f"ids must be unique and lie from 0 to 2^{PARTICLE_BITS} - 1: they key the random numbers of the "
                "particles; leave them out to have 0, 1, 2 ..."
            )
        self._state = whole_numbers_of("state", 0 if state is None else state, n, np.int32)
        self._lost_turn = whole_numbers_of("lost_turn", -1 if lost_turn is None else lost_turn, n, np.int64)
        self._lost_element = whole_numbers_of("lost_element", -1 if lost_element is None else lost_element, n, np.int64)
        if not np.isin(self._state, list(LossReason)).all():
            allowed = ", ".join(f"{r.value} {r.name}" for r in LossReason)
            raise ConfigError(f"unknown state in {np.unique(self._state).tolist()}; allowed: {allowed}")
        if (self.delta[self.alive] <= -1.0).any():
            particle = int(np.argmax(self.alive & (self.delta <= -1.0)))
            raise ConfigError(f"delta must be above -1; that of particle {particle} is {self.delta[particle]}")
        if ((self._lost_turn != -1) | (self._lost_element != -1))[self.alive].any():
            raise ConfigError("lost_turn and lost_element must be -1 for particles that are alive")

    @property
    def reference(self) -> Reference:
        """Reference particle."""
        return self._reference

    @property
    def coordinates(self) -> NDArray[np.float64]:
        """Rows x [m], px [1], y [m], py [1], z [m], delta [1]; shape (6, n), C-contiguous."""
        return self._coordinates

    x = _row(0, "Horizontal place [m].")
    px = _row(1, "Horizontal momentum Px/P0 [1].")
    y = _row(2, "Vertical place [m].")
    py = _row(3, "Vertical momentum Py/P0 [1].")
    z = _row(4, "-beta c (t - t_ref) [m], > 0 at the head.")
    delta = _row(5, "(P - P0)/P0 [1].")

    @property
    def weight(self) -> NDArray[np.float64]:
        """Real particles per macroparticle [1]."""
        return self._weight

    @property
    def ids(self) -> NDArray[np.int64]:
        """Unique numbers of the particles."""
        return self._ids

    @property
    def state(self) -> NDArray[np.int32]:
        """0 alive, else the code of a :class:`LossReason`."""
        return self._state

    @property
    def lost_turn(self) -> NDArray[np.int64]:
        """Turn in which the particle was lost, -1 if alive."""
        return self._lost_turn

    @property
    def lost_element(self) -> NDArray[np.int64]:
        """Index of the element of the loss in the compiled program, -1 if alive."""
        return self._lost_element

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Mask of the living particles."""
        return self._state == LossReason.ALIVE

    @property
    def charge(self) -> float:
        """Charge of the living particles, its magnitude [C]."""
        number = float(self._weight[self.alive].sum())
        return number * ELEMENTARY_CHARGE * abs(self._reference.charge_number)

    def __len__(self) -> int:
        return self._coordinates.shape[1]

    def __repr__(self) -> str:
        living = int(np.count_nonzero(self.alive))
        lost = f", {len(self) - living} lost" if living < len(self) else ""
        species, energy = self._reference.species, self._reference.energy
        return f"Beam({living} macroparticles{lost}, {self.charge:.4g} C, {species}, {energy:.6g} eV)"

    def copy(self) -> Beam:
        """Return a beam with arrays of its own."""
        return self._taken(slice(None))

    def select(self, mask: ArrayLike) -> Beam:
        """Return a new beam of some particles, with their ids.

        Parameters
        ----------
        mask : booleans of shape (n,), or indices.

        Examples
        --------
        >>> beam = Beam(Reference(250e6), np.zeros((6, 3)))
        >>> beam.select([True, False, True]).ids
        array([0, 2])
        """
        chosen = np.asarray(mask)
        if chosen.size == 0:
            chosen = chosen.astype(np.int64)
        if chosen.ndim != 1 or chosen.dtype.kind not in "biu":
            raise ConfigError("select needs booleans of shape (n,), or indices")
        if chosen.dtype.kind == "b":
            if chosen.shape != (len(self),):
                raise ConfigError(f"the mask must have shape ({len(self)},), not {chosen.shape}")
        elif chosen.size and not (-len(self) <= chosen.min() and chosen.max() < len(self)):
            raise ConfigError(f"indices must lie in [{-len(self)}, {len(self) - 1}]")
        elif np.unique(chosen % max(len(self), 1)).size != chosen.size:
            raise ConfigError("a particle cannot be selected twice: ids are unique")
        return self._taken(chosen)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays by name, not copied; ``Beam(reference, **arrays)`` makes the same beam again."""
        return {
            "coordinates": self._coordinates,
            "weight": self._weight,
            "ids": self._ids,
            "state": self._state,
            "lost_turn": self._lost_turn,
            "lost_element": self._lost_element,
        }

    def _taken(self, chosen: Any) -> Beam:
        taken = object.__new__(Beam)  # checked when it was made: no need to check again
        taken._reference = self._reference
        taken._coordinates = np.array(self._coordinates[:, chosen], order="C")
        taken._weight, taken._ids, taken._state = (
            np.array(values[chosen]) for values in (self._weight, self._ids, self._state)
        )
        taken._lost_turn, taken._lost_element = np.array(self._lost_turn[chosen]), np.array(self._lost_element[chosen])
        return taken

    @classmethod
    def gaussian(
        cls,
        reference: Reference,
        sigma: ArrayLike,
        *,
        n: int,
        charge: float,
        seed: int = 0,
        start: str = "random",
        centroid: ArrayLike | None = None,
        cut: float | None = None,
    ) -> Beam:
        """Return a Gaussian beam with covariance `sigma`.

        Parameters
        ----------
        reference : reference particle.
        sigma : covariance (6, 6) of (x, px, y, py, z, delta); it may lack an extent in some directions.
        n : number of macroparticles, of equal weight.
        charge : magnitude of the charge of the beam [C], >= 0.
        seed : key of the random numbers (Philox), or of the scrambling of a quiet start.
        start : "random" (independent draws, fluctuations as 1/sqrt(n)) or "quiet" (scrambled Sobol points; mean and
            covariance exact to rounding if there is no cut).
        centroid : mean (6,); zero if left out.
        cut : limit of the six normalised coordinates [standard deviations]; shrinks the covariance by
            ``distributions.cut_factor(cut)``.

        Raises ConfigError for an indefinite sigma and arguments out of range.

        Examples
        --------
        >>> beam = Beam.gaussian(Reference(250e6), 1e-8*np.eye(6), n=1000, charge=1e-12, seed=1)
        >>> f"{beam.charge:.2e}"
        '1.00e-12'
        """
        return cls._filled(reference, distributions.gaussian(sigma, n, seed, start, centroid, cut), charge)

    @classmethod
    def from_twiss(
        cls,
        reference: Reference,
        *,
        emit_x: float,
        emit_y: float,
        beta_x: float,
        beta_y: float,
        alpha_x: float = 0.0,
        alpha_y: float = 0.0,
        dispersion: Sequence[float] = (0.0, 0.0, 0.0, 0.0),
        sigma_delta: float,
        sigma_z: float,
        n: int,
        charge: float,
        seed: int = 0,
        start: str = "random",
        centroid: ArrayLike | None = None,
        cut: float | None = None,
    ) -> Beam:
        """Return a Gaussian beam from Twiss parameters.

        The first nine are described at :func:`ssmb.beam.sigma.sigma_from_twiss`, the rest at :meth:`gaussian`.
        """
        sigma = sigma_from_twiss(
            emit_x=emit_x,
            emit_y=emit_y,
            beta_x=beta_x,
            beta_y=beta_y,
            alpha_x=alpha_x,
            alpha_y=alpha_y,
            dispersion=dispersion,
            sigma_delta=sigma_delta,
            sigma_z=sigma_z,
        )
        return cls.gaussian(reference, sigma, n=n, charge=charge, seed=seed, start=start, centroid=centroid, cut=cut)

    @classmethod
    def waterbag(
        cls,
        reference: Reference,
        sigma: ArrayLike,
        *,
        n: int,
        charge: float,
        seed: int = 0,
        start: str = "random",
        centroid: ArrayLike | None = None,
    ) -> Beam:
        """Return a beam that fills the ellipsoid of `sigma` evenly, up to sqrt(d + 2) rms sizes in d dimensions.

        Its covariance is `sigma`. Parameters and errors as for :meth:`gaussian`.
        """
        return cls._filled(reference, distributions.waterbag(sigma, n, seed, start, centroid), charge)

    @classmethod
    def coasting(
        cls,
        reference: Reference,
        sigma: ArrayLike,
        *,
        wavelength: float,
        n_wavelengths: int = 1,
        n: int,
        charge: float,
        seed: int = 0,
        start: str = "quiet",
        centroid: ArrayLike | None = None,
        cut: float | None = None,
    ) -> Beam:
        """Return a slice of a long beam: z uniform over whole laser wavelengths, the rest Gaussian.

        Parameters
        ----------
        sigma : covariance (6, 6), e.g. of :func:`ssmb.beam.sigma.sigma_from_twiss`; the z row and column are not used.
        wavelength : laser wavelength [m].
        n_wavelengths : number of wavelengths in the slice, centred on z = 0.
        charge : magnitude of the charge in the slice [C].
        reference, n, seed, start, centroid, cut : as for :meth:`gaussian`. With a quiet start z is equally spaced, and
            the bunching of the beam is zero to rounding up to the harmonic (n - 1)/n_wavelengths.
        """
        rows = distributions.coasting(sigma, wavelength, n_wavelengths, n, seed, start, centroid, cut)
        return cls._filled(reference, rows, charge)

    @classmethod
    def matched(
        cls,
        equilibrium: Any,
        *,
        n: int,
        charge: float,
        seed: int = 0,
        start: str = "random",
        at: int = 0,
        centroid: ArrayLike | None = None,
        cut: float | None = None,
    ) -> Beam:
        """Return a Gaussian beam with the sigma matrix of an equilibrium.

        Parameters
        ----------
        equilibrium : any object with ``sigma`` of shape (6, 6) or (places, 6, 6), and ``reference``.
        at : index of the place, if there are several; 0 is the start of the lattice.
        n, charge, seed, start, centroid, cut : as for :meth:`gaussian`.
        """
        sigma, reference = getattr(equilibrium, "sigma", None), getattr(equilibrium, "reference", None)
        if sigma is None or not isinstance(reference, Reference):
            raise ConfigError(
                f"a matched beam needs an object with 'sigma' (6, 6) or (places, 6, 6) and 'reference'; "
                f"{type(equilibrium).__name__} has not both"
            )
        matrices = real_array("sigma", sigma)
        if matrices.ndim == 3:
            if not -len(matrices) <= at < len(matrices):
                raise ConfigError(f"at = {at} is not one of the {len(matrices)} places of the equilibrium")
            matrices = matrices[at]
        return cls.gaussian(reference, matrices, n=n, charge=charge, seed=seed, start=start, centroid=centroid, cut=cut)

    @classmethod
    def _filled(cls, reference: Reference, coordinates: NDArray[np.float64], charge: float) -> Beam:
        if not isinstance(reference, Reference):
            raise ConfigError(f"reference must be a Reference(energy=..., species=...), not {type(reference).__name__}")
        electrons = not_negative("charge", charge, "C") / (ELEMENTARY_CHARGE * abs(reference.charge_number))
        if (coordinates[5] <= -1.0).any():
            raise PhysicsError(
                f"{int((coordinates[5] <= -1.0).sum())} particles of the distribution have delta <= -1, no momentum; "
                "the momentum spread is too large, or give a cut"
            )
        return cls(reference, coordinates, electrons / coordinates.shape[1])
