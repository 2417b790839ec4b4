"""Coherent synchrotron radiation of a bend in the steady state: free space, with its finite energy, parallel plates."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import scipy

from ssmb.arguments import checked
from ssmb.collective.impedances.base import Impedance, impedance
from ssmb.constants import ELECTRON_MASS_EV, VACUUM_IMPEDANCE
from ssmb.quantity import quantity

#: Z/L = (Z0/4 pi) CSR_COEFFICIENT k^(1/3) rho^(-2/3).
CSR_COEFFICIENT: complex = 3.0 ** (-1.0 / 3.0) * math.gamma(2.0 / 3.0) * complex(math.sqrt(3.0), 1.0)
#: Where exp(-r^3) is nothing, and nodes of the integrals over r.
_END, _NODES = 3.6, 128
#: Wave numbers and modes that are summed at a time; Airy argument behind which modes are a tail; most modes of plates,
#: behind which they are free space to rounding.
_AT_ONCE, _LAST, _MOST_MODES = 1 << 20, 400.0, 20_000


def free_space(k: np.ndarray, radius: float) -> np.ndarray:
    """Impedance per metre of a bend for beta = 1 [ohm/m]."""
    return VACUUM_IMPEDANCE / (4.0 * math.pi) * CSR_COEFFICIENT * np.cbrt(k) / radius ** (2.0 / 3.0)


@checked
@impedance("csr")
class CSR(Impedance):
    """Steady-state coherent synchrotron radiation in free space, (Z0/4 pi) A k^(1/3) rho^(-2/3) per metre of bend, A =
    3^(-1/3) Gamma(2/3) (sqrt 3 + i) = 1.626 + 0.939 i (J. B. Murphy, S. Krinsky, R. L. Gluckstern, Part. Accel. 57, 9
    (1997)).

    With an energy the full spectrum of synchrotron radiation, ``i k Z0/(4 pi) Int [(1/(g^2 psi) + psi/2) e^{-ik t(psi)}
    - e^{-ik rho psi/(2 g^2)}/(g^2 psi)] d psi``, t = rho psi/(2 g^2) + rho psi^3/24: the field of the circle less that
    of the straight line, which is space charge. Its real part is pi/e^2 times the spectral power per path (K_5/3).

    Valid in the steady state, a formation length (24 rho^2/k)^(1/3) behind the entrance; for beams thinner than
    (rho/k^2)^(1/3); far from walls, k >> pi sqrt(rho)/h^(3/2) for plates a distance h apart; without an energy for k <<
    3 g^3/(2 rho). The wake acts ahead of its source.
    """

    physics = "coherent synchrotron radiation"
    radius: float = quantity("m", "bending radius rho", minimum=0.0, open_minimum=True)
    length: float = quantity("m", "length of the bends", minimum=0.0)
    energy: float | None = quantity(
        "eV", "total energy of the electrons; without it beta = 1", default=None, minimum=ELECTRON_MASS_EV
    )

    acts = "ahead"
    power = 1.0 / 3.0

    def at(self, k: np.ndarray) -> np.ndarray:
        if self.energy is None:
            return self.length * free_space(k, self.radius)
        return self.length * finite_energy(k, self.radius, self.energy / ELECTRON_MASS_EV)

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        return [(cls(1.2, 3.0), 1e4), (cls(1.0, 1.0, 400e6), 4.654e8), (cls(1.0, 0.4, 600e6), 5.9e6)]


@checked
@impedance("csr_plates")
class CSRPlates(Impedance):
    """Steady-state coherent synchrotron radiation between parallel plates, beta = 1, the beam in the middle.

    Z/L = Z0 (2 pi/h) (2/(k rho))^(1/3) Sum_p [Ai'(b)(Ai'(b) - i Bi'(b)) + b Ai(b)(Ai(b) - i Bi(b))], b = (pi (2p +
    1)/h)^2 (rho/(2 k^2))^(2/3), h the FULL gap (T. Agoh and K. Yokoya, PRST-AB 7, 054403 (2004),
    doi:10.1103/PhysRevSTAB.7.054403).

    Valid in the steady state and for k rho >> 1, h << rho; Re Z is nothing below k of about pi sqrt(rho)/h^1.5.
    """

    physics = "coherent synchrotron radiation"
    radius: float = quantity("m", "bending radius rho", minimum=0.0, open_minimum=True)
    length: float = quantity("m", "length of the bends", minimum=0.0)
    gap: float = quantity("m", "full distance h of the plates", minimum=0.0, open_minimum=True)

    acts = "both"

    def at(self, k: np.ndarray) -> np.ndarray:
        k = np.asarray(k, dtype=float)
        out = np.zeros(k.shape, complex)
        positive = k > 0.0
        out[positive] = self.length * self._per_metre(k[positive])
        return out

    def _per_metre(self, k: np.ndarray) -> np.ndarray:
        first = (math.pi / self.gap) ** 2 * (self.radius / (2.0 * k * k)) ** (2.0 / 3.0)
        modes = np.ceil(0.5 * np.sqrt(_LAST / first)).astype(int) + 2
        out = free_space(k, self.radius)
        some = np.flatnonzero(modes <= _MOST_MODES)
        for part in np.array_split(some, 1 + int(modes[some].sum()) // _AT_ONCE):
            if part.size:
                out[part] = self._summed(k[part], first[part], int(modes[part].max()))
        return out

    def _summed(self, k: np.ndarray, first: np.ndarray, modes: int) -> np.ndarray:
        b = first[:, None] * (2.0 * np.arange(modes) + 1.0) ** 2
        near = np.minimum(b, _LAST)
        ai, ai1, bi, bi1 = scipy.special.airye(near)
        scale = np.exp(-4.0 / 3.0 * near**1.5)  # of Ai^2 and Ai'^2; the products with Bi have none
        real = scale * (ai1 * ai1 + near * ai * ai)
        imaginary = np.where(b < _LAST, -(ai1 * bi1 + near * ai * bi), -3.0 / (16.0 * math.pi) * b**-2.5)
        tail = -3.0 / (16.0 * math.pi) / (8.0 * first**2.5 * (2.0 * modes) ** 4)  # b^(-5/2) for all others
        size = VACUUM_IMPEDANCE * 2.0 * math.pi / self.gap * np.cbrt(2.0 / (k * self.radius))
        return size * (real.sum(axis=1) + 1j * (imaginary.sum(axis=1) + tail))

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        return [(cls(1.5279, 2.0, 0.05), 2094.0), (cls(5.0, 1.0, 0.02), 6000.0)]


def finite_energy(k: np.ndarray, radius: float, gamma: float) -> np.ndarray:
    """Impedance per metre of a bend at a finite energy, less that of space charge on a straight line [ohm/m]."""
    k = np.asarray(k, dtype=float)
    eta = (k * radius) ** (2.0 / 3.0) * 24.0 ** (1.0 / 3.0) / (2.0 * gamma**2)
    flat = eta.ravel()
    found = [_spectrum(part) for part in np.array_split(flat, 1 + flat.size * _NODES // _AT_ONCE)]
    size = VACUUM_IMPEDANCE / (4.0 * math.pi) * np.cbrt(k) * (24.0 / radius) ** (2.0 / 3.0)
    return 1j * size * np.concatenate(found).reshape(k.shape)


@functools.cache
def _nodes() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss from 0 to 1."""
    x, w = np.polynomial.legendre.leggauss(_NODES)
    return 0.5 * (x + 1.0), 0.5 * w


def _spectrum(eta: np.ndarray) -> np.ndarray:
    """Int [(eta/12 y)(e^{-iy^3} - 1) + (y/2) e^{-iy^3}] e^{-i eta y} dy along y = r e^{-i pi/6}, where all decays."""
    x, w = _nodes()
    turn = complex(0.5, 0.5 * math.sqrt(3.0))  # i e^{-i pi/6}
    end = np.minimum(_END, 80.0 / np.maximum(eta, 1e-300))[:, None]
    r = end * x
    cube = r**3
    wave = np.exp(-eta[:, None] * turn * r)
    inside = eta[:, None] / 12.0 * np.expm1(-cube) / r + 0.5 * np.conj(turn) * r * np.exp(-cube)
    tail = -eta / 12.0 * scipy.special.exp1(np.where(eta > 0.0, eta, 1.0) * _END * turn)
    return (inside * wave * end) @ w + np.where(eta > 0.0, tail, 0.0)


def critical_wave_number(radius: float, gamma: float) -> float:
    """Wave number 3 g^3/(2 rho) of the critical frequency [1/m]; the k^(1/3) law needs k far below."""
    return 1.5 * gamma**3 / radius


def overtaking_length(radius: float, length: float) -> float:
    """Way (24 rho^2 s)^(1/3) in a bend on which light overtakes by a length s, such as 1/k or sigma_z [m].

    The steady state needs a bend that is longer (E. L. Saldin, E. A. Schneidmiller, M. V. Yurkov, NIM A 398, 373
    (1997), doi:10.1016/S0168-9002(97)00822-X).
    """
    return (24.0 * radius**2 * length) ** (1.0 / 3.0)


def coherence_size(radius: float, length: float) -> float:
    """Transverse size (rho s^2)^(1/3) up to which light of the length s = 1/k or sigma_z is that of a line charge [m].

    The same reference, section 2: one dimension needs a beam that is thinner.
    """
    return (radius * length**2) ** (1.0 / 3.0)
