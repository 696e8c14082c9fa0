"""Try every attack and write the table into the guide: `python -m hostile`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile

from .guide import PAGE, written

with tempfile.TemporaryDirectory() as folder:
    told = subprocess.run(
        [sys.executable, "-m", "hostile.trial", folder], check=True, stdout=subprocess.PIPE
    )
PAGE.write_text(written(PAGE.read_text(), json.loads(told.stdout)))
