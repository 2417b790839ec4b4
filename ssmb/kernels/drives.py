"""What may change from turn to turn in a packed op: the amplitude, phase and wavelength of something that
oscillates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Drive:
    """The state of an oscillator (laser, cavity) on each of some turns, relative to what its op was packed with.

    Parameters
    ----------
    amplitude : (turns,) factor on the field [1].
    phase : (turns,) phase added to that of the op [2 pi].
    stretch : (turns,) factor on the wavelength [1]; None: it stays.
    path : (turns,) length [m] that, over the wavelength of the op, is the phase [2 pi] that the wave has gained since
        turn 0 on one of the packed wavelength: the sum over the turns before of C (1 - 1/stretch); None with
        ``stretch``.

    A kernel that can be driven has ``driven(p, drive)``, which returns the values (turns,) of its packed numbers by
    position in ``p``.
    """

    amplitude: np.ndarray
    phase: np.ndarray
    stretch: np.ndarray | None = None
    path: np.ndarray | None = None

    def turns_of_phase(self, per_metre: float) -> np.ndarray:
        """Phase of a wave ``exp(2 pi i (per_metre z + phase))``, whole turns taken off [2 pi]."""
        phase = self.phase if self.path is None else self.phase + per_metre * self.path
        return phase - np.rint(phase)

    def between(self, start: int, stop: int) -> Drive:
        """The part from one position to before another."""
        rows = (self.amplitude, self.phase, self.stretch, self.path)
        return Drive(*(None if v is None else v[start:stop] for v in rows))  # type: ignore[arg-type]
