"""What a run was asked for, in words and numbers: by it a checkpoint knows its run.

Elements, beam and monitors are kept as they were given, not as they are packed for the turn loop: what LAPACK makes of
a matrix has other last bits, and even other signs, on another processor. Numbers that were computed before the run
(matched beams, ring models) may differ in their last bits as well, so numbers agree within a tolerance, and what
differs is named.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from ssmb.beam import Beam
from ssmb.kernels.jit import processor, source_hash
from ssmb.lattice.program import Program
from ssmb.tracking.job import Job
from ssmb.version import __version__

#: Relative difference of two numbers that were asked for, and that relative to the largest of the same list.
RTOL, ATOL = 1e-9, 1e-12
#: Longer arrays are known by sums over so many parts.
_LONGEST, _PARTS = 64, 64
#: Differences that a message names.
_NAMED = 3


class Difference(NamedTuple):
    """Something that is not the same in two descriptions; `close` numbers agree within the tolerance."""

    where: str
    then: Any
    now: Any
    close: bool = False

    def __str__(self) -> str:
        then, now = (str(v) if isinstance(v, (str, int, float)) else "other values" for v in (self.then, self.now))
        return f"{self.where} (was {then[:60]}, is {now[:60]})" if then != now else f"{self.where} (other values)"


def fingerprint(job: Job) -> dict[str, Any]:
    """Describe all that a resumed run must share; to be asked for before the first turn, because the beam changes.

    Returns
    -------
    dict
        ``asked``: the physics; ``made``: what the last bits depend on beside it. Both can be written as JSON.
    """
    asked = {
        "reference": plain(job.reference),
        "section": list(job.section),
        "seed": job.seed,
        "first_turn": job.first_turn,
        "drives": {name: plain(light) for name, light in job.programs.items()},
        "effects": plain(job.effects.as_asked()),
        "monitors": {m.name: plain(m) for m in job.probes.monitors},
        "beam": _beam(job.beam),
        "radiation": plain(job.program.radiation),
        "lattice": _lattice(job.program),
    }
    made = {
        "version of ssmb": __version__,
        "build of the kernels": source_hash(),
        "processor": processor() if job.on == "cpu" else job.on,
    }
    return json.loads(json.dumps({"asked": asked, "made": made}))


def _lattice(program: Program) -> dict[str, Any]:
    """Elements by name, with the names of their maps, which tell what became of radiation and apertures."""
    values = {e.name: plain(e) for e in program.elements}
    maps = program.maps_by_element()
    return {name: values.get(name, {}) | {"maps": " ".join(m)} for name, m in zip(program.names, maps, strict=True)}


def _beam(beam: Beam) -> dict[str, Any]:
    arrays = beam.arrays()
    return {"particles": len(beam)} | {name: _of_array(np.asarray(values)) for name, values in arrays.items()}


def plain(thing: Any) -> Any:
    """Texts, numbers, lists and mappings that say what a parameter class or a value is.

    A class whose fields do not say what it does may have ``as_asked()``, which gives a mapping.
    """
    if hasattr(thing, "as_asked"):
        return {"kind": type(thing).__name__} | {k: plain(v) for k, v in thing.as_asked().items()}
    if is_dataclass(thing):
        return {"kind": type(thing).__name__} | {f.name: plain(getattr(thing, f.name)) for f in fields(thing)}
    if isinstance(thing, Enum):
        return thing.name
    if isinstance(thing, np.ndarray):
        return _of_array(np.stack([thing.real, thing.imag]) if thing.dtype.kind == "c" else thing)
    if isinstance(thing, np.generic):
        return plain(thing.item())
    if isinstance(thing, complex):
        return [thing.real, thing.imag]
    if isinstance(thing, Mapping):
        return {str(k): plain(v) for k, v in thing.items()}
    if isinstance(thing, (tuple, list)):
        return [plain(v) for v in thing]
    return thing if thing is None or isinstance(thing, (bool, int, float, str)) else repr(thing)


def _of_array(values: np.ndarray) -> Any:
    """A short array as it is; of a long one a hash, or sums that see each number and its place but not its last
    bits.
    """
    if values.size <= _LONGEST and values.dtype.kind in "iufb":
        return values.tolist()
    about = f"{values.dtype.kind}{list(values.shape)}"
    if values.dtype.kind != "f":
        return {"array": about, "sha256": hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()}
    rows = values.reshape(1, -1) if values.ndim == 1 else values.reshape(len(values), -1)
    place = 1.0 + np.modf(np.arange(rows.shape[1]) * 0.6180339887498949)[0]
    edges = np.linspace(0, rows.shape[1], min(_PARTS, rows.shape[1]) + 1).astype(int)
    pairs = list(zip(edges[:-1], edges[1:], strict=True))
    sums = [[[float(np.abs(r[a:b]).sum()), float((r[a:b] * place[a:b]).sum())] for a, b in pairs] for r in rows]
    return {"array": about, "sums": [[number for pair in row for number in pair] for row in sums]}


def differences(then: Any, now: Any, where: str = "") -> Iterator[Difference]:
    """Compare two descriptions; numbers in one list have the largest of them as their scale."""
    if isinstance(then, dict) and isinstance(now, dict):
        names = list(dict.fromkeys((*then, *now)))
        if [n for n in then if n in now] != [n for n in now if n in then]:
            yield Difference(f"{where}: order", "another", "this")
        for name in names:
            place = f"{where}: {name}" if where else name
            if name not in then or name not in now:
                yield Difference(place, "there" if name in then else "missing", "there" if name in now else "missing")
            else:
                yield from differences(then[name], now[name], place)
    elif _numbers(then) and _numbers(now) and len(then) == len(now):
        scale = max((abs(v) for v in (*then, *now) if math.isfinite(v)), default=0.0)
        for i, (a, b) in enumerate(zip(then, now, strict=True)):
            yield from _of_numbers(a, b, scale, f"{where}[{i}]")
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for i, (a, b) in enumerate(zip(then, now, strict=True)):
            yield from differences(a, b, f"{where}[{i}]")
    elif _number(then) and _number(now):
        yield from _of_numbers(then, now, 0.0, where)
    elif then != now or isinstance(then, bool) is not isinstance(now, bool):
        yield Difference(where, then, now)


def _number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _numbers(values: Any) -> bool:
    return isinstance(values, list) and all(map(_number, values))


def _of_numbers(then: float, now: float, scale: float, where: str) -> Iterator[Difference]:
    if then == now or (then != then and now != now):
        return
    exact = isinstance(then, int) and isinstance(now, int)
    close = not exact and abs(then - now) <= RTOL * max(abs(then), abs(now)) + ATOL * scale
    yield Difference(where, then, now, close and math.isfinite(then) and math.isfinite(now))


def named(found: Sequence[Difference]) -> str:
    """The first few differences in words, an array once."""
    arrays: dict[str, list[Difference]] = {}
    for d in found:
        arrays.setdefault(d.where.partition("[")[0].removesuffix(": sums"), []).append(d)
    words = [str(ds[0]) if where == ds[0].where else where for where, ds in arrays.items()]
    more = f" and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return "; ".join(words[:_NAMED]) + more
