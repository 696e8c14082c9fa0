"""Writes optimizers.*, torch_optimizers.*, schedules.* and initializers.* (.npz and .json).

Ran with Keras 3.15.1 on jax 0.10.2 and torch 2.13.0 (CPU, float64), numpy 2.4.6, Python 3.11;
stored as float64. Needs the interop extra and jax: ``python tests/golden/make_optimizers.py``.

Optimizers: two weights, ``kernel`` (3, 2) and ``bias`` (4), and six fixed gradients each.
``weight/<name>`` has the values before the first and after every step, ``gradient/<name>`` the six
gradients, ``slot/<name>`` the optimizer's own variables at the end; Keras' are named by their path
without the optimizer's name (in the order of ``optimizer.variables``), torch's
``slot/<weight>.<entry>``. With use_ema, ``final/<name>`` is what finalize_variable_values leaves.
A learning rate that is a schedule stands in the settings as {"class_name", "config"}.

Schedules: ``step`` and ``rate``. Initializers: ``facts`` alone: the shape, Keras' fans, and the
distribution and its numbers that Keras hands to its random generator (the ``stddev`` of a truncated
normal is that of the normal before it is cut at two deviations).
"""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import torch
from precise import keras
from writer import Array, Family, draw

STEPS = 6
STARTS = {"kernel": draw("kernel", 3, 2, span=1.0), "bias": draw("bias", 4, span=1.0)}
GRADIENTS = {name: draw(f"gradient {name}", STEPS, *STARTS[name].shape) for name in STARTS}
of_keras = Family("optimizers", ("keras", "jax"))
of_torch = Family("torch_optimizers", ("torch",))


def numbered(family: Family, class_name: str) -> str:
    return f"{class_name}-{sum(1 for case in family.cases if case['class_name'] == class_name)}"


def arrays_of(histories: dict[str, list[Array]]) -> dict[str, Any]:
    arrays: dict[str, Any] = {f"weight/{name}": np.stack(histories[name]) for name in histories}
    return arrays | {f"gradient/{name}": GRADIENTS[name] for name in GRADIENTS}


def keras_case(class_name: str, **settings: Any) -> None:
    keras.utils.clear_session()
    told = dict(settings)
    rate = settings.get("learning_rate")
    if isinstance(rate, dict):
        schedule = getattr(keras.optimizers.schedules, rate["class_name"])
        told["learning_rate"] = schedule(**rate["config"])
    optimizer = getattr(keras.optimizers, class_name)(**told)
    weights = [keras.Variable(start, name=name) for name, start in STARTS.items()]
    histories = {name: [start] for name, start in STARTS.items()}
    for step in range(STEPS):
        optimizer.apply([GRADIENTS[weight.name][step] for weight in weights], weights)
        for weight in weights:
            histories[weight.name].append(np.asarray(weight.value))
    arrays = arrays_of(histories)
    slots = [variable.path.split("/", 1)[1] for variable in optimizer.variables]
    slots = [
        slot if slot not in slots[:i] else f"{slot}_{slots[:i].count(slot)}"
        for i, slot in enumerate(slots)
    ]
    for slot, variable in zip(slots, optimizer.variables, strict=True):
        arrays[f"slot/{slot}"] = np.asarray(variable.value)
    if settings.get("use_ema"):
        optimizer.finalize_variable_values(weights)
        arrays |= {f"final/{weight.name}": np.asarray(weight.value) for weight in weights}
    of_keras.add(numbered(of_keras, class_name), class_name, settings, arrays, slots=slots)


def torch_case(class_name: str, **settings: Any) -> None:
    weights = {n: torch.nn.Parameter(torch.tensor(start)) for n, start in STARTS.items()}
    optimizer = getattr(torch.optim, class_name)(list(weights.values()), **settings)
    histories = {name: [start] for name, start in STARTS.items()}
    for step in range(STEPS):
        for name, weight in weights.items():
            weight.grad = torch.tensor(GRADIENTS[name][step])
        optimizer.step()
        for name, weight in weights.items():
            histories[name].append(weight.detach().numpy().copy())
    arrays = arrays_of(histories)
    for name, weight in weights.items():
        for entry, value in optimizer.state[weight].items():
            if value is not None:
                arrays[f"slot/{name}.{entry}"] = np.asarray(value, "float64")
    of_torch.add(numbered(of_torch, class_name), class_name, settings, arrays)


def variants_in_keras(class_name: str) -> None:
    """What every optimizer of Keras takes, tried on one."""
    case = {"learning_rate": 0.05}
    keras_case(class_name, **case, weight_decay=0.1)
    keras_case(class_name, **case, clipnorm=0.5)
    keras_case(class_name, **case, clipvalue=0.25)
    keras_case(class_name, **case, global_clipnorm=1.0)
    keras_case(class_name, **case, use_ema=True, ema_momentum=0.9)
    keras_case(class_name, **case, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2)
    keras_case(class_name, **case, gradient_accumulation_steps=2)
    decay = {"initial_learning_rate": 0.1, "decay_steps": 2, "decay_rate": 0.5}
    schedule = {"class_name": "ExponentialDecay", "config": decay}
    keras_case(class_name, learning_rate=schedule)


def every_keras_optimizer() -> None:
    for settings in ({}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}):
        keras_case("SGD", learning_rate=0.1, **settings)
    keras_case("SGD", learning_rate=0.1, momentum=0.5, weight_decay=0.1, clipnorm=1.0)
    variants_in_keras("SGD")
    for amsgrad in (False, True):
        keras_case("Adam", learning_rate=0.05, amsgrad=amsgrad)
        keras_case("AdamW", learning_rate=0.05, amsgrad=amsgrad, weight_decay=0.02)
    keras_case("Adam")
    keras_case("Adam", learning_rate=0.1, beta_1=0.5, beta_2=0.7, epsilon=0.01)
    keras_case("AdamW")
    variants_in_keras("Adam")
    for settings in (
        {},
        {"momentum": 0.9},
        {"centered": True},
        {"momentum": 0.5, "centered": True},
    ):
        keras_case("RMSprop", learning_rate=0.05, rho=0.8, **settings)
    keras_case("Adagrad", learning_rate=0.1)
    keras_case("Adagrad", learning_rate=0.1, initial_accumulator_value=0.5, epsilon=1e-3)
    for class_name in ("Nadam", "Adamax", "Lion"):
        keras_case(class_name, learning_rate=0.05)
        keras_case(class_name, learning_rate=0.05, beta_1=0.6, beta_2=0.7, weight_decay=0.1)
    keras_case("Lamb", learning_rate=0.05)
    keras_case("Lamb", learning_rate=0.05, beta_1=0.6, beta_2=0.7, weight_decay=0.1)
    keras_case("Adafactor", learning_rate=0.5)
    keras_case("Adafactor", learning_rate=0.5, clip_threshold=0.5, beta_2_decay=-0.5, epsilon_2=0.5,
               weight_decay=0.1)  # fmt: skip
    keras_case("Muon", learning_rate=0.05)
    keras_case("Muon", learning_rate=0.05, nesterov=False, rms_rate=None, ns_steps=3,
               adam_lr_ratio=0.5, adam_weight_decay=0.2, weight_decay=None)  # fmt: skip
    keras_case("Muon", learning_rate=0.05, exclude_layers=["kern.l"])
    keras_case("ScheduleFreeAdamW", learning_rate=0.05)
    keras_case("ScheduleFreeAdamW", learning_rate=0.05, warmup_steps=4, weight_decay=0.1,
               beta_1=0.7)  # fmt: skip
    keras_case("Adadelta", learning_rate=1.0)
    keras_case("Adadelta", learning_rate=0.5, rho=0.7, epsilon=1e-3)
    keras_case("Ftrl", learning_rate=0.1)
    keras_case("Ftrl", learning_rate=0.1, learning_rate_power=-0.3, beta=0.2,
               l1_regularization_strength=0.05, l2_regularization_strength=0.1,
               l2_shrinkage_regularization_strength=0.02)  # fmt: skip


def every_torch_optimizer() -> None:
    torch.set_default_dtype(torch.float64)  # in which NAdam keeps the product of its parts
    for settings in (
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True},
        {"momentum": 0.9, "dampening": 0.5},
        {"weight_decay": 0.1},
        {"momentum": 0.5, "weight_decay": 0.1, "nesterov": True},
        {"momentum": 0.9, "maximize": True},
    ):
        torch_case("SGD", lr=0.1, **settings)
    for class_name in ("Adam", "AdamW"):
        torch_case(class_name)
        torch_case(class_name, lr=0.05, amsgrad=True)
        torch_case(class_name, lr=0.05, weight_decay=0.1)
        torch_case(class_name, lr=0.05, betas=[0.5, 0.7], eps=0.01, maximize=True)
    for settings in (
        {},
        {"alpha": 0.8, "momentum": 0.9},
        {"centered": True},
        {"alpha": 0.8, "centered": True, "momentum": 0.5, "weight_decay": 0.1, "eps": 0.01},
    ):
        torch_case("RMSprop", lr=0.05, **settings)
    torch_case("Adagrad", lr=0.1)
    torch_case("Adagrad", lr=0.1, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.5)
    torch_case("NAdam", lr=0.05)
    torch_case("NAdam", lr=0.05, weight_decay=0.1, momentum_decay=0.01)
    torch_case("NAdam", lr=0.05, weight_decay=0.1, decoupled_weight_decay=True)
    torch_case("RAdam", lr=0.05)
    torch_case("RAdam", lr=0.05, betas=[0.5, 0.7], weight_decay=0.1)
    torch_case("RAdam", lr=0.05, betas=[0.5, 0.9], weight_decay=0.1, decoupled_weight_decay=True)
    torch_case("Adamax", lr=0.05)
    torch_case("Adamax", lr=0.05, weight_decay=0.1)
    torch_case("Adadelta", lr=1.0)
    torch_case("Adadelta", lr=0.5, rho=0.7, weight_decay=0.1)


def every_schedule() -> None:
    family = Family("schedules", ("keras",))
    steps = np.array([0, 1, 2, 3, 5, 8, 10, 12, 15, 20, 31, 50])

    def case(class_name: str, **settings: Any) -> None:
        schedule = getattr(keras.optimizers.schedules, class_name)(**settings)
        rates = np.array([float(schedule(int(step))) for step in steps])
        arrays = {"step": steps, "rate": rates}
        family.add(numbered(family, class_name), class_name, settings, arrays)

    for class_name in ("ExponentialDecay", "InverseTimeDecay"):
        for staircase in (False, True):
            case(class_name, initial_learning_rate=0.1, decay_steps=4, decay_rate=0.5,
                 staircase=staircase)  # fmt: skip
    case("PiecewiseConstantDecay", boundaries=[2, 10, 20], values=[1.0, 0.5, 0.25, 0.125])
    case("PiecewiseConstantDecay", boundaries=[0], values=[1.0, 0.5])
    case("CosineDecay", initial_learning_rate=0.1, decay_steps=20)
    case("CosineDecay", initial_learning_rate=0.1, decay_steps=20, alpha=0.1)
    case("CosineDecay", initial_learning_rate=0.0, decay_steps=20, warmup_target=0.1,
         warmup_steps=5)  # fmt: skip
    case("CosineDecay", initial_learning_rate=0.01, decay_steps=15, alpha=0.2, warmup_target=0.5,
         warmup_steps=10)  # fmt: skip
    case("CosineDecayRestarts", initial_learning_rate=0.1, first_decay_steps=5)
    case("CosineDecayRestarts", initial_learning_rate=0.1, first_decay_steps=4, t_mul=1.0)
    case("CosineDecayRestarts", initial_learning_rate=0.1, first_decay_steps=4, t_mul=1.5,
         m_mul=0.5, alpha=0.1)  # fmt: skip
    case("PolynomialDecay", initial_learning_rate=0.1, decay_steps=20)
    case("PolynomialDecay", initial_learning_rate=0.1, decay_steps=20, end_learning_rate=0.01,
         power=2.0)  # fmt: skip
    case("PolynomialDecay", initial_learning_rate=0.1, decay_steps=8, power=0.5, cycle=True)
    family.write()


def every_initializer() -> None:
    family = Family("initializers", ("keras",))
    shapes = {"dense": [5, 7], "conv": [3, 3, 4, 8], "depthwise": [3, 3, 4, 2], "bias": [6],
              "conv1d": [3, 4, 8], "scalar": []}  # fmt: skip
    named = (
        "GlorotUniform",
        "GlorotNormal",
        "HeUniform",
        "HeNormal",
        "LecunUniform",
        "LecunNormal",
    )
    settings: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in named]
    settings += [
        ("VarianceScaling", {"scale": 2.0, "mode": mode, "distribution": distribution})
        for mode in ("fan_in", "fan_out", "fan_avg")
        for distribution in ("truncated_normal", "untruncated_normal", "uniform")
    ]
    for class_name, told in settings:
        for kind, shape in shapes.items():
            facts = {
                "shape": shape,
                "fans": keras.src.initializers.random_initializers.compute_fans(shape),
            }
            facts |= drawn(getattr(keras.initializers, class_name)(**told), shape)
            name = numbered(family, class_name) + "-" + kind
            family.add(name, class_name, told, {"fans": np.array(facts["fans"])}, **facts)
    family.write()


def drawn(initializer: Any, shape: list[int]) -> dict[str, Any]:
    """What the initializer asks of Keras' random generator."""
    generator = "keras.src.initializers.random_initializers.random"
    with mock.patch(generator) as asked:
        initializer(tuple(shape))
    ((distribution, positional, named),) = asked.mock_calls
    limits = ("minval", "maxval", "mean", "stddev")
    assert len(positional) == 1, positional
    return {"distribution": distribution} | {key: named[key] for key in limits if key in named}


def main() -> None:
    every_keras_optimizer()
    of_keras.write()
    every_torch_optimizer()
    of_torch.write()
    every_schedule()
    every_initializer()


if __name__ == "__main__":
    main()
