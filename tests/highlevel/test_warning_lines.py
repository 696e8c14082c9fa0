"""Warnings point at the program's own line, through however much of the library."""

import pytest

import graftwork as gw
from graftgrad.errors import warn
from graftwork import layers
from graftwork.ops import ones


def test_a_warning_stands_at_the_line_that_led_to_it() -> None:
    with pytest.warns(UserWarning, match="as it is") as told:
        warn("as it is")
    assert told[0].filename == __file__


def test_so_does_one_from_deep_inside_of_fit() -> None:
    model = gw.Sequential([gw.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "binary_crossentropy")
    with pytest.warns(UserWarning, match="must be probabilities") as told:
        model.fit([[-9.0], [9.0]], [0.0, 1.0], verbose=0)
    assert told[0].filename == __file__


def test_so_do_those_of_a_functional_model() -> None:
    inputs, beside = gw.Input((1,), name="x"), layers.Dense(1)
    with pytest.warns(UserWarning, match="a tensor beside symbols must be a constant") as told:
        outputs = layers.Dense(1)(inputs + beside(ones((1, 1))))
    assert told[0].filename == __file__
    model = gw.Model({"x": inputs}, outputs)
    with pytest.warns(UserWarning, match=r"keys \['x'\], left out \['y'\]") as told:
        model.predict({"x": [[1.0]], "y": [[2.0]]}, verbose=0)
    assert told[0].filename == __file__


def test_so_does_that_of_an_optimizer_whose_state_does_not_fit() -> None:
    optimizer = gw.optimizers.SGD()
    with pytest.warns(UserWarning, match="was left out; it has 1 values, the optimizer 2") as told:
        optimizer.load_own_variables({"0": 3})
    assert told[0].filename == __file__
