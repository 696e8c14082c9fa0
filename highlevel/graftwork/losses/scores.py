"""Probabilities or logits: whether a loss receives what it takes, looked at in its first calls.

With the other kind a model trains too, badly and without a word. A step that is repeated as a plan
does not look again, so nothing is slower for it.
"""

from __future__ import annotations

import inspect
from typing import Any

from graftgrad import Tensor
from graftgrad.errors import sentence, warn
from graftgrad.modes import glance

LOOKS = 4  # calls of one loss that are looked at: two steps of training and two of validation
MOST = 4096  # numbers of a batch that are looked at, and never less than one sample
ROUNDING = 1e-2  # by how much probabilities of 16 bits may lie beside [0, 1]


class Scored:
    """A loss as what takes the output of an activation, or of the layer before it."""

    expects: str | None = None  # the activation, if there is one
    highest: float = 1.0  # of what it expects; infinity where it scales to a sum of 1
    looks: int = 0  # how often it was looked at what came

    def look(self, predictions: Tensor) -> None:
        """Warn, once, of logits where probabilities are expected and the other way round."""
        device = predictions.device
        own = type(self).call.__module__.startswith(f"{__package__}.")  # type: ignore[attr-defined]
        if not device.computes or not own:
            return
        object.__setattr__(self, "looks", self.looks + 1)
        if not self._told():
            glance(lambda array: self._check(device, array), predictions.array)
            return
        node = predictions.grad_fn
        maker = type(node.function).__name__.lower() if node is not None else ""
        if maker in ("sigmoid", "softmax"):
            advice = f'Leave out activation="{maker}" in the last layer, or from_logits=True.'
            self._warn("with from_logits=True predictions must be logits",
                       {"predictions": f"the output of {maker}"}, advice)  # fmt: skip

    def _check(self, device: Any, array: Any) -> None:
        few = array[: max(1, MOST * len(array) // max(array.size, 1))] if array.ndim else array
        if not few.size:
            return
        host = device.inspect(few)
        lowest, highest = float(host.min()), float(host.max())
        if lowest < -ROUNDING or highest > self.highest + ROUNDING:
            advice = f'They look like logits: end the model in activation="{self.expects}"'
            advice += ", or say from_logits=True in the loss." if self._asks() else "."
            got: dict[str, object] = {"lowest": round(lowest, 4), "highest": round(highest, 4)}
            self._warn("predictions must be probabilities, between 0 and 1", got, advice)

    def _told(self) -> bool:
        """Tell whether it was said that logits come."""
        return bool(getattr(self, "kwargs", vars(self)).get("from_logits", False))

    def _asks(self) -> bool:
        """Tell whether the loss, or the function that it calls, can be told so."""
        return "from_logits" in inspect.signature(getattr(self, "fn", type(self))).parameters

    def _warn(self, rule: str, got: dict[str, object], advice: str) -> None:
        object.__setattr__(self, "looks", LOOKS)
        told = sentence(str(vars(self).get("name")), rule, got, advice)
        warn(told)
