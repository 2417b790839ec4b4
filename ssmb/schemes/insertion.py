"""A coupling insertion at magnet level: modulator, radiator, second modulator; its beam, its bunching and its closure.

The lattice runs from the middle of the first modulator to the middle of the second one, or to the radiator where there
is no second one; the laser kicks are thin and stand at these middles, outside the lattice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ssmb.beam import Beam
from ssmb.beam.bunching import bunching_factor
from ssmb.beam.closed_form import h_function
from ssmb.beam.sigma import sigma_from_twiss
from ssmb.dynamics.taylor import taylor_map
from ssmb.elements.thin_laser import ThinLaser
from ssmb.errors import ConfigError
from ssmb.lattice.tree import Lattice
from ssmb.ranges import harmonic_number, positive
from ssmb.schemes.closure import ClosureBudget, closure_budget
from ssmb.schemes.explained import ExplainedBunching, explained_bunching
from ssmb.tracking import track


@dataclass(frozen=True)
class CouplingInsertion:
    """Insertion for transverse-longitudinal coupling with an energy modulation, and the beam that comes to it.

    Parameters
    ----------
    lattice : from the middle of MOD1 on; lasers in it are to be off.
    wavelength : laser wavelength [m].
    chirp : h = k A on the axis [1/m].
    emittances : rms geometric, x and y [m rad].
    sigma_delta : rms momentum spread of the coasting beam [1].
    beta, alpha : x and y at MOD1 [m], [1].
    dispersion_y : vertical dispersion D, D' at MOD1 [m], [1].
    spot : waist w0 of the laser at the modulators, exp(-r^2/w0^2); inf for an even field [m].
    mod1, rad, mod2 : names of the markers.

    Examples
    --------
    >>> from ssmb.beam import Reference
    >>> from ssmb.elements import Drift
    >>> line = Lattice.from_elements([Drift(name="MOD1", length=1.0), Drift(name="RAD", length=1.0)], Reference(650e6))
    >>> found = CouplingInsertion(line, 1064e-9, 2.5e4, (1e-9, 40e-12), 5.5e-4, (10.0, 9.0), (0.0, 0.0), (0.52, 0.0))
    >>> round(found.h_mod, 4), len(found.beam(1024))
    (0.03, 1024)
    """

    lattice: Lattice = field(repr=False)
    wavelength: float
    chirp: float
    emittances: tuple[float, float]
    sigma_delta: float
    beta: tuple[float, float]
    alpha: tuple[float, float]
    dispersion_y: tuple[float, float]
    spot: float = math.inf
    mod1: str = "MOD1"
    rad: str = "RAD"
    mod2: str = "MOD2"

    def __post_init__(self) -> None:
        positive("wavelength", self.wavelength, "m")
        positive("chirp", self.chirp, "1/m")
        if self.spot != math.inf:
            positive("spot", self.spot, "m")
        if not self.amplitude < 1.0:
            raise ConfigError(
                f"chirp {self.chirp:g} 1/m is a modulation of {self.amplitude:.3g} of the momentum; delta must be "
                f"above -1"
            )

    @property
    def laser(self) -> ThinLaser:
        """The kick in the middle of the first modulator: the tail gains, so that r56 > 0 brings tail and head
        together.
        """
        spot = self.spot if math.isfinite(self.spot) else 0.0
        return ThinLaser(
            name="LASER", laser_wavelength=self.wavelength, amplitude=self.amplitude, laser_phase=0.5, waist=spot
        )

    @property
    def amplitude(self) -> float:
        """A = h/k, peak relative momentum modulation on the axis [1]."""
        return self.chirp * self.wavelength / (2.0 * math.pi)

    @property
    def h_mod(self) -> float:
        """Chromatic invariant of the dispersion at MOD1 [m]."""
        return h_function(self.beta[1], self.alpha[1], *self.dispersion_y)

    @property
    def sigma(self) -> np.ndarray:
        """Covariance (6, 6) of the beam at MOD1; coasting, the z row is not used."""
        return sigma_from_twiss(
            emit_x=self.emittances[0],
            emit_y=self.emittances[1],
            beta_x=self.beta[0],
            beta_y=self.beta[1],
            alpha_x=self.alpha[0],
            alpha_y=self.alpha[1],
            dispersion=(0.0, 0.0, *self.dispersion_y),
            sigma_delta=self.sigma_delta,
            sigma_z=self.wavelength,
        )

    def beam(self, n: int, seed: int = 1, charge: float = 1e-12) -> Beam:
        """Return one laser wavelength of the coasting beam at MOD1 behind the laser kick (quiet start)."""
        made = Beam.coasting(
            self.lattice.reference, self.sigma, wavelength=self.wavelength, n=n, charge=charge, seed=seed
        )
        return track(Lattice.from_elements((self.laser,), self.lattice.reference), made).beam

    def at_radiator(self, beam: Beam) -> Beam:
        """Return the beam tracked from MOD1 to the radiator."""
        return track(self.lattice, beam, start=self.mod1, end=self.rad).beam

    def bunching(self, harmonics: Sequence[int], n: int = 2**17, seeds: int = 1) -> np.ndarray:
        """Return complex b_n at the radiator of harmonics of the laser; seeds are averaged as complex numbers."""
        lengths = self.wavelength / np.array([harmonic_number(h) for h in harmonics])
        found = [bunching_factor(self.at_radiator(self.beam(n, seed)), lengths) for seed in range(1, seeds + 1)]
        return np.mean(found, axis=0)

    def explained(self, harmonic: int, n: int = 2**17, seeds: int = 1) -> ExplainedBunching:
        """Return |b_n| at the radiator as tracked and as a product of named terms, see :mod:`ssmb.schemes.explained`.

        The terms are: modulation (Bessel function), vertical emittance, incoming momentum, horizontal dispersion,
        horizontal path, T_533, laser spot; ``.terms`` has names, factors and formulas, ``.product`` their product,
        ``.tracked`` the particles, ``.departure`` tracked/product - 1 and ``.table()`` all of it as text.

        Parameters
        ----------
        harmonic : of the laser [1].
        n, seeds : particles, and independent beams of them.
        """
        section = taylor_map(self.lattice, self.mod1, self.rad, order=2)
        row = self.lattice.elements[self.lattice.index(self.mod1) : self.lattice.index(self.rad)]
        return explained_bunching(
            section,
            self.sigma,
            wavelength=self.wavelength,
            chirp=self.chirp,
            harmonic=harmonic,
            spot=self.spot,
            length=sum(e.length for e in row),
            tracked=float(abs(self.bunching([harmonic], n, seeds)[0])),
            noise=1.0 / math.sqrt(n * seeds),
        )

    def closure(
        self, harmonic: int, damping: float, *, fraction: float = 0.3, n: int = 2**13, seed: int = 1, order: int = 3
    ) -> ClosureBudget:
        """Return the closure budget from MOD1 to MOD2, see :func:`~ssmb.schemes.closure.closure_budget`."""
        return closure_budget(
            self.lattice,
            self.beam(n, seed),
            start=self.mod1,
            end=self.mod2,
            chirp=self.chirp,
            wavelength=self.wavelength,
            harmonic=harmonic,
            h_mod=self.h_mod,
            beta=self.beta[1],
            emittance=self.emittances[1],
            damping=damping,
            fraction=fraction,
            spot=self.spot,
            order=order,
        )
