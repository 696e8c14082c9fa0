"""Names that other zoos give the weights of networks of ours, as data.

timm names residual networks as torchvision does; only where it differs is there a rule. In a rule
each * is one part of a name.
"""

from __future__ import annotations


def _hugging_face_resnet() -> dict[str, str]:
    """Return the names of `transformers.ResNetForImageClassification` -> our paths."""
    rules = {
        "resnet.embedder.embedder.convolution": "conv1",
        "resnet.embedder.embedder.normalization": "bn1",
        "classifier.1": "fc",
    }
    for stage in range(4):
        theirs = f"resnet.encoder.stages.{stage}.layers.*"
        ours = f"layer{stage + 1}/*"
        for part in range(3):
            rules[f"{theirs}.layer.{part}.convolution"] = f"{ours}/conv{part + 1}"
            rules[f"{theirs}.layer.{part}.normalization"] = f"{ours}/bn{part + 1}"
        rules[f"{theirs}.shortcut.convolution"] = f"{ours}/downsample/0"
        rules[f"{theirs}.shortcut.normalization"] = f"{ours}/downsample/1"
    return rules


FOREIGN: dict[str, dict[str, str]] = {"huggingface resnet": _hugging_face_resnet()}
