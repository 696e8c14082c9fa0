"""Transfer learning with few labels, start to finish, with nothing but what is in this repository.

make demo, or python examples/demo.py --per-class 5 --seeds 5

A small backbone that was trained on MNIST (examples/train_backbone.py) is loaded, frozen and
given a new head, which learns scikit-learn's handwritten digits from a few labelled samples; the
same network is also trained from scratch. Prints the comparison over several seeds, saves the
curves, saves the model and loads it again.
"""

import argparse
import time
from pathlib import Path

import matplotlib
import numpy as np
from sklearn.datasets import load_digits

import graftwork as gw
from graftwork import layers, optimizers

matplotlib.use("Agg")
import matplotlib.pyplot as plt

BACKBONE = Path(__file__).parent / "backbone" / "digits.keras"


def few(labels: np.ndarray, per_class: int, seed: int) -> np.ndarray:
    """Choose so many samples of every class."""
    draw = np.random.default_rng(seed)
    return np.concatenate(
        [draw.choice(np.flatnonzero(labels == k), per_class, False) for k in range(10)]
    )


def network(pretrained: bool) -> gw.Sequential:
    """Return backbone and head: the backbone pretrained and frozen, or both fresh."""
    base = gw.models.load_model(BACKBONE)
    if pretrained:
        base.trainable = False
    else:
        base = gw.models.clone_model(base)  # the same layers with fresh weights
    model = gw.Sequential([base, layers.Dense(10, activation="softmax")])
    rate = 1e-2 if pretrained else 2e-3
    model.compile(optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--per-class", type=int, default=5, help="labelled samples of every class")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--out", type=Path, default=Path("demo_output"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)

    count = 10 * arguments.per_class
    digits = load_digits()
    pictures, labels = digits.images[..., None].astype("float32"), digits.target
    pool, test = slice(0, 898), slice(898, None)
    print(
        f"scikit-learn's digits: {len(labels[test])} test pictures, {count} labels to learn from\n"
    )

    network(pretrained=True).summary(show_trainable=True)
    print()
    every = max(1, arguments.epochs // 8)
    accuracy: dict[str, list[float]] = {}
    curves: dict[str, list[list[float]]] = {}
    for name, pretrained in (("frozen backbone, new head", True), ("from scratch", False)):
        started = time.perf_counter()
        for seed in range(arguments.seeds):
            gw.set_random_seed(seed)
            chosen = few(labels[pool], arguments.per_class, seed)
            model = network(pretrained)
            history = model.fit(
                pictures[chosen], labels[chosen], batch_size=10, epochs=arguments.epochs,
                validation_data=(pictures[test], labels[test]), validation_batch_size=500,
                validation_freq=every, verbose=0,
            )  # fmt: skip
            curves.setdefault(name, []).append(history.history["val_accuracy"])
            accuracy.setdefault(name, []).append(history.history["val_accuracy"][-1])
            if pretrained and seed == 0:
                kept = model
        values = np.array(accuracy[name])
        spread = values.std(ddof=1) if len(values) > 1 else 0.0
        print(
            f"{name:26s} accuracy {values.mean():.1%} ± {spread:.1%}"
            f" over {len(values)} seeds  (lowest {values.min():.1%}, highest {values.max():.1%})"
            f"  {time.perf_counter() - started:.1f} s"
        )

    path = arguments.out / "digits.keras"
    kept.save(path)
    same = gw.models.load_model(path)
    equal = np.array_equal(
        kept.predict(pictures[test], verbose=0), same.predict(pictures[test], verbose=0)
    )
    verdict = "bit for bit the same" if equal else "DIFFERENT"
    print(f"\nsaved {path}; loaded again, its predictions are {verdict}")

    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for name, runs in curves.items():
        epochs = every * np.arange(1, len(runs[0]) + 1)
        mean, low, high = np.mean(runs, 0), np.min(runs, 0), np.max(runs, 0)
        (line,) = axes.plot(epochs, mean, label=name)
        axes.fill_between(epochs, low, high, alpha=0.2, color=line.get_color())
    axes.set(
        xlabel="epoch",
        ylabel="accuracy on test digits",
        ylim=(0, 1),
        title=f"{count} labelled digits, mean and range of {arguments.seeds} seeds",
    )
    axes.legend(loc="best")
    axes.grid(alpha=0.3)
    figure.savefig(arguments.out / "curves.png", dpi=120)
    print(f"saved {arguments.out / 'curves.png'}")


if __name__ == "__main__":
    main()
