"""Warnings point at the program's own line, through however much of the library."""

import pytest

import graftwork as gw
from graftgrad.errors import warn
from graftwork import layers


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
