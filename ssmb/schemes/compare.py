"""What each scheme asks for to reach a harmonic with a bunching: laser power, R56, emittance."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ssmb.arguments import checked
from ssmb.beam import Beam
from ssmb.errors import ConfigError, PhysicsError, SsmbError, ValidityWarning
from ssmb.light.statistics import bunching_within, noise_spread
from ssmb.ranges import harmonic_number, positive
from ssmb.schemes.base import SCHEMES, Scheme, scheme_class
from ssmb.schemes.given import Given
from ssmb.schemes.terms import PathTerms, path_terms


@dataclass(frozen=True)
class SchemeNeeds:
    """What one scheme needs.

    Attributes
    ----------
    name, title : of the scheme.
    possible : whether it reaches the bunching; the rest is empty where it does not.
    reason : why not, or what limits the validity of the design, in words.
    laser_power : power of all its lasers together [W].
    laser_powers : of each laser [W].
    amplitudes : peak relative momentum modulation of each laser; slope t of an angular one [1, 1/m].
    r56 : of each section [m].
    emittance : of the plane that limits the bunch length: vertical [m rad], longitudinal for strong focusing [m]; None
        where the momentum spread limits alone.
    sigma_delta : rms momentum spread [1].
    bunching : |b_n| of its closed form [1].
    scheme : the design, to be tracked or changed.
    """

    name: str
    title: str
    possible: bool
    reason: str = ""
    laser_power: float = math.nan
    laser_powers: tuple[float, ...] = ()
    amplitudes: tuple[float, ...] = ()
    r56: tuple[float, ...] = ()
    emittance: float | None = None
    sigma_delta: float = math.nan
    bunching: float = math.nan
    scheme: Scheme | None = None


@checked
@dataclass(frozen=True)
class SchemeComparison:
    """All schemes for one harmonic and bunching; prints as a table.

    Attributes
    ----------
    harmonic : n [1].
    bunching : wanted |b_n| [1].
    given : beam, laser and modulator.
    rows : one per scheme, those of least laser power first, the impossible ones last.
    """

    harmonic: int
    bunching: float
    given: Given
    rows: tuple[SchemeNeeds, ...]

    def row(self, name: str) -> SchemeNeeds:
        """Return the row of a scheme."""
        scheme_class(name)
        for row in self.rows:
            if row.name == name:
                return row
        raise ConfigError(f"scheme '{name}' is not in this comparison")

    def __str__(self) -> str:
        head = ("scheme", "laser [MW]", "modulation", "R56 [um]", "emittance [pm]")
        rows = [
            (
                r.name,
                f"{1e-6 * r.laser_power:.4g}",
                " + ".join(f"{a:.3g}" for a in r.amplitudes),
                " + ".join(f"{1e6 * v:.4g}" for v in r.r56),
                "-" if r.emittance is None else f"{1e12 * r.emittance:.3g}",
            )
            for r in self.rows
            if r.possible
        ]
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
        lines = [
            "  ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
            for row in (head, *rows)
        ]
        return "\n".join([*lines, *(f"{r.name}: {r.reason}" for r in self.rows if r.reason)])


#: A design that keeps less than this share of its |b| in magnets is flagged.
KEPT = 0.9
#: Inputs of a beam that nobody has built: what is assumed of them may be off by a factor of two.
ASSUMED = ("sigma_delta", "emittance")


@dataclass(frozen=True)
class InMagnets:
    """|b| of a design tracked through its magnets.

    Attributes
    ----------
    bunching : |b_n| of the macroparticles [1].
    bunching_range : 16 to 84 % by their noise, (low, high) [1].
    doubt : why it is no result, in words; empty if it is one.
    """

    bunching: float
    bunching_range: tuple[float, float]
    doubt: str = ""

    @classmethod
    def of(cls, bunching: float, n: int) -> InMagnets:
        """Make it of what `n` particles gave."""
        spread = noise_spread(1.0 / (n * bunching**2)) if bunching > 0.0 else math.inf
        if spread >= 1.0:
            return cls(bunching, (0.0, bunching + 1.0 / math.sqrt(n)), f"IN THE NOISE of {n} macroparticles")
        return cls(bunching, bunching_within(bunching, spread))


@dataclass(frozen=True)
class PowerWithin:
    """Laser power of a design where inputs are assumed.

    Attributes
    ----------
    power_range : (low, high) with each input at half and at double, independent ones added in square [W].
    impossible : inputs with which the design does not exist, such as ``"emittance x 2"``; not in the range.
    """

    power_range: tuple[float, float]
    impossible: tuple[str, ...] = ()


def powers_of_assumed(found: SchemeComparison, names: Sequence[str] = ASSUMED) -> dict[str, PowerWithin]:
    """Return by scheme the laser power over the range of inputs that are assumed: each from half to double.

    Parameters
    ----------
    found : comparison.
    names : of the inputs, fields of :class:`~ssmb.schemes.given.Given`.

    Examples
    --------
    >>> found = compare_schemes(79, 0.06745, names=["tlc_energy"])
    >>> low, high = powers_of_assumed(found, ["emittance"])["tlc_energy"].power_range
    >>> round(low / found.rows[0].laser_power, 2), round(high / found.rows[0].laser_power, 2)
    (0.5, 2.0)
    """
    out: dict[str, PowerWithin] = {}
    for row in found.rows:
        if row.possible:
            below, above, impossible = 0.0, 0.0, []
            for name in names:
                logs = [0.0]
                for times in (0.5, 2.0):
                    given = replace(found.given, **{name: times * getattr(found.given, name)})
                    other = _needs(scheme_class(row.name), found.harmonic, found.bunching, given)
                    if not other.possible:
                        impossible.append(f"{name} x {times:g}")
                    elif row.laser_power > 0.0 and other.laser_power > 0.0:
                        logs.append(math.log(other.laser_power / row.laser_power))
                below, above = math.hypot(below, min(logs)), math.hypot(above, max(logs))
            ends = row.laser_power * math.exp(-below), row.laser_power * math.exp(above)
            out[row.name] = PowerWithin(ends, tuple(impossible))
    return out


def bunching_in_magnets(found: SchemeComparison, *, n: int = 2**16) -> dict[str, InMagnets | str]:
    """Return by scheme |b| of its design tracked through real magnets, or in words why it has none.

    The magnets are those of :meth:`Scheme.parts`: matched to first order, without sextupoles against their path of
    second order, laser light as one kick in the middle of each modulator.

    Parameters
    ----------
    found : comparison; a second for each scheme.
    n : macroparticles of the quiet start, whose noise in |b| is up to 1/sqrt(n); designs of less than ten times that
        are not tracked.

    Examples
    --------
    >>> got = bunching_in_magnets(compare_schemes(5, 0.15, names=["single_stage", "micro_bucket"]))
    >>> round(got["single_stage"].bunching, 3), got["micro_bucket"][:34]
    (0.15, 'harmonics of the micro-bucket itse')
    """
    out: dict[str, InMagnets | str] = {}
    for row in found.rows:
        if row.scheme is None:
            continue
        if row.bunching < 10.0 / math.sqrt(n):
            out[row.name] = f"not tracked: |b| = {row.bunching:.2g} is too near the noise of {n} particles"
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ValidityWarning)  # of the design, which are told already
                # of one passage: that of a ring over turns is another question
                got = float(Scheme.beamline_bunching(row.scheme, (found.harmonic,), n=n)[0])
            out[row.name] = InMagnets.of(got, n)
        except SsmbError as error:
            out[row.name] = error.message
    return out


def terms_of_designs(found: SchemeComparison, *, n: int = 2**16) -> dict[str, PathTerms | str]:
    """Return by scheme which T_ijk and U_ijkl of the magnets of its design matter, or in words why there are none.

    Parameters
    ----------
    found : comparison whose designs are made of magnets; a second at least for each.
    n : macroparticles of the quiet start, whose noise in |b| is up to 1/sqrt(n), of schemes that are too sharp for a
        quadrature (an echo); the others have no noise.

    Examples
    --------
    >>> terms = terms_of_designs(compare_schemes(5, 0.15, names=["single_stage"]), n=1024)
    >>> terms["single_stage"].rows[0].name
    'T566'
    """
    out: dict[str, PathTerms | str] = {}
    for row in found.rows:
        if row.scheme is None:
            continue
        try:
            out[row.name] = path_terms(row.scheme, found.harmonic, n=n, beam=_free_of_noise(row.scheme, found.harmonic))
        except PhysicsError as error:
            out[row.name] = str(error)
    return out


def _free_of_noise(scheme: Scheme, harmonic: int) -> Beam | None:
    nodes = scheme.magnet_nodes
    return scheme.parts().quadrature(more={**nodes, "z": max(nodes["z"], 3 * harmonic)}) if nodes else None


@checked
def compare_schemes(
    harmonic: int, bunching: float, given: Given | None = None, *, names: Sequence[str] | None = None
) -> SchemeComparison:
    """Return what each scheme needs to reach a bunching at a harmonic.

    Parameters
    ----------
    harmonic : n of the laser [1].
    bunching : wanted |b_n|, between 0 and 1 [1].
    given : beam, laser and modulator; default 600 MeV, 1064 nm, 20 pm, spread 4e-4, 20 periods of 80 mm.
    names : only these schemes.

    Raises
    ------
    ConfigError
        A bunching that is not below 1, or an unknown scheme.
    PhysicsError
        The undulator cannot be resonant with the laser.

    Notes
    -----
    Thin models at the bounds of their theorems: a real machine needs more. IBS, the growth of the vertical emittance in
    the dispersion, and finite laser spots are not in it.

    Examples
    --------
    >>> found = compare_schemes(79, 0.06745)
    >>> [round(found.row(name).laser_power / 1e6) for name in ("tlc_energy", "single_stage")]
    [31, 12372]
    """
    n, b = harmonic_number(harmonic), positive("bunching", bunching)
    if b >= 1.0:
        raise ConfigError(f"bunching must be below 1, not {b!r}: it is the modulus of a mean of phase factors")
    machine = given or Given()
    rows = [_needs(scheme_class(name), n, b, machine) for name in (names or sorted(SCHEMES))]
    rows.sort(key=lambda r: (not r.possible, r.laser_power if r.possible else 0.0))
    return SchemeComparison(n, b, machine, tuple(rows))


def _needs(cls: type[Scheme], harmonic: int, bunching: float, given: Given) -> SchemeNeeds:
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ValidityWarning)
            made = cls.design(harmonic, bunching, given)
    except PhysicsError as error:
        return SchemeNeeds(cls.name, cls.title, False, str(error))
    powers = made.laser_powers(given.modulator)
    emittance = getattr(made, "emittance", None)
    if emittance is None and hasattr(made, "sigma_z"):
        emittance = made.sigma_z * made.sigma_delta  # type: ignore[attr-defined]
    return SchemeNeeds(
        cls.name,
        cls.title,
        True,
        "; ".join(str(w.message) for w in caught),
        math.fsum(powers),
        powers,
        made.modulations(),
        made.dispersions(),
        emittance,
        made.sigma_delta,  # type: ignore[attr-defined]
        made.bunching(harmonic),
        made,
    )
