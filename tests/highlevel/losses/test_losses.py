"""Losses against Keras: values, every reduction, sample weights, gradients; and their errors."""

from typing import Any

import graftgrad
import graftwork
import numpy as np
import pytest
from graftgrad.errors import ConfigError, DataError, ShapeError
from graftwork import losses
from support.golden import GoldenCase, cases

EACH = pytest.mark.parametrize("golden", cases("losses"), ids=str)


@pytest.mark.parametrize("reduction", ["none", "sum", "sum_over_batch_size", "mean_with_sample_weight"])
@EACH
def test_value_and_gradient_are_those_of_keras(golden: GoldenCase, reduction: str) -> None:
    dtype = golden.facts["dtype"]
    loss = getattr(losses, golden.class_name)(reduction=reduction, **golden.settings)
    y_pred = graftgrad.tensor(golden["y_pred"].astype(dtype), requires_grad=True)
    weight = golden["sample_weight"].astype(dtype) if "sample_weight" in golden else None
    value = loss(golden["y_true"], y_pred, sample_weight=weight)
    close = {"rtol": 1e-9, "atol": 1e-11} if dtype == "float64" else {"rtol": 2e-5, "atol": 1e-6}
    np.testing.assert_allclose(value.detach().numpy(), golden[f"value/{reduction}"], **close)
    value.backward(golden["cotangent/none"].astype(dtype) if reduction == "none" else None)
    assert y_pred.grad is not None
    np.testing.assert_allclose(y_pred.grad.numpy(), golden[f"gradient/{reduction}"], **close)
