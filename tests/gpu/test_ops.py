"""Every case of every op on the GPU: values, gradients of both orders, as on the CPU."""

from typing import Any

import pytest

from graftgrad.device import find
from graftgrad.errors import DTypeError
from graftgrad.kernel import only_reference
from support.declaration import Case
from support.elsewhere import check_elsewhere, computed, converted
from support.every_case import cases

pytestmark = pytest.mark.gpu


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each case; where there is no GPU the cases are not even looked for."""
    found: list[Any] = [None] if find.missing() else list(cases())
    metafunc.parametrize("case", found, ids=lambda case: "every" if case is None else str(case))


def test_double_precision(case: Case) -> None:
    check_elsewhere(case, "gpu")


def test_reference_bodies(case: Case) -> None:
    with only_reference():
        check_elsewhere(case, "gpu")


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_shorter_numbers(case: Case, dtype: str) -> None:
    try:  # what the CPU refuses is refused
        computed(case, "cpu", converted(case.arrays(), dtype))
    except DTypeError as refused:
        with pytest.raises(DTypeError):
            computed(case, "gpu", converted(case.arrays(), dtype))
        pytest.skip(f"{dtype} is refused: {refused}")
    check_elsewhere(case, "gpu", dtype)
