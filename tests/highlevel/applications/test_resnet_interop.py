"""Our residual networks beside PyTorch's, from one file of weights."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graftwork.applications import ResNet18, ResNet34, ResNet50, ResNet101
from graftwork.applications.resnet import preprocess_input

pytestmark = [pytest.mark.interop, pytest.mark.slow]
torch = pytest.importorskip("torch", reason="PyTorch is not installed")


def networks() -> Any:
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        return importlib.import_module("torch_resnet")
    finally:
        sys.path.pop(0)


@pytest.mark.parametrize(
    ("ours", "block", "depths"),
    [
        (ResNet18, "Basic", (2, 2, 2, 2)),
        (ResNet34, "Basic", (3, 4, 6, 3)),
        (ResNet50, "Deep", (3, 4, 6, 3)),
        (ResNet101, "Deep", (3, 4, 23, 3)),
    ],
)
def test_the_file_of_pytorch_gives_the_numbers_of_pytorch(
    ours: Any, block: str, depths: tuple[int, ...], tmp_path: Path
) -> None:
    peers = networks()
    torch.manual_seed(0)
    theirs = peers.Network(getattr(peers, block), depths)
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.0)
            torch.nn.init.normal_(module.bias, 0, 0.1)
            torch.nn.init.normal_(module.running_mean, 0, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    theirs.eval()
    path = tmp_path / "network.pth"
    torch.save(theirs.state_dict(), path)
    mine = ours(weights=path, classifier_activation=None)
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 96, 96, 3)).astype("float32")
    x = preprocess_input(pictures, variant="torch")
    with torch.no_grad():
        expected = theirs(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()
    found = mine(x).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
    assert mine.count_params() - sum(w.size for w in mine.weights if w.kind == "state") == sum(
        p.numel() for p in theirs.parameters()
    )
