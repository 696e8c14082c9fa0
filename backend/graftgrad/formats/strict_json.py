"""JSON text as it stands in model files: an object, without doubled keys, bounded and finite."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from ..errors import FormatError
from .base import Limits, check, refuse


def parse_object(data: bytes | memoryview, subject: str, limits: Limits) -> dict[str, Any]:
    """Parse UTF-8 JSON whose outermost value is an object.

    Raises:
        FormatError: it is too long or too deep, not JSON, not an object, names a key twice or
            holds a number that is not finite.
    """
    check(
        len(data) <= limits.max_header, subject, f"at most max_header={limits.max_header} bytes",
        bytes=len(data),
    )  # fmt: skip

    # Every value but the first follows one of these; each takes many times the bytes it is told in.
    raw = bytes(data)
    values = sum(raw.count(mark) for mark in (b",", b"[", b"{"))
    check(
        values <= 2 * limits.max_objects,
        subject,
        f"at most max_objects={limits.max_objects}",
        objects=values,
    )

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen = dict(pairs)
        check(
            len(seen) == len(pairs),
            subject,
            "no key may stand twice in one object",
            keys=len(pairs),
            different=len(seen),
        )
        return seen

    def finite(text: str) -> float:
        value = float(text)
        check(abs(value) < float("inf"), subject, "numbers must be finite", number=text[:40])
        return value

    def never(text: str) -> NoReturn:
        refuse(subject, "numbers must be finite", number=text)

    try:
        text = raw.decode("utf-8")
        value = json.loads(text, object_pairs_hook=unique, parse_float=finite, parse_constant=never)
    except FormatError:
        raise
    except (ValueError, RecursionError) as failure:
        refuse(subject, "must be JSON in UTF-8", reason=_reason(failure))
    check(isinstance(value, dict), subject, "must be a JSON object", type=type(value).__name__)
    _check_nesting(value, subject, limits)
    return value  # type: ignore[no-any-return]


def texts(value: object, subject: str) -> dict[str, str]:
    """Take the metadata that a file holds: an object whose values are texts."""
    rule = "metadata must be text by name"
    if not isinstance(value, dict):
        refuse(subject, rule, type=type(value).__name__)
    types = {type(one).__name__ for one in value.values()}
    check(types <= {"str"}, subject, rule, types=sorted(types))
    return value


def _reason(failure: Exception) -> str:
    """Say what is wrong and where, without repeating what the file says."""
    if isinstance(failure, json.JSONDecodeError):
        return f"{failure.msg} at character {failure.pos}"
    return type(failure).__name__


def _check_nesting(value: Any, subject: str, limits: Limits) -> None:
    """Walk the tree level by level; recursion is what is to be avoided here."""
    level, depth, count = [value], 0, 0
    while level:
        check(
            depth <= limits.max_depth, subject, f"at most max_depth={limits.max_depth}", depth=depth
        )
        count += len(level)
        check(
            count <= limits.max_objects,
            subject,
            f"at most max_objects={limits.max_objects}",
            objects=count,
        )
        level = [child for node in level for child in _children(node)]
        depth += 1


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []
