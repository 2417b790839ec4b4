"""A tree with every type that can be stored, a comparison bit for bit, and the import of other packages."""

from __future__ import annotations

import importlib
import math
import warnings
from typing import Any

import numpy as np
import pytest

from ssmb.store.tree import Dataset


def every_type() -> dict[str, Any]:
    """Return a tree with every type, and with the values that files tend to lose."""
    rng = np.random.default_rng(7)
    odd = np.array([0.0, -0.0, np.nan, -np.inf, 5e-324, 1.7976931348623157e308, math.pi])
    payload = np.array([0x7FF8_0000_DEAD_BEEF, 0xFFF0_0000_0000_0001], dtype=np.uint64).view(np.float64)
    return {
        "numbers": {"true": True, "one": 1, "most": 2**63 - 1, "least": -(2**63), "more": 2**64 - 1},
        "reals": {"zero": -0.0, "small": 5e-324, "infinite": -math.inf, "complex": complex(-0.0, math.inf)},
        "texts": {"empty": "", "umlaut": "Ωµ äöü 束", "nul": "a\0b\0\0", "lines": "a: 1\r\nb: 2\n", "lone": "\udc80"},
        "names": {"a/b": 1, ".": 2, "..": 3, "%2F": 4, "\0": 5, "QF.1%": 6, "ü": 7},
        "nothing": {},
        "arrays": {
            "odd": Dataset(odd, "eV/c", "numbers that get lost"),
            "payload": Dataset(payload, "1", "NaN with a payload"),
            "complex": Dataset(odd[:6].repeat(2).view(np.complex128).reshape(2, 3), "1", "bunching"),
            "bool": Dataset(np.array([[True], [False]]), "1", "alive"),
            "int64": Dataset(np.array([-(2**63), 2**63 - 1]), "1", "id"),
            "uint8": Dataset(np.arange(5, dtype=np.uint8), "1", "reason"),
            "float32": Dataset(odd[:4].astype(np.float32), "m", "coarse"),
            "big endian": Dataset(odd.astype(">f8"), "T", "of another machine"),
            "strided": Dataset(rng.normal(size=(6, 8))[::2, 1::3], "m", "every other"),
            "fortran": Dataset(np.asfortranarray(rng.normal(size=(3, 4))), "m", "by columns"),
            "empty": Dataset(np.empty((0, 6)), "m", "no particles"),
            "scalar": Dataset(np.array(3.5), "1/m^2", "one number"),
            "texts": Dataset(np.array([["QF", ""], ["Ω", "a b"]]), "1", "element names"),
            "no texts": Dataset(np.array([], dtype="U4"), "1", "no names"),
            "bytes": Dataset(np.array([b"ab", b""]), "1", ""),
        },
    }


def assert_same(got: Any, want: Any, place: str = "") -> None:
    """Fail unless two trees have the same names, types and bits."""
    if isinstance(want, dict):
        assert isinstance(got, dict), place
        assert list(got) == list(want), place
        for name in want:
            assert_same(got[name], want[name], f"{place}/{name}")
    elif isinstance(want, Dataset):
        assert isinstance(got, Dataset), place
        assert (got.unit, got.long_name) == (want.unit, want.long_name), place
        assert (got.values.dtype, got.values.shape) == (want.values.dtype, want.values.shape), place
        assert got.values.tobytes() == want.values.tobytes(), place
    else:
        assert type(got) is type(want), place
        assert repr(got) == repr(want), place


def foreign_module(name: str) -> Any:
    """Import a module of another package, without its warnings, or skip the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except ImportError:
            pytest.skip(f"needs the extra 'interop' for {name}")
