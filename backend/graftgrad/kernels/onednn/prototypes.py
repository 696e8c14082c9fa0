"""The functions of oneDNN that are used here, with their arguments. All return a status."""

from __future__ import annotations

import ctypes
from typing import Any

_P, _I, _L, _F = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64, ctypes.c_float
_D = ctypes.POINTER(_L)
_OUT = ctypes.POINTER(_P)
_FLAGS = ctypes.c_uint

FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "engine_create": (_OUT, _I, ctypes.c_size_t),
    "stream_create": (_OUT, _P, _FLAGS),
    "memory_desc_create_with_strides": (_OUT, _I, _D, _I, _D),
    "memory_desc_create_with_tag": (_OUT, _I, _D, _I, _I),
    "memory_desc_clone": (_OUT, _P),
    "memory_desc_destroy": (_P,),
    "memory_create": (_OUT, _P, _P, _P),
    "memory_set_data_handle": (_P, _P),
    "memory_destroy": (_P,),
    "post_ops_create": (_OUT,),
    "post_ops_append_eltwise": (_P, _I, _F, _F),
    "post_ops_append_binary": (_P, _I, _P),
    "post_ops_append_sum": (_P, _F, _I, _I),
    "post_ops_append_prelu": (_P, _I),
    "post_ops_destroy": (_P,),
    "primitive_attr_create": (_OUT,),
    "primitive_attr_set_scratchpad_mode": (_P, _I),
    "primitive_attr_set_post_ops": (_P, _P),
    "primitive_attr_destroy": (_P,),
    "primitive_desc_destroy": (_P,),
    "primitive_desc_query": (_P, _I, _I, _P),
    "primitive_create": (_OUT, _P),
    "primitive_execute": (_P, _P, _I, _P),
    "primitive_destroy": (_P,),
    "reorder_primitive_desc_create": (_OUT, _P, _P, _P, _P, _P),
    "matmul_primitive_desc_create": (_OUT, _P, _P, _P, _P, _P, _P),
    "binary_primitive_desc_create": (_OUT, _P, _I, _P, _P, _P, _P),
    "eltwise_forward_primitive_desc_create": (_OUT, _P, _I, _I, _P, _P, _F, _F, _P),
    "reduction_primitive_desc_create": (_OUT, _P, _I, _P, _P, _F, _F, _P),
    "convolution_forward_primitive_desc_create": (
        *(_OUT, _P, _I, _I, _P, _P, _P, _P, _D, _D, _D, _D, _P),
    ),
    "convolution_backward_data_primitive_desc_create": (
        *(_OUT, _P, _I, _P, _P, _P, _D, _D, _D, _D, _P, _P),
    ),
    "convolution_backward_weights_primitive_desc_create": (
        *(_OUT, _P, _I, _P, _P, _P, _P, _D, _D, _D, _D, _P, _P),
    ),
    "pooling_forward_primitive_desc_create": (*(_OUT, _P, _I, _I, _P, _P, _D, _D, _D, _D, _D, _P),),
    "pooling_backward_primitive_desc_create": (
        *(_OUT, _P, _I, _P, _P, _D, _D, _D, _D, _D, _P, _P),
    ),
    "batch_normalization_forward_primitive_desc_create": (_OUT, _P, _I, _P, _P, _F, _FLAGS, _P),
    "batch_normalization_backward_primitive_desc_create": (
        *(_OUT, _P, _I, _P, _P, _P, _F, _FLAGS, _P, _P),
    ),
    "layer_normalization_forward_primitive_desc_create": (
        *(_OUT, _P, _I, _P, _P, _P, _F, _FLAGS, _P),
    ),
    "layer_normalization_backward_primitive_desc_create": (
        *(_OUT, _P, _I, _P, _P, _P, _P, _F, _FLAGS, _P, _P),
    ),
    "softmax_forward_primitive_desc_create": (_OUT, _P, _I, _I, _P, _P, _I, _P),
    "softmax_backward_primitive_desc_create": (_OUT, _P, _I, _P, _P, _P, _I, _P, _P),
}
