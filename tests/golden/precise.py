"""Keras on jax, in double precision throughout; to be imported before keras is.

Setting floatx alone is not enough: outside TensorFlow, Keras' promotion rules turn float64 into
float32 in every function that asks for a common dtype (tanh, var, most binary operators). The
table of these rules is opened here.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"

import jax
import keras
from keras.src.backend.common import dtypes

dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
keras.config.set_floatx("float64")
keras.config.set_image_data_format("channels_last")

__all__ = ["jax", "keras"]
