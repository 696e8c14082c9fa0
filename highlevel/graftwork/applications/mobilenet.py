"""MobileNet (Howard et al. 2017, arXiv:1704.04861) in Keras' form and in PyTorch's."""

from __future__ import annotations

from typing import Any

from graftgrad.errors import ConfigError, ShapeError, expect, note

from ..layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    LeakyReLU,
    ReLU,
    Reshape,
    ZeroPadding2D,
)  # fmt: skip
from ..models import Functional
from . import foreign_names
from .imagenet_utils import decode_predictions as decode_predictions
from .network import Network, check_variant, known_side
from .pixels import preprocess_for
from .weights import Entry

BASE = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet"
ALPHAS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}
SIDES = (128, 160, 192, 224)
SHA256 = {  # Keras publishes no checksums of these; this one we took ourselves
    "mobilenet_2_5_224_tf_no_top": (
        "dbdb03ee2a22fd895301636cd328b234bb3a9952358f436d82f46b81e0d5b0bf"
    ),
}
CATALOGUE = {
    f"mobilenet_{told}_{side}_tf{top}": Entry(
        f"{BASE}/mobilenet_{told}_{side}_tf{top}.h5",
        SHA256.get(f"mobilenet_{told}_{side}_tf{top}", ""),
        f"ImageNet-1k, alpha {alpha}, {side} pixels{', without head' if top else ''}",
    )
    for alpha, told in ALPHAS.items()
    for side in SIDES
    for top in ("", "_no_top")
}
# filters and strides of the thirteen blocks
BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
)
VARIANTS = ("keras", "torch", "timm", "tf")
STAGES = (1, 2, 2, 6, 2)  # how many blocks timm counts in each of its stages


def preprocess_input(x: Any, data_format: str | None = None, *, variant: str = "keras") -> Any:
    """Bring pictures from 0 … 255 to what the weights were trained on.

    Args:
        x: an array or tensor (…, H, W, 3), or (…, 3, H, W); it is not changed.
        data_format: "channels_last" or "channels_first"; the former if None.
        variant: whose weights: "keras", "timm", "tf" (x / 127.5 − 1) or "torch"
            ((x / 255 − mean) / deviation).
    Raises:
        DataError: x is no array of colour pictures.
        ConfigError: the variant or the data format is not known.
    """
    custom = "keras" if variant in ("timm", "tf") else variant
    return preprocess_for(custom, VARIANTS, "tf", x, data_format)


def MobileNet(
    input_shape: tuple[int | None, ...] | None = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 1e-3,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
    *,
    variant: str | None = None,
) -> Functional:
    """Return a MobileNet.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, C) with pooling, or maps (N, H / 32, W /
        32, C).

    Args:
        input_shape: the shape of a picture; (224, 224, 3) with a head, any without, if None.
        alpha: scales the number of channels; 0.25, 0.5, 0.75 or 1.0 with "imagenet".
        depth_multiplier: channels of a depthwise convolution per channel of its input.
        dropout: share of features that are dropped before the head.
        include_top: whether there is a head.
        weights: a file of Keras, PyTorch, timm or Hugging Face, "imagenet" (for the size of the
            pictures if it is 128, 160, 192 or 224, otherwise for 224), a name of the catalogue, or
            None for random weights.
        input_tensor: the symbol to begin from, in place of a new Input.
        pooling: what comes out without a head: None for maps, "avg" or "max" for features.
        classes: the number of outputs.
        classifier_activation: of the head; None gives logits.
        name: the name of the model.
        variant: "keras" (ReLU6, TensorFlow's padding, epsilon 1e-3); "torch" (LeakyReLU 0.1,
            padding alike on all sides, epsilon 1e-5, a dense head named `fc`); "timm" (the same
            with ReLU6); "tf" (Keras' body under that head, as Hugging Face has it); None takes
            what the file of weights is for.
    Raises:
        ConfigError: an argument is not understood, or `weights` is neither a file nor a known name.
        FormatError: the file does not hold this network.
        ShapeError: a weight in the file has another shape; nothing is loaded.
        ConnectionError: the file has to be downloaded and cannot be.
    """
    check_variant("MobileNet", variant, VARIANTS, weights)
    expect(
        alpha > 0 and int(32 * alpha) > 0,
        "MobileNet",
        "alpha must be positive and leave a channel",
        error=ConfigError,
        alpha=alpha,
    )
    expect(weights != "imagenet" or (alpha in ALPHAS and depth_multiplier == 1), "MobileNet",
           f'alpha must be one of {tuple(ALPHAS)}, depth_multiplier 1, with weights="imagenet"',
           error=ConfigError, alpha=alpha, depth_multiplier=depth_multiplier)  # fmt: skip
    side = known_side(input_shape, input_tensor, SIDES)
    stem = f"mobilenet_{ALPHAS.get(alpha)}_{side}_tf"
    known = {"imagenet": CATALOGUE[stem], "imagenet-notop": CATALOGUE[f"{stem}_no_top"]
             } if stem in CATALOGUE else {}  # fmt: skip
    network = Network("MobileNet", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, known | CATALOGUE)  # fmt: skip
    held = network.held().names
    told = foreign_names.language(held)
    built = network.form(variant, VARIANTS, _told)
    if include_top and (told or any(one.startswith(("stage1.", "conv1/")) for one in held)):
        heads = ("conv_preds", "fc", "classifier", "model.classifier")
        expect(any(one.startswith(heads) for one in held), "MobileNet",
               "weights must hold a head where include_top is True", error=ConfigError,
               weights=str(weights), include_top=include_top,
               advice="Pass include_top=False and put a head of your own on.")  # fmt: skip
    builder = _Builder(alpha, depth_multiplier, built)
    inputs = network.entrance(224, 32)
    x = builder.body(inputs)
    if include_top:
        x = builder.head(x, classes, dropout, classifier_activation)
    else:
        x = network.features(x)
    rows = side if weights == "imagenet" else inputs.shape[1] or side
    try:
        return network.model(inputs, x, name or f"mobilenet_{alpha:.2f}_{rows}",
                             NAMES.get(built, {}), built)  # fmt: skip
    except ShapeError as error:
        note(error, "MobileNet: alpha, depth_multiplier and classes must be those the file was "
             f"made with; got {alpha=}, {depth_multiplier=}, {classes=}.")  # fmt: skip
        raise


def _told(names: list[str]) -> str:
    """Tell the form of a network by the names in its file."""
    if any(one.startswith("stage1.") for one in names):
        return "torch"
    return {"timm": "timm", "transformers": "tf"}.get(foreign_names.language(names), "keras")


class _Builder:
    """The variants, layer by layer."""

    def __init__(self, alpha: float, depth_multiplier: int, variant: str) -> None:
        self.alpha = alpha
        self.depth_multiplier = depth_multiplier
        self.torch = variant in ("torch", "timm")
        self.leaky = variant == "torch"
        self.exact = variant == "tf"  # TensorFlow's padding on odd rows too, where Keras' differs
        self.dense = variant != "keras"

    def body(self, x: Any) -> Any:
        if self.torch:
            x = ZeroPadding2D(1, name="conv1_pad")(x)
        x = Conv2D(
            int(32 * self.alpha),
            3,
            strides=2,
            padding="valid" if self.torch else "same",
            use_bias=False,
            name="conv1",
        )(x)
        x = self.finished(x, "conv1")
        for i, (filters, strides) in enumerate(BLOCKS, 1):
            x = self.block(x, i, int(filters * self.alpha), strides)
        return x

    def block(self, x: Any, i: int, filters: int, strides: int) -> Any:
        padded = strides != 1 and not self.exact
        if padded:
            margin = ((1, 1), (1, 1)) if self.torch else ((0, 1), (0, 1))
            x = ZeroPadding2D(margin, name=f"conv_pad_{i}")(x)
        x = DepthwiseConv2D(
            3, strides=strides, padding="valid" if padded else "same",
            depth_multiplier=self.depth_multiplier, use_bias=False, name=f"conv_dw_{i}",
        )(x)  # fmt: skip
        x = self.finished(x, f"conv_dw_{i}")
        x = Conv2D(filters, 1, padding="same", use_bias=False, name=f"conv_pw_{i}")(x)
        return self.finished(x, f"conv_pw_{i}")

    def finished(self, x: Any, name: str) -> Any:
        momentum, epsilon = (0.9, 1e-5) if self.torch else (0.99, 1e-3)
        x = BatchNormalization(momentum=momentum, epsilon=epsilon, name=f"{name}_bn")(x)
        if self.leaky:
            return LeakyReLU(negative_slope=0.1, name=f"{name}_relu")(x)
        return ReLU(6.0, name=f"{name}_relu")(x)

    def head(self, x: Any, classes: int, dropout: float, activation: Any) -> Any:
        if self.dense:
            x = GlobalAveragePooling2D(name="avg")(x)
            return Dense(classes, activation=activation, name="fc")(x)
        x = GlobalAveragePooling2D(keepdims=True)(x)
        x = Dropout(dropout, name="dropout")(x)
        x = Conv2D(classes, 1, padding="same", name="conv_preds")(x)
        x = Reshape((classes,), name="reshape_2")(x)
        return Activation(activation, name="predictions")(x)


def _torch_names() -> dict[str, str]:
    """Return layer names in the checkpoints of PyTorch's MobileNetV1 -> ours."""
    names = {"stage1.0.0": "conv1", "stage1.0.1": "conv1_bn", "fc": "fc"}
    stages = [("stage1", k) for k in range(1, 6)]
    stages += [("stage2", k) for k in range(6)] + [("stage3", k) for k in range(2)]
    for i, (stage, k) in enumerate(stages, 1):
        for place, ours in ((0, "dw_{}"), (1, "dw_{}_bn"), (3, "pw_{}"), (4, "pw_{}_bn")):
            names[f"{stage}.{k}.{place}"] = "conv_" + ours.format(i)
    return names


_TIMM, _HUGGING_FACE = foreign_names.mobilenet_v1(STAGES)
NAMES = {"torch": _torch_names(), "timm": _TIMM | _HUGGING_FACE, "tf": _HUGGING_FACE | _TIMM}
