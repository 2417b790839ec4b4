"""The light of a source at the exit of its undulator: what optics, and the lithography behind them, are handed.

A coherent line of a train of microbunches is a comb at the harmonics of the laser; its lines are as narrow as the train
is long and the laser coherent, not 1/N. Its angle and size at the waist follow from the angular distribution; light of
one transverse mode has the product lambda/(4 pi), a beam that radiates from a larger area or in more directions than
that is partly coherent, or not diffraction limited.

References
----------
K.-J. Kim, Nucl. Instrum. Methods A 246, 71 (1986), doi:10.1016/0168-9002(86)90048-3 (phase space of light).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ssmb.arguments import checked
from ssmb.constants import BLUE_RANGE, IN_BAND, IN_BAND_BLUE, SPEED_OF_LIGHT
from ssmb.errors import ConfigError
from ssmb.light.statistics import photon_rate
from ssmb.light.tracked import TrackedLight
from ssmb.quantity import Shown, check_quantities, derived, quantity
from ssmb.ranges import count, not_negative, positive, positive_or_infinite, share


@checked
def counted_band(wavelength: float) -> float:
    """Return the full relative band in which light is counted if nobody says otherwise [1].

    0.6 % between 6.5 and 6.9 nm, as the mirrors of 6.x nm reflect; 2 % at 13.5 nm and, for want of a convention, at all
    other wavelengths from THz to soft X-rays. It matters only for light that is wider than the band, which that of
    trains of many microbunches is not, and for the incoherent background.

    Parameters
    ----------
    wavelength : [m].

    Examples
    --------
    >>> counted_band(13.5e-9), counted_band(6.7e-9), counted_band(300e-6)
    (0.02, 0.006, 0.02)
    """
    low, high = BLUE_RANGE
    return IN_BAND_BLUE if low <= positive("wavelength", wavelength, "m") <= high else IN_BAND


@checked
@dataclass(frozen=True)
class ExitLight(Shown):
    """Light at the exit of one undulator; the protocol of ``ssmb.lithography.EuvSource.from_result``."""

    wavelength: float = quantity("m", "wavelength")
    peak_power: float = quantity("W", "power while the filled part of the beam passes")
    average_power: float = quantity("W", "average power")
    relative_bandwidth: float = quantity("1", "full width of the line over the wavelength")
    divergence_x: float = quantity("rad", "horizontal rms angle")
    divergence_y: float = quantity("rad", "vertical rms angle")
    beamlines: int = quantity("1", "equal undulators on the ring", default=1)
    time_structure: str = quantity("", "time structure in words", default="quasi-CW")
    band: float = quantity(
        "1", "full relative width of the band that the user counts; see :func:`counted_band`", default=IN_BAND
    )
    average_power_range: tuple[float, float] | None = quantity(
        "W", "range of the average power, where one is known", dims=("bound",), default=None
    )

    def __post_init__(self) -> None:
        check_quantities(self)
        positive("wavelength", self.wavelength, "m")
        for name in ("peak_power", "average_power"):
            not_negative(name, getattr(self, name), "W")
        for name in ("divergence_x", "divergence_y"):
            positive(name, getattr(self, name), "rad")
        positive("relative_bandwidth", self.relative_bandwidth)
        positive("band", self.band)
        count("beamlines", self.beamlines)
        if self.average_power > self.peak_power * (1.0 + 1e-12):
            raise ConfigError(f"average power {self.average_power:g} W is above the peak power {self.peak_power:g} W")

    @classmethod
    def of_train(
        cls,
        light: TrackedLight,
        *,
        average_current: float,
        train_length: float,
        duty: float = 1.0,
        laser_line_width: float = 0.0,
        beamlines: int = 1,
        band: float | None = None,
    ) -> ExitLight:
        """Return the light of trains with the current of `light`, as many as make the average current.

        Parameters
        ----------
        light : result of :func:`ssmb.light.tracked.tracked_power`; its current is that inside a train.
        average_current : [A]; the filling factor is average over train current.
        train_length : length of a train [m]; infinite for a filled ring.
        duty : share of the turns in which the trains are bunched (laser on), (0, 1] [1].
        laser_line_width : full width of the laser line over its frequency [1].
        beamlines : as of the class.
        band : as of the class; that of :func:`counted_band` if left out.
        """
        filling = share(
            "filling (average_current over the current in the train)",
            positive("average_current", average_current, "A") / light.current,
        )
        of_train = light.wavelength / positive_or_infinite("train_length", train_length, "m")
        line = max(math.hypot(0.886 * of_train, not_negative("laser_line_width", laser_line_width)), 1e-15)
        words = "CW" if filling * share("duty", duty) == 1.0 else f"trains, filling {filling:.3g}, duty {duty:.3g}"
        x, y = light.divergence
        counted = counted_band(light.wavelength) if band is None else band
        return cls(light.wavelength, light.power, light.power * filling * duty, line, x, y, beamlines, words, counted)

    @property
    def divergence(self) -> float:
        """Rms opening angle, both planes together [rad]."""
        return math.sqrt(self.divergence_x * self.divergence_y)

    @derived
    def in_band_power(self) -> float:
        """Average power within the band: all of a line that is narrower, the share of its width otherwise [W]."""
        return self.average_power * self._inside

    @derived
    def in_band_power_range(self) -> tuple[float, float] | None:
        """Range of the power within the band, where one is known [W]."""
        bounds = self.average_power_range
        return bounds and (bounds[0] * self._inside, bounds[1] * self._inside)

    @property
    def _inside(self) -> float:
        return min(1.0, self.band / self.relative_bandwidth)

    @property
    def sizes(self) -> tuple[float, float]:
        """Smallest rms size (x, y) of light with this divergence: one transverse mode, lambda/(4 pi)/angle [m]."""
        mode = self.wavelength / (4.0 * math.pi)
        return mode / self.divergence_x, mode / self.divergence_y

    def coherent_modes(self, sigma_x: float, sigma_y: float) -> float:
        """Return rms size times angle over that of one mode, product of both planes [1].

        Parameters
        ----------
        sigma_x, sigma_y : rms sizes of the source [m]; for the coherent line of one beam those of :attr:`sizes`.
        """
        mode = self.wavelength / (4.0 * math.pi)
        x = max(1.0, positive("sigma_x", sigma_x, "m") * self.divergence_x / mode)
        return x * max(1.0, positive("sigma_y", sigma_y, "m") * self.divergence_y / mode)

    @property
    def etendue(self) -> float:
        """Etendue of one mode of this divergence, lambda^2 [m^2 sr]: of a coherent line."""
        return self.wavelength**2

    @property
    def photon_rate(self) -> float:
        """Photons per second [1/s]."""
        return photon_rate(self.average_power, self.wavelength)

    @property
    def coherence_length(self) -> float:
        """Length over which the light interferes with itself, lambda over the relative width [m]."""
        return self.wavelength / self.relative_bandwidth

    @property
    def coherence_time(self) -> float:
        """Coherence length over c [s]."""
        return self.coherence_length / SPEED_OF_LIGHT
