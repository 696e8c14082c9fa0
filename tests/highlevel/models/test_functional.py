"""Models of the layers between symbols: their order, shared parts, several ends, cut-out parts."""

import json
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, DataError, ShapeError
from graftwork.layers import (
    Add,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    Lambda,
    Layer,
    Subtract,
)  # fmt: skip
from graftwork.models.functional import Functional
from graftwork.models.model import Model
from graftwork.models.sequential import Sequential
from graftwork.registry import configuration, decoded, layers

X = np.random.default_rng(1).normal(size=(4, 5)).astype("float32")


def residual() -> Functional:
    x = i = Input((4,), name="in")
    for key in "ab":
        skip = x
        x = Dense(4, name=f"{key}2")(Dense(4, name=f"{key}1")(x))
        x = Add(name=f"{key}add")([skip, x])
    return Functional(i, x)


def branches() -> Functional:
    a, b = Input((4,), name="ina"), Input((4,), name="inb")
    p, q = Dense(4, name="p")(a), Dense(4, name="q")(b)
    q2 = Dense(4, name="q2")(q)
    j = Concatenate(name="j")([q2, p])
    o1, o2 = Dense(1, name="o1")(j), Dense(2, name="o2")(p)
    return Functional([b, a], [o2, o1])


def shared() -> Functional:
    a, b, tower = Input((4,), name="ina"), Input((4,), name="inb"), Dense(4, name="tower")
    x, y = tower(a), tower(tower(b))
    return Functional([a, b], Subtract(name="sub")([y, x]))


def nested() -> Functional:
    i = Input((4,), name="inner_in")
    inner = Functional(i, Dense(3, name="inner_d")(i), name="inner")
    a = Input((4,), name="outer")
    x, y = inner(a), Dense(3, name="side")(a)
    return Functional(a, Add(name="sum")([y, x]))


def late() -> Functional:
    head, a = Dense(2, name="head"), Input((4,), name="i")
    z, y = Dense(4, name="z")(a), Dense(4, name="y")(a)
    x = Dense(4, name="x")(y)
    return Functional(a, [head(Add(name="s")([z, x])), Dense(1, name="aux")(y)])


def diamond() -> Functional:
    a = Input((4,), name="i")
    left, right = Dense(4, name="l")(a), Dense(4, name="r")(a)
    left2 = Dense(4, name="l2")(left)
    m, k = Add(name="m")([right, left2]), Dense(4, name="k")(right)
    return Functional(a, Concatenate(name="c")([k, m, left]))


def named() -> Functional:
    a, b = Input((4,), name="u"), Input((4,), name="v")
    return Functional({"u": a, "v": b}, {"s": Add(name="s")([b, a]), "t": Dense(1, name="t")(a)})


# The orders are those of keras.Model(...).layers in Keras 3.15 for the same lines.
ORDERS: list[tuple[Callable[[], Functional], str]] = [
    (residual, "in a1 a2 aadd b1 b2 badd"),
    (branches, "inb ina q p q2 j o2 o1"),
    (shared, "inb tower ina sub"),
    (nested, "outer side inner sum"),
    (late, "i y z x s head aux"),
    (diamond, "i l r l2 k m c"),
    (named, "v u s t"),
]
MAKERS = [maker for maker, _ in ORDERS]


def fed(model: Functional, key: int = 0) -> Any:
    generator = np.random.default_rng(key)
    values = [generator.normal(size=(3, *s.shape[1:])).astype("float32") for s in model.inputs]
    if isinstance(model.input, dict):
        return dict(zip(model.input, values, strict=True))
    return values if len(values) > 1 else values[0]


def flat(y: Any) -> list[Any]:
    parts = y.values() if isinstance(y, dict) else y if isinstance(y, (list, tuple)) else [y]
    return [part.detach().numpy() for part in parts]


@pytest.mark.parametrize(("make", "order"), ORDERS, ids=lambda x: getattr(x, "__name__", ""))
def test_the_order_of_layers_is_keras(make: Callable[[], Functional], order: str) -> None:
    assert [layer.name for layer in make().layers] == order.split()


@pytest.mark.parametrize("make", MAKERS)
def test_an_equal_model_comes_from_the_configuration(make: Callable[[], Functional]) -> None:
    model = make()
    told = json.loads(json.dumps(configuration(model)))
    again = decoded(told, layers)
    assert isinstance(again, Functional)
    assert configuration(again) == configuration(model)
    again.set_weights(model.get_weights())
    for found, wanted in zip(flat(again(fed(model))), flat(model(fed(model))), strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("make", MAKERS)
def test_gradients_reach_every_parameter(make: Callable[[], Functional]) -> None:
    model = make()
    y = model(fed(model))
    parts = list(y.values()) if isinstance(y, dict) else y if isinstance(y, list) else [y]
    total = parts[0].sum()
    for part in parts[1:]:
        total = total + part.sum()
    total.backward()
    assert all(w.grad is not None for w in model.parameters())


def test_it_computes_what_its_lines_say() -> None:
    model = residual()
    x = X[:, :4]
    value: Any = x
    for key in "ab":
        inner = model.get_layer(f"{key}2")(model.get_layer(f"{key}1")(value))
        value = inner + value
    np.testing.assert_allclose(model(x).detach().numpy(), value.detach().numpy(), rtol=1e-6)
    assert model.compute_output_shape((None, 4)) == (None, 4)


def test_a_shared_layer_has_one_set_of_weights() -> None:
    model = shared()
    tower = model.get_layer("tower")
    assert len(model.weights) == 2
    a, b = (np.ones((2, 4), "float32") * n for n in (1, 2))
    wanted = tower(tower(b)) - tower(a)
    np.testing.assert_allclose(
        model([a, b]).detach().numpy(), wanted.detach().numpy(), rtol=1e-6, atol=1e-6
    )


class TestInputsAndOutputs:
    def test_several_by_order(self) -> None:
        model = branches()
        b, a = X[:, :4], X[:, 1:]
        o2, o1 = model([b, a])
        assert (o2.shape, o1.shape) == ((4, 2), (4, 1))
        assert [s.shape for s in model.outputs] == [(None, 2), (None, 1)]
        np.testing.assert_array_equal(
            o2.detach().numpy(), model.get_layer("o2")(model.get_layer("p")(a)).detach().numpy()
        )

    def test_several_by_name(self) -> None:
        model = branches()
        by_name = model({"ina": X[:, 1:], "inb": X[:, :4]})
        for found, wanted in zip(by_name, model([X[:, :4], X[:, 1:]]), strict=True):
            np.testing.assert_array_equal(found.detach().numpy(), wanted.detach().numpy())

    def test_dictionaries(self) -> None:
        model = named()
        u, v = X[:, :4], X[:, 1:]
        y = model({"v": v, "u": u})
        np.testing.assert_allclose(y["s"].detach().numpy(), u + v, rtol=1e-6)
        assert set(y) == {"s", "t"}
        with pytest.raises(ShapeError, match=r"every input must be given by name.*missing=\['v'\]"):
            model({"u": u})

    @pytest.mark.parametrize(
        ("shape", "given"),
        [((1,), (5,)), ((), (5, 1)), ((4, 4, 1), (3, 4, 4)), ((4, 4), (3, 4, 4, 1)),
         ((None, None, 1), (3, 6, 5)), ((2, 1), (3, 2))],
    )  # fmt: skip
    def test_a_last_axis_of_one_comes_and_goes(self, shape: Any, given: Any) -> None:
        x, values = Input(shape), np.arange(np.prod(given), dtype="float32").reshape(given)
        model, stack = Functional(x, Lambda(lambda one: one * 2.0)(x)), Sequential([Input(shape)])
        stack.add(Lambda(lambda one: one * 2.0))
        axes = (None, *shape)
        wanted = values[..., None] if len(given) < len(axes) else values[..., 0]
        for one in (model, stack):
            np.testing.assert_array_equal(one(values).numpy(), wanted * 2)
            np.testing.assert_array_equal(one.predict(values, verbose=0), wanted * 2)

    def test_an_axis_is_not_added_where_it_would_not_fit(self) -> None:
        x = Input((4, 5, 1))
        model = Functional(x, Flatten()(x))
        with pytest.raises(ShapeError, match=r"got given=\(4, 5, 1\).*needs a batch axis too"):
            model(np.zeros((4, 5, 1), "float32"))
        with pytest.raises(ShapeError, match=r"given=\(3, 4, 5, 1, 2\)"):
            model(np.zeros((3, 4, 5, 1, 2), "float32"))

    def test_a_mask_stays_with_a_column(self) -> None:
        x = Input((3, 1))
        model = Functional(x, Lambda(lambda one: one)(x))
        values = graftgrad.ones(2, 3)
        values._keras_mask = mask = graftgrad.ones(2, 3, dtype="bool")
        assert model(values)._keras_mask is mask

    def test_a_dictionary_may_hold_more_and_says_so(self) -> None:
        model = named()
        u, v = X[:, :4], X[:, 1:]
        with pytest.warns(UserWarning, match=r"left out \['aa'\]"):
            y = model({"aa": X, "v": v, "u": u})
        np.testing.assert_allclose(y["s"].detach().numpy(), u + v, rtol=1e-6)
        model = branches()
        wanted = model([X[:, :4], X[:, 1:]])
        found = model({"aa": X, "ina": X[:, 1:], "inb": X[:, :4]})  # by name, as Keras does
        np.testing.assert_array_equal(found[0].detach().numpy(), wanted[0].detach().numpy())

    def test_nested_inputs_are_found_by_key(self) -> None:
        a, b, c = (Input((5,)) for _ in "abc")
        model = Functional([{"b": b, "a": a}, (c,)], Subtract()([Subtract()([a, b]), c]))
        for given in ([{"a": X * 8, "b": X * 2}, (X,)], ({"b": X * 2, "a": X * 8}, [X])):
            np.testing.assert_allclose(model(given).detach().numpy(), X * 5, rtol=1e-6)
        with pytest.raises(ShapeError, match=r"every input must be given by name.*missing=\['a'\]"):
            model([{"b": X}, (X,)])

    def test_a_list_has_no_keys(self) -> None:
        a, b = Input((5,)), Input((5,))
        ordered = Functional({"a": a, "b": b}, Subtract()([a, b]))
        np.testing.assert_allclose(ordered([X * 3, X]).detach().numpy(), X * 2, rtol=1e-6)
        model = Functional({"b": b, "a": a}, Subtract()([a, b]))
        with pytest.raises(ShapeError, match=r"given by their keys, whose order says nothing"):
            model([X, X])

    def test_too_few_and_bent(self) -> None:
        model = branches()
        with pytest.raises(ShapeError, match="there must be 2 inputs; got given=1"):
            model(X[:, :4])
        with pytest.raises(ShapeError, match=r'input "ina" must have shape \(None, 4\)'):
            model([X[:, :4], X])
        with pytest.raises(ShapeError, match=r"must have shape \(None, 4\).*\(4,\)"):
            residual()(X[0, :4])

    def test_a_fixed_batch_is_demanded(self) -> None:
        x = Input((5,), batch_size=2)
        model = Functional(x, Dense(1)(x))
        assert model(X[:2]).shape == (2, 1)
        with pytest.raises(ShapeError, match=r"must have shape \(2, 5\)"):
            model(X)

    def test_unknown_sizes_are_taken_as_they_come(self) -> None:
        x = Input((None, None, 3))
        model = Functional(x, Dense(2)(GlobalAveragePooling2D()(Conv2D(4, 3)(x))))
        for size in (5, 8):
            assert model(np.zeros((1, size, size + 1, 3), "float32")).shape == (1, 2)

    def test_an_output_may_be_an_input(self) -> None:
        x = Input((5,))
        model = Functional(x, [x, Dense(2)(x)])
        np.testing.assert_array_equal(model(X)[0].numpy(), X)


class TestParts:
    def test_a_part_is_cut_out_and_shares_the_weights(self) -> None:
        model = residual()
        part = Functional(model.input, model.get_layer("aadd").output)
        assert [layer.name for layer in part.layers] == ["in", "a1", "a2", "aadd"]
        assert part.weights[0] is model.weights[0]
        middle = part(X[:, :4])
        rest = Functional(model.get_layer("b1").input, model.output)
        np.testing.assert_array_equal(rest(middle.detach()).shape, (4, 4))

    def test_a_head_is_put_on(self) -> None:
        base = residual()
        base.trainable = False
        model = Functional(base.input, Dense(2, name="head")(base.output))
        assert [w.path for w in model.trainable_weights] == ["head/kernel", "head/bias"]
        model(X[:, :4]).sum().backward()
        assert all(w.grad is None for w in base.weights)

    def test_the_middle_becomes_an_entrance(self) -> None:
        model = residual()
        rest = Functional(model.get_layer("aadd").output, model.output)
        middle = Functional(model.input, model.get_layer("aadd").output)
        x = X[:, :4]
        np.testing.assert_allclose(
            rest(middle(x).detach()).detach().numpy(), model(x).detach().numpy(), rtol=1e-6
        )

    def test_models_in_models(self) -> None:
        model = nested()
        inner = model.get_layer("inner")
        assert isinstance(inner, Functional)
        inner.trainable = False
        assert [w.path for w in model.trainable_weights] == ["side/kernel", "side/bias"]
        x = X[:, :4]
        wanted = model.get_layer("side")(x) + inner(x)
        np.testing.assert_allclose(
            model(x).detach().numpy(), wanted.detach().numpy(), rtol=1e-6, atol=1e-7
        )

    def test_a_sequential_part_and_a_bare_call(self) -> None:
        base = Sequential([Input((5,)), Dense(3), Dropout(0.5)])
        x = Input((5,))
        model = Functional(x, Dense(2)(base(x)))
        assert len(model.layers) == 3
        assert not np.array_equal(
            model(X, training=True).detach().numpy(), model(X).detach().numpy()
        )

    def test_training_false_is_kept_in_the_model(self) -> None:
        base = Sequential([Input((5,)), BatchNormalization(momentum=0.5)])
        x = Input((5,))
        model = Functional(x, Dense(2)(base(x, training=False)))
        before = base.get_weights()
        model(X, training=True)
        for old, new in zip(before, base.get_weights(), strict=True):
            np.testing.assert_array_equal(new, old)


def test_frozen_parts_keep_nothing() -> None:
    model = residual()
    model.trainable = False
    assert model(X[:, :4], training=True).grad_fn is None
    for layer in model.layers[-3:]:
        layer.trainable = True
    y = model(X[:, :4], training=True)
    met, waiting = set(), [y.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in met or not hasattr(node, "kept_arrays"):
            continue
        met.add(id(node))
        waiting.extend(target for target, _ in node.next_functions)
    assert 0 < len(met) <= 8  # matmul, reshape and bias of two layers, and the sum


def test_the_constructor_of_model() -> None:
    x = Input((5,))
    y = Dense(2)(x)
    for model in (Model(x, y), Model(inputs=x, outputs=y), Model(x, outputs=y, name="m")):
        assert isinstance(model, Functional)
        assert model.built
    frozen = Functional(x, y, trainable=False)
    assert frozen.trainable_weights == []
    frozen.trainable = True


def test_a_subclass_with_layers_inside_a_functional_model() -> None:
    class Block(Model):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.inner = Dense(3)

        def call(self, x: graftgrad.Tensor) -> graftgrad.Tensor:
            return self.inner(x) * 2

    x = Input((5,))
    model = Functional(x, Block(name="block")(x))
    assert model(X).shape == (4, 3)
    assert len(model.weights) == 2


def test_what_cannot_be_made() -> None:
    x, other = Input((5,), name="x"), Input((5,), name="other")
    y = Dense(2)(x)
    with pytest.raises(ConfigError, match="outputs must be symbols made by Input and layers"):
        Functional(x, X)
    with pytest.raises(ConfigError, match="inputs must be symbols"):
        Functional([], y)
    with pytest.raises(ConfigError, match=r"computed from the given inputs alone.*Add the Input"):
        Functional(x, Add()([Dense(2)(other), y]))
    with pytest.raises(ConfigError, match=r"name of its own; got repeated=\['twin'\]"):
        Functional(x, Dense(1, name="twin")(Dense(2, name="twin")(x)))
    with pytest.raises(ShapeError, match="must have 4 axes"):
        Conv2D(2, 3)(x)


def test_what_computes_on_symbols_names_the_way_out() -> None:
    x = Input((4, 4, 3))
    with pytest.raises(TypeError, match=r"In a functional model use graftwork\.ops"):
        graftgrad.ops.reshape(x, (-1, 48))  # type: ignore[arg-type]
    assert Flatten()(x).shape == (None, 48)
    doubled = Lambda(lambda one: graftgrad.ops.exp(one))(x)
    assert doubled.shape == (None, 4, 4, 3)


def test_plain_numbers_make_a_column_where_the_input_has_one_feature() -> None:
    numbers = np.arange(5.0)
    symbol = Input((1,))
    functional = Model(symbol, Dense(2)(symbol))
    assert functional(numbers).shape == (5, 2)
    assert Sequential([Input((1,)), Dense(3)])(numbers).shape == (5, 3)


def test_values_are_let_go_after_the_last_layer_that_needs_them() -> None:
    alive: list[weakref.ref[object]] = []
    most: list[int] = []

    class Watched(Layer):
        def call(self, x: Tensor) -> Tensor:
            most.append(sum(one() is not None for one in alive))
            y = x + 1.0
            alive.append(weakref.ref(y))
            return y

    first = x = Input((3,))
    for _ in range(6):
        x = Watched()(x)
    model = Model(first, x)
    alive.clear()
    most.clear()
    with graftgrad.no_grad():
        model(np.zeros((2, 3), "float32"))
    assert max(most) == 1  # the layer's own input


def test_a_tensor_beside_symbols_is_a_constant() -> None:
    row, inputs = Dense(5), Input((5,))
    with pytest.warns(UserWarning, match="a tensor beside symbols must be a constant; got"):
        outputs = Dense(1)(inputs + row(X[:1]))
    model = Model(inputs, outputs)
    model.compile("sgd", "mse")
    before = row.get_weights()
    model.fit(X, X[:, :1], batch_size=2, epochs=2, verbose=0)  # a second step, too
    assert all(np.array_equal(one, two) for one, two in zip(before, row.get_weights(), strict=True))


def test_positions_are_counted_along_an_unknown_axis_with_a_short_table() -> None:
    class Positions(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.table = Embedding(4, 2)

        def call(self, x: Any) -> Any:
            return self.table(graftgrad.arange(x.shape[-1])) + ops.expand_dims(x, -1)

    symbol = Positions()(Input((None,)))
    assert symbol.shape == (None, None, 2)
    with pytest.raises(DataError, match="indices must lie in"):
        Model(symbol.origin.inputs, symbol)(X)
