"""How foreign files name weights and order axes, as data; the three paths of every weight.

A weight has our own path ("layer1/0/conv1/kernel"), the path Keras 3 derives from the structure
("layer1/basic_block/conv1/vars/0") and the one PyTorch derives from attributes
("layer1.0.conv1.weight"). What is done with them stands in `matching.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..layers.layer import Layer
from ..layers.lora import PARTS, LowRank
from ..registry import layers, snake_case
from ..weight import Weight
from .axes import Axes as Axes
from .flattened import Flattened, flattened

SEED_STATE = "seed_generator_state"  # what a random generator keeps; other libraries do not save it


@dataclass(frozen=True, slots=True)
class Rule:
    """What PyTorch calls one weight of a kind of layer, and how it orders the axes."""

    kind: str
    ours: str
    theirs: str
    axes: Axes | None = None


_FILTERS = Axes("A B C O", "O C A B")
_DEPTHWISE = Axes("A B C M", "(CM) 1 A B")
# The first rule whose kind is the class of the layer, or one it derives from, decides.
TORCH: tuple[Rule, ...] = (
    Rule("DepthwiseConv2D", "kernel", "weight", _DEPTHWISE),
    Rule("DepthwiseConv2D", "depthwise_kernel", "weight", _DEPTHWISE),
    Rule("SeparableConv2D", "depthwise_kernel", "depthwise.weight", _DEPTHWISE),
    Rule("SeparableConv2D", "pointwise_kernel", "pointwise.weight", _FILTERS),
    Rule("SeparableConv2D", "bias", "pointwise.bias"),
    Rule("Conv2DTranspose", "kernel", "weight", Axes("A B O C", "C O A B")),
    Rule("Conv1D", "kernel", "weight", Axes("A C O", "O C A")),
    Rule("Conv2D", "kernel", "weight", _FILTERS),
    Rule("Conv3D", "kernel", "weight", Axes("A B E C O", "O C A B E")),
    Rule("Dense", "kernel", "weight", Axes("D K", "K D")),
    Rule("Embedding", "embeddings", "weight"),
    Rule("BatchNormalization", "gamma", "weight"),
    Rule("BatchNormalization", "beta", "bias"),
    Rule("BatchNormalization", "moving_mean", "running_mean"),
    Rule("BatchNormalization", "moving_variance", "running_var"),
    Rule("LayerNormalization", "gamma", "weight"),
    Rule("LayerNormalization", "beta", "bias"),
    Rule("GroupNormalization", "gamma", "weight"),
    Rule("GroupNormalization", "beta", "bias"),
    Rule("RMSNormalization", "scale", "weight"),
    Rule("LayerScale", "gamma", "layer_scale", Axes("C", "C 1 1")),
    Rule("PReLU", "alpha", "weight", Axes("1 1 C", "C")),
    Rule("PReLU", "alpha", "weight"),
)
# What belongs to single numbers of a vector: Dense and the normalizations.
_VECTORS = ("kernel", "gamma", "beta", "moving_mean", "moving_variance")
# Entries of a state dict that hold no numbers of a network: counters that only PyTorch keeps.
TORCH_IGNORED = re.compile(r"(?:.*\.)?num_batches_tracked")


@dataclass(frozen=True, slots=True)
class Place:
    """One weight of a model with the names it has inside and outside.

    Attributes:
        weight: the weight.
        layer: the layer that owns it.
        path: our own path.
        keras: Keras 3's path by structure.
        labels: the names of the layers above it, and Keras 3's number.
        torch: PyTorch's names; the first is written.
        attributes: that of them which comes from the names of attributes and layers alone.
        axes: the order of the axes in a file of PyTorch, where it differs.
        above: the layers it lies in, from the model's first level down.
    """

    weight: Weight
    layer: Layer
    path: str
    keras: str
    labels: str
    torch: tuple[str, ...]
    axes: Axes | None
    above: tuple[Layer, ...] = ()
    attributes: str = ""

    @property
    def optional(self) -> bool:
        """Whether a file may lack it: a generator's state, or a change of low rank."""
        return self.weight.name == SEED_STATE or self.weight.name in PARTS


@dataclass(frozen=True, slots=True)
class Group:
    """A layer's own weights in Keras 3's layout: path of the group and names of the layers."""

    path: str
    layer: Layer
    labels: str
    weights: list[Weight] = field(default_factory=list)

    def array(self, weight: Weight) -> Any:
        """Return what a file of Keras' layout holds of one of them."""
        return merged(self.layer, weight)

    @property
    def variables(self) -> str:
        """The path under which a file of Keras' layout holds the layer's arrays."""
        return f"{self.path}/vars".lstrip("/")


def merged(layer: Layer, weight: Weight) -> Any:
    """Return what files of others hold of a weight: a kernel with its change of low rank."""
    return layer.merged(weight) if isinstance(layer, LowRank) else weight.numpy()


def variant_of(model: Layer) -> str:
    """Return in whose form a network of the zoo is: "keras", "torch", …; "" for other models."""
    found = getattr(model, "weights_variant", "")
    return found if isinstance(found, str) else ""


def in_order(layer: Layer) -> bool:
    """Tell whether a layer is a Sequential or Functional model, whose layers bear names."""
    kinds = tuple(
        layers.known[name] for name in ("Sequential", "Functional") if name in layers.known
    )
    return isinstance(layer, kinds)


def places(model: Layer) -> list[Place]:
    """Return every weight of a model once, in the order of `named_weights`."""
    listed = groups(model)
    structural = {
        id(weight): (f"{group.path}/vars/{i}", f"{group.labels}/vars/{i}")
        for group in reversed(listed)
        for i, weight in enumerate(group.weights)
    }
    homes = {id(group.layer): group for group in listed}
    rules: dict[str, list[str]] = {}
    for theirs, ours in dict(getattr(model, "name_rules", None) or {}).items():
        rules.setdefault(ours, []).append(theirs)
    # A network in Keras' form has weights that PyTorch's of the same names cannot use.
    own_first = variant_of(model).startswith("keras")
    flat = flattened(model)
    found: dict[str, Place] = {}
    seen: set[int] = set()

    def visit(layer: Layer, path: str, torch: tuple[str, ...], above: tuple[Layer, ...]) -> None:
        for name, weight in layer.named_own_weights():
            if id(weight) in seen:
                continue
            seen.add(id(weight))
            whole = _unused(path + name, found)
            leaf, axes = torch_leaf(layer, name, weight.shape)
            if id(layer) in flat and name in _VECTORS:
                turned = Flattened("D K", "K D", flat[id(layer)])
                axes = turned if turned.fits(weight.shape) else axes
            home = homes[id(layer)]
            beside = (f"{home.path}/vars/{weight.name}", f"{home.labels}/vars/{weight.name}")
            keras, labels = (one.lstrip("/") for one in structural.get(id(weight), beside))
            declared = tuple(_by_rules(rules, path.rstrip("/"), whole, leaf))
            plain = tuple(dict.fromkeys(prefix + leaf for prefix in torch))
            spelled = plain + declared if own_first else declared + plain
            found[whole] = Place(
                weight, layer, whole, keras, labels, spelled, axes, above, plain[-1]
            )
        for i, (key, child) in enumerate(layer.children()):
            dotted = key.replace("/", ".")
            by_number = f"{torch[0]}{i}." if _is_sequential(layer) else f"{torch[0]}{dotted}."
            visit(child, f"{path}{key}/", (by_number, f"{torch[-1]}{dotted}."), (*above, child))

    visit(model, "", ("",), ())
    return list(found.values())


def _unused(path: str, taken: Mapping[str, Any]) -> str:
    count, free = 0, path
    while free in taken:
        count += 1
        free = f"{path}_{count}"
    return free


def _is_sequential(layer: Layer) -> bool:
    kind = layers.known.get("Sequential")
    return kind is not None and isinstance(layer, kind)


def torch_leaf(layer: Layer, name: str, shape: tuple[int, ...]) -> tuple[str, Axes | None]:
    """Return what PyTorch calls a weight inside its layer, and how it orders the axes."""
    kinds = [kind.__name__ for kind in type(layer).__mro__]
    for rule in TORCH:
        if (
            rule.ours == name
            and rule.kind in kinds
            and (rule.axes is None or rule.axes.fits(shape))
        ):
            return rule.theirs, rule.axes
    return name, None


def _by_rules(rules: dict[str, list[str]], layer: str, path: str, leaf: str) -> Iterator[str]:
    """Yield the names that a model's own rules (our path -> foreign names) give a weight."""
    yield from rules.get(path, ())
    for theirs in rules.get(layer, ()):
        yield f"{theirs}.{leaf}"
    above, _, rest = layer.rpartition("/")
    while above:
        for theirs in rules.get(above, ()):
            yield f"{theirs}.{rest.replace('/', '.')}.{leaf}"
        above, _, last = above.rpartition("/")
        rest = f"{last}/{rest}" if above else rest


# -- Keras 3's names by structure ----------------------------------------------------------------


def groups(model: Layer) -> list[Group]:
    """Return every layer's group in the order in which Keras 3 walks a model, itself first.

    A group is named after the class of the layer, counted within what holds it; a layer that is met
    again keeps its first place.
    """
    found: list[Group] = []
    visited: set[int] = set()

    def visit(layer: Layer, path: str, labels: str) -> None:
        if id(layer) in visited:
            return
        visited.add(id(layer))
        found.append(Group(path, layer, labels, layer.stored_weights()))
        for place, child in _held(layer):
            visit(child, f"{path}/{place}".lstrip("/"), f"{labels}/{child.name}".lstrip("/"))

    visit(model, "", "")
    return found


def _held(layer: Layer) -> Iterator[tuple[str, Layer]]:
    """Yield what a layer holds with its place: by attribute, alphabetically, private ones last."""
    if in_order(layer):
        held: list[Layer] = layer.layers  # type: ignore[attr-defined]
        yield from _counted("layers", [("", one) for one in held])
        return
    attributes: dict[str, list[tuple[str, Layer]]] = {}
    for path, child in layer.children():
        attribute, _, rest = path.partition("/")
        attributes.setdefault(attribute, []).append((rest, child))
    if isinstance(getattr(type(layer), "layers", None), property):
        attributes["layers"] = [("", child) for _, child in layer.children()]
    for attribute in sorted(attributes, key=lambda one: f"~{one}" if one.startswith("_") else one):
        inside = attributes[attribute]
        if len(inside) == 1 and inside[0][0] == "" and attribute != "layers":
            yield attribute, inside[0][1]
        else:
            yield from _counted(attribute, inside)


def _counted(path: str, inside: Iterable[tuple[str, Layer]]) -> Iterator[tuple[str, Layer]]:
    """Yield the members of a list with its path and their class names, counted."""
    counts: dict[str, int] = {}
    nested: dict[str, list[tuple[str, Layer]]] = {}
    for place, child in inside:
        head, _, rest = place.partition("/")
        if rest:
            nested.setdefault(head, []).append((rest, child))
        else:
            yield f"{path}/{_next(counts, snake_case(type(child).__name__))}", child
    for members in nested.values():
        yield from _counted(f"{path}/{_next(counts, 'container')}", members)


def _next(counts: dict[str, int], name: str) -> str:
    counts[name] = counts.get(name, -1) + 1
    return f"{name}_{counts[name]}" if counts[name] else name
