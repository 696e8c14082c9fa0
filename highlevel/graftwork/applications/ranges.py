"""Whether pictures are in the range that a pretrained network knows, looked at in its first calls.

In the wrong range a network finds features of nothing, and a head on them learns little, without a
word. A step that is repeated as a plan does not look again.
"""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor
from graftgrad.errors import sentence, warn
from graftgrad.modes import glance

LOOKS = 4  # calls that are looked at: two steps of training and two of validation
RAW = 160.0  # no network that is handed prepared pictures was trained on numbers so large
SCALED = 1.0


class Range:
    """Warns, once, of pictures of 0 … 255 where prepared ones belong, or the other way round.

    Args:
        network: its name.
        rescales: whether the network begins with the rescaling itself.
    """

    def __init__(self, network: str, rescales: bool) -> None:
        self.network = network
        self.rescales = rescales
        self.looks = 0

    def __call__(self, x: Any) -> None:
        """Look at the first picture of a batch, (N, H, W, C)."""
        if self.looks >= LOOKS or not isinstance(x, Tensor) or x.ndim != 4:
            return
        device = x.device
        if device.computes and x.shape[0]:
            self.looks += 1
            glance(lambda array: self._check(device.inspect(array[:1])), x.array)

    def _check(self, picture: Any) -> None:
        lowest, highest = float(picture.min()), float(picture.max())
        if self.rescales:
            wrong = -SCALED <= lowest < highest <= SCALED
            rule = "pictures must be numbers from 0 to 255, which the network rescales itself"
            advice = "Leave out the rescaling before it."
        else:
            wrong = lowest >= 0 and highest > RAW
            rule = "pictures must be in the range that the network was trained on"
            advice = "They seem to be numbers from 0 to 255: let them go through the network's "
            advice += "preprocess_input, in training and in use."
        if wrong:
            self.looks = LOOKS
            got: dict[str, object] = {"lowest": round(lowest, 3), "highest": round(highest, 3)}
            warn(sentence(self.network, rule, got, advice))
