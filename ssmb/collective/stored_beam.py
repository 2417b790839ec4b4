"""A stored beam in the smooth longitudinal focusing of a ring: the numbers from which the theory of it starts.

One turn is ``z -= eta C delta`` and, of a bunch, the gain ``(2 pi nu_s)^2 z/(eta C)`` of the RF system; a coasting beam
has none. Valid for beta = 1 and a synchrotron tune far below one, so that it does not matter where in the turn a kick
sits: relative corrections are (pi nu_s)^2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ssmb.arguments import checked
from ssmb.errors import ConfigError, PhysicsError
from ssmb.quantity import check_quantities, quantity
from ssmb.ranges import LARGEST, SMALLEST


@checked
@dataclass(frozen=True, kw_only=True)
class StoredBeam:
    """Longitudinal motion and energy spread of a stored beam.

    Raises
    ------
    ConfigError
        A number out of range.

    Examples
    --------
    >>> beam = StoredBeam(energy=600e6, circumference=60.0, slip_factor=2e-3, sigma_delta=5e-4, tune=5e-3)
    >>> round(1e3 * beam.sigma_z, 3)
    1.91
    """

    energy: float = quantity("eV", "total energy E of a particle", minimum=0.0, open_minimum=True, maximum=LARGEST)
    circumference: float = quantity("m", "circumference C", minimum=0.0, open_minimum=True, maximum=LARGEST)
    slip_factor: float = quantity("1", "slip factor eta = alpha_c - 1/gamma^2, either sign", minimum=-1.0, maximum=1.0)
    sigma_delta: float = quantity(
        "1", "rms momentum spread of the beam without current", minimum=0.0, open_minimum=True, maximum=1.0
    )
    tune: float = quantity(
        "2pi", "synchrotron tune nu_s; 0 for a coasting beam", default=0.0, minimum=0.0, maximum=0.5, open_maximum=True
    )
    damping: float = quantity(
        "1",
        "longitudinal damping decrement of the amplitude per turn",
        default=0.0,
        minimum=0.0,
        maximum=0.1,
        open_maximum=True,
    )

    def __post_init__(self) -> None:
        check_quantities(self)
        if abs(self.slip_factor) < SMALLEST:
            raise ConfigError("StoredBeam: slip_factor must not be 0: without slip there is no longitudinal motion")

    @property
    def slip(self) -> float:
        """Path eta C per relative momentum and turn [m], with its sign."""
        return self.slip_factor * self.circumference

    @property
    def sigma_z(self) -> float:
        """Rms length of the bunch without current, |eta| C sigma_delta/(2 pi nu_s) [m].

        Raises
        ------
        PhysicsError
            The beam is a coasting one.
        """
        return abs(self.slip) * self.sigma_delta / (2.0 * math.pi * self.synchrotron_tune)

    @property
    def synchrotron_tune(self) -> float:
        """The tune of a bunch [2 pi].

        Raises
        ------
        PhysicsError
            The beam is a coasting one.
        """
        if self.tune == 0.0:
            raise PhysicsError("StoredBeam: a bunch needs its synchrotron tune; tune = 0 is a coasting beam")
        return self.tune
