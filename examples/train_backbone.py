"""Train the small backbone that `make demo` transfers: MNIST's 60,000 digits at 8 × 8.

python examples/train_backbone.py --data folder/with/train-images-idx3-ubyte.gz …

scikit-learn's digits fill their 8 × 8 pixels, MNIST's the inner 20 × 20 of 28 × 28: these are
brought down, every digit shifted by up to two of its own pixels, anew in every epoch.
"""

import argparse
import gzip
from pathlib import Path

import numpy as np

import graftwork as gw
from graftwork import layers, optimizers


def idx(path: Path) -> np.ndarray:
    """Read an IDX file (LeCun's format): a magic number, the sizes, the bytes."""
    raw = gzip.decompress(path.read_bytes())
    axes = raw[3]
    sizes = np.frombuffer(raw, ">i4", axes, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(sizes)


def reduced(pictures: np.ndarray, rows: int = 0, columns: int = 0) -> np.ndarray:
    """Bring (N, 28, 28) down to (N, 8, 8, 1) in 0 … 16: means of blocks of the inner 20 × 20."""
    inner = pictures[:, 4 + rows : 24 + rows, 4 + columns : 24 + columns]
    doubled = inner.repeat(2, 1).repeat(2, 2)
    blocks = doubled.reshape(-1, 8, 5, 8, 5).mean((2, 4)) / 255 * 16
    return blocks[..., None].astype("float32")


def shifted(pictures: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Bring pictures down, each moved by up to two of its own pixels."""
    rows, columns = draw.integers(-2, 3, (2, len(pictures)))
    small = np.empty((len(pictures), 8, 8, 1), "float32")
    for row in range(-2, 3):
        for column in range(-2, 3):
            chosen = (rows == row) & (columns == column)
            small[chosen] = reduced(pictures[chosen], row, column)
    return small


def backbone(name: str = "digit_features") -> gw.Sequential:
    """Return three convolutions: (N, 8, 8, 1) in 0 … 16 -> (N, 128) features."""
    stack = [gw.Input((8, 8, 1)), layers.Rescaling(1 / 16)]
    for filters, pool in ((32, False), (64, True), (128, False)):
        stack += [
            layers.Conv2D(filters, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
        ]
        stack += [layers.MaxPooling2D(2)] if pool else []
    return gw.Sequential([*stack, layers.GlobalAveragePooling2D()], name=name)


def main() -> None:
    """Train, measure on MNIST's test digits, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with MNIST's four IDX files"
    )
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "backbone" / "digits.keras"
    )
    arguments = parser.parse_args()
    gw.set_random_seed(0)
    pictures = idx(arguments.data / "train-images-idx3-ubyte.gz")
    labels = idx(arguments.data / "train-labels-idx1-ubyte.gz").astype("int64")
    test = reduced(idx(arguments.data / "t10k-images-idx3-ubyte.gz"))
    test_labels = idx(arguments.data / "t10k-labels-idx1-ubyte.gz").astype("int64")

    base = backbone()
    model = gw.Sequential([base, layers.Dropout(0.2), layers.Dense(10, activation="softmax")])
    model.compile(optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    draw = np.random.default_rng(0)
    for epoch in range(arguments.epochs):
        model.optimizer.learning_rate = 2e-3 * 0.5 * (1 + np.cos(np.pi * epoch / arguments.epochs))
        small = shifted(pictures, draw)
        model.fit(small, labels, batch_size=128, epochs=epoch + 1, initial_epoch=epoch)
    loss, accuracy = model.evaluate(test, test_labels, batch_size=500, verbose=0)
    print(f"MNIST at 8 x 8, 10,000 test digits: loss {loss:.4f}, accuracy {accuracy:.2%}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    base.save(arguments.out)
    print(f"saved {arguments.out}, {arguments.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
