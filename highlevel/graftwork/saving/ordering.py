"""Other ways to match than the automatic one: in order, by rules, by the names of other zoos."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from graftgrad.errors import ConfigError, FormatError, expect

from ..layers.layer import Layer
from .foreign import FOREIGN
from .matching import Match, expected_leftovers, matched
from .names import Place, torch_leaf
from .sources import Source

Rules = Mapping[str, str]
Matching = str | Rules
WAYS = ("auto", "name", "order")
_MOST_PREFIXES = 16


def chosen(
    match: Matching, model: Layer, source: Source, places: list[Place], by_name: bool
) -> list[Match]:
    """Return the arrays that belong to weights in the way that was asked for.

    Raises:
        ConfigError: `match` is neither one of WAYS nor rules.
        FormatError: the file holds another number of weights than the model, in order.
    """
    if isinstance(match, Mapping):
        texts = all(isinstance(one, str) for pair in match.items() for one in pair)
        expect(texts and len(match) > 0, "load_weights", "rules must be names -> paths",
               error=ConfigError, match=dict(match))  # fmt: skip
        for theirs, ours in match.items():
            expect(theirs.count("*") >= ours.count("*"), "load_weights",
                   "a path must not have more * than the name", error=ConfigError,
                   rule=(theirs, ours))  # fmt: skip
        return _by_rules(match, source, places)
    expect(match in WAYS, "load_weights", f"match must be one of {WAYS}, or rules",
           error=ConfigError, match=match)  # fmt: skip
    if match == "order" and source.dialect != "keras3":  # which is matched by its structure
        return _in_order(source, places)
    found = matched(model, source, places, by_name)
    if source.dialect not in ("torch", "named"):
        return found
    wanted = sum(not place.optional for place in places)
    for within in (source, *_without_prefix(source)):
        if len(found) >= wanted:
            break
        offers = [_by_rules(rules, within, places) for rules in FOREIGN.values()]
        if within is not source:
            offers.append(matched(model, within, places, by_name))
        for other in offers:
            if len(other) > len(found):
                found = [_under(source, within, one) for one in other]
    return found


def _without_prefix(source: Source) -> Iterator[Source]:
    """Yield the parts of a file that lie under one name ("model.", "backbone.") as files.

    Programs that train keep a network as an attribute of something larger.
    """
    heads = dict.fromkeys(name.partition(".")[0] for name in source.entries if "." in name)
    for head in list(heads)[:_MOST_PREFIXES]:
        inside = {
            name.removeprefix(f"{head}."): entry
            for name, entry in source.entries.items()
            if name.startswith(f"{head}.")
        }
        if len(inside) < len(source.entries) or len(heads) == 1:
            yield Source(f"{head}.", source.dialect, inside)


def _under(source: Source, within: Source, match: Match) -> Match:
    """Give a match inside of a part of a file its whole name."""
    if within is source:
        return match
    return replace(match, name=f"{within.subject}{match.name}")


def _in_order(source: Source, places: list[Place]) -> list[Match]:
    """Pair weights and arrays one after the other."""
    mine = [place for place in places if not place.optional]
    theirs = [name for name in source.entries if not expected_leftovers(source, name)]
    expect(len(mine) == len(theirs), source.subject,
           "must hold as many weights as the model has", error=FormatError, model=len(mine),
           file=len(theirs), advice='Pass match="auto", or rules.')  # fmt: skip
    foreign = source.dialect in ("torch", "named")
    found = []
    for place, name in zip(mine, theirs, strict=True):
        entry = source.entries[name]
        turned = Match(place, name, entry, place.axes if foreign else None)
        plain = Match(place, name, entry)
        alike = source.dialect == "named" and plain.fits
        found.append(plain if alike else turned)
    return found


def _by_rules(rules: Rules, source: Source, places: list[Place]) -> list[Match]:
    """Give the names of the file our own paths, and match those."""
    patterns = [(_pattern(theirs), ours) for theirs, ours in rules.items()]
    renamed: dict[str, str] = {}
    for name in source.entries:
        for pattern, ours in patterns:
            hit = pattern.match(name)
            if hit is not None:
                path = _filled(ours, hit.groups()) + name[hit.end() :]
                renamed.setdefault(path.replace("/", "."), name)
                break
        else:
            renamed.setdefault(name.replace("/", "."), name)
    foreign = source.dialect in ("torch", "named")
    found = []
    for place in places:
        held = next((renamed[one] for one in _spelled(place) if one in renamed), None)
        if held is not None:
            axes = place.axes if foreign else None
            found.append(Match(place, held, source.entries[held], axes))
    return found


def _spelled(place: Place) -> Iterator[str]:
    """Yield the path of a weight with its own name and with PyTorch's."""
    own = place.path.replace("/", ".")
    yield own
    layer, _, _ = own.rpartition(".")
    leaf, _ = torch_leaf(place.layer, place.weight.name, place.weight.shape)
    yield f"{layer}.{leaf}".lstrip(".")
    yield from place.torch


def _pattern(theirs: str) -> re.Pattern[str]:
    body = r"([^./]+)".join(re.escape(part) for part in theirs.split("*"))
    return re.compile(rf"{body}(?=[./]|$)")


def _filled(ours: str, parts: tuple[str, ...]) -> str:
    waiting = iter(parts)
    return re.sub(r"\*", lambda _: next(waiting), ours)
