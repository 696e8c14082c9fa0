"""The benchmarks of a GPU as far as a CPU reaches: that they say so, and what they print."""

import sys

import pytest

from benchmarks.gpu import __main__ as command
from benchmarks.gpu.workloads import WORKLOADS
from graftgrad.device import find


def test_without_a_gpu_it_says_so_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(find, "missing", lambda: "no driver of an NVIDIA GPU")
    monkeypatch.setattr(sys, "argv", ["benchmarks.gpu"])
    command.main()
    assert capsys.readouterr().out == (
        "bench-gpu: nothing was measured: no driver of an NVIDIA GPU\n"
    )


def test_turns_of_a_form_are_joined() -> None:
    turns = [{"milliseconds": [1.0, 3.0], "peak": 5}, {"milliseconds": [2.0], "peak": 7}]
    assert command.joined(turns) == {"milliseconds": [1.0, 3.0, 2.0], "median": 2.0, "peak": 7}
    assert command.joined([{"missing": "a"}, {"missing": "b"}]) == {"missing": "b"}


def test_ratios_are_held_against_what_is_wanted() -> None:
    found = {
        "graftwork": {"median": 2.0, "peak": 1 << 20},
        "torch": {"median": 3.0, "peak": 1 << 21},
        "torch-compile": {"missing": "torch not installed"},
        "torch-graphs": {"median": 1.0, "peak": 1 << 21},
    }
    text = command.block(WORKLOADS["resnet50-32-bfloat16"], found)
    lines = [line.split() for line in text.splitlines()]
    assert lines[0] == ["resnet50-32-bfloat16"]
    assert lines[2] == ["graftwork", "2.000", "16,000", "1", "MiB", "–", "–", "–"]
    assert lines[3] == ["torch", "3.000", "10,667", "2", "MiB", "1.50", "≥", "1.3", "yes"]
    assert lines[4] == ["torch-compile", "torch", "not", "installed"]
    assert lines[5] == ["torch-graphs", "1.000", "32,000", "2", "MiB", "0.50", "–", "–"]
