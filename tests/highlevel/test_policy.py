"""Policies of element types: their names, what a layer makes of them, and Keras' own answers."""

import json
from collections.abc import Iterator

import numpy as np
import pytest

import graftgrad as gg
import graftwork as gw
from graftgrad import ops
from graftgrad.errors import ConfigError, DTypeError
from graftwork import layers, mixed_precision
from support.golden import FOLDER

KERAS = json.loads((FOLDER / "policies.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
    mixed_precision.set_global_policy("float32")


@pytest.mark.parametrize("name", ["mixed_bfloat16", "mixed_float16"])
def test_a_mixture_computes_in_the_short_type_and_keeps_float32(name: str) -> None:
    policy = mixed_precision.Policy(name)
    assert policy.compute_dtype == name.removeprefix("mixed_")
    assert policy.variable_dtype == "float32"
    assert policy.get_config() == {"name": name}


def test_the_global_policy_is_that_of_new_layers_under_all_of_its_names() -> None:
    before = layers.Dense(2)
    for setter in (mixed_precision.set_global_policy, gw.config.set_dtype_policy):
        setter("mixed_bfloat16")
        for read in (mixed_precision.global_policy, gw.config.dtype_policy):
            assert read().name == "mixed_bfloat16"
        assert gw.DTypePolicy().name == "mixed_bfloat16"
        assert layers.Dense(2).compute_dtype == "bfloat16"
        setter(mixed_precision.Policy("float32"))
    assert before.compute_dtype == layers.Dense(2).compute_dtype == "float32"


@pytest.mark.parametrize("name", ["mixed_int8", "mixed_float32", "mixed_"])
def test_there_is_no_other_mixture(name: str) -> None:
    with pytest.raises(ConfigError, match=f"mixed_bfloat16.*got name='{name}'"):
        mixed_precision.set_global_policy(name)
    assert mixed_precision.global_policy().name == "float32"


def test_an_element_type_must_be_one() -> None:
    with pytest.raises(DTypeError):
        layers.Dense(2, dtype="float33")


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        pytest.param(policy, told, id=f"{policy}-{i}-{told['layer']}")
        for policy, table in KERAS["policies"].items()
        for i, told in enumerate(table)
    ],
)
def test_element_types_are_those_of_keras(policy: str, told: dict) -> None:
    mixed_precision.set_global_policy(policy)
    layer = getattr(layers, told["layer"])(**told["settings"])
    kind = "int32" if told["input"] == "places" else "float32"
    y = layer(np.ones(KERAS["inputs"][told["input"]], kind))
    assert y.dtype == told["output"]
    assert {w.name: str(w.dtype) for w in layer.weights} == told["weights"]
    for name in ("dtype", "compute_dtype", "variable_dtype"):
        assert getattr(layer, name) == told[name]
    assert layer.dtype_policy.name == told["dtype_policy"]


class Seen(layers.Layer):
    """Notes in which element types an op reads two weights, one of them without autocast."""

    def build(self, input_shape):
        self.follows = self.add_weight((3,), "ones", name="follows")
        self.stays = self.add_weight((3,), "ones", name="stays", autocast=False)

    def call(self, x):
        self.seen = [str((one * 1.0).dtype) for one in (self.follows, self.stays)]
        self.seen += [str(one.T.dtype) for one in (self.follows, self.stays)]
        self.seen.append(str(ops.cast(self.follows, "float64").dtype))
        return x * self.follows


def test_ops_read_weights_in_the_type_of_the_computation_unless_told_otherwise() -> None:
    layer = Seen(dtype="mixed_bfloat16")
    y = layer(np.ones((2, 3), "float32"))
    assert layer.seen == ["bfloat16", "float32", "bfloat16", "float32", "float64"]
    assert y.dtype == "bfloat16"
    assert (layer.follows * 1.0).dtype == "float32"  # outside of the call as they are


def test_a_layer_inside_another_computes_by_its_own_policy() -> None:
    class Outer(layers.Layer):
        def __init__(self):
            super().__init__(dtype="mixed_bfloat16")
            self.inner = Seen(dtype="float32")

        def call(self, x):
            return self.inner(x)

    outer = Outer()
    assert outer(np.ones((2, 3), "float32")).dtype == "float32"
    assert outer.inner.seen[0] == "float32"


def test_a_layer_without_autocast_receives_and_reads_what_there_is() -> None:
    class Plain(Seen):
        def __init__(self):
            super().__init__(dtype="mixed_bfloat16", autocast=False)

    layer = Plain()
    assert layer(np.ones((2, 3), "float32")).dtype == "float32"
    assert layer.seen[0] == "float32"


def test_ops_that_normalize_read_gamma_as_it_is() -> None:
    class Normalizing(layers.Layer):
        def build(self, input_shape):
            self.gamma = self.add_weight((input_shape[-1],), "ones", name="gamma")

        def call(self, x):
            y, _, _ = ops.batch_norm(x, self.gamma)
            y = ops.batch_norm_inference(y, gg.zeros((4,)), gg.ones((4,)), self.gamma)
            y = ops.group_norm(ops.layer_norm(y, self.gamma), self.gamma, groups=2)
            return ops.rms_norm(y, self.gamma)

    layer = Normalizing(dtype="mixed_bfloat16")
    y = layer(np.random.default_rng(0).normal(size=(6, 5, 4)).astype("float32"))
    y.sum().backward()
    assert (y.dtype, layer.gamma.grad.dtype) == ("bfloat16", "float32")


def test_a_gradient_inside_of_a_call_reads_weights_as_they_are() -> None:
    class Inner(layers.Layer):
        def build(self, input_shape):
            self.gamma = self.add_weight((4,), "ones", name="gamma")

        def call(self, x):
            y, _, _ = ops.batch_norm(x, self.gamma)
            (found,) = gg.grad((y * y).sum(), [self.gamma])
            self.seen = str(found.dtype)
            return x

    layer = Inner(dtype="mixed_bfloat16")
    layer(np.random.default_rng(0).normal(size=(6, 4)).astype("float32"))
    assert layer.seen == "float32"


def test_the_policy_of_a_layer_can_be_set_later() -> None:
    layer = layers.Dense(2)
    x = np.ones((2, 3), "float32")
    assert layer(x).dtype == "float32"
    layer.dtype_policy = "mixed_bfloat16"
    assert (layer(x).dtype, layer.kernel.dtype, layer.dtype) == ("bfloat16", "float32", "float32")


def test_symbols_have_the_types_that_values_will_have() -> None:
    mixed_precision.set_global_policy("mixed_bfloat16")
    entrance = gw.Input((4,))
    middle = layers.Dense(3)(entrance)
    exit_ = layers.Dense(2, dtype="float32")(middle)
    assert [str(one.dtype) for one in (entrance, middle, exit_)] == [
        "float32", "bfloat16", "float32",
    ]  # fmt: skip


def test_a_model_of_layers_leaves_the_conversion_to_them() -> None:
    mixed_precision.set_global_policy("mixed_bfloat16")
    exact = gw.Sequential([gw.Input((1,)), layers.Rescaling(1.0, dtype="float32")])
    x = np.float32([[1 + 2**-12]])
    assert exact(x).numpy() == x  # bfloat16 would have lost the last bits


def test_a_gradient_arrives_in_the_type_of_the_weight_and_is_summed_in_it() -> None:
    """257 ones are 257 in float32; bfloat16 knows 256 and 258 alone."""
    x = np.ones((257, 1), "float32")
    pictures = np.ones((257, 1, 1, 1), "float32")
    for layer, given in (
        (layers.Dense(1, use_bias=False, dtype="mixed_bfloat16"), x),
        (layers.Conv2D(1, 1, use_bias=False, dtype="mixed_bfloat16"), pictures),
        (layers.DepthwiseConv2D(1, use_bias=False, dtype="mixed_bfloat16"), pictures),
        (layers.Conv2DTranspose(1, 1, use_bias=False, dtype="mixed_bfloat16"), pictures),
    ):
        y = layer(given)
        y.backward(gg.ones(y.shape, dtype="bfloat16"))
        (weight,) = layer.weights
        assert weight.grad.dtype == "float32"
        assert weight.grad.numpy().item() == 257, type(layer).__name__


def test_a_weight_that_two_layers_share_gathers_its_gradient_in_float32() -> None:
    first = layers.Dense(1, use_bias=False, dtype="mixed_bfloat16")
    second = layers.Dense(1, use_bias=False, dtype="mixed_bfloat16")
    large, small = np.full((1, 1), 256, "float32"), np.ones((1, 1), "float32")
    first(large), second(small)
    second.kernel = first.kernel
    (first(large) + second(small)).sum().backward()
    assert first.kernel.grad.numpy().item() == 257


def test_policies_of_one_name_are_equal() -> None:
    assert gw.DTypePolicy("mixed_float16") == gw.DTypePolicy("mixed_float16")
    assert gw.DTypePolicy("float16") != gw.DTypePolicy("mixed_float16")
    assert len({gw.DTypePolicy("float16"), gw.DTypePolicy("float16")}) == 1
