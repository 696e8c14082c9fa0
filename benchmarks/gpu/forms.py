"""In which forms a workload runs, and how steps are timed: by events on the stream they run on."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

OURS = "graftwork"
EAGER, COMPILED, GRAPHS = "torch", "torch-compile", "torch-graphs"
FORMS = (OURS, EAGER, COMPILED, GRAPHS)
WARM = 12  # steps before anything is timed: plans, compilation, memory


@dataclass
class Made:
    """A workload made ready in one form.

    Attributes:
        step: does one unit; nothing is read from the device.
        wait: waits until all of it is done.
        time: returns the milliseconds that a function keeps the device's stream busy.
        peak: returns the bytes of device memory at most.
    """

    step: Callable[[], object]
    wait: Callable[[], object]
    time: Callable[[Callable[[], object]], float]
    peak: Callable[[], int]


def measured(made: Made, units: int, repeats: int, warms: bool) -> dict[str, Any]:
    """Warm up, then time repeats of some units each; milliseconds per unit."""
    for _ in range(WARM if warms else 1):
        made.step()
    made.wait()

    def several() -> None:
        for _ in range(units):
            made.step()

    times = [made.time(several) / units for _ in range(repeats)]
    return {"milliseconds": times, "median": statistics.median(times), "peak": made.peak()}


def ours(step: Callable[[], object]) -> Made:
    """Return a step of graftwork on the default GPU."""
    import cupy

    import graftgrad

    device: Any = graftgrad.device("gpu")
    graftgrad.cuda.reset_peak_memory_stats()

    def time(function: Callable[[], object]) -> float:
        begun, done = cupy.cuda.Event(), cupy.cuda.Event()
        device.enter()
        begun.record(device.stream)
        function()
        done.record(device.stream)
        done.synchronize()
        return float(cupy.cuda.get_elapsed_time(begun, done))

    return Made(step, device.synchronize, time, graftgrad.cuda.max_memory_allocated)


def theirs(step: Callable[[], object]) -> Made:
    """Return a step of PyTorch."""
    import torch

    torch.cuda.reset_peak_memory_stats()

    def time(function: Callable[[], object]) -> float:
        begun, done = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begun.record()
        function()
        done.record()
        done.synchronize()
        return float(begun.elapsed_time(done))

    return Made(step, torch.cuda.synchronize, time, torch.cuda.max_memory_allocated)


def torch_step(
    form: str,
    module: Any,
    optimizer: Callable[[Any, bool], Any],
    loss: Callable[[Any, Any], Any],
    x: Any,
    y: Any,
    bfloat16: bool,
) -> Made:
    """Return a training step as PyTorch's users write it, compiled, or recorded as a CUDA graph.

    `optimizer` receives the parameters, and whether its counters must lie on the device.
    """
    import torch

    forward = torch.compile(module) if form == COMPILED else module
    trained = [one for one in module.parameters() if one.requires_grad]
    stepper = optimizer(trained, form == GRAPHS)

    def step() -> Any:
        with torch.autocast("cuda", torch.bfloat16, enabled=bfloat16):
            value = loss(forward(x), y)
        stepper.zero_grad(set_to_none=True)
        value.backward()
        stepper.step()
        return value.detach()

    if form != GRAPHS:
        return theirs(step)
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return theirs(graph.replay)


@contextmanager
def on_gpu() -> Iterator[None]:
    """Let models and tensors of graftwork be made on the GPU."""
    import graftgrad

    with graftgrad.device("gpu"):
        yield
