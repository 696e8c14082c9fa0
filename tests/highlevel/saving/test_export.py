"""Models as ONNX files: onnxruntime computes what we compute; what cannot be told is said."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad import formats, ops
from graftgrad.errors import ConfigError
from graftgrad.ops.pool import AveragePool2D
from graftwork import layers
from graftwork.applications import mobilenet, resnet
from graftwork.models import Functional, Model, Sequential
from support import strict_graphs  # noqa: F401  (a device like a GPU)

RANDOM = np.random.default_rng(5)


def sequential(shape: tuple[int, ...], *listed: Any, dtype: str = "float32") -> Any:
    return Sequential([layers.Input(shape, dtype=dtype), *listed])


def stirred(model: Any) -> Any:
    """Give statistics and scales values that are not 0 and 1."""
    for weight in model.weights:
        if weight.name in ("moving_variance", "gamma"):
            weight.assign(RANDOM.uniform(0.5, 1.5, weight.shape).astype("float32"))
        elif weight.name in ("moving_mean", "beta", "bias"):
            weight.assign(RANDOM.normal(0, 0.3, weight.shape).astype("float32"))
    return model


def vgg() -> Any:
    """A small network of VGG's kind."""
    blocks = [
        part
        for filters in (8, 16)
        for part in (
            layers.Conv2D(filters, 3, padding="same", activation="relu"),
            layers.Conv2D(filters, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
        )
    ]
    tail = [layers.Flatten(), layers.Dense(32, "relu"), layers.Dropout(0.5), layers.Dense(10)]
    return sequential((16, 16, 3), *blocks, *tail)


def transformer() -> Any:
    """A small transformer over words."""
    words = layers.Input((9,), dtype="int32")
    x = layers.Embedding(30, 16)(words)
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(4, 4)(y, y, use_causal_mask=True)])
        y = layers.Dense(32, "gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(16)(y)])
    return Functional(words, layers.Dense(30, "softmax")(x))


def residual() -> Any:
    model = resnet.ResNet18(classes=10)
    model.build((None, 32, 32, 3))
    return model


def pixels() -> Any:
    return sequential(
        (12, 11, 3),
        layers.Rescaling(0.5, offset=0.1),
        layers.ZeroPadding2D(((0, 1), (2, 1))),
        layers.Conv2D(8, 3, strides=2, dilation_rate=1),
        layers.BatchNormalization(),
        layers.PReLU(shared_axes=[1, 2]),
        layers.Conv2D(8, 3, groups=2, padding="same", dilation_rate=2),
        layers.GroupNormalization(4),
        layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"),
        layers.SeparableConv2D(6, 3, padding="same"),
        layers.UpSampling2D(2, interpolation="bilinear"),
        layers.Conv2DTranspose(4, 3, strides=2, padding="same"),
        layers.Cropping2D(1),
        layers.AveragePooling2D(2, padding="same"),
        layers.MaxPooling2D(3, strides=2, padding="same"),
        layers.UpSampling2D(2),
        layers.Permute((2, 1, 3)),
        layers.GlobalMaxPooling2D(),
        layers.RMSNormalization(),
    )


def steps() -> Any:
    return sequential(
        (9, 4),
        layers.Conv1D(6, 3, padding="causal"),
        layers.LSTM(5, return_sequences=True),
        layers.GRU(4, return_sequences=True),
        layers.GRU(4, reset_after=False, return_sequences=True),
        layers.Bidirectional(layers.SimpleRNN(3, return_sequences=True)),
        layers.TimeDistributed(layers.Dense(4)),
        layers.Reshape((3, 12)),
        layers.MaxPooling1D(2),
        layers.Flatten(),
    )


def volumes() -> Any:
    return sequential(
        (5, 6, 4, 2),
        layers.Conv3D(4, 3, padding="same", activation="elu"),
        layers.MaxPooling3D(2),
        layers.Conv3DTranspose(3, 2, strides=2),
        layers.GlobalAveragePooling3D(),
    )


def merged() -> Any:
    a, b = layers.Input((6, 5)), layers.Input((6, 5))
    both = [
        layers.Multiply()([a, b]), layers.Average()([a, b]), layers.Maximum()([a, b]),
        layers.Subtract()([a, b]), layers.Attention()([a, b]),
    ]  # fmt: skip
    return Functional([a, b], layers.Concatenate()(both))


def squeezed() -> Any:
    x = layers.Input((8, 8, 3))
    y = layers.Conv2D(4, 3, padding="same")(x)
    z = layers.Dense(4, "hard_sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(y))
    return Functional(x, layers.Concatenate()([layers.Multiply()([y, z]), y]))


def small_mobilenet() -> Any:
    return mobilenet.MobileNet((64, 64, 3), alpha=0.25, weights=None)


NETWORKS = [residual, small_mobilenet, vgg, transformer, pixels, steps, volumes, merged, squeezed]


@pytest.mark.interop
@pytest.mark.parametrize("network", NETWORKS, ids=lambda made: made.__name__)
def test_onnxruntime_computes_the_same(network: Any, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    model = stirred(network())
    path = tmp_path / "model.onnx"
    model.export(path, input_signature=signature(model))
    onnx.checker.check_model(str(path), full_check=True)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for samples in (1, 4):
        given = [values(one, samples) for one in session.get_inputs()]
        want = model(given if len(given) > 1 else given[0], training=False).detach().numpy()
        named = {one.name: x for one, x in zip(session.get_inputs(), given, strict=True)}
        (got,) = session.run(None, named)
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5 * max(1, np.abs(want).max()))


def signature(model: Any) -> Any:
    """Small pictures where the network takes any."""
    return layers.Input((32, 32, 3)) if isinstance(model, resnet.ResNet) else None


def values(told: Any, samples: int) -> Any:
    shape = (samples, *told.shape[1:])
    if "int" in told.type:
        return RANDOM.integers(0, 30, shape).astype("int32")
    return RANDOM.standard_normal(shape).astype("float32")


@pytest.mark.parametrize("network", NETWORKS[1:], ids=lambda made: made.__name__)
def test_what_was_exported_holds_the_weights(network: Any, tmp_path: Path) -> None:
    model = stirred(network())
    model.export(tmp_path / "model.onnx")
    held = formats.open_weights(tmp_path / "model.onnx")
    assert held.format == "onnx"
    assert int(held.metadata["nodes"]) > 3
    learned = {round(float(np.sum(np.abs(w.detach().numpy()))), 2) for w in model.weights
               if w.kind == "parameter" and w.ndim > 1}  # fmt: skip
    stored = {round(float(np.sum(np.abs(held[name].astype("float64")))), 2) for name in held}
    assert len(learned - stored) <= len(learned) // 5  # sums are rounded in another order


def test_names_and_open_sizes(tmp_path: Path) -> None:
    model = sequential((5,), layers.Dense(3, name="head"))
    model.export(tmp_path / "model.onnx")
    held = formats.open_weights(tmp_path / "model.onnx")
    assert list(held) == ["head/kernel", "head/bias"]
    np.testing.assert_array_equal(held["head/kernel"], model.layers[0].kernel.detach().numpy())
    assert b"N" in (tmp_path / "model.onnx").read_bytes()


class Own(Model):
    """A model with a body that cannot be exported."""

    def __init__(self, body: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.body = body
        self.dense = layers.Dense(3)

    def call(self, x: Any) -> Any:
        return self.body(self.dense(x))


def reading(x: Any) -> Any:
    return x * float(x.sum())


def by_samples(x: Any) -> Any:
    return x.sum() if x.shape[0] == 2 else x


KERNELS = graftgrad.ones(1, 2), graftgrad.ones(2, 2)
NONE = ((0, 0), (0, 0))
STATE = graftgrad.zeros(2, dtype="uint32")


def half_of_both(x: Any) -> Any:
    return ops.concatenate([x, x], 0)[: x.shape[0]]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            lambda x: ops.sparsemax(x),
            "every op must have a translation to ONNX; got op='Sparsemax'",
        ),
        (reading, "values must not be read while a model is exported"),
        (by_samples, "a model must do the same for any number of samples"),
        (lambda x: {"y": 3}, "a model must return tensors; got results=['int']"),
        (lambda x: x.clone().add_(1.0) + 1, "values must not be changed in place and read again"),
        (lambda x: x * np.full(x.shape, 2.0, "float32"), "every value must be computed by ops"),
        (
            lambda x: ops.concatenate([x, x], 0)[: x.shape[0]],
            "a cut must not depend on the number of samples",
        ),
        (
            lambda x: ops.simple_rnn(x[..., None], *KERNELS, mask=x > 0),
            "recurrent layers must have no mask; got mask=",
        ),
        (
            lambda x: ops.simple_rnn(x[..., None], KERNELS[0] * ops.max(x), KERNELS[1]),
            "kernels of recurrent layers must be constant",
        ),
        (
            lambda x: AveragePool2D((1, 1), NONE, (1, 2), (1, 2))(x[:, None, :, None]),
            "windows of means must have no gaps; got dilation=(1, 2)",
        ),
        (lambda x: ops.dropout(x, STATE, 0.5), "a model must draw no random numbers"),
    ],
)
def test_what_cannot_be_exported_is_said(body: Any, words: str, tmp_path: Path) -> None:
    model = Own(body)
    model.dense.build((None, 4))
    object.__setattr__(model, "built", True)
    with pytest.raises(ConfigError) as error:
        model.export(tmp_path / "x.onnx", input_signature=[layers.Input((4,))])
    assert words in str(error.value)
    assert not (tmp_path / "x.onnx").exists()


def test_refusals(tmp_path: Path) -> None:
    model = sequential((5,), layers.Dense(3))
    place = tmp_path / "model.onnx"
    for kwargs, words in (
        ({"format": "tf_saved_model"}, "format must be one of ('onnx',)"),
        ({"opset": 9}, "opset must be one of 20 … 28; got opset=9"),
        ({"input_signature": ["x"]}, "input_signature must hold objects with a shape"),
        ({"input_signature": [layers.Input((None,))]}, "only the number of samples may be open"),
    ):
        with pytest.raises(ConfigError) as error:
            model.export(place, **kwargs)  # type: ignore[arg-type]
        assert words in str(error.value)
    with pytest.raises(ConfigError, match=r"must end in one of \.onnx"):
        model.export(tmp_path / "model.pb")
    with pytest.raises(ConfigError, match="must be built before it is exported"):
        Sequential([layers.Dense(3)]).export(place)
    model.export(place)
    with pytest.raises(ConfigError, match="must be free when overwrite is false"):
        model.export(place, overwrite=False)


def test_a_model_on_another_device_is_written_alike(tmp_path: Path) -> None:
    model = stirred(vgg())
    for place in ("cpu", "graphs"):
        model.to(place).export(tmp_path / f"{place}.onnx")
    here, there = ((tmp_path / f"{place}.onnx").read_bytes() for place in ("cpu", "graphs"))
    assert here == there
