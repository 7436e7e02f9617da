"""The models in latent's files as PyTorch modules: `load(path)` makes of any such file the module it is of.

Every attribute is named so that `load_state_dict` finds the file's tensors under their own names. Images
are rows of pixels in [0, 1]; labels are rows of ten numbers of which one is 1, or of none where a model
is not conditional.
"""

import json
import math
from itertools import pairwise

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 10
ACTIVATIONS = {"identity": nn.Identity, "relu": nn.ReLU, "tanh": nn.Tanh}


def load(path) -> tuple[nn.Module, dict]:
    """The model in a file, in 64-bit floats, and what the file says about itself."""
    with safe_open(path, framework="pt") as file:
        description = json.loads(file.metadata()["latent"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    if description["format"] < 2 and "convolutional" in description["experiment"]["model"]["kind"]:
        raise ValueError(f"{path}: written in format 1, whose convolutional models keep channels elsewhere")
    module = make(description["experiment"]["model"], description["data"]["height"], description["data"]["width"])
    module.load_state_dict(tensors)
    return module.double().eval(), description


def make(model: dict, height: int, width: int) -> nn.Module:
    """The module that an experiment's `model` describes."""
    kind = model["kind"]
    classes = CLASSES if "conditional" in kind else 0
    if kind.endswith("flow"):
        return Flow(model, height, width, classes)
    if "convolutional" in kind:
        return ConvolutionalVae(model, height, width, classes)
    return Vae(model, height * width, classes)


def perceptron(sizes: list[int], activation: str) -> nn.Sequential:
    """Linear layers with an activation between them."""
    layers = [(nn.Linear(inputs, outputs), ACTIVATIONS[activation]()) for inputs, outputs in pairwise(sizes)]
    return nn.Sequential(*[module for layer in layers for module in layer][:-1])


class Bound:
    """What all VAEs compute of `encode` and `decode`."""

    def reconstruction_and_kl(self, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """-log p(x|z, y), and KL(q(z|x, y) || N(0, I)) in closed form; nats, one number an image."""
        mean, log_variance = self.encode(x, y)
        reconstruction = functional.binary_cross_entropy_with_logits(self.decode(z, y), x, reduction="none")
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
        return reconstruction.sum(1), kl.sum(1)

    def sampled_kl(self, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        """log q(z|x, y) - log p(z): the divergence as a draw estimates it."""
        mean, log_variance = self.encode(x, y)
        standard = (z - mean) * torch.exp(-log_variance / 2)
        return 0.5 * (z.square() - standard.square() - log_variance).sum(1)

    def image(self, z: Tensor, y: Tensor) -> Tensor:
        """The probability of ink at each pixel."""
        return torch.sigmoid(self.decode(z, y))


class Vae(Bound, nn.Module):
    """`vae` and `conditional-vae`: both networks see the label behind their input."""

    def __init__(self, model: dict, pixels: int, classes: int):
        super().__init__()
        hidden, activation, size = model["hidden"], model["activation"], model["latent_size"]
        self.encoder = perceptron([pixels + classes, *hidden], activation)
        self.encoder.append(ACTIVATIONS[activation]() if hidden else nn.Identity())
        self.mean = nn.Linear([pixels + classes, *hidden][-1], size)
        self.log_variance = nn.Linear([pixels + classes, *hidden][-1], size)
        self.decoder = perceptron([size + classes, *reversed(hidden), pixels], activation)

    def encode(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.encoder(torch.cat([x, y], 1))
        return self.mean(hidden), self.log_variance(hidden)

    def decode(self, z: Tensor, y: Tensor) -> Tensor:
        return self.decoder(torch.cat([z, y], 1))


class ConvolutionalVae(Bound, nn.Module):
    """`convolutional-vae` and `conditional-convolutional-vae`: the label, by weights of its own, joins what
    the first layer of either network makes of the input, before the activation."""

    def __init__(self, model: dict, height: int, width: int, classes: int):
        super().__init__()
        channels, features, size = [1, *model["channels"]], model["features"], model["latent_size"]
        sizes = [(height, width)]
        for _ in channels[1:]:
            sizes.append(tuple(math.ceil(side / 2) for side in sizes[-1]))
        smallest = (channels[-1], *sizes[-1])
        down = [nn.Conv2d(*pair, kernel_size=3, stride=2, padding=1) for pair in pairwise(channels)]
        up = [
            nn.ConvTranspose2d(b, a, kernel_size=3, stride=2, padding=1, output_padding=1 - larger[0] % 2)
            for (a, b), larger in zip(pairwise(channels), sizes)
        ][::-1]
        rectified = [module for layer in down for module in (layer, nn.ReLU())]
        self.encoder = nn.Sequential(*rectified, nn.Flatten(), nn.Linear(math.prod(smallest), features), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(features, size), nn.Linear(features, size)
        first = nn.Linear(size, math.prod(smallest))
        grown = [module for layer in up for module in (layer, nn.ReLU())][:-1]
        self.decoder = nn.Sequential(first, nn.ReLU(), nn.Unflatten(1, smallest), *grown, nn.Flatten())
        self.image_shape = (1, height, width)
        if classes:
            self.encoder[0].labels = nn.Linear(classes, channels[1] * math.prod(sizes[1]))
            self.decoder[0].labels = nn.Linear(classes, math.prod(smallest))

    @staticmethod
    def run(network: nn.Sequential, input: Tensor, y: Tensor) -> Tensor:
        hidden = network[0](input)
        if hasattr(network[0], "labels"):
            hidden = hidden + network[0].labels(y).view_as(hidden)
        return network[1:](hidden)

    def encode(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.run(self.encoder, x.unflatten(1, self.image_shape), y)
        return self.mean(hidden), self.log_variance(hidden)

    def decode(self, z: Tensor, y: Tensor) -> Tensor:
        return self.run(self.decoder, z, y)


def bounded(values: Tensor) -> Tensor:
    """Logarithms of scales within ±5."""
    return 5 * torch.tanh(values / 5)


class Coupling(nn.Module):
    """Half of the numbers are transformed one by one, as networks say that see the other half and the label."""

    def __init__(self, model: dict, given: int, transformed: int, classes: int):
        super().__init__()
        self.kind, self.components = model["transform"]["kind"], model["transform"].get("components")

        def network(outputs: int) -> nn.Sequential:
            return perceptron([given + classes, *model["hidden"], outputs * transformed], model["activation"])

        if self.kind == "affine":
            self.log_scale = network(1)
        if self.kind == "mixture":
            self.mixture = network(2 + 3 * self.components)
        else:
            self.translation = network(1)

    def parameters_of(self, given: Tensor):
        if self.kind == "additive":
            return torch.zeros((), dtype=given.dtype), self.translation(given)
        if self.kind == "affine":
            return torch.tanh(self.log_scale(given)), self.translation(given)
        # In blocks as long as a half: a, b, and the components' logits, means and logarithms of scales.
        blocks = self.mixture(given).unflatten(1, (2 + 3 * self.components, -1))
        a, b, logits, means, log_scales = blocks.split([1, 1, *[self.components] * 3], dim=1)
        return bounded(a[:, 0]), b[:, 0], torch.log_softmax(logits, 1), means, bounded(log_scales)

    @staticmethod
    def mixed(value: Tensor, a: Tensor, b: Tensor, log_weights: Tensor, means: Tensor, log_scales: Tensor):
        """exp(a) logit F(x) + b with a mixture's distribution function F, and the logarithm of its derivative."""
        standard = (value[:, None] - means) * torch.exp(-log_scales)
        log_below, log_above = functional.logsigmoid(standard), functional.logsigmoid(-standard)
        below, above = torch.logsumexp(log_weights + log_below, 1), torch.logsumexp(log_weights + log_above, 1)
        log_density = torch.logsumexp(log_weights + log_below + log_above - log_scales, 1)
        return torch.exp(a) * (below - above) + b, a + log_density - below - above

    def to_latent(self, value: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """With the logarithm of the determinant."""
        parameters = self.parameters_of(given)
        if self.kind == "mixture":
            moved, log_slope = self.mixed(value, *parameters)
        else:
            log_scale, translation = parameters
            moved, log_slope = (value - translation) * torch.exp(-log_scale), -log_scale.expand_as(value)
        return moved, log_slope.sum(1)

    def to_data(self, value: Tensor, given: Tensor) -> Tensor:
        parameters = self.parameters_of(given)
        if self.kind != "mixture":
            log_scale, translation = parameters
            return value * torch.exp(log_scale) + translation
        low, high = torch.full_like(value, -1e3), torch.full_like(value, 1e3)
        for _ in range(60):
            middle = (low + high) / 2
            is_low = self.mixed(middle, *parameters)[0] < value
            low, high = torch.where(is_low, middle, low), torch.where(is_low, high, middle)
        return (low + high) / 2


class Flow(nn.ModuleList):
    """`flow` and `conditional-flow`: couplings from the latent side to the data's, each with its
    normalisation on the data's side."""

    def __init__(self, model: dict, height: int, width: int, classes: int):
        pixels = height * width
        halves = [(pixels + 1) // 2, pixels // 2]
        super().__init__(
            Coupling(model, halves[index % 2], halves[1 - index % 2], classes) for index in range(model["couplings"])
        )
        for coupling in self:
            if model["normalisation"] == "act-norm":
                zeros = {"log_scale": torch.zeros(pixels), "translation": torch.zeros(pixels)}
                coupling.norm = nn.ParameterDict(zeros)
        if model["scaling"]:
            self.scaling = nn.Parameter(torch.zeros(pixels))
        self.halves, self.prior, self.preprocessing = halves, model["prior"], model["preprocessing"]
        rows, columns = torch.arange(pixels) // width, torch.arange(pixels) % width
        second = {
            "alternating": torch.arange(pixels) % 2 == 1,
            "checkerboard": (rows + columns) % 2 == 1,
            "blocks": torch.arange(pixels) >= halves[0],
        }[model["halves"]]
        # The pixels of the first half, and then those of the second.
        self.order = torch.cat([(~second).nonzero()[:, 0], second.nonzero()[:, 0]])

    def to_latent(self, data: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Preprocessed pixels to latents, and the logarithm of the determinant."""
        x, log_det = data[:, self.order], torch.zeros(len(data), dtype=data.dtype)
        for index, coupling in reversed(list(enumerate(self))):
            if hasattr(coupling, "norm"):
                x = (x - coupling.norm.translation) * torch.exp(-coupling.norm.log_scale)
                log_det = log_det - coupling.norm.log_scale.sum()
            halves = list(x.split(self.halves, 1))
            given = torch.cat([halves[index % 2], y], 1)
            halves[1 - index % 2], change = coupling.to_latent(halves[1 - index % 2], given)
            x, log_det = torch.cat(halves, 1), log_det + change
        if hasattr(self, "scaling"):
            x, log_det = x * torch.exp(self.scaling), log_det + self.scaling.sum()
        return x, log_det

    def to_data(self, latents: Tensor, y: Tensor) -> Tensor:
        """Latents to preprocessed pixels."""
        x = latents * torch.exp(-self.scaling) if hasattr(self, "scaling") else latents
        for index, coupling in enumerate(self):
            halves = list(x.split(self.halves, 1))
            given = torch.cat([halves[index % 2], y], 1)
            halves[1 - index % 2] = coupling.to_data(halves[1 - index % 2], given)
            x = torch.cat(halves, 1)
            if hasattr(coupling, "norm"):
                x = x * torch.exp(coupling.norm.log_scale) + coupling.norm.translation
        return x[:, torch.argsort(self.order)]

    def preprocess(self, x: Tensor, noise: Tensor | float) -> tuple[Tensor, Tensor]:
        """Pixels of 256 levels, with noise in [0, 1), to what has a density, and the logarithm of the
        determinant of the way there from levels."""
        unit = (255 * x + noise) / 256
        if self.preprocessing["kind"] == "unit":
            return unit, torch.full((len(x),), -x.shape[1] * math.log(256), dtype=x.dtype)
        squeezed = self.preprocessing["lambda"] + (1 - 2 * self.preprocessing["lambda"]) * unit
        slope = (1 - 2 * self.preprocessing["lambda"]) / 256 / (squeezed * (1 - squeezed))
        return torch.logit(squeezed), slope.log().sum(1)

    def levels(self, data: Tensor) -> Tensor:
        """Preprocessed pixels back to levels with their noise, 0 to 256."""
        if self.preprocessing["kind"] == "unit":
            return 256 * data
        lamda = self.preprocessing["lambda"]
        return 256 * (torch.sigmoid(data) - lamda) / (1 - 2 * lamda)

    def log_prob(self, data: Tensor, y: Tensor) -> Tensor:
        """The log-density of preprocessed pixels: nats, one number an image."""
        z, log_det = self.to_latent(data, y)
        if self.prior == "logistic":
            density = functional.logsigmoid(z) + functional.logsigmoid(-z)
        else:
            density = -0.5 * (z.square() + math.log(2 * math.pi))
        return density.sum(1) + log_det

    def encode(self, x: Tensor, y: Tensor) -> tuple[Tensor, None]:
        """Each pixel in the middle of its level."""
        return self.to_latent(self.preprocess(x, 0.5)[0], y)[0], None

    def image(self, z: Tensor, y: Tensor) -> Tensor:
        return ((self.levels(self.to_data(z, y)) - 0.5) / 255).clamp(0, 1)
