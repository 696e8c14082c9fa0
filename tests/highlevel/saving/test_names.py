"""The paths of a weight inside and outside, and the orders of axes."""

from typing import Any

import numpy as np
import pytest

from graftwork import layers
from graftwork.models import Model, Sequential
from graftwork.saving.names import Axes, groups, places


class Block(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = layers.Conv2D(2, 1)
        self.zeta = [layers.Dense(2), [layers.Dense(2), layers.Dense(2)], layers.Dense(2)]
        self.down = [layers.Dense(2)]

    def call(self, x: Any) -> Any:
        x = self.down[0](self.conv1(x))
        for one in (self.zeta[0], *self.zeta[1], self.zeta[2]):
            x = one(x)
        return x


class Net(Model):
    def __init__(self) -> None:
        super().__init__()
        self.stem = layers.Dense(2)
        self.blocks = [Block(), Block()]
        self.conv = layers.Conv2D(2, 1)
        self.named = layers.Dense(2)

    def call(self, x: Any) -> Any:
        x = self.stem(self.conv(x))
        for block in self.blocks:
            x = block(x)
        return self.named(x)


def test_keras_walks_attributes_and_lists() -> None:
    model = Net()
    model.build((None, 4, 4, 2))
    paths = [group.path for group in groups(model) if group.weights]
    # Attributes in the order of the alphabet; after "layers" nothing is left to visit.
    assert paths == [
        "blocks/block/conv1",
        "blocks/block/down/dense",
        "blocks/block/zeta/dense",
        "blocks/block/zeta/dense_1",
        "blocks/block/zeta/container/dense",
        "blocks/block/zeta/container/dense_1",
        "blocks/block_1/conv1",
        "blocks/block_1/down/dense",
        "blocks/block_1/zeta/dense",
        "blocks/block_1/zeta/dense_1",
        "blocks/block_1/zeta/container/dense",
        "blocks/block_1/zeta/container/dense_1",
        "conv",
        "layers/dense",
        "layers/dense_1",
    ]


def test_keras_counts_classes_and_lists_weightless_layers() -> None:
    model = Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(2, 3),
            layers.ReLU(),
            layers.Conv2D(2, 3),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(2),
        ]
    )
    assert [group.path for group in groups(model)] == [
        "",
        "layers/conv2d",
        "layers/re_lu",
        "layers/conv2d_1",
        "layers/re_lu_1",
        "layers/flatten",
        "layers/dropout",
        "layers/dropout/seed_generator",
        "layers/dense",
    ]


def test_pytorch_names_follow_attributes_and_places() -> None:
    inner = Sequential([layers.Dense(3), layers.ReLU(), layers.BatchNormalization()], name="inner")

    class Own(Model):
        def __init__(self) -> None:
            super().__init__()
            self.layer1 = [inner]
            self.fc = layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.fc(self.layer1[0](x))

    model = Own()
    model.build((None, 4))
    found = {place.path: place.torch[0] for place in places(model)}
    prefix = f"layer1/0/{inner.layers[2].name}"
    assert found[f"layer1/0/{inner.layers[0].name}/kernel"] == "layer1.0.0.weight"
    assert found[f"{prefix}/gamma"] == "layer1.0.2.weight"
    assert found[f"{prefix}/beta"] == "layer1.0.2.bias"
    assert found[f"{prefix}/moving_mean"] == "layer1.0.2.running_mean"
    assert found[f"{prefix}/moving_variance"] == "layer1.0.2.running_var"
    assert found["fc/bias"] == "fc.bias"


def test_a_models_own_rules_come_first() -> None:
    inputs = layers.Input((4,))
    model = Model(inputs, layers.Dense(2, name="head")(layers.Dense(3, name="stem")(inputs)))
    model.name_rules = {"features.0": "stem", "out.w": "head/kernel"}
    found = {place.path: place.torch for place in places(model)}
    assert found["stem/kernel"] == ("features.0.weight", "stem.weight")
    assert found["head/kernel"] == ("out.w", "head.weight")
    assert found["head/bias"] == ("head.bias",)


def test_two_weights_of_one_name_have_paths_of_their_own() -> None:
    class Pair(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.a, self.b = self.add_weight((2,)), self.add_weight((3,))

        def call(self, x: Any) -> Any:
            return x

    model = Sequential([layers.Input((2,)), Pair(name="pair")])
    assert [place.path for place in places(model)] == ["pair/variable", "pair/variable_1"]


@pytest.mark.parametrize(
    ("ours", "theirs", "shape", "outside"),
    [
        ("A B C O", "O C A B", (3, 2, 4, 5), (5, 4, 3, 2)),
        ("A B C M", "(CM) 1 A B", (3, 2, 4, 2), (8, 1, 3, 2)),
        ("A B O C", "C O A B", (3, 2, 5, 4), (4, 5, 3, 2)),
        ("D K", "K D", (4, 3), (3, 4)),
        ("1 1 C", "C", (1, 1, 6), (6,)),
    ],
)
def test_axes_there_and_back(
    ours: str, theirs: str, shape: tuple[int, ...], outside: tuple[int, ...]
) -> None:
    axes = Axes(ours, theirs)
    array = np.arange(np.prod(shape)).reshape(shape)
    assert axes.fits(shape) and axes.outside(shape) == outside
    there = axes.outward(array)
    assert there.shape == outside
    np.testing.assert_array_equal(axes.inward(there, shape), array)


def test_depthwise_filters_are_those_of_pytorch() -> None:
    # PyTorch's filter number c·M + m belongs to input channel c.
    array = np.arange(2 * 2 * 3 * 2).reshape(2, 2, 3, 2)
    there = Axes("A B C M", "(CM) 1 A B").outward(array)
    for channel in range(3):
        for m in range(2):
            np.testing.assert_array_equal(there[channel * 2 + m, 0], array[:, :, channel, m])
