"""What is public in both packages, and that importing them stays light."""

import subprocess
import sys
from pathlib import Path

import pytest

import graftgrad
import graftwork

HEAVY = (
    "PIL",
    "torch",
    "keras",
    "jax",
    "tensorflow",
    "cupy",
    "pandas",
    "sklearn",
    "matplotlib",
    "scipy",
)
EXPECTED = {
    "graftwork": """DTypePolicy Input Layer Model Sequential activations applications callbacks
        constraints data image_dataset_from_directory initializers layers losses metrics models
        optimizers
        register_keras_serializable regularizers set_random_seed __version__""",
    "graftwork.models": "Functional Model Sequential",
    "graftwork.callbacks": """CSVLogger Callback CallbackList EarlyStopping History LambdaCallback
        LearningRateScheduler ModelCheckpoint ReduceLROnPlateau TerminateOnNaN""",
    "graftwork.optimizers": """Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion LossScaleOptimizer
        MultiOptimizer Muon Nadam OptimizerMap RMSprop SGD ScheduleFreeAdamW schedules""",
    "graftwork.losses": """BinaryCrossentropy CategoricalCrossentropy Huber Loss MeanSquaredError
        SparseCategoricalCrossentropy get sparse_categorical_crossentropy""",
    "graftwork.metrics": "AUC F1Score Mean Metric Precision Recall SparseCategoricalAccuracy get",
    "graftgrad": "Tensor data enable_grad formats grad gradcheck no_grad ops optim tensor zeros",
}


@pytest.mark.parametrize("module", EXPECTED)
def test_expected_names_are_public(module: str) -> None:
    found = __import__(module, fromlist=["*"])
    assert set(EXPECTED[module].split()) <= set(found.__all__)
    for name in found.__all__:
        assert hasattr(found, name), f"{module}.__all__ names {name}, which is not there"


@pytest.mark.parametrize("package", [graftwork, graftgrad])
def test_lists_are_sorted_and_name_nothing_twice(package: object) -> None:
    names = package.__all__  # type: ignore[attr-defined]
    assert len(names) == len(set(names))


def test_the_version_is_that_of_the_distribution(repository: Path) -> None:
    text = (repository / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{graftwork.__version__}"' in text or 'dynamic = ["version"]' in text


def test_importing_loads_nothing_heavy() -> None:
    line = f"import sys, graftwork; print([m for m in {HEAVY!r} if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
