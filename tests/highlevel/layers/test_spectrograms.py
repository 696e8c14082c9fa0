"""Spectrograms as Keras computes them, the gradients of their filters, and their errors."""

import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ConfigError, DTypeError
from graftwork import initializers
from graftwork.layers import Input, MelSpectrogram, STFTSpectrogram
from support.golden import GoldenCase, cases
from support.layer_checks import check_layer

LAYERS = {"MelSpectrogram": MelSpectrogram, "STFTSpectrogram": STFTSpectrogram}


@pytest.mark.parametrize("case", cases("sound"), ids=str)
def test_as_keras(case: GoldenCase) -> None:
    layer = LAYERS[case.class_name](dtype="float64", **case.settings)
    y = layer(graftgrad.tensor(case["input/0"])).detach().numpy()
    wanted = case["output"]
    if case.settings.get("mode") == "angle":  # π and −π are one angle; of a zero there is none
        y, wanted = np.cos(y), np.cos(wanted)
    rounding = 1e-7 if case.class_name == "STFTSpectrogram" else 2e-6  # Keras' bands are float32
    np.testing.assert_allclose(y, wanted, rtol=rounding, atol=1e-9)
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    if case["input/0"].ndim > 1:
        assert again(Input(case["input/0"].shape[1:])).shape[1:] == wanted.shape[1:]


def test_every_promise() -> None:
    check_layer(lambda: STFTSpectrogram("magnitude", frame_length=8), (2, 20, 2))
    check_layer(lambda: MelSpectrogram(64, 16, sampling_rate=4000, num_mel_bins=4), (2, 80))


def test_filters_are_cosines_and_sines_that_can_be_trained() -> None:
    layer = STFTSpectrogram("stft", frame_length=4, window=None)
    layer.build_for((None, 12, 1))
    assert [w.name for w in layer.trainable_weights] == ["real_kernel", "imag_kernel"]
    angles = -2 * np.pi * np.arange(4)[:, None] * np.arange(3) / 4
    for weight, wave in zip(layer.weights, (np.cos, np.sin), strict=True):
        np.testing.assert_allclose(weight.numpy()[:, 0], wave(angles), atol=1e-6)


def test_settings_that_contradict_each_other() -> None:
    with pytest.raises(ConfigError, match="frame_step must not be greater than frame_length"):
        STFTSpectrogram(frame_length=8, frame_step=9)
    with pytest.raises(ConfigError, match="fft_length must not be less than frame_length"):
        STFTSpectrogram(frame_length=8, fft_length=4)
    with pytest.warns(UserWarning, match="fft_length should be a power of two; got 12"):
        STFTSpectrogram(frame_length=8, fft_length=12)
    with pytest.raises(ConfigError, match=r"window must be one of .*'hann'.*got window='round'"):
        STFTSpectrogram(window="round")
    with pytest.raises(ConfigError, match="one number for each sample of a frame"):
        MelSpectrogram(window=[1.0, 2.0])
    with pytest.raises(ConfigError, match="sequence_length must not be greater than fft_length"):
        MelSpectrogram(fft_length=8, sequence_length=9)
    with pytest.raises(DTypeError, match="input must hold floating-point numbers"):
        STFTSpectrogram(frame_length=4)(np.ones((1, 8, 1), "int32"))
    with pytest.raises(ConfigError, match="side must be one of 'real', 'imag'"):
        initializers.STFT("left")


def test_a_window_of_one_sample() -> None:
    y = STFTSpectrogram("real", frame_length=1, frame_step=1)(np.ones((1, 3, 1), "float32"))
    np.testing.assert_array_equal(y.detach().numpy(), np.ones((1, 3, 1)))
