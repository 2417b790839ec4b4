"""The sums of :mod:`ssmb.kernels.lobes` on a CUDA device: a block of threads for each angle, or for each particle.

The terms are those of the processor, and they are added in its order: pairwise in tiles of 256, tile after tile.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import cuda

from ssmb.kernels.device import check_device, compiled, on_device
from ssmb.kernels.lobes import TILE, _seen


def _pairwise(rows, i):
    """Add the rows (n, TILE) up to their first numbers; every thread of the block calls it."""
    half = TILE // 2
    while half > 0:
        cuda.syncthreads()
        if i < half:
            for r in range(rows.shape[0]):
                rows[r, i] += rows[r, i + half]
        half //= 2
    cuda.syncthreads()


def functions() -> dict[str, tuple[Callable, str]]:
    """What is launched, and with which arguments."""
    seen, pairwise = on_device(_seen), on_device(_pairwise)

    def sums(beam, weight, theta_x, theta_y, waves, spread, slope, offset, out):
        rows = cuda.shared.array((3, TILE), np.float64)
        a, i = cuda.blockIdx.x, cuda.threadIdx.x
        for first in range(0, weight.size, TILE):
            k = first + i
            for r in range(3):
                rows[r, i] = 0.0
            if k < weight.size:
                lobe, s, c = seen(
                    beam[0, k], beam[1, k], beam[2, k], beam[3, k], beam[4, k], beam[5, k], theta_x[a], theta_y[a],
                    waves, spread, slope, offset,
                )  # fmt: skip
                lobe = weight[k] * lobe
                rows[0, i], rows[1, i], rows[2, i] = lobe * c, -lobe * s, lobe * lobe
            pairwise(rows, i)
            if i < 3:
                out[a, i] += rows[i, 0]
            cuda.syncthreads()

    def exchange(beam, theta_x, theta_y, solid, real, imag, waves, spread, slope, offset, out):
        rows = cuda.shared.array((1, TILE), np.float64)
        k, i = cuda.blockIdx.x, cuda.threadIdx.x
        for first in range(0, theta_x.size, TILE):
            a = first + i
            rows[0, i] = 0.0
            if a < theta_x.size:
                lobe, s, c = seen(
                    beam[0, k], beam[1, k], beam[2, k], beam[3, k], beam[4, k], beam[5, k], theta_x[a], theta_y[a],
                    waves, spread, slope, offset,
                )  # fmt: skip
                rows[0, i] = solid[a] * lobe * (c * real[a] - s * imag[a])
            pairwise(rows, i)
            if i == 0:
                out[k] += rows[0, 0]
            cuda.syncthreads()

    row, table, lobe = "float64[::1]", "float64[:,::1]", "float64, float64, float64, float64"
    return {
        "lobe sums": (sums, f"void({table}, {row}, {row}, {row}, {lobe}, {table})"),
        "lobe exchange": (exchange, f"void({table}, {row}, {row}, {row}, {row}, {row}, {lobe}, {row})"),
    }


@cache
def _compiled(name: str) -> Any:
    return compiled(name, *functions()[name])


def _launch(name: str, blocks: int, arrays: tuple[np.ndarray, ...], lobe: tuple[float, ...], out: np.ndarray) -> None:
    check_device()
    there = cuda.to_device(np.zeros_like(out))
    given = (cuda.to_device(np.ascontiguousarray(a, dtype=np.float64)) for a in arrays)
    _compiled(name)[blocks, TILE](*given, *(float(v) for v in lobe), there)
    out[...] = there.copy_to_host()


def lobe_sums(beam, weight, theta_x, theta_y, waves, spread, slope, offset, out):
    """Fill ``out[angle]`` as :func:`ssmb.kernels.lobes.lobe_sums` does."""
    _launch("lobe sums", theta_x.size, (beam, weight, theta_x, theta_y), (waves, spread, slope, offset), out)


def lobe_exchange(beam, theta_x, theta_y, solid, real, imag, waves, spread, slope, offset, out):
    """Fill ``out[particle]`` as :func:`ssmb.kernels.lobes.lobe_exchange` does."""
    arrays = beam, theta_x, theta_y, solid, real, imag
    _launch("lobe exchange", out.size, arrays, (waves, spread, slope, offset), out)
