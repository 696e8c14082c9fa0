"""Labels read off from scores over time: the best path, or the best beams. Found on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError, DataError, expect
from .operand import floating
from .softmax import log_softmax

if TYPE_CHECKING:
    from ..tensor import Tensor

Beams = dict[tuple[int, ...], tuple[float, float]]


def ctc_decode(
    logits: Tensor,
    sequence_lengths: Any = None,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[Tensor, Tensor]:
    """Read labels off the scores of connectionist temporal classification. Graves et al. 2006.

    "greedy" takes the best class of every step; "beam_search" keeps the `beam_width` best
    beginnings of labels and adds up all ways of writing each (Graves 2012, section 7.5.3).

    Args:
        logits: (N, T, K).
        sequence_lengths: how many steps of each sample count, (N,); all if None.
        strategy: "greedy" or "beam_search".
        beam_width: how many beginnings are kept.
        top_paths: how many results of a beam search come back, best first.
        merge_repeated: of a greedy path, count a class that stays from step to step once.
        mask_index: the class between labels.

    Returns:
        labels, (P, N, T) int32, P = 1 or `top_paths`, filled up with −1; and their scores, (N, 1):
        minus the sum of the best logits, or (N, `top_paths`): the logarithms of the probabilities.

    Raises:
        ConfigError: the strategy, the width or the number of paths is unfit.
        ShapeError: logits are not (N, T, K), or there is not one length for each sample.
        DataError: a length lies outside [0, T].
    """
    subject = "ctc_decode"
    expect(strategy in ("greedy", "beam_search"), subject,
           'strategy must be "greedy" or "beam_search"', error=ConfigError,
           strategy=strategy)  # fmt: skip
    expect(1 <= top_paths <= beam_width, subject, "top_paths must lie between 1 and beam_width",
           error=ConfigError, top_paths=top_paths, beam_width=beam_width)  # fmt: skip
    expect(logits.ndim == 3, subject, "logits must be (N, T, K)", logits=logits.spec)
    x = floating(logits).detach()
    n, t, classes = x.shape
    expect(0 <= mask_index < classes, subject, "mask_index must be a class", error=ConfigError,
           mask_index=mask_index, classes=classes)  # fmt: skip
    lengths = np.full(n, t) if sequence_lengths is None else _host(sequence_lengths)
    expect(lengths.shape == (n,), subject, "there must be one length for each sample",
           sequence_lengths=lengths.shape, logits=x.spec)  # fmt: skip
    expect(bool(((lengths >= 0) & (lengths <= t)).all()), subject,
           f"lengths must lie in [0, {t}]", error=DataError, sequence_lengths=lengths)  # fmt: skip
    if strategy == "greedy":
        paths, scores = _greedy(_host(x), lengths, merge_repeated, mask_index)
    else:
        found = [
            _beams(rows[:length], beam_width, mask_index)
            for rows, length in zip(_host(log_softmax(x)), lengths, strict=True)
        ]
        paths = np.full((top_paths, n, t), -1, "int32")
        scores = np.full((n, top_paths), -np.inf, str(x.dtype))
        for i, ranked in enumerate(found):
            for rank, (labels, score) in enumerate(ranked[:top_paths]):
                paths[rank, i, : len(labels)] = labels
                scores[i, rank] = score
    return x.like(paths), x.like(scores).to(x.dtype)


def _host(x: Any) -> Any:
    return x.device.fetch(x.array) if hasattr(x, "grad_fn") else np.asarray(x)


def _greedy(x: Any, lengths: Any, merge: bool, blank: int) -> tuple[Any, Any]:
    counts = np.arange(x.shape[1])[None] < lengths[:, None]
    best = np.where(counts, x.argmax(-1), blank)
    paths = np.full((1, *best.shape), -1, "int32")
    for i, row in enumerate(best):
        kept = row != blank
        if merge:
            kept[1:] &= row[1:] != row[:-1]
        paths[0, i, : kept.sum()] = row[kept]
    scores = np.where(counts, x.max(-1), 0).sum(1, keepdims=True)
    return paths, -scores


def _beams(x: Any, width: int, blank: int) -> list[tuple[tuple[int, ...], float]]:
    """Return labels and the logarithms of their probabilities, best first.

    Of every beginning two sums are kept: of the ways that end in a blank, and in its last label.
    """
    beams: Beams = {(): (0.0, -np.inf)}
    for row in x.astype("float64"):
        grown: Beams = {}
        for labels, (to_blank, to_label) in beams.items():
            total = float(np.logaddexp(to_blank, to_label))
            _add(grown, labels, total + row[blank], -np.inf)
            for k in range(len(row)):
                if k == blank:
                    continue
                repeats = bool(labels) and labels[-1] == k
                if repeats:
                    _add(grown, labels, -np.inf, to_label + row[k])
                _add(grown, (*labels, k), -np.inf, (to_blank if repeats else total) + row[k])
        ranked = sorted(grown.items(), key=lambda one: -np.logaddexp(*one[1]))
        beams = dict(ranked[:width])
    ranked = sorted(beams.items(), key=lambda one: -np.logaddexp(*one[1]))
    return [(labels, float(np.logaddexp(*both))) for labels, both in ranked]


def _add(beams: Beams, labels: tuple[int, ...], to_blank: float, to_label: float) -> None:
    blank, label = beams.get(labels, (-np.inf, -np.inf))
    beams[labels] = (float(np.logaddexp(blank, to_blank)), float(np.logaddexp(label, to_label)))
