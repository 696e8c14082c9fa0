"""Which pictures lie in a folder: files, labels and class names.

Nothing is opened here; reading stands in `images` and `image_folder`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from graftgrad.errors import ConfigError, DataError, expect
from graftwork.data.folders import expect_folder
from graftwork.data.labelled_files import (
    LabelledFolder,
    endings,
    files_below,
    sorted_out,
    whole_numbers,
)

SUBJECT = "image_dataset_from_directory"
EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


def find_pictures(
    directory: str, labels: Any, class_names: Sequence[str] | None, follow_links: bool
) -> LabelledFolder:
    """List the pictures of a folder, class by class, by their extensions.

    Raises:
        ConfigError: labels and class names do not fit together.
        DataError: the folder is missing, has no pictures, or the labels do not fit their number.
    """
    expect_folder(SUBJECT, directory)
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
    paths = files_below(directory, EXTENSIONS, follow_links)
    _expect_pictures(directory, paths, "Check the path.")
    if labels is None:
        return LabelledFolder(SUBJECT, directory, paths, None, None)
    numbers = whole_numbers(SUBJECT, labels)
    expect(
        len(numbers) == len(paths),
        SUBJECT,
        "there must be as many labels as pictures in the folder",
        error=DataError,
        labels=len(numbers),
        pictures=len(paths),
        directory=directory,
    )
    return LabelledFolder(
        SUBJECT, directory, paths, numbers, [str(label) for label in sorted(set(numbers.tolist()))]
    )


def _by_subfolders(
    directory: str, class_names: Sequence[str] | None, follow_links: bool
) -> LabelledFolder:
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
    found = [sorted_out(os.path.join(directory, name), EXTENSIONS, follow_links) for name in names]
    paths = [path for group, _ in found for path in group]
    others = tuple(
        path for _, group in found for path in group if not os.path.basename(path).startswith(".")
    )
    advice = "With labels='inferred' every class has a subfolder of its own."
    if not names and files_below(directory, EXTENSIONS, follow_links):
        advice += " The pictures lie in the folder itself: move them, or say labels=None."
    if others:
        advice += f" Passed over, by their endings: {endings(others)}."
    _expect_pictures(directory, paths, advice)
    numbers = np.repeat(np.arange(len(names), dtype=np.int32), [len(group) for group, _ in found])
    empty = tuple(name for name, (group, _) in zip(names, found, strict=True) if not group)
    return LabelledFolder(SUBJECT, directory, paths, numbers, names, others, empty)


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
