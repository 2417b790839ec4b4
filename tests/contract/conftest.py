"""Marker of the tests that also run with the compiler off, and the engine compiled once before any test is timed."""

from __future__ import annotations

import pytest

from tests.contract.cases import compiled, points_for


def pytest_configure(config):
    """Register the marker (it does no harm if the project registers it too)."""
    config.addinivalue_line(
        "markers", "jit_off: also run with NUMBA_DISABLE_JIT=1 python -m pytest tests/contract -m jit_off"
    )


@pytest.fixture(scope="session", autouse=True)
def engine():
    """Compile the turn loop."""
    compiled([], points_for("engine", n=1))
