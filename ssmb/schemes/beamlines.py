"""Real magnets for the sections of schemes: chicanes, doglegs, and beams that are matched to the middle of a modulator.

All matching is by the tracked maps themselves: the length terms of drifts, 1/gamma^2, the slip of the undulators and
the exact bends are in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

from ssmb.beam import Beam, Reference
from ssmb.beam.sigma import checked_sigma, factor
from ssmb.dynamics import transfer_matrix
from ssmb.elements import Bend, Drift, Element, Marker, Quadrupole
from ssmb.elements.wiggler import Wiggler
from ssmb.errors import PhysicsError
from ssmb.lattice import Lattice
from ssmb.schemes.kicked import CoupledStage
from ssmb.schemes.quadrature import quadrature_beam, quiet_beam

#: lengths of the magnets of chicanes and doglegs, and of the drifts between them [m]
BEND_LENGTH, DRIFT_LENGTH = 0.2, 0.4
_LARGEST_ANGLE = 0.5
#: the same of bends that make the dispersion at a modulator [rad]
_DISPERSIVE_ANGLE = 1.0
#: drift between these bends [m]
_DISPERSIVE_LEVER = 2.0
#: drift between the two bends that make a dispersion or a coupling, and beta of beams that are to stay parallel [m]
_LEVER, _PARALLEL = 0.6, 50.0


@dataclass(frozen=True)
class Parts:
    """A scheme in real magnets.

    Attributes
    ----------
    reference : reference particle.
    before : what stands in front of the first modulator.
    modulators : lit undulators in turn.
    sections : the magnets behind each of them, up to the next one or to the radiator.
    sigma : covariance (6, 6) in the middle of the first modulator, before the kick; no row of z for a coasting beam.
    wavelength : laser wavelength [m].
    """

    reference: Reference
    before: tuple[Element, ...]
    modulators: tuple[Wiggler, ...]
    sections: tuple[tuple[Element, ...], ...]
    sigma: np.ndarray
    wavelength: float

    def lattice(self, name: str) -> Lattice:
        """Return the beamline, ending with the marker RAD in the middle of the radiator."""
        rows = [
            *self.before,
            *(e for pair in zip(self.modulators, self.sections, strict=True) for e in (pair[0], *pair[1])),
        ]
        return Lattice.from_elements([*rows, Marker(name="RAD")], self.reference, name=name, periodic=False)

    def section(self, i: int) -> Lattice:
        """Return the dark section from the middle of modulator i to the middle of the next, or to the radiator."""
        row = [half_of(self.modulators[i], "HALF1"), *self.sections[i]]
        if i + 1 < len(self.modulators):
            row.append(half_of(self.modulators[i + 1], "HALF2"))
        return Lattice.from_elements(row, self.reference)

    def beam(self, n: int, seed: int) -> Beam:
        """Return the matched quiet-start beam at the entrance of the beamline."""
        before = (*self.before, half_of(self.modulators[0]))
        # the factor is transported, so that rounding leaves a covariance
        root = np.linalg.solve(section_matrix(before, self.reference), factor(checked_sigma(self.sigma)))
        if self.sigma[4, 4] == 0.0:
            root[4] = 0.0
        sigma = root @ root.T
        return quiet_beam(self.reference, self.wavelength, sigma, n, seed)

    def quadrature(self, nodes: int = 7, more: Mapping[str, int] | None = None) -> Beam:
        """Return weighted particles at the entrance whose means are quadratures in the middle of the first modulator.

        Parameters
        ----------
        nodes, more : numbers of nodes, see :func:`ssmb.schemes.quadrature.quadrature_beam`.
        """
        made = quadrature_beam(self.reference, self.wavelength, self.sigma, nodes=nodes, more=more)
        before, rows = (*self.before, half_of(self.modulators[0])), made.coordinates
        z = rows[4].copy()
        rows[:] = np.linalg.solve(section_matrix(before, self.reference), rows)
        if self.sigma[4, 4] == 0.0:
            rows[4] = z
        return made


def section_matrix(elements: Sequence[Element], reference: Reference) -> np.ndarray:
    """Return the matrix (6, 6) of a row of elements, lasers off."""
    return transfer_matrix(Lattice.from_elements(elements, reference), lasers=False)


def half_of(wiggler: Wiggler, name: str = "") -> Wiggler:
    """Return half of an undulator, dark."""
    return replace(
        wiggler, name=name or wiggler.name, length=0.0, periods=0.5 * wiggler.periods, laser_on=False, laser_slices=0
    )


def beamline_sigma(stage: CoupledStage, sign: float = 1.0) -> np.ndarray:
    """Return the covariance (6, 6) of a stage in the middle of its modulator, nearly parallel in the other plane.

    Parameters
    ----------
    stage : beam of the thin model.
    sign : -1 for the mirror image, in which momentum and vertical angle have the opposite sign.
    """
    out = replace(stage, smear=0.0).sigma()
    out[1, 1] = out[0, 0] / _PARALLEL**2
    mirror = np.array([1.0, 1.0, 1.0, sign, 1.0, sign])
    return mirror[:, None] * out * mirror


def chicane(name: str, angle: float, drift: float = DRIFT_LENGTH) -> tuple[Element, ...]:
    """Return four rectangular bends of the angles +, -, -, + [rad] that bend in x; r56 > 0.

    To lowest order ``r56 = 2 angle^2 (drift + 2 L/3)`` and ``T566 = -1.5 r56``.
    """

    def bend(i: int, sign: float, entrance: float, leave: float) -> Bend:
        return Bend(
            name=f"{name}B{i}",
            length=BEND_LENGTH,
            angle=sign * angle,
            e1=sign * entrance * angle,
            e2=sign * leave * angle,
        )

    # parallel to the axis are the faces outside and those of the middle drift
    return (
        bend(1, 1.0, 0.0, 1.0),
        Drift(name=f"{name}D1", length=drift),
        bend(2, -1.0, 1.0, 0.0),
        Drift(name=f"{name}D2", length=0.5 * DRIFT_LENGTH),
        bend(3, -1.0, 0.0, 1.0),
        Drift(name=f"{name}D3", length=drift),
        bend(4, 1.0, 1.0, 0.0),
    )


def matched_chicane(
    name: str, r56: float, before: Sequence[Element], after: Sequence[Element], reference: Reference
) -> tuple[Element, ...]:
    """Return a chicane with which the section ``before, chicane, after`` has the wanted r56.

    Parameters
    ----------
    name : prefix of its elements.
    r56 : of the whole section, > 0 [m].
    before, after : what stands in front and behind, undulators dark.
    reference : reference particle.

    Raises
    ------
    PhysicsError
        If the rest has more r56 than is wanted, or the bends would need more than 0.5 rad.
    """

    def excess(angle: float) -> float:
        return float(section_matrix((*before, *chicane(name, angle), *after), reference)[4, 5]) - r56

    least = excess(0.0)
    if least > 0.0:
        raise PhysicsError(
            f"{name}: undulators and drifts alone have r56 = {least + r56:.4g} m, more than the {r56:.4g} m that are "
            "wanted: take fewer periods of the modulator"
        )
    if excess(_LARGEST_ANGLE) < 0.0:
        raise PhysicsError(
            f"{name}: r56 = {r56:.4g} m needs bends of more than {_LARGEST_ANGLE} rad; lengthen the drifts"
        )
    found = scipy.optimize.root_scalar(excess, bracket=(0.0, _LARGEST_ANGLE), method="brentq", xtol=1e-15, rtol=1e-14)
    return chicane(name, float(found.root))


def dogleg(name: str, angle: float, drift: float) -> tuple[Element, ...]:
    """Return two rectangular bends of the angles +, - [rad] that bend in y, with a drift between them.

    To lowest order the dispersion behind is ``angle (drift + L)`` and r56 is ``angle^2 (drift + 2 L/3)``.
    """
    tilt = 0.5 * math.pi
    return (
        Bend(name=f"{name}B1", length=BEND_LENGTH, angle=angle, e2=angle, tilt_ref=tilt),
        Drift(name=f"{name}D", length=drift),
        Bend(name=f"{name}B2", length=BEND_LENGTH, angle=-angle, e1=-angle, tilt_ref=tilt),
    )


def matched_dogleg(
    name: str,
    path_per_angle: float,
    r56: float,
    before: Sequence[Element],
    after: Sequence[Element],
    reference: Reference,
) -> tuple[Element, ...]:
    """Return a dogleg with which ``before, dogleg, after`` has the wanted path per y' [m] and r56 [m].

    Raises
    ------
    PhysicsError
        If no dogleg of a drift above 1 cm and angles up to 0.5 rad has both.
    """

    def off(v: np.ndarray) -> np.ndarray:
        m = section_matrix((*before, *dogleg(name, float(v[0]), abs(float(v[1]))), *after), reference)
        return np.array([m[4, 3] / path_per_angle - 1.0, m[4, 5] / r56 - 1.0])

    angle = r56 / path_per_angle
    start = np.array([angle, max(0.05, abs(path_per_angle / angle) - BEND_LENGTH)])
    best = scipy.optimize.root(off, start, tol=1e-13).x  # the check below is sharper than that of the solver
    if np.abs(off(best)).max() > 1e-8 or abs(best[1]) < 0.01 or abs(best[0]) > _LARGEST_ANGLE:
        raise PhysicsError(
            f"{name}: no dogleg has the path {path_per_angle:.4g} m per angle and r56 = {r56:.4g} m; the drift would "
            f"be "
            f"{abs(path_per_angle / angle) - BEND_LENGTH:.3g} m at an angle of {angle:.3g} rad"
        )
    return dogleg(name, float(best[0]), abs(float(best[1])))


def achromat(name: str, angle: float, reference: Reference) -> tuple[Element, ...]:
    """Return two equal bends in x [rad] with a quadrupole between them that makes both paths, per x and x', vanish; r56
    < 0.

    To lowest order ``r56 = -angle^2 L/3`` beside the 1/gamma^2 of its length: the dispersion has turned back in the
    second bend.
    """
    half = 0.5 * angle
    bend = Bend(name=f"{name}B1", length=BEND_LENGTH, angle=angle, e1=half, e2=half)
    arm = Drift(name=f"{name}D1", length=_LEVER)

    def quadrupole(k1: float, share: float = 1.0) -> Quadrupole:
        return Quadrupole(name=f"{name}Q", length=share * BEND_LENGTH, Kn1=k1)

    def slope(k1: float) -> float:
        return float(section_matrix((bend, arm, quadrupole(k1, 0.5)), reference)[1, 5]) / angle

    thin = 2.0 / (BEND_LENGTH * (_LEVER + BEND_LENGTH))
    found = scipy.optimize.root_scalar(slope, x0=thin, x1=1.01 * thin, method="secant", xtol=1e-13, rtol=1e-14)
    back = replace(arm, name=f"{name}D2"), replace(bend, name=f"{name}B2")
    return bend, arm, quadrupole(float(found.root)), *back


def matched_achromat(name: str, r56: float, before: Sequence[Element], reference: Reference) -> tuple[Element, ...]:
    """Return an achromat with which the section ``before, achromat`` has the wanted r56, less than that of its drifts
    [m].

    Raises
    ------
    PhysicsError
        If its bends would need more than 0.5 rad.
    """

    def excess(angle: float) -> float:
        return float(section_matrix((*before, *achromat(name, angle, reference)), reference)[4, 5]) - r56

    if excess(_LARGEST_ANGLE) > 0.0:
        raise PhysicsError(
            f"{name}: r56 = {r56:.4g} m needs bends of more than {_LARGEST_ANGLE} rad: take fewer periods of the "
            f"modulator"
        )
    found = scipy.optimize.root_scalar(excess, bracket=(1e-6, _LARGEST_ANGLE), method="brentq", xtol=1e-15, rtol=1e-14)
    return achromat(name, float(found.root), reference)


def two_bends(name: str, first: float, second: float, drift: float) -> tuple[Element, ...]:
    """Return two rectangular bends of the angles given [rad] that bend in y, with a drift between them."""

    def bend(i: int, angle: float) -> Bend:
        half = 0.5 * angle
        return Bend(name=f"{name}B{i}", length=BEND_LENGTH, angle=angle, e1=half, e2=half, tilt_ref=0.5 * math.pi)

    return bend(1, first), Drift(name=f"{name}D", length=drift), bend(2, second)


def _matched_bends(
    name: str,
    wanted: tuple[float, float],
    start: tuple[float, float],
    got: Callable[[Sequence[Element]], np.ndarray],
    largest: float = _LARGEST_ANGLE,
    lever: float = _LEVER,
) -> tuple[Element, ...]:
    """Two bends for which `got` is what is wanted; both are in proportion to the angles to lowest order."""
    want = np.array(wanted)
    size = np.abs(want).max() or 1.0

    def off(v: np.ndarray) -> np.ndarray:
        return (got(two_bends(name, float(v[0]), float(v[1]), lever)) - want) / size

    angles = [float(v) for v in start]
    # proportional to lowest order: where the start is far out, so is the solution
    if max(map(abs, angles)) <= 1.2 * largest:
        angles = [float(v) for v in scipy.optimize.root(off, np.array(start), tol=1e-13).x]
    if max(map(abs, angles)) > largest or np.abs(off(np.array(angles))).max() > 1e-8:
        raise PhysicsError(
            f"{name}: two bends would need the angles {angles[0]:.3g} and {angles[1]:.3g} rad for {wanted[0]:.4g} and "
            f"{wanted[1]:.4g}; at most {largest} rad are made. Take a smaller dispersion or coupling (a larger beta "
            f"function)"
        )
    return two_bends(name, angles[0], angles[1], lever)


def matched_dispersion(wanted: tuple[float, float], half: Element, reference: Reference) -> tuple[Element, ...]:
    """Return two bends and a drift in front of a modulator that make the vertical dispersion in its middle [m, 1].

    Parameters
    ----------
    wanted : dispersion and its slope [m, 1].
    half : half of the modulator, dark.
    reference : reference particle.

    Raises
    ------
    PhysicsError
        If the bends would need more than 1 rad.
    """
    drift = Drift(name="D0", length=DRIFT_LENGTH)
    near = half.length + DRIFT_LENGTH
    far = near + _DISPERSIVE_LEVER + BEND_LENGTH
    eta, slope = wanted
    second = (far * slope - eta) / (far - near)
    bends = _matched_bends(
        "P", wanted, (slope - second, second), lambda row: section_matrix((*row, drift, half), reference)[2:4, 5],
        _DISPERSIVE_ANGLE, _DISPERSIVE_LEVER,
    )  # fmt: skip
    return *bends, drift


def matched_coupling(path: tuple[float, float], r56: float, half: Element, reference: Reference) -> tuple[Element, ...]:
    """Return a section whose path per y, y' and momentum, from the middle of the modulator on, is as wanted.

    Two weak vertical bends make the coupling; by symplecticity they leave the dispersion (a2, -a1). A chicane in x
    fills up r56, or an achromat takes off what is too much.

    Parameters
    ----------
    path : a1 [1] and a2 [m].
    r56 : either sign [m].
    half : half of the modulator, dark.
    reference : reference particle.

    Raises
    ------
    PhysicsError
        If an angle would be above 0.5 rad.
    """
    first, last = Drift(name="D1", length=DRIFT_LENGTH), Drift(name="D2", length=0.5 * DRIFT_LENGTH)
    near = half.length + DRIFT_LENGTH
    far = near + _LEVER + BEND_LENGTH
    a1, a2 = path
    second = (near * a1 - a2) / (far - near)
    bends = _matched_bends(
        "V", path, (-a1 - second, second), lambda row: section_matrix((half, first, *row), reference)[4, 2:4]
    )
    row = first, *bends, last
    if section_matrix((half, *row, *chicane("C", 0.0)), reference)[4, 5] <= r56:
        return *row, *matched_chicane("C", r56, (half, *row), (), reference)
    return *row, *matched_achromat("A", r56, (half, *row), reference)
