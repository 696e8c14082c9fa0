"""A variational autoencoder of scikit-learn's digits, with a train_step of its own.

python examples/variational_autoencoder.py --epochs 30 --out digits.png

The step is written out: forward, backward, update, metrics. It is recorded like any other. Prints
the losses before and after, and paints digits that were drawn from the code.
"""

import argparse

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

import graftwork as gw
from graftwork import layers, ops

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--epochs", type=int, default=30)
parser.add_argument("--out", default="digits.png", help="where the drawn digits are painted")
arguments = parser.parse_args()

CODE = 8
gw.set_random_seed(1)
pictures = load_digits().images.reshape(-1, 64).astype("float32") / 16


class Draw(layers.Layer):
    """A draw z = μ + σ ε, ε normal; adds KL(N(μ, σ²) ‖ N(0, 1)) to the losses."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seeds = gw.random.SeedGenerator(7)

    def call(self, mean, log_variance):
        """Draw one code for each sample, (N, D)."""
        kl = -0.5 * (1 + log_variance - ops.square(mean) - ops.exp(log_variance))
        self.add_loss(ops.mean(ops.sum(kl, axis=1)))
        noise = gw.random.normal(ops.shape(mean), seed=self.seeds)
        return mean + ops.exp(0.5 * log_variance) * noise


class Autoencoder(gw.Model):
    """Encoder, draw and decoder, trained on the bound of the likelihood."""

    def __init__(self):
        super().__init__()
        self.encode = layers.Dense(128, activation="relu")
        self.mean, self.log_variance = layers.Dense(CODE), layers.Dense(CODE)
        self.draw = Draw()
        self.decode = gw.Sequential([layers.Dense(128, activation="relu"), layers.Dense(64)])
        self.pixels = gw.metrics.Mean(name="pixels")
        self.divergence = gw.metrics.Mean(name="divergence")

    def call(self, x):
        """Return the logits of the pixels."""
        hidden = self.encode(x)
        return self.decode(self.draw(self.mean(hidden), self.log_variance(hidden)))

    def train_step(self, x):
        """Update once."""
        self.zero_grad()
        entropy = gw.losses.binary_crossentropy(x, self(x, training=True), from_logits=True)
        pixels, divergence = ops.mean(entropy) * 64, sum(self.losses)
        (pixels + divergence).backward()
        weights = self.trainable_weights
        self.optimizer.apply([weight.grad for weight in weights], weights)
        self.pixels.update_state(pixels)
        self.divergence.update_state(divergence)
        return {"pixels": self.pixels.result(), "divergence": self.divergence.result()}


model = Autoencoder()
model.compile(gw.optimizers.Adam(1e-3))
history = model.fit(pictures, epochs=arguments.epochs, batch_size=64, verbose=0).history
bound = np.add(history["pixels"], history["divergence"])
print(f"bound of the first epoch {bound[0]:.2f}, of the last {bound[-1]:.2f}")

codes = np.random.default_rng(3).normal(size=(60, CODE)).astype("float32")
drawn = ops.sigmoid(model.decode(codes)).detach().numpy().reshape(60, 8, 8)
tiles = np.pad(drawn, ((0, 0), (1, 1), (1, 1)), constant_values=0.5).reshape(6, 10, 10, 10)
painted = tiles.transpose(0, 2, 1, 3).reshape(60, 100)
size = (1000, 600)
Image.fromarray((painted * 255).astype("uint8")).resize(size, Image.Resampling.NEAREST).save(
    arguments.out
)
print(f"60 draws in {arguments.out}")
