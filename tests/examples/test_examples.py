"""The examples run as a user starts them, each in a process and a folder of its own."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from graftwork.applications import MobileNet
from graftwork.data import save_img

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
BACKBONE = EXAMPLES / "backbone" / "digits.keras"
PIPES = {"PYTHONIOENCODING": "utf-8", "PYTHONWARNINGS": "error::UserWarning"}


def run(folder: Path, script: str, *arguments: object) -> str:
    """Run an example in a folder; return what it printed."""
    command = [sys.executable, str(EXAMPLES / script), *map(str, arguments)]
    heard = {"capture_output": True, "encoding": "utf-8", "check": False}
    done = subprocess.run(command, cwd=folder, env=os.environ | PIPES, **heard)
    assert done.returncode == 0, f"{script}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_the_docstring_tells_how_to_run_it(script: Path) -> None:
    told = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or ""
    assert f"examples/{script.name}" in told or f"make {script.stem}" in told


def test_first_gradient(tmp_path: Path) -> None:
    printed = run(tmp_path, "first_gradient.py")
    for line in printed.splitlines():
        if "expected" in line:
            found, expected = (re.findall(r"-?\d+\.?\d*", part) for part in line.split("expected"))
            count = len(expected)
            assert count == 2, line
            assert [float(n) for n in found[-count:]] == [float(n) for n in expected], line
    assert printed.count("expected") == 3
    assert "AccumulateGrad  leaf [2.0, 3.0]" in printed
    assert ">a</text>" in (tmp_path / "graph.svg").read_text(encoding="utf-8")
    assert re.search(r"with b frozen: a\.grad = tensor\(\[12\., 27\.\]\)  b\.grad = None", printed)


@pytest.mark.skipif(not BACKBONE.exists(), reason=f"no backbone at {BACKBONE}")
def test_demo(tmp_path: Path) -> None:
    settings = ("--per-class", 2, "--seeds", 1, "--epochs", 2, "--out", "out")
    printed = run(tmp_path, "demo.py", *settings)
    rows = re.findall(r"^(frozen backbone.*?|from scratch)\s+accuracy (\d+\.\d)%", printed, re.M)
    assert [name for name, _ in rows] == ["frozen backbone, new head", "from scratch"]
    assert "bit for bit the same" in printed
    assert (tmp_path / "out" / "digits.keras").stat().st_size > 10_000
    assert (tmp_path / "out" / "curves.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.skipif(not BACKBONE.exists(), reason=f"no backbone at {BACKBONE}")
def test_fine_tuning(tmp_path: Path) -> None:
    settings = ("--per-class", 2, "--seeds", 1, "--epochs", 2)
    printed = run(tmp_path, "fine_tuning.py", *settings)
    rates = [float(n) for n in re.findall(r"^rate x (\d\.\d+)", printed, re.M)]
    assert rates[0] == 0.01
    assert rates[-1] == 1.0
    assert rates == sorted(rates)
    rows = re.findall(r"^(frozen|one rate|by depth) +accuracy \d+\.\d%", printed, re.M)
    assert rows == ["frozen", "one rate", "by depth"]


@pytest.fixture
def brightness(tmp_path: Path) -> Path:
    """A folder of dark and bright pictures, and weights for the base."""
    draw = np.random.default_rng(0)
    for part, count in (("train", 4), ("val", 2)):
        for number, name in enumerate(("bright", "dark")):
            (tmp_path / part / name).mkdir(parents=True)
            for i in range(count):
                pixels = draw.integers(0, 60, (50, 70, 3)) + 180 * (1 - number)
                save_img(tmp_path / part / name / f"{i}.png", pixels.astype("float32"), scale=False)
    base = MobileNet(alpha=0.25, include_top=False, pooling="avg", weights=None)
    base.save(tmp_path / "base.h5")
    return tmp_path


def test_text_classification(tmp_path: Path) -> None:
    printed = run(tmp_path, "text_classification.py", "--epochs", 2, "--length", 10, "--words", 60)
    found = re.search(r"^(\d+\.\d)% right on 80 sentences", printed, re.M)
    assert found is not None
    assert float(found[1]) >= 95.0


def test_transfer_learning(brightness: Path) -> None:
    settings = ("--data", ".", "--weights", "base.h5", "--epochs", 2, "--save", "own.keras")
    printed = run(brightness, "transfer_learning.py", *settings)
    assert "Training 514 of 213,586 parameters. Frozen: mobilenet_0.25_224 (213,072)." in printed
    assert re.search(r"^\d+\.\d% right on 4 validation pictures; saved own\.keras$", printed, re.M)
    assert (brightness / "own.keras").exists()


@pytest.mark.data
@pytest.mark.slow
def test_ants_and_bees(data_folder: Path, tmp_path: Path) -> None:
    weights = data_folder / "mobilenet-v1-025-imagenet-keras" / "mobilenet_2_5_224_tf_no_top.h5"
    settings = ("--data", data_folder / "hymenoptera", "--weights", weights)
    printed = run(tmp_path, "transfer_learning.py", *settings)
    found = re.search(r"^(\d+\.\d)% right on 153 validation pictures", printed, re.M)
    assert found is not None
    assert float(found[1]) >= 86.0


@pytest.mark.data
@pytest.mark.slow
def test_train_backbone(data_folder: Path, tmp_path: Path) -> None:
    file = importlib.util.spec_from_file_location("train_backbone", EXAMPLES / "train_backbone.py")
    assert file is not None
    assert file.loader is not None
    script = importlib.util.module_from_spec(file)
    file.loader.exec_module(script)
    labels = script.idx(data_folder / "mnist" / "t10k-labels-idx1-ubyte.gz")
    pictures = script.idx(data_folder / "mnist" / "t10k-images-idx3-ubyte.gz")[:200]
    assert labels[:5].tolist() == [7, 2, 1, 0, 4]
    small = script.reduced(pictures)
    assert small.shape == (200, 8, 8, 1)
    assert 0 <= small.min() < small.max() <= 16
    assert script.backbone().predict(small, verbose=0).shape == (200, 128)


def test_variational_autoencoder(tmp_path: Path) -> None:
    printed = run(tmp_path, "variational_autoencoder.py", "--epochs", 4)
    first, last = map(float, re.search(r"epoch ([\d.]+), of the last ([\d.]+)", printed).groups())
    assert last < first - 5
    assert (tmp_path / "digits.png").read_bytes()[:4] == b"\x89PNG"


def test_grad_cam(tmp_path: Path) -> None:
    printed = run(tmp_path, "grad_cam.py")
    summit, other = map(float, re.findall(r"falls by ([\d.]+)", printed))
    assert summit > other
    assert (tmp_path / "maps.png").read_bytes()[:4] == b"\x89PNG"
