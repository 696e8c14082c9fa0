"""Attention and its gradient of 16-bit elements, without the weights ever being kept whole.

Features must be a multiple of 8; masks of truth values are declined, and so is float32, which the
library computes slowly if at all. Numbers that are added to the scores are the library's bias.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...kernel import Arrays, Call, Kernel, kernel
from ...ops.attention import Attention, AttentionGrad
from ...spec import Shape, Spec, bfloat16, float16, uint8
from ..native.geometry import row_major
from .frontend import Maker, Planned, Target, offered, planned, why_not

MULTIPLE = 8  # of features
WIDEST = 128  # features


def heads_first(shape: Shape) -> tuple[Shape, Shape]:
    """Return (N, T, S, D) as sizes (N, S, T, D), and their strides in that memory."""
    n, t, s, d = shape
    return (n, s, t, d), (t * s * d, d, s * d, 1)


@dataclass(frozen=True)
class AttentionProblem:
    """Attention: q, k, v, a bias if there is one -> y and the levels of the scores.

    Attributes:
        q, k, v: shapes (N, T, S, D), (N, U, G, D), (N, U, G, E).
        bias: the bias' sizes (N or 1, S or 1, T or 1, U); empty without one.
        scale, causal: as the op's.
        backward: gy, q, k, v, y, levels, a bias -> gq, gk, gv.
    """

    q: Shape
    k: Shape
    v: Shape
    bias: Shape
    scale: float
    causal: bool
    backward: bool
    dtype: str

    def build(self, maker: Maker) -> None:
        """Describe attention, or its gradient."""
        n, t, s, _ = self.q
        like_y = heads_first((*self.q[:3], self.v[3]))
        levels = (n, s, t, 1), (s * t, t, 1, 1)
        how: dict[str, Any] = {"attn_scale": self.scale, "use_causal_mask": self.causal}
        if not self.backward:
            q, k, v = (maker.given(*heads_first(one)) for one in (self.q, self.k, self.v))
            if self.bias:
                how["bias"] = maker.given(self.bias, row_major(self.bias, 1))
            y, level = maker.graph.sdpa(q=q, k=k, v=v, generate_stats=True, **how)
            maker.result(y, *like_y)
            maker.result(level, *levels, "float32")
            return
        gy = maker.given(*like_y)
        q, k, v = (maker.given(*heads_first(one)) for one in (self.q, self.k, self.v))
        y, level = maker.given(*like_y), maker.given(*levels, "float32")
        if self.bias:
            how["bias"] = maker.given(self.bias, row_major(self.bias, 1))
        made = maker.graph.sdpa_backward(
            q=q, k=k, v=v, o=y, dO=gy, stats=level, use_deterministic_algorithm=True, **how
        )
        for one, shape in zip(made, (self.q, self.k, self.v), strict=True):
            maker.result(one, *heads_first(shape))


class Attending(Kernel):
    """Attention by the library, or its gradient; what has gaps is copied aside first."""

    def __init__(self, call: Call, plan: Planned, order: tuple[int, ...]) -> None:
        self.plan = plan
        self.order = order
        self.aside = [i for i in order if not call.ins[i].contiguous]
        copies = [call.ins[i].like() for i in self.aside]
        self.scratch = (*copies, Spec((max(plan.workspace, 1),), uint8))

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Attend."""
        self.bind(ins, outs, scratch)()

    def bind(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> Callable[[], None]:
        """Return a step with all addresses fixed."""
        *copies, workspace = scratch
        held = dict(zip(self.aside, copies, strict=True))
        before = [(held[i], ins[i]) for i in self.aside]
        compute = self.plan.step([held.get(i, ins[i]) for i in self.order] + [*outs], workspace)
        if not before:
            return compute

        def step() -> None:
            for target, source in before:
                target[...] = source
            compute()

        return step


def unfit(q: Spec, v: Spec, mask: Spec) -> str:
    """Say why the library does not attend so; an empty string where it may."""
    d, e = q.shape[3], v.shape[3]
    if q.dtype not in (bfloat16, float16):
        return f"cuDNN attends in 16 bits, not in {q.dtype}"
    if d % MULTIPLE or e % MULTIPLE or max(d, e) > WIDEST:
        return f"cuDNN attends with features in multiples of {MULTIPLE} up to {WIDEST}"
    if mask.shape != (0,) and mask.dtype != q.dtype:
        return f"cuDNN adds masks of {q.dtype}, not of {mask.dtype}"
    if q.size == 0 or v.size == 0:
        return "cuDNN takes no empty arrays"
    return why_not()


def bias_of(mask: Spec) -> Shape:
    """Return the sizes of a mask with four axes; none for none."""
    return () if mask.shape == (0,) else (1,) * (4 - mask.ndim) + mask.shape


def forward(call: Call, target: Target) -> Attending:
    """Return the body for a target.

    Raises:
        UnplannedError: the library has no plan.
    """
    q, k, v, mask = call.ins
    plan = planned(_problem(call, q, k, v, mask, False), target)
    return Attending(call, plan, (0, 1, 2, 3) if bias_of(mask) else (0, 1, 2))


def backward(call: Call, target: Target) -> Attending:
    """Return the gradient's body for a target.

    Raises:
        UnplannedError: the library has no plan.
    """
    _, q, k, v, mask, _, _ = call.ins
    plan = planned(_problem(call, q, k, v, mask, True), target)
    order = (0, 1, 2, 3, 5, 6)
    return Attending(call, plan, (*order, 4) if bias_of(mask) else order)


def _problem(call: Call, q: Spec, k: Spec, v: Spec, mask: Spec, backward: bool) -> AttentionProblem:
    function: Any = call.function
    return AttentionProblem(
        q.shape, k.shape, v.shape, bias_of(mask), float(function.scale), bool(function.causal),
        backward, str(q.dtype),
    )  # fmt: skip


@kernel(Attention, on="gpu")
def attention(call: Call) -> Kernel | None:
    """Offer attention."""
    q, _, v, mask = call.ins
    return offered(call, unfit(q, v, mask), forward)


@kernel(AttentionGrad, on="gpu")
def attention_grad(call: Call) -> Kernel | None:
    """Offer its gradient."""
    _, q, _, v, mask, _, _ = call.ins
    return offered(call, unfit(q, v, mask), backward)
