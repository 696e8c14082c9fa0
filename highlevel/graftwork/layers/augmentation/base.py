"""What layers share that change pictures at random: how a change is drawn, and to what it is done.

Each draws a transformation and applies it to images, labels and segmentation masks alike. Drawn
numbers are functions of a state that steps on, so a recorded step draws other ones each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect
from graftgrad.ops import random

from ...images import boxes
from ...registry import Rule, declared, setting
from ...rules import optional
from ..layer import Layer
from ..phase import phase
from ..seed_generator import SeedGenerator, generator_for


def between(low: float, high: float) -> Rule:
    """Accept (lower, upper), or one number f, which stands for (max(−f, low), f)."""

    def check(subject: str, name: str, value: Any) -> tuple[float, float]:
        rule = f"{name} must be a number or two, from {low} to {high}"
        got: dict[str, Any] = {name: value}
        if isinstance(value, (tuple, list)):
            fit = len(value) == 2 and all(_is_number(n) for n in value)
            fit = fit and value[0] <= high and value[1] >= low
            expect(fit, subject, rule, error=ConfigError, **got)
            return (min(value), max(value))
        fit = _is_number(value) and low <= value <= high
        expect(fit, subject, rule, error=ConfigError, **got)
        return (max(-abs(value), low), abs(value))

    return check


def told_factor(low: float, high: float) -> Rule:
    """Check what `between` accepts, and keep it as it was given."""
    rule = between(low, high)

    def check(subject: str, name: str, value: Any) -> Any:
        rule(subject, name, value)
        return tuple(value) if isinstance(value, (tuple, list)) else value

    return check


def value_range(subject: str, name: str, value: Any) -> tuple[float, float]:
    """Accept the smallest and the largest value of a pixel.

    Raises:
        ConfigError: it is not two different numbers.
    """
    fit = isinstance(value, (tuple, list)) and len(value) == 2 and all(map(_is_number, value))
    expect(fit and value[0] != value[1], subject, f"{name} must be two different numbers",
           error=ConfigError, **{name: value})  # fmt: skip
    return (min(value), max(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class Pictured:
    """What every layer says that changes pictures: where channels lie, what draws its numbers."""

    data_format: Any
    seed: Any = None


@declared(None)
class ImageLayer(Pictured, Layer):
    """A layer that changes pictures, or dictionaries of what belongs to pictures.

    These hold "images", "labels", "segmentation_masks", and "bounding_boxes": a dictionary of
    "boxes", (N, B, 4), and "labels", (N, B). Classes of your own override
    `get_random_transformation` and `transform_images`, `transform_labels` and so on. Called outside
    of any step that says whether it trains, it changes pictures, as in Keras.

    Args:
        bounding_box_format: the order of the numbers of boxes, such as "xyxy"; needed with boxes.
    """

    bounding_box_format: Any = setting(optional(boxes.format_of), default=None, kw_only=True)

    moves_pixels: ClassVar[bool] = False
    needs_format: ClassVar[bool] = True  # whether boxes are of no use without their order
    accepts_integers = True

    def prepare(self) -> None:
        """Make the source of states."""
        self.prepare_layer()
        self.generator: SeedGenerator = generator_for(self.seed)

    def __call__(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Change pictures; by default so where no step says otherwise."""
        if training is None and not phase.told:
            training = True
        return super().__call__(*args, training=training, **kwargs)

    def call(self, data: Any, training: bool = True) -> Any:
        """Draw a transformation and apply it.

        Raises:
            ConfigError: a dictionary holds something else than is known.
        """
        return self.applied(data, training)

    def applied(self, data: Any, training: bool) -> Any:
        """Draw a transformation and apply it to everything that belongs to the pictures.

        Raises:
            ConfigError: a dictionary holds something else than is known.
        """
        images = data["images"] if isinstance(data, dict) else data
        fit = images.ndim in (3, 4)
        expect(fit, f'layer "{self.name}"', "images must have 3 axes, or 4 with that of the batch",
               images=images.spec)  # fmt: skip
        single = images.ndim == 3
        given = data if isinstance(data, dict) else {"images": data}
        known = {"images", "labels", "segmentation_masks", "bounding_boxes"}
        expect(set(given) <= known, f'layer "{self.name}"',
               "a dictionary may hold images, labels, segmentation_masks and bounding_boxes",
               error=ConfigError, given=sorted(given))  # fmt: skip
        if "bounding_boxes" in given:
            given = {**given, "bounding_boxes": self._boxes(given["bounding_boxes"])}
        if single:
            given = _each(lambda one: ops.expand_dims(graftgrad.as_tensor(one), 0), given)
        drawn = self.get_random_transformation(given, training=training)
        changed: dict[str, Any] = {}
        for key, one in given.items():
            changed[key] = getattr(self, f"transform_{key}")(one, drawn, training=training)
        if single:
            changed = _each(lambda one: ops.squeeze(one, 0), changed)
        return changed if isinstance(data, dict) else changed["images"]

    def _boxes(self, given: Any) -> dict[str, Tensor]:
        """Return boxes and labels as tensors.

        Raises:
            ConfigError: one is missing, or the order of their numbers was not told.
        """
        fit = isinstance(given, dict) and {"boxes", "labels"} <= set(given)
        expect(fit, f'layer "{self.name}"', "bounding_boxes must hold boxes and labels",
               error=ConfigError,
               found=list(given) if isinstance(given, dict) else given)  # fmt: skip
        told = self.bounding_box_format is not None or not self.needs_format
        expect(told, f'layer "{self.name}"',
               "boxes need the order of their numbers", error=ConfigError,
               bounding_box_format=None,
               advice="Make the layer with bounding_box_format='xyxy', for example.")  # fmt: skip
        found = {key: graftgrad.as_tensor(one) for key, one in given.items()}
        return {**found, "boxes": found["boxes"].to("float32")}

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Return what is drawn for a batch; None where nothing is trained."""
        if not training:
            return None
        images = data["images"] if isinstance(data, dict) else data
        return self.drawn(images, self.generator if seed is None else generator_for(seed))

    def drawn(self, images: Tensor, source: SeedGenerator) -> Any:
        """Draw a transformation for a batch."""
        return None

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Tensor:
        """Return a batch of images, changed."""
        x = self.real(images)
        return self.changed(x, transformation) if training else x

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Change real images."""
        raise NotImplementedError(f"{type(self).__name__}: must define changed(self, x, drawn).")

    def transform_labels(
        self, labels: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Return labels, which most layers leave as they are."""
        return labels

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Return masks: moved as the pixels are, else as they are."""
        if not training or not self.moves_pixels:
            return segmentation_masks
        x = graftgrad.as_tensor(segmentation_masks)
        return self.moved(x, transformation, "nearest")

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Return boxes: moved as the pixels are, cut at the edge, else as they are."""
        if not training or not self.moves_pixels:
            return bounding_boxes
        return self.cut_boxes(bounding_boxes, transformation)

    def cut_boxes(
        self, bounding_boxes: Any, transformation: Any, size: tuple[int, int] | None = None
    ) -> Any:
        """Move boxes, and cut them at the edge of pictures of a size; None for that they have."""
        h, w = self.size_when_drawn(transformation)
        order = self.bounding_box_format or "xyxy"
        given = boxes.convert_format(bounding_boxes, order, "xyxy", h, w)
        moved = {**given, "boxes": self.moved_boxes(given["boxes"], transformation, h, w)}
        h, w = size or (h, w)
        return boxes.convert_format(boxes.clip_to_image_size(moved, h, w), "xyxy", order, h, w)

    def moved_boxes(self, x: Tensor, transformation: Any, rows: int, columns: int) -> Tensor:
        """Say where boxes in pixels come to lie.

        Raises:
            NotImplementedError: that cannot be said of this layer.
        """
        raise NotImplementedError(
            f"{type(self).__name__}: boxes must be moved by another layer; nothing says where this "
            "one brings them."
        )

    def size_when_drawn(self, transformation: Any) -> tuple[int, int]:
        """Return rows and columns of the pictures that a transformation was drawn for."""
        if "input_shape" in transformation:
            shape = transformation["input_shape"]
            h, w = shape[-2:] if self.data_format == "channels_first" else shape[-3:-1]
            return int(h), int(w)
        return int(transformation["image_height"]), int(transformation["image_width"])

    def get_config(self) -> dict[str, Any]:
        """Return the settings; the order of boxes where it is told, as in Keras."""
        config = super().get_config()
        if self.bounding_box_format is None:
            config.pop("bounding_box_format", None)
        return config

    def moved(self, x: Tensor, transformation: Any, interpolation: str) -> Tensor:
        """Move pixels."""
        return self.changed(self.real(x), transformation)

    def real(self, images: Any) -> Tensor:
        """Bring images to the element type in which the layer computes."""
        return graftgrad.as_tensor(images).to(self.compute_dtype)

    def size_of(self, x: Tensor) -> tuple[int, int]:
        """Return rows and columns."""
        h, w = x.shape[-2:] if self.data_format == "channels_first" else x.shape[-3:-1]
        return h, w

    def uniform(
        self, source: SeedGenerator, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0
    ) -> Tensor:
        """Draw numbers spread evenly."""
        return random.uniform(source.next(), shape, low, high)

    def chosen(self, source: SeedGenerator, n: int, share: tuple[float, float]) -> Tensor:
        """Draw which of n images are changed, each with a probability drawn from `share`."""
        return ops.less(self.uniform(source, (n,)), self.uniform(source, (n,), *share))


class StillLayer(ImageLayer):
    """A layer that does the same to all pictures, whether it trains or not."""

    moves_pixels: ClassVar[bool] = True

    def prepare(self) -> None:
        """Settle the settings; nothing is drawn."""
        self.prepare_layer()

    def call(self, data: Any) -> Any:  # type: ignore[override]  # it is not told whether it trains
        """Change pictures and what belongs to them."""
        return self.applied(data, True)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Return the shape of the pictures."""
        return {"input_shape": (data["images"] if isinstance(data, dict) else data).shape}


def _each(change: Callable[[Any], Any], tree: dict[str, Any]) -> dict[str, Any]:
    """Change every tensor of a dictionary, and of dictionaries in it."""
    return {
        key: _each(change, one) if isinstance(one, dict) else change(one)
        for key, one in tree.items()
    }


def of_images(drawn: Tensor) -> Tensor:
    """Lay one number for each image (N,) along the axes of images."""
    return ops.reshape(drawn, (-1, 1, 1, 1)) if drawn.ndim < 4 else drawn


def rescaled(x: Tensor, source: tuple[float, float], target: tuple[float, float]) -> Tensor:
    """Bring values from one range to another."""
    if source == target:
        return x
    scale = (target[1] - target[0]) / (source[1] - source[0])
    return (x - source[0]) * scale + target[0]
