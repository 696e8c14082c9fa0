"""Texts in folders, as a dataset of strings with labels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graftgrad.data import Tree
from graftgrad.errors import ConfigError, DataError, expect

from .dataset import IndexedDataset, seed_or_draw
from .framing import one_of
from .picture_files import PictureFolder, check_split, keras_order, split, targets_of

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
    check_split(validation_split, subset, shuffle, seed)
    chosen = seed_or_draw(seed)
    folder = _found(os.fspath(directory), labels if label_mode else None, class_names, follow_links)
    if verbose:
        print(folder.description())
    targets = None if label_mode is None or labels is None else targets_of(folder, label_mode)
    order = keras_order(len(folder.paths), chosen if shuffle else None)
    parts = split(order, validation_split, subset, folder.directory)

    def dataset(part: str) -> IndexedDataset:
        paths = [folder.paths[number] for number in parts[part]]
        if verbose and part != "all":
            print(f"Using {len(paths)} files for {part}.")
        own = None if targets is None else targets[parts[part]]
        return IndexedDataset(
            TextSamples(paths, own, max_length),
            batch_size,
            shuffle=shuffle and not (subset == "both" and part == "validation"),
            seed=chosen,
            class_names=folder.class_names,
            file_paths=paths,
        )

    if subset == "both":
        return dataset("training"), dataset("validation")
    return dataset(subset or "all")


def _found(
    directory: str, labels: Any, class_names: Sequence[str] | None, follow_links: bool
) -> PictureFolder:
    expect(os.path.isdir(directory), SUBJECT, "the directory must be an existing folder",
           error=DataError, directory=directory)  # fmt: skip
    inferred = isinstance(labels, str)
    expect(not inferred or labels == "inferred", SUBJECT,
           "labels must be 'inferred', None or a list of integers", error=ConfigError,
           labels=labels)  # fmt: skip
    present = sorted(one.name for one in os.scandir(directory)
                     if one.is_dir() and not one.name.startswith("."))  # fmt: skip
    names = present if class_names is None else list(class_names)
    expect((set(names) <= set(present) and len(set(names)) == len(names)) or not inferred, SUBJECT,
           "class_names must be different subfolders of the directory", error=ConfigError,
           class_names=class_names, subfolders=present)  # fmt: skip
    if inferred:
        groups = [_texts(os.path.join(directory, name), follow_links) for name in names]
        paths = [path for group in groups for path in group]
        numbers: Any = np.repeat(np.arange(len(names), dtype=np.int32), [len(g) for g in groups])
        known: list[str] | None = names
    else:
        paths = _texts(directory, follow_links)
        numbers = None if labels is None else np.asarray(labels, dtype=np.int32)
        known = None if labels is None else [str(one) for one in sorted(set(numbers.tolist()))]
        expect(labels is None or len(numbers) == len(paths), SUBJECT,
               "there must be one label for every file", error=ConfigError,
               files=len(paths), labels=0 if labels is None else len(numbers))  # fmt: skip
    expect(len(paths) > 0, SUBJECT, "there must be .txt files", error=DataError,
           directory=directory, subfolders=present)  # fmt: skip
    return PictureFolder(directory, paths, numbers, known)


def _texts(folder: str, follow_links: bool) -> list[str]:
    walked = sorted(os.walk(folder, followlinks=follow_links), key=lambda at: at[0])
    return [
        os.path.join(root, name)
        for root, _, names in walked
        for name in sorted(names)
        if name.lower().endswith(".txt")
    ]
