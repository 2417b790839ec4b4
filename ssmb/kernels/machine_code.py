"""Machine code of compiled kernels on disk: sealed files, and objects that LLVM links without numba.

numba loads what it kept through all its registries of types and functions, a quarter of a second that only compiling
needs. A kernel that takes and gives plain pointers is one object file: LLVM links it in a millisecond.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

_SEAL = hashlib.sha256().digest_size
#: Newest numba whose code was tried without its registries; a newer one loads its own way, until somebody has tried.
_NEWEST_TRIED = (0, 68)


def sealed(raw: bytes) -> bytes:
    """Close bytes by a checksum."""
    return raw + hashlib.sha256(raw).digest()


def read_sealed(path: Path) -> bytes | None:
    """What was sealed in a file, or None: machine code with a flipped bit must never run."""
    with suppress(OSError):
        raw = path.read_bytes()
        if hashlib.sha256(raw[:-_SEAL]).digest() == raw[-_SEAL:]:
            return raw[:-_SEAL]
    return None


@cache
def helpers_are_known() -> bool:
    """Tell LLVM the names of the helpers of numba that compiled code may call; False if this numba may have others."""
    import numba

    if numba.version_info.short > _NEWEST_TRIED:
        return False
    try:
        from numba.core.registry import cpu_target
        from numba.core.runtime import _nrt_python

        _ = cpu_target.target_context  # names the functions of mathematics
        for name, address in _nrt_python.c_helpers.items():
            llvm.add_symbol(name if name.startswith("_") else f"NRT_{name}", address)
    except (ImportError, AttributeError):
        return False
    return True


class NativeStore:
    """Where one compiled function of pointers and numbers is kept; numba's door to a cache, and a way without numba.

    Parameters
    ----------
    path : its file: a line of JSON (entry and outer names), then the object file, sealed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def linked(self) -> tuple[Any, int] | None:
        """What keeps the code alive and its address, or None where there is none, or it needs what is not there."""
        raw = read_sealed(self._path)
        if raw is None or not helpers_are_known():
            return None
        head, code = raw.split(b"\n", 1)
        names = json.loads(head)
        if any(llvm.address_of_symbol(name) is None for name in names["outer"]):
            return None
        # an engine for each: names made by numba are unique in the process that compiled, not between two files
        machine = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine()
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        return engine, engine.get_function_address(names["entry"])

    def load_overload(self, signature: Any, context: Any) -> None:
        """Nothing that numba could load."""

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep the object file, if it stands alone and the disk lets us."""
        (_, kind, (code, bitcode)), *_, start, environments = compiled._reduce()
        alone = not (compiled.library.has_dynamic_globals or start or any(env.consts for env in environments))
        if kind != "object" or not alone:
            return
        module = llvm.parse_bitcode(bitcode)
        outer = [named.name for named in (*module.functions, *module.global_variables) if named.is_declaration]
        names = {
            "entry": compiled.fndesc.llvm_cfunc_wrapper_name,
            "outer": [name for name in outer if not name.startswith("llvm.")],
        }
        with suppress(OSError):
            write_whole(self._path, sealed(json.dumps(names).encode() + b"\n" + code))


def write_whole(path: Path, raw: bytes) -> None:
    """Write a file so that nobody sees a part of it."""
    part = path.with_name(f"{path.name}.tmp.{uuid.uuid4().hex[:16]}")
    try:
        part.write_bytes(raw)
        os.replace(part, path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise
