"""Weight files assembled by hand, byte by byte, so that each of their parts can lie."""

import io
import json
import struct
import warnings
import zipfile

import h5py
import numpy as np

# pickles, assembled by hand: a test has no need of the module that runs them


def text(value):
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def name(module, attribute):
    return f"c{module}\n{attribute}\n".encode()


def integer(value):
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def row(*items):
    return b"(" + b"".join(items) + b"t"


def storage(count=4, kind="FloatStorage", key="0", module="torch"):
    return row(text("storage"), name(module, kind), text(key), text("cpu"), integer(count)) + b"Q"


def tensor(shape=(4,), strides=(1,), offset=0, **options):
    sizes, steps = (row(*map(integer, values)) for values in (shape, strides))
    hooks = name("collections", "OrderedDict") + b")R"
    arguments = row(storage(**options), integer(offset), sizes, steps, b"\x89", hooks)
    return name("torch._utils", "_rebuild_tensor_v2") + arguments + b"R"


def checkpoint(pickle, data=bytes(16), **members):
    """A ZIP checkpoint around a pickle; one storage of 16 bytes unless told otherwise."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + pickle + b".")
        archive.writestr("archive/data/0", data)
        for member, content in members.items():
            archive.writestr("archive/" + member, content)
    return buffer.getvalue()


def entry(value):
    return b"}" + text("w") + value + b"s"


def call(module, attribute, *arguments):
    return entry(name(module, attribute) + row(*arguments) + b"R")


def legacy(pickle, keys=b"](X\x01\x00\x00\x000e", data=b"\x04" + bytes(7 + 16), little=True):
    magic = integer(0x1950A86A20F9469CFC6C)
    system = b"}" + text("little_endian") + (b"\x88" if little else b"\x89") + b"s"
    parts = (magic, integer(1001), system, pickle, keys)
    return b"".join(b"\x80\x02" + part + b"." for part in parts) + data


def held(parameters=b"}", modules=b"}"):
    """The state of a module."""
    parts = (("_parameters", parameters), ("_buffers", b"}"), ("_modules", modules))
    return b"}(" + b"".join(text(part) + one for part, one in parts) + b"u"


def module(**parts):
    return name("m", "Net") + b")\x81" + held(**parts) + b"b"


# safetensors


def safetensors(header, data=bytes(16), length=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def described(shape=(4,), offsets=(0, 16), dtype="F32", **more):
    return {"dtype": dtype, "shape": [*shape], "data_offsets": [*offsets], **more}


# npz, and the ZIP container that three formats share


def npy(header=None, data=bytes(16), version=1):
    text = header or "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }"
    raw = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(raw)) + raw + data


def archive(members, method=zipfile.ZIP_STORED, patch=lambda info: None):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of doubled names
        for member, content in members:
            info = zipfile.ZipInfo(member)
            info.compress_type = method
            patch(info)
            file.writestr(info, content)
    return buffer.getvalue()


def edited(change):
    """A sound archive of two members, then spoiled."""

    def content():
        data = bytearray(archive([("a.npy", npy()), ("b.npy", npy())]))
        return bytes(change(data) or data)

    return content


def central(data, index=0):
    at = -1
    for _ in range(index + 1):
        at = data.index(b"PK\1\2", at + 1)
    return at


def poke(form, place, value):
    def change(data):
        struct.pack_into(form, data, place(data), value)

    return edited(change)


# HDF5


def hdf5(fill):
    def content():
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            fill(file)
        return buffer.getvalue()

    return content


def sound(file):
    file["layers/dense/vars/0"] = np.zeros(3, "f4")


def typed(dtype, data=None):
    def fill(file):
        file.create_dataset("w", (1,), dtype, data=data)

    return hdf5(fill)


def noted(name, value, place="layers/dense/vars"):
    def fill(file):
        sound(file)
        file[place].attrs[name] = value

    return hdf5(fill)


# .keras


def keras(weights="model.weights.h5", method=zipfile.ZIP_STORED, **members):
    def content():
        parts = {"config.json": b"{}", "metadata.json": b"{}", weights: hdf5(sound)()} | members
        present = [(member, data) for member, data in parts.items() if data is not None]
        return archive(present, method)

    return content


# programs of torch.export


def weight(**changes):
    told = {"path_name": "weight_0", "use_pickle": False, "tensor_meta": {
        "dtype": 7, "sizes": [{"as_int": 4}], "strides": [{"as_int": 1}],
        "storage_offset": {"as_int": 0}, "layout": 7}}  # fmt: skip
    outer = {name: changes.pop(name) for name in ("path_name", "use_pickle") if name in changes}
    told.update(outer)
    told["tensor_meta"].update(changes)
    return told


def exported(config=None, content=bytes(16), **changes):
    """A program of torch.export with one weight of 16 bytes, told as `changes` say."""
    text = json.dumps({"config": {"w": weight(**changes)}} if config is None else config)
    return lambda: archive([
        ("p/archive_format", b"pt2"),
        ("p/data/weights/weight_0", content() if callable(content) else content),
        ("p/data/weights/model_weights_config.json", text.encode()),
    ])  # fmt: skip
