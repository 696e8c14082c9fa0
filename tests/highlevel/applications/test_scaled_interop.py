"""EfficientNets and ConvNeXts beside PyTorch: its state dict, read here, gives its numbers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graftwork import applications
from graftwork.applications import convnext, efficientnet, efficientnet_v2
from graftwork.applications.inverted import Stage, rounded, scaled

pytestmark = pytest.mark.interop
torch = pytest.importorskip("torch")


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module with the networks in PyTorch, beside this file."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.delitem(sys.modules, "torch_scaled", raising=False)
    import torch_scaled

    return torch_scaled


def theirs(name: str, peer: Any) -> Any:
    """The network in PyTorch; its random statistics are those of no trained one."""
    torch.manual_seed(0)
    if name.startswith("ConvNeXt"):
        depths, size = convnext.SIZES[name.removeprefix("ConvNeXt").lower()]
        return peer.ConvNeXt(depths, size, 10).eval()
    if name.startswith("EfficientNetV2"):
        table = efficientnet_v2.STAGES[name[-1]]
        stages = [Stage(n, a, b, w, 3, s, i < 3) for i, (n, a, b, w, s) in enumerate(table)]
        made = peer.EfficientNet(stages[0].filters_in, stages, 1280, 1e-3, 10)
    else:
        size = name.removeprefix("EfficientNet")
        width, depth, _, _ = efficientnet.SIZES[size]
        stages = scaled(efficientnet.STAGES, width, depth, 0.9)
        eps = 1e-5 if size < "B5" else 1e-3
        last = 4 * stages[-1].filters_out  # as torchvision has it
        made = peer.EfficientNet(rounded(32, width, 0.9), stages, last, eps, 10)
    for one in made.modules():
        if isinstance(one, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(one.running_var, 0.01, 1.2)
            torch.nn.init.uniform_(one.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(one.weight, 0.1, 0.3)
    return made.eval()


@pytest.mark.parametrize(
    "name",
    ["EfficientNetB0", "EfficientNetV2S", "ConvNeXtTiny"]
    + [
        pytest.param(one, marks=pytest.mark.slow)
        for one in (
            *(f"EfficientNetB{i}" for i in range(1, 8)),
            "EfficientNetV2M",
            "EfficientNetV2L",
            "ConvNeXtSmall",
            "ConvNeXtBase",
            "ConvNeXtLarge",
        )
    ],
)
def test_files_of_pytorch_give_the_numbers_of_pytorch(name: str, peer: Any, tmp_path: Path) -> None:
    network = theirs(name, peer)
    x = np.random.default_rng(0).standard_normal((2, 64, 64, 3)).astype(np.float32)
    with torch.no_grad():
        wanted = network(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()
    torch.save(network.state_dict(), tmp_path / "network.pth")
    kwargs: Any = {"include_preprocessing": False} if name.startswith("ConvNeXt") else {}
    mine = getattr(applications, name)(
        weights=tmp_path / "network.pth", classes=10, input_shape=(64, 64, 3),
        classifier_activation=None, **kwargs,
    )  # fmt: skip
    found = mine.predict(x, verbose=0)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * float(abs(wanted).max()))
