"""Networks saved whole, and programs: read without the classes, and without running anything."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graftgrad import formats
from graftgrad.errors import FormatError
from graftgrad.formats import Limits
from graftgrad.formats.foreign_objects import Record
from graftgrad.formats.module_objects import Opener, pickled_parts
from graftgrad.formats.torch_objects import Storage, TensorRecord

GOLDEN = Path(__file__).parent / "golden"
WEIGHTS = np.load(GOLDEN / "modules.npz")
TENSOR = TensorRecord(Storage("0", np.dtype("f4"), 1, True), np.dtype("f4"), (1,), (1,), 0)


def same(path: Path, prefix: str = "", beside: tuple[str, ...] = (), **options: Any) -> None:
    with formats.open_torch(path, **options) as archive:
        found = [name for name in archive if name not in beside]
        wanted = [prefix + name for name in WEIGHTS]
        # torch.export lists all parameters before all buffers
        exported = archive.metadata["container"] == "export"
        assert sorted(found) == sorted(wanted) if exported else found == wanted
        for name in WEIGHTS:
            array = archive[prefix + name]
            assert array.dtype == WEIGHTS[name].dtype
            np.testing.assert_array_equal(array, WEIGHTS[name])


@pytest.mark.parametrize(
    "name", ["module_zip.pt", "module_old.pt", "module_parallel.pt", "program_export.pt2"]
)
def test_the_state_dict_is_that_of_pytorch(name: str) -> None:
    same(GOLDEN / name)
    assert formats.sniff(GOLDEN / name) == "torch"


@pytest.mark.parametrize("name", ["program_script.pt", "program_trace.pt"])
def test_the_weights_of_a_program_are_those_of_its_classes(name: str) -> None:
    same(GOLDEN / name, beside=("first.passing", "second.passing"))  # a program has them all
    with formats.open_weights(GOLDEN / name) as archive:
        assert archive.metadata["container"] == "script"
        assert len(archive) == len(WEIGHTS) + 2  # and none of the plain attributes


def test_a_frozen_program_has_constants() -> None:
    with formats.open_weights(GOLDEN / "program_frozen.pt") as archive:
        assert all(name.startswith("CONSTANTS.c") for name in archive)
        arrays = [archive[name] for name in archive]
    for name in ("first.lin.weight", "first.lin.bias"):
        assert any(np.array_equal(one, WEIGHTS[name]) for one in arrays)


def test_an_averaged_network_beside_an_optimizer() -> None:
    path = GOLDEN / "module_training.pt"
    same(path)
    same(path, key="ema")
    tree: Any = formats.read_checkpoint(path)
    assert tree["epoch"] == 3 and tree["model"] is None and tree["train_args"] == {"lr": 0.1}
    assert list(tree["ema"]) == list(WEIGHTS)
    optimizer, kind = tree["optimizer"], tree["kind"]
    assert repr(optimizer) == "ForeignObject(torch.optim.sgd.SGD)"
    assert optimizer.state["defaults"]["momentum"] == 0.9
    assert isinstance(optimizer.state["param_groups"][0]["params"][0], np.ndarray)
    assert kind.name.endswith(".Kind") and kind.arguments == ("small",) and kind.state is None


def test_lightning() -> None:
    path = GOLDEN / "module_lightning.ckpt"
    same(path, prefix="net.")
    tree: Any = formats.read_checkpoint(path)
    settings = tree["hyper_parameters"]
    assert settings["net"] == {}  # a module without weights
    assert settings["optimizer"].name == "functools.partial"
    assert settings["optimizer"].arguments == ("torch.optim.adam.Adam",)
    assert settings["optimizer"].state[2] == {"lr": 0.1}


def module(**parts: Any) -> Record:
    record = Record("m.Net", ())
    held = {"_parameters": {}, "_buffers": {}, "_modules": {}}
    record.build({**held, **{f"_{name}": value for name, value in parts.items()}})
    return record


def opened(record: Record, limits: Limits = Limits()) -> Any:  # noqa: B008
    return Opener("x.pt", limits, pickled_parts).opened(record)


def test_shared_modules_are_named_as_often_as_they_stand() -> None:
    inner = module(parameters={"w": TENSOR, "none": None})
    state = opened(module(modules={"a": inner, "b": inner, "c": None}))
    assert state == {"a.w": TENSOR, "b.w": TENSOR}


def test_a_module_of_fx_is_made_again_from_its_dictionary() -> None:
    held = {"_parameters": {"w": TENSOR}, "_buffers": {}, "_modules": {}}
    record = Record("torch.fx.graph_module.reduce_graph_module", (held, "import torch"))
    assert opened(record) == {"w": TENSOR}


def nested(levels: int) -> Record:
    inner = module(parameters={"w": TENSOR})
    for _ in range(levels):
        inner = module(modules={"a": inner})
    return inner


def doubled(levels: int) -> Record:
    inner = module(parameters={"w": TENSOR})
    for _ in range(levels):
        inner = module(modules={"a": inner, "b": inner})
    return inner


def circle() -> Record:
    held: dict[str, Any] = {}
    outer = module(modules={"a": module(modules=held)})
    held["b"] = outer
    return outer


def passing_list() -> Record:
    return module(buffers={"w": TENSOR}, non_persistent_buffers_set=["w"])


REFUSED: list[tuple[Record, str]] = [
    (circle(), "a module must not hold itself"),
    (nested(100), "at most max_depth=100 levels of modules"),
    (doubled(60), "at most max_tensors=100000 tensors of modules"),
    (module(modules={"a": 1}), "modules may only hold modules"),
    (module(modules={"a": Record("m.f", ())}), "modules may only hold modules; got type='m.f'"),
    (module(parameters={"w": Record("m.f", ())}), "may only hold plain tensors; got name='w'"),
    (module(parameters={3: TENSOR}), "what a module holds must have names"),
    (module(parameters={"w" * 1001: TENSOR}), "name has at most 1000 characters"),
    (module(parameters={"a.w": TENSOR}, modules={"a": module(parameters={"w": TENSOR})}),
     "no two tensors may have one name"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_trees_of_modules_are_bounded(record: Record, words: str) -> None:
    with pytest.raises(FormatError) as error:
        opened(record)
    assert words in str(error.value)


def test_modules_without_tensors_are_bounded() -> None:
    inner = module()
    for _ in range(60):
        inner = module(modules={"a": inner, "b": inner})
    with pytest.raises(FormatError, match="at most max_objects=1000000 modules"):
        opened(inner)


def test_what_is_no_set_hides_no_buffer() -> None:
    assert opened(passing_list()) == {"w": TENSOR}


def test_an_object_has_one_state() -> None:
    record = module()
    with pytest.raises(FormatError, match=r"m\.Net: an object may be given a state once"):
        record.build({})


def test_classes_of_dictionaries_and_lists_are_those() -> None:
    table, row = Record("m.Table", ()), Record("m.Row", ())
    table.keep_item("a", TENSOR)
    row.keep_elements([1])
    row.keep_elements([table])
    assert opened(row) == [1, {"a": TENSOR}]


def test_reading_imports_nothing() -> None:
    before = set(sys.modules)
    for path in (*GOLDEN.glob("module_*"), *GOLDEN.glob("program_*")):
        formats.read_checkpoint(path)
    assert not {name for name in set(sys.modules) - before if "graftgrad" not in name}
