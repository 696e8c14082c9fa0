"""The library is loaded by the first call that could use it; without it everything computes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from graftgrad.kernels.onednn import library

STEP = """
import numpy as np, graftgrad
from graftgrad import ops
x = graftgrad.tensor(np.ones((2, 8, 8, 16), "float32"), requires_grad=True)
def step():
    y = ops.conv2d(x, graftgrad.ones((3, 3, 16, 16)))
    assert (y.detach().numpy() == 144).all()
    y.sum().backward()
"""
MAPPED = "'libdnnl' in open('/proc/self/maps').read()"

used = pytest.mark.skipif(
    not library.available(), reason=f"oneDNN is not used: {library.why_not()}"
)


def ran(program: str, **variables: str) -> str:
    environment = {**os.environ, **variables}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@used
def test_importing_does_not_load_it() -> None:
    program = f"{STEP}\nprint({MAPPED})\nstep()\nprint({MAPPED})"
    assert ran(program).split() == ["False", "True"]


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("off", "it is switched off by GRAFTGRAD_ONEDNN"),
        ("/nowhere/libdnnl.so.3", "it does not load (/nowhere/libdnnl.so.3: "),
        ("libc.so.6", "it does not load (libc.so.6: "),
    ],
)
def test_without_it_everything_computes(told: str, reason: str) -> None:
    if not sys.platform.startswith("linux") and told != "off":
        pytest.skip(f"looked for on Linux only, this is {sys.platform}")
    shown = ran(f"{STEP}\nstep()\ngraftgrad.show_config()", GRAFTGRAD_ONEDNN=told)
    assert f"onednn   not used: {reason}" in shown


@used
def test_what_is_used_is_shown() -> None:
    found = library.library()
    shown = ran("import graftgrad; graftgrad.set_num_threads(3); graftgrad.show_config()")
    assert f"onednn   {found.version} from {found.path}" in shown
    assert "threads  3" in shown


@used
def test_a_forked_process_computes_without_it() -> None:
    program = f"""{STEP}
import os, warnings
warnings.simplefilter("ignore")
step()
child = os.fork()
if child == 0:
    try:
        step()
        graftgrad.show_config()
    except BaseException as error:
        print("failed", repr(error))
    import sys
    sys.stdout.flush()
    os._exit(0)
os.waitpid(child, 0)
step()
"""
    assert "not used: this process was forked from one that had loaded oneDNN" in ran(program)


@used
def test_the_environment_stays_as_it_was() -> None:
    program = f"{STEP}\nimport os\nbefore = dict(os.environ)\nstep()\nprint(before == os.environ)"
    assert ran(program).split() == ["True"]
