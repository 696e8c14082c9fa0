"""Where a NaN comes from: nodes note the line of the program that made them.

What is switched on costs time, so it is off unless asked for.
"""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import modes
from .errors import DataError, GradientError, GraftError, note, sentence

_OWN = ("graftgrad", "graftwork")  # whose lines nobody wants to be told
_MOST_LINES = 6


class Line(NamedTuple):
    """A line of the user's program that was running."""

    file: str
    number: int
    function: str

    def __str__(self) -> str:
        code = linecache.getline(self.file, self.number).strip()
        return f"{os.path.basename(self.file)}:{self.number} in {self.function}" + (
            f": {code}" if code else ""
        )


@dataclass(frozen=True)
class Anomaly:
    """What is looked for.

    Attributes:
        check_nan: NaN in gradients.
        forward: NaN in results, as they are made.
    """

    check_nan: bool = True
    forward: bool = False


class detect_anomaly(modes.Mode):
    """Name the line of the program that made a NaN. A context manager and a decorator.

    Inside, every node of the graph notes the line of the call that made it, and `backward` looks at
    every gradient: the first NaN raises an error with the line of the forward call, not of
    `backward`. A step inside is not repeated as a plan. It is slow; use it to find a fault.

    Args:
        check_nan: look at the gradients; else lines are noted only, for `node.origin`.
        forward: look at the results of every operation too, as they are made.
    Raises:
        GradientError: in `backward`, if a gradient is NaN.
        DataError: in the forward pass, if `forward` is on and a result is NaN.
    """

    def __init__(self, check_nan: bool = True, forward: bool = False) -> None:
        super().__init__("anomaly", Anomaly(check_nan, forward))

    def __enter__(self) -> None:
        modes.beyond("values are looked at for NaN")
        super().__enter__()


class set_detect_anomaly(detect_anomaly):
    """Look for NaN from now on, or not any more; also for a `with` block.

    Args:
        mode: whether to look.
        check_nan: look at the gradients; else lines are noted only.
        forward: look at the results of every operation too.
    """

    def __init__(self, mode: bool, check_nan: bool = True, forward: bool = False) -> None:
        super().__init__(check_nan, forward)
        if not mode:
            self.value = None
        super().__enter__()

    def __enter__(self) -> None:
        """Go on as was set at once."""


def is_anomaly_enabled() -> bool:
    """Tell whether this thread looks for NaN."""
    return modes.state.anomaly is not None


def calling_lines() -> tuple[Line, ...]:
    """Return the lines of the program that are running, the innermost first, without our own."""
    if modes.state.origin is not None:
        return modes.state.origin  # type: ignore[no-any-return]
    found: list[Line] = []
    frame = sys._getframe(1)
    while frame is not None and len(found) < _MOST_LINES:
        name = str(frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] not in _OWN:
            code = frame.f_code
            found.append(Line(code.co_filename, frame.f_lineno, code.co_name))
        if frame.f_back is None:
            break
        frame = frame.f_back
    return tuple(found)


def look_at_results(subject: str, operands: Sequence[Any], arrays: Sequence[Any]) -> None:
    """Hold the results of an operation against NaN, if that is asked for.

    Raises:
        DataError: there is one.
    """
    if not modes.state.anomaly.forward:
        return
    for i, array in enumerate(arrays):
        if (count := _nans(array)) > 0:
            before = [k for k, x in enumerate(operands) if _nans(x.array)]
            whence = f"operand {before[0]} was NaN already" if before else "no operand is NaN"
            raise _told(DataError, subject, "no result may be NaN",
                        {"result": i, "NaN": f"{count} of {array.size}", "operands": whence},
                        calling_lines())  # fmt: skip


def look_at_gradients(node: Any, gradients: Sequence[Any]) -> None:
    """Hold the gradients that leave a node against NaN, if that is asked for.

    Raises:
        GradientError: there is one.
    """
    if not modes.state.anomaly.check_nan:
        return
    for i, gradient in enumerate(gradients):
        if gradient is not None and (count := _nans(gradient.array)) > 0:
            raise _told(GradientError, f"backward of {node.name}", "no gradient may be NaN",
                        {"operand": i, "gradient": gradient.spec,
                         "NaN": f"{count} of {gradient.spec.size}"}, node.origin)  # fmt: skip


def _told(
    kind: type[GraftError],
    subject: str,
    rule: str,
    got: dict[str, object],
    origin: tuple[Line, ...] | None,
) -> GraftError:
    if origin is None:
        advice = "Its forward call was made outside of detect_anomaly(), so its line is not known."
        return kind(sentence(subject, rule, got, advice))
    error = kind(sentence(subject, rule, got, f"The forward call: {origin[0]}" if origin else ""))
    for line in origin[1:]:
        note(error, f"called from {line}")
    return error


def _nans(array: Any) -> int:
    """Return how many elements are NaN: they alone differ from themselves."""
    return int((array != array).sum()) if hasattr(array, "dtype") else 0
