"""The five models in PyTorch, eager or through torch.compile.

The modules compute their own loss from rows of the data set, so that one
compiled graph holds the gather, the scaling, the noise and the loss.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy
import torch
from torch import Tensor, nn
from torch.nn import functional

# The models whose configuration is an experiment of `latent`.
EXPERIMENTS = ("vae-flow-prior", "vae-ladder", "flow-multiscale")
SQUEEZE = 1e-6
LOG_TWO_PI = math.log(2.0 * math.pi)


def bernoulli_evidence_bound(logits: Tensor, pixels: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Binary cross-entropy summed over pixels plus the analytic KL to N(0, I), averaged over the batch."""
    reconstruction = functional.binary_cross_entropy_with_logits(logits, pixels, reduction="sum")
    divergence = 0.5 * (log_variance.exp() + mean.square() - 1.0 - log_variance).sum()
    return (reconstruction + divergence) / logits.shape[0]


def sample(mean: Tensor, log_variance: Tensor) -> Tensor:
    """A reparametrised sample of the encoder's Gaussian."""
    return mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)


class MlpVae(nn.Module):
    """A two-dimensional VAE with one hidden layer of 512 on either side."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(784, 512)
        self.mean_head = nn.Linear(512, 2)
        self.log_variance_head = nn.Linear(512, 2)
        self.decoder_hidden = nn.Linear(2, 512)
        self.decoder_logits = nn.Linear(512, 784)

    def forward(self, images: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
        pixels = images[rows].to(torch.float32) * (1.0 / 255.0)
        hidden = functional.relu(self.encoder(pixels))
        mean, log_variance = self.mean_head(hidden), self.log_variance_head(hidden)
        latent = sample(mean, log_variance)
        logits = self.decoder_logits(functional.relu(self.decoder_hidden(latent)))
        return bernoulli_evidence_bound(logits, pixels, mean, log_variance)


class ConvVae(nn.Module):
    """A two-dimensional VAE with two strided convolutions on either side, conditional on the label if asked.

    Between a linear map and a convolution the features are ordered rows,
    columns, channels: the order is free (the weights are learned), and this
    one needs no copy in the channels-last layout.
    """

    def __init__(self, conditional: bool, channels_last: bool) -> None:
        super().__init__()
        self.conditional = conditional
        self.channels_last = channels_last
        self.first = nn.Conv2d(1, 32, 3, stride=2, padding=1)
        self.second = nn.Conv2d(32, 64, 3, stride=2, padding=1)
        self.encoder_hidden = nn.Linear(3136, 16)
        self.mean_head = nn.Linear(16, 2)
        self.log_variance_head = nn.Linear(16, 2)
        self.decoder_hidden = nn.Linear(2, 3136)
        self.third = nn.ConvTranspose2d(64, 32, 3, stride=2, padding=1, output_padding=1)
        self.fourth = nn.ConvTranspose2d(32, 1, 3, stride=2, padding=1, output_padding=1)
        if conditional:
            self.encoder_label = nn.Linear(10, 32 * 14 * 14, bias=False)
            self.decoder_label = nn.Linear(10, 3136, bias=False)
        if channels_last:
            self.to(memory_format=torch.channels_last)

    def as_image(self, features: Tensor, channels: int, side: int) -> Tensor:
        if self.channels_last:
            return features.view(-1, side, side, channels).permute(0, 3, 1, 2)
        return features.view(-1, channels, side, side)

    def as_features(self, image: Tensor) -> Tensor:
        if self.channels_last:
            return image.permute(0, 2, 3, 1).flatten(1)
        return image.flatten(1)

    def forward(self, images: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
        pixels = images[rows].to(torch.float32) * (1.0 / 255.0)
        label = labels[rows] if self.conditional else None

        hidden = self.first(pixels.view(-1, 1, 28, 28))
        if label is not None:
            hidden = hidden + self.as_image(self.encoder_label(label), 32, 14)
        hidden = functional.relu(self.second(functional.relu(hidden)))
        hidden = functional.relu(self.encoder_hidden(self.as_features(hidden)))
        mean, log_variance = self.mean_head(hidden), self.log_variance_head(hidden)
        latent = sample(mean, log_variance)

        hidden = self.decoder_hidden(latent)
        if label is not None:
            hidden = hidden + self.decoder_label(label)
        hidden = self.as_image(functional.relu(hidden), 64, 7)
        hidden = functional.relu(self.third(hidden))
        logits = self.fourth(hidden).flatten(1)
        return bernoulli_evidence_bound(logits, pixels, mean, log_variance)


class Coupling(nn.Module):
    """One affine coupling: the scale and shift of one part are functions of the other."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = self.network()
        self.shift = self.network()

    @staticmethod
    def network() -> nn.Sequential:
        return nn.Sequential(nn.Linear(392, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 392))

    def forward(self, fixed: Tensor, moved: Tensor) -> tuple[Tensor, Tensor]:
        log_scale = torch.tanh(self.scale(fixed))
        return moved * torch.exp(log_scale) + self.shift(fixed), log_scale.sum()


class RealNvp(nn.Module):
    """A RealNVP on dequantised pixels in logit space; the data set's columns come even pixels first."""

    def __init__(self, couplings: int) -> None:
        super().__init__()
        self.couplings = nn.ModuleList(Coupling() for _ in range(couplings))

    def forward(self, images: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
        pixels = images[rows].to(torch.float32)
        unit = SQUEEZE + (1.0 - 2.0 * SQUEEZE) / 256.0 * (pixels + torch.rand_like(pixels))
        log_unit, log_rest = torch.log(unit), torch.log1p(-unit)
        log_determinant = pixels.numel() * math.log((1.0 - 2.0 * SQUEEZE) / 256.0) - (log_unit + log_rest).sum()
        fixed, moved = (log_unit - log_rest).chunk(2, dim=1)
        for coupling in self.couplings:
            moved, change = coupling(fixed, moved)
            log_determinant = log_determinant + change
            fixed, moved = moved, fixed
        base = 0.5 * (fixed.square().sum() + moved.square().sum() + LOG_TWO_PI * pixels.numel())
        return (base - log_determinant) / pixels.shape[0]


def make_model(name: str, channels_last: bool) -> nn.Module:
    if name in EXPERIMENTS:
        from torch_experiments import Experiment

        return Experiment(name)
    if name == "mlp-vae":
        return MlpVae()
    if name.startswith("conv-"):
        return ConvVae(conditional=name == "conv-cvae", channels_last=channels_last)
    return RealNvp(couplings=int(name.removeprefix("realnvp-")))


class TorchTrainer:
    """Trains with fused Adam; compiled, the loss and all its gradients come out of one graph."""

    def __init__(
        self,
        name: str,
        images: numpy.ndarray,
        labels: numpy.ndarray,
        rows: Iterator[numpy.ndarray],
        seed: int,
        threads: int,
        compiled: bool,
    ) -> None:
        torch.set_num_threads(threads)
        # The moments of weights from pixels that are nearly always black decay into
        # denormal numbers, which are slow; XLA flushes them to zero as well.
        torch.set_flush_denormal(True)
        torch.manual_seed(seed)
        self.images = torch.from_numpy(images)
        self.labels = functional.one_hot(torch.from_numpy(labels).long(), 10).to(torch.float32)
        self.rows = rows
        self.model = make_model(name, channels_last=True)
        self.parameters = dict(self.model.named_parameters())
        learning_rate = 1e-4 if name.startswith("realnvp") else 1e-3
        self.optimizer = torch.optim.Adam(self.parameters.values(), lr=learning_rate, fused=True)
        self.compiled = torch.compile(torch.func.grad_and_value(self.loss)) if compiled else None
        self.first = self.last = torch.tensor(math.nan)

    def loss(self, parameters: dict[str, Tensor], rows: Tensor) -> Tensor:
        return torch.func.functional_call(self.model, parameters, (self.images, self.labels, rows))

    def step(self, rows: Tensor) -> Tensor:
        if self.compiled is None:
            loss = self.model(self.images, self.labels, rows)
            loss.backward()
        else:
            with torch.no_grad():
                gradients, loss = self.compiled(self.parameters, rows)
            for name, parameter in self.parameters.items():
                parameter.grad = gradients[name]
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    def run(self, steps: int) -> None:
        for index in range(steps):
            loss = self.step(torch.from_numpy(next(self.rows)))
            if index == 0:
                self.first = loss
            self.last = loss

    def losses(self) -> tuple[float, float]:
        return self.first.item(), self.last.item()
