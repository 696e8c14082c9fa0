"""Losses of fifty steps of training beside PyTorch's, from the same initial weights."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftwork.applications.resnet import ResNet

pytestmark = pytest.mark.interop
torch = pytest.importorskip("torch", reason="PyTorch is not installed")

STEPS, CLASSES = 50, 10


def peer_networks() -> Any:
    sys.path.insert(0, str(Path(__file__).parents[1] / "applications"))
    try:
        return importlib.import_module("torch_resnet")
    finally:
        sys.path.pop(0)


def ours(model: Any, optimizer: Any, x: Any, y: Any, batch: int) -> list[float]:
    """The loss of every step, each on a batch of its own."""
    loss = gw.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss)
    found = []
    for start in range(0, len(x), batch):
        model.reset_metrics()  # or it would be the mean so far
        found.append(model.train_on_batch(x[start : start + batch], y[start : start + batch]))
    return found


def theirs(module: Any, optimizer: Any, x: Any, y: Any, batch: int) -> list[float]:
    module.train()
    found = []
    for start in range(0, len(x), batch):
        inputs = torch.from_numpy(x[start : start + batch])
        labels = torch.from_numpy(y[start : start + batch]).long()
        loss = torch.nn.functional.cross_entropy(module(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def learnable(shape: tuple[int, ...], batch: int) -> tuple[Any, Any]:
    """Samples around the centre of their class: there is something to learn."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, CLASSES, STEPS * batch).astype(np.int32)
    centres = rng.standard_normal((CLASSES, *shape)).astype(np.float32)
    x = centres[y] + rng.standard_normal((len(y), *shape)).astype(np.float32)
    return x, y


def test_a_perceptron_under_adam_loses_as_in_pytorch() -> None:
    """Sums are taken in another order; over 50 steps the losses differ by less than 1e-4."""
    x, y = learnable((784,), batch=32)
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, CLASSES)
    )
    layers = [gw.layers.Dense(128, activation="relu"), gw.layers.Dense(CLASSES)]
    model = gw.Sequential([gw.Input((784,)), *layers])
    for mine, peer in zip(layers, (module[0], module[2]), strict=True):
        mine.set_weights([peer.weight.detach().numpy().T, peer.bias.detach().numpy()])
    mine = ours(model, gw.optimizers.Adam(1e-3, epsilon=1e-8), x, y, 32)
    peer = theirs(module, torch.optim.Adam(module.parameters(), 1e-3, eps=1e-8), x, y, 32)
    assert peer[-1] < 0.5 * peer[0]
    np.testing.assert_allclose(mine, peer, rtol=0, atol=1e-4)


def test_a_small_residual_network_under_sgd_loses_as_in_pytorch(tmp_path: Path) -> None:
    """Batch statistics magnify differences of rounding: 2 % of the loss, 0.1 % in the first ten."""
    peers = peer_networks()
    batch = 16
    x, y = learnable((64, 64, 3), batch)
    torch.manual_seed(0)
    module = peers.Network(peers.Basic, (1, 1, 1, 1), CLASSES)
    path = tmp_path / "network.pth"
    torch.save(module.state_dict(), path)
    model = ResNet("basic", (1, 1, 1, 1), classes=CLASSES, input_shape=(64, 64, 3))
    model.load_weights(path)
    mine = ours(model, gw.optimizers.SGD(1e-3, momentum=0.9), x, y, batch)
    optimizer = torch.optim.SGD(module.parameters(), 1e-3, momentum=0.9)
    channels_first = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    peer = theirs(module, optimizer, channels_first, y, batch)
    assert peer[-1] < 0.5 * peer[0]
    np.testing.assert_allclose(mine[:10], peer[:10], rtol=1e-3)
    np.testing.assert_allclose(mine, peer, rtol=2e-2)
