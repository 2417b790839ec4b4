"""``ssmb doctor``: versions, processor, kernel cache, optional packages, and a short test of the tracking speed."""

from __future__ import annotations

import argparse
import os
import platform
import time
from importlib import metadata, util
from pathlib import Path
from typing import Any

from ssmb.cli.output import answer
from ssmb.text import named_values, quantity, table

_PACKAGES = ("numpy", "scipy", "numba", "llvmlite", "h5py", "matplotlib", "pydantic", "ruamel.yaml", "pyyaml", "tqdm")
#: extra of pyproject.toml -> (modules, what they are for)
_EXTRAS = {
    "nufft": (("finufft",), "bunching spectra"),
    "litho": (("periodictable", "tmm"), "mirrors from atomic form factors"),
    "interop": (("pmd_beamphysics", "at", "xtrack"), "particles and lattices of other codes"),
}
_TEST_SECONDS = 1.0
_TEST_PARTICLES = 10_000


HELP = "versions, processor, kernel cache, extras, tracking speed"


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    verb.add_argument("--no-speed", action="store_true", help="leave out the test of the tracking speed")


def run(args: argparse.Namespace) -> int:
    """Look and print."""
    found = findings(speed=not args.no_speed)
    cpu, cache, speed = found["cpu"], found["cache"], found["speed"]
    lines = [
        ("python", found["python"]),
        ("packages", ", ".join(f"{name} {version or 'missing'}" for name, version in found["versions"].items())),
        ("processor", f"{cpu['name']}, {cpu['cores']} cores"),
        ("vectors", cpu["vectors"]),
        ("threads", str(found["threads"])),
        ("kernels", "just in time" if found["jit"] else "plain Python (NUMBA_DISABLE_JIT is set): slow"),
        ("cache", f"{cache['folder']} ({cache['files']} files, {quantity(float(cache['bytes']), 'B', 3)})"),
    ]
    if speed:
        rate = quantity(speed["elements_per_second"], "", 3)
        lines.append(("speed", f"{rate} particle-elements per second on {found['threads']} threads"))
    rows = [(e["name"], e["for"], "installed" if e["installed"] else e["command"]) for e in found["extras"]]
    return answer(args.json, found, f"{named_values(lines)}\n\n{table(('extra', 'for', 'state'), rows, left=3)}")


def findings(*, speed: bool = True) -> dict[str, Any]:
    """Return what there is to say about this installation.

    Parameters
    ----------
    speed : track for about a second (after the kernels are compiled) to measure the speed.
    """
    from ssmb.kernels import jit, threads

    measured = _speed() if speed and not jit.JIT_OFF else None
    return {
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in ("ssmb", *_PACKAGES)},
        "cpu": {"name": _cpu_name(), "cores": os.cpu_count(), "vectors": jit.WIDE_VECTORS},
        "threads": threads.most_threads(),
        "jit": not jit.JIT_OFF,
        "cache": _cache(jit.cache_folder()),
        "extras": [_extra(name, modules, words) for name, (modules, words) in _EXTRAS.items()],
        "speed": measured,
    }


def _version(name: str) -> str | None:
    if name == "ssmb":
        from ssmb import __version__

        return __version__
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _cpu_name() -> str:
    import llvmlite.binding as llvm

    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return f"{line.partition(':')[2].strip()} ({llvm.get_host_cpu_name()})"
    except OSError:  # not on Linux
        pass
    return f"{platform.processor() or platform.machine()} ({llvm.get_host_cpu_name()})"


def _cache(folder: Path) -> dict[str, Any]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {"folder": str(folder), "files": len(files), "bytes": sum(path.stat().st_size for path in files)}


def _extra(name: str, modules: tuple[str, ...], words: str) -> dict[str, Any]:
    missing = [module for module in modules if util.find_spec(module) is None]
    command = f'pip install "ssmb[{name}]"'
    return {"name": name, "for": words, "installed": not missing, "missing": missing, "command": command}


def _speed() -> dict[str, Any]:
    """Track a cell of bends, quadrupoles and drifts for about a second."""
    import numpy as np

    from ssmb.beam import Beam, Reference
    from ssmb.elements import Bend, Drift, Quadrupole
    from ssmb.lattice import Lattice
    from ssmb.tracking import track

    reference = Reference(250e6)
    half = [
        Quadrupole(name="qf", length=0.2, Kn1=1.2),
        Drift(name="d", length=0.5),
        Bend(name="b", length=1.0, angle=0.1),
        Drift(name="d", length=0.5),
        Quadrupole(name="qd", length=0.2, Kn1=-1.2),
        Drift(name="d", length=1.0),
    ]
    cell = Lattice.from_elements(half, reference, name="cell")
    size = np.diag([1e-10, 1e-10, 1e-10, 1e-10, 1e-10, 1e-10])
    beam = Beam.gaussian(reference, size, n=_TEST_PARTICLES, charge=1e-12, seed=1)
    track(cell, beam, 1)  # compiles, or loads from the cache
    turns, seconds = 4, 0.0
    while seconds < 0.4 * _TEST_SECONDS and turns < 100_000:
        turns *= 2
        began = time.perf_counter()
        track(cell, beam, turns)
        seconds = time.perf_counter() - began
    passed = turns * len(cell) * len(beam)
    return {"particles": len(beam), "elements": passed, "seconds": seconds, "elements_per_second": passed / seconds}
