"""The one door to numba: compile flags, the kernel cache, and the wide-vector switch.

Nothing is compiled at import. Compiled code is cached in a folder whose name is a hash of every kernel source, the
numba version and the processor, so that an edited kernel can never be served stale.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from ssmb.errors import ConfigError
from ssmb.kernels import machine_code

#: Most threads that may be asked for.
MOST_THREADS = 4096


def _ask_for_wide_vectors() -> str:
    """Let LLVM use 512-bit vectors where the processor has them; say what was done.

    LLVM prefers 256 bits on such processors, which costs a factor 1.5 here. The switch is an environment variable that
    numba reads once, so it is set only when numba is not loaded yet and the user has not chosen otherwise.
    """
    if "NUMBA_CPU_FEATURES" in os.environ:
        return "left as set by NUMBA_CPU_FEATURES"
    if "numba" in sys.modules:
        return "numba was imported before ssmb: vector width left to LLVM"
    import llvmlite.binding as llvm

    features, processor = llvm.get_host_cpu_features(), llvm.get_host_cpu_name()
    if not features.get("avx512f", False) or not processor:
        return "no AVX-512 on this processor"
    os.environ.setdefault("NUMBA_CPU_NAME", processor)
    os.environ["NUMBA_CPU_FEATURES"] = features.flatten() + ",-prefer-256-bit"
    return "512-bit vectors"


WIDE_VECTORS: str = _ask_for_wide_vectors()


def _check_number_of_threads() -> None:
    """Refuse what numba answers with an error of its own, or with the end of the process."""
    given = os.environ.get("NUMBA_NUM_THREADS")
    if given is not None and not (given.strip().isdecimal() and 1 <= int(given) <= MOST_THREADS):
        raise ConfigError(
            f"NUMBA_NUM_THREADS must be a whole number from 1 to {MOST_THREADS}, not {given!r}: leave it out to use "
            "all processors"
        )


_check_number_of_threads()

import numba
from numba.core import types
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile
from numba.core.ccallback import CFunc

JIT_OFF: bool = bool(numba.config.DISABLE_JIT)

#: Contraction to fused multiply-add is the only licence given to the compiler: it keeps z rounding at the 1e-16 level.
FLAGS: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy"}


def scalar(function: Callable) -> Any:
    """Declare a scalar physics function, or a part of a kernel: compiled lazily, always inlined, callable from Python.

    Of a part that is called, the process that compiles would run the copy that was optimised by itself, one that loads
    the kernel the copy within it, with multiplications and additions contracted otherwise.
    """
    return numba.njit(forceinline=True, **FLAGS)(function)


def _features() -> str:
    """Features of the processor that LLVM may use, whoever asked for them."""
    import llvmlite.binding as llvm

    asked = numba.config.CPU_FEATURES
    return llvm.get_host_cpu_features().flatten() if asked is None else asked


@cache
def processor() -> str:
    """The processor that kernels are compiled for, and which of its features were asked for otherwise."""
    import llvmlite.binding as llvm

    other = set(_features().split(",")) - set(llvm.get_host_cpu_features().flatten().split(","))
    return " ".join((numba.config.CPU_NAME or llvm.get_host_cpu_name(), *sorted(filter(None, other))))


@cache
def source_hash() -> str:
    """Hash of all sources that end up in compiled kernels, of numba and of the processor."""
    import llvmlite

    digest = hashlib.sha256()
    package = Path(__file__).resolve().parents[1]
    for room in ("kernels", "maps", "elements", "tracking/monitors", "constants.py"):
        place = package / room
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    settings = [getattr(numba.config, name) for name in ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "BOUNDSCHECK")]
    stamp = (sys.version, numba.__version__, llvmlite.__version__, processor(), _features(), settings)
    digest.update(repr((stamp, sorted(map(str, FLAGS.items())))).encode())
    return digest.hexdigest()[:20]


# now, not when it is first needed: a source that is edited after it was imported would lend its new hash to the old
# code
source_hash()


def _is_ours(folder: Path) -> bool:
    """Whether nobody else could have put machine code into a folder of the public temporary place."""
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)


@cache
def cache_folder() -> Path:
    """Folder of the compiled kernels: ``$SSMB_CACHE_DIR``, else the user's cache folder, else a temporary one."""
    roots = [Path(p) for p in (os.environ.get("SSMB_CACHE_DIR"), os.environ.get("XDG_CACHE_HOME")) if p]
    temporary = Path(tempfile.gettempdir()) / f"ssmb-{os.getuid() if hasattr(os, 'getuid') else 0}"
    with suppress(RuntimeError):  # a user without a home
        roots.append(Path.home() / ".cache")
    for root in [*roots, temporary]:
        folder = root / "ssmb" / source_hash()
        try:
            if root == temporary and not _is_ours(root):
                continue
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / f".probe-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError:
            continue
        return folder
    return Path(tempfile.mkdtemp(prefix="ssmb-kernels-"))


class _Locator:
    """Tells numba's cache where to write, and that the folder name already pins the sources."""

    def __init__(self, name: str) -> None:
        self._name = name

    def ensure_cache_path(self) -> None:
        cache_folder().mkdir(parents=True, exist_ok=True)

    def get_cache_path(self) -> str:
        return str(cache_folder())

    def get_source_stamp(self) -> str:
        return source_hash()

    def get_disambiguator(self) -> str:
        return self._name


class _KernelCacheImpl(CompileResultCacheImpl):
    def __init__(self, py_func: Callable) -> None:
        name = py_func.__qualname__.replace("<locals>.", "")
        self._locator = _Locator(name)
        self._filename_base = self.get_filename_base(f"{py_func.__module__}.{name}", getattr(sys, "abiflags", ""))

    def reduce(self, cres):
        *kept, environments = super().reduce(cres)
        # an environment names a module to import, for objects of Python in the code: only where there are some
        return *kept, tuple(env for env in environments if env.consts or env is cres.environment)

    def check_cachable(self, cres):
        return not cres.library.has_dynamic_globals  # the parent's warning needs a source file


class _SealedFiles(IndexDataCacheFile):
    """A file for each compiled function and signature, closed by a checksum; what is damaged counts as not there.

    numba's own files have no checksum, so that machine code with a flipped bit would run, and an index, which two
    processes that fill a cold cache at once can leave in disorder.
    """

    def load(self, key):
        """Return what was compiled, or None; a cache that cannot be read must not stop the work."""
        raw = machine_code.read_sealed(Path(self._data_path(self._name_of(key))))
        return None if raw is None else pickle.loads(raw)

    def save(self, key, data):
        """Keep what was compiled, if the disk lets us."""
        with suppress(OSError):
            self._save_data(self._name_of(key), data)

    def flush(self):
        """Nothing to forget: the name of the folder pins the sources."""

    def _name_of(self, key):
        return _file_name(self._index_name.removesuffix(".nbi"), key)

    def _dump(self, obj):
        return machine_code.sealed(super()._dump(obj))


def _file_name(name: str, key: Any) -> str:
    return f"{name}.{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.nbc"


class KernelCache(FunctionCache):
    """Cache of one compiled function, keyed by its qualified name; the folder pins the sources.

    numba's own key pickles closure variables, and a jitted function in a closure pickles with a random id, so that a
    loop made by a factory would never be found again.
    """

    _impl_class = _KernelCacheImpl

    def __init__(self, py_func: Callable) -> None:
        super().__init__(py_func)
        self._cache_file = _SealedFiles(self._cache_path, self._impl.filename_base, source_hash())
        self._name = py_func.__qualname__

    def load_overload(self, sig, target_context):
        """Load what was compiled without the registries of numba: only compiling needs them, and asks for them."""
        if not machine_code.helpers_are_known():
            return super().load_overload(sig, target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)

    def _index_key(self, sig, codegen):
        return sig, codegen.magic_tuple(), self._name


def cached(function: Callable) -> Any:
    """Compile ``function`` on first call with the package's flags and keep the machine code between processes.

    Other threads of Python run meanwhile.
    """
    dispatcher = numba.njit(nogil=True, **FLAGS)(function)
    if not JIT_OFF:
        dispatcher._cache = KernelCache(function)
    return dispatcher


def native_address(function: Callable, signature: Any, *, keep: bool = True) -> tuple[Any, int]:
    """Compile (or load) ``function`` as native code; return the object that keeps it alive and its address.

    ``keep`` is for code of this package only, whose sources are in the name of the cache folder.
    """
    name = f"{function.__module__}.{function.__qualname__}"
    store = machine_code.NativeStore(cache_folder() / _file_name(name, signature))
    if keep and (linked := store.linked()):
        return linked
    compiled: Any = CFunc(function, (signature.args, signature.return_type), locals={}, options=FLAGS)
    if keep:
        compiled._cache = store
    compiled.compile()
    return compiled, compiled.address


FLOAT_POINTER = types.CPointer(types.float64)
INT_POINTER = types.CPointer(types.int64)
