"""The freezing contract: read at every step, free of state, bit for bit, told, and free of work."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad.node import Node
from graftwork import layers, optimizers

DRAWN = np.random.default_rng(11)
X = DRAWN.normal(size=(24, 5)).astype("float32")
Y = DRAWN.integers(0, 3, 24)


def by_layer(part: Any, trained: bool) -> None:
    """Keras' idiom."""
    part.trainable = trained


def by_parameter(part: Any, trained: bool) -> None:
    """PyTorch's idiom."""
    for parameter in part.parameters():
        parameter.requires_grad = trained


IDIOMS = pytest.mark.parametrize(
    "put", [by_layer, by_parameter], ids=["trainable", "requires_grad"]
)


def several() -> Any:
    """Return an optimizer for matrices and another for everything else."""
    matrices, rest = optimizers.Adam(0.02, weight_decay=0.1), optimizers.SGD(0.1, momentum=0.9)
    return optimizers.MultiOptimizer(lambda weight: matrices if weight.ndim == 2 else rest)


OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "sgd": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "adam": lambda: optimizers.Adam(0.02, weight_decay=0.1, amsgrad=True),
    "adamw": lambda: optimizers.AdamW(0.02, weight_decay=0.2, clipnorm=0.5),
    "adamax": lambda: optimizers.Adamax(0.02, weight_decay=0.1),
    "nadam": lambda: optimizers.Nadam(0.02, weight_decay=0.1),
    "lion": lambda: optimizers.Lion(0.01, weight_decay=0.1),
    "rmsprop": lambda: optimizers.RMSprop(0.02, momentum=0.5, centered=True, weight_decay=0.1),
    "adagrad": lambda: optimizers.Adagrad(0.1, weight_decay=0.1),
    "adadelta": lambda: optimizers.Adadelta(1.0, weight_decay=0.1),
    "ftrl": lambda: optimizers.Ftrl(0.1, weight_decay=0.1),
    "lamb": lambda: optimizers.Lamb(0.02, weight_decay=0.1),
    "adafactor": lambda: optimizers.Adafactor(0.02, weight_decay=0.1),
    "muon": lambda: optimizers.Muon(0.02, weight_decay=0.1),
    "schedule-free": lambda: optimizers.ScheduleFreeAdamW(0.02, weight_decay=0.1),
    "scaled": lambda: optimizers.LossScaleOptimizer(optimizers.SGD(0.1, momentum=0.9)),
    "several": several,
    "averages": lambda: optimizers.SGD(
        0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2
    ),
    "clipped": lambda: optimizers.SGD(0.1, momentum=0.9, global_clipnorm=0.1, weight_decay=0.1),
    "valued": lambda: optimizers.SGD(0.1, clipvalue=0.01, weight_decay=0.1),
    "gathered": lambda: optimizers.SGD(0.1, momentum=0.9, gradient_accumulation_steps=2),
}
EVERY = pytest.mark.parametrize("name", OPTIMIZERS)


def network(optimizer: Any = "sgd") -> Any:
    """A backbone with normalisation and state, and a head."""
    gw.set_random_seed(2)
    backbone = gw.Sequential(
        [
            layers.Input((5,)),
            layers.Dense(7, activation="tanh", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dense(4, activation="relu"),
        ],
        name="backbone",
    )
    head = layers.Dense(3, activation="softmax", name="head")
    model = gw.Sequential([backbone, head])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def step(model: Any, count: int = 1) -> None:
    for _ in range(count):
        model.train_on_batch(X, Y)


def snapshot(part: Any) -> list[bytes]:
    return [weight.numpy().tobytes() for weight in part.weights]


def nodes(root: Any) -> Iterator[Node]:
    """Every node of a graph once."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Node) and id(node) not in seen:
            seen.add(id(node))
            yield node
            waiting += [edge[0] for edge in node.edges if edge is not None]


def test_every_optimizer_is_held_to_the_contract() -> None:
    tried = {type(make()).__name__ for make in OPTIMIZERS.values()}
    exist = {
        name
        for name, kind in vars(optimizers).items()
        if isinstance(kind, type) and issubclass(kind, optimizers.Optimizer)
    }
    assert exist - {"Optimizer"} == tried


# -- 1: read at every step -----------------------------------------------------------------------


@IDIOMS
@EVERY
def test_freezing_and_thawing_take_effect_at_the_next_step(name: str, put: Any) -> None:
    model = network(OPTIMIZERS[name]())
    backbone, head = model.layers
    step(model, 2)
    for _ in range(2):
        put(backbone, False)
        frozen, moved = snapshot(backbone), snapshot(head)
        step(model, 4)
        assert snapshot(backbone) == frozen
        assert snapshot(head) != moved
        put(backbone, True)
        step(model, 4)
        now = snapshot(backbone)
        assert all(before != after for before, after in zip(frozen, now, strict=True))


def test_a_callback_may_thaw_between_epochs_and_batches() -> None:
    model = network(optimizers.Adam(0.01))
    backbone = model.layers[0]
    backbone.trainable = False
    begun = snapshot(backbone)
    seen: list[bool] = []

    class Thaw(gw.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(snapshot(backbone) == begun)
            backbone.trainable = len(seen) == 3

    model.fit(X, Y, batch_size=6, epochs=2, callbacks=[Thaw()], verbose=0)
    assert seen == [True, True, True, False, False, False, False, False]


# -- 2: thawed parameters are accepted, other state is kept --------------------------------------


# a norm of all gradients together ties the parts of a model to each other
@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "clipped"])
@IDIOMS
def test_freezing_one_part_changes_nothing_in_the_training_of_another(name: str, put: Any) -> None:
    """Of two towers without a common layer one is frozen for a while; the other never notices."""

    def towers(freeze: bool) -> list[bytes]:
        gw.set_random_seed(5)
        entrance = layers.Input((5,))
        left = layers.Dense(3, activation="softmax", name="left")(entrance)
        right = layers.Dense(3, activation="softmax", name="right")(entrance)
        model = gw.Model(entrance, [left, right])
        model.compile(OPTIMIZERS[name](), "sparse_categorical_crossentropy")
        for frozen in (False, True, False):
            put(model.get_layer("right"), not (frozen and freeze))
            for _ in range(4):
                model.train_on_batch(X, [Y, Y])
        return snapshot(model.get_layer("left"))

    assert towers(freeze=True) == towers(freeze=False)


@IDIOMS
def test_momentum_of_a_part_is_kept_while_it_is_frozen(put: Any) -> None:
    model = network(optimizers.SGD(0.1, momentum=0.9))
    backbone = model.layers[0]
    step(model, 3)
    put(backbone, False)
    step(model, 3)
    put(backbone, True)
    before = backbone.layers[0].kernel.numpy()
    with graftgrad.no_grad():  # with gradients of zero only what was kept can move the weights
        model.optimizer.apply([graftgrad.zeros_like(w) for w in backbone.trainable_weights],
                              backbone.trainable_weights)  # fmt: skip
    assert not np.array_equal(before, backbone.layers[0].kernel.numpy())


@IDIOMS
def test_what_was_frozen_from_the_beginning_can_be_thawed(put: Any) -> None:
    model = network(optimizers.Adam(0.05))
    backbone = model.layers[0]
    put(backbone, False)
    step(model, 3)
    frozen = snapshot(backbone)
    put(backbone, True)
    step(model, 1)
    assert all(before != after for before, after in zip(frozen, snapshot(backbone), strict=True))


# -- 3: inference form ---------------------------------------------------------------------------


@IDIOMS
def test_a_frozen_part_runs_in_inference_form(put: Any) -> None:
    gw.set_random_seed(1)
    model = gw.Sequential([layers.Input((5,)), layers.BatchNormalization(), layers.Dense(2)])
    normalization = model.layers[0]
    normalization.moving_mean.assign(np.full(5, 3.0))
    put(normalization, False)
    assert np.array_equal(np.array(model(X, training=True).detach()), model.predict(X, verbose=0))
    put(normalization, True)
    assert not np.allclose(np.array(model(X, training=True).detach()), model.predict(X, verbose=0))


@IDIOMS
def test_statistics_stay_while_the_normalization_is_frozen_and_move_again_after(put: Any) -> None:
    model = network()
    normalization = model.layers[0].layers[1]
    put(normalization, False)
    mean, variance = normalization.moving_mean.numpy(), normalization.moving_variance.numpy()
    step(model, 3)
    assert np.array_equal(mean, normalization.moving_mean.numpy())
    assert np.array_equal(variance, normalization.moving_variance.numpy())
    put(normalization, True)
    step(model)
    assert not np.array_equal(mean, normalization.moving_mean.numpy())


# -- 4: bit for bit ------------------------------------------------------------------------------


@IDIOMS
@EVERY
def test_frozen_weights_and_statistics_are_identical_after_many_steps(name: str, put: Any) -> None:
    model = network(OPTIMIZERS[name]())
    backbone = model.layers[0]
    step(model, 3)  # momentum and averages of the backbone exist
    put(backbone, False)
    frozen = snapshot(backbone)
    model.fit(X, Y, batch_size=5, epochs=6, validation_split=0.25, verbose=0)
    assert snapshot(backbone) == frozen


@IDIOMS
@EVERY
def test_a_gradient_that_somebody_left_moves_nothing(name: str, put: Any) -> None:
    model = network(OPTIMIZERS[name]())
    backbone = model.layers[0]
    step(model)
    put(backbone, False)
    for weight in backbone.parameters():
        weight.grad = graftgrad.zeros_like(weight) + 1.0
    frozen = snapshot(backbone)
    step(model, 3)
    assert snapshot(backbone) == frozen


@IDIOMS
def test_a_single_weight_can_be_frozen(put: Any) -> None:
    model = network(optimizers.Adam(0.05, weight_decay=0.1))
    dense = model.layers[0].layers[0]
    dense.kernel.trainable = False
    kernel, bias = dense.kernel.numpy(), dense.bias.numpy()
    step(model, 3)
    assert np.array_equal(kernel, dense.kernel.numpy())
    assert not np.array_equal(bias, dense.bias.numpy())


# -- 5: told -------------------------------------------------------------------------------------


@IDIOMS
def test_fit_tells_first_what_is_frozen(put: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def first_line(model: Any) -> str:
        model.fit(X, Y, verbose=1)
        return capsys.readouterr().out.splitlines()[0]

    model = network()
    backbone = model.layers[0]
    assert first_line(model) == "Training all 103 parameters."
    put(backbone, False)
    assert first_line(model) == "Training 15 of 103 parameters. Frozen: backbone (88)."
    put(backbone.layers[2], True)
    assert first_line(model) == "Training 47 of 103 parameters. Half frozen: backbone (56 of 88)."
    put(model, False)
    assert first_line(model).endswith("Nothing will change: every parameter is frozen.")


def test_a_model_that_is_built_by_its_first_batch_is_reported_then(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = gw.Sequential([layers.Dense(4, trainable=False, name="below"), layers.Dense(3)])
    model.compile("sgd", "mse")
    model.fit(X, DRAWN.normal(size=(24, 3)), verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Training 15 of 39 parameters. Frozen: below (24)."
    assert lines[1].startswith("Epoch 1/1")


@IDIOMS
def test_summary_shows_what_is_trained_frozen_and_half_frozen(put: Any) -> None:
    model = network()
    backbone = model.layers[0]
    put(backbone, False)
    put(backbone.layers[2], True)
    told: list[str] = []
    model.summary(print_fn=told.append, show_trainable=True, expand_nested=True)
    text = "\n".join(told)

    def row(name: str) -> str:
        return next(line for line in text.splitlines() if name in line)

    assert "half: 32 of 88" in row("backbone")
    assert row("(BatchNormalization)").rstrip(" │").endswith("no")
    assert row("head").rstrip(" │").endswith("yes")
    assert "Trainable params: 47" in text
    assert "frozen 56, state 14" in text


# -- 6: work saved -------------------------------------------------------------------------------


def activations_kept(model: Any) -> tuple[int, set[int]]:
    """Run forward as a training step does; count nodes and arrays they keep that are no weights."""
    loss = model.compute_loss(X, graftgrad.tensor(Y), model(X, training=True))
    own = {id(weight.array) for weight in model.weights}
    walked = list(nodes(loss.grad_fn))
    kept = {id(array) for node in walked for _, array in node.kept_arrays()} - own
    return len(walked), kept


@IDIOMS
def test_a_frozen_part_costs_no_node_and_keeps_no_activation(put: Any) -> None:
    model = network()
    backbone = model.layers[0]
    nodes_before, kept_before = activations_kept(model)
    put(backbone, False)
    nodes_after, kept_after = activations_kept(model)

    alone = gw.Sequential([layers.Input((4,)), layers.Dense(3, activation="softmax")])
    alone.compile("sgd", "sparse_categorical_crossentropy")
    features = graftgrad.as_tensor(backbone.predict(X, verbose=0))
    loss = alone.compute_loss(features, graftgrad.tensor(Y), alone(features, training=True))
    only_head = list(nodes(loss.grad_fn))
    own = {id(weight.array) for weight in alone.weights}
    kept_alone = {id(array) for node in only_head for _, array in node.kept_arrays()} - own
    assert nodes_after == len(only_head) < nodes_before
    assert len(kept_after) == len(kept_alone) < len(kept_before)


@IDIOMS
def test_the_graph_of_a_frozen_step_does_not_reach_the_frozen_part(put: Any) -> None:
    model = network()
    backbone, head = model.layers
    put(backbone, False)
    prediction = model(X, training=True)
    reached = {id(edge[0]) for node in nodes(prediction.grad_fn) for edge in node.edges if edge}
    assert {id(weight) for weight in head.parameters()} <= reached
    assert not reached & {id(weight) for weight in backbone.weights}
    assert backbone(X, training=True).grad_fn is None


@IDIOMS
def test_a_frozen_part_gets_no_gradient(put: Any) -> None:
    model = network()
    backbone, head = model.layers
    put(backbone, False)
    loss = model.compute_loss(X, graftgrad.tensor(Y), model(X, training=True))
    loss.backward()
    assert all(weight.grad is None for weight in backbone.weights)
    assert all(weight.grad is not None for weight in head.parameters())


@IDIOMS
def test_below_a_frozen_part_gradients_flow_and_the_part_keeps_only_what_they_need(
    put: Any,
) -> None:
    gw.set_random_seed(8)
    first, middle = layers.Dense(4, name="first"), layers.Dense(4, name="middle")
    model = gw.Sequential(
        [layers.Input((5,)), first, middle, layers.Dense(3, activation="softmax")]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    put(middle, False)
    frozen, moved = snapshot(middle), snapshot(first)
    between = first(X)
    out = middle(between)
    assert all(array is not between.array for _, array in out.grad_fn.kept_arrays())
    step(model)
    assert snapshot(middle) == frozen
    assert snapshot(first) != moved
