"""FeatureSpace: what it makes of tables, in models and files, as Keras does; what it refuses."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad.errors import ConfigError, DataError, FormatError
from graftwork import layers
from support.feature_spaces import TABLE, made

FeatureSpace = gw.utils.FeatureSpace
GOLDEN = Path(__file__).resolve().parents[2] / "golden"
TOLD = json.loads((GOLDEN / "feature_space.json").read_text(encoding="utf-8"))
KINDS = {"size": "float_normalized", "word": "string_categorical", "count": "integer_categorical"}


def arrays(table: dict[str, Any]) -> dict[str, Any]:
    return {key: np.array(one) for key, one in table.items()}


def same(found: Any, wanted: Any) -> None:
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for key, one in wanted.items():
            same(found[key], one)
    else:
        value = found.numpy() if isinstance(found, graftgrad.Tensor) else found
        np.testing.assert_allclose(value, np.array(wanted), rtol=1e-5, atol=1e-6)


def crossed(**settings: Any) -> Any:
    space = FeatureSpace(KINDS, crosses=[("word", "count")], crossing_dim=5, **settings)
    space.adapt(TABLE)
    return space


@pytest.mark.parametrize("case", TOLD["cases"], ids=lambda one: str(one["settings"])[:70])
def test_as_keras(case: dict[str, Any], tmp_path: Path) -> None:
    space = made(FeatureSpace, case["settings"])
    space.adapt(arrays(case["adapted"]))
    asked = arrays(case["asked"])
    same(space(asked), case["output"])
    model = gw.Model(space.get_inputs(), space.get_encoded_features())
    same(model.predict(asked, verbose=0), case["output"])
    space.save(tmp_path / "space.keras")
    again = gw.load_model(tmp_path / "space.keras")
    same(again(asked), case["output"])
    assert again.get_config() == space.get_config()


def test_a_file_of_keras_is_read_and_its_layout_is_written(tmp_path: Path) -> None:
    space = gw.load_model(GOLDEN / "feature_space.keras")
    same(space(arrays(TOLD["saved"]["asked"])), TOLD["saved"]["output"])
    space.save(tmp_path / "ours.keras")
    theirs, ours = (
        graftgrad.formats.read_keras(path)
        for path in (GOLDEN / "feature_space.keras", tmp_path / "ours.keras")
    )
    assert {n for n in ours.names if "assets" in n} == {n for n in theirs.names if "assets" in n}
    assert ours.config["build_config"] == theirs.config["build_config"]
    for key in ("module", "class_name"):
        assert ours.config[key] == theirs.config[key]


def test_rows_of_scalars_and_every_form_of_columns() -> None:
    space = crossed()
    wanted = space(TABLE).numpy()
    assert wanted.shape == (6, 1 + 4 + 5 + 5)
    one = space({key: column[2] for key, column in TABLE.items()})
    np.testing.assert_array_equal(one.numpy(), wanted[2])
    upright = {key: np.array(one)[:, None] for key, one in TABLE.items()}
    tensors = arrays(TABLE) | {"size": graftgrad.tensor(TABLE["size"])}
    for form in (upright, tensors, arrays(TABLE)):
        np.testing.assert_array_equal(space(form).numpy(), wanted)
    apart = crossed(output_mode="dict")(TABLE)
    assert {key: one.shape for key, one in apart.items()} == {
        "count": (6, 5), "size": (6, 1), "word": (6, 4), "word_X_count": (6, 5),
    }  # fmt: skip
    joined = np.concatenate([apart[key].numpy() for key in apart], 1)
    np.testing.assert_array_equal(joined, wanted)


def test_it_learns_from_dictionaries_datasets_and_batches() -> None:
    def batches() -> Iterator[Any]:
        for part in (slice(0, 4), slice(4, 6)):
            yield {key: np.array(one)[part] for key, one in TABLE.items()}, np.zeros(2)

    wanted = crossed()(TABLE).numpy()
    data = gw.data.Dataset.from_arrays(arrays(TABLE), np.zeros(6), batch_size=4)
    singles = [{key: one[i] for key, one in TABLE.items()} for i in range(6)]
    for source in (arrays(TABLE), data, batches(), singles):
        space = FeatureSpace(KINDS, crosses=[("word", "count")], crossing_dim=5)
        space.adapt(source)
        np.testing.assert_allclose(space(TABLE).numpy(), wanted, rtol=1e-6)
    assert data.epoch == 0
    again = crossed()
    again.adapt({**TABLE, "word": ["red", "pink", "black", "white", "red", "blue"]})
    assert again(TABLE).shape[1] == wanted.shape[1] + 2  # two words more
    x, _ = next(iter(data.map(lambda x, y: (space(x), y))))
    np.testing.assert_allclose(x, wanted[:4], rtol=1e-6)


def test_layers_of_ones_own_and_given_knowledge() -> None:
    text = layers.TextVectorization(output_mode="tf_idf")
    known = layers.StringLookup(vocabulary=["red", "blue"])
    space = FeatureSpace({
        "text": FeatureSpace.feature("string", text, "float"),
        "word": FeatureSpace.feature("string", known, "one_hot"),
        "size": FeatureSpace.float_discretized(3, bin_boundaries=[1.0, 2.0]),
    })  # fmt: skip
    table = {"text": ["a good film", "a bad film"], "word": ["blue", "x"], "size": [0.0, 5.0]}
    space.adapt(table)
    assert space.preprocessors["text"] is text
    assert known.get_vocabulary() == ["[UNK]", "red", "blue"]
    found = space(table).numpy()
    np.testing.assert_array_equal(found[:, :3], [[1, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(found[:, -3:], [[0, 0, 1], [1, 0, 0]])


def test_layers_of_ones_own_are_made_again_from_custom_objects() -> None:
    class Unheard(layers.Layer):
        def call(self, x: Any) -> Any:
            return x * 2.0

    config = FeatureSpace({"a": FeatureSpace.feature("float32", Unheard(), "float")}).get_config()
    again = FeatureSpace.from_config(config, {"Unheard": Unheard})
    assert type(again.preprocessors["a"]) is Unheard
    with pytest.raises(ConfigError, match="must be a known name; got 'Unheard'"):
        FeatureSpace.from_config(config)


def test_what_learns_nothing_needs_no_data(tmp_path: Path) -> None:
    space = FeatureSpace({"a": "float", "b": "float_rescaled", "c": "integer_hashed"})
    wanted = space({"a": [1.0], "b": [2.0], "c": [3]}).numpy()
    assert wanted.shape == (1, 34)
    fresh = FeatureSpace({"a": "float", "b": "float_rescaled", "c": "integer_hashed"})
    fresh.save(tmp_path / "s.keras")
    again = gw.load_model(tmp_path / "s.keras")
    np.testing.assert_array_equal(again({"a": [1.0], "b": [2.0], "c": [3]}).numpy(), wanted)


def test_a_network_over_the_raw_table_and_one_over_encoded_rows(tmp_path: Path) -> None:
    space = crossed()
    gw.set_random_seed(0)
    head = gw.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1)])
    inference = gw.Model(space.get_inputs(), head(space.get_encoded_features()))
    training = gw.Sequential([gw.Input((15,)), head])
    training.compile(gw.optimizers.Adam(0.05), "mse")
    target = np.array(TABLE["count"], "float32")
    history = training.fit(space(TABLE), target, epochs=60, batch_size=3, verbose=0)
    assert history.history["loss"][-1] < 0.1 * history.history["loss"][0]
    assert training.recorded.steps["train_step"].replayed > 0
    inference.save(tmp_path / "m.keras")
    again = gw.load_model(tmp_path / "m.keras")
    found = again.predict(arrays(TABLE), verbose=0)
    np.testing.assert_array_equal(found, inference.predict(arrays(TABLE), verbose=0))
    np.testing.assert_allclose(found, training.predict(space(TABLE), verbose=0), rtol=1e-5)


REFUSED: list[tuple[Any, str]] = [
    (lambda: FeatureSpace({}), "features must be a dictionary that is not empty; got"),
    (lambda: FeatureSpace({"a": "float"}, "list"), "output_mode must be 'concat' or 'dict'; got"),
    (lambda: FeatureSpace({"a": "floats"}), "a feature must be one of float, float_normalized"),
    (lambda: FeatureSpace(KINDS, crosses=[("word", "b")]), "a cross must name features; got"),
    (lambda: FeatureSpace(KINDS, crosses=[("word",)]), "must be two names or more; got"),
    (lambda: FeatureSpace.cross(("a", "b"), 8, "float"), "output_mode must be one of"),
    (lambda: FeatureSpace(KINDS)(TABLE), "adapt(data) must be called before it is used; got"),
    (lambda: FeatureSpace(KINDS).get_inputs(), "adapt(data) must be called before it is used"),
    (lambda: FeatureSpace({"a": FeatureSpace.string_hashed(3, "int")}).get_inputs(),
     "features must be real numbers or vectors to lie side by side; got"),
    (lambda: FeatureSpace({"a": FeatureSpace.feature("float32", layers.Rescaling(2.0), "one_hot")}
                          ).get_inputs(), "output_mode='one_hot' needs a layer that gives whole"),
    (lambda: FeatureSpace.feature("float32", "layer", "float"), "preprocessor must be a layer"),
]  # fmt: skip


@pytest.mark.parametrize(("do", "told"), REFUSED, ids=[told[:40] for _, told in REFUSED])
def test_what_is_refused(do: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        do()


def test_data_that_is_refused() -> None:
    space = crossed()
    with pytest.raises(DataError, match="data must be a dictionary of all features; got"):
        space({"word": ["red"]})
    with pytest.raises(DataError, match="data must be a dictionary of all features; got"):
        space([1.0])
    with pytest.raises(DataError, match="every batch must hold every feature; got missing='word'"):
        FeatureSpace(KINDS).adapt({"size": [1.0]})
    with pytest.raises(DataError, match=r"data must be a dictionary of columns, or batches"):
        FeatureSpace(KINDS).adapt("table.csv")


def test_a_file_that_asks_for_too_much_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(GOLDEN / "feature_space.keras") as old:
        files = {name: old.read(name) for name in old.namelist()}
    files["config.json"] = files["config.json"].replace(
        b'"num_oov_indices": 1', b'"num_oov_indices": 3000000000'
    )
    with zipfile.ZipFile(tmp_path / "greedy.keras", "w") as new:
        for name, data in files.items():
            new.writestr(name, data)
    with pytest.raises(FormatError, match="must not ask for many more places than it has numbers"):
        gw.load_model(tmp_path / "greedy.keras")
