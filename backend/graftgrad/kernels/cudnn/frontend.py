"""The one door to cuDNN's frontend: it is found, plans are made and kept, and they are run.

A problem says what is computed, in plain numbers; a target, for which device. Plans are kept in
memory, and serialised in the user's cache (see `store`), since some take seconds to compile. Plans
are deterministic: engines that add up in any order are left out.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from typing import Any, Protocol

from ...device.base import Device
from ...device.foreign import imported, in_one_line, unwarned
from ...errors import LibraryError, expect
from ...kernel import Call, Kernel, decline
from ...spec import DType, bfloat16, float16, float32, float64
from .store import Store

LEAST = (1, 32)  # version of the frontend
NAMES: dict[DType, str] = {
    bfloat16: "BFLOAT16", float16: "HALF", float32: "FLOAT", float64: "DOUBLE"
}  # fmt: skip
# Engines that the frontend compiles itself where NVIDIA's CUTLASS is installed: nobody promises
# that their launches can be recorded, nor that they add up in one order. The library computes.
OTHER_ENGINES = ("sdpa_fwd_", "sdpa_bwd_", "norm_fprop_", "norm_bprop_", "frost_")
INSTALL = (
    "pip install nvidia-cudnn-cu13 cuda-bindings (with CUDA 12: nvidia-cudnn-cu12 and "
    "'cuda-bindings<13'); pip install --no-deps nvidia-cudnn-frontend"
)


class Problem(Protocol):
    """What is to be computed. Tensors have the numbers 1, 2, … in the order of their addresses."""

    @property
    def dtype(self) -> str:
        """The name of the element type."""

    def build(self, maker: Maker) -> None:
        """Describe the computation to the frontend."""


class UnplannedError(LibraryError):
    """The library has no plan for a problem."""


@cache
def _found() -> tuple[Any, str]:
    if importlib.util.find_spec("cudnn") is None:
        return None, f"no cuDNN frontend; {INSTALL}"
    try:
        load = imported("cuda.pathfinder").load_nvidia_dynamic_lib
        for name in ("nvrtc", "cublas", "cublasLt"):  # cuDNN asks the loader for them by name
            load(name)
        cudnn = imported("cudnn")
        version = tuple(int(part) for part in cudnn.__version__.split(".")[:2])
        if version < LEAST:
            return None, f"the cuDNN frontend is {cudnn.__version__}, older than 1.32"
        cudnn.backend_version()
    except Exception as failure:  # a library that is absent or too old shows itself in many ways
        return None, f"no cuDNN ({in_one_line(failure)})"
    return cudnn, ""


def why_not() -> str:
    """Say why cuDNN cannot be used; an empty string where it can."""
    return _found()[1]


def frontend() -> Any:
    """Return the frontend's module.

    Raises:
        LibraryError: there is none.
    """
    module, reason = _found()
    if module is None:
        raise LibraryError(f"cuDNN: the frontend must be found; got {reason}.")
    return module


class Maker:
    """Describes tensors to the frontend, numbered as they come."""

    def __init__(self, graph: Any, dtype: str) -> None:
        self.graph = graph
        self.dtype = dtype
        self.types = frontend().data_type
        self.count = 0
        self.scalars: dict[int, float] = {}

    def type_of(self, dtype: str | None) -> Any:
        """Return the frontend's name of an element type; that of the problem if None."""
        names = {str(kind): name for kind, name in NAMES.items()}
        return getattr(self.types, names[dtype or self.dtype])

    def given(self, sizes: Sequence[int], steps: Sequence[int], dtype: str | None = None) -> Any:
        """Describe the next operand."""
        self.count += 1
        return self.graph.tensor(
            dim=list(sizes), stride=list(steps), data_type=self.type_of(dtype), uid=self.count
        )

    def number(self, value: float, axes: int = 4) -> Any:
        """Describe a number of the host, which is no operand."""
        self.count += 1
        self.scalars[self.count] = value
        return self.graph.tensor(
            dim=[1] * axes, stride=[1] * axes, data_type=self.types.FLOAT,
            is_pass_by_value=True, uid=self.count,
        )  # fmt: skip

    def result(
        self, made: Any, sizes: Sequence[int], steps: Sequence[int], dtype: str | None = None
    ) -> None:
        """Say that a tensor is the next result."""
        self.count += 1
        made.set_output(True).set_data_type(self.type_of(dtype))
        made.set_dim(list(sizes)).set_stride(list(steps)).set_uid(self.count)


def nobody() -> None:
    """Return no handle: nothing can be run on a device of which there is only a description."""


@dataclass
class Target:
    """What plans are made for: a GPU with a handle of the library, or the description of one.

    Attributes:
        name: what tells targets apart in the cache.
        options: what graphs are made with.
        current: returns the library's state for the stream on which this thread computes now.
        store: where plans are kept.
    """

    name: str
    options: Mapping[str, Any]
    current: Callable[[], Any] = nobody
    store: Store | None = None
    lock: Any = field(default_factory=threading.RLock)


class Planned:
    """A problem with the plan that the library made for it.

    Attributes:
        workspace: bytes of working space.
        engine: what the library calls the way it computes, where it says so.
    """

    def __init__(self, graph: Any, target: Target, maker: Maker, engine: str) -> None:
        self.graph, self.target, self.engine = graph, target, engine
        self.workspace: int = graph.get_workspace_size()
        self.numbers = {uid: ctypes.c_float(value) for uid, value in maker.scalars.items()}
        self.operands = [uid for uid in range(1, maker.count + 1) if uid not in self.numbers]

    @cached_property
    def fixed(self) -> dict[int, int]:
        """The addresses of numbers of the host."""
        return {uid: ctypes.addressof(number) for uid, number in self.numbers.items()}

    def step(self, arrays: Sequence[Any], workspace: Any) -> Callable[[], None]:
        """Return a step that computes with these arrays, in the order of the problem's tensors."""
        places = [array.data.ptr for array in arrays]
        pack = self.fixed | dict(zip(self.operands, places, strict=True))
        room = workspace.data.ptr if self.workspace else 0
        step = partial(self._run, pack, room)
        step.__dict__["keeps"] = arrays, workspace
        return step

    def _run(self, pack: dict[int, int], room: int) -> None:
        target = self.target
        with target.lock:  # a stream's handle is for one thread at a time
            self.graph.execute(pack, room, handle=target.current())


_plans: dict[tuple[str, Problem, bool], Planned | UnplannedError] = {}
_making = threading.RLock()


def planned(problem: Problem, target: Target, strict: bool = False) -> Planned:
    """Return the plan of a problem for a target, made once.

    Args:
        problem: what is computed.
        target: for which device.
        strict: whether float32 must be multiplied in full, without tensor cores.
    Raises:
        UnplannedError: the library has none; the reason is the library's.
    """
    key = target.name, problem, strict
    with _making:
        known = _plans.get(key)
        if known is None:
            try:
                known = _read(problem, target, strict) or _made(problem, target, strict)
            except UnplannedError as error:
                known = error
            _plans[key] = known
    if isinstance(known, UnplannedError):
        raise known
    return known


def _described(problem: Problem, target: Target) -> tuple[Any, Maker]:
    cudnn = frontend()
    kind = cudnn.data_type
    single = kind.DOUBLE if problem.dtype == "float64" else kind.FLOAT
    graph = cudnn.pygraph(intermediate_data_type=single, compute_data_type=single, **target.options)
    maker = Maker(graph, problem.dtype)
    problem.build(maker)
    return graph, maker


def _made(problem: Problem, target: Target, strict: bool) -> Planned:
    cudnn = frontend()
    left_out = [cudnn.numerical_note.NONDETERMINISTIC]
    if strict:
        left_out.append(cudnn.numerical_note.TENSOR_CORE)
    try:
        with unwarned():
            graph, maker = _described(problem, target)
            graph.validate()
            graph.build_operation_graph()
            graph.deselect_engines(list(OTHER_ENGINES))
            graph.create_execution_plans([cudnn.heur_mode.A, cudnn.heur_mode.FALLBACK])
            graph.deselect_numeric_notes(left_out)
            graph.check_support()
            graph.build_plans()
            made = Planned(graph, target, maker, _engine(graph))
    except Exception as failure:  # whatever it is, another body computes the same
        raise UnplannedError(f"cuDNN has no plan: {in_one_line(failure)}") from failure
    if target.store is not None:
        with contextlib.suppress(Exception):  # a plan that cannot be kept is made anew
            target.store.write(_name(problem, target, strict), graph.serialize(as_bytes=True))
    return made


def _engine(graph: Any) -> str:
    """Return what the library calls the way it computes.

    Raises:
        LibraryError: it is not the library that would compute.
    """
    other = graph.selected_engine
    expect(other is None, "cuDNN", "the library itself must compute", error=LibraryError,
           engine=getattr(other, "name", ""))  # fmt: skip
    names = map(graph.get_plan_name_at_index, range(graph.get_execution_plan_count()))
    return next((str(name) for name in names if not str(name).startswith(OTHER_ENGINES)), "")


def _read(problem: Problem, target: Target, strict: bool) -> Planned | None:
    """Return the plan that is kept on disk, if there is one that can be read."""
    if target.store is None:
        return None
    kept = target.store.read(_name(problem, target, strict))
    if kept is None:
        return None
    try:
        _, maker = _described(problem, target)
        graph = frontend().pygraph(**target.options)
        handle = target.current()
        if handle is None:
            graph.deserialize(kept)
        else:
            graph.deserialize(handle, kept)
        return Planned(graph, target, maker, "kept on disk")
    except Exception:  # damaged, or of another version after all
        return None


def _name(problem: Problem, target: Target, strict: bool) -> str:
    return f"{target.name} {problem!r} {'strict' if strict else ''}"


def version() -> str:
    """Return the versions of the frontend and of the library."""
    cudnn = frontend()
    return f"cuDNN {cudnn.backend_version_string()}, frontend {cudnn.__version__}"


def told() -> str:
    """Return the versions, or why the library is not used."""
    reason = why_not()
    return f"not used: {reason}" if reason else version()


def described_target(description: str, capability: int) -> Target:
    """Return a target for which plans can be made without such a device.

    Args:
        description: the device's properties, in the library's JSON form.
        capability: its compute capability, for example 90.
    """
    cudnn = frontend()
    properties = cudnn.create_device_properties(description)
    options = {"device_property": properties, "sm_version": capability}
    return Target(f"{version()} sm_{capability} described", options)


_targets: dict[Device, Target] = {}
_handles: dict[tuple[Device, int], Any] = {}


def target_of(device: Device) -> Target:
    """Return the target of a device, made once."""
    known = _targets.get(device)
    if known is None:
        place: Any = device
        title = f"{version()} {place.title} {place.capability}"
        current = partial(_current, device)
        options = {"handle": current()}
        known = _targets.setdefault(device, Target(title, options, current, Store.of_user()))
    return known


def _current(device: Device) -> Any:
    """Return the handle of the device's own stream, or of one on which a graph is recorded."""
    stream = device.xp.cuda.get_current_stream().ptr
    known = _handles.get((device, stream))
    if known is None:
        cudnn = frontend()
        known = cudnn.create_handle()
        cudnn.set_stream(known, stream)
        known = _handles.setdefault((device, stream), known)
    return known


def offered(call: Call, reason: str, build: Callable[[Call, Target], Kernel]) -> Kernel | None:
    """Offer the body that `build` makes for the call's device, or decline and say why.

    Args:
        call: what is to be computed.
        reason: why the library cannot; empty where it may.
        build: returns the body for a target, or raises UnplannedError.
    """
    if not reason:
        try:
            return build(call, target_of(call.device))
        except UnplannedError as error:
            reason = str(error)
    decline(call, reason)
    return None
