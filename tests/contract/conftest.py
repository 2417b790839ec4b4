"""The engine is compiled once, before any contract test is timed."""

from __future__ import annotations

import pytest

from tests.contract.cases import compiled, points_for


@pytest.fixture(scope="session", autouse=True)
def engine():
    """Compile the turn loop."""
    compiled([], points_for("engine", n=1))
