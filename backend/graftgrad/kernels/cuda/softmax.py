"""Softmax, its logarithm, and the cross entropies from logits, each in one pass over rows.

Rows that are all −∞ give what the reference bodies give: probabilities of 0, never NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...function import Function
from ...kernel import Call, Kernel, kernel
from ...ops.softmax import (
    CrossEntropy,
    CrossEntropyGrad,
    LogSoftmax,
    LogSoftmaxGrad,
    LogSumExp,
    Softmax,
    SoftmaxCrossEntropy,
    SoftmaxCrossEntropyGrad,
    SoftmaxGrad,
)
from ...spec import float64, is_floating
from .launches import Launch, int64
from .packed import fits, pointers, trailing
from .prelude import type_of
from .rows import Rows, row_launch
from .translate import literal

_TOP = """
  R top = -(R)INFINITY;
  each(k, i) top = larger()(top, (R)widen(x[i]));
  top = most(top);
  if (top == -(R)INFINITY) top = 0;
  R total = 0;
  each(k, i) total += f_exp((R)widen(x[i]) - top);
  total = sum(total);
"""
_SOFTMAX = f"""{_TOP}
  if (total == 0) total = 1;
  if (live) each(k, i) y[i] = narrow<Y>(f_exp((R)widen(x[i]) - top) / total);
"""
_LOG_SOFTMAX = f"""{_TOP}
  total = f_log(total == 0 ? (R)1 : total);
  if (live) each(k, i) y[i] = narrow<Y>((R)widen(x[i]) - top - total);
"""
_SOFTMAX_GRAD = """
  R along = 0;
  each(k, i) along += (R)widen(g[i]) * (R)widen(x[i]);
  along = sum(along);
  if (live) each(k, i)
    y[i] = narrow<Y>(((R)widen(g[i]) - along) * (R)widen(x[i]));
"""
_LOG_SOFTMAX_GRAD = """
  R along = 0;
  each(k, i) along += (R)widen(g[i]);
  along = sum(along);
  if (live) each(k, i)
    y[i] = narrow<Y>((R)widen(g[i]) - f_exp((R)widen(x[i])) * along);
"""
_LOG_SUM_EXP = f"""{_TOP}
  if (live && lane == 0) y[row] = narrow<Y>(f_log(total) + top);
"""
_LABEL = """
  const long long label = (long long)labels[row];
  const bool kept = IGNORED, wrong = kept && (label < 0 || label >= width);
"""
_CROSS_ENTROPY = f"""{_LABEL}{_TOP}
  total = f_log(total == 0 ? (R)1 : total);
  R spread = 0;
  if (SMOOTH) {{
    each(k, i) spread += (R)widen(x[i]) - top;
    spread = sum(spread) / (R)width;
  }}
  if (live && lane == 0) {{
    R own = kept && !wrong ? (R)widen(x[begin + label]) - top : (R)0;
    R loss = total - own;
    if (SMOOTH) loss = loss * (R)(1 - SMOOTHING) + (R)(SMOOTHING) * (total - spread);
    y[row] = narrow<Y>(wrong ? (R)NAN : kept ? loss : (R)0);
    log_total[row] = narrow<L>(total + top);
  }}
"""
_CROSS_ENTROPY_GRAD = f"""{_LABEL}
  const R weight = wrong ? (R)NAN : kept ? (R)widen(g[row]) : (R)0;
  const R level = widen(log_total[row]);
  if (live) each(k, i) {{
    R share = f_exp((R)widen(x[i]) - level) - (R)(SMOOTHING) / (R)width;
    if (k == label && kept) share -= (R)(1 - SMOOTHING);
    y[i] = narrow<Y>(share * weight);
  }}
"""
_SHARES = f"""{_TOP}
  total = f_log(total == 0 ? (R)1 : total);
  R loss = 0;
  each(k, i) {{
    R t = widen(targets[i]);
    if (t != 0) loss += (top + total - (R)widen(x[i])) * t;
  }}
  loss = sum(loss);
  if (live && lane == 0) {{ y[row] = narrow<Y>(loss); log_total[row] = top + total; }}
"""
_SHARES_GRAD = """
  R all = 0;
  each(k, i) all += (R)widen(targets[i]);
  all = sum(all);
  const R level = widen(log_total[row]), weight = widen(g[row]);
  if (live) each(k, i)
    y[i] = narrow<Y>(
      (f_exp((R)widen(x[i]) - level) * all - (R)widen(targets[i])) * weight);
"""


def offered(
    call: Call,
    width: int,
    text: str,
    named: Sequence[str],
    result: int,
    numbers: Sequence[Any] = (),
) -> Kernel | None:
    """Return a kernel over rows, or None where it does not fit.

    Args:
        call: what is computed.
        width: elements of a row; 0 where rows do not lie in a row.
        text: the body, see `rows`.
        named: the names of operands and results in it.
        result: which of them gives Y, the type that is written.
        numbers: further arguments.
    """
    specs = (*call.ins, *call.outs)
    if not width or not fits(call):
        return None
    floats = [spec.dtype for spec in specs if is_floating(spec.dtype)]
    real = "double" if float64 in floats else "float"
    parameters = pointers(specs, named, len(call.ins))
    if numbers:
        parameters += ", long long ignored"
    made = text.replace("<Y>", f"<{type_of(specs[result].dtype)}>")
    made = made.replace("<L>", f"<{type_of(specs[-1].dtype)}>")
    x = named.index("x")
    rows = specs[x].size // width

    def launches(places: Sequence[int]) -> list[Launch]:
        given = [*places[: len(specs)], *numbers]
        return [
            row_launch(type(call.function).__name__, parameters, made, rows, width, given, real)
        ]

    return Rows(call, launches)


def _register(kind: type[Function], text: str, named: Sequence[str]) -> None:
    def build(call: Call) -> Kernel | None:
        """Offer a kernel over rows."""
        function: Any = call.function
        width = trailing(function.axes, call.ins[0])
        return offered(call, width, text, named, len(named) - 1)

    kernel(kind, on="gpu")(build)


_register(Softmax, _SOFTMAX, ("x", "y"))
_register(LogSoftmax, _LOG_SOFTMAX, ("x", "y"))
_register(SoftmaxGrad, _SOFTMAX_GRAD, ("g", "x", "y"))
_register(LogSoftmaxGrad, _LOG_SOFTMAX_GRAD, ("g", "x", "y"))
_register(LogSumExp, _LOG_SUM_EXP, ("x", "y"))


def _labelled(text: str, function: CrossEntropy | CrossEntropyGrad) -> tuple[str, list[Any]]:
    """Return the text for a smoothing, and the label that counts nothing, where there is one."""
    ignored = function.ignored
    text = text.replace("IGNORED", "true" if ignored is None else "label != ignored")
    text = text.replace("SMOOTHING", literal(function.smoothing, "double"))
    text = text.replace("SMOOTH", "true" if function.smoothing else "false")
    return text, [] if ignored is None else [int64(ignored)]


@kernel(CrossEntropy, on="gpu")
def build_cross_entropy(call: Call) -> Kernel | None:
    """Offer a kernel for the cross entropy of labels."""
    assert isinstance(call.function, CrossEntropy)
    text, numbers = _labelled(_CROSS_ENTROPY, call.function)
    width = call.ins[0].shape[-1]
    return offered(call, width, text, ("x", "labels", "y", "log_total"), 2, numbers)


@kernel(CrossEntropyGrad, on="gpu")
def build_cross_entropy_grad(call: Call) -> Kernel | None:
    """Offer a kernel for its gradient."""
    assert isinstance(call.function, CrossEntropyGrad)
    text, numbers = _labelled(_CROSS_ENTROPY_GRAD, call.function)
    width = call.ins[1].shape[-1]
    return offered(call, width, text, ("g", "x", "labels", "log_total", "y"), 4, numbers)


@kernel(SoftmaxCrossEntropy, on="gpu")
def build_softmax_cross_entropy(call: Call) -> Kernel | None:
    """Offer a kernel for the cross entropy of distributions."""
    width = call.ins[0].shape[-1]
    return offered(call, width, _SHARES, ("x", "targets", "y", "log_total"), 2)


@kernel(SoftmaxCrossEntropyGrad, on="gpu")
def build_softmax_cross_entropy_grad(call: Call) -> Kernel | None:
    """Offer a kernel for its gradient."""
    width = call.ins[1].shape[-1]
    return offered(call, width, _SHARES_GRAD, ("g", "x", "targets", "log_total", "y"), 4)
