"""Charge of a beam, in bins or as harmonics, and the energy that its particles get from it.

Sums are formed over groups of particles, 256 for a few numbers and :data:`GROUP` for bins, and added in the order of
the groups, so that neither the number of threads nor the cut of a beam into ranks at such groups changes a bit. Lost
particles have weight 0 and are not kicked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmb.kernels.jit import cached, scalar
from ssmb.kernels.loops import BLOCK, DELTA, Z
from ssmb.kernels.primitives import sincos_turns, sqrt, where
from ssmb.kernels.threads import threaded

#: Particles of a group whose charge goes to bins: a row of bins for each 256 would be more to write than the beam.
GROUP = 16 * BLOCK


@scalar
def gained_energy(z, delta, gain, mass2):
    """z and delta after an energy gain in units of p0 c at a fixed time; mass2 = (m c/p0)^2.

    z = -beta c dt keeps dt; both follow exactly and without cancellation.
    """
    q = 1.0 + delta
    energy = sqrt(q * q + mass2)
    d = gain * (2.0 * energy + gain)
    q1 = sqrt(q * q + d)
    return z * ((q1 * energy) / (q * (energy + gain))), delta + d / (q + q1)


@scalar
def _place_in_bins(z, first, inverse_width, bins):
    """Node below a place and the share of the node above it; -1 outside of the nodes."""
    u = (z - first) * inverse_width
    i = int(np.floor(u)) if 0.0 <= u < bins - 1.0 else -1
    return i, u - i


def _blocks(particles, terms):
    """Number of groups, and about how long one takes [ns]."""
    return -(-particles // BLOCK), 5.0 * BLOCK * terms


def _groups(particles):
    """Number of groups of bins, and about how long one takes [ns]."""
    return -(-particles // GROUP), 2.0 * GROUP


def _bin_sums(begin, end, z, weight, state, first, inverse_width, out):
    """Fill ``out[group]`` with the weight in each bin, shared linearly between nodes, and that outside of the bins."""
    bins = out.shape[1] - 1
    for group in range(begin, end):
        row = out[group]
        row[:] = 0.0
        for k in range(group * GROUP, min((group + 1) * GROUP, z.size)):
            if state[k] == 0:
                i, upper = _place_in_bins(z[k], first, inverse_width, bins)
                if i < 0:
                    row[bins] += weight[k]
                else:
                    above = weight[k] * upper
                    row[i] += weight[k] - above
                    row[i + 1] += above


bin_sums: Any = threaded(_bin_sums, lambda z, *_: _groups(z.size))


def _offset_sums(begin, end, coordinates, rows, weight, state, first, inverse_width, out):
    """Fill ``out[group]`` with the weight in each bin, behind it the weight times each of some coordinates, shared
    linearly between nodes, and at the end the weight outside of the bins.
    """
    sets = rows.size + 1
    bins = (out.shape[1] - 1) // sets
    for group in range(begin, end):
        row = out[group]
        row[:] = 0.0
        for k in range(group * GROUP, min((group + 1) * GROUP, state.size)):
            if state[k] == 0:
                i, upper = _place_in_bins(coordinates[Z, k], first, inverse_width, bins)
                if i < 0:
                    row[sets * bins] += weight[k]
                else:
                    for j in range(sets):
                        whole = weight[k] * coordinates[rows[j - 1], k] if j else weight[k]
                        above = whole * upper
                        row[j * bins + i] += whole - above
                        row[j * bins + i + 1] += above


offset_sums: Any = threaded(_offset_sums, lambda coordinates, rows, weight, state, *_: _groups(state.size))


def _harmonic_sums(begin, end, z, weight, state, per_metre, out):
    """Fill ``out[block]`` with the weight of all particles and, for each wave, the sums of w cos and -w sin of those
    alive.

    ``per_metre`` are the inverse wavelengths [1/m].
    """
    for block in range(begin, end):
        row = out[block]
        row[:] = 0.0
        lo, hi = block * BLOCK, min((block + 1) * BLOCK, z.size)
        sine, cosine = np.empty(BLOCK), np.empty(BLOCK)
        for k in range(lo, hi):
            row[0] += weight[k]
        for j in range(per_metre.size):
            for k in range(hi - lo):  # a loop of its own, so that it becomes vectors
                sine[k], cosine[k] = sincos_turns(z[lo + k] * per_metre[j])
            for k in range(hi - lo):
                w = weight[lo + k] if state[lo + k] == 0 else 0.0
                row[1 + 2 * j] += w * cosine[k]
                row[2 + 2 * j] -= w * sine[k]


harmonic_sums: Any = threaded(_harmonic_sums, lambda z, weight, state, per_metre, out: _blocks(z.size, per_metre.size))


def _added(parts):
    """Sum of rows, strictly in their order."""
    total = np.zeros(parts.shape[1])
    for block in range(parts.shape[0]):
        for k in range(parts.shape[1]):
            total[k] += parts[block, k]
    return total


added: Any = cached(_added)


def _kick_by_bins(begin, end, coordinates, places, state, first, inverse_width, gains, mass2):
    """Give each particle the energy [p0 c] interpolated linearly between the nodes at its place; none outside."""
    bins = gains.size
    gain = np.empty(BLOCK)
    for block in range(begin, end):
        lo, hi = block * BLOCK, min((block + 1) * BLOCK, state.size)
        # slices, whose index cannot wrap around, so that the second loop becomes vectors
        at, alive, z, delta = places[lo:hi], state[lo:hi], coordinates[Z, lo:hi], coordinates[DELTA, lo:hi]
        for k in range(hi - lo):
            i, upper = _place_in_bins(at[k], first, inverse_width, bins)
            gain[k] = 0.0 if i < 0 or alive[k] != 0 else gains[i] + upper * (gains[i + 1] - gains[i])
        for k in range(hi - lo):
            new_z, new_delta = gained_energy(z[k], delta[k], gain[k], mass2)
            kicked = gain[k] != 0.0  # without charge not a bit changes
            z[k] = new_z if kicked else z[k]
            delta[k] = new_delta if kicked else delta[k]


kick_by_bins: Any = threaded(_kick_by_bins, lambda coordinates, places, state, *_: _blocks(state.size, 1))


def _deflect_by_bins(begin, end, coordinates, state, momentum, position, first, inverse_width, driving, detuning):
    """Add to a momentum [p0] ``driving + detuning x`` of a position x, both interpolated linearly between the nodes."""
    for block in range(begin, end):
        for k in range(block * BLOCK, min((block + 1) * BLOCK, state.size)):
            if state[k] == 0:
                i, upper = _place_in_bins(coordinates[Z, k], first, inverse_width, driving.size)
                if i >= 0:
                    slope = detuning[i] + upper * (detuning[i + 1] - detuning[i])
                    kick = driving[i] + upper * (driving[i + 1] - driving[i]) + slope * coordinates[position, k]
                    if kick != 0.0:  # without charge not a bit changes
                        coordinates[momentum, k] += kick


deflect_by_bins: Any = threaded(_deflect_by_bins, lambda coordinates, state, *_: _blocks(state.size, 1))


def _kick_by_harmonics(begin, end, coordinates, state, per_metre, cosine, sine, mass2):
    """Give each particle the energy [p0 c] sum of cosine[j] cos(2 pi z per_metre[j]) + sine[j] sin(...)."""
    gain = np.empty(BLOCK)
    for block in range(begin, end):
        lo, hi = block * BLOCK, min((block + 1) * BLOCK, state.size)
        # views of rows: an index that is no more than the loop's becomes vectors
        late, momentum, dead = coordinates[Z, lo:hi], coordinates[DELTA, lo:hi], state[lo:hi]
        gain[:] = 0.0
        for j in range(per_metre.size):
            for k in range(hi - lo):
                s, c = sincos_turns(late[k] * per_metre[j])
                gain[k] += cosine[j] * c + sine[j] * s
        for k in range(hi - lo):
            gained = where(dead[k] == 0, gain[k], 0.0)
            new_z, new_delta = gained_energy(late[k], momentum[k], gained, mass2)
            kicked = gained != 0.0  # without charge not a bit changes
            late[k], momentum[k] = where(kicked, new_z, late[k]), where(kicked, new_delta, momentum[k])


kick_by_harmonics: Any = threaded(
    _kick_by_harmonics, lambda coordinates, state, per_metre, *_: _blocks(state.size, per_metre.size)
)
