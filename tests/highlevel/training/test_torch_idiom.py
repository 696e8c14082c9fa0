"""Steps of one's own as Keras' guides write them for PyTorch, with `import graftgrad as torch`."""

from typing import Any

import numpy as np
import pytest

import graftgrad as torch
import graftwork as keras
from graftwork import layers

X = np.random.default_rng(3).normal(size=(32, 8)).astype("float32")


class GAN(keras.Model):
    """Two networks, each with an optimizer of its own, after Keras' guide word for word."""

    def __init__(self, discriminator: Any, generator: Any, latent_dim: int) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.latent_dim = latent_dim
        self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
        self.g_loss_tracker = keras.metrics.Mean(name="g_loss")
        self.built = True

    @property
    def metrics(self) -> Any:
        return [self.d_loss_tracker, self.g_loss_tracker]

    def compile(self, d_optimizer: Any, g_optimizer: Any, loss_fn: Any) -> None:  # type: ignore[override]
        super().compile()
        self.d_optimizer = d_optimizer
        self.g_optimizer = g_optimizer
        self.loss_fn = loss_fn

    def train_step(self, real_images: Any) -> Any:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        if isinstance(real_images, tuple) or isinstance(real_images, list):
            real_images = real_images[0]
        batch_size = real_images.shape[0]
        random_latent_vectors = torch.randn(batch_size, self.latent_dim)
        generated_images = self.generator(random_latent_vectors)
        real_images = torch.tensor(real_images, device=device)
        combined_images = torch.concat([generated_images, real_images], axis=0)
        labels = torch.concat(
            [
                torch.ones((batch_size, 1), device=device),
                torch.zeros((batch_size, 1), device=device),
            ],
            axis=0,
        )
        labels += 0.05 * torch.rand(*labels.shape)

        self.zero_grad()
        predictions = self.discriminator(combined_images)
        d_loss = self.loss_fn(labels, predictions)
        d_loss.backward()
        grads = [v.value.grad for v in self.discriminator.trainable_weights]
        with torch.no_grad():
            self.d_optimizer.apply(grads, self.discriminator.trainable_weights)

        random_latent_vectors = torch.randn(batch_size, self.latent_dim)
        misleading_labels = torch.zeros((batch_size, 1), device=device)
        self.zero_grad()
        fake_images = self.generator(random_latent_vectors)
        predictions = self.discriminator(fake_images)
        g_loss = self.loss_fn(misleading_labels, predictions)
        grads = g_loss.backward()
        grads = [v.value.grad for v in self.generator.trainable_weights]
        with torch.no_grad():
            self.g_optimizer.apply(grads, self.generator.trainable_weights)

        self.d_loss_tracker.update_state(d_loss)
        self.g_loss_tracker.update_state(g_loss)
        return {
            "d_loss": self.d_loss_tracker.result(),
            "g_loss": self.g_loss_tracker.result(),
        }


def gan() -> GAN:
    keras.set_random_seed(4)
    discriminator = keras.Sequential(
        [keras.Input((8,)), layers.Dense(8), layers.LeakyReLU(negative_slope=0.2), layers.Dense(1)]
    )
    generator = keras.Sequential([keras.Input((4,)), layers.Dense(8)])
    model = GAN(discriminator=discriminator, generator=generator, latent_dim=4)
    model.compile(
        d_optimizer=keras.optimizers.Adam(learning_rate=0.003),
        g_optimizer=keras.optimizers.SGD(learning_rate=0.0),
        loss_fn=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    return model


def test_a_gan_trains_each_network_with_its_own_optimizer() -> None:
    model = gan()
    before = model.generator.get_weights(), model.discriminator.get_weights()
    history = model.fit(X, epochs=4, batch_size=8, verbose=0).history
    assert list(history) == ["d_loss", "g_loss"]
    assert history["d_loss"][-1] < history["d_loss"][0]
    for one, two in zip(before[0], model.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)  # its rate is 0
    assert any((one != two).any() for one, two in zip(before[1], model.discriminator.get_weights(),
                                                      strict=True))  # fmt: skip


class Sampling(layers.Layer):
    """Draw z from the mean and the logarithm of the variance."""

    def call(self, inputs: Any) -> Any:
        z_mean, z_log_var = inputs
        epsilon = torch.randn(*z_mean.shape)
        return z_mean + torch.exp(0.5 * z_log_var) * epsilon


class VAE(keras.Model):
    """A variational autoencoder with a step of its own."""

    def __init__(self, encoder: Any, decoder: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.total_loss_tracker = keras.metrics.Mean(name="total_loss")
        self.reconstruction_loss_tracker = keras.metrics.Mean(name="reconstruction_loss")
        self.kl_loss_tracker = keras.metrics.Mean(name="kl_loss")

    @property
    def metrics(self) -> Any:
        return [
            self.total_loss_tracker,
            self.reconstruction_loss_tracker,
            self.kl_loss_tracker,
        ]

    def train_step(self, data: Any) -> Any:
        self.zero_grad()
        z_mean, z_log_var, z = self.encoder(data)
        reconstruction = self.decoder(z)
        reconstruction_loss = torch.mean(
            torch.sum(
                keras.losses.mean_squared_error(data[:, :, None], reconstruction[:, :, None]), 1
            )
        )
        kl_loss = -0.5 * (1 + z_log_var - torch.square(z_mean) - torch.exp(z_log_var))
        kl_loss = torch.mean(torch.sum(kl_loss, 1))
        total_loss = reconstruction_loss + kl_loss
        total_loss.backward()
        trainable_weights = [v for v in self.trainable_weights]
        gradients = [v.value.grad for v in trainable_weights]
        with torch.no_grad():
            self.optimizer.apply(gradients, trainable_weights)
        self.total_loss_tracker.update_state(total_loss)
        self.reconstruction_loss_tracker.update_state(reconstruction_loss)
        self.kl_loss_tracker.update_state(kl_loss)
        return {
            "loss": self.total_loss_tracker.result(),
            "reconstruction_loss": self.reconstruction_loss_tracker.result(),
            "kl_loss": self.kl_loss_tracker.result(),
        }


def test_a_variational_autoencoder_learns_both_parts_of_its_loss() -> None:
    keras.set_random_seed(5)
    inputs = keras.Input((8,))
    x = layers.Dense(16, activation="relu")(inputs)
    z_mean = layers.Dense(2, name="z_mean")(x)
    z_log_var = layers.Dense(2, name="z_log_var")(x)
    encoder = keras.Model(inputs, [z_mean, z_log_var, Sampling()([z_mean, z_log_var])])
    latent = keras.Input((2,))
    decoder = keras.Model(latent, layers.Dense(8)(layers.Dense(16, activation="relu")(latent)))
    vae = VAE(encoder, decoder)
    vae.compile(optimizer=keras.optimizers.Adam(0.01))
    history = vae.fit(X, epochs=20, batch_size=16, verbose=0).history
    assert list(history) == ["loss", "reconstruction_loss", "kl_loss"]
    total = np.add(history["reconstruction_loss"], history["kl_loss"])
    np.testing.assert_allclose(history["loss"], total, rtol=1e-5)
    assert history["loss"][-1] < 0.8 * history["loss"][0]


class Watching(layers.Layer):
    """A layer that keeps a metric of its own, and adds to the loss."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = keras.metrics.Mean(name="seen")

    def call(self, x: Any) -> Any:
        self.add_loss(0.5 * torch.mean(x**2))
        self.seen.update_state(x)
        return x


def test_metrics_of_layers_are_told_and_begin_anew_and_losses_of_layers_are_added() -> None:
    model = keras.Sequential([keras.Input((8,)), Watching(), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    history = model.fit(X, X[:, :1], epochs=2, batch_size=8, verbose=0).history
    assert list(history) == ["loss", "seen"]
    np.testing.assert_allclose(history["seen"], [X.mean()] * 2, rtol=1e-4)
    error = ((model.predict(X, verbose=0) - X[:, :1]) ** 2).mean()
    np.testing.assert_allclose(history["loss"], [error + 0.5 * (X**2).mean()] * 2, rtol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_float16_gets_a_loss_scale_by_itself(policy: str) -> None:
    keras.mixed_precision.set_global_policy(policy)
    try:
        model = keras.Sequential([keras.Input((8,)), layers.Dense(1)])
        model.compile("sgd", "mse")
        plain = keras.Sequential([keras.Input((8,)), layers.Dense(1)])
        plain.compile("sgd", "mse", auto_scale_loss=False)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    name = "LossScaleOptimizer" if policy == "mixed_float16" else "SGD"
    assert (type(model.optimizer).__name__, type(plain.optimizer).__name__) == (name, "SGD")
    history = model.fit(X, X[:, :1], epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]


def test_a_model_is_compiled_as_another_was() -> None:
    one = keras.Sequential([keras.Input((8,)), layers.Dense(1)])
    assert one.get_compile_config() is None
    one.compile(keras.optimizers.Adam(0.25), "mse", metrics=["mae"])
    two = keras.Sequential([keras.Input((8,)), layers.Dense(1)])
    two.compile_from_config(one.get_compile_config())
    assert (type(two.optimizer).__name__, float(two.optimizer.learning_rate)) == ("Adam", 0.25)
    assert set(two.evaluate(X, X[:, :1], return_dict=True, verbose=0)) == {"loss", "mae"}
