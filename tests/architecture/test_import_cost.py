"""What `import graftwork` leaves to those who need it: libraries that are slow to import."""

import subprocess
import sys

SLOW = ("h5py", "tqdm", "asyncio", "urllib.request", "http", "ssl", "logging", "PIL", "unittest",
        "concurrent.futures", "multiprocessing")  # fmt: skip


def test_slow_libraries_are_imported_by_whoever_needs_them_first() -> None:
    code = f"""
import sys
import numpy, ml_dtypes
before = set(sys.modules)
import graftwork
print(*[name for name in {SLOW!r} if name in sys.modules and name not in before])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, text=True, stdout=subprocess.PIPE
    )
    assert done.stdout.split() == []
