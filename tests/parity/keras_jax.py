"""Keras on JAX, on this process' processor; imported nowhere else."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Every case compiles programs that run once: optimizing them would take longer than running them.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true",
)

jax = pytest.importorskip("jax", reason="parity needs Keras on JAX: pip install keras jax")
keras = pytest.importorskip("keras", reason="parity needs Keras on JAX: pip install keras jax")
if keras.backend.backend() != "jax":
    pytest.skip("parity needs Keras on JAX: set KERAS_BACKEND=jax", allow_module_level=True)
jax.config.update("jax_default_matmul_precision", "highest")

__all__ = ["jax", "keras"]
