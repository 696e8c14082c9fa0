"""Networks and programs that PyTorch writes: read here as the state dict that it gives itself."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graftgrad import formats

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]
torch = pytest.importorskip("torch")
nn = torch.nn


def convolutional() -> Any:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding="same"), nn.BatchNorm2d(8), nn.PReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(8, 4, bias=False), nn.InstanceNorm1d(4),
    ).to(memory_format=torch.channels_last)  # fmt: skip


def shared() -> Any:
    layer = nn.Linear(3, 3)
    network = nn.ModuleDict({"a": layer, "b": nn.Sequential(layer, nn.Linear(3, 3))})
    network["b"][1].bias = layer.bias
    return network


def parameters() -> Any:
    network = nn.Module()
    network.rows = nn.ParameterList([torch.ones(2), torch.zeros(3)])
    network.table = nn.ParameterDict({"x": torch.ones(1)})
    network.register_buffer("view", torch.arange(12.0).reshape(3, 4).t()[1:])
    network.register_buffer("passing", torch.ones(2), persistent=False)
    network.register_buffer("none", None)
    return network


def hooked() -> Any:
    network = nn.Sequential(nn.utils.spectral_norm(nn.Linear(3, 3)))
    network.append(nn.utils.weight_norm(nn.Linear(3, 2)))
    return network


NETWORKS: dict[str, Callable[[], Any]] = {
    "convolutional": convolutional,
    "shared": shared,
    "parameters": parameters,
    "hooked": hooked,
    "recurrent": lambda: nn.LSTM(3, 4, 2, bidirectional=True),
    "attention": lambda: nn.Transformer(8, 2, 1, 1, 16),
    "half": lambda: nn.Linear(3, 2).half(),
    "bfloat16": lambda: nn.Embedding(3, 2).bfloat16(),
    "parallel": lambda: nn.DataParallel(convolutional()),
    "averaged": lambda: torch.optim.swa_utils.AveragedModel(nn.Linear(2, 2)),
    "traced by fx": lambda: torch.fx.symbolic_trace(convolutional()),
}


def same(archive: formats.Archive, state: dict[str, Any]) -> None:
    state = {name.removeprefix("module."): one for name, one in state.items()}
    state.pop("n_averaged", None)
    assert set(archive) == set(state)
    for name, tensor in state.items():
        array = archive[name]
        assert str(array.dtype) == str(tensor.dtype).removeprefix("torch.")
        np.testing.assert_array_equal(
            array.astype("f8"), tensor.detach().double().numpy(), err_msg=name
        )


@pytest.mark.parametrize("old", [False, True], ids=["zip", "old"])
@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("name", NETWORKS)
def test_whole_modules(name: str, protocol: int, old: bool, tmp_path: Path) -> None:
    network = NETWORKS[name]()
    torch.save(network, tmp_path / "m.pt", pickle_protocol=protocol,
               _use_new_zipfile_serialization=not old)  # fmt: skip
    with formats.open_weights(tmp_path / "m.pt") as archive:
        same(archive, network.state_dict())


def test_a_whole_optimizer_beside_a_network(tmp_path: Path) -> None:
    network = convolutional()
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.ones(2, 3, 5, 5)).sum().backward()
    optimizer.step()
    whole = {"net": network, "optimizer": optimizer, "loss": nn.CrossEntropyLoss()}
    torch.save(whole, tmp_path / "m.pt")
    with formats.open_weights(tmp_path / "m.pt") as archive:
        assert archive.metadata["key"] == "net"
        same(archive, network.state_dict())


INPUTS: dict[str, Any] = {
    "convolutional": lambda: torch.ones(2, 3, 5, 5),
    "half": lambda: torch.ones(2, 3).half(),
    "bfloat16": lambda: torch.zeros(2, dtype=torch.long),
    "recurrent": lambda: torch.ones(2, 2, 3),
}


@pytest.mark.parametrize("name", INPUTS)
def test_programs(name: str, tmp_path: Path) -> None:
    network = NETWORKS[name]().eval()
    example = INPUTS[name]()
    for way in (torch.jit.script, lambda one: torch.jit.trace(one, example)):
        program = way(network)
        torch.jit.save(program, tmp_path / "m.pt")
        with formats.open_weights(tmp_path / "m.pt") as archive:
            same(archive, program.state_dict())
    torch.export.save(torch.export.export(network, (example,)), tmp_path / "m.pt2")
    with formats.open_weights(tmp_path / "m.pt2") as archive:
        same(archive, network.state_dict())


def test_the_older_form_of_exported_programs(tmp_path: Path) -> None:
    """As PyTorch 2.1 to 2.7 wrote it: a checkpoint in the archive."""
    import zipfile

    state = convolutional().state_dict()
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with zipfile.ZipFile(tmp_path / "m.pt2", "w") as archive:
        archive.writestr("version", "5.1")
        archive.writestr("serialized_state_dict.pt", buffer.getvalue())
        archive.writestr("serialized_exported_program.json", "{}")
    with formats.open_weights(tmp_path / "m.pt2") as found:
        same(found, state)
