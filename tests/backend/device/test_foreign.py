"""Libraries of others: their warnings are no errors, and what they say of a failure is one line."""

import sys
import warnings
from pathlib import Path

import pytest

from graftgrad.device.foreign import imported, in_one_line


def test_what_warns_while_it_is_imported_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_warning_module.py").write_text(
        "import warnings\nwarnings.warn('old')\nX = 1\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert imported("a_warning_module").X == 1
    sys.modules.pop("a_warning_module")
    with pytest.raises(ModuleNotFoundError):
        imported("no_such_module_at_all")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "OSError"),
        ("\n  \n", "OSError"),
        ("no room\nat all", "OSError: no room"),
        (
            "\n=====\nFailed to import CuPy.\n\nOriginal error:\n  ImportError: libnvrtc.so.13\n",
            "OSError: ImportError: libnvrtc.so.13",
        ),
    ],
)
def test_a_failure_is_told_in_one_line(text: str, line: str) -> None:
    assert in_one_line(OSError(text)) == line
