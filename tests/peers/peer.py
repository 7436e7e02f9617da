"""Train one model in one framework for a number of steps and print its speed.

One process measures one thing, so that its peak memory and its thread pools
are its own.  The framework is imported only after the processors, the thread
counts and the allocator are settled: a framework reads them once, at start.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy

FRAMEWORKS = ("torch", "torch-compiled", "jax")
MODELS = ("mlp-vae", "conv-vae", "conv-cvae", "realnvp-5", "realnvp-10", "vae-flow-prior", "vae-ladder", "flow-multiscale")
IMAGE_COUNT = 60_000
PIXEL_COUNT = 784

# Every step frees and takes back the same few megabytes.  By default glibc
# returns them to the kernel each time and pays for fresh pages; keeping them,
# on huge pages where the kernel allows it, is worth up to 40 % of a step.
ALLOCATOR = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_TOP_PAD_": str(64 << 20),
}


class Trainer(Protocol):
    """The interface between the timer and a framework."""

    def run(self, steps: int) -> None:
        """Train for some steps and return when all of them are complete."""

    def losses(self) -> tuple[float, float]:
        """The loss of the first and of the last step of the latest run, in nats per image."""


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--framework", choices=FRAMEWORKS, required=True)
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--warm-up-steps", type=int, default=10, help="untimed training steps before the timed ones")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if not 1 <= arguments.batch_size <= IMAGE_COUNT:
        parser.error(f"--batch-size must lie between 1 and {IMAGE_COUNT}")
    if arguments.steps < 1 or arguments.threads < 1 or arguments.warm_up_steps < 0:
        parser.error("--steps and --threads must be positive, --warm-up-steps must not be negative")
    return arguments


def settle_process(framework: str, threads: int) -> None:
    """Fix allocator, thread counts and, for JAX, processors; starts the process over once to do so."""
    settings = dict(ALLOCATOR, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
    if any(os.environ.get(name) != value for name, value in settings.items()):
        os.environ.update(settings)
        os.execv(sys.executable, [sys.executable, *sys.argv])
    # XLA has no setting for its number of threads: it takes as many as it may
    # use processors.  PyTorch has one and is left free to move about.
    if framework == "jax" and hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) < threads:
            raise SystemExit(f"{threads} threads asked for, but only {len(allowed)} processors may be used")
        os.sched_setaffinity(0, allowed[:threads])


def read_idx(directory: Path, name: str, header: int) -> numpy.ndarray:
    """The values of an IDX file of bytes, compressed or not."""
    plain = directory / name
    content = plain.read_bytes() if plain.exists() else gzip.decompress((directory / f"{name}.gz").read_bytes())
    return numpy.frombuffer(content, numpy.uint8, offset=header).copy()


def load_data(seed: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Images as uint8 [60000, 784] and labels as uint8 [60000]: MNIST if given, else about as sparse as MNIST."""
    directory = os.environ.get("LATENT_DATA_DIR")
    if directory:
        images = read_idx(Path(directory), "train-images-idx3-ubyte", 16)
        return images.reshape(IMAGE_COUNT, PIXEL_COUNT), read_idx(Path(directory), "train-labels-idx1-ubyte", 8)
    generator = numpy.random.default_rng(seed)
    images = generator.integers(1, 256, (IMAGE_COUNT, PIXEL_COUNT), dtype=numpy.uint8)
    images[generator.integers(0, 5, images.shape, dtype=numpy.uint8) > 0] = 0
    return images, generator.integers(0, 10, IMAGE_COUNT, dtype=numpy.uint8)


def even_pixels_first(images: numpy.ndarray) -> numpy.ndarray:
    """Mask the columns once, so that either half of a RealNVP's input is one slice."""
    return numpy.ascontiguousarray(numpy.concatenate([images[:, 0::2], images[:, 1::2]], axis=1))


def batches(batch_size: int, seed: int) -> Iterator[numpy.ndarray]:
    """Rows of one batch after another; each epoch is a new permutation, its last partial batch is left out."""
    generator = numpy.random.default_rng(seed)
    while True:
        order = generator.permutation(IMAGE_COUNT)
        for start in range(0, IMAGE_COUNT - batch_size + 1, batch_size):
            yield order[start : start + batch_size]


def make_trainer(arguments: argparse.Namespace) -> Trainer:
    images, labels = load_data(arguments.seed)
    if arguments.model.startswith("realnvp"):
        images = even_pixels_first(images)
    rows = batches(arguments.batch_size, arguments.seed)
    if arguments.framework == "jax":
        import jax_experiments
        import jax_models

        functions = jax_experiments.EXPERIMENTS.get(arguments.model) or jax_models.make_model(arguments.model)
        return jax_models.JaxTrainer(arguments.model, functions, images, labels, rows, arguments.seed)
    import torch_models

    compiled = arguments.framework == "torch-compiled"
    return torch_models.TorchTrainer(
        arguments.model, images, labels, rows, arguments.seed, arguments.threads, compiled
    )


def peak_memory_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    arguments = parse_arguments()
    settle_process(arguments.framework, arguments.threads)
    trainer = make_trainer(arguments)
    trainer.run(arguments.warm_up_steps)
    start = time.perf_counter()
    trainer.run(arguments.steps)
    seconds = time.perf_counter() - start
    first_loss, last_loss = trainer.losses()
    result = {
        "framework": arguments.framework,
        "name": arguments.model,
        "batch_size": arguments.batch_size,
        "steps": arguments.steps,
        "threads": arguments.threads,
        "images_per_second": arguments.steps * arguments.batch_size / seconds,
        "peak_memory_bytes": peak_memory_bytes(),
        "first_loss": first_loss,
        "last_loss": last_loss,
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
