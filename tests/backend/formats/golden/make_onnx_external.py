"""Make external.onnx and external.data with onnx (run once; the files are kept)."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ARRAYS = {
    "small": np.array([0.5, 2.0], "f4"),
    "kernel": np.arange(512, dtype="f4").reshape(16, 32),
    "counts": np.arange(300),
    "empty": np.zeros((0, 4), "f4"),
}


def main() -> None:
    """Write the files beside this one; what is smaller than 1 KiB stays in the model."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])
    node = helper.make_node("Add", ["x", "small"], ["y"])
    tensors = [numpy_helper.from_array(array, name) for name, array in ARRAYS.items()]
    graph = helper.make_graph([node], "external", [x], [y], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    onnx.save(
        model, str(Path(__file__).with_name("external.onnx")), save_as_external_data=True,
        location="external.data", size_threshold=1024,
    )  # fmt: skip


if __name__ == "__main__":
    main()
