"""Sounds in folders: decoded from every kind of WAV file, filled up, resampled, labelled."""

from __future__ import annotations

import io
import re
import struct
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError, DataError
from graftwork.data.sound_files import decode_wav, resampled

read = gw.utils.audio_dataset_from_directory


def pcm(samples: Any, rate: int = 8000, width: int = 2) -> bytes:
    """A file that the standard library writes, of numbers from −1 to 1, (T, C)."""
    x = np.asarray(samples, "float64")
    top = 2 ** (8 * width - 1)
    whole = np.clip(np.round(x * top), -top, top - 1).astype("<i8")
    if width == 1:
        raw = (whole + 128).astype("u1").tobytes()
    else:
        raw = whole.reshape(-1, 1).view("u1")[:, :width].tobytes()
    found = io.BytesIO()
    with wave.open(found, "wb") as file:
        file.setnchannels(x.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(raw)
    return found.getvalue()


def real(samples: Any, rate: int = 8000, kind: str = "<f4", extensible: bool = False) -> bytes:
    """A file of real numbers, with a chunk that nobody knows before them."""
    x = np.asarray(samples, kind)
    width, channels = x.dtype.itemsize, x.shape[1]
    form = struct.pack("<HHIIHH", 0xFFFE if extensible else 3, channels, rate,
                       rate * channels * width, channels * width, 8 * width)  # fmt: skip
    if extensible:
        form += struct.pack("<HHIH", 22, 8 * width, 0, 3) + bytes(14)
    chunks = [(b"fmt ", form), (b"LIST", b"odd"), (b"data", x.tobytes())]
    body = b"".join(
        name + struct.pack("<I", len(one)) + one + b"\0" * (len(one) % 2) for name, one in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


SOUND = np.random.default_rng(0).uniform(-1, 0.99, (37, 2))


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_whole_numbers(width: int) -> None:
    found, rate = decode_wav(pcm(SOUND, 11025, width))
    assert rate == 11025
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, SOUND, atol=max(0.51 / 2 ** (8 * width - 1), 1e-7))
    edge, _ = decode_wav(pcm([[-1.0], [0.0]], width=width))
    assert edge[:, 0].tolist() == [-1.0, 0.0]


@pytest.mark.parametrize(("kind", "extensible"), [("<f4", False), ("<f8", False), ("<f4", True)])
def test_real_numbers(kind: str, extensible: bool) -> None:
    found, _ = decode_wav(real(SOUND, kind=kind, extensible=extensible))
    np.testing.assert_array_equal(found, SOUND.astype("float32"))


@pytest.mark.parametrize(("rate", "wanted"), [(8000, 16000), (16000, 11025), (44100, 16000)])
def test_a_tone_stays_a_tone(rate: int, wanted: int) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(rate // 4) / rate)[:, None].astype("float32")
    found = resampled(tone, rate, wanted)
    assert len(found) == -(-len(tone) * wanted // rate)
    wave_ = np.sin(2 * np.pi * 440 * np.arange(len(found)) / wanted)
    middle = slice(len(found) // 8, -len(found) // 8)
    np.testing.assert_allclose(found[middle, 0], wave_[middle], atol=1e-3)


def test_what_a_lower_rate_cannot_hold_is_left_out() -> None:
    high = np.sin(2 * np.pi * 6000 * np.arange(4000) / 16000)[:, None].astype("float32")
    found = resampled(high, 16000, 8000)
    assert np.abs(found[200:-200]).max() < 1e-3
    assert resampled(high, 16000, 16000) is high


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, lengths in (("cat", (5, 9, 3)), ("dog", (7, 2))):
        (tmp_path / name).mkdir()
        for i, length in enumerate(lengths):
            value = (i + 1) / 8 * (1 if name == "cat" else -1)
            (tmp_path / name / f"{i}.wav").write_bytes(pcm(np.full((length, 1), value)))
    (tmp_path / "cat" / "notes.txt").write_text("no sound")
    return tmp_path


def test_batches_are_filled_up(folder: Path, capsys: Any) -> None:
    data = read(folder, batch_size=3, shuffle=False)
    assert "5 files" in capsys.readouterr().out
    assert data.class_names == ["cat", "dog"]
    (x, y), (x2, y2) = list(data)
    assert (x.shape, x2.shape) == ((3, 9, 1), (2, 7, 1))
    assert y.tolist() + y2.tolist() == [0, 0, 0, 1, 1]
    assert y.dtype == np.int32
    assert x[0, :, 0].tolist() == [0.125] * 5 + [0.0] * 4
    assert x2[1, :, 0].tolist() == [-0.25] * 2 + [0.0] * 5


def test_lengths_labels_rates_and_parts(folder: Path) -> None:
    same = {"shuffle": False, "verbose": False}
    x, y = next(iter(read(folder, output_sequence_length=4, label_mode="categorical", **same)))
    assert x.shape == (5, 4, 1)
    assert y[3:].tolist() == [[0, 1], [0, 1]]
    x = next(iter(read(folder, labels=None, ragged=True, **same)))
    assert x.dtype == object
    assert [one.shape for one in x] == [(5, 1), (9, 1), (3, 1), (7, 1), (2, 1)]
    x, y = next(iter(read(folder, batch_size=None, label_mode="binary", **same)))
    assert (x.shape, y.shape) == ((5, 1), (1,))
    x, _ = next(iter(read(folder, sampling_rate=16000, **same)))
    assert x.shape == (5, 18, 1)
    left, right = read(folder, validation_split=0.4, subset="both", seed=1, verbose=False)
    assert sorted(left.file_paths + right.file_paths) == sorted(
        str(one) for one in folder.rglob("*.wav")
    )
    assert len(right.file_paths) == 2


def test_a_network_hears(folder: Path) -> None:
    gw.set_random_seed(0)
    model = gw.Sequential(
        [
            gw.layers.Conv1D(4, 3, padding="same", activation="relu"),
            gw.layers.GlobalMaxPooling1D(),
            gw.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(gw.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
    data = read(folder, label_mode="binary", output_sequence_length=8, seed=1, verbose=False)
    assert model.fit(data, epochs=40, verbose=0).history["accuracy"][-1] == 1.0


DAMAGED: list[tuple[bytes, str]] = [
    (b"OggS" + bytes(20), "the file must be WAV; got"),
    (pcm(SOUND)[:30], "the form of samples must be whole; got"),
    (pcm(SOUND)[:36], "the file must hold samples; got"),
    (real(np.full((2, 1), np.nan)), "samples must be finite; got"),
    (pcm(SOUND).replace(struct.pack("<HH", 1, 2), struct.pack("<HH", 7, 2), 1),
     "samples must be whole numbers of 8, 16, 24 or 32 bits"),
    (pcm(SOUND).replace(struct.pack("<HH", 1, 2), struct.pack("<HH", 1, 0), 1),
     "there must be 1 to 64 channels and a rate; got"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "told"), DAMAGED, ids=[told[:40] for _, told in DAMAGED])
def test_damaged_files(data: bytes, told: str) -> None:
    with pytest.raises(DataError, match=re.escape(told)):
        decode_wav(data)


def test_cut_off_files_never_do_worse() -> None:
    whole = real(SOUND, extensible=True)
    for end in range(len(whole)):
        try:
            decode_wav(whole[:end])
        except DataError:
            pass


def test_what_is_refused(folder: Path) -> None:
    for settings, text in (
        ({"ragged": True, "output_sequence_length": 3}, "sounds have their own lengths or one"),
        ({"sampling_rate": 0}, "sampling_rate must be a positive whole number or None; got"),
        ({"label_mode": "many"}, "label_mode must be"),
        ({"labels": [1, 2]}, "there must be one label for every file; got"),
        ({"class_names": ["cat", "cow"]}, "class_names must be different subfolders"),
        ({"subset": "both"}, "audio_dataset_from_directory: validation_split and subset must be"),
    ):
        with pytest.raises(ConfigError, match=re.escape(text)):
            read(folder, verbose=False, **settings)
    with pytest.raises(DataError, match="must be a list of integers, one for every file; got"):
        read(folder, labels=[0.5] * 5, verbose=False)
    with pytest.raises(DataError, match=re.escape("there must be .wav files; got")):
        (folder / "empty").mkdir()
        read(folder / "empty", labels=None, verbose=False)
    (folder / "cat" / "0.wav").write_bytes(pcm(SOUND))
    with pytest.raises(DataError, match="all sounds of a batch must have as many channels"):
        list(read(folder, verbose=False))
    (folder / "cat" / "0.wav").write_bytes(b"nothing")
    with pytest.raises(DataError, match=re.escape("0.wav: the file must be WAV; got")):
        list(read(folder, verbose=False))
