"""What synchrotron radiation does in a calculation: one value, for tracking, equilibrium and ring models alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ssmb.arguments import checked
from ssmb.errors import ConfigError, nearest

#: What ``mode`` may be in tracking.
MODES = ("off", "mean", "quantum", "diffusion")
#: The mean loss, at all points where the modes with noise emit: what the envelope is made of.
ENVELOPE = "envelope"


@checked
@dataclass(frozen=True)
class Radiation:
    """How synchrotron radiation acts. Wherever one is asked for, the text of its mode does as well.

    Parameters
    ----------
    mode : "off"; "mean": energy loss without noise; "quantum": photons with the synchrotron spectrum; "diffusion": loss
        with Gaussian noise; "envelope": mean loss at all points where the modes with noise emit, from which
        :mod:`ssmb.dynamics` is made.
    edges : whether the thin pole faces of bends radiate (the pole-face term of the damping partition numbers).
    angles : whether photons leave at their angle to the plane of the orbit, which sets the floor of the vertical
        emittance. In tracking it costs about as much as a turn without radiation.

    Raises
    ------
    ConfigError
        An unknown mode, a switch that is neither true nor false, or angles of photons in a mode that has none.

    Examples
    --------
    >>> Radiation.of("quantum")
    Radiation(mode='quantum', edges=True, angles=False)
    """

    mode: str = "off"
    edges: bool = True
    angles: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.mode, str) or self.mode not in (*MODES, ENVELOPE):
            hint = nearest(self.mode, MODES) if isinstance(self.mode, str) else ""
            raise ConfigError(f"radiation must be one of {', '.join(MODES)}, got {self.mode!r}.{hint}")
        for name in ("edges", "angles"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"radiation: {name} must be true or false, got {getattr(self, name)!r}")
        if self.angles and self.mode in ("off", "mean"):
            raise ConfigError(
                f"radiation: angles are those of single photons, and the mode '{self.mode}' has none; use 'quantum' or "
                "'diffusion'"
            )

    @classmethod
    def of(cls, value: Radiation | str) -> Radiation:
        """The value itself, or the one of this mode."""
        return value if isinstance(value, Radiation) else cls(value)

    @property
    def on(self) -> bool:
        """Whether anything radiates."""
        return self.mode != "off"

    def envelope(self) -> Radiation:
        """The same radiation as the equilibrium takes it: its mean, at all points where it emits."""
        return replace(self, mode=ENVELOPE)


#: Nothing radiates.
OFF = Radiation()
