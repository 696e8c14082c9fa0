"""The table of a model: what it shows for every kind of model and how wide it is."""

import io
import sys
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError
from graftwork import layers
from graftwork.models import summary


def shown(model: Any, **settings: Any) -> list[str]:
    told: list[str] = []
    model.summary(print_fn=told.append, **settings)
    return "\n".join(told).splitlines()


def cells(model: Any, **settings: Any) -> dict[str, list[str]]:
    """Name of a layer -> the other cells of its row."""
    rows = [line.strip("│").split("│") for line in shown(model, **settings) if line.startswith("│")]
    return {row[0].strip().partition(" ")[0]: [cell.strip() for cell in row[1:]] for row in rows}


def nested() -> Any:
    entrance = gw.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, name="conv")(entrance)
    x = layers.BatchNormalization(name="normal")(x)
    base = gw.Model(entrance, layers.GlobalAveragePooling2D(name="pool")(x), name="base")
    return gw.Sequential(
        [base, layers.Dropout(0.5, name="drop"), layers.Dense(2, name="head")], name="whole"
    )


def test_a_table_names_layers_shapes_and_numbers() -> None:
    model = nested()
    assert shown(model)[0] == 'Model: "whole"'
    assert cells(model) == {
        "base": ["(None, 4)", "128"], "drop": ["(None, 4)", "0"], "head": ["(None, 2)", "10"]
    }  # fmt: skip
    assert [line.strip() for line in shown(model)[-3:]] == [
        "Total params: 138 (552.00 B)",
        "Trainable params: 130 (520.00 B)",
        "Non-trainable params: 8 (32.00 B): frozen 0, state 8",
    ]


def test_layers_of_layers_are_shown_when_asked_for() -> None:
    rows = cells(nested(), expand_nested=True)
    assert list(rows) == ["base", "image", "conv", "normal", "pool", "drop", "head"]
    assert rows["conv"] == ["(None, 6, 6, 4)", "112"]


def test_half_frozen_parts_are_marked_at_every_depth() -> None:
    model = nested()
    model.layers[0].trainable = False
    model.layers[0].get_layer("normal").gamma.requires_grad = True
    rows = cells(model, expand_nested=True, show_trainable=True)
    marks = {name: row[-1] for name, row in rows.items()}
    assert marks == {
        "base": "half: 4 of 120", "image": "-", "conv": "no", "normal": "half: 4 of 8", "pool": "-",
        "drop": "-", "head": "yes",
    }  # fmt: skip


def test_what_is_not_built_is_not_counted() -> None:
    model = gw.Sequential([layers.Dense(3, name="first")])
    assert cells(model, show_trainable=True) == {"first": ["?", "?", "?"]}
    assert "Not every layer is built yet" in shown(model)[-1]
    model.build((None, 4))
    assert cells(model) == {"first": ["(None, 3)", "15"]}


def test_a_model_of_ones_own_is_shown_after_its_first_call() -> None:
    class Own(gw.Model):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = [layers.Dense(3, name="a"), layers.Dense(2, name="b")]

        def call(self, x: Any) -> Any:
            for block in self.blocks:
                x = block(x)
            return x

    model = Own()
    model(np.zeros((5, 4), "float32"))
    assert cells(model) == {"a": ["(None, 3)", "15"], "b": ["(None, 2)", "8"]}


@pytest.mark.parametrize("width", [50, 60, 80])
def test_a_table_is_no_wider_than_asked_for(width: int) -> None:
    lines = shown(nested(), line_length=width, expand_nested=True)
    table = [line for line in lines if line[0] in "┏┃┡│└"]
    assert len({len(line) for line in table}) == 1
    assert len(table[0]) <= width
    if width == 50:
        assert "pool (GlobalAve…" in "\n".join(lines)


def test_a_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    nested().summary()
    assert capsys.readouterr().out.startswith('Model: "whole"\n┏━')


def test_where_layers_branch_it_says_what_they_receive() -> None:
    entrance = gw.Input((8, 8, 3), name="img")
    x = layers.Conv2D(4, 3, padding="same", name="first")(entrance)
    y = layers.Conv2D(4, 3, padding="same", name="second")(x)
    chain, branched = gw.Model(entrance, y), gw.Model(entrance, layers.Add(name="sum")([x, y]))
    assert not any("Connected to" in line for line in shown(chain))
    told = {name: row[2] for name, row in cells(branched).items()}
    assert told == {"img": "-", "first": "img", "second": "first", "sum": "first, second"}
    outer = gw.Sequential([branched, layers.Flatten(name="flat")])
    assert len(cells(outer)["flat"]) == 2
    assert cells(outer, expand_nested=True)["sum"][2] == "first, second"
    assert all(len(line) <= 70 for line in shown(branched, line_length=70) if "│" in line)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1"])
def test_output_without_frames_gets_plain_ones(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(made, encoding=encoding))
    nested().summary(line_length=50)
    sys.stdout.flush()
    told = made.getvalue().decode(encoding).replace("\r", "")
    assert told.startswith('Model: "whole"\n+---')
    assert "| head (Dense) " in told
    assert len({len(line) for line in told.splitlines() if line[0] in "+|"}) == 1


def test_letters_that_the_output_lacks_do_not_stop_it() -> None:
    assert summary.printable("│ Ł… │", "latin-1") == "| ?. |"
    assert summary.printable("│ Ł… │", "utf-8") == "│ Ł… │"
    assert summary.printable("│ Ł… │", None) == "│ Ł… │"


def test_a_range_of_layers() -> None:
    named = ("a", "bc", "bd", "e")
    model = gw.Sequential([gw.Input((3,)), *(layers.Dense(2, name=name) for name in named)])

    def between(*names: str) -> list[str]:
        return [name for name in cells(model, layer_range=names) if name in named]

    assert between("a", "bc") == ["a", "bc"]
    assert between("b", "b") == ["bc", "bd"]  # what names begin with
    assert between("e", "bd") == ["bd", "e"]
    with pytest.raises(ConfigError, match=r"must name layers of the model.*'bd'"):
        between("z", "a")
    with pytest.raises(ConfigError, match="layer_range must be two names"):
        between("a")
