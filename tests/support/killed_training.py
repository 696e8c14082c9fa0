"""A small training in processes that are killed: `python -m support.killed_training`.

Each line of standard input names a folder. A process is forked for it, whose number is printed; it
trains there, going on from what it finds, and writes result.npz. How it ended is printed then: 0,
or minus the number of the signal that killed it.
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

import graftwork as gw
from graftwork import callbacks, layers

X = np.random.default_rng(0).normal(size=(36, 6)).astype("float32")
Y = (X[:, 0] * X[:, 1] > 0).astype("int64")


def network() -> Any:
    """Return a model with everything that a training remembers."""
    model = gw.Sequential(
        [
            gw.Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(2, activation="softmax"),
        ]
    )
    optimizer = gw.optimizers.Adam(0.05, use_ema=True, global_clipnorm=1.0)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train(folder: Path, every: Any = 1) -> dict[str, Any]:
    """Train in a folder, from what is there to the end; return all that came of it."""
    gw.set_random_seed(8)
    model = network()
    history = model.fit(
        X,
        Y,
        batch_size=8,
        epochs=6,
        verbose=0,
        validation_split=0.25,
        callbacks=[
            callbacks.BackupAndRestore(folder / "backup", save_freq=every),
            callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1),
            callbacks.EarlyStopping(patience=5, restore_best_weights=True),
            callbacks.ModelCheckpoint(folder / "best.keras", save_best_only=True),
        ],
    )
    found = {f"history/{name}": np.array(values) for name, values in history.history.items()}
    found |= {f"weight/{i}": value for i, value in enumerate(model.get_weights())}
    names = sorted(model.optimizer.state())
    state = model.optimizer.state()
    found |= {f"optimizer/{i}": state[name].numpy() for i, name in enumerate(names)}
    found["draws"] = np.random.random(3)  # noqa: NPY002
    return found


def _serve() -> None:
    for line in sys.stdin:
        folder = Path(line.strip())
        child = os.fork()
        if child == 0:
            try:
                np.savez(folder / "draft.npz", **train(folder))
                os.replace(folder / "draft.npz", folder / "result.npz")
            finally:
                sys.stderr.flush()
                os._exit(0 if (folder / "result.npz").exists() else 1)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    _serve()
