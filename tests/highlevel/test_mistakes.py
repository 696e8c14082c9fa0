"""What is said of mistakes that people make in their first hour: what to do stands in the text."""

import errno
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import FormatError
from graftwork import callbacks, layers

X = np.random.default_rng(0).normal(size=(12, 8)).astype("float32")
Y = np.arange(12) % 3
SPARSE = "sparse_categorical_crossentropy"


def network(last: Any = None, loss: str = SPARSE, shape: tuple[int, ...] = (8,)) -> Any:
    made = gw.Sequential([gw.Input(shape), last or layers.Dense(3, "softmax")])
    made.compile("adam", loss)
    return made


class Forward(gw.Model):
    """A model in PyTorch's idiom."""

    def forward(self, x: Any) -> Any:
        return x


MISTAKES: dict[str, tuple[Callable[[], Any], str]] = {
    "pictures of several sizes": (
        lambda: network().fit([np.zeros((9, 4, 3)), np.zeros((8, 4, 3))], Y),
        r"The arrays of a list are several inputs .* np.stack\(x\), once they have one shape",
    ),
    "an array of arrays": (
        lambda: network().fit(np.array([np.zeros(2), np.zeros(3)], dtype=object), Y[:2]),
        r"x must hold numbers; got .*'array \(2,\)'. Arrays of one shape are joined by np.stack",
    ),
    "strings as labels": (
        lambda: network().fit(X, np.array(["cat", "dog", "cow"])[Y]),
        r"Number the classes: names, y = np.unique\(y, return_inverse=True\)",
    ),
    "a path": (
        lambda: network().predict("photos/1.jpg"),
        r"A picture is read by data.images.read\(path, image_size=…\)\[None\]",
    ),
    "paths": (
        lambda: network().predict(["photos/1.jpg"]),
        r"for example='photos/1.jpg'. A picture is read by data.images.read",
    ),
    "weights of classes as a list": (
        lambda: network().fit(X, Y, class_weight=[1.0, 2.0, 3.0], verbose=0),
        r"For example \{0: 1.0, 1: 5.0\}, or dict\(enumerate\(weights\)\)",
    ),
    "pictures of another size": (
        lambda: functional((6, 6, 3)).predict(np.zeros((2, 4, 4, 3))),
        r"Bring the pictures to one size: image_size=\(6, 6\) where they are read",
    ),
    "channels first": (
        lambda: functional((6, 6, 3)).predict(np.zeros((2, 3, 6, 6))),
        r"Channels come last here; these seem to come first: x.transpose\(0, 2, 3, 1\)",
    ),
    "grey pictures for a network of colours": (
        lambda: functional((6, 6, 3)).predict(np.zeros((2, 6, 6, 1))),
        r"Read the pictures with color_mode='grayscale', 'rgb' or 'rgba': 1, 3 or 4 channels",
    ),
    "one picture": (
        lambda: functional((6, 6, 3)).predict(np.zeros((6, 6, 3))),
        r"One sample needs a batch axis too: x\[None\]",
    ),
    "no channel": (
        lambda: gw.Sequential([gw.Input((8, 8)), layers.Conv2D(2, 3)]),
        r"Grey pictures have one channel: Input\(\(rows, columns, 1\)\), x\[..., None\]",
    ),
    "no feature": (
        lambda: gw.Sequential([gw.Input((8,)), layers.LSTM(2)]),
        r"A sequence of numbers has one feature: Input\(\(steps, 1\)\), x\[..., None\]",
    ),
    "a label for every pixel": (
        lambda: network(shape=(4, 4, 1)).fit(np.zeros((3, 4, 4, 1)), Y[:3], verbose=0),
        r"One label for a whole sample needs layers.Flatten\(\) or a global pooling",
    ),
    "one-hot": (
        lambda: network().fit(X, np.eye(3)[Y], verbose=0),
        r"For one-hot targets use the one without 'sparse' in its name",
    ),
    "yes and no in several columns": (
        lambda: network(loss="binary_crossentropy").fit(X, Y % 2, verbose=0),
        r"yes or no wants one output: Dense\(1, activation='sigmoid'\)",
    ),
    "precision of several classes": (
        lambda: gw.metrics.Precision().update_state(Y, np.eye(3)[Y]),
        r"of several classes it wants one-hot targets, utils.to_categorical\(y\)",
    ),
    "a metric misspelt": (
        lambda: network().compile("adam", SPARSE, metrics=["acuracy"]),
        r"Did you mean accuracy or ",
    ),
    "a metric in short": (
        lambda: network().compile("adam", SPARSE, metrics=["f1"]),
        r"Did you mean F1Score or f1_score\?",
    ),
    "weights as a model": (
        lambda: network().save("network.pth"),
        r"The weights alone are written by save_weights\(path\)",
    ),
    "forward": (
        lambda: Forward()(X),
        r"must define call\(self, inputs\). forward is PyTorch's name for it",
    ),
    "sizes that do not meet": (
        lambda: layers.add([gw.Input((8,)), gw.Input((9,))]),
        r"sizes must be equal or 1 on every axis",
    ),
}  # fmt: skip


def functional(shape: tuple[int, ...]) -> Any:
    symbol = gw.Input(shape)
    return gw.Model(symbol, layers.Flatten()(symbol))


@pytest.mark.parametrize("name", MISTAKES)
def test_the_error_says_what_to_do(name: str) -> None:
    make, told = MISTAKES[name]
    with pytest.raises((ValueError, TypeError, NotImplementedError), match=told):
        make()


def test_sizes_of_a_trial_are_explained() -> None:
    with pytest.raises(ValueError, match="sizes must") as error:
        layers.add([gw.Input((8,)), gw.Input((9,))])
    told = str(error.value) + "".join(getattr(error.value, "__notes__", []))
    assert "60 stands for any number of samples" in told


@pytest.mark.parametrize(
    ("package", "name", "meant"),
    [
        (layers, "Dence", "Dense"),
        (callbacks, "EarlyStoping", "EarlyStopping"),
        (gw.applications, "Resnet18", "ResNet18"),
        (gw.losses, "MeanSquareError", "MeanSquaredError"),
        (gw.optimizers, "Adamm", "Adam"),
        (gw, "image_dataset_from_dir", "image_dataset_from_directory"),
    ],
)
def test_a_misspelt_name_is_answered_with_a_near_one(package: Any, name: str, meant: str) -> None:
    with pytest.raises(AttributeError, match=f"no attribute '{name}'. Did you mean '{meant}'"):
        getattr(package, name)
    assert not hasattr(package, "__wrapped__")


def test_names_of_keras_that_stand_elsewhere_are_told() -> None:
    with pytest.raises(AttributeError, match=r"Write utils.text_dataset_from_directory"):
        _ = gw.text_dataset_from_directory
    with pytest.raises(AttributeError, match="Write image_dataset_from_directory, and put layers"):
        _ = gw.preprocessing.image.ImageDataGenerator


def test_a_value_of_validation_wants_a_validation() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        network().fit(X, Y, callbacks=[callbacks.EarlyStopping()], verbose=0)
    text = str(told[0].message)
    assert text.endswith("Nothing is done. Pass validation_data or validation_split to fit.")


def test_endings_that_are_passed_over_are_counted(tmp_path: Path) -> None:
    (tmp_path / "ants").mkdir()
    (tmp_path / "ants" / "one.webp").write_bytes(b"")
    with pytest.raises(ValueError, match=re.escape("Passed over, by their endings: .webp (1).")):
        gw.image_dataset_from_directory(tmp_path)


def test_a_last_axis_of_one_comes_and_goes_as_in_keras() -> None:
    grey = network(layers.Flatten(), "mse", (4, 4, 1))
    assert grey.predict(np.zeros((2, 4, 4))).shape == (2, 16)
    symbol = gw.Input((4, 4, 1))
    pictures = gw.Model(symbol, layers.GlobalAveragePooling2D()(symbol))
    assert pictures.predict(np.ones((2, 4, 4))).tolist() == [[1.0], [1.0]]
    symbol = gw.Input((5,))
    rows = gw.Model(symbol, layers.Activation("relu")(symbol))
    assert rows.predict(np.ones((2, 5, 1))).shape == (2, 5)


def test_a_layer_that_is_too_large_is_named() -> None:
    with pytest.raises(MemoryError) as error:
        gw.Sequential([gw.Input((1 << 24,)), layers.Dense(1 << 24, name="huge")])
    if hasattr(error.value, "add_note"):
        assert 'weight "kernel", (16777216, 16777216), of layer "huge"' in error.value.__notes__


def test_a_disk_that_is_read_only_is_told_by_the_name_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: Any, **more: Any) -> Any:
        raise OSError(errno.EROFS, "Read-only file system", str(given[0]))

    monkeypatch.setattr("zipfile.ZipFile.__init__", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)  # such a disk refuses that as well
    path = tmp_path / "network.keras"
    told = f"{path}: must be writable; got reason='Read-only file system'"
    with pytest.raises(FormatError, match=re.escape(told)):
        network().save(path)


class Column:
    """A column of a table, as pandas and its like have it."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)

    def to_numpy(self) -> Any:
        return self.values


class Table:
    """A table whose columns differ in type."""

    def __init__(self, **columns: Any) -> None:
        self.held = {name: Column(values) for name, values in columns.items()}
        self.columns = list(columns)

    def __getitem__(self, name: str) -> Column:
        return self.held[name]

    def to_numpy(self) -> Any:
        return np.array([list(row) for row in zip(*[c.values for c in self.held.values()],
                                                   strict=True)], dtype=object)  # fmt: skip


def test_columns_that_hold_no_numbers_are_named() -> None:
    numbers = {
        "age": np.arange(12),
        "member": np.arange(12) % 2 == 0,
        "height": np.linspace(1, 2)[:12],
    }
    model = network(shape=(3,))
    model.fit(Table(**numbers), Y, verbose=0)
    wrong = Table(**numbers, colour=["red", "blue"] * 6)
    with pytest.raises(
        ValueError, match=r"columns without=\['colour'\]. Categories become columns"
    ):
        model.fit(wrong, Y, verbose=0)
