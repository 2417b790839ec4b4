"""The one door to CUDA: whether there is a device, and how functions of the package become functions of it."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from ssmb.errors import ConfigError
from ssmb.kernels import jit
from ssmb.kernels.objects import rebind
from ssmb.kernels.primitives import INTERPRETED

#: Where a beam can be tracked.
MACHINES = ("cpu", "cuda")

#: What the compilers of the processor and of the device call differently.
_DEVICE_NAMES: dict[str, Callable] = {"sqrt": math.sqrt, "floor": math.floor, "log": math.log}

#: Functions of the device by the function that they were made of.
_CLONES: dict[Callable, Any] = {}


def simulated() -> bool:
    """Whether what is asked of a device runs in the simulator of numba."""
    return bool(getattr(jit.numba.config, "ENABLE_CUDASIM", False))


def check_machine(on: Any) -> None:
    """Refuse what is not the name of a machine that is there.

    Raises
    ------
    ConfigError
        It is neither "cpu" nor "cuda", or numba-cuda or the device is missing.
    """
    if on not in MACHINES:
        raise ConfigError(f"on must be one of {', '.join(map(repr, MACHINES))}, got {on!r}")
    if on == "cuda":
        check_device()


def check_device() -> None:
    """Refuse to go on without numba-cuda and a device.

    Raises
    ------
    ConfigError
        One of them is missing.
    """
    if simulated():
        return
    if jit.JIT_OFF:
        raise ConfigError("on='cuda' needs a compiler, but NUMBA_DISABLE_JIT is set: unset it, or leave on= out")
    if importlib.util.find_spec("numba_cuda") is None:
        raise ConfigError("on='cuda' needs numba-cuda: pip install 'ssmb[cuda]', or leave on= out")
    from numba import cuda

    if not cuda.is_available():
        raise ConfigError(
            "on='cuda', but no CUDA device with its driver was found: leave on= out, or set NUMBA_ENABLE_CUDASIM=1 "
            "before Python starts to try it, slowly, in the simulator"
        )


def on_device(function: Any) -> Any:
    """The scalar, with all that it calls, as a function of the device; each is made once."""
    from numba import cuda

    return rebind(function, INTERPRETED if simulated() else _DEVICE_NAMES, cuda.jit(device=True), _CLONES)


def compiled(name: str, run: Callable, signature: str) -> Any:
    """Compile what is launched.

    Raises
    ------
    ConfigError
        It cannot be compiled for the device.
    """
    from numba import cuda

    try:
        return cuda.jit(signature)(run)
    except Exception as error:  # numba has many
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(
            f"'{name}' cannot be compiled for CUDA ({reason}): use arithmetic, `where` and the functions of "
            "ssmb.kernels.primitives in it, or leave on='cuda' out"
        ) from error


def ptx(run: Callable, signature: str, capability: tuple[int, int] = (9, 0)) -> str:
    """What is launched as text for the assembler of devices of a compute capability; it needs no device."""
    from numba import cuda
    from numba.cuda import dispatcher

    asked = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=capability)  # for functions in functions
    try:
        return cuda.compile_ptx(run, signature, cc=capability)[0]
    finally:
        dispatcher.get_current_device = asked
