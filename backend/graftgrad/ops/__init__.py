"""What is computed: formula, shape rule, gradients and reference body of every op, in one place each."""

from .arithmetic import abs, add, clip, div, floor_divide, maximum, minimum, mul, neg, power, remainder, sign, square, sub, where
from .compare import argmax, argmin, count_nonzero, equal, greater, greater_equal, isfinite, isnan, less, less_equal, logical_and, logical_not, logical_or, not_equal
from .exponential import cos, erf, exp, expm1, log, log1p, rsqrt, sigmoid, sin, sqrt, tanh
from .matmul import linear, matmul
from .operand import cast, contiguous, copy, floating, full_like
from .reduce import all, any, max, mean, min, prod, sum, sum_to, var
from .shape import broadcast_to, concatenate, expand_dims, flatten, flip, moveaxis, pad, reshape, split, squeeze, stack, transpose
from .update import accumulate, assign, clip_norm, clip_value, ema, scale, sum_of_squares
