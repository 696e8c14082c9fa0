"""Writes torch_ops.npz and torch_ops.json: PyTorch's functions in float64, first and second order.

Ran with torch 2.13.0 (CPU), numpy 2.4.6, Python 3.11; stored as float64. Needs the interop extra:
``python tests/golden/make_torch_ops.py``.

Everything lies channels last here and is turned round for PyTorch inside: images (N, H, W, C),
windows of a convolution (A, B, C, O), of a transposed one (A, B, O, C), of a depthwise one as a
grouped (A, B, 1, O). Class names are those of torch.nn.functional, settings their keyword
arguments (padding in PyTorch's form). Arrays of a case: ``operand/<name>`` (differentiated ones in
facts["wanted"]), ``output``, ``cotangent``, ``gradient/<name>`` of sum(output · cotangent);
``direction/<name>`` and ``second/<name>``: the gradient of Σ gradient · direction. A ``second`` is
absent where that sum does not depend on the operand (it is zero there); so are all of
facts["linear"]. Where facts["twice"] is false PyTorch has no second order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from writer import Array, Family, draw, draw_integers, draw_positive

Tensor = torch.Tensor
family = Family("torch_ops", ("torch",))


def images(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def back(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)


def conv2d(x: Tensor, w: Tensor, b: Tensor | None = None, **settings: Any) -> Tensor:
    return back(F.conv2d(images(x), w.permute(3, 2, 0, 1), b, **settings))


def conv_transpose2d(x: Tensor, w: Tensor, b: Tensor | None = None, **settings: Any) -> Tensor:
    return back(F.conv_transpose2d(images(x), w.permute(3, 2, 0, 1), b, **settings))


def over_images(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def turned(x: Tensor, **others: Any) -> Tensor:
        return back(function(images(x), **others))

    return turned


def case(
    class_name: str,
    compute: Callable[..., Tensor] | None = None,
    *,
    fixed: dict[str, Array] | None = None,
    operands: dict[str, Array],
    twice: bool = True,
    **settings: Any,
) -> None:
    """`fixed` operands (labels, statistics) are not differentiated."""
    name = f"{class_name}-{sum(1 for c in family.cases if c['class_name'] == class_name)}"
    function = compute or getattr(F, class_name)
    wanted = {n: torch.tensor(a, requires_grad=True) for n, a in operands.items()}
    still = {n: torch.tensor(a) for n, a in (fixed or {}).items()}
    output = function(**wanted, **still, **settings)
    cotangent = torch.tensor(draw(name + "cotangent", *output.shape, span=1.0))
    leaves = list(wanted.values())
    first = torch.autograd.grad((output * cotangent).sum(), leaves, create_graph=twice)
    directions = [torch.tensor(draw(f"{name}{n}", *a.shape, span=1.0)) for n, a in operands.items()]
    total = sum((g * d).sum() for g, d in zip(first, directions, strict=True))
    second: tuple[Any, ...] = (None,) * len(leaves)
    if isinstance(total, Tensor) and total.requires_grad:
        second = torch.autograd.grad(total, leaves, allow_unused=True)
    arrays: dict[str, Any] = {f"operand/{n}": a for n, a in (operands | (fixed or {})).items()}
    arrays |= {"output": output.detach().numpy(), "cotangent": cotangent.numpy()}
    linear = []
    for n, gradient, direction, bend in zip(wanted, first, directions, second, strict=True):
        arrays[f"gradient/{n}"] = gradient.detach().numpy()
        if not twice:
            continue
        arrays[f"direction/{n}"] = direction.numpy()
        if bend is None:
            linear.append(n)
        else:
            arrays[f"second/{n}"] = bend.numpy(force=True)  # PyTorch keeps some zeros unwritten
    family.add(name, class_name, settings, arrays, wanted=list(wanted), linear=linear,
               twice=twice)  # fmt: skip


def numbers(tag: str, **shapes: tuple[int, ...]) -> dict[str, Array]:
    return {name: draw(tag + name, *shape) for name, shape in shapes.items()}


def convolutions() -> None:
    def one(x: tuple[int, ...], w: tuple[int, ...], bias: bool = False, **settings: Any) -> None:
        shapes = {"x": x, "w": w} | ({"b": (w[3],)} if bias else {})
        case("conv2d", conv2d, operands=numbers(f"conv{x}{w}", **shapes), **settings)

    one((2, 4, 5, 2), (3, 3, 2, 3), bias=True)
    one((1, 5, 4, 2), (3, 2, 2, 2), stride=[2, 1], padding=[1, 1])
    one((1, 6, 6, 1), (3, 3, 1, 2), dilation=2)
    one((1, 4, 4, 4), (2, 2, 2, 4), groups=2, bias=True)
    one((1, 4, 5, 3), (3, 3, 1, 6), groups=3, padding=1)
    one((1, 5, 5, 2), (1, 1, 2, 3), stride=2)

    def turned(x: tuple[int, ...], w: tuple[int, ...], **settings: Any) -> None:
        operands = numbers(f"transposed{x}{w}", x=x, w=w, b=(w[2],))
        case("conv_transpose2d", conv_transpose2d, operands=operands, **settings)

    turned((1, 3, 4, 2), (3, 3, 3, 2))
    turned((1, 3, 2, 2), (3, 2, 2, 2), stride=2, padding=1, output_padding=1)


def pools() -> None:
    for class_name in ("max_pool2d", "avg_pool2d"):
        pool = over_images(getattr(F, class_name))
        x = numbers(class_name, x=(1, 6, 5, 2))
        case(class_name, pool, operands=x, kernel_size=2)
        case(class_name, pool, operands=x, kernel_size=3, stride=2, padding=1)
        case(class_name, pool, operands=x, kernel_size=[3, 2], stride=1, ceil_mode=False)
        case(class_name, pool, operands=x, kernel_size=3, stride=2, ceil_mode=True)
    x = numbers("excluded", x=(1, 5, 5, 1))
    case("avg_pool2d", over_images(F.avg_pool2d), operands=x, kernel_size=3, stride=2, padding=1,
         count_include_pad=False)  # fmt: skip
    case("adaptive_avg_pool2d", over_images(F.adaptive_avg_pool2d), operands=x, output_size=1)


def norms() -> None:
    def batch_norm(x: Tensor, w: Any = None, b: Any = None, mean: Any = None, var: Any = None,
                   **settings: Any) -> Tensor:  # fmt: skip
        return back(F.batch_norm(images(x), mean, var, w, b, **settings))

    x, affine = numbers("bn", x=(2, 3, 2, 3)), numbers("bn", w=(3,), b=(3,))
    moving = {"mean": draw("mean", 3), "var": draw_positive("var", 3)}
    case("batch_norm", batch_norm, operands=x | affine, training=True, eps=1e-3)
    case("batch_norm", batch_norm, operands=x, training=True)
    case("batch_norm", batch_norm, operands=x | affine, fixed=moving, training=False)

    def layer_norm(x: Tensor, w: Any = None, b: Any = None, **settings: Any) -> Tensor:
        return F.layer_norm(x, weight=w, bias=b, **settings)

    operands = numbers("ln", x=(3, 4), w=(4,), b=(4,))
    case("layer_norm", layer_norm, operands=operands, normalized_shape=[4])
    operands = numbers("ln2", x=(2, 2, 3))
    case("layer_norm", layer_norm, operands=operands, normalized_shape=[2, 3], eps=1e-3)

    def group_norm(x: Tensor, w: Any = None, b: Any = None, **settings: Any) -> Tensor:
        return back(F.group_norm(images(x), weight=w, bias=b, **settings))

    operands = numbers("gn", x=(2, 2, 2, 4), w=(4,), b=(4,))
    case("group_norm", group_norm, operands=operands, num_groups=2)
    case("group_norm", group_norm, operands=numbers("gn1", x=(2, 2, 1, 4)), num_groups=1)

    def rms_norm(x: Tensor, w: Tensor, **settings: Any) -> Tensor:
        return F.rms_norm(x, weight=w, **settings)

    operands = numbers("rms", x=(3, 4), w=(4,))
    case("rms_norm", rms_norm, operands=operands, normalized_shape=[4], eps=1e-5)
    case("normalize", operands=numbers("unit", input=(3, 4)), dim=-1)


def softmaxes_and_losses() -> None:
    x = numbers("softmax", input=(3, 5))
    for class_name in ("softmax", "log_softmax"):
        case(class_name, operands=x, dim=-1)
        case(class_name, operands=numbers("deep", input=(2, 3, 2)), dim=1)
    labels = {"target": draw_integers("labels", (3,), 5)}
    for settings in (
        {},
        {"reduction": "sum"},
        {"reduction": "none"},
        {"label_smoothing": 0.1},
        {"ignore_index": int(labels["target"][0])},
    ):
        case("cross_entropy", operands=x, fixed=labels, **settings)
    weights = {"weight": draw_positive("weights", 5)}
    case("cross_entropy", operands=x, fixed=labels | weights)
    soft = np.abs(draw("soft", 3, 5))
    case("cross_entropy", operands=x, fixed={"target": soft / soft.sum(1, keepdims=True)})
    case("nll_loss", operands=x, fixed=labels)
    case("nll_loss", operands=x, fixed=labels | weights, reduction="sum")
    y = {"target": draw("target", 3, 5)}
    for class_name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
        case(class_name, operands=x, fixed=y)
        case(class_name, operands=x, fixed=y, reduction="none")
    marks = {"target": draw_integers("marks", (3, 5), 2).astype("float64")}
    case("binary_cross_entropy_with_logits", operands=x, fixed=marks)
    case("binary_cross_entropy", operands={"input": draw_positive("share", 3, 5) / 2}, fixed=marks)
    logarithms = {"input": np.log(draw_positive("kl", 3, 5) / 2)}
    case("kl_div", operands=logarithms, fixed={"target": draw_positive("p", 3, 5)},
         reduction="batchmean")  # fmt: skip


def activations() -> None:
    def one(class_name: str, **settings: Any) -> None:
        case(class_name, operands={"input": draw(class_name, 16, span=4.0)}, **settings)

    for name in ("relu", "relu6", "elu", "selu", "celu", "silu", "mish", "softsign", "tanh",
                 "sigmoid", "logsigmoid", "hardtanh", "tanhshrink", "softshrink",
                 "hardshrink"):  # fmt: skip
        one(name)
    one("hardsigmoid", twice=False)
    one("hardswish", twice=False)
    one("gelu")
    one("gelu", approximate="tanh")
    one("leaky_relu", negative_slope=0.1)
    one("elu", alpha=0.5)
    one("softplus")
    one("softplus", beta=2.0, threshold=3.0)
    case("prelu", operands=numbers("prelu", input=(3, 4), weight=(4,)))
    case("glu", operands=numbers("glu", input=(3, 4)), dim=-1)


def arithmetic() -> None:
    """Functions of torch itself: broadcasting, reductions and products."""

    def one(name: str, operands: dict[str, Array], **settings: Any) -> None:
        case(name, getattr(torch, name), operands=operands, **settings)

    two = numbers("two", input=(2, 1, 3), other=(4, 1))
    for name in ("add", "sub", "mul", "maximum", "minimum", "atan2"):
        one(name, two)
    one("div", {"input": draw("numerator", 2, 1, 3), "other": draw_positive("denominator", 4, 1)})
    one("pow", {"input": draw_positive("base", 2, 3), "exponent": draw("exponent", 3)})
    for name in ("exp", "sin", "cos", "tanh", "erf", "abs", "square", "expm1", "sinh", "atan"):
        one(name, numbers(name, input=(6,)))
    for name in ("log", "log1p", "sqrt", "rsqrt", "reciprocal", "log2"):
        one(name, {"input": draw_positive(name, 6)})
    x = numbers("reduced", input=(2, 3, 4))
    for name in ("sum", "mean", "amax", "amin", "logsumexp", "prod"):
        one(name, x, dim=1)
    for name in ("sum", "mean", "logsumexp", "amax"):
        one(name, x, dim=[0, 2], keepdim=True)
    one("var", x, dim=[0, 2], correction=0)
    one("var", x, dim=[1], correction=1, keepdim=True)
    one("std", x, dim=[1], correction=1)
    one("cumsum", x, dim=1)
    one("matmul", numbers("matrix", input=(3, 4), other=(4, 2)))
    one("matmul", numbers("batch", input=(2, 3, 4), other=(4, 2)))
    one("matmul", numbers("batches", input=(2, 1, 3, 2), other=(2, 2, 3)))
    one("matmul", numbers("vector", input=(3, 4), other=(4,)))
    case("linear", operands=numbers("linear", input=(3, 4), weight=(2, 4), bias=(2,)))


def main() -> None:
    convolutions()
    pools()
    norms()
    softmaxes_and_losses()
    activations()
    arithmetic()
    family.write()


if __name__ == "__main__":
    main()
