"""What an import leaves to those who need it: libraries that are slow to import."""

import subprocess
import sys

import pytest

import graftwork

SLOW = ("h5py", "tqdm", "asyncio", "urllib.request", "http", "ssl", "logging", "PIL", "unittest",
        "concurrent.futures", "multiprocessing", "importlib.metadata", "email", "zipfile",
        "tarfile", "tempfile", "html", "difflib", "statistics", "numpy.polynomial")  # fmt: skip
LATE = ("graftgrad.drawing", "graftgrad.kernels.cuda", "graftgrad.kernels.cudnn",
        "graftgrad.export.onnx", "graftgrad.formats.hdf5", "graftwork.utils",
        "graftwork.applications", "graftwork.datasets", "graftwork.preprocessing")  # fmt: skip


def run(code: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, text=True, stdout=subprocess.PIPE
    )
    return done.stdout.split()


def test_slow_libraries_are_imported_by_whoever_needs_them_first() -> None:
    code = f"""
import sys
import numpy, ml_dtypes
before = set(sys.modules)
import graftwork
print(*[name for name in {SLOW!r} if name in sys.modules and name not in before])
"""
    assert run(code) == []


def test_the_engine_imports_numpy_and_its_element_types_alone() -> None:
    code = """
import sys
before = {name.partition(".")[0] for name in sys.modules}
import graftgrad
found = {name.partition(".")[0] for name in sys.modules} - before - set(sys.stdlib_module_names)
print(*sorted(name for name in found if not name.startswith("_")))
"""
    assert run(code) == ["graftgrad", "ml_dtypes", "numpy"]


def test_rooms_that_few_programs_enter_are_imported_late() -> None:
    code = f"""
import sys
import graftwork
print(*[name for name in {LATE!r} if name in sys.modules])
"""
    assert run(code) == []


@pytest.mark.parametrize(
    "package",
    ["graftgrad", "graftgrad.export", "graftgrad.formats", "graftwork", "graftwork.models"],
)
def test_names_that_come_late_are_listed_and_there(package: str) -> None:
    code = f"""
import importlib
package = importlib.import_module({package!r})
listed = dir(package)
print(*[name for name in package.__all__ if name not in listed or not hasattr(package, name)])
"""
    assert run(code) == []


def test_a_package_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="module 'graftwork' has no attribute 'aplications'"):
        graftwork.aplications  # noqa: B018


def test_a_file_may_name_a_layer_whose_room_comes_late() -> None:
    code = """
import graftwork
print(graftwork.layers.deserialize({"class_name": "ClassToken", "config": {"name": "told"}}).name)
"""
    assert run(code) == ["told"]
