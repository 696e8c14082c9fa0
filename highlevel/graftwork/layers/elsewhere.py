"""Names that modules have in PyTorch or models in Keras 2, and what to write here: for errors."""

from __future__ import annotations

ELSEWHERE = {
    "train": "Write layer(x, training=True) where it is called; fit does so.",
    "eval": "A call without training=True is one in inference form; evaluate and predict are.",
    "forward": "Call it: layer(x). A class of your own defines call(self, inputs).",
    "state_dict": "Write save_weights('name.pth'): PyTorch reads it too.",
    "load_state_dict": "Write load_weights('name.pth'), which reads PyTorch's files.",
    "cuda": "Write to('gpu').",
    "cpu": "Write to('cpu').",
    "half": "Before the model is made: mixed_precision.set_global_policy('mixed_float16').",
    "bfloat16": "Before the model is made: mixed_precision.set_global_policy('mixed_bfloat16').",
    "double": "Before the model is made: config.set_floatx('float64').",
    "float": "float32 is the default; else give dtype='float32'.",
    "modules": "Write flattened().",
    "named_modules": "Write flattened(), or children() for names and layers one level below.",
    "named_children": "Write children().",
    "buffers": "Write non_trainable_weights, which also holds what is frozen.",
    "register_buffer": "Write add_weight(shape, trainable=False).",
    "register_parameter": "Write add_weight(shape).",
    "add_module": "Set an attribute: layer.name = other.",
    "fit_generator": "Write fit(generator, steps_per_epoch=…).",
    "evaluate_generator": "Write evaluate(generator, steps=…).",
    "predict_generator": "Write predict(generator, steps=…).",
    "predict_classes": "Write predict(x).argmax(-1), or predict(x) > 0.5 for one column.",
    "predict_proba": "Write predict(x).",
}
