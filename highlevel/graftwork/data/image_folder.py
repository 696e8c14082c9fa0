"""Pictures in folders as a dataset, read in batches by several threads.

Which files there are stands in `picture_files`, one picture in `images`, epochs in `dataset`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graftgrad.data import Tree
from graftgrad.errors import ConfigError, expect
from graftwork.data.dataset import seed_or_draw
from graftwork.data.framing import Framing, channels_first, framing, one_of
from graftwork.data.images import CHANNELS, decode
from graftwork.data.labelled_files import check_split, divided, targets_of
from graftwork.data.picture_files import SUBJECT, find_pictures

READERS = min(8, os.cpu_count() or 1)
READ_AHEAD = 2  # batches


def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: str | Sequence[int] | NDArray[np.integer[Any]] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: int | tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
    *,
    resize: int | None = None,
) -> Any:
    """Make a dataset of the pictures in a folder.

    Shapes: pictures (N, H, W, C), float32 from 0 to 255, C = 1, 3 or 4 for `grayscale`, `rgb`,
    `rgba`; labels (N,) int32 for `int`, (N, 1) float32 for `binary`, (N, K) float32 for
    `categorical`. Without labels a batch is the pictures alone.

    Shrinking averages over all pixels that fall together (Pillow's antialiased filters), where
    Keras by default picks single pixels and loses fine detail; `area` is Pillow's box filter.
    The filters `lanczos5`, `gaussian` and `mitchellcubic`, which Keras knows too, are missing here.
    Orientation notes in EXIF headers are ignored, as in Keras. Reading is spread over several
    threads, and the next batches are prepared while a model works on this one.

    Args:
        directory: with inferred labels, one subfolder per class; else any folder.
        labels: `inferred` from the names of the subfolders; None; or an integer for every picture,
            in the alphabetical order of their paths.
        label_mode: `int`, `categorical`, `binary` (two classes) or None (no labels).
        class_names: subfolders in the order of their class numbers; alphabetical if None. Others
            are left out.
        color_mode: `grayscale`, `rgb` or `rgba`.
        batch_size: pictures per batch; None delivers single pictures.
        image_size: rows and columns, or one number for both.
        shuffle: visit the pictures in a new order every epoch (not the validation part of `both`).
        seed: fixes the orders and the split; the split of a seed is the one Keras makes.
        validation_split: which part of the pictures, between 0 and 1, is kept for validation.
        subset: `training`, `validation`, or `both` for a pair of datasets.
        interpolation: `bilinear`, `nearest`, `bicubic`, `area` or `lanczos3`.
        follow_links: also enter folders that are symbolic links.
        crop_to_aspect_ratio: cut out the middle in the right proportions instead of stretching.
        pad_to_aspect_ratio: fill up with black instead of stretching.
        data_format: `channels_last` (None means that) or `channels_first`, (N, C, H, W).
        format: Keras' choice between two kinds of datasets; here both words give this one.
        verbose: print how many files and classes were found.
        resize: bring the shorter side to this length, then cut out the middle `image_size`. What
            torchvision's checkpoints were trained with is `resize=256, image_size=224`.

    Returns:
        A `Dataset` with `class_names` and `file_paths`; a pair of them with `subset="both"`.

    Raises:
        ConfigError: an argument is not understood, or two exclude each other.
        DataError: the folder is missing or has no pictures, labels do not fit; when a batch is
            read: a picture is damaged. The file is named.
        LibraryError: Pillow is not installed (when the first batch is read).
    """
    one_of(SUBJECT, "label_mode", label_mode, ("int", "categorical", "binary", None))
    one_of(SUBJECT, "color_mode", color_mode, CHANNELS)
    one_of(SUBJECT, "format", format, ("tf", "grain"))
    check_split(SUBJECT, validation_split, subset, shuffle, seed)
    expect(
        image_size is not None,
        SUBJECT,
        "image_size must be given, for all pictures of a batch have one size",
        error=ConfigError,
        image_size=image_size,
    )
    reader = Reader(
        color_mode,
        framing(
            SUBJECT,
            image_size,
            interpolation,
            resize=resize,
            crop=crop_to_aspect_ratio,
            pad=pad_to_aspect_ratio,
        ),
        channels_first(SUBJECT, data_format),
    )
    chosen = seed_or_draw(seed)
    folder = find_pictures(
        os.fspath(directory), labels if label_mode else None, class_names, follow_links
    )
    targets = None if label_mode is None or labels is None else targets_of(folder, label_mode)

    def samples(paths: list[str], own: NDArray[Any] | None) -> PictureSamples:
        return PictureSamples(paths, own, reader)

    return divided(folder, targets, samples, batch_size, shuffle, chosen, validation_split, subset,
                   verbose, READ_AHEAD)  # fmt: skip


# Reading


@dataclass(frozen=True)
class Reader:
    """How a file becomes an array: colours, size and where the channels go."""

    color_mode: str
    framing: Framing
    channels_first: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of one picture."""
        assert self.framing.size is not None
        rows, columns = self.framing.size
        channels = CHANNELS[self.color_mode]
        return (channels, rows, columns) if self.channels_first else (rows, columns, channels)

    def read(self, path: str, into: NDArray[np.float32]) -> None:
        """Read one file into its place in a batch."""
        pixels = decode(path, self.color_mode, self.framing)
        into[...] = pixels.transpose(2, 0, 1) if self.channels_first else pixels


class PictureSamples:
    """Pictures in files, with their labels, read by several threads."""

    def __init__(self, paths: list[str], targets: NDArray[Any] | None, reader: Reader) -> None:
        self.paths = paths
        self.targets = targets
        self.reader = reader

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, indices: NDArray[np.intp]) -> Tree:
        """Read the pictures of these numbers, (N, H, W, C), with their labels if there are any.

        Raises:
            DataError: a file is missing, damaged or not a picture.
        """
        batch = np.empty((len(indices), *self.reader.shape), dtype=np.float32)
        paths = [self.paths[index] for index in indices]
        if len(paths) == 1:
            self.reader.read(paths[0], batch[0])
        else:
            from concurrent.futures import ThreadPoolExecutor  # here: slow to import

            # a pool per batch costs little beside the decoding, and leaves no thread behind
            with ThreadPoolExecutor(READERS, "graftwork-pictures") as pool:
                for _ in pool.map(self.reader.read, paths, batch):
                    pass
        return batch if self.targets is None else (batch, self.targets[indices])
