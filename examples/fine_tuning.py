"""Fine-tuning three ways, of a backbone that knows MNIST, for scikit-learn's digits.

python examples/fine_tuning.py --per-class 10 --seeds 5

The head is trained first. Then all layers follow: at one rate, or each at a rate of its own, the
first least. The third way leaves the backbone frozen. Prints the rates and the accuracies.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import graftwork as gw
from graftwork import layers, optimizers

BACKBONE = Path(__file__).parent / "backbone" / "digits.keras"
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--per-class", type=int, default=10, help="labelled samples of every class")
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--rate", type=float, default=5e-3)
parser.add_argument("--lowest", type=float, default=0.01, help="of the first layer, a multiple")
arguments = parser.parse_args()

digits = load_digits()
pictures, labels = digits.images[..., None].astype("float32"), digits.target
test = slice(898, None)
accuracy: dict[str, list[float]] = {"frozen": [], "one rate": [], "by depth": []}

for seed in range(arguments.seeds):
    draw = np.random.default_rng(seed)
    chosen = np.concatenate(
        [draw.choice(np.flatnonzero(labels[:898] == k), arguments.per_class, False)
         for k in range(10)]
    )  # fmt: skip
    for way, found in accuracy.items():
        gw.set_random_seed(seed)
        base = gw.models.load_model(BACKBONE)
        base.trainable = False
        model = gw.Sequential([base, layers.Dense(10, activation="softmax")])
        model.compile(
            optimizers.Adam(1e-2), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        settings = {"batch_size": 10, "epochs": arguments.epochs, "verbose": 0}
        model.fit(pictures[chosen], labels[chosen], **settings)

        if way != "frozen":
            for layer in base.layers:
                layer.trainable = not isinstance(layer, layers.BatchNormalization)
        if way == "by depth":
            groups = optimizers.by_depth(model, arguments.lowest)
        model.optimizer.learning_rate = arguments.rate
        model.fit(pictures[chosen], labels[chosen], **settings)
        found.append(model.evaluate(pictures[test], labels[test], verbose=0)[1])

for multiplier, names in groups:
    print(f"rate x {multiplier:.3f}  {', '.join(names)}")
print()
for way, values in accuracy.items():
    print(f"{way:10s} accuracy {np.mean(values):.1%}  (lowest {min(values):.1%})")
