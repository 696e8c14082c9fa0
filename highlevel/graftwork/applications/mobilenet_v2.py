"""MobileNet v2 (Sandler et al. 2018, arXiv:1801.04381): residuals between narrow layers."""

from __future__ import annotations

from typing import Any

from graftgrad.errors import ConfigError, expect

from ..layers import Add, BatchNormalization, Conv2D, DepthwiseConv2D, ReLU, ZeroPadding2D
from ..models import Functional
from . import foreign_names
from .imagenet_utils import decode_predictions as decode_predictions
from .network import Network, check_variant, known_side, same_padding
from .pixels import preprocess_for
from .weights import Entry

BASE = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2"
ALPHAS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
SIDES = (96, 128, 160, 192, 224)
VARIANTS = ("keras", "torch")
# filters, strides of the first block, and blocks of each stage
STAGES = ((16, 1, 1), (24, 2, 2), (32, 2, 3), (64, 2, 4), (96, 1, 3), (160, 2, 3), (320, 1, 1))


def preprocess_input(x: Any, data_format: str | None = None, *, variant: str = "keras") -> Any:
    """Bring pictures from 0 … 255 to what the weights were trained on.

    Args:
        x: an array or tensor (…, H, W, 3), or (…, 3, H, W); it is not changed.
        data_format: "channels_last" or "channels_first"; the former if None.
        variant: whose weights: "keras" (x / 127.5 − 1) or "torch" ((x / 255 − mean) / deviation).
    Raises:
        DataError: x is no array of colour pictures.
        ConfigError: the variant or the data format is not known.
    """
    return preprocess_for(variant, VARIANTS, "tf", x, data_format)


def catalogue(alpha: float, side: int) -> dict[str, Entry]:
    """Return what Keras publishes for a width and a size; it publishes no checksums of these."""
    stem = f"{BASE}/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{side}"
    what = f"ImageNet-1k, alpha {alpha}, {side} pixels"
    return {
        "imagenet": Entry(f"{stem}.h5", "", what),
        "imagenet-notop": Entry(f"{stem}_no_top.h5", "", f"{what}, without head"),
    }


def divisible(channels: float, by: int = 8) -> int:
    """Return the nearest multiple of `by`, not more than a tenth below."""
    near = max(by, int(channels + by / 2) // by * by)
    return near + by if near < 0.9 * channels else near


def normalize(x: Any, name: str, torch: bool = False, epsilon: float = 1e-3) -> Any:
    """Return x normalized with the constants of the paper's code, or of PyTorch."""
    return BatchNormalization(momentum=0.9 if torch else 0.999, epsilon=epsilon, name=name)(x)


def block(
    x: Any, filters: int, strides: int, name: str, expanded: bool, torch: bool = False
) -> Any:
    """Return a residual: 1×1 to six times the channels, 3×3 depthwise, 1×1 to few channels."""
    way, channels, epsilon = x, x.shape[-1], 1e-5 if torch else 1e-3
    if expanded:
        x = Conv2D(6 * channels, 1, padding="same", use_bias=False, name=f"{name}expand")(x)
        x = normalize(x, f"{name}expand_BN", torch, epsilon)
        x = ReLU(6.0, name=f"{name}expand_relu")(x)
    if strides == 2:
        margin: Any = 1 if torch else same_padding(x, 3)
        x = ZeroPadding2D(margin, name=f"{name}pad")(x)
    x = DepthwiseConv2D(3, strides=strides, padding="same" if strides == 1 else "valid",
                        use_bias=False, name=f"{name}depthwise")(x)  # fmt: skip
    x = normalize(x, f"{name}depthwise_BN", torch, epsilon)
    x = ReLU(6.0, name=f"{name}depthwise_relu")(x)
    x = Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}project")(x)
    x = normalize(x, f"{name}project_BN", torch, epsilon)
    if channels == filters and strides == 1:
        return Add(name=f"{name}add")([way, x])
    return x


def MobileNetV2(
    input_shape: tuple[int | None, ...] | None = None,
    alpha: float = 1.0,
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
    """Return a MobileNet v2.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, C) with pooling, or maps (N, H / 32, W /
        32, C), C = 1280 · max(alpha, 1).

    Args:
        input_shape: the shape of a picture; (224, 224, 3) with a head, any without, if None.
        alpha: scales the number of channels; 0.35, 0.5, 0.75, 1.0, 1.3 or 1.4 with "imagenet".
        include_top: whether there is a head.
        weights: a file of Keras, torchvision, timm or Hugging Face, "imagenet" (for the size of the
            pictures if it is 96, 128, 160, 192 or 224, otherwise for 224), or None for random
            weights.
        input_tensor: the symbol to begin from, in place of a new Input.
        pooling: what comes out without a head: None for maps, "avg" or "max" for features.
        classes: the number of outputs.
        classifier_activation: of the head; None gives logits.
        name: the name of the model.
        variant: "keras" (TensorFlow's padding, epsilon 1e-3: Hugging Face's too) or "torch"
            (padding alike on all sides, epsilon 1e-5: torchvision's and timm's); None takes what
            the names in the file of weights tell, Keras' form without a file.
    Raises:
        ConfigError: an argument is not understood, or `weights` is neither a file nor known.
        FormatError: the file does not hold this network.
        ShapeError: a weight in the file has another shape; nothing is loaded.
        ConnectionError: the file has to be downloaded and cannot be.
    """
    expect(alpha > 0, "MobileNetV2", "alpha must be positive", error=ConfigError, alpha=alpha)
    expect(weights != "imagenet" or alpha in ALPHAS, "MobileNetV2",
           f'alpha must be one of {ALPHAS} with weights="imagenet"', error=ConfigError,
           alpha=alpha)  # fmt: skip
    check_variant("MobileNetV2", variant, VARIANTS, weights)
    side = known_side(input_shape, input_tensor, SIDES)
    network = Network("MobileNetV2", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, catalogue(alpha, side))  # fmt: skip
    built = network.form(variant, VARIANTS, _told)
    torch = built == "torch"
    epsilon = 1e-5 if torch else 1e-3
    x = inputs = network.entrance(224, 32)
    if torch:
        x = ZeroPadding2D(1, name="Conv1_pad")(x)
    x = Conv2D(divisible(32 * alpha), 3, strides=2, padding="valid" if torch else "same",
               use_bias=False, name="Conv1")(x)  # fmt: skip
    x = ReLU(6.0, name="Conv1_relu")(normalize(x, "bn_Conv1", torch, epsilon))
    i = 0
    for filters, strides, count in STAGES:
        for j in range(count):
            x = block(x, divisible(int(filters * alpha)), strides if j == 0 else 1,
                      f"block_{i}_" if i else "expanded_conv_", i > 0, torch)  # fmt: skip
            i += 1
    last = divisible(1280 * alpha) if alpha > 1 else 1280
    x = Conv2D(last, 1, use_bias=False, name="Conv_1")(x)
    x = normalize(x, "Conv_1_bn", torch, epsilon)
    x = network.head(ReLU(6.0, name="out_relu")(x), pool="")
    rows = side if weights == "imagenet" else inputs.shape[1] or side
    rules = foreign_names.mobilenet_v2(count for _, _, count in STAGES)
    return network.model(inputs, x, name or f"mobilenetv2_{alpha:0.2f}_{rows}", rules, built)


def _told(names: list[str]) -> str:
    """Tell the form of a network by the names in its file."""
    return "torch" if foreign_names.language(names) in ("torch", "timm") else "keras"
