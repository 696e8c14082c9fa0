"""Make variety.onnx with onnx 1.23 (run once; the file is kept): python make_onnx.py

Each initialiser once with raw bytes and once in the list of its type, as onnx writes them.
"""

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper

ARRAYS = {
    "float32": np.array([[1.5, -2.0, 0.25]], "f4"),
    "float64": np.array([1e300, -1.0]),
    "float16": np.array([1.5, -0.5, 65504.0], "f2"),
    "bfloat16": np.array([1.5, -3.0], ml_dtypes.bfloat16),
    "int64": np.array([-1, 2**40]),
    "int32": np.array([-7, 7], "i4"),
    "int8": np.array([-128, 127], "i1"),
    "uint8": np.array([0, 255], "u1"),
    "uint16": np.array([0, 65535], "u2"),
    "uint64": np.array([2**64 - 1], "u8"),
    "bool": np.array([True, False]),
    "scalar": np.array(3.5, "f4"),
    "empty": np.zeros((0, 4), "f4"),
}
CODES = {"bfloat16": TensorProto.BFLOAT16}


def tensors() -> list[TensorProto]:
    """Return every array twice."""
    found = []
    for name, array in ARRAYS.items():
        code = CODES.get(name) or helper.np_dtype_to_tensor_dtype(array.dtype)
        raw = helper.make_tensor(f"raw.{name}", code, array.shape, array.tobytes(), raw=True)
        listed = helper.make_tensor(f"listed.{name}", code, array.shape, array.reshape(-1).tolist())
        found += [raw, listed]
    return found


def main() -> None:
    """Write the file beside this one."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])
    node = helper.make_node("Add", ["x", "raw.float32"], ["y"])
    graph = helper.make_graph([node], "variety", [x], [y], tensors())
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    onnx.save(model, str(Path(__file__).with_name("variety.onnx")))


if __name__ == "__main__":
    main()
