"""A recorded step does what the eager one does, bit for bit, whatever is changed in between.

Every scenario trains twice, with and without `run_eagerly`; histories, weights and the state of the
optimizer must be equal. What a scenario says of plans keeps it from passing without any.
"""

import copy
import gc
import random
import re
import threading
import tracemalloc

import numpy as np
import pytest

import graftgrad as gg
import graftwork as gw
from graftgrad import ops
from graftgrad.errors import DataError
from graftwork import callbacks, constraints, layers, losses, metrics, optimizers, regularizers
from graftwork.registry import losses as known_losses
from graftwork.registry import metrics as known_metrics

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 6)).astype("float32")
T = RNG.normal(size=(64, 3)).astype("float32")
Y = RNG.integers(0, 3, 64)
ONE_HOT = np.eye(3, dtype="float32")[Y]
LOGITS = losses.SparseCategoricalCrossentropy(from_logits=True)


def network(**settings):
    gw.set_random_seed(7)
    return gw.Sequential(
        [
            gw.Input((6,)),
            layers.Dense(8, activation="relu", name="a", **settings),
            layers.Dense(3, name="b"),
        ]
    )


def noisy():
    gw.set_random_seed(7)
    return gw.Sequential(
        [
            gw.Input((6,)),
            layers.Dense(8, name="a"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.3, seed=3, name="drop"),
            layers.GaussianNoise(0.1, seed=2, name="noise"),
            layers.Dense(3, name="b"),
        ]
    )


class Own(gw.Model):
    def __init__(self):
        super().__init__()
        self.a = layers.Dense(8, activation="tanh")
        self.b = layers.Dense(3)
        self.alpha = 0.5
        self.items = [1.0]

    def call(self, x):
        return self.b(self.a(x)) * self.alpha * self.items[0]


def own(kind=Own):
    gw.set_random_seed(5)
    return kind()


class Between(callbacks.Callback):
    """Does something before every step; steps are counted from 0."""

    def __init__(self, do):
        super().__init__()
        self.do = do
        self.step = -1

    def on_train_batch_begin(self, batch, logs=None):
        self.step += 1
        self.do(self.model, self.step)


def trained(model, eager, optimizer="adam", loss="mse", y=T, do=None, epochs=7, seen=(), **fit):
    made = optimizer() if callable(optimizer) else optimizer
    model.compile(made, loss, metrics=fit.pop("metrics", ["mae"]), run_eagerly=eager)
    listeners = [*seen, *([Between(do)] if do else [])]
    history = model.fit(X, y, batch_size=16, epochs=epochs, verbose=0, shuffle=False,
                        callbacks=listeners, **fit)  # fmt: skip
    return [history.history, state(model)]


def state(model):
    kept = [v.numpy() for v in model.optimizer.variables]
    return [[w.numpy() for w in model.variables], kept]


def same(one, other, path=""):
    if isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            same(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), path
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            same(a, b, f"{path}[{i}]")
    else:
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other), err_msg=path)


def held(scenario, replayed=None, step="train_step"):
    """Hold a scenario against its eager run; `replayed` says whether plans must take part."""
    _, wanted = scenario(True)
    model, found = scenario(False)
    same(found, wanted)
    repeated = model.recorded.steps[step].replayed
    assert repeated > 0 if replayed in (True, None) else repeated == 0, model.recorded.report(False)
    return model


def changing(make, do, **settings):
    def scenario(eager):
        model = make()
        return model, trained(model, eager, do=do, **settings)

    return scenario


def nothing(model, step):
    pass


# -- rates, optimizers ---------------------------------------------------------------------------


OPTIMIZERS = {
    "momentum": lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "schedule": lambda: optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)),
    "function": lambda: optimizers.SGD(lambda: 0.05),
    "accumulation": lambda: optimizers.Adam(0.01, gradient_accumulation_steps=3),
    "averages": lambda: optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=4),
    "averages of sums": lambda: optimizers.Adam(
        0.01, use_ema=True, ema_overwrite_frequency=2, gradient_accumulation_steps=2
    ),
    "clipnorm": lambda: optimizers.Adam(0.01, clipnorm=0.05),
    "clipvalue": lambda: optimizers.Adam(0.01, clipvalue=0.01),
    "global_clipnorm": lambda: optimizers.Adam(0.01, global_clipnorm=0.05),
    "loss scale": lambda: optimizers.SGD(0.01, loss_scale_factor=8.0),
    "decay": lambda: optimizers.AdamW(0.01, weight_decay=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_an_optimizer_can_be_asked_for(name):
    held(changing(network, nothing, optimizer=OPTIMIZERS[name]))


@pytest.mark.parametrize("rule", [optimizers.Adam, optimizers.SGD, optimizers.Lion])
def test_a_loss_scale_that_finds_itself_is_repeated(rule):
    def broken(model, step):
        if step in (7, 15):  # the scale is so large that gradients overflow, and then halved
            model.optimizer.dynamic_scale.assign(3e38)

    def scaled():
        inner = rule(0.01, gradient_accumulation_steps=2 if rule is optimizers.Adam else None)
        return optimizers.LossScaleOptimizer(inner, 8.0, 3)

    model = held(changing(network, broken, optimizer=scaled))
    assert model.recorded.steps["train_step"].replayed > 10
    assert float(model.optimizer.dynamic_scale) not in (3e38, 8.0)
    left_out = model.batches_trained - int(model.optimizer.inner_optimizer.counter)
    assert left_out > 2


def test_every_optimizer():
    kinds = {
        kind
        for kind in vars(optimizers).values()
        if isinstance(kind, type) and issubclass(kind, optimizers.Optimizer)
    } - {optimizers.Optimizer, optimizers.MultiOptimizer, optimizers.LossScaleOptimizer}
    assert len(kinds) > 12
    for kind in sorted(kinds, key=lambda kind: kind.__name__):
        held(changing(network, nothing, optimizer=lambda kind=kind: kind(0.01), epochs=2))


def mapped():
    told = {".*bias": optimizers.Adam(0.01)}
    return optimizers.MultiOptimizer(optimizers.OptimizerMap(optimizers.SGD(0.01), told))


def test_an_optimizer_for_each_weight():
    held(changing(network, nothing, optimizer=mapped, epochs=2))


RATES = {
    "set": lambda m, n: setattr(m.optimizer, "learning_rate", 0.1 / (n + 1)),
    "assigned": lambda m, n: m.optimizer.learning_rate.assign(0.1 / (n + 1)),
}


@pytest.mark.parametrize("name", RATES)
def test_a_rate_that_changes_needs_no_new_plan(name):
    model = held(changing(network, RATES[name]))
    assert model.recorded.steps["train_step"].replayed >= 23


@pytest.mark.parametrize(
    "listener",
    [
        lambda: callbacks.ReduceLROnPlateau("loss", factor=0.3, patience=0, min_delta=10.0),
        lambda: callbacks.LearningRateScheduler(lambda epoch, rate: 0.01 * (epoch + 1)),
    ],
)
def test_callbacks_that_change_the_rate(listener):
    def scenario(eager):
        model = network()
        return model, trained(model, eager, seen=[listener()])

    held(scenario)


def at(**actions):
    """Do something before some steps: at(s12=lambda model: …)."""
    planned = {int(name[1:]): action for name, action in actions.items()}

    def do(model, step):
        if step in planned:
            planned[step](model)

    return do


def set_to(path, value):
    *way, last = path.split(".")

    def do(model):
        target = model
        for name in way:
            target = target.layers[int(name)] if name.isdigit() else getattr(target, name)
        setattr(target, last, value)

    return do


SETTINGS = {
    "beta": (network, at(s12=set_to("optimizer.beta_1", 0.5))),
    "decay": (network, at(s9=set_to("optimizer.weight_decay", 0.5))),
    "excluded": (
        network,
        at(
            s6=set_to("optimizer.weight_decay", 0.5),
            s14=lambda m: m.optimizer.exclude_from_weight_decay(var_names=["kernel"]),
            s20=lambda m: m.optimizer.excluded.add(m.layers[0].bias),
        ),
    ),
    "penalty": (
        lambda: network(kernel_regularizer=regularizers.L2(0.1)),
        at(
            s12=set_to("0.kernel_regularizer.l2", 0.5),
            s18=set_to("1.kernel.regularizer", regularizers.L1(0.3)),
            s24=set_to("1.kernel.constraint", constraints.MaxNorm(0.5)),
        ),
    ),
    "layers": (
        noisy,
        at(
            s7=set_to("2.rate", 0.8), s12=set_to("1.momentum", 0.1), s17=set_to("1.epsilon", 0.1),
            s22=set_to("0.activation", ops.tanh),
        ),
    ),
    "dropout switched off": (noisy, at(s13=set_to("2.trainable", False))),
    "attributes": (
        own,
        at(s12=set_to("alpha", 0.25), s20=lambda m: m.items.__setitem__(0, 2.0)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_are_changed_between_steps(name):
    make, do = SETTINGS[name]
    held(changing(make, do))


# -- weights -------------------------------------------------------------------------------------


def toggled(model, step):
    if step % 5 == 0:
        model.layers[0].trainable = not model.layers[0].trainable


def toggled_torch(model, step):
    if step % 5 == 0:
        kernel = model.layers[0].kernel
        kernel.requires_grad = not kernel.requires_grad


def alternately(model, step):
    model.layers[0].trainable = step % 2 == 0
    model.layers[-1].trainable = step % 2 == 1


def written(model, step):
    if step == 12:
        model.set_weights([np.full(w.shape, 0.1) for w in model.weights])
    if step % 7 == 3:
        model.layers[0].kernel.assign_sub(model.layers[0].kernel * 0.1)


@pytest.mark.parametrize("do", [toggled, toggled_torch, alternately, written])
@pytest.mark.parametrize("make", [network, noisy])
def test_weights_that_are_frozen_thawed_or_written(make, do):
    held(changing(make, do))


def test_a_frozen_weight_that_is_written_through_a_host_array():
    def make():
        model = network()
        model.layers[0].trainable = False
        return model

    held(changing(make, at(s15=lambda m: m.layers[0].kernel.detach().numpy().fill(0.1))))


def test_a_layer_in_the_place_of_another():
    def scenario(eager):
        model = own()
        found = [trained(model, eager)]
        model.b = layers.Dense(3)
        found.append(trained(model, eager))
        found.append(trained(model, eager, do=at(s14=lambda m: setattr(m, "b", layers.Dense(3)))))
        return model, found

    held(scenario)


def test_a_layer_that_is_taken_away():
    def scenario(eager):
        gw.set_random_seed(1)
        stack = [gw.Input((6,)), layers.Dense(3, name="a"), layers.Dense(3, name="b")]
        model = gw.Sequential(stack)
        found = [trained(model, eager), model.predict(X, verbose=0)]
        model.pop()
        return model, [*found, model.predict(X, verbose=0), trained(model, eager)]

    held(scenario)


def test_weights_of_a_file_in_the_middle_of_a_training(tmp_path):
    file = str(tmp_path / "kept.weights.h5")
    do = at(s8=lambda m: m.save_weights(file), s16=lambda m: m.load_weights(file))
    held(changing(network, do))


def test_a_copy_and_a_saved_model_record_anew(tmp_path):
    def scenario(eager):
        model = network()
        found = [trained(model, eager)]
        model.save(tmp_path / "model.keras")
        others = [copy.deepcopy(model), gw.load_model(tmp_path / "model.keras")]
        for other in others:
            assert not other.recorded.steps
            found.append(trained(other, eager))
        return model, [*found, state(model)]

    held(scenario)


# -- data ----------------------------------------------------------------------------------------


def test_batches_of_many_sizes_kinds_and_weights():
    def scenario(eager):
        model = network()
        model.compile("adam", LOGITS, metrics=["accuracy"], run_eagerly=eager)
        found = []
        for _ in range(5):
            for n in (5, 9, 16, 5, 1):
                weight = np.arange(9.0) if n == 9 else None
                found.append(model.train_on_batch(X[:n], Y[:n], sample_weight=weight))
            for kind in ("int64", "int32", "uint8", "float32"):
                found.append(model.train_on_batch(X[:9], Y[:9].astype(kind)))
            found.append(model.test_on_batch(X[:7], Y[:7, None]))
        return model, [found, state(model)]

    held(scenario)


def test_weights_of_classes_and_validation():
    held(changing(noisy, nothing, loss=LOGITS, y=Y, metrics=["accuracy"],
                  class_weight={0: 1.0, 1: 2.0, 2: 0.5},
                  validation_data=(X[:40], Y[:40])))  # fmt: skip


def test_one_array_twice_is_not_two():
    def scenario(eager):
        gw.set_random_seed(1)
        model = gw.Sequential([gw.Input((6,)), layers.Dense(6)])
        model.compile("sgd", "mse", run_eagerly=eager)
        found = []
        for _ in range(5):
            found += [model.train_on_batch(X[:8], X[:8]), model.train_on_batch(X[:8], X[8:16])]
        return model, [found, state(model)]

    held(scenario)


def test_several_inputs_and_outputs_by_name():
    def scenario(eager):
        gw.set_random_seed(3)
        p, q = gw.Input((6,), name="p"), gw.Input((3,), name="q")
        joined = layers.Concatenate()([layers.Dense(5)(p), q])
        outputs = {"u": layers.Dense(3, name="u")(joined), "v": layers.Dense(3, name="v")(joined)}
        model = gw.Model({"p": p, "q": q}, outputs)
        model.compile("adam", {"u": "mse", "v": LOGITS}, loss_weights={"u": 0.3, "v": 2.0},
                      metrics={"u": ["mae"], "v": ["accuracy"]}, run_eagerly=eager)  # fmt: skip
        history = model.fit({"p": X, "q": T}, {"u": T, "v": Y}, epochs=5, batch_size=16, verbose=0,
                            shuffle=False)  # fmt: skip
        return model, [history.history, state(model)]

    held(scenario)


def test_an_error_in_a_repeated_step_changes_nothing():
    def scenario(eager):
        model = network()
        model.compile("adam", LOGITS, metrics=["accuracy"], run_eagerly=eager)
        found = [model.train_on_batch(X[:9], Y[:9]) for _ in range(6)]
        before = state(model)
        wrong = Y[:9].copy()
        wrong[3] = 7
        with pytest.raises(DataError, match="label=7, position=3") as error:
            model.train_on_batch(X[:9], wrong)
        same(state(model), before)
        found += [str(error.value).splitlines()[0]]
        found += [model.train_on_batch(X[:9], Y[:9]) for _ in range(3)]
        return model, [found, state(model)]

    held(scenario)


def test_an_interrupted_training_goes_on():
    class Interrupt(callbacks.Callback):
        seen = 0

        def on_train_batch_end(self, batch, logs=None):
            self.seen += 1
            if self.seen == 17:
                raise KeyboardInterrupt

    def scenario(eager):
        model = network()
        with pytest.raises(KeyboardInterrupt):
            trained(model, eager, seen=[Interrupt()])
        history = model.fit(X, T, epochs=3, batch_size=16, verbose=0, shuffle=False)
        return model, [history.history, state(model)]

    held(scenario)


# -- losses and metrics --------------------------------------------------------------------------


def _made(kinds, base):
    chosen = {}
    for kind in dict.fromkeys(kinds.known.values()):
        if isinstance(kind, type) and issubclass(kind, base) and kind is not base:
            chosen[kind.__name__] = kind
    return chosen


def _target(name):
    if name == "CTC":
        return Y[:, None] % 2
    if "Sparse" in name or name in ("CategoricalGeneralizedCrossEntropy", "Circle"):
        return Y
    if any(part in name for part in ("Categorical", "F1", "FBeta", "R2")):
        return ONE_HOT
    if any(part in name for part in ("Binary", "Hinge", "Precision", "Recall", "AUC", "Dice",
                                     "Tversky", "True", "False", "Specificity",
                                     "Sensitivity")):  # fmt: skip
        return ONE_HOT
    return np.abs(T) + 0.1


LOSSES = sorted(set(_made(known_losses, losses.Loss)) - {"LossFunctionWrapper"})
METRICS = sorted(
    set(_made(known_metrics, metrics.Metric)) - {"MeanMetricWrapper", "Metric", "Mean", "Sum"}
)
ARGUMENTS = {
    "PrecisionAtRecall": (0.5,), "RecallAtPrecision": (0.5,), "SensitivityAtSpecificity": (0.5,),
    "SpecificityAtSensitivity": (0.5,), "MeanRelativeError": (np.ones(3, "float32"),),
    "IoU": (3, [0, 1]), "BinaryIoU": (), "MeanIoU": (3,), "OneHotIoU": (3, [0, 1]),
    "OneHotMeanIoU": (3,),
}  # fmt: skip


def softly(kind="softmax"):
    gw.set_random_seed(7)
    return gw.Sequential([gw.Input((6,)), layers.Dense(3, activation=kind, name="b")])


def in_time():
    gw.set_random_seed(7)
    return gw.Sequential([gw.Input((6,)), layers.Dense(8), layers.Reshape((4, 2))])


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss(name):
    kind = _made(known_losses, losses.Loss)[name]

    def scenario(eager):
        model = in_time() if name == "CTC" else softly()
        return model, trained(model, eager, optimizer="sgd", loss=kind(), y=_target(name), epochs=2,
                              metrics=[])  # fmt: skip

    held(scenario)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric(name):
    kind = _made(known_metrics, metrics.Metric)[name]

    def scenario(eager):
        model = softly()
        loss = losses.SparseCategoricalCrossentropy() if "Sparse" in name else "mse"
        found = trained(model, eager, optimizer="sgd", loss=loss, y=_target(name), epochs=2,
                        metrics=[kind(*ARGUMENTS.get(name, ()), name="m")])  # fmt: skip
        return model, [found, model.evaluate(X, _target(name), verbose=0)]

    _, wanted = scenario(True)
    _, found = scenario(False)
    same(found, wanted)


# -- what users write ----------------------------------------------------------------------------

FACTOR = 1.0
TABLE = {"factor": 1.0}


def test_variables_of_a_loss_are_seen():
    def scenario(eager):
        global FACTOR
        FACTOR = TABLE["factor"] = 1.0
        cell = [1.0]
        tensors = [gg.tensor([1.0, 2.0, 3.0])]

        def loss(y, p):
            return (y - p) ** 2 * FACTOR * TABLE["factor"] * cell[0] * tensors[0]

        def do(model, step):
            global FACTOR
            if step == 8:
                FACTOR = 2.0
            if step == 12:
                TABLE["factor"] = 3.0
            if step == 16:
                cell[0] = 5.0
            if step == 20:
                tensors[0].copy_(gg.tensor([3.0, 2.0, 1.0]))
            if step == 24:
                tensors[0] = gg.tensor([0.5, 2.0, 1.0])

        model = network()
        return model, trained(model, eager, loss=loss, do=do)

    held(scenario)


class Table(Own):
    def __init__(self):
        super().__init__()
        self.small = np.ones(3, "float32")
        self.large = np.ones((300, 300), "float32")

    def call(self, x):
        shared, copied = gg.as_tensor(self.large), gg.tensor(self.large)
        return super().call(x) * self.small + shared[0, 0] + copied[0, 1]


def test_host_arrays_that_are_written_between_steps():
    def do(model, step):
        if step == 12:
            model.small[1] = 3
        if step == 16:
            model.large[0, 0] = 2
        if step == 20:
            model.large[0, 1] = 5

    held(changing(lambda: own(Table), do))


class Counting(Own):
    count = 0

    def call(self, x):
        self.count += 1
        return super().call(x) * (1 + self.count % 3)


class Growing(Own):
    def call(self, x):
        self.items.append(0.0)
        return super().call(x) * len(self.items)


class Keeping(Own):
    def call(self, x):
        y = super().call(x)
        self.last = y.detach()
        return y


class Drawing(Own):
    def __init__(self):
        super().__init__()
        self.generator = np.random.default_rng(3)

    def call(self, x):
        y = super().call(x)
        return y * 2 if self.generator.random() < 0.1 else y


class Python(Own):
    def call(self, x):
        y = super().call(x)
        return y * 2 if random.random() < 0.1 else y


class NumPy(Own):
    def call(self, x):
        y = super().call(x)
        return y * 2 if np.random.rand() < 0.1 else y  # noqa: NPY002


class Reading(Own):
    def call(self, x):
        y = super().call(x)
        return y * 2 if float(y.detach().mean()) > 0 else y


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Counting, "count is changed by the step itself"),
        (Growing, "items.* is changed by the step itself"),
        (Keeping, "a result is kept beyond the step"),
        (Drawing, "generator.* is changed by the step itself"),
        (Python, "random numbers are drawn outside of graftgrad"),
        (NumPy, "random numbers are drawn outside of graftgrad"),
        (Reading, "values are read in the middle of the step"),
    ],
)
def test_what_python_does_in_a_step_keeps_it_there(kind, reason):
    def scenario(eager):
        random.seed(3)
        np.random.seed(3)  # noqa: NPY002
        model = own(kind)
        found = trained(model, eager, epochs=8)
        return model, [found, model.last.numpy() if kind is Keeping else 0]

    model = held(scenario, replayed=False)
    report = model.recorded.report(timed=False)
    assert re.search(f"left to Python: .*{reason}", report), report


class Restored(Own):
    def call(self, x):
        t = gg.tensor(1.0)
        with gg.no_grad():
            t.add_(2.0)
        return super().call(x) * t


class Random(Own):
    def call(self, x):
        return super().call(x) + gg.rand(3) + gg.randn(3)


class Penalty(Own):
    def train_step(self, data):
        x, y = data
        x = x.detach().clone()
        x.requires_grad = True
        p = self(x, training=True)
        (g,) = gg.grad(p.sum(), x, create_graph=True)
        loss = ((p - y) ** 2).mean() + ((g * g).sum(1) - 1).mean()
        loss.backward(retain_graph=True)
        loss.backward()
        self.optimizer.step(self.trainable_weights)
        self.zero_grad()
        return {"loss": loss, "alpha": self.alpha, "three": 3}


@pytest.mark.parametrize("kind", [Restored, Random, Penalty])
def test_steps_of_the_users_own(kind):
    def scenario(eager):
        gg.manual_seed(1)
        model = own(kind)
        return model, trained(model, eager, do=at(s14=lambda m: gg.manual_seed(3)))

    held(scenario)


class Twice(Own):
    def train_step(self, data):
        x, y = data
        for _ in range(2):
            loss = ((self(x, training=True) - y) ** 2).mean()
            self.zero_grad()
            loss.backward()
            self.optimizer.step(self.trainable_weights)
        return {"loss": loss}


@pytest.mark.parametrize("name", ["schedule", "accumulation"])
def test_a_rate_that_the_step_itself_moves_on_keeps_it_in_python(name):
    held(changing(lambda: own(Twice), nothing, optimizer=OPTIMIZERS[name]), replayed=False)


class Rivals(gw.Model):
    def __init__(self):
        super().__init__()
        self.maker = gw.Sequential([gw.Input((4,)), layers.Dense(6)])
        self.judge = gw.Sequential([gw.Input((6,)), layers.Dense(8, "relu"), layers.Dense(1)])
        self.first, self.second = optimizers.Adam(0.01), optimizers.Adam(0.02)

    def train_step(self, x):
        n, loss = x.shape[0], losses.BinaryCrossentropy(from_logits=True)
        z = gg.randn(n, 4)
        self.zero_grad()
        judged = self.judge(ops.concatenate([x, self.maker(z).detach()], 0))
        one = loss(ops.concatenate([gg.ones(n, 1), gg.zeros(n, 1)], 0), judged)
        one.backward()
        self.first.step(self.judge.trainable_weights)
        self.zero_grad()
        self.judge.trainable = False
        other = loss(gg.ones(n, 1), self.judge(self.maker(z)))
        other.backward()
        self.second.step(self.maker.trainable_weights)
        self.judge.trainable = True
        self.zero_grad()
        return {"judge": one, "maker": other}


def test_two_networks_that_train_against_each_other():
    def scenario(eager):
        gw.set_random_seed(4)
        gg.manual_seed(5)
        model = Rivals()
        model.compile(run_eagerly=eager)
        history = model.fit(X, epochs=6, batch_size=16, verbose=0, shuffle=False)
        return model, [history.history, [w.numpy() for w in model.variables]]

    held(scenario)


class Averaging(layers.Layer):
    def build(self, shape):
        self.mean = self.add_weight((3,), "zeros", trainable=False, name="mean")

    def call(self, x, training=False):
        if training:
            self.mean.assign(self.mean * 0.9 + x.detach().mean(axis=0) * 0.1)
        self.add_loss((x * x).mean() * 0.1)
        return x - self.mean


def test_state_and_penalties_of_a_layer_of_ones_own():
    def make():
        gw.set_random_seed(1)
        return gw.Sequential([gw.Input((6,)), layers.Dense(3), Averaging(), layers.Dense(3)])

    held(changing(make, nothing))


def test_a_hook_is_called_at_every_step():
    def scenario(eager):
        model, seen = network(), []
        hook = at(s12=lambda m: m.layers[0].kernel.register_hook(lambda g: seen.append(1)))
        found = trained(model, eager, do=hook)
        return model, [found, len(seen)]

    held(scenario)


# -- prediction, threads, memory -----------------------------------------------------------------


class Guessing(Own):
    def predict_step(self, data):
        return self(data) + gg.rand(3)


def test_a_prediction_with_effects_runs_once_per_call():
    def scenario(eager):
        gg.manual_seed(1)
        model = own(Guessing)
        model.compile("sgd", "mse", run_eagerly=eager, jit_compile=False)
        return model, [model.predict(X[:16], verbose=0) for _ in range(6)]

    held(scenario, step="predict_step")


def test_threads_train_and_predict_side_by_side():
    wanted = trained(network(), True)
    models, found = [network() for _ in range(3)], {}

    def work(i):
        found[i] = trained(models[i], False)

    together([lambda i=i: work(i) for i in range(3)])
    for i in range(3):
        same(found[i], wanted)
    model, answers = network(), []
    model.compile("sgd", "mse", jit_compile=False)
    first = model.predict(X, batch_size=16, verbose=0)

    def ask():
        answers.extend(
            np.array_equal(model.predict(X, batch_size=16, verbose=0), first) for _ in range(20)
        )

    together([ask] * 3)
    assert answers == [True] * 60


def together(works):
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_the_number_of_threads_may_change():
    before = gg.get_num_threads()
    try:
        held(changing(network, lambda m, n: gg.set_num_threads(1 + n % 2)))
    finally:
        gg.set_num_threads(before)


def annealed(model, step):
    model.alpha = 1 / (step + 1)


@pytest.mark.parametrize(("make", "do", "count"), [(noisy, nothing, 300), (own, annealed, 60)])
def test_memory_does_not_grow(make, do, count):
    model = make()
    model.compile("adam", "mse", metrics=["mae"])

    def steps(first, last):
        for step in range(first, last):
            do(model, step)
            model.train_on_batch(X[:16], T[:16])
        gc.collect()

    steps(0, 40)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        steps(40, 40 + count)
        assert tracemalloc.get_traced_memory()[0] - before < 20_000
    finally:
        tracemalloc.stop()
