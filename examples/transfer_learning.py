"""Ants or bees: a frozen MobileNet, a new head, real pictures.

python examples/transfer_learning.py --data hymenoptera --weights mobilenet_2_5_224_tf_no_top.h5
"""

import argparse
from pathlib import Path

import graftwork as gw
from graftwork import layers, optimizers
from graftwork.applications import MobileNet
from graftwork.applications.mobilenet import preprocess_input

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", type=Path, required=True, help="folder with train/ and val/")
parser.add_argument(
    "--weights", default="mobilenet_2_5_224_tf_no_top", help="a file or a catalogue name"
)
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--save", type=Path, default=Path("ants_bees.keras"))
arguments = parser.parse_args()

gw.set_random_seed(0)
pictures = {"image_size": (224, 224), "crop_to_aspect_ratio": True}
train = gw.image_dataset_from_directory(arguments.data / "train", seed=0, **pictures)
val = gw.image_dataset_from_directory(arguments.data / "val", shuffle=False, **pictures)
prepare = lambda x, y: (preprocess_input(x), y)  # noqa: E731
train, val = (one.map(prepare, deterministic=True).cache() for one in (train, val))

base = MobileNet(alpha=0.25, include_top=False, pooling="avg", weights=arguments.weights)
base.trainable = False
model = gw.Sequential([base, layers.Dense(2, activation="softmax", kernel_initializer="zeros")])
model.compile(optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.summary(show_trainable=True)
model.fit(train, validation_data=val, epochs=arguments.epochs)

model.save(arguments.save)
loss, accuracy = gw.models.load_model(arguments.save).evaluate(val, verbose=0)
print(f"{accuracy:.1%} right on {len(val.file_paths)} validation pictures; saved {arguments.save}")
