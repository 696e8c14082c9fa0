"""Writes feature_space.json and feature_space.keras: what Keras' FeatureSpace makes of a table.

Ran with Keras 3.15.1 on tensorflow 2.21.0 (CPU), Python 3.11.
Needs both:

    KERAS_BACKEND=tensorflow PYTHONPATH=tests python tests/golden/make_feature_space.py

``cases``: settings, the columns that it is adapted to, those it is called on, and what comes out,
a vector for each row or a dictionary. Features are told by name, or as [function, arguments].
``saved``: the same of the space in feature_space.keras.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

from support.feature_spaces import TABLE, made

FOLDER = Path(__file__).resolve().parent
FeatureSpace = keras.utils.FeatureSpace
ASKED = {"size": [1.0, 9.0, -1.0], "word": ["green", "pink", "red"], "count": [7, 9, 3]}
KINDS = {
    "size": ["float", "float_normalized", "float_rescaled", "float_discretized"],
    "word": ["string_categorical", "string_hashed"],
    "count": ["integer_categorical", "integer_hashed"],
}
SPACES: list[dict[str, Any]] = [
    *[{"features": {key: kind}} for key, kinds in KINDS.items() for kind in kinds],
    {"features": {"size": ["float_discretized", {"num_bins": 3, "output_mode": "int"}]},
     "output_mode": "dict"},
    {"features": {"size": ["float_rescaled", {"scale": 2.0, "offset": 1.0}],
                  "word": ["string_categorical", {"max_tokens": 3, "num_oov_indices": 2}],
                  "count": ["integer_hashed", {"num_bins": 5}]}},
    {"features": {"size": "float_normalized", "word": "string_categorical",
                  "count": "integer_categorical"},
     "crosses": [["word", "count"]], "crossing_dim": 7},
    {"features": {"word": ["string_categorical", {"output_mode": "int"}],
                  "count": ["integer_categorical", {"output_mode": "int"}]},
     "output_mode": "dict",
     "crosses": [{"feature_names": ["word", "count"], "crossing_dim": 6, "output_mode": "int"}]},
    {"features": {"word": "string_hashed", "count": "integer_hashed", "size": "float"},
     "hashing_dim": 4, "output_mode": "dict", "crosses": [["count", "word"]], "crossing_dim": 3},
]  # fmt: skip


def plain(value: Any) -> Any:
    """Return tensors as lists."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return np.asarray(value).tolist()


def case(told: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """Adapt a space and ask it."""
    space = made(FeatureSpace, told)
    adapted = {key: TABLE[key] for key in told["features"]}
    asked = {key: ASKED[key] for key in told["features"]}
    space.adapt({key: np.array(one) for key, one in adapted.items()})
    output = plain(space({key: np.array(one) for key, one in asked.items()}))
    return {"settings": told, "adapted": adapted, "asked": asked, "output": output}, space


def main() -> None:
    """Write both files."""
    cases = [case(told)[0] for told in SPACES]
    saved, space = case(SPACES[-3])
    space.save(FOLDER / "feature_space.keras")
    found = {"cases": cases, "saved": {key: saved[key] for key in ("asked", "output")}}
    (FOLDER / "feature_space.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
