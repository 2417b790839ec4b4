"""Transverse space charge: the field of a beam's own charge across it, of a bunch, a train or a coasting beam."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from ssmb.arguments import checked
from ssmb.beam import Beam
from ssmb.beam.reference import Reference
from ssmb.collective.effect import Effect, effect
from ssmb.collective.gaussian_charge import axes_of, followed_density, perveance, slopes
from ssmb.collective.intrabeam import line_density
from ssmb.collective.line_charge import check_window, tell_outside
from ssmb.errors import ConfigError, PhysicsError
from ssmb.kernels.charges import GROUP
from ssmb.kernels.space_charge import MOMENTS, defocus, shape_sums
from ssmb.quantity import quantity
from ssmb.ranges import positive
from ssmb.tracking.stations import Place

#: Part of its offset by which a kick may move a particle on the way that it stands for.
_STEP = 0.3
#: Bunching factor, and k sigma/gamma, from which the field of microbunches off the axis is told.
_BUNCHED, _NEAR = 0.1, 0.5


@checked
@effect("transverse_space_charge")
class TransverseSpaceCharge(Effect):
    """The field of the beam's own charge across it, less its magnetic part: it defocuses in both planes.

    ``dp/p0 = (2 r/(beta^2 gamma^3)) n(z) E(x, y) L``: n line density [1/m], E the field of a Gaussian charge over 1/(2
    pi eps0), with the centre, the sizes and the tilt that the particles have here; ``gaussian`` is that of Bassetti and
    Erskine, ``linear`` its slope on the axis for all. With ``window`` it is one bunch of the charge of the particles,
    in bins along z; else a current, which flows evenly, or, with ``wavelength``, as the particles lie in bins of one
    period. What is lost lowers it.

    The field follows the density along the beam where that changes over more than sigma/gamma: Fourier component k
    counts 1 - x e^x E1(x) of a round beam, x = (k sigma/gamma)^2/2, exactly so on the axis. With gamma/k << sigma
    microbunches have the field of the average current, with gamma/k >> sigma that of their own; between, it falls
    faster off the axis than here: the part that goes with k is wrong by 6 % rms over the beam at k sigma/gamma = 0.25,
    15 % at 0.5, 30 % at 1, which is warned of.

    The centre is such that a linear kick leaves the momentum of the beam; the coherent motion of parts of it against
    each other is not felt. No image charges; dispersion counts by the sizes.

    Energies are left: what a particle gains on its way out is that of the potential, up to 30 V times the current [A]
    and a logarithm. Valid for beams near Gaussian; a spacing must resolve the sizes along the turn.

    References
    ----------
    M. Bassetti, G. A. Erskine, CERN-ISR-TH/80-06 (1980).
    K. Schindl, Space charge, CERN-PS-99-012-DI (1999), section 2: direct space charge and its tune shift.
    """

    group = GROUP
    physics = "transverse space charge"
    field: Literal["gaussian", "linear"] = quantity(
        "", "field of a Gaussian charge, or its slope on the axis everywhere", default="gaussian"
    )
    window: tuple[float, float] | None = quantity(
        "m", "lowest and highest z of one bunch; by default there is none, and a current flows", default=None
    )
    bins: int = quantity("", "nodes in the window or the wavelength", default=128, minimum=3, maximum=100_000)
    current: float | None = quantity(
        "A", "local mean current of a coasting beam or train", default=None, minimum=0.0, open_minimum=True
    )
    wavelength: float | None = quantity(
        "m", "distance of the microbunches of a train; by default the current is even", default=None, minimum=0.0,
        open_minimum=True,
    )  # fmt: skip
    length: float | None = quantity(
        "m", "way for which a kick at a named element stands; by default the turn, which a spacing shares out",
        default=None,
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.length is not None:
            positive("length", self.length, "m")
            if isinstance(self.at, (int, float)):
                raise ConfigError(f"{self.name}: a length belongs to named elements; a spacing says the way itself")
        if self.window is None:
            if self.current is None:
                raise ConfigError(f"{self.name}: give the window of a bunch, or the current of a train")
        elif self.current is not None or self.wavelength is not None:
            raise ConfigError(f"{self.name}: give the window of a bunch, or the current (and wavelength) of a train")
        else:
            check_window(self.name, self.window)

    @property
    def _nodes(self) -> tuple[float, float, bool, int]:
        """First node [m], inverse distance [1/m], whether they go around, how many."""
        if self.window is not None:
            return self.window[0], (self.bins - 1) / (self.window[1] - self.window[0]), False, self.bins
        if self.wavelength is None:
            return 0.0, 1.0, True, 1
        return 0.0, self.bins / self.wavelength, True, self.bins

    def sums(self, beam: Beam, state: dict[str, np.ndarray]) -> np.ndarray:
        """Real particles at each node, times x, times y; outside, all, and second moments of those inside."""
        first, inverse, around, nodes = self._nodes
        out = np.empty((self.blocks(beam), 3 * nodes + MOMENTS))
        shape_sums(beam.coordinates, beam.weight, beam.state, first, inverse, around, out)
        return out

    def kick(self, beam: Beam, total: np.ndarray, state: dict[str, np.ndarray], turn: int, here: Place) -> None:
        first, inverse, around, nodes = self._nodes
        charge, inside = total[: 3 * nodes].reshape(3, nodes), float(total[:nodes].sum())
        if self.window is not None:
            tell_outside(self, self.window, total[3 * nodes], inside, turn, here)
        if not inside > 0.0:
            return
        mean = charge[1:].sum(axis=1) / inside
        xx, xy, yy = total[3 * nodes + 2 :] / inside
        sizes, cosine, sine = axes_of(np.array([[xx, xy], [xy, yy]]) - np.outer(mean, mean))
        if not (sizes > 0.0).all():
            raise PhysicsError(
                f"{self.name}: at '{here.name}' on turn {turn} the beam has no extent along an axis across it, and the "
                f"field of a line or sheet of charge no end: give it both sizes"
            )
        reference = beam.reference
        length = here.share * (self.length or here.length)
        strength = perveance(reference) * length * self._density(total, reference, sizes)
        self._check(strength, sizes, charge[0], reference, length, here)
        turned = np.array([[cosine, sine], [-sine, cosine]]) @ charge[1:]
        centre = (strength * turned).sum(axis=1) / (strength * charge[0]).sum(axis=1)
        frame = np.array([*centre, *sizes, cosine, sine])
        defocus(
            beam.coordinates, beam.state, first, inverse, around, strength, frame, self.field == "gaussian"
        )  # fmt: skip

    def _density(self, total: np.ndarray, reference: Reference, sizes: np.ndarray) -> np.ndarray:
        """(2, nodes) line density [1/m] that the field has along the axes of the beam, at the nodes."""
        _, inverse, around, nodes = self._nodes
        if self.current is None:
            density = total[:nodes] * inverse
        else:
            share = total[:nodes] / total[3 * nodes + 1]  # of all that there were
            density = line_density(reference, self.current) * nodes * share
        points = nodes if around else 1 << math.ceil(math.log2(2 * nodes))
        if points == 1:
            return np.tile(density, (2, 1))
        k = 2.0 * math.pi * inverse / points * np.arange(points // 2 + 1)
        followed = followed_density(k, reference.gamma, (float(sizes[0]), float(sizes[1])))
        return np.fft.irfft(followed * np.fft.rfft(density, points), points)[:, :nodes]

    def _check(
        self, strength: np.ndarray, sizes: np.ndarray, charge: np.ndarray, reference: Reference, length: float,
        here: Place,
    ) -> None:  # fmt: skip
        """Warn of kicks that stand for too long a way, and of microbunches whose field off the axis is another."""
        moved = float((strength.max(axis=1) * slopes(sizes)).max()) * length
        if moved > _STEP:
            self.tell(
                "step",
                f"{self.name}: a kick at '{here.name}' stands for {length:.3g} m, on which it moves particles by "
                f"{moved:.2g} of their offset, more than {_STEP:g}: take more places",
            )
        if self.wavelength is None:
            return
        phase = np.exp(-2j * math.pi * np.arange(len(charge)) / len(charge))
        near = 2.0 * math.pi / self.wavelength * float(sizes.max()) / reference.gamma
        followed = abs(charge @ phase) / float(charge.sum())
        if followed > _BUNCHED and near > _NEAR:
            self.tell(
                "microbunches",
                f"{self.name}: at '{here.name}' k sigma/gamma is {near:.2g} (above {_NEAR:g}) and the bunching "
                f"{followed:.2g}: off the axis the field follows the microbunches less than here, by 15 % rms at 0.5, "
                f"30 % at 1",
            )

    def mean_loss(self, total: np.ndarray, reference: Reference, here: Place) -> float:
        """None: it deflects."""
        return 0.0

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        return [
            (cls(at="m", window=(-0.02, 0.02)), 3e-3),
            (cls(at=0.7, window=(-0.02, 0.02), field="linear", bins=64), 3e-3),
            (cls(at=("m", "n"), length=3.0, current=1.0), 3e-3),
            (cls(at="m", current=1.0, wavelength=1064e-6, length=1.0), 150e-6),
        ]
