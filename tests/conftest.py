"""What every test shares: folders, the seed, and the skipping of tests that need a GPU."""

import importlib
import importlib.util
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SEED = 20240229


@cache
def missing_gpu() -> str:
    """Why no GPU can be used, or an empty string where one can."""
    if importlib.util.find_spec("cupy") is None:
        return "needs a GPU: cupy is not installed"
    try:
        runtime = importlib.import_module("cupy").cuda.runtime
        count = int(runtime.getDeviceCount())
    except Exception as failure:  # a driver that is absent or too old shows itself in many ways
        return f"needs a GPU: cupy found none ({type(failure).__name__}: {failure})"
    return "" if count > 0 else "needs a GPU: cupy counts 0 devices"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("gpu") and missing_gpu():
            item.add_marker(pytest.mark.skip(reason=missing_gpu()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = terminalreporter.stats.get("skipped", [])
    skipped = sum(1 for report in reports if "gpu" in getattr(report, "keywords", {}))
    if skipped and missing_gpu():
        terminalreporter.write_line(f"gpu: {skipped} tests skipped, {missing_gpu()}")


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Start every test from the same state of numpy's legacy generator."""
    np.random.seed(SEED)  # noqa: NPY002


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder that holds pyproject.toml."""
    return REPOSITORY


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real weights and data sets; the test is skipped where there is none."""
    told = os.environ.get("GRAFTWORK_DATA")
    folder = Path(told) if told else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no data folder at {folder}: set GRAFTWORK_DATA to one")
    return folder.resolve()
