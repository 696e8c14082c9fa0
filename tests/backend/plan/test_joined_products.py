"""Products and the bias that follows them are one launch, also where columns are several axes."""

from __future__ import annotations

import numpy as np
import pytest

import graftgrad as gg
from graftgrad import ops
from graftgrad.kernels.onednn import library
from graftgrad.plan import captured
from graftgrad.plan.products import trailing

pytestmark = pytest.mark.skipif(
    not library.available(), reason=f"oneDNN is not used: {library.why_not()}"
)


@pytest.mark.parametrize(
    ("shape", "bias", "joined"),
    [
        ((5, 7, 12), (12,), True),
        ((5, 7, 3, 4), (3, 4), True),
        ((5, 7, 3, 4), (4,), False),
        ((5, 7, 12), (7, 12), False),
    ],
)
def test_a_bias_over_all_columns_is_part_of_the_product(
    shape: tuple[int, ...], bias: tuple[int, ...], joined: bool
) -> None:
    random = np.random.default_rng(0)
    w = gg.tensor(random.normal(size=(8, 12)).astype(np.float32))
    b = gg.tensor(random.normal(size=bias).astype(np.float32))

    def step(x: gg.Tensor) -> gg.Tensor:
        return ops.reshape(ops.matmul(x, w), shape) + b

    called = captured(step)
    for _ in range(5):
        x = gg.tensor(random.normal(size=(35, 8)).astype(np.float32))
        np.testing.assert_array_equal(called(x).numpy(), step(x).numpy())
    assert called.replayed == 3
    assert ("FusedLinear" in called.report(timed=False)) == joined


def test_columns_are_found_among_the_last_axes() -> None:
    assert trailing((2, 3, 4), 12) == (3, 4)
    assert trailing((2, 3, 4), 4) == (4,)
    assert trailing((2, 3, 4), 6) == trailing((), 6) == ()
