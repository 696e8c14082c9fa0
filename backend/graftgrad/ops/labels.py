"""Whole-number labels: their check, the distribution and the element that each stands for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import modes
from ..errors import DataError, DTypeError, expect, sentence
from ..function import Function, function
from ..spec import DType, Spec
from .arithmetic import mul
from .shape import expand_dims

if TYPE_CHECKING:
    from ..tensor import Tensor

_NOISE = 0.1  # how far targets may lie outside: shares are rounded, and GANs blur their labels


@function
class LabelDistribution(Function):
    """The distribution a label stands for: 1 − smoothing at its class, smoothing / K everywhere.

    Rows of ignored labels are 0, of labels outside [0, K) NaN.
    """

    classes: int
    dtype: DType
    smoothing: float = 0.0
    ignored: int | None = None

    stacked: ClassVar[str] = "leading"

    def infer(self, labels: Spec) -> Spec:
        return Spec((*labels.shape, self.classes), self.dtype)

    def compute(self, xp: Any, labels: Any, q: Any) -> None:
        flat, rows, kept, wrong = label_places(xp, labels, self.classes, self.ignored)
        table = q.reshape(-1, self.classes)
        table[...] = self.smoothing / self.classes
        table[rows, flat] += self.dtype.type(1 - self.smoothing)
        table *= xp.where(wrong, xp.nan, kept)[:, None].astype(self.dtype)


@function
class Pick(Function):
    """The element of each row at its label: 0 for ignored labels, NaN for labels outside [0, K)."""

    ignored: int | None = None

    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec, labels: Spec) -> Spec:
        expect_labelled("nll_loss", x, labels)
        return Spec(labels.shape, x.dtype)

    def compute(self, xp: Any, x: Any, labels: Any, y: Any) -> None:
        places, _, kept, wrong = label_places(xp, labels, x.shape[-1], self.ignored)
        picked = xp.take_along_axis(x, places.reshape(*labels.shape, 1), axis=-1).reshape(-1)
        picked = xp.where(kept, picked, picked.dtype.type(0))
        y[...] = xp.where(wrong, picked.dtype.type(xp.nan), picked).reshape(y.shape)

    def grad_x(self, gy: Tensor, labels: Tensor, x_spec: Spec) -> Tensor:
        q = LabelDistribution(x_spec.shape[-1], x_spec.dtype, 0.0, self.ignored)(labels)
        return mul(q, expand_dims(gy, -1))


def check_labels(
    labels: Any,
    classes: int,
    *,
    ignore_index: int | None = None,
    subject: str = "cross_entropy",
) -> None:
    """Look at the values of labels, on the host; tensors without values pass.

    Args:
        labels: a tensor or an array of integers.
        classes: K.
        ignore_index: a label outside [0, K) that is allowed.
        subject: who speaks.

    Raises:
        DataError: a label lies outside [0, K).
        DTypeError: labels are no integers.
    """
    expect(labels.dtype.kind in "iu", subject, "labels must be integers", error=DTypeError,
           dtype=str(labels.dtype), advice="Convert them with .to('int64').")  # fmt: skip
    if not hasattr(labels, "grad_fn"):
        _check_range(labels, classes, ignore_index, subject)
    elif labels.device.computes:
        modes.look(RangeCheck(labels.device, classes, ignore_index, subject), labels.array)


@dataclass(frozen=True)
class RangeCheck:
    """Looks whether labels lie in [0, K); equal checks of one array need be made only once."""

    device: Any
    classes: int
    ignore_index: int | None
    subject: str = field(compare=False)

    @property
    def bounds(self) -> tuple[int, int]:
        """Whole numbers in [low, high) need no further look."""
        return 0, self.classes

    def __call__(self, array: Any) -> None:
        """Look at an array of the device.

        Raises:
            DataError: a label lies outside [0, K).
        """
        _check_range(self.device.inspect(array), self.classes, self.ignore_index, self.subject)


def check_whole(labels: Tensor, subject: str) -> None:
    """Look at the values of labels that are real numbers, on the host.

    Raises:
        DataError: a label is no whole number.
    """
    if not labels.device.computes:
        return
    device = labels.device

    def check(array: Any) -> None:
        host = device.inspect(array)
        broken = host != np.floor(host)
        if broken.any():
            first = float(host[broken][0])
            expect(False, subject, "labels must be whole numbers", error=DataError, label=first,
                   **{"labels with a fraction": f"{int(broken.sum())} of {host.size}"})  # fmt: skip

    modes.look(check, labels.array)


def _check_range(labels: Any, classes: int, ignore_index: int | None, subject: str) -> None:
    if not labels.size:
        return
    if labels.dtype.kind == "i":  # seen as unsigned, what is negative is large
        if labels.view(f"u{labels.itemsize}").max() < classes:
            return
    elif labels.max() < classes:
        return
    wrong = (labels < 0) | (labels >= classes)
    if ignore_index is not None:
        wrong &= labels != ignore_index
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        got: dict[str, object] = {
            "label": int(labels[place]),
            "position": place[0] if len(place) == 1 else place,
            "classes": classes,
            "labels out of range": f"{int(wrong.sum())} of {wrong.size}",
        }
        advice = (
            "One output between 0 and 1 wants binary_crossentropy."
            if classes == 1
            else "Labels count from 0, and the last layer needs an output for each."
        )
        raise DataError(sentence(subject, f"labels must lie in [0, {classes})", got, advice))


def check_shares(targets: Any, *, subject: str) -> None:
    """Look at targets that say how much of a yes there is, on the host.

    Tensors without values pass.

    Raises:
        DataError: a target lies outside [0, 1] by more than the noise that some trainings add.
    """
    if targets.device.computes:
        modes.look(ShareCheck(targets.device, subject), targets.array)


@dataclass(frozen=True)
class ShareCheck:
    """Looks whether targets lie in [0, 1]; equal checks of one array need be made only once."""

    device: Any
    subject: str = field(compare=False)

    bounds: ClassVar[tuple[float, float]] = (-_NOISE, 1 + _NOISE)

    def __call__(self, array: Any) -> None:
        """Look at an array of the device.

        Raises:
            DataError: a target lies outside.
        """
        _check_shares(self.device.inspect(array), self.subject)


def _check_shares(values: Any, subject: str) -> None:
    low, high = ShareCheck.bounds
    wrong = (values < low) | (values > high)
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        got: dict[str, object] = {
            "target": float(values[place]),
            "position": place,
            "targets out of range": f"{int(wrong.sum())} of {wrong.size}",
        }
        advice = "Labels −1 and 1 become 0 and 1 by (y + 1) / 2; more classes need another loss."
        raise DataError(sentence(subject, "targets must lie in [0, 1]", got, advice))


def expect_labelled(subject: str, logits: Spec, labels: Spec) -> None:
    """Hold the descriptions of logits and labels against each other.

    Raises:
        ShapeError: there is not one label for each row of logits, or there is no class.
        DTypeError: labels are no integers.
    """
    expect(logits.ndim > 0 and logits.shape[-1] > 0, subject, "there must be at least one class",
           logits=logits)  # fmt: skip
    expect(labels.shape == logits.shape[:-1], subject,
           "labels must have the shape of logits without classes",
           logits=logits, labels=labels)  # fmt: skip
    expect(labels.dtype.kind in "iu", subject, "labels must be integers", error=DTypeError,
           labels=labels)  # fmt: skip


def label_places(
    xp: Any, labels: Any, classes: int, ignored: int | None
) -> tuple[Any, Any, Any, Any]:
    """Return flat labels within bounds, their rows, which of them count, which are out of range."""
    flat = labels.reshape(-1).astype("int64", copy=False)
    kept = flat != ignored if ignored is not None else xp.ones(flat.shape, "bool")
    wrong = ((flat < 0) | (flat >= classes)) & kept
    inside = xp.clip(flat, 0, classes - 1)
    return inside, xp.arange(flat.size), kept, wrong
