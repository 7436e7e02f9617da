# Recipes for the assignments, and for whoever works on this. `just` lists them.

# Without `--package`: what a crate alone asks of its dependencies differs from what the workspace does, and
# all of candle would be built once more.
latent := "cargo run --release --locked --quiet --"
explorer-page := "cargo run --release --locked --quiet --example page --"

# The recipes of the assignments are commands that PowerShell runs as well as a POSIX shell; recipes that need
# the latter are marked [unix].
set windows-shell := ["powershell.exe", "-NoLogo", "-NoProfile", "-Command"]

_default:
    @{{just_executable()}} --list --unsorted

# Auto-Encoding Variational Bayes, task 1: train, measure, and draw 25 samples from the prior
aevb-task1: (_train "aevb")
    {{latent}} evaluate runs/aevb
    {{latent}} sample runs/aevb --count 25

# Task 2: the first ten test images above their reconstructions, and what their latents tell
aevb-task2: (_train "aevb")
    {{latent}} reconstruct runs/aevb --count 10
    {{latent}} plot posterior runs/aevb

# Task 3: interpolations of 25 steps between the test images (0,1), (2,3), … through posterior means
aevb-task3: (_train "aevb")
    {{latent}} interpolate runs/aevb --pairs 5 --steps 25

# The two-dimensional VAE: train on all 60,000 images, draw the training curves, and measure
vae2d-train: (_train "vae-2d")
    {{latent}} plot curves runs/vae-2d
    {{latent}} evaluate runs/vae-2d

# Scatter plot of z of 5,000 random training images, z drawn from q(z|x); and the latents against the prior
vae2d-scatter: (_train "vae-2d")
    {{latent}} plot latents runs/vae-2d --split train --count 5000 --latent sample
    {{latent}} plot posterior runs/vae-2d

# 15×15 digits over the complete range of z
vae2d-manifold: (_train "vae-2d")
    {{latent}} plot manifold runs/vae-2d --steps 15

# Five images of each digit, from z that the program finds
vae2d-digits: (_train "vae-2d")
    {{latent}} plot prototypes runs/vae-2d --per-class 5

# Lab 8, task 1: the first digit, a VAE trained by its ELBO, true against reconstructed, the latent plane, new samples
lab8-task1: (_train "vae-mlp")
    {{latent}} data show --index 0
    {{latent}} evaluate runs/vae-mlp
    {{latent}} reconstruct runs/vae-mlp --count 10
    {{latent}} plot latents runs/vae-mlp
    {{latent}} plot posterior runs/vae-mlp
    {{latent}} sample runs/vae-mlp --count 25

# Task 2: the same, conditional on the digit
lab8-task2: (_train "cvae-mlp")
    {{latent}} evaluate runs/cvae-mlp
    {{latent}} reconstruct runs/cvae-mlp --count 10
    {{latent}} plot latents runs/cvae-mlp
    {{latent}} sample runs/cvae-mlp --count 10

# Task 3: a number in, an image out; and what lies around a training image
lab8-task3 digit="7": (_train "cvae-mlp")
    {{latent}} sample runs/cvae-mlp --labels {{digit}} --count 1
    {{latent}} plot perturbations runs/cvae-mlp --index 0

# Radboud: the convolutional VAE, its curves, reconstructions, latent plane, manifold and samples
radboud-vae: (_train "vae-conv")
    {{latent}} plot curves runs/vae-conv
    {{latent}} evaluate runs/vae-conv
    {{latent}} reconstruct runs/vae-conv
    {{latent}} plot latents runs/vae-conv --split train --count 3200
    {{latent}} plot posterior runs/vae-conv
    {{latent}} plot manifold runs/vae-conv --range 2 --steps 31
    {{latent}} sample runs/vae-conv

# The conditional one, and each digit told
radboud-cvae: (_train "cvae-conv")
    {{latent}} plot curves runs/cvae-conv
    {{latent}} evaluate runs/cvae-conv
    {{latent}} reconstruct runs/cvae-conv
    {{latent}} plot latents runs/cvae-conv --split train --count 3200
    {{latent}} plot posterior runs/cvae-conv
    {{latent}} plot manifold runs/cvae-conv --range 2 --steps 31 --label 4 \
        --output runs/cvae-conv/figures/manifold-4.png
    {{latent}} plot manifold runs/cvae-conv --range 2 --steps 31 --label 8 \
        --output runs/cvae-conv/figures/manifold-8.png
    {{latent}} sample runs/cvae-conv

# Reconstruction and KL against 2, 5, 10 and 20 latent dimensions, as curves: ten minutes
radboud-latent-size:
    {{latent}} train vae-conv --if-needed --output runs/vae-conv-latent-2 --set model.latent_size=2 --no-figures
    {{latent}} train vae-conv --if-needed --output runs/vae-conv-latent-5 --set model.latent_size=5 --no-figures
    {{latent}} train vae-conv --if-needed --output runs/vae-conv-latent-10 --set model.latent_size=10 --no-figures
    {{latent}} train vae-conv --if-needed --output runs/vae-conv-latent-20 --set model.latent_size=20 --no-figures
    {{latent}} plot curves runs/vae-conv-latent-2 runs/vae-conv-latent-5 runs/vae-conv-latent-10 \
        runs/vae-conv-latent-20 --against model.latent_size --output runs/latent-size.png

# Classification from latents, and by Bayes' rule
radboud-classify: (_train "vae-conv") (_train "cvae-conv")
    {{latent}} classify runs/vae-conv
    {{latent}} classify runs/cvae-conv --method knn
    {{latent}} classify runs/cvae-conv

# Test images in their own style as all ten digits
radboud-analogies: (_train "cvae-conv")
    {{latent}} plot analogies runs/cvae-conv

# HY-673, problem 3: a conditional VAE, its bound, reconstructions, and ten samples of each digit
hy673-problem3: (_train "cvae-conv")
    {{latent}} evaluate runs/cvae-conv
    {{latent}} reconstruct runs/cvae-conv
    {{latent}} sample runs/cvae-conv --count 10

# One image for each label, such as "0,2", and for each digit of the number 42
hy673-digits labels="0,2": (_train "cvae-conv")
    {{latent}} sample runs/cvae-conv --labels {{labels}}
    {{latent}} sample runs/cvae-conv --labels 4,2 --output runs/cvae-conv/figures/number.png

# HY-673, problem 1: RealNVP with five and with ten couplings, their likelihoods, samples and interpolations
hy673-problem1: (_train "realnvp-5") (_train "realnvp-10")
    {{latent}} evaluate runs/realnvp-5
    {{latent}} sample runs/realnvp-5 --count 25
    {{latent}} interpolate runs/realnvp-5 --method linear --steps 11
    {{latent}} interpolate runs/realnvp-5 --method sinusoidal --steps 11 \
        --output runs/realnvp-5/figures/interpolations-sinusoidal.png
    {{latent}} interpolate runs/realnvp-5 --method arc --steps 11 \
        --output runs/realnvp-5/figures/interpolations-arc.png
    {{latent}} evaluate runs/realnvp-10
    {{latent}} sample runs/realnvp-10 --count 25
    {{latent}} interpolate runs/realnvp-10 --method linear --steps 11
    {{latent}} interpolate runs/realnvp-10 --method sinusoidal --steps 11 \
        --output runs/realnvp-10/figures/interpolations-sinusoidal.png

# Problem 2: the same, conditional on the digit, and the likelihood against 2, 4, 6, 8 and 10 couplings
hy673-problem2: (_train "cond-realnvp-5") (_train "cond-realnvp-10")
    {{latent}} evaluate runs/cond-realnvp-5
    {{latent}} sample runs/cond-realnvp-5 --count 10
    {{latent}} evaluate runs/cond-realnvp-10
    {{latent}} sample runs/cond-realnvp-10 --count 10
    {{latent}} train cond-realnvp-10 --if-needed --output runs/cond-realnvp-couplings-2 \
        --set model.couplings=2 --epochs 10 --no-figures
    {{latent}} train cond-realnvp-10 --if-needed --output runs/cond-realnvp-couplings-4 \
        --set model.couplings=4 --epochs 10 --no-figures
    {{latent}} train cond-realnvp-10 --if-needed --output runs/cond-realnvp-couplings-6 \
        --set model.couplings=6 --epochs 10 --no-figures
    {{latent}} train cond-realnvp-10 --if-needed --output runs/cond-realnvp-couplings-8 \
        --set model.couplings=8 --epochs 10 --no-figures
    {{latent}} train cond-realnvp-10 --if-needed --output runs/cond-realnvp-couplings-10 \
        --set model.couplings=10 --epochs 10 --no-figures
    {{latent}} plot curves runs/cond-realnvp-couplings-2 runs/cond-realnvp-couplings-4 runs/cond-realnvp-couplings-6 \
        runs/cond-realnvp-couplings-8 runs/cond-realnvp-couplings-10 --against model.couplings --output runs/couplings.png

# The report of an assignment (lab8, hy673, aevb, radboud, vae2d), after what is missing was trained
report assignment *arguments="":
    {{latent}} report {{assignment}} {{arguments}}

# Train an experiment, or resume an interrupted run; a finished one is left as it is
_train experiment:
    {{latent}} train {{experiment}} --if-needed

# The page that draws digits and walks through latent spaces, built and served on 127.0.0.1
[unix]
explorer port="8000" *arguments: _explorer-module
    @{{explorer-page}} --serve {{port}} {{arguments}}

# The page in headless Chromium (on Debian: apt-get install chromium chromium-driver), with real MNIST where it is found
[unix]
test-explorer *arguments: _explorer-module
    @{{explorer-page}} {{arguments}}
    cargo test --release --locked --test suite --no-run
    cargo test --release --locked --test browser -- --ignored --test-threads 1

# Screenshots of the page, built before, in target/explorer-pictures
[unix]
explorer-pictures:
    LATENT_EXPLORER_PICTURES={{justfile_directory()}}/target/explorer-pictures \
        cargo test --release --locked --test browser -- --ignored pictures

# The crates as WebAssembly, with the JavaScript that calls them
[unix]
_explorer-module:
    #!/usr/bin/env bash
    set -euo pipefail
    command -v rustup >/dev/null && rustup --quiet target add wasm32-unknown-unknown
    cargo build --locked --profile web --target wasm32-unknown-unknown --package latent-explorer --lib
    # The command must be of the version that the crates were built with.
    version="$(sed -n '/^name = "wasm-bindgen"$/{n;s/version = "\(.*\)"/\1/p;}' Cargo.lock)"
    PATH="$PWD/target/tools/bin:$PATH"
    if [ "$(wasm-bindgen --version 2>/dev/null)" != "wasm-bindgen $version" ]; then
        echo "wasm-bindgen $version is not here, and is built into target/tools: a few minutes, once"
        cargo install --locked --quiet --root target/tools wasm-bindgen-cli --version "$version"
    fi
    rm -rf target/explorer
    wasm-bindgen --target web --no-typescript --remove-name-section --remove-producers-section \
        --out-dir target/explorer target/wasm32-unknown-unknown/web/latent_explorer.wasm

# All tests; real MNIST takes part where $LATENT_DATA_DIR names its directory
test:
    cargo test --release --locked

# The same tests with ten times as many draws, images, interruptions and mutations: an hour
test-long:
    LATENT_TEST_SCALE=10 cargo test --release --locked

# The tests of numerical code at SIMD levels: native, avx2 and scalar, or those that are named
test-simd *levels:
    bash .ci/simd {{levels}}

# PyTorch and huggingface_hub beside ours: some gigabytes, for a virtual environment
[unix]
test-python *arguments:
    python3 -m venv target/python
    target/python/bin/python -m pip install --quiet --requirement tests/python/requirements.txt
    cargo build --release --locked --bin latent
    LATENT=target/release/latent target/python/bin/python -m pytest --quiet -rs tests/python {{arguments}}
    LATENT_PYTHON="$PWD/target/python/bin/python" cargo test --release --locked --test suite hub::python

# Three seeds of an experiment: the figures of each, a JSON object a line
seeds experiment="vae-2d":
    {{latent}} train {{experiment}} --seed 1 --output runs/{{experiment}}-seed-1 --overwrite --no-figures --json
    {{latent}} train {{experiment}} --seed 2 --output runs/{{experiment}}-seed-2 --overwrite --no-figures --json
    {{latent}} train {{experiment}} --seed 3 --output runs/{{experiment}}-seed-3 --overwrite --no-figures --json

# How many images a second this machine trains on, and the memory that it takes
bench *arguments:
    {{latent}} bench {{arguments}}

# The same five models here, in PyTorch and in JAX, in turns: takes half an hour on an idle machine, and some gigabytes for the peers
[unix]
bench-peers *arguments:
    python3 -m venv target/peers
    target/peers/bin/python -m pip install --quiet --requirement tests/peers/requirements.txt
    cargo build --release --locked --bin latent
    target/peers/bin/python tests/peers/compare.py --ours target/release/latent {{arguments}}

# Images a second at batch sizes from 16 to 1024, with one thread and with two, and a picture of them
bench-scaling *names="mlp-vae conv-vae realnvp-5":
    {{latent}} bench {{names}} --batch-size 16,32,64,128,256,512,1024 --threads 1,2 --output scaling.png

# Each kernel beside what gemm and a plain copy reach on this machine
bench-kernels *arguments:
    cargo bench --locked --bench kernels -- {{arguments}}

# The time of every fused operation beside its composed form, on one thread
[unix]
bench-fused *filter:
    CANDLE_NUM_THREADS=1 RAYON_NUM_THREADS=1 cargo bench --locked --bench fused -- {{filter}}

# The index arithmetic of the kernels under Miri, which needs a nightly toolchain
[unix]
miri:
    MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test --locked --package latent-kernels --lib

# Fuzz whatever reads files or a hub's answers: idx, model, experiment or hub; needs a nightly toolchain and cargo-fuzz
[unix]
fuzz target="model" seconds="60":
    mkdir -p tests/fuzz/corpus/{{target}}
    # cargo-fuzz has no `--locked`: this gives it the versions of the workspace.
    cp Cargo.lock tests/fuzz/Cargo.lock
    cargo +nightly fuzz run --fuzz-dir tests/fuzz {{target}} tests/fuzz/corpus/{{target}} \
        {{ if target == "experiment" { "crates/pretrained/experiments" } else { "tests/fuzz/seeds/" + target } }} \
        -- -max_total_time={{seconds}}

# The tests and checks on other processors, systems and compilers, and a line for each: an hour on two cores
test-matrix:
    bash tests/matrix/run.sh

# Kernels, distributions, models and the command line on emulated aarch64 Linux
test-aarch64:
    bash tests/matrix/aarch64.sh

# The command line and the crates that read and write files on Windows, under Wine
test-windows:
    bash tests/matrix/windows.sh

# Type-check everything for macOS
check-macos:
    bash tests/matrix/macos.sh

# Type-check everything with the oldest Rust that is supported
check-rust-version:
    bash tests/matrix/rust-version.sh

# What a change must pass: formatting, lints, documentation, packages, and tests, from outside too
ci:
    bash .ci/run
