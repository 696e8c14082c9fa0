"""ResNet50 under the name of Keras' module; the network stands in `resnet`."""

from .resnet import ResNet50, decode_predictions, preprocess_input

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]
