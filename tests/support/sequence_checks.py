"""Layers for sequences against what Keras computed: outputs, masks, gradients, settings."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

import graftgrad
from graftgrad import Tensor
from graftwork.registry import configuration, decoded, layers
from graftwork.saving.dialects import read
from support.golden import GoldenCase
from support.layer_checks import close

FUSED = ("MultiHeadAttention", "GroupQueryAttention")


def flat(tree: Any) -> list[Any]:
    if isinstance(tree, (list, tuple)):
        return [leaf for one in tree for leaf in flat(one)]
    return [tree]


def made(case: GoldenCase) -> Any:
    """The layer of Keras' configuration, after a round trip through ours."""
    layer = decoded(read(case.settings["config"], layers), layers)
    return decoded(json.loads(json.dumps(configuration(layer))), layers)


def arguments(case: GoldenCase) -> dict[str, Any]:
    """What the layer is called with by name."""
    given: dict[str, Any] = {k: v for k, v in case.settings.items() if k != "config"}
    for path, array in case.arrays.items():
        if path.startswith("argument/"):
            name, *place = path.removeprefix("argument/").split("/")
            if place:
                given.setdefault(name, []).append(graftgrad.tensor(array))
            else:
                given[name] = graftgrad.tensor(array)
    return given


def tolerant(case: GoldenCase) -> Callable[[Any, Any], None]:
    """How numbers are compared: Keras' fused attention on jax computes its weights in float32."""
    steps = case.series("input")[0].ndim == 3 and "return_attention_scores" not in case.settings
    if case.class_name not in FUSED or not steps:
        return close

    def near(found: Any, wanted: Any) -> None:
        scale = float(np.abs(wanted).max())
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=4e-6 * max(scale, 1.0))

    return near


def check_sequence(case: GoldenCase) -> None:
    """Hold a layer against a case of the golden family "sequences"."""
    layer, alike = made(case), tolerant(case)
    fed = [graftgrad.tensor(x) for x in case.series("input")]
    for i, x in enumerate(fed):
        x.requires_grad = x.dtype.kind == "f"
        if f"beside/{i}" in case:
            x._keras_mask = graftgrad.tensor(case[f"beside/{i}"])
    given = tuple(fed) if case.facts["apart"] else (fed if len(fed) > 1 else fed[0],)
    more = arguments(case)
    layer(*given, **more)
    weights = layer.weights
    assert [weight.name for weight in weights] == case.facts["names"]
    assert [weight.requires_grad for weight in weights] == case.facts["trainable"]
    layer.set_weights(case.series("weight"))
    outputs: list[Tensor] = flat(layer(*given, **more))
    wanted = case.series("output")
    assert len(outputs) == len(wanted)
    for i, (y, array) in enumerate(zip(outputs, wanted, strict=True)):
        alike(y.detach().numpy(), array)
        mask = getattr(y, "_keras_mask", None)
        assert (mask is not None) == (f"mask/{i}" in case), (i, mask)
        if mask is not None:
            np.testing.assert_array_equal(mask.numpy(), case[f"mask/{i}"])
    if not any(y.requires_grad for y in outputs):
        return
    pulls = [graftgrad.tensor(pull) for pull in case.series("cotangent")]
    sum(((y * pull).sum() for y, pull in zip(outputs, pulls, strict=True)), start=0.0).backward()  # type: ignore[union-attr]
    for i, x in enumerate(fed):
        if x.requires_grad:
            alike(np.zeros(x.shape) if x.grad is None else x.grad.numpy(),
                  case[f"gradient/input/{i}"])  # fmt: skip
    for i, weight in enumerate(layer.trainable_weights):
        assert weight.grad is not None, weight.path
        alike(weight.grad.numpy(), case[f"gradient/weight/{i}"])
