"""What is no computation: trees, names, element types, boxes, random draws, registries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graftwork

from . import compare
from .compare import Case, at, case
from .keras_jax import keras

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]
DRAW = np.random.default_rng(31)
TREE = {"b": [1, (2, 3)], "a": {"x": 4, "y": [5]}}
BOXES = DRAW.uniform(5, 20, (2, 3, 4)).astype("float32").cumsum(-1)
OTHERS = DRAW.uniform(5, 20, (2, 5, 4)).astype("float32").cumsum(-1)
ANCHORS = DRAW.uniform(5, 20, (3, 4)).astype("float32").cumsum(-1)
ROWS = [[1, 2], [3], [4, 5, 6, 7]]


def add(*numbers: Any) -> Any:
    return sum(numbers)


# The same call on both sides: path, arguments, keyword arguments.
CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("tree.flatten", (TREE,), {}),
    ("tree.flatten_with_path", (TREE,), {}),
    ("tree.is_nested", (TREE,), {}),
    ("tree.is_nested", (3,), {}),
    ("tree.lists_to_tuples", (TREE,), {}),
    ("tree.map_structure", (add, TREE, TREE), {}),
    ("tree.map_structure_up_to", ({"a": 0, "b": 0}, len, TREE), {}),
    ("tree.map_shape_structure", (list, {"a": (2, 3), "b": [(4, None)]}), {}),
    ("tree.pack_sequence_as", (TREE, [9, 8, 7, 6, 5]), {}),
    ("tree.traverse", (lambda one: None, TREE), {}),
    ("tree.assert_same_structure", (TREE, TREE), {}),
    ("tree.assert_same_paths", (TREE, TREE), {}),
    ("backend.standardize_dtype", ("float16",), {}),
    ("backend.standardize_dtype", (None,), {}),
    ("backend.is_float_dtype", ("bfloat16",), {}),
    ("backend.is_float_dtype", ("int8",), {}),
    ("backend.is_int_dtype", ("uint8",), {}),
    *[("backend.result_type", pair, {}) for pair in (("int32", "float16"), ("int8", "uint8"),
      ("bool", "int32"), ("float32", "bfloat16"), ("int64", "float32"), ("uint8", "int32"))],
    ("backend.epsilon", (), {}),
    ("backend.floatx", (), {}),
    ("backend.image_data_format", (), {}),
    ("backend.is_keras_tensor", (3,), {}),
    ("config.epsilon", (), {}),
    ("config.floatx", (), {}),
    ("config.image_data_format", (), {}),
    ("config.max_epochs", (), {}),
    ("utils.to_categorical", ([0, 2, 1],), {}),
    ("utils.to_categorical", ([[0, 2], [1, 1]],), {"num_classes": 4}),
    ("utils.normalize", (DRAW.standard_normal((3, 4)),), {}),
    ("utils.normalize", (DRAW.standard_normal((3, 4)),), {"axis": 1, "order": 1}),
    ("utils.pad_sequences", (ROWS,), {}),
    ("utils.pad_sequences", (ROWS,), {"maxlen": 3, "padding": "post", "value": -1}),
    ("utils.pad_sequences", (ROWS,), {"maxlen": 2, "truncating": "post", "dtype": "float32"}),
    ("preprocessing.sequence.pad_sequences", (ROWS,), {"maxlen": 5}),
    ("utils.img_to_array", (np.arange(12.0).reshape(2, 2, 3),), {}),
    ("preprocessing.image.img_to_array", (np.arange(4.0).reshape(2, 2),), {}),
    *[
        ("utils.bounding_boxes.convert_format", (BOXES, "xyxy", target),
         {"height": 90, "width": 80})
        for target in ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy",
                       "rel_yxyx", "rel_xywh", "rel_center_xywh")
    ],
    ("utils.bounding_boxes.compute_iou", (BOXES, OTHERS, "xyxy"), {}),
    ("utils.bounding_boxes.compute_iou", (BOXES, OTHERS, "xywh"), {}),
    ("utils.bounding_boxes.compute_ciou", (BOXES, BOXES + 2.0, "xyxy"), {}),
    ("utils.bounding_boxes.crop", (BOXES, 5, 4, 40, 30), {}),
    ("utils.bounding_boxes.pad", (BOXES, 5, 4), {}),
    ("utils.bounding_boxes.encode_box_to_deltas", (ANCHORS, BOXES, "xyxy", "xyxy"), {}),
    ("utils.bounding_boxes.decode_deltas_to_boxes", (ANCHORS, BOXES / 50, "xyxy", "xyxy"), {}),
]  # fmt: skip


def test_registries_make_the_same_objects() -> None:
    """`get` of a name, and Keras' configurations through `deserialize` and back."""
    objects = {
        "layers": case("Dense", units=3, activation="relu"),
        "losses": case("Huber", delta=0.5),
        "metrics": case("AUC", num_thresholds=7),
        "optimizers": case("Adam", learning_rate=0.5),
        "optimizers.schedules": case("CosineDecay", initial_learning_rate=0.1, decay_steps=3),
        "initializers": case("HeNormal", seed=3),
        "regularizers": case("L2", l2=0.5),
        "constraints": case("MaxNorm", max_value=3),
    }
    for family, one in objects.items():
        theirs = getattr(at(keras, family), one.name)(**one.settings)
        told = at(keras, family).serialize(theirs)
        ours = at(graftwork, family).deserialize(told)
        assert type(ours).__name__ == one.name
        again = at(graftwork, family).serialize(ours)
        assert again["class_name"] == told["class_name"], family
        back = at(keras, family).deserialize(again)
        assert compare.plain(back.get_config()) == compare.plain(theirs.get_config()), family
        get = getattr(at(graftwork, family), "get", None)
        if get is not None:
            assert type(get(told)).__name__ == one.name
            assert get(ours) is ours


GET = {
    "losses": ["mse", "MeanSquaredError", "binary_crossentropy", "kld"],
    "metrics": ["mse", "AUC", "categorical_accuracy"],
    "optimizers": ["adam", "SGD", "rmsprop", "Lion"],
    "initializers": ["zeros", "glorot_uniform", "HeNormal", "orthogonal"],
    "activations": ["relu", "swish", "log_softmax", None],
    "regularizers": ["l1", "L1L2", None],
    "constraints": ["max_norm", "UnitNorm", None],
}


@pytest.mark.parametrize("family", GET)
def test_names_stand_for_the_same(family: str) -> None:
    for name in GET[family]:
        found, wanted = (at(package, family).get(name) for package in (graftwork, keras))
        told = [getattr(one, "__name__", type(one).__name__) for one in (found, wanted)]
        mine, other = (one.replace("_", "").lower() for one in told)  # losses: objects, functions
        assert mine == other, name
    for wrong in ("unheard", 3.5):
        compare.both_refuse(
            lambda wrong=wrong: at(graftwork, family).get(wrong),  # type: ignore[misc]
            lambda wrong=wrong: at(keras, family).get(wrong),  # type: ignore[misc]
            f"{family}.get({wrong!r})",
        )


@pytest.mark.parametrize(
    ("path", "given", "settings"), CALLS, ids=[f"{path}-{i}" for i, (path, *_) in enumerate(CALLS)]
)
def test_calls(path: str, given: Any, settings: dict[str, Any]) -> None:
    wanted = at(keras, path)(*given, **settings)
    found = at(graftwork, path)(*given, **settings)
    if hasattr(wanted, "dtype") or isinstance(wanted, float):
        compare.close(found, wanted, 2e-5, path)
    else:
        assert found == wanted


def test_a_clipped_box() -> None:
    boxes = {"boxes": BOXES - 20.0, "labels": np.zeros((2, 3), "int32")}
    found, wanted = (
        at(package, "utils.bounding_boxes.clip_to_image_size")(dict(boxes), height=30, width=25)
        for package in (graftwork, keras)
    )
    compare.close(found["boxes"], wanted["boxes"], 2e-5, "boxes")


SAMPLES: list[Case] = [
    case("normal", mean=1.0, stddev=0.5),
    case("uniform", minval=-1.0, maxval=2.0),
    case("truncated_normal", mean=0.5, stddev=2.0),
    case("randint", minval=-3, maxval=9),
    case("gamma", alpha=2.5),
    case("beta", alpha=2.0, beta=0.7),
    case("binomial", counts=9.0, probabilities=0.3),
]


@pytest.mark.parametrize("one", SAMPLES, ids=str)
def test_random_draws(one: Case) -> None:
    """Moments and quantiles to six deviations of their errors; seeds repeat."""
    count = 20_000
    found, wanted = (
        compare.host(getattr(package.random, one.name)((count,), **one.settings, seed=4))
        for package in (graftwork, keras)
    )
    assert found.dtype == wanted.dtype
    spread = float(wanted.std())
    error = 6 * spread * np.sqrt(2 / count)
    assert abs(float(found.mean()) - float(wanted.mean())) < error
    assert abs(float(found.std()) - spread) < 2 * error
    quantiles = [np.quantile(x, [0.1, 0.3, 0.5, 0.7, 0.9]) for x in (found, wanted)]
    whole = 1.0 if one.name in ("randint", "binomial") else 0.0
    assert np.all(np.abs(quantiles[0] - quantiles[1]) <= np.maximum(3 * error, whole))
    again = compare.host(getattr(graftwork.random, one.name)((count,), **one.settings, seed=4))
    np.testing.assert_array_equal(found, again)


def test_random_choices() -> None:
    logits = np.log(np.float32([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]]))
    shares = []
    for package in (graftwork, keras):
        drawn = compare.host(package.random.categorical(logits, 9000, seed=2))
        shares.append([np.bincount(row, minlength=3) / 9000 for row in drawn])
        kept = compare.host(package.random.dropout(np.ones((100, 100), "float32"), 0.3, seed=1))
        assert set(np.round(np.unique(kept), 4)) == {0.0, np.float32(np.round(1 / 0.7, 4))}
        assert abs(float((kept > 0).mean()) - 0.7) < 0.03
        order = compare.host(package.random.shuffle(np.arange(50), seed=3))
        assert sorted(order.tolist()) == list(range(50)) != order.tolist()
        generator = package.random.SeedGenerator(5)
        first, second = (compare.host(package.random.normal((4,), seed=generator)) for _ in "ab")
        assert np.abs(first - second).max() > 1e-3
    np.testing.assert_allclose(shares[0], shares[1], atol=0.03)


def test_policies() -> None:
    for name in ("float32", "mixed_float16", "mixed_bfloat16", "float64", "bfloat16"):
        found, wanted = (package.dtype_policies.DTypePolicy(name) for package in (graftwork, keras))
        for key in ("name", "compute_dtype", "variable_dtype"):
            assert str(getattr(found, key)) == str(getattr(wanted, key)), (name, key)
        assert found.get_config() == wanted.get_config()
        assert found == graftwork.dtype_policies.get(name)
    for package in (graftwork, keras):
        before = package.mixed_precision.dtype_policy()
        package.mixed_precision.set_dtype_policy("mixed_bfloat16")
        assert package.layers.Dense(2).compute_dtype == "bfloat16"
        assert package.config.dtype_policy().name == "mixed_bfloat16"
        package.mixed_precision.set_dtype_policy(before)
    compare.both_refuse(
        lambda: graftwork.dtype_policies.DTypePolicy("mixed_heavy"),
        lambda: keras.dtype_policies.DTypePolicy("mixed_heavy"),
        "a policy that nobody knows",
    )


def test_settings_of_the_program_are_set_and_read() -> None:
    for package in (graftwork, keras):
        for name, value in (("floatx", "float64"), ("epsilon", 1e-5),
                            ("image_data_format", "channels_first")):  # fmt: skip
            before = getattr(package.config, name)()
            getattr(package.config, f"set_{name}")(value)
            assert getattr(package.config, name)() == value
            assert getattr(package.backend, name)() == value
            getattr(package.config, f"set_{name}")(before)
