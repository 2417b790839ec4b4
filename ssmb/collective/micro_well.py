"""Potential-well distortion inside a micro-bucket: the equilibrium of a filled train in its own field at the harmonics.

With theta = k z, ``lambda(theta) ~ exp(-U)``, ``U' = kappa sin(theta) + (1/(k eta C sigma_delta^2)) dE/E``,
``dE = -2 I Re sum_n Z_n b_n exp(i n theta)``, ``b_n = <exp(-i n theta)>``: the Haissinski equation with periodic ends.
All buckets are alike; modes between buckets are not in it. What the train loses in the mean is taken to be replaced.

Smooth focusing: a thin kick a turn has relative corrections of (pi nu)^2.

References
----------
J. Haissinski, Nuovo Cimento B 18, 72 (1973), doi:10.1007/BF02832640.
X. J. Deng et al., Phys. Rev. Accel. Beams 24, 094001 (2021), doi:10.1103/PhysRevAccelBeams.24.094001 (micro-bucket).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from ssmb.arguments import checked
from ssmb.buckets import MicroBucket
from ssmb.collective.impedances import Impedance, Ohms, impedance_values
from ssmb.collective.potential_well import density_in_its_own_well
from ssmb.errors import ConfigError, PhysicsError, ValidityWarning, warn
from ssmb.quantity import Shown, quantity
from ssmb.ranges import count, not_negative, positive, several

Array = NDArray[np.float64]

#: Points of a wavelength for each of the highest harmonic, fewest and most of them.
_PER_HARMONIC, _FEWEST, _MOST = 16, 256, 4096
#: Tune above which the smooth focusing errs by more than 1 %, (pi nu)^2.
_SMOOTH_TUNE = 0.1 / math.pi


@checked
@dataclass(frozen=True, eq=False)
class HaissinskiTrain(Shown):
    """Equilibrium of a train of micro-bunches in its own field."""

    current: float = quantity("A", "mean current of the train while it passes")
    centroid: float = quantity("m", "mean z in a bucket, > 0 towards the head")
    rms: float = quantity("m", "rms length in a bucket")
    fixed_point: float = quantity("m", "z of the stable fixed point")
    tune: float = quantity("2pi", "small-amplitude synchrotron tune about the fixed point, incoherent")
    mean_loss: float = quantity("eV", "mean energy that a particle loses to the impedance in a turn")
    harmonics: Sequence[int] = quantity("1", "harmonics of the wavelength", dims=("harmonic",))
    bunching: NDArray[np.complex128] = quantity("1", "bunching factors at the harmonics, complex", dims=("harmonic",))
    z: Array = quantity("m", "position in the bucket", dims=("z",))
    density: Array = quantity("1/m", "line density over the charge of a bucket", label="λ", dims=("z",))

    def bunching_at(self, harmonic: int) -> complex:
        """Bunching factor ``<exp(-i n k z)>`` at any harmonic [1]."""
        turns = count("harmonic", harmonic) * np.arange(self.z.size) / self.z.size
        start = harmonic * self.z[0] / (self.z.size * (self.z[1] - self.z[0]))
        return complex(np.sum(self.density * np.exp(-2j * math.pi * (turns + start))) * (self.z[1] - self.z[0]))

    def table(self) -> dict[str, Array]:
        """Columns z and density."""
        return {"z": self.z, "density": self.density}


@checked
def haissinski_train(
    bucket: MicroBucket,
    impedance: Impedance | Ohms,
    *,
    energy: float,
    sigma_delta: float,
    current: float,
    harmonics: Sequence[int] = (1, 2, 3, 4, 5, 6),
) -> HaissinskiTrain:
    """Return the equilibrium of a train of micro-bunches in its own field.

    Parameters
    ----------
    bucket : the bucket of the laser; phase, loss and higher slip must be zero.
    impedance : of a whole turn [ohm], a function of wave numbers [1/m].
    energy : of a particle [eV].
    sigma_delta : rms momentum spread of the ring without laser [1].
    current : mean current of the train while it passes [A].
    harmonics : of the laser wavelength at which the impedance acts.

    Raises
    ------
    ConfigError
        Numbers out of range.
    PhysicsError
        No equilibrium, or a bucket with a loss or higher slip, whose equilibrium is no Boltzmann distribution.
    """
    harmonics = _checked(bucket, harmonics)
    not_negative("current", current, "A")
    slip = bucket.slip_factor * bucket.circumference
    temperature = slip * positive("sigma_delta", sigma_delta) ** 2 * positive("energy", energy, "eV")
    k, n = bucket.wavenumber, np.array(harmonics)
    z_n = impedance_values("haissinski_train", impedance, k * n)
    points = min(max(_FEWEST, _PER_HARMONIC * max(harmonics)), _MOST)
    theta = 2.0 * math.pi * (np.arange(points) / points - 0.5) + k * bucket.centre
    width = 2.0 * math.pi / points
    outer = -bucket.amplitude * energy / (k * temperature) * np.cos(theta)
    row = np.exp(1j * np.outer(theta - theta[0], n)) @ (z_n / (1j * n))
    scale = -2.0 * current * width / (k * temperature)
    matrix = scipy.linalg.circulant(row.real) * scale
    rho = density_in_its_own_well(f"the train at {current:.3g} A", outer, matrix, width)
    b = np.asarray(np.exp(-1j * np.outer(n, theta)) @ rho * width, dtype=complex)
    return _well(bucket, energy, current, harmonics, z_n, theta, rho, b)


def _checked(bucket: MicroBucket, harmonics: Sequence[int]) -> tuple[int, ...]:
    if bucket.energy_loss or bucket.slip_factor2 or bucket.slip_factor3 or bucket.phase:
        raise PhysicsError(
            "haissinski_train: the bucket must have no phase, loss or higher slip; track a beam with TrainImpedance to "
            "have them"
        )
    if bucket.tune > _SMOOTH_TUNE:
        warn(
            f"haissinski_train: smooth focusing, but the tune is {bucket.tune:.3g}: lengths are off by about "
            f"{100.0 * (math.pi * bucket.tune) ** 2:.2g} %; track a beam with TrainImpedance",
            ValidityWarning,
        )
    given = several("harmonics", harmonics, "whole numbers >= 1")
    found = tuple(count("a harmonic", n, at_most=_MOST // _PER_HARMONIC) for n in given)
    if not found or len(set(found)) < len(found):
        raise ConfigError(f"haissinski_train: give harmonics, each once, got {harmonics!r}")
    return found


def _well(
    bucket: MicroBucket,
    energy: float,
    current: float,
    harmonics: tuple[int, ...],
    z_n: NDArray[np.complex128],
    theta: Array,
    rho: Array,
    b: NDArray[np.complex128],
) -> HaissinskiTrain:
    k, n, width = bucket.wavenumber, np.array(harmonics), theta[1] - theta[0]
    waves = -2.0 * current / energy * z_n * b

    def gain(at: float) -> float:
        return bucket.amplitude * math.sin(at) + float(np.sum(waves * np.exp(1j * n * at)).real)

    top = theta[int(np.argmax(rho))]
    fixed = float(scipy.optimize.brentq(gain, top - width, top + width))
    slope = bucket.amplitude * math.cos(fixed) + float(np.sum(1j * n * waves * np.exp(1j * n * fixed)).real)
    # same as cos(2 pi nu) = 1 - k eta C slope/2, without its loss of digits
    sine = 0.5 * math.sqrt(max(k * bucket.slip_factor * bucket.circumference * slope, 0.0))
    mean = float(np.angle(np.sum(rho * np.exp(1j * theta))))  # the window is cut where the bucket is empty
    offset = np.remainder(theta - mean + math.pi, 2.0 * math.pi) - math.pi
    centroid = mean + float(rho @ offset) * width
    rms = math.sqrt(float(rho @ (mean + offset - centroid) ** 2) * width)
    return HaissinskiTrain(
        current=current,
        centroid=centroid / k,
        rms=rms / k,
        fixed_point=fixed / k,
        tune=math.asin(min(sine, 1.0)) / math.pi,
        mean_loss=2.0 * current * float(np.sum(np.abs(b) ** 2 * z_n.real)),
        harmonics=harmonics,
        bunching=b,
        z=theta / k,
        density=rho * k,
    )
