"""A table, and feature spaces made of settings as a golden file tells them: ours, or Keras'."""

from typing import Any

TABLE = {
    "size": [0.5, 1.5, 4.0, 2.0, 3.0, 1.0],
    "word": ["red", "blue", "red", "green", "red", "blue"],
    "count": [3, 1, 3, 3, 2, 7],
}


def made(kind: Any, told: dict[str, Any]) -> Any:
    """Make a space of a class; features are told by name, or as [function, arguments]."""
    settings = dict(told)
    settings["features"] = {
        key: getattr(kind, one[0])(**one[1]) if isinstance(one, list) else one
        for key, one in told["features"].items()
    }
    settings["crosses"] = [
        kind.cross(**one) if isinstance(one, dict) else tuple(one)
        for one in told.get("crosses", [])
    ]
    return kind(**settings)
