#!/usr/bin/env bash
# Type-checks the workspace and its tests for macOS on another system. zig, which has macOS's headers, compiles the C
# code of the dependencies; Apple's frameworks are not available, so nothing is linked.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/matrix/common.sh
need_command cargo-zigbuild "install it: pip install cargo-zigbuild ziglang"

target=aarch64-apple-darwin
need_target "$target"
cargo-zigbuild check --locked --release --workspace --all-targets --target "$target"
echo "the workspace and its tests type-check for $target"
