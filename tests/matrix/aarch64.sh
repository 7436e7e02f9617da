#!/usr/bin/env bash
# Tests the kernels, distributions and models on emulated aarch64 Linux, and runs the first commands of the README.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/matrix/common.sh
# MNIST would take too long.
unset LATENT_DATA_DIR
packages="on Debian: dpkg --add-architecture arm64; apt-get update;
apt-get install libc6:arm64 gcc-aarch64-linux-gnu qemu-user"
need_command aarch64-linux-gnu-gcc "$packages"
need_command qemu-aarch64 "$packages"
[ -e /lib/ld-linux-aarch64.so.1 ] || { echo "libc6:arm64 not found; $packages" >&2; exit 1; }

target=aarch64-unknown-linux-gnu
need_target "$target"
export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
# Not with `-L /usr/aarch64-linux-gnu`, which mixes two C libraries: every program that starts a thread would hang.
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=qemu-aarch64

# One set of packages, so that features agree and nothing is built twice.
units=(--package latent-kernels --package latent-distributions --package latent-models
    --package latent-training --package latent
    --lib --test laws --test agreement --test bijectors --test simd --test levels)
cargo build --release --locked --target "$target" "${units[@]}" --bin latent

directory="$(mktemp -d)"
trap 'rm -r "$directory"' EXIT
latent="$target_directory/$target/release/latent"
(cd "$directory" && qemu-aarch64 "$latent" train vae-2d --data synthetic --limit 2000 --epochs 1)
(cd "$directory" && qemu-aarch64 "$latent" evaluate runs/vae-2d)

# Fewer draws in slow tests, one thread, which never waits for others, and the vector width of NEON
# (crates/kernels/README.md explains all three).
CANDLE_NUM_THREADS=1 LATENT_TEST_SCALE=0.02 LATENT_TEST_VECTOR_WIDTH=4 \
    cargo test --release --locked --target "$target" "${units[@]}"
echo "kernels, distributions, models, trainings and the command line's first run pass on emulated aarch64"
