"""The micro-bucket: one thin sinusoidal energy kick per turn and a slip, the standard map in laboratory units.

One turn is ``delta += A sin(k z + 2 pi phase) - energy_loss``, then ``z -= C (eta0 delta + eta1 delta^2 + eta2
delta^3)``: the slip factors are those of :class:`ssmb.dynamics.Optics`, coefficients of the revolution time over
itself. (The velocity of the electron, by which z differs from that time, adds delta/gamma^2 of the slip and is left
out.)

For eta0 > 0 the main bucket is centred at the rising zero of the kick, for eta0 < 0 half a wavelength away; an energy
loss moves the centre by the synchronous phase. Where the slip has more zeros, eta0 + eta1 delta + eta2 delta^2 = 0,
more buckets sit there (alpha-buckets).

Smooth forms (Hamiltonian, separatrix, area, tune against amplitude, Boltzmann distribution) hold for a small
synchrotron tune. The thin-kick forms (tune, beta_z) hold for the linear map up to its stability limit K_s = 4, but
chaos takes over long before: the stable area falls to 0.98, 0.78, 0.41 of the smooth separatrix at K_s = 0.5, 1, 2.

References
----------
B. V. Chirikov, Phys. Rep. 52, 263 (1979), doi:10.1016/0370-1573(79)90023-1.
X. J. Deng et al., Phys. Rev. Accel. Beams 24, 094001 (2021), doi:10.1103/PhysRevAccelBeams.24.094001.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.beam.closed_form import boltzmann_bunching
from ssmb.beam.folding import fold
from ssmb.buckets.lifetime import bucket_lifetime, pendulum_lifetime, sands_lifetime
from ssmb.buckets.shape import Bucket, FixedPoint, real_roots
from ssmb.buckets.standard_map import LINEAR_STABILITY_LIMIT, bound_area, standard_map_island
from ssmb.errors import PhysicsError, ValidityWarning, warn
from ssmb.quantity import quantity
from ssmb.ranges import count, finite, not_negative, not_zero, positive

__all__ = ["LINEAR_STABILITY_LIMIT", "MicroBucket", "pendulum_lifetime", "sands_lifetime", "standard_map_island"]


@checked
@dataclass(frozen=True)
class MicroBucket:
    """Bucket of a thin laser modulator in a ring.

    Raises
    ------
    ConfigError
        Numbers out of range.
    PhysicsError
        The laser cannot replace the loss.

    Examples
    --------
    >>> bucket = MicroBucket(wavelength=1064e-9, slip_factor=1e-6, circumference=100.0, amplitude=4.2e-4)
    >>> round(bucket.k_std, 3), round(bucket.tune, 4)
    (0.248, 0.0801)
    >>> [(round(p.z*1e9), p.delta, p.stable) for p in bucket.fixed_points()]
    [(0, 0.0, True), (532, 0.0, False)]
    """

    wavelength: float = quantity("m", "laser wavelength")
    slip_factor: float = quantity("1", "slip factor eta0 = alpha_c - 1/gamma^2, either sign, not zero")
    circumference: float = quantity("m", "circumference")
    amplitude: float = quantity("1", "peak relative energy modulation per turn A")
    slip_factor2: float = quantity("1", "eta1, coefficient of delta^2 of the slip", default=0.0)
    slip_factor3: float = quantity("1", "eta2, coefficient of delta^3 of the slip", default=0.0)
    energy_loss: float = quantity(
        "1",
        "relative energy per turn that the laser has to replace, below the amplitude; what an RF cavity or an "
        "induction cell replaces does not count",
        default=0.0,
    )
    phase: float = quantity("2pi", "laser phase; 0 for the kick A sin(k z)", default=0.0)

    def __post_init__(self) -> None:
        positive("wavelength", self.wavelength, "m")
        not_zero("slip_factor", self.slip_factor)
        positive("circumference", self.circumference, "m")
        positive("amplitude", self.amplitude)
        finite("slip_factor2", self.slip_factor2)
        finite("slip_factor3", self.slip_factor3)
        finite("phase", self.phase, "2 pi")
        self.synchronous_phase()

    @property
    def wavenumber(self) -> float:
        """Laser wavenumber k [1/m]."""
        return 2.0 * math.pi / self.wavelength

    @property
    def slip_length(self) -> float:
        """|eta0| C, path per relative momentum and turn [m]."""
        return abs(self.slip_factor) * self.circumference

    def synchronous_phase(self, energy_loss: float | None = None) -> float:
        """Return the phase at which the laser replaces a relative energy loss per turn [rad].

        ``arcsin(loss/A)``, counted from the zero crossing towards the energy-gaining side.

        Parameters
        ----------
        energy_loss : loss per turn over the beam energy [1]; that of the bucket if left out.

        Raises
        ------
        PhysicsError
            If the laser cannot replace the loss.
        """
        ratio = finite("energy_loss", self.energy_loss if energy_loss is None else energy_loss) / self.amplitude
        if abs(ratio) >= 1.0:
            raise PhysicsError(
                f"a laser of amplitude {self.amplitude:.4g} cannot replace a relative loss of "
                f"{ratio * self.amplitude:.4g} a turn; raise the modulation or let an RF cavity or an induction cell "
                "replace the energy"
            )
        return math.asin(ratio)

    # ------------------------------------------------------------------ fixed points and buckets

    @cached_property
    def main(self) -> Bucket:
        """The bucket about delta = 0."""
        return self._bucket_at(0.0)

    def buckets(self) -> tuple[Bucket, ...]:
        """Return the main bucket and the alpha-buckets at the other zeros of the slip with |delta| < 1."""
        return (self.main, *(self._bucket_at(delta) for delta in self._slip_zeros()))

    def fixed_points(self) -> tuple[FixedPoint, ...]:
        """Return the stable and unstable fixed points of one wavelength, by delta and then z.

        At each zero of the slip there are two: bound motion where the signs of slip and of the laser's slope agree.

        >>> ring = MicroBucket(1064e-9, 1e-6, 100.0, 1e-6, slip_factor2=-1e-3)
        >>> [(round(p.z*1e9), round(p.delta, 9), p.stable) for p in ring.fixed_points()]
        [(0, 0.0, True), (532, 0.0, False), (0, 0.001, False), (532, 0.001, True)]
        """
        found = []
        for delta in (0.0, *self._slip_zeros()):
            rising = self._slip_slope(delta) > 0.0
            found += [FixedPoint(self._zero_of_kick(up), delta, up == rising) for up in (True, False)]
        return tuple(sorted(found, key=lambda point: (point.delta, point.z)))

    def _slip_zeros(self) -> tuple[float, ...]:
        """Values of delta != 0 without slip."""
        roots = real_roots(self.slip_factor, self.slip_factor2, self.slip_factor3)
        return tuple(r for r in roots if abs(r) < 1.0)

    def _slip_slope(self, delta: float) -> float:
        """C (eta0 + 2 eta1 delta + 3 eta2 delta^2) [m]."""
        slope = self.slip_factor + delta * (2.0 * self.slip_factor2 + delta * 3.0 * self.slip_factor3)
        return self.circumference * slope

    def _zero_of_kick(self, rising: bool) -> float:
        """Place where kick and loss cancel, on the rising or falling side, in (-lambda/2, lambda/2] [m]."""
        synchronous = self.synchronous_phase()
        angle = (synchronous if rising else math.pi - synchronous) - 2.0 * math.pi * math.remainder(self.phase, 1.0)
        return -float(fold(-angle / self.wavenumber, self.wavelength)[0])

    def _bucket_at(self, delta: float) -> Bucket:
        slope = self._slip_slope(delta)
        sign = math.copysign(1.0, slope)
        third = self.circumference * (self.slip_factor2 + 3.0 * self.slip_factor3 * delta) / 3.0
        fourth = self.circumference * self.slip_factor3 / 4.0
        return Bucket(
            z=self._zero_of_kick(sign > 0.0),
            delta=delta,
            wavelength=self.wavelength,
            depth=self.amplitude / self.wavenumber,
            phase=sign * self.synchronous_phase(),
            slip=(0.5 * sign * slope, sign * third, sign * fourth),
        )

    @property
    def centre(self) -> float:
        """z of the stable fixed point [m]; without loss and phase 0 for eta0 > 0, half a wavelength for eta0 < 0."""
        return self.main.z

    # ------------------------------------------------------------------ linear motion

    @property
    def k_std(self) -> float:
        """Parameter of the standard map, K_s = k |eta0| C A [1]."""
        return self.wavenumber * self.slip_length * self.amplitude

    @property
    def focusing(self) -> float:
        """K_s times the cosine of the synchronous phase, which is what the linear motion sees [1]."""
        return self.k_std * math.cos(self.synchronous_phase())

    @property
    def tune(self) -> float:
        """Small-amplitude synchrotron tune of the thin kick, arccos(1 - K_s/2)/(2 pi) [2 pi].

        Raises PhysicsError beyond the linear stability limit K_s = 4. With a loss :attr:`focusing` stands for K_s.
        """
        if self.focusing >= LINEAR_STABILITY_LIMIT:
            raise PhysicsError(
                f"the micro-bucket is unstable: K_s = k |eta| C A = {self.focusing:.4g} is not below "
                f"{LINEAR_STABILITY_LIMIT:g}; lower the modulation or the slip factor"
            )
        # same as arccos(1 - K/2)/(2 pi), without its loss of digits at small K
        return math.asin(0.5 * math.sqrt(self.focusing)) / math.pi

    @property
    def smooth_tune(self) -> float:
        """Small-amplitude tune of the continuous potential, sqrt(K_s)/(2 pi) [2 pi]."""
        return math.sqrt(self.focusing) / (2.0 * math.pi)

    @property
    def beta_z_kick(self) -> float:
        """Longitudinal beta function in the middle of the kick, |eta| C/sin(2 pi nu) [m]."""
        return self.slip_length / math.sin(2.0 * math.pi * self.tune)

    @property
    def beta_z_opposite(self) -> float:
        """Smallest beta function, half a turn from the kick, (|eta| C/2) cot(pi nu) [m]."""
        return 0.5 * self.slip_length / math.tan(math.pi * self.tune)

    def sigma_z(self, sigma_delta: float) -> float:
        """Matched rms length in the smooth linear bucket, sigma_delta sqrt(|eta| C/(k A)) [m]."""
        slope = self.wavenumber * self.amplitude * math.cos(self.synchronous_phase())
        return not_negative("sigma_delta", sigma_delta) * math.sqrt(self.slip_length / slope)

    def thin_sigma_z(self, sigma_delta: float, *, opposite: bool = False) -> float:
        """Equilibrium rms length of the thin linear map in the middle of the kick, or half a turn from it [m].

        ``sigma_delta sqrt(<beta_z> beta_z)``, photons spread evenly over the slip, ``<beta_z> = (beta_z_kick + 2
        beta_z_opposite)/3``. Tends to :meth:`sigma_z` for a small tune. For photons at other places, or more
        modulators: :class:`ssmb.buckets.LongitudinalRing`.

        Parameters
        ----------
        sigma_delta : rms momentum spread of the ring without the laser [1].
        opposite : half a turn from the kick.

        >>> bucket = MicroBucket(1064e-9, 1e-6, 100.0, 4.2e-4)
        >>> [round(1e9 * bucket.thin_sigma_z(3.4e-4, opposite=place), 1) for place in (False, True)]
        [69.0, 66.8]
        """
        here, there = self.beta_z_kick, self.beta_z_opposite
        return not_negative("sigma_delta", sigma_delta) * math.sqrt(
            (here + 2.0 * there) / 3.0 * (there if opposite else here)
        )

    # ------------------------------------------------------------------ smooth Hamiltonian

    @property
    def half_height(self) -> float:
        """Half of the height of the smooth separatrix [1].

        ``2 sqrt(A/(k |eta| C))`` without loss and higher slip.
        """
        low, high = self.main.delta_range
        return 0.5 * (high - low)

    @property
    def area(self) -> float:
        """Area inside the smooth separatrix in (z, delta) [m]; 8 delta_half/k without loss and higher slip."""
        return self.main.area

    def tune_at(self, z_max: float) -> float:
        """Smooth tune of an oscillation that turns at the distance `z_max` [m] from the centre [2 pi].

        Without loss and higher slip ``nu_0 pi/(2 K(m))``, m = sin^2(k z_max/2), with the complete elliptic integral K.
        With a loss a negative z_max, a turning point behind the centre, means another orbit.

        Raises PhysicsError on or beyond the separatrix (half a wavelength without loss).

        >>> bucket = MicroBucket(1064e-9, 1e-6, 100.0, 4.2e-4)
        >>> round(bucket.tune_at(266e-9)/bucket.smooth_tune, 4)
        0.8472
        """
        low, high = (end - self.centre for end in self.main.z_range)
        if finite("z_max", z_max, "m") == 0.0:
            return self.smooth_tune
        if not low < z_max < high:
            raise PhysicsError(f"z_max = {z_max!r} m is not inside the bucket, which ends at {low:g} and {high:g} m")
        return self.main.tune(float(self.main.well_z(z_max)))

    def hamiltonian(self, z: ArrayLike, delta: ArrayLike) -> NDArray[np.float64]:
        """Smooth invariant per turn [m], zero at the main fixed point; z is taken in its own bucket.

        ``(|eta| C/2) delta^2 + (2 A/k) sin^2(k (z - centre)/2)`` without loss and higher slip. In general
        ``+-(C (eta0 delta^2/2 + eta1 delta^3/3 + eta2 delta^4/4) - (A/k) cos(k z + 2 pi phase) - loss z)``, the sign
        that of eta0. The separatrix of the main bucket is at :attr:`separatrix_level`.
        """
        low, high = self.main.barriers_z
        z_in = fold(z, self.wavelength, self.centre + 0.5 * (low + high))[0]
        return self.main.well_z(z_in - self.centre) + self.main.well_delta(delta)

    @property
    def separatrix_level(self) -> float:
        """Value of :meth:`hamiltonian` on the separatrix, 2 A/k without loss and higher slip [m]."""
        return self.main.level

    def separatrix(self, points: int = 201, *, lower: bool = False) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (z [m], delta [1]) of the upper or lower branch of the main separatrix.

        Without higher slip the lower branch is (z, -delta). Closed curves of all buckets: ``b.outline()`` for b in
        :meth:`buckets`.
        """
        return self.main.branch(points, lower=lower)

    def inside(self, z: ArrayLike, delta: ArrayLike) -> NDArray[np.bool_]:
        """Return whether each particle is inside the separatrix of the main bucket of its own wavelength.

        >>> bucket = MicroBucket(1064e-9, 1e-6, 100.0, 4.2e-4)
        >>> bucket.inside([0.0, 532e-9, 1064e-9], [1e-3, 1e-3, -2e-3]).tolist()
        [True, False, False]
        """
        return self.main.inside(z, delta)

    # ------------------------------------------------------------------ beam in the bucket

    def kappa(self, sigma_delta: float) -> float:
        """Half the bucket depth over the temperature, A/(k |eta| C sigma_delta^2) = (delta_half/(2 sigma_delta))^2
        [1].
        """
        return self.amplitude / (self.wavenumber * self.slip_length * positive("sigma_delta", sigma_delta) ** 2)

    def bunching(self, harmonic: int, sigma_delta: float) -> float:
        """Return b_n of the Boltzmann distribution with the rms momentum spread `sigma_delta` [1].

        Warns (ValidityWarning) for a bucket with loss or higher slip, to which the closed form does not belong.
        """
        if self.slip_factor2 or self.slip_factor3 or self.energy_loss:
            warn(
                "b_n of the cosine bucket: loss and higher slip of this bucket are left out; track a beam to have them",
                ValidityWarning,
            )
        return boltzmann_bunching(self.kappa(sigma_delta), harmonic)

    def captured_fraction(self, sigma_delta: float) -> float:
        """Share of a coasting Gaussian beam that lies inside the smooth separatrix [1].

        >>> bucket = MicroBucket(1064e-9, 1e-6, 100.0, 4.2e-4)
        >>> round(bucket.captured_fraction(bucket.half_height/2), 3)
        0.716
        """
        return self.main.share_of_coasting(sigma_delta)

    def depth(self, sigma_delta: float) -> float:
        """Return xi, depth of the bucket over twice the temperature [1].

        ``delta_half^2/(2 sigma_delta^2)`` without loss and higher slip; level/(|eta0| C sigma_delta^2) in general.
        """
        return self.main.level / (self.slip_length * positive("sigma_delta", sigma_delta) ** 2)

    def lifetime(self, sigma_delta: float) -> float:
        """Return the quantum lifetime over the amplitude damping time by first passage, for any shape [1].

        Times 1/alpha it is in turns. :func:`ssmb.buckets.lifetime.pendulum_lifetime` without loss and higher slip,
        where :func:`ssmb.buckets.lifetime.sands_lifetime` is the textbook form.

        >>> bucket = MicroBucket(1064e-9, 1e-6, 100.0, 4.2e-4)
        >>> round(bucket.lifetime(bucket.half_height / 20**0.5))
        1067
        """
        if self.slip_factor2 == self.slip_factor3 == self.energy_loss == 0.0:
            return pendulum_lifetime(self.depth(sigma_delta))
        return bucket_lifetime(self.main, sigma_delta)

    # ------------------------------------------------------------------ the map itself

    def turn(self, z: ArrayLike, delta: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return z and delta after one turn of the map, the kick first.

        The smooth separatrix belongs to the middle of the kick or of the slip, where the motion is the same forwards
        and backwards; before the kick it is sheared by half a kick.
        """
        q, d = np.asarray(z, dtype=float), np.asarray(delta, dtype=float)
        d = d + (self.amplitude * np.sin(self.wavenumber * q + 2.0 * math.pi * self.phase) - self.energy_loss)
        slip = d * (self.slip_factor + d * (self.slip_factor2 + d * self.slip_factor3))
        return q - self.circumference * slip, d

    def stable_area(self, turns: int = 3000, grid: int = 161) -> float:
        """Return the area in (z, delta) that stays in its bucket for `turns` turns of the exact map [m].

        The area is good to about 2/grid.
        """
        if self.slip_factor2 == self.slip_factor3 == self.energy_loss == 0.0:
            island = standard_map_island(self.k_std, turns, grid)
            return island / (self.wavenumber**2 * self.slip_length)
        turns, grid = count("turns", turns), count("grid", grid, at_least=10)
        ends = self.centre + self.main.barriers_z[0], self.centre + self.main.barriers_z[1]

        def turn(z: NDArray, delta: NDArray) -> tuple[NDArray, NDArray, NDArray[np.bool_]]:
            z, delta = self.turn(z, delta)
            return z, delta, (z > ends[0]) & (z < ends[1])

        low, high = self.main.delta_range
        margin = 0.1 * (high - low) + 0.5 * self.amplitude  # before the kick the island is sheared by half a kick
        return bound_area(turn, ends, (low - margin, high + margin), turns, grid)
