"""Networks that were trained by others, ready to be loaded, frozen and given a new head."""

from . import cifar_resnet, imagenet_utils, mobilenet, resnet, vgg, vgg16, vgg19, xception
from .cifar_resnet import ResNet20, ResNet32, ResNet44, ResNet56, ResNet110
from .mobilenet import MobileNet
from .resnet import ResNet18, ResNet34, ResNet50
from .vgg import VGG11, VGG13, VGG16, VGG19
from .xception import Xception

__all__ = [
    "VGG11",
    "VGG13",
    "VGG16",
    "VGG19",
    "MobileNet",
    "ResNet18",
    "ResNet20",
    "ResNet32",
    "ResNet34",
    "ResNet44",
    "ResNet50",
    "ResNet56",
    "ResNet110",
    "Xception",
    "cifar_resnet",
    "imagenet_utils",
    "mobilenet",
    "resnet",
    "vgg",
    "vgg16",
    "vgg19",
    "xception",
]
