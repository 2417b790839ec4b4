"""A coupling insertion at magnet level: modulator, radiator, second modulator; its beam, its bunching and its closure.

The lattice runs from the middle of the first modulator to the middle of the second one, or to the radiator where there
is no second one; the laser kicks are thin and stand at these middles, outside the lattice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ssmb.arguments import checked
from ssmb.beam import Beam
from ssmb.beam.bunching import bunching_factor
from ssmb.beam.closed_form import h_function
from ssmb.beam.sigma import sigma_from_twiss
from ssmb.dynamics.taylor import TaylorMap, taylor_map
from ssmb.elements.thin_laser import ThinLaser
from ssmb.errors import ConfigError
from ssmb.lattice.tree import Lattice
from ssmb.quantity import LIGHT, check_quantities, quantity
from ssmb.ranges import harmonic_number
from ssmb.schemes.closure import ClosureBudget, closure_budget
from ssmb.schemes.explained import ExplainedBunching, explained_bunching
from ssmb.tracking import track


@checked
@dataclass(frozen=True)
class CouplingInsertion:
    """Insertion for transverse-longitudinal coupling with an energy modulation, and the beam that comes to it.

    Examples
    --------
    >>> from ssmb.beam import Reference
    >>> from ssmb.elements import Drift
    >>> line = Lattice.from_elements([Drift(name="MOD1", length=1.0), Drift(name="RAD", length=1.0)], Reference(650e6))
    >>> found = CouplingInsertion(line, 1064e-9, 2.5e4, 1e-9, 40e-12, 5.5e-4, (10.0, 9.0), (0.52, 0.0))
    >>> round(found.h_mod, 4), len(found.beam(1024))
    (0.03, 1024)
    """

    lattice: Lattice = quantity("", "from the middle of MOD1 on; lasers in it are to be off", repr=False)
    wavelength: float = quantity("m", "laser wavelength", minimum=1e-15, maximum=1e6, plausible=LIGHT)
    chirp: float = quantity("1/m", "h = k A, slope of the modulation on the axis", minimum=1e-9, maximum=1e8)
    emit_x: float = quantity("m", "rms horizontal emittance", minimum=0.0, open_minimum=True, maximum=1e-3)
    emit_y: float = quantity("m", "rms vertical emittance", minimum=0.0, open_minimum=True, maximum=1e-3)
    sigma_delta: float = quantity(
        "1", "rms relative momentum spread of the coasting beam", minimum=0.0, open_minimum=True, maximum=0.1
    )
    beta: tuple[float, float] = quantity("m", "beta functions in x and y at mod1", minimum=1e-6, maximum=1e6)
    dispersion_y: tuple[float, float] = quantity(
        "m, 1", "vertical dispersion D and D' at mod1", minimum=-1e4, maximum=1e4
    )
    alpha: tuple[float, float] = quantity(
        "1", "alpha in x and y at mod1", minimum=-1e4, maximum=1e4, default=(0.0, 0.0)
    )
    spot: float | None = quantity(
        "m", "waist w0 of the laser, exp(-r^2/w0^2); without it a plane wave", minimum=1e-15, maximum=1e6, default=None
    )
    mod1: str = quantity("", "element at whose entrance the middle of the first modulator is", default="MOD1")
    rad: str = quantity("", "that of the middle of the radiator", default="RAD")
    mod2: str = quantity("", "that of the middle of the second modulator", default="MOD2")

    def __post_init__(self) -> None:
        check_quantities(self)
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
        return ThinLaser(
            name="LASER", laser_wavelength=self.wavelength, amplitude=self.amplitude, laser_phase=0.5,
            waist=self.spot or 0.0,
        )  # fmt: skip

    @property
    def amplitude(self) -> float:
        """A = h/k, peak relative momentum modulation on the axis [1]."""
        return self.chirp * self.wavelength / (2.0 * math.pi)

    @property
    def h_mod(self) -> float:
        """Chromatic invariant of the dispersion at MOD1 [m]."""
        return h_function(self.beta[1], self.alpha[1], *self.dispersion_y)

    @cached_property
    def section(self) -> TaylorMap:
        """Map of second order from the first modulator to the radiator."""
        return taylor_map(self.lattice, self.mod1, self.rad, order=2)

    @property
    def sigma(self) -> np.ndarray:
        """Covariance (6, 6) of the beam at MOD1; coasting, the z row is not used."""
        return sigma_from_twiss(
            emit_x=self.emit_x,
            emit_y=self.emit_y,
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

    def beams(self, n: int, seeds: Sequence[int]) -> Beam:
        """Return the beams of several seeds as one, each of n particles; the charge is that of one."""
        parts = [self.beam(n, seed) for seed in seeds]
        return Beam(
            parts[0].reference,
            np.concatenate([p.coordinates for p in parts], axis=1),
            np.concatenate([p.weight for p in parts]) / len(parts),
        )

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
        row = self.lattice.elements[self.lattice.index(self.mod1) : self.lattice.index(self.rad)]
        return explained_bunching(
            self.section,
            self.sigma,
            wavelength=self.wavelength,
            chirp=self.chirp,
            harmonic=harmonic,
            spot=self.spot or math.inf,
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
            emittance=self.emit_y,
            damping=damping,
            fraction=fraction,
            spot=self.spot or math.inf,
            order=order,
        )
