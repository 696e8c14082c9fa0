"""What every test shares: folders, the seed, and the skipping of tests that need a GPU."""

import os
from pathlib import Path

import numpy as np
import pytest

from graftgrad.device import find

REPOSITORY = Path(__file__).resolve().parents[1]
SEED = 20240229


# The ordinary tests are about the CPU, also where there is a GPU; those of tests/gpu name theirs.
os.environ.setdefault(find.VARIABLE, "cpu")


def missing_gpu() -> str:
    """Why no GPU can be used, or an empty string where one can."""
    return f"needs a GPU: {find.missing()}" if find.missing() else ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not item.get_closest_marker("gpu"):
            continue
        # what libraries of others warn of is told, and is no error
        item.add_marker(pytest.mark.filterwarnings("default"))
        if missing_gpu():
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
