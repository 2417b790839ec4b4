"""Direct harmonics of the micro-bucket: the beam that lives in the bucket of a laser, without any further compression.

References
----------
D. F. Ratner, A. W. Chao, Phys. Rev. Lett. 105, 154801 (2010), doi:10.1103/PhysRevLett.105.154801.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy

from ssmb.arguments import checked
from ssmb.beam import Beam, Reference
from ssmb.beam.bunching import bunching_factor
from ssmb.beam.closed_form import boltzmann_bunching
from ssmb.buckets.micro_bucket import LINEAR_STABILITY_LIMIT, MicroBucket
from ssmb.elements.thin_chicane import ThinChicane
from ssmb.elements.thin_laser import ThinLaser
from ssmb.errors import PhysicsError, ValidityWarning, warn
from ssmb.lattice import Lattice
from ssmb.ranges import count, harmonic_number, positive, share
from ssmb.ring_models import RingParameters, ring_model_from_parameters
from ssmb.schemes.base import QUIET_PARTICLES, Scheme, scheme
from ssmb.schemes.beamlines import Parts
from ssmb.schemes.given import Given
from ssmb.schemes.modulator import Modulator
from ssmb.schemes.quadrature import normal_rule
from ssmb.schemes.thin import line
from ssmb.tracking import track

#: energy loss per turn of the ring model over the energy; it counts only where radiation is tracked
_LOSS = 5e-6
#: logarithms of half the depth over the temperature between which a bucket is looked for
_BUCKETS = (-20.0, 20.0)
#: K_s from which global chaos spreads in the bucket (Chirikov, Greene)
CHAOS_LIMIT = 0.97


@checked
@scheme("micro_bucket")
@dataclass(frozen=True)
class MicroBucketHarmonics(Scheme):
    """Boltzmann distribution in the cosine bucket of one modulator: ``b_n = captured I_n(kappa)/I_0(kappa)``.

    Parameters
    ----------
    reference : reference particle.
    wavelength : laser wavelength [m].
    slip_factor : eta = alpha_c - 1/gamma^2 [1], either sign.
    circumference : C [m].
    amplitude : A, peak relative momentum modulation per turn [1].
    sigma_delta : rms momentum spread of the equilibrium [1].
    captured : share of the beam that lives in the buckets; the rest is not bunched [1].

    Notes
    -----
    Validity: small synchrotron tune. At the half-turn point opposite to the thin kick the bunch is shorter than the
    smooth one by the factor (1 - K_s/4)^(1/4); :meth:`departure` is what this does to b_n, to first order in K_s.

    Examples
    --------
    >>> scheme = MicroBucketHarmonics.examples()[0]
    >>> round(scheme.bunching(5), 4)
    0.2391
    """

    reference: Reference
    wavelength: float
    slip_factor: float
    circumference: float
    amplitude: float
    sigma_delta: float
    captured: float = 1.0

    title: ClassVar[str] = "harmonics of the micro-bucket itself"
    references: ClassVar[tuple[str, ...]] = (
        "D. F. Ratner, A. W. Chao, Phys. Rev. Lett. 105, 154801 (2010), doi:10.1103/PhysRevLett.105.154801",
    )
    thin_turns: ClassVar[int] = 10

    def __post_init__(self) -> None:
        positive("sigma_delta", self.sigma_delta)
        share("captured", self.captured)
        self.bucket()

    def bucket(self) -> MicroBucket:
        """Return the bucket."""
        return MicroBucket(self.wavelength, self.slip_factor, self.circumference, self.amplitude)

    @property
    def kappa(self) -> float:
        """A/(k |eta| C sigma_delta^2), half the bucket depth over the temperature [1]."""
        return self.bucket().kappa(self.sigma_delta)

    def bunching(self, harmonic: int) -> float:
        """Return |b_n| at the harmonic n of the laser [1]."""
        return self.captured * boltzmann_bunching(self.kappa, harmonic)

    def departure(self, harmonic: int) -> float:
        """Return the change of |b_n| by the finite synchrotron tune [1]: ``b_n (n k sigma_z)^2 K_s/8``, twice the
        linear one.

        A smooth beam in the thin-kick bucket is mismatched, so that its length beats between one and two such steps.
        """
        n, bucket = harmonic_number(harmonic), self.bucket()
        phase = n * bucket.wavenumber * bucket.sigma_z(self.sigma_delta)
        return self.bunching(n) * phase * phase * bucket.k_std / 8.0

    def thin_line(self) -> Lattice:
        """Return one turn: half of the slip, the kick, half of the slip; the radiator is opposite to the kick."""
        half = -0.5 * self.slip_factor * self.circumference
        laser = ThinLaser(name="MOD", laser_wavelength=self.wavelength, amplitude=self.amplitude)
        return line(
            (ThinChicane(name="SLIP1", r56=half), laser, ThinChicane(name="SLIP2", r56=half)), self.reference, self.name
        )

    def tracked_bunching(self, harmonics: Sequence[int], beam: Beam | None = None) -> np.ndarray:
        """Return |b| of the whole beam: the captured part is tracked, the rest counts as unbunched, see
        :class:`Scheme`.
        """
        return self.captured * super().tracked_bunching(harmonics, beam)

    def sigma(self) -> np.ndarray:
        """Return the covariance of the captured beam in one bucket; its distribution in z is Boltzmann's, not
        Gaussian.
        """
        phi = 2.0 * math.pi * (np.arange(4096) + 0.5) / 4096 - math.pi
        density = np.exp(self.kappa * (np.cos(phi) - 1.0))
        k = 2.0 * math.pi / self.wavelength
        sigma_z2 = float((density @ phi**2) / density.sum()) / (k * k)
        return np.diag([0.0, 0.0, 0.0, 0.0, sigma_z2, self.sigma_delta**2])

    def beam(self, n: int = QUIET_PARTICLES, seed: int = 1) -> Beam:
        """Return a quiet start of the captured beam: z from the inverse of Boltzmann's distribution over one
        wavelength.
        """
        made = Beam.coasting(
            self.reference, np.diag([0.0, 0.0, 0.0, 0.0, 0.0, self.sigma_delta**2]), wavelength=1.0, n=n, charge=1e-12,
            seed=seed,
        )  # fmt: skip
        phi = np.linspace(-math.pi, math.pi, 200_001)
        density = np.exp(self.kappa * (np.cos(phi) - 1.0))
        step = 0.5 * (density[1:] + density[:-1])
        total = np.concatenate(([0.0], np.cumsum(step))) / step.sum()
        rows = made.coordinates
        rows[4] = np.interp(rows[4] + 0.5, total, phi) * self.wavelength / (2.0 * math.pi) + self.bucket().centre
        return made

    def quadrature(self, nodes: int = 12, more: Mapping[str, int] | None = None) -> Beam:
        """Return weighted particles on a grid of z and delta; see :meth:`Scheme.quadrature`."""
        own = dict(more or {})
        n = own.get("z", 512)
        phi = 2.0 * math.pi * ((np.arange(n) + 0.5) / n - 0.5)
        density = np.exp(self.kappa * (np.cos(phi) - 1.0))
        t, w = normal_rule(own.get("delta", 401))
        rows = np.zeros((6, n * t.size))
        rows[4] = np.repeat(phi * self.wavelength / (2.0 * math.pi) + self.bucket().centre, t.size)
        rows[5] = np.tile(t * self.sigma_delta, n)
        return Beam(self.reference, rows, np.outer(density / density.sum(), w).ravel())

    def parts(self, modulator: Modulator | None = None, *, thick: bool = False) -> Parts:
        """Raise PhysicsError: a ring is not a line of parts; see :meth:`beamline`."""
        raise PhysicsError(
            f"{self.title}: a ring, whose path terms are those of its turn: see beamline() and ssmb.buckets.losses"
        )

    def beamline(self, modulator: Modulator | None = None, *, thick: bool = False) -> Lattice:
        """Return a ring with this slip and the undulator and laser of this amplitude, beginning in the middle of the
        undulator.

        It is a ring model of numbers (:func:`ssmb.ring_models.ring_model_from_parameters`), in which light is one kick.
        Its tunes and beta functions are assumed, it has no dispersion, and it radiates as the equilibrium of
        sigma_delta asks for.

        Raises
        ------
        PhysicsError
            With `thick`: the scheme says nothing of the ring's magnets. Track a ring of them, such as
            lattices/ssmb_400mev_ring.pals.yaml.
        """
        if thick:
            raise PhysicsError(
                "a bucket of numbers has no thick modulator: track a ring of magnets, such as "
                "lattices/ssmb_400mev_ring.pals.yaml"
            )
        und = self._modulator(modulator)
        lit = und.wiggler("MOD", amplitude=self.amplitude, thick=False)
        ring = RingParameters(
            self.circumference,
            self.slip_factor,
            sigma_delta=self.sigma_delta,
            energy_loss=_LOSS * self.reference.energy,
        )
        return ring_model_from_parameters(ring, lit, self.reference, name=self.name)

    def beamline_bunching(
        self,
        harmonics: Sequence[int],
        modulator: Modulator | None = None,
        *,
        thick: bool = False,
        n: int = 2**16,
        seed: int = 1,
        beam: Beam | None = None,
        turns: int | None = None,
    ) -> np.ndarray:
        """Return |b| opposite to the modulator after many turns of the ring, shape of `harmonics` [1]; see
        :class:`Scheme`.

        Parameters
        ----------
        harmonics, modulator, thick, n, seed : as for :meth:`Scheme.beamline_bunching`.
        beam : beam opposite to the modulator; default :meth:`beam`.
        turns : default a quarter of a synchrotron period, in which the whole bucket turns over once.
        """
        orders = np.array([harmonic_number(h) for h in harmonics])
        passes = max(1, round(0.25 / self.bucket().tune)) if turns is None else count("turns", turns)
        start = self.beam(n, seed) if beam is None else Beam(beam.reference, beam.coordinates.copy(), beam.weight)
        half = 0.5 * self.slip_factor * self.circumference
        start.coordinates[4] -= half * start.coordinates[5]
        end = track(self.beamline(modulator, thick=thick), start, passes).beam
        z = end.coordinates[4] + half * end.coordinates[5]
        return self.captured * np.abs(bunching_factor(z, self.wavelength / orders, end.weight))

    @classmethod
    def design(cls, harmonic: int, bunching: float, given: Given) -> MicroBucketHarmonics:
        """Return the bucket of the slip and spread given that is deep enough."""
        n, b = harmonic_number(harmonic), positive("bunching", bunching)
        if b >= 1.0:
            raise PhysicsError(f"no bucket bunches to |b| = {b:.5g}; it must be below 1")
        least, most = (boltzmann_bunching(math.exp(v), n) for v in _BUCKETS)
        if not least < b < most:
            raise PhysicsError(
                f"no micro-bucket is looked for that bunches to |b_{n}| = {b:.5g}; it must be between {least:.3g} and "
                f"{most:.6g}"
            )
        found = scipy.optimize.root_scalar(
            lambda v: boltzmann_bunching(math.exp(v), n) - b, bracket=_BUCKETS, method="brentq", xtol=1e-13
        )
        kappa = math.exp(found.root)
        slip = abs(given.slip_length)
        amplitude = kappa * given.wavenumber * slip * given.sigma_delta**2
        k_std = given.wavenumber * slip * amplitude
        if k_std >= LINEAR_STABILITY_LIMIT:
            raise PhysicsError(
                f"the bucket would need K_s = {k_std:.4g}, beyond the stability limit {LINEAR_STABILITY_LIMIT:g}; "
                "a smaller slip length or spread is needed"
            )
        if k_std > CHAOS_LIMIT:
            warn(
                f"the bucket needs K_s = {k_std:.4g}: above {CHAOS_LIMIT:g} much of its area is chaotic and the "
                f"Boltzmann "
                "form does not hold",
                ValidityWarning,
            )
        return cls(given.reference, given.wavelength, given.slip_length, 1.0, amplitude, given.sigma_delta)

    @classmethod
    def examples(cls) -> list[MicroBucketHarmonics]:
        """Return cases for the contract tests: a slow bucket, one of negative slip, and one with a synchrotron tune of
        0.03.
        """
        ring, k = Reference(energy=400e6), 2.0 * math.pi / 1064e-9

        def bucket(k_std: float, sign: float, captured: float) -> MicroBucketHarmonics:
            slip = 1e-5
            amplitude = k_std / (k * slip)
            spread = math.sqrt(amplitude / (k * slip * 9.0))
            return cls(ring, 1064e-9, sign * slip / 100.0, 100.0, amplitude, spread, captured)

        return [bucket(5e-4, 1.0, 1.0), bucket(5e-4, -1.0, 0.8), bucket(0.04, 1.0, 1.0)]
