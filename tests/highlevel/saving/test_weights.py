"""Weights alone: reports, strictness, formats, and nothing half loaded."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from graftgrad import formats
from graftgrad.errors import ConfigError, FormatError, GraftError, ShapeError
from graftwork import layers
from graftwork.applications import ResNet18
from graftwork.models import Model, Sequential, clone_model
from graftwork.saving import LoadReport, load_weights, save_weights

ENDINGS = (".weights.h5", ".safetensors", ".npz", ".pth")


def network(classes: int = 3, name: str = "head") -> Sequential:
    return Sequential(
        [
            layers.Input((6, 6, 2)),
            layers.Conv2D(4, 3, name="conv"),
            layers.BatchNormalization(name="bn"),
            layers.DepthwiseConv2D(2, depth_multiplier=2, name="dw"),
            layers.SeparableConv2D(3, 2, name="sep"),
            layers.PReLU(shared_axes=[1, 2], name="act"),
            layers.Conv2DTranspose(2, 2, name="up"),
            layers.LayerNormalization(name="ln"),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(classes, name=name),
        ]
    )


def numbers(model: Any) -> list[Any]:
    return [weight.numpy() for _, weight in model.named_weights()]


def same(first: list[Any], second: list[Any]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def shaken(model: Any) -> Any:
    generator = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(generator.standard_normal(weight.shape).astype("float32"))
    return model


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_brings_all_weights_back(ending: str, tmp_path: Path) -> None:
    model = shaken(network())
    model.save_weights(tmp_path / f"w{ending}")
    again = clone_model(model)
    report = again.load_weights(tmp_path / f"w{ending}")
    assert isinstance(report, LoadReport)
    assert len(report.loaded) == len(model.weights) + (ending not in (".pth",))
    assert not (report.missing or report.unexpected or report.mismatched)
    for found, expected in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())
    assert "of" in report.summary and "conv/kernel" in str(report)


@pytest.mark.parametrize("ending", ENDINGS)
def test_another_head_is_named_with_both_shapes(ending: str, tmp_path: Path) -> None:
    network(5).save_weights(tmp_path / f"w{ending}")
    model = network(3)
    before = numbers(model)
    with pytest.raises(ShapeError, match=r"head/kernel.*\(18, 3\).*5.*skip_mismatch") as told:
        model.load_weights(tmp_path / f"w{ending}")
    assert "head/bias" in str(told.value)
    assert same(numbers(model), before)
    report = model.load_weights(tmp_path / f"w{ending}", skip_mismatch=True)
    assert [one.path for one in report.mismatched] == ["head/kernel", "head/bias"]
    assert report.mismatched[1].shape == (3,) and report.mismatched[1].given == (5,)
    assert same(numbers(model)[-2:], before[-2:]) and not same(numbers(model), before)


@pytest.mark.parametrize("ending", [".safetensors", ".npz", ".pth"])
def test_a_missing_weight_is_named_with_the_nearest(ending: str, tmp_path: Path) -> None:
    network(name="haed").save_weights(tmp_path / f"w{ending}")
    model = network()
    if ending == ".pth":  # by place in a Sequential; by name in what its user wrote
        arrays = {
            f"haed.{n[-6:]}" if n[:2] == "9." else n: a
            for n, a in formats.open_weights(tmp_path / "w.pth").items()
        }
        formats.write_torch(tmp_path / "w.pth", arrays)
    before = numbers(model)
    with pytest.raises(FormatError, match=r"2 are missing.*head/kernel.*haed.*strict=False"):
        model.load_weights(tmp_path / f"w{ending}")
    assert same(numbers(model), before)
    report = model.load_weights(tmp_path / f"w{ending}", strict=False)
    assert report.missing == ["head/kernel", "head/bias"]
    assert len(report.unexpected) == 2 and "left over" in report.summary


def test_nothing_that_fits_is_an_error_even_when_lenient(tmp_path: Path) -> None:
    formats.write_safetensors(tmp_path / "w.safetensors", {"elsewhere": np.ones(3, "f4")})
    for settings in ({}, {"strict": False}, {"skip_mismatch": True}, {"by_name": True}):
        with pytest.raises(FormatError, match=r"none of which fits.*elsewhere.*conv/kernel"):
            network().load_weights(tmp_path / "w.safetensors", **settings)


def test_left_over_entries_are_reported(tmp_path: Path) -> None:
    model = network()
    arrays = {f"module.{i}": np.zeros(2, "f4") for i in range(2)}
    model.save_weights(tmp_path / "w.pth")
    arrays |= dict(formats.open_weights(tmp_path / "w.pth"))
    arrays["1.num_batches_tracked"] = np.array(7)
    formats.write_torch(tmp_path / "w.pth", arrays)
    report = model.load_weights(tmp_path / "w.pth")
    assert report.unexpected == ["module.0", "module.1"]


def test_layers_that_are_skipped_stay_as_they_are(tmp_path: Path) -> None:
    network(5).save_weights(tmp_path / "w.safetensors")
    model = network(3)
    before = model.get_layer("head").get_weights()
    report = model.load_weights(tmp_path / "w.safetensors", skip=["head"])
    assert not report.unexpected and not report.mismatched
    assert same(model.get_layer("head").get_weights(), before)


def test_files_that_know_names_can_be_matched_by_name(tmp_path: Path) -> None:
    inputs = layers.Input((4,))
    model = Model(inputs, layers.Dense(2, name="b")(layers.Dense(4, name="a")(inputs)))
    model.save_weights(tmp_path / "w.weights.h5")
    model.save(tmp_path / "m.h5")
    for file in ("w.weights.h5", "m.h5"):
        swapped = Model(inputs, layers.Dense(4, name="a")(layers.Dense(4, name="c")(inputs)))
        kept = swapped.get_layer("c").get_weights()
        report = swapped.load_weights(tmp_path / file, by_name=True)
        assert same(swapped.get_layer("a").get_weights(), model.get_layer("a").get_weights())
        assert same(swapped.get_layer("c").get_weights(), kept)
        assert report.missing == ["c/kernel", "c/bias"] and len(report.unexpected) == 2


def test_the_older_layout_is_matched_by_name_or_by_order(tmp_path: Path) -> None:
    def write(names: list[str], order: list[int]) -> None:
        with h5py.File(tmp_path / "w.h5", "w") as file:
            listed = [names[i] for i in order]
            file.attrs["layer_names"] = [name.encode() for name in listed]
            for i in order:
                group = file.create_group(names[i])
                weights = [f"{names[i]}_1/kernel:0", f"{names[i]}_1/bias:0"]
                group.attrs["weight_names"] = [name.encode() for name in weights]
                group[weights[0]] = np.full((3, 3), i, "f4")
                group[weights[1]] = np.full((3,), i, "f4")

    def stack() -> Any:
        return Sequential([layers.Input((3,)), *(layers.Dense(3, name=n) for n in "abc")])

    write(["a", "b", "c"], [2, 0, 1])  # all names agree: names decide
    model = stack()
    model.load_weights(tmp_path / "w.h5")
    assert [float(layer.bias.numpy()[0]) for layer in model.layers] == [0, 1, 2]
    write(["x", "y", "z"], [2, 0, 1])  # no names agree: the order decides
    model.load_weights(tmp_path / "w.h5")
    assert [float(layer.bias.numpy()[0]) for layer in model.layers] == [2, 0, 1]
    write(["x", "y"], [0, 1])
    with pytest.raises(FormatError, match=r"as many layers.*by_name"):
        model.load_weights(tmp_path / "w.h5")


@pytest.mark.parametrize("ending", [".safetensors", ".npz"])
def test_counted_names_may_be_counted_from_elsewhere(ending: str, tmp_path: Path) -> None:
    def stack() -> Any:
        block = Sequential(
            [layers.Input((3,)), *(layers.Dense(3) for _ in range(11))], name="block"
        )
        return Sequential([block, layers.BatchNormalization(), layers.Dense(3), layers.Dense(3)])

    model = shaken(stack())
    model.save_weights(tmp_path / f"w{ending}")
    again = stack()
    assert [w.path for w in again.weights] != [w.path for w in model.weights]
    assert not again.load_weights(tmp_path / f"w{ending}").unexpected
    assert same(again.get_weights(), model.get_weights())
    shorter = Sequential(again.layers[:-1])
    with pytest.raises(
        FormatError, match=r"missing|fits"
    ):  # two do not tell which of three they are
        Sequential([*shorter.layers, *(layers.Dense(3) for _ in range(2))]).load_weights(
            tmp_path / f"w{ending}"
        )


def test_numbers_are_brought_into_the_models_element_type(tmp_path: Path) -> None:
    model = Sequential([layers.Input((2,)), layers.Dense(2, name="d")])
    kernel = np.array([[1, 2], [3, 4]])
    for dtype in ("float64", "float16", "int32"):
        arrays = {"d.weight": kernel.T.astype(dtype), "d.bias": np.zeros(2, dtype)}
        formats.write_torch(tmp_path / "w.pth", arrays)
        model.load_weights(tmp_path / "w.pth")
        assert str(model.layers[0].kernel.dtype) == "float32"
        np.testing.assert_array_equal(model.layers[0].kernel.numpy(), kernel)


def test_weights_go_where_gradients_and_optimizers_look(tmp_path: Path) -> None:
    model = network()
    model.compile("adam", "mse")
    x, y = np.ones((2, 6, 6, 2), "f4"), np.ones((2, 3), "f4")
    model.train_on_batch(x, y)  # weights are parts of one buffer now
    model.save_weights(tmp_path / "w.npz")
    expected = model.predict(x, verbose=0)
    model.train_on_batch(x, y)
    model.load_weights(tmp_path / "w.npz")
    np.testing.assert_array_equal(model.predict(x, verbose=0), expected)
    model.train_on_batch(x, y)
    assert not np.array_equal(model.predict(x, verbose=0), expected)


def test_a_model_without_weights_cannot_be_filled_or_saved(tmp_path: Path) -> None:
    network().save_weights(tmp_path / "w.npz")
    empty = Sequential([layers.Dense(2)])
    with pytest.raises(ConfigError, match="built"):
        empty.load_weights(tmp_path / "w.npz")
    with pytest.raises(ConfigError, match="built"):
        empty.save_weights(tmp_path / "v.npz")
    with pytest.raises(ConfigError, match=r"\.weights\.h5"):
        network().save_weights(tmp_path / "v.h5")
    with pytest.raises(ConfigError, match="overwrite"):
        network().save_weights(tmp_path / "w.npz", overwrite=False)
    with pytest.raises(FormatError, match="folder"):
        network().save_weights(tmp_path / "nowhere" / "w.npz")
    assert [one.name for one in tmp_path.iterdir()] == ["w.npz"]


WRITERS: dict[str, Callable[[Any, Path], None]] = {
    **{ending: lambda model, path: save_weights(model, path) for ending in ENDINGS},
    ".keras": lambda model, path: model.save(path),
    ".h5": lambda model, path: model.save(path),
}


@pytest.mark.parametrize("ending", WRITERS)
@pytest.mark.parametrize("failing", ["replace", "fsync", "weight"])
def test_a_failure_while_writing_leaves_the_file_as_it_was(
    ending: str, failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, path = network(), tmp_path / f"model{ending}"
    WRITERS[ending](model, path)
    before = path.read_bytes()
    shaken(model)

    def broken(*_: Any) -> Any:
        raise OSError(28, "No space left on device")

    if failing == "weight":
        monkeypatch.setattr(type(model.weights[-1]), "numpy", broken)
    else:
        monkeypatch.setattr(os, failing, broken)
    with pytest.raises((GraftError, OSError), match="space"):
        WRITERS[ending](model, path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_failure_while_reading_leaves_the_model_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shaken(network()).save_weights(tmp_path / "w.safetensors")
    model = network()
    before, reads = numbers(model), []
    honest = formats.Entry.__getattribute__

    def fails_late(entry: Any, name: str) -> Any:
        if name == "read":
            reads.append(name)
            if len(reads) > 5:
                raise FormatError("the sixth array: must be readable")
        return honest(entry, name)

    monkeypatch.setattr(formats.Entry, "__getattribute__", fails_late)
    with pytest.raises(FormatError, match="sixth"):
        load_weights(model, tmp_path / "w.safetensors")
    monkeypatch.undo()
    assert same(numbers(model), before)


def test_a_model_whose_layers_are_not_built_takes_no_weights(tmp_path: Path) -> None:
    class Own(Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.drop, self.last = layers.Dense(4), layers.Dropout(0.5), layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.last(self.drop(self.first(x)))

    made = Own()
    made(np.zeros((1, 3), "float32"))
    for ending in ("weights.h5", "npz", "safetensors"):
        made.save_weights(tmp_path / f"own.{ending}")
        with pytest.raises(ConfigError, match="must be built before weights are loaded"):
            Own().load_weights(tmp_path / f"own.{ending}")


def test_where_little_fits_the_file_is_said_to_be_of_another_network(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    given = [layers.Input((4,)), layers.Dense(3, name="a"), layers.Dense(3, name="b")]
    save_weights(Sequential(given), path)
    wide = Sequential([layers.Input((6,)), layers.Dense(5, name="a"), layers.Dense(5, name="b")])
    with pytest.raises(ShapeError, match=r"Only 0 of 4 weights fit: .* of another network, or of"):
        load_weights(wide, path)


def test_a_network_of_the_zoo_says_how_to_have_other_classes(tmp_path: Path) -> None:
    path = tmp_path / "resnet18.pth"
    ResNet18().save_weights(path)
    with pytest.raises(ShapeError, match="Pass skip_mismatch=True") as caught:
        ResNet18(weights=path, classes=10)
    told = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert "include_top=True, classes=10. For classes of your own take" in told


def test_a_model_that_only_its_parts_were_called_of_takes_weights(tmp_path: Path) -> None:
    class Around(Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network()

    made, other = Around(), Around()
    made.save_weights(tmp_path / "around.weights.h5")
    other.load_weights(tmp_path / "around.weights.h5")
    assert same(numbers(other), numbers(made))
