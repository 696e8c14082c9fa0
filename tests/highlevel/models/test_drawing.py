"""Pictures of models: layers as boxes, what is inside them, what is frozen."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftgrad as gg
import graftwork as gw
from graftgrad.drawing.picture import Picture
from graftgrad.errors import ConfigError
from graftwork.applications import ResNet18
from graftwork.models import plot_model

layers = gw.layers


def functional() -> gw.Model:
    x = layers.Input((8, 8, 1))
    left = layers.Conv2D(2, 3, padding="same", activation="relu", name="left")(x)
    right = layers.Conv2D(2, 1, name="right")(x)
    y = layers.Flatten(name="flat")(layers.Add(name="sum")([left, right]))
    model = gw.Model(x, layers.Dense(3, name="head")(y))
    model.get_layer("left").trainable = False
    return model


def titled(picture: Picture) -> dict[str, Any]:
    return {box.title: box for box in picture.boxes.values()}


def arrows(picture: Picture) -> list[tuple[str, str]]:
    return [(picture.boxes[a].title, picture.boxes[b].title) for a, b in picture.arrows]


def test_layers_are_boxes_and_open_to_what_they_call() -> None:
    picture = gw.draw(functional()).picture
    assert arrows(picture) == [
        ("in", "left (Conv2D)"), ("in", "right (Conv2D)"), ("left (Conv2D)", "sum (Add)"),
        ("right (Conv2D)", "sum (Add)"), ("sum (Add)", "flat (Flatten)"),
        ("flat (Flatten)", "head (Dense)"), ("head (Dense)", "out"),
    ]  # fmt: skip
    boxes = titled(picture)
    left = boxes["left (Conv2D)"]
    assert left.grey
    assert left.lines == ["(2, 8, 8, 2)", "20 parameters, frozen"]
    assert not boxes["right (Conv2D)"].grey
    inside = titled(left.inside)
    assert {title: box.kind for title, box in inside.items()} == {
        "in": "port", "kernel": "frozen", "Conv2D": "function", "bias": "frozen",
        "Add": "function", "ReLU": "function", "out": "port",
    }  # fmt: skip
    assert {box.kind for box in titled(boxes["head (Dense)"].inside).values()} == {
        "port", "leaf", "function"
    }  # fmt: skip
    assert "model" in picture.caption or "functional" in picture.caption
    assert "20 frozen" in picture.caption


def test_a_body_of_python_is_drawn_as_it_ran() -> None:
    class Gate(gw.Model):
        def __init__(self) -> None:
            super().__init__()
            self.a = layers.Dense(4)
            self.b = layers.Dense(4)

        def call(self, x: Any) -> Any:
            hidden = self.a(x)
            return gg.ops.sigmoid(hidden) * self.b(hidden)

    x = np.ones((2, 3), np.float32)
    picture = gw.draw(Gate(), x).picture
    assert arrows(picture) == [
        ("in", "a (Dense)"), ("a (Dense)", "Sigmoid"), ("a (Dense)", "b (Dense)"),
        ("Sigmoid", "Mul"), ("b (Dense)", "Mul"), ("Mul", "out"),
    ]  # fmt: skip
    assert "Uniform" not in str(picture)  # the making of weights is no part of the model


def test_drawing_changes_nothing() -> None:
    model = gw.Sequential([layers.Input((4,)), layers.BatchNormalization(), layers.Dropout(0.5)])
    before = [np.array(w) for w in model.get_weights()]
    gw.draw(model)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_a_residual_network_opens_block_by_block(tmp_path: Path) -> None:
    model = ResNet18(weights=None, classes=4)
    drawing = gw.draw(model, gg.zeros(1, 32, 32, 3))
    assert len(drawing.picture.boxes) <= 20
    depth = len(ElementTree.fromstring(gw.draw(model, gg.zeros(1, 32, 32, 3), depth=2).svg()))
    assert depth > len(ElementTree.fromstring(drawing.svg()))
    page = drawing.save(tmp_path / "model.html").read_text(encoding="utf-8")
    assert page.count("<section") > 50


def test_plot_model_shows_layers_with_what_is_asked_for(tmp_path: Path) -> None:
    model = functional()
    plain = plot_model(model, tmp_path / "plain.svg").picture
    assert [box.title for box in plain.boxes.values() if box.kind == "layer"] == [
        "Conv2D", "Conv2D", "Add", "Flatten", "Dense"
    ]  # fmt: skip
    assert all(box.kind != "function" for one in plain.pictures() for box in one.boxes.values())
    full = plot_model(
        model, tmp_path / "full.dot", show_shapes=True, show_dtype=True, show_layer_names=True,
        show_layer_activations=True, show_trainable=True,
    )  # fmt: skip
    assert titled(full.picture)["left (Conv2D)"].lines == [
        "(None, 8, 8, 2)", "float32", "relu", "frozen"
    ]  # fmt: skip
    entrance = next(box for box in full.picture.boxes.values() if box.kind == "port")
    assert entrance.title.endswith("(InputLayer)")
    assert entrance.lines == ["(None, 8, 8, 1)", "float32"]
    pytest.importorskip("PIL")
    plot_model(model, tmp_path / "model.png", dpi=96)
    assert (tmp_path / "model.png").read_bytes()[:4] == b"\x89PNG"


def test_nested_models_open_on_request() -> None:
    inner = gw.Sequential([layers.Input((4,)), layers.Dense(4), layers.ReLU()], name="inner")
    outer = gw.Sequential([inner, layers.Dense(2)])
    closed = plot_model(outer, None).picture
    assert all(box.inside is None for box in closed.boxes.values())
    opened = titled(plot_model(outer, None, expand_nested=True).picture)
    inside = opened["Sequential"].inside
    assert [box.title for box in inside.boxes.values() if box.kind == "layer"] == ["Dense", "ReLU"]


def test_what_cannot_be_drawn_is_said() -> None:
    with pytest.raises(ConfigError, match="there must be an input to draw it for; got"):
        gw.draw(gw.Sequential([layers.Dense(2)]))
    with pytest.raises(ConfigError, match='plot_model: rankdir must be "TB"'):
        plot_model(functional(), None, rankdir="LR")


def test_a_loss_is_drawn_too_with_the_names_of_weights() -> None:
    model = functional()
    loss = model(gg.ones(2, 8, 8, 1)).sum()
    assert {"head/kernel", "right/bias"} <= set(titled(gw.draw(loss).picture))
