"""One sinusoidal modulation and one linear section: the bunching that most schemes have in common.

A particle at z in front of the modulator arrives at ``c z + s [sin(k z) + q sin(2 k z)] + g``, g an independent
Gaussian smear; q comes from the slip inside a long modulator. With ``e^(i x sin u) = sum_m J_m(x) e^(i m u)`` and q =
0:

- coasting beam, c = 1: ``|J_n(n k s)| exp(-(n k sigma_g)^2/2)``;
- Gaussian microbunch: ``|sum_m J_m(-n k s) exp(-((m - c n) k sigma_z)^2/2)| exp(-(n k sigma_g)^2/2)``.

With q the coefficient J_m(x) becomes ``sum_j J_j(q x) J_(m-2j)(x)``.

References
----------
L. H. Yu, Phys. Rev. A 44, 5178 (1991), doi:10.1103/PhysRevA.44.5178.
E. Hemsing, G. Stupakov, D. Xiang, A. Zholents, Rev. Mod. Phys. 86, 897 (2014), doi:10.1103/RevModPhys.86.897.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ssmb.beam.closed_form import gaussian_bunching
from ssmb.beam.rows import real_array
from ssmb.elements import Element
from ssmb.elements.thin_laser import ThinLaser
from ssmb.errors import ConfigError, PhysicsError
from ssmb.ranges import HIGHEST_HARMONIC, count, finite, harmonic_number, not_negative, positive
from ssmb.schemes.profile import profile_nodes
from ssmb.schemes.thin import SMEAR_LEVER, coupling, modulation

#: spot that stands for a wide one where nodes over the beam are needed all the same, in beam sizes
_WIDE = 1e6
#: modulations A = amplitude/sigma_delta that are searched
_LEAST, _MOST = 1e-3, 1e5
#: largest argument n k s of a Bessel function, and largest orders of a sum of them
_LARGEST_ARGUMENT, _LARGEST_ORDER = 1e6, 10_000


def kicked_phase_factor(
    harmonic: int,
    wavelength: float,
    path_amplitude: ArrayLike,
    sigma_z: float | None = None,
    stretch: float = 1.0,
    phase: ArrayLike = 0.0,
    second: ArrayLike = 0.0,
) -> NDArray[np.complex128]:
    """Return the complex b_n of ``c z + s [sin u + q sin 2u]``, u = k z + psi, for each path amplitude, before any
    smear [1].

    Parameters
    ----------
    harmonic : n [1].
    wavelength : laser wavelength 2 pi/k [m].
    path_amplitude : s, path of the peak modulation [m], any shape; ``r56 A`` for an energy modulation.
    sigma_z : rms length of the microbunch in front of the modulator [m]; None stands for a coasting beam.
    stretch : c [1], not 1 if the microbunch comes with a chirp; a coasting beam has none.
    phase : psi [rad], shape of `path_amplitude` or one number.
    second : q [1], shape of `path_amplitude` or one number.

    Examples
    --------
    >>> import math
    >>> round(float(kicked_phase_factor(79, 1064e-9, -1064e-9/(2*math.pi)).real), 5)
    0.10424
    """
    n, k = harmonic_number(harmonic), 2.0 * math.pi / positive("wavelength", wavelength, "m")
    argument, psi = -n * k * _numbers("path_amplitude", path_amplitude), _numbers("phase", phase)
    other = argument * _numbers("second", second)
    largest = float(np.max(np.abs(argument), initial=0.0))
    allowed = _LARGEST_ARGUMENT if sigma_z is None and not other.any() else _LARGEST_ORDER
    if not max(largest, float(np.max(np.abs(other), initial=0.0))) <= allowed:
        raise PhysicsError(
            f"a path of {largest / (n * k):.3g} m is {largest:.3g} radians of the light at harmonic {n} of "
            f"{wavelength:.4g} m; "
            f"sums are formed up to {allowed:g}. Lower r56, the modulation or the harmonic"
        )
    if sigma_z is None:
        return np.asarray(_coefficients(n, argument, other) * np.exp(1j * n * psi), dtype=complex)
    width = k * not_negative("sigma_z", sigma_z, "m")
    centre = n * finite("stretch", stretch)
    if abs(centre) > _LARGEST_ORDER:
        raise ConfigError(f"stretch = {stretch:g} at harmonic {n} is beyond {_LARGEST_ORDER / n:g}")
    if width == 0.0:
        return np.exp(1j * (argument * np.sin(psi) + other * np.sin(2.0 * psi)))
    # J_m(x) is below 1e-16 for |m| beyond this reach, the Gaussian beyond 9/width
    largest = float(np.max(np.abs(argument) + 2.0 * np.abs(other)))
    reach = largest + 12.0 * largest ** (1.0 / 3.0) + 30.0
    low, high = max(-reach, centre - 9.0 / width), min(reach, centre + 9.0 / width)
    m = np.arange(math.floor(low), math.ceil(high) + 1)
    weights = np.exp(-0.5 * ((m - centre) * width) ** 2) * np.exp(1j * m * psi[..., None])
    return np.sum(_coefficients(m, argument[..., None], other[..., None]) * weights, axis=-1)


def _numbers(name: str, values: ArrayLike) -> NDArray[np.float64]:
    array = real_array(name, values)
    if not np.isfinite(array).all():
        raise ConfigError(f"{name} must be finite numbers")
    return array


def _coefficients(m: ArrayLike, x: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fourier coefficients of ``exp(i x sin u + i other sin 2u)`` at the orders m."""
    if not other.any():
        return scipy.special.jv(m, x)
    reach = int(np.max(np.abs(other))) + 30
    shape = np.broadcast_shapes(np.shape(m), x.shape)
    return sum(
        (scipy.special.jv(j, other) * scipy.special.jv(np.asarray(m) - 2 * j, x) for j in range(-reach, reach + 1)),
        np.zeros(shape),
    )


def kicked_bunching(
    harmonic: int,
    wavelength: float,
    path_amplitude: float,
    smear: float,
    sigma_z: float | None = None,
    stretch: float = 1.0,
    second: float = 0.0,
) -> float:
    """Return |b_n| of ``c z + s [sin(k z) + q sin(2 k z)]`` plus an independent Gaussian smear [1].

    Parameters
    ----------
    smear : rms of everything that does not depend on the phase [m].
    harmonic, wavelength, path_amplitude, sigma_z, stretch, second : see :func:`kicked_phase_factor`.

    Examples
    --------
    >>> import math
    >>> round(kicked_bunching(79, 1064e-9, -1064e-9/(2*math.pi), 2e-9), 5)
    0.06745
    """
    path = finite("path_amplitude", path_amplitude, "m")
    factor = kicked_phase_factor(harmonic, wavelength, path, sigma_z, stretch, second=finite("second", second))
    return abs(complex(factor)) * gaussian_bunching(smear, wavelength / harmonic)


def bessel_peak(order: int) -> float:
    """Return the first maximum of J_n(x), ``0.6749 n^(-1/3)`` for large n [1].

    >>> round(bessel_peak(79), 4)
    0.1559
    """
    return float(
        scipy.special.jv(order, scipy.special.jnp_zeros(count("order", order, at_most=HIGHEST_HARMONIC), 1)[0])
    )


def best_compression(harmonic: int) -> float:
    """Return the over-compression -k s that maximises b_n of a coasting beam, j'_(n,1)/n [1].

    About ``1 + 0.8086 n^(-2/3)``: a little beyond full compression, worth a factor 2.3 in power at n = 79.

    Examples
    --------
    >>> round(best_compression(79), 4)
    1.0441
    """
    n = harmonic_number(harmonic)
    return float(scipy.special.jnp_zeros(n, 1)[0]) / n


def length_for_bunching(harmonic: int, wavelength: float, bunching: float) -> float:
    """Return the rms smear that leaves |b_n| of a coasting beam at its best compression [m].

    Raises
    ------
    PhysicsError
        If |b_n| is above the peak of J_n: a coasting beam does not bunch more.

    Examples
    --------
    >>> round(length_for_bunching(79, 1064e-9, 0.1) * 1e9, 3)
    2.02
    """
    n, b, peak = harmonic_number(harmonic), positive("bunching", bunching), bessel_peak(harmonic)
    if b >= peak:
        raise PhysicsError(
            f"a coasting beam with one modulation has at most the peak of J_{n} = {peak:.5g} at harmonic {n}, not "
            f"{b:.5g}"
        )
    return math.sqrt(2.0 * math.log(peak / b)) * positive("wavelength", wavelength, "m") / (2.0 * math.pi * n)


@dataclass(frozen=True)
class CoupledStage:
    """A Gaussian beam on dispersion, one laser kick and a linear section, alpha = 0 at the modulator.

    The electron is at ``y = y_b + eta delta``, ``y' = y'_b + eta' delta`` and arrives at
    ``z + a1 y + a2 y' + r56 delta`` with the y' and delta that it has behind the kick. With ``g`` the part that does
    not depend on the phase,

        b_n = <exp(-i n k g) J_n-sum of [p_sin(x, y) sin(k z) + p_cos(x, y) cos(k z)]>,

    exact for the thin kick of an energy modulation (with a waist: its Panofsky-Wenzel kick too) or an angular one.

    Parameters
    ----------
    wavelength : laser wavelength [m].
    amplitude : peak relative momentum modulation on axis [1].
    angular_chirp : t of an angular modulation ``y' += (t/k) sin(k z)``, ``delta += t y cos(k z)`` [1/m].
    r56 : path per relative momentum [m].
    a1, a2 : path per position [1] and per angle [m].
    emittance, beta : of the coupled plane at the modulator [m rad, m].
    eta, eta_prime : its dispersion there [m, 1].
    sigma_delta : rms momentum spread [1].
    smear : rms of independent path smears [m].
    sigma_z : rms microbunch length in front of the modulator [m]; None for a coasting beam.
    waist : w0 of the laser [m]; None for a wide one.
    sigma_x : rms size in the other plane [m].
    second : q of the modulation ``A [sin(k z) + q sin(2 k z)]`` on axis [1].
    """

    wavelength: float
    amplitude: float = 0.0
    angular_chirp: float = 0.0
    r56: float = 0.0
    a1: float = 0.0
    a2: float = 0.0
    emittance: float = 0.0
    beta: float = 1.0
    eta: float = 0.0
    eta_prime: float = 0.0
    sigma_delta: float = 0.0
    smear: float = 0.0
    sigma_z: float | None = None
    waist: float | None = None
    sigma_x: float = 0.0
    second: float = 0.0

    def __post_init__(self) -> None:
        positive("wavelength", self.wavelength, "m")
        not_negative("amplitude", self.amplitude)
        for name, unit in (("emittance", "m rad"), ("sigma_delta", "1"), ("smear", "m"), ("sigma_x", "m")):
            not_negative(name, getattr(self, name), unit)
        positive("beta_mod", self.beta, "m")
        if self.sigma_z is not None:
            positive("sigma_z", self.sigma_z, "m")
        if self.waist is not None:
            positive("waist", self.waist, "m")
        for name in ("angular_chirp", "r56", "a1", "a2", "eta", "eta_prime", "second"):
            finite(name, getattr(self, name))

    @property
    def r56_leak(self) -> float:
        """a . D + r56, path per incoming momentum [m]."""
        return self.a1 * self.eta + self.a2 * self.eta_prime + self.r56

    @property
    def h_rad(self) -> float:
        """H_rad = beta a1^2 + a2^2/beta [m]."""
        return self.beta * self.a1**2 + self.a2**2 / self.beta

    @property
    def sigma_y(self) -> float:
        """Rms size in the coupled plane at the modulator [m]."""
        return math.hypot(math.sqrt(self.emittance * self.beta), self.eta * self.sigma_delta)

    @property
    def linear_length(self) -> float:
        """Rms of g: sqrt(eps H_rad + (leak sigma_delta)^2 + smear^2) [m]."""
        variance = self.emittance * self.h_rad + (self.r56_leak * self.sigma_delta) ** 2 + self.smear**2
        return math.sqrt(variance)

    def bunching(self, harmonic: int, partner: bool = True) -> float:
        """Return |b_n| [1]; without `partner` the kick that Panofsky and Wenzel add to the wanted one is left out."""
        n, k = harmonic_number(harmonic), 2.0 * math.pi / self.wavelength
        needs_partner = partner and self.angular_chirp != 0.0 and self.r56 != 0.0 and self.sigma_y > 0.0
        if self.waist is None and not needs_partner:
            path = self.r56 * self.amplitude + self.a2 * self.angular_chirp / k
            return kicked_bunching(n, self.wavelength, path, self.linear_length, self.sigma_z, second=self.second)
        w0 = _WIDE * self.sigma_y if self.waist is None else self.waist
        nodes = profile_nodes(w0, self.sigma_x, self.sigma_y)
        y, share = nodes.y, nodes.share
        angle = self.angular_chirp / k * share * (1.0 - 2.0 * (y / w0) ** 2)
        p_sin = self.r56 * self.amplitude * share + self.a2 * angle
        p_cos = np.zeros_like(share)
        if partner:
            gain, kick = self.angular_chirp * y * share, 2.0 * self.amplitude * y * share / (k * w0 * w0)
            p_cos = self.r56 * gain + self.a2 * kick
        # the sign stays with the size: the second harmonic knows it
        sign = np.where(p_sin < 0.0, -1.0, 1.0)
        factors = kicked_phase_factor(
            n, self.wavelength, sign * np.hypot(p_sin, p_cos), self.sigma_z,
            phase=np.arctan2(sign * p_cos, sign * p_sin), second=self.second * share,
        )  # fmt: skip
        # of g, the part that goes with y, and what is left
        with_y = self.a1 * self.emittance * self.beta + self.r56_leak * self.eta * self.sigma_delta**2
        slope = with_y / self.sigma_y**2 if self.sigma_y else 0.0
        rest = math.sqrt(max(0.0, self.linear_length**2 - (slope * self.sigma_y) ** 2))
        turns = np.exp(-1j * n * k * slope * y)
        return abs(complex(nodes.weight @ (factors * turns))) * gaussian_bunching(rest, self.wavelength / n)

    def sigma(self) -> NDArray[np.float64]:
        """Return the covariance (6, 6) in front of the modulator; `smear` sits in the horizontal angle."""
        spread, out = self.sigma_delta**2, np.zeros((6, 6))
        d = np.array([self.eta, self.eta_prime])
        out[0, 0], out[1, 1] = self.sigma_x**2, (self.smear / SMEAR_LEVER) ** 2
        out[2:4, 2:4] = self.emittance * np.diag([self.beta, 1.0 / self.beta]) + spread * np.outer(d, d)
        out[2:4, 5] = out[5, 2:4] = d * spread
        out[4, 4], out[5, 5] = (self.sigma_z or 0.0) ** 2, spread
        return out

    def elements(self) -> tuple[Element, ...]:
        """Return the laser kick MOD (and MOD_2K) and the section SECTION of the thin model."""
        section = coupling("SECTION", x=(0.0, SMEAR_LEVER), y=(self.a1, self.a2), r56=self.r56)
        if not self.angular_chirp:
            return *modulation(self.wavelength, self.amplitude, self.second, self.waist), section
        laser = ThinLaser(
            name="MOD",
            laser_wavelength=self.wavelength,
            laser_phase=0.25,
            amplitude=self.amplitude,
            gradient=self.angular_chirp,
            waist=self.waist or 0.0,
        )
        return laser, section


def check_below(wanted: float, ceiling: float, words: str) -> None:
    """Raise PhysicsError if a wanted |b| is not below what `words` say can be had at most."""
    if wanted >= ceiling:
        raise PhysicsError(f"{words} = {ceiling:.5g}, not {wanted:.5g}; ask for less bunching or a lower harmonic")


def least_modulation(excess: Callable[[float], float], wanted: float) -> float:
    """Return the log of the least A = amplitude/sigma_delta at which the excess over the wanted bunching is zero.

    Parameters
    ----------
    excess : of log A; it grows with A.
    wanted : |b| for the message of the PhysicsError if the largest A, 1e5, is not enough, or the least, 1e-3, too much.
    """
    low, high = math.log(_LEAST), math.log(_MOST)
    if excess(high) < 0.0:
        raise PhysicsError(
            f"|b| = {wanted:.5g} needs a modulation above {_MOST:g} times the spread: so near to the limit"
        )
    if excess(low) > 0.0:
        raise PhysicsError(f"|b| = {wanted:.5g} needs a modulation below {_LEAST:g} times the spread: ask for more")
    return float(scipy.optimize.root_scalar(excess, bracket=(low, high), method="brentq", xtol=1e-12).root)
