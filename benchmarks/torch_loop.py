"""The loop a PyTorch user writes, as the tutorials have it and as the performance guide has it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import nn

from .peers import Peer
from .workload import Run


def placed(x: np.ndarray[Any, Any], best: bool) -> torch.Tensor:
    """Return pictures (N, H, W, C) as a tensor (N, C, H, W), the best form in channels_last."""
    tensor = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
    return tensor.to(memory_format=torch.channels_last) if best else tensor


def model_for(peer: Peer, module: nn.Module) -> nn.Module:
    """Return a module in the memory format of a peer."""
    return module.to(memory_format=torch.channels_last) if peer.best else module


def trained(
    peer: Peer,
    model: Callable[[], nn.Module],
    optimizer: Callable[..., Any],
    loss: Callable[..., torch.Tensor],
    x: torch.Tensor,
    y: torch.Tensor,
    batch: int,
    bfloat16: bool = False,
) -> Run:
    """Return the Run of the usual loop over shuffled batches; a unit is a step.

    The default form draws batches from a DataLoader and takes the optimizer as it comes; the best
    form slices the tensors itself and fuses the optimizer. Both sum the loss, as `fit` reports it.
    """
    made: list[Any] = []

    def batches(pictures: torch.Tensor, labels: torch.Tensor) -> Any:
        if not peer.best:
            data = torch.utils.data.TensorDataset(pictures, labels)
            return torch.utils.data.DataLoader(data, batch, shuffle=True)
        order = torch.randperm(len(pictures))
        return ((pictures[rows], labels[rows]) for rows in order.split(batch))

    def epoch(pictures: torch.Tensor, labels: torch.Tensor) -> float:
        module, forward, stepper = made
        module.train()
        total = torch.zeros(())
        for xs, ys in batches(pictures, labels):
            precision = torch.autocast("cpu", torch.bfloat16) if bfloat16 else nullcontext()
            with precision:
                value = loss(forward(xs), ys)
            stepper.zero_grad()
            value.backward()
            stepper.step()
            total += value.detach()
        return float(total)

    def first() -> None:
        module = model_for(peer, model())
        forward = torch.compile(module) if peer.compiled else module
        parameters = [one for one in module.parameters() if one.requires_grad]
        made[:] = [module, forward, optimizer(parameters, fused=True if peer.best else None)]
        epoch(x[:batch], y[:batch])

    def repeat() -> None:
        epoch(x, y)

    return Run(first, repeat, -(-len(x) // batch))
