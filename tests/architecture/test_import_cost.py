"""What an import leaves to those who need it: libraries that are slow to import."""

import subprocess
import sys

SLOW = ("h5py", "tqdm", "asyncio", "urllib.request", "http", "ssl", "logging", "PIL", "unittest",
        "concurrent.futures", "multiprocessing")  # fmt: skip


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
