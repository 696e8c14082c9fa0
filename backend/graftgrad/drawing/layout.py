"""Where boxes stand: in ranks from top to bottom, with few crossings and straight arrows.

Ranks, order and places are found one after the other, as in Sugiyama, Tagawa and Toda, "Methods
for visual understanding of hierarchical system structures" (1981): the longest way decides the
rank, the mean place of the neighbours the order; the places in a rank are those next to the
neighbours' means that keep order and distance, which is an isotonic regression.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from .picture import Picture

BETWEEN = 22.0  # pixels between boxes of a rank
THROUGH = 10.0  # pixels between arrows that pass through a rank
SWEEPS = 8
# How much arrows that pass through, and boxes at which a way begins or ends, count beside others.
THROUGH_WEIGHT, END_WEIGHT = 0.1, 0.02

Size = tuple[float, float]
Point = tuple[float, float]


@dataclass(slots=True)
class Layout:
    """The place of every box (middle, upper edge) and the points every arrow goes through."""

    places: dict[str, Point] = field(default_factory=dict)
    sizes: dict[str, Size] = field(default_factory=dict)
    paths: dict[tuple[str, str], list[Point]] = field(default_factory=dict)
    width: float = 0.0
    height: float = 0.0


def arrange(picture: Picture, sizes: dict[str, Size], gap: float = 26.0) -> Layout:
    """Find a place for every box of a picture.

    Args:
        picture: the boxes and arrows; arrows make no circle.
        sizes: width and height of every box in pixels.
        gap: pixels between ranks, where the arrows are.
    """
    ranks = _ranks(picture)
    ordered, chains = _with_passages(picture, ranks)
    widths = {key: sizes.get(key, (THROUGH, 0.0))[0] for rank in ordered for key in rank}
    above, below = _neighbours(chains)
    _reduce_crossings(ordered, above, below)
    middles = _middles(ordered, above, below, widths, set(sizes))
    made = Layout(sizes=dict(sizes))
    top = 0.0
    for rank in ordered:
        tall = max((sizes[key][1] for key in rank if key in sizes), default=0.0)
        for key in rank:
            high = sizes[key][1] if key in sizes else tall
            made.places[key] = (middles[key], top + (tall - high) / 2)
        made.height = top + tall
        top += tall + gap
    left = min((middles[key] - widths[key] / 2 for key in middles), default=0.0)
    made.places = {key: (x - left, y) for key, (x, y) in made.places.items()}
    made.width = max((x + widths[key] / 2 for key, (x, _) in made.places.items()), default=0.0)
    bands = {key: _band(rank, made.places, sizes) for rank in ordered for key in rank}
    for arrow, chain in chains.items():
        made.paths[arrow] = _path(chain, made.places, sizes, bands)
    return made


def _ranks(picture: Picture) -> dict[str, int]:
    """Return the longest way to every box; what begins a way stands right above what it enters."""
    heads: dict[str, list[str]] = {key: [] for key in picture.boxes}
    waiting = dict.fromkeys(picture.boxes, 0)
    for tail, head in picture.arrows:
        heads[tail].append(head)
        waiting[head] += 1
    rank = dict.fromkeys(picture.boxes, 0)
    ready = [key for key, count in waiting.items() if count == 0]
    starts = list(ready)
    while ready:
        key = ready.pop()
        for head in heads[key]:
            rank[head] = max(rank[head], rank[key] + 1)
            waiting[head] -= 1
            if waiting[head] == 0:
                ready.append(head)
    for key in starts:
        if heads[key]:
            rank[key] = min(rank[head] for head in heads[key]) - 1
    lowest = min(rank.values(), default=0)
    return {key: value - lowest for key, value in rank.items()}


def _with_passages(
    picture: Picture, rank: dict[str, int]
) -> tuple[list[list[str]], dict[tuple[str, str], list[str]]]:
    """Return the ranks, with a passage wherever a long arrow crosses one, and every arrow's way."""
    ordered: list[list[str]] = [[] for _ in range(max(rank.values(), default=0) + 1)]
    for key in picture.boxes:
        ordered[rank[key]].append(key)
    chains: dict[tuple[str, str], list[str]] = {}
    for tail, head in picture.arrows:
        passages = [f"{tail}>{head}@{r}" for r in range(rank[tail] + 1, rank[head])]
        for i, key in enumerate(passages):
            ordered[rank[tail] + 1 + i].append(key)
        chains[tail, head] = [tail, *passages, head]
    return ordered, chains


def _neighbours(
    chains: dict[tuple[str, str], list[str]],
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for chain in chains.values():
        for upper, lower in itertools.pairwise(chain):
            below.setdefault(upper, []).append(lower)
            above.setdefault(lower, []).append(upper)
    return above, below


def _reduce_crossings(
    ordered: list[list[str]], above: dict[str, list[str]], below: dict[str, list[str]]
) -> None:
    """Sort every rank by the mean place of the neighbours, up and down; the best order stays."""
    best, fewest = [list(rank) for rank in ordered], _crossings(ordered, below)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        downward = sweep % 2 == 0
        neighbours = above if downward else below
        places = {key: float(i) for rank in ordered for i, key in enumerate(rank)}
        for rank in ordered if downward else reversed(ordered):
            wanted = {key: _mean([places[one] for one in neighbours.get(key, ())], places[key])
                      for key in rank}  # fmt: skip
            rank.sort(key=wanted.__getitem__)
            places.update({key: float(i) for i, key in enumerate(rank)})
        if (count := _crossings(ordered, below)) < fewest:
            best, fewest = [list(rank) for rank in ordered], count
    ordered[:] = best


def _crossings(ordered: list[list[str]], below: dict[str, list[str]]) -> int:
    total = 0
    for upper, lower in itertools.pairwise(ordered):
        place = {key: i for i, key in enumerate(lower)}
        ends = [end for key in upper for end in sorted(place[one] for one in below.get(key, ()))]
        total += sum(a > b for i, a in enumerate(ends) for b in ends[i + 1 :])
    return total


def _middles(
    ordered: list[list[str]],
    above: dict[str, list[str]],
    below: dict[str, list[str]],
    widths: dict[str, float],
    boxes: set[str],
) -> dict[str, float]:
    """Return the middle of every box: near its neighbours', in order, at a distance."""
    middles: dict[str, float] = {}
    for rank in ordered:
        x = 0.0
        for key in rank:
            middles[key] = x + widths[key] / 2
            x += widths[key] + BETWEEN
    for sweep in range(2 * SWEEPS):
        downward = sweep % 2 == 0
        for rank in ordered if downward else reversed(ordered):
            wanted, weights = [], []
            for key in rank:
                near, far = (above, below) if downward else (below, above)
                leading = _leading(near.get(key) or far.get(key, []), near, boxes)
                wanted.append(_mean([middles[one] for one in leading], middles[key]))
                ends = not above.get(key) or not below.get(key)
                weights.append(THROUGH_WEIGHT if key not in boxes else END_WEIGHT if ends else 1.0)
            apart = [(widths[a] + widths[b]) / 2 + BETWEEN
                     for a, b in itertools.pairwise(rank)]  # fmt: skip
            for key, x in zip(rank, _spread(wanted, weights, apart), strict=True):
                middles[key] = x
    return middles


def _leading(keys: list[str], near: dict[str, list[str]], boxes: set[str]) -> list[str]:
    """Return the neighbours that decide a place, so that the longest way goes straight.

    Boxes that have neighbours of their own on that side come before arrows that pass through, and
    these before the ends of ways, such as weights, which make room.
    """
    onward = [key for key in keys if near.get(key)]
    return [key for key in onward if key in boxes] or onward or keys


def _spread(wanted: list[float], weights: list[float], apart: list[float]) -> list[float]:
    """Return the places nearest to those wanted that keep order and distance.

    min Σ wᵢ (xᵢ − dᵢ)² with xᵢ₊₁ − xᵢ ≥ sᵢ, by pooling neighbours that violate it.
    """
    shift = [0.0]
    for distance in apart:
        shift.append(shift[-1] + distance)
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for value, weight, moved in zip(wanted, weights, shift, strict=False):
        pool = (value - moved, weight, 1)
        while pools and pools[-1][0] >= pool[0]:
            mean, heavy, members = pools.pop()
            together = heavy + pool[1]
            pool = ((mean * heavy + pool[0] * pool[1]) / together, together, members + pool[2])
        pools.append(pool)
    flat = [mean for mean, _, members in pools for _ in range(members)]
    return [value + moved for value, moved in zip(flat, shift, strict=False)]


def _band(rank: list[str], places: dict[str, Point], sizes: dict[str, Size]) -> tuple[float, float]:
    """Return upper and lower edge of a rank."""
    tops = [places[key][1] for key in rank]
    return min(tops), max(places[key][1] + sizes.get(key, (0.0, 0.0))[1] for key in rank)


def _path(
    chain: list[str],
    places: dict[str, Point],
    sizes: dict[str, Size],
    bands: dict[str, tuple[float, float]],
) -> list[Point]:
    tail, *passages, head = chain
    x, y = places[tail]
    points = [(x, y + sizes[tail][1])]
    for key in passages:
        top, bottom = bands[key]
        points += [(places[key][0], top), (places[key][0], bottom)]
    return [*points, places[head]]


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
