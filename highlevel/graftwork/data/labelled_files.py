"""Files in folders with a class for each: found, and divided into datasets. Read elsewhere."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graftgrad.errors import ConfigError, DataError, expect

from .dataset import IndexedDataset
from .folders import expect_folder
from .framing import one_of
from .samples import Samples


@dataclass(frozen=True)
class LabelledFolder:
    """What lies in a folder: files in alphabetical order, their labels, the classes' names."""

    subject: str  # who asks, for errors
    directory: str
    paths: list[str]
    labels: NDArray[np.int32] | None
    class_names: list[str] | None
    passed_over: tuple[str, ...] = ()  # files with other endings
    empty: tuple[str, ...] = ()  # classes without files

    def description(self) -> str:
        """Say how much was found, what was passed over, and which classes are empty."""
        found = f"Found {len(self.paths)} files"
        if self.class_names is not None:
            found += f" belonging to {len(self.class_names)} classes"
        lines = [f"{found}."]
        if self.passed_over:
            lines.append(f"Passed over, by their endings: {endings(self.passed_over)}.")
        if self.empty:
            lines.append(f"Classes without files: {', '.join(self.empty)}.")
        return "\n".join(lines)


def endings(paths: Sequence[str]) -> str:
    """List the endings of files, and how many have each."""
    kinds = Counter(os.path.splitext(one)[1].lower() or "none" for one in paths)
    return ", ".join(f"{kind} ({count})" for kind, count in sorted(kinds.items()))


def labelled_files(
    subject: str, ending: str, directory: str | os.PathLike[str], labels: Any,
    class_names: Sequence[str] | None, follow_links: bool,
) -> LabelledFolder:  # fmt: skip
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
        DataError: the folder is missing or holds no such file, or labels are no integers.
    """
    place = os.fspath(directory)
    expect_folder(subject, place)
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
        groups = [files_below(os.path.join(place, name), (ending,), follow_links) for name in names]
        paths = [path for group in groups for path in group]
        numbers: Any = np.repeat(np.arange(len(names), dtype=np.int32), [len(g) for g in groups])
        known: list[str] | None = names
    else:
        paths = files_below(place, (ending,), follow_links)
        numbers = None if labels is None else whole_numbers(subject, labels)
        known = None if labels is None else [str(one) for one in sorted(set(numbers.tolist()))]
        expect(labels is None or len(numbers) == len(paths), subject,
               "there must be one label for every file", error=ConfigError,
               files=len(paths), labels=0 if labels is None else len(numbers))  # fmt: skip
    expect(len(paths) > 0, subject, f"there must be {ending} files", error=DataError,
           directory=place, subfolders=present)  # fmt: skip
    return LabelledFolder(subject, place, paths, numbers, known)


def files_below(folder: str, endings: tuple[str, ...], follow_links: bool) -> list[str]:
    """Return the files of a kind in a folder and those within, in alphabetical order."""
    return sorted_out(folder, endings, follow_links)[0]


def sorted_out(
    folder: str, endings: tuple[str, ...], follow_links: bool
) -> tuple[list[str], list[str]]:
    """Return the files of a kind in a folder and those within, and all others, in their order.

    What macOS lays beside a file under the name `._…` is neither: its ending is that of the file.
    """
    walked = sorted(os.walk(folder, followlinks=follow_links), key=lambda at: at[0])
    every = [
        os.path.join(root, name)
        for root, _, names in walked
        for name in sorted(names)
        if not name.startswith("._")
    ]
    wanted = [path for path in every if path.lower().endswith(endings)]
    return wanted, [path for path in every if not path.lower().endswith(endings)]


def whole_numbers(subject: str, labels: Any) -> NDArray[np.int32]:
    """Return labels that were given as an array.

    Raises:
        DataError: they are no list of integers.
    """
    numbers = np.asarray(labels)
    expect(
        numbers.ndim == 1 and (numbers.dtype.kind in "iu" or numbers.size == 0),
        subject,
        "labels must be a list of integers, one for every file",
        error=DataError,
        labels=labels,
    )
    return numbers.astype(np.int32)


def targets_of(folder: LabelledFolder, label_mode: str) -> NDArray[Any]:
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
        folder.subject,
        "label_mode='binary' needs exactly 2 classes",
        error=ConfigError,
        class_names=folder.class_names,
    )
    lowest, highest = int(folder.labels.min()), int(folder.labels.max())
    expect(
        lowest >= 0 and highest < classes,
        folder.subject,
        f"with label_mode={label_mode!r} the labels must be 0 to {classes - 1}",
        error=DataError,
        smallest=lowest,
        largest=highest,
        different=classes,
    )
    if label_mode == "binary":
        return folder.labels.astype(np.float32)[:, None]
    return np.eye(classes, dtype=np.float32)[folder.labels]


def check_split(
    subject: str, fraction: float | None, subset: str | None, shuffle: bool, seed: int | None
) -> None:
    """Check Keras' arguments about the split.

    Raises:
        ConfigError: they are not understood or do not fit together.
    """
    one_of(subject, "subset", subset, (None, "training", "validation", "both"))
    expect(
        not fraction or 0 < fraction < 1,
        subject,
        "validation_split must lie between 0 and 1",
        error=ConfigError,
        validation_split=fraction,
    )
    expect(
        bool(fraction) == bool(subset),
        subject,
        "validation_split and subset must be given together",
        error=ConfigError,
        validation_split=fraction,
        subset=subset,
    )
    expect(
        not (fraction and shuffle and seed is None and subset != "both"),
        subject,
        "a shuffled split needs a seed, or the two parts would overlap",
        error=ConfigError,
        advice="Say the same seed for both parts, or subset='both'.",
        seed=seed,
        shuffle=shuffle,
    )


def divided(
    folder: LabelledFolder, targets: NDArray[Any] | None,
    samples: Callable[[list[str], NDArray[Any] | None], Samples], batch_size: int | None,
    shuffle: bool, seed: int, validation_split: float | None, subset: str | None, verbose: bool,
    read_ahead: int = 0,
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
        read_ahead: batches that are read before they are asked for.
    Raises:
        DataError: a wanted part would be empty.
    """
    if verbose:
        print(folder.description())
    order = _keras_order(len(folder.paths), seed if shuffle else None)
    parts = _split(folder, order, validation_split, subset)

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
            read_ahead=read_ahead,
        )

    if subset == "both":
        return dataset("training"), dataset("validation")
    return dataset(subset or "all")


def _keras_order(count: int, seed: int | None) -> NDArray[np.intp]:
    """Say the order in which Keras lists shuffled files, so that a seed means the same split."""
    order = np.arange(count, dtype=np.intp)
    if seed is not None:
        np.random.RandomState(seed).shuffle(order)
    return order


def _split(
    folder: LabelledFolder, order: NDArray[np.intp], fraction: float | None, subset: str | None
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
        folder.subject,
        "validation_split must leave files in every part",
        error=DataError,
        validation_split=fraction,
        training=len(parts["training"]),
        validation=len(parts["validation"]),
        directory=folder.directory,
    )
    return parts
