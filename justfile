# Recipes for the assignments and for development. `just` lists them.

# Without `--package`: a single crate selects other features of its dependencies than the workspace, and all of candle
# would be built again.
latent := "cargo run --release --locked --quiet --"
explorer-page := "cargo run --release --locked --quiet --example page --"

# The recipes of the assignments work in PowerShell and in POSIX shells; recipes that need the latter are marked [unix].
set windows-shell := ["powershell.exe", "-NoLogo", "-NoProfile", "-Command"]

_default:
    @{{just_executable()}} --list --unsorted

# The whole assignment: report of the VAE with a 2-D latent space
vae2d *arguments="":
    {{latent}} report vae2d {{arguments}}

# VAE with a 2-D latent space, (a): train on all 60,000 images, and draw the training curves
vae2d-a: (_train "vae-2d")
    {{latent}} plot curves runs/vae-2d
    {{latent}} evaluate runs/vae-2d
    {{latent}} evaluate runs/vae-2d --limit 500 --importance-samples 1000

# (b): scatter plot of z of 5,000 random training images; the latents and the prior
vae2d-b: (_train "vae-2d")
    {{latent}} plot latents runs/vae-2d --split train --count 5000 --latent sample
    {{latent}} plot posterior runs/vae-2d

# (c): 15×15 images decoded over the complete range of z
vae2d-c: (_train "vae-2d")
    {{latent}} plot manifold runs/vae-2d --steps 15

# (d): five images of each digit
vae2d-d: (_train "vae-2d")
    {{latent}} plot prototypes runs/vae-2d --per-class 5

# The whole assignment: report of Auto-Encoding Variational Bayes
aevb *arguments="":
    {{latent}} report aevb {{arguments}}

# Auto-Encoding Variational Bayes, 1: the lower bound on the test images
aevb-1: (_train "aevb")
    {{latent}} evaluate runs/aevb
    {{latent}} evaluate runs/aevb --limit 500 --importance-samples 1000

# 2: training curves of Adam
aevb-2: (_train "aevb")
    {{latent}} plot curves runs/aevb

# 3: 25 samples, reconstructions of ten test images, five interpolations in 25 steps; the latents and the prior
aevb-3: (_train "aevb")
    {{latent}} sample runs/aevb --count 25
    {{latent}} reconstruct runs/aevb --count 10 --latent sample
    {{latent}} interpolate runs/aevb --pairs 5 --steps 25
    {{latent}} plot posterior runs/aevb

# The whole assignment: report of lab 8
lab8 *arguments="":
    {{latent}} report lab8 {{arguments}}

# Lab 8, task 1: the first digit, a VAE with its training curves, reconstructions, latent space and samples
lab8-1: (_train "vae-mlp")
    {{latent}} data show --index 0
    {{latent}} evaluate runs/vae-mlp --limit 500 --importance-samples 1000
    {{latent}} plot curves runs/vae-mlp
    {{latent}} evaluate runs/vae-mlp
    {{latent}} reconstruct runs/vae-mlp --count 10
    {{latent}} plot latents runs/vae-mlp --count 10000
    {{latent}} classify runs/vae-mlp
    {{latent}} sample runs/vae-mlp --count 25
    {{latent}} plot posterior runs/vae-mlp

# Task 2: the conditional VAE, its reconstructions, latent space and samples
lab8-2: (_train "cvae-mlp")
    {{latent}} plot curves runs/cvae-mlp
    {{latent}} evaluate runs/cvae-mlp
    {{latent}} reconstruct runs/cvae-mlp --count 10
    {{latent}} plot latents runs/cvae-mlp --count 10000
    {{latent}} sample runs/cvae-mlp --count 10
    {{latent}} evaluate-samples runs/cvae-mlp
    {{latent}} plot posterior runs/cvae-mlp

# Task 3: other parameters and architectures, samples around a training image, transition from a 0 to a 6
lab8-3: (_train "vae-mlp") (_train "cvae-mlp")
    {{latent}} train vae-mlp --if-needed --output runs/vae-mlp-narrow --set 'model.hidden=[128]' --no-figures
    {{latent}} train vae-mlp --if-needed --output runs/vae-mlp-deep --set 'model.hidden=[512,512,256]' --no-figures
    {{latent}} train vae-mlp --if-needed --output runs/vae-mlp-tanh --set model.activation=tanh --no-figures
    {{latent}} train vae-mlp --if-needed --output runs/vae-mlp-latent-5 --set model.latent_size=5 --no-figures
    {{latent}} train vae-mlp --if-needed --output runs/vae-mlp-latent-20 --set model.latent_size=20 --no-figures
    {{latent}} train vae-mlp --if-needed --output runs/vae-mlp-slow --set training.learning_rate=1e-4 --no-figures
    {{latent}} compare runs/vae-mlp runs/vae-mlp-narrow runs/vae-mlp-deep runs/vae-mlp-tanh \
        runs/vae-mlp-latent-5 runs/vae-mlp-latent-20 runs/vae-mlp-slow
    {{latent}} plot perturbations runs/cvae-mlp --index 0
    {{latent}} interpolate runs/vae-mlp --labels 0,6 --steps 11
    {{latent}} sample runs/cvae-mlp --labels 7 --count 1

# The whole assignment: report of HY-673
hy673 *arguments="":
    {{latent}} report hy673 {{arguments}}

# HY-673, problem 1: RealNVP with five and ten couplings, samples and interpolations
hy673-1:
    {{latent}} train realnvp-5 --if-needed --output runs/realnvp-couplings-5 --set model.couplings=5 --epochs 8 \
        --no-figures
    {{latent}} train realnvp-5 --if-needed --output runs/realnvp-couplings-10 --set model.couplings=10 --epochs 8 \
        --no-figures
    {{latent}} evaluate runs/realnvp-couplings-5
    {{latent}} evaluate runs/realnvp-couplings-10
    {{latent}} sample runs/realnvp-couplings-5 --count 25
    {{latent}} sample runs/realnvp-couplings-10 --count 25
    {{latent}} interpolate runs/realnvp-couplings-5 --method linear --steps 11
    {{latent}} interpolate runs/realnvp-couplings-5 --method sinusoidal --steps 11 \
        --output runs/realnvp-couplings-5/figures/interpolations-sinusoidal.png
    {{latent}} interpolate runs/realnvp-couplings-10 --method linear --steps 11
    {{latent}} interpolate runs/realnvp-couplings-10 --method sinusoidal --steps 11 \
        --output runs/realnvp-couplings-10/figures/interpolations-sinusoidal.png
    {{latent}} interpolate runs/realnvp-couplings-5 --method arc --steps 11 \
        --output runs/realnvp-couplings-5/figures/interpolations-arc.png

# Problem 2: conditional RealNVP; 2, 5 and 10 couplings with and without labels
hy673-2:
    {{latent}} train cond-realnvp-5 --if-needed --output runs/cond-realnvp-couplings-5 --set model.couplings=5 \
        --epochs 8 --no-figures
    {{latent}} train cond-realnvp-5 --if-needed --output runs/cond-realnvp-couplings-10 --set model.couplings=10 \
        --epochs 8 --no-figures
    {{latent}} train cond-realnvp-5 --if-needed --output runs/cond-realnvp-couplings-2 --set model.couplings=2 \
        --epochs 8 --no-figures
    {{latent}} train realnvp-5 --if-needed --output runs/realnvp-couplings-2 --set model.couplings=2 --epochs 8 \
        --no-figures
    {{latent}} sample runs/cond-realnvp-couplings-5 --count 10
    {{latent}} sample runs/cond-realnvp-couplings-10 --count 10
    {{latent}} evaluate runs/cond-realnvp-couplings-2
    {{latent}} evaluate runs/cond-realnvp-couplings-5
    {{latent}} evaluate runs/cond-realnvp-couplings-10
    {{latent}} evaluate runs/realnvp-couplings-2
    {{latent}} evaluate-samples runs/cond-realnvp-couplings-5

# Problem 3: a conditional VAE; images of the labels [0, 2] and of the number 42
hy673-3: (_train "cvae-conv")
    {{latent}} evaluate runs/cvae-conv
    {{latent}} reconstruct runs/cvae-conv
    {{latent}} sample runs/cvae-conv --labels 0,2
    {{latent}} sample runs/cvae-conv --number 42 --output runs/cvae-conv/figures/number.png
    {{latent}} sample runs/cvae-conv --count 10 --output runs/cvae-conv/figures/every-digit.png

# The whole assignment: report of Radboud
radboud *arguments="":
    {{latent}} report radboud {{arguments}}

# Radboud, 10.2: the convolutional VAE, samples and reconstructions
radboud-2: (_train "vae-conv")
    {{latent}} sample runs/vae-conv
    {{latent}} reconstruct runs/vae-conv

# 10.3: the loss on the test images
radboud-3: (_train "vae-conv")
    {{latent}} evaluate runs/vae-conv
    {{latent}} evaluate runs/vae-conv --limit 500 --importance-samples 1000

# 10.4: training curves; 2, 5, 10 and 20 latent dimensions
radboud-4: (_train "vae-conv")
    {{latent}} train vae-conv --if-needed --output runs/vae-conv-latent-5 --set model.latent_size=5 --no-figures
    {{latent}} train vae-conv --if-needed --output runs/vae-conv-latent-10 --set model.latent_size=10 --no-figures
    {{latent}} train vae-conv --if-needed --output runs/vae-conv-latent-20 --set model.latent_size=20 --no-figures
    {{latent}} plot curves runs/vae-conv
    {{latent}} plot curves runs/vae-conv runs/vae-conv-latent-5 runs/vae-conv-latent-10 runs/vae-conv-latent-20 \
        --against model.latent_size --output runs/latent-size.png

# 10.5: the latent space: decoded plane, scatter plot, a second training, classification
radboud-5: (_train "vae-conv")
    {{latent}} train vae-conv --if-needed --output runs/vae-conv-again --seed 2 --no-figures
    {{latent}} plot manifold runs/vae-conv --range 2 --steps 31
    {{latent}} classify runs/vae-conv
    {{latent}} plot latents runs/vae-conv --split train --count 3200
    {{latent}} plot latents runs/vae-conv-again --split train --count 3200
    {{latent}} plot alignment runs/vae-conv-again runs/vae-conv --split train --count 3200
    {{latent}} plot coverage runs/vae-conv --range 2 --steps 31 --split train --count 3200
    {{latent}} plot posterior runs/vae-conv

# 10.6: the conditional VAE: curves, planes of the classes 4 and 8, meaning of the dimensions, analogies
radboud-6: (_train "cvae-conv")
    {{latent}} plot curves runs/cvae-conv
    {{latent}} evaluate runs/cvae-conv
    {{latent}} plot manifold runs/cvae-conv --range 2 --steps 31 --label 4
    {{latent}} plot manifold runs/cvae-conv --range 2 --steps 31 --label 8 \
        --output runs/cvae-conv/figures/manifold-8.png
    {{latent}} plot traversals runs/cvae-conv --dimension 1
    {{latent}} plot traversals runs/cvae-conv --dimension 2
    {{latent}} plot latents runs/cvae-conv --split train --count 3200
    {{latent}} plot posterior runs/cvae-conv
    {{latent}} classify runs/cvae-conv --method knn
    {{latent}} classify runs/cvae-conv
    {{latent}} plot analogies runs/cvae-conv
    {{latent}} sample runs/cvae-conv

# VAEs on binarised MNIST: log-likelihoods of 1,000 test images by 500 draws beside published ones (an hour or two)
[unix]
likelihoods images="1000" draws="500": (_train "vae-flow-prior") (_train "cvae-flow-prior") (_train "vae-ladder")
    cargo run --release --locked --quiet --example likelihoods -- {{images}} {{draws}} \
        runs/vae-flow-prior runs/cvae-flow-prior runs/vae-ladder

# Coloured shapes and letters: the sample accuracy of a conditional VAE on data that are not MNIST
own-data:
    cargo run --release --locked --example own-data -- own-data
    {{latent}} train cvae-conv --if-needed --data own-data/shapes --output runs/shapes \
        --set model.latent_size=8 --set model.features=256 --set model.objective.beta=30
    {{latent}} evaluate-samples runs/shapes
    {{latent}} train cvae-conv --if-needed --data own-data/letters.npz --output runs/letters
    {{latent}} evaluate-samples runs/letters

# A number in, an image of each of its digits out
number digits="42": (_train "cvae-conv")
    {{latent}} sample runs/cvae-conv --number {{digits}}

# The report of an assignment, or of runs
report assignment *arguments="":
    {{latent}} report {{assignment}} {{arguments}}

# Train an experiment, or resume an interrupted run; a finished one is left as it is
_train experiment:
    {{latent}} train {{experiment}} --if-needed

# Build the explorer page, and serve it on 127.0.0.1
[unix]
explorer port="8000" *arguments: _explorer-module
    @{{explorer-page}} --serve {{port}} {{arguments}}

# Test the explorer page in headless Chromium (on Debian: apt-get install chromium chromium-driver), with real MNIST where it is found
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

# The explorer as WebAssembly, with its JavaScript bindings
[unix]
_explorer-module:
    #!/usr/bin/env bash
    set -euo pipefail
    command -v rustup >/dev/null && rustup --quiet target add wasm32-unknown-unknown
    cargo build --locked --profile web --target wasm32-unknown-unknown --package latent-explorer --lib
    # The command must have the same version as the crate.
    version="$(sed -n '/^name = "wasm-bindgen"$/{n;s/version = "\(.*\)"/\1/p;}' Cargo.lock)"
    PATH="$PWD/target/tools/bin:$PATH"
    if [ "$(wasm-bindgen --version 2>/dev/null)" != "wasm-bindgen $version" ]; then
        echo "building wasm-bindgen $version in target/tools: a few minutes, once"
        cargo install --locked --quiet --root target/tools wasm-bindgen-cli --version "$version"
    fi
    rm -rf target/explorer
    wasm-bindgen --target web --no-typescript --remove-name-section --remove-producers-section \
        --out-dir target/explorer target/wasm32-unknown-unknown/web/latent_explorer.wasm

# All tests; those of real MNIST need its directory in $LATENT_DATA_DIR
test:
    cargo test --release --locked

# The same tests with ten times as many draws, images, interruptions and mutations: an hour
test-long:
    LATENT_TEST_SCALE=10 cargo test --release --locked

# The tests of numerical code at SIMD levels: native, avx2 and scalar, or those that are named
test-simd *levels:
    bash .ci/simd {{levels}}

# Tests against PyTorch and huggingface_hub, in a virtual environment of some gigabytes
[unix]
test-python *arguments:
    python3 -m venv target/python
    target/python/bin/python -m pip install --quiet --requirement tests/python/requirements.txt
    cargo build --release --locked --bin latent
    LATENT=target/release/latent target/python/bin/python -m pytest --quiet -rs tests/python {{arguments}}
    LATENT_PYTHON="$PWD/target/python/bin/python" cargo test --release --locked --test suite hub::python

# Train an experiment with three seeds; prints the metrics of each as a line of JSON
seeds experiment="vae-2d":
    {{latent}} train {{experiment}} --seed 1 --output runs/{{experiment}}-seed-1 --overwrite --no-figures --json
    {{latent}} train {{experiment}} --seed 2 --output runs/{{experiment}}-seed-2 --overwrite --no-figures --json
    {{latent}} train {{experiment}} --seed 3 --output runs/{{experiment}}-seed-3 --overwrite --no-figures --json

# Training speed of this machine in images per second, and memory use
bench *arguments:
    {{latent}} bench {{arguments}}

# Training speed of five models beside PyTorch and JAX, in alternation: half an hour on an idle machine, some gigabytes
[unix]
bench-peers *arguments:
    python3 -m venv target/peers
    target/peers/bin/python -m pip install --quiet --requirement tests/peers/requirements.txt
    cargo build --release --locked --bin latent
    target/peers/bin/python tests/peers/compare.py --ours target/release/latent {{arguments}}

# Training speed at batch sizes from 16 to 1024, with one and two threads, and a figure
bench-scaling *names="mlp-vae conv-vae realnvp-5":
    {{latent}} bench {{names}} --batch-size 16,32,64,128,256,512,1024 --threads 1,2 --output scaling.png

# Speed of each kernel beside gemm and a plain copy
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

# Fuzz a parser (idx, picture, arrays, parquet, cifar, model, experiment or hub); needs a nightly toolchain and cargo-fuzz
[unix]
fuzz target="model" seconds="60":
    mkdir -p tests/fuzz/corpus/{{target}}
    # cargo-fuzz has no `--locked`: this gives it the versions of the workspace.
    cp Cargo.lock tests/fuzz/Cargo.lock
    cargo +nightly fuzz run --fuzz-dir tests/fuzz {{target}} tests/fuzz/corpus/{{target}} \
        {{ if target == "experiment" { "crates/pretrained/experiments" } else { "tests/fuzz/seeds/" + target } }} \
        -- -max_total_time={{seconds}}

# Tests on other processors, systems and compilers, with a line for each: an hour on two cores
test-matrix:
    bash tests/matrix/run.sh

# Check programs that depend on one crate each, with its own features, and the fuzz targets
test-outside:
    bash tests/matrix/outside.sh

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

# All checks that a change must pass
ci:
    bash .ci/run
