"""ConvNeXt (Liu et al. 2022, arXiv:2201.03545): convolutions with transformers' habits."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor

from ..layers import (
    Activation,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    Layer,
    LayerNormalization,
    Normalization,
)
from ..layers.regularization import Noisy, dropped, share
from ..models import Functional, Sequential
from ..registry import declared, layers, setting
from ..rules import number, positive_integer
from ..seeds import any_seed
from .imagenet_utils import decode_predictions as decode_predictions
from .network import Network
from .pixels import DEVIATION, MEAN, pictures
from .weights import Entry

# Of every network: blocks of each stage, channels of the first; every stage doubles them.
SIZES = {
    "tiny": ((3, 3, 9, 3), 96),
    "small": ((3, 3, 27, 3), 96),
    "base": ((3, 3, 27, 3), 128),
    "large": ((3, 3, 27, 3), 192),
    "xlarge": ((3, 3, 27, 3), 256),
}
BASE = "https://storage.googleapis.com/tensorflow/keras-applications/convnext"
SHA256 = {
    "tiny": (
        "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
        "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
    ),
    "small": (
        "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
        "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
    ),
    "base": (
        "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
        "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
    ),
    "large": (
        "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
        "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
    ),
    "xlarge": (
        "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
        "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
    ),
}
# torchvision's files: the beginning of the checksum, bytes.
TORCHVISION = {
    "tiny": ("983f1562", 114_419_221),
    "small": ("0c510722", 201_014_929),
    "base": ("6075fbad", 354_486_097),
    "large": ("ea097f82", 791_189_585),
}
EPSILON = 1e-6
# The parts of a block: ours; then where a block stands and what its parts are called by
# torchvision, timm, the paper's code and Hugging Face.
PARTS = ("depthwise_conv", "layernorm", "pointwise_conv_1", "pointwise_conv_2",
         "layer_scale/gamma")  # fmt: skip
BLOCKS = (
    ("features.{odd}.{j}", "block.0", "block.2", "block.3", "block.5", "layer_scale"),
    ("stages.{i}.blocks.{j}", "conv_dw", "norm", "mlp.fc1", "mlp.fc2", "gamma"),
    ("stages.{i}.{j}", "dwconv", "norm", "pwconv1", "pwconv2", "gamma"),
    ("convnext.encoder.stages.{i}.layers.{j}", "dwconv", "layernorm", "pwconv1", "pwconv2",
     "layer_scale_parameter"),
)  # fmt: skip


@declared(layers)
class LayerScale(Layer):
    """Channels scaled by weights that begin small. Touvron et al. 2021, arXiv:2103.17239.

    y[…, c] = x[…, c] · gamma[c]

    Args:
        init_values: what gamma begins with.
        projection_dim: the number of channels C.
    """

    init_values: float = setting(number)
    projection_dim: int = setting(positive_integer)

    def build(self, input_shape: Any) -> None:
        """Make gamma (C,)."""
        value = {"class_name": "Constant", "config": {"value": self.init_values}}
        self.gamma = self.add_weight((self.projection_dim,), value, name="gamma")

    def call(self, x: Tensor) -> Tensor:
        """Scale."""
        return x * self.gamma


@declared(layers)
class StochasticDepth(Noisy):
    """Whole samples set to 0 while training, and the rest scaled up. Huang et al. 2016.

    y[n] = x[n] · b[n] / (1 − rate), where b is 0 with probability `drop_path_rate` and 1 otherwise.

    Args:
        drop_path_rate: the share that is dropped, 0 ≤ rate < 1.
        seed: a number that makes the drawing repeatable.
    """

    drop_path_rate: float = setting(share)
    seed: Any = setting(any_seed, default=None)

    def amount(self) -> float:
        """Return the rate."""
        return self.drop_path_rate

    def disturbed(self, x: Tensor) -> Tensor:
        """Drop samples."""
        shape = (x.shape[0], *(1,) * (x.ndim - 1))
        return dropped(x, self.drop_path_rate, shape, self.seed_generator)

    def get_config(self) -> dict[str, Any]:
        """Return the settings; Keras' layer of this name knows no seed."""
        return {
            key: one for key, one in super().get_config().items() if (key, one) != ("seed", None)
        }


def catalogue(size: str) -> dict[str, Entry]:
    """Return what Keras and torchvision publish of a network."""
    address = f"{BASE}/convnext_{size}"
    what = "ImageNet-1k" if size in ("tiny", "small") else "ImageNet-21k, then ImageNet-1k"
    found = {
        "imagenet": Entry(f"{address}.h5", SHA256[size][0], what, licence="MIT"),
        "imagenet-notop": Entry(f"{address}_notop.h5", SHA256[size][1], what, licence="MIT"),
    }
    if size in TORCHVISION:
        sha256, count = TORCHVISION[size]
        found[f"convnext_{size}-torch"] = Entry(
            f"https://download.pytorch.org/models/convnext_{size}-{sha256}.pth", sha256,
            "ImageNet-1k, torchvision", size=count, licence="BSD-3-Clause",
        )  # fmt: skip
    return found


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return pictures from 0 … 255 as they are: the network itself normalizes them.

    Raises:
        DataError: x is no array of colour pictures.
        ConfigError: the data format is not known.
    """
    return pictures(x, data_format)


def block(x: Any, name: str, rate: float, begin: float | None) -> Any:
    """Return a residual: 7×7 by channel, normalization, to four times the channels and back.

    Args:
        x: a symbol (N, H, W, C).
        name: how the names of its layers begin.
        rate: the probability that training leaves it out.
        begin: the first value of its scale; None for no scale.
    """
    way, channels = x, x.shape[-1]
    x = Conv2D(channels, 7, padding="same", groups=channels, name=f"{name}_depthwise_conv")(x)
    x = LayerNormalization(epsilon=EPSILON, name=f"{name}_layernorm")(x)
    x = Dense(4 * channels, name=f"{name}_pointwise_conv_1")(x)
    x = Activation("gelu", name=f"{name}_gelu")(x)
    x = Dense(channels, name=f"{name}_pointwise_conv_2")(x)
    if begin is not None:
        x = LayerScale(begin, channels, name=f"{name}_layer_scale")(x)
    if rate:
        return way + StochasticDepth(rate, name=f"{name}_stochastic_depth")(x)
    return way + Activation("linear", name=f"{name}_identity")(x)


def torch_names(name: str, depths: tuple[int, ...]) -> dict[str, str]:
    """Return the names of torchvision, timm, Hugging Face and the paper's code -> ours."""
    stem, head = f"{name}_stem/{name}_stem", f"{name}_head"
    names = {"features.0.0": f"{stem}_conv", "features.0.1": f"{stem}_layernorm"}
    for i, count in enumerate(depths):
        for j in range(count):
            ours = f"{name}_stage_{i}_block_{j}_"
            for spelled in BLOCKS:
                at = spelled[0].format(i=i, odd=2 * i + 1, j=j)
                names |= {f"{at}.{one}": ours + part
                          for one, part in zip(spelled[1:], PARTS, strict=True)}  # fmt: skip
    for i in range(1, len(depths)):
        before = f"{name}_downsampling_block_{i - 1}/{name}_downsampling"
        for at in (f"features.{2 * i}", f"stages.{i}.downsample", f"downsample_layers.{i}",
                   f"convnext.encoder.stages.{i}.downsampling_layer"):  # fmt: skip
            names |= {f"{at}.0": f"{before}_layernorm_{i - 1}", f"{at}.1": f"{before}_conv_{i - 1}"}
    for at in ("stem", "downsample_layers.0"):
        names |= {f"{at}.0": f"{stem}_conv", f"{at}.1": f"{stem}_layernorm"}
    names |= {"classifier.0": f"{head}_layernorm", "classifier.2": f"{head}_dense"}
    names |= {"convnext.embeddings.patch_embeddings": f"{stem}_conv",
              "convnext.embeddings.layernorm": f"{stem}_layernorm"}  # fmt: skip
    for norm, dense in (("head.norm", "head.fc"), ("norm", "head"),
                        ("convnext.layernorm", "classifier")):  # fmt: skip
        names |= {norm: f"{head}_layernorm", dense: f"{head}_dense"}
    return names


def _network(
    size: str, network: Network, include_preprocessing: bool, name: str, rate: float = 0.0,
    begin: float | None = 1e-6,
) -> Functional:  # fmt: skip
    """Return the network; `network` holds the arguments that all families share."""
    depths, channels = SIZES[size]
    x = inputs = network.entrance(224, 32)
    if include_preprocessing and inputs.shape[-1] == 3:
        x = Normalization(mean=[255 * one for one in MEAN],
                          variance=[(255 * one) ** 2 for one in DEVIATION],
                          name=f"{name}_prestem_normalization")(x)  # fmt: skip
    count = 0
    for i, depth in enumerate(depths):
        if i == 0:
            x = Sequential([
                Conv2D(channels, 4, strides=4, name=f"{name}_stem_conv"),
                LayerNormalization(epsilon=EPSILON, name=f"{name}_stem_layernorm"),
            ], name=f"{name}_stem")(x)  # fmt: skip
        else:
            x = Sequential([
                LayerNormalization(epsilon=EPSILON, name=f"{name}_downsampling_layernorm_{i - 1}"),
                Conv2D(channels << i, 2, strides=2, name=f"{name}_downsampling_conv_{i - 1}"),
            ], name=f"{name}_downsampling_block_{i - 1}")(x)  # fmt: skip
        for j in range(depth):
            x = block(x, f"{name}_stage_{i}_block_{j}", rate * count / (sum(depths) - 1), begin)
            count += 1
    if network.include_top:
        x = GlobalAveragePooling2D(name=f"{name}_head_gap")(x)
        x = LayerNormalization(epsilon=EPSILON, name=f"{name}_head_layernorm")(x)
        x = Dense(network.classes, activation=network.classifier_activation,
                  name=f"{name}_head_dense")(x)  # fmt: skip
    else:
        x = LayerNormalization(epsilon=EPSILON)(network.features(x))
    return network.model(inputs, x, name, torch_names(name, depths))


def ConvNeXtTiny(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "convnext_tiny",
) -> Functional:
    """Return the smallest ConvNeXt; it takes pictures from 0 … 255.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, 768) with pooling, or maps
        (N, H / 32, W / 32, 768); 1024, 1536 and 2048 channels of Base, Large and XLarge.

    Args:
        include_top: whether there is a head.
        include_preprocessing: whether the network brings pictures to mean 0 and deviation 1 itself.
        weights: a file of Keras, torchvision, timm or Hugging Face, "imagenet",
            "convnext_tiny-torch" (torchvision's; of XLarge it has none), or None for random
            weights.
        input_tensor: the symbol to begin from, in place of a new Input.
        input_shape: the shape of a picture; (224, 224, 3) with a head, any without, if None.
        pooling: what comes out without a head: None for maps, "avg" or "max" for features; a
            normalization follows.
        classes: the number of outputs.
        classifier_activation: of the head; None gives logits.
        name: the name of the model, with which the names of its layers begin.
    Raises:
        ConfigError: an argument is not understood, or `weights` is neither a file nor known.
        FormatError: the file does not hold this network.
        ShapeError: a weight in the file has another shape; nothing is loaded.
        ConnectionError: the file has to be downloaded and cannot be.
    """
    network = Network("ConvNeXtTiny", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, catalogue("tiny"))  # fmt: skip
    return _network("tiny", network, include_preprocessing, name)


def ConvNeXtSmall(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "convnext_small",
) -> Functional:
    """Return the ConvNeXt with 27 blocks in the third stage; see `ConvNeXtTiny`."""
    network = Network("ConvNeXtSmall", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, catalogue("small"))  # fmt: skip
    return _network("small", network, include_preprocessing, name)


def ConvNeXtBase(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "convnext_base",
) -> Functional:
    """Return the ConvNeXt with 128 channels to begin with; see `ConvNeXtTiny`."""
    network = Network("ConvNeXtBase", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, catalogue("base"))  # fmt: skip
    return _network("base", network, include_preprocessing, name)


def ConvNeXtLarge(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "convnext_large",
) -> Functional:
    """Return the ConvNeXt with 192 channels to begin with; see `ConvNeXtTiny`."""
    network = Network("ConvNeXtLarge", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, catalogue("large"))  # fmt: skip
    return _network("large", network, include_preprocessing, name)


def ConvNeXtXLarge(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "convnext_xlarge",
) -> Functional:
    """Return the ConvNeXt with 256 channels to begin with; see `ConvNeXtTiny`."""
    network = Network("ConvNeXtXLarge", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, catalogue("xlarge"))  # fmt: skip
    return _network("xlarge", network, include_preprocessing, name)
