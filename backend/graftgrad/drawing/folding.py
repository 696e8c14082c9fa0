"""Repeated blocks become one box: what stands several times in a row is drawn once.

A picture is cut wherever all that goes on comes from one box; between two cuts lies a block. Blocks
that are alike, or runs of blocks that are alike, fold. Parameters belong to the block that alone
uses them.
"""

from __future__ import annotations

from collections import Counter

from .picture import Box, Picture

LONGEST = 24  # blocks in a run that is looked for again
LEAST = 3  # boxes that a fold must save
LARGE = 4  # functions from which a block may be closed that stands only once
FLOW = ("function", "layer", "group")


def folded(picture: Picture, most: int = 40) -> Picture:
    """Return a picture with repetitions folded, also inside its boxes.

    Args:
        picture: the picture; its boxes are changed.
        most: where more boxes remain, blocks that stand only once are closed too.
    """
    for box in picture.boxes.values():
        if box.inside is not None:
            box.inside = folded(box.inside, most)
    made = _folded(picture)
    return made if len(made.boxes) <= most else _folded(picture, alone=True)


def _folded(picture: Picture, alone: bool = False) -> Picture:
    blocks = _blocks(picture)
    marks = [_mark(picture, block) for block in blocks]
    made = Picture(picture.title, caption=picture.caption)
    home: dict[str, str] = {}
    i = 0
    while i < len(blocks):
        length, times = _repeat(marks, [len(block) for block in blocks], i)
        flow = sum(picture.boxes[key].kind in FLOW for key in blocks[i])
        if times == 1 and not (alone and flow >= LARGE):
            for key in blocks[i]:
                made.boxes[key] = picture.boxes[key]
                home[key] = key
            i += 1
            continue
        first = [key for block in blocks[i : i + length] for key in block]
        group = f"g{first[-1]}"
        inside = _part(picture, first)
        title = f"{times} × {_named(inside)}" if times > 1 else _named(inside)
        grey = all(box.grey for box in inside.boxes.values() if box.kind in FLOW)
        made.boxes[group] = Box("group", title, _told(inside), "", grey, inside, times)
        for block in blocks[i : i + length * times]:
            home.update(dict.fromkeys(block, group))
        i += length * times
    for key, box in picture.boxes.items():
        if key not in home:  # what several blocks share
            made.boxes[key] = box
            home[key] = key
    for tail, head in picture.arrows:
        made.arrow(home[tail], home[head])
    return made


def _blocks(picture: Picture) -> list[list[str]]:
    """Return the blocks between cuts, in order; each with the parameters that it alone uses."""
    heads: dict[str, list[str]] = {key: [] for key in picture.boxes}
    for tail, head in picture.arrows:
        heads[tail].append(head)
    flow = [key for key, box in picture.boxes.items() if box.kind in FLOW]
    place = {key: i for i, key in enumerate(flow)}
    reach = [max((place[head] for head in heads[key] if head in place), default=i)
             for i, key in enumerate(flow)]  # fmt: skip
    blocks: list[list[str]] = []
    block: list[str] = []
    furthest = -1
    for i, key in enumerate(flow):
        block.append(key)
        if furthest <= i:  # nothing from before this box is needed after it
            blocks.append(block)
            block = []
        furthest = max(furthest, reach[i])
    if block:
        blocks.append(block)
    member = {key: i for i, block in enumerate(blocks) for key in block}
    for key, box in picture.boxes.items():
        if box.kind in ("leaf", "frozen"):
            users = {member.get(head) for head in heads[key]}
            if len(users) == 1 and (only := users.pop()) is not None:
                blocks[only].insert(0, key)
    return blocks


def _mark(picture: Picture, block: list[str]) -> tuple[object, ...]:
    """Return what must be equal for two blocks to be drawn as one: all but names of parameters."""
    place = {key: i for i, key in enumerate(block)}
    boxes = []
    for key in block:
        box = picture.boxes[key]
        title = "" if box.kind in ("leaf", "frozen", "layer") else box.title
        inner = None if box.inside is None else _shape(box.inside)
        kind = box.note.partition("(")[0] if box.kind == "layer" else box.kind
        boxes.append((kind, title, tuple(box.lines), box.grey, box.times, inner))
    arrows = tuple(
        (place.get(tail, -1), place[head]) for tail, head in picture.arrows if head in place
    )
    return tuple(boxes), arrows


def _shape(picture: Picture) -> tuple[object, ...]:
    return _mark(picture, list(picture.boxes))


def _repeat(marks: list[tuple[object, ...]], sizes: list[int], start: int) -> tuple[int, int]:
    """Return how many blocks from here on make a run that is repeated, and how often."""
    best, saved = (1, 1), LEAST - 1
    for length in range(1, min(LONGEST, (len(marks) - start) // 2) + 1):
        run = marks[start : start + length]
        times = 1
        while marks[start + length * times : start + length * (times + 1)] == run:
            times += 1
        gain = (times - 1) * sum(sizes[start : start + length])
        if gain > saved:
            best, saved = (length, times), gain
    return best


def _part(picture: Picture, keys: list[str]) -> Picture:
    """Return a part of a picture, with a box for what comes in and one for what goes out."""
    chosen = set(keys)
    inside = Picture("block")
    if any(head in chosen and tail not in chosen for tail, head in picture.arrows):
        inside.boxes["in"] = Box("port", "in")
    for key in keys:
        inside.boxes[key] = picture.boxes[key]
    leaving = [tail for tail, head in picture.arrows if tail in chosen and head not in chosen]
    for tail, head in picture.arrows:
        if head in chosen:
            inside.arrow(tail if tail in chosen else "in", head)
    if leaving:
        inside.boxes["out"] = Box("port", "out")
        for tail in dict.fromkeys(leaving):
            inside.arrow(tail, "out")
    return inside


def _named(inside: Picture) -> str:
    flow = [box for box in inside.boxes.values() if box.kind in FLOW]
    return flow[0].title if len(flow) == 1 else f"block of {len(flow)}"


def _told(inside: Picture) -> list[str]:
    """Say in short what a block is made of."""
    flow = [box for box in inside.boxes.values() if box.kind in FLOW]
    counts = Counter(box.note.partition("(")[0] or box.title for box in flow)
    words = [name if count == 1 else f"{count} {name}" for name, count in counts.items()]
    lines = [", ".join(words[i : i + 3]) for i in range(0, min(len(words), 6), 3)]
    if len(words) > 6:
        lines.append("…")
    return [*lines, *(flow[-1].lines[:1] if flow else [])]
