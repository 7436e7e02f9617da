"""The programs of the speed comparison run: every model in PyTorch, by two steps of a small batch of random images."""

import itertools
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

PEERS = Path(__file__).resolve().parents[1] / "peers"
sys.path.insert(0, str(PEERS))
import peer  # noqa: E402
import torch_models  # noqa: E402


def test_the_program_prints_its_result():
    sizes = ["--batch-size", "10", "--steps", "2", "--warm-up-steps", "1", "--threads", "1"]
    command = [sys.executable, str(PEERS / "peer.py"), "--framework", "torch", "--model", "mlp-vae", *sizes]
    environment = {name: value for name, value in os.environ.items() if name != "LATENT_DATA_DIR"}
    finished = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert finished.returncode == 0, finished.stderr
    result = json.loads(finished.stdout)
    assert result["name"] == "mlp-vae" and result["images_per_second"] > 0
    assert math.isfinite(result["first_loss"]) and math.isfinite(result["last_loss"])


@pytest.mark.parametrize("model", peer.MODELS)
def test_every_model_trains(model: str):
    generator = numpy.random.default_rng(1)
    images = generator.integers(0, 256, (20, peer.PIXEL_COUNT), dtype=numpy.uint8)
    labels = generator.integers(0, 10, 20, dtype=numpy.uint8)
    rows = itertools.cycle([numpy.arange(10), numpy.arange(10, 20)])
    trainer = torch_models.TorchTrainer(model, images, labels, rows, 1, 1, False)
    trainer.run(2)
    assert all(math.isfinite(loss) for loss in trainer.losses())
