#!/usr/bin/env bash
# Windows, under Wine: builds the command line and runs the tests of the crates that read and write files, and those of
# the command line (files, consoles, processes).
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/matrix/common.sh
# MNIST would take too long.
unset LATENT_DATA_DIR
packages="on Debian: apt-get install mingw-w64 wine wine64"
need_command x86_64-w64-mingw32-gcc "$packages"
need_command wine "$packages"

target=x86_64-pc-windows-gnu
need_target "$target"
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=wine

# A separate Windows prefix, without the downloads that Wine offers.
export WINEPREFIX="$target_directory/wine" WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml="
wine wineboot --init
library="$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll"
[ -e "$library" ] || x86_64-w64-mingw32-gcc -shared -o "$library" tests/matrix/bcryptprimitives.c -ladvapi32

packages=()
for package in checkpoints datasets hub pretrained training visualisation tests; do
    packages+=(--package "latent-$package")
done
packages+=(--package latent)
cargo test --release --locked --target "$target" --lib --bins --tests "${packages[@]}"
latent="$target_directory/$target/release/latent.exe"

# Ctrl-C from the keyboard: `script` provides a terminal, which Wine presents as a console.
directory="$(mktemp -d)"
trap 'rm -r "$directory"' EXIT
cd "$directory"
train=(wine "$latent" train vae-2d --data synthetic --epochs 6 --limit 2000 --no-figures --output)
"${train[@]}" whole
type_ctrl_c() {
    for _ in $(seq 600); do
        grep --quiet --text 'epoch 1/6  train' typescript 2>/dev/null && break
        sleep 0.1
    done
    printf '\003'
    sleep 5
}
status=0
type_ctrl_c | script --quiet --return --flush --command "$(printf '%q ' "${train[@]}" stopped)" typescript || status=$?
[ "$status" = 130 ] || { echo "Ctrl-C ended training with status $status, not 130" >&2; exit 1; }
wine "$latent" train --resume stopped --no-figures
cmp whole/model.safetensors stopped/model.safetensors
echo "the command line and the crates that read and write files pass on Windows under Wine"
