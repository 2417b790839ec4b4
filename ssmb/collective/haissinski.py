"""Potential-well distortion: the equilibrium of a bunch in the wake of its own impedance.

``lambda(z) ~ exp(-z^2/(2 sigma_0^2) - (1/(eta C sigma_delta^2 E)) Int_0^z dE(z') dz')``, dE the energy that the bunch
gives itself in a turn. The energy spread stays that without current: where the bunch is unstable the equilibrium exists
but is not reached; :mod:`ssmb.collective.thresholds` and :mod:`ssmb.collective.vlasov` tell that.

The energy that the bunch loses as a whole moves it in the linear RF, towards the head (z > 0) for eta > 0.

References
----------
J. Haissinski, Nuovo Cimento B 18, 72 (1973), doi:10.1007/BF02832640.
A. W. Chao, Physics of Collective Beam Instabilities in High Energy Accelerators (Wiley, 1993), section 6.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.collective.impedances import Impedance, Ohms, impedance_values
from ssmb.collective.potential_well import density_in_its_own_well
from ssmb.collective.stored_beam import StoredBeam
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.errors import PhysicsError, ValidityWarning, warn
from ssmb.quantity import Shown, quantity
from ssmb.ranges import not_negative

Array = NDArray[np.float64]

#: Half of the first window, in rms lengths without current; what the density at its ends may be of the peak.
_HALF_WINDOW, _EDGE = 7.0, 1e-10
#: Fewest and most points; what the spectrum of the density may be at its end.
_FEWEST, _MOST, _TAIL = 256, 2048, 1e-6
#: Most windows in a period of the Fourier sums; changes of the wake below which, and above which, longer is needed.
_MOST_PADDING, _SAME, _DIFFERENT = 256, 1e-6, 1e-3
#: Nodes about the highest one, through which the peak is found.
_FIVE = np.arange(-2, 3)


@checked
@dataclass(frozen=True, eq=False)
class HaissinskiBunch(Shown):
    """Equilibrium of a bunch in its own wake."""

    charge: float = quantity("C", "charge of the bunch")
    centroid: float = quantity("m", "mean z, > 0 towards the head")
    rms: float = quantity("m", "rms length")
    peak_density: float = quantity("1/m", "largest line density over the charge")
    tune: float = quantity("2pi", "small-amplitude synchrotron tune about the peak, incoherent")
    z: Array = quantity("m", "position in the bunch", dims=("z",))
    density: Array = quantity("1/m", "line density over the charge", label="λ", dims=("z",))
    gain: Array = quantity("eV", "energy that the bunch gives a particle in a turn", label="dE", dims=("z",))

    def density_at(self, z: ArrayLike) -> Array:
        """Line density over the charge at places [1/m], interpolated; zero outside of the grid."""
        floor = math.log(np.finfo(float).tiny)
        spline = scipy.interpolate.CubicSpline(self.z, np.log(np.maximum(self.density, np.finfo(float).tiny)))
        at = np.asarray(z, dtype=float)
        inside = (at >= self.z[0]) & (at <= self.z[-1])
        return np.where(inside, np.exp(np.maximum(spline(np.clip(at, self.z[0], self.z[-1])), floor)), 0.0)

    def table(self) -> dict[str, Array]:
        """Columns z, density and gain."""
        return {"z": self.z, "density": self.density, "gain": self.gain}


@checked
def haissinski_bunch(beam: StoredBeam, impedance: Impedance | Ohms, charge: float) -> HaissinskiBunch:
    """Return the equilibrium of a bunch in its own wake.

    Window, points and reach of the wake are chosen until the result no longer depends on them.

    Parameters
    ----------
    beam : the ring and the bunch without current, with its synchrotron tune.
    impedance : of a whole turn [ohm], a function of wave numbers [1/m].
    charge : of the bunch, as a size [C].

    Raises
    ------
    ConfigError
        Numbers out of range, or an impedance that is none.
    PhysicsError
        There is no equilibrium (an attractive wake beyond its limit), or a coasting beam.

    Examples
    --------
    >>> from ssmb.collective.impedances import Inductance
    >>> beam = StoredBeam(energy=600e6, circumference=60.0, slip_factor=2e-3, sigma_delta=5e-4, tune=5e-3)
    >>> bunch = haissinski_bunch(beam, Inductance(5e-9), 1.53e-10)
    >>> round(bunch.rms / beam.sigma_z, 3)
    1.117
    """
    not_negative("charge", charge, "C")
    low, high, points = -_HALF_WINDOW, _HALF_WINDOW, _FEWEST
    for _ in range(40):
        z = np.linspace(low, high, points) * beam.sigma_z
        rho, wake = _solved(beam, impedance, charge, z)
        ends, peak = rho[[0, -1]], rho.max()
        if (ends > _EDGE * peak).any():
            step = 0.25 * (high - low)
            low, high = low - step * (ends[0] > _EDGE * peak), high + step * (ends[1] > _EDGE * peak)
            continue
        spectrum = np.abs(np.fft.rfft(rho))
        if spectrum[-points // 20 :].max() < _TAIL * spectrum[0]:
            break
        if points >= _MOST:
            warn(
                f"haissinski_bunch: the bunch of {charge:.3g} C has structure below {z[1] - z[0]:.2g} m, the finest "
                "grid; its impedance does not end below the wave numbers of the bunch",
                ValidityWarning,
            )
            break
        points *= 2
    else:
        raise PhysicsError(
            f"haissinski_bunch: the bunch of {charge:.3g} C has no end within {high - low:.3g} rms lengths"
        )
    return _bunch(beam, charge, z, rho, wake)


def _solved(beam: StoredBeam, impedance: Impedance | Ohms, charge: float, z: Array) -> tuple[Array, Array]:
    """Density [1/m] on the nodes, and the gain at distances of -(n - 1) to n - 1 nodes by all of the charge [eV]."""
    width = float(z[1] - z[0])
    gain, potential = wake_between_nodes(beam, impedance, charge, z)
    outer = 0.5 * (z / beam.sigma_z) ** 2
    scale = width / (beam.slip * beam.sigma_delta**2 * beam.energy)
    n = z.size
    matrix = scipy.linalg.toeplitz(potential[n - 1 :], potential[n - 1 :: -1]) * scale
    return density_in_its_own_well(f"a bunch of {charge:.3g} C", outer, matrix, width), gain


def wake_between_nodes(beam: StoredBeam, impedance: Impedance | Ohms, charge: float, z: Array) -> tuple[Array, Array]:
    """Gain [eV] and its integral over z [eV m] at -(n - 1) to n - 1 nodes from one with all of the charge.

    The period of the Fourier sums grows until a bunch no longer feels its images.
    """
    shape = np.exp(-0.5 * ((z - z.mean()) / beam.sigma_z) ** 2)
    shape /= shape.sum()
    padding, before = 4, None
    while True:
        gain, potential = _fourier(impedance, charge, z, padding)
        own = scipy.signal.fftconvolve(gain, shape, mode="valid")
        change = np.inf if before is None else np.max(np.abs(own - before)[shape > 1e-3 * shape.max()])
        size = float(np.max(np.abs(own)))
        if change <= _SAME * size:
            return gain, potential
        if padding >= _MOST_PADDING:
            if change > _DIFFERENT * size:
                warn(
                    f"haissinski_bunch: the wake has not died out {padding * (z[-1] - z[0]):.3g} m behind the bunch; "
                    "it would meet the bunch again in the next turn, which is left out: see ssmb.collective.robinson",
                    ValidityWarning,
                )
            return gain, potential
        padding, before = 2 * padding, own


def _fourier(impedance: Impedance | Ohms, charge: float, z: Array, padding: int) -> tuple[Array, Array]:
    n, width = z.size, float(z[1] - z[0])
    points = padding * n
    k = 2.0 * math.pi * np.arange(points // 2 + 1) / (points * width)
    spectrum = -SPEED_OF_LIGHT * charge / width * impedance_values("haissinski_bunch", impedance, k)
    over = np.zeros_like(spectrum)
    over[1:] = spectrum[1:] / (1j * k[1:])
    gain, potential = np.fft.irfft(spectrum, points), np.fft.irfft(over, points)
    at = np.arange(-(n - 1), n)
    return gain[at], potential[at] + float(spectrum[0].real) / points * width * at


def _bunch(beam: StoredBeam, charge: float, z: Array, rho: Array, wake: Array) -> HaissinskiBunch:
    width = float(z[1] - z[0])
    centroid = float(rho @ z) * width
    rms = math.sqrt(float(rho @ (z - centroid) ** 2) * width)
    top = int(np.argmax(rho))
    through = np.polynomial.Polynomial(np.linalg.solve(np.vander(_FIVE, increasing=True), np.log(rho[top + _FIVE])))
    slope, bend = through.deriv(), through.deriv(2)
    at = 0.0
    for _ in range(4):  # Newton's steps to the peak between the nodes
        at -= float(slope(at) / bend(at))
    return HaissinskiBunch(
        charge=charge,
        centroid=centroid,
        rms=rms,
        peak_density=math.exp(float(through(at))),
        tune=beam.tune * beam.sigma_z / width * math.sqrt(max(-float(bend(at)), 0.0)),
        z=z,
        density=rho,
        gain=scipy.signal.fftconvolve(wake, rho * width, mode="valid"),
    )
