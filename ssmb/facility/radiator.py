"""The radiator as a part: from the tracked beam in it to watts at the intermediate focus, each factor by name.

The first step of the way is the power that a thin beam with the ideal bunching (that of the tracked beam if none is
given) would give if the whole ring were filled with the current of the train and the laser never off; the last is the
power at the intermediate focus. A factor that was not tracked (closure of the second modulator, duty of the laser)
comes with the beam, with the word that says where it comes from.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import scipy
from numpy.polynomial import Chebyshev

from ssmb.arguments import checked
from ssmb.beam import Beam, Reference
from ssmb.beamlines import Beamline, ChainStage, UndulatorChain
from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.errors import ConfigError, PhysicsError, ValidityWarning
from ssmb.facility.part import Part
from ssmb.facility.ring import Filling
from ssmb.facility.source import RadiatingBeam, SourceLight
from ssmb.facility.steps import PowerWay
from ssmb.light.coherent import coherent_power
from ssmb.light.debunching import Plane, powers_by_detuning
from ssmb.light.exit_light import ExitLight
from ssmb.light.growth import gain_parameter
from ssmb.light.incoherent import axis_power_density, incoherent_energy
from ssmb.light.tracked import TrackedLight, tracked_power
from ssmb.maps.undulator import Undulator
from ssmb.quantity import check_quantities, quantity

#: wavelengths at which the beamline of the default chain is meant [m]
EUV_RANGE = (6e-9, 15e-9)
#: laser harmonics on each side of the light, particles of their lines
_LINES, _OF_LINES = 3, 131_072
#: degree of the polynomial through the power near its best detuning: an entire function there, 1e-13 of it is left out
_DEGREE = 14


@checked
@dataclass(frozen=True)
class Radiator(Part, name="radiator"):
    """An undulator whose gap is set to the light, and the beamline behind it.

    Examples
    --------
    >>> radiator, beam = Radiator.examples()[0]
    >>> light = radiator.state(beam)
    >>> [step.name for step in light.steps][:2], light.steps[-1].power == light.power_at_focus
    (['thin beam, tracked bunching, whole ring', 'size, divergence, energy spread of the beam'], True)
    """

    undulator: Undulator = quantity("", "its magnet; K is set so that the light is resonant")
    detuning: str = quantity(
        "", "gap: exact, resonant on the axis at the wavelength of the light; best, where it gives the most",
        choices=("exact", "best"), default="exact",
    )  # fmt: skip
    beamlines: int = quantity(
        "1", "equal radiators on the ring; all powers are those of one", minimum=1, maximum=1000, default=1
    )
    #: if left out, four grazing mirrors and gas at 6 to 15 nm, and no optics at all at other wavelengths, where nothing
    #: is assumed: the focus is then the undulator exit; the power of a chain of given factors is not used
    chain: UndulatorChain | Beamline | None = quantity("", "way to the intermediate focus", default=None)
    band: float | None = quantity(
        "1",
        "full relative width of the band that counts; by default 0.6 % at 6.5 to 6.9 nm, else 2 %",
        minimum=1e-9,
        maximum=1.0,
        default=None,
    )

    def __post_init__(self) -> None:
        check_quantities(self)

    def tracked(self, upstream: RadiatingBeam) -> TrackedLight:
        """Return the coherent light of the particles of a beam, see :func:`ssmb.light.tracked.tracked_power`."""
        beam, wavelength = upstream.beam, upstream.wavelength
        made = self.undulator.tuned(wavelength, beam.reference)
        if self.detuning == "best":
            made = _best(beam, made, wavelength)
        return tracked_power(made, beam, wavelength, current=upstream.filling.local_current)

    def state(self, upstream: RadiatingBeam, *, known: SourceLight | None = None) -> SourceLight:
        """Return the light of a tracked beam at a harmonic of the laser, from the radiator to the intermediate focus.

        Parameters
        ----------
        upstream : what radiates.
        known : light of the same beam, here, whatever of its duty and its limits: its far field is not summed again.

        Raises
        ------
        ConfigError, PhysicsError
            Arguments out of range; no K makes the undulator resonant.

        Warns
        -----
        ValidityWarning
            See :func:`ssmb.light.tracked.tracked_power` and :func:`ssmb.light.growth.gain_parameter`; too much
            heat on the first mirror of a :class:`ssmb.beamlines.Beamline`, coherent and incoherent light together.
        """
        beam, wavelength, filling = upstream.beam, upstream.wavelength, upstream.filling
        train = filling.local_current
        exact = self.undulator.tuned(wavelength, beam.reference)
        if known is not None:
            light, resonant_power = known.light, known.resonant_power
        else:
            light = self.tracked(upstream)
            best = self.detuning == "best"
            resonant_power = (tracked_power(exact, beam, wavelength, current=train) if best else light).power
        at_exit = ExitLight.of_train(
            light,
            average_current=filling.average_current,
            train_length=filling.train_length,
            duty=upstream.duty,
            beamlines=self.beamlines,
            band=self.band,
        )
        ideal = upstream.ideal_bunching
        way = PowerWay(
            f"thin beam, {'tracked' if ideal is None else 'ideal'} bunching, whole ring",
            coherent_power(exact, current=train, bunching=light.bunching if ideal is None else ideal),
            "calculated",
        )
        if ideal is not None:
            way.by("bunching of the tracked beam", (light.bunching / abs(ideal)) ** 2, "tracked")
        seen = tuple(end / light.power for end in light.power_range) if light.power > 0.0 else (0.0, 1.0)
        beam_is = "size, divergence, energy spread of the beam"
        way.to(beam_is, resonant_power, "tracked", (seen[0], seen[1]), "tracked light")
        if self.detuning == "best":
            way.to("best detuning of the radiator", light.power, "tracked")
        at_exit = _limited(way, at_exit, upstream)
        way.by("share in the band", at_exit.in_band_power / at_exit.average_power, "calculated")
        for stage in self._stages(at_exit, exact, filling.average_current):
            way.by(stage.name, stage.transmission, stage.origin, stage.transmission_range, "assumed transmissions")
        electrons = filling.average_current / ELEMENTARY_CHARGE
        return SourceLight(
            harmonic=upstream.harmonic,
            light=light,
            resonant_power=resonant_power,
            exit=at_exit,
            power_at_focus=way.power,
            incoherent_power=electrons * incoherent_energy(exact, ELEMENTARY_CHARGE, at_exit.band),
            incoherent_loss=exact.energy_per_electron(),
            average_current=filling.average_current,
            gain=_gain(exact, beam, train, wavelength),
            energy_loss=at_exit.peak_power / train,
            steps=way.steps,
        )

    def _stages(self, light: ExitLight, undulator: Undulator, current: float) -> tuple[ChainStage, ...]:
        """Factors behind the band, without those that take nothing."""
        chain = self.chain
        if isinstance(chain, Beamline):
            chain = chain.chain(light, incoherent=axis_power_density(undulator, current))
        if chain is None:
            euv = EUV_RANGE[0] <= light.wavelength <= EUV_RANGE[1]
            chain = UndulatorChain() if euv else UndulatorChain("none given", transport=1.0)
        if chain.band != 1.0:
            raise ConfigError(
                f"chain '{chain.name}': band = {chain.band:g}, but the share in the band follows from the light; give "
                f"band = 1"
            )
        taking = tuple(s for s in chain.factors if s.transmission < 1.0)
        return taking or (ChainStage(f"beamline: {chain.name}", 1.0, chain.factors[-1].origin),)

    @classmethod
    def examples(cls) -> list[tuple[Self, Any]]:
        reference = Reference(600e6)
        sigma = np.diag(np.array([40e-6, 5e-6, 20e-6, 5e-6, 2e-9, 3e-4]) ** 2)
        beam = Beam.gaussian(reference, sigma, n=1024, charge=1e-12, seed=2, start="quiet")
        undulator = Undulator.resonant(reference, 1064e-9 / 79, 0.02, 60)
        filled, trains = Filling(1.0), Filling(1.0, 20.0, 5.0)
        return [
            (cls(undulator), RadiatingBeam(beam, 1064e-9, 79, filled)),
            (
                cls(undulator, "best", beamlines=2, chain=UndulatorChain("two", grazing_mirrors=2)),
                RadiatingBeam(beam, 1064e-9, 79, trains, duty=0.5, ideal_bunching=0.9, over_turns=1.2),
            ),
        ]


def neighbouring_lines(light: SourceLight, seen: RadiatingBeam) -> tuple[np.ndarray, np.ndarray]:
    """Return the laser harmonics about a light, and the peak power of each in the same undulator [W].

    Parameters
    ----------
    light : the light.
    seen : what radiates it.
    """
    n, beam = light.harmonic, seen.beam
    near = [m for m in range(max(1, n - _LINES), n + _LINES + 1) if abs(m - n) <= 0.3 * n]
    some = beam.select(np.arange(len(beam)) < _OF_LINES)
    powers = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)  # of noise far from the resonance
        for m in near:
            if m == n:
                powers.append(light.light.power)
                continue
            wavelength, current = seen.laser_wavelength / m, seen.filling.local_current
            powers.append(tracked_power(light.light.undulator, some, wavelength, current=current).power)
    return np.array(near), np.array(powers)


def _limited(way: PowerWay, light: ExitLight, upstream: RadiatingBeam) -> ExitLight:
    """The light with what the turns, the duty and the limits of its beam make of it, each a step on the way."""
    if upstream.over_turns != 1.0:
        way.by("mean over turns", upstream.over_turns, "tracked")
        seen = {name: getattr(light, name) * upstream.over_turns for name in ("peak_power", "average_power")}
        light = replace(light, **seen)
    way.by("filling of the ring", upstream.filling.share, "given")
    way.by("duty of the laser", upstream.duty, "given")
    taken = 1.0
    for limit in upstream.limits:
        way.by(limit.name, limit.factor, limit.origin, limit.factor_range)
        taken *= limit.factor
    average = light.average_power * taken
    bounds = way.spread and (average * way.spread[0], average * way.spread[1])
    return replace(light, average_power=average, average_power_range=bounds)


def _gain(undulator: Undulator, beam: Beam, current: float, wavelength: float) -> float:
    """4 pi rho N of the beam [1]."""
    moments = np.cov(beam.coordinates[:, beam.alive])
    # a beam without extent still has a gain: that of a thousandth of the light's own size
    least = 1e-3 * math.sqrt(2.0 * wavelength * undulator.length) / (4.0 * math.pi)
    return gain_parameter(undulator, current, *(max(math.sqrt(moments[i, i]), least) for i in (0, 2)))


def _best(beam: Beam, exact: Undulator, wavelength: float) -> Undulator:
    """The undulator with the resonance as far below the wavelength as is best for a Gaussian of these moments."""
    s = np.cov(beam.coordinates[:, beam.alive])
    planes = [Plane(math.sqrt(s[i, i]), math.sqrt(s[i + 1, i + 1]), float(s[i, i + 1])) for i in (0, 2)]
    spread = math.sqrt(s[5, 5])

    def powers(phases: np.ndarray) -> np.ndarray:
        return powers_by_detuning(exact, phases, plane_x=planes[0], plane_y=planes[1], sigma_delta=spread)

    grid = np.linspace(-2.0, 20.0, 23)
    at = int(np.argmax(powers(grid)))
    low, high = float(grid[max(at - 1, 0)]), float(grid[min(at + 1, grid.size - 1)])
    near = Chebyshev.interpolate(powers, _DEGREE, (low, high))
    found: Any = scipy.optimize.minimize_scalar(
        lambda d: -near(d), bounds=(low, high), method="bounded", options={"xatol": 1e-3}
    )
    lag = float(found.x) / (2.0 * math.pi * exact.n_periods)
    if lag >= 1.0:
        raise PhysicsError(f"{exact.n_periods} periods are too few to detune the radiator")
    # light of the wavelength lags behind a resonance at higher frequency
    return exact.tuned(wavelength * (1.0 - lag))
