#!/usr/bin/env bash
# Runs every part of the matrix, even if others fail, and prints a line for each.
set -uo pipefail
cd "$(dirname "$0")/../.."
logs=target/matrix
mkdir -p "$logs"
failed=0
for part in simd outside aarch64 windows macos rust-version; do
    script="tests/matrix/$part.sh"
    [ "$part" = simd ] && script=.ci/simd
    start=$SECONDS
    if bash "$script" >"$logs/$part.log" 2>&1; then
        result="passed, $(grep --count '^SKIPPED' "$logs/$part.log") skipped"
    else
        result="FAILED  $logs/$part.log"
        failed=1
        tail -n 20 "$logs/$part.log"
    fi
    printf '%-12s  %5d s  %s\n' "$part" $((SECONDS - start)) "$result"
done
exit "$failed"
