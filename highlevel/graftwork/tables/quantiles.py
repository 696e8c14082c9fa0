"""Quantiles of numbers that are seen batch by batch: a summary of bounded size.

A summary has two rows: values in ascending order, and how many numbers each stands for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Summary = NDArray[np.float32]


def empty() -> Summary:
    """Return the summary of nothing."""
    return np.zeros((2, 0), np.float32)


def merged(summary: Summary, values: Any, epsilon: float) -> Summary:
    """Add numbers to a summary, whose size stays near 1 / epsilon."""
    ordered = np.sort(np.asarray(values, np.float32).ravel())
    step = max(ordered.size * epsilon, 1)
    picked = ordered[int(step - 1) :: int(step)]
    fresh = np.stack([picked, np.full_like(picked, step)])
    both = np.concatenate([fresh, summary], axis=1)
    return _compressed(both[:, np.argsort(both[0])], epsilon)


def boundaries(summary: Summary, bins: int) -> list[float]:
    """Return the bounds between bins that hold about equally many numbers."""
    found: list[float] = _compressed(summary, 1.0 / bins)[0, :-1].tolist()
    return found


def _compressed(summary: Summary, epsilon: float) -> Summary:
    """Keep a value for every epsilon of the numbers, by interpolating between those there are."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    below = summary[1].cumsum()
    reached = below / below[-1]
    values = np.interp(shares, reached, summary[0])
    counts = np.interp(shares, reached, below)
    kept = np.stack([values, np.diff(counts, prepend=0)])
    return kept.astype(np.float32)
