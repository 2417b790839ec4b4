"""How long a user waits: import, first call with a warm cache, closed orbit, optics. Each in fresh processes.

python benchmarks/latency.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
SNIPPETS = {
    "import ssmb": "import time; t=time.perf_counter(); import ssmb; ssmb.track, ssmb.Beam, ssmb.load_lattice",
    "first tracking call, kernels cached": (
        "import sys, time; sys.path.insert(0, {here!r}); import ring, ssmb, numpy as np;"
        "from ssmb.lattice.program import compile_elements;"
        "l = ring.ssmb_ring('default'); p = compile_elements(l.elements, l.reference); c = ring.coordinates(100);"
        "t = time.perf_counter(); p.propagate(c)"
    ),
    "6D closed orbit, kernels loaded": (
        "import sys, time; sys.path.insert(0, {here!r}); import ring;"
        "from ssmb.lattice.program import compile_elements; from ssmb.dynamics import closed_orbit;"
        "l = ring.ssmb_ring('default'); p = compile_elements(l.elements, l.reference); closed_orbit(p, dim=6);"
        "t = time.perf_counter(); closed_orbit(p, dim=6)"
    ),
    "optics at all elements, kernels loaded": (
        "import sys, time; sys.path.insert(0, {here!r}); import ring;"
        "from ssmb.dynamics import optics; l = ring.ssmb_ring('default'); optics(l);"
        "t = time.perf_counter(); optics(l)"
    ),
}


def main() -> None:
    for name, code in SNIPPETS.items():
        script = code.format(here=str(HERE)) + "; print(time.perf_counter() - t)"
        times = []
        for _ in range(6):
            done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
            times.append(float(done.stdout.split()[-1]))
            time.sleep(0.1)
        times = times[1:]  # the first fills caches
        print(f"{name:44s} median {1e3 * statistics.median(times):8.1f} ms   best {1e3 * min(times):8.1f} ms")


if __name__ == "__main__":
    main()
