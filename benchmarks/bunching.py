"""Bunching of many particles against the sine limit of one core, and spectra of a million particles.

    python benchmarks/bunching.py

The sine limit is the time of the package's own sine and cosine alone, for as many arguments, from the same memory. All
on one thread; medians and extremes of rounds that alternate, because the machine may be shared.
"""

from __future__ import annotations

import os
import statistics
import sys
import time

os.environ["NUMBA_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

PARTICLES, WAVELENGTHS, ROUNDS = 1_000_000, 8, 9
SPECTRUM = 10_000


def sine_limit():
    """A loop that forms sine and cosine of 2 pi z/wavelength, not exactly, and adds nothing up; it keeps the last
    tile.
    """
    from ssmb.kernels.jit import FLAGS, numba
    from ssmb.kernels.primitives import nearest_whole, sincos_quarters
    from ssmb.kernels.sums import TILE

    @numba.njit(**FLAGS)
    def tile(z, inverse, cosine, sine):
        for i in range(z.size):
            turns = z[i] * inverse
            quarters = nearest_whole(4.0 * turns)
            sine[i], cosine[i] = sincos_quarters(quarters, (turns - 0.25 * quarters) * (2.0 * np.pi))

    @numba.njit(**FLAGS)
    def limit(z, inverse, cosine, sine):
        for start in range(0, z.size - TILE + 1, TILE):
            for j in range(inverse.size):
                tile(z[start : start + TILE], inverse[j], cosine, sine)

    cosine, sine = np.empty(TILE), np.empty(TILE)
    return lambda z, wavelengths: limit(z, 1.0 / wavelengths, cosine, sine)


def alternating(calls: dict, rounds: int = ROUNDS) -> dict:
    """Processor times of the calls, each of them once in every round [s]."""
    spent = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            began = time.process_time()
            call()
            spent[name].append(time.process_time() - began)
    return spent


def ratio_to_limit(rounds: int = ROUNDS) -> list[float]:
    """Sine limit over the time of the bunching sum, round by round [1]."""
    from ssmb.kernels.sums import bunching_sums

    limit = sine_limit()
    z = np.random.default_rng(1).normal(0.0, 1e-4, PARTICLES)
    weight, wavelengths = np.ones(PARTICLES), 1064e-9 / np.arange(1, WAVELENGTHS + 1)
    spent = alternating(
        {"limit": lambda: limit(z, wavelengths), "sum": lambda: bunching_sums(z, weight, wavelengths)}, rounds
    )
    for name, times in spent.items():
        print(f"{name:32s} {1e9 * min(times) / PARTICLES / WAVELENGTHS:8.2f} ns per particle and wavelength")
    return [a / b for a, b in zip(spent["limit"], spent["sum"], strict=True)]


def spectra() -> None:
    """Times of spectra by the transform, and what the direct sum would take."""
    from ssmb.beam import bunching_factor
    from ssmb.beam.spectrum import bunching_spectrum

    z = np.random.default_rng(1).normal(0.0, 1e-4, PARTICLES)
    for name, wavelengths in (
        ("13.5 nm +- 1 %", np.linspace(13.365e-9, 13.635e-9, SPECTRUM)),
        ("10 to 2000 nm", 2.0 * np.pi / np.linspace(2.0 * np.pi / 2e-6, 2.0 * np.pi / 10e-9, SPECTRUM)),
    ):
        calls = {"transform": lambda w=wavelengths: bunching_spectrum(z, w)}
        seconds = min(alternating(calls, 3)["transform"])
        few = slice(None, None, SPECTRUM // 20)
        began = time.process_time()
        want = bunching_factor(z, wavelengths[few])
        direct = (time.process_time() - began) * SPECTRUM / len(want)
        error = np.abs(bunching_spectrum(z, wavelengths).bunching[few] - want).max()
        print(f"{name:20s} {SPECTRUM} wavelengths: {seconds:.2f} s, direct sum {direct:.0f} s, difference {error:.1e}")


def main() -> None:
    ratios = ratio_to_limit()
    print(f"sine limit over bunching sum: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    try:
        import finufft  # noqa: F401
    except ImportError:
        print("spectra are not measured: finufft is not installed, pip install 'ssmb[nufft]'")
        return
    spectra()


if __name__ == "__main__":
    sys.exit(main())
