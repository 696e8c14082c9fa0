"""Vision transformers beside PyTorch: its state dict, read here, gives its numbers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graftgrad import formats
from graftwork.applications import vision_transformer

pytestmark = pytest.mark.interop
torch = pytest.importorskip("torch")


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module with the networks in PyTorch, beside this file."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.delitem(sys.modules, "torch_vit", raising=False)
    import torch_vit

    return torch_vit


@pytest.mark.parametrize(
    ("key", "patch", "size", "heads", "blocks", "side"),
    [
        ("B16", 16, 48, 4, 3, 64),
        pytest.param("B16", 16, 768, 12, 12, 224, marks=pytest.mark.slow),
        pytest.param("B32", 32, 768, 12, 12, 224, marks=pytest.mark.slow),
        pytest.param("L16", 16, 1024, 16, 24, 224, marks=pytest.mark.slow),
        pytest.param("L32", 32, 1024, 16, 24, 224, marks=pytest.mark.slow),
    ],
)
def test_files_of_pytorch_give_the_numbers_of_pytorch(
    key: str, patch: int, size: int, heads: int, blocks: int, side: int, peer: Any,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setitem(vision_transformer.SIZES, key, (blocks, heads, size, "00000000", 0))
    torch.manual_seed(0)
    theirs = peer.Network(side, patch, size, heads, blocks, 10).eval()
    x = np.random.default_rng(0).standard_normal((2, side, side, 3)).astype(np.float32)
    with torch.no_grad():
        wanted = theirs(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()
    state = theirs.state_dict()
    old = {".mlp.0.": ".mlp.linear_1.", ".mlp.3.": ".mlp.linear_2."}
    bare = {**peer.HUGGING_FACE, "vit.": ""}
    found: Any = {"torchvision": state, "timm": peer.renamed(state, peer.TIMM),
                  "huggingface": peer.renamed(state, peer.HUGGING_FACE),
                  "bare": peer.renamed(state, bare)}  # fmt: skip
    found["older"] = {
        name.replace(".mlp.0.", old[".mlp.0."]).replace(".mlp.3.", old[".mlp.3."]): tensor
        for name, tensor in state.items()
    }
    make = getattr(vision_transformer, f"ViT{key}")
    for library, arrays in found.items():
        path = tmp_path / f"{library}.pth"
        torch.save(arrays, path)
        mine = make(weights=path, classes=10, input_shape=(side, side, 3),
                    classifier_activation=None)  # fmt: skip
        np.testing.assert_allclose(
            mine.predict(x, verbose=0), wanted, rtol=1e-4, atol=1e-4, err_msg=library
        )
        if size > 100:
            return  # the names are the same, only more
    mine.save_weights(tmp_path / "back.pth")
    with formats.open_weights(tmp_path / "back.pth") as archive:
        assert set(archive) == set(state)
    theirs.load_state_dict(torch.load(tmp_path / "back.pth", weights_only=True))
