"""Intrabeam scattering along a ring or a line: what a passage adds to the covariance of the beam.

The rate at a place is that of :mod:`ssmb.collective.intrabeam`, its integral that of :mod:`ssmb.collective.along`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ssmb.arguments import checked
from ssmb.collective.along import Along
from ssmb.collective.intrabeam import checked_beam, diffusion_of
from ssmb.collective.trains import check_train, of_density
from ssmb.dynamics import optics
from ssmb.dynamics.linear import symplectic_form
from ssmb.errors import ConfigError
from ssmb.lattice.tree import Lattice
from ssmb.ranges import positive

Array = NDArray[np.float64]


@checked
@dataclass(frozen=True)
class IntrabeamHeating:
    """Intrabeam scattering along a ring, for ``ssmb.equilibrium(ring, heating=IntrabeamHeating(ring, ...))``.

    Parameters
    ----------
    ring : its lattice, or the line that the beam passes.
    electrons, current, coulomb_log : as in :func:`ssmb.collective.intrabeam_diffusion`; the covariances are those of
        one bunch, which for electrons in micro-buckets is a microbunch, or of a coasting beam.
    wavelength : with a current: it flows in microbunches that follow each other at this distance [m], as a laser holds
        them. An electron then meets those of its own microbunch, and, where betatron motion makes microbunches longer
        than their distance, those of its neighbours, whose momenta are taken as those of a coasting beam.
    coupling : emit_y over emit_x [1] of the beam that scatters, or
    emit_y : its vertical emittance [m]: by a coupling that the lattice has not. What is above that of the covariances
        is added to them; without either they are taken as they are, and a flat beam is refused.

    Raises
    ------
    ConfigError
        A wavelength without a current; coupling and emit_y.

    Warns
    -----
    ValidityWarning
        The rate changes inside an element that cannot be cut, or is not converged.

    """

    ring: Lattice = field(repr=False)
    electrons: float | None = None
    current: float | None = None
    coulomb_log: float = 11.0
    wavelength: float | None = None
    coupling: float | None = None
    emit_y: float | None = None

    def __post_init__(self) -> None:
        checked_beam(np.eye(6), self.electrons, self.current)
        positive("coulomb_log", self.coulomb_log)
        check_train(self.current, self.wavelength)
        if self.coupling is not None and self.emit_y is not None:
            raise ConfigError("give coupling or emit_y of the beam that scatters, not both")
        for name, unit in (("coupling", ""), ("emit_y", "m")):
            if getattr(self, name) is not None:
                positive(name, getattr(self, name), unit)

    def __call__(self, sigma: Array) -> Array:
        """Covariance that a passage of each element adds, at its entrance, (n, 6, 6)."""
        if len(sigma) != len(self.ring):
            raise ConfigError(f"intrabeam heating of {len(self.ring)} elements was asked for at {len(sigma)} places")
        return self._along.covariances(self._with_coupling(np.asarray(sigma, dtype=float)), self._rate)

    def _with_coupling(self, sigma: Array) -> Array:
        """The covariances with what a coupling adds."""
        if self.coupling is None and self.emit_y is None:
            return sigma
        own = _emittances(sigma[0])
        wanted = self.coupling * own[0] if self.coupling is not None else self.emit_y or 0.0
        return sigma + max(wanted - own[1], 0.0) * self._vertical

    @cached_property
    def _along(self) -> Along:
        return Along(self.ring, "intrabeam scattering")

    @cached_property
    def _vertical(self) -> Array:
        return unit_vertical(self.ring)

    def _rate(self, here: Array) -> Array:
        reference = self.ring.reference

        def rate(electrons: float | None, current: float | None) -> Array:
            return diffusion_of(reference, here, electrons, current, self.coulomb_log)

        return of_density(reference, here, self.electrons, self.current, self.wavelength, rate)


def _emittances(sigma: Array) -> list[float]:
    """Emittances of the modes of a covariance (6, 6) that are largest in x and y [m]."""
    values, vectors = np.linalg.eig(sigma @ symplectic_form(6))
    plane = np.argmax(np.abs(vectors[0::2] * vectors[1::2]), axis=0)
    return [float(np.abs(values[plane == k]).max(initial=0.0)) for k in (0, 1)]


def unit_vertical(ring: Lattice) -> Array:
    """Return the covariances (n, 6, 6) of unit vertical emittance at the entrances of the elements."""
    columns = optics(ring, compare_edges=False).table()
    beta, alpha = columns["BETY"][:-1], columns["ALFY"][:-1]
    out = np.zeros((len(beta), 6, 6))
    out[:, 2, 2], out[:, 3, 3] = beta, (1.0 + alpha**2) / beta
    out[:, 2, 3] = out[:, 3, 2] = -alpha
    return out
