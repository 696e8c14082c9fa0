"""VGG19 under the name of Keras' module; the network stands in `vgg`."""

from .imagenet_utils import decode_predictions
from .vgg import VGG19, preprocess_input

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]
