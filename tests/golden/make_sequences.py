"""Writes sequences.npz and sequences.json: what Keras' layers for sequences compute.

Ran with Keras 3.15.1 on jax 0.10.2 (CPU, float64), numpy 2.4.6, Python 3.11; stored as float64.
Needs the interop extra and jax: ``python tests/golden/make_sequences.py``.

Settings are the layer's configuration as Keras writes it; from the second case of a class on
without initializers and the like. Arrays of a case: ``input/0…``, and ``beside/0…``, their masks;
other arguments by name, ``argument/mask``, ``argument/initial_state/0…``; ``weight/0…`` in the
order of ``layer.weights``; ``output/0…`` and ``cotangent/0…``; ``gradient/input/0…`` and
``gradient/weight/0…`` (the trainable ones) of Σ output · cotangent, in inference form;
``mask/0…``, the masks that lie beside the outputs, by place. Facts: ``names`` of the weights,
``trainable``, one for each, and ``apart``, whether the inputs are arguments of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from precise import jax, keras
from writer import Array, Family, draw, draw_integers

layers = keras.layers
family = Family("sequences", ("keras", "jax"))


def flat(tree: Any) -> list[Any]:
    if isinstance(tree, (list, tuple)):
        return [leaf for one in tree for leaf in flat(one)]
    return [tree]


LONG = ("initializer", "regularizer", "constraint")
TELLING = ("activation", "merge_mode", "use_bias", "reset_after")


def plain(tree: Any, short: bool) -> Any:
    """Leave out how a configuration was built, and if short what all cases have alike."""
    if isinstance(tree, dict):
        if short and tree.get("class_name") == "DTypePolicy":
            return tree["config"]["name"]
        return {
            key: plain(one, short)
            for key, one in tree.items()
            if key not in ("build_config", "registered_name") and not (short and silent(key, one))
        }
    return [plain(one, short) for one in tree] if isinstance(tree, (list, tuple)) else tree


def silent(key: str, value: Any) -> bool:
    """Tell whether a setting says nothing: its default is the same here and there."""
    if key == "use_scale":
        return False
    if key in TELLING:
        return value is True
    return key.endswith(LONG) or value is None or value is False or key in ("trainable", "name")


def case(
    layer: Any, *inputs: Array, name: str = "", masks: tuple[Array | None, ...] = (), **given: Any
) -> None:
    """Add a case: a layer on inputs, whose masks lie beside them, and further arguments by name."""
    class_name = NAMES.get(type(layer).__name__, type(layer).__name__)
    count = sum(1 for known in family.cases if known["class_name"] == class_name)
    name = f"{class_name}-{count}{name and '-' + name}"
    floating = [i for i, x in enumerate(inputs) if x.dtype.kind == "f"]
    lone = {key: one for key, one in given.items() if not hasattr(one, "shape")}
    lone = {key: one for key, one in lone.items() if not isinstance(one, list)}
    fed = {key: one for key, one in given.items() if key not in lone}

    def run(trained: Any, state: Any, xs: Any, more: Any) -> Any:
        whole = [jax.numpy.asarray(x) for x in inputs]
        for i, x in zip(floating, xs, strict=True):
            whole[i] = x
        for x, mask in zip(whole, masks, strict=False):
            if mask is not None:
                keras.src.backend.set_keras_mask(x, jax.numpy.asarray(mask))
        positional = whole if layer.takes_apart else [whole if len(whole) > 1 else whole[0]]
        kept = zip(layer.trainable_variables, trained, strict=True)
        left = zip(layer.non_trainable_variables, state, strict=True)
        with keras.StatelessScope(state_mapping=[*kept, *left]):
            return layer(*positional, **more, **lone)

    layer.takes_apart = type(layer).__name__ in APART
    first = list(inputs) if not layer.takes_apart and len(inputs) > 1 else inputs
    layer(*(first if layer.takes_apart or len(inputs) == 1 else [first]), **given)
    trainable = {id(weight) for weight in layer.trainable_weights}
    arrays: dict[str, Any] = {f"input/{i}": x for i, x in enumerate(inputs)}
    for i, weight in enumerate(layer.weights):
        weight.assign(draw(f"{name}{weight.name}{i}", *weight.shape, span=1.0))
        arrays[f"weight/{i}"] = np.asarray(weight.value)
    for key, one in fed.items():
        listed = isinstance(one, list)
        arrays |= {f"argument/{key}/{i}" if listed else f"argument/{key}": x
                   for i, x in enumerate(one if listed else [one])}  # fmt: skip
    arrays |= {f"beside/{i}": mask for i, mask in enumerate(masks) if mask is not None}
    trained = [weight.value for weight in layer.trainable_variables]
    state = [weight.value for weight in layer.non_trainable_variables]
    xs = [jax.numpy.asarray(inputs[i]) for i in floating]
    outputs = flat(run(trained, state, xs, fed))
    found = [keras.src.backend.get_keras_mask(y) for y in outputs]
    arrays |= {f"output/{i}": y for i, y in enumerate(outputs)}
    arrays |= {f"mask/{i}": one for i, one in enumerate(found) if one is not None}
    pulls = [draw(f"{name}pull{i}", *y.shape, span=1.0) for i, y in enumerate(outputs)]
    arrays |= {f"cotangent/{i}": pull for i, pull in enumerate(pulls)}

    def total(trained: Any, xs: Any) -> Any:
        ys = flat(run(trained, state, xs, fed))
        return sum((y * pull).sum() for y, pull in zip(ys, pulls, strict=True))

    of_weights, of_inputs = jax.grad(total, (0, 1))(trained, xs)
    arrays |= {f"gradient/input/{i}": g for i, g in zip(floating, of_inputs, strict=True)}
    arrays |= {f"gradient/weight/{i}": g for i, g in enumerate(of_weights)}
    config = plain(keras.saving.serialize_keras_object(layer), count > 0)
    facts = {"names": [weight.name for weight in layer.weights], "apart": layer.takes_apart,
             "trainable": [id(weight) in trainable for weight in layer.weights]}  # fmt: skip
    family.add(name, class_name, {"config": config, **lone}, arrays, **facts)


APART = ("MultiHeadAttention", "GroupedQueryAttention")
NAMES = {"GroupedQueryAttention": "GroupQueryAttention"}


def mask_of(key: str, *shape: int) -> Array:
    return draw_integers(key, shape, 3) > 0


def recurrent() -> None:
    x, mask = draw("x", 2, 4, 3), mask_of("mask", 2, 4)
    states = [draw("h", 2, 2, span=1.0), draw("c", 2, 2, span=1.0)]
    for kind, count in ((layers.SimpleRNN, 1), (layers.GRU, 1), (layers.LSTM, 2)):
        case(kind(2), x)
        case(kind(2, return_sequences=True, use_bias=False), x)
        case(kind(2, return_sequences=True, return_state=True), x, mask=mask)
        case(kind(2, return_sequences=True, go_backwards=True, return_state=True), x)
        case(kind(2, return_sequences=True, go_backwards=True), x, mask=mask)
        case(kind(2, return_sequences=True, return_state=True), x,
             initial_state=states[:count])  # fmt: skip
        case(kind(2, activation="elu", return_state=True), x, mask=mask,
             initial_state=states[:count])  # fmt: skip
        case(kind(2, activation="elu", return_sequences=True, go_backwards=True), x)
        case(kind(2, return_sequences=True), x, masks=(mask,), name="beside")
    case(layers.SimpleRNN(2, activation="relu", return_sequences=True), x)
    case(layers.SimpleRNN(2, activation=None), x)
    case(layers.GRU(2, reset_after=False, return_sequences=True), x, mask=mask)
    case(layers.GRU(2, reset_after=False, recurrent_activation="hard_sigmoid"), x)
    case(layers.LSTM(2, recurrent_activation="hard_sigmoid", return_sequences=True), x)
    case(layers.RNN(layers.GRUCell(2), return_sequences=True), x, mask=mask)
    case(layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_sequences=True), x)
    case(layers.RNN([layers.SimpleRNNCell(3), layers.LSTMCell(2)], return_state=True), x, mask=mask)
    case(layers.RNN(layers.LSTMCell(2), return_sequences=True, zero_output_for_mask=True), x,
         mask=mask)  # fmt: skip


def wrappers() -> None:
    x, mask = draw("x", 2, 4, 3), mask_of("mask", 2, 4)
    for merge in ("concat", "sum", "ave", "mul", None):
        case(layers.Bidirectional(layers.LSTM(2, return_sequences=True), merge_mode=merge), x)
    case(layers.Bidirectional(layers.GRU(2)), x, mask=mask)
    case(layers.Bidirectional(layers.LSTM(2, return_sequences=True)), x, mask=mask)
    case(layers.Bidirectional(layers.LSTM(2, return_state=True)), x)
    case(layers.Bidirectional(layers.SimpleRNN(2), backward_layer=layers.GRU(
        2, go_backwards=True)), x)  # fmt: skip
    case(layers.TimeDistributed(layers.Dense(2, activation="tanh")), x)
    case(layers.TimeDistributed(layers.Dense(2)), x, masks=(mask,), name="beside")


def masks() -> None:
    x = draw("x", 2, 4, 3)
    x[0, 1:3] = 0
    numbers = draw_integers("numbers", (2, 4), 3)
    mask = mask_of("mask", 2, 4)
    case(layers.Masking(), x)
    case(layers.Masking(0.5), np.where(x == 0, 0.5, x))
    case(layers.Embedding(3, 2, mask_zero=True), numbers)
    case(layers.Embedding(3, 2), numbers)
    case(layers.GlobalAveragePooling1D(), x, masks=(mask,))
    case(layers.GlobalAveragePooling1D(keepdims=True), x, mask=mask)
    case(layers.Dense(2), x, masks=(mask,))
    case(layers.LayerNormalization(), x, masks=(mask,))
    case(layers.Softmax(), x, mask=mask_of("wide", 2, 4, 3))
    other = draw("other", 2, 4, 3), mask_of("other", 2, 4)
    for kind in (layers.Add, layers.Maximum, layers.Minimum, layers.Concatenate):
        case(kind(), x, other[0], masks=(mask, other[1]))
        case(kind(), x, other[0], masks=(mask, None))
    case(layers.Concatenate(axis=1), x, other[0], masks=(mask, other[1]))


def attention() -> None:
    q, v, k = draw("q", 2, 3, 4), draw("v", 2, 5, 6), draw("k", 2, 5, 2)
    x, y = draw("x", 2, 3, 4), draw("y", 2, 5, 4)
    seen, own, of_v = mask_of("seen", 2, 3, 5), mask_of("own", 2, 3), mask_of("of_v", 2, 5)
    seen[..., 0] = of_v[:, 0] = True
    heads = layers.MultiHeadAttention
    case(heads(2, 3), q, v)
    case(heads(2, 3, output_shape=7), q, v, k)  # with value_dim, Keras fails on jax
    case(heads(2, 3, use_bias=False), q, q, use_causal_mask=True)
    case(heads(2, 3, use_gate=True), q, v, attention_mask=seen)
    case(heads(2, 3, sliding_window=2), q, q, use_causal_mask=True)
    case(heads(2, 3), q, v, masks=(None, of_v), use_causal_mask=True)
    case(heads(2, 3), q, v, masks=(own, of_v), return_attention_scores=True)
    case(heads(2, 3), q, v, k, return_attention_scores=True, use_causal_mask=True)
    case(heads(2, 3, attention_axes=[1, 2]), draw("wide", 2, 2, 3, 4), draw("tall", 2, 2, 3, 4))
    case(heads(2, 3, attention_axes=2), draw("wide", 2, 2, 3, 4), draw("tall", 2, 2, 3, 4))
    groups = layers.GroupQueryAttention
    case(groups(3, 4, 2), q, v)
    case(groups(3, 2, 1, use_gate=True), q, q, use_causal_mask=True)
    case(groups(3, 4, 2, use_bias=False), q, v, attention_mask=seen)
    case(groups(3, 4, 2), q, v, return_attention_scores=True)
    for layer in (
        layers.Attention(),
        layers.Attention(use_scale=True),
        layers.Attention(use_scale=True, score_mode="concat"),
        layers.AdditiveAttention(),
        layers.AdditiveAttention(use_scale=False),
    ):
        case(layer, x, y)
    case(layers.Attention(), x, draw("v2", 2, 5, 3), y, masks=(own, of_v, of_v))
    case(layers.Attention(), x, y, masks=(own, of_v), use_causal_mask=True)
    case(layers.AdditiveAttention(), x, y, return_attention_scores=True)
    case(layers.EinsumDense("ab,bc->ac", (3,), bias_axes="c"), draw("e", 2, 4))
    case(layers.EinsumDense("abc,cd->abd", (None, 2), bias_axes="d", activation="tanh"), x)
    case(layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de"), x)
    case(layers.EinsumDense("...x,xy->...y", (2,), bias_axes="y"), x)
    case(layers.EinsumDense("abc,bcd->ad", (3,)), x)
    case(layers.EinsumDense("abc,cd->abd", (3, 2), bias_axes="b"), x)
    case(layers.RMSNormalization(), x)
    case(layers.RMSNormalization(axis=[1, 2], epsilon=0.1), x)


def main() -> None:
    recurrent()
    wrappers()
    masks()
    attention()
    family.write()


if __name__ == "__main__":
    main()
