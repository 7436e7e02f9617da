"""The experiments of `latent` with residual and multi-scale networks in JAX: pure functions as in `jax_models.py`.

Images are grey, as in `latent bench`. Channels are the last dimension.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import Array

from jax_models import (
    Initialise,
    Loss,
    Parameters,
    apply_convolution,
    apply_linear,
    apply_transposed_convolution,
    convolution,
    linear,
)

LATENTS, HIDDEN, COUPLINGS, LEVEL_CHANNELS, FREE_BITS = 40, 128, 6, 2, 1.0
COMPONENTS, CHANNELS, LAMBDA = 8, 32, 1e-6


class Keys:
    """A new key for each use."""

    def __init__(self, key: Array) -> None:
        self.key = key

    def __call__(self) -> Array:
        self.key, key = jax.random.split(self.key)
        return key


def apply_same_convolution(parameters: Parameters, image: Array) -> Array:
    """Stride 1, padding 1: gather the nine taps of every pixel, then one product."""
    _, rows, columns, channels = image.shape
    padded = jnp.pad(image, ((0, 0), (1, 1), (1, 1), (0, 0)))
    taps = [padded[:, i : i + rows, j : j + columns] for i in range(3) for j in range(3)]
    weight = parameters["weight"].reshape(9 * channels, -1)
    return jnp.concatenate(taps, axis=-1) @ weight + parameters["bias"]


def block(keys: Keys, channels: int) -> Parameters:
    return [convolution(keys(), channels, channels, 9 * channels) for _ in range(2)]


def apply_block(parameters: Parameters, image: Array) -> Array:
    first, second = parameters
    hidden = apply_same_convolution(first, jax.nn.silu(image))
    return image + apply_same_convolution(second, jax.nn.silu(hidden))


def normal_log_prob(value: Array, mean: Array | float = 0.0, log_scale: Array | float = 0.0) -> Array:
    return -0.5 * jnp.square((value - mean) * jnp.exp(-log_scale)) - log_scale - 0.5 * math.log(2.0 * math.pi)


def path_log_prob(value: Array, mean: Array, log_scale: Array) -> Array:
    """log N whose gradient goes through the value alone."""
    return normal_log_prob(value, jax.lax.stop_gradient(mean), jax.lax.stop_gradient(log_scale))


def dimensions(index: int) -> tuple[list[int], list[int]]:
    """The dimensions that a coupling of the prior transforms, and those that are given."""
    bit = index // 2 % (LATENTS - 1).bit_length()
    is_moved = [(j >> bit) % 2 != index % 2 for j in range(LATENTS)]
    return [j for j in range(LATENTS) if is_moved[j]], [j for j in range(LATENTS) if not is_moved[j]]


def initialise_prior(keys: Keys) -> Parameters:
    def coupling(index: int) -> Parameters:
        moved, given = dimensions(index)
        sizes = [len(given), HIDDEN, HIDDEN, 2 * len(moved)]
        return [linear(keys(), *pair) for pair in zip(sizes, sizes[1:])]

    return [coupling(index) for index in range(COUPLINGS)]


def log_prior(parameters: Parameters, latent: Array) -> Array:
    log_det = 0.0
    for index in reversed(range(COUPLINGS)):
        moved, given = (jnp.array(part) for part in dimensions(index))
        hidden = latent[:, given]
        for layer in parameters[index][:-1]:
            hidden = jax.nn.silu(apply_linear(layer, hidden))
        scale, translation = jnp.split(apply_linear(parameters[index][-1], hidden), 2, axis=1)
        log_scale = 2.0 * jnp.tanh(scale / 2.0)
        latent = latent.at[:, moved].set((latent[:, moved] - translation) * jnp.exp(-log_scale))
        log_det = log_det - log_scale.sum(1)
    return normal_log_prob(latent).sum(1) + log_det


def initialise_networks(keys: Keys) -> Parameters:
    """The encoder and the decoder that both VAEs have."""
    return {
        "first": convolution(keys(), 1, 32, 9),
        "first_block": block(keys, 32),
        "second": convolution(keys(), 32, 64, 9 * 32),
        "second_block": block(keys, 64),
        "features": linear(keys(), 3136, 256),
        "mean": linear(keys(), 256, LATENTS),
        "log_variance": linear(keys(), 256, LATENTS),
        "prior": initialise_prior(keys),
        "decoder": linear(keys(), LATENTS, 256),
        "image": linear(keys(), 256, 3136),
        "third_block": block(keys, 64),
        "third": convolution(keys(), 64, 32, 9 * 32),
        "fourth_block": block(keys, 32),
        "fourth": convolution(keys(), 32, 1, 9),
    }


def encode(parameters: Parameters, pixels: Array) -> list[Array]:
    """The features at each resolution, and the last ones."""
    image = apply_convolution(parameters["first"], pixels.reshape(-1, 28, 28, 1))
    first = jax.nn.silu(apply_block(parameters["first_block"], image))
    second = jax.nn.silu(apply_block(parameters["second_block"], apply_convolution(parameters["second"], first)))
    return [first, second, jax.nn.silu(apply_linear(parameters["features"], second.reshape(-1, 3136)))]


def top(parameters: Parameters, features: Array, key: Array) -> tuple[Array, Array]:
    """A draw of the top level and its KL divergence."""
    mean = apply_linear(parameters["mean"], features)
    log_scale = 0.5 * apply_linear(parameters["log_variance"], features)
    latent = mean + jnp.exp(log_scale) * jax.random.normal(key, mean.shape)
    return latent, path_log_prob(latent, mean, log_scale).sum(1) - log_prior(parameters["prior"], latent)


def decode(parameters: Parameters, latent: Array, draw) -> Array:
    """The logits; `draw` changes the hidden state of a resolution, 0 for the smallest."""
    hidden = jax.nn.silu(apply_linear(parameters["decoder"], latent))
    hidden = draw(0, apply_linear(parameters["image"], hidden).reshape(-1, 7, 7, 64))
    hidden = jax.nn.silu(apply_block(parameters["third_block"], hidden))
    hidden = draw(1, apply_transposed_convolution(parameters["third"], hidden))
    hidden = jax.nn.silu(apply_block(parameters["fourth_block"], hidden))
    return apply_transposed_convolution(parameters["fourth"], hidden).reshape(-1, 784)


def reconstruction(logits: Array, pixels: Array) -> Array:
    return (jax.nn.softplus(logits) - pixels * logits).sum(1)


def initialise_flow_prior(key: Array) -> Parameters:
    return initialise_networks(Keys(key))


def flow_prior_loss(parameters: Parameters, key: Array, images: Array, labels: Array) -> Array:
    pixels = images.astype(jnp.float32) * (1.0 / 255.0)
    latent, divergence = top(parameters, encode(parameters, pixels)[-1], key)
    logits = decode(parameters, latent, lambda _, hidden: hidden)
    return (reconstruction(logits, pixels) + divergence).mean()


def initialise_ladder(key: Array) -> Parameters:
    keys = Keys(key)

    def group(channels: int) -> Parameters:
        names = ["prior_mean", "prior_scale", "mean", "log_scale"]
        return {
            **{name: linear(keys(), channels, LEVEL_CHANNELS) for name in names},
            "merge": convolution(keys(), channels, channels, 9 * channels),
            "output": linear(keys(), LEVEL_CHANNELS, channels),
        }

    return {**initialise_networks(keys), "groups": [group(64), group(32)]}


def ladder_loss(parameters: Parameters, key: Array, images: Array, labels: Array) -> Array:
    pixels = images.astype(jnp.float32) * (1.0 / 255.0)
    keys = jax.random.split(key, 3)
    features = encode(parameters, pixels)
    latent, divergence = top(parameters, features[-1], keys[2])
    levels = [divergence]

    def draw(index: int, hidden: Array) -> Array:
        group = parameters["groups"][index]
        merged = apply_same_convolution(group["merge"], jax.nn.silu(hidden + features[1 - index]))
        merged = jax.nn.silu(merged)
        mean = apply_linear(group["mean"], merged)
        log_scale = 2.0 * jnp.tanh(apply_linear(group["log_scale"], merged) / 2.0)
        base = mean + jnp.exp(log_scale) * jax.random.normal(keys[index], mean.shape)
        levels.append((path_log_prob(base, mean, log_scale) - normal_log_prob(base)).sum((1, 2, 3)))
        before = jax.nn.silu(hidden)
        scale = jax.nn.sigmoid(apply_linear(group["prior_scale"], before))
        return hidden + apply_linear(group["output"], apply_linear(group["prior_mean"], before) + scale * base)

    logits = decode(parameters, latent, draw)
    missing = sum(jax.nn.relu(FREE_BITS - level.mean()) for level in levels)
    return (reconstruction(logits, pixels) + sum(levels)).mean() + missing


def initialise_multi_scale(key: Array) -> Parameters:
    keys = Keys(key)

    def step(channels: int) -> Parameters:
        half, square = channels // 2, (channels, channels)
        return {
            "log_scale": jnp.zeros(channels),
            "translation": jnp.zeros(channels),
            "lower": jnp.zeros(square),
            "upper": jnp.zeros(square),
            "log_diagonal": jnp.zeros(channels),
            "first": convolution(keys(), half, CHANNELS, 9 * half),
            "block": block(keys, CHANNELS),
            "last": jax.tree.map(lambda values: 0.1 * values, linear(keys(), CHANNELS, (2 + 3 * COMPONENTS) * half)),
        }

    return [[step(4) for _ in range(4)], [step(8) for _ in range(4)]]


def mixture(parameters: Array, value: Array) -> tuple[Array, Array]:
    """exp(a) logit F(x) + b and the logarithm of its derivative, by components in the second last dimension."""
    a, b, logits, means, log_scales = jnp.split(parameters, [1, 2, 2 + COMPONENTS, 2 + 2 * COMPONENTS], axis=-2)
    a, log_scales = 5.0 * jnp.tanh(a[..., 0, :] / 5.0), 5.0 * jnp.tanh(log_scales / 5.0)
    log_weights = jax.nn.log_softmax(logits, axis=-2)
    standard = (value[..., None, :] - means) * jnp.exp(-log_scales)
    log_below, log_above = jax.nn.log_sigmoid(standard), jax.nn.log_sigmoid(-standard)
    below = jax.nn.logsumexp(log_weights + log_below, axis=-2)
    above = jax.nn.logsumexp(log_weights + log_above, axis=-2)
    density = jax.nn.logsumexp(log_weights + log_below + log_above - log_scales, axis=-2)
    return jnp.exp(a) * (below - above) + b[..., 0, :], a + density - below - above


def apply_step(step: Parameters, image: Array) -> tuple[Array, Array]:
    """The next image, and the log-determinant."""
    count, rows, columns, channels = image.shape
    image = (image - step["translation"]) * jnp.exp(-step["log_scale"])
    lower = jnp.tril(step["lower"], -1) + jnp.eye(channels)
    upper = jnp.triu(step["upper"], 1) + jnp.diag(jnp.exp(step["log_diagonal"]))
    image = image @ jnp.flip(lower @ upper, axis=0).T
    log_det = (step["log_diagonal"] - step["log_scale"]).sum() * (rows * columns)
    given, moved = jnp.split(image, 2, axis=-1)
    hidden = apply_block(step["block"], apply_same_convolution(step["first"], given))
    parameters = apply_linear(step["last"], jax.nn.silu(hidden))
    parameters = parameters.reshape(count, rows, columns, 2 + 3 * COMPONENTS, channels // 2)
    moved, slope = mixture(parameters, moved)
    return jnp.concatenate([given, moved], axis=-1), log_det + slope.sum((1, 2, 3))


def multi_scale_loss(parameters: Parameters, key: Array, images: Array, labels: Array) -> Array:
    pixels = images.astype(jnp.float32)
    unit = LAMBDA + (1.0 - 2.0 * LAMBDA) / 256.0 * (pixels + jax.random.uniform(key, pixels.shape))
    image = (jnp.log(unit) - jnp.log1p(-unit)).reshape(-1, 28, 28, 1)
    total = 0.0
    for number, level in enumerate(parameters):
        corners = [image[:, row::2, column::2] for row, column in [(0, 0), (1, 1), (0, 1), (1, 0)]]
        image = jnp.concatenate(corners, axis=-1)
        for step in level:
            image, log_det = apply_step(step, image)
            total = total + log_det
        if number + 1 < len(parameters):
            image, factored_out = jnp.split(image, 2, axis=-1)
            total = total + (jax.nn.log_sigmoid(factored_out) + jax.nn.log_sigmoid(-factored_out)).sum((1, 2, 3))
    total = total + (jax.nn.log_sigmoid(image) + jax.nn.log_sigmoid(-image)).sum((1, 2, 3))
    return -total.mean()


EXPERIMENTS: dict[str, tuple[Initialise, Loss]] = {
    "vae-flow-prior": (initialise_flow_prior, flow_prior_loss),
    "vae-ladder": (initialise_ladder, ladder_loss),
    "flow-multiscale": (initialise_multi_scale, multi_scale_loss),
}
