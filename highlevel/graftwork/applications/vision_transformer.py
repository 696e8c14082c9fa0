"""Vision transformers (Dosovitskiy et al. 2020, arXiv:2010.11929) with torchvision's structure.

A picture is cut into patches; a token that stands for the whole picture goes through the blocks
with them. Files of torchvision, timm and Hugging Face are read.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, ShapeError, expect
from graftgrad.formats import Entry as Array

from ..layers import (
    Add,
    Conv2D,
    Dense,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    Layer,
    LayerNormalization,
    Reshape,
)
from ..models import Functional
from ..registry import declared, layers, setting
from ..rules import positive_integer
from ..saving.sources import opened
from ..saving.weights import take
from .imagenet_utils import decode_predictions as decode_predictions
from .network import Network
from .pixels import preprocess
from .weights import Entry, find

# Of every network: blocks, heads, size of a token, torchvision's checksum and bytes.
SIZES = {
    "B16": (12, 12, 768, "c867db91", 346_328_529),
    "B32": (12, 12, 768, "d86f8d99", 352_954_833),
    "L16": (24, 16, 1024, "852ce7e3", 1_217_421_105),
    "L32": (24, 16, 1024, "c7638314", 1_226_256_113),
}
EPSILON = 1e-6
POOLINGS = (None, "token", "avg", "max")
# Inside a block, ours -> torchvision's names, its older ones, timm's, Hugging Face's.
BLOCK = {
    "ln_1": ("ln_1", "ln_1", "norm1", "layernorm_before"),
    "self_attention/in_proj": (
        "self_attention.in_proj", "self_attention.in_proj", "attn.qkv", "attention.attention.qkv"),
    "self_attention/out_proj": (
        "self_attention.out_proj", "self_attention.out_proj", "attn.proj",
        "attention.output.dense"),
    "ln_2": ("ln_2", "ln_2", "norm2", "layernorm_after"),
    "mlp_0": ("mlp.0", "mlp.linear_1", "mlp.fc1", "intermediate.dense"),
    "mlp_3": ("mlp.3", "mlp.linear_2", "mlp.fc2", "output.dense"),
}  # fmt: skip
PREFIXES = ("encoder.layers.encoder_layer_{}.", "encoder.layers.encoder_layer_{}.", "blocks.{}.",
            "vit.encoder.layer.{}.")  # fmt: skip
# Inside a block, Hugging Face's names of today -> those in its published files.
NEWER = {
    "attention.q_proj": "attention.attention.query",
    "attention.k_proj": "attention.attention.key",
    "attention.v_proj": "attention.attention.value",
    "attention.o_proj": "attention.output.dense",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
}
# Around the blocks: torchvision's, timm's and Hugging Face's names -> ours.
AROUND = {
    "class_token": "class_token/class_token",
    "cls_token": "class_token/class_token",
    "vit.embeddings.cls_token": "class_token/class_token",
    "encoder.pos_embedding": "pos_embedding/pos_embedding",
    "pos_embed": "pos_embedding/pos_embedding",
    "vit.embeddings.position_embeddings": "pos_embedding/pos_embedding",
    "conv_proj": "conv_proj",
    "patch_embed.proj": "conv_proj",
    "vit.embeddings.patch_embeddings.projection": "conv_proj",
    "encoder.ln": "encoder_ln",
    "norm": "encoder_ln",
    "vit.layernorm": "encoder_ln",
    "heads.head": "predictions",
    "head": "predictions",
    "classifier": "predictions",
}


@declared(layers)
class ClassToken(Layer):
    """A learned token before all others.

    Shapes: (N, T, D) -> (N, 1 + T, D).
    """

    def build(self, input_shape: Any) -> None:
        """Make class_token (1, 1, D)."""
        self.class_token = self.add_weight((1, 1, input_shape[-1]), "zeros", name="class_token")

    def call(self, x: Tensor) -> Tensor:
        """Put the token first."""
        token = ops.broadcast_to(self.class_token.to(x.dtype), (x.shape[0], 1, x.shape[2]))
        return ops.concatenate([token, x], 1)


@declared(layers)
class PositionEmbedding(Layer):
    """A learned vector for every place of a sequence, added to what stands there.

    Shapes: (N, T, D) -> (N, T, D).
    """

    def build(self, input_shape: Any) -> None:
        """Make pos_embedding (1, T, D)."""
        start = {"class_name": "RandomNormal", "config": {"stddev": 0.02}}
        self.pos_embedding = self.add_weight((1, *input_shape[1:]), start, name="pos_embedding")

    def call(self, x: Tensor) -> Tensor:
        """Add."""
        return x + self.pos_embedding


@declared(layers)
class SelfAttention(Layer):
    """Attention of a sequence to itself, its three projections in one product.

    y = softmax(q · kᵀ / √d) · v for each head, then projected. Vaswani et al. 2017.

    Shapes: (N, T, D) -> (N, T, D), D = num_heads · d.

    Args:
        num_heads: the number of heads, a divisor of D.
    Raises:
        ShapeError: D is no multiple of num_heads.
    """

    num_heads: int = setting(positive_integer)

    def build(self, input_shape: Any) -> None:
        """Make in_proj (D, 3 · D) and out_proj (D, D)."""
        size = input_shape[-1]
        expect(size % self.num_heads == 0, f'layer "{self.name}"',
               "num_heads must divide the size of a token", input=input_shape,
               num_heads=self.num_heads)  # fmt: skip
        self.in_proj, self.out_proj = Dense(3 * size, name="in_proj"), Dense(size, name="out_proj")
        for one in (self.in_proj, self.out_proj):
            one.build_for(input_shape)

    def call(self, x: Tensor) -> Tensor:
        """Attend."""
        batch, steps, size = x.shape
        parts = self.in_proj(x).reshape((batch, steps, 3, self.num_heads, size // self.num_heads))
        query, key, value = parts.transpose(2, 0, 3, 1, 4)
        y = ops.scaled_dot_product_attention(query, key, value)
        return self.out_proj(y.transpose(0, 2, 1, 3).reshape((batch, steps, size)))  # type: ignore[no-any-return]


@declared(layers)
class Token(Layer):
    """The first token of a sequence. (N, T, D) -> (N, D)."""

    def call(self, x: Tensor) -> Tensor:
        """Take it."""
        return x[:, 0]


@declared(layers)
class Patches(Layer):
    """All tokens of a sequence but the first. (N, T, D) -> (N, T − 1, D)."""

    def call(self, x: Tensor) -> Tensor:
        """Take them."""
        return x[:, 1:]


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Bring pictures from 0 … 255 to (x / 255 − mean) / deviation, as torchvision's weights want.

    Most of timm's and Google's want `imagenet_utils.preprocess_input(x, mode="tf")`.

    Raises:
        DataError: x is no array of colour pictures.
    """
    return preprocess(x, "torch", data_format)


def torch_names(blocks: int) -> dict[str, str]:
    """Return the names of torchvision, timm and Hugging Face -> ours."""
    names = dict(AROUND)
    for i in range(blocks):
        # torchvision's module has no layer here, only two weights; these names are written
        for ours, leaf in (("kernel", "weight"), ("bias", "bias")):
            names[f"{PREFIXES[0].format(i)}self_attention.in_proj_{leaf}"] = (
                f"encoder_layer_{i}_self_attention/in_proj/{ours}"
            )
        for ours, theirs in BLOCK.items():
            for prefix, their in zip(PREFIXES, theirs, strict=True):
                names[prefix.format(i) + their] = f"encoder_layer_{i}_{ours}"
    # a bare ViTModel of Hugging Face
    return names | {
        theirs.removeprefix("vit."): ours for theirs, ours in names.items() if theirs[:4] == "vit."
    }


def older(name: str) -> str:
    """Return what Hugging Face's files of before 2026 call a weight of a block."""
    head, layer, rest = name.rpartition("layers.")
    place, _, part = rest.partition(".")
    if not layer or not place.isdigit():
        return name
    for new, old in NEWER.items():
        if part.startswith(f"{new}."):
            return f"{head}encoder.layer.{place}.{old}{part.removeprefix(new)}"
    return f"{head}encoder.layer.{place}.{part}"


def joined(entries: dict[str, Array]) -> dict[str, Array]:
    """Return Hugging Face's arrays with query, key and value as one, as the others keep them."""
    entries = {older(name): entry for name, entry in entries.items()}
    found = dict(entries)
    for name in entries:
        place, query, leaf = name.rpartition("attention.attention.query.")
        three = [f"{place}attention.attention.{one}.{leaf}" for one in ("query", "key", "value")]
        if query and all(one in entries for one in three):
            parts = [found.pop(one) for one in three]
            shape = (sum(one.shape[0] for one in parts), *parts[0].shape[1:])
            found[f"{place}attention.attention.qkv.{leaf}"] = Array(
                shape, parts[0].dtype, partial(_concatenated, parts)
            )
    return found


def _concatenated(parts: list[Array]) -> Any:
    return np.concatenate([one.read() for one in parts])


def loaded(model: Functional, path: Path) -> None:
    """Fill a network from a file of Hugging Face."""
    with opened(path) as source:
        arrays = joined(source.entries)
        source.entries.clear()
        source.entries.update(arrays)
        take(model, source)


def block(x: Any, heads: int, name: str, epsilon: float) -> Any:
    """Return attention and two dense layers, each normalized before and with a way past it."""
    size = x.shape[-1]
    y = LayerNormalization(epsilon=epsilon, name=f"{name}_ln_1")(x)
    x = Add(name=f"{name}_add_1")([x, SelfAttention(heads, name=f"{name}_self_attention")(y)])
    y = LayerNormalization(epsilon=epsilon, name=f"{name}_ln_2")(x)
    y = Dense(4 * size, activation="gelu", name=f"{name}_mlp_0")(y)
    return Add(name=f"{name}_add_2")([x, Dense(size, name=f"{name}_mlp_3")(y)])


def catalogue(size: str) -> dict[str, Entry]:
    """Return what torchvision publishes of a network."""
    _, _, _, sha256, count = SIZES[size]
    key = f"vit_{size[0].lower()}_{size[1:]}"
    entry = Entry(f"https://download.pytorch.org/models/{key}-{sha256}.pth", sha256,
                  "ImageNet-1k, torchvision", size=count, licence="BSD-3-Clause")  # fmt: skip
    return {"imagenet": entry, "imagenet-notop": entry, key: entry}


def _network(
    size: str, include_top: bool, weights: Any, input_tensor: Any, input_shape: Any,
    pooling: str | None, classes: int, classifier_activation: Any, name: str,
) -> Functional:  # fmt: skip
    """Return the network."""
    subject, patch = f"ViT{size}", int(size[1:])
    expect(pooling in POOLINGS, subject, f"pooling must be one of {POOLINGS}", error=ConfigError,
           pooling=pooling)  # fmt: skip
    blocks, heads, channels, _, _ = SIZES[size]
    network = Network(subject, include_top, weights, input_tensor, input_shape or (224, 224, 3),
                      None, classes, classifier_activation, catalogue(size))  # fmt: skip
    x = inputs = network.entrance(224, patch)
    rows, columns = (n or 0 for n in inputs.shape[1:3])
    expect(rows > 0 and columns > 0 and rows % patch == 0 == columns % patch, subject,
           f"pictures must have known sizes, multiples of {patch}", error=ShapeError,
           input_shape=inputs.shape[1:])  # fmt: skip
    path = find(subject, network.named_weights(), network.catalogue)
    built = network.form(None, ("torch", "transformers"), _told)
    transformers = built == "transformers"
    epsilon = 1e-12 if transformers else EPSILON
    x = Conv2D(channels, patch, strides=patch, name="conv_proj")(x)
    x = Reshape((rows // patch * (columns // patch), channels), name="conv_proj_flat")(x)
    x = PositionEmbedding(name="pos_embedding")(ClassToken(name="class_token")(x))
    for i in range(blocks):
        x = block(x, heads, f"encoder_layer_{i}", epsilon)
    x = LayerNormalization(epsilon=epsilon, name="encoder_ln")(x)
    if include_top:
        x = Dense(classes, activation=classifier_activation, name="predictions")(Token()(x))
    elif pooling == "token":
        x = Token()(x)
    elif pooling is not None:
        pool = GlobalAveragePooling1D if pooling == "avg" else GlobalMaxPooling1D
        x = pool(name=f"{pooling}_pool")(Patches()(x))
    rules = torch_names(blocks)
    if transformers:
        assert path is not None
        made = Functional(inputs, x, name=name)
        made.name_rules = rules
        made.weights_variant = built
        loaded(made, path)
        return made
    return network.model(inputs, x, name, rules, built)


def _told(names: list[str]) -> str:
    """Tell the form of a network by the names in its file."""
    theirs = any(older(one).endswith("attention.attention.query.weight") for one in names)
    return "transformers" if theirs else "torch"


def ViTB16(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vit_b_16",
) -> Functional:
    """Return the base vision transformer with patches of 16×16 pixels.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, D) with pooling, or tokens (N, 1 + P, D);
        D = 768, P = H / 16 · W / 16.

    Args:
        include_top: whether there is a head.
        weights: a file of torchvision, timm or Hugging Face, "imagenet" (torchvision's), or None
            for random weights.
        input_tensor: the symbol to begin from, in place of a new Input.
        input_shape: the shape of a picture; (224, 224, 3) if None. The learned places fit one size.
        pooling: what comes out without a head: None for all tokens, "token" for the first, which
            stands for the picture, "avg" or "max" over the patches.
        classes: the number of outputs.
        classifier_activation: of the head; None gives logits.
        name: the name of the model.
    Raises:
        ConfigError: an argument is not understood, or `weights` is neither a file nor known.
        FormatError: the file does not hold this network.
        ShapeError: the picture is no multiple of the patch; a weight in the file has another shape;
            nothing is loaded.
        ConnectionError: the file has to be downloaded and cannot be.
    """
    return _network("B16", include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, name)  # fmt: skip


def ViTB32(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vit_b_32",
) -> Functional:
    """Return the base vision transformer with patches of 32×32 pixels; see `ViTB16`."""
    return _network("B32", include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, name)  # fmt: skip


def ViTL16(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vit_l_16",
) -> Functional:
    """Return the large vision transformer with patches of 16×16 pixels, D = 1024; see `ViTB16`."""
    return _network("L16", include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, name)  # fmt: skip


def ViTL32(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vit_l_32",
) -> Functional:
    """Return the large vision transformer with patches of 32×32 pixels, D = 1024; see `ViTB16`."""
    return _network("L32", include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, name)  # fmt: skip
