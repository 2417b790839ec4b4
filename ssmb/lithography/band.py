"""What a column of mirrors makes of the spectrum of a source: in-band integrals, narrow line against broad plasma."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.beamlines.multilayer import MO_SI, Multilayer, peak
from ssmb.errors import ConfigError
from ssmb.quantity import check_quantities, quantity
from ssmb.ranges import SMALLEST, positive

FLAT_POINTS = 801  #: samples of a band; the integrals change by less than 1e-5 with twice as many


@dataclass(frozen=True)
class Column:
    """Equal mirrors in a row; 11 in a present scanner (4 illuminator, mask, 6 projection)."""

    mirror: Multilayer = quantity("", "coating", default=MO_SI)
    mirrors: int = quantity("1", "reflections, mask included", minimum=1, default=11)
    #: such as the measured 0.545 nm, to which the calculated curve is squeezed about its peak
    width: float | None = quantity("m", "width of a single mirror", minimum=SMALLEST, default=None)

    def __post_init__(self) -> None:
        check_quantities(self)

    @property
    def centre(self) -> float:
        """Wavelength of highest transmission [m]."""
        return peak(self.mirror, mirrors=self.mirrors).wavelength

    @property
    def relative_width(self) -> float:
        """Full width at half maximum over wavelength of the whole column [1]."""
        p = peak(self.mirror, mirrors=self.mirrors)
        return p.relative_width * self._squeeze

    @property
    def _squeeze(self) -> float:
        return 1.0 if self.width is None else self.width / peak(self.mirror).width

    def transmission(self, wavelength: ArrayLike) -> NDArray[np.float64]:
        """Transmitted share [1] at `wavelength` [m]."""
        lam = np.asarray(wavelength, dtype=float)
        c = self.centre
        squeezed = c + (lam - c) / self._squeeze
        return self.mirror.reflectivity(squeezed) ** self.mirrors

    def in_band(self, wavelength: ArrayLike, spectrum: ArrayLike) -> float:
        """Transmitted share of a source spectrum.

        Parameters
        ----------
        wavelength : increasing samples [m].
        spectrum : power per wavelength [any unit], not negative, same shape.
        """
        lam, s = np.asarray(wavelength, dtype=float), np.asarray(spectrum, dtype=float)
        if lam.shape != s.shape or lam.ndim != 1 or lam.size < 2 or not np.all(np.diff(lam) > 0.0):
            raise ConfigError("wavelength and spectrum must be two equally long lists, wavelength increasing.")
        if not np.all(np.isfinite(s)) or np.any(s < 0.0) or not np.any(s > 0.0):
            raise ConfigError("spectrum must be finite, not negative and not zero everywhere.")
        return float(np.trapezoid(s * self.transmission(lam), lam) / np.trapezoid(s, lam))

    def flat_band(self, relative_band: float = 0.02, *, centre: float | None = None) -> float:
        """Mean transmission over a flat band of full relative width `relative_band` [1] about `centre` [m]."""
        lam = _band(centre or self.centre, relative_band)
        return self.in_band(lam, np.ones_like(lam))

    def line_gain(self, relative_band: float = 0.02, *, offset: float = 0.0) -> float:
        """Transmission of a narrow line over that of the same watts spread flat over a band.

        Parameters
        ----------
        relative_band : full width of the band, centred on the column [1].
        offset : of the line from the peak of the column [m].
        """
        line = float(self.transmission(np.array([self.centre + offset]))[0])
        return line / self.flat_band(relative_band)

    def plasma_gain(self, plasma_width: float, relative_band: float = 0.02) -> float:
        """Transmission of a line per watt over that of a plasma per watt *counted in band*.

        Parameters
        ----------
        plasma_width : full width at half maximum of the (Gaussian) plasma emission [m]; its light outside the band is
            not counted in its watts but exposes all the same.
        relative_band : in which the watts of the plasma are counted [1].
        """
        c = self.centre
        sigma = positive("plasma width", plasma_width, "m") / (2.0 * math.sqrt(2.0 * math.log(2.0)))
        lam = np.linspace(c - 0.09 * c, c + 0.045 * c, 4 * FLAT_POINTS)
        wide = np.exp(-0.5 * ((lam - c) / sigma) ** 2)
        counted = _band(c, relative_band)
        in_band = np.trapezoid(np.exp(-0.5 * ((counted - c) / sigma) ** 2), counted)
        exposed = np.trapezoid(wide * self.transmission(lam), lam)
        return float(self.transmission(np.array([c]))[0] * in_band / exposed)

    def offset_loss(self, offset: float) -> float:
        """Share of the peak transmission that a narrow line loses at `offset` [m] from the peak [1]."""
        t = self.transmission(np.array([self.centre, self.centre + offset]))
        return float(1.0 - t[1] / t[0])


def _band(centre: float, relative_band: float) -> NDArray[np.float64]:
    half = positive("relative band", relative_band) / 2.0
    return np.linspace(centre * (1.0 - half), centre * (1.0 + half), FLAT_POINTS)
