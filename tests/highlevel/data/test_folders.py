"""What is said of a folder that is not there: what lies on the way to it."""

import os
import re
from pathlib import Path

import pytest

import graftwork as gw
from graftgrad.errors import DataError
from graftwork.data.folders import expect_folder

READERS = [
    gw.image_dataset_from_directory, gw.utils.text_dataset_from_directory,
    gw.utils.audio_dataset_from_directory,
]  # fmt: skip


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with parts, from which paths begin."""
    for name in ("train", "val", ".hidden"):
        (tmp_path / "photos" / name).mkdir(parents=True)
    (tmp_path / "notes.txt").write_text("none", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(place: str) -> str:
    with pytest.raises(DataError) as error:
        expect_folder("reader", place)
    return str(error.value)


def test_a_misspelt_folder_is_answered_with_the_one_that_is_meant(photos: Path) -> None:
    text = told("photos/trian/ants")
    assert text.startswith(
        "reader: the directory must be an existing folder; got directory='photos/trian/ants', "
        f"found='nothing', working_directory={str(photos)!r}. "
    )
    assert text.endswith(f"Did you mean {str(photos / 'photos' / 'train')!r}?")


def test_what_is_there_is_listed(photos: Path) -> None:
    assert told("photos/x").endswith(f"{str(photos / 'photos')!r} has the folders train, val.")
    assert told("photos/val/x").endswith(f"{str(photos / 'photos' / 'val')!r} has no folders.")
    assert "found='a file'" in told("notes.txt")
    for i in range(10):
        (photos / "photos" / f"part{i}").mkdir()
    assert told("photos/x").endswith("part6, part7, ….")


@pytest.mark.skipif("os.sep != '/'")
def test_paths_of_another_system_are_turned(photos: Path) -> None:
    assert told("photos\\train").endswith("folders are parted by '/': 'photos/train'.")


@pytest.mark.parametrize("read", READERS, ids=lambda one: one.__name__)
def test_every_reader_of_folders_says_so(read: object, photos: Path) -> None:
    assert callable(read)
    with pytest.raises(DataError, match=re.escape(f"Did you mean {str(photos / 'photos')!r}?")):
        read("photo")


def test_a_drive_that_is_missing_has_nothing_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(place: str) -> None:
        raise FileNotFoundError(place)

    monkeypatch.setattr(os.path, "isdir", lambda place: False)
    monkeypatch.setattr(os, "scandir", refuse)
    root = os.path.splitdrive(os.getcwd())[0] + os.sep
    assert told(f"{root}photos").endswith(f"{root} cannot be read.")
