#!/usr/bin/env bash
# Checks programs that depend on one crate of the workspace, with the features that they enable themselves, and the fuzz
# targets: `tests/matrix/outside.sh [name]...`, by default all of tests/outside, and fuzz.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ $# -eq 0 ]; then
    set -- $(ls tests/outside) fuzz
fi
for name in "$@"; do
    printf '\n== outside: %s\n' "$name"
    manifest="tests/outside/$name/Cargo.toml"
    # The fuzzer itself is left out: it is C++ and slow to compile.
    [ "$name" = fuzz ] && manifest=tests/fuzz/Cargo.toml
    # The versions of the workspace: cargo keeps those that the program needs and removes the others.
    cp Cargo.lock "${manifest%.toml}.lock"
    # The fuzz targets' own checks at run time would have all dependencies checked again.
    CUSTOM_LIBFUZZER_PATH=target/none CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=false \
        CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=false \
        cargo check --release --target-dir target --manifest-path "$manifest"
done
if grep --quiet --no-messages candle tests/outside/visualisation/Cargo.lock; then
    echo "latent-visualisation draws in candle"; exit 1
fi
