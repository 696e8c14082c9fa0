"""Files in folders with a class for each: found, and divided into datasets. Read elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graftgrad.errors import ConfigError, DataError, expect

from .dataset import IndexedDataset
from .picture_files import PictureFolder, keras_order, split
from .samples import Samples


def labelled_files(
    subject: str, ending: str, directory: str | os.PathLike[str], labels: Any,
    class_names: Sequence[str] | None, follow_links: bool,
) -> PictureFolder:  # fmt: skip
    """Return the files of a kind in a folder, with the numbers of their classes.

    Args:
        subject: who asks, for errors.
        ending: of the files, with its dot.
        directory: with inferred labels, one subfolder per class; else any folder.
        labels: "inferred", None, or a whole number for every file.
        class_names: subfolders in the order of their numbers; alphabetical if None.
        follow_links: also enter folders that are symbolic links.
    Raises:
        ConfigError: labels or class_names do not fit.
        DataError: the folder is missing or holds no such file.
    """
    place = os.fspath(directory)
    expect(os.path.isdir(place), subject, "the directory must be an existing folder",
           error=DataError, directory=place)  # fmt: skip
    inferred = isinstance(labels, str)
    expect(not inferred or labels == "inferred", subject,
           "labels must be 'inferred', None or a list of integers", error=ConfigError,
           labels=labels)  # fmt: skip
    present = sorted(one.name for one in os.scandir(place)
                     if one.is_dir() and not one.name.startswith("."))  # fmt: skip
    names = present if class_names is None else list(class_names)
    expect((set(names) <= set(present) and len(set(names)) == len(names)) or not inferred, subject,
           "class_names must be different subfolders of the directory", error=ConfigError,
           class_names=class_names, subfolders=present)  # fmt: skip
    if inferred:
        groups = [_files(os.path.join(place, name), ending, follow_links) for name in names]
        paths = [path for group in groups for path in group]
        numbers: Any = np.repeat(np.arange(len(names), dtype=np.int32), [len(g) for g in groups])
        known: list[str] | None = names
    else:
        paths = _files(place, ending, follow_links)
        numbers = None if labels is None else np.asarray(labels, dtype=np.int32)
        known = None if labels is None else [str(one) for one in sorted(set(numbers.tolist()))]
        expect(labels is None or len(numbers) == len(paths), subject,
               "there must be one label for every file", error=ConfigError,
               files=len(paths), labels=0 if labels is None else len(numbers))  # fmt: skip
    expect(len(paths) > 0, subject, f"there must be {ending} files", error=DataError,
           directory=place, subfolders=present)  # fmt: skip
    return PictureFolder(place, paths, numbers, known)


def _files(folder: str, ending: str, follow_links: bool) -> list[str]:
    walked = sorted(os.walk(folder, followlinks=follow_links), key=lambda at: at[0])
    return [
        os.path.join(root, name)
        for root, _, names in walked
        for name in sorted(names)
        if name.lower().endswith(ending)
    ]


def divided(
    folder: PictureFolder, targets: NDArray[Any] | None,
    samples: Callable[[list[str], NDArray[Any] | None], Samples], batch_size: int | None,
    shuffle: bool, seed: int, validation_split: float | None, subset: str | None, verbose: bool,
) -> Any:  # fmt: skip
    """Return the dataset of a folder's files, of one part, or a pair of both parts.

    Args:
        folder: the files.
        targets: what belongs to each of them.
        samples: what reads some of them.
        batch_size: files per batch; None delivers single ones.
        shuffle: visit files in a new order every epoch (not the validation part of `both`).
        seed: fixes the orders and the split.
        validation_split: which part is kept for validation.
        subset: `training`, `validation`, `both` or None.
        verbose: print how many files and classes were found.
    """
    if verbose:
        print(folder.description())
    order = keras_order(len(folder.paths), seed if shuffle else None)
    parts = split(order, validation_split, subset, folder.directory)

    def dataset(part: str) -> IndexedDataset:
        paths = [folder.paths[number] for number in parts[part]]
        if verbose and part != "all":
            print(f"Using {len(paths)} files for {part}.")
        own = None if targets is None else targets[parts[part]]
        return IndexedDataset(
            samples(paths, own),
            batch_size,
            shuffle=shuffle and not (subset == "both" and part == "validation"),
            seed=seed,
            class_names=folder.class_names,
            file_paths=paths,
        )

    if subset == "both":
        return dataset("training"), dataset("validation")
    return dataset(subset or "all")
