#!/usr/bin/env bash
# Type-checks the workspace and its tests for macOS on another system. The C code among the dependencies
# is compiled by zig, which has macOS's headers; what needs Apple's frameworks cannot be linked here.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/matrix/common.sh
need_command cargo-zigbuild "install it: pip install cargo-zigbuild ziglang"

target=aarch64-apple-darwin
need_target "$target"
cargo-zigbuild check --locked --release --workspace --all-targets --target "$target"
echo "the workspace and its tests type-check for $target"
