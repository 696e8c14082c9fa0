"""EfficientNets and ConvNeXts beside Keras' own: parameters, order of weights, outputs."""

from typing import Any

import numpy as np
import pytest

from graftwork import applications
from support.golden import GoldenCase, family
from support.networks import order, shown
from support.scaled_networks import filled, listed, pixels

QUICK = {"EfficientNetB0", "EfficientNetV2B0", "ConvNeXtTiny"}


def marked(case: GoldenCase) -> Any:
    quick = case.class_name in QUICK and case.settings.get("pooling") == "avg"
    return pytest.param(case, id=str(case), marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize("case", [marked(case) for case in family("scaled_networks")])
def test_networks_compute_what_keras_computes(case: GoldenCase) -> None:
    settings = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in case.settings.items()
    }
    model = getattr(applications, case.class_name)(weights=None, **settings)
    assert model.count_params() == case.facts["parameters"]
    weights = listed((path, weight.shape) for path, weight in model.named_weights())
    assert order(weights) == case.facts["order"]
    model.set_weights(filled(weights))
    found = model.predict(pixels(), verbose=0)
    assert list(found.shape) == case.facts["shape"]
    wanted = case["output"]
    np.testing.assert_allclose(
        shown(found), wanted, rtol=1e-4, atol=1e-4 * float(np.abs(wanted).max())
    )
