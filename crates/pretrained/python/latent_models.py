"""PyTorch modules for the models in latent's files: `load(path)` returns the module and the metadata.

Attributes have the names of the tensors in the file, as `load_state_dict` requires. Images are [n, pixels] in [0, 1];
labels are one-hot, [n, classes], or [n, 0] for unconditional models. Results are per image, [n], in nats.
"""

import json
import math
from functools import partial
from itertools import pairwise

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

ACTIVATIONS = {"identity": nn.Identity, "relu": nn.ReLU, "tanh": nn.Tanh, "silu": nn.SiLU,
               "gelu": partial(nn.GELU, approximate="tanh")}


def load(path) -> tuple[nn.Module, dict]:
    """Load a model in 64-bit floats, and the metadata of its file."""
    with safe_open(path, framework="pt") as file:
        metadata = json.loads(file.metadata()["latent"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    if metadata["format"] != 3:
        raise ValueError(f"{path} has format {metadata['format']}, expected 3; `latent import` converts older files")
    data = metadata["data"]
    module = make(metadata["experiment"]["model"], data["shape"]["height"], data["shape"]["width"], data["classes"])
    module.load_state_dict(tensors)
    return module.double().eval(), metadata


def make(model: dict, height: int, width: int, classes: int) -> nn.Module:
    """Build the module for the `model` table of an experiment."""
    kind = model["kind"]
    module = Flow if kind.endswith("flow") else ConvolutionalVae if "convolutional" in kind else Vae
    return module(model, height, width, classes if "conditional" in kind else 0)


def mlp(sizes: list[int], activation: str) -> nn.Sequential:
    """Linear layers with an activation between them."""
    layers = [(nn.Linear(*pair), ACTIVATIONS[activation]()) for pair in pairwise(sizes)]
    return nn.Sequential(*[module for layer in layers for module in layer][:-1])


class Vae(nn.Module):
    """`vae` and `conditional-vae`: the label is concatenated to the input of both networks."""

    def __init__(self, model: dict, height: int, width: int, classes: int):
        super().__init__()
        hidden, activation, size = model["hidden"], model["activation"], model["latent_size"]
        sizes = [height * width + classes, *hidden]
        self.encoder = mlp(sizes, activation).append(ACTIVATIONS[activation]() if hidden else nn.Identity())
        self.mean, self.log_variance = nn.Linear(sizes[-1], size), nn.Linear(sizes[-1], size)
        self.decoder = mlp([size + classes, *reversed(hidden), height * width], activation)
        self.add_likelihood_and_prior(model, height * width)

    def add_likelihood_and_prior(self, model: dict, pixels: int):
        """Add the variables of a discretised logistic likelihood and of a flow prior, if the model has them."""
        if model.get("likelihood") == "discretised-logistic":
            self.likelihood = nn.ParameterDict({"log_scale": torch.zeros(pixels)})
        prior, size, self.masks = model.get("prior", {}), model["latent_size"], []
        if prior.get("kind") == "flow":
            self.masks = [torch.tensor([(j >> (i // 2 % (size - 1).bit_length())) % 2 != i % 2 for j in range(size)])
                          for i in range(prior["couplings"])]
            sizes = [[size - int(mask.sum()), *prior["hidden"], 2 * int(mask.sum())] for mask in self.masks]
            self.prior = nn.ModuleList(mlp(each, prior["activation"]) for each in sizes)

    def log_prior(self, z: Tensor) -> Tensor:
        """log p(z) of the latents."""
        log_det = torch.zeros(len(z), dtype=z.dtype)
        for mask, network in reversed(list(zip(self.masks, self.prior if self.masks else []))):
            z, (scale, translation) = z.clone(), network(z[:, ~mask]).chunk(2, 1)
            log_scale = 2 * torch.tanh(scale / 2)
            z[:, mask] = (z[:, mask] - translation) * torch.exp(-log_scale)
            log_det = log_det - log_scale.sum(1)
        return torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1) + log_det

    def run(self, network: nn.Sequential, inputs: Tensor, y: Tensor) -> Tensor:
        return network(torch.cat([inputs, y], 1))

    def encode(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The mean and the logarithm of the variance of q(z|x, y), [n, latent_size] each."""
        hidden = self.run(self.encoder, x, y)
        return self.mean(hidden), self.log_variance(hidden)

    def image(self, z: Tensor, y: Tensor) -> Tensor:
        """The means of the pixels, or the locations of a discretised logistic likelihood."""
        return torch.sigmoid(self.run(self.decoder, z, y))

    def log_likelihood(self, x: Tensor, z: Tensor, y: Tensor) -> Tensor:
        """log p(x|z, y) of binary pixels or of pixels with 256 levels."""
        logits = self.run(self.decoder, z, y)
        if not hasattr(self, "likelihood"):
            return -binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
        scale, half, centred = torch.exp(self.likelihood.log_scale), 1 / 510, x - torch.sigmoid(logits)
        # The cells of 0 and 1 extend to infinity.
        below = torch.where(x < half, 0, torch.sigmoid((centred - half) / scale))
        above = torch.where(x > 1 - half, 0, torch.sigmoid(-(centred + half) / scale))
        return torch.log1p(-below - above).sum(1)


class ConvolutionalVae(Vae):
    """`convolutional-vae` and `conditional-convolutional-vae`: a linear map of the label is added to the output of the
    first layer of each network, before the activation."""

    def __init__(self, model: dict, height: int, width: int, classes: int):
        nn.Module.__init__(self)
        channels, features, size = [1, *model["channels"]], model["features"], model["latent_size"]
        sizes, down, up, options = [(height, width)], [], [], {"kernel_size": 3, "stride": 2, "padding": 1}
        for larger, smaller in pairwise(channels):
            side = sizes[-1][0]
            sizes.append(tuple(math.ceil(side / 2) for side in sizes[-1]))
            down += [nn.Conv2d(larger, smaller, **options), nn.ReLU()]
            up = [nn.ReLU(), nn.ConvTranspose2d(smaller, larger, output_padding=1 - side % 2, **options), *up]
        smallest = (channels[-1], *sizes[-1])
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(math.prod(smallest), features), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(features, size), nn.Linear(features, size)
        first = nn.Linear(size, math.prod(smallest))
        self.decoder = nn.Sequential(first, up[0], nn.Unflatten(1, smallest), *up[1:], nn.Flatten())
        self.image_shape = (1, height, width)
        if classes:
            self.encoder[0].labels = nn.Linear(classes, channels[1] * math.prod(sizes[1]))
            self.decoder[0].labels = nn.Linear(classes, math.prod(smallest))
        self.add_likelihood_and_prior(model, height * width)

    def run(self, network: nn.Sequential, inputs: Tensor, y: Tensor) -> Tensor:
        hidden = network[0](inputs.unflatten(1, self.image_shape) if network is self.encoder else inputs)
        if hasattr(network[0], "labels"):
            hidden = hidden + network[0].labels(y).view_as(hidden)
        return network[1:](hidden)


class Coupling(nn.Module):
    """A coupling layer: an elementwise bijector of one half of the vector, whose parameters are functions of the other
    half and the label. An optional normalisation of the whole vector follows on the data side."""

    def __init__(self, model: dict, halves: list[int], given: int, classes: int):
        super().__init__()
        self.kind, self.components = model["transform"]["kind"], model["transform"].get("components")
        self.halves, self.given = halves, given
        outputs = {"additive": ["translation"], "affine": ["log_scale", "translation"], "mixture": ["mixture"]}
        for name in outputs[self.kind]:
            size = halves[1 - given] * (2 + 3 * self.components if name == "mixture" else 1)
            setattr(self, name, mlp([halves[given] + classes, *model["hidden"], size], model["activation"]))
        names = ["log_scale", "translation"] if model["normalisation"] == "act-norm" else []
        self.norm = nn.ParameterDict({name: torch.zeros(sum(halves)) for name in names})

    def bijector(self, given: Tensor):
        """The map from data to latents with the logarithm of its derivative, and the inverse map."""
        if self.kind != "mixture":
            translation = self.translation(given)
            log_scale = torch.tanh(self.log_scale(given)) if self.kind == "affine" else torch.zeros_like(translation)
            to_latent = lambda x: ((x - translation) * torch.exp(-log_scale), -log_scale)
            return to_latent, lambda z: z * torch.exp(log_scale) + translation
        blocks = self.mixture(given).unflatten(1, (2 + 3 * self.components, -1))
        a, b, logits, means, log_scales = blocks.split([1, 1, *[self.components] * 3], dim=1)
        a, log_scales, log_weights = 5 * torch.tanh(a[:, 0] / 5), 5 * torch.tanh(log_scales / 5), logits.log_softmax(1)

        def to_latent(x: Tensor) -> tuple[Tensor, Tensor]:
            """exp(a) logit F(x) + b, where F is the distribution function of a mixture of logistics."""
            standard = (x[:, None] - means) * torch.exp(-log_scales)
            log_below, log_above = logsigmoid(standard), logsigmoid(-standard)
            below, above = torch.logsumexp(log_weights + log_below, 1), torch.logsumexp(log_weights + log_above, 1)
            log_density = torch.logsumexp(log_weights + log_below + log_above - log_scales, 1)
            return torch.exp(a) * (below - above) + b[:, 0], a + log_density - below - above

        def to_data(z: Tensor) -> Tensor:
            """The inverse by bisection: 60 steps from an interval of 2,000 reach the precision of 64-bit floats."""
            low, high = torch.full_like(z, -1e3), torch.full_like(z, 1e3)
            for _ in range(60):
                is_low = to_latent((low + high) / 2)[0] < z
                low, high = torch.where(is_low, (low + high) / 2, low), torch.where(is_low, high, (low + high) / 2)
            return (low + high) / 2

        return to_latent, to_data

    def to_latent(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Map data to latents, with the log-determinant."""
        log_det = torch.zeros(len(x), dtype=x.dtype)
        if self.norm:
            x = (x - self.norm.translation) * torch.exp(-self.norm.log_scale)
            log_det = log_det - self.norm.log_scale.sum()
        halves = list(x.split(self.halves, 1))
        bijector, _ = self.bijector(torch.cat([halves[self.given], y], 1))
        halves[1 - self.given], log_slope = bijector(halves[1 - self.given])
        return torch.cat(halves, 1), log_det + log_slope.sum(1)

    def to_data(self, z: Tensor, y: Tensor) -> Tensor:
        halves = list(z.split(self.halves, 1))
        _, bijector = self.bijector(torch.cat([halves[self.given], y], 1))
        halves[1 - self.given] = bijector(halves[1 - self.given])
        x = torch.cat(halves, 1)
        return x * torch.exp(self.norm.log_scale) + self.norm.translation if self.norm else x


class Flow(nn.ModuleList):
    """`flow` and `conditional-flow`: coupling layers, ordered from the latent side to the data side."""

    def __init__(self, model: dict, height: int, width: int, classes: int):
        halves = [(height * width + 1) // 2, height * width // 2]
        super().__init__(Coupling(model, halves, index % 2, classes) for index in range(model["couplings"]))
        if model["scaling"]:
            self.scaling = nn.Parameter(torch.zeros(height * width))
        self.base, self.preprocessing = model["base"], model["preprocessing"]
        index = torch.arange(height * width)
        field = (index // width + index % width) % 2
        second = {"alternating": index % 2, "checkerboard": field, "blocks": index >= halves[0]}[model["mask"]]
        # The pixels of the first part of the mask, followed by those of the second.
        self.order = torch.argsort(second.int(), stable=True)

    def to_latent(self, data: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Map preprocessed pixels to latents, with the log-determinant."""
        x, log_det = data[:, self.order], 0
        for coupling in reversed(self):
            x, change = coupling.to_latent(x, y)
            log_det = log_det + change
        scaling = self.scaling if hasattr(self, "scaling") else torch.zeros(1)
        return x * torch.exp(scaling), log_det + scaling.sum()

    def to_data(self, z: Tensor, y: Tensor) -> Tensor:
        """Map latents to preprocessed pixels."""
        x = z * torch.exp(-self.scaling) if hasattr(self, "scaling") else z
        for coupling in self:
            x = coupling.to_data(x, y)
        return x[:, torch.argsort(self.order)]

    def preprocess(self, x: Tensor, noise: Tensor | float) -> tuple[Tensor, Tensor]:
        """Preprocess pixels with 256 levels and noise in [0, 1), with the log-determinant."""
        unit = (255 * x + noise) / 256
        if self.preprocessing["kind"] == "unit":
            return unit, torch.full((len(x),), -x.shape[1] * math.log(256), dtype=x.dtype)
        scale = 1 - 2 * self.preprocessing["lambda"]
        squeezed = self.preprocessing["lambda"] + scale * unit
        return torch.logit(squeezed), (scale / 256 / (squeezed * (1 - squeezed))).log().sum(1)

    def levels(self, data: Tensor) -> Tensor:
        """Invert the preprocessing: levels with noise, 0 to 256."""
        if self.preprocessing["kind"] == "unit":
            return 256 * data
        return 256 * (torch.sigmoid(data) - self.preprocessing["lambda"]) / (1 - 2 * self.preprocessing["lambda"])

    def log_prob(self, data: Tensor, y: Tensor) -> Tensor:
        """The log-density of preprocessed pixels."""
        z, log_det = self.to_latent(data, y)
        if self.base == "logistic":
            return (logsigmoid(z) + logsigmoid(-z)).sum(1) + log_det
        return -0.5 * (z.square() + math.log(2 * math.pi)).sum(1) + log_det

    def encode(self, x: Tensor, y: Tensor) -> tuple[Tensor, None]:
        """Encode images with the noise 1/2."""
        return self.to_latent(self.preprocess(x, 0.5)[0], y)[0], None

    def image(self, z: Tensor, y: Tensor) -> Tensor:
        """The pixels."""
        return ((self.levels(self.to_data(z, y)) - 0.5) / 255).clamp(0, 1)
