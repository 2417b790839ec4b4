"""Coherent power of a Gaussian beam that debunches on its way through the radiator.

Electrons of energy spread sigma_delta change places by the R56 of the undulator, 2 N lambda_1 over its length;
electrons with slopes take longer paths and radiate in directions of their own. With the bunching b_n in the middle of
the undulator, independent of the other coordinates, the field of harmonic n towards theta is

``F = b_n int_{-1/2}^{1/2} dt exp(-2 i d t) <exp(i [(k L t/2) |theta - x'|^2 - k theta.x - 4 pi n N t delta])>``

whose averages over x, x', y, y' and delta are Gaussian integrals. The power is ``P = pi Z0 N n chi [JJ]^2 |I|^2
(L/(pi lambda)) int |F|^2 dOmega``; without divergence and energy spread it is that of :mod:`ssmb.light.coherent`.

Left out: focusing inside the undulator, correlations of z with the transverse coordinates (tilted microbunches), terms
of order 1/N; :mod:`ssmb.light.tracked` takes the particles as they are.

References
----------
X. Deng et al., J. Synchrotron Rad. 30, 35 (2023), doi:10.1107/S1600577522009973 (form factors).
The debunching inside the radiator is derived here and tested against the sum over particles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmb.arguments import checked
from ssmb.constants import VACUUM_IMPEDANCE
from ssmb.errors import ConfigError
from ssmb.light.angular import composite_nodes
from ssmb.maps.undulator import Undulator
from ssmb.ranges import count, finite, modulus, not_negative, positive

Array = NDArray[np.float64]

_FAR_LOBE = 40.0 * math.pi
_FAR_BEAM = 6.0


@checked
@dataclass(frozen=True)
class Plane:
    """Second moments of one transverse plane in the middle of the radiator.

    Parameters
    ----------
    size : rms size sqrt(<x^2>) [m].
    slope : rms slope sqrt(<x'^2>) [rad].
    correlation : <x x'> [m], > 0 for a beam that grows.

    Examples
    --------
    >>> waist = Plane.of(emittance=1e-9, beta=2.0)
    >>> round(waist.size * 1e6, 2), round(waist.slope * 1e6, 2)
    (44.72, 22.36)
    """

    size: float
    slope: float = 0.0
    correlation: float = 0.0

    def __post_init__(self) -> None:
        not_negative("size", self.size, "m")
        not_negative("slope", self.slope, "rad")
        if abs(finite("correlation", self.correlation, "m")) > self.size * self.slope * (1.0 + 1e-12):
            raise ConfigError(
                f"correlation {self.correlation!r} m is larger than size times slope, {self.size * self.slope:g} m"
            )

    @classmethod
    def of(cls, emittance: float, beta: float, alpha: float = 0.0) -> Plane:
        """Return the plane of an emittance [m] with the Twiss functions beta [m] and alpha [1]."""
        e, b = not_negative("emittance", emittance, "m"), positive("beta", beta, "m")
        a = finite("alpha", alpha)
        return cls(math.sqrt(e * b), math.sqrt(e * (1.0 + a * a) / b), -e * a)

    def average(self, k: float, length: Array, theta: Array) -> NDArray[np.complex128]:
        """Mean of exp(i [(k s/2)(theta - x')^2 - k theta x]) for each s of `length` (n,) and theta (m,): (m, n)."""
        a, b, c = self.size**2, self.correlation, self.slope**2
        q = k * length
        # v = (x, x'): exponent i (q/2) x'^2 - i k theta (x + s x') + i (q/2) theta^2, covariance (a b; b c)
        root = 1.0 - 1j * q * c
        # j^T S (1 - i Q S)^-1 j of j = k theta (1, s), Q = diag(0, q)
        form = a + 2.0 * b * length + c * length**2 + 1j * q * (b + c * length) ** 2 / root
        exponent = 0.5j * q - 0.5 * k * k * form
        return np.asarray(np.exp(np.multiply.outer(theta**2, exponent)) / np.sqrt(root), dtype=np.complex128)


@checked
def debunched_power(
    undulator: Undulator,
    *,
    current: float,
    bunching: complex,
    plane_x: Plane,
    plane_y: Plane | None = None,
    sigma_delta: float = 0.0,
    harmonic: int = 1,
    detuning: float = 0.0,
    resolution: int = 1,
) -> float:
    """Return the coherent power of a long bunched beam with divergence and energy spread [W].

    Parameters
    ----------
    undulator : the radiator, with its resonance near the wavelength of the bunching.
    current : local current [A].
    bunching : b_n in the middle of the radiator; the modulus counts [1].
    plane_x, plane_y : transverse moments there; plane_y = None stands for the same as x.
    sigma_delta : rms local momentum spread [1].
    harmonic : odd harmonic n (helical: 1).
    detuning : phase over the undulator by which the light lags behind the on-axis resonance [rad], as in
        :func:`ssmb.light.coherent.form_factor`.
    resolution : factor on the number of nodes.

    Examples
    --------
    >>> from ssmb.beam.reference import Reference
    >>> euv = Undulator.resonant(Reference(energy=400e6), 13.5e-9, period=0.01, n_periods=300)
    >>> round(debunched_power(euv, current=1.0, bunching=0.1, plane_x=Plane(20e-6)), 1)
    422.2
    >>> round(debunched_power(euv, current=1.0, bunching=0.1, plane_x=Plane(20e-6), sigma_delta=4e-4), 1)
    360.6
    """
    n, fine = count("harmonic", harmonic), count("resolution", resolution, 1, 64)
    if n % 2 == 0:
        raise ConfigError(f"harmonic {n}: only odd harmonics; ssmb.coherent_power has even ones without debunching")
    plane_y = plane_x if plane_y is None else plane_y
    amplitude = modulus("bunching", bunching) * finite("current", current, "A")
    undulator.near_harmonic(n, -finite("detuning", detuning, "rad") / (2.0 * math.pi * n * undulator.n_periods))
    lost = 2.0 * math.pi * n * undulator.n_periods * 2.0 * not_negative("sigma_delta", sigma_delta)
    factor = float(_angular_integrals(undulator, n, plane_x, plane_y, lost, np.array([detuning]), fine)[0])
    strength = math.pi * VACUUM_IMPEDANCE * undulator.n_periods * undulator.coupling(n)
    return strength * factor * amplitude * amplitude


def powers_by_detuning(
    undulator: Undulator, detunings: Array, *, plane_x: Plane, plane_y: Plane, sigma_delta: float
) -> Array:
    """Return :func:`debunched_power` of one ampere with b = 1, first harmonic, for many detunings at once [W]."""
    lost = 4.0 * math.pi * undulator.n_periods * sigma_delta
    strength = math.pi * VACUUM_IMPEDANCE * undulator.n_periods * undulator.coupling(1)
    return strength * _angular_integrals(undulator, 1, plane_x, plane_y, lost, detunings, 1)


def _angular_integrals(
    undulator: Undulator, n: int, plane_x: Plane, plane_y: Plane, lost: float, detunings: Array, fine: int
) -> Array:
    """Return L/(pi lambda) int |F|^2 dOmega for b = 1 and each detuning, on the nodes that the largest needs [1]."""
    wavelength, length, largest = undulator.wavelength(n), undulator.length, float(np.abs(detunings).max())
    k = 2.0 * math.pi / wavelength
    angles = [_angles(k, length, plane, largest, fine) for plane in (plane_x, plane_y)]
    spans = 0.5 * k * length * sum(float(a[-1]) ** 2 for a, _ in angles) / (2.0 * math.pi) + largest
    t, weight = composite_nodes(np.linspace(-0.5, 0.5, fine * (2 + math.ceil(0.5 * spans)) + 1))
    field_x, field_y = (p.average(k, length * t, a[0]) for p, a in zip((plane_x, plane_y), angles, strict=True))
    found = []
    for detuning in detunings:
        field = (field_x * (weight * np.exp(-1j * detuning * t - 0.5 * (lost * t) ** 2))) @ field_y.T
        # one quadrant stands for all four
        found.append(4.0 * float(angles[0][1] @ (np.abs(field) ** 2) @ angles[1][1]))
    return length / (math.pi * wavelength) * np.array(found)


def _angles(k: float, length: float, plane: Plane, detuning: float, fine: int) -> tuple[Array, Array]:
    """Nodes and weights of the positive angles of one plane: as far as the light of the beam reaches."""
    lobe2 = 4.0 / (k * length)
    far = math.sqrt((_FAR_LOBE + detuning) * lobe2) + 4.0 * plane.slope
    seen2 = plane.size**2
    if plane.slope > 0.0:
        seen2 -= plane.correlation**2 / (plane.slope**2 + lobe2)
    narrow = _FAR_BEAM / (k * math.sqrt(2.0 * seen2)) if seen2 > 0.0 else math.inf
    reach = min(far, narrow)
    panels = fine * (2 + math.ceil(0.25 * k * length * reach**2 / (2.0 * math.pi)))
    # equal steps of the square of the angle where the lobe oscillates, and one more panel at the axis
    return composite_nodes(reach * np.sqrt(np.linspace(0.0, 1.0, panels + 1)))
