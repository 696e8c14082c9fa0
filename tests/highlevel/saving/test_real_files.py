"""Models that others trained and published: they open and are as good as their makers say."""

import csv
import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graftwork.models import load_model

pytestmark = pytest.mark.data


def idx(path: Path, offset: int) -> Any:
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=offset)


def test_fashion_mnist_of_keras_3(data_folder: Path) -> None:
    model = load_model(data_folder / "keras-models/fashion-mnist-cnn-keras3/model.keras")
    folder = data_folder / "fashion-mnist"
    pictures = idx(folder / "t10k-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28, 1)[:2000]
    labels = idx(folder / "t10k-labels-idx1-ubyte.gz", 8)[:2000]
    found = model.predict(pictures.astype("float32") / 255, verbose=0).argmax(axis=1)
    assert round(float((found == labels).mean()), 4) == 0.9085
    assert int(model.optimizer.iterations) > 0


def lossless(path: Path) -> tuple[Any, Any]:
    with tarfile.open(path) as archive:
        members = {Path(one.name).name: one for one in archive.getmembers()}

        def read(name: str) -> bytes:
            file = archive.extractfile(members[name])
            assert file is not None
            return file.read()

        rows = list(csv.reader(io.StringIO(read("y_labels.csv").decode())))
        pictures = [
            np.frombuffer(read(row[0].strip()), np.uint8).reshape(32, 32, 3) for row in rows
        ]
    return np.stack(pictures).astype("float32"), np.array([int(row[2]) for row in rows])


def test_cifar_resnet_of_keras_2_4(data_folder: Path) -> None:
    model = load_model(data_folder / "keras-models/cifar10-resnet8-mlperf/pretrainedResnet.h5")
    pictures, labels = lossless(data_folder / "cifar10-lossless-200/ic01.tar.gz")
    found = model.predict(pictures, verbose=0).argmax(axis=1)
    assert float((found == labels).mean()) == 0.855
    assert type(model.optimizer).__name__ == "Adam" and int(model.optimizer.iterations) > 0


def test_mini_xception_of_keras_2_0_5(data_folder: Path, tmp_path: Path) -> None:
    folder = data_folder / "keras-models/fer2013-mini-xception"
    model = load_model(folder / "fer2013_mini_XCEPTION.102-0.66.hdf5")
    assert model.count_params() == 58_423
    faces = np.random.default_rng(0).random((3, 64, 64, 1), "float32")
    found = model.predict(faces, verbose=0)
    assert found.shape == (3, 7) and np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    model.save(tmp_path / "again.keras")
    np.testing.assert_array_equal(
        load_model(tmp_path / "again.keras").predict(faces, verbose=0), found
    )
