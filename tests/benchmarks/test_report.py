"""What the benchmarks count and conclude; how fast anything is is not tested."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import report, runner
from benchmarks.flops import Work, dense, inference, resnet18, training
from benchmarks.machine import Ceilings, Usage
from benchmarks.peers import ORDINARY, PEERS
from benchmarks.runner import Measured, measure
from benchmarks.workloads import WORKLOADS
from graftwork.applications import ResNet18

CEILINGS = Ceilings("a processor", 2, {"float32": 100.0}, {"float32": "numpy"}, 10.0)


def outcome(**seconds: list[float]) -> report.Outcome:
    peers = [Measured(name.replace("_", "-"), seconds=found) for name, found in seconds.items()]
    return report.Outcome(WORKLOADS["mlp"], peers)


def test_the_ratio_is_that_of_the_fastest_peer() -> None:
    found = outcome(graftwork=[1.0, 9.0, 2.0], torch=[8.0], torch_best=[5.0, 6.0, 50.0])
    assert found.fastest is not None
    assert found.fastest.peer == "torch-best"
    assert found.ratio == pytest.approx(3.0)


def test_without_us_there_is_no_ratio() -> None:
    assert outcome(graftwork=[], torch=[1.0]).ratio is None
    assert outcome(graftwork=[1.0]).ratio is None


def test_quartiles_are_those_between_the_repeats() -> None:
    assert Measured("torch", seconds=[5.0, 1.0, 2.0, 4.0, 3.0]).quartiles == (2.0, 4.0)


def test_memory_is_held_against_the_leanest_form_of_pytorch() -> None:
    found = outcome(graftwork=[1.0], torch=[1.0], torch_best=[1.0], keras_torch=[1.0])
    for one, peak in zip(found.peers, (160, 300, 200, 10), strict=True):
        one.ready, one.peak = 0, peak
    assert found.memory_ratio == pytest.approx(0.8)


def test_the_multiplications_of_resnet18_are_those_of_its_weights() -> None:
    products = resnet18(1, 1000)
    assert sum(one.weights for one in products) == sum(
        weight.size for weight in ResNet18().weights if len(weight.shape) > 1
    )
    assert inference(products, 0).flops == pytest.approx(2 * 1.814e9, rel=1e-3)


def test_a_training_step_is_three_products_without_the_gradient_of_the_data() -> None:
    products = [dense(32, 784, 128), dense(32, 128, 10)]
    work = training(products, 32 * 784, slots=2)
    assert work.flops == 2 * 32 * (2 * 784 * 128 + 3 * 128 * 10)
    assert work.bytes == 4 * (10 * (784 * 128 + 128 * 10) + 32 * 784)


def test_the_roofline_is_the_slower_of_the_two_ceilings() -> None:
    assert CEILINGS.least_seconds(Work(2e11, 1e9)) == pytest.approx(2.0)
    assert CEILINGS.least_seconds(Work(2e11, 5e10)) == pytest.approx(5.0)
    assert CEILINGS.least_seconds(Work(1.0, 1.0, "bfloat16")) is None


def test_a_lower_measurement_tells_of_a_disturbance() -> None:
    busy = replace(CEILINGS, matmul={"float32": 50.0}, memory=12.0)
    highest = CEILINGS.highest(busy)
    assert (highest.matmul["float32"], highest.memory) == (100.0, 12.0)
    assert highest.share(busy) == pytest.approx(0.5)


def test_what_others_compute_is_what_is_not_ours() -> None:
    before, after = Usage(100.0, 10.0, 5.0), Usage(112.0, 14.0, 9.0)
    assert after.others_since(before) == pytest.approx(2.0)
    busy = replace(outcome(graftwork=[1.0]), others=2.0)
    assert "other processes kept 2.0 processors busy" in report.block(busy, CEILINGS)
    assert "disturbed" not in report.block(replace(busy, others=0.01), CEILINGS)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(12.0, "12.0 s"), (0.5, "500 ms"), (0.00123, "1.23 ms"), (4.56e-5, "45.6 µs"), (None, "–")],
)
def test_durations_have_three_digits(seconds: float | None, written: str) -> None:
    assert report.duration(seconds) == written


def test_turns_are_interleaved(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = []

    class Silent:
        def __init__(self, workload: str, peer: runner.Peer, quick: bool) -> None:
            self.peer = peer.name

        def answer(self) -> dict[str, int]:
            return {"baseline": 1, "ready": 2}

        def ask(self, kind: str) -> dict[str, float]:
            turns.append((kind, self.peer))
            return {"seconds": 9.0 if self.peer == "torch" else 1.0, "peak": 5, "units": 1}

        def end(self) -> None:
            turns.append(("end", self.peer))

    monkeypatch.setattr(runner, "Process", Silent)
    monkeypatch.setattr(runner, "REST", 0)
    monkeypatch.setattr(runner.Peer, "missing", lambda self: "")
    found = measure(
        WORKLOADS["mlp"], ["graftwork", "torch", "torch-best"], 3, True, lambda text: None
    )
    repeats = [peer for kind, peer in turns if kind == "repeat"]
    assert repeats[:6] == ["graftwork", "torch", "torch-best", "torch", "torch-best", "graftwork"]
    assert repeats[6:] == ["torch-best", "graftwork"]  # the third is hopeless by now
    assert [len(one.seconds) for one in found] == [3, 2, 3]
    assert [one.growth for one in found] == [3, 3, 3]
    assert [kind for kind, _ in turns[-3:]] == ["end"] * 3


def test_our_own_process_measures_and_writes(tmp_path: Path) -> None:
    found = measure(WORKLOADS["predict-row"], ["graftwork"], 2, True, lambda text: None)
    assert found[0].missing == ""
    assert len(found[0].seconds) == 2
    assert found[0].first is not None
    whole = report.Outcome(WORKLOADS["predict-row"], found)
    assert "graftwork" in report.block(whole, CEILINGS)
    assert json.loads(json.dumps(report.as_json(whole, CEILINGS)))["peers"][0]["units"] == 20
    assert "not measured" in report.summary([whole])


def test_a_process_that_fails_says_why() -> None:
    missing = replace(PEERS["graftwork"], name="graftwork", family="graftwork")
    process = runner.Process("no such workload", missing, True)
    with pytest.raises(runner.Failed, match="no such workload"):
        process.answer()
    process.end()


def test_every_peer_is_asked_for_unless_it_must_be_named() -> None:
    assert set(PEERS) - set(ORDINARY) == {"torch-compile"}
