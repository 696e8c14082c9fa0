"""Writes the small PyTorch and safetensors files beside it; run once with torch and safetensors.

Every tensor is counted up from a known start, so that the tests can tell what must come out.
"""

import argparse
import fractions
from collections import OrderedDict
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

HERE = Path(__file__).parent


def counted(*shape, dtype=torch.float32, start=0):
    size = int(np.prod(shape))
    return (torch.arange(size) + start).reshape(shape).to(dtype)


def variety():
    """One of everything a checkpoint may hold."""
    base = counted(3, 4)
    return {
        "dtypes": {
            str(dtype).removeprefix("torch."): counted(2, 3, dtype=dtype)
            for dtype in (
                *(torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.bool),
                *(torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8),
                torch.complex64,
            )
        },
        "views": {"base": base, "transposed": base.t(), "rows": base[1:], "step": base[:, ::2]},
        "expanded": torch.tensor([7.0]).expand(4),
        "parameter": torch.nn.Parameter(counted(2, 2)),
        "scalar": torch.tensor(3),
        "empty": torch.empty(0, 5),
        "numbers": [1, -5, 300, 70000, 2**40, -(2**70), 1.5, True, None],
        "texts": ("plain", "ümlaut", ""),
        "nested": [{"deep": [{"deeper": counted(2)}]}],
        "set": {1, 2},
        "size": base.shape,
        "dtype": torch.float32,
        "device": torch.device("cpu"),
        "numpy": {
            "scalar": np.float64(2.5),
            "array": np.arange(6, dtype="f4").reshape(2, 3),
            "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
        },
    }


def network():
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    for index, parameter in enumerate(model.parameters()):
        parameter.data = counted(*parameter.shape, start=10 * index)
    return model


def checkpoint():
    """What a training script saves: a wrapped network, its optimizer, and where it stopped."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    for index, parameter in enumerate(model.parameters()):
        parameter.data = counted(*parameter.shape, start=10 * index)
    weights = OrderedDict((f"module.{name}", value) for name, value in model.state_dict().items())
    return {
        "epoch": 7,
        "best_acc1": torch.tensor(46.5),
        "state_dict": weights,
        "optimizer": optimizer.state_dict(),
        "args": argparse.Namespace(lr=0.1, name="golden"),
    }


class Model(torch.nn.Module):
    def forward(self, x):
        return x


def main():
    for old in (False, True):
        ending = "old" if old else "zip"
        options = {"_use_new_zipfile_serialization": not old}
        torch.save(variety(), HERE / f"variety_{ending}.pt", **options)
        torch.save(checkpoint(), HERE / f"checkpoint_{ending}.pth", **options)
        torch.save({"rate": fractions.Fraction(1, 2)}, HERE / f"foreign_{ending}.pt", **options)
    torch.save(variety()["dtypes"], HERE / "protocol4.pt", pickle_protocol=4)
    newer = (torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn, torch.float8_e5m2)
    torch.save(
        {str(dtype).removeprefix("torch."): counted(2, 3, dtype=dtype) for dtype in newer},
        HERE / "newer_dtypes.pt",
    )
    torch.jit.save(torch.jit.script(Model()), HERE / "script.pt")
    tensors = {
        str(dtype).removeprefix("torch."): counted(2, 3, dtype=dtype)
        for dtype in (
            *(torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.bool),
            *(torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8),
            torch.float8_e4m3fn,
        )
    }
    tensors |= {"scalar": torch.tensor(3.0), "empty": torch.empty(0, 5)}
    safetensors.torch.save_file(tensors, HERE / "variety.safetensors", {"format": "pt"})


if __name__ == "__main__":
    main()
