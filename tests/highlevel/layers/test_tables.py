"""Layers for tables, text and hashes: every case of Keras on TensorFlow, settings, errors."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ConfigError, DataError, FormatError, ShapeError
from graftwork import layers
from graftwork.data import Dataset
from graftwork.layers import (
    CategoryEncoding,
    Dense,
    Discretization,
    HashedCrossing,
    Hashing,
    Input,
    IntegerLookup,
    StringLookup,
    TextVectorization,
)
from support.golden import FOLDER

CASES = json.loads((FOLDER / "tables.json").read_text(encoding="utf-8"))["cases"]
TEXTS = np.array(["the cat sat", "the dog", "a cat"])


def made(case: dict[str, Any]) -> Any:
    settings = dict(case["settings"])
    if isinstance(settings.get("ngrams"), list):
        settings["ngrams"] = tuple(settings["ngrams"])
    layer = getattr(layers, case["class"])(**settings)
    if case["adapted"] is not None:
        layer.adapt(np.array(case["adapted"]))
    return layer


def given(case: dict[str, Any]) -> Any:
    return [np.array(one) for one in case["input"]] if case["several"] else np.array(case["input"])


def values(y: Any) -> Any:
    return y.numpy() if isinstance(y, graftgrad.Tensor) else y


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["class"])
def test_as_keras(case: dict[str, Any]) -> None:
    layer = made(case)
    wanted = np.array(case["output"])
    y = layer(given(case))
    if wanted.dtype.kind == "U":
        np.testing.assert_array_equal(y, wanted)
    else:
        np.testing.assert_allclose(values(y), wanted, rtol=1e-6)
        assert y.dtype == ("float32" if layer.output_mode != "int" else y.dtype)
    if "vocabulary" in case:
        assert layer.get_vocabulary() == case["vocabulary"]
        assert layer.vocabulary_size() == len(case["vocabulary"])
    if "boundaries" in case:
        np.testing.assert_allclose(layer.bin_boundaries, case["boundaries"], rtol=1e-6)
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    if case["adapted"] is None or case["class"] == "Discretization":
        np.testing.assert_array_equal(values(again(given(case))), values(y))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["class"])
def test_shapes_are_found_without_values(case: dict[str, Any]) -> None:
    layer, parts = made(case), given(case)
    parts = parts if case["several"] else [parts]
    if parts[0].ndim < 1 or (getattr(layer, "invert", False) and parts[0].dtype.kind == "i"):
        if isinstance(layer, StringLookup):
            return
    symbols = [
        Input(one.shape[1:], dtype="string" if one.dtype.kind == "U" else one.dtype)
        for one in parts
    ]
    symbol = layer(symbols if case["several"] else symbols[0])
    y = values(layer(given(case)))
    assert symbol.ndim == y.ndim
    if parts[0].ndim == 1 and layer.output_mode in ("multi_hot", "count"):
        return  # a vector is one sample there
    assert all(n in (None, size) for n, size in zip(symbol.shape, y.shape, strict=True))
    assert str(symbol.dtype) == str(y.dtype)


class TestText:
    def test_every_form_of_text_is_taken(self) -> None:
        layer = TextVectorization(vocabulary=["the", "cat"])
        wanted = [[2, 3, 1], [2, 1, 0], [1, 3, 0]]
        forms = (TEXTS, TEXTS.tolist(), TEXTS.astype(object), TEXTS.astype("S"), TEXTS[:, None])
        for form in forms:
            np.testing.assert_array_equal(layer(form).numpy(), wanted)
        np.testing.assert_array_equal(layer("The cat!").numpy(), [2, 3])

    def test_the_vocabulary_is_learned_from_arrays_lists_and_batches(self) -> None:
        def batches() -> Iterator[Any]:
            yield TEXTS[:2], np.zeros(2)
            yield TEXTS[2:], np.zeros(1)

        wanted = ["", "[UNK]", "the", "cat", "sat", "dog", "a"]
        data = Dataset.from_arrays(TEXTS, np.zeros(3), batch_size=2)
        for source in (TEXTS, TEXTS.tolist(), batches(), data):
            layer = TextVectorization()
            layer.adapt(source)
            assert layer.get_vocabulary() == wanted
        layer.adapt(batches(), steps=1)
        assert layer.get_vocabulary(include_special_tokens=False) == ["the", "sat", "dog", "cat"]

    def test_a_dataset_is_mapped(self) -> None:
        layer = TextVectorization(vocabulary=["the", "cat"], output_sequence_length=2)
        data = Dataset.from_arrays(TEXTS, np.arange(3), batch_size=2)
        x, y = next(iter(data.map(lambda x, y: (layer(x), y))))
        np.testing.assert_array_equal(x, [[2, 3], [2, 1]])
        np.testing.assert_array_equal(y, [0, 1])

    def test_functions_of_ones_own(self) -> None:
        layer = TextVectorization(
            standardize=lambda x: np.char.replace(x, "dog", "cat"),
            split=lambda x: [one.split("a") for one in x.tolist()],
            vocabulary=["the c", "t"],
        )
        np.testing.assert_array_equal(layer(np.array(["the dog", "t"])).numpy(), [[2, 3], [3, 0]])
        with pytest.raises(ShapeError, match="standardize must return as many strings"):
            TextVectorization(standardize=lambda x: x[:1], vocabulary=["a"])(TEXTS)
        with pytest.raises(DataError, match="split must return one row of strings"):
            TextVectorization(split=lambda x: [[1]], vocabulary=["a"])(TEXTS)

    def test_files_of_lines(self, tmp_path: Any) -> None:
        path = tmp_path / "words.txt"
        path.write_text("the\ncat\n\n", encoding="utf-8")
        layer = TextVectorization(vocabulary=str(path))
        assert layer.get_vocabulary() == ["", "[UNK]", "the", "cat"]
        assert layer.get_config()["vocabulary"] is None
        path.write_text("5\n7", encoding="utf-8")
        assert IntegerLookup(vocabulary=path).get_vocabulary() == [-1, 5, 7]
        path.write_text("5\nx", encoding="utf-8")
        with pytest.raises(ConfigError, match="lines of a vocabulary must be whole numbers"):
            IntegerLookup(vocabulary=path)
        with pytest.raises(ConfigError, match="file of the vocabulary must exist"):
            StringLookup(vocabulary=str(tmp_path / "none.txt"))

    def test_what_does_not_fit_is_told(self) -> None:
        layer = TextVectorization(vocabulary=["a"])
        with pytest.raises(DataError, match="must hold text; got found=1"):
            layer([1, 2])
        with pytest.raises(DataError, match="bytes must be text in utf-8"):
            layer(np.array([b"\xff"]))
        with pytest.raises(ShapeError, match=r"column of one; got input=\(1, 2\)"):
            layer([["a", "b"]])
        with pytest.raises(ShapeError, match="rows of strings must have one length"):
            layer([["a", "b"], ["c"]])
        with pytest.raises(ConfigError, match="ragged must be False"):
            TextVectorization(ragged=True)
        with pytest.raises(ConfigError, match="output_sequence_length needs output_mode='int'"):
            TextVectorization(output_mode="count", output_sequence_length=3)
        with pytest.raises(ConfigError, match="same number of words in mode 'one_hot'"):
            TextVectorization(output_mode="one_hot", vocabulary=["a"])(["a b", "a"])
        with pytest.raises(DataError, match="must hold numbers; got dtype='<U1'"):
            Dense(2)(np.array(["a"]))
        with pytest.raises(DataError, match="adapt: data must be an array"):
            layer.adapt(3)


class TestVocabulary:
    def test_a_given_one_is_checked(self) -> None:
        for wrong, words in (
            ([], "must not be empty"),
            (["a", "b", "a"], "stand twice.*'a'"),
            (["a", ""], "mask_token must stand in front"),
            (["a", "b", "c"], "larger than max_tokens; got tokens=5, max_tokens=4"),
        ):
            with pytest.raises(ConfigError, match=words):
                StringLookup(vocabulary=wrong, mask_token="", max_tokens=4)
        with pytest.raises(ConfigError, match="oov_token must stand in front"):
            StringLookup(vocabulary=["a", "[UNK]"], invert=True)
        with pytest.raises(ConfigError, match="must hold whole numbers"):
            IntegerLookup(vocabulary=[1.5])
        with pytest.raises(ConfigError, match="one row of tokens"):
            StringLookup(vocabulary=[["a"]])
        with pytest.raises(ConfigError, match="must be a list or the path"):
            StringLookup(vocabulary=3)

    def test_settings_that_contradict_each_other(self) -> None:
        for settings, words in (
            ({"pad_to_max_tokens": True}, "needs max_tokens"),
            ({"invert": True, "output_mode": "count"}, "invert needs output_mode='int'"),
            ({"idf_weights": [1.0]}, "idf_weights need output_mode='tf_idf'"),
            ({"max_tokens": 1}, "max_tokens must be a whole number from 2 on"),
            ({"num_oov_indices": -1}, "num_oov_indices must be a whole number from 0 on"),
            ({"output_mode": "tf_idf", "vocabulary": ["a"]}, "idf_weights must be given"),
        ):
            with pytest.raises(ConfigError, match=words):
                StringLookup(**settings)  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="one number for each token"):
            StringLookup(vocabulary=["a"], idf_weights=[1.0, 2.0], output_mode="tf_idf")
        with pytest.raises(ConfigError, match="salt needs oov_method='farmhash'"):
            IntegerLookup(salt=3)

    def test_what_cannot_be_looked_up(self) -> None:
        with pytest.raises(DataError, match=r"num_oov_indices is 0; got unknown=\['q'\]"):
            StringLookup(vocabulary=["a"], num_oov_indices=0)(["a", "q"])
        with pytest.raises(DataError, match=r"num_oov_indices is 0; got unknown=\[9\]"):
            IntegerLookup(vocabulary=[1], num_oov_indices=0, mask_token=0)([1, 0, 9])
        with pytest.raises(ConfigError, match="vocabulary must be known before the call"):
            StringLookup()(["a"])
        with pytest.raises(DataError, match="must hold whole numbers"):
            IntegerLookup(vocabulary=[1])(np.array([1.5]))
        layer = StringLookup(vocabulary=["a"])
        with pytest.raises(ConfigError, match="adapt must not replace a given vocabulary"):
            layer.adapt(["b"])
        with pytest.raises(ConfigError, match="strings must not be made inside"):
            StringLookup(vocabulary=["a"], invert=True)(Input((2,), dtype="int64"))

    def test_it_is_replaced_and_learned_anew(self) -> None:
        layer = StringLookup()
        layer.adapt(["b", "a", "b"])
        layer.adapt(["c"])
        assert layer.get_vocabulary() == ["[UNK]", "c"]
        layer.set_vocabulary(["[UNK]", "x", "y"])
        np.testing.assert_array_equal(layer(["y", "c"]).numpy(), [2, 0])
        layer.update_state(np.array(["z", "z"]))
        layer.finalize_state()
        assert layer.get_vocabulary() == ["[UNK]", "z"]


def test_hashing_checks_its_settings() -> None:
    with pytest.raises(ConfigError, match="salt must be one whole number or two"):
        Hashing(3, salt=[1, 2, 3])
    with pytest.raises(ConfigError, match="dtype must be int32 or int64"):
        Hashing(3, dtype="float32")
    assert str(Hashing(3, dtype="int32")(["a"]).dtype) == "int32"
    with pytest.raises(DataError, match="list of at least two features"):
        HashedCrossing(3)([np.array(["a"])])
    with pytest.raises(ShapeError, match="features must have one shape"):
        HashedCrossing(3)([np.array(["a"]), np.array([1, 2])])
    with pytest.raises(DataError, match="features must hold text or whole numbers"):
        HashedCrossing(3)([np.array(["a"]), np.array([1.5])])


def test_encoding_checks_its_settings_and_weights() -> None:
    layer = CategoryEncoding(3, "count")
    y = layer([[0, 2, 7], [1, 1, -1]], count_weights=np.array([[0.5, 2, 9], [1, 3, 9]]))
    np.testing.assert_array_equal(y.numpy(), [[0.5, 0, 2], [0, 4, 0]])
    with pytest.raises(ConfigError, match="count_weights belong to output_mode='count'"):
        CategoryEncoding(3)([[1]], count_weights=[[1.0]])
    with pytest.raises(ConfigError, match="num_tokens must be a positive integer"):
        CategoryEncoding()
    with pytest.raises(ConfigError, match="either bin_boundaries or num_bins"):
        Discretization()
    with pytest.raises(ConfigError, match="bounds must be known before the call"):
        Discretization(num_bins=3)([1.0])
    with pytest.raises(ConfigError, match="adapt must not replace given bin_boundaries"):
        Discretization([1.0]).adapt([1.0])


def test_bounds_from_batches_are_near_those_of_the_whole() -> None:
    x = np.random.default_rng(0).normal(size=10_000).astype("float32")
    layer = Discretization(num_bins=4)
    layer.adapt(x[i : i + 500] for i in range(0, 10_000, 500))
    shares = np.searchsorted(np.sort(x), layer.bin_boundaries) / len(x)
    np.testing.assert_allclose(shares, [0.25, 0.5, 0.75], atol=0.03)


def test_a_token_with_the_end_of_a_line_is_not_written() -> None:
    layer = StringLookup()
    layer.adapt(np.array(["a\nb"]))
    with pytest.raises(FormatError, match="token must not hold the end of a line"):
        layer.kept_assets()
