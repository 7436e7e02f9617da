"""PyTorch and `latent` open each other's files and compute the same results.

All numbers of `latent` come from its commands: `plot latents --output x.npy` writes the latents, x.latents.npy,
`reconstruct` and `interpolate` decode them, `evaluate --json` gives bounds and densities of the same draws as `plot
latents --latent sample`. $LATENT names the program, which otherwise is the one in target/release.
"""

import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="SKIPPED: no torch here; `just test-python` installs it")
numpy = pytest.importorskip("numpy", reason="SKIPPED: no numpy here; `just test-python` installs it")
pytest.importorskip("safetensors", reason="SKIPPED: no safetensors here; `just test-python` installs it")

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "crates" / "pretrained" / "python"))

import latent_models
from safetensors.torch import save_file
from torch.nn.functional import one_hot

LATENT = Path(os.environ.get("LATENT", ROOT / "target" / "release" / "latent")).absolute()
MODELS = ROOT / "crates" / "pretrained" / "models"
SHIPPED = sorted([*MODELS.glob("*.safetensors"), *(ROOT / "assets" / "models").glob("*.safetensors")])
COUNT, STEPS = 20, 11

VAE = "hidden = [20, 10]\nactivation = 'tanh'\nlatent_size = 3\n"
CONVOLUTIONAL = "channels = [3, 5]\nfeatures = 6\n"
RESIDUAL = CONVOLUTIONAL + "blocks = 2\nmirrored = true\nactivation = 'silu'\nlatent_size = 3\n"
PRIOR = "prior = { kind = 'flow', couplings = 5, hidden = [6], activation = 'silu' }\n"
FLOWS = [
    "transform = { kind = 'affine' }\nmask = 'alternating'\nnormalisation = 'act-norm'\n",
    "transform = { kind = 'additive' }\nmask = 'blocks'\nscaling = true\nbase = 'logistic'\n"
    "preprocessing = { kind = 'unit' }\n",
    "transform = { kind = 'mixture', components = 3 }\nmask = 'checkerboard'\nbase = 'logistic'\n"
    "normalisation = 'act-norm'\n",
]
MULTI_SCALE_FLOWS = [
    "transform = { kind = 'affine' }\nbase = 'normal'\n",
    "transform = { kind = 'additive' }\npreprocessing = { kind = 'unit' }\n",
    "transform = { kind = 'mixture', components = 3 }\nconditional_levels = 1\n",
]
# One model of every kind, with every option of a flow's configuration.
SMALL = {
    "vae": VAE,
    "vae-without-hidden-layers": "hidden = []\n",
    "vae-by-a-sampled-divergence": VAE + "objective = { bound = 'monte-carlo-elbo' }\n",
    "vae-by-importance": VAE + "objective = { bound = 'importance-weighted', samples = 5 }\n",
    "vae-of-256-levels": VAE.replace("tanh", "silu") + "likelihood = 'discretised-logistic'\n",
    "vae-with-a-flow-as-prior": VAE.replace("tanh", "gelu") + PRIOR,
    "vae-with-residual-blocks": VAE + "blocks = 2\n",
    "conditional-vae": VAE,
    "conditional-vae-with-a-flow-as-prior": VAE + PRIOR + "objective = { bound = 'monte-carlo-elbo' }\n",
    "convolutional-vae": CONVOLUTIONAL,
    "convolutional-vae-with-residual-blocks": RESIDUAL,
    "conditional-convolutional-vae": CONVOLUTIONAL,
    "conditional-convolutional-vae-with-residual-blocks": RESIDUAL + PRIOR,
    "ladder-vae": CONVOLUTIONAL,
    "ladder-vae-with-residual-blocks": RESIDUAL + PRIOR,
    "conditional-ladder-vae": RESIDUAL + PRIOR + "objective = { bound = 'monte-carlo-elbo', gradient = 'path' }\n",
    **{f"{kind}-{index}": text + "couplings = 3\nhidden = [8]\n" for kind in ("flow", "conditional-flow")
       for index, text in enumerate(FLOWS)},
    **{f"{kind}-{index}": text + "couplings = [2, 3]\nchannels = 5\nblocks = 1\nactivation = 'silu'\n"
       for kind in ("multi-scale-flow", "conditional-multi-scale-flow") for index, text in enumerate(MULTI_SCALE_FLOWS)},
}
KINDS = ["conditional-convolutional-vae", "convolutional-vae", "conditional-ladder-vae", "ladder-vae",
         "conditional-vae", "vae", "conditional-multi-scale-flow", "multi-scale-flow", "conditional-flow", "flow"]


def latent(*arguments) -> str:
    """The standard output of the command."""
    if not LATENT.exists():
        pytest.skip(f"SKIPPED: there is no program {LATENT}: `cargo build --release --locked`, or name one with $LATENT")
    run = subprocess.run([LATENT, *map(str, arguments)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> list[str]:
    """Arguments for fifty digits: generating the whole synthetic data set takes seconds in every command."""
    directory = tmp_path_factory.mktemp("digits")
    synthetic = ["--data", "synthetic"]
    latent("train", "vae-2d", *synthetic, "--limit", 60, "--epochs", 1, "--no-figures", "--output", directory / "run")
    latent("reconstruct", directory / "run", *synthetic, "--count", 50, "--output", directory / "images.npy")
    latent("plot", "latents", directory / "run", *synthetic, "--count", 50, "--output", directory / "latents.npy")
    images = (255 * numpy.load(directory / "images.npy")[:50]).round().astype(numpy.uint8)
    labels = numpy.load(directory / "latents.labels.npy").astype(numpy.uint8)
    for part in ("train", "t10k"):
        header = struct.pack(">4i", 0x803, *images.shape)
        (directory / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        (directory / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 0x801, 50) + labels.tobytes())
    return ["--data", "idx", "--data-dir", str(directory)]


def close(found: torch.Tensor, expected, what: str, factor: float = 1.0):
    """Equal to 1e-5 of the largest value, at least 1: `latent` computes in 32-bit floats, whose rounding error is 6e-8 an
    operation and grows with the values and with the square root of the length of a sum. `factor` is for longer chains."""
    expected = torch.as_tensor(expected, dtype=torch.float64)
    bound = 1e-5 * factor * max(1.0, expected.abs().max().item())
    torch.testing.assert_close(found, expected, rtol=0, atol=bound, msg=lambda words: f"{what}: {words}")


def agree(path: Path, directory: Path, data: list[str]):
    """The model in a file gives the same results in PyTorch and in `latent`."""

    def numbers(command: str, name: str, *options) -> torch.Tensor:
        latent(command, path, *data, *options, "--output", directory / name)
        return torch.from_numpy(numpy.load(directory / name)).double()

    def encoded(*options) -> torch.Tensor:
        latent("plot", "latents", path, *data, *options, "--output", directory / "points.npy")
        return torch.from_numpy(numpy.load(directory / "points.latents.npy")).double()

    module, description = latent_models.load(path)
    model = description["experiment"]["model"]
    shown = numbers("reconstruct", "shown.npy", "--count", COUNT).flatten(1)
    x, reconstructed = shown[:COUNT], shown[COUNT:]
    latents = encoded("--count", COUNT)
    labels = torch.from_numpy(numpy.load(directory / "points.labels.npy"))
    y = one_hot(labels, 10).double() if "conditional" in model["kind"] else x[:, :0]

    close(module.latents(x, y), latents, "encodings")
    # The inverse of a mixture's distribution function multiplies rounding errors by its slope, which is large between the
    # components: half of one of 256 levels.
    factor = 0.5 / 255 / 1e-5 if model.get("transform", {}).get("kind") == "mixture" else 1.0
    close(module.image(latents, y), reconstructed, "decodings", factor)
    position = torch.linspace(0, 1, STEPS, dtype=torch.float64)[:, None]
    between = [(1 - position) * ends[0] + position * ends[1] for ends in (latents, y)]
    decoded = numbers("interpolate", "between.npy", "--indices", "0,1", "--steps", STEPS)
    close(module.image(*between), decoded.flatten(1), "decodings along the path", factor)

    measured = json.loads(latent("evaluate", path, *data, "--limit", COUNT, "--json"))
    drawn = encoded("--count", COUNT, "--latent", "sample")
    if model["kind"].endswith("flow"):
        points = module.to_data(drawn, y)
        noise = module.to_levels(points) - 255 * x
        assert (noise > -1e-2).all() and (noise < 1.01).all(), "draws are images with noise"
        density = module.log_prob(points, y)
        close(density.mean(), measured["log_density"], "log-density")
        bits = -(density + module.preprocess(x, noise)[1]) / (x.shape[1] * numpy.log(2))
        close(bits.mean(), measured["bits_per_dimension"], "bits per dimension")
        return
    objective = model["objective"]
    is_sampled = objective["bound"] != "elbo"
    if objective["samples"] > 1:
        return agree_on_average(module, objective["samples"], x, y, measured)
    reconstruction, kl = module.kl_of_draws(x, drawn, y, is_sampled)
    # The draws in the file went through the inverse of a flow prior, and here back: their rounding counts in multiples of
    # the standard deviation of q(z|x).
    factor = 10.0 if getattr(module, "masks", []) else 1.0
    close(reconstruction.mean(), measured["reconstruction"], "reconstruction", factor)
    close(kl.mean(), measured["kl"], "KL", factor)
    close(-(reconstruction + kl).mean(), measured["elbo"], "ELBO", factor)
    if "bits_per_dimension" in measured:
        bits = (reconstruction + kl) / (x.shape[1] * numpy.log(2))
        close(bits.mean(), measured["bits_per_dimension"], "bits per dimension")


def agree_on_average(module, samples: int, x, y, measured: dict):
    """Where several latents are drawn for an image, `latent` writes none of them: the bounds agree within five standard
    errors."""
    torch.manual_seed(1)
    mean, log_variance = module.encode(x, y)
    draws = mean + torch.randn(100, *mean.shape, dtype=mean.dtype) * torch.exp(log_variance / 2)
    bounds = torch.stack([-sum(module.kl_of_draws(x, z, y, False)) for z in draws])
    error = (bounds.var(0).mean() / len(x) * (1 / samples + 1 / len(draws))).sqrt()
    assert abs(bounds.mean() - measured["elbo"]) < 5 * error


@pytest.mark.parametrize("name", SMALL)
def test_a_model_of_every_kind_computes_the_same(name: str, data: list[str], tmp_path: Path):
    kind = next(kind for kind in KINDS if name.startswith(kind))
    experiment = tmp_path / "small.toml"
    experiment.write_text(
        f"name = 'small'\n[model]\nkind = '{kind}'\n{SMALL[name]}"
        f"[training]\nepochs = 5\nbatch_size = 20\n[data]\nbinarise = {str(kind == 'conditional-vae').lower()}\n"
    )
    latent("train", experiment, *data, "--no-figures", "--output", tmp_path / "run")
    agree(tmp_path / "run" / "model.safetensors", tmp_path, data)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_model_computes_the_same(path: Path, data: list[str], tmp_path: Path):
    try:
        latent_models.load(path)
    except ValueError as error:
        pytest.skip(f"SKIPPED: {error}; `latent models export` writes it again")
    agree(path, tmp_path, data)


def test_every_shipped_model_is_there():
    if not SHIPPED:
        pytest.skip("SKIPPED: no models beside the program")
    index = json.loads((MODELS / "index.json").read_text())
    assert {path.stem for path in SHIPPED} <= set(index["models"])


@pytest.mark.parametrize("experiment", ["vae-conv", "cvae-conv", "vae-2d", "cvae-mlp", "cond-realnvp-5"])
def test_what_pytorch_trained_computes_the_same_in_latent(experiment: str, data: list[str], tmp_path: Path):
    # Only for the metadata; PyTorch trains the weights below.
    latent("train", experiment, *data, "--epochs", 1, "--no-figures", "--output", tmp_path / "run")
    _, description = latent_models.load(tmp_path / "run" / "model.safetensors")
    latent("reconstruct", tmp_path / "run", *data, "--count", COUNT, "--output", tmp_path / "x.npy")
    x = torch.from_numpy(numpy.load(tmp_path / "x.npy")).flatten(1)[:COUNT]
    model = description["experiment"]["model"]
    y = torch.eye(10)[torch.arange(COUNT) % 10] if "conditional" in model["kind"] else x[:, :0]

    torch.manual_seed(0)
    module = latent_models.make(model, 28, 28, 10)
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-3)
    for _ in range(30):
        optimiser.zero_grad()
        if model["kind"].endswith("flow"):
            loss = -module.log_prob(module.preprocess(x, torch.rand_like(x))[0], y).mean()
        else:
            mean, log_variance = module.encode(x, y)
            z = mean + torch.randn_like(mean) * torch.exp(log_variance / 2)
            loss = sum(module.kl_of_draws(x, z, y, False)).mean()
        loss.backward()
        optimiser.step()

    save_file(module.state_dict(), tmp_path / "weights.safetensors")
    imported = tmp_path / "imported.safetensors"
    latent("import", tmp_path / "weights.safetensors", experiment, *data, "--output", imported)
    agree(imported, tmp_path, data)
    loaded = latent_models.load(imported)[0].state_dict()
    assert all(torch.equal(loaded[name], value.double()) for name, value in module.state_dict().items())


def test_the_lines_in_the_readme_run(data: list[str], tmp_path: Path):
    readme = ROOT / "tests" / "python" / "README.md"
    blocks = re.findall(r"^```python\n(.*?)^```", readme.read_text(), re.DOTALL | re.MULTILINE)
    assert blocks
    for lines in blocks:
        for path in re.findall(r'"([^"]*/models/[^"]*)"', lines):
            present = ROOT / path
            if not present.exists():
                name = Path(path).stem
                latent("train", name, *data, "--epochs", 1, "--no-figures", "--output", tmp_path / name)
                present = tmp_path / name / "model.safetensors"
            lines = lines.replace(path, str(present))
        names: dict = {}
        exec(compile(lines, str(readme), "exec"), names)
        assert names["images"].shape == (25, 784)
        assert names["images"].min() >= 0 and names["images"].max() <= 1


def test_the_suggested_lines_convert_pytorch_files(data: list[str], tmp_path: Path):
    latent("train", "vae-2d", *data, "--epochs", 1, "--no-figures", "--output", tmp_path / "run")
    module, _ = latent_models.load(tmp_path / "run" / "model.safetensors")
    state = {f"module.{name}": value for name, value in module.state_dict().items()}
    for name, contents in [("weights.pt", state), ('the "best".ckpt', {"state_dict": state, "epoch": 3})]:
        torch.save(contents, tmp_path / name)
        imported = tmp_path / "imported.safetensors"
        command = [LATENT, "import", tmp_path / name, "vae-2d", *data, "--output", imported, "--overwrite"]
        refusal = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        assert refusal.returncode == 1
        lines = [line for line in refusal.stderr.splitlines() if "torch." in line]
        exec("\n".join(lines), {})
        command[2] = (tmp_path / name).with_suffix(".safetensors")
        latent(*command[1:])
        agree(imported, tmp_path, data)
