"""Kernels that are frozen, and adapted by a change of low rank."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError
from graftwork import layers, ops

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(6, 5, 4)).astype("float32")
NUMBERS = DRAW.integers(0, 7, (6, 5))
KINDS: dict[str, tuple[Any, Any, str]] = {
    "Dense": (lambda **k: layers.Dense(3, **k), X, "kernel"),
    "Embedding": (lambda **k: layers.Embedding(7, 3, **k), NUMBERS, "embeddings"),
    "EinsumDense": (lambda **k: layers.EinsumDense("abc,cd->abd", (None, 3), **k), X, "kernel"),
    "Conv1D": (lambda **k: layers.Conv1D(3, 2, **k), X, "kernel"),
    "Conv2D": (lambda **k: layers.Conv2D(3, 2, **k), X[..., None], "kernel"),
    "Conv3D": (lambda **k: layers.Conv3D(2, 1, **k), X[..., None, None], "kernel"),
}  # fmt: skip


def adapted(kind: str, **settings: Any) -> Any:
    """Return a layer with a change that is not zero, and its input."""
    make, x, name = KINDS[kind]
    layer = make(**settings)
    layer(x)
    if not layer.lora_enabled:
        layer.enable_lora(2, lora_alpha=6.0)
    part = getattr(layer, f"lora_{name}_b")
    part.assign(DRAW.normal(size=part.shape).astype("float32"))
    return layer, x, name


@pytest.mark.parametrize("kind", KINDS)
def test_it_computes_with_the_sum_and_trains_the_change_alone(kind: str) -> None:
    layer, x, name = adapted(kind)
    make = KINDS[kind][0]
    plain = make()
    plain(x)
    whole = getattr(layer, name).numpy() + 3 * (
        getattr(layer, f"lora_{name}_a").numpy() @ getattr(layer, f"lora_{name}_b").numpy()
    )
    rest = [w.numpy() for w in layer.weights if w.name == "bias"]
    plain.set_weights([whole, *rest])
    np.testing.assert_allclose(
        layer(x).detach().numpy(), plain(x).detach().numpy(), rtol=1e-4, atol=1e-5
    )
    trained = [w.name for w in layer.trainable_weights]
    assert trained == [*["bias"] * len(rest), f"lora_{name}_a", f"lora_{name}_b"]
    ops.sum(layer(x) ** 2).backward()
    assert getattr(layer, name).grad is None
    assert all(np.abs(w.grad.numpy()).max() > 0 for w in layer.trainable_weights)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_changes_at_first_and_settings_make_it_too(kind: str) -> None:
    make, x, name = KINDS[kind]
    layer = make()
    before = layer(x).detach().numpy()
    assert "lora_rank" not in layer.get_config()
    layer.enable_lora(3)
    np.testing.assert_array_equal(layer(x).detach().numpy(), before)
    config = layer.get_config()
    assert (config["lora_rank"], config["lora_alpha"]) == (3, 3)
    again = type(layer).from_config(config)
    again(x)
    assert getattr(again, f"lora_{name}_a").shape[-1] == 3 and not getattr(again, name).trainable


def model(**settings: Any) -> Any:
    return gw.Sequential(
        [gw.Input((5,), dtype="int32"), layers.Embedding(7, 3, name="e", **settings),
         layers.Flatten(), layers.Dense(4, name="d", **settings)]
    )  # fmt: skip


@pytest.mark.parametrize("ending", [".keras", ".weights.h5", ".safetensors", ".pth"])
def test_files_hold_the_sum_or_both(ending: str, tmp_path: Path) -> None:
    made, path = model(), tmp_path / f"m{ending}"
    for one in ("e", "d"):
        layer = made.get_layer(one)
        layer.enable_lora(2)
        part = getattr(layer, f"lora_{layer.adapted}_b")
        part.assign(DRAW.normal(size=part.shape))
    wanted = made.predict(NUMBERS, verbose=0)
    made.save(path) if ending == ".keras" else made.save_weights(path)
    if ending == ".keras":
        found = gw.saving.load_model(path)
        assert found.get_layer("d").lora_enabled and not found.get_layer("d").kernel.trainable
    else:
        found = model(lora_rank=2)
        for one in (found.get_layer("e").lora_embeddings_b, found.get_layer("d").lora_kernel_b):
            one.assign(np.ones(one.shape))
        found.load_weights(path)
    np.testing.assert_allclose(found.predict(NUMBERS, verbose=0), wanted, rtol=1e-4, atol=1e-5)
    if ending != ".safetensors":
        plain = model()
        made.save_weights(tmp_path / "w.weights.h5")
        plain.load_weights(tmp_path / "w.weights.h5")
        np.testing.assert_allclose(plain.predict(NUMBERS, verbose=0), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("eager", [True, False])
def test_fit_trains_it(eager: bool) -> None:
    gw.set_random_seed(1)
    made = model()
    for one in ("e", "d"):
        made.get_layer(one).enable_lora(2)
    frozen = made.get_layer("d").kernel.numpy()
    made.compile(gw.optimizers.Adam(0.05), "mse", run_eagerly=eager)
    goal = NUMBERS[:, :4].astype("float32")
    losses = made.fit(NUMBERS, goal, epochs=12, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    np.testing.assert_array_equal(made.get_layer("d").kernel.numpy(), frozen)


def test_what_cannot_be_adapted() -> None:
    with pytest.raises(ConfigError, match="must be built before it is adapted"):
        layers.Dense(2).enable_lora(2)
    layer = layers.Dense(2)
    layer(X)
    layer.enable_lora(1)
    with pytest.raises(ConfigError, match="can be adapted only once; got lora_rank=1"):
        layer.enable_lora(1)
    bound = layers.Dense(2, kernel_constraint="non_neg")
    bound(X)
    with pytest.raises(ConfigError, match="a kernel that is adapted has no constraint"):
        bound.enable_lora(1)
    with pytest.raises(ConfigError, match="rank must be a positive integer"):
        adapted("Dense")[0].__class__(2, lora_rank=0)
