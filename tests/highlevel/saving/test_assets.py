"""Vocabularies in a model's file, Keras' own files among them; models that begin with text."""

import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError, DataError
from graftwork import layers
from support.golden import FOLDER

SAVED = json.loads((FOLDER / "tables.json").read_text(encoding="utf-8"))["saved"]
X = np.array(["good film", "bad film", "very good", "very bad"] * 8)
Y = np.array([1, 0, 1, 0] * 8)


def classifier() -> Any:
    text = layers.TextVectorization(output_sequence_length=4)
    text.adapt(X)
    stack = [text, layers.Embedding(20, 4), layers.GlobalAveragePooling1D(), layers.Dense(1)]
    model = gw.Sequential(stack)
    model.compile(gw.optimizers.Adam(0.05), gw.losses.BinaryCrossentropy(from_logits=True))
    return model


def test_a_file_of_keras_with_vocabularies(tmp_path: Path) -> None:
    model = gw.load_model(FOLDER / "tables.keras")
    again = tmp_path / "again.keras"
    model.save(again)
    for one in (model, gw.load_model(again)):
        found = one.predict([np.array(part) for part in SAVED["inputs"]])
        for y, wanted in zip(found, SAVED["outputs"], strict=True):
            np.testing.assert_allclose(y, wanted, rtol=1e-5)
    with ZipFile(again) as ours, ZipFile(FOLDER / "tables.keras") as theirs:
        mine = {n for n in ours.namelist() if n.startswith("assets/")}
        assert mine <= set(theirs.namelist())
        assert len(mine) == 4
        assert all(ours.read(name) == theirs.read(name) for name in mine)


def test_training_on_text(tmp_path: Path) -> None:
    gw.set_random_seed(1)
    model = classifier()
    losses = model.fit(X, Y, epochs=15, verbose=0, validation_split=0.25).history["loss"]
    assert losses[-1] < losses[0] / 2
    assert model.evaluate(X, Y, verbose=0) < 0.4
    wanted = model.predict(X)
    np.testing.assert_array_equal(model.predict(X.tolist()), wanted)
    np.testing.assert_array_equal(model.predict(X[:, None]), wanted)
    data = gw.data.Dataset.from_arrays(X.astype(object), Y, batch_size=8)
    model.fit(data, verbose=0, validation_data=(X, Y))
    model.train_on_batch(X, Y)
    model.test_on_batch(X, Y)
    wanted = model.predict_on_batch(X)
    model.save(tmp_path / "text.keras")
    again = gw.load_model(tmp_path / "text.keras")
    np.testing.assert_array_equal(again.predict(X), wanted)
    again.fit(X, Y, verbose=0)


def test_a_column_of_text_may_be_a_vector() -> None:
    text = gw.Input((1,), dtype="string", name="text")
    assert text.dtype == "string"
    lookup = layers.StringLookup(vocabulary=["a"], output_mode="one_hot")
    model = gw.Model(text, lookup(text))
    assert model.outputs[0].shape == (None, 2)
    np.testing.assert_array_equal(model.predict(np.array(["a", "q"])), [[0, 1], [1, 0]])
    np.testing.assert_array_equal(model.predict({"text": np.array(["a"])}), [[0, 1]])
    assert (
        gw.models.model_from_json(model.to_json()).input.dtype == "string"
        if hasattr(gw.models, "model_from_json")
        else True
    )


def test_text_without_a_layer_that_looks_it_up() -> None:
    with pytest.raises(DataError, match=r"the input must hold numbers.*StringLookup"):
        layers.Dense(2)(gw.Input((1,), dtype="string"))
    model = gw.Sequential([layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(DataError, match=r"x must hold numbers.*dtype='string'"):
        model.fit(X[:, None], Y)
    with pytest.raises(DataError, match="y must hold numbers"):
        classifier().fit(X, X, verbose=0)


def test_a_file_must_not_name_another_file(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("secret", encoding="utf-8")
    text = gw.Input((1,), dtype="string")
    model = gw.Model(text, layers.StringLookup(vocabulary=["a"])(text))
    path, bad = tmp_path / "model.keras", tmp_path / "bad.keras"
    model.save(path)
    with ZipFile(path) as file, ZipFile(bad, "w") as made:
        for name in file.namelist():
            content = file.read(name)
            if name == "config.json":
                content = content.replace(b'["a"]', json.dumps(str(words)).encode())
            made.writestr(name, content)
    with pytest.raises(ConfigError, match="must not name another file as vocabulary"):
        gw.load_model(bad)
