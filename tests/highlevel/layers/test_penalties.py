"""What `losses` lists, and until when: the rules of Keras' guide on layers of one's own."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np

import graftgrad
import graftwork as gw
from graftwork import layers, ops


class Rate(layers.Layer):
    def __init__(self, rate: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate

    def call(self, x: Any) -> Any:
        self.add_loss(self.rate * ops.mean(x))
        return x


class Outer(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Rate()
        self.dense = layers.Dense(2, kernel_regularizer="l2")

    def call(self, x: Any) -> Any:
        return self.dense(self.inner(self.inner(x)))


def test_losses_of_a_call_count_until_the_next() -> None:
    layer = Outer()
    assert layer.losses == []
    for _ in range(2):
        layer(ops.ones((1, 3)))
        weight = 0.01 * (layer.dense.kernel.numpy() ** 2).sum()
        found = [float(one) for one in layer.losses]
        np.testing.assert_allclose(found, [0.5, 0.5, weight], rtol=1e-6)
    assert [float(one) for one in layer.inner.losses] == [0.5, 0.5]
    layer.inner(ops.ones((1, 3)))  # called on its own: its two are forgotten
    assert len(layer.losses) == 2


def test_a_loop_of_ones_own_trains_with_them() -> None:
    layer, optimizer = Rate(2.0), gw.optimizers.SGD(0.1)
    model = gw.Sequential([gw.Input((3,)), layers.Dense(3, use_bias=False), layer])
    x = np.eye(3, dtype="float32")
    before = model.layers[0].kernel.numpy()
    model(x, training=True)
    loss = sum(model.losses)
    loss.backward()
    optimizer.apply([w.grad for w in model.trainable_weights], model.trainable_weights)
    np.testing.assert_allclose(model.layers[0].kernel.numpy(), before - 0.1 * 2 / 9, rtol=1e-5)


def test_a_step_of_ones_own_sees_those_of_each_part() -> None:
    class Pair(gw.Model):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = Rate(1.0), Rate(3.0)

        def call(self, x: Any) -> Any:
            return self.a(x)

        def train_step(self, data: Any) -> Any:
            x = data[0]
            self.a(x)
            self.b(self.b(x))
            return {"a": sum(self.a.losses), "b": sum(self.b.losses), "all": sum(self.losses)}

    model = Pair()
    model.compile("sgd")
    for _ in range(4):  # eager, recorded and replayed
        found = model.train_on_batch(np.ones((2, 2), "float32"), return_dict=True)
        assert found == {"a": 1.0, "b": 3.0, "all": 4.0}


def test_they_do_not_outlive_the_layer_nor_a_step() -> None:
    gc.disable()
    try:
        layer = Rate()
        layer(graftgrad.ones(2, 2, requires_grad=True))
        gone = weakref.ref(layer.losses[0])
        del layer
        assert gone() is None
    finally:
        gc.enable()
    model = gw.Sequential([gw.Input((2,)), layers.Dense(2), Rate()])
    model.compile("sgd", "mse")
    model.fit(np.ones((8, 2)), np.ones((8, 2)), verbose=0)
    assert model.losses == []
