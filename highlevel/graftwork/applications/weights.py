"""Where pretrained weights come from: a path, or a catalogue name, downloaded once and verified.

What is in a file is read in `saving`; which network it belongs to stands with each network.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graftgrad import formats
from graftgrad.errors import ConfigError, expect

from ..saving.sources import VARIANT
from .download import Entry as Entry
from .download import cache_folder as cache_folder
from .download import downloaded as downloaded

_LONGEST = 100  # letters of a form


def find(subject: str, weights: Any, catalogue: Mapping[str, Entry]) -> Path | None:
    """Return the file that `weights` means: a path, a catalogue name, or None for no weights.

    Raises:
        ConfigError: it is neither a file nor a name of the catalogue.
        FormatError: what was downloaded is not what was published.
        ConnectionError: the file has to be downloaded and cannot be.
    """
    if weights is None:
        return None
    expect(isinstance(weights, (str, os.PathLike)), subject,
           "weights must be a path, a name of the catalogue or None",
           error=ConfigError, weights=weights)  # fmt: skip
    path = Path(weights).expanduser()
    if path.is_file():
        return path
    entry = catalogue.get(str(weights))
    if entry is None:
        names = ", ".join(repr(name) for name in catalogue) or "none for this network"
        kind = "a folder" if path.is_dir() else "no file"
        where = "" if path.is_absolute() else f" in {Path.cwd()}"
        raise ConfigError(
            f"{subject}: weights must be a file, None or one of {names}; got {str(weights)!r}, "
            f"which is {kind}{where}."
        )
    return downloaded(entry)


def told(include_top: bool, classes: int) -> str:
    """Say beside an error what a network wants from its file, and how to have other classes."""
    return (
        f"the file must hold this network; got include_top={include_top}, classes={classes}. "
        "For classes of your own take the classes of the file, or include_top=False, and put a "
        "new layer in the place of the old head."
    )


@dataclass(frozen=True, slots=True)
class Held:
    """What a file of weights tells before it is read.

    Attributes:
        names: the names of its arrays.
        variant: in whose form the network is that we wrote; "" where the file does not say.
    """

    names: list[str] = field(default_factory=list)
    variant: str = ""


def held_in(path: Path | None) -> Held:
    """Look into a file; without a file nothing is held."""
    if path is None:
        return Held()
    with formats.open_weights(path) as archive:
        variant = archive.metadata.get("variant", "")
        if VARIANT in archive and archive.entry(VARIANT).nbytes <= _LONGEST:
            variant = archive[VARIANT].tobytes().decode("ascii", "replace")
        return Held(list(archive), variant)
