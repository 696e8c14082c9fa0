"""What programs keep beside weights and is no number: marks, types, element types."""

import pickle  # noqa: TID251
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graftgrad import formats
from graftgrad.errors import FormatError


def saved(path: Path, tree: Any, protocol: int = 2) -> Path:
    """A checkpoint without tensors, as torch.save would write it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        file.writestr("archive/data.pkl", pickle.dumps(tree, protocol))
        file.writestr("archive/version", b"3\n")
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_marks_and_types_are_plain(protocol: int, tmp_path: Path) -> None:
    tree = {"rest": ..., "mark": object(), "kind": type, "never": NotImplemented,
            "dtype": np.dtype("f4"), "text": np.dtype("U7")}  # fmt: skip
    found = formats.read_checkpoint(saved(tmp_path / "a.pt", tree, protocol))
    assert isinstance(found, dict)
    assert found["mark"] is None and found["dtype"] == "float32" and found["text"] == "text"
    assert [str(found[key]).rpartition(".")[2] for key in ("rest", "kind", "never")] == [
        "Ellipsis", "type", "NotImplemented",
    ]  # fmt: skip


def test_a_class_is_made_by_nobody(tmp_path: Path) -> None:
    """`type` stands for itself: with a name, bases and a body it would make a class."""

    class Making:
        def __reduce__(self) -> Any:
            return type, ("Evil", (), {})

    with pytest.raises(FormatError, match="may only apply what can be applied"):
        formats.read_checkpoint(saved(tmp_path / "a.pt", {"a": Making()}))
