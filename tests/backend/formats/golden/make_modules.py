"""Writes the small files of whole modules and programs beside it; run once with PyTorch 2.13.

The state dict that PyTorch itself gives for them stands in modules.npz. Where the sources lay
on the machine that wrote them is taken out of the files again.
"""

import enum
import functools
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

HERE = Path(__file__).parent


class Kind(enum.Enum):
    SMALL = "small"


class Block(nn.Module):
    """What a program of TorchScript can say too."""

    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(2, 2)
        self.register_buffer("kept", torch.arange(2.0))
        self.register_buffer("passing", torch.ones(3), persistent=False)
        self.plain = torch.ones(2)

    def forward(self, x):
        return self.lin(x) + self.kept + self.plain + self.passing.sum()


class Net(nn.Module):
    """Shared weights, nothing in the place of a module, a method kept as attribute."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([3.0]))
        self.first = Block()
        self.second = Block()
        self.second.lin.weight = self.first.lin.weight
        self.norm = nn.BatchNorm1d(2)
        self.none = None
        self.register_module("nothing", None)
        self.register_parameter("absent", None)

    def forward(self, x):
        return self.norm(self.second(self.first(x))) * self.scale


class Odd(Net):
    """With attributes that no program has."""

    def __init__(self):
        super().__init__()
        self.kind = Kind.SMALL
        self.make = functools.partial(nn.LayerNorm, eps=1e-6)
        self.call = self.forward
        self.itself = [self]


class Settings(dict):
    """A dictionary of a class of its own."""


def counted(net):
    """Fill the weights with numbers that tell them apart."""
    with torch.no_grad():
        for number, tensor in enumerate({id(one): one for one in net.parameters()}.values()):
            tensor.copy_(torch.arange(tensor.numel()).reshape(tensor.shape) + 10.0 * number)
    return net.eval()


def without_places(path):
    """Write a program again without what tells of the source from which it was made."""
    with zipfile.ZipFile(path) as archive:
        members = {one.filename: archive.read(one) for one in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            if not name.endswith((".debug_pkl", "models/model.json")):
                archive.writestr(name, content)


def main():
    torch.serialization.get_source_lines_and_file = lambda *_: (["class Net: ..."], 1, "net.py")
    torch.manual_seed(0)
    odd, net = counted(Odd()), counted(Net())
    np.savez(HERE / "modules.npz", **{name: one.numpy() for name, one in net.state_dict().items()})
    torch.save(odd, HERE / "module_zip.pt")
    torch.save(odd, HERE / "module_old.pt", _use_new_zipfile_serialization=False)
    torch.save(nn.DataParallel(net), HERE / "module_parallel.pt")
    # as detectors are saved while they are trained, with the averaged network alone
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    training = {
        "epoch": 3, "model": None, "ema": odd, "updates": 5, "optimizer": optimizer,
        "train_args": Settings(lr=0.1), "kind": Kind.SMALL,
    }  # fmt: skip
    torch.save(training, HERE / "module_training.pt")
    # as Lightning saves
    hyper = Settings(net=nn.ReLU(), optimizer=functools.partial(torch.optim.Adam, lr=0.1))
    weights = {f"net.{name}": one for name, one in net.state_dict().items()}
    lightning = {
        "epoch": 1, "global_step": 2, "pytorch-lightning_version": "2.4.0", "state_dict": weights,
        "loops": {}, "callbacks": {}, "optimizer_states": [], "lr_schedulers": [],
        "hparams_name": "kwargs", "hyper_parameters": hyper,
    }  # fmt: skip
    torch.save(lightning, HERE / "module_lightning.ckpt")
    # programs
    torch.jit.save(torch.jit.script(net), HERE / "program_script.pt")
    torch.jit.save(torch.jit.trace(net, torch.ones(4, 2)), HERE / "program_trace.pt")
    torch.jit.save(torch.jit.freeze(torch.jit.script(net.first)), HERE / "program_frozen.pt")
    torch.export.save(torch.export.export(net, (torch.ones(4, 2),)), HERE / "program_export.pt2")
    for path in HERE.glob("program_*"):
        without_places(path)


if __name__ == "__main__":
    main()
