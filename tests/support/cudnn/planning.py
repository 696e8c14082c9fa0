"""Plans of cuDNN over the shapes of real networks, as a table: `python -m support.cudnn.planning`.

Run by `environment()` of `driver`, so that no GPU is needed.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graftgrad.device.base import Device
from graftgrad.function import Function
from graftgrad.kernel import Call
from graftgrad.kernels import tf32
from graftgrad.kernels.cudnn import attention, conv, frontend, norm
from graftgrad.ops.attention import Attention, AttentionGrad
from graftgrad.ops.conv import Conv2D, Conv2DFilterGrad, Conv2DInputGrad
from graftgrad.ops.conv3d import Conv3D, Conv3DFilterGrad, Conv3DInputGrad
from graftgrad.ops.depthwise import DepthwiseConv2D, DepthwiseFilterGrad, DepthwiseInputGrad
from graftgrad.ops.norm import BatchNorm, BatchNormGrad
from graftgrad.spec import DType, Spec, bfloat16, bool_, float16, float32, float64

GPU = Path(__file__).with_name("h100.json")

# (channels, filters, window, stride, size) of ResNet-50 at 224
RESNET = [
    (3, 64, 7, 2, 224),
    (64, 64, 1, 1, 56), (64, 64, 3, 1, 56), (64, 256, 1, 1, 56), (256, 64, 1, 1, 56),
    (256, 128, 1, 1, 56), (128, 128, 3, 2, 56), (128, 512, 1, 1, 28), (256, 512, 1, 2, 56),
    (512, 128, 1, 1, 28), (128, 128, 3, 1, 28), (512, 256, 1, 1, 28), (256, 256, 3, 2, 28),
    (256, 1024, 1, 1, 14), (512, 1024, 1, 2, 28), (1024, 256, 1, 1, 14), (256, 256, 3, 1, 14),
    (1024, 512, 1, 1, 14), (512, 512, 3, 2, 14), (512, 2048, 1, 1, 7), (1024, 2048, 1, 2, 14),
    (2048, 512, 1, 1, 7), (512, 512, 3, 1, 7),
]  # fmt: skip
# (channels, stride, size) of the depthwise convolutions of MobileNetV2 at 224, 3 x 3
MOBILENET = [
    (32, 1, 112), (96, 2, 112), (144, 1, 56), (144, 2, 56), (192, 1, 28), (192, 2, 28),
    (384, 1, 14), (576, 1, 14), (576, 2, 14), (960, 1, 7),
]  # fmt: skip
NORMS = [(64, 112), (64, 56), (256, 56), (128, 28), (512, 28), (1024, 14), (512, 7), (2048, 7)]


class Elsewhere(Device):
    """A GPU of which there is only a description."""

    kind = "gpu"


HERE = Elsewhere()


def call(function: Function, *ins: Spec) -> Call:
    """A call with its results described."""
    made: Any = type(function).infer(function, *ins)
    return Call(function, ins, made if isinstance(made, tuple) else (made,), HERE)


def convolutions(function: Any, x: Spec, w: Spec) -> Iterator[Call]:
    """A convolution and its two gradients."""
    ahead = call(function, x, w)
    yield ahead
    y = ahead.outs[0]
    images, filters = {
        Conv2D: (Conv2DInputGrad, Conv2DFilterGrad),
        Conv3D: (Conv3DInputGrad, Conv3DFilterGrad),
        DepthwiseConv2D: (DepthwiseInputGrad, DepthwiseFilterGrad),
    }[type(function)]
    how = function.strides, function.pads, function.dilation
    if not isinstance(function, DepthwiseConv2D):
        how = (*how, function.groups)
    dtype = None if w.dtype == x.dtype else w.dtype
    yield call(images(*how, x.shape[1:-1]), y, w)
    yield call(filters(*how, w.shape[:-2], dtype), y, x)


def same(size: int, window: int, stride: int) -> tuple[int, int]:
    """The zeros before and after an axis."""
    total = max((-(-size // stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


def resnet(batch: int, dtype: DType) -> Iterator[Call]:
    """The convolutions of ResNet-50, with float32 weights."""
    for channels, filters, window, stride, size in RESNET:
        pads = (same(size, window, stride),) * 2
        made = Conv2D((stride,) * 2, pads, (1, 1), 1)
        x = Spec((batch, size, size, channels), dtype)
        w = Spec((window, window, channels, filters), float32 if dtype != float64 else dtype)
        yield from convolutions(made, x, w)


def mobilenet(batch: int, dtype: DType) -> Iterator[Call]:
    """The depthwise convolutions of MobileNetV2."""
    for channels, stride, size in MOBILENET:
        made = DepthwiseConv2D((stride,) * 2, (same(size, 3, stride),) * 2, (1, 1))
        x = Spec((batch, size, size, channels), dtype)
        yield from convolutions(made, x, Spec((3, 3, channels, 1), float32))


def others(dtype: DType) -> Iterator[Call]:
    """Convolutions of every other kind."""
    x = Spec((4, 20, 24, 32), dtype)
    one, pads, wide = (1, 1), ((1, 1), (1, 1)), ((2, 2), (2, 2))
    uneven, causal, cube = ((0, 1), (1, 0)), ((0, 0), (4, 0)), ((1, 1),) * 3
    odd, row = Spec((4, 20, 24, 5), dtype), Spec((4, 1, 100, 32), dtype)
    room, tap = Spec((2, 8, 20, 20, 16), dtype), Spec((3, 3, 3, 16, 32), dtype)
    plain = Spec((3, 3, 32, 16), dtype)
    yield from convolutions(Conv2D(one, pads, one, 4), x, Spec((3, 3, 8, 64), dtype))
    yield from convolutions(Conv2D(one, wide, (2, 2), 1), x, plain)
    yield from convolutions(Conv2D((2, 2), uneven, one, 1), x, plain)
    yield from convolutions(Conv2D(one, pads, one, 1), odd, Spec((3, 3, 5, 7), dtype))
    yield from convolutions(Conv2D(one, causal, one, 1), row, Spec((1, 5, 32, 16), dtype))
    yield from convolutions(DepthwiseConv2D(one, pads, one), x, Spec((3, 3, 32, 2), dtype))
    yield from convolutions(Conv3D((1, 1, 1), cube, (1, 1, 1), 1), room, tap)
    yield from convolutions(Conv3D((2, 2, 2), cube, (1, 1, 1), 1), room, tap)


def norms(batch: int, dtype: DType) -> Iterator[Call]:
    """Batch normalisations of ResNet-50 and their gradients."""
    for channels, size in NORMS:
        x, each = Spec((batch, size, size, channels), dtype), Spec((channels,), float32)
        yield call(BatchNorm(1e-3), x, each, each)
        yield call(BatchNormGrad(), x, x, each, each, each)


def attentions(dtype: DType) -> Iterator[Call]:
    """Attention of GPT-2 small, of grouped heads, across two sequences, with numbers added."""
    none = Spec((0,), bool_)
    for n, t, u, s, g, d, causal, mask in (
        (16, 1024, 1024, 12, 12, 64, True, none),
        (2, 197, 197, 12, 12, 64, False, none),
        (2, 256, 256, 8, 2, 128, True, none),
        (2, 40, 72, 4, 4, 32, False, none),
        (2, 128, 128, 4, 4, 64, False, Spec((2, 1, 128, 128), dtype)),
    ):
        q, k = Spec((n, t, s, d), dtype), Spec((n, u, g, d), dtype)
        ahead = call(Attention(d**-0.5, causal), q, k, k, mask)
        yield ahead
        y, level = ahead.outs
        yield call(AttentionGrad(d**-0.5, causal), y, q, k, k, mask, y, level)


def planned(one: Call, target: frontend.Target) -> Any:
    """The body of a call for a target."""
    kind = type(one.function)
    if kind in (BatchNorm, BatchNormGrad):
        return (norm.forward if kind is BatchNorm else norm.backward)(one, target)
    if kind in (Attention, AttentionGrad):
        return (attention.forward if kind is Attention else attention.backward)(one, target)
    return conv.order(one, target)


def every(family: str) -> Iterator[tuple[str, Call]]:
    """The calls of a family of shapes, each with a name for its element type."""
    if family == "conv":
        for batch in (32, 256):
            for dtype in (bfloat16, float16):
                yield from ((str(dtype), one) for one in resnet(batch, dtype))
        yield from (("tf32", one) for one in resnet(32, float32))
        yield from (("float32", one) for one in resnet(32, float32))
        for dtype in (bfloat16, float32):
            yield from ((str(dtype), one) for one in mobilenet(32, dtype))
    elif family == "other":
        for dtype in (bfloat16, float16, float32, float64):
            yield from ((str(dtype), one) for one in others(dtype))
    elif family == "norm":
        for dtype in (bfloat16, float16, float32):
            yield from ((str(dtype), one) for one in norms(32, dtype))
    else:
        for dtype in (bfloat16, float16):
            yield from ((str(dtype), one) for one in attentions(dtype))


def main(families: list[str]) -> None:
    """Print a line of JSON for each call: what it is, and its plan or why there is none."""
    target = frontend.described_target(GPU.read_text(), 90)
    print(json.dumps({"version": frontend.version()}))
    for family in families:
        for name, one in every(family):
            tf32.allow(name == "tf32")
            begun = time.perf_counter()
            told: dict[str, Any] = {
                "family": family, "dtype": name, "call": type(one.function).__name__,
                "ins": [list(spec.shape) for spec in one.ins],
            }  # fmt: skip
            try:
                body = planned(one, target)
                told |= {"workspace": body.plan.workspace, "engine": body.plan.engine}
            except frontend.UnplannedError as error:
                told["why"] = str(error)[:300]
            print(json.dumps({**told, "seconds": round(time.perf_counter() - begun, 3)}))


if __name__ == "__main__":
    main(sys.argv[1:] or ["conv", "other", "norm", "attention"])
