#!/usr/bin/env bash
# Type-checks the workspace and its tests with the minimum Rust version that Cargo.toml states.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/matrix/common.sh
need_command rustup "install it: https://rustup.rs"

version="$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)"
rustup --quiet toolchain install "$version" --profile minimal
# With a shared target directory, each compiler would rebuild what the other has built.
CARGO_TARGET_DIR="$target_directory/rust-version" cargo "+$version" check --locked --workspace --all-targets
echo "Rust $version checks the workspace and its tests"
