"""Whether steps leave objects behind that only a collection of cycles would find."""

import gc
from collections.abc import Callable


def left_behind(step: Callable[[], object], times: int) -> int:
    """Return how many more objects there are after so many steps, freed by counting alone."""
    step()
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(times):
            step()
        return len(gc.get_objects()) - before
    finally:
        gc.enable()
