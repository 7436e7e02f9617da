"""The five models in JAX: pure functions of parameters, a key and a batch, trained inside one jitted scan.

Convolutions are written as slices and matrix products: XLA's own convolutions
on a CPU, their gradients above all, are several times slower, and slower
still inside a scan.  The products and sums are the same ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy
from jax import Array, lax

# One call that scans over many steps saves Python and dispatch time.
STEPS_PER_CALL = 20
# On a CPU as fast as the generators designed for accelerators (rbg, unsafe_rbg).
GENERATOR = "threefry2x32"
SQUEEZE = 1e-6

Parameters = Any
Initialise = Callable[[Array], Parameters]
Loss = Callable[[Parameters, Array, Array, Array], Array]


def uniform(key: Array, shape: tuple[int, ...], fan_in: int) -> Array:
    """PyTorch's default initialisation of weights and biases alike."""
    bound = 1.0 / math.sqrt(fan_in)
    return jax.random.uniform(key, shape, minval=-bound, maxval=bound)


def linear(key: Array, inputs: int, outputs: int) -> Parameters:
    weight_key, bias_key = jax.random.split(key)
    return {
        "weight": uniform(weight_key, (inputs, outputs), inputs),
        "bias": uniform(bias_key, (outputs,), inputs),
    }


def convolution(key: Array, inputs: int, outputs: int, fan_in: int) -> Parameters:
    """A 3x3 kernel ordered rows, columns, inputs, outputs."""
    weight_key, bias_key = jax.random.split(key)
    return {
        "weight": uniform(weight_key, (3, 3, inputs, outputs), fan_in),
        "bias": uniform(bias_key, (outputs,), fan_in),
    }


def apply_linear(parameters: Parameters, inputs: Array) -> Array:
    return inputs @ parameters["weight"] + parameters["bias"]


def apply_convolution(parameters: Parameters, image: Array) -> Array:
    """Stride 2, padding 1, channels last: gather the nine taps of every output pixel, then one product."""
    _, rows, columns, channels = image.shape
    padded = jnp.pad(image, ((0, 0), (1, 1), (1, 1), (0, 0)))
    taps = [padded[:, i : i + rows : 2, j : j + columns : 2] for i in range(3) for j in range(3)]
    weight = parameters["weight"].reshape(9 * channels, -1)
    return jnp.concatenate(taps, axis=-1) @ weight + parameters["bias"]


def apply_transposed_convolution(parameters: Parameters, image: Array) -> Array:
    """Stride 2, padding 1, output padding 1, channels last: one product, then add up the overlapping taps.

    Input row y reaches output rows 2y - 1, 2y and 2y + 1 through taps 0, 1
    and 2, so even output rows have one source and odd ones have two; likewise
    for columns.
    """
    batch, rows, columns, channels = image.shape
    outputs = parameters["weight"].shape[-1]
    weight = parameters["weight"].transpose(2, 0, 1, 3).reshape(channels, 9 * outputs)
    taps = (image @ weight).reshape(batch, rows, columns, 3, 3, outputs)

    below = jnp.pad(taps[:, 1:, :, 0], ((0, 0), (0, 1), (0, 0), (0, 0), (0, 0)))
    row_parities = (taps[:, :, :, 1], taps[:, :, :, 2] + below)

    def column_parities(half: Array) -> Array:
        right = jnp.pad(half[:, :, 1:, 0], ((0, 0), (0, 0), (0, 1), (0, 0)))
        return jnp.stack([half[:, :, :, 1], half[:, :, :, 2] + right], axis=3)

    result = jnp.stack([column_parities(half) for half in row_parities], axis=2)
    return result.reshape(batch, 2 * rows, 2 * columns, outputs) + parameters["bias"]


def bernoulli_evidence_bound(logits: Array, pixels: Array, mean: Array, log_variance: Array) -> Array:
    """Binary cross-entropy summed over pixels plus the analytic KL to N(0, I), averaged over the batch."""
    reconstruction = (jax.nn.softplus(logits) - pixels * logits).sum()
    divergence = 0.5 * (jnp.exp(log_variance) + jnp.square(mean) - 1.0 - log_variance).sum()
    return (reconstruction + divergence) / pixels.shape[0]


def sample(key: Array, mean: Array, log_variance: Array) -> Array:
    """A reparametrised sample of the encoder's Gaussian."""
    return mean + jnp.exp(0.5 * log_variance) * jax.random.normal(key, mean.shape)


def initialise_mlp(key: Array) -> Parameters:
    keys = jax.random.split(key, 5)
    return {
        "encoder": linear(keys[0], 784, 512),
        "mean_head": linear(keys[1], 512, 2),
        "log_variance_head": linear(keys[2], 512, 2),
        "decoder_hidden": linear(keys[3], 2, 512),
        "decoder_logits": linear(keys[4], 512, 784),
    }


def mlp_loss(parameters: Parameters, key: Array, images: Array, labels: Array) -> Array:
    pixels = images.astype(jnp.float32) * (1.0 / 255.0)
    hidden = jax.nn.relu(apply_linear(parameters["encoder"], pixels))
    mean = apply_linear(parameters["mean_head"], hidden)
    log_variance = apply_linear(parameters["log_variance_head"], hidden)
    hidden = jax.nn.relu(apply_linear(parameters["decoder_hidden"], sample(key, mean, log_variance)))
    logits = apply_linear(parameters["decoder_logits"], hidden)
    return bernoulli_evidence_bound(logits, pixels, mean, log_variance)


def initialise_convolutional(conditional: bool) -> Initialise:
    def initialise(key: Array) -> Parameters:
        keys = jax.random.split(key, 10)
        parameters = {
            "first": convolution(keys[0], 1, 32, fan_in=9),
            "second": convolution(keys[1], 32, 64, fan_in=32 * 9),
            "encoder_hidden": linear(keys[2], 3136, 16),
            "mean_head": linear(keys[3], 16, 2),
            "log_variance_head": linear(keys[4], 16, 2),
            "decoder_hidden": linear(keys[5], 2, 3136),
            # PyTorch takes the outputs of a transposed convolution for its fan-in.
            "third": convolution(keys[6], 64, 32, fan_in=32 * 9),
            "fourth": convolution(keys[7], 32, 1, fan_in=9),
        }
        if conditional:
            parameters["encoder_label"] = uniform(keys[8], (10, 14 * 14 * 32), 10)
            parameters["decoder_label"] = uniform(keys[9], (10, 3136), 10)
        return parameters

    return initialise


def convolutional_loss(conditional: bool) -> Loss:
    def loss(parameters: Parameters, key: Array, images: Array, labels: Array) -> Array:
        pixels = images.astype(jnp.float32) * (1.0 / 255.0)
        hidden = apply_convolution(parameters["first"], pixels.reshape(-1, 28, 28, 1))
        if conditional:
            hidden = hidden + (labels @ parameters["encoder_label"]).reshape(-1, 14, 14, 32)
        hidden = jax.nn.relu(apply_convolution(parameters["second"], jax.nn.relu(hidden)))
        hidden = jax.nn.relu(apply_linear(parameters["encoder_hidden"], hidden.reshape(-1, 3136)))
        mean = apply_linear(parameters["mean_head"], hidden)
        log_variance = apply_linear(parameters["log_variance_head"], hidden)

        hidden = apply_linear(parameters["decoder_hidden"], sample(key, mean, log_variance))
        if conditional:
            hidden = hidden + labels @ parameters["decoder_label"]
        hidden = jax.nn.relu(hidden).reshape(-1, 7, 7, 64)
        hidden = jax.nn.relu(apply_transposed_convolution(parameters["third"], hidden))
        logits = apply_transposed_convolution(parameters["fourth"], hidden).reshape(-1, 784)
        return bernoulli_evidence_bound(logits, pixels, mean, log_variance)

    return loss


def initialise_realnvp(couplings: int) -> Initialise:
    def network(key: Array) -> Parameters:
        keys = jax.random.split(key, 3)
        return [linear(keys[0], 392, 512), linear(keys[1], 512, 512), linear(keys[2], 512, 392)]

    def initialise(key: Array) -> Parameters:
        keys = jax.random.split(key, 2 * couplings)
        return [{"scale": network(keys[2 * i]), "shift": network(keys[2 * i + 1])} for i in range(couplings)]

    return initialise


def apply_network(layers: Parameters, inputs: Array) -> Array:
    hidden = jax.nn.relu(apply_linear(layers[0], inputs))
    hidden = jax.nn.relu(apply_linear(layers[1], hidden))
    return apply_linear(layers[2], hidden)


def realnvp_loss(parameters: Parameters, key: Array, images: Array, labels: Array) -> Array:
    """Negative log-likelihood of dequantised pixels; the data set's columns come even pixels first."""
    pixels = images.astype(jnp.float32)
    unit = SQUEEZE + (1.0 - 2.0 * SQUEEZE) / 256.0 * (pixels + jax.random.uniform(key, pixels.shape))
    log_unit, log_rest = jnp.log(unit), jnp.log1p(-unit)
    log_determinant = pixels.size * math.log((1.0 - 2.0 * SQUEEZE) / 256.0) - (log_unit + log_rest).sum()
    fixed, moved = jnp.split(log_unit - log_rest, 2, axis=1)
    for coupling in parameters:
        log_scale = jnp.tanh(apply_network(coupling["scale"], fixed))
        moved = moved * jnp.exp(log_scale) + apply_network(coupling["shift"], fixed)
        log_determinant = log_determinant + log_scale.sum()
        fixed, moved = moved, fixed
    base = 0.5 * (jnp.square(fixed).sum() + jnp.square(moved).sum() + math.log(2.0 * math.pi) * pixels.size)
    return (base - log_determinant) / pixels.shape[0]


def make_model(name: str) -> tuple[Initialise, Loss]:
    if name == "mlp-vae":
        return initialise_mlp, mlp_loss
    if name.startswith("conv-"):
        conditional = name == "conv-cvae"
        return initialise_convolutional(conditional), convolutional_loss(conditional)
    return initialise_realnvp(int(name.removeprefix("realnvp-"))), realnvp_loss


def adam(state: Parameters, gradients: Parameters, learning_rate: float) -> Parameters:
    """Adam by hand, so that XLA fuses it into one pass over each parameter."""
    count = state["count"] + 1.0
    rate = learning_rate / (1.0 - 0.9**count)
    correction = lax.rsqrt(1.0 - 0.999**count)
    first = jax.tree.map(lambda old, new: 0.9 * old + 0.1 * new, state["first"], gradients)
    second = jax.tree.map(lambda old, new: 0.999 * old + 0.001 * new * new, state["second"], gradients)
    parameters = jax.tree.map(
        lambda old, mean, square: old - rate * mean / (jnp.sqrt(square) * correction + 1e-8),
        state["parameters"],
        first,
        second,
    )
    return {"parameters": parameters, "first": first, "second": second, "count": count}


class JaxTrainer:
    """Runs whole groups of steps in one call and the remainder one step at a time, both compiled beforehand."""

    def __init__(
        self,
        name: str,
        functions: tuple[Initialise, Loss],
        images: numpy.ndarray,
        labels: numpy.ndarray,
        rows: Iterator[numpy.ndarray],
        seed: int,
    ) -> None:
        jax.config.update("jax_default_prng_impl", GENERATOR)
        initialise, loss_of = functions
        learning_rate = 1e-4 if name.startswith("realnvp") else 1e-3
        self.rows = rows
        self.images = jnp.asarray(images)
        self.labels = jax.nn.one_hot(labels, 10)
        parameter_key, noise_key = jax.random.split(jax.random.key(seed))
        parameters = initialise(parameter_key)
        state = {
            "parameters": parameters,
            "first": jax.tree.map(jnp.zeros_like, parameters),
            "second": jax.tree.map(jnp.zeros_like, parameters),
            "count": jnp.zeros(()),
        }
        self.carry = (state, noise_key)

        def train(carry: Any, batches: Array, images: Array, labels: Array) -> tuple[Any, Array]:
            def step(carry: Any, batch: Array) -> tuple[Any, Array]:
                state, key = carry
                key, noise_key = jax.random.split(key)
                loss, gradients = jax.value_and_grad(loss_of)(
                    state["parameters"], noise_key, images[batch], labels[batch]
                )
                return (adam(state, gradients, learning_rate), key), loss

            return lax.scan(step, carry, batches)

        self.next_rows = next(rows)
        jitted = jax.jit(train, donate_argnums=0)
        self.compiled = {}
        for steps in (1, STEPS_PER_CALL):
            batches = jax.ShapeDtypeStruct((steps, len(self.next_rows)), jnp.int32)
            self.compiled[steps] = jitted.lower(self.carry, batches, self.images, self.labels).compile()
        self.first = self.last = jnp.full((1,), math.nan)

    def take_batches(self, steps: int) -> numpy.ndarray:
        batches = numpy.empty((steps, len(self.next_rows)), numpy.int32)
        for index in range(steps):
            batches[index] = self.next_rows
            self.next_rows = next(self.rows)
        return batches

    def run(self, steps: int) -> None:
        done = 0
        while done < steps:
            group = STEPS_PER_CALL if steps - done >= STEPS_PER_CALL else 1
            batches = self.take_batches(group)
            self.carry, losses = self.compiled[group](self.carry, batches, self.images, self.labels)
            if done == 0:
                self.first = losses
            self.last = losses
            done += group
        jax.block_until_ready((self.carry, self.last))

    def losses(self) -> tuple[float, float]:
        return float(self.first[0]), float(self.last[-1])
