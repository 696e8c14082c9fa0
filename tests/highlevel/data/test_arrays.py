"""Conversions of arrays, windows of series, halves of datasets, batches by number, texts."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad.errors import ConfigError, DataError
from graftwork import utils


def test_classes_become_rows() -> None:
    np.testing.assert_array_equal(utils.to_categorical([0, 2, 1]), np.eye(3)[[0, 2, 1]])
    assert utils.to_categorical(np.zeros((4, 2, 1)), 5).shape == (4, 2, 5)
    found = utils.to_categorical(graftgrad.tensor([1, 0]), 3)
    np.testing.assert_array_equal(found.numpy(), np.eye(3, dtype="float32")[[1, 0]])
    with pytest.raises(DataError, match=r"classes must lie in \[0, 2\); got found=\[2\]"):
        utils.to_categorical([0, 2], 2)


def test_rows_are_divided_by_their_length() -> None:
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    np.testing.assert_allclose(utils.normalize(x), [[0.6, 0.8], [0, 0]])
    np.testing.assert_allclose(utils.normalize(x, axis=0, order=1), [[1, 1], [0, 0]])
    found = utils.normalize(graftgrad.tensor(x))
    np.testing.assert_allclose(found.numpy(), [[0.6, 0.8], [0, 0]], atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, [[0, 0, 1], [0, 2, 3], [4, 5, 6]]),
        ({"padding": "post", "value": -1}, [[1, -1, -1], [2, 3, -1], [4, 5, 6]]),
        ({"maxlen": 2}, [[0, 1], [2, 3], [5, 6]]),
        ({"maxlen": 2, "truncating": "post"}, [[0, 1], [2, 3], [4, 5]]),
        ({"maxlen": 0}, [[], [], []]),
    ],
)
def test_sequences_get_one_length(settings: Any, wanted: Any) -> None:
    found = utils.pad_sequences([[1], [2, 3], [4, 5, 6]], **settings)
    np.testing.assert_array_equal(found, np.array(wanted).reshape(found.shape))
    assert found.dtype == "int32"


def test_steps_may_have_axes_and_strings_may_be_filled_in() -> None:
    assert utils.pad_sequences([np.ones((2, 3)), [], np.ones((1, 3))], dtype="f4").shape == (
        3,
        2,
        3,
    )
    found = utils.pad_sequences([["a"], ["b", "c"]], dtype=object, value="")
    assert found.tolist() == [["", "a"], ["b", "c"]]
    with pytest.raises(ConfigError, match=r'padding must be "pre" or "post"; got padding=.left.'):
        utils.pad_sequences([[1]], padding="left")
    with pytest.raises(DataError, match=r"every entry must be a sequence; got entries=\[1\]"):
        utils.pad_sequences([1])
    with pytest.raises(DataError, match="all steps must have one shape"):
        utils.pad_sequences([np.ones((2, 3)), np.ones((2, 4))])
    with pytest.raises(ConfigError, match="dtype must hold value"):
        utils.pad_sequences([[1]], value="x")


def test_batches_are_packed_and_unpacked() -> None:
    assert utils.pack_x_y_sample_weight(1) == 1
    assert utils.pack_x_y_sample_weight([1]) == ([1],)
    assert utils.pack_x_y_sample_weight(1, 2, 3) == (1, 2, 3)
    assert utils.unpack_x_y_sample_weight((1, 2)) == (1, 2, None)
    assert utils.unpack_x_y_sample_weight(1) == (1, None, None)
    with pytest.raises(DataError, match="must be x"):
        utils.unpack_x_y_sample_weight((1, 2, 3, 4))


def test_windows_slide_over_a_series() -> None:
    x = np.arange(30)
    made = utils.timeseries_dataset_from_array(
        x, x * 10, 4, sequence_stride=3, sampling_rate=2, batch_size=3, start_index=2, end_index=25
    )
    starts = np.arange(0, 23 - 6, 3) + 2
    windows, targets = (np.concatenate(part) for part in zip(*made, strict=True))
    np.testing.assert_array_equal(windows, starts[:, None] + np.arange(0, 8, 2))
    np.testing.assert_array_equal(targets, starts * 10)
    alone = utils.timeseries_dataset_from_array(np.ones((9, 2)), None, 3, shuffle=True, seed=1)
    assert next(iter(alone)).shape == (7, 3, 2)
    with pytest.raises(ConfigError, match="sampling_rate must be positive and lower than"):
        utils.timeseries_dataset_from_array(x, None, 3, sampling_rate=0)
    with pytest.raises(ConfigError, match="must lie in the data, in this order"):
        utils.timeseries_dataset_from_array(x, None, 3, start_index=5, end_index=5)
    with pytest.raises(DataError, match="must hold at least one window"):
        utils.timeseries_dataset_from_array(x, None, 31)


def test_a_dataset_is_split_in_two() -> None:
    x = np.arange(10)
    left, right = utils.split_dataset((x, x * 2), left_size=0.7)
    assert [int(one) for one, _ in left] == list(range(7))
    assert [int(two) for _, two in right] == [14, 16, 18]
    left, right = utils.split_dataset(x, right_size=3, shuffle=True, seed=7)
    both = [*map(int, left), *map(int, right)]
    assert (sorted(both), len(right)) == (list(range(10)), 3)
    wanted = list(range(10))
    random.Random(7).shuffle(wanted)  # as Keras draws
    assert both == wanted
    batches = gw.data.Dataset.from_arrays(x, batch_size=4)
    assert len(utils.split_dataset(batches, left_size=5)[0]) == 5
    stream = gw.data.Dataset.from_generator(lambda: iter([x[:4], x[4:]]))
    assert len(utils.split_dataset(stream, left_size=5)[1]) == 5
    with pytest.raises(ConfigError, match="left_size or right_size must be given"):
        utils.split_dataset(x)
    with pytest.raises(ConfigError, match="left_size must be a part between 0 and 1 or a number"):
        utils.split_dataset(x, left_size=1.5)
    with pytest.raises(ConfigError, match="must leave samples on both sides"):
        utils.split_dataset(x, left_size=6, right_size=6)


class Squares(gw.utils.PyDataset):
    """Batches by number."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.heard: list[str] = []

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        if index == 7:
            raise KeyError(index)
        x = np.full((4, 2), index, "float32")
        return x, x[:, :1] ** 2

    def on_epoch_begin(self) -> None:
        self.heard.append("begin")

    def on_epoch_end(self) -> None:
        self.heard.append("end")


def test_batches_of_several_workers_arrive_in_order() -> None:
    def trained(**settings: Any) -> Any:
        gw.set_random_seed(1)
        model = gw.Sequential([gw.Input((2,)), gw.layers.Dense(1)])
        model.compile("sgd", "mse")
        data = Squares(**settings)
        history = model.fit(data, epochs=2, verbose=0).history
        assert data.heard == ["begin", "end"] * 2
        return history, model.predict(data, verbose=0)

    history, found = trained(workers=3, max_queue_size=1)
    wanted, one_by_one = trained()
    assert history == wanted
    np.testing.assert_array_equal(found, one_by_one)
    assert Squares().num_batches == 6
    with pytest.raises(ConfigError, match=r"use_multiprocessing must be False; got .*threads"):
        Squares(workers=2, use_multiprocessing=True)


def test_a_failure_of_a_worker_arrives() -> None:
    class Broken(Squares):
        def __getitem__(self, index: int) -> Any:
            return super().__getitem__(7 if index == 3 else index)

    model = gw.Sequential([gw.Input((2,)), gw.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(KeyError, match="7"):
        model.fit(Broken(workers=2), shuffle=False, verbose=0)


def test_texts_in_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("bad", "good"):
        (tmp_path / kind).mkdir()
        for i in range(4):
            (tmp_path / kind / f"{i}.txt").write_text(f"{kind} ünd {i}", encoding="utf-8")
    made = utils.text_dataset_from_directory(tmp_path, batch_size=8, max_length=6, seed=1)
    assert capsys.readouterr().out == "Found 8 files belonging to 2 classes.\n"
    texts, labels = next(iter(made))
    assert sorted(set(texts.tolist())) == ["bad ün", "good ü"]
    assert [text.startswith("good") for text in texts] == labels.astype(bool).tolist()
    left, right = utils.text_dataset_from_directory(
        tmp_path, label_mode="categorical", validation_split=0.25, subset="both", seed=3,
        verbose=False,
    )  # fmt: skip
    assert (left.samples, right.samples, next(iter(right))[1].shape) == (6, 2, (2, 2))
    (tmp_path / "good" / "0.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DataError, match=r"every file must be text in UTF-8; got .*0\.txt"):
        list(utils.text_dataset_from_directory(tmp_path, verbose=False))
    with pytest.raises(DataError, match=r"there must be \.txt files"):
        utils.text_dataset_from_directory(tmp_path / "bad", verbose=False)


def test_numbered_batches_are_walked_once_and_may_be_endless() -> None:
    assert [int(y[0, 0]) for _, y in Squares()] == [0, 1, 4, 9, 16, 25]

    class Counted(gw.utils.PyDataset):
        num_batches = 3  # type: ignore[assignment]

        def __getitem__(self, index: int) -> Any:
            return np.full((4, 2), index, "float32"), np.zeros((4, 1), "float32")

    class Endless(Counted):
        num_batches = None  # type: ignore[assignment]

    model = gw.Sequential([gw.Input((2,)), gw.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(Counted(), epochs=2, verbose=0)
    assert int(model.optimizer.iterations) == 6
    model.fit(Endless(), epochs=2, steps_per_epoch=4, verbose=0)
    assert int(model.optimizer.iterations) == 14
    with pytest.raises(NotImplementedError, match="must define __len__ or num_batches"):
        list(gw.utils.PyDataset())
