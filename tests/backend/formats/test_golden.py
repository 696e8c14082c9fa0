"""Files written by PyTorch, safetensors and Keras themselves (see `golden/make_*.py`)."""

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from graftgrad import formats
from graftgrad.errors import FormatError

GOLDEN = Path(__file__).parent / "golden"


def counted(*shape: int, dtype: object = "float32", start: int = 0) -> np.ndarray:
    return (np.arange(int(np.prod(shape))) + start).reshape(shape).astype(dtype)


def named(name: str) -> object:
    return getattr(ml_dtypes, name, None) or np.dtype(name)


def same(got: object, expected: np.ndarray) -> None:
    assert isinstance(got, np.ndarray) and got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("ending", ["zip", "old"])
def test_variety(ending: str) -> None:
    tree = formats.read_checkpoint(GOLDEN / f"variety_{ending}.pt")
    for name, array in tree["dtypes"].items():
        same(array, counted(2, 3, dtype=named(name)))
    assert len(tree["dtypes"]) == 11
    views, base = tree["views"], counted(3, 4)
    same(views["base"], base)
    same(views["transposed"], base.T)
    same(views["rows"], base[1:])
    same(views["step"], base[:, ::2])
    assert all(np.shares_memory(views["base"], view) for view in views.values())
    same(tree["expanded"], np.full(4, 7, "f4"))
    same(tree["parameter"], counted(2, 2))
    same(tree["scalar"], np.array(3))
    same(tree["empty"], np.empty((0, 5), "f4"))
    assert tree["numbers"] == [1, -5, 300, 70000, 2**40, -(2**70), 1.5, True, None]
    assert tree["texts"] == ("plain", "ümlaut", "")
    same(tree["nested"][0]["deep"][0]["deeper"], counted(2))
    assert tree["set"] == {1, 2} and tree["size"] == (3, 4)
    assert tree["dtype"] == "torch.float32" and tree["device"] == "cpu"
    assert tree["numpy"]["scalar"] == 2.5
    same(tree["numpy"]["array"], counted(2, 3))
    same(tree["numpy"]["columns"], np.arange(6).reshape(2, 3))


@pytest.mark.parametrize("ending", ["zip", "old"])
def test_checkpoint(ending: str) -> None:
    path = GOLDEN / f"checkpoint_{ending}.pth"
    with formats.open_weights(path) as archive:
        assert archive.metadata == {
            "container": {"zip": "zip", "old": "legacy"}[ending],
            "key": "state_dict",
        }
        parts = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        assert list(archive) == ["0.weight", "0.bias", *(f"1.{part}" for part in parts)]
        same(archive["0.weight"], counted(2, 3))
        same(archive["1.bias"], counted(2, start=30))
        assert archive.dtype("1.num_batches_tracked") == np.int64
    tree = formats.read_checkpoint(path)
    assert tree["epoch"] == 7 and tree["args"] == {"lr": 0.1, "name": "golden"}
    same(tree["best_acc1"], np.array(46.5, "f4"))
    assert tree["optimizer"]["param_groups"][0]["momentum"] == 0.9
    assert tree["optimizer"]["state"][0]["momentum_buffer"].shape == (2, 3)
    assert "module.0.weight" in tree["state_dict"]


def test_an_entry_can_be_named() -> None:
    path = GOLDEN / "variety_zip.pt"
    assert list(formats.open_torch(path, key="views")) == ["base", "transposed", "rows", "step"]
    with pytest.raises(FormatError, match=r"asked for.*key='nothing'"):
        formats.open_torch(path, key="nothing")
    with pytest.raises(FormatError, match="dict of tensors"):
        formats.open_torch(path, key="texts")


def test_protocol_4() -> None:
    archive = formats.open_weights(GOLDEN / "protocol4.pt")
    assert len(archive) == 11
    same(archive["bfloat16"], counted(2, 3, dtype=ml_dtypes.bfloat16))


def test_newer_dtypes() -> None:
    archive = formats.open_weights(GOLDEN / "newer_dtypes.pt")
    assert len(archive) == 5
    for name in archive:
        same(archive[name], counted(2, 3, dtype=named(name)))


@pytest.mark.parametrize("ending", ["zip", "old"])
def test_unknown_names_are_errors_that_name_them(ending: str) -> None:
    for read in (formats.open_weights, formats.read_checkpoint, formats.open_torch):
        with pytest.raises(FormatError, match=r"fractions\.Fraction"):
            read(GOLDEN / f"foreign_{ending}.pt")


def test_a_script_without_weights_has_none() -> None:
    with pytest.raises(FormatError, match="must hold a dict of tensors"):
        formats.open_weights(GOLDEN / "script.pt")


def test_safetensors() -> None:
    path = GOLDEN / "variety.safetensors"
    archive = formats.open_weights(path)
    assert archive.metadata == {"format": "pt"} and len(archive) == 13
    for name in set(archive) - {"scalar", "empty"}:
        same(archive[name], counted(2, 3, dtype=named(name)))
    same(archive["scalar"], np.array(3, "f4"))
    same(archive["empty"], np.empty((0, 5), "f4"))


def test_writing_the_same_safetensors_gives_the_same_bytes(tmp_path: Path) -> None:
    path = GOLDEN / "variety.safetensors"
    archive = formats.open_weights(path)
    plain = {name: archive[name] for name in archive}
    formats.write_safetensors(tmp_path / "x", plain, archive.metadata)
    again = formats.open_weights(tmp_path / "x")
    assert all(again[name].tobytes() == archive[name].tobytes() for name in archive)
    assert (tmp_path / "x").stat().st_size == path.stat().st_size


KERAS3 = {
    "layers/dense/vars/0": counted(2, 4),
    "layers/dense/vars/1": counted(4, start=10),
    "layers/sequential/layers/dense/vars/0": counted(3, 2),
    "layers/sequential/layers/dense/vars/1": counted(2, start=10),
}


def test_keras_archive() -> None:
    file = formats.read_keras(GOLDEN / "outer.keras")
    assert file.config["class_name"] == "Sequential" and "keras_version" in file.metadata
    assert file.weights_name == "model.weights.h5"
    assert b'"Sequential"' in file.read("config.json")
    for archive in (file.open_weights(), formats.open_weights(GOLDEN / "outer.keras")):
        assert archive.format == "keras" and list(archive) == list(KERAS3)
        for name, expected in KERAS3.items():
            same(archive[name], expected)


def test_optimizer_of_a_keras_archive() -> None:
    content = formats.read_keras(GOLDEN / "outer.keras").read("model.weights.h5")
    with formats.Hdf5File(content) as file:
        slots = [path for path in formats.keras3_weights(file, optimizer=True) if "opt" in path]
        assert slots == [f"optimizer/vars/{index}" for index in range(10)]
        labels = formats.layer_labels(file)
        assert labels["layers/dense"] == "head" and labels["optimizer"] == "adam"
        assert labels[""] == "outer" and labels["layers/sequential"] == "inner"


def test_bfloat16_weights_of_keras() -> None:
    with formats.open_weights(GOLDEN / "bfloat16.weights.h5") as archive:
        assert archive.metadata["layout"] == "keras3"
        for name, expected in KERAS3.items():
            same(archive[name], expected.astype(ml_dtypes.bfloat16))


def test_older_layout() -> None:
    with formats.Hdf5File(GOLDEN / "outer.h5") as file:
        assert formats.layout(file) == "legacy"
        layers = formats.legacy_layers(file)
        assert [(layer, [name for name, _ in weights]) for layer, weights in layers] == [
            ("inner", ["inner/inner_dense/kernel", "inner/inner_dense/bias"]),
            ("re_lu", []),
            ("head", ["outer/head/kernel", "outer/head/bias"]),
        ]
        same(layers[2][1][0][1].read(), counted(2, 4))
        assert formats.model_config(file)["class_name"] == "Sequential"
        assert formats.training_config(file)["loss"] == "mse"
        assert len(formats.legacy_optimizer(file)) > 4
    with formats.open_weights(GOLDEN / "outer.h5") as archive:
        assert archive.format == "hdf5" and archive.metadata["layout"] == "legacy"
        same(archive["head/outer/head/bias"], counted(4, start=10))
        assert not any("optimizer" in name for name in archive)


@pytest.mark.parametrize("protocol", [2, 4])
def test_settings_beside_the_weights(protocol: int) -> None:
    path = GOLDEN / f"settings_{protocol}.pt"
    with formats.open_weights(path) as archive:
        assert list(archive) == ["w"]
    tree = formats.read_checkpoint(path)
    assert isinstance(tree, dict)
    same(tree.pop("state_dict")["w"], counted(3))
    assert tree.pop("version").startswith("2.") and tree.pop("omega") == {}
    assert tree == {
        "args": {"lr": 0.1, "out": "/runs/1"},
        "space": {"depth": 2},
        "default": {"losses": [0.5, 0.25]},
        "counter": {"a": 2, "b": 1},
        "deque": [1, 2],
        "date": "2024-05-17T13:04:59",
        "day": "2024-05-17",
        "span": (1, 2, 0),
        "parts": [(1, 2, None), (0, 3, 1), 1 + 2j, b"xy", {4}],
        "names": None,
        "one": "cat".encode("utf-32-le"),
        "layout": "torch.strided",
        "easy": {"a": {"b": 1}},
    }
