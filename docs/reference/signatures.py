"""For the builder of these pages: what the source alone does not show, and what need not be shown.

`@declared` makes the constructor of a class of its fields when the class is made. Whoever only
reads the source does not see it; here it is asked for and written into what was read. Base
classes and second names that a package does not list among its public names are left out.
"""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import griffe

FAMILIES = ("layers", "losses", "metrics", "optimizers", "callbacks")
OF_EVERY_LAYER = ("name", "trainable", "dtype", "input_shape")
PARTS = ("bookkeeping", "weighted", "built", "called", "applied")  # what Layer is made of
KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: griffe.ParameterKind.positional_only,
    inspect.Parameter.POSITIONAL_OR_KEYWORD: griffe.ParameterKind.positional_or_keyword,
    inspect.Parameter.VAR_POSITIONAL: griffe.ParameterKind.var_positional,
    inspect.Parameter.KEYWORD_ONLY: griffe.ParameterKind.keyword_only,
    inspect.Parameter.VAR_KEYWORD: griffe.ParameterKind.var_keyword,
}
SECTION = re.compile(r"(?<=\S)\n(?=(?:Args|Attributes|Returns|Yields|Raises):\n)")

SHAPES = re.compile(r"^(Shapes: .*)\n[ \t]+(?=\S)", re.MULTILINE)


class Signatures(griffe.Extension):
    """Completes what was read of the two packages."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Go through everything once it is read."""
        _walk(pkg)
        if pkg.name == "graftgrad":
            public = set(dir(importlib.import_module("graftgrad.ops")))
            for room in pkg["ops"].members.values():
                if not room.is_alias and room.is_module and room.name != "random":
                    _keep_functions(room, public)
        for family in FAMILIES if pkg.name == "graftwork" else ():
            public = set(importlib.import_module(f"graftwork.{family}").__all__)
            for room in pkg[family].members.values():
                if not room.is_alias and room.is_module and room.name not in PARTS:
                    _keep_public(room, public)


def _walk(one: Any) -> None:
    for member in list(one.members.values()):
        if member.is_alias:
            continue
        if member.docstring is not None:  # griffe sees a section only behind an empty line
            text = SECTION.sub("\n\n", member.docstring.value)
            while SHAPES.search(text):  # an indented second line would make a box of it
                text = SHAPES.sub(r"\1 ", text)
            member.docstring.value = text
        if member.is_class:
            _declared(member)
        if member.is_class or member.is_module:
            _walk(member)


def _keep_public(room: Any, public: set[str]) -> None:
    listed = public if room.name != "schedules" else set(room.members)
    for name, one in list(room.members.items()):
        if one.is_alias:
            continue
        second_name = one.is_attribute and one.docstring is None
        if second_name or (one.is_class and name not in listed):
            del room.members[name]


def _keep_functions(room: Any, public: set[str]) -> None:
    for name, one in list(room.members.items()):
        if not one.is_alias and one.is_function and name not in public:
            del room.members[name]


def _declared(read: griffe.Class) -> None:
    """Write the constructor of a class that declares its arguments as fields."""
    if "__init__" in read.members or not read.package.name.startswith("graftwork"):
        return
    found = getattr(importlib.import_module(read.module.path), read.name, None)
    if not _has_settings(found):
        return
    listed = [griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)]
    for one in inspect.signature(found).parameters.values():
        if one.name in OF_EVERY_LAYER and one.kind is one.KEYWORD_ONLY and read.name != "Layer":
            continue
        default = None if one.default is one.empty else repr(one.default)
        listed.append(griffe.Parameter(one.name, kind=KINDS[one.kind], default=default))
        read.members.pop(one.name, None)
    read.set_member("__init__", griffe.Function("__init__", parameters=griffe.Parameters(*listed)))


def _has_settings(found: Any) -> bool:
    return isinstance(found, type) and bool(getattr(found, "settings", None))
