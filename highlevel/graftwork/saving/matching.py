"""Which array of a file belongs to which weight of a model: planned before anything is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from graftgrad.errors import FormatError, expect
from graftgrad.formats import Entry

from ..layers.layer import Layer
from ..layers.lora import PARTS
from ..registry import snake_case
from .names import SEED_STATE, TORCH_IGNORED, Axes, Place
from .sources import VARIANT, Source

NamedEntries = list[tuple[str, Entry]]


@dataclass(frozen=True, slots=True)
class Match:
    """A weight, the array it takes, and the order of the array's axes where it differs."""

    place: Place
    name: str
    entry: Entry
    axes: Axes | None = None

    @property
    def expected(self) -> tuple[int, ...]:
        """The shape the array must have."""
        shape = self.place.weight.shape
        return self.axes.outside(shape) if self.axes is not None else shape

    @property
    def turned(self) -> bool:
        """Whether the axes of the array are brought into another order."""
        return self.axes is not None and self.axes.ours != self.axes.theirs

    @property
    def fits(self) -> bool:
        """Whether the array has the shape it must have."""
        if self.axes is not None:
            return self.axes.accepts(self.place.weight.shape, self.entry.shape)
        return self.expected == self.entry.shape


def matched(model: Layer, source: Source, places: list[Place], by_name: bool) -> list[Match]:
    """Return the arrays that belong to weights, each with its weight.

    Raises:
        FormatError: the older layout holds another number of layers with weights than the model.
    """
    if source.dialect == "legacy":
        return _legacy(model, source, places, by_name)
    entries = source.entries
    if source.dialect == "keras3":
        if by_name and source.labels:
            labelled = _labelled(source)
            return _found(places, lambda place: (labelled.get(place.labels, ""),), entries)
        return _found(places, lambda place: (place.keras,), entries)
    own = _found(places, lambda place: (place.path,), entries)
    if not _complete(own, places):
        counted = _renumbered(places, entries, lambda place: place.path)
        own = counted if len(counted) > len(own) else own
    if source.dialect == "own" or (source.dialect == "named" and own):
        return own
    found = _found(places, lambda place: place.torch, entries, axes=True)
    if not _complete(found, places):
        for named in (lambda place: place.torch[0], lambda place: place.attributes):
            counted = _renumbered(places, entries, named, axes=True)
            found = counted if len(counted) > len(found) else found
    return found


def expected_leftovers(source: Source, name: str) -> bool:
    """Tell whether an entry is no weight of any network, so that nobody misses it."""
    if source.dialect == "keras3":
        return "/seed_generator/" in f"/{name}"
    if name.rpartition("/")[2] == SEED_STATE or name == VARIANT:
        return True
    return source.dialect in ("torch", "named") and TORCH_IGNORED.fullmatch(name) is not None


def _found(
    places: Iterable[Place],
    names: Callable[[Place], Iterable[str]],
    entries: dict[str, Entry],
    axes: bool = False,
) -> list[Match]:
    found = []
    for place in places:
        name = next((one for one in names(place) if one in entries), None)
        if name is not None:
            found.append(Match(place, name, entries[name], place.axes if axes else None))
    return found


def _complete(found: list[Match], places: list[Place]) -> bool:
    """Tell whether every weight has its array."""
    return sum(not match.place.optional for match in found) == sum(
        not one.optional for one in places
    )


def _renumbered(
    places: list[Place], entries: dict[str, Entry], named: Callable[[Place], str],
    axes: bool = False,
) -> list[Match]:  # fmt: skip
    """Match names that were given by counting, and counted from elsewhere.

    "dense_4" and "dense_7" stand for "dense" and "dense_1". Every weight with a counted name must
    be found, and most of all weights must fit.
    """
    kinds = {snake_case(type(layer).__name__) for place in places for layer in place.above}
    spelled = {name.replace(".", "/"): name for name in entries}
    theirs = {path: spelled[name] for name, path in _counted_anew(list(spelled), kinds).items()}
    own = {place.path: named(place).replace(".", "/") for place in places}
    ours = _counted_anew(list(own.values()), kinds)
    found = _found(places, lambda place: (theirs.get(ours[own[place.path]], ""),), entries, axes)
    known = {match.place.path for match in found}
    lost = any(
        "#" in ours[own[place.path]] and place.path not in known
        for place in places if not place.optional
    )  # fmt: skip
    return [] if lost or 2 * sum(match.fits for match in found) <= len(found) else found


def _counted_anew(paths: list[str], kinds: set[str]) -> dict[str, str]:
    """Return paths with counted names counted from 0 in each place, by their old numbers."""
    found: dict[str, str] = {}

    def visit(inside: dict[str, str], before: str) -> None:
        """Rename the first component of what is left of each path."""
        heads: dict[str, dict[str, str]] = {}
        for path, rest in inside.items():
            head, _, tail = rest.partition("/")
            heads.setdefault(head, {})[path] = tail
        counts: dict[str, int] = {}
        for kind, _, head in sorted((*_split(head, kinds), head) for head in heads):
            name = head if kind == "" else f"{kind}#{counts.setdefault(kind, 0)}"
            counts[kind] = counts.get(kind, 0) + 1
            found.update({path: before + name for path, tail in heads[head].items() if not tail})
            deeper = {path: tail for path, tail in heads[head].items() if tail}
            if deeper:
                visit(deeper, f"{before}{name}/")

    visit({path: path for path in paths}, "")
    return found


def _split(name: str, kinds: set[str]) -> tuple[str, int]:
    """Split "dense_4" into "dense" and 4, if that is how layers of a kind are counted."""
    base, _, number = name.rpartition("_")
    if name in kinds:
        return name, -1
    counted = base in kinds and number.isascii() and number.isdigit() and len(number) < 10
    return (base, int(number)) if counted else ("", 0)


def _labelled(source: Source) -> dict[str, str]:
    """Return the path of every array by the layers' own names -> its path by structure."""
    found = {}
    for path in source.entries:
        group, _, number = path.rpartition("/vars/")
        parts = group.split("/")
        above = ["/".join(parts[: i + 1]) for i in range(len(parts))]
        names = [source.labels[one] for one in above if one in source.labels]
        found["/".join([*names, "vars", number])] = path
    return found


# -- the older layout: layer by layer ------------------------------------------------------------


def _legacy(model: Layer, source: Source, places: list[Place], by_name: bool) -> list[Match]:
    """Match layer by layer: by name if all names agree, otherwise by order, as Keras does."""
    adapted = any("lora_" in name for name in source.entries)  # Keras 3 writes these parts here
    told = [one for one in places
            if not one.optional or (adapted and one.weight.name in PARTS)]  # fmt: skip
    mine = [(layer.name, inside) for layer, inside in _by_layer(model, told) if inside]
    theirs = [(name, weights) for name, weights in source.layers if weights]
    known = dict(mine)
    if by_name or {name for name, _ in mine} == {name for name, _ in theirs}:
        pairs = [(known[name], name, weights) for name, weights in theirs if name in known]
    else:
        expect(len(mine) == len(theirs), source.subject,
               "must hold as many layers with weights as the model has", error=FormatError,
               model=len(mine), file=len(theirs),
               advice=f"The model's: {_few(known)}. The file's: {_few(dict(theirs))}. "
               "Pass by_name=True to load the layers whose names agree.")  # fmt: skip
        pairs = [
            (inside, name, weights)
            for (_, inside), (name, weights) in zip(mine, theirs, strict=True)
        ]
    return [match for inside, name, weights in pairs for match in _inside(inside, name, weights)]


def _few(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:6]) + (f" and {len(listed) - 6} more" if len(listed) > 6 else "")


def _by_layer(model: Layer, places: list[Place]) -> list[tuple[Layer, list[Place]]]:
    """Return the layers one level below with all weights in them, nested ones included."""
    free = {id(place.weight): place for place in places}
    found = []
    for _, child in model.children():
        inside = [free.pop(id(weight), None) for weight in child.weights]
        found.append((child, [place for place in inside if place is not None]))
    if free:  # the model's own, which Keras keeps last
        found.append((model, list(free.values())))
    return found


def _inside(mine: list[Place], layer: str, weights: NamedEntries) -> list[Match]:
    """Match the weights of one layer: by name where names agree, otherwise by order."""

    def match(place: Place, name: str, entry: Entry) -> Match:
        return Match(place, f"{layer}/{name}", entry)

    for parts in (1, 2):
        named = {_tail(name, parts): (name, entry) for name, entry in weights}
        wanted = {_own_tail(place, parts): place for place in mine}
        if (
            len(named) == len(weights)
            and len(wanted) == len(mine)
            and named.keys() == wanted.keys()
        ):
            return [match(place, *named[tail]) for tail, place in wanted.items()]
    orders = [order for order in _orders(mine) if len(order) == len(weights)]
    pairs = [list(zip(order, weights, strict=True)) for order in orders]
    alike = [
        pair for pair in pairs
        if all(place.weight.shape == entry.shape for place, (_, entry) in pair)
    ]  # fmt: skip
    same = [
        pair for pair in alike
        if all(_own_tail(place, 1) == _tail(name, 1) for place, (name, _) in pair)
    ]  # fmt: skip
    for choice in (same, alike, pairs):
        if choice:
            return [match(place, name, entry) for place, (name, entry) in choice[0]]
    # Another number of weights: those whose names agree, so that the report names the others.
    return [
        match(wanted[tail], name, entry)
        for name, entry in weights if (tail := _tail(name, 2)) in wanted
    ]  # fmt: skip


def _orders(mine: list[Place]) -> Sequence[list[Place]]:
    """Return the orders in which Keras may have flattened a layer's weights."""
    return (
        sorted(mine, key=lambda place: not place.weight.requires_grad),  # as flagged when saved
        sorted(mine, key=lambda place: place.weight.kind != "parameter"),  # all of it trained
        mine,  # all of it frozen
    )


def _tail(name: str, parts: int) -> str:
    return "/".join(name.split(":")[0].split("/")[-parts:])


def _own_tail(place: Place, parts: int) -> str:
    return place.weight.name if parts == 1 else f"{place.layer.name}/{place.weight.name}"
