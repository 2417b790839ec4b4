"""Closure of a pair of laser modulators: what a path error between them does to the emittance, and the power it leaves.

In transverse-longitudinal coupling a second modulator takes back what the first one gave. An electron that comes to it
with a path error dz keeps the kick ``A [sin(k (z + dz)) - sin(k z)]``, at random, because a coasting beam has a random
phase on every turn; at dispersion this is emittance:

    d eps per turn = H_mod A^2 (1 - <cos k dz>)/2, for small k dz  H_mod h^2 <dz^2>/4, h = k A,

against damping ``2 alpha eps`` per turn. The path error that raises eps by a fraction f of itself is
``dz_rms = sigma_R sqrt(8 alpha f)`` with sigma_R = sqrt(eps/(h^2 H_mod)), the length at the radiator: tens of
picometres. A relative phase error of the two lasers counts like ``dz = d phi/k``.

That is for path errors which do not know the phase. Those of magnets do: where the modulation is largest, at
``cos kz = 0``, an electron has the largest path error, and there it does not matter. Then

    d eps per turn = H_mod A^2 <[sin k(z + dz) - sin kz]^2>/2,

which a path error of random phase ``sqrt(2 <dz^2 cos^2 kz>)``, less than dz_rms, would do too.

The path from the first to the second modulator is z of a Taylor map; a closed insertion (+-I in both planes,
achromatic, isochronous) still has terms of second and higher order, which by symplecticity are its chromatic errors:
T_533 is the change of the vertical focusing with momentum.

References
----------
Z. Li, X. Deng, Z. Pan, C. Tang, A. Chao, Phys. Rev. Accel. Beams 26, 110701 (2023),
doi:10.1103/PhysRevAccelBeams.26.110701 (the scheme; the growth law is derived here).
K. L. Brown, SLAC-PUB-2257 (1979): second-order achromats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ssmb import text
from ssmb.beam import Beam
from ssmb.dynamics.taylor import AXES, TaylorMap, taylor_map
from ssmb.errors import PhysicsError, ValidityWarning, warn
from ssmb.lattice.tree import Lattice
from ssmb.quantity import Shown, derived, quantity, text_of
from ssmb.ranges import kept_share, not_negative, positive, share
from ssmb.tracking import track

#: Above this rms of k dz the kicks that stay are no longer small against those that were given.
_SMALL_PHASE = 0.3


def allowed_path_error(sigma_rad: float, damping: float, fraction: float = 0.3) -> float:
    """Return the rms path error between two modulators that raises the emittance by a fraction of itself [m].

    ``sigma_R sqrt(8 alpha f)``.

    Parameters
    ----------
    sigma_rad : sqrt(eps H_rad) at full compression, which is sqrt(eps/H_mod)/h [m].
    damping : amplitude damping decrement of the plane per turn [1].
    fraction : f, allowed growth of the equilibrium emittance over itself [1].

    Examples
    --------
    >>> round(allowed_path_error(2.24e-9, 5e-5, 0.3) * 1e12, 1)
    24.5
    """
    rate = positive("damping", damping) * positive("fraction", fraction)
    return positive("sigma_rad", sigma_rad, "m") * math.sqrt(8.0 * rate)


def emittance_growth(
    h_mod: float,
    chirp: float,
    wavelength: float,
    path_error: ArrayLike,
    z: ArrayLike | None = None,
    seen: tuple[ArrayLike, ArrayLike] = (1.0, 1.0),
) -> float:
    """Return the growth of the emittance per turn by path errors between two modulators [m rad].

    Parameters
    ----------
    h_mod : chromatic invariant of the dispersion at the modulators [m].
    chirp : h = k A, slope of the modulation [1/m].
    wavelength : laser wavelength [m].
    path_error : the rms of a Gaussian path error, or the path errors of particles (their mean is left out) [m].
    z : places of the same particles at the first modulator, where its kick is ``A sin(k z)``: the kicks that stay are
        taken as they are [m]. Default: path errors that do not depend on the phase.
    seen : with z, the part of A that each particle sees in the two modulators, of a laser spot [1].

    Notes
    -----
    Validity: random laser phase on every turn, modulators that are thin or match as a whole.

    Examples
    --------
    >>> round(emittance_growth(0.03, 2.5e4, 1064e-9, 30e-12) * 1e12, 4)
    0.0042
    """
    k = 2.0 * math.pi / positive("wavelength", wavelength, "m")
    amplitude = positive("chirp", chirp, "1/m") / k
    half = (
        _half_turned_away(k, path_error)
        if z is None
        else 0.25 * (k * counting_path_error(wavelength, path_error, z, seen)) ** 2
    )
    return positive("h_mod", h_mod, "m") * amplitude * amplitude * half


def _half_turned_away(k: float, path_error: ArrayLike) -> float:
    """(1 - <cos k dz>)/2, formed without cancellation."""
    if np.ndim(path_error) == 0:
        sigma = k * not_negative("path_error", path_error, "m")
        return -0.5 * math.expm1(-0.5 * sigma * sigma)
    return float(np.mean(np.sin(0.5 * k * _about_mean(path_error)) ** 2))


def counting_path_error(
    wavelength: float, path_error: ArrayLike, z: ArrayLike, seen: tuple[ArrayLike, ArrayLike] = (1.0, 1.0)
) -> float:
    """Return the rms path error of random phase that would leave the kicks which path errors of particles leave [m].

    ``sqrt(2 <[s2 sin k(z + dz) - s1 sin kz]^2>)/k``, for small k dz in an even field ``sqrt(2 <dz^2 cos^2 kz>)``.

    Parameters
    ----------
    wavelength : laser wavelength [m].
    path_error : path errors of particles, their mean is left out [m].
    z : their places at the first modulator, where its kick is ``A sin(k z)`` [m].
    seen : s1, s2, the part of A that each particle sees in the two modulators [1].

    Raises
    ------
    PhysicsError
        If there are no particles, or their numbers are not finite.

    Examples
    --------
    A path error that follows the modulation counts half as mean square:

    >>> z = np.arange(64) / 64
    >>> dz = 1e-6 * np.sin(2 * np.pi * z)
    >>> round(float(counting_path_error(1.0, dz, z) / np.std(dz)), 4)
    0.7071
    """
    k = 2.0 * math.pi / positive("wavelength", wavelength, "m")
    half, phase = 0.5 * k * _about_mean(path_error), k * np.asarray(z, dtype=float)
    first, second = (np.asarray(s, dtype=float) for s in seen)
    turned = 2.0 * np.sin(half) * np.cos(phase + half)  # sin(phase + 2 half) - sin(phase)
    left = first * turned + (second - first) * np.sin(phase + 2.0 * half)
    return math.sqrt(2.0 * float(np.mean(left * left))) / k


def _about_mean(path_error: ArrayLike) -> np.ndarray:
    dz = np.asarray(path_error, dtype=float)
    if dz.size == 0 or not np.isfinite(dz).all():
        raise PhysicsError("path errors of no particles, or not finite: nothing came to the second modulator")
    return dz - dz.mean()


@dataclass(frozen=True)
class PathTerm:
    """One term of the path between the modulators: its product of coordinates, coefficient [SI] and rms over the beam
    [m].
    """

    name: str = quantity("", "product of coordinates")
    coefficient: float = quantity("1", "coefficient of the term, in SI units of its product")
    rms: float = quantity("m", "rms of the term over the beam")


@dataclass(frozen=True, eq=False)
class ClosureBudget(Shown):
    """What the path error between two modulators costs."""

    dz_rms: float = quantity("m", "rms path error of the tracked beam, without its mean")
    dz_counting: float = quantity(
        "m",
        "path error of random phase that would do the same, see :func:`counting_path_error`; what a laser spot does to "
        "an electron that comes back to another place is in it",
    )
    aberrations: float = quantity(
        "m*rad", "growth of the emittance per turn by the transverse aberrations of the insertion"
    )
    quantum: float = quantity(
        "m", "rms path error by the photons that an electron emits between the modulators, tracked"
    )
    terms: tuple[PathTerm, ...] = quantity("", "terms of the Taylor map, largest first")
    beyond: float = quantity("m", "rms of what the terms do not explain: higher orders")
    allowed: float = quantity("m", "rms path error for the allowed fraction of the emittance")
    growth: float = quantity("m*rad", "growth of the emittance per turn by all three, laser on")
    damping: float = quantity("1", "amplitude damping decrement per turn")
    emittance: float = quantity("m*rad", "emittance that the ring has without the path error")
    fraction: float = quantity("1", "allowed growth of the emittance over itself")
    smear_rate: float = quantity(
        "1/m/rad", "(n k)^2 H_rad, what the emittance takes from the power, exp(-smear_rate d eps)"
    )

    @derived
    def equilibrium_emittance(self) -> float:
        """Emittance with the laser on in every turn, growth against damping [m rad]."""
        return self.emittance + self.growth / (2.0 * self.damping)

    @derived
    def duty(self) -> float:
        """Largest share of the turns with laser that keeps the emittance within the allowed fraction [1]."""
        allowed = 2.0 * self.damping * self.fraction * self.emittance
        return 1.0 if self.growth <= allowed else allowed / self.growth

    @derived
    def best_duty(self) -> float:
        """Share of the turns with laser that gives the largest average power, growing emittance included [1]."""
        rise = self.smear_rate * self.growth / (2.0 * self.damping)
        return 1.0 if rise <= 1.0 else 1.0 / rise

    @derived
    def power_factor(self) -> float:
        """Average power at the best duty over that of a perfect closure [1]."""
        return math.prod(self.factors())

    def factors(self, allowed: float = 1.0) -> tuple[float, float]:
        """Factors on the power: by fewer turns with laser than are allowed [1], and by the emittance that is left."""
        duty = min(allowed, self.best_duty)
        left = math.exp(-self.smear_rate * duty * self.growth / (2.0 * self.damping))
        return duty / allowed, kept_share(left)

    def table(self) -> str:
        """Return the budget as lines of text."""
        allowed, damped = text_of(self, "allowed"), text.quantity(2.0 * self.damping * self.emittance, "m")
        rows = [
            ("path error MOD1-MOD2, rms", text_of(self, "dz_rms"), f"allowed {allowed}"),
            ("  of random phase", text_of(self, "dz_counting"), "would do the same: this counts"),
            ("path error by photons, rms", text_of(self, "quantum"), ""),
            ("growth by aberrations", text.quantity(self.aberrations, "m"), "of the emittance per turn"),
            ("emittance growth per turn", text.quantity(self.growth, "m"), f"damping takes {damped}"),
            ("equilibrium emittance", text.quantity(self.equilibrium_emittance, "m"), "laser on in every turn"),
            ("  without laser", text.quantity(self.emittance, "m"), ""),
            (f"laser duty for +{100 * self.fraction:.0f} % emittance", text.number(self.duty, 3), ""),
            ("laser duty, most power", text.number(self.best_duty, 3), ""),
            ("average power left", text.number(self.power_factor, 3), "at that duty"),
            ("term of the path", "rms", "coefficient"),
        ]
        rows += [(t.name, text_of(t, "rms"), text.number(t.coefficient, 5)) for t in self.terms]
        rows.append(("beyond the map", text_of(self, "beyond"), ""))
        widths = [max(len(row[i]) for row in rows) for i in (0, 1)]
        return "\n".join(f"{a.ljust(widths[0])}  {b.rjust(widths[1])}  {c}".rstrip() for a, b, c in rows)


def closure_budget(
    insertion: Lattice,
    beam: Beam,
    *,
    start: str | None = None,
    end: str | None = None,
    chirp: float,
    wavelength: float,
    harmonic: int,
    h_mod: float,
    beta: float,
    emittance: float,
    damping: float,
    fraction: float = 0.3,
    spot: float = math.inf,
    order: int = 3,
    largest: int = 12,
) -> ClosureBudget:
    """Return the closure budget of the insertion between two modulators, tracked and by Taylor terms.

    Parameters
    ----------
    insertion : lattice with the section between the middles of the modulators, lasers not acting in between.
    beam : coasting beam in the middle of the first modulator, behind its (thin) kick A sin(k z).
    start, end : middles of the modulators; default: beginning and end of the lattice.
    chirp : h = k A of the modulation [1/m].
    wavelength : laser wavelength [m].
    harmonic : harmonic that is radiated [1].
    h_mod : chromatic invariant of the dispersion at the modulators [m].
    beta : vertical beta function there, at its waist [m].
    emittance : emittance of that plane without path error [m rad].
    damping : its amplitude damping decrement per turn [1].
    fraction : allowed growth of the emittance over itself [1].
    spot : waist w0 of the laser in both modulators, ``A exp(-(x^2 + y^2)/w0^2)``; inf for an even field [m].
    order : order of the Taylor map that names the terms.
    largest : how many terms are kept.

    Raises
    ------
    PhysicsError
        If particles are lost on the way.
    """
    k = 2.0 * math.pi / positive("wavelength", wavelength, "m")
    out = track(insertion, beam, start=start, end=end).beam
    if not out.alive.all():
        raise PhysicsError(f"{int((~out.alive).sum())} particles are lost between the modulators")
    dz = out.z - beam.z
    dz = dz - dz.mean()
    dz_rms = float(dz.std())
    if k * dz_rms > _SMALL_PHASE:
        warn(
            f"the path error of {dz_rms:.3g} m is {k * dz_rms:.3g} rad of the laser, not small: the second modulator "
            "does not undo what the first does; what is left is counted as it is",
            ValidityWarning,
        )
    quantum = quantum_path_error(insertion, start, end)
    aberrations = aberration_growth(beam, out, beta)
    w0 = spot if spot == math.inf else positive("spot", spot, "m")
    seen = np.exp(-(beam.x**2 + beam.y**2) / w0**2), np.exp(-(out.x**2 + out.y**2) / w0**2)
    counting = counting_path_error(wavelength, dz, beam.z, seen)
    terms, explained = path_terms(taylor_map(insertion, start, end, order=order), beam)
    h_rad = 1.0 / (positive("chirp", chirp, "1/m") ** 2 * positive("h_mod", h_mod, "m"))
    return ClosureBudget(
        dz_rms=dz_rms,
        dz_counting=counting,
        aberrations=aberrations,
        quantum=quantum,
        terms=terms[:largest],
        beyond=float((dz - (explained - explained.mean())).std()),
        allowed=allowed_path_error(math.sqrt(positive("emittance", emittance, "m rad") * h_rad), damping, fraction),
        growth=aberrations
        + emittance_growth(h_mod, chirp, wavelength, dz, beam.z, seen)
        + emittance_growth(h_mod, chirp, wavelength, quantum),
        damping=positive("damping", damping),
        emittance=emittance,
        fraction=share("fraction", fraction),
        smear_rate=(harmonic * k) ** 2 * h_rad,
    )


def quantum_path_error(
    insertion: Lattice, start: str | None = None, end: str | None = None, n: int = 4096, seed: int = 1
) -> float:
    """Return the rms path error by the photons that electrons on the reference orbit emit in a section [m].

    A photon moves the electron by the r56 from where it was emitted to the end; so dispersion at the sextupoles of an
    insertion has a price. Tracked with the synchrotron spectrum; statistical error ``1/sqrt(2 n)``.

    Parameters
    ----------
    insertion : lattice.
    start, end : names of elements, default: beginning and end.
    n : number of electrons.
    seed : key of the random numbers.
    """
    still = Beam(insertion.reference, np.zeros((6, n)))
    return float(track(insertion, still, start=start, end=end, radiation="quantum", seed=seed).beam.z.std())


def aberration_growth(before: Beam, after: Beam, beta: float) -> float:
    """Return the growth of the vertical emittance by what an insertion does to y and py beyond a linear map [m rad].

    Half of the mean ``dy^2/beta + beta dpy^2`` of the departures from the linear map that fits the particles best.

    Parameters
    ----------
    before, after : the same particles at the two ends; `before` has the optics of the ring.
    beta : vertical beta function at both ends, at its waist [m].
    """
    given = np.vstack([before.y, before.py, before.delta])
    size = np.maximum(given.std(axis=1), 1e-30)
    given = np.vstack([given / size[:, None], np.ones(len(before))]).T
    found = np.column_stack([after.y, after.py])
    fit, *_ = np.linalg.lstsq(given, found, rcond=None)
    dy, dpy = (found - given @ fit).T
    return 0.5 * float(np.mean(dy * dy) / positive("beta", beta, "m") + beta * np.mean(dpy * dpy))


def path_terms(section: TaylorMap, beam: Beam) -> tuple[tuple[PathTerm, ...], np.ndarray]:
    """Return the terms of z - z(entrance) of a section over a beam, largest rms first, and their sum per particle [m].

    Parameters
    ----------
    section : Taylor map of the section; its orbit is that of the beam.
    beam : beam at its entrance.
    """
    u = beam.coordinates - section.orbit[:, None]
    terms, total = [], np.zeros(u.shape[1])
    for powers, coefficient in zip(section.exponents, section.coefficients[4], strict=True):
        c = coefficient - (1.0 if powers.tolist() == [0, 0, 0, 0, 1, 0] else 0.0)
        if c == 0.0 or not powers.any():
            continue
        part = c * np.prod([u[j] ** int(powers[j]) for j in range(6) if powers[j]], axis=0)
        name = " ".join(f"{AXES[j]}^{powers[j]}" if powers[j] > 1 else AXES[j] for j in range(6) if powers[j])
        terms.append(PathTerm(name, float(c), float(part.std())))
        total += part
    return tuple(sorted(terms, key=lambda t: -t.rms)), total


def thick_modulator_path(periods: float, wavelength: float) -> float:
    """Return the path per modulated momentum that two thick modulators need between their middles, 2 N lambda/3 [m].

    The slip in a modulator moves the phase of its later periods by what the earlier ones gave. To second order this
    adds ``(2 N lambda/6) V'(z)^2`` to the potential V of the kick, with the same sign in both modulators: it does not
    cancel. Behind the second one the kick ``(2 N lambda/3) h (A/2) sin(2 k z)`` stays, as of a path error with the rms
    ``(2 N lambda/3) A/2``. A path of this r56 for the modulation alone (a.D = -r56 between the modulators, so that the
    incoming momentum does not count) takes it away, and costs the path error ``(2 N lambda/3) sqrt(eps/H_mod)``.

    Parameters
    ----------
    periods : N, periods of each modulator.
    wavelength : laser wavelength [m].

    Examples
    --------
    >>> round(thick_modulator_path(12, 1064e-9) * 1e6, 2)
    8.51
    """
    return 2.0 * positive("periods", periods) * positive("wavelength", wavelength, "m") / 3.0
