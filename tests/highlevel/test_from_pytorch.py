"""What is said to those who write PyTorch's names where ours are others."""

from typing import Any

import pytest

import graftgrad as gg
import graftwork as gw
from graftwork import layers


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda: gg.nn, r"'nn'. Layers are in graftwork.layers \(nn.Linear\(512, 10\) is Dense"),
        (lambda: gg.save, r"'save'. Write model.save_weights\('name.pth'\)"),
        (lambda: layers.Linear, r"'Linear'. Write Dense\(10\)"),
        (lambda: layers.Dense(2).train(), r"^'Dense' object .* 'train'. Write layer\(x, training"),
        (lambda: gw.Sequential().state_dict(), r"Write save_weights\('name.pth'\)"),
        (lambda: layers.Dense(2).forward, r"Call it: layer\(x\). A class of your own defines call"),
        (lambda: gw.Sequential().predict_classes([1]), r"Write predict\(x\).argmax\(-1\)"),
        (lambda: layers.Dense(2).foo, "^'Dense' object has no attribute 'foo'$"),
        (lambda: layers.foo, "^module 'graftwork.layers' has no attribute 'foo'$"),
    ],
)
def test_names_of_pytorch_that_are_elsewhere_are_told(ask: Any, told: str) -> None:
    with pytest.raises(AttributeError, match=told):
        ask()


def test_a_property_that_fails_says_why() -> None:
    class Own(layers.Layer):
        @property
        def inner(self) -> Any:
            return self.missing

    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        _ = Own().inner
    assert not hasattr(Own(), "eval")


def test_an_optimizer_wants_parameters() -> None:
    model = gw.Sequential([gw.Input((4,)), layers.Dense(2)])
    with pytest.raises(gg.errors.ConfigError, match=r"got params='Sequential'. Pass model.param"):
        gg.optim.SGD(model, lr=0.1)
