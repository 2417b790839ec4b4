"""Radiation of a whole section in one place: mean change, damping and diffusion."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ssmb.beam.reference import Reference
from ssmb.elements.base import ByField, ByMap, Element, element, param
from ssmb.elements.linear_map import root_of_covariance
from ssmb.errors import LatticeError
from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel
from ssmb.kernels.roles import Role
from ssmb.maps.op import Noise, Op
from ssmb.maps.photon_spectrum import four_normals

_GROUP = "SSMB_LumpedRadiationP"
_N = 48


def _inverse(p: tuple[float, ...]) -> tuple[float, ...]:
    change, about, matrix = np.array(p[:6]), np.array(p[6:12]), np.array(p[12:48]).reshape(6, 6)
    back = np.linalg.solve(np.eye(6) + matrix, -matrix)  # (1 + E)^-1 - 1
    return (*(-change).tolist(), *(about + change).tolist(), *back.ravel().tolist())


@scalar
def _row(a, b, c, d, e, f, m):
    return m[0] * a + m[1] * b + m[2] * c + m[3] * d + m[4] * e + m[5] * f


@scalar
def _damped(x, px, y, py, z, delta, p):
    a, b, c = x - p[6], px - p[7], y - p[8]
    d, e, f = py - p[9], z - p[10], delta - p[11]
    return (
        x + (p[0] + _row(a, b, c, d, e, f, p[12:18])),
        px + (p[1] + _row(a, b, c, d, e, f, p[18:24])),
        y + (p[2] + _row(a, b, c, d, e, f, p[24:30])),
        py + (p[3] + _row(a, b, c, d, e, f, p[30:36])),
        z + (p[4] + _row(a, b, c, d, e, f, p[36:42])),
        delta + (p[5] + _row(a, b, c, d, e, f, p[42:48])),
    )


@kernel("radiation_shift", 6, changes_delta=True, invert=lambda p: tuple(-c for c in p), role=Role.LUMP)
@scalar
def radiation_shift(x, px, y, py, z, delta, rpp, dbeta, p):
    """``v += p``."""
    return x + p[0], px + p[1], y + p[2], py + p[3], z + p[4], delta + p[5]


@kernel("radiation_lumped", _N, changes_delta=True, invert=_inverse, role=Role.LUMP)
@scalar
def radiation_lumped(x, px, y, py, z, delta, rpp, dbeta, p):
    """``v += c + E (v - v0)``; p = (c, v0, rows of E)."""
    return _damped(x, px, y, py, z, delta, p)


@kernel("radiation_lumped_noise_4", _N + 24, stochastic=True, role=Role.LUMP)
@scalar
def radiation_lumped_noise_4(x, px, y, py, z, delta, rpp, dbeta, p, key):
    """The same, and ``v += L n`` with four normal numbers n; p goes on with the rows of L, (6, 4)."""
    x, px, y, py, z, delta = _damped(x, px, y, py, z, delta, p)
    a, b, c, d = four_normals(key, 0.0)
    return (
        x + (p[48] * a + p[49] * b + p[50] * c + p[51] * d),
        px + (p[52] * a + p[53] * b + p[54] * c + p[55] * d),
        y + (p[56] * a + p[57] * b + p[58] * c + p[59] * d),
        py + (p[60] * a + p[61] * b + p[62] * c + p[63] * d),
        z + (p[64] * a + p[65] * b + p[66] * c + p[67] * d),
        delta + (p[68] * a + p[69] * b + p[70] * c + p[71] * d),
    )


@kernel("radiation_lumped_noise_6", _N + 36, stochastic=True, role=Role.LUMP)
@scalar
def radiation_lumped_noise_6(x, px, y, py, z, delta, rpp, dbeta, p, key):
    """The same with six normal numbers; p goes on with the rows of L, (6, 6)."""
    x, px, y, py, z, delta = _damped(x, px, y, py, z, delta, p)
    a, b, c, d = four_normals(key, 0.0)
    e, f, _, _ = four_normals(key, 1.0)
    return (
        x + _row(a, b, c, d, e, f, p[48:54]),
        px + _row(a, b, c, d, e, f, p[54:60]),
        y + _row(a, b, c, d, e, f, p[60:66]),
        py + _row(a, b, c, d, e, f, p[66:72]),
        z + _row(a, b, c, d, e, f, p[72:78]),
        delta + _row(a, b, c, d, e, f, p[78:84]),
    )


@element("SSMB_LumpedRadiation")
class LumpedRadiation(Element):
    """What the radiation of a section does, at its end: ``v += mean + damping (v - point) + noise``.

    It acts only where radiation is tracked; ``radiation="mean"`` leaves out the noise, which for "quantum" and
    "diffusion" alike is Gaussian with the covariance ``diffusion``, from counter-based random numbers (at most 6.8
    standard deviations). Fast ring models are made with it; an element of length 0 that comes after the section's map.

    Parameters
    ----------
    mean : change of a particle at ``point`` [m, 1].
    point : six coordinates [m, 1].
    damping : 6x6 matrix, the damped map after the undamped one minus the identity.
    diffusion : 6x6 covariance that a pass adds.

    Raises
    ------
    LatticeError
        If a size is wrong, or the diffusion is not a covariance.
    """

    mean: tuple[float, ...] = param(
        (), unit="", key=f"{_GROUP}.mean", type="vector", doc="change of the six coordinates at the point; default 0"
    )
    point: tuple[float, ...] = param(
        (), unit="", key=f"{_GROUP}.point", type="vector", doc="six coordinates that the damping leaves; default 0"
    )
    damping: tuple[tuple[float, ...], ...] = param(
        (), unit="", key=f"{_GROUP}.damping", type="matrix", doc="6x6 matrix of the damping per pass, minus 1"
    )
    diffusion: tuple[tuple[float, ...], ...] = param(
        (), unit="", key=f"{_GROUP}.diffusion", type="matrix", doc="6x6 covariance that a pass adds"
    )

    def check(self) -> None:
        for field in ("mean", "point"):
            if getattr(self, field) and len(getattr(self, field)) != 6:
                raise LatticeError(f"{self.label()}: {_GROUP}.{field} must be 6 numbers")
        for field in ("damping", "diffusion"):
            rows = getattr(self, field)
            if rows and (len(rows) != 6 or any(len(row) != 6 for row in rows)):
                raise LatticeError(f"{self.label()}: {_GROUP}.{field} must be six rows of six numbers")
        if self.diffusion:
            self._root(np.array(self.diffusion))

    def _root(self, covariance: np.ndarray) -> np.ndarray:
        return root_of_covariance(covariance, f"{self.label()}: {_GROUP}.diffusion")

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        return ()

    def ops_with_radiation(self, ref: Reference, mode: str = "mean") -> tuple[Op, ...]:
        """Ops where radiation is tracked."""
        zero = (0.0,) * 6
        noisy = bool(np.any(self.diffusion))
        if not self.damping and not noisy:
            return (Op(radiation_shift, self.mean),) if self.mean else ()
        damping = np.array(self.damping or np.zeros((6, 6)))
        p = (*(self.mean or zero), *(self.point or zero), *damping.ravel().tolist())
        quiet = Op(radiation_lumped, p)
        if mode == "mean" or not noisy:
            return (quiet,)
        covariance = np.array(self.diffusion)
        moved = np.flatnonzero(np.diag(covariance))
        normals = 4 if len(moved) <= 4 else 6
        root = np.zeros((6, normals))
        root[np.ix_(moved, np.arange(len(moved)))] = self._root(covariance[np.ix_(moved, moved)])
        kernel = radiation_lumped_noise_4 if normals == 4 else radiation_lumped_noise_6
        return (Op(kernel, (*p, *root.ravel().tolist()), detail=Noise(quiet, root)),)

    def without_noise(self) -> LumpedRadiation:
        return replace(self, diffusion=()) if self.diffusion else self

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        damping = np.diag([-1e-3, -2e-3, -1e-3, -2e-3, 0.0, -4e-3])
        damping[0, 5] = 1e-4
        mean, point = (1e-8, 0.0, 0.0, 0.0, -2e-9, -1e-6), (1e-5, 0.0, 0.0, 0.0, 1e-6, 1e-5)
        made = cls(name="mean", mean=mean, point=point, damping=tuple(map(tuple, damping.tolist())))

        def damped(x, px, y, py, z, delta):
            x1 = x + 1e-8 - 1e-3 * (x - 1e-5) + 1e-4 * (delta - 1e-5)
            return (
                x1, px - 2e-3 * px, y - 1e-3 * y, py - 2e-3 * py, z - 2e-9, delta - 1e-6 - 4e-3 * (delta - 1e-5)
            )  # fmt: skip

        def shifted(x, px, y, py, z, delta):
            return x + 1e-8, px, y, py, z - 2e-9, delta - 1e-6

        return [
            ByMap(made, damped, rtol=1e-10, radiation="mean"),
            ByMap(cls(name="shift", mean=mean), shifted, rtol=1e-8, radiation="mean"),
            ByMap(made, lambda *v: v),
        ]

    @classmethod
    def examples(cls) -> list[Any]:
        damping = np.diag([-1e-3, -2e-3, -1e-3, -2e-3, 0.0, -4e-3])
        damping[0, 5] = 1e-4
        diffusion = np.diag([1e-14, 1e-16, 0.0, 0.0, 1e-15, 1e-12])
        diffusion[0, 5] = diffusion[5, 0] = 5e-14
        rows, covariance = (tuple(map(tuple, m.tolist())) for m in (damping, diffusion))
        full = tuple(map(tuple, (diffusion + np.diag([0.0, 0.0, 1e-16, 1e-17, 0.0, 0.0])).tolist()))
        mean = (1e-8, 0.0, 0.0, 0.0, -2e-9, -1e-6)
        return [
            cls(name="nothing"),
            cls(name="shift", mean=mean),
            cls(name="mean", mean=mean, damping=rows),
            cls(name="planar", mean=mean, damping=rows, diffusion=covariance),
            cls(name="full", mean=mean, point=(1e-5, 0.0, 0.0, 0.0, 1e-6, 1e-5), damping=rows, diffusion=full),
        ]
