"""Files larger than memory are listed without being read; a killed writer leaves a whole file."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from graftgrad import formats
from graftgrad.formats import hdf5_library as h5py

TEN = 10 << 30
LISTING = """
import resource, sys
from graftgrad import formats
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))
with formats.open_weights(sys.argv[1]) as archive:
    print({name: archive.shape(name) for name in archive})
    print(float(archive[sys.argv[2]].sum()))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


def sparse_safetensors(path: Path) -> str:
    told = {
        "small": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        "large": {"dtype": "F32", "shape": [TEN // 4], "data_offsets": [8, 8 + TEN]},
    }
    header = json.dumps(told).encode()
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as file:
        file.write(len(header).to_bytes(8, "little") + header + np.ones(2, "f4").tobytes())
        file.truncate(8 + len(header) + 8 + TEN)
    return "small"


def sparse_hdf5(path: Path) -> str:
    with h5py.File(path, "w") as file:
        file.create_dataset("layers/dense/vars/1", data=np.ones(2, "f4"))
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        plan.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        space = h5py.h5s.create_simple((TEN // 4,))
        place = file["layers/dense/vars"].id
        h5py.h5d.create(place, b"0", h5py.h5t.IEEE_F32LE, space, plan)
    return "layers/dense/vars/1"


@pytest.mark.skipif(sys.platform != "linux", reason="files with holes and limits of memory")
@pytest.mark.parametrize("make", [sparse_safetensors, sparse_hdf5])
def test_ten_gigabytes_are_listed_with_little_memory(make, tmp_path: Path) -> None:
    path = tmp_path / "large"
    name = make(path)
    assert path.stat().st_size > TEN
    done = subprocess.run(
        [sys.executable, "-c", LISTING, str(path), name], capture_output=True, text=True, check=True
    )
    shapes, total, megabytes = done.stdout.splitlines()
    assert str(TEN // 4) in shapes
    assert float(total) == 2
    assert int(megabytes) < 100


WRITING = """
import sys
import numpy as np
from graftgrad import formats
path, kind = sys.argv[1:]
contents = [{"w": np.full(200_000, i, "f4"), "b": np.full(3, i, "f4")} for i in (1, 2)]
def write(arrays):
    if kind == "keras":
        parts = {"config.json": b"{}", "metadata.json": b"{}"}
        formats.write_keras(path, {**parts, "model.weights.h5": formats.tree_bytes(arrays)})
    elif kind == "onnx":
        node = formats.OnnxNode("Identity", ("w",), ("y",))
        formats.write_onnx(path, formats.OnnxModel("g", 21, [node], [], [], arrays))
    else:
        getattr(formats, "write_" + kind)(path, arrays)
write(contents[0])
print("ready", flush=True)
while True:
    for arrays in reversed(contents):
        write(arrays)
"""


@pytest.mark.parametrize("kind", ["torch", "safetensors", "npz", "tree", "keras", "onnx"])
def test_a_killed_writer_leaves_the_old_or_the_new_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    chance = random.Random(kind)
    for _ in range(2):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITING, str(path), kind], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0, 0.06))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        with formats.open_weights(path) as archive:
            w, b = (np.array(archive[name]) for name in ("w", "b"))
        assert len(w) == 200_000
        assert len(np.unique(np.concatenate([w, b]))) == 1
