"""From the tracked beam in the radiator to watts at the intermediate focus, each factor by name.

The first step of the way is the power that a thin beam with the ideal bunching (that of the tracked beam if none is given)
would give if the whole ring were filled with the current of the train and the laser never off; the last is the power at the
intermediate focus. Every limit in between is a factor with a name, so that nothing is hidden in a product. A factor that was
not tracked (closure of the second modulator, duty of the laser) is given by who calls, with the word that says where it comes
from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import optimize

from ssmb.beam import Beam, Reference
from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.errors import ConfigError, PhysicsError, nearest
from ssmb.facility.beamline import Beamline
from ssmb.lithography import ChainStage, EuvSource, PowerPlane, UndulatorChain
from ssmb.quantity import quantity
from ssmb.radiation.coherent import coherent_power
from ssmb.radiation.debunching import Plane, debunched_power
from ssmb.radiation.exit_light import ExitLight
from ssmb.radiation.growth import gain_parameter
from ssmb.radiation.incoherent import axis_power_density, incoherent_energy
from ssmb.radiation.tracked import TrackedLight, tracked_power
from ssmb.radiation.undulator import Undulator
from ssmb.ranges import count, modulus, positive, share

DETUNINGS = ("exact", "best")
#: wavelengths at which the beamline of the default chain is meant [m]
EUV_RANGE = (6e-9, 15e-9)


@dataclass(frozen=True)
class Radiator:
    """The undulator in which a source radiates; its K follows from the wavelength.

    Parameters
    ----------
    period : lambda_u [m].
    periods : N [1].
    helical : circular light.
    detuning : "exact": the resonance on the axis is the wavelength of the light; "best": the gap that gives the most.
    """

    period: float
    periods: int
    helical: bool = False
    detuning: str = "exact"

    def __post_init__(self) -> None:
        positive("period", self.period, "m")
        count("periods", self.periods)
        if self.detuning not in DETUNINGS:
            hint = nearest(self.detuning, DETUNINGS) if isinstance(self.detuning, str) else ""
            raise ConfigError(f"detuning must be 'exact' or 'best', got {self.detuning!r}.{hint}")

    def undulator(self, reference: Reference, wavelength: float) -> Undulator:
        """Return the undulator with its on-axis resonance at `wavelength` [m]."""
        return Undulator.resonant(reference, wavelength, self.period, self.periods, helical=self.helical)


@dataclass(frozen=True)
class PowerStep:
    """One step on the way of the power."""

    name: str = quantity("", "what takes or gives")
    factor: float = quantity("1", "power after over power before; 1 at the first step")
    power: float = quantity("W", "power after the step")
    origin: str = quantity("", "tracked, calculated, given or assumed")


@dataclass(frozen=True, eq=False)
class SourceLight:
    """Light of a source at one harmonic of its laser."""

    harmonic: int = quantity("1", "harmonic of the laser")
    light: TrackedLight = quantity("", "the coherent light of the tracked beam, peak of a train")
    exit: ExitLight = quantity("", "the same at the undulator exit, averaged")
    power_at_focus: float = quantity("W", "average power of one beamline at the intermediate focus")
    incoherent_power: float = quantity(
        "W", "average power of the same electrons without bunching, within the band and all angles of it"
    )
    incoherent_loss: float = quantity(
        "eV", "energy that an electron radiates in the undulator anyway, all harmonics, in a pass"
    )
    average_current: float = quantity("A", "average current of the ring")
    gain: float = quantity("1", "gain parameter 4 pi rho N; above 1 the light of an unchanged beam no longer holds")
    energy_loss: float = quantity(
        "eV", "mean energy that an electron of a train gives to the coherent light in a pass with laser"
    )
    steps: tuple[PowerStep, ...] = quantity("", "the way of the power, first step to focus, of one beamline")

    @property
    def beamlines(self) -> int:
        """Equal radiators on the ring, each with a beamline [1]."""
        return self.exit.beamlines

    @property
    def total_power_at_focus(self) -> float:
        """Average power of all beamlines at their foci [W]."""
        return self.beamlines * self.power_at_focus

    def euv_source(self, *, name: str = "simulated source", wall_power: float | None = None) -> EuvSource:
        """Return the source for the lithography, with the power of one beamline at the intermediate focus.

        The light in the band is counted here, and so is the beamline; ``EuvSource.from_result(light.exit)`` starts at the
        undulator exit instead and leaves both to the assumptions of the lithography.

        Parameters
        ----------
        name : for tables.
        wall_power : wall plug of the whole ring [W]; the default parameter is used when it is not given.
        """
        source = EuvSource.from_result(self.exit, name=name, wall_power=wall_power)
        inside = replace(source, bandwidth=min(self.exit.relative_bandwidth, self.exit.band), bounds="band_percent")
        return inside.with_power(self.power_at_focus, PowerPlane.INTERMEDIATE_FOCUS)

    def table(self) -> dict[str, np.ndarray]:
        """Return the way of the power as columns NAME, FACTOR, POWER [W], ORIGIN."""
        return {
            "NAME": np.array([s.name for s in self.steps]),
            "FACTOR": np.array([s.factor for s in self.steps]),
            "POWER": np.array([s.power for s in self.steps]),
            "ORIGIN": np.array([s.origin for s in self.steps]),
        }


def source_light(
    beam: Beam,
    radiator: Radiator,
    *,
    laser_wavelength: float,
    harmonic: int,
    average_current: float,
    train_current: float | None = None,
    train_length: float = math.inf,
    duty: float = 1.0,
    ideal_bunching: float | None = None,
    over_turns: float = 1.0,
    limits: Sequence[tuple[str, float, str]] = (),
    chain: UndulatorChain | Beamline | None = None,
    band: float | None = None,
    beamlines: int = 1,
) -> SourceLight:
    """Return the light of a tracked beam at a harmonic of the laser, from the radiator to the intermediate focus.

    Parameters
    ----------
    beam : particles in the middle of the radiator, whole laser wavelengths of a long beam.
    radiator : its undulator.
    laser_wavelength : wavelength of the modulating laser [m].
    harmonic : n: the light has laser_wavelength/n.
    average_current : of the ring [A].
    train_current : local current inside the trains [A]; by default the average (a filled ring).
    train_length : length of a train [m].
    duty : share of the turns with laser [1].
    ideal_bunching : |b_n| of the closed form, for the first step; by default that of the tracked beam.
    over_turns : mean of |b_n|^2 over turns over that of this beam, where the beam is a steady state seen on one turn [1]; on
        all powers but that in `light`.
    limits : further factors on the average power: (name, factor, origin), such as the closure.
    chain : way to the intermediate focus: stages that are calculated for this light, or a chain of given factors, whose
        power is not used. If left out, four grazing mirrors and gas at 6 to 15 nm, and no optics at all at other
        wavelengths, where nothing is assumed: the focus is then the undulator exit.
    band : full relative width of the band that counts [1]; by default :func:`ssmb.radiation.counted_band`.
    beamlines : equal radiators on the ring [1]; all powers are those of one.

    Raises
    ------
    ConfigError, PhysicsError
        Arguments out of range; no K makes the radiator resonant.

    Warns
    -----
    ValidityWarning
        See :func:`ssmb.radiation.tracked.tracked_power` and :func:`ssmb.radiation.growth.gain_parameter`; too much heat on
        the first mirror of a :class:`ssmb.facility.Beamline`, coherent and incoherent light together.
    """
    wavelength = positive("laser_wavelength", laser_wavelength, "m") / count("harmonic", harmonic)
    train = positive("average_current", average_current, "A") if train_current is None else train_current
    if not positive("train_current", train, "A") >= average_current:
        raise ConfigError(
            f"train_current {train:g} A is below the average current {average_current:g} A; it is that inside a train"
        )
    exact = radiator.undulator(beam.reference, wavelength)
    light = tracked_power(exact, beam, wavelength, current=train)
    at_exact = light.power
    if radiator.detuning == "best":
        light = tracked_power(_best(radiator, beam, exact, wavelength), beam, wavelength, current=train)
    moments = np.cov(beam.coordinates[:, beam.alive])
    # a beam without extent still has a gain: that of a thousandth of the light's own size
    least = 1e-3 * math.sqrt(2.0 * wavelength * exact.length) / (4.0 * math.pi)
    gain = gain_parameter(exact, train, *(max(math.sqrt(moments[i, i]), least) for i in (0, 2)))
    exit_light = ExitLight.of_train(
        light, average_current=average_current, train_length=train_length, duty=duty, beamlines=beamlines, band=band
    )
    steps = _Steps(
        coherent_power(exact, current=train, bunching=light.bunching if ideal_bunching is None else ideal_bunching),
        "tracked" if ideal_bunching is None else "ideal",
    )
    if ideal_bunching is not None:
        steps.by("bunching of the tracked beam", (light.bunching / modulus("ideal_bunching", ideal_bunching)) ** 2)
    steps.to("size, divergence, energy spread of the beam", at_exact)
    if radiator.detuning == "best":
        steps.to("best detuning of the radiator", light.power)
    if over_turns != 1.0:
        steps.by("mean over turns", positive("over_turns", over_turns))
        seen = {name: getattr(exit_light, name) * over_turns for name in ("peak_power", "average_power")}
        exit_light = replace(exit_light, **seen)
    steps.by("filling of the ring", average_current / train, "given")
    steps.by("duty of the laser", share("duty", duty), "given")
    taken = 1.0
    for name, factor, origin in limits:
        steps.by(name, share(name, factor), origin)
        taken *= factor
    exit_light = replace(exit_light, average_power=exit_light.average_power * taken)
    steps.by("share in the band", exit_light.in_band_power / exit_light.average_power, "calculated")
    if isinstance(chain, Beamline):
        chain = chain.chain(exit_light, incoherent=axis_power_density(exact, average_current))
    for stage in _way_to_focus(chain, exit_light):
        steps.by(stage.name, stage.transmission, stage.origin)
    electrons = average_current / ELEMENTARY_CHARGE
    return SourceLight(
        harmonic=harmonic,
        light=light,
        exit=exit_light,
        power_at_focus=steps.power,
        incoherent_power=electrons * incoherent_energy(exact, ELEMENTARY_CHARGE, exit_light.band),
        incoherent_loss=exact.energy_per_electron(),
        average_current=average_current,
        gain=gain,
        energy_loss=exit_light.peak_power / train,
        steps=tuple(steps.found),
    )


def _way_to_focus(chain: UndulatorChain | None, light: ExitLight) -> tuple[ChainStage, ...]:
    """Factors behind the band, without those that take nothing."""
    if chain is None:
        euv = EUV_RANGE[0] <= light.wavelength <= EUV_RANGE[1]
        chain = UndulatorChain() if euv else UndulatorChain("none given", transport=1.0)
    if chain.band != 1.0:
        raise ConfigError(
            f"chain '{chain.name}': band = {chain.band:g}, but the share in the band follows from the light; give band = 1"
        )
    taking = tuple(s for s in chain.factors if s.transmission < 1.0)
    return taking or (ChainStage(f"beamline: {chain.name}", 1.0, chain.factors[-1].origin),)


class _Steps:
    """The way of the power while it is written down."""

    def __init__(self, power: float, bunching: str) -> None:
        self.power = power
        self.found = [PowerStep(f"thin beam, {bunching} bunching, whole ring", 1.0, power, "calculated")]

    def by(self, name: str, factor: float, origin: str = "tracked") -> None:
        self.power *= factor
        self.found.append(PowerStep(name, factor, self.power, origin))

    def to(self, name: str, power: float, origin: str = "tracked") -> None:
        self.by(name, power / self.power if self.power > 0.0 else 0.0, origin)


def _best(radiator: Radiator, beam: Beam, exact: Undulator, wavelength: float) -> Undulator:
    """The undulator whose resonance lies as far below the wavelength as gives a Gaussian beam of these moments the most."""
    s = np.cov(beam.coordinates[:, beam.alive])
    planes = [Plane(math.sqrt(s[i, i]), math.sqrt(s[i + 1, i + 1]), float(s[i, i + 1])) for i in (0, 2)]
    spread = math.sqrt(s[5, 5])

    def power(phase: float) -> float:
        return debunched_power(
            exact, current=1.0, bunching=1.0, plane_x=planes[0], plane_y=planes[1], sigma_delta=spread, detuning=phase
        )

    grid = np.linspace(-2.0, 20.0, 23)
    at = int(np.argmax([power(float(d)) for d in grid]))
    low, high = float(grid[max(at - 1, 0)]), float(grid[min(at + 1, grid.size - 1)])
    found: Any = optimize.minimize_scalar(
        lambda d: -power(d), bounds=(low, high), method="bounded", options={"xatol": 1e-3}
    )
    lag = float(found.x) / (2.0 * math.pi * radiator.periods)
    if lag >= 1.0:
        raise PhysicsError(f"{radiator.periods} periods are too few to detune the radiator")
    # light of the wavelength lags behind a resonance at higher frequency
    return radiator.undulator(beam.reference, wavelength * (1.0 - lag))
