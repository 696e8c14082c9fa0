"""Writes tables.json: what Keras' layers for tables, text and their hashes compute.

Ran with Keras 3.15.1 on tensorflow 2.21.0 (CPU), numpy 2.4.6, Python 3.11.
Needs keras and tensorflow: ``KERAS_BACKEND=tensorflow python tests/golden/make_tables.py``.

``hashes``: strings of every length up to 69 bytes and beyond, with TensorFlow's buckets of
FarmHash and, under a key, SipHash. ``crossed``: those strings crossed with whole numbers.
``cases``: class, settings, what the layer is adapted to (or null), input, output, vocabulary; text
is text, and vectors are told as numbers. ``saved``: the outputs of tables.keras, the model that is
written beside it, for inputs it was given.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

FOLDER = Path(__file__).resolve().parent
BUCKETS = 2**62
KEY = [133, 137]
layers = keras.layers
cases: list[dict[str, Any]] = []


def plain(value: Any) -> Any:
    """Turn a tensor into lists of numbers and text."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if hasattr(value, "numpy"):
        value = value.numpy()
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return value


def case(name: str, given: Any, adapted: Any = None, **settings: Any) -> None:
    layer = getattr(layers, name)(**settings)
    if adapted is not None:
        layer.adapt(np.array(adapted))
    several = isinstance(given, tuple)
    output = layer([np.array(one) for one in given] if several else np.array(given))
    told = {"class": name, "settings": settings, "adapted": adapted, "input": plain(given)}
    told |= {"several": several, "output": plain(output)}
    if hasattr(layer, "get_vocabulary"):
        told["vocabulary"] = plain(layer.get_vocabulary())
    if name == "Discretization":
        told["boundaries"] = layer.bin_boundaries
    cases.append(told)


WORDS = [["a", "c", "d", "d"], ["d", "z", "b", "z"]]
VOCABULARY = ["a", "b", "c", "d"]
NUMBERS = [[12, 1138, 42, 42], [42, 7, 36, -7]]
KNOWN = [12, 36, 1138, 42]
RARE = [0.25, 0.75, 0.6, 0.4]
TEXTS = ["The cat, sat! on the\tmat", "A DOG's day... ÄÖ", "", "the mat  the dog"]
LONELY = [["x"], ["é"], ["a much longer feature than sixteen bytes"], ["x"], [""]]
RANDOM = np.random.default_rng(3).normal(2, 3, (257, 2)).astype("float32").tolist()

for mode in ("int", "one_hot", "multi_hot", "count"):
    case("StringLookup", WORDS, vocabulary=VOCABULARY, output_mode=mode)
    case("StringLookup", WORDS, vocabulary=VOCABULARY, output_mode=mode, mask_token="z")
    case("IntegerLookup", NUMBERS, vocabulary=KNOWN, output_mode=mode)
    case("TextVectorization", TEXTS, TEXTS, output_mode=mode) if mode != "one_hot" else None
    case("Hashing", LONELY, num_bins=7, output_mode=mode)
    case("Hashing", NUMBERS, num_bins=5, output_mode=mode, salt=9, mask_value=42)
    case("Discretization", [[-1.5, 1.0], [3.4, 0.5]], bin_boundaries=[0.0, 1.0, 2.0],
         output_mode=mode)  # fmt: skip
    if mode != "int":
        case("CategoryEncoding", [[0, 1], [3, 3]], num_tokens=5, output_mode=mode)
        case("CategoryEncoding", [2, 0, 1], num_tokens=4, output_mode=mode)
        case("CategoryEncoding", [[2], [0]], num_tokens=4, output_mode=mode)
for name, given, known in (("StringLookup", WORDS, VOCABULARY), ("IntegerLookup", NUMBERS, KNOWN)):
    special = {} if name == "StringLookup" else {"mask_token": 0}
    case(name, given, vocabulary=known, output_mode="tf_idf", idf_weights=RARE)
    case(name, given, given, output_mode="tf_idf", max_tokens=8, pad_to_max_tokens=True)
    case(name, given, given, **special)
    case(name, given, given, max_tokens=3)
    case(name, given, vocabulary=known, num_oov_indices=3, **special)
    case(name, [[0, 1, 2], [5, 4, 9]], vocabulary=known, invert=True)
    case(name, [[0, 1, 2], [5, 4, 9]], vocabulary=known, invert=True,
         mask_token="" if name == "StringLookup" else 0)  # fmt: skip
case("StringLookup", WORDS, vocabulary=VOCABULARY[:2], num_oov_indices=4, salt=[3, 5])
case("StringLookup", WORDS, vocabulary=["[UNK]", *VOCABULARY], output_mode="tf_idf",
     idf_weights=[0.9, *RARE])  # fmt: skip
case("IntegerLookup", NUMBERS, vocabulary=KNOWN[:2], num_oov_indices=4, oov_method="farmhash")
case("IntegerLookup", NUMBERS, vocabulary=KNOWN[:2], num_oov_indices=4, oov_method="farmhash",
     salt=7)  # fmt: skip
case("TextVectorization", TEXTS, TEXTS, output_mode="tf_idf")
case("TextVectorization", TEXTS, TEXTS, output_mode="tf_idf", max_tokens=30, pad_to_max_tokens=True)
for settings in (
    {"standardize": None}, {"standardize": "lower"}, {"standardize": "strip_punctuation"},
    {"split": "character"}, {"split": None}, {"ngrams": 2}, {"ngrams": (2, 3)},
    {"output_sequence_length": 3}, {"output_sequence_length": 9}, {"max_tokens": 5},
):  # fmt: skip
    case("TextVectorization", TEXTS, TEXTS, **settings)
case("TextVectorization", [["a", "b", "q"]], split=None, vocabulary=["a", "b"])
case("TextVectorization", [["a", "b", "q"]], split=None, vocabulary=["a", "a b"], ngrams=2)
case("TextVectorization", [["b a"], ["b"]], vocabulary=["a", "b"])
case("Hashing", [[1.7], [-2.2]], num_bins=11)
case("HashedCrossing", (["A", "B", "A", "B", "A"], [101, 101, 101, 102, 102]), num_bins=5)
case("HashedCrossing", ([["A"], ["é"]], [["x"], ["y"]], [[-5], [2**40]]), num_bins=97,
     output_mode="int")  # fmt: skip
case("HashedCrossing", (["A", "B"], [101, 101]), num_bins=5, output_mode="one_hot")
for bins, epsilon in ((4, 0.01), (10, 0.1), (3, 0.3)):
    case("Discretization", RANDOM[:7], RANDOM, num_bins=bins, epsilon=epsilon)


def saved() -> dict[str, Any]:
    """Write a model whose layers learned their vocabularies, and tell what it computes."""
    keras.utils.set_random_seed(5)
    text = keras.Input((1,), dtype="string", name="text")
    word = keras.Input((2,), dtype="string", name="word")
    number = keras.Input((2,), dtype="int64", name="number")
    vectors = layers.TextVectorization(output_mode="tf_idf")
    vectors.adapt(np.array(TEXTS))
    rare, places = layers.StringLookup(output_mode="tf_idf"), layers.IntegerLookup(mask_token=0)
    rare.adapt(np.array(WORDS))
    places.adapt(np.array(NUMBERS))
    outputs = [layers.Dense(2)(vectors(text)), layers.Dense(2)(rare(word)), places(number)]
    model = keras.Model([text, word, number], outputs)
    model.save(FOLDER / "tables.keras")
    given = [[["the dog"], ["a day"]], [["z", "d"], ["a", "q"]], [[12, 0], [42, 99]]]
    found = model([tf.constant(given[0]), tf.constant(given[1]), tf.constant(given[2], tf.int64)])
    return {"inputs": given, "outputs": plain(found)}


random.seed(1)
LENGTHS = [*range(70), 100, 127, 128, 129, 191, 192, 193, 300]
strings = ["".join(random.choice("abcXYZ 0189") for _ in range(n)) for n in LENGTHS]
strings += ["äöü", "日本語のテキスト"]
counts = [[7 * i - 3] for i in range(len(strings))]
pairs = [tf.constant([[one] for one in strings]), tf.constant(counts, tf.int64)]
told = {
    "versions": {one.__name__: one.__version__ for one in (keras, tf, np)},
    "hashes": {
        "strings": strings,
        "buckets": BUCKETS,
        "key": KEY,
        "farmhash": plain(tf.strings.to_hash_bucket_fast(strings, BUCKETS)),
        "siphash": plain(tf.strings.to_hash_bucket_strong(strings, BUCKETS, key=KEY)),
    },
    "crossed": {
        "numbers": counts,
        "buckets": 1000003,
        "places": plain(tf.sparse.to_dense(tf.sparse.cross_hashed(pairs, 1000003))),
    },
    "saved": saved(),
}
lines = ",\n".join(json.dumps(one, separators=(",", ":"), ensure_ascii=False) for one in cases)
head = json.dumps(told, separators=(",", ":"), ensure_ascii=False)
(FOLDER / "tables.json").write_text(head[:-1] + ',"cases":[\n' + lines + "\n]}\n", encoding="utf-8")
print(f"tables: {len(cases)} cases")
