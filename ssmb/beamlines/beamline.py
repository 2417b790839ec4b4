"""A beamline from undulator exit to intermediate focus: transmission, etendue, and the heat on its first mirror."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ssmb.arguments import checked
from ssmb.beamlines.chains import ChainStage, UndulatorChain
from ssmb.beamlines.stages import Aperture, GrazingMirror, Homogeniser, Stage, sizes_at
from ssmb.errors import ConfigError, ValidityWarning, warn
from ssmb.light.exit_light import ExitLight
from ssmb.quantity import check_quantities, quantity
from ssmb.ranges import LARGEST, SMALLEST, not_negative, positive

#: Etendue that a scanner accepts, depends on the scanner [m^2 sr], github.com/sonoransun/highuvlith docs/sources/lpp.md
ILLUMINATOR_ETENDUE = 3.3e-6
#: Absorbed power density above which a first mirror needs a thermal design of its own [W/m^2]. An assumption of this
#: package (1 W/mm^2, the order of magnitude that water-cooled mirrors are built for), not a published limit.
HEAT_LIMIT = 1e6
_POSITIVE: dict[str, Any] = {"minimum": SMALLEST, "maximum": LARGEST}


@dataclass(frozen=True)
class Footprint:
    """The light on the first mirror."""

    along: float = quantity("m", "rms size on its surface in the plane of deflection")
    across: float = quantity("m", "rms size on its surface across it")
    power: float = quantity("W", "average coherent power that meets the mirror")
    absorbed: float = quantity("1", "share of it that stays")
    incoherent_density: float = quantity(
        "W/m^2", "density of the incoherent light on the axis, on the surface, all of it absorbed", default=0.0
    )

    @property
    def coherent_density(self) -> float:
        """Absorbed density of the coherent light in the middle of its Gaussian [W/m^2]."""
        return self.power * self.absorbed / (2.0 * math.pi * self.along * self.across)

    @property
    def peak_density(self) -> float:
        """Absorbed power density in the middle [W/m^2]."""
        return self.coherent_density + self.incoherent_density


@checked
@dataclass(frozen=True)
class Beamline:
    """Stages in the order in which the light meets them.

    Examples
    --------
    >>> from ssmb.beamlines.stages import Gas
    >>> line = Beamline("two mirrors", (GrazingMirror("Ru", 0.1, number=2, distance=10.0), Gas("H2", 10.0, 3.0)))
    >>> light = ExitLight(13.5e-9, 100.0, 100.0, 1e-6, 50e-6, 50e-6)
    >>> round(line.chain(light).transmission, 3)
    0.852
    """

    name: str = quantity("", "name of the beamline")
    stages: tuple[Any, ...] = quantity("", "from ssmb.beamlines.stages, or anything with through(light)")
    accepted_etendue: float = quantity(
        "m^2*sr", "etendue that the user of the light takes", default=ILLUMINATOR_ETENDUE, **_POSITIVE
    )
    heat_limit: float = quantity(
        "W/m^2", "density absorbed by the first mirror above which there is a warning", default=HEAT_LIMIT, **_POSITIVE
    )

    def __post_init__(self) -> None:
        check_quantities(self)
        for stage in self.stages:
            if not hasattr(stage, "through"):
                raise ConfigError(f"'{self.name}': {stage!r} is no stage; see ssmb.beamlines.stages")

    def chain(self, light: ExitLight, *, incoherent: float = 0.0) -> UndulatorChain:
        """Return the beamline for a light as the chain of factors that the lithography takes.

        Parameters
        ----------
        light : at the undulator exit; its in-band power is that of the chain.
        incoherent : as in :meth:`footprint` [W/sr].

        Raises
        ------
        ConfigError
            A wavelength outside the optical constants, a stage that lets nothing through, or a homogeniser that would
            lower the etendue.

        Warns
        -----
        ValidityWarning
            The heat on the first mirror is above `heat_limit`.
        """
        stages = [_passed(self.name, stage, light) for stage in self.stages]
        kept = etendue_kept(self.etendue(light), self.accepted_etendue)
        if kept < 1.0:
            stages.append(ChainStage("etendue that is accepted", kept, "calculated"))
        spot = self.footprint(light, incoherent=incoherent)
        if spot is not None and spot.peak_density > self.heat_limit:
            warn(
                f"beamline '{self.name}': the first mirror absorbs {spot.peak_density / 1e6:.3g} W/mm^2 in the middle, "
                f"more than heat_limit = {self.heat_limit / 1e6:.3g} W/mm^2: move it away, or take a smaller angle",
                ValidityWarning,
            )
        passed = stages or [ChainStage("no optics", 1.0, "given")]
        return UndulatorChain(self.name, power=light.in_band_power, stages=tuple(passed))

    def check(self, wavelength: float) -> None:
        """Raise ConfigError if a stage cannot work at a wavelength [m], whatever the angles of the light."""
        pencil = ExitLight(wavelength, 0.0, 0.0, 1e-15, 1e-6, 1e-6)
        for stage in self.stages:
            if not isinstance(stage, Aperture):
                _passed(self.name, stage, pencil)
        self.etendue(pencil)

    def etendue(self, light: ExitLight) -> float:
        """Return the etendue behind all stages: that of the source, or what a homogeniser makes of it [m^2 sr]."""
        now = light.etendue
        for stage in self.stages:
            if isinstance(stage, Homogeniser):
                if stage.etendue < now * (1.0 - 1e-9):
                    raise ConfigError(
                        f"beamline '{self.name}': a homogeniser cannot lower the etendue from {now:.3g} to "
                        f"{stage.etendue:.3g} m^2 sr; only an aperture can, with loss"
                    )
                now = stage.etendue
        return now

    def pupil_filling(self, light: ExitLight) -> float:
        """Return the share of the accepted etendue that the light fills [1]; the rest needs a homogeniser or scans."""
        return min(1.0, self.etendue(light) / self.accepted_etendue)

    def footprint(self, light: ExitLight, *, incoherent: float = 0.0) -> Footprint | None:
        """Return the light on the first mirror that has a distance; None if there is none.

        Parameters
        ----------
        light : at the undulator exit.
        incoherent : power per solid angle of the incoherent light of the same undulator on the axis
            (:func:`ssmb.light.axis_power_density`) [W/sr]. Stages before the mirror are not counted on it, and the
            mirror takes it whole, for much of it is too hard to be reflected: an upper limit.
        """
        power_per_angle = not_negative("incoherent", incoherent, "W/sr")
        through = 1.0
        for stage in self.stages:
            if isinstance(stage, GrazingMirror) and stage.distance is not None:
                x, y = sizes_at(light, stage.distance)
                long, across = (x, y) if stage.deflects == "x" else (y, x)
                tilt = math.sin(stage.grazing_angle)
                return Footprint(
                    long / tilt, across, light.average_power * through, 1.0 - stage.reflectivity(light),
                    power_per_angle * tilt / stage.distance**2,
                )  # fmt: skip
            through *= _passed(self.name, stage, light).transmission
        return None


def etendue_kept(etendue: float, accepted: float = ILLUMINATOR_ETENDUE) -> float:
    """Share of the light that an illuminator takes from a source, both etendues in [m^2 sr]; [1]."""
    return min(1.0, positive("accepted etendue", accepted, "m^2 sr") / positive("etendue", etendue, "m^2 sr"))


def _passed(name: str, stage: Stage, light: ExitLight) -> ChainStage:
    """The stage for a light; an error says in which beamline and stage it is."""
    try:
        return stage.through(light)
    except ConfigError as error:
        raise ConfigError(f"beamline '{name}', {type(stage).__name__}: {error.message}", error.where) from None
