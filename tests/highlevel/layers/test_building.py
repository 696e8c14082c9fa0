"""What layers of a user's own are handed and what is found of them, as in Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad.errors import DTypeError, MissingAttributeError, ShapeError
from graftwork import layers, ops

X = np.arange(12.0, dtype="float32").reshape(4, 3)


@gw.register_keras_serializable("building")
class Pair(layers.Layer):
    """Asks for the shapes of two arguments."""

    def build(self, a_shape: Any, b_shape: Any = None) -> None:
        self.seen = (a_shape, b_shape)
        self.w = self.add_weight((a_shape[-1], b_shape[-1] if b_shape else 1), "ones", name="w")

    def call(self, a: Any, b: Any = None) -> Any:
        y = ops.matmul(a, self.w)
        return y if b is None else y + b


def test_build_is_handed_the_shapes_of_several_arguments() -> None:
    one, two, three, four = Pair(), Pair(), Pair(), Pair()
    one(X, X[:, :2])
    two(X, b=X[:, :2])
    three(X)
    four(gw.Input((3,)), gw.Input((2,)))
    assert one.seen == two.seen == four.seen == ((None, 3), (None, 2))
    assert three.seen == ((None, 3), None)
    assert one.get_build_config() == {"shapes_dict": {"a_shape": [None, 3], "b_shape": [None, 2]}}
    assert three.get_build_config() == {"input_shape": [None, 3]}
    by_hand = Pair()
    by_hand.build((None, 3), (None, 2))
    assert by_hand.get_build_config() == one.get_build_config()
    assert Pair().compute_output_shape((None, 3), (None, 2)) == (None, 2)


def test_it_is_saved_and_built_again(tmp_path: Path) -> None:
    a, b = gw.Input((3,)), gw.Input((2,))
    made = gw.Model([a, b], Pair(name="pair")(a, b))
    made.get_layer("pair").w.assign(np.arange(6.0).reshape(3, 2))
    made.save(tmp_path / "m.keras")
    found = gw.saving.load_model(tmp_path / "m.keras")
    wanted = made.predict([X, X[:, :2]], verbose=0)
    np.testing.assert_array_equal(found.predict([X, X[:, :2]], verbose=0), wanted)


def test_variables_in_lists_and_dictionaries_are_weights() -> None:
    class Held(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.listed = [gw.Variable(1.0), [gw.Variable([2.0, 3.0], trainable=False)]]
            self.named = {"a": gw.Variable(4.0)}
            self.other = layers.Dense(1)

        def build(self, input_shape: Any) -> None:
            self.other.build(input_shape)
            self.theirs = self.other.weights  # are not its own

        def call(self, x: Any) -> Any:
            return self.other(x) * self.listed[0] * self.named["a"]

    layer = Held()
    layer(X)
    found = [path for path, _ in layer.named_weights()]
    assert found == ["listed/0", "listed/1/0", "named/a", "other/kernel", "other/bias"]
    assert len(layer.trainable_weights) == 4
    ops.sum(layer(X)).backward()
    assert layer.named["a"].grad is not None


def test_training_form_is_that_of_the_default_where_nobody_says() -> None:
    seen: list[Any] = []

    class Inner(layers.Layer):
        def call(self, x: Any, training: bool = False) -> Any:
            seen.append(training)
            return x

    class Outer(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Inner()

        def call(self, x: Any, training: bool = True) -> Any:
            seen.append(training)
            return self.inner(x)

    layer = Outer()
    layer(X)
    layer(X, training=False)
    assert seen == [True, True, False, False]
    seen.clear()
    gw.Sequential([gw.Input((3,)), layer]).predict(X, verbose=0)
    assert True not in seen


def test_settings_and_lists_of_every_layer() -> None:
    class Doubled(layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.mean, self.more = gw.metrics.Mean(), [gw.metrics.Sum(name="s")]

        def call(self, x: Any) -> Any:
            return x * 2

    layer = Doubled(activity_regularizer=gw.regularizers.L1(0.1))
    layer(X)
    assert [round(float(one), 4) for one in layer.losses] == [round(0.2 * float(X.sum()) / 4, 4)]
    assert [one.name for one in layer.metrics] == ["mean", "s"]
    assert len(layer.metrics_variables) == 3 and layer.weights == []
    drop = layers.Dropout(0.5, seed=1)
    assert len(drop.non_trainable_variables) == 1 and drop.non_trainable_weights == []
    assert not hasattr(layer, "input")
    with pytest.raises(MissingAttributeError, match="exist once the layer was called"):
        _ = layer.output
    table = layers.Embedding(5, 2, mask_zero=True)
    assert table.compute_mask(np.array([[0, 3]])).tolist() == [[False, True]]


def test_finding_shapes_changes_nothing() -> None:
    class Counted(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.calls = self.add_weight((), "zeros", trainable=False, name="calls")
            self.mean = self.add_weight((3,), "zeros", trainable=False, name="mean")
            self.inner = layers.Embedding(2, 3, weights=np.ones((2, 3)))

        def call(self, x: Any) -> Any:
            self.calls.assign_add(1)
            self.mean.assign(ops.mean(x, 0))
            return x + self.inner(ops.zeros((1,), "int32"))

    x = gw.Input((3,))
    model = gw.Model(x, Counted(name="c")(x))
    layer = model.get_layer("c")
    assert (float(layer.calls), layer.mean.tolist()) == (0.0, [0.0] * 3)
    np.testing.assert_array_equal(model(X).detach().numpy(), X + 1)
    assert (float(layer.calls), layer.mean.tolist()) == (1.0, X.mean(0).tolist())


def test_what_is_demanded_of_inputs_by_place_and_by_name() -> None:
    class Asking(layers.Layer):
        def __init__(self, spec: Any) -> None:
            super().__init__()
            self.input_spec = spec

        def call(self, x: Any) -> Any:
            return x

    spec = layers.InputSpec
    fine: list[tuple[Any, Any]] = [
        (spec(shape=(None, 3)), X), (spec("float32", max_ndim=2), X), (spec(axes={1: None}), X),
        ([spec(ndim=2), None], [X, X[0]]), ({"a": spec(ndim=2)}, {"a": X}),
        ([spec(ndim=1, name="b"), spec(ndim=2, name="a")], {"a": X, "b": X[0]}),
        (spec(shape=(None, 3, 1), allow_last_axis_squeeze=True), X),
        (spec(shape=(None, 3), allow_last_axis_squeeze=True), X[..., None]),
    ]  # fmt: skip
    for demanded, given in fine:
        Asking(demanded)(given)
    wrong: list[tuple[Any, Any, str]] = [
        (spec(shape=(None, 4)), X, r"must have shape \(None, 4\); got input=\(None, 3\)"),
        (spec(max_ndim=1), X, "must have at most 1 axes"),
        ([spec(ndim=2), spec(ndim=2)], [X, X[0]], "must have 2 axes"),
        ([spec(ndim=2)], [X, X], "there must be 1 inputs; got given=2"),
    ]
    for demanded, given, told in wrong:
        with pytest.raises(ShapeError, match=told):
            Asking(demanded)(given)
    with pytest.raises(DTypeError, match="must have element type int32; got dtype='float32'"):
        Asking(spec("int32"))(X)


def test_shapes_may_be_told_by_the_class_itself() -> None:
    class Told(layers.Layer):
        def compute_output_spec(self, x: Any) -> Any:
            return gw.KerasTensor((x.shape[0], 9), dtype="int32")

        def call(self, x: Any) -> Any:
            return x

    class OfNumPy(layers.Layer):
        def compute_output_shape(self, input_shape: Any) -> Any:
            return (*input_shape[:-1], 5)

        def call(self, x: Any) -> Any:
            return graftgrad.as_tensor(np.zeros((x.numpy().shape[0], 5), "float32"))

    symbol = Told()(gw.Input((3,)))
    assert (symbol.shape, str(symbol.dtype)) == ((None, 9), "int32")
    x = gw.Input((3,))
    y = OfNumPy()(x)
    assert y.shape == (None, 5)
    assert gw.Model(x, y)(X).shape == (4, 5)
    assert layers.Dense(2).compute_output_spec(x).shape == (None, 2)
