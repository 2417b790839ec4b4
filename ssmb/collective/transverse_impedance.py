"""A transverse impedance that deflects one bunch, by the offset of its charge or by that of the particle."""

from __future__ import annotations

import functools
from typing import Any, Literal

import numpy as np

from ssmb.arguments import checked
from ssmb.beam import Beam
from ssmb.beam.reference import Reference
from ssmb.beam.rows import COORDINATES
from ssmb.collective.effect import effect
from ssmb.collective.impedances import Impedance, Ohms, TransverseResistiveWall, TransverseResonator
from ssmb.collective.line_charge import Convolution, OfABunch, wake_between_nodes
from ssmb.kernels.charges import deflect_by_bins, offset_sums
from ssmb.quantity import quantity
from ssmb.tracking.stations import Place


@checked
@effect("transverse_impedance")
class TransverseImpedance(OfABunch):
    """A transverse impedance that deflects one bunch, whose charge and offset are shared between bins.

    Driving (dipole): ``dp c = Q Int lambda(z') x(z') Wt(z' - z) dz'``, the offset is that of the source; detuning
    (quadrupole): ``dp c = x Q Int lambda(z') Wt(z' - z) dz'``, that of the particle. Wt > 0 deflects towards the
    offset. A round pipe has the driving wake alone. Between horizontal plates at +-b the round pipe's impedance counts
    pi^2/24 in x and pi^2/12 in y as driving, -pi^2/24 in x and +pi^2/24 in y as detuning one (Yokoya): give one effect
    for each.

    For beta = 1. Valid where charge and offset are smooth over a bin; bunches before and turns before are not felt. Of
    the energy nothing is changed: by Panofsky and Wenzel a deflection theta that changes over a length l of the bunch
    goes with x theta E/l for a particle at x, of second order in the offset (600 MeV, 1 um, 1e-8 over 1 mm: 6 meV), and
    the charge loses as much in the mean.

    References
    ----------
    A. W. Chao, Physics of Collective Beam Instabilities in High Energy Accelerators (Wiley, 1993), sections 2.2, 2.3.
    K. Yokoya, Part. Accel. 41, 221 (1993); A. Chao, S. Heifets, B. Zotter, PRST-AB 5, 111001 (2002),
        doi:10.1103/PhysRevSTAB.5.111001: plates.
    """

    physics = "transverse wakes of the chamber"
    impedance: Impedance | Ohms = quantity("ohm/m", "transverse impedance, one of :mod:`ssmb.collective.impedances`")
    axis: Literal["x", "y"] = quantity("", "axis of offset and deflection")
    offset: Literal["driving", "detuning"] = quantity(
        "", "whose offset deflects: that of the charge (driving), or of the particle (detuning)", default="driving"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self._wakes  # what is wrong with the impedance is said now

    @functools.cached_property
    def _wakes(self) -> Convolution:
        made = wake_between_nodes("TransverseImpedance", self.impedance, self.bins, self.width, "transverse")
        return Convolution(made)

    @property
    def _row(self) -> int:
        return COORDINATES.index(self.axis)

    def as_asked(self) -> dict[str, Any]:
        """A function of the user is known by its values."""
        return super().as_asked() | {"impedance": np.abs(self._wakes.spectrum)}

    def sums(self, beam: Beam, state: dict[str, np.ndarray]) -> np.ndarray:
        """Real particles at each node, times their offsets, and outside of the window."""
        out = np.empty((self.blocks(beam), 2 * self.bins + 1))
        rows = np.array([self._row])
        offset_sums(beam.coordinates, rows, beam.weight, beam.state, self.window[0], 1.0 / self.width, out)
        return out

    def deflection(self, total: np.ndarray, reference: Reference, here: Place) -> np.ndarray:
        """(bins,) kicks at the nodes: of a driving wake [p0], of a detuning one over the offset [p0/m]."""
        charge = self.charge(total if self.offset == "detuning" else total[self.bins :], reference)
        return self._wakes(charge) * (here.share * abs(reference.charge_number) / reference.p0c)

    def kick(self, beam: Beam, total: np.ndarray, state: dict[str, np.ndarray], turn: int, here: Place) -> None:
        self.warn_coarse(total, self.impedance, "transverse")
        self.warn_outside(total, turn, here)
        kick = self.deflection(total, beam.reference, here)
        nothing = np.zeros_like(kick)
        driving, detuning = (kick, nothing) if self.offset == "driving" else (nothing, kick)
        momentum = COORDINATES.index(f"p{self.axis}")
        deflect_by_bins(
            beam.coordinates, beam.state, momentum, self._row, self.window[0], 1.0 / self.width, driving, detuning
        )

    def mean_loss(self, total: np.ndarray, reference: Reference, here: Place) -> float:
        """None: it deflects."""
        return 0.0

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        window: dict[str, Any] = {"window": (-0.02, 0.02)}
        return [
            (cls(at="m", impedance=TransverseResonator(5e6, 1.0, 20e9), axis="x", **window), 3e-3),
            (cls(at=0.7, impedance=TransverseResistiveWall(10.0, 0.01, 5.8e7), axis="y", **window), 3e-3),
            (cls(at="m", impedance=TransverseResonator(5e6, 2.0, 9e9), axis="y", offset="detuning", **window), 3e-3),
        ]
