"""What is computed: formula, shape rule, gradients and reference body of every op, in one place each."""

# ruff: noqa: I001, E501  one line per family, in the order of the floors
from .operand import cast, contiguous, copy, floating, full_like
from .arithmetic import abs, add, clip, div, floor_divide, maximum, minimum, mul, neg, power, remainder, sign, square, sub, where
from .exponential import cos, erf, exp, expm1, log, log1p, rsqrt, sigmoid, sin, sqrt, tanh
from .shape import broadcast_to, concatenate, expand_dims, flatten, flip, moveaxis, pad, reshape, split, squeeze, stack, transpose
from .compare import argmax, argmin, count_nonzero, equal, greater, greater_equal, isfinite, isnan, less, less_equal, logical_and, logical_not, logical_or, not_equal
from .reduce import all, any, max, mean, min, prod, sum, sum_to, var
from .matmul import linear, matmul
from .rectifier import hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, prelu, relu, relu6, soft_shrink, sparse_plus, sparse_sigmoid, threshold
from .activation import celu, elu, gelu, glu, log_sigmoid, mish, selu, silu, softplus, softsign, sparsemax, squareplus, tanh_shrink
from .conv import conv1d, conv2d, conv2d_transpose, separable_conv2d
from .depthwise import depthwise_conv2d
from .pool import adaptive_avg_pool2d, avg_pool2d, global_average_pool2d, global_max_pool2d, max_pool2d
from .resize import upsample2d
from .sample_norm import layer_norm, normalize, rms_norm
from .norm import batch_norm, batch_norm_inference, group_norm, instance_norm
from .binary_entropy import binary_cross_entropy, binary_cross_entropy_with_logits
from .softmax import cross_entropy, log_softmax, logsumexp, nll_loss, softmax, softmax_cross_entropy
from .gather import embedding, gather, one_hot, scatter_add, take, take_along_axis
from .order import argsort, cumsum, nonzero, sort, top_k
from .update import accumulate, assign, clip_norm, clip_value, ema, scale, sum_of_squares
from . import random as random
from .random import dropout
