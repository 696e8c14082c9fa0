"""The freezing contract of the optimizers, and training that goes on from a saved state."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graftgrad
from graftgrad.errors import ConfigError, ShapeError
from graftwork import optimizers
from graftwork.weight import Weight

SHAPES = {"a/kernel": (3, 2), "a/bias": (2,), "b/scale": (), "b/kernel": (4,), "empty": (0, 3)}
NAMES = list(SHAPES)
RULES = {
    "SGD": {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.1, "clipnorm": 0.7},
    "Adam": {"amsgrad": True, "use_ema": True, "ema_momentum": 0.8, "clipvalue": 0.3},
    "AdamW": {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2},
    "RMSprop": {"momentum": 0.9, "centered": True, "gradient_accumulation_steps": 2},
    "Adagrad": {"use_ema": True, "weight_decay": 0.1},
    "Nadam": {"weight_decay": 0.1, "global_clipnorm": 1.0},
    "Adamax": {},
    "Adadelta": {"learning_rate": 1.0},
    "Lion": {"gradient_accumulation_steps": 3, "use_ema": True},
    "Ftrl": {"l1_regularization_strength": 0.01},
    "Lamb": {"weight_decay": 0.1},
    "Adafactor": {"learning_rate": 0.1, "use_ema": True, "clipnorm": 0.7},
    "Muon": {"exclude_layers": ["scale"], "learning_rate": 0.1},
    "ScheduleFreeAdamW": {"weight_decay": 0.1, "warmup_steps": 2, "clipvalue": 0.3},
}
COUPLED = ("global_clipnorm", "gradient_accumulation_steps", "ema_overwrite_frequency")
ALONE = [rule for rule, told in RULES.items() if not any(key in told for key in COUPLED)]
plans = st.lists(st.tuples(*[st.sets(st.sampled_from(NAMES))] * 2), min_size=1, max_size=7)


def drawn(shape, *seed):
    values = np.random.default_rng([5, *seed]).standard_normal(shape)
    return graftgrad.tensor(np.asarray(values), "float32")


def weights(names=NAMES):
    made = {}
    for name in names:
        made[name] = Weight(drawn(SHAPES[name], NAMES.index(name)), name.split("/")[-1])
        made[name].path = name
    return made


def optimizer_of(rule):
    return getattr(optimizers, rule)(**RULES[rule])


def bits(tensor):
    return tensor.detach().numpy().tobytes()


def follow(optimizer, held, plan, start=0):
    """Take the steps of a plan as training does, and check that what is frozen does not move."""
    for step, (frozen, without) in enumerate(plan, start):
        for name, one in held.items():
            one.trainable = name not in frozen
            wanted = one.trainable and name not in without
            one.grad = drawn(one.shape, 9, step, NAMES.index(name)) if wanted else None
        before = {name: bits(one) for name, one in held.items()}
        kept = {path: bits(value) for path, value in optimizer.state().items()}
        optimizer.step(held.values())
        after = optimizer.state()
        for name in frozen | without:
            if name in held:
                assert bits(held[name]) == before[name]
        for path, value in kept.items():
            name, _, slot = path.rpartition("/")
            # accumulated gradients are given up together
            if name in frozen | without and slot != "gradient_accumulator":
                assert bits(after[path]) == value


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=20, deadline=None)
@given(plan=plans)
def test_what_is_frozen_does_not_move(rule, plan) -> None:
    held = weights()
    optimizer = optimizer_of(rule)
    follow(optimizer, held, plan)
    optimizer.finalize_variable_values(held.values())


@pytest.mark.parametrize("rule", ALONE)
@settings(max_examples=15, deadline=None)
@given(plan=plans)
def test_every_weight_is_trained_as_if_it_were_alone(rule, plan) -> None:
    """What a weight becomes depends on its own steps alone, whatever the others do."""
    held = weights()
    follow(optimizer_of(rule), held, plan)
    for name, found in held.items():
        alone = weights([name])
        mine = [(frozen, without) for frozen, without in plan if name not in frozen | without]
        kept = [i for i, (frozen, without) in enumerate(plan) if name not in frozen | without]
        optimizer = optimizer_of(rule)
        for step, sets in zip(kept, mine, strict=True):
            follow(optimizer, alone, [sets], step)
        np.testing.assert_allclose(alone[name].numpy(), found.numpy(), rtol=1e-6, atol=1e-7)


def test_a_late_weight_takes_a_first_step_of_ordinary_length() -> None:
    held = weights()
    optimizer = optimizers.Adam(0.01)
    follow(optimizer, held, [({"a/kernel"}, set())] * 20)
    before = held["a/kernel"].numpy()
    follow(optimizer, held, [(set(), set())], start=20)
    np.testing.assert_allclose(abs(held["a/kernel"].numpy() - before), 0.01, rtol=1e-3)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=15, deadline=None)
@given(plan=plans, cut=st.integers(0, 7))
def test_resumed_training_equals_uninterrupted(rule, plan, cut) -> None:
    """State by path, loaded before the first step of a new optimizer, goes on bit for bit."""
    whole = weights()
    follow(optimizer_of(rule), whole, plan)
    first = weights()
    optimizer = optimizer_of(rule)
    follow(optimizer, first, plan[:cut])
    saved = {path: value.numpy().copy() for path, value in optimizer.state().items()}
    second = weights()
    for name, one in second.items():
        one.assign(first[name])
        one.trainable = first[name].trainable
    resumed = optimizer_of(rule)
    resumed.load_state(saved, second.values())
    assert {p: bits(v) for p, v in resumed.state().items()} == {
        path: value.tobytes() for path, value in saved.items()
    }
    follow(resumed, second, plan[cut:], start=min(cut, len(plan)))
    assert {n: bits(w) for n, w in second.items()} == {n: bits(w) for n, w in whole.items()}


@pytest.mark.parametrize("rule", RULES)
def test_variables_in_keras_order_go_on_too(rule) -> None:
    plan = [(set(), set())] * 6
    whole = weights()
    follow(optimizer_of(rule), whole, plan)
    first, optimizer = weights(), optimizer_of(rule)
    follow(optimizer, first, plan[:4])
    saved = [one.numpy() for one in optimizer.variables]
    second, resumed = weights(), optimizer_of(rule)
    for name, one in second.items():
        one.assign(first[name])
    resumed.build(second.values())
    resumed.set_weights(saved)
    follow(resumed, second, plan[4:], start=4)
    if rule == "Lion":  # three calls make one update: the fifth begins anew in both
        assert int(resumed.iterations) == 2
    assert {n: bits(w) for n, w in second.items()} == {n: bits(w) for n, w in whole.items()}


def test_frozen_weights_are_listed_but_not_moved_into_a_buffer() -> None:
    held = weights(["a/kernel", "a/bias"])
    held["a/kernel"].trainable = False
    array = held["a/kernel"].array
    optimizer = optimizers.Adam()
    optimizer.build(held.values())
    follow(optimizer, held, [({"a/kernel"}, set())])
    assert held["a/kernel"].array is array
    assert [one.name for one in optimizer.variables][2:] == ["a_bias_momentum", "a_bias_velocity"]
    listed = optimizer.variables_of(held.values())
    assert [one.shape for one in listed[2:]] == [(3, 2), (3, 2), (2,), (2,)]
    assert listed[-1].path == f"{optimizer.name}/a_bias_velocity"
    assert not listed[2].numpy().any() and listed[4].numpy().any()


def test_an_unfit_state_is_refused_and_changes_nothing() -> None:
    held = weights(["a/kernel", "a/bias"])
    optimizer = optimizers.Adam()
    follow(optimizer, held, [(set(), set())])
    before = {path: bits(value) for path, value in optimizer.state().items()}
    state = {path: value.numpy().copy() for path, value in optimizer.state().items()}
    values = [one.numpy() for one in optimizer.variables]
    short = {path: value for path, value in state.items() if path != "a/bias/velocity"}
    with pytest.raises(ConfigError, match=r"missing=.'a/bias/velocity'.") as caught:
        optimizer.load_state(short, held.values())
    assert "unknown=[]" in str(caught.value)
    with pytest.raises(ConfigError, match=r"unknown=.'c/kernel/step'."):
        optimizer.load_state({**state, "c/kernel/step": np.array(1.0)}, held.values())
    with pytest.raises(ShapeError, match=r'"a/bias/velocity".*shape=\(2,\), saved=\(5,\)'):
        optimizer.load_state({**state, "a/bias/velocity": np.zeros(5)}, held.values())
    with pytest.raises(ConfigError, match="one value for each variable; got values=5"):
        optimizer.set_weights(values[:-1])
    with pytest.raises(ShapeError, match="a_bias_velocity"):
        optimizer.set_weights([*values[:-1], np.zeros(5)])
    assert {path: bits(value) for path, value in optimizer.state().items()} == before
