"""Cases of ops: every public name of keras.ops that can be compared by calling it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .compare import Case, case

DRAW = np.random.default_rng(3)
M = (3, 4)
POSITIVE = DRAW.uniform(0.3, 2.0, (3, 4)).astype("float32")
INSIDE = DRAW.uniform(-0.9, 0.9, (3, 4)).astype("float32")
ABOVE = DRAW.uniform(1.1, 3.0, (3, 4)).astype("float32")
BOOL = DRAW.random((3, 4)) > 0.5
BOOL2 = DRAW.random((3, 4)) > 0.5
INTS = DRAW.integers(1, 9, (3, 4)).astype("int32")
INTS2 = DRAW.integers(1, 5, (3, 4)).astype("int32")
WILD = np.array([[1.0, np.nan, -np.inf], [np.inf, 0.0, -2.5]], "float32")
GAPS = np.array([[1.0, np.nan, 3.0, -1.0], [np.nan, 2.0, 0.5, 7.0]], "float32")
SQUARE = (DRAW.standard_normal((2, 3, 3)) + 3 * np.eye(3)).astype("float32")
FLAT_SQUARE = SQUARE[0]
SPD = (SQUARE @ SQUARE.transpose(0, 2, 1) + np.eye(3)).astype("float32")
LOWER = np.tril(np.abs(SQUARE) + np.eye(3)).astype("float32")
COMPLEX = (DRAW.standard_normal((3, 2)) + 1j * DRAW.standard_normal((3, 2))).astype("complex64")
SHARES = DRAW.dirichlet(np.ones(4), 3).astype("float32")
ONE_HOT = np.eye(4, dtype="float32")[[0, 2, 3]]
LABELS = np.array([0, 2, 3], "int32")
IMAGE = (2, 6, 5, 3)
FIRST = (2, 3, 6, 5)
SIGNAL = DRAW.standard_normal((2, 40)).astype("float32")
IDS = np.array([0, 2, 0, 1, 2], "int32")


def unary(names: str, *inputs: Any, **settings: Any) -> list[Case]:
    """Declare one case for each of several names."""
    return [case(name, *inputs, **settings) for name in names.split()]


def flat(names: str, *inputs: Any, **settings: Any) -> list[Case]:
    """Declare one case without gradient for each of several names."""
    return [case(name, *inputs, gradient=False, **settings) for name in names.split()]


ELEMENTWISE = [
    *unary(
        "abs absolute fabs arctan arcsinh copy cos cosh deg2rad exp exp2 expm1 i0 "
        "negative rad2deg real sin sinc sinh square tan tanh erf erfc conj conjugate",
        M,
    ),
    *flat("ceil floor sign trunc", M),
    *unary("cbrt log log10 log1p log2 reciprocal rsqrt sqrt", POSITIVE),
    *unary("arccos arcsin arctanh erfinv", INSIDE),
    case("arccosh", ABOVE),
    *flat("isfinite isinf isnan isneginf isposinf nan_to_num signbit isreal", WILD),
    *flat("logical_not", BOOL),
    *flat("bitwise_invert bitwise_not abs square sqrt exp sign floor", INTS),
    *flat("angle imag real conj isreal", COMPLEX),
    *unary("round", M, decimals=1, gradient=False),
    case("clip", M, x_min=-0.4, x_max=0.7),
    *unary(
        "relu relu6 sigmoid silu swish softplus softsign selu log_sigmoid hard_sigmoid hard_silu "
        "hard_swish hard_tanh tanh_shrink sparse_plus sparse_sigmoid leaky_relu elu celu gelu "
        "squareplus hard_shrink soft_shrink",
        (4, 7),
    ),
    case("leaky_relu", M, negative_slope=0.1),
    case("elu", M, alpha=0.5),
    case("celu", M, alpha=0.5),
    case("gelu", M, approximate=False),
    case("glu", M),
    case("glu", (4, 3), axis=0),
    case("threshold", M, threshold=0.2, default_value=-1.0),
    case("softmax", M),
    case("softmax", (2, 3, 4), axis=(1, 2)),
    case("log_softmax", M, axis=0),
]

BINARY = [
    *unary(
        "add subtract multiply divide true_divide maximum minimum fmax fmin arctan2 hypot "
        "logaddexp logaddexp2 divide_no_nan",
        M,
        (4,),
    ),
    case("power", POSITIVE, M),
    case("add", M, 2.0),
    case("multiply", 3, M),
    case("subtract", 1.5, M),
    *flat("add multiply subtract divide floor_divide mod power fmod maximum", INTS, INTS2),
    *flat("gcd lcm bitwise_and bitwise_or bitwise_xor", INTS, INTS2),
    *flat("left_shift right_shift bitwise_left_shift bitwise_right_shift", INTS, INTS2),
    *flat("equal not_equal less less_equal greater greater_equal", INTS, INTS2),
    *flat("logical_and logical_or logical_xor", BOOL, BOOL2),
    *flat("floor_divide mod fmod nextafter heaviside", M, POSITIVE),
    *flat("add", INTS, (3, 4)),
    *flat("isclose allclose", INSIDE, INSIDE),
    *flat("isclose", INSIDE, POSITIVE),
    case("ldexp", M, INTS),
    case("where", BOOL, M, M),
    case("where", BOOL, M, 0.0),
    *flat("where", BOOL),
    case("polar", POSITIVE, M, gradient=False),
]

REDUCTIONS = [
    *unary("sum mean max min amax amin prod std var ptp median average", M),
    *unary("sum mean max min amax amin prod std var ptp median average", (2, 3, 4), axis=1),
    *unary("sum mean max min prod std var median", (2, 3, 4), axis=(0, 2), keepdims=True),
    *flat("sum prod cumsum cumprod argmax argmin count_nonzero mean max", INTS),
    *flat("all any", BOOL),
    *flat("all any", BOOL, axis=1, keepdims=True),
    case("max", M, axis=1, initial=0.5, gradient=False),
    case("average", M, axis=1, weights=np.arange(1.0, 5.0, dtype="float32")),
    *flat("argmax argmin", M, axis=1),
    *flat("argmax", M, axis=0, keepdims=True),
    *flat("argsort sort", M, axis=0),
    case("sort", M),
    *unary("cumsum cumprod", M, axis=1),
    *unary("cumsum cumprod", M),
    case("logsumexp", M, axis=1),
    case("logsumexp", M),
    *flat("moments", M, axes=[0]),
    *flat("nansum nanmean nanmax nanmin nanprod nanstd nanvar nanmedian", GAPS),
    *flat("nansum nanmean nanmax nanmin nanprod nanstd nanvar nanmedian", GAPS, axis=1),
    *flat("nanargmax nanargmin nancumsum nancumprod", GAPS, axis=1),
    *[case("quantile", M, 0.3, axis=1, method=m, gradient=m == "linear")
      for m in ("linear", "lower", "higher", "midpoint", "nearest")],
    case("quantile", M, np.float32([0.1, 0.5]), axis=0, keepdims=True, gradient=False),
    *flat("percentile", M, 30.0, axis=1),
    *flat("nanquantile", GAPS, 0.4, axis=1),
    *flat("nanpercentile", GAPS, 40.0, axis=1, method="higher"),
]  # fmt: skip

ARRANGEMENT = [
    case("append", M, M, axis=0),
    case("append", M, (5,)),
    case("array_split", (7, 2), indices_or_sections=3),
    case("split", (6, 2), indices_or_sections=3),
    case("split", (6, 2), indices_or_sections=[1, 4]),
    case("hsplit", (2, 6), indices_or_sections=2),
    case("vsplit", (6, 2), indices_or_sections=2),
    case("dsplit", (2, 2, 4), indices_or_sections=2),
    case("broadcast_to", (1, 4), shape=(3, 4)),
    case("diag", (3,), k=1),
    case("diag", (3, 4)),
    case("diagflat", (2, 2)),
    case("diagonal", (3, 4, 2), offset=1),
    case("trace", (3, 4)),
    case("diff", M),
    case("diff", M, n=2, axis=0),
    case("expand_dims", M, axis=1),
    case("expand_dims", M, axis=(0, 2)),
    case("squeeze", (1, 3, 1)),
    case("squeeze", (1, 3, 1), axis=0),
    *unary("flip fliplr flipud ravel transpose", M),
    case("flip", M, axis=1),
    case("meshgrid", (3,), (2,), gradient=False),
    case("meshgrid", (3,), (2,), indexing="ij", gradient=False),
    case("moveaxis", (2, 3, 4), source=0, destination=-1),
    case("swapaxes", (2, 3, 4), axis1=0, axis2=2),
    case("transpose", (2, 3, 4), axes=(1, 2, 0)),
    case("pad", M, pad_width=((1, 2), (0, 1))),
    case("pad", M, pad_width=1, constant_values=2.0),
    *[case("pad", M, pad_width=((1, 1), (2, 0)), mode=m)
      for m in ("reflect", "symmetric", "edge", "wrap")],
    case("repeat", M, repeats=2, axis=1),
    case("repeat", M, repeats=3),
    case("reshape", M, newshape=(2, -1)),
    case("roll", M, shift=1),
    case("roll", M, shift=(1, 2), axis=(0, 1)),
    case("rot90", M),
    case("rot90", M, k=3),
    case("tile", M, repeats=(2, 1)),
    *unary("tril triu", (2, 3, 4)),
    case("tril", M, k=1),
    case("triu", M, k=-1),
    case("unstack", M, axis=1),
    case("slice", M, start_indices=[1, 1], shape=(2, 2)),
    case("slice_update", M, np.array([1, 1]), (2, 2)),
    case("get_item", M, key=(slice(None), 1)),
    case("rearrange", (2, 6, 3), pattern="b (h w) c -> b c h w", h=2),
    case("take", M, np.array([0, 2, -1], "int32"), axis=0),
    case("take", M, np.array([[0, 2]], "int32")),
    case("take_along_axis", M, np.array([[0], [2], [1]], "int32"), axis=1),
    *flat("searchsorted", np.float32([0.0, 1.0, 2.0]), np.float32([0.5, 1.0, 3.0])),
    *flat("searchsorted", np.float32([0.0, 1.0, 2.0]), np.float32([0.5, 1.0]), side="right"),
    *flat("digitize", np.float32([0.5, 1.0, 3.0, -1.0]), np.float32([0.0, 1.0, 2.0])),
    *flat("nonzero", BOOL),
    *flat("unravel_index", np.array([1, 5, 11], "int32"), shape=(3, 4)),
    *flat("isin", INTS, np.array([1, 2, 3], "int32")),
    *flat("isin", INTS, np.array([1, 2, 3], "int32"), invert=True),
    *flat("bincount", np.array([0, 1, 1, 3], "int32")),
    *flat("bincount", np.array([[0, 1], [1, 3]], "int32"), minlength=5),
    *flat("histogram", (12,), bins=4, range=(-2, 2)),
    *flat("histogram", (12,)),
    *flat("in_top_k", LABELS, SHARES, k=2),
    case("top_k", M, k=2, gradient=False),
    *flat("unique", np.array([3, 1, 3, 2], "int32")),
    *flat("unique", np.array([3, 1, 3, 2], "int32"), return_counts=True, return_inverse=True),
    *flat("unique", np.array([3, 1, 3, 2], "int32"), size=5),
    *flat("unique", np.array([3, 1, 3, 2], "int32"), size=5, fill_value=-1),
    *flat("ndim size shape", M),
    *flat("cast saturate_cast", M, dtype="int32"),
    *flat("saturate_cast", np.float32([300.0, -5.0, 20.5]), dtype="uint8"),
    *flat("view", np.float32([1.0, 2.0]), dtype="int32"),
]  # fmt: skip

CREATION = [
    *flat("zeros ones", shape=(2, 3)),
    case("full", gradient=False, shape=(2, 3), fill_value=1.5),
    *flat("zeros_like ones_like", M),
    case("full_like", M, gradient=False, fill_value=2.0),
    case("arange", gradient=False, start=5),
    case("arange", gradient=False, start=1.0, stop=2.0, step=0.25),
    case("eye", gradient=False, N=3, M=4, k=1),
    case("identity", gradient=False, n=3),
    case("tri", gradient=False, N=3, M=4, k=-1),
    case("linspace", gradient=False, start=0.0, stop=1.0, num=5),
    case("linspace", gradient=False, start=0.0, stop=1.0, num=4, endpoint=False, retstep=True),
    case("linspace", (3,), (3,), num=4, axis=1),
    case("logspace", gradient=False, start=0.0, stop=2.0, num=5),
    case("geomspace", gradient=False, start=1.0, stop=16.0, num=5),
    case("vander", POSITIVE[0], gradient=False),
    case("vander", POSITIVE[0], gradient=False, N=3, increasing=True),
    *flat("bartlett blackman hamming hanning", np.int32(7)),
    case("kaiser", np.int32(7), gradient=False, beta=5.0),
    case("array", M, gradient=False),
    case("convert_to_tensor", M, gradient=False, dtype="float32"),
]

PRODUCTS = [
    case("matmul", (2, 3, 4), (4, 5)),
    case("matmul", (4,), (4, 5)),
    case("dot", (3, 4), (4,)),
    case("dot", (2, 3, 4), (4, 5)),
    case("inner", (3, 4), (2, 4)),
    case("outer", (3,), (4,)),
    case("vdot", (3, 4), (3, 4)),
    case("kron", (2, 2), (2, 3)),
    case("tensordot", (2, 3, 4), (3, 4, 5)),
    case("tensordot", (2, 3, 4), (5, 3, 2), axes=[[0, 1], [2, 1]]),
    case("cross", (4, 3), (4, 3)),
    case("cross", (4, 2), (4, 3)),
    case("cross", (4, 2), (4, 2)),
    case("corrcoef", (3, 5)),
    *[case("correlate", (7,), (3,), mode=m) for m in ("valid", "same", "full")],
    *[case("correlate", (4,), (6,), mode=m) for m in ("valid", "same", "full")],
    case("trapezoid", M),
    case("trapezoid", M, x=np.float32([0.0, 1.0, 3.0, 4.0])),
    case("cdist", (3, 4), (2, 4)),
]

NN = [
    case("average_pool", IMAGE, pool_size=2, strides=2),
    case("average_pool", IMAGE, pool_size=(3, 2), strides=2, padding="same"),
    case("max_pool", IMAGE, pool_size=2, strides=2),
    case("max_pool", FIRST, pool_size=2, strides=1, data_format="channels_first"),
    case("max_pool", (2, 7, 3), pool_size=2, strides=2, padding="same"),
    case("adaptive_average_pool", IMAGE, output_size=(2, 3)),
    case("adaptive_max_pool", IMAGE, output_size=3),
    case("conv", IMAGE, (3, 3, 3, 4)),
    case("conv", IMAGE, (3, 3, 1, 3), strides=2, padding="same"),
    case("conv", (2, 7, 3), (3, 3, 4), dilation_rate=2),
    case("conv", FIRST, (2, 2, 3, 4), data_format="channels_first"),
    case("conv", (1, 4, 4, 4, 2), (2, 2, 2, 2, 3)),
    case("conv_transpose", IMAGE, (3, 3, 4, 3), strides=2),
    case("conv_transpose", IMAGE, (3, 3, 4, 3), strides=2, padding="same"),
    case("depthwise_conv", IMAGE, (3, 3, 3, 2)),
    case("separable_conv", IMAGE, (3, 3, 3, 2), (1, 1, 6, 4)),
    case("depth_to_space", (2, 2, 3, 8), block_size=2),
    case("depth_to_space", (2, 8, 2, 3), block_size=2, data_format="channels_first"),
    case("space_to_depth", (2, 4, 6, 2), block_size=2),
    case("space_to_depth", (2, 2, 4, 6), block_size=2, data_format="channels_first"),
    case("unfold", (2, 3, 5, 6), kernel_size=2),
    case("unfold", (2, 3, 5, 6), kernel_size=(2, 3), padding=1, stride=2),
    case("fold", (2, 12, 20), output_size=(5, 6), kernel_size=2),
    case("extract_sequences", (2, 11), sequence_length=4, sequence_stride=3),
    case("batch_normalization", M, (4,), POSITIVE[0], axis=-1),
    case("layer_normalization", M, (4,), (4,)),
    case("rms_normalization", M, (4,)),
    case("normalize", M),
    case("normalize", M, order=1, axis=0),
    case("normalize", M, order=3),
    case("dot_product_attention", (2, 3, 4, 5), (2, 6, 4, 5), (2, 6, 4, 5)),
    case("dot_product_attention", (2, 3, 4, 5), (2, 3, 2, 5), (2, 3, 2, 5), is_causal=True),
    case("dot_product_attention", (2, 3, 4, 5), (2, 6, 4, 5), (2, 6, 4, 5), (1, 4, 3, 6)),
    *flat("one_hot", LABELS, num_classes=4),
    *flat("one_hot", np.array([[0, -1], [5, 2]], "int32"), num_classes=4, axis=1),
    *flat("multi_hot", np.array([[0, 2], [1, 1]], "int32"), num_classes=4),
    case("psnr", INSIDE, POSITIVE, max_val=1.0),
    case("binary_crossentropy", (SHARES > 0.3).astype("float32"), SHARES),
    case("binary_crossentropy", ONE_HOT, M, from_logits=True),
    case("categorical_crossentropy", ONE_HOT, SHARES),
    case("categorical_crossentropy", ONE_HOT, M, from_logits=True),
    case("sparse_categorical_crossentropy", LABELS, SHARES),
    case("sparse_categorical_crossentropy", LABELS, M, from_logits=True),
    case("ctc_loss", np.array([[1, 2], [3, 0]], "int32"), (2, 6, 4),
         np.array([2, 1], "int32"), np.array([6, 5], "int32"), rtol=1e-4),
    *flat("ctc_decode", (2, 6, 4), np.array([6, 5], "int32")),
]  # fmt: skip

LINALG = [
    case("cholesky", SPD, rtol=1e-4),
    case("cholesky", SPD, upper=True, gradient=False),
    *flat("cholesky_inverse", LOWER[0], rtol=1e-4),
    *unary("det inv logdet", SQUARE, rtol=1e-4),
    *flat("slogdet", SQUARE, rtol=1e-4),
    *flat("lu_factor", SQUARE, rtol=1e-4),
    case("norm", M),
    *[case("norm", M, ord=o, axis=1) for o in (1, 2, 3, np.inf, None)],
    *[case("norm", M, ord=o, gradient=False) for o in ("fro", "nuc", 1, 2, np.inf)],
    case("solve", SQUARE, (2, 3, 2), rtol=1e-4),
    case("solve", FLAT_SQUARE, (3,), rtol=1e-4),
    case("solve_triangular", LOWER, (2, 3, 2), lower=True, rtol=1e-4),
    case("svd", SQUARE, compute_uv=False, rtol=1e-4),
    *flat("lstsq", (5, 3), (5, 2), rtol=1e-4),
    *flat("matrix_rank", SQUARE),
    *flat("pinv", (4, 3), rtol=1e-4),
]

MATH = [
    *unary("segment_sum segment_max segment_min", (5, 3), IDS, num_segments=4),
    *flat("segment_prod", (5, 3), IDS, num_segments=4),  # JAX has no gradient of it
    case("rfft", (2, 8)),
    case("rfft", (2, 8), fft_length=6),
    case("stft", SIGNAL, sequence_length=8, sequence_stride=4, fft_length=8),
    case("stft", SIGNAL, sequence_length=6, sequence_stride=3, fft_length=8, window="hamming",
         center=False),
    case("stft", SIGNAL, sequence_length=6, sequence_stride=3, fft_length=8, window=None),
    *flat("view_as_complex", (3, 2)),
    *flat("view_as_real", COMPLEX),
    *flat("scatter", np.array([[0], [2], [0]], "int32"), (3, 2), shape=(4, 2)),
    *[case("scatter_update", (4, 2), np.array([[0], [2]], "int32"), (2, 2), reduction=r)
      for r in (None, "add", "max", "min")],
    *flat("scatter_update", (4, 2), np.array([[0], [2]], "int32"), (2, 2), reduction="mul"),
    case("scatter_update", (4, 2), np.array([[0, 1], [2, 0]], "int32"), (2,)),
    case("stop_gradient", M, gradient=False),
]  # fmt: skip

CASES = [
    *ELEMENTWISE, *BINARY, *REDUCTIONS, *ARRANGEMENT, *CREATION, *PRODUCTS, *NN, *LINALG, *MATH,
]  # fmt: skip
# What is compared by hand in test_ops.py: lists of tensors, functions, free signs; and where
# Keras is wrong.
BY_HAND = {
    "append", "argpartition", "associative_scan", "concatenate", "cond", "convert_to_numpy",
    "custom_gradient", "dstack", "dtype", "eig", "eigh", "einsum", "empty", "empty_like", "fft",
    "fft2", "fori_loop", "hstack", "ifft2", "irfft", "is_tensor", "istft", "jvp", "map", "qr",
    "scan", "select", "sparsemax", "stack", "switch", "vectorize", "vectorized_map", "vstack",
    "while_loop",
}  # fmt: skip
