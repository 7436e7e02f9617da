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
from torch.distributions import Normal
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
    kind = model["kind"].removeprefix("conditional-")
    module = {"vae": Vae, "convolutional-vae": ConvolutionalVae, "ladder-vae": LadderVae, "flow": Flow,
              "multi-scale-flow": MultiScaleFlow}[kind]
    return module(model, height, width, classes if kind != model["kind"] else 0)


def mlp(sizes: list[int], activation: str) -> nn.Sequential:
    """Linear layers with an activation between them."""
    layers = [(nn.Linear(*pair), ACTIVATIONS[activation]()) for pair in pairwise(sizes)]
    return nn.Sequential(*[module for layer in layers for module in layer][:-1])


def with_blocks(layer: nn.Module, count: int, make_layer) -> nn.Module:
    """The layer with residual blocks, each of two layers."""
    if count:
        layer.blocks = nn.ModuleList(nn.Sequential(make_layer(), make_layer()) for _ in range(count))
    return layer


class Vae(nn.Module):
    """`vae` and `conditional-vae`: the label is concatenated to the input of both networks.

    The latents of `latent`'s commands are u of the prior z = f(u), the same as z without a flow."""

    def __init__(self, model: dict, height: int, width: int, classes: int):
        super().__init__()
        hidden, size, self.activation = model["hidden"], model["latent_size"], ACTIVATIONS[model.get("activation", "relu")]()
        sizes = [height * width + classes, *hidden]
        self.encoder = self.layers(sizes, len(hidden), model)
        self.mean, self.log_variance = nn.Linear(sizes[-1], size), nn.Linear(sizes[-1], size)
        self.decoder = self.layers([size + classes, *reversed(hidden), height * width], len(hidden), model)
        self.add_likelihood_and_prior(model, height * width, classes)

    @staticmethod
    def layers(sizes: list[int], hidden: int, model: dict) -> nn.ModuleDict:
        """Linear layers by their numbers, the first `hidden` of them with the residual blocks."""
        linear = lambda index, pair: with_blocks(
            nn.Linear(*pair), model.get("blocks", 0) if index < hidden else 0, partial(nn.Linear, pair[1], pair[1]))
        return nn.ModuleDict({str(2 * index): linear(index, pair) for index, pair in enumerate(pairwise(sizes))})

    def add_likelihood_and_prior(self, model: dict, pixels: int, classes: int):
        """Add the variables of a discretised logistic likelihood and of a flow prior, if the model has them."""
        if model.get("likelihood") == "discretised-logistic":
            self.likelihood = nn.ParameterDict({"log_scale": torch.zeros(pixels)})
        prior, size, self.masks = model.get("prior", {}), model["latent_size"], []
        if prior.get("kind") == "flow":
            self.masks = [torch.tensor([(j >> (i // 2 % (size - 1).bit_length())) % 2 != i % 2 for j in range(size)])
                          for i in range(prior["couplings"])]
            sizes = [[size - int(mask.sum()) + classes, *prior["hidden"], 2 * int(mask.sum())] for mask in self.masks]
            self.prior = nn.ModuleList(mlp(each, prior["activation"]) for each in sizes)

    def couplings(self) -> list:
        """The masks of the flow prior with their networks; none without a flow."""
        return list(zip(self.masks, self.prior)) if self.masks else []

    @staticmethod
    def coupling(network: nn.Module, mask: Tensor, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The log-scale and the translation of the masked dimensions, given the others."""
        scale, translation = network(torch.cat([z[:, ~mask], y], 1)).chunk(2, 1)
        return 2 * torch.tanh(scale / 2), translation

    def from_base(self, u: Tensor, y: Tensor) -> Tensor:
        """z = f(u)."""
        for mask, network in self.couplings():
            (log_scale, translation), u = self.coupling(network, mask, u, y), u.clone()
            u[:, mask] = u[:, mask] * torch.exp(log_scale) + translation
        return u

    def to_base(self, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """u of z = f(u), and the logarithm of the determinant of its derivative."""
        log_det = torch.zeros(len(z), dtype=z.dtype)
        for mask, network in reversed(self.couplings()):
            (log_scale, translation), z = self.coupling(network, mask, z, y), z.clone()
            z[:, mask] = (z[:, mask] - translation) * torch.exp(-log_scale)
            log_det = log_det - log_scale.sum(1)
        return z, log_det

    def log_prior(self, z: Tensor, y: Tensor) -> Tensor:
        """log p(z), or log p(z|y), of the decoder's latents."""
        u, log_det = self.to_base(z, y)
        return Normal(0.0, 1.0).log_prob(u).sum(1) + log_det

    def run(self, network: nn.ModuleDict, inputs: Tensor, y: Tensor, is_hidden: bool) -> Tensor:
        """The output of linear layers, the last of which is a hidden one or has no activation."""
        hidden, layers = torch.cat([inputs, y], 1), list(network.values())
        for index, layer in enumerate(layers):
            hidden = layer(hidden)
            if is_hidden or index + 1 < len(layers):
                hidden = self.activation(self.residual(layer, hidden))
        return hidden

    def residual(self, layer: nn.Module, hidden: Tensor) -> Tensor:
        """The residual blocks after (in a convolutional decoder, before) a layer."""
        for first, second in getattr(layer, "blocks", []):
            hidden = hidden + second(self.activation(first(self.activation(hidden))))
        return hidden

    def encode(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The mean and the logarithm of the variance of q(z|x, y), [n, latent_size] each."""
        hidden = self.run(self.encoder, x, y, True)
        return self.mean(hidden), self.log_variance(hidden)

    def latents(self, x: Tensor, y: Tensor) -> Tensor:
        """u of the mean of q(z|x, y)."""
        return self.to_base(self.encode(x, y)[0], y)[0]

    def logits(self, z: Tensor, y: Tensor) -> Tensor:
        """The output of the decoder."""
        return self.run(self.decoder, z, y, False)

    def image(self, u: Tensor, y: Tensor) -> Tensor:
        """The means of the pixels, or the locations of a discretised logistic likelihood, for latents u."""
        return torch.sigmoid(self.logits(self.from_base(u, y), y))

    def log_likelihood(self, x: Tensor, z: Tensor, y: Tensor) -> Tensor:
        """log p(x|z, y) of binary pixels or of pixels with 256 levels."""
        return self.log_prob(x, self.logits(z, y))

    def log_prob(self, x: Tensor, logits: Tensor) -> Tensor:
        """The log-likelihood of pixels by the decoder's output."""
        if not hasattr(self, "likelihood"):
            return -binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
        scale, half, centred = torch.exp(self.likelihood.log_scale), 1 / 510, x - torch.sigmoid(logits)
        # The cells of 0 and 1 extend to infinity.
        below = torch.where(x < half, 0, torch.sigmoid((centred - half) / scale))
        above = torch.where(x > 1 - half, 0, torch.sigmoid(-(centred + half) / scale))
        return torch.log1p(-below - above).sum(1)

    def kl_of_draws(self, x: Tensor, u: Tensor, y: Tensor, is_sampled: bool) -> tuple[Tensor, Tensor]:
        """-log p(x|z, y) and KL(q(z|x, y) || p(z|y)) for a draw z = f(u): in closed form as far as there is one, or
        log q(z|x, y) - log p(z|y)."""
        (mean, log_variance), z = self.encode(x, y), self.from_base(u, y)
        posterior = Normal(mean, torch.exp(log_variance / 2))
        if is_sampled:
            kl = posterior.log_prob(z).sum(1) - self.log_prior(z, y)
        elif self.masks:
            kl = -posterior.entropy().sum(1) - self.log_prior(z, y)
        else:
            kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        return -self.log_likelihood(x, z, y), kl


class ConvolutionalVae(Vae):
    """`convolutional-vae` and `conditional-convolutional-vae`: a linear map of the label is added to the output of the
    first layer of each network, before the activation."""

    def __init__(self, model: dict, height: int, width: int, classes: int):
        nn.Module.__init__(self)
        channels, features, size = [1, *model["channels"]], model["features"], model["latent_size"]
        self.activation, self.image_shape = ACTIVATIONS[model.get("activation", "relu")](), (1, height, width)
        count, options = len(channels) - 1, {"kernel_size": 3, "stride": 2, "padding": 1}
        blocks = lambda layer, channels: with_blocks(
            layer, model.get("blocks", 0), partial(nn.Conv2d, channels, channels, 3, padding=1))
        sizes, up = [(height, width)], {}
        self.encoder, self.decoder = nn.ModuleDict(), nn.ModuleDict()
        for index, (larger, smaller) in enumerate(pairwise(channels)):
            side = sizes[-1][0]
            sizes.append(tuple(math.ceil(side / 2) for side in sizes[-1]))
            self.encoder[str(2 * index)] = blocks(nn.Conv2d(larger, smaller, **options), smaller)
            layer = nn.ConvTranspose2d(smaller, larger, output_padding=1 - side % 2, **options)
            up[str(2 * (count - index) + 1)] = blocks(layer, smaller)
        self.smallest = (channels[-1], *sizes[-1])
        self.encoder[str(2 * count + 1)] = nn.Linear(math.prod(self.smallest), features)
        self.mean, self.log_variance = nn.Linear(features, size), nn.Linear(features, size)
        is_mirrored = model.get("mirrored", False)
        self.decoder["0"] = nn.Linear(size, features if is_mirrored else math.prod(self.smallest))
        if is_mirrored:
            self.decoder["image"] = nn.Linear(features, math.prod(self.smallest))
        self.decoder.update(dict(reversed(up.items())))
        if classes:
            self.encoder["0"].labels = nn.Linear(classes, channels[1] * math.prod(sizes[1]))
            self.decoder["0"].labels = nn.Linear(classes, self.decoder["0"].out_features)
        self.add_likelihood_and_prior(model, height * width, classes)

    @staticmethod
    def first(layer: nn.Module, inputs: Tensor, y: Tensor) -> Tensor:
        hidden = layer(inputs)
        return hidden + layer.labels(y).view_as(hidden) if hasattr(layer, "labels") else hidden

    def features(self, x: Tensor, y: Tensor) -> list[Tensor]:
        """The output of each convolution with its blocks, and that of the linear layer."""
        features, hidden = [], x.unflatten(1, self.image_shape)
        *convolutions, linear = self.encoder.values()
        for index, layer in enumerate(convolutions):
            hidden = self.first(layer, hidden, y) if index == 0 else layer(hidden)
            hidden = self.activation(self.residual(layer, hidden))
            features.append(hidden)
        return [*features, self.activation(linear(hidden.flatten(1)))]

    def encode(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.features(x, y)[-1]
        return self.mean(hidden), self.log_variance(hidden)

    def smallest_image(self, z: Tensor, y: Tensor) -> Tensor:
        hidden = self.first(self.decoder["0"], z, y)
        if "image" in self.decoder:
            hidden = self.decoder["image"](self.activation(hidden))
        return hidden.unflatten(1, self.smallest)

    def transposed(self) -> list[nn.Module]:
        return [layer for layer in self.decoder.values() if isinstance(layer, nn.ConvTranspose2d)]

    def logits(self, z: Tensor, y: Tensor) -> Tensor:
        hidden = self.smallest_image(z, y)
        for layer in self.transposed():
            hidden = layer(self.activation(self.residual(layer, hidden)))
        return hidden.flatten(1)


class LadderVae(ConvolutionalVae):
    """`ladder-vae` and `conditional-ladder-vae`. The latents u are those of all levels from the top, below the top images
    [height, width, channels] in the order of NumPy."""

    def __init__(self, model: dict, height: int, width: int, classes: int):
        super().__init__(model, height, width, classes)
        self.top, latent = model["latent_size"], model["latent_channels"]
        for layer in self.transposed():
            channels, count = layer.in_channels, max(model.get("blocks", 0), 1)
            pointwise = {name: (channels, latent) for name in ["prior_mean", "prior_scale", "mean", "log_scale"]}
            make_group = lambda: nn.ModuleDict({
                **{name: nn.Conv2d(*sizes, 1) for name, sizes in pointwise.items()},
                "merge": nn.Conv2d(channels, channels, 3, padding=1), "output": nn.Conv2d(latent, channels, 1)})
            layer.latents = nn.ModuleList(make_group() for _ in range(count))

    def descend(self, top: Tensor, y: Tensor, draw) -> Tensor:
        """The decoder's output; `draw` gives u of a group as an image from the resolution's index, the group and the hidden
        state."""
        hidden = self.smallest_image(top, y)
        if not any(hasattr(layer, "blocks") for layer in self.transposed()):
            hidden = self.activation(hidden)
        for index, layer in enumerate(self.transposed()):
            for number, group in enumerate(layer.latents):
                before = self.activation(hidden)
                z = group["prior_mean"](before) + torch.sigmoid(group["prior_scale"](before)) * draw(index, group, hidden)
                hidden = hidden + group["output"](z)
                if hasattr(layer, "blocks"):
                    first, second = layer.blocks[number]
                    hidden = hidden + second(self.activation(first(self.activation(hidden))))
            hidden = layer(self.activation(hidden))
            if not hasattr(layer, "blocks") and index + 1 < len(self.transposed()):
                hidden = self.activation(hidden)
        return hidden.flatten(1)

    def posterior(self, features: list[Tensor], index: int, group: nn.ModuleDict, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """The mean and the log-scale of u."""
        merged = self.activation(group["merge"](self.activation(hidden + features[-2 - index])))
        return group["mean"](merged), 2 * torch.tanh(group["log_scale"](merged) / 2)

    def latents(self, x: Tensor, y: Tensor) -> Tensor:
        features, (mean, _) = self.features(x, y), self.encode(x, y)
        levels = [self.to_base(mean, y)[0]]

        def draw(index: int, group: nn.ModuleDict, hidden: Tensor) -> Tensor:
            u = self.posterior(features, index, group, hidden)[0]
            levels.append(u.permute(0, 2, 3, 1).flatten(1))
            return u

        self.descend(mean, y, draw)
        return torch.cat(levels, 1)

    def given(self, u: Tensor):
        """A function `draw` that takes the levels below the top from u."""
        rest = u[:, self.top:]

        def draw(_: int, group: nn.ModuleDict, hidden: Tensor) -> Tensor:
            nonlocal rest
            channels, (height, width) = group["mean"].out_channels, hidden.shape[2:]
            level, rest = rest.split([height * width * channels, rest.shape[1] - height * width * channels], 1)
            return level.unflatten(1, (height, width, channels)).permute(0, 3, 1, 2)

        return draw

    def image(self, u: Tensor, y: Tensor) -> Tensor:
        return torch.sigmoid(self.descend(self.from_base(u[:, :self.top], y), y, self.given(u)))

    def kl_of_draws(self, x: Tensor, u: Tensor, y: Tensor, is_sampled: bool) -> tuple[Tensor, Tensor]:
        features, given = self.features(x, y), self.given(u)
        _, kl = super().kl_of_draws(x, u[:, :self.top], y, is_sampled)

        def draw(index: int, group: nn.ModuleDict, hidden: Tensor) -> Tensor:
            nonlocal kl
            level, (mean, log_scale) = given(index, group, hidden), self.posterior(features, index, group, hidden)
            if is_sampled:
                change = Normal(mean, torch.exp(log_scale)).log_prob(level) - Normal(0.0, 1.0).log_prob(level)
            else:
                change = 0.5 * (mean.square() + torch.exp(2 * log_scale) - 1) - log_scale
            kl = kl + change.flatten(1).sum(1)
            return level

        logits = self.descend(self.from_base(u[:, :self.top], y), y, draw)
        return -self.log_prob(x, logits), kl

    def logits(self, z: Tensor, y: Tensor) -> Tensor:
        """The output of the decoder, with the levels below the top at their means given those above."""
        zeros = lambda _, group, hidden: torch.zeros(
            len(hidden), group["mean"].out_channels, *hidden.shape[2:], dtype=hidden.dtype)
        return self.descend(z, y, zeros)


def affine_bijector(log_scale: Tensor, translation: Tensor):
    """The affine map from data to latents with the logarithm of its derivative, and the inverse map."""
    to_latent = lambda x: ((x - translation) * torch.exp(-log_scale), -log_scale)
    return to_latent, lambda z: z * torch.exp(log_scale) + translation


def mixture_bijector(blocks: Tensor, components: int):
    """The map from data to latents by a mixture of logistics, with the logarithm of its derivative, and the inverse map."""
    a, b, logits, means, log_scales = blocks.split([1, 1, *[components] * 3], dim=1)
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
        if self.kind == "mixture":
            return mixture_bijector(self.mixture(given).unflatten(1, (2 + 3 * self.components, -1)), self.components)
        translation = self.translation(given)
        log_scale = torch.tanh(self.log_scale(given)) if self.kind == "affine" else torch.zeros_like(translation)
        return affine_bijector(log_scale, translation)

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


class Density:
    """What all flows have in common: preprocessing, base distribution, encoding and decoding."""

    def preprocess(self, x: Tensor, noise: Tensor | float) -> tuple[Tensor, Tensor]:
        """Preprocess pixels with 256 levels and noise in [0, 1), with the log-determinant."""
        unit = (255 * x + noise) / 256
        if self.preprocessing["kind"] == "unit":
            return unit, torch.full((len(x),), -x.shape[1] * math.log(256), dtype=x.dtype)
        scale = 1 - 2 * self.preprocessing["lambda"]
        squeezed = self.preprocessing["lambda"] + scale * unit
        return torch.logit(squeezed), (scale / 256 / (squeezed * (1 - squeezed))).log().sum(1)

    def to_levels(self, data: Tensor) -> Tensor:
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

    def latents(self, x: Tensor, y: Tensor) -> Tensor:
        """Encode images with the noise 1/2."""
        return self.to_latent(self.preprocess(x, 0.5)[0], y)[0]

    def image(self, z: Tensor, y: Tensor) -> Tensor:
        """The pixels."""
        return ((self.to_levels(self.to_data(z, y)) - 0.5) / 255).clamp(0, 1)


class Flow(nn.ModuleList, Density):
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


class Step(nn.Module):
    """A step of a level: activation normalisation by channel, an invertible 1×1 convolution and a coupling."""

    def __init__(self, model: dict, channels: int, height: int, width: int, classes: int):
        super().__init__()
        self.kind, self.components = model["transform"]["kind"], model["transform"].get("components")
        self.activation, self.sizes = ACTIVATIONS[model["activation"]](), [channels - channels // 2, channels // 2]
        square, hidden = (channels, channels), model["channels"]
        self.norm = nn.ParameterDict({name: torch.zeros(channels) for name in ["log_scale", "translation"]})
        self.linear = nn.ParameterDict({
            "lower": torch.zeros(square), "upper": torch.zeros(square), "log_diagonal": torch.zeros(channels)})
        self.first = nn.Conv2d(self.sizes[0], hidden, 3, padding=1)
        if classes:
            self.first.labels = nn.Linear(classes, hidden * height * width)
        convolution = partial(nn.Conv2d, hidden, hidden, 3, padding=1)
        self.blocks = nn.ModuleList(nn.Sequential(convolution(), convolution()) for _ in range(model["blocks"]))
        self.parameters_of_each = {"additive": 1, "affine": 2, "mixture": 2 + 3 * (self.components or 0)}[self.kind]
        self.last = nn.Conv2d(hidden, self.parameters_of_each * self.sizes[1], 1)

    def bijector(self, given: Tensor, y: Tensor):
        hidden = ConvolutionalVae.first(self.first, given, y)
        for first, second in self.blocks:
            hidden = hidden + second(self.activation(first(self.activation(hidden))))
        parameters = self.last(self.activation(hidden)).unflatten(1, (self.parameters_of_each, self.sizes[1]))
        if self.kind == "mixture":
            return mixture_bijector(parameters, self.components)
        translation = parameters[:, -1]
        log_scale = 2 * torch.tanh(parameters[:, 0] / 2) if self.kind == "affine" else torch.zeros_like(translation)
        return affine_bijector(log_scale, translation)

    def matrix(self) -> Tensor:
        """P L U of the 1×1 convolution, where P reverses the channels."""
        lower = torch.tril(self.linear.lower, -1) + torch.eye(len(self.linear.lower))
        return (lower @ (torch.triu(self.linear.upper, 1) + torch.diag(self.linear.log_diagonal.exp()))).flip(0)

    def to_latent(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Map images [n, channels, height, width] to the next ones, with the log-determinant."""
        log_scale, translation = self.norm.log_scale[:, None, None], self.norm.translation[:, None, None]
        x = torch.einsum("ij,njhw->nihw", self.matrix(), (x - translation) * torch.exp(-log_scale))
        log_det = (self.linear.log_diagonal - self.norm.log_scale).sum() * x[0, 0].numel()
        given, transformed = x.split(self.sizes, 1)
        transformed, log_slope = self.bijector(given, y)[0](transformed)
        return torch.cat([given, transformed], 1), log_det + log_slope.flatten(1).sum(1)

    def to_data(self, z: Tensor, y: Tensor) -> Tensor:
        given, transformed = z.split(self.sizes, 1)
        x = torch.cat([given, self.bijector(given, y)[1](transformed)], 1)
        x = torch.einsum("ij,njhw->nihw", torch.linalg.inv(self.matrix()), x)
        return x * torch.exp(self.norm.log_scale[:, None, None]) + self.norm.translation[:, None, None]


class MultiScaleFlow(nn.Module, Density):
    """`multi-scale-flow` and `conditional-multi-scale-flow`. Latents are images [height, width, channels] in the order of
    NumPy: those of the last level, then what the levels before it factored out, up to the first."""

    def __init__(self, model: dict, height: int, width: int, classes: int):
        super().__init__()
        self.base, self.preprocessing, count = model["base"], model["preprocessing"], len(model["couplings"])
        self.image_shape, multiple = (height, width), 2**count
        self.padded = tuple(-(-size // multiple) * multiple for size in self.image_shape)
        conditional = model.get("conditional_levels", count)
        # Channels, height and width of each level.
        self.sizes = [(4 * 2**level, *(size >> level + 1 for size in self.padded)) for level in range(count)]
        self.levels = nn.ModuleList(
            nn.ModuleList(Step(model, *size, classes if level + conditional >= count else 0) for _ in range(steps))
            for level, (size, steps) in enumerate(zip(self.sizes, model["couplings"])))

    def preprocess(self, x: Tensor, noise: Tensor | float) -> tuple[Tensor, Tensor]:
        """Preprocess images with black pixels at the right and the bottom."""
        rows, columns = (padded - size for padded, size in zip(self.padded, self.image_shape))
        return super().preprocess(nn.functional.pad(x.unflatten(1, self.image_shape), (0, columns, 0, rows)).flatten(1), noise)

    @staticmethod
    def squeeze(x: Tensor) -> Tensor:
        """Four times the channels for 2×2 pixels; each half of them are the pixels of one colour of a checkerboard."""
        corners = [(0, 0), (1, 1), (0, 1), (1, 0)]
        return torch.cat([x[:, :, row::2, column::2] for row, column in corners], 1)

    @staticmethod
    def unsqueeze(x: Tensor) -> Tensor:
        first, second, third, fourth = x.chunk(4, 1)
        rows = [torch.stack(pair, -1).flatten(-2) for pair in [(first, third), (fourth, second)]]
        return torch.stack(rows, -2).flatten(-3, -2)

    def to_latent(self, data: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Map preprocessed pixels to latents, with the log-determinant."""
        x, log_det, latents = data.unflatten(1, (1, *self.padded)), 0, []
        for level in self.levels:
            x = self.squeeze(x)
            for step in level:
                x, change = step.to_latent(x, y)
                log_det = log_det + change
            if level is not self.levels[-1]:
                x, factored_out = x.chunk(2, 1)
                latents.append(factored_out)
        return torch.cat([z.permute(0, 2, 3, 1).flatten(1) for z in [x, *reversed(latents)]], 1), log_det

    def to_data(self, z: Tensor, y: Tensor) -> Tensor:
        """Map latents to preprocessed pixels."""
        x = z[:, :0].reshape(len(z), 0, *self.sizes[-1][1:])
        for level, (channels, height, width) in zip(reversed(self.levels), reversed(self.sizes)):
            rest = channels - x.shape[1]
            part, z = z.split([rest * height * width, z.shape[1] - rest * height * width], 1)
            x = torch.cat([x, part.unflatten(1, (height, width, rest)).permute(0, 3, 1, 2)], 1)
            for step in reversed(level):
                x = step.to_data(x, y)
            x = self.unsqueeze(x)
        return x.flatten(1)

    def image(self, z: Tensor, y: Tensor) -> Tensor:
        """The pixels."""
        height, width = self.image_shape
        return super().image(z, y).unflatten(1, self.padded)[:, :height, :width].flatten(1)
