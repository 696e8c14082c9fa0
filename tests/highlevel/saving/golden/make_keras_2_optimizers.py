"""Writes `keras_2_optimizers.zip`: models that Keras 2 trained, and what it made of them later.

Run once with tensorflow 2.21 and tf_keras 2.21. Six steps of every optimizer; the file is written
after the third. Keras 2.11's Nadam is not among them: its compiled step multiplies the product of
momenta once too often for every weight but the first, and its file does not hold that product.
"""

import io
import os
import tempfile
import zipfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tf_keras as keras

random = np.random.default_rng(0)
X = random.standard_normal((12, 4)).astype("f4")
Y = random.standard_normal((12, 1)).astype("f4")
NEW, OLD = keras.optimizers, keras.optimizers.legacy
SCHEDULE = NEW.schedules.ExponentialDecay(0.1, 10, 0.9)
CASES = {
    "old_nesterov": lambda: OLD.SGD(0.05, momentum=0.9, nesterov=True),
    "old_decay": lambda: OLD.SGD(0.05, decay=0.1, momentum=0.9),
    "old_clipnorm": lambda: OLD.Adam(0.05, clipnorm=0.1),
    "old_adamsched": lambda: OLD.Adam(SCHEDULE),
    "old_amsgrad": lambda: OLD.Adam(0.05, amsgrad=True),
    "old_rms": lambda: OLD.RMSprop(0.05, epsilon=1e-3),
    "old_rmscentered": lambda: OLD.RMSprop(0.05, centered=True, epsilon=1e-3),
    "old_rmsall": lambda: OLD.RMSprop(0.05, momentum=0.5, centered=True),
    "old_adagrad": lambda: OLD.Adagrad(0.05),
    "old_adadelta": lambda: OLD.Adadelta(0.5),
    "old_adamax": lambda: OLD.Adamax(0.05),
    "old_nadam": lambda: OLD.Nadam(0.05),
    "old_nadam_decay": lambda: OLD.Nadam(0.05, schedule_decay=0.02),
    "old_ftrl": lambda: OLD.Ftrl(0.05),
    "new_nesterov": lambda: NEW.SGD(0.05, momentum=0.9, nesterov=True),
    "new_adamsched": lambda: NEW.Adam(SCHEDULE),
    "new_amsgrad": lambda: NEW.Adam(0.05, amsgrad=True),
    "new_ema": lambda: NEW.Adam(0.05, use_ema=True, ema_momentum=0.9),
    "new_adamw": lambda: NEW.AdamW(0.05, weight_decay=0.1),
    "new_rmsall": lambda: NEW.RMSprop(0.05, momentum=0.5, centered=True),
    "new_adagrad": lambda: NEW.Adagrad(0.05),
    "new_adadelta": lambda: NEW.Adadelta(0.5),
    "new_adamax": lambda: NEW.Adamax(0.05),
    "new_ftrl": lambda: NEW.Ftrl(0.05),
    "new_lion": lambda: NEW.Lion(0.01),
    "new_adafactor": lambda: NEW.Adafactor(0.05),
}

buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:

    def put(name, arrays):
        file = io.BytesIO()
        np.savez(file, *arrays)
        archive.writestr(name, file.getvalue())

    put("training.npz", [X, Y])
    for name, make in CASES.items():
        keras.backend.clear_session()
        keras.utils.set_random_seed(1)
        model = keras.Sequential([
            keras.layers.Input((4,)), keras.layers.Dense(3, "tanh", name="zz"),
            keras.layers.Dense(1, name="aa"),
        ])  # fmt: skip
        model.compile(make(), "mse")
        model.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
        with tempfile.TemporaryDirectory() as folder:
            for ending in ("h5",) if name.startswith("old") else ("h5", "keras"):
                path = Path(folder) / f"{name}.{ending}"  # .keras kept no state of the old ones
                model.save(path)
                archive.writestr(path.name, path.read_bytes())
        model.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
        put(f"{name}.after.npz", model.get_weights())
Path(__file__).with_name("keras_2_optimizers.zip").write_bytes(buffer.getvalue())
