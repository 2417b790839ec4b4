"""Univariate power series along many directions at once, through the tapes of the scalar maps.

A jet is c_0 + c_1 t + ... + c_d t^d of one coordinate along a straight line through the point of expansion; LANES lines
run side by side. All lines meet in that point, so c_0, the choices between formulas and the derivatives of a function
of one variable are the same for all of them.

References
----------
A. Griewank, J. Utke, A. Walther, Math. Comp. 69, 1117 (2000), doi:10.1090/S0025-5718-00-01120-0: derivatives of many
variables from univariate series. A. Griewank, A. Walther, Evaluating Derivatives, SIAM (2008), table 13.2: series of
functions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ssmb.kernels import tapes
from ssmb.kernels.jit import FLAGS, cached, numba
from ssmb.kernels.primitives import velocity_excess
from ssmb.kernels.tapes import INPUTS, Tape, tape_of

#: lines that run side by side, at most
LANES = 64
#: atan(u)/u by its power series about 0 up to here, and terms of it: 0.25^52 times the binomials of order 12 is below
#: rounding
_NEAR_ZERO, _TERMS = 0.5, 52


def _of_delta(x, px, y, py, z, delta, rpp, dbeta, p):
    """What the loops keep of delta."""
    return 1.0 / (1.0 + delta), velocity_excess(delta, p[0], p[1])


@numba.njit(**FLAGS)
def _series(function, u, order, out):
    """Fill ``out[: order + 1]`` with the Taylor coefficients of a function at u."""
    if function == tapes.RECIPROCAL:
        out[0] = 1.0 / u
        for k in range(1, order + 1):
            out[k] = -out[k - 1] / u
    elif function == tapes.SQRT:
        out[0] = math.sqrt(u)
        for k in range(1, order + 1):
            out[k] = out[k - 1] * (1.5 - k) / (k * u)
    elif function == tapes.SIN or function == tapes.COS:
        s, c = math.sin(u), math.cos(u)
        one, other = (s, c) if function == tapes.SIN else (c, -s)
        factor = 1.0
        for k in range(order + 1):
            out[k] = one * factor
            one, other = other, -one
            factor /= k + 1.0
    elif function == tapes.EXP:
        out[0] = math.exp(u)
        for k in range(1, order + 1):
            out[k] = out[k - 1] / k
    elif function == tapes.LOG:
        out[0] = math.log(u)
        power = 1.0
        for k in range(1, order + 1):
            power /= -u
            out[k] = -power / k
    elif function == tapes.ATAN_OVER and abs(u) < _NEAR_ZERO:
        for k in range(order + 1):
            out[k] = 0.0
        for m in range(_TERMS, -1, -1):
            for _ in range(2):  # times u + t, twice
                for k in range(order, 0, -1):
                    out[k] = out[k] * u + out[k - 1]
                out[0] *= u
            out[0] += (1.0 - 2.0 * (m % 2)) / (2 * m + 1)
    else:
        # derivative of atan: (1 + u^2 + 2 u t + t^2) g = 1
        g, before = 1.0 / (1.0 + u * u), 0.0
        out[0] = math.atan(u)
        for k in range(1, order + 1):
            out[k] = g / k
            g, before = -(2.0 * u * g + before) / (1.0 + u * u), g
        if function == tapes.ATAN_OVER:
            out[0] /= u
            for k in range(1, order + 1):
                out[k] = (out[k] - out[k - 1]) / u


@numba.njit(**FLAGS)
def _low_product(a, b, out):
    """Product up to the fourth order, written out: a lane stays in registers, and the loop over lanes vectorises."""
    high = len(out) - 1
    if high == 1:
        for i in range(out.shape[1]):
            u, v = a[0, i], b[0, i]
            out[0, i] = u * v
            out[1, i] = u * b[1, i] + a[1, i] * v
    elif high == 2:
        for i in range(out.shape[1]):
            u, u1, v, v1 = a[0, i], a[1, i], b[0, i], b[1, i]
            out[0, i] = u * v
            out[1, i] = u * v1 + u1 * v
            out[2, i] = u * b[2, i] + u1 * v1 + a[2, i] * v
    elif high == 3:
        for i in range(out.shape[1]):
            u, u1, u2, v, v1, v2 = a[0, i], a[1, i], a[2, i], b[0, i], b[1, i], b[2, i]
            out[0, i] = u * v
            out[1, i] = u * v1 + u1 * v
            out[2, i] = u * v2 + u1 * v1 + u2 * v
            out[3, i] = u * b[3, i] + u1 * v2 + u2 * v1 + a[3, i] * v
    else:
        for i in range(out.shape[1]):
            u, u1, u2, u3, v, v1, v2, v3 = a[0, i], a[1, i], a[2, i], a[3, i], b[0, i], b[1, i], b[2, i], b[3, i]
            out[0, i] = u * v
            out[1, i] = u * v1 + u1 * v
            out[2, i] = u * v2 + u1 * v1 + u2 * v
            out[3, i] = u * v3 + u1 * v2 + u2 * v1 + u3 * v
            out[4, i] = u * b[4, i] + u1 * v3 + u2 * v2 + u3 * v1 + a[4, i] * v


@numba.njit(**FLAGS)
def _product(a, b, out):
    if len(out) <= 5:
        _low_product(a, b, out)
        return
    for k in range(len(out)):
        row, u, v = out[k], a[0], b[k]
        for i in range(row.size):
            row[i] = u[i] * v[i]
        for m in range(1, k + 1):
            u, v = a[m], b[k - m]
            for i in range(row.size):
                row[i] += u[i] * v[i]


@numba.njit(**FLAGS)
def _composed(series, a, out):
    """Series of a function, in the part of a jet that is not constant (Horner)."""
    order, head = len(out) - 1, out[0]
    for k in range(order + 1):
        row = out[k]
        for i in range(row.size):
            row[i] = series[order] if k == 0 else 0.0
    for power in range(order - 1, -1, -1):
        for k in range(order - power, 0, -1):
            row, u = out[k], a[k]
            for i in range(row.size):
                row[i] = u[i] * head[i]
            for m in range(1, k):
                u, v = a[m], out[k - m]
                for i in range(row.size):
                    row[i] += u[i] * v[i]
        for i in range(head.size):
            head[i] = series[power]


@numba.njit(**FLAGS)
def _combined(a, b, by, out):
    for i in range(out.size):
        out[i] = a[i] + by * b[i]


@numba.njit(**FLAGS)
def _shifted(a, factor, by, lanes, out):
    for i in range(out.size):
        out[i] = factor * a[i]
    for i in range(lanes):
        out[i] += by


@numba.njit(**FLAGS)
def _scalar(operation, a, b, c, s, series):
    """Result of an operation on scalars."""
    if operation == tapes.ADD:
        return s[a] + s[b]
    if operation == tapes.SUB:
        return s[a] - s[b]
    if operation == tapes.MUL:
        return s[a] * s[b]
    if operation == tapes.DIV:
        return s[a] / s[b]
    if operation == tapes.LESS:
        return 1.0 if s[a] < s[b] else 0.0
    if operation == tapes.LESS_EQUAL:
        return 1.0 if s[a] <= s[b] else 0.0
    if operation == tapes.EQUAL:
        return 1.0 if s[a] == s[b] else 0.0
    if operation == tapes.BOTH:
        return s[a] * s[b]
    if operation == tapes.EITHER:
        return max(s[a], s[b])
    if operation == tapes.CHOOSE:
        return s[b] if s[a] != 0.0 else s[c]
    if operation == tapes.FLOOR:
        return math.floor(s[a])
    if operation == tapes.NEAREST:
        return np.rint(s[a])
    _series(b, s[a], 0, series)
    return series[0]


@numba.njit(**FLAGS)
def _play(code, first, last, s, jets, r, series):
    """Run a piece of straight-line code on scalars s and jets, whose rows ``r[jet]`` are all their numbers."""
    lanes = jets.shape[2]
    for at in range(first, last):
        operation, out, a, b, c = code[at, 0], code[at, 1], code[at, 2], code[at, 3], code[at, 4]
        if operation < tapes.HEAD_J:
            s[out] = _scalar(operation, a, b, c, s, series)
        elif operation == tapes.HEAD_J:
            s[out] = r[a, 0]
        elif operation == tapes.MUL_JJ:
            _product(jets[a], jets[b], jets[out])
        elif operation == tapes.CALL_J:
            _series(b, r[a, 0], jets.shape[1] - 1, series)
            _composed(series, jets[a], jets[out])
        elif operation == tapes.ADD_JJ or operation == tapes.SUB_JJ:
            _combined(r[a], r[b], 1.0 if operation == tapes.ADD_JJ else -1.0, r[out])
        else:
            source, factor, by = a, 1.0, 0.0
            if operation == tapes.MUL_JS:
                factor = s[b]
            elif operation == tapes.ADD_JS:
                by = s[b]
            elif operation == tapes.SUB_SJ:
                source, factor, by = b, -1.0, s[a]
            elif operation == tapes.DIV_JS:
                factor = 1.0 / s[b]
            elif operation == tapes.FROM_S:
                source, factor, by = 0, 0.0, s[a]
            else:  # CHOOSE_SJJ
                source = b if s[a] != 0.0 else c
            _shifted(r[source], factor, by, lanes, r[out])


def _advance(lines, calls, where, code, constants, params, scalars, jets):
    """Carry ``lines[group, coordinate, power, lane]`` through a row of calls.

    ``calls``: tape, first parameter, repeats, tape that follows (or -1), its first parameter. ``where``: for each tape
    first and last row of the code, first and last of the constants, parameters, jets of the six results.
    """
    # the last six jets are for results on their way
    s, r, series = np.empty(scalars), np.empty((jets + 6, *lines.shape[2:])), np.empty(lines.shape[2])
    flat = r.reshape(jets + 6, -1)
    for group in range(len(lines)):
        r[:INPUTS] = lines[group]
        for call in range(len(calls)):
            for _ in range(calls[call, 2]):
                for part in range(2):
                    tape, given = calls[call, 3 * part], calls[call, 3 * part + 1]  # the map, and what follows it
                    if tape < 0:
                        continue
                    own = where[tape, 3] - where[tape, 2]
                    for i in range(own):
                        s[i] = constants[where[tape, 2] + i]
                    for i in range(where[tape, 4]):
                        s[own + i] = params[given + i]
                    _play(code, where[tape, 0], where[tape, 1], s, r, flat, series)
                    n, to = (6, 0) if part == 0 else (2, 6)
                    for i in range(n):
                        if where[tape, 5 + i] != to + i:
                            _shifted(flat[where[tape, 5 + i]], 1.0, 0.0, 0, flat[jets + i])
                    for i in range(n):
                        if where[tape, 5 + i] != to + i:
                            _shifted(flat[jets + i], 1.0, 0.0, 0, flat[to + i])
        lines[group] = r[:INPUTS]


_advance_jets = cached(_advance)


class JetProgram:
    """A row of scalar maps, ready for jets.

    Parameters
    ----------
    calls : scalar map, its parameters, repeats, whether it changes delta.
    inv_gamma2, beta2 : 1/gamma0^2 and beta0^2 of the reference.
    """

    def __init__(
        self, calls: Sequence[tuple[Any, Sequence[float], int, bool]], inv_gamma2: float, beta2: float
    ) -> None:
        known: dict[Tape, int] = {}
        rows, params = [], [inv_gamma2, beta2]

        def number(tape: Tape) -> int:
            return known.setdefault(tape, len(known))

        renew = number(tape_of(_of_delta, 2))
        for scalar, given, repeats, changes_delta in calls:
            tape = number(tape_of(scalar, len(given)))
            rows.append((tape, len(params), repeats, renew if changes_delta else -1, 0))
            params += given
        self.calls = np.array(rows, dtype=np.int64).reshape(-1, 5)
        self.params = np.array(params)
        self.tapes = list(known)
        #: 1/(1 + delta) and beta/beta0 - 1 of the start
        self.begin = np.array([(-1, 0, 1, renew, 0)], dtype=np.int64)
        where, code, constants = [], 0, 0
        for tape in self.tapes:
            ends = code + len(tape.code), constants + len(tape.constants)
            results = tape.results + (0,) * (6 - len(tape.results))
            where.append((code, ends[0], constants, ends[1], tape.n_params, *results))
            code, constants = ends
        self.where = np.array(where, dtype=np.int64)

    @property
    def adds_z(self) -> bool:
        """Whether z is only added to, all along."""
        return all(tape.adds_z for tape in self.tapes[1:])

    @property
    def keeps_delta(self) -> bool:
        """Whether delta is the same at the end."""
        return bool((self.calls[:, 3] < 0).all())

    def along(self, point: np.ndarray, directions: np.ndarray, order: int) -> np.ndarray:
        """Return the series of the six coordinates along lines, shape (6, order + 1, lines).

        Parameters
        ----------
        point : (6,) where the lines meet [m, 1].
        directions : (6, lines) of the lines.
        order : highest power.
        """
        n = directions.shape[1]
        lanes = min(LANES, -(-n // 8) * 8)
        groups = -(-n // lanes)
        lines = np.zeros((groups, INPUTS, order + 1, lanes))
        lines[:, :6, 0] = point[:, None]
        padded = np.zeros((6, groups * lanes))
        padded[:, :n] = directions
        lines[:, :6, 1] = padded.reshape(6, groups, lanes).swapaxes(0, 1)
        code = np.concatenate([tape.code for tape in self.tapes])
        constants = np.concatenate([tape.constants for tape in self.tapes])
        sizes = max(tape.scalars for tape in self.tapes), max(tape.jets for tape in self.tapes)
        calls = np.concatenate((self.begin, self.calls))
        _advance_jets(lines, calls, self.where, code, constants, self.params, *sizes)
        return np.moveaxis(lines[:, :6], 0, 2).reshape(6, order + 1, groups * lanes)[:, :, :n]
