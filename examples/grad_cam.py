"""Which pixels decide: Grad-CAM of a convolutional network on scikit-learn's digits.

python examples/grad_cam.py --out maps.png

A second model from the same symbols returns the last feature map beside the scores. The map is
weighted by the mean gradient of the winning score for each channel (Selvaraju et al., 2017). Prints
how the score falls when the brightest tenth of the map is blanked, and when random pixels are.
"""

import argparse

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

import graftgrad
import graftwork as gw
from graftwork import layers, ops

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--epochs", type=int, default=8)
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
decisive = np.argsort(flat, axis=1)[:, -6:]
chance = np.random.default_rng(1).permuted(np.tile(np.arange(64), (len(found), 1)), axis=1)[:, :6]
before = model.predict(tested, verbose=0)
winner = before.argmax(1)[:, None]
for name, places in (("the map's brightest", decisive), ("random", chance)):
    blanked = tested.reshape(len(tested), -1).copy()
    np.put_along_axis(blanked, places, 0, axis=1)
    after = model.predict(blanked.reshape(tested.shape), verbose=0)
    fall = np.mean(np.take_along_axis(before - after, winner, axis=1))
    print(f"score falls by {fall:.2f} without 6 pixels: {name}")

top = flat.max(1)[:10, None, None]
rows = np.concatenate([tested[:10, ..., 0], found[:10] / np.maximum(top, 1e-9)])
painted = rows.reshape(2, 10, 8, 8).transpose(0, 2, 1, 3).reshape(16, 80)
Image.fromarray((painted * 255).astype("uint8")).resize((800, 160), Image.Resampling.NEAREST).save(
    arguments.out
)
print(f"pictures and maps in {arguments.out}")
