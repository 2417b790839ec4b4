"""Stages of a beamline between undulator exit and intermediate focus: each computes its transmission from named inputs.

Mirrors, foils and gases use the optical constants of :mod:`ssmb.beamlines.optical_constants` (1 to 41 nm). At other
wavelengths, from ultraviolet light to THz, give the transmission: :class:`Given`. A new stage is one class here, with
the ``kind`` that a run file calls it by; what a run file may say of it follows from its quantities.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ssmb.arguments import checked
from ssmb.beamlines.chains import SHARE, ChainStage
from ssmb.beamlines.multilayer import Multilayer, coating
from ssmb.beamlines.optical_constants import gas_density, layer_transmission, surface_reflectivity, tabulated_density
from ssmb.errors import ConfigError
from ssmb.light.exit_light import ExitLight
from ssmb.quantity import check_quantities, quantity
from ssmb.ranges import positive

#: relative width above which a stage is averaged over the line; mirrors and gases change little over less
_NARROW, _LINE_POINTS = 1e-4, 201
#: angles of the mean over a round aperture
_AZIMUTHS = 512
#: limits far from any beamline; they keep a slip of the exponent from becoming an overflow deep inside a formula
_LENGTH: dict[str, Any] = {"minimum": 1e-12, "maximum": 1e6}
_DENSITY: dict[str, Any] = {"minimum": 1e-6, "maximum": 1e6, "default": None}
_RIGHT_ANGLE: dict[str, Any] = {"minimum": 0.0, "maximum": 0.5 * math.pi, "open_maximum": True}
_MIRRORS: dict[str, Any] = {"minimum": 1, "maximum": 1000, "default": 1}
_POLARISATIONS = ("s", "p", "mean")

#: kind in a run file -> class
STAGES: dict[str, type[Stage]] = {}


@dataclass(frozen=True)
class Stage(ABC):
    """What a beamline is made of; subclasses are frozen dataclasses of quantities."""

    kind: ClassVar[str]

    def __init_subclass__(cls, *, kind: str) -> None:
        cls.kind = kind
        STAGES[kind] = cls

    def __post_init__(self) -> None:
        check_quantities(self)

    @abstractmethod
    def through(self, light: ExitLight) -> ChainStage:
        """Return name, transmission and origin of the stage for a light at the undulator exit."""


@checked
@dataclass(frozen=True)
class Given(Stage, kind="given"):
    """A stage whose transmission is known from elsewhere."""

    name: str = quantity("", "name of the stage")
    transmission: float = quantity("1", "transmission", **SHARE)

    def through(self, light: ExitLight) -> ChainStage:
        """Return the stage; the light does not matter."""
        return ChainStage(self.name, self.transmission, "given")


@checked
@dataclass(frozen=True)
class GrazingMirror(Stage, kind="grazing"):
    """Equal mirrors under grazing incidence, each a thick coating (Fresnel).

    The light of a planar undulator that deflects electrons in x is "s" at a mirror that deflects in y, and "p" at one
    that deflects in x. With a distance of the first mirror the heat on it is known.

    Examples
    --------
    >>> light = ExitLight(13.5e-9, 1e3, 1e3, 1e-6, 50e-6, 50e-6)
    >>> GrazingMirror("Ru", 0.1, number=4).through(light).name
    '4 grazing Ru, 100 mrad'
    """

    coating: str = quantity("", "chemical formula of the coating, such as Ru, Mo or C")
    grazing_angle: float = quantity("rad", "angle between light and surface", open_minimum=True, **_RIGHT_ANGLE)
    number: int = quantity("1", "number of mirrors", **_MIRRORS)
    deflects: str = quantity(
        "", "plane in which the light is deflected; the footprint is long in it", choices=("x", "y"), default="y"
    )
    polarisation: str = quantity("", "polarisation of the light", choices=_POLARISATIONS, default="s")
    roughness: float = quantity("m", "rms roughness", minimum=0.0, maximum=1e-3, default=0.0)
    density: float | None = quantity("kg/m^3", "density of the coating; the tabulated one if left out", **_DENSITY)
    distance: float | None = quantity(
        "m", "distance of the first mirror from the middle of the undulator", default=None, **_LENGTH
    )

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


@checked
@dataclass(frozen=True)
class MultilayerMirror(Stage, kind="multilayer"):
    """Equal multilayer mirrors near normal incidence."""

    coating: Any = quantity("", "name of a stack, mo_si or la_b; in Python also a Multilayer", default="mo_si")
    angle: float = quantity("rad", "angle of incidence from the normal", default=0.0, **_RIGHT_ANGLE)
    number: int = quantity("1", "number of mirrors", **_MIRRORS)
    polarisation: str = quantity("", "polarisation of the light", choices=_POLARISATIONS, default="mean")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.coating, Multilayer):
            object.__setattr__(self, "coating", coating(self.coating))

    def through(self, light: ExitLight) -> ChainStage:
        """Return what all mirrors let through at the wavelength of the light, which need not be that of their peak."""
        reflected = _over_line(
            light,
            lambda lam: self.coating.reflectivity(lam, angle=self.angle, polarisation=self.polarisation) ** self.number,
        )
        return _calculated(f"{_number(self.number)}{self.coating.name} mirror{'s' * (self.number > 1)}", reflected)


@checked
@dataclass(frozen=True)
class Gas(Stage, kind="gas"):
    """Gas in the path of the light: absorption by its atoms."""

    formula: str = quantity("", "chemical formula of one molecule, such as H2 or Ar")
    length: float = quantity("m", "length of the path", minimum=0.0, maximum=1e6)
    pressure: float = quantity("Pa", "pressure", minimum=0.0, maximum=1e9)
    temperature: float = quantity("K", "temperature", minimum=1e-3, maximum=1e6, default=293.15)

    def through(self, light: ExitLight) -> ChainStage:
        """Return what the column of gas lets through."""
        density = gas_density(self.formula, self.pressure, self.temperature)
        name = f"{self.formula} gas, {self.length:.4g} m at {self.pressure:.4g} Pa"
        return _layer(name, light, self.formula, self.length, density)


@checked
@dataclass(frozen=True)
class SpectralFilter(Stage, kind="filter"):
    """A foil that stops other wavelengths, and takes its share of the light."""

    formula: str = quantity("", "chemical formula of the foil, such as Zr")
    thickness: float = quantity("m", "thickness", minimum=1e-12, maximum=1.0)
    density: float | None = quantity("kg/m^3", "density; the tabulated one if left out", **_DENSITY)

    def through(self, light: ExitLight) -> ChainStage:
        """Return what the foil lets through."""
        density = tabulated_density(self.formula) if self.density is None else self.density
        name = f"{self.formula} filter, {self.thickness * 1e9:.4g} nm"
        return _layer(name, light, self.formula, self.thickness, density)


@checked
@dataclass(frozen=True)
class Aperture(Stage, kind="aperture"):
    """An opening that the light of the undulator meets before any focusing.

    Notes
    -----
    The light is taken as a Gaussian of its rms angles. A thin beam (k sigma^2 << L) radiates a lobe sinc^2 with a
    narrower core and wider wings: 0.17 of its power more than this passes an opening of one rms angle, 0.05 more at
    two, 0.02 less at three to four; light of a beam of k sigma^2 > 0.06 L stays within 0.05 (tests).
    ``tracked_power(..., acceptance=...)`` has no such limit.
    """

    distance: float = quantity("m", "distance from the middle of the undulator", **_LENGTH)
    half_x: float = quantity("m", "half width, or radius of a round opening", **_LENGTH)
    half_y: float | None = quantity(
        "m", "half height of a rectangular opening; round if left out", default=None, **_LENGTH
    )
    centre: tuple[float, float] = quantity(
        "m",
        "middle of the opening (x, y) from the axis of the light",
        dims=("plane",),
        default=(0.0, 0.0),
        minimum=-1e6,
        maximum=1e6,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.half_y is None and any(self.centre):
            raise ConfigError("a round aperture is centred on the light; give half_y for one that is not")

    def through(self, light: ExitLight) -> ChainStage:
        """Return the share of a Gaussian light inside the opening."""
        sizes = sizes_at(light, self.distance)
        if self.half_y is None:
            return _calculated("round aperture", _in_circle(self.half_x, sizes))
        both = zip((self.half_x, self.half_y), sizes, self.centre, strict=True)
        return _calculated("aperture", math.prod(_in_slit(h, s, c) for h, s, c in both))


@checked
@dataclass(frozen=True)
class Homogeniser(Stage, kind="homogeniser"):
    """What fills the pupil of the illuminator: reflections in a light pipe, or facets of a fly's eye."""

    etendue: float = quantity("m^2*sr", "etendue that it makes", minimum=1e-30, maximum=1e6)
    mirror: GrazingMirror | None = quantity(
        "", "one of its reflections, if they are to be calculated; its number is that of the reflections", default=None
    )
    efficiency: float = quantity("1", "further share that it passes (facets, gaps, diffraction)", default=1.0, **SHARE)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mirror is not None and not isinstance(self.mirror, GrazingMirror):
            raise ConfigError(f"mirror of a homogeniser is a GrazingMirror, not {self.mirror!r}")

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


def _layer(name: str, light: ExitLight, formula: str, length: float, density: float) -> ChainStage:
    """The stage of a homogeneous layer."""
    return _calculated(name, _over_line(light, lambda lam: layer_transmission(formula, length, density, lam)))


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
