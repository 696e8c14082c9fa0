"""Writes sound.npz and sound.json: what Keras' spectrograms compute.

Ran with Keras 3.15.1 on jax 0.10.2 (CPU, float64), numpy 2.4.6, Python 3.11; stored as float64.
Needs the interop extra and jax: ``python tests/golden/make_sound.py``.

Arrays of a case: ``input/0`` and ``output``. Settings are those given.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from precise import keras
from writer import Family, draw

family = Family("sound", ("keras", "jax"))


def case(name: str, *shape: int, **settings: Any) -> None:
    x = draw(f"sound {shape}", *shape)
    layer = getattr(keras.layers, name)(dtype="float64", **settings)
    y = np.asarray(layer(keras.ops.convert_to_tensor(x, "float64")))
    number = sum(one["class_name"] == name for one in family.cases)
    family.add(f"{name}-{number}", name, settings, {"input/0": x, "output": y})


for mode in ("log", "magnitude", "psd", "real", "imag", "angle", "stft"):
    case("STFTSpectrogram", 2, 70, 2, mode=mode, frame_length=16)
case("STFTSpectrogram", 2, 70, 2, mode="psd", frame_length=16, expand_dims=True, fft_length=32)
case("STFTSpectrogram", 2, 2, 70, mode="stft", frame_length=16, data_format="channels_first")
case("STFTSpectrogram", 2, 2, 70, mode="magnitude", frame_length=16, frame_step=5,
     data_format="channels_first", expand_dims=True)  # fmt: skip
case("STFTSpectrogram", 2, 70, 1, mode="magnitude", frame_length=12, window="hamming",
     periodic=True, scaling="spectrum", padding="same")  # fmt: skip
case("STFTSpectrogram", 1, 20, 1, mode="real", frame_length=4, window=[0.5, 1.0, 2.0, 1.0])
case("STFTSpectrogram", 1, 40, 1, mode="imag", frame_length=9, window="blackman", scaling=None)
case("STFTSpectrogram", 1, 40, 1, mode="real", frame_length=9, window=None)
SMALL = {"fft_length": 128, "sequence_stride": 40, "sampling_rate": 4000, "num_mel_bins": 6}
case("MelSpectrogram", 2, 400, **SMALL)
case("MelSpectrogram", 400, **SMALL, power_to_db=False, mag_exp=1.0)
case("MelSpectrogram", 2, 400, **SMALL, sequence_length=90, window="hamming", max_freq=1500.0)
case("MelSpectrogram", 2, 400, **SMALL, top_db=5.0, ref_power=3.0, min_freq=200.0)
family.write()
