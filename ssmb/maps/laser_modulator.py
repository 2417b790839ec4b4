"""Packing of the laser on a wiggler: thin and thick modulator as sequences of laser kicks.

The field is ``E0 m(u, v) exp(-(u^2+v^2)/(w0^2 q))/q``, q = 1 + i (s - s_waist)/Z_R, times a plane wave: Gouy phase,
divergence and wavefront curvature together. In the thick model a kick stands for each slice of the wiggler, its
amplitude integrated over the slice; angle, energy and gap dependence of the coupling (``laser_coupling``) come from a
pair of kicks displaced both ways, the end terms of the wiggling from one kick at each end. Resonance detuning by
energy, angle and distance from the axis is not put in: it follows from the evolution of z in the wiggler.

M^2 > 1: an embedded Gaussian of the same Rayleigh length, waist ``sqrt(M^2 lambda Z_R/pi)``, so that the field on axis
falls as 1/M at given power (A. E. Siegman, Proc. SPIE 1224, 2 (1990), doi:10.1117/12.18425).

References
----------
A. Zholents, M. Zolotorev, Phys. Rev. Lett. 76, 912 (1996), doi:10.1103/PhysRevLett.76.912.
A. A. Zholents, M. S. Zolotorev, New J. Phys. 10, 025005 (2008), doi:10.1088/1367-2630/10/2/025005 (TEM01 modes).
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ssmb.beam.reference import Reference
from ssmb.maps.laser_coupling import Coupling
from ssmb.maps.laser_field import peak_field, waist
from ssmb.maps.laser_kick import laser_kick
from ssmb.maps.op import Op

_NODES, _WEIGHTS = (v.tolist() for v in np.polynomial.legendre.leggauss(24))


@dataclass(frozen=True)
class LaserBeam:
    """A Gaussian laser beam along a wiggler; s counts from the middle of the wiggler.

    Parameters
    ----------
    wavelength, rayleigh_length, waist_position : [m].
    power : power that travels with the electrons [W].
    phase : laser phase [2 pi]; at 0 and exact resonance the kick is ``delta += A sin(k z)``, A > 0.
    m_squared : beam quality M^2 [1].
    node : "" for TEM00; "X" or "Y" for a TEM01 mode whose field changes sign across x = 0 or y = 0.
    x_offset, y_offset : axis of the beam in the middle of the wiggler [m].
    x_angle, y_angle : slope of that axis [rad].
    """

    wavelength: float
    power: float
    rayleigh_length: float
    waist_position: float
    phase: float
    m_squared: float
    node: str
    x_offset: float
    y_offset: float
    x_angle: float
    y_angle: float

    @property
    def k(self) -> float:
        """Wave number [1/m]."""
        return 2.0 * math.pi / self.wavelength

    def spread(self, s: float) -> complex:
        """q = 1 + i (s - s_waist)/Z_R."""
        return complex(1.0, (s - self.waist_position) / self.rayleigh_length)

    def curvature(self, s: float) -> complex:
        """b of the profile exp(-b r^2) [1/m^2]."""
        w0 = waist(self.wavelength, self.rayleigh_length, self.m_squared)
        return 1.0 / (w0 * w0 * self.spread(s))

    def mode(self, s: float) -> tuple[np.ndarray, np.ndarray]:
        """Polynomials in u and v before the profile, lowest power first."""
        line = np.array([0.0, 2.0 / (waist(self.wavelength, self.rayleigh_length, self.m_squared) * self.spread(s))])
        flat = np.array([1.0 + 0.0j])
        return (line if self.node == "X" else flat), (line if self.node == "Y" else flat)

    def mean_curvature(self, s_from: float, s_to: float, detuning: float) -> complex:
        """Mean b of the profile over a stretch [1/m^2], weighted with the field that a reference particle meets."""
        middle, half = 0.5 * (s_from + s_to), 0.5 * (s_to - s_from)
        rate = detuning - 0.5 * self.k * (self.x_angle**2 + self.y_angle**2)
        places = [middle + half * n for n in _NODES]
        fields = [
            w * cmath.exp(1j * rate * (s - middle)) / self.spread(s) for s, w in zip(places, _WEIGHTS, strict=True)
        ]
        return sum(f * self.curvature(s) for f, s in zip(fields, places, strict=True)) / sum(fields)

    def moments(self, s_from: float, s_to: float, detuning: float, places: tuple[float, ...]) -> tuple[complex, ...]:
        """Weights [m] of the field at one or two ``places`` that integrate field times slip over a stretch.

        With one place the integral on the laser axis is exact; with two also its first moment, so that slip by energy
        and angle is integrated too. ``detuning`` is the phase rate [rad/m] of a reference particle against the light.
        """
        middle, half = 0.5 * (s_from + s_to), 0.5 * (s_to - s_from)
        rate = detuning - 0.5 * self.k * (self.x_angle**2 + self.y_angle**2)
        power = 2 if self.node else 1

        def field(s: float) -> complex:
            return cmath.exp(1j * rate * (s - middle)) / self.spread(s) ** power

        samples = [(half * w * field(middle + half * n), half * n) for n, w in zip(_NODES, _WEIGHTS, strict=True)]
        total = sum((f for f, _ in samples), 0.0j)
        if len(places) == 1:
            return (total / field(places[0]),)
        first = sum((f * d for f, d in samples), 0.0j)
        a, b = (s - middle for s in places)
        return (first - b * total) / ((a - b) * field(places[0])), (first - a * total) / ((b - a) * field(places[1]))


@dataclass(frozen=True)
class Modulator:
    """A laser beam and its coupling to the electrons of one wiggler.

    ``field`` is charge times peak field over P0 c [1/m], ``tau0`` the wiggler phase in its middle [rad], ``gradient``
    the relative change of the wiggler's field along the wiggling [1/m].
    """

    beam: LaserBeam
    coupling: Coupling
    ref: Reference
    field: float
    tau0: float
    k_u: float
    gradient: float = 0.0

    @classmethod
    def of(
        cls,
        beam: LaserBeam,
        coupling: Coupling,
        ref: Reference,
        helical: bool,
        tau0: float,
        k_u: float,
        gradient: float = 0.0,
    ) -> Modulator:
        """Build it; circular light of the same power has 1/sqrt(2) of the peak field in every direction."""
        field = peak_field(beam.power, beam.wavelength, beam.rayleigh_length, beam.m_squared)
        field *= abs(ref.charge_number) / ref.p0c * (math.sqrt(0.5) if helical else 1.0)
        return cls(beam, coupling, ref, field, tau0, k_u, gradient)

    def thin_op(self, s_from: float, s_to: float) -> Op:
        """One kick in the middle of the wiggler that stands for all of it, with the closed-form amplitude."""
        middle = 0.5 * (s_from + s_to)
        (length,) = self.beam.moments(s_from, s_to, self.coupling.detuning, (middle,))
        return self._op(middle, length * self.coupling.strength, *self.beam.mode(middle))

    def slice_ops(self, s_from: float, s_to: float) -> Iterator[tuple[float, tuple[Op, Op]]]:
        """Two places in a slice, each with its pair of kicks; the places are those of Gauss quadrature."""
        middle, half = 0.5 * (s_from + s_to), 0.5 * (s_to - s_from)
        places = (middle - half / math.sqrt(3.0), middle + half / math.sqrt(3.0))
        lengths = self.beam.moments(s_from, s_to, self.coupling.detuning, places)
        for s, length in zip(places, lengths, strict=True):
            yield s, self._pair(s, length * self.coupling.strength)

    def mean_op(self, s_from: float, s_to: float) -> Op:
        """The same kick with the curvature of the profile averaged over the wiggler, weighted with the field.

        A laser that is wider at the ends than in the waist then acts on electrons off axis as it does on the whole way.
        """
        middle = 0.5 * (s_from + s_to)
        (length,) = self.beam.moments(s_from, s_to, self.coupling.detuning, (middle,))
        curvature = self.beam.mean_curvature(s_from, s_to, self.coupling.detuning)
        return self._op(middle, length * self.coupling.strength, *self.beam.mode(middle), curvature=curvature)

    def mean_wave(self, s_from: float, s_to: float) -> tuple[complex, complex]:
        """Energy over P0 c and curvature b [1/m^2] of :meth:`mean_op` on the axis of a TEM00 mode."""
        numbers = self.mean_op(s_from, s_to).params
        return complex(*numbers[:2]), complex(*numbers[2:4])

    def _pair(self, s: float, size: complex) -> tuple[Op, Op]:
        c, beam = self.coupling, self.beam
        x, y = beam.mode(s)
        x = self._corrected(x, s, c.c_x, *self._field("x"), beam.x_offset + beam.x_angle * s, beam.x_angle)
        y = self._corrected(y, s, c.c_y, *self._field("y"), beam.y_offset + beam.y_angle * s, beam.y_angle)
        shift = (2.0 * c.c_x / beam.k, 2.0 * c.c_y / beam.k, -c.c_delta / beam.k)
        back = (-shift[0], -shift[1], -shift[2])
        return self._op(s, size * (0.5 + 0.5j), x, y, shift), self._op(s, size * (0.5 - 0.5j), x, y, back)

    def end_ops(self, s: float, sign: float) -> Iterator[Op]:
        """The kick of the end of the wiggler at ``s``: ``sign`` is +1 at the exit and -1 at the entrance."""
        on_axis, along_x, along_y = self.coupling.end_terms(self.k_u * s + self.tau0)
        x, y = self.beam.mode(s)
        slope_x, slope_y = self._angle(x, s, self.beam.x_angle), self._angle(y, s, self.beam.y_angle)
        first = _sum(on_axis * x, along_x * slope_x)
        if first.any():
            yield self._op(s, sign + 0.0j, first, y)
        if along_y:
            yield self._op(s, sign + 0.0j, x, along_y * slope_y)

    def _field(self, plane: str) -> tuple[float, float]:
        """Change of the coupling by the field in this plane: per distance [1/m] and its square [1/m^2]."""
        c = self.coupling
        if c.c_x and c.c_y:
            return 0.0, c.c_gap
        if (plane == "y") == bool(c.c_x):
            return 0.0, c.c_gap
        return 2.0 * c.c_gap / self.k_u**2 * self.gradient, 0.0

    def _angle(self, poly: np.ndarray, s: float, slope: float) -> np.ndarray:
        """The angle of the light, -i/k d/du, on ``poly * profile * plane wave``."""
        inner = np.array([1j * self.beam.k * slope, -2.0 * self.beam.curvature(s)])
        derivative = np.arange(1, poly.size) * poly[1:]
        return (-1j / self.beam.k) * _sum(derivative, np.convolve(inner, poly))

    def _corrected(
        self, poly: np.ndarray, s: float, c_angle: float, c_line: float, c_gap: float, centre: float, slope: float
    ) -> np.ndarray:
        """``poly`` with what angle of the light and distance from the axis change in the coupling."""
        bent = c_angle * self._angle(self._angle(poly, s, slope), s, slope)
        line = c_line * np.array([centre, 1.0, 0.0])
        gap = np.convolve(poly, line + c_gap * np.array([centre * centre, 2.0 * centre, 1.0]))
        return _sum(poly, _sum(bent, gap))

    def _op(
        self,
        s: float,
        size: complex,
        x: np.ndarray,
        y: np.ndarray,
        shift: tuple[float, float, float] = (0.0, 0.0, 0.0),
        curvature: complex | None = None,
    ) -> Op:
        beam, k = self.beam, self.beam.k
        slope2 = beam.x_angle**2 + beam.y_angle**2
        phase = 2.0 * math.pi * beam.phase + self.coupling.detuning * s + 0.5 * k * slope2 * s
        g = self.field * size * cmath.exp(1j * phase) / beam.spread(s)
        b = beam.curvature(s) if curvature is None else curvature
        return Op(
            laser_kick,
            (
                *(g.real, g.imag, b.real, b.imag, b.imag / (2.0 * math.pi)),
                *(1.0 / k, 1.0 / (beam.wavelength * self.ref.beta), self.ref.beta),
                *(beam.x_offset + beam.x_angle * s, beam.y_offset + beam.y_angle * s),
                *(k * beam.x_angle, k * beam.y_angle, *shift),
                *_cubic(x),
                *_cubic(y),
            ),
        )


def _sum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    out = np.zeros(max(a.size, b.size), complex)
    out[: a.size] += a
    out[: b.size] += b
    return out


def _cubic(poly: np.ndarray) -> tuple[float, ...]:
    full = _sum(poly, np.zeros(4))
    if full.size != 4:
        raise AssertionError("the laser kick holds cubics")
    return tuple(float(part) for c in full for part in (c.real, c.imag))
