# Shared by the scripts of this directory; each sources it from the root of the workspace.

# The binaries are not debugged, and building takes most of the time.
export CARGO_PROFILE_RELEASE_DEBUG=false

# need_command COMMAND REMEDY: ends the script if the command is not installed.
need_command() {
    command -v "$1" >/dev/null || { echo "$1 not found; $2" >&2; exit 1; }
}

# need_target TARGET: installs the standard library of a target, or ends the script.
need_target() {
    if command -v rustup >/dev/null; then
        rustup --quiet target add "$1"
    elif [ ! -d "$(rustc --print sysroot)/lib/rustlib/$1" ]; then
        echo "the standard library of $1 not found; install rustup: https://rustup.rs" >&2
        exit 1
    fi
}

mkdir -p "${CARGO_TARGET_DIR:-target}"
target_directory="$(cd "${CARGO_TARGET_DIR:-target}" && pwd)"
