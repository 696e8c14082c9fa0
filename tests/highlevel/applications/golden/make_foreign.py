"""Writes `foreign.json.gz`: names and shapes of the weights of networks of other zoos, and outputs.

Run once with torch 2.13, torchvision 0.28, timm 1.0.31, transformers 5.24 and the source of
pretrainedmodels 0.7.4 (Cadene's), unpacked: its package does not import beside this torchvision:
`PYTHONPATH=tests:…/pretrainedmodels/models python
tests/highlevel/applications/golden/make_foreign.py`. The weights are drawn from their names, so
that only names, shapes and a few numbers of an output are kept.
"""

import gzip
import importlib
import json
from pathlib import Path

import timm
import torch
import transformers
from torchvision import models

from support.foreign_networks import filled
from support.networks import picture, shown


def cadene(module, network):
    """Make a network of Cadene's, whose last pooling fits one size of pictures alone."""
    made = getattr(importlib.import_module(module), network)(num_classes=1000)
    for pooling in ("avg_pool", "avgpool_1a"):
        if hasattr(made, pooling):
            setattr(made, pooling, torch.nn.AdaptiveAvgPool2d(1))
    if hasattr(made, "fc"):  # the function that makes it renames its head
        made.last_linear = made.fc
        del made.fc
    return made


PLAIN = {"include_preprocessing": False}
TF = {"variant": "tf"}
# Network of ours, its settings, side of the picture, whose, how it is made there.
CASES = [
    ("VGG11", {}, 224, "torchvision", lambda: models.vgg11()),
    ("MobileNetV2", {}, 65, "torchvision", lambda: models.mobilenet_v2()),
    ("MobileNetV3Small", {}, 64, "torchvision", lambda: models.mobilenet_v3_small()),
    ("MobileNetV3Large", {}, 65, "torchvision", lambda: models.mobilenet_v3_large()),
    ("EfficientNetB0", {}, 64, "torchvision", lambda: models.efficientnet_b0()),
    ("EfficientNetV2S", {}, 64, "torchvision", lambda: models.efficientnet_v2_s()),
    ("DenseNet121", {}, 64, "torchvision", lambda: models.densenet121()),
    ("InceptionV3", {}, 108, "torchvision", lambda: models.inception_v3(init_weights=False)),
    ("ConvNeXtTiny", PLAIN, 64, "torchvision", lambda: models.convnext_tiny()),
    ("SqueezeNet1_1", {}, 64, "torchvision", lambda: models.squeezenet1_1()),
    ("ResNet18", {}, 64, "timm", lambda: timm.create_model("resnet18")),
    ("ResNet50", {}, 64, "timm", lambda: timm.create_model("resnet50")),
    ("VGG11", {}, 224, "timm", lambda: timm.create_model("vgg11")),
    ("MobileNetV2", {}, 64, "timm", lambda: timm.create_model("mobilenetv2_100")),
    ("MobileNetV3Small", {}, 65, "timm", lambda: timm.create_model("mobilenetv3_small_100")),
    ("MobileNetV3Large", {}, 64, "timm", lambda: timm.create_model("mobilenetv3_large_100")),
    ("MobileNetV3Large", {"variant": "keras", **PLAIN}, 64, "timm, TensorFlow's weights",
     lambda: timm.create_model("tf_mobilenetv3_large_100")),
    ("EfficientNetB0", {}, 64, "timm", lambda: timm.create_model("efficientnet_b0")),
    ("EfficientNetB5", {}, 64, "timm", lambda: timm.create_model("efficientnet_b5")),
    ("EfficientNetB0", TF, 64, "timm, TensorFlow's weights",
     lambda: timm.create_model("tf_efficientnet_b0")),
    ("EfficientNetV2B0", {}, 64, "timm", lambda: timm.create_model("tf_efficientnetv2_b0")),
    ("EfficientNetV2S", {}, 64, "timm", lambda: timm.create_model("tf_efficientnetv2_s")),
    ("DenseNet121", {}, 64, "timm", lambda: timm.create_model("densenet121")),
    ("InceptionV3", {}, 107, "timm", lambda: timm.create_model("inception_v3")),
    ("Xception", {}, 80, "timm", lambda: timm.create_model("legacy_xception")),
    ("ConvNeXtTiny", PLAIN, 64, "timm", lambda: timm.create_model("convnext_tiny")),
    ("ViTB16", {}, 64, "timm", lambda: timm.create_model("vit_base_patch16_224", img_size=64)),
    ("ResNet18", {}, 64, "Hugging Face", lambda: transformers.ResNetForImageClassification(
        transformers.ResNetConfig(layer_type="basic", depths=[2, 2, 2, 2], num_labels=1000,
                                  hidden_sizes=[64, 128, 256, 512]))),
    ("ResNet50", {}, 64, "Hugging Face", lambda: transformers.ResNetForImageClassification(
        transformers.ResNetConfig(num_labels=1000))),
    ("ViTB16", {}, 64, "Hugging Face", lambda: transformers.ViTForImageClassification(
        transformers.ViTConfig(image_size=64, num_labels=1000))),
    ("ConvNeXtTiny", PLAIN, 64, "Hugging Face",
     lambda: transformers.ConvNextForImageClassification(
         transformers.ConvNextConfig(num_labels=1000))),
    ("EfficientNetB0", {}, 64, "Hugging Face",
     lambda: transformers.EfficientNetForImageClassification(
         transformers.EfficientNetConfig(width_coefficient=1.0, depth_coefficient=1.0,
                                         hidden_dim=1280, num_labels=1000))),
    ("MobileNetV2", {}, 64, "Hugging Face",
     lambda: transformers.MobileNetV2ForImageClassification(
         transformers.MobileNetV2Config(num_labels=1000))),
    ("ResNet50V2", {}, 64, "timm", lambda: timm.create_model("resnetv2_50")),
    ("MobileNet", {}, 64, "timm", lambda: timm.create_model("mobilenetv1_100")),
    ("MobileNet", {"alpha": 0.25}, 65, "Hugging Face",
     lambda: transformers.MobileNetV1ForImageClassification(
         transformers.MobileNetV1Config(depth_multiplier=0.25, num_labels=1000))),
    ("MobileNetV3Large", {"variant": "keras", "minimalistic": True, **PLAIN}, 64,
     "timm, TensorFlow's smallest", lambda: timm.create_model("tf_mobilenetv3_large_minimal_100")),
    ("InceptionResNetV2", {}, 107, "timm", lambda: timm.create_model("inception_resnet_v2")),
    ("InceptionResNetV2", {}, 108, "Cadene",
     lambda: cadene("inceptionresnetv2", "InceptionResNetV2")),
    ("NASNetLarge", {}, 96, "timm", lambda: timm.create_model("nasnetalarge")),
    # 75 pixels, as 331, are what Cadene's padding is made for; 95, as 224, in the small one
    ("NASNetLarge", {"variant": "torch"}, 75, "Cadene", lambda: cadene("nasnet", "NASNetALarge")),
    ("NASNetMobile", {}, 95, "Cadene", lambda: cadene("nasnet_mobile", "NASNetAMobile")),
    ("Xception", {}, 80, "Cadene", lambda: cadene("xception", "Xception")),
]  # fmt: skip


def case(network, settings, side, whose, make):
    theirs = make().eval()
    state = theirs.state_dict()
    listed = [(name, list(one.shape)) for name, one in state.items()]
    theirs.load_state_dict({name: torch.from_numpy(filled(name, shape)) for name, shape in listed})
    x = picture(side, side).transpose(0, 3, 1, 2).copy()
    with torch.no_grad():
        y = theirs(torch.from_numpy(x))
    y = getattr(y, "logits", y).numpy()
    print(whose, network, abs(y).max())
    return {"network": network, "settings": settings, "side": side, "whose": whose,
            "weights": listed, "output": [float(one) for one in shown(y)]}  # fmt: skip


text = json.dumps({"cases": [case(*one) for one in CASES]}, separators=(",", ":"))
path = Path(__file__).with_name("foreign.json.gz")
path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
