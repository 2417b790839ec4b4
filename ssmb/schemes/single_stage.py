"""Single-stage microbunching: one energy modulation, one dispersive section (HGHG, CHG, one turn of a ring).

With A = amplitude/sigma_delta and B = k r56 sigma_delta the bunching is ``J_n(n A B) exp(-(n B)^2/2)``: more modulation
is always better, and for each A there is one best B.

References
----------
L. H. Yu, Phys. Rev. A 44, 5178 (1991), doi:10.1103/PhysRevA.44.5178.
X. Deng et al., Nature 590, 576 (2021), doi:10.1038/s41586-021-03203-0 (one turn of a ring as the dispersive section).
X. Deng et al., Phys. Rev. Accel. Beams 23, 044002 (2020), doi:10.1103/PhysRevAccelBeams.23.044002.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import scipy

from ssmb.arguments import checked
from ssmb.beam import Reference
from ssmb.beam.closed_form import dispersion_smear, gaussian_bunching
from ssmb.elements import Drift
from ssmb.errors import PhysicsError
from ssmb.lattice import Lattice
from ssmb.ranges import LARGEST, count, finite, harmonic_number, not_negative, not_zero, positive
from ssmb.schemes.base import Scheme, scheme
from ssmb.schemes.beamlines import DRIFT_LENGTH, Parts, half_of, matched_chicane
from ssmb.schemes.given import Given
from ssmb.schemes.kicked import bessel_peak, check_below, kicked_phase_factor, least_modulation
from ssmb.schemes.modulator import Modulator
from ssmb.schemes.profile import profile_nodes
from ssmb.schemes.thin import SMEAR_LEVER, coupling, line, modulation

#: beta functions in the modulator of the beamline, in both planes [m]
_BEAMLINE_BETA = 5.0


@checked
@scheme("single_stage")
@dataclass(frozen=True)
class SingleStage(Scheme):
    """Coasting beam, ``delta += A sin(k z)``, then ``z += r56 delta`` (HGHG, CHG, one turn of a ring).

    ``|b_n| = |<J_n(n k r56 A(x, y))>| exp(-(n k)^2 [(r56_incoming sigma_delta)^2 + smear^2]/2)``

    Parameters
    ----------
    reference : reference particle.
    wavelength : laser wavelength [m].
    r56 : path per relative momentum gained in the modulator [m], > 0: higher energy arrives earlier. A full turn
        has -eta C (and a term of the leaking dispersion, see :meth:`one_turn`).
    amplitude : A, peak relative momentum modulation [1].
    sigma_delta : rms relative momentum spread of the incoming beam [1].
    smear : rms of a Gaussian path smear that does not depend on delta [m], such as 2 sqrt(eps H)|sin(pi nu)|.
    r56_incoming : path per relative momentum that the electron brought along [m]; None takes `r56`. The two
        differ where an incoming delta sits on a dispersion orbit and a fresh one does not.
    waist : w0 of the laser in the modulator [m]; None for a laser that is wide against the beam.
    sigma_x, sigma_y : rms sizes of the beam in the modulator [m]; they count with a waist.
    second : q of the modulation ``A [sin(k z) + q sin(2 k z)]``, from the slip inside a long modulator [1].

    Notes
    -----
    Validity: thin modulator, bunch long against the wavelength, linear path (second-order terms are smears or
    distortions of their own), no collective effects. With a waist the smear must not depend on the place of the
    electron in the modulator.

    Examples
    --------
    >>> ring = SingleStage.examples()[0]
    >>> [round(ring.bunching(n), 3) for n in (1, 2)]
    [0.386, 0.09]
    """

    reference: Reference
    wavelength: float
    r56: float
    amplitude: float
    sigma_delta: float
    smear: float = 0.0
    r56_incoming: float | None = None
    waist: float | None = None
    sigma_x: float = 0.0
    sigma_y: float = 0.0
    second: float = 0.0

    title: ClassVar[str] = "one modulation, one dispersive section (HGHG, CHG)"
    references: ClassVar[tuple[str, ...]] = (
        "L. H. Yu, Phys. Rev. A 44, 5178 (1991), doi:10.1103/PhysRevA.44.5178",
        "X. Deng et al., Nature 590, 576 (2021), doi:10.1038/s41586-021-03203-0",
    )

    def __post_init__(self) -> None:
        positive("wavelength", self.wavelength, "m")
        not_zero("r56", self.r56, "m")
        not_negative("amplitude", self.amplitude)
        not_negative("sigma_delta", self.sigma_delta)
        not_negative("smear", self.smear, "m")
        if self.r56_incoming is not None:
            finite("r56_incoming", self.r56_incoming, "m")
        finite("second", self.second)
        profile_nodes(self.waist, self.sigma_x, self.sigma_y)

    @classmethod
    def one_turn(
        cls,
        reference: Reference,
        wavelength: float,
        slip_factor: float,
        circumference: float,
        amplitude: float,
        sigma_delta: float,
        *,
        emittance: float = 0.0,
        h: float = 0.0,
        tune: float = 0.0,
        turns: int = 1,
    ) -> SingleStage:
        """Return the scheme whose dispersive section is `turns` whole turns of a ring without further kicks.

        Parameters
        ----------
        reference : reference particle.
        wavelength : laser wavelength [m].
        slip_factor : eta = alpha_c - 1/gamma^2 [1].
        circumference : C [m].
        amplitude : peak relative momentum modulation [1].
        sigma_delta : rms momentum spread [1].
        emittance : horizontal rms emittance [m rad].
        h : H_x at the modulator, which is also the radiator [m].
        tune : horizontal betatron tune [2 pi].
        turns : m [1].

        Notes
        -----
        A momentum kick at finite dispersion starts a betatron oscillation, so that its own path is
        ``-m eta C + H sin(2 pi m nu)`` and not ``-m eta C`` (from the symplectic condition of the one-turn matrix;
        1e-4 of the path at the MLS). The smear is ``2 sqrt(eps H)|sin(pi m nu)|``.
        """
        m = count("turns", turns)
        slip = -m * finite("slip_factor", slip_factor) * positive("circumference", circumference, "m")
        leak = not_negative("h", h, "m") * math.sin(2.0 * math.pi * m * finite("tune", tune, "2 pi"))
        smear = dispersion_smear(emittance, h, tune, m)
        return cls(reference, wavelength, slip + leak, amplitude, sigma_delta, smear, r56_incoming=slip)

    def bunching(self, harmonic: int) -> float:
        """Return |b_n| at the harmonic n of the laser [1]."""
        n = harmonic_number(harmonic)
        smear = math.hypot(self._incoming * self.sigma_delta, self.smear)
        nodes = profile_nodes(self.waist, self.sigma_x, self.sigma_y)
        path, second = self.r56 * self.amplitude * nodes.share, self.second * nodes.share
        factors = kicked_phase_factor(n, self.wavelength, path, second=second)
        return abs(complex(nodes.weight @ factors)) * gaussian_bunching(smear, self.wavelength / n)

    def thin_line(self) -> Lattice:
        """Return a laser kick and a section with `r56`; what smears is carried by the horizontal angle."""
        lasers = modulation(self.wavelength, self.amplitude, self.second, self.waist)
        section = coupling("SECTION", x=(0.0, SMEAR_LEVER), r56=self.r56)
        return line((*lasers, section), self.reference, self.name)

    def sigma(self) -> np.ndarray:
        """Return the covariance in front of the modulator: dispersion and smear in the horizontal angle."""
        slope, spread = (self._incoming - self.r56) / SMEAR_LEVER, self.sigma_delta**2
        sigma = np.diag([self.sigma_x**2, (self.smear / SMEAR_LEVER) ** 2, self.sigma_y**2, 0.0, 0.0, spread])
        sigma[1, 1] += slope * slope * spread
        sigma[1, 5] = sigma[5, 1] = slope * spread
        return sigma

    def with_best_amplitude(self, harmonic: int) -> SingleStage:
        """Return the same section with the modulation that maximises |b_n|: n k |r56| A at the first peak of J_n."""
        n = harmonic_number(harmonic)
        peak = float(scipy.special.jnp_zeros(n, 1)[0])
        return replace(self, amplitude=peak / (n * self._wavenumber * abs(self.r56)))

    def with_best_r56(self, harmonic: int) -> SingleStage:
        """Return the same modulation with the r56 (same sign) that maximises |b_n|; `r56_incoming` is set equal.

        Raises ConfigError if the amplitude is zero.
        """
        n = harmonic_number(harmonic)
        # with u = n k r56 A: maximise J_n(u) exp(-(u sigma/A)^2/2), whose peak lies below that of J_n
        ratio = self.sigma_delta / positive("amplitude", self.amplitude)
        peak = float(scipy.special.jnp_zeros(n, 1)[0])

        def log_slope(u: float) -> float:
            # J_n'/J_n by the ratio of neighbours, which has a limit where J_n itself is too small for a number
            own = float(scipy.special.jv(n, u))
            neighbour = float(scipy.special.jv(n + 1, u)) / own if own > 1e-280 else u / (2.0 * n + 2.0)
            return n / u - neighbour - u * ratio * ratio

        u = float(scipy.optimize.root_scalar(log_slope, bracket=(1e-9 * peak, peak), xtol=1e-14).root)
        r56 = math.copysign(u / (n * self._wavenumber * self.amplitude), self.r56)
        return replace(self, r56=r56, r56_incoming=None)

    def parts(self, modulator: Modulator | None = None, *, thick: bool = False) -> Parts:
        """Return undulator, drift and a chicane of four bends; see :meth:`Scheme.parts`.

        The r56 counts from the middle of the modulator, whose half slip N lambda is in it. A section with r56 < 0 is
        made as its mirror: a chicane and a laser in antiphase.
        """
        if self.r56_incoming not in (None, self.r56):
            raise PhysicsError(
                "this single stage is a turn of a ring (r56_incoming differs from r56), not a chicane: track the "
                "ring, as in "
                "lattices/mls_pop.run.yaml"
            )
        und = self._modulator(modulator)
        lit = und.wiggler(
            "MOD", amplitude=self.amplitude, thick=thick,
            phase=0.0 if self.r56 > 0.0 else 0.5,
        )  # fmt: skip
        drift = Drift(name="D1", length=DRIFT_LENGTH)
        magnets = matched_chicane("C", abs(self.r56), (half_of(lit), drift), (), self.reference)
        x, y = self.sigma_x**2, self.sigma_y**2
        b2 = _BEAMLINE_BETA**2
        sigma = np.diag([x, x / b2, y, y / b2, 0.0, self.sigma_delta**2])
        return Parts(self.reference, (), (lit,), ((drift, *magnets),), sigma, self.wavelength)

    def realised(self, modulator: Modulator | None = None, *, thick: bool = False) -> SingleStage:
        """Return the scheme without a smear of other cause, with the waist of the laser of the undulator."""
        und = self._modulator(modulator)
        second = und.second_harmonic(self.amplitude, self.r56) if thick else 0.0
        spot = und.waist_seen() if thick else und.waist()
        return replace(self, smear=0.0, waist=spot, second=second)

    @classmethod
    def design(cls, harmonic: int, bunching: float, given: Given) -> SingleStage:
        """Return the least modulation and its section, see :func:`least_single_stage`."""
        return least_single_stage(given.reference, given.wavelength, given.sigma_delta, harmonic, bunching)

    @classmethod
    def examples(cls) -> list[SingleStage]:
        """Return cases for the contract tests: one turn of the MLS, a chicane of a seeded FEL, and a small laser
        spot.
        """
        mls = Reference(energy=250e6)
        return [
            cls.one_turn(
                mls, 1064e-9, 1.57671e-5, 48.0, 3.9e-4, 1.842e-4, emittance=33.05e-9, h=0.1066e-6, tune=0.1781229
            ),
            cls(Reference(energy=1.5e9), 266e-9, r56=6e-5, amplitude=9e-4, sigma_delta=1.5e-4),
            cls(
                Reference(energy=1.5e9),
                266e-9,
                r56=6e-5,
                amplitude=9e-4,
                sigma_delta=1.5e-4,
                smear=2e-9,
                waist=4e-4,
                sigma_x=1.5e-4,
                sigma_y=5e-5,
            ),
        ]

    @property
    def _incoming(self) -> float:
        return self.r56 if self.r56_incoming is None else self.r56_incoming

    @property
    def _wavenumber(self) -> float:
        return 2.0 * math.pi / self.wavelength


def optimise_single_stage(
    reference: Reference,
    wavelength: float,
    sigma_delta: float,
    harmonic: int,
    *,
    most_amplitude: float,
    most_r56: float = math.inf,
) -> SingleStage:
    """Return the single stage with the largest |b_n| within the limits.

    Parameters
    ----------
    reference : reference particle.
    wavelength : laser wavelength [m].
    sigma_delta : rms momentum spread [1].
    harmonic : n [1].
    most_amplitude : largest peak relative modulation [1].
    most_r56 : largest dispersive section [m].

    Examples
    --------
    >>> best = optimise_single_stage(Reference(1.5e9), 266e-9, 1.5e-4, 5, most_amplitude=9e-4)
    >>> round(best.bunching(5), 4), round(best.r56 * 1e6, 2)
    (0.2197, 56.14)
    """
    a = positive("most_amplitude", most_amplitude)
    start = SingleStage(reference, wavelength, 1.0, a, sigma_delta)
    best = start.with_best_r56(harmonic)
    if best.r56 <= positive("most_r56", min(most_r56, LARGEST), "m"):
        return best
    # the limit of r56 binds: the argument of J_n stays below its best value, so that the modulation is the largest too
    return replace(best, r56=most_r56, r56_incoming=None)


def least_single_stage(
    reference: Reference, wavelength: float, sigma_delta: float, harmonic: int, bunching: float
) -> SingleStage:
    """Return the single stage of the least modulation that reaches |b_n|.

    Raises
    ------
    PhysicsError
        If |b_n| is above the peak of J_n, which no modulation passes.

    Examples
    --------
    >>> found = least_single_stage(Reference(1.5e9), 266e-9, 1.5e-4, 5, 0.2)
    >>> round(found.bunching(5), 6), round(found.amplitude / found.sigma_delta, 2)
    (0.2, 5.5)
    """
    n, wanted = harmonic_number(harmonic), positive("bunching", bunching)
    check_below(wanted, bessel_peak(n), f"a single stage has at most the peak of J_{n}")

    def made(log_a: float) -> SingleStage:
        return SingleStage(reference, wavelength, 1.0, math.exp(log_a) * sigma_delta, sigma_delta).with_best_r56(n)

    return made(least_modulation(lambda v: made(v).bunching(n) - wanted, wanted))
