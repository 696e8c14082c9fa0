"""What all networks in Keras' form share: their arguments, the entrance, the head, the weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graftgrad.errors import ConfigError, FormatError, ShapeError, expect, note

from ..layers import (
    Dense,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Input,
    Normalization,
    Rescaling,
)
from ..layers.symbol import KerasTensor
from ..models import Functional
from .ranges import Range
from .weights import Entry, Held, find, held_in, told


@dataclass(frozen=True, slots=True)
class Network:
    """One call of a network's function, its arguments checked.

    Attributes:
        subject: the function's name, for errors.
        include_top: whether there is a head.
        weights: a file, a name of the catalogue ("imagenet" among them), or None.
        input_tensor: the symbol to begin from, in place of a new Input.
        input_shape: the shape of a picture; None for the default, or for any size without a head.
        pooling: what comes out without a head: None for maps, "avg" or "max" for features.
        classes: the number of outputs.
        classifier_activation: of the head; None gives logits.
        catalogue: published files by name; "imagenet" and "imagenet-notop" are what `weights=
            "imagenet"` means with and without a head.
    Raises:
        ConfigError: an argument is not understood.
    """

    subject: str
    include_top: bool
    weights: Any
    input_tensor: Any
    input_shape: Any
    pooling: str | None
    classes: int
    classifier_activation: Any
    catalogue: Mapping[str, Entry]

    def __post_init__(self) -> None:
        expect(isinstance(self.include_top, bool), self.subject,
               "include_top must be True or False", error=ConfigError,
               include_top=self.include_top)  # fmt: skip
        expect(self.pooling in (None, "avg", "max"), self.subject,
               'pooling must be None, "avg" or "max"', error=ConfigError,
               pooling=self.pooling)  # fmt: skip
        expect(isinstance(self.classes, int) and self.classes > 0, self.subject,
               "classes must be a positive integer", error=ConfigError,
               classes=self.classes)  # fmt: skip
        expect(self.weights != "imagenet" or not self.include_top or self.classes == 1000,
               self.subject, 'classes must be 1000 with weights="imagenet" and a head',
               error=ConfigError, classes=self.classes,
               advice="Pass include_top=False and put a head of your own on.")  # fmt: skip

    def entrance(self, default: int, least: int) -> KerasTensor:
        """Return the symbol to begin from.

        Args:
            default: rows and columns of the pictures the network was trained on.
            least: the smallest picture that leaves something.
        Raises:
            ConfigError: input_shape is no shape of a picture, or input_tensor no symbol.
            ShapeError: the picture is too small.
        """
        if self.input_tensor is not None:
            expect(isinstance(self.input_tensor, KerasTensor), self.subject,
                   "input_tensor must be a symbol made by Input or a layer", error=ConfigError,
                   input_tensor=self.input_tensor)  # fmt: skip
            return self.input_tensor  # type: ignore[no-any-return]
        shape = self.input_shape
        if shape is None:
            side = default if self.include_top else None
            return Input((side, side, 3))
        fits = isinstance(shape, (tuple, list)) and len(shape) == 3
        expect(fits and all(n is None or isinstance(n, int) for n in shape), self.subject,
               "input_shape must be (rows, columns, channels)", error=ConfigError,
               input_shape=shape)  # fmt: skip
        expect(all(n is None or n >= least for n in shape[:2]), self.subject,
               f"pictures must have at least {least} rows and columns", error=ShapeError,
               input_shape=tuple(shape))  # fmt: skip
        if self.weights == "imagenet":
            expect(shape[2] == 3, self.subject,
                   'pictures must have three channels with weights="imagenet"', error=ShapeError,
                   input_shape=tuple(shape))  # fmt: skip
        return Input(tuple(shape))

    def head(
        self, x: Any, pool: str | None = "avg_pool", name: str = "predictions", named: bool = False
    ) -> Any:
        """Return the head of most networks: the mean over the map and a dense layer.

        Args:
            x: the map.
            pool: the name of the mean's layer; "" to have it numbered, None for no mean.
            name: the name of the dense layer.
            named: whether the pooling has a name where there is no head.
        """
        if not self.include_top:
            return self.features(x, named)
        if pool is not None:
            numbered: Any = None
            x = GlobalAveragePooling2D(name=pool or numbered)(x)
        return Dense(self.classes, activation=self.classifier_activation, name=name)(x)

    def features(self, x: Any, named: bool = False) -> Any:
        """Return what comes out without a head; "avg_pool" or "max_pool" is its name if named."""
        if self.pooling is None:
            return x
        name: Any = f"{self.pooling}_pool" if named else None
        pool = GlobalAveragePooling2D if self.pooling == "avg" else GlobalMaxPooling2D
        return pool(name=name)(x)

    def model(
        self, inputs: Any, outputs: Any, name: str, rules: Mapping[str, Any] | None = None,
        variant: str = "",
    ) -> Functional:  # fmt: skip
        """Return the finished network with its weights.

        Args:
            inputs: the symbol it began from.
            outputs: the symbol it ends in.
            name: the name of the model.
            rules: names of layers in files of other libraries -> ours.
            variant: in whose form the network is, where there are several; files note it.
        Raises:
            ConfigError: `weights` is neither a file nor a known name.
            FormatError: the file does not hold this network.
            ShapeError: a weight in the file has another shape; nothing is loaded.
            ConnectionError: the file has to be downloaded and cannot be.
        """
        made = Functional(source(inputs), outputs, name=name)
        made.name_rules = dict(rules or {})
        made.weights_variant = variant
        path = find(self.subject, self.named_weights(), self.catalogue)
        if path is not None:
            try:
                made.load_weights(path)
            except (FormatError, ShapeError) as error:
                note(error, f"{self.subject}: {told(self.include_top, self.classes)}")
                raise
            rescales = any(isinstance(one, (Normalization, Rescaling)) for one in made.layers[:5])
            object.__setattr__(made, "looking", Range(name, rescales))
        return made

    def named_weights(self) -> Any:
        """Return which file of the catalogue "imagenet" means."""
        if self.weights == "imagenet" and not self.include_top:
            return "imagenet-notop"
        return self.weights

    def form(
        self, variant: str | None, variants: tuple[str, ...], by_names: Callable[[list[str]], str]
    ) -> str:
        """Return in whose form the network is built.

        Args:
            variant: what was asked for; None for what the file of weights says, or else its names.
            variants: the forms there are, the first for files that tell none.
            by_names: the form that names in a file tell, or any other word.
        Raises:
            ConfigError: `weights` is neither a file nor a known name.
            FormatError: the file is damaged, or not what was published.
            ConnectionError: the file has to be downloaded and cannot be.
        """
        if variant is not None:
            return variant
        held = self.held()
        found = held.variant or by_names(held.names)
        return found if found in variants else variants[0]

    def held(self) -> Held:
        """Return what the file of weights tells before it is read; nothing without a file.

        Raises:
            ConfigError: `weights` is neither a file nor a known name.
            FormatError: the file is damaged, or not what was published.
            ConnectionError: the file has to be downloaded and cannot be.
        """
        return held_in(find(self.subject, self.named_weights(), self.catalogue))


def check_variant(
    subject: str, variant: str | None, variants: tuple[str, ...], weights: Any = None
) -> None:
    """Check which form of a network is asked for; None leaves it to the file of weights.

    Args:
        subject: the function's name, for errors.
        variant: the form.
        variants: those there are, Keras' first.
        weights: as given, where Keras' form alone has published ones.

    Raises:
        ConfigError: the form is not known, or has no published weights.
    """
    expect(variant in (None, *variants), subject, f"variant must be one of {variants}",
           error=ConfigError, variant=variant)  # fmt: skip
    expect(weights != "imagenet" or variant in (None, variants[0]), subject,
           f'weights must be a file or None with variant="{variant}"', error=ConfigError,
           weights=weights)  # fmt: skip


def published(address: str, md5: tuple[str, str], ending: str = "_notop") -> dict[str, Entry]:
    """Return the two files that Keras publishes of most networks, with their checksums.

    Args:
        address: where the file with the head lies, without ".h5".
        md5: the checksums with and without head.
        ending: what the name of the file without head has more.
    """
    return {
        "imagenet": Entry(f"{address}.h5", "", "ImageNet-1k", md5=md5[0]),
        "imagenet-notop": Entry(f"{address}{ending}.h5", "", "ImageNet-1k", md5=md5[1]),
    }


def source(symbol: KerasTensor) -> Any:
    """Return the entrances that a symbol was computed from."""
    found: dict[int, KerasTensor] = {}
    waiting, seen = [symbol], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if one.origin is None or not one.origin.inputs:
            found[id(one)] = one
        else:
            waiting += one.origin.inputs
    entrances = list(found.values())
    return entrances[0] if len(entrances) == 1 else entrances


def known_side(shape: Any, symbol: Any, sides: tuple[int, ...]) -> int:
    """Return the side of square pictures for which weights are published; the last by default."""
    if symbol is not None:
        shape = getattr(symbol, "shape", (None,))[1:]
    if isinstance(shape, (tuple, list)) and len(shape) == 3 and shape[0] == shape[1]:
        return shape[0] if shape[0] in sides else sides[-1]
    return sides[-1]


def same_padding(symbol: KerasTensor, size: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return margins for a convolution with stride 2 that keep what "same" would, at either parity.

    On an even number of rows one row less is added in front, as TensorFlow does.
    """
    half = size // 2
    odd = [1 if n is None else 1 - n % 2 for n in symbol.shape[1:3]]
    return (half - odd[0], half), (half - odd[1], half)
