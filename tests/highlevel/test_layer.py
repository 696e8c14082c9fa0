"""What every layer is: built at first sight, called, frozen by one bit, told as a configuration."""

from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ConfigError, DataError, DTypeError, ShapeError
from graftwork.layers import (
    Dense,
    Dropout,
    Embedding,
    Identity,
    Input,
    InputLayer,
    InputSpec,
    Lambda,
    Layer,
)  # fmt: skip
from graftwork.models import Model, Sequential
from graftwork.registry import (
    configuration,
    custom_object_scope,
    decoded,
    layers,
    register_keras_serializable,
)  # fmt: skip
from graftwork.weight import Weight
from support.golden import GoldenCase, cases
from support.layer_checks import check_golden, check_layer

X = np.random.default_rng(1).normal(size=(4, 5)).astype("float32")


class Branches(Layer):
    """Two dense layers in a list and one in a dictionary."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.both = [Dense(units), Dense(units)]
        self.named = {"last": Dense(units)}

    def build(self, input_shape: Any) -> None:
        self.shift = self.add_weight((self.units,), "ones", name="shift")

    def call(self, x: graftgrad.Tensor, training: bool = False) -> graftgrad.Tensor:
        self.seen = training
        return self.named["last"](self.both[0](x) + self.both[1](x)) + self.shift


@pytest.mark.parametrize("case", cases("layers", "Dense"), ids=str)
def test_dense_as_keras(case: GoldenCase) -> None:
    check_golden(case)


def test_every_promise() -> None:
    check_layer(lambda: Dense(3, activation="tanh"), (4, 5))
    check_layer(lambda: Dense(3, use_bias=False), (2, 4, 5))
    check_layer(Identity, (4, 5))
    with custom_object_scope({"Branches": Branches}):
        check_layer(lambda: Branches(3), (4, 5))


class TestBuilding:
    def test_at_first_sight(self) -> None:
        layer = Dense(3)
        assert not layer.built
        assert layer.weights == []
        layer(X)
        assert layer.built
        assert layer.built_shape == (None, 5)
        assert [w.path for w in layer.weights] == [f"{layer.name}/kernel", f"{layer.name}/bias"]
        kernel = layer.kernel
        layer(X)
        assert layer.kernel is kernel

    def test_by_hand(self) -> None:
        layer = Dense(3)
        layer.build_for((None, 5))
        assert layer.kernel.shape == (5, 3)
        assert Dense(3).compute_output_shape((None, 7, 5)) == (None, 7, 3)

    def test_a_weight_needs_known_sizes(self) -> None:
        with pytest.raises(ShapeError, match="last axis of the input must have a known size"):
            Dense(3)(Input((None,)))
        with pytest.raises(ShapeError, match="sizes of weight w must be known"):
            Layer().add_weight((None, 3), name="w")  # type: ignore[list-item]

    def test_a_failed_build_can_be_tried_again(self) -> None:
        layer = Dense(3)
        with pytest.raises(ShapeError):
            layer(np.zeros(5, "float32"))
        assert not layer.built
        assert layer(X).shape == (4, 3)
        assert len(layer.weights) == 2

    def test_a_layer_in_the_place_of_a_built_one_is_built(self) -> None:
        layer = Branches(3)
        layer(X)
        holder = Layer()
        holder.head = Dense(3)
        holder.head(X)
        holder.head = Dense(7)
        assert holder.head.kernel.shape == (5, 7)


class TestCalling:
    def test_arrays_tensors_and_whole_numbers(self) -> None:
        layer = Dense(3)
        y = layer(X)
        np.testing.assert_array_equal(
            layer(graftgrad.tensor(X)).detach().numpy(), y.detach().numpy()
        )
        assert str(layer(X.astype("float64")).dtype) == "float32"
        assert str(layer(np.ones((2, 5), "uint8")).dtype) == "float32"
        assert str(Dense(3, dtype="float64")(X).dtype) == "float64"
        assert str(Identity()(np.ones((2, 5), "uint8")).dtype) == "uint8"

    def test_training_reaches_the_layers_inside(self) -> None:
        outer, inner = Branches(3), Dropout(0.5)
        outer.both.append(inner)  # type: ignore[arg-type]
        outer.call = lambda x, training=False: inner(x)  # type: ignore[method-assign]
        assert (outer(X, training=True).numpy() == 0).any()
        np.testing.assert_array_equal(outer(X).numpy(), X)
        np.testing.assert_array_equal(outer(X, training=False).numpy(), X)

    def test_a_frozen_layer_never_sees_training(self) -> None:
        layer = Branches(3)
        layer(X, training=True)
        assert layer.seen is True
        for parameter in layer.parameters():
            parameter.requires_grad = False
        layer(X, training=True)
        assert layer.seen is False

    def test_an_error_says_where_it_happened(self) -> None:
        layer = Branches(3, name="outer")
        layer(X)
        with pytest.raises(ShapeError) as caught:
            layer(X[:, :4])
        told = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
        assert 'in layer "outer" (Branches)' in told
        assert "must have size 5" in told

    def test_a_layer_without_call_says_so(self) -> None:
        with pytest.raises(NotImplementedError, match="must define call"):
            Layer()(X)

    def test_demands_on_the_input(self) -> None:
        layer = Identity()
        layer.input_spec = InputSpec(ndim=2, axes={-1: 5})
        layer(X)
        with pytest.raises(ShapeError, match="must have 2 axes"):
            layer(X[0])
        with pytest.raises(ShapeError, match="axis -1 of the input must have size 5"):
            layer(X[:, :2])


class TestFreezing:
    def test_the_bit_goes_down_the_tree(self) -> None:
        layer = Branches(3)
        layer.trainable = False
        layer(X)
        assert layer.trainable_weights == []
        assert len(layer.non_trainable_weights) == len(layer.weights) == 7
        layer.both[0].trainable = True
        assert layer.trainable is True
        assert len(layer.trainable_weights) == 2
        assert layer.requires_grad_(False).trainable_weights == []

    def test_in_the_constructor(self) -> None:
        layer = Dense(3, trainable=False)
        layer(X)
        assert layer.trainable_weights == []

    def test_no_node_and_no_gradient_where_nobody_wants_one(self) -> None:
        frozen, head = Dense(4, activation="relu", trainable=False), Dense(1)
        features = frozen(X)
        assert features.grad_fn is None
        head(features).sum().backward()
        assert all(w.grad is None for w in frozen.weights)
        assert all(w.grad is not None for w in head.weights)

    def test_a_gradient_passes_through_to_an_input_that_wants_it(self) -> None:
        frozen = Dense(4, trainable=False)
        x = graftgrad.tensor(X, requires_grad=True)
        frozen(x).sum().backward()
        assert x.grad is not None
        assert all(w.grad is None for w in frozen.weights)

    def test_only_truth_values(self) -> None:
        with pytest.raises(ConfigError, match="trainable must be true or false"):
            Dense(3).trainable = "no"  # type: ignore[assignment]


class TestWeights:
    def test_walks(self) -> None:
        layer = Branches(3)
        layer(X)
        paths = [path for path, _ in layer.named_weights()]
        assert paths == [
            "shift", "both/0/kernel", "both/0/bias", "both/1/kernel", "both/1/bias",
            "named/last/kernel", "named/last/bias",
        ]  # fmt: skip
        assert len(list(layer.flattened())) == 4
        assert layer.count_params() == 3 + 2 * 18 + 12

    def test_a_layer_held_twice_counts_once(self) -> None:
        layer = Branches(3)
        layer.again = layer.both[0]
        layer(X)
        assert len(layer.weights) == 7

    def test_get_and_set(self) -> None:
        a, b = Branches(3), Branches(3)
        y = a(X).detach().numpy()
        b(X)
        b.set_weights(a.get_weights())
        np.testing.assert_array_equal(b(X).detach().numpy(), y)
        before = b.get_weights()
        with pytest.raises(ShapeError, match="one array per weight; got weights=7, given=1"):
            b.set_weights(before[:1])
        bent = [np.zeros_like(w) for w in before]
        bent[-1] = np.zeros((9,))
        with pytest.raises(ShapeError, match=r"the shape must stay.*\(3,\).*\(9,\)"):
            b.set_weights(bent)
        for old, new in zip(before, b.get_weights(), strict=True):
            np.testing.assert_array_equal(new, old)

    def test_a_weight_set_as_an_attribute_is_found(self) -> None:
        layer = Layer()
        layer.scale = Weight(graftgrad.ones(2), "scale")
        assert [path for path, _ in layer.named_parameters()] == ["scale"]

    def test_the_element_type_of_weights(self) -> None:
        layer = Dense(3, dtype="mixed_bfloat16")
        layer.build_for((None, 5))
        assert str(layer.kernel.dtype) == "float32"
        assert layer.get_config()["dtype"] == "mixed_bfloat16"
        with pytest.raises(DTypeError, match="must be one of"):
            Dense(3, dtype="float31")


class TestConfiguration:
    def test_names(self) -> None:
        assert Dense(3, name="x").get_config()["name"] == "x"
        a, b = Dense(1), Dense(1)
        assert a.name != b.name
        for bent in ("", "a/b", 3):
            with pytest.raises(ConfigError, match="non-empty string without '/'"):
                Dense(1, name=bent)

    def test_a_layer_of_ones_own(self) -> None:
        with custom_object_scope({"Branches": Branches}):
            again = decoded(configuration(Branches(3, name="mine", trainable=False)), layers)
        assert (type(again), again.units, again.name) == (Branches, 3, "mine")

    def test_unknown_arguments(self) -> None:
        with pytest.raises(ConfigError, match=r"Dense.*unit"):
            Dense(unit=3)  # type: ignore[call-arg]
        with pytest.raises(
            ConfigError, match=r"autocast, activity_regularizer or input_shape.*'colour'"
        ):
            Branches(3, colour="red")

    def test_keras_policies_are_read(self) -> None:
        told = Dense(3).get_config() | {
            "dtype": {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"},
                      "registered_name": None},
        }  # fmt: skip
        assert Dense.from_config(told).dtype == "float32"


class TestInput:
    def test_symbols(self) -> None:
        x = Input((3, None), name="x", dtype="int32")
        assert (x.shape, str(x.dtype), x.name) == ((None, 3, None), "int32", "x")
        assert Input((3,), batch_size=2).shape == (2, 3)
        assert Input(batch_shape=(None, 4)).shape == (None, 4)
        layer = InputLayer((3,), name="entrance")
        assert layer.output.shape == (None, 3)
        again = InputLayer.from_config(layer.get_config())
        assert (again.batch_shape, again.name) == ((None, 3), "entrance")

    @pytest.mark.parametrize("bent", [None, 3, "ab", (0,), (-1,), (2.5,), ("a",)])
    def test_no_shape(self, bent: Any) -> None:
        with pytest.raises(ConfigError, match="Input: "):
            Input(bent)

    def test_a_symbol_has_no_values(self) -> None:
        x = Input((3,))
        with pytest.raises(TypeError, match="has no value to test"):
            bool(x)
        with pytest.raises(TypeError, match="has no values to compute with"):
            np.asarray(x)
        with pytest.raises(TypeError, match="In a functional model use graftwork"):
            graftgrad.ops.exp(x)  # type: ignore[arg-type]


class TestEmbedding:
    def test_every_promise(self) -> None:
        check_layer(lambda: Embedding(7, 3), (2, 5), integers=7)

    def test_rows_of_the_table(self) -> None:
        layer = Embedding(4, 2)
        places = np.array([[3, 0], [1, 1]])
        y = layer(places)
        np.testing.assert_array_equal(y.detach().numpy(), layer.embeddings.numpy()[places])
        y.sum().backward()
        np.testing.assert_array_equal(layer.embeddings.grad.numpy()[:, 0], [1, 2, 0, 1])

    def test_a_place_outside_the_table(self) -> None:
        for bent in (4, -1):
            with pytest.raises(DataError, match=r"lie in \[0, 4\)|outside|below"):
                Embedding(4, 2)(np.array([[bent]]))


class TestLambda:
    def test_a_function(self) -> None:
        layer = Lambda(lambda x, factor: x * factor, arguments={"factor": 3})
        np.testing.assert_allclose(layer(X).numpy(), X * 3)
        assert Lambda(lambda xs: xs[0] + xs[1])([Input((3,)), Input((3,))]).shape == (None, 3)
        noisy = Lambda(lambda x, training: x * 2 if training else x)
        np.testing.assert_array_equal(noisy(X, training=True).numpy(), X * 2)
        np.testing.assert_array_equal(noisy(X).numpy(), X)

    def test_code_is_neither_saved_nor_read(self) -> None:
        with pytest.raises(
            ConfigError, match=r"a function must be registered to be saved.*write a layer"
        ):
            Lambda(lambda x: x).get_config()
        code = {
            "class_name": "__lambda__",
            "config": {"code": "4wEA", "defaults": None, "closure": None},
        }
        with pytest.raises(ConfigError, match="Code is never read from files"):
            Lambda.from_config({"name": "l", "function": code})
        with pytest.raises(ConfigError, match="must be a function"):
            Lambda(3)

    def test_a_registered_function_is_saved_by_name(self) -> None:
        @register_keras_serializable("tests")
        def halved_by_name(x: graftgrad.Tensor) -> graftgrad.Tensor:
            return x / 2

        told = configuration(Lambda(halved_by_name))
        again = decoded(told, layers)
        np.testing.assert_array_equal(again(X).numpy(), X / 2)


def test_a_weight_in_the_place_of_another_is_tied() -> None:
    class Pair(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = Dense(5), Dense(5)

        def call(self, x: Any) -> Any:
            return self.second(self.first(x))

    pair = Pair()
    pair(X)
    pair.second.kernel = pair.first.kernel
    assert [path for path, _ in pair.named_weights()] == [
        "first/kernel", "first/bias", "second/bias",
    ]  # fmt: skip
    pair.second.trainable = False
    assert not pair.first.kernel.requires_grad


def test_a_model_with_a_build_of_its_own_is_built_by_it_once() -> None:
    class Scaled(Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = Dense(2)

        def build(self, input_shape: Any = None) -> None:
            self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")

        def call(self, x: Any) -> Any:
            return self.dense(x * self.factor)

    model = Scaled()
    model(X)
    model(X)
    assert [path for path, _ in model.named_weights()] == ["factor", "dense/kernel", "dense/bias"]


def test_an_attribute_of_the_users_own_may_have_any_name_that_keras_leaves_free() -> None:
    class Scaled(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.multiplier, self.policy, self.switch = 3.0, "greedy", False
            self.applications, self.takes, self.untold = 0, None, True

        def build(self, input_shape: Any) -> None:
            self.own = self.add_weight((input_shape[-1],), "ones", name="factor")
            self.own_weights = "mine"

        def call(self, x: Any, training: bool = False) -> Any:
            assert not training
            return x * self.own * self.multiplier

    layer = Scaled()
    model = Sequential([Input((5,)), layer])
    np.testing.assert_allclose(model(X).detach().numpy(), X * 3.0, rtol=1e-6)
    assert layer.trainable and layer.own.trainable
    assert layer.own.learning_rate_multiplier == layer.learning_rate_multiplier == 1.0
    assert [path for path, _ in layer.named_weights()] == ["factor"]
    assert (layer.compute_dtype, layer.get_config()["dtype"]) == ("float32", "float32")
    layer.trainable = False
    assert not layer.own.trainable
    assert (layer.multiplier, layer.policy, layer.switch) == (3.0, "greedy", False)
    assert (layer.applications, layer.takes, layer.untold) == (0, None, True)
