"""Networks beside Keras' own: as many parameters, in the same order, and the same outputs."""

from typing import Any

import numpy as np
import pytest

from graftwork import applications
from graftwork.saving.names import SEED_STATE
from support.golden import GoldenCase, family
from support.networks import drawn, order, picture, shown

# A case of each family; the others take longer.
QUICK = {"ResNet50", "ResNet50V2", "MobileNet", "MobileNetV2", "MobileNetV3Small"}


def marked(case: GoldenCase) -> Any:
    quick = case.class_name in QUICK and not case.settings.get("include_top", True)
    return pytest.param(case, id=str(case), marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize("case", [marked(case) for case in family("networks")])
def test_networks_compute_what_keras_computes(case: GoldenCase) -> None:
    settings = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in case.settings.items()
    }
    model = getattr(applications, case.class_name)(weights=None, **settings)
    assert model.count_params() == case.facts["parameters"]
    named = [(path, one) for path, one in model.named_weights() if one.name != SEED_STATE]
    shapes = [(path, one.shape) for path, one in named]
    assert order(shapes) == case.facts["order"]
    for (_, weight), array in zip(named, drawn(shapes), strict=True):
        weight.assign(array)
    found = model.predict(picture(96, 96), verbose=0)
    assert list(found.shape) == case.facts["shape"]
    wanted = case["output"]
    np.testing.assert_allclose(
        shown(found), wanted, rtol=1e-4, atol=1e-4 * float(np.abs(wanted).max())
    )
