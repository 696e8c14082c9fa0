"""Sounds in folders, as a dataset of samples with labels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graftgrad.data import Tree
from graftgrad.errors import ConfigError, DataError, expect

from .dataset import seed_or_draw
from .framing import one_of
from .labelled_files import check_split, divided, labelled_files, targets_of
from .sound_files import decode_wav, resampled

SUBJECT = "audio_dataset_from_directory"


class AudioSamples:
    """Sounds in files, with their labels."""

    def __init__(
        self, paths: list[str], targets: NDArray[Any] | None, rate: int | None,
        length: int | None, ragged: bool,
    ) -> None:  # fmt: skip
        self.paths = paths
        self.targets = targets
        self.rate = rate
        self.length = length
        self.ragged = ragged

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, indices: NDArray[np.intp]) -> Tree:
        """Read the sounds of these numbers, (N, T, C), with their labels if there are any.

        Raises:
            DataError: a file is no WAV file, or channels differ in number.
        """
        sounds = [self._sound(self.paths[number]) for number in indices]
        if self.ragged:
            batch: Any = np.empty(len(sounds), dtype=object)
            for i, one in enumerate(sounds):
                batch[i] = one
        else:
            channels = {one.shape[1] for one in sounds}
            expect(len(channels) == 1, SUBJECT, "all sounds of a batch must have as many channels",
                   error=DataError, channels=sorted(channels))  # fmt: skip
            longest = max(len(one) for one in sounds) if self.length is None else self.length
            batch = np.zeros((len(sounds), longest, *channels), np.float32)
            for i, one in enumerate(sounds):
                batch[i, : len(one)] = one[:longest]
        return batch if self.targets is None else (batch, self.targets[indices])

    def _sound(self, path: str) -> NDArray[np.float32]:
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise DataError(
                f"{SUBJECT}: every file must be readable; got {path}: {error}."
            ) from error
        samples, rate = decode_wav(data, f"{SUBJECT}: {path}")
        return samples if self.rate is None else resampled(samples, rate, self.rate)


def audio_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Make a dataset of the .wav files in a folder, one subfolder per class.

    Shapes: sounds (N, T, C) float32 from −1 to 1, filled up with zeros to the longest of a batch;
    labels (N,) int32 for `int`, (N, 1) float32 for `binary`, (N, K) float32 for `categorical`.

    Args:
        directory: with inferred labels, one subfolder per class; else any folder.
        labels: `inferred` from the names of the subfolders; None; or an integer for every file,
            in the alphabetical order of their paths.
        label_mode: `int`, `categorical`, `binary` (two classes) or None (no labels).
        class_names: subfolders in the order of their class numbers; alphabetical if None.
        batch_size: sounds per batch; None delivers single sounds.
        sampling_rate: samples a second; None for what each file has.
        output_sequence_length: T for all: longer sounds are cut off, shorter ones filled up.
        ragged: deliver a host array (N,) of sounds of their own lengths, nothing filled up.
        shuffle: visit the sounds in a new order every epoch (not the validation part of `both`).
        seed: fixes the orders and the split; the split of a seed is the one Keras makes.
        validation_split: which part of the sounds, between 0 and 1, is kept for validation.
        subset: `training`, `validation`, or `both` for a pair of datasets.
        follow_links: also enter folders that are symbolic links.
        verbose: print how many files and classes were found.
    Returns:
        A `Dataset` with `class_names` and `file_paths`; a pair of them with `subset="both"`.

    Raises:
        ConfigError: an argument is not understood, or two exclude each other.
        DataError: the folder is missing or holds no sounds; when a batch is read: a file is no WAV
            file.
    """
    one_of(SUBJECT, "label_mode", label_mode, ("int", "categorical", "binary", None))
    expect(not (ragged and output_sequence_length is not None), SUBJECT,
           "sounds have their own lengths or one length", error=ConfigError, ragged=ragged,
           output_sequence_length=output_sequence_length)  # fmt: skip
    for name, value in (("sampling_rate", sampling_rate),
                        ("output_sequence_length", output_sequence_length)):  # fmt: skip
        fit = value is None or (
            isinstance(value, int) and not isinstance(value, bool) and value > 0
        )
        expect(fit, SUBJECT, f"{name} must be a positive whole number or None", error=ConfigError,
               given=value)  # fmt: skip
    check_split(SUBJECT, validation_split, subset, shuffle, seed)
    folder = labelled_files(SUBJECT, ".wav", directory, labels if label_mode else None,
                            class_names, follow_links)  # fmt: skip
    targets = None if label_mode is None or labels is None else targets_of(folder, label_mode)

    # single sounds are read some at a time, and have their own lengths nevertheless
    apart = ragged or (batch_size is None and output_sequence_length is None)

    def samples(paths: list[str], own: NDArray[Any] | None) -> AudioSamples:
        return AudioSamples(paths, own, sampling_rate, output_sequence_length, apart)

    return divided(folder, targets, samples, batch_size, shuffle, seed_or_draw(seed),
                   validation_split, subset, verbose)  # fmt: skip
