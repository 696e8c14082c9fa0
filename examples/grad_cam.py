"""Which pixels decide: Grad-CAM of a convolutional network on scikit-learn's digits.

python examples/grad_cam.py --out maps.png

A second model from the same symbols returns the last feature map beside the scores. The map is
weighted by the mean gradient of the winning score for each channel (Selvaraju et al., 2017). Prints
how far the score falls without the pixels around the summit of the map, and without others.
"""

import argparse

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

import graftgrad
import graftwork as gw
from graftwork import layers, ops

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--out", default="maps.png", help="where pictures and maps are painted")
arguments = parser.parse_args()

gw.set_random_seed(1)
digits = load_digits()
pictures, labels = digits.images[..., None].astype("float32") / 16, digits.target
inputs = gw.Input((8, 8, 1))
x = layers.Conv2D(32, 3, padding="same", activation="relu")(inputs)
x = layers.Conv2D(32, 3, padding="same", activation="relu", name="last_map")(x)
scores = layers.Dense(10)(layers.GlobalAveragePooling2D()(x))
model = gw.Model(inputs, scores)
loss = gw.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(gw.optimizers.Adam(1e-2), loss, metrics=["accuracy"])
model.fit(pictures[:1500], labels[:1500], epochs=arguments.epochs, verbose=0)
accuracy = model.evaluate(pictures[1500:], labels[1500:], verbose=0)[1]
print(f"accuracy {accuracy:.3f}")

both = gw.Model(model.inputs, [model.get_layer("last_map").output, model.output])


def maps(batch):
    """Return what each pixel says for the winning score, (N, H, W), at least 0."""
    features, found = both(batch)  # (N, H, W, C), (N, K)
    winning = ops.max(found, axis=1)
    (slope,) = graftgrad.grad(ops.sum(winning), [features])
    weights = ops.mean(slope, axis=(1, 2), keepdims=True)
    return ops.relu(ops.sum(weights * features, axis=3)).detach().numpy()


tested = pictures[1500:]
found = maps(tested)
flat = found.reshape(len(found), -1)
rows, columns = np.mgrid[:8, :8]
draw = np.random.default_rng(1)
before = model.predict(tested, verbose=0)
winner = before.argmax(1)[:, None]
summits, others = flat.argmax(1), draw.integers(64, size=len(flat))
for name, centre in (("the map's summit", summits), ("a pixel at random", others)):
    row, column = np.divmod(centre[:, None, None], 8)
    near = (abs(rows - row) <= 1) & (abs(columns - column) <= 1)
    after = model.predict(np.where(near[..., None], 0, tested), verbose=0)
    fall = np.mean(np.take_along_axis(before - after, winner, axis=1))
    print(f"without 3 x 3 pixels around {name} the score falls by {fall:.2f}")

top = flat.max(1)[:10, None, None]
tiles = np.concatenate([tested[:10, ..., 0], found[:10] / np.maximum(top, 1e-9)])
tiles = np.pad(tiles, ((0, 0), (1, 1), (1, 1)), constant_values=0.5)
painted = tiles.reshape(2, 10, 10, 10).transpose(0, 2, 1, 3).reshape(20, 100)
Image.fromarray((painted * 255).astype("uint8")).resize((1000, 200), Image.Resampling.NEAREST).save(
    arguments.out
)
print(f"pictures and maps in {arguments.out}")
