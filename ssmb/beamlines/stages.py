"""Stages of a beamline between undulator exit and intermediate focus: each computes its transmission from named inputs.

Mirrors, foils and gases use the optical constants of :mod:`ssmb.beamlines.optical_constants` (1 to 41 nm). At other
wavelengths, from ultraviolet light to THz, give the transmission: :class:`Given`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ssmb.beamlines.chains import ChainStage
from ssmb.beamlines.multilayer import MO_SI, Multilayer
from ssmb.beamlines.optical_constants import gas_density, layer_transmission, surface_reflectivity, tabulated_density
from ssmb.errors import ConfigError
from ssmb.light.exit_light import ExitLight
from ssmb.ranges import choice, count, finite, not_negative, positive, share

#: relative width above which a stage is averaged over the line; mirrors and gases change little over less
_NARROW, _LINE_POINTS = 1e-4, 201
#: angles of the mean over a round aperture
_AZIMUTHS = 512


class Stage(Protocol):
    """What a beamline is made of."""

    def through(self, light: ExitLight) -> ChainStage:
        """Return name, transmission and origin of the stage for a light at the undulator exit."""
        ...


@dataclass(frozen=True)
class Given:
    """A stage whose transmission is known from elsewhere.

    Parameters
    ----------
    name : of the stage.
    transmission : in (0, 1] [1].
    """

    name: str
    transmission: float

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise ConfigError(f"the name of a stage is a text, not {self.name!r}")
        share(f"transmission of '{self.name}'", self.transmission)

    def through(self, light: ExitLight) -> ChainStage:
        """Return the stage; the light does not matter."""
        return ChainStage(self.name, self.transmission, "given")


@dataclass(frozen=True)
class GrazingMirror:
    """Equal mirrors under grazing incidence, each a thick coating (Fresnel).

    Parameters
    ----------
    coating : chemical formula, such as Ru, Mo or C.
    grazing_angle : between light and surface [rad].
    number : of mirrors [1].
    deflects : plane in which the light is deflected, "x" or "y"; the footprint is long in it.
    polarisation : "s", "p" or "mean"; the light of a planar undulator that deflects electrons in x is "s" at a mirror
        that deflects in y, and "p" at one that deflects in x.
    roughness : rms [m].
    density : of the coating [kg/m^3]; the tabulated one if left out.
    distance : of the first mirror from the middle of the undulator [m]; with it the heat on it is known.

    Examples
    --------
    >>> light = ExitLight(13.5e-9, 1e3, 1e3, 1e-6, 50e-6, 50e-6)
    >>> GrazingMirror("Ru", 0.1, number=4).through(light).name
    '4 grazing Ru, 100 mrad'
    """

    coating: str
    grazing_angle: float
    number: int = 1
    deflects: str = "y"
    polarisation: str = "s"
    roughness: float = 0.0
    density: float | None = None
    distance: float | None = None

    def __post_init__(self) -> None:
        if positive("grazing_angle", self.grazing_angle, "rad") >= 0.5 * math.pi:
            raise ConfigError(
                f"grazing_angle must be below pi/2, between light and surface, not {self.grazing_angle:g}"
            )
        count("number", self.number)
        choice("deflects", self.deflects, ("x", "y"))
        choice("polarisation", self.polarisation, ("s", "p", "mean"))
        not_negative("roughness", self.roughness, "m")
        for name, unit in (("density", "kg/m^3"), ("distance", "m")):
            if getattr(self, name) is not None:
                positive(name, getattr(self, name), unit)

    def reflectivity(self, light: ExitLight) -> float:
        """Reflected share of one mirror, averaged over the line [1]."""
        return _over_line(light, lambda lam: self._of_one(lam))

    def through(self, light: ExitLight) -> ChainStage:
        """Return what all mirrors let through."""
        name = f"{_number(self.number)}grazing {self.coating}, {self.grazing_angle * 1e3:.4g} mrad"
        return _calculated(name, _over_line(light, lambda lam: self._of_one(lam) ** self.number))

    def _of_one(self, wavelength: NDArray[np.float64]) -> NDArray[np.float64]:
        return surface_reflectivity(
            self.coating, wavelength, self.grazing_angle, density=self.density, polarisation=self.polarisation,
            roughness=self.roughness,
        )  # fmt: skip


@dataclass(frozen=True)
class MultilayerMirror:
    """Equal multilayer mirrors near normal incidence.

    Parameters
    ----------
    coating : the stack, such as :data:`ssmb.beamlines.multilayer.MO_SI`.
    angle : of incidence from the normal [rad].
    number : of mirrors [1].
    polarisation : "s", "p" or "mean".
    """

    coating: Multilayer = field(default=MO_SI)
    angle: float = 0.0
    number: int = 1
    polarisation: str = "mean"

    def __post_init__(self) -> None:
        count("number", self.number)
        if not isinstance(self.coating, Multilayer):
            raise ConfigError(f"coating of a multilayer mirror is a Multilayer, such as MO_SI, not {self.coating!r}")
        if not_negative("angle", self.angle, "rad") >= 0.5 * math.pi:
            raise ConfigError(f"angle of incidence must be below pi/2 from the normal, not {self.angle:g}")
        choice("polarisation", self.polarisation, ("s", "p", "mean"))

    def through(self, light: ExitLight) -> ChainStage:
        """Return what all mirrors let through at the wavelength of the light, which need not be that of their peak."""
        reflected = _over_line(
            light,
            lambda lam: self.coating.reflectivity(lam, angle=self.angle, polarisation=self.polarisation) ** self.number,
        )
        return _calculated(f"{_number(self.number)}{self.coating.name} mirror{'s' * (self.number > 1)}", reflected)


@dataclass(frozen=True)
class Gas:
    """Gas in the path of the light: absorption by its atoms.

    Parameters
    ----------
    formula : of one molecule, such as H2 or Ar.
    length : of the path [m].
    pressure : [Pa].
    temperature : [K].
    """

    formula: str
    length: float
    pressure: float
    temperature: float = 293.15

    def __post_init__(self) -> None:
        not_negative("length", self.length, "m")
        not_negative("pressure", self.pressure, "Pa")
        positive("temperature", self.temperature, "K")

    def through(self, light: ExitLight) -> ChainStage:
        """Return what the column of gas lets through."""
        density = gas_density(self.formula, self.pressure, self.temperature)
        name = f"{self.formula} gas, {self.length:.4g} m at {self.pressure:.4g} Pa"
        return _calculated(
            name, _over_line(light, lambda lam: layer_transmission(self.formula, self.length, density, lam))
        )


@dataclass(frozen=True)
class SpectralFilter:
    """A foil that stops other wavelengths, and takes its share of the light.

    Parameters
    ----------
    formula : of the foil, such as Zr.
    thickness : [m].
    density : [kg/m^3]; the tabulated one if left out.
    """

    formula: str
    thickness: float
    density: float | None = None

    def __post_init__(self) -> None:
        positive("thickness", self.thickness, "m")
        if self.density is not None:
            positive("density", self.density, "kg/m^3")

    def through(self, light: ExitLight) -> ChainStage:
        """Return what the foil lets through."""
        density = tabulated_density(self.formula) if self.density is None else self.density
        name = f"{self.formula} filter, {self.thickness * 1e9:.4g} nm"
        return _calculated(
            name, _over_line(light, lambda lam: layer_transmission(self.formula, self.thickness, density, lam))
        )


@dataclass(frozen=True)
class Aperture:
    """An opening that the light of the undulator meets before any focusing.

    Parameters
    ----------
    distance : from the middle of the undulator [m].
    half_x : half width, or radius of a round opening [m].
    half_y : half height of a rectangular opening [m]; round if left out.
    centre : of the opening from the axis of the light (x, y) [m].

    Notes
    -----
    The light is taken as a Gaussian of its rms angles. A thin beam (k sigma^2 << L) radiates a lobe sinc^2 with a
    narrower core and wider wings: 0.17 of its power more than this passes an opening of one rms angle, 0.05 more at
    two, 0.02 less at three to four; light of a beam of k sigma^2 > 0.06 L stays within 0.05 (tests).
    ``tracked_power(..., acceptance=...)`` has no such limit.
    """

    distance: float
    half_x: float
    half_y: float | None = None
    centre: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        positive("distance", self.distance, "m")
        positive("half_x", self.half_x, "m")
        if self.half_y is not None:
            positive("half_y", self.half_y, "m")
        if not isinstance(self.centre, (tuple, list)) or len(self.centre) != 2:
            raise ConfigError(f"centre of an aperture is a pair (x, y) [m], not {self.centre!r}")
        for name, value in zip(("centre x", "centre y"), self.centre, strict=True):
            finite(name, value, "m")
        if self.half_y is None and any(self.centre):
            raise ConfigError("a round aperture is centred on the light; give half_y for one that is not")

    def through(self, light: ExitLight) -> ChainStage:
        """Return the share of a Gaussian light inside the opening."""
        sizes = sizes_at(light, self.distance)
        if self.half_y is None:
            return _calculated("round aperture", _in_circle(self.half_x, sizes))
        both = zip((self.half_x, self.half_y), sizes, self.centre, strict=True)
        return _calculated("aperture", math.prod(_in_slit(h, s, c) for h, s, c in both))


@dataclass(frozen=True)
class Homogeniser:
    """What fills the pupil of the illuminator: reflections in a light pipe, or facets of a fly's eye.

    Parameters
    ----------
    etendue : that it makes [m^2 sr].
    mirror : one of its reflections, if they are to be calculated; its `number` is that of the reflections.
    efficiency : further share that it passes (facets, gaps, diffraction) [1].
    """

    etendue: float
    mirror: GrazingMirror | None = None
    efficiency: float = 1.0

    def __post_init__(self) -> None:
        positive("etendue", self.etendue, "m^2 sr")
        if self.mirror is not None and not isinstance(self.mirror, GrazingMirror):
            raise ConfigError(f"mirror of a homogeniser is a GrazingMirror, not {self.mirror!r}")
        share("efficiency of the homogeniser", self.efficiency)

    def through(self, light: ExitLight) -> ChainStage:
        """Return what it lets through."""
        if self.mirror is None:
            return ChainStage("homogeniser", self.efficiency, "given")
        name = f"homogeniser, {self.mirror.number} reflections"
        return _calculated(name, self.efficiency * self.mirror.through(light).transmission)


def sizes_at(light: ExitLight, distance: float) -> tuple[float, float]:
    """Return the rms sizes (x, y) of a light in a distance from its waist, without optics between [m]."""
    far = positive("distance", distance, "m")
    x, y = light.sizes
    return math.hypot(x, far * light.divergence_x), math.hypot(y, far * light.divergence_y)


def _over_line(light: ExitLight, share_at: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> float:
    """Mean over a flat line of the width of the light, at most that of the band."""
    width = min(light.relative_bandwidth, light.band)
    offsets = np.linspace(-0.5, 0.5, _LINE_POINTS) * width if width > _NARROW else np.zeros(1)
    return float(np.mean(share_at(light.wavelength * (1.0 + offsets))))


def _calculated(name: str, transmission: float) -> ChainStage:
    if not transmission > 0.0:
        raise ConfigError(f"nothing of the light passes '{name}' (transmission {transmission:g})")
    return ChainStage(name, min(transmission, 1.0), "calculated")


def _number(number: int) -> str:
    return f"{number} " if number > 1 else ""


def _in_slit(half: float, sigma: float, centre: float) -> float:
    unit = math.sqrt(2.0) * sigma
    # the complementary error function keeps its digits far out
    high, low = (centre + half) / unit, (centre - half) / unit
    if low > 0.0 or high < 0.0:
        low, high = min(abs(low), abs(high)), max(abs(low), abs(high))
        return 0.5 * (math.erfc(low) - math.erfc(high))
    return 0.5 * (math.erf(high) - math.erf(low))


def _in_circle(radius: float, sizes: tuple[float, float]) -> float:
    """Share of an elliptic Gaussian in a circle: the radius integrated, the azimuth averaged."""
    phi = 2.0 * math.pi / _AZIMUTHS * np.arange(_AZIMUTHS)
    inverse = (np.cos(phi) / sizes[0]) ** 2 + (np.sin(phi) / sizes[1]) ** 2
    inside = -np.expm1(-0.5 * radius**2 * inverse)
    return float(np.mean(inside / (inverse * sizes[0] * sizes[1])))
