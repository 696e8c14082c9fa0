"""Texts in folders, as a dataset of strings with labels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graftgrad.data import Tree
from graftgrad.errors import DataError

from .dataset import seed_or_draw
from .framing import one_of
from .labelled_files import check_split, divided, labelled_files, targets_of

SUBJECT = "text_dataset_from_directory"


class TextSamples:
    """Texts in files, with their labels."""

    def __init__(
        self, paths: list[str], targets: NDArray[Any] | None, max_length: int | None
    ) -> None:
        self.paths = paths
        self.targets = targets
        self.max_length = max_length

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, indices: NDArray[np.intp]) -> Tree:
        """Read the texts of these numbers, (N,) of strings, with their labels if there are any.

        Raises:
            DataError: a file is no text in UTF-8.
        """
        texts = np.empty(len(indices), dtype=object)
        for place, number in enumerate(indices):
            texts[place] = self._text(self.paths[number])
        return texts if self.targets is None else (texts, self.targets[indices])

    def _text(self, path: str) -> str:
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"{SUBJECT}: every file must be text in UTF-8; got {path}: {error}."
            ) from error
        return text if self.max_length is None else text[: self.max_length]


def text_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Make a dataset of the .txt files in a folder, one subfolder per class.

    Shapes: texts (N,) of strings; labels (N,) int32 for `int`, (N, 1) float32 for `binary`,
    (N, K) float32 for `categorical`. Without labels a batch is the texts alone.

    Args:
        directory: with inferred labels, one subfolder per class; else any folder.
        labels: `inferred` from the names of the subfolders; None; or an integer for every file,
            in the alphabetical order of their paths.
        label_mode: `int`, `categorical`, `binary` (two classes) or None (no labels).
        class_names: subfolders in the order of their class numbers; alphabetical if None.
        batch_size: texts per batch; None delivers single texts.
        max_length: characters that are kept of each text; all if None.
        shuffle: visit the texts in a new order every epoch (not the validation part of `both`).
        seed: fixes the orders and the split; the split of a seed is the one Keras makes.
        validation_split: which part of the texts, between 0 and 1, is kept for validation.
        subset: `training`, `validation`, or `both` for a pair of datasets.
        follow_links: also enter folders that are symbolic links.
        format: Keras' choice between two kinds of datasets; here both words give this one.
        verbose: print how many files and classes were found.
    Returns:
        A `Dataset` with `class_names` and `file_paths`; a pair of them with `subset="both"`.

    Raises:
        ConfigError: an argument is not understood, or two exclude each other.
        DataError: the folder is missing or holds no texts; when a batch is read: a file is no text.
    """
    one_of(SUBJECT, "label_mode", label_mode, ("int", "categorical", "binary", None))
    one_of(SUBJECT, "format", format, ("tf", "grain"))
    check_split(SUBJECT, validation_split, subset, shuffle, seed)
    folder = labelled_files(SUBJECT, ".txt", directory, labels if label_mode else None,
                            class_names, follow_links)  # fmt: skip
    targets = None if label_mode is None or labels is None else targets_of(folder, label_mode)

    def samples(paths: list[str], own: NDArray[Any] | None) -> TextSamples:
        return TextSamples(paths, own, max_length)

    return divided(folder, targets, samples, batch_size, shuffle, seed_or_draw(seed),
                   validation_split, subset, verbose)  # fmt: skip
