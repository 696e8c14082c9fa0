"""Who may import whom: the floors of both houses, and what never enters a room."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = {"graftgrad": REPOSITORY / "backend", "graftwork": REPOSITORY / "highlevel"}

# From the ground up. A room imports from the floors below its own, never from its neighbours.
FLOORS: dict[str, list[set[str]]] = {
    "graftgrad": [
        {"decorator", "deferred", "errors"},
        {"modes"},
        {"anomaly", "formats", "spec"},
        {"device"},
        {"kernel"},
        {"node"},
        {"function"},
        {"ops"},
        {"engine", "inplace", "kernels"},
        {"tensor"},
        {"creation"},
        {
            *("checkpoint", "cuda", "custom", "data", "drawing", "fft", "flat", "functional"),
            *("func", "generator", "gradcheck", "linalg", "saved"),
        },
        {"graph"},
        {"autograd", "export", "flat_groups", "plan"},
        {"optim"},
        {""},
    ],
    "graftwork": [
        {"registry", "tables"},
        {"defaults", "rules", "tree"},
        {"policy", "seeds", "activations", "regularizers", "windows"},
        {"initializers", "constraints", "losses", "images"},
        {"weight"},
        {"layers", "metrics", "optimizers", "callbacks", "data", "distribution", "variable"},
        {"ops", "saving", "training"},
        {"models"},
        {
            *("applications", "config", "datasets", "distillation", "dtype_policies"),
            *("mixed_precision", "random", "visualization", "wrappers"),
        },
        {"backend"},
        {"preprocessing", "utils"},
        {""},
    ],
}
# What a room must not import although it lies below.
CLOSED = {
    "graftgrad.ops": {"graftgrad.device", "graftgrad.kernel"},
    "graftgrad.formats": {"graftgrad.modes"},
}
OF_KERAS = {"imagenet_utils", "utils"}  # public modules: a name there is a promise
ARRAY_FREE = ("layers", "losses", "metrics", "ops", "optimizers")
PEERS = {"torch", "keras", "tensorflow", "jax", "flax", "chainer", "pickle", "cPickle", "dill"}


@dataclass(frozen=True)
class Import:
    """One import statement: where it stands and what it names."""

    importer: str
    target: str
    line: int
    local: bool = False

    def __str__(self) -> str:
        return f"{self.importer} imports {self.target} (line {self.line})"


@cache
def modules() -> dict[str, Path]:
    """Every module of both packages and its file."""
    found = {}
    for package, source in SOURCES.items():
        for file in sorted((source / package).rglob("*.py")):
            parts = file.relative_to(source).with_suffix("").parts
            found[".".join(part for part in parts if part != "__init__")] = file
    return found


@cache
def imports() -> tuple[Import, ...]:
    """Every import that runs; those for type checkers alone do not."""
    return tuple(one for module, file in modules().items() for one in _imports(module, file))


def _imports(module: str, file: Path) -> Iterator[Import]:
    here = module.split(".") if file.name == "__init__.py" else module.split(".")[:-1]
    waiting: list[tuple[ast.AST, bool]] = [(ast.parse(file.read_text(encoding="utf-8")), False)]
    while waiting:
        node, local = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += [(child, local) for child in node.orelse]
            continue
        if isinstance(node, ast.Import):
            yield from (Import(module, name.name, node.lineno, local) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            lead = here[: len(here) - node.level + 1] if node.level else []
            start = ".".join([*lead, *([node.module] if node.module else [])])
            for name in node.names:
                whole = f"{start}.{name.name}"
                yield Import(module, whole if whole in modules() else start, node.lineno, local)
        inside = local or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        waiting += [(child, inside) for child in ast.iter_child_nodes(node)]


def room_of(module: str) -> tuple[str, str]:
    """The package and the room of it in which a module lies."""
    package, _, rest = module.partition(".")
    return package, rest.partition(".")[0]


def floor_of(module: str) -> int:
    package, room = room_of(module)
    for floor, rooms in enumerate(FLOORS[package]):
        if room in rooms:
            return floor
    raise LookupError(f"{module}: the room {room!r} has no floor; give it one in FLOORS")


def own(one: Import) -> bool:
    return room_of(one.target)[0] in SOURCES


def told(broken: list[Import]) -> str:
    return "\n".join(["", *map(str, broken)])


@pytest.mark.parametrize("module", [m for m in modules() if m])
def test_every_room_has_a_floor(module: str) -> None:
    assert floor_of(module) >= 0


def test_imports_run_downward() -> None:
    broken = []
    for one in imports():
        if not own(one):
            continue
        importer, target = room_of(one.importer), room_of(one.target)
        if importer == target:
            continue
        if importer[0] == target[0]:
            if floor_of(one.target) >= floor_of(one.importer):
                broken.append(one)
        elif importer[0] == "graftgrad":
            broken.append(one)
    assert not broken, told(broken)


def test_closed_rooms_stay_closed() -> None:
    broken = [
        one
        for one in imports()
        if ".".join(room_of(one.target)) in CLOSED.get(".".join(room_of(one.importer)), ())
    ]
    assert not broken, told(broken)


def test_formats_know_errors_alone() -> None:
    broken = [
        one
        for one in imports()
        if one.importer.startswith("graftgrad.formats")
        and own(one)
        and room_of(one.target)[1] not in ("formats", "errors", "deferred")
    ]
    assert not broken, told(broken)


def test_no_circles() -> None:
    edges: dict[str, set[str]] = {module: set() for module in modules()}
    for one in imports():
        if one.target in edges and one.target != one.importer:
            edges[one.importer].add(one.target)
    done: set[str] = set()
    for start in edges:
        _descend(start, edges, [], done)


def _descend(module: str, edges: dict[str, set[str]], path: list[str], done: set[str]) -> None:
    assert module not in path, f"a circle: {' -> '.join([*path[path.index(module) :], module])}"
    if module in done:
        return
    for target in sorted(edges[module]):
        _descend(target, edges, [*path, module], done)
    done.add(module)


def test_own_modules_are_imported_at_the_top() -> None:
    broken = [one for one in imports() if one.local and own(one)]
    assert not broken, told(broken)


def test_no_array_library_where_layers_and_losses_live() -> None:
    broken = [
        one
        for one in imports()
        if room_of(one.importer) in {("graftwork", room) for room in ARRAY_FREE}
        and one.target.partition(".")[0] in ("numpy", "cupy", "ctypes", "ml_dtypes", "scipy")
    ]
    assert not broken, told(broken)


def test_no_gpu_library_above() -> None:
    broken = [
        one
        for one in imports()
        if one.importer.startswith("graftwork")
        and one.target.partition(".")[0] in ("cupy", "ctypes")
    ]
    assert not broken, told(broken)


def test_no_peer_and_no_pickle() -> None:
    broken = [one for one in imports() if one.target.partition(".")[0] in PEERS]
    assert not broken, told(broken)


@pytest.mark.parametrize("word", ["util", "common", "misc", "helper", "_src"])
def test_every_file_has_a_subject(word: str) -> None:
    found = [file for file in modules().values() if word in file.stem]
    assert [str(file) for file in found if file.stem not in OF_KERAS] == []
