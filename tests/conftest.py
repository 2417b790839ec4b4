"""Signals as a terminal gives them: what a shell starts in the background ignores them, and children inherit that."""

from __future__ import annotations

import signal

import pytest


def pytest_configure() -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def eager_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads are woken for the little work of a test, too."""
    monkeypatch.setattr("ssmb.kernels.threads.LEAST_NANOSECONDS", 1e-3)
