"""The table of attacks: what each is known as, what its file does, and how the file is made.

Most files are those of tests/backend/formats/test_malicious.py (by kind and name of the row) and of
tests/highlevel/saving/test_hostile.py (by the name of the configuration).
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

TESTS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Attack:
    """One way to do harm by a file.

    Attributes:
        flaw: its number, or what it is known as.
        does: what the file does.
        make: writes the file into a folder and returns its path.
        ask: the entry point it is aimed at.
        told: what stands in the guide for the answer, where the answer says a name only.
        reads: whether the file is read all the same, without what it would do.
    """

    flaw: str
    does: str
    make: Callable[[Path], Path]
    ask: str = "open_weights"
    told: str = ""
    reads: bool = False


@cache
def neighbour(place: str) -> ModuleType:
    """Import a file of tests by its place."""
    name = f"hostile_{Path(place).stem}"
    spec = importlib.util.spec_from_file_location(name, TESTS / place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def malicious(kind: str, name: str, ending: str = "bin") -> Callable[[Path], Path]:
    """Make the file of a row of test_malicious.py."""

    def make(folder: Path) -> Path:
        module = neighbour("backend/formats/test_malicious.py")
        rows = [
            *module.TORCH,
            *module.MODULES,
            *module.SAFETENSORS,
            *module.NPZ,
            *module.HDF5,
            *module.KERAS,
        ]
        (row,) = [one for one in rows if one.kind.startswith(kind) and one.name == name]
        path = folder / f"model.{ending}"
        path.write_bytes(row.content())
        return path

    return make


def config(kind: str, ending: str = "keras") -> Callable[[Path], Path]:
    """Make a whole model with a configuration of test_hostile.py."""
    return whole(lambda: neighbour("highlevel/saving/test_hostile.py").CONFIGS[kind][0], ending)


def layer(name: str, **settings: Any) -> Callable[[Path], Path]:
    """Make a whole model with one layer of a class."""
    hostile = neighbour("highlevel/saving/test_hostile.py")
    return whole(lambda: hostile.sequential(hostile.layer(name, settings)))


def whole(told: Callable[[], Any], ending: str = "keras") -> Callable[[Path], Path]:
    """Make a whole model with a configuration; as text alone where the ending is json."""

    def make(folder: Path) -> Path:
        hostile = neighbour("highlevel/saving/test_hostile.py")
        text = json.dumps(told())
        path: Path = folder / f"m.{ending}"
        if ending == "json":
            path.write_text(text)
            return path
        hostile.good(folder, path.name)
        if ending == "keras":
            hostile.rezipped(path, lambda members: members.update({"config.json": text.encode()}))
        else:
            with hostile.h5py.File(path, "r+") as file:
                file.attrs["model_config"] = text
        return path

    return make


def piped(place: str) -> Callable[[Path], Path]:
    """Make an HDF5 file that names a pipe beside it: who opens the pipe waits for ever."""

    def make(folder: Path) -> Path:
        import h5py

        pipe = folder / "pipe"
        os.mkfifo(pipe)
        path = folder / "m.weights.h5"
        with h5py.File(path, "w") as file:
            if place == "link":
                file["layers/dense/vars/0"] = h5py.ExternalLink(str(pipe), "/w")
            else:
                file.create_dataset("layers/dense/vars/0", (4,), "u1", external=[(str(pipe), 0, 4)])
        return path

    return make


def beside_weights(folder: Path) -> Path:
    """Make a checkpoint whose settings name a class and a call of modules that lie beside it."""
    module = neighbour("backend/formats/test_malicious.py")
    settings = module.row(
        module.name("canary", "Kind") + module.row(module.text("a")) + b"\x81" + b"}b",
        module.name("canary", "run") + module.row(module.text("touch canary")) + b"R",
        module.name("torch.hub", "load") + module.row(module.text("evil/repository")) + b"R",
    )
    weights = module.text("w") + module.tensor()
    pickle = b"}(" + weights + module.text("settings") + settings + b"u"
    (folder / "canary.py").write_text("open('ran', 'w').close()")
    path = folder / "m.ckpt"
    path.write_bytes(module.checkpoint(pickle))
    return path


def script(folder: Path) -> Path:
    """Make a program whose source has code in a comment of types, as PyTorch once evaluated it."""
    module = neighbour("backend/formats/test_malicious.py")
    source = (
        'class Net(Module):\n  __parameters__ = ["w", ]\n  __buffers__ = []\n'
        "  # type: (__import__('os').system('touch canary')) -> Tensor\n"
    )
    pickle = module.name("__torch__", "Net") + b")\x81" + module.entry(module.tensor()) + b"b"
    told = {"code/__torch__.py": source.encode(), "constants.pkl": b"\x80\x02)."}
    path = folder / "m.pt"
    path.write_bytes(module.checkpoint(pickle, **told))
    return path


def onnx(*values: str) -> Callable[[Path], Path]:
    """Make an ONNX model whose one initialiser lies in another file, told by key and value."""

    def make(folder: Path) -> Path:
        module = neighbour("backend/formats/test_onnx.py")
        pairs = zip(values[::2], values[1::2], strict=True)
        told = [module.block(13, module.text(1, key) + module.text(2, one)) for key, one in pairs]
        (folder / "beside").write_bytes(bytes(8))
        os.link(folder / "beside", folder / "hard")
        os.symlink("beside", folder / "soft")
        os.mkfifo(folder / "pipe")
        (folder / "data").write_bytes(bytes(8))
        tensor = module.SOUND + module.whole(14, 1) + b"".join(told)
        path: Path = module.written(folder / "m.onnx", tensor)
        return path

    return make


def sparse(folder: Path) -> Path:
    """Make an ONNX model with a sparse initialiser, whose parts older checks pass over."""
    module = neighbour("backend/formats/test_onnx.py")
    path: Path = module.written(
        folder / "m.onnx", module.SOUND + module.block(9, module.TWO), module.block(15, b"")
    )
    return path


def shards(name: str) -> Callable[[Path], Path]:
    """Make an index of shards that names a file."""

    def make(folder: Path) -> Path:
        (folder / "outside").write_bytes(bytes(8))
        (folder / "inner").mkdir()
        os.symlink("../outside", folder / "inner" / "model-1.safetensors")
        path = folder / "inner" / "model.safetensors.index.json"
        path.write_text(json.dumps({"metadata": {}, "weight_map": {"w": name}}))
        return path

    return make


def archive(*members: tuple[str, int | None, str]) -> Callable[[Path], Path]:
    """Make a tar archive of members: name, kind (None for a file) and what it links to."""

    def make(folder: Path) -> Path:
        (folder / "inner").mkdir()
        path = folder / "inner" / "a.tar"
        with tarfile.open(path, "w") as file:
            for name, kind, target in members:
                member = tarfile.TarInfo(name)
                if kind is None:
                    member.size = 4
                    file.addfile(member, io.BytesIO(b"evil"))
                else:
                    member.type, member.linkname = kind, target  # type: ignore[assignment]
                    file.addfile(member)
        return path

    return make


def compressed(kind: str) -> Callable[[Path], Path]:
    """Make an archive out of which 100 MiB of zeros would come."""

    def make(folder: Path) -> Path:
        path = folder / f"a.{kind}"
        if kind == "zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
                file.writestr("zeros", bytes(100 << 20))
        else:
            with tarfile.open(path, "w:gz") as tar:
                member = tarfile.TarInfo("zeros")
                member.size = 100 << 20
                tar.addfile(member, io.BytesIO(bytes(member.size)))
        return path

    return make


SOFT: Any = tarfile.SYMTYPE
HARD: Any = tarfile.LNKTYPE
LOADS, TEXT, TREE = "load_model", "model_from_json", "read_checkpoint"
UNPACKS = "unpack"
ATTACKS: tuple[Attack, ...] = (
    # Keras
    Attack("CVE-2024-3660", "a `Lambda` layer carries byte code", config("code in a Lambda"),
           LOADS),
    Attack("CVE-2024-3660", "the same as Keras 2 wrote it", config("code of Keras 2 in a Lambda"),
           LOADS),
    Attack("CVE-2025-1550", "a layer names a module and a class to import: `subprocess.Popen`",
           config("a module to import"), LOADS),
    Attack("CVE-2025-1550", "a layer names a function of `builtins`", config("a builtin"), LOADS),
    Attack("CVE-2025-1550", "code stands among the arguments of a call", config("code in a call"),
           LOADS),
    Attack("CVE-2025-8747", "an activation names `keras.utils.get_file`", config("a loader"),
           LOADS),
    Attack("CVE-2025-9906", "a layer calls the switch that allows code", config("a switch"), LOADS),
    Attack("CVE-2025-9905", "a `Lambda` in a whole-model `.h5`", config("code in a Lambda", "h5"),
           LOADS),
    Attack("CVE-2025-49655", "`TorchModuleWrapper` carries a pickle", config("a pickled module"),
           LOADS),
    Attack("CVE-2025-12058", "a vocabulary is the path of a local file",
           layer("StringLookup", vocabulary="/etc/passwd"), LOADS,
           "refused; a file that a configuration names is never opened"),
    Attack("CVE-2025-12058", "a vocabulary is an address to fetch",
           layer("TextVectorization", vocabulary="http://127.0.0.1:9/x"), LOADS,
           "refused; a file that a configuration names is never opened"),
    Attack("CVE-2026-0897", "a data set declares 2^50 numbers and stores none",
           malicious("hdf5", "shape bomb")),
    Attack("CVE-2026-0897", "three axes of a million each",
           malicious("hdf5", "three axes of a million")),
    Attack("CVE-2026-0897", "less than the limit, but a thousand times the file",
           malicious("hdf5", "shape bomb under the limit")),
    Attack("CVE-2026-0897", "a layer of the configuration has 10^9 units",
           config("too many units"), LOADS),
    Attack("CVE-2026-1669", "the numbers of a data set stand in another file",
           malicious("hdf5", "external storage")),
    Attack("CVE-2026-1669", "the same, and the other file is a pipe", piped("storage")),
    Attack("CVE-2026-1669", "a link to another file in the place of a layer",
           malicious("hdf5", "external link at a layer")),
    Attack("CVE-2026-1669", "the same, and the other file is a pipe", piped("link")),
    Attack("CVE-2026-1669", "such a link in a group between",
           malicious("hdf5", "external link between")),
    Attack("CVE-2026-1669", "a soft link to another weight",
           malicious("hdf5", "soft link to a weight")),
    Attack("CVE-2026-1669", "a virtual data set over another file",
           malicious("hdf5", "virtual dataset")),
    Attack("CVE-2026-1462", "`TFSMLayer` names a folder to load", config("a folder outside"),
           LOADS),
    Attack("CVE-2026-12479", "a layer is called `../../x`: assets go where it points",
           config("a name with a path"), LOADS),
    Attack("CVE-2026-12481", "a `Lambda` in a configuration that no file holds",
           config("code in a Lambda", "json"), TEXT),
    Attack("keras#23010", "`config.json` is a compressed bomb", malicious("keras", "config a bomb"),
           LOADS),
    Attack("keras#23101", "a bomb beside an honest member hides in the average",
           malicious("npz", "bomb beside an honest member")),
    Attack("keras#23026", "an array of Python objects, pickled", malicious("npz", "objects")),
    Attack("keras#22729", "`registered_name` is not that of the class",
           config("a shadowed name"), LOADS),
    Attack("keras#22974", "a list where a dictionary is expected",
           config("a list for a dictionary"), LOADS),
    # Archives that get_file unpacks
    Attack("CVE-2024-55459", "a member of a tar called `../x`", archive(("../x", None, "")),
           UNPACKS),
    Attack("CVE-2025-12060", "a member with an absolute name",
           archive(("/tmp/graftwork-x", None, "")), UNPACKS),
    Attack("CVE-2025-12638", "a link to a folder outside, and a member through it",
           archive(("l", SOFT, ".."), ("l/x", None, "")), UNPACKS),
    Attack("GHSA-hqp4-2352-xf5r", "a name that is inside the current folder, not the archive's",
           archive(("a/../../x", None, "")), UNPACKS),
    Attack("keras#22973", "a hard link called `../../x`", archive(("../../x", HARD, "a")), UNPACKS),
    Attack("keras#23015", "a link to its own folder, and a member `l/../x`",
           archive(("l", SOFT, "."), ("l/../x", None, "")), UNPACKS),
    Attack("CVE-2024-5187", "a model beside `dir/../../../x`",
           archive(("model.onnx", None, ""), ("dir/../../../x", None, "")), UNPACKS),
    Attack("zip bomb, unpacked", "100 MiB of zeros in 100 KB", compressed("zip"), UNPACKS),
    Attack("zip bomb, unpacked", "the same in a tar.gz", compressed("tar.gz"), UNPACKS),
    # PyTorch
    Attack("pickle", "calls `os.system`", malicious("torch", "runs a command"), TREE),
    Attack("pickle", "the same in the older container",
           malicious("torch", "runs a command, old container"), TREE),
    Attack("pickle", "the same with names from the stack", malicious("torch", "stacked global"),
           TREE),
    Attack("pickle", "a class that is really `os.system`",
           malicious("torch", "class that is a function"), TREE),
    Attack("whole modules", "`__reduce__` of a part calls `os.system`",
           malicious("torch", "reduce in a module"), TREE),
    Attack("whole modules", "`__setstate__` of a class of Python's would start a program",
           malicious("torch", "state that starts a program"), TREE),
    Attack("whole modules", "a weight is what `torch.hub.load` returns",
           malicious("torch", "weight that a function makes"), TREE),
    Attack("whole modules", "`getattr` takes what is hidden in a class",
           malicious("torch", "method that is hidden"), TREE),
    Attack("whole modules", "what a call returns is called",
           malicious("torch", "result of a call is called"), TREE),
    Attack("whole modules", "a foreign class and function beside the weights", beside_weights,
           TREE, "read: they are names in the tree, nothing is imported or called", True),
    Attack("whole modules", "a module holds itself", malicious("torch", "module in itself"), TREE),
    Attack("whole modules", "2^60 names: modules share their parts, which share theirs",
           malicious("torch", "modules that share their parts"), TREE),
    Attack("whole modules", "200 modules in each other",
           malicious("torch", "modules nested deeply"), TREE),
    Attack("CVE-2022-45907", "a TorchScript program, whose comments were evaluated",
           script, "open_weights", "read: of the program only the names of weights are looked at",
           True),
    Attack("TorchScript", "its constants call `os.system`",
           malicious("torch", "program with constants of a call"), TREE),
    Attack("torch.export", "a weight names a member `../../x`",
           malicious("torch", "export: path climbs"), TREE),
    Attack("torch.export", "strides reach beyond the member",
           malicious("torch", "export: stride past the end"), TREE),
    Attack("torch.export", "a pickled weight calls `os.system`",
           malicious("torch", "export: pickled weight runs"), TREE),
    Attack("CVE-2025-32434", "a tar archive, read without the restrictions",
           malicious("torch", "tar"), TREE),
    Attack("CVE-2026-24747", "sets items in what is no dictionary",
           malicious("torch", "items set in a tensor"), TREE),
    Attack("CVE-2026-24747", "declares more elements than are stored",
           malicious("torch", "more elements than stored"), TREE),
    Attack("CVE-2026-24747", "strides reach beyond the storage",
           malicious("torch", "stride past the storage"), TREE),
    Attack("CVE-2025-10155", "a bare pickle under another ending",
           malicious("torch", "bare pickle", "h5")),
    Attack("CVE-2025-10156", "a wrong checksum stops the scanner but not the loader",
           malicious("npz", "checksum wrong")),
    Attack("CVE-2025-10157", "a name of a submodule that no list forbids",
           malicious("torch", "name of a submodule"), TREE),
    Attack("billion laughs", "lists of ten times the list before", malicious("torch",
           "a billion laughs"), TREE),
    Attack("billion laughs", "a long list that holds itself",
           malicious("torch", "a long list in itself"), TREE),
    Attack("billion laughs", "a key of pairs of pairs, whose hash never ends",
           malicious("torch", "nested key"), TREE),
    Attack("billion laughs", "one text made into bytes 5000 times",
           malicious("torch", "copies of its values"), TREE),
    Attack("hash flooding", "50 000 numbers of one hash as keys",
           malicious("torch", "keys of one hash"), TREE),
    Attack("hash flooding", "pairs of numbers of one hash as keys",
           malicious("torch", "pairs of one hash"), TREE),
    Attack("expanded tensor", "2^30 elements over one of the storage, by a stride of 0",
           malicious("torch", "expanded bomb"), TREE),
    # HDF5
    Attack("CVE-2016-4330 … 4333", "a type of parts, as crafted headers use them",
           malicious("hdf5", "compound")),
    Attack("object references", "elements are references to objects",
           malicious("hdf5", "references")),
    Attack("region references", "elements are references to regions",
           malicious("hdf5", "region references")),
    Attack("filter plugins", "a filter that is looked up as a library on disk",
           malicious("hdf5", "filter from elsewhere")),
    Attack("gzip ratio", "40 MiB of zeros in a chunk of 40 KB",
           malicious("hdf5", "deflated bomb that is stored")),
    Attack("libhdf5, heap", "an attribute's heap with an object of no length: the library never "
           "ends", malicious("hdf5", "heap that never ends")),
    Attack("libhdf5, texts", "an attribute's text has 4 GB: room is made for them",
           malicious("hdf5", "text of four gigabytes")),
    Attack("libhdf5, chunks", "a chunk of no bytes, whose checksum the library reads before it",
           malicious("hdf5", "chunk of no bytes")),
    Attack("circle", "a group holds itself", malicious("hdf5", "circle")),
    Attack("depth", "200 groups in each other", malicious("hdf5", "deep")),
    Attack("two files in one", "HDF5 begins at byte 512", malicious("hdf5", "user block")),
    # safetensors
    Attack("header length", "2^63 bytes", malicious("safetensors", "header longer than the file")),
    Attack("header length", "33 MB of spaces", malicious("safetensors", "header of spaces")),
    Attack("header JSON", "nested 90 000 times", malicious("safetensors", "header nested")),
    Attack("header JSON", "one name twice", malicious("safetensors", "doubled name")),
    Attack("header JSON", "two million values",
           malicious("safetensors", "header of a million values")),
    Attack("offsets", "two tensors share bytes", malicious("safetensors", "overlap")),
    Attack("offsets", "bytes between tensors that nobody names", malicious("safetensors", "gap")),
    Attack("offsets", "beyond the end", malicious("safetensors", "beyond the end")),
    Attack("sizes", "the product overflows 64 bits", malicious("safetensors", "product overflows")),
    # ONNX and shards
    Attack("CVE-2022-25882", "numbers in `../../../etc/passwd`",
           onnx("location", "../../../etc/passwd")),
    Attack("CVE-2024-27318", "numbers in `a/../../x`", onnx("location", "a/../../x")),
    Attack("CVE-2026-27489", "numbers behind a symbolic link", onnx("location", "soft")),
    Attack("CVE-2026-34446", "numbers behind a hard link", onnx("location", "hard")),
    Attack("external data", "numbers in a pipe, for which one waits for ever",
           onnx("location", "pipe")),
    Attack("external data", "numbers beyond the end of the file beside the model",
           onnx("location", "data", "offset", "4")),
    Attack("external data", "the name of memory of another program",
           onnx("location", "*/_ORT_MEM_ADDR_/*", "offset", "140000000000000")),
    Attack("ONNX Runtime, sparse", "a sparse initialiser, which checks pass over", sparse),
    Attack("shards", "an index names `../outside`", shards("../outside")),
    Attack("shards", "an index names `/etc/passwd`", shards("/etc/passwd")),
    Attack("shards", "a shard is a link to a file outside", shards("model-1.safetensors")),
    # ZIP and NumPy
    Attack("zip slip", "a member called `../w.npy`", malicious("npz", "climbing name")),
    Attack("zip slip", "an absolute name", malicious("npz", "absolute name")),
    Attack("zip slip", "a name with backslashes", malicious("npz", "backslash")),
    Attack("zip slip", "a name that begins with a drive", malicious("npz", "drive")),
    Attack("zip slip", "a member that is a symbolic link", malicious("npz", "link")),
    Attack("two readers", "bytes between members that nobody names",
           malicious("npz", "hidden bytes")),
    Attack("two readers", "an encrypted member", malicious("npz", "encrypted")),
    Attack("two readers", "a member twice", malicious("npz", "doubled member")),
    Attack("two readers", "both headers of a member disagree",
           malicious("npz", "headers disagree")),
    Attack("overlapping bomb", "members share their bytes", malicious("npz", "members overlap")),
    Attack("zip bomb", "a member goes on after its declared size",
           malicious("npz", "declared size lies")),
    Attack("npz bomb", "an `.npy` header declares 2^50 numbers", malicious("npz", "shape bomb")),
    Attack("literal_eval", "an `.npy` header holds code", malicious("npz", "code in the header")),
    Attack("literal_eval", "an `.npy` header is nested 5000 times",
           malicious("npz", "deep header")),
)  # fmt: skip
