"""Really pretrained files, where they are at hand: counts as their sources state them."""

import math
from pathlib import Path

import numpy as np
import pytest

from graftgrad import formats

pytestmark = pytest.mark.data

FILES = {
    "mobilenet-v1-025-imagenet-torch/mobilenetV1X0.25_pretrain.tar": ("torch", 164, 475_571),
    "cifar10-resnet-torch/resnet20-12fca82f.th": ("torch", 97, 271_098),
    "mobilenet-v1-025-imagenet-keras/mobilenet_2_5_224_tf_no_top.h5": ("hdf5", 135, 218_544),
    "keras-models/cifar10-resnet8-mlperf/pretrainedResnet.h5": ("hdf5", 48, 78_666),
    "keras-models/fer2013-mini-xception/fer2013_mini_XCEPTION.102-0.66.hdf5": ("hdf5", 80, 58_423),
    "keras-models/fashion-mnist-cnn-keras3/model.keras": ("keras", 8, 121_930),
}


def present(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        pytest.skip(f"no file {path}")
    return path


@pytest.mark.parametrize("name", FILES)
def test_counts(name: str, data_folder: Path) -> None:
    kind, tensors, values = FILES[name]
    with formats.open_weights(present(data_folder, name)) as archive:
        assert archive.format == kind and len(archive) == tensors
        assert sum(math.prod(archive.shape(key)) for key in archive) == values
        for key in archive:
            array = archive[key]
            assert array.shape == archive.shape(key) and array.dtype == archive.dtype(key)
            assert np.isfinite(array.astype("f8")).all()


def test_mobilenet_checkpoint(data_folder: Path) -> None:
    path = present(data_folder, "mobilenet-v1-025-imagenet-torch/mobilenetV1X0.25_pretrain.tar")
    tree = formats.read_checkpoint(path)
    assert tree["epoch"] == 18 and tree["arch"] == "resnet18"
    assert tree["best_acc1"] == pytest.approx(46.58) and set(tree["optimizer"]) >= {"state"}
    assert all(name.startswith("module.") for name in tree["state_dict"])
    with formats.open_weights(path) as archive:
        assert archive.shape("fc.weight") == (1000, 256)
        assert archive.shape("stage1.0.0.weight") == (8, 3, 3, 3)


def test_older_keras_files(data_folder: Path) -> None:
    name = "mobilenet-v1-025-imagenet-keras/mobilenet_2_5_224_tf_no_top.h5"
    with formats.Hdf5File(present(data_folder, name)) as file:
        layers = dict(formats.legacy_layers(file))
        assert formats.model_config(file) is None and formats.legacy_optimizer(file) == []
        assert list(layers)[:3] == ["input_1", "conv1", "conv1_bn"]
        names = [weight for weight, _ in layers["conv1_bn"]]
        assert names == [
            f"conv1_bn/{part}:0" for part in ("gamma", "beta", "moving_mean", "moving_variance")
        ]
    name = "keras-models/cifar10-resnet8-mlperf/pretrainedResnet.h5"
    with formats.Hdf5File(present(data_folder, name)) as file:
        assert formats.model_config(file)["class_name"] == "Functional"
        assert formats.training_config(file)["loss"] == "categorical_crossentropy"
        assert len(formats.legacy_optimizer(file)) == 69
