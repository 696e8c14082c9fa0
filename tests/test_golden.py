"""The golden files: complete, small, and readable with numpy and json alone."""

import dataclasses
import json
import re

import numpy as np
import pytest

from support.golden import FOLDER, GoldenCase, cases, family

FAMILIES = sorted(path.stem for path in FOLDER.glob("*.json") if path.with_suffix(".npz").exists())
LARGEST = 1_600_000


@pytest.mark.parametrize("name", FAMILIES)
def test_every_case_is_named_once_and_its_arrays_hold_numbers(name: str) -> None:
    names = [case.name for case in cases(name)]
    assert names
    assert len(set(names)) == len(names)
    for case in cases(name):
        assert case.arrays, case.name
        for path, array in case.arrays.items():
            assert np.isfinite(array).all(), (case.name, path)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_index_names_its_script_and_its_versions(name: str) -> None:
    index = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    script = (FOLDER / index["made_by"]).read_text(encoding="utf-8")
    for package, number in index["versions"].items():
        assert re.search(rf"{package} {re.escape(number)}\b", script, re.IGNORECASE)


def test_the_model_files_named_in_the_index_are_there_and_no_other() -> None:
    named = {file for case in cases("saved") for file in case.facts["files"]}
    stored = {path.name for path in FOLDER.iterdir() if path.suffix in {".keras", ".h5"}}
    assert named | {"feature_space.keras", "tables.keras"} == stored


def test_the_golden_files_stay_small() -> None:
    sizes = {path.name: path.stat().st_size for path in FOLDER.iterdir() if path.is_file()}
    assert sum(sizes.values()) < LARGEST, sizes


def test_arrays_are_found_by_path_and_by_group() -> None:
    (case,) = (case for case in cases("layers", "Dense") if case.name == "Dense-0")
    assert list(case.group("weight")) == ["kernel", "bias"]
    assert [array.shape for array in case.series("input")] == [(3, 5)]
    expected = case["input/0"] @ case["weight/kernel"] + case["weight/bias"]
    np.testing.assert_allclose(case["output"], expected, rtol=1e-12)
    np.testing.assert_allclose(
        case["gradient/weight/kernel"], case["input/0"].T @ case["cotangent"], rtol=1e-12
    )
    assert "training/output" not in case


def test_a_case_cannot_be_changed() -> None:
    case = cases("layers")[0]
    with pytest.raises(ValueError, match="read-only"):
        case["output"][...] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        case.name = "other"  # type: ignore[misc]
    assert isinstance(case, GoldenCase)
    assert family("layers")[0] is case


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(LookupError, match="Dens"):
        cases("layers", "Dens")
    with pytest.raises(KeyError, match=r"Dense-0.*outptu"):
        cases("layers", "Dense")[0]["outptu"]
