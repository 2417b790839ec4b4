"""How long a user waits: import, first call with a warm cache, closed orbit, optics, a long lattice, a worker process.
Each in fresh processes; processor time, which another job on the machine stretches less than the wall clock.

python benchmarks/latency.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
_RING = "import sys; sys.path.insert(0, {here!r}); import ring, ssmb, numpy as np;"
_PROGRAM = "from ssmb.lattice.program import compile_elements; l = ring.ssmb_ring('default');"
_TRACK = "l = ssmb.load_lattice({mls!r}); b = ssmb.Beam(l.reference, np.zeros((6, 256))); ssmb.track(l, b, turns=1)"
#: name -> what is not measured, what is
SNIPPETS = {
    "import numba": ("", "import numba"),
    "import ssmb with tracking, beam, lattices": ("", "import ssmb; ssmb.track, ssmb.Beam, ssmb.load_lattice"),
    "first propagation, kernels cached": (
        _RING + _PROGRAM + "p = compile_elements(l.elements, l.reference); c = ring.coordinates(100)",
        "p.propagate(c)",
    ),
    "a worker process ready: first turn of MLS": ("", "import ssmb, numpy as np; " + _TRACK),
    "6D closed orbit, kernels loaded": (
        _RING + _PROGRAM + "from ssmb.dynamics import closed_orbit;"
        "p = compile_elements(l.elements, l.reference); closed_orbit(p, dim=6)",
        "closed_orbit(p, dim=6)",
    ),
    "optics at all elements, kernels loaded": (
        _RING + "from ssmb.dynamics import optics; l = ring.ssmb_ring('default'); optics(l)",
        "optics(l)",
    ),
    "ssmb optics mls, all of it": (
        "import io, contextlib",
        "from ssmb.cli.main import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):\n"
        "    main(['optics', {mls!r}])",
    ),
    "lattice of 5000 elements from a file": (
        "import ssmb, tempfile, pathlib; from ssmb.elements import Drift, Quadrupole;"
        "cells = [(Drift(name=f'd{{i}}', length=0.5), Quadrupole(name=f'q{{i}}', length=0.2, Kn1=1.0))"
        " for i in range(2500)];"
        "place = pathlib.Path(tempfile.mkdtemp(), 'long.pals.yaml');"
        "elements, reference = [e for cell in cells for e in cell], ssmb.Reference(1e9);"
        "long = ssmb.Lattice(elements=elements, reference=reference, name='long');"
        "ssmb.save_lattice(long, place)",
        "ssmb.load_lattice(place)",
    ),
}
_MEASURE = """
import resource, time
{before}
began = time.process_time()
{measured}
print(time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0)
"""


def main() -> None:
    names = {"here": str(HERE), "mls": str(HERE.parent / "lattices" / "mls.pals.yaml")}
    for name, (before, measured) in SNIPPETS.items():
        script = _MEASURE.format(before=before.format(**names), measured=measured.format(**names))
        rows = []
        for _ in range(6):
            done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
            rows.append([float(word) for word in done.stdout.split()[-2:]])
        times = [seconds for seconds, _ in rows[1:]]  # the first fills caches
        peak = max(megabytes for _, megabytes in rows[1:])
        print(
            f"{name:44s} median {1e3 * statistics.median(times):7.1f} ms   best {1e3 * min(times):7.1f} ms"
            f"   {peak:5.0f} MB"
        )


if __name__ == "__main__":
    main()
