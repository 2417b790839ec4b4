"""Echo-enabled harmonic generation: two modulations and two dispersive sections.

With A = amplitude/sigma_delta and B = k r56 sigma_delta the second modulation of an echo (n, m) enters only with the
second section, so that its bunching depends on A1 alone, ``max_Z J_n(A1 Z) exp(-Z^2/2) max J_m``, and A2 decides how
strong the sections are: ``B1 = j'_m/A2`` about.

References
----------
G. Stupakov, Phys. Rev. Lett. 102, 074801 (2009), doi:10.1103/PhysRevLett.102.074801.
D. Xiang, G. Stupakov, Phys. Rev. ST Accel. Beams 12, 030702 (2009), doi:10.1103/PhysRevSTAB.12.030702.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import scipy

from ssmb.arguments import checked
from ssmb.beam import Reference
from ssmb.elements import Drift
from ssmb.elements.thin_laser import ThinLaser
from ssmb.errors import ConfigError, PhysicsError
from ssmb.lattice import Lattice
from ssmb.ranges import HIGHEST_HARMONIC, count, finite, harmonic_number, not_negative, positive
from ssmb.schemes.base import Scheme, scheme
from ssmb.schemes.beamlines import DRIFT_LENGTH, Parts, half_of, matched_chicane
from ssmb.schemes.given import Given
from ssmb.schemes.kicked import bessel_peak, check_below, least_modulation
from ssmb.schemes.modulator import Modulator
from ssmb.schemes.profile import ProfileNodes, profile_nodes
from ssmb.schemes.thin import SMEAR_LEVER, coupling, line

#: beta functions in the first modulator of the beamline, in both planes, long so that the beam fills both lasers alike
#: [m]
_BEAMLINE_BETA = 50.0
#: modulations in units of the spread for which sections are looked for [1]
_LEAST_MODULATION, _MOST_MODULATION = 1e-3, 1e5
#: corrections of the leading echo by the others; each gains half a digit or more
_SIDE_STEPS = 60


@checked
@scheme("eehg")
@dataclass(frozen=True)
class EchoEnabled(Scheme):
    """Coasting Gaussian beam through modulator 1, chicane 1, modulator 2, chicane 2.

    In units of the spread: ``p += A1 sin(zeta); zeta += B1 p; p += A2 sin(kappa zeta + phi); zeta += B2 p`` with
    zeta = k1 z, p = delta/sigma_delta. The bunching at ``a = n + kappa m`` times k1 is the sum over n of
    ``exp(-Z^2/2) J_n(-A1 Z) J_m(-a A2 B2) exp(i m phi)``, Z = n B1 + a B2. A smear of the path before the second
    modulator counts n times only, one behind it a times: ``exp(-[(n k smear_1)^2 + (a k smear_2)^2]/2)``.

    Parameters
    ----------
    reference : reference particle.
    wavelength : wavelength of the first laser [m].
    amplitude_1, amplitude_2 : peak relative momentum modulations [1].
    r56_1, r56_2 : the two dispersive sections [m], > 0: higher energy arrives earlier.
    sigma_delta : rms relative momentum spread [1].
    wavelength_ratio : kappa = k2/k1, a whole number [1].
    phase : phase of the second laser at zeta = 0 [2 pi].
    smear_1, smear_2 : independent rms path smears of the two sections, such as sqrt(eps H) [m].
    waist : w0 of both lasers in their modulators [m]; None for lasers that are wide against the beam.
    sigma_x, sigma_y : rms sizes of the beam in both modulators, an electron at the same place in both [m].

    Notes
    -----
    Validity: thin modulators, no diffusion (incoherent radiation or IBS) between the modulators, to which the fine
    structure of the first section is sensitive. The literature often gives the term of one echo (n, m) alone;
    :meth:`side_terms` says what that leaves out.

    Examples
    --------
    >>> echo = EchoEnabled.examples()[0]
    >>> round(abs(echo.term(-1, 25)), 4)
    0.112
    """

    reference: Reference
    wavelength: float
    amplitude_1: float
    amplitude_2: float
    r56_1: float
    r56_2: float
    sigma_delta: float
    wavelength_ratio: int = 1
    phase: float = 0.0
    smear_1: float = 0.0
    smear_2: float = 0.0
    waist: float | None = None
    sigma_x: float = 0.0
    sigma_y: float = 0.0

    title: ClassVar[str] = "echo: two modulations, two dispersive sections (EEHG)"
    magnet_nodes: ClassVar[Mapping[str, int]] = {}
    references: ClassVar[tuple[str, ...]] = (
        "G. Stupakov, Phys. Rev. Lett. 102, 074801 (2009), doi:10.1103/PhysRevLett.102.074801",
        "D. Xiang, G. Stupakov, Phys. Rev. ST Accel. Beams 12, 030702 (2009), doi:10.1103/PhysRevSTAB.12.030702",
    )

    def __post_init__(self) -> None:
        positive("wavelength", self.wavelength, "m")
        not_negative("amplitude_1", self.amplitude_1)
        not_negative("amplitude_2", self.amplitude_2)
        finite("r56_1", self.r56_1, "m")
        finite("r56_2", self.r56_2, "m")
        positive("sigma_delta", self.sigma_delta)
        count("wavelength_ratio", self.wavelength_ratio)
        finite("phase", self.phase, "2 pi")
        not_negative("smear_1", self.smear_1, "m")
        not_negative("smear_2", self.smear_2, "m")
        profile_nodes(self.waist, self.sigma_x, self.sigma_y)

    @classmethod
    def from_dimensionless(
        cls,
        reference: Reference,
        wavelength: float,
        sigma_delta: float,
        a1: float,
        a2: float,
        b1: float,
        b2: float,
        wavelength_ratio: int = 1,
    ) -> EchoEnabled:
        """Return the scheme from A = amplitude/sigma_delta [1] and B = k1 R56 sigma_delta [1]."""
        lever = positive("wavelength", wavelength, "m") / (2.0 * math.pi * positive("sigma_delta", sigma_delta))
        return cls(
            reference,
            wavelength,
            a1 * sigma_delta,
            a2 * sigma_delta,
            b1 * lever,
            b2 * lever,
            sigma_delta,
            wavelength_ratio,
        )

    @property
    def b1(self) -> float:
        """B1 = k1 R56_1 sigma_delta [1]."""
        return 2.0 * math.pi / self.wavelength * self.r56_1 * self.sigma_delta

    @property
    def b2(self) -> float:
        """B2 = k1 R56_2 sigma_delta [1]."""
        return 2.0 * math.pi / self.wavelength * self.r56_2 * self.sigma_delta

    def term(self, n: int, m: int) -> complex:
        """Return the contribution of the echo (n, m) to b at the harmonic n + kappa m of the first laser [1]."""
        for name, order in (("n", n), ("m", m)):
            count(name, order, at_least=-HIGHEST_HARMONIC, at_most=HIGHEST_HARMONIC)
        return self._term(n, m, profile_nodes(self.waist, self.sigma_x, self.sigma_y))

    def _term(self, n: int, m: int, nodes: ProfileNodes) -> complex:
        a, k1 = n + self.wavelength_ratio * m, 2.0 * math.pi / self.wavelength
        z = n * self.b1 + a * self.b2
        smear = 0.5 * (z * z + (n * k1 * self.smear_1) ** 2 + (a * k1 * self.smear_2) ** 2)
        first = scipy.special.jv(n, -self.amplitude_1 / self.sigma_delta * z * nodes.share)
        second = scipy.special.jv(m, -a * self.amplitude_2 / self.sigma_delta * self.b2 * nodes.share)
        mean = float(nodes.weight @ (first * second))
        return math.exp(-smear) * mean * cmath.exp(2j * math.pi * m * self.phase)

    def side_terms(self, n: int, m: int) -> float:
        """Return how much |b| of the echo (n, m) alone differs from that of all echoes at its harmonic [1]."""
        return abs(abs(self.term(n, m)) - self.bunching(n + self.wavelength_ratio * m))

    def bunching(self, harmonic: int) -> float:
        """Return |b| at `harmonic` times the first laser frequency: all echoes (n, m) that meet there [1].

        An even lead of one echo, usually n = -1, over all others is what makes the scheme useful.
        """
        a, kappa = harmonic_number(harmonic), self.wavelength_ratio
        # exp(-Z^2/2) is below 1e-16 unless |n B1 + a B2| < 9; without B1 the Bessel function J_n(-A1 a B2) ends the sum
        bessel_reach = abs(self.amplitude_1 / self.sigma_delta) * 9.0
        reach = int(bessel_reach + 12.0 * bessel_reach ** (1.0 / 3.0) + 30.0)
        if abs(self.b1) > 0.0:
            centre = round(-a * self.b2 / self.b1)
            spread = math.ceil(9.0 / abs(self.b1)) + 1
            low, high = max(centre - spread, -reach), min(centre + spread, reach)
        else:
            low, high = -reach, reach
        nodes = profile_nodes(self.waist, self.sigma_x, self.sigma_y)
        terms = (self._term(n, (a - n) // kappa, nodes) for n in range(low, high + 1) if (a - n) % kappa == 0)
        total = sum(terms, 0j)
        return abs(total)

    def thin_line(self) -> Lattice:
        """Return two laser kicks and two sections; the smears are carried by the angles, the first by that in x."""
        spot = self.waist or 0.0
        second = self.wavelength / self.wavelength_ratio
        return line(
            (
                ThinLaser(name="MOD1", laser_wavelength=self.wavelength, amplitude=self.amplitude_1, waist=spot),
                coupling("SECTION1", x=(0.0, SMEAR_LEVER), r56=self.r56_1),
                ThinLaser(
                    name="MOD2", laser_wavelength=second, laser_phase=self.phase, amplitude=self.amplitude_2, waist=spot
                ),
                coupling("SECTION2", y=(0.0, SMEAR_LEVER), r56=self.r56_2),
            ),
            self.reference,
            "eehg",
        )

    def sigma(self) -> np.ndarray:
        """Return the covariance in front of the first modulator: the smears in the angles."""
        angles = (self.smear_1 / SMEAR_LEVER) ** 2, (self.smear_2 / SMEAR_LEVER) ** 2
        return np.diag([self.sigma_x**2, angles[0], self.sigma_y**2, angles[1], 0.0, self.sigma_delta**2])

    def with_best_dispersions(self, n: int, m: int) -> EchoEnabled:
        """Return the same modulations with the r56 pair that maximises the echo (n, m); both r56 > 0 if n < 0 < m.

        B2 puts J_m at its first peak and Z is chosen on its own, so the two searches separate. Of the two solutions
        +-Z the one with the smaller first section is returned.

        Raises
        ------
        ConfigError
            If n = 0, m < 1, the harmonic is not positive, or a modulation is zero.

        Examples
        --------
        >>> echo = EchoEnabled.examples()[0].with_best_dispersions(-1, 25)
        >>> round(echo.b2, 4), round(abs(echo.term(-1, 25)), 5)
        (0.3804, 0.11199)
        """
        a = n + self.wavelength_ratio * m
        if n == 0 or m < 1 or a < 1:
            raise ConfigError(f"echo (n, m) = ({n}, {m}): need n != 0, m >= 1 and n + kappa m >= 1")
        a1 = positive("amplitude_1", self.amplitude_1) / self.sigma_delta
        a2 = positive("amplitude_2", self.amplitude_2) / self.sigma_delta
        if not (_LEAST_MODULATION <= min(a1, a2) and max(a1, a2) <= _MOST_MODULATION):
            raise ConfigError(
                f"modulations of {a1:.4g} and {a2:.4g} spreads: each must be {_LEAST_MODULATION:g} to "
                f"{_MOST_MODULATION:g}"
            )
        order, m = abs(count("order", abs(n), at_most=HIGHEST_HARMONIC)), count("m", m, at_most=HIGHEST_HARMONIC)

        def log_slope(z: float) -> float:
            return a1 * float(scipy.special.jvp(order, a1 * z) / scipy.special.jv(order, a1 * z)) - z

        peak = float(scipy.special.jnp_zeros(order, 1)[0]) / a1
        z = float(scipy.optimize.root_scalar(log_slope, bracket=(1e-9 * peak, peak), xtol=1e-14).root)
        b2 = float(scipy.special.jnp_zeros(m, 1)[0]) / (a * a2)
        b1 = min(((z - a * b2) / n, (-z - a * b2) / n), key=abs)
        lever = self.wavelength / (2.0 * math.pi * self.sigma_delta)
        return replace(self, r56_1=b1 * lever, r56_2=b2 * lever)

    def parts(self, modulator: Modulator | None = None, *, thick: bool = False) -> Parts:
        """Return two undulators with a chicane of four bends behind each; see :meth:`Scheme.parts`.

        `modulator` is the first one; the second is the suited one for its wavelength, of as many periods, if that
        differs.
        """
        if min(self.r56_1, self.r56_2) <= 0.0:
            raise PhysicsError("both sections of this echo must have r56 > 0 to be chicanes: take n < 0 < m")
        first, second = self._modulators(modulator)
        one = first.wiggler("MOD1", amplitude=self.amplitude_1, thick=thick)
        two = second.wiggler(
            "MOD2", amplitude=self.amplitude_2, thick=thick, phase=self.phase,
        )  # fmt: skip
        d1, d2, d3 = (Drift(name=f"D{i}", length=DRIFT_LENGTH) for i in (1, 2, 3))
        between = matched_chicane("C1", self.r56_1, (half_of(one, "H1"), d1), (d2, half_of(two, "H2")), self.reference)
        behind = matched_chicane("C2", self.r56_2, (half_of(two), d3), (), self.reference)
        x, y, b2 = self.sigma_x**2, self.sigma_y**2, _BEAMLINE_BETA**2
        sigma = np.diag([x, x / b2, y, y / b2, 0.0, self.sigma_delta**2])
        sections = (d1, *between, d2), (d3, *behind)
        return Parts(self.reference, (), (one, two), sections, sigma, self.wavelength)

    def _modulators(self, modulator: Modulator | None) -> tuple[Modulator, Modulator]:
        first = self._modulator(modulator)
        if self.wavelength_ratio == 1:
            return first, first
        light = self.wavelength / self.wavelength_ratio
        second = Modulator.suited(self.reference, light, periods=first.undulator.n_periods)
        return first, replace(second, rayleigh_length=self.wavelength_ratio * first.rayleigh())  # of equal waist

    def realised(self, modulator: Modulator | None = None, *, thick: bool = False) -> EchoEnabled:
        """Return the scheme without smears of other cause, with the waist of both lasers."""
        first = self._modulator(modulator)
        return replace(self, smear_1=0.0, smear_2=0.0, waist=first.waist())

    @classmethod
    def design(cls, harmonic: int, bunching: float, given: Given) -> EchoEnabled:
        """Return the least equal modulations and their sections, see :func:`least_echo`."""
        return least_echo(given.reference, given.wavelength, given.sigma_delta, harmonic, bunching)

    @classmethod
    def examples(cls) -> list[EchoEnabled]:
        """Return cases for the contract tests: equal wavelengths at the 24th harmonic, a doubled second laser, smears,
        a spot.
        """
        beam = Reference(energy=1.2e9)
        doubled = cls.from_dimensionless(beam, 800e-9, 7e-4, 2.0, 2.5, 3.0, 0.25, wavelength_ratio=2)
        return [
            cls.from_dimensionless(beam, 266e-9, 1.25e-4, 3.0, 3.0, 9.660976188295873, 0.38037787664294775),
            doubled,
            replace(doubled, phase=0.17, smear_1=5e-8, smear_2=8e-9),
            replace(doubled, waist=1e-3, sigma_x=2e-4, sigma_y=1e-4),
        ]


def echo_envelope(order: int, a1: float) -> float:
    """Return ``max_Z |J_n(A1 Z)| exp(-Z^2/2)``, what the first stage of an echo leaves [1].

    Parameters
    ----------
    order : |n| [1].
    a1 : A1 = amplitude_1/sigma_delta [1].

    Examples
    --------
    >>> round(echo_envelope(1, 3.0), 4)
    0.4943
    """
    n, a1 = count("order", order), positive("a1", a1)
    top = float(scipy.special.jnp_zeros(n, 1)[0]) / a1
    found: Any = scipy.optimize.minimize_scalar(
        lambda z: -scipy.special.jv(n, a1 * z) * math.exp(-0.5 * z * z), bounds=(0.0, top), method="bounded",
        options={"xatol": 1e-12 * top},
    )  # fmt: skip
    return float(-found.fun)


def optimise_echo(
    reference: Reference,
    wavelength: float,
    sigma_delta: float,
    harmonic: int,
    *,
    a1: float,
    a2: float,
    order: int = -1,
    wavelength_ratio: int = 1,
) -> EchoEnabled:
    """Return the echo with the largest |b| at a harmonic, all echoes that meet there included.

    Parameters
    ----------
    reference, wavelength, sigma_delta : see :class:`EchoEnabled`.
    harmonic : harmonic of the first laser, n + kappa m [1].
    a1, a2 : modulations in units of the spread [1].
    order : n of the leading echo, -1 is the strongest [1].
    wavelength_ratio : kappa [1].

    Raises
    ------
    ConfigError
        If no m belongs to this harmonic.

    Notes
    -----
    The best sections of the leading echo alone are the start; the sum of all is then maximised over both sections.

    Examples
    --------
    >>> best = optimise_echo(Reference(1.2e9), 266e-9, 1.25e-4, 24, a1=3.0, a2=3.0)
    >>> round(best.bunching(24), 4)
    0.112
    """
    a, kappa = harmonic_number(harmonic), count("wavelength_ratio", wavelength_ratio)
    a1, a2 = positive("a1", a1), positive("a2", a2)
    if (a - order) % kappa or (a - order) // kappa < 1:
        raise ConfigError(
            f"harmonic {a} is not n + kappa m with n = {order}, kappa = {kappa} and m >= 1; "
            f"take n = {a % kappa - kappa if a % kappa else -kappa}, or another harmonic"
        )
    start = EchoEnabled.from_dimensionless(
        reference, wavelength, sigma_delta, a1, a2, 1.0, 1.0, wavelength_ratio=kappa
    ).with_best_dispersions(order, (a - order) // kappa)

    def at(scale: np.ndarray) -> EchoEnabled:
        return replace(start, r56_1=start.r56_1 * scale[0], r56_2=start.r56_2 * scale[1])

    found: Any = scipy.optimize.minimize(
        lambda v: -at(v).bunching(a),
        np.ones(2),
        method="Nelder-Mead",
        options={"initial_simplex": 1.0 + 2e-3 * np.array([[0, 0], [1, 0], [0, 1]]), "xatol": 1e-9, "fatol": 1e-13},
    )
    best = at(found.x)
    return best if best.bunching(a) > start.bunching(a) else start


def least_echo(
    reference: Reference,
    wavelength: float,
    sigma_delta: float,
    harmonic: int,
    bunching: float,
    *,
    a2_over_a1: float = 1.0,
) -> EchoEnabled:
    """Return the echo (-1, n + 1) of the least first modulation that reaches |b_n|.

    Parameters
    ----------
    a2_over_a1 : second over first modulation [1]; it does not change the bunching, but a smaller one asks for stronger
        dispersive sections.
    reference, wavelength, sigma_delta, harmonic : see :func:`optimise_echo`.
    bunching : wanted |b_n| [1].

    Raises
    ------
    PhysicsError
        If |b_n| is above 0.5819 of the peak of J_(n+1), which no modulation passes.
    """
    n, wanted = harmonic_number(harmonic), positive("bunching", bunching)
    ratio, peak = positive("a2_over_a1", a2_over_a1), bessel_peak(n + 1)
    ceiling, leading = bessel_peak(1) * peak, wanted
    for _ in range(_SIDE_STEPS):
        # what the other echoes take or give is made up for by the leading one
        check_below(leading, ceiling, f"an echo has at most the peak of J_1 times that of J_{n + 1}")
        goal = leading
        a1 = math.exp(least_modulation(lambda v, b=goal: echo_envelope(1, math.exp(v)) * peak - b, goal))
        start = EchoEnabled.from_dimensionless(reference, wavelength, sigma_delta, a1, ratio * a1, 1.0, 1.0)
        made = start.with_best_dispersions(-1, n + 1)
        reached = made.bunching(n)
        if abs(reached / wanted - 1.0) < 1e-9:
            break
        leading *= wanted / reached
    return made
