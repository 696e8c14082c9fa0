"""cuBLAS and cuDNN on a GPU: values against the reference bodies in float64, poisoned, repeated."""

from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad.function import Function
from graftgrad.kernel import Call, choose, forget, why_not
from graftgrad.kernels import tf32
from graftgrad.kernels.cublas.matmul import Product
from graftgrad.kernels.cudnn.attention import Attending
from graftgrad.kernels.cudnn.conv import Ordered
from graftgrad.kernels.cudnn.norm import Norm, NormGrad
from graftgrad.ops.attention import Attention, AttentionGrad
from graftgrad.ops.conv import Conv2D, Conv2DFilterGrad, Conv2DInputGrad
from graftgrad.ops.conv3d import Conv3D, Conv3DFilterGrad, Conv3DInputGrad
from graftgrad.ops.depthwise import DepthwiseConv2D, DepthwiseFilterGrad, DepthwiseInputGrad
from graftgrad.ops.matmul import MatMul
from graftgrad.ops.norm import BatchNorm, BatchNormGrad
from graftgrad.spec import Spec, as_dtype, bool_, float64, is_floating

pytestmark = pytest.mark.gpu

TOLERANCE = {"float64": 1e-11, "float32": 2e-5, "tf32": 5e-3, "float16": 4e-3, "bfloat16": 3e-2}
DTYPES = [*TOLERANCE]


def held(
    function: Function, arrays: list[Any], kind: type, dtype: str, *, keep: tuple[int, ...] = ()
) -> None:
    """Compute on the GPU into poisoned memory, twice; hold it against float64 on the CPU.

    `arrays` are float64 or whole numbers; those at `keep` stay float32 beside 16-bit ones.
    """
    tf32.allow(dtype == "tf32")
    device: Any = graftgrad.device("gpu")
    short = as_dtype("float32" if dtype == "tf32" else dtype)
    wide = [
        x if not is_floating(x.dtype) else x.astype(
            as_dtype("float32") if i in keep and short.itemsize == 2 else short
        )
        for i, x in enumerate(arrays)
    ]  # fmt: skip
    ins = tuple([device.put(x, x.dtype) for x in wide])
    specs = tuple([Spec(x.shape, x.dtype) for x in wide])
    made: Any = type(function).infer(function, *specs)
    outs = made if isinstance(made, tuple) else (made,)
    call = Call(function, specs, outs, device)
    body = choose(call)
    assert isinstance(body, kind), why_not(call)

    def computed() -> list[Any]:
        found = tuple([device.room(max(spec.nbytes, 1)) for spec in outs])
        scratch = device.scratch(body.scratch)
        for one in (*found, *scratch):
            one.view("uint8").fill(255)  # not a number in every element type
        results = tuple([
            device.within(room, spec.shape, spec.dtype, 0, _row_major(spec))
            for room, spec in zip(found, outs, strict=True)
        ])  # fmt: skip
        body.run(ins, results, scratch)
        return [device.fetch(one) for one in results]

    once, again = computed(), computed()
    for one, other in zip(once, again, strict=True):
        assert one.tobytes() == other.tobytes(), "it is not the same every time"
    exact = [x.astype(float64) if is_floating(x.dtype) else x for x in wide]
    exact_specs = [Spec(x.shape, x.dtype) for x in exact]
    if getattr(function, "dtype", None) is not None:
        function = type(function)(**{**vars(function), "dtype": None})
    told: Any = type(function).infer(function, *exact_specs)
    wanted = [np.empty(spec.shape, spec.dtype)
              for spec in (told if isinstance(told, tuple) else (told,))]  # fmt: skip
    type(function).compute(function, np, *exact, *wanted)
    for one, true in zip(once, wanted, strict=True):
        limit = TOLERANCE[dtype] * max(1.0, float(np.abs(true).max()))
        np.testing.assert_allclose(one.astype(float64), true, rtol=0, atol=limit)


def _row_major(spec: Spec) -> tuple[int, ...]:
    return np.empty(spec.shape, spec.dtype).strides


@pytest.fixture(autouse=True)
def _strict() -> Any:
    yield
    tf32.allow(False)
    forget()


def normal(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).standard_normal(shape)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("a", "b"),
    [((5, 7), (7, 3)), ((64, 256), (256, 128)), ((3, 5, 7), (7, 4)), ((2, 3, 8, 16), (2, 3, 16, 8)),
     ((2, 1, 5, 7), (3, 7, 4)), ((1, 9), (9, 1))],
)  # fmt: skip
def test_products(a: tuple[int, ...], b: tuple[int, ...], dtype: str) -> None:
    held(MatMul(), [normal(*a), normal(*b)], Product, dtype, keep=(1,))


def test_products_of_operands_as_they_lie() -> None:
    x = graftgrad.tensor(normal(2, 6, 3, 4), "float32", "gpu")
    q = x.permute(0, 2, 1, 3)
    found = q @ q.transpose(-1, -2)
    host = x.numpy().transpose(0, 2, 1, 3)
    wanted = host @ host.swapaxes(-1, -2)
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-5, atol=1e-5)


ONE, PADS = (1, 1), ((1, 1), (1, 1))
PLACES: list[tuple[Any, tuple[int, ...], tuple[int, ...]]] = [
    (Conv2D(ONE, PADS, ONE, 1), (2, 14, 14, 64), (3, 3, 64, 32)),
    (Conv2D((2, 2), ((3, 2), (2, 3)), ONE, 1), (2, 30, 30, 3), (7, 7, 3, 64)),
    (Conv2D(ONE, ((0, 0), (0, 0)), ONE, 1), (2, 14, 14, 64), (1, 1, 64, 128)),
    (Conv2D(ONE, ((2, 2), (2, 2)), (2, 2), 1), (2, 14, 14, 16), (3, 3, 16, 16)),
    (Conv2D(ONE, PADS, ONE, 4), (2, 14, 14, 32), (3, 3, 8, 64)),
    (Conv2D(ONE, PADS, ONE, 1), (2, 9, 11, 5), (3, 3, 5, 7)),
    (Conv2D(ONE, ((0, 0), (4, 0)), ONE, 1), (2, 1, 40, 16), (1, 5, 16, 8)),
    (DepthwiseConv2D(ONE, PADS, ONE), (2, 14, 14, 32), (3, 3, 32, 1)),
    (DepthwiseConv2D((2, 2), PADS, ONE), (2, 14, 14, 16), (3, 3, 16, 2)),
    (Conv3D((1, 1, 1), (*PADS, (1, 1)), (1, 1, 1), 1), (2, 6, 8, 8, 16), (3, 3, 3, 16, 8)),
]
GRADS: dict[Any, Any] = {
    Conv2D: (Conv2DInputGrad, Conv2DFilterGrad), Conv3D: (Conv3DInputGrad, Conv3DFilterGrad),
    DepthwiseConv2D: (DepthwiseInputGrad, DepthwiseFilterGrad),
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("function", "x", "w"), PLACES)
def test_convolutions(function: Any, x: tuple[int, ...], w: tuple[int, ...], dtype: str) -> None:
    images, filters = GRADS[type(function)]
    how = function.strides, function.pads, function.dilation
    how = how if isinstance(function, DepthwiseConv2D) else (*how, function.groups)
    made = type(function).infer(function, Spec(x, float64), Spec(w, float64))
    scale = np.prod(w[:-1]) ** -0.5
    held(function, [normal(*x), normal(*w) * scale], Ordered, dtype, keep=(1,))
    gy = normal(*made.shape)
    held(images(*how, x[1:-1]), [gy, normal(*w) * scale], Ordered, dtype, keep=(1,))
    held(filters(*how, w[:-2], None), [gy, normal(*x)], Ordered, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("shape", [(8, 14, 14, 64), (32, 24), (4, 5, 6, 7, 8)])
def test_batch_norm(shape: tuple[int, ...], dtype: str) -> None:
    each = shape[-1]
    gamma, beta = 1 + 0.1 * normal(each), normal(each + 1)[:each]
    x = 2 * normal(*shape) + 3
    held(BatchNorm(1e-3), [x, gamma, beta], Norm, dtype, keep=(1, 2))
    axes = tuple(range(x.ndim - 1))
    mean, inverse = x.mean(axes), 1 / np.sqrt(x.var(axes) + 1e-3)
    arrays = [normal(*shape), x, gamma, mean, inverse]
    held(BatchNormGrad(), arrays, NormGrad, dtype, keep=(2, 3, 4))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(
    ("n", "t", "u", "s", "g", "d", "causal", "biased"),
    [(2, 64, 64, 4, 4, 32, True, False), (2, 50, 50, 4, 4, 64, False, False),
     (2, 64, 64, 8, 2, 64, True, False), (1, 40, 72, 2, 2, 128, False, False),
     (2, 64, 64, 2, 2, 32, False, True)],
)  # fmt: skip
def test_attention(
    n: int, t: int, u: int, s: int, g: int, d: int, causal: bool, biased: bool, dtype: str
) -> None:
    q, k, v = normal(n, t, s, d), normal(n, u, g, d), normal(n + 1, u, g, d)[:n]
    mask: Any = normal(n, 1, t, u) if biased else np.zeros(0, bool_)
    ahead = Attention(d**-0.5, causal)
    held(ahead, [q, k, v, mask], Attending, dtype)
    y, level = np.empty((n, t, s, d)), np.empty((n, s, t))
    short = as_dtype(dtype)
    rounded = [x.astype(short).astype(float64) if is_floating(x.dtype) else x
               for x in (q, k, v, mask)]  # fmt: skip
    ahead.compute(np, *rounded, y, level)
    arrays = [normal(n, t, s, d), q, k, v, mask, y, level]
    held(AttentionGrad(d**-0.5, causal), arrays, Attending, dtype, keep=(6,))
