"""The CUDA backend without a device: all of it in numba's simulator, and what is launched compiled for sm_90."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import ssmb.tracking.monitors  # noqa: F401  (registers sums)
from ssmb.beam import Beam, Reference
from ssmb.elements import Drift
from ssmb.errors import ConfigError
from ssmb.kernels import device
from ssmb.kernels.block_sums import SUMS
from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import KERNELS, Kernel
from ssmb.lattice import Lattice
from ssmb.tracking import track

HERE = Path(__file__).parent
LINE = Lattice.from_elements([Drift(name="d", length=1.0)], Reference(250e6))
BEAM = Beam(LINE.reference, np.zeros((6, 2)))
needs_numba_cuda = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="extra `cuda`: numba-cuda is not installed"
)


def test_in_the_simulator() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / "simulated.py")]
    env = os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}
    done = subprocess.run(command, cwd=HERE.parents[1], env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.parametrize("on", ["gpu", "CUDA", None, 1])
def test_unknown_machine(on: object) -> None:
    with pytest.raises(ConfigError, match="on must be one of 'cpu', 'cuda', got"):
        track(LINE, BEAM, on=on)  # pyright: ignore[reportArgumentType]


def test_without_numba_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"needs numba-cuda: pip install 'ssmb\[cuda\]'"):
        track(LINE, BEAM, on="cuda")


@needs_numba_cuda
def test_without_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba import cuda

    monkeypatch.setattr(cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="no CUDA device .* leave on= out, or set NUMBA_ENABLE_CUDASIM=1"):
        track(LINE, BEAM, on="cuda")


def test_without_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device.jit, "JIT_OFF", True)
    with pytest.raises(ConfigError, match="NUMBA_DISABLE_JIT is set"):
        track(LINE, BEAM, on="cuda")


# ---- for a real device; `benchmarks/on_gpu.py --compile` does it for every map


@needs_numba_cuda
@pytest.mark.parametrize("name", ["drift_exact", "rf_kick", "radiation_linear_photons", "aperture_elliptical"])
def test_maps_compile_for_a_device(name: str) -> None:
    from ssmb.kernels import cuda

    text = device.ptx(*cuda.op_function(next(k for k in KERNELS if k.name == name)))
    assert ".target sm_90" in text
    assert "fma.rn.f64" in text


@needs_numba_cuda
@pytest.mark.parametrize("name", ["taylor2", "taylor3"])
def test_taylor_maps_fit_into_the_registers(name: str, tmp_path: Path) -> None:
    """Six polynomials of 84 terms would need 254 registers and 3200 bytes beside them if they were formed at once."""
    from ssmb.kernels import cuda

    assembler = shutil.which("ptxas") or next((str(p) for p in Path(sys.prefix).rglob("bin/ptxas")), None)
    if assembler is None:
        pytest.skip("ptxas is not installed")
    file = tmp_path / "map.ptx"
    file.write_text(device.ptx(*cuda.op_function(next(k for k in KERNELS if k.name == name))))
    command = [assembler, "-arch=sm_90", "-v", str(file), "-o", str(tmp_path / "map.cubin")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert re.findall(r"(\d+) bytes spill", said) == ["0", "0"]
    assert int(re.findall(r"Used (\d+) registers", said)[0]) <= 128


@needs_numba_cuda
def test_sums_compile_for_a_device() -> None:
    from ssmb.kernels import cuda

    for made in SUMS:
        assert ".entry" in device.ptx(*cuda.sum_function(made))


@needs_numba_cuda
def test_a_map_that_does_not_compile_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.cuda import dispatcher

    from ssmb.kernels import cuda

    monkeypatch.setattr(dispatcher, "get_current_device", lambda: SimpleNamespace(compute_capability=(9, 0)))

    @scalar
    def sorts(x, px, y, py, z, delta, rpp, dbeta, p):
        return x, px, y, py, z, sorted([delta])[0]

    kernel = Kernel(name="sorts", scalar=sorts, n_params=0)
    with pytest.raises(ConfigError, match=r"'sorts' cannot be compiled for CUDA .*sorted.* leave on='cuda' out"):
        device.compiled(kernel.name, *cuda.op_function(kernel))
