"""Lattices of AT (pyAT, Matlab AT) in its JSON files, as ``at.save_lattice(ring, "ring.json")`` writes them.

AT says ``PolynomB[n] = Kn/n!`` per length (integrated in a ThinMultipole); in a bend ``PolynomB[0]`` is an error beside
the field of ``BendingAngle``. Field integrals are ``FringeInt * FullGap / 2``. A cavity gains ``V sin(k (TimeLag - c
t))``. The file holds one cell of ``periodicity``; harmonic number and voltage of its cavities are those of the cell.

Source: the file format and the integrators of AT 0.9.0, atcollab.github.io/at.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ssmb.beam import Reference
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.elements import (
    Bend,
    Drift,
    Element,
    Instrument,
    Kicker,
    Marker,
    Multipole,
    Octupole,
    Quadrupole,
    RFCavity,
    Sextupole,
    Solenoid,
)
from ssmb.errors import LatticeError, SsmbError, Where
from ssmb.io.formats import Entry, ImportReport, LatticeFormat, ReadLattice
from ssmb.lattice import Lattice
from ssmb.maps.kicks import MAX_ORDER

#: Steps that AT takes where the file does not say.
_STEPS = 10
#: What AT's ways to integrate an element are here; by the part of their name that says it.
_PASSES = {
    "E2": "pole faces of second order: here linear ones",
    "Quant": "photons: chosen in tracking, for all elements",
    "Rad": "radiation: chosen in tracking, for all elements",
}
_KNOWN_PASSES = re.compile(
    r"(Identity|Drift|(Bnd|Str)MPoleSymplectic4(E2)?(Rad|Quant)?|Exact\w*|BendLinear|QuadLinear|ThinMPole(Rad)?"
    r"|Corrector|(RF)?Cavity|SolenoidLinear|Aperture)Pass"
)
#: A cavity this far off its harmonic, relative, is changed; what is less has a line in the report, but for rounding.
_OFF_HARMONIC, _ROUNDING = 1e-6, 1e-12
#: Most elements of a lattice.
_MOST = 1_000_000


@dataclass
class _Cell(Entry):
    """An element of a cell that the ring has so many times."""

    periodicity: float = 1.0


class AtJson(LatticeFormat, name="AT", suffixes=(".json",)):
    """JSON files of AT."""

    def read(self, path: str | os.PathLike[str]) -> ReadLattice:
        """Read a file: the whole ring, its cell placed ``periodicity`` times.

        Raises
        ------
        LatticeError
            It is no such file, or an element makes no sense.
        """
        where = Where(os.fspath(path))
        whole = _whole(where)
        about = Entry("", whole["properties"], where)
        energy = about.number("energy")
        periodicity = about.number("periodicity", 1)
        wrong = next((i for i, entry in enumerate(whole["elements"]) if not isinstance(entry, Mapping)), None)
        if wrong is not None:
            raise LatticeError(f"element {wrong + 1} must be a mapping of attributes", where)
        cells = [entry for entry in whole["elements"] if entry.get("Class") != "RingParam"]
        if not 1 <= periodicity * len(cells) <= _MOST or periodicity != int(periodicity):
            raise LatticeError(f"{len(cells)} elements, {periodicity:g} times, are no ring", where)
        reference = _reference(about, energy)
        made = [_made(cell, i, where, periodicity) for i, cell in enumerate(cells)]
        length = periodicity * math.fsum(element.length for element, _ in made)
        for element, entry in made:
            _tell_frequency(element, entry, length, reference)
        row = [element for element, _ in made] * int(periodicity)
        about.take("harmonic_number")  # that of the cavities
        name = _name(str(about.take("name") or "")) or "ring"
        while name in {element.name for element in row}:
            name += "_ring"
        lattice = Lattice.from_elements(row, reference, name=name, periodic=True)
        changes = [change for entry in (about, *(entry for _, entry in made)) for change in entry.finish()]
        return ReadLattice(lattice, ImportReport(self.name, tuple(changes)))

    @classmethod
    def examples(cls) -> list[tuple[str, Lattice]]:
        elements = [
            {"Class": "Marker", "FamName": "BEGIN", "PassMethod": "IdentityPass", "Length": 0.0},
            {"Class": "Drift", "FamName": "D", "PassMethod": "DriftPass", "Length": 0.4},
            {
                "Class": "Quadrupole", "FamName": "QF", "PassMethod": "StrMPoleSymplectic4Pass", "Length": 0.3,
                "PolynomB": [0.0, 1.5], "PolynomA": [0.0, 0.1], "K": 1.5, "MaxOrder": 1, "NumIntSteps": 20,
            },
            {
                "Class": "Bend", "FamName": "B", "PassMethod": "BndMPoleSymplectic4Pass", "Length": 1.0,
                "BendingAngle": 0.2, "EntranceAngle": 0.1, "ExitAngle": 0.05, "FringeInt1": 0.5, "FullGap": 0.06,
                "PolynomB": [0.001, -0.2], "PolynomA": [0.0, 0.0], "MaxOrder": 1, "NumIntSteps": 20,
            },
            {
                "Class": "Sextupole", "FamName": "S", "PassMethod": "StrMPoleSymplectic4RadPass", "Length": 0.2,
                "PolynomB": [0.0, 0.0, 15.0, 7.0], "PolynomA": [0.0, 0.0, 0.0], "MaxOrder": 2, "NumIntSteps": 5,
            },
            {
                "Class": "Corrector", "FamName": "C", "PassMethod": "CorrectorPass", "Length": 0.0,
                "KickAngle": [1e-4, -2e-4],
            },
            {
                "Class": "RFCavity", "FamName": "RF", "PassMethod": "RFCavityPass", "Length": 0.0, "Voltage": 1e5,
                "Frequency": 4.5e8, "HarmNumber": 3, "TimeLag": 0.02, "Energy": 1e9,
            },
        ]  # fmt: skip
        text = json.dumps({"atjson": 1, "elements": elements, "properties": {"energy": 1e9, "periodicity": 2}})
        reference = Reference(1e9)
        as_in_at: Any = {"integrator": "yoshida4", "drift": "expanded"}
        cell: list[Element] = [
            Marker(name="BEGIN"),
            Drift(name="D", length=0.4, drift="expanded"),
            Quadrupole(name="QF", length=0.3, Kn1=1.5, Ks1=0.1, **as_in_at, slices=20),
            Bend(
                name="B", length=1.0, angle=0.2, e1=0.1, e2=0.05, edge1_int=0.015, Kn0=0.001 + 0.2, Kn1=-0.2, slices=20,
                **as_in_at,
            ),
            Sextupole(name="S", length=0.2, Kn2=30.0, **as_in_at, slices=5),
            Kicker(name="C", hkick=1e-4, vkick=-2e-4),
            RFCavity(
                name="RF", voltage=1e5, harmon=6, phase=-4.5e8 * 0.02 / SPEED_OF_LIGHT, zero_phase="ABOVE_TRANSITION",
            ),
        ]  # fmt: skip
        return [(text, Lattice.from_elements(cell * 2, reference, name="ring", periodic=True))]


def _whole(where: Where) -> Mapping[str, Any]:
    try:
        found = json.loads(Path(where.file).read_text(encoding="utf-8"))
    except OSError as error:
        raise LatticeError(f"cannot be read: {error.strerror or error}", where) from None
    except json.JSONDecodeError as error:
        raise LatticeError(f"is no JSON: {error.msg}", Where(where.file, error.lineno, error.colno)) from None
    except (UnicodeDecodeError, RecursionError, ValueError):
        raise LatticeError("is no JSON that can be read", where) from None
    if not isinstance(found, Mapping) or "atjson" not in found:
        raise LatticeError('is no lattice of AT: its JSON files begin with "atjson"', where)
    if not isinstance(found.get("elements"), list) or not isinstance(found.get("properties"), Mapping):
        raise LatticeError("is no lattice of AT: elements and properties are missing", where)
    return found


def _reference(about: Entry, energy: float) -> Reference:
    particle = about.take("particle")
    name = particle.get("name") if isinstance(particle, Mapping) else particle
    if name == "relativistic":
        about.change("particle", "'relativistic' has no mass: electron")
        name = "electron"
    try:
        return Reference(energy, name if isinstance(name, str) else "electron")
    except SsmbError as error:
        raise LatticeError(error.message, about.where) from None


def _name(text: str) -> str:
    """A name that may stand in a lattice."""
    clean = re.sub(r"[^A-Za-z0-9_.\-]", "_", text)
    return clean if not clean or re.match(r"[A-Za-z_]", clean) else f"_{clean}"


def _made(cell: Mapping[str, Any], i: int, where: Where, periodicity: float) -> tuple[Element, Entry]:
    """Return the element of an entry, and the entry with what became of its attributes."""
    name = _name(str(cell.get("FamName") or "")) or f"element_{i + 1}"
    entry = _Cell(
        name, {k: v for k, v in cell.items() if k not in ("FamName", "Class")}, where, periodicity=periodicity
    )
    kind = cell.get("Class")
    known = _KINDS.get(str(kind))
    length, way = entry.number("Length"), str(entry.take("PassMethod", ""))
    entry.take("Energy")  # that of the file counts
    _tell_pass(entry, way)
    rest = "no counterpart"
    try:
        if known is None and not way.startswith(("Identity", "Drift")):
            words = f"class {str(kind)[:40]} has no counterpart: a {'drift' if length else 'marker'}"
            entry.drop("PassMethod", words)
        if known is None or way.startswith(("Identity", "Drift")):
            if known is not None and kind not in _PASSIVE:
                entry.change("PassMethod", f"{way} switches a {kind} off: a {'drift' if length else 'marker'}")
                rest = "it is off"
            if kind == "Monitor" and entry.values.get("Scale") == [1, 1]:
                entry.take("Scale")
            made = _PASSIVE[str(kind)] if kind in _PASSIVE else Drift if length else Marker
            flight: dict[str, Any] = {"drift": "expanded"} if made is Drift and not way.startswith("Exact") else {}
            element: Element = made(name=name, length=length, **flight)
        else:
            element = known(entry, name, length, way)
        element = _placed(element, entry, bends=known is _bend)
    except SsmbError as error:
        raise error if error.where else LatticeError(f"element '{name}': {error.message}", where) from None
    entry.finish(rest)
    return element, entry


def _tell_pass(entry: Entry, way: str) -> None:
    if way and not _KNOWN_PASSES.fullmatch(way):
        entry.change("PassMethod", f"{way[:60]} is not known: the maps of this package")
        return
    words = "; ".join(words for part, words in _PASSES.items() if part in way)
    if words:
        entry.change("PassMethod", words)


def _strengths(entry: Entry) -> dict[str, Any]:
    """Return Kn, Ks of PolynomB, PolynomA up to MaxOrder."""
    b, a = entry.numbers("PolynomB"), entry.numbers("PolynomA")
    order = entry.number("MaxOrder", max(len(b), len(a)) - 1)
    k = entry.number("K")
    if k and (len(b) < 2 or b[1] != k):
        if len(b) >= 2 and b[1]:
            entry.drop("K", "PolynomB acts")
        else:
            b = [*b, 0.0, 0.0][:2]
            b[1] = k
    out: dict[str, Any] = {}
    for side, attribute, row in (("n", "PolynomB", b), ("s", "PolynomA", a)):
        for n, value in enumerate(row):
            if not value:
                continue
            if n > order:
                entry.change(attribute, f"orders above MaxOrder = {order:g} do not act")
            elif n > MAX_ORDER:
                entry.drop(attribute, f"order {n}: orders above {MAX_ORDER} have no counterpart")
            else:
                out[f"K{side}{n}"] = value * math.factorial(n)
    return out


def _fringe(entry: Entry) -> str:
    """Return the ends with a hard-edge fringe of the quadrupole."""
    found = {}
    for end, attribute in (("entrance", "FringeQuadEntrance"), ("exit", "FringeQuadExit")):
        found[end] = entry.number(attribute)
        if found[end] not in (0.0, 1.0):
            entry.change(attribute, "soft edge: here the hard edge")
    ends = [end for end, value in found.items() if value]
    return "both" if len(ends) == 2 else ends[0] if ends else "none"


def _bend(entry: Entry, name: str, length: float, way: str) -> Element:
    gap = entry.number("FullGap")
    strengths = _strengths(entry)
    for attribute in ("FringeQuadEntrance", "FringeQuadExit"):
        if entry.number(attribute) and "Kn1" in strengths:
            entry.drop(attribute, "the hard-edge fringe of the gradient of a bend has no counterpart")
    for attribute in ("FringeBendEntrance", "FringeBendExit"):
        if entry.number(attribute, 1.0) not in (0.0, 1.0):
            entry.change(attribute, "here the linear pole face")
    angle = entry.number("BendingAngle")
    if "Kn0" in strengths and length:
        strengths["Kn0"] += angle / length  # the whole field; AT says what is beside that of the angle
    return Bend(
        name=name,
        length=length,
        angle=angle,
        e1=entry.number("EntranceAngle"),
        e2=entry.number("ExitAngle"),
        edge1_int=entry.number("FringeInt1") * gap / 2.0,
        edge2_int=entry.number("FringeInt2") * gap / 2.0,
        **_integration(entry, way),
        **strengths,
    )


def _integration(entry: Entry, way: str) -> dict[str, Any]:
    """Return how AT integrates: paraxial drifts and kicks of order 4, unless the method is another one."""
    if way.startswith("Exact"):
        entry.change("NumIntSteps", "as many steps as the strengths ask for")
        return {}
    if way.startswith(("BendLinear", "QuadLinear")):
        return {"integrator": "matrix"}
    steps = entry.number("NumIntSteps", _STEPS)
    if not 1.0 <= steps <= 1e5 or steps != int(steps):
        raise entry.error(f"NumIntSteps must be a whole number from 1 to 100000, got {steps:g}")
    return {"integrator": "yoshida4", "slices": int(steps), "drift": "expanded"}


def _magnet(kind: type[Any]) -> Callable[[Entry, str, float, str], Element]:
    def made(entry: Entry, name: str, length: float, way: str) -> Element:
        strengths = _strengths(entry)
        fringe = _fringe(entry) if "Kn1" in strengths else "none"
        if not length:
            return Multipole(name=name, **strengths)
        return kind(name=name, length=length, fringe=fringe, **_integration(entry, way), **strengths)

    return made


def _corrector(entry: Entry, name: str, length: float, way: str) -> Element:
    kicks = [*entry.numbers("KickAngle"), 0.0, 0.0]
    return Kicker(name=name, length=length, hkick=kicks[0], vkick=kicks[1])


def _solenoid(entry: Entry, name: str, length: float, way: str) -> Element:
    return Solenoid(name=name, length=length, Ksol=entry.number("K"))


def _aperture(entry: Entry, name: str, length: float, way: str) -> Element:
    limits = entry.numbers("Limits")
    if len(limits) != 4:
        raise entry.error("Limits must be four numbers, lowest and highest x and y [m]")
    return Marker(name=name, x_limits=tuple(limits[:2]), y_limits=tuple(limits[2:]))


def _cavity(entry: _Cell, name: str, length: float, way: str) -> Element:
    frequency, harmonic = entry.number("Frequency"), entry.number("HarmNumber")
    phase = -frequency * entry.number("TimeLag") / SPEED_OF_LIGHT
    return RFCavity(
        name=name,
        length=length,
        voltage=entry.number("Voltage"),
        harmon=harmonic * entry.periodicity,
        frequency=0.0 if harmonic else frequency,
        phase=phase,
        zero_phase="ABOVE_TRANSITION",
    )


def _tell_frequency(element: Element, entry: Entry, length: float, reference: Reference) -> None:
    """Say where the frequency of a cavity is not the harmonic of the whole ring, of length [m], that is taken."""
    cavity = element.in_lattice(length, reference).cavity() if length else None
    given = entry.values.get("Frequency")
    if cavity is None or not isinstance(given, (int, float)):
        return
    off = given / cavity.frequency - 1.0
    taken = f"the harmonic of the ring, {cavity.frequency:.9g} Hz, which is taken"
    if abs(off) > _OFF_HARMONIC:
        entry.change("Frequency", f"{given:.9g} Hz is not {taken}")
    elif abs(off) > _ROUNDING:
        entry.keep("Frequency", f"{off:.1e} off {taken}")


def _placed(element: Element, entry: Entry, *, bends: bool) -> Element:
    """Return the element with the shifts, rolls and apertures of an entry."""
    shift = _shift(entry)
    roll = _roll(entry)
    found: dict[str, Any] = {}
    if any(shift):
        found |= {"x_offset": shift[0], "y_offset": shift[1]}
        if bends:
            entry.change("T1", "both ends in their own frames: here the whole magnet, parallel to its middle")
    if roll:
        # AT turns both ends of a bend about their own axes, so that its plane turns with the reference orbit
        found |= {"tilt_ref": roll} if bends else {"z_rot": roll}
    box, ellipse = entry.numbers("RApertures"), entry.numbers("EApertures")
    if box and ellipse:
        entry.drop("EApertures", "RApertures acts: an element has one aperture")
    if box:
        if len(box) != 4:
            raise entry.error("RApertures must be four numbers, lowest and highest x and y [m]")
        found |= {"x_limits": tuple(box[:2]), "y_limits": tuple(box[2:]), "aperture_at": "BOTH_ENDS"}
    elif ellipse:
        if len(ellipse) != 2:
            raise entry.error("EApertures must be two numbers, half axes in x and y [m]")
        x, y = ellipse
        found |= {"x_limits": (-x, x), "y_limits": (-y, y), "aperture_at": "BOTH_ENDS", "aperture_shape": "ELLIPTICAL"}
    return replace(element, **found) if found else element


def _shift(entry: Entry) -> tuple[float, float]:
    """Return the shift of an element in x and y that T1, T2 stand for [m]."""
    first, last = (entry.numbers(name) or [0.0] * 6 for name in ("T1", "T2"))
    if len(first) != 6 or len(last) != 6:
        raise entry.error("T1 and T2 must be six numbers")
    if any(first[i] for i in (1, 3, 4, 5)) or any(a + b for a, b in zip(first, last, strict=True)):
        raise entry.error("T1, T2 are more than a shift in x and y; what they mean cannot be told")
    return -first[0], -first[2]


def _roll(entry: Entry) -> float:
    """Return the roll of an element that R1, R2 stand for [rad]."""
    matrices = []
    for name in ("R1", "R2"):
        rows = entry.take(name)
        if rows is None:
            matrices.append(np.eye(6))
            continue
        try:
            matrix = np.array(rows, dtype=float)
        except (TypeError, ValueError):
            matrix = np.zeros(0)
        if matrix.shape != (6, 6) or not np.isfinite(matrix).all():
            raise entry.error(f"{name} must be a 6x6 matrix of numbers")
        matrices.append(matrix)
    into, out = matrices
    roll = math.atan2(into[0, 2], into[0, 0])
    c, s = math.cos(roll), math.sin(roll)
    pure = np.eye(6)
    pure[:4, :4] = np.kron(np.array([[c, s], [-s, c]]), np.eye(2))
    if np.abs(into - pure).max() > 1e-12 or np.abs(out - pure.T).max() > 1e-12:
        raise entry.error("R1, R2 are more than a roll; what they mean cannot be told")
    return roll


#: Classes that do nothing to a particle.
_PASSIVE: dict[str, type[Element]] = {"Drift": Drift, "Marker": Marker, "Monitor": Instrument}
_KINDS: dict[str, Callable[[Any, str, float, str], Element]] = {
    **dict.fromkeys(_PASSIVE, lambda entry, name, length, way: Drift(name=name, length=length)),
    "Bend": _bend,
    "Dipole": _bend,
    "Quadrupole": _magnet(Quadrupole),
    "Sextupole": _magnet(Sextupole),
    "Octupole": _magnet(Octupole),
    "Multipole": _magnet(Multipole),
    "ThinMultipole": _magnet(Multipole),
    "Corrector": _corrector,
    "Solenoid": _solenoid,
    "Aperture": _aperture,
    "RFCavity": _cavity,
}
