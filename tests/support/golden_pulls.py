"""Values and gradients of first and second order held against golden cases of PyTorch's."""

from typing import Any

import numpy as np

import graftgrad
from graftgrad import engine
from support.golden import GoldenCase


def pulled_twice(y: Any, operands: dict[str, Any], golden: GoldenCase) -> None:
    """Hold value, gradients and gradients of gradients against a golden case."""
    np.testing.assert_allclose(y.detach().numpy(), golden["output"], rtol=1e-9, atol=1e-12)
    wanted = list(golden.facts["wanted"])
    leaves = [operands[name] for name in wanted]
    cotangent = graftgrad.tensor(golden["cotangent"])
    first = engine.grad(y, leaves, cotangent, create_graph=True)
    total: Any = 0.0
    for name, g in zip(wanted, first, strict=True):
        assert g is not None
        expected = golden[f"gradient/{name}"]
        np.testing.assert_allclose(g.detach().numpy(), expected, rtol=1e-9, atol=1e-12)
        total = total + (g * graftgrad.tensor(golden[f"direction/{name}"])).sum()
    bent = [name for name in wanted if f"second/{name}" in golden]
    if bent:
        second = engine.grad(total, [operands[name] for name in bent], allow_unused=True)
        for name, g in zip(bent, second, strict=True):
            expected = golden[f"second/{name}"]
            found = np.zeros_like(expected) if g is None else g.numpy()
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def operands_of(golden: GoldenCase) -> dict[str, Any]:
    return {
        name: graftgrad.tensor(array, requires_grad=True)
        for name, array in golden.group("operand").items()
    }
