"""Where the device is broken, or hangs, behind a test, its process ends and the others go on.

Where a kernel touches memory that is not its own, CUDA refuses every further call of the process.
`make test-gpu` therefore runs the tests in a process beside its own (pytest-xdist), which is made
anew where one has ended. Only the test that was running is counted as failed.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
from collections.abc import Iterator
from typing import Any

import pytest

from graftgrad.device import find

PATIENCE = 900  # seconds for one test


def broken() -> str:
    """Why the device cannot be used any more, or an empty string where it can."""
    try:
        importlib.import_module("cupy").cuda.runtime.deviceSynchronize()
    except Exception as failure:
        return f"{type(failure).__name__}: {failure}"
    return ""


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    """End the process where a test does not end."""
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    """End a process whose device is broken, once what its test said is on its way."""
    done = yield
    alone = "PYTEST_XDIST_WORKER" in os.environ
    if alone and item.get_closest_marker("gpu") and not find.missing() and broken():
        os._exit(3)
    return done
