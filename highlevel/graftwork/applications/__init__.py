"""Networks that were trained by others, ready to be loaded, frozen and given a new head."""

from . import cifar_resnet, mobilenet, resnet
from .cifar_resnet import ResNet20, ResNet32, ResNet44, ResNet56, ResNet110
from .mobilenet import MobileNet
from .resnet import ResNet18, ResNet34, ResNet50

__all__ = [
    "MobileNet", "ResNet18", "ResNet20", "ResNet32", "ResNet34", "ResNet44", "ResNet50", "ResNet56",
    "ResNet110", "cifar_resnet", "mobilenet", "resnet",
]  # fmt: skip
