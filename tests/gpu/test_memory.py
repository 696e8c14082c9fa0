"""Memory of the GPU: none is lost over many steps, and what is said where there is too little."""

import gc
from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad.errors import OutOfMemoryError

pytestmark = pytest.mark.gpu


def test_nothing_grows_over_a_thousand_steps() -> None:
    with gw.device("gpu"):
        model = gw.Sequential(
            [gw.layers.Input((32,)), gw.layers.Dense(64, activation="relu"), gw.layers.Dense(8)]
        )
        model.compile("adam", "mse")
    x, y = np.zeros((64, 32), "float32"), np.zeros((64, 8), "float32")
    seen: list[int] = []
    for step in range(1_100):
        model.train_on_batch(x, y)
        if step in (100, 1_099):
            gc.collect()
            graftgrad.cuda.synchronize()
            seen.append(graftgrad.cuda.memory_allocated())
    assert seen[1] <= seen[0]


def test_a_graph_with_gradients_is_let_go_of() -> None:
    x = graftgrad.randn(256, 256, device="gpu", requires_grad=True)
    (x @ x).tanh().sum().backward()
    before = graftgrad.cuda.memory_allocated()
    for _ in range(100):
        x.grad = None
        (x @ x).tanh().sum().backward()
    assert graftgrad.cuda.memory_allocated() <= before


def test_too_much_is_asked_for_and_all_goes_on() -> None:
    _, total = graftgrad.cuda.mem_get_info()
    kept = graftgrad.ones(1000, device="gpu")
    with pytest.raises(OutOfMemoryError) as caught:
        graftgrad.empty(total, dtype="uint8", device="gpu")
    told = str(caught.value)
    assert told.startswith("gpu:0: there must be memory for an array")
    for part in ("asked=", "free=", "total=", "held by arrays=", "Take a smaller batch"):
        assert part in told
    assert float(kept.sum()) == 1000


def test_statistics() -> None:
    graftgrad.cuda.empty_cache()
    before = graftgrad.cuda.memory_allocated()
    graftgrad.cuda.reset_peak_memory_stats()
    held: Any = graftgrad.empty(1 << 20, device="gpu")
    assert graftgrad.cuda.memory_allocated() == before + (4 << 20)
    del held
    assert graftgrad.cuda.memory_allocated() == before
    assert graftgrad.cuda.max_memory_allocated() >= before + (4 << 20)
    reserved = graftgrad.cuda.memory_reserved()
    graftgrad.cuda.empty_cache()
    assert graftgrad.cuda.memory_reserved() < reserved
    assert graftgrad.cuda.get_device_name() in graftgrad.cuda.memory_summary()
