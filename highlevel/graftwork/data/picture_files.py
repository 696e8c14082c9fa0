"""Which pictures lie in a folder: files, labels, class names, and the split into two parts.

Nothing is opened here; reading stands in `images` and `image_folder`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graftgrad.errors import ConfigError, DataError, expect
from graftwork.data.framing import one_of

SUBJECT = "image_dataset_from_directory"
EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


@dataclass(frozen=True)
class PictureFolder:
    """What lies in a folder: files in alphabetical order, their labels, the classes' names."""

    directory: str
    paths: list[str]
    labels: NDArray[np.int32] | None
    class_names: list[str] | None

    def description(self) -> str:
        """Say how much was found."""
        found = f"Found {len(self.paths)} files"
        if self.class_names is None:
            return f"{found}."
        return f"{found} belonging to {len(self.class_names)} classes."


def find_pictures(
    directory: str, labels: Any, class_names: Sequence[str] | None, follow_links: bool
) -> PictureFolder:
    """List the pictures of a folder, class by class, by their extensions.

    Raises:
        ConfigError: labels and class names do not fit together.
        DataError: the folder is missing, has no pictures, or the labels do not fit their number.
    """
    expect(
        os.path.isdir(directory),
        SUBJECT,
        "the directory must be an existing folder",
        error=DataError,
        directory=directory,
        found="a file" if os.path.exists(directory) else "nothing",
        working_directory=os.getcwd(),
    )
    inferred = isinstance(labels, str)
    expect(
        not inferred or labels == "inferred",
        SUBJECT,
        "labels must be 'inferred', None or a list of integers",
        error=ConfigError,
        labels=labels,
    )
    expect(
        class_names is None or inferred,
        SUBJECT,
        "class_names can only be given with labels='inferred' and a label_mode",
        error=ConfigError,
        class_names=class_names,
        labels=None if labels is None else f"{len(labels)} numbers",
    )
    if inferred:
        return _by_subfolders(directory, class_names, follow_links)
    paths = list(_pictures_below(directory, follow_links))
    _expect_pictures(directory, paths, "Check the path.")
    if labels is None:
        return PictureFolder(directory, paths, None, None)
    numbers = _given_labels(directory, labels, len(paths))
    return PictureFolder(
        directory, paths, numbers, [str(label) for label in sorted(set(numbers.tolist()))]
    )


def _by_subfolders(
    directory: str, class_names: Sequence[str] | None, follow_links: bool
) -> PictureFolder:
    present = sorted(
        entry.name
        for entry in os.scandir(directory)
        if entry.is_dir() and not entry.name.startswith(".")
    )
    names = present if class_names is None else list(class_names)
    expect(
        set(names) <= set(present) and len(set(names)) == len(names),
        SUBJECT,
        "class_names must be different subfolders of the directory",
        error=ConfigError,
        class_names=class_names,
        subfolders=present,
    )
    found = [list(_pictures_below(os.path.join(directory, name), follow_links)) for name in names]
    paths = [path for group in found for path in group]
    advice = "With labels='inferred' every class has a subfolder of its own."
    if not names and next(_pictures_below(directory, follow_links), None) is not None:
        advice += " The pictures lie in the folder itself: move them, or say labels=None."
    _expect_pictures(directory, paths, advice)
    numbers = np.repeat(np.arange(len(names), dtype=np.int32), [len(group) for group in found])
    return PictureFolder(directory, paths, numbers, names)


def _pictures_below(folder: str, follow_links: bool) -> Iterator[str]:
    for root, _, names in sorted(os.walk(folder, followlinks=follow_links), key=lambda at: at[0]):
        for name in sorted(names):
            if name.lower().endswith(EXTENSIONS):
                yield os.path.join(root, name)


def _expect_pictures(directory: str, paths: list[str], advice: str) -> None:
    expect(
        bool(paths),
        SUBJECT,
        f"there must be pictures ({', '.join(EXTENSIONS)})",
        error=DataError,
        advice=advice,
        directory=directory,
        subfolders=sorted(path.name for path in Path(directory).iterdir() if path.is_dir()),
        pictures=0,
    )


def _given_labels(directory: str, labels: Any, pictures: int) -> NDArray[np.int32]:
    numbers = np.asarray(labels)
    expect(
        numbers.ndim == 1 and (numbers.dtype.kind in "iu" or numbers.size == 0),
        SUBJECT,
        "labels must be a list of integers, one for every picture",
        error=DataError,
        labels=labels,
    )
    expect(
        len(numbers) == pictures,
        SUBJECT,
        "there must be as many labels as pictures in the folder",
        error=DataError,
        labels=len(numbers),
        pictures=pictures,
        directory=directory,
    )
    return numbers.astype(np.int32)


def targets_of(folder: PictureFolder, label_mode: str) -> NDArray[Any]:
    """Encode the class numbers as the label mode asks.

    Raises:
        ConfigError: `binary` with other than two classes.
        DataError: a label is not the number of a class.
    """
    assert folder.labels is not None
    assert folder.class_names is not None
    if label_mode == "int":
        return folder.labels
    classes = len(folder.class_names)
    expect(
        label_mode != "binary" or classes == 2,
        SUBJECT,
        "label_mode='binary' needs exactly 2 classes",
        error=ConfigError,
        class_names=folder.class_names,
    )
    lowest, highest = int(folder.labels.min()), int(folder.labels.max())
    expect(
        lowest >= 0 and highest < classes,
        SUBJECT,
        f"with label_mode={label_mode!r} the labels must be 0 to {classes - 1}",
        error=DataError,
        smallest=lowest,
        largest=highest,
        different=classes,
    )
    if label_mode == "binary":
        return folder.labels.astype(np.float32)[:, None]
    return np.eye(classes, dtype=np.float32)[folder.labels]


def keras_order(count: int, seed: int | None) -> NDArray[np.intp]:
    """Say the order in which Keras lists shuffled files, so that a seed means the same split."""
    order = np.arange(count, dtype=np.intp)
    if seed is not None:
        np.random.RandomState(seed).shuffle(order)
    return order


def split(
    order: NDArray[np.intp], fraction: float | None, subset: str | None, directory: str
) -> dict[str, NDArray[np.intp]]:
    """Cut an order of files into training and validation, the last part being validation.

    Raises:
        DataError: a wanted part would be empty.
    """
    if not fraction:
        return {"all": order}
    kept = int(fraction * len(order))
    parts = {"training": order[: len(order) - kept], "validation": order[len(order) - kept :]}
    wanted = parts if subset == "both" else {subset: parts[str(subset)]}
    expect(
        all(len(part) for part in wanted.values()),
        SUBJECT,
        "validation_split must leave pictures in every part",
        error=DataError,
        validation_split=fraction,
        training=len(parts["training"]),
        validation=len(parts["validation"]),
        directory=directory,
    )
    return parts


def check_split(
    fraction: float | None, subset: str | None, shuffle: bool, seed: int | None
) -> None:
    """Check Keras' arguments about the split.

    Raises:
        ConfigError: they are not understood or do not fit together.
    """
    one_of(SUBJECT, "subset", subset, (None, "training", "validation", "both"))
    expect(
        not fraction or 0 < fraction < 1,
        SUBJECT,
        "validation_split must lie between 0 and 1",
        error=ConfigError,
        validation_split=fraction,
    )
    expect(
        bool(fraction) == bool(subset),
        SUBJECT,
        "validation_split and subset must be given together",
        error=ConfigError,
        validation_split=fraction,
        subset=subset,
    )
    expect(
        not (fraction and shuffle and seed is None and subset != "both"),
        SUBJECT,
        "a shuffled split needs a seed, or the two parts would overlap",
        error=ConfigError,
        advice="Say the same seed for both parts, or subset='both'.",
        seed=seed,
        shuffle=shuffle,
    )
