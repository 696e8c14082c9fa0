"""Networks with frozen parts, and fits on kept features held against fits without."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

import graftgrad
import graftwork as gw
from graftgrad import ops
from graftwork import callbacks, layers
from graftwork.training.prefix import Prefix

DRAWN = np.random.default_rng(21)
X = DRAWN.normal(size=(37, 6)).astype("float32")
Y = DRAWN.integers(0, 3, 37)
WEIGHTS = DRAWN.uniform(0.5, 2.0, 37).astype("float32")
NEAR = {"rtol": 1e-4, "atol": 1e-5}


class Probe(layers.Layer):
    """Hands its input on, scaled, and counts the samples that it sees."""

    per_sample = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seen: list[int] = []

    def call(self, x: Any) -> Any:
        if x.device.computes:
            self.seen.append(x.shape[0])
        return x * 2.0


def base(*more: Any, name: str = "base") -> Any:
    return gw.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(8, activation="tanh", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            *more,
            layers.Dense(5, activation="relu"),
        ],
        name=name,
    )


def network(
    below: Any = None, head: Any = (), seed: int = 1, before: Any = (), frozen: bool = True
) -> Any:
    """A base, frozen, and a head with dropout, normalisation and momentum."""
    gw.set_random_seed(seed)
    part = base() if below is None else below()
    part.trainable = not frozen
    model = gw.Sequential(
        [
            *[make() for make in before],
            part,
            *[make() for make in head],
            layers.Dropout(0.3),
            layers.Dense(4, activation="tanh"),
            layers.BatchNormalization(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    compiled(model)
    return model


def compiled(model: Any) -> None:
    model.compile(
        gw.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy",
        metrics=["accuracy"], weighted_metrics=["accuracy"],
    )  # fmt: skip


def values(model: Any) -> list[Any]:
    return [np.array(one) for one in model.get_weights()]


def trained(make: Callable[[], Any], keep: Any, x: Any, y: Any = None, **settings: Any) -> Any:
    """Weights and history of a fit."""
    model = make()
    x = x() if callable(x) else x
    listen = settings.pop("listen", lambda model: [])
    history = model.fit(
        x, y, epochs=settings.pop("epochs", 3), verbose=0, cache_frozen=keep,
        callbacks=listen(model), **settings,
    )  # fmt: skip
    return values(model), history.history


def held_against(
    make: Callable[[], Any], x: Any, y: Any = None, exact: bool = False, keep: Any = True,
    **settings: Any,
) -> None:  # fmt: skip
    """A fit on kept features ends where one without ends."""
    ours, theirs = (trained(make, way, x, y, **settings) for way in (keep, False))
    assert ours[1].keys() == theirs[1].keys()
    for a, b in zip(ours[0], theirs[0], strict=True):
        np.testing.assert_allclose(a, b, **({"rtol": 0, "atol": 0} if exact else NEAR))
    for name, told_values in ours[1].items():
        np.testing.assert_allclose(
            told_values, theirs[1][name], **({"rtol": 0, "atol": 0} if exact else NEAR)
        )


class Watch(callbacks.Callback):
    """Looks at what is kept before every batch."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[Any] = []
        self.notes: list[str] = []
        self.in_file: list[bool] = []
        self.keepers: list[Any] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        keeper = self.model.feature_keeper
        keeps = keeper is not None and keeper.prefix is not None and keeper.source is not None
        self.names.append(keeper.prefix.names if keeps else None)
        self.notes.append("" if keeper is None else keeper.note)
        self.keepers.append(keeper)
        if keeper is not None:
            self.in_file += [one.in_file for one in keeper.kept.values()]


def watched(model: Any, x: Any = X, y: Any = Y, **settings: Any) -> Watch:
    watch = Watch()
    more = settings.pop("callbacks", [])
    model.fit(x, y, verbose=0, callbacks=[*more, watch], **{"epochs": 3, **settings})
    return watch


def two_inputs() -> Any:
    gw.set_random_seed(2)
    left, right = layers.Input((6,), name="left"), layers.Input((2,), name="right")
    part = base()
    part.trainable = False
    joined = layers.Concatenate()([part(left), layers.Dense(2)(right)])
    outputs = {
        "yes": layers.Dense(1, activation="sigmoid", name="yes")(joined),
        "kind": layers.Dense(3, activation="softmax", name="kind")(joined),
    }
    model = gw.Model({"left": left, "right": right}, outputs)
    model.compile("adam", {"yes": "binary_crossentropy", "kind": "sparse_categorical_crossentropy"})
    return model


def names(model: Any, x: Any = X) -> list[str]:
    found = Prefix(model, graftgrad.as_tensor(x[:2])).names
    return [re.sub(r"_\d+$", "", name) for name in found]


def at(moment: tuple[int, int | None], act: Callable[[Any], None]) -> Callable[[Any], list[Any]]:
    """Act on a model at the beginning of an epoch, or of one of its batches."""

    def listen(model: Any) -> list[Any]:
        epochs: list[int] = []

        def epoch_begins(epoch: int, logs: Any) -> None:
            epochs.append(epoch)
            if moment == (epoch, None):
                act(model)

        def batch_begins(batch: int, logs: Any) -> None:
            if moment == (epochs[-1], batch):
                act(model)

        return [
            callbacks.LambdaCallback(on_epoch_begin=epoch_begins, on_train_batch_begin=batch_begins)
        ]

    return listen


def thaw(model: Any) -> None:
    model.layers[0].trainable = True


class Own(gw.Model):
    """A model with a body of its own: computations between the layers, and a weight in it."""

    per_sample = True

    def __init__(self) -> None:
        super().__init__()
        self.below = base()
        self.scale = self.add_weight((5,), "ones", name="scale")
        self.noise = layers.GaussianNoise(0.1)
        self.head = layers.Dense(3, activation="softmax")

    def call(self, x: Any, training: bool = False) -> Any:
        y = ops.tanh(self.below(x * 0.5))
        if training:
            y = self.noise(y, training=training)
        return self.head(ops.relu(y) + y * self.scale)


def own(kind: Any = Own) -> Any:
    gw.set_random_seed(5)
    model = kind()
    model.below.trainable = False
    compiled(model)
    return model
