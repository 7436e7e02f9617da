"""The experiments of `latent` with residual and multi-scale networks in PyTorch: the modules of `latent_models.py` with their losses.

Images are grey, as in `latent bench`.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.distributions import Normal

PRETRAINED = Path(__file__).resolve().parents[2] / "crates" / "pretrained"
sys.path.insert(0, str(PRETRAINED / "python"))
import latent_models  # noqa: E402


def detached_log_prob(mean: Tensor, log_scale: Tensor, value: Tensor) -> Tensor:
    """log N(value; mean, scale²) whose gradient goes through the value alone: the path gradient."""
    return Normal(mean.detach(), log_scale.detach().exp(), validate_args=False).log_prob(value)


def standard_log_prob(value: Tensor) -> Tensor:
    return Normal(torch.zeros(()), torch.ones(()), validate_args=False).log_prob(value)


class Experiment(nn.Module):
    """The module of an experiment, whose result is the loss of a batch."""

    def __init__(self, name: str) -> None:
        super().__init__()
        configuration = tomllib.loads((PRETRAINED / "experiments" / f"{name}.toml").read_text(encoding="utf-8"))["model"]
        self.free_bits = configuration.get("free_bits", 0.0)
        self.model = latent_models.make(configuration, 28, 28, 0).to(memory_format=torch.channels_last)
        losses = {"vae-flow-prior": self.flow_prior, "vae-ladder": self.ladder, "flow-multiscale": self.flow}
        self.loss = losses[name]
        with torch.no_grad():
            # Couplings begin close to the identity, as in `latent`.
            for variable, values in self.model.named_parameters():
                if variable.endswith(("last.weight", "last.bias")):
                    values.mul_(0.1)

    def forward(self, images: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
        pixels = images[rows].to(torch.float32) * (1.0 / 255.0)
        return self.loss(pixels, pixels[:, :0]).mean()

    def top(self, mean: Tensor, log_variance: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """A draw of the top level and its KL divergence."""
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        return z, detached_log_prob(mean, 0.5 * log_variance, z).sum(1) - self.model.log_prior(z, y)

    def flow_prior(self, x: Tensor, y: Tensor) -> Tensor:
        z, kl = self.top(*self.model.encode(x, y), y)
        return kl - self.model.log_likelihood(x, z, y)

    def ladder(self, x: Tensor, y: Tensor) -> Tensor:
        features = self.model.features(x, y)
        z, kl = self.top(self.model.mean(features[-1]), self.model.log_variance(features[-1]), y)
        levels = [kl]

        def draw(index: int, group: nn.ModuleDict, hidden: Tensor) -> Tensor:
            mean, log_scale = self.model.posterior(features, index, group, hidden)
            u = mean + torch.exp(log_scale) * torch.randn_like(mean)
            change = detached_log_prob(mean, log_scale, u) - standard_log_prob(u)
            levels.append(change.flatten(1).sum(1))
            return u

        logits = self.model.descend(z, y, draw)
        missing = sum(torch.relu(self.free_bits - kl.mean()) for kl in levels)
        return sum(levels) + missing - self.model.log_prob(x, logits)

    def flow(self, x: Tensor, y: Tensor) -> Tensor:
        data, _ = self.model.preprocess(x, torch.rand_like(x))
        return -self.model.log_prob(data, y)
