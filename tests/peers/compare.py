"""Measure latent and the other frameworks in turn and print a Markdown table.

The programs alternate, round by round, so that a machine that slows down or
is shared slows all of them alike; ratios are taken within a round for the
same reason.  Every run is a separate process.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

PEERS = ("torch", "torch-compiled", "jax")
BATCH_SIZES = {
    "mlp-vae": [32, 128],
    "conv-vae": [32, 128],
    "conv-cvae": [32, 128],
    "realnvp-5": [128],
    "realnvp-10": [128],
    "vae-flow-prior": [100],
    "vae-ladder": [100],
    "flow-multiscale": [100],
}
OURS = "latent"
CALIBRATION_STEPS = 20
LEAST_STEPS = 10
TIME_LIMIT_SECONDS = 1800


class RunFailed(Exception):
    """A program that could not be run or did not print what it should; the message is one line."""


@dataclass
class Measurement:
    """All runs of one program on one model and batch size; a failure ends them."""

    program: str
    model: str
    batch_size: int
    steps: int = 0
    calibration: dict[str, Any] | None = None
    runs: list[dict[str, Any]] = field(default_factory=list)
    failure: str | None = None

    def rates(self) -> list[float]:
        return [run["images_per_second"] for run in self.runs]


def names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", required=True, help="the latent program, called as: OURS bench NAME --batch-size N ...")
    parser.add_argument("--models", type=names, default=list(BATCH_SIZES), help="comma-separated")
    parser.add_argument("--batch-sizes", type=names, help="comma-separated, for all models; default: by model")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="about how long one timed run should take")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peers", type=names, default=list(PEERS), help="comma-separated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all measurements to FILE")
    arguments = parser.parse_args()
    for model in arguments.models:
        if model not in BATCH_SIZES:
            parser.error(f"no such model: {model}; there are {', '.join(BATCH_SIZES)}")
    for peer in arguments.peers:
        if peer not in PEERS:
            parser.error(f"no such peer: {peer}; there are {', '.join(PEERS)}")
    try:
        arguments.batch_sizes = [int(size) for size in arguments.batch_sizes or []]
    except ValueError:
        parser.error("--batch-sizes must be whole numbers")
    if arguments.rounds < 1 or arguments.threads < 1 or arguments.seconds <= 0.0:
        parser.error("--rounds, --threads and --seconds must be positive")
    return arguments


def report(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def command_line(measurement: Measurement, ours: str, threads: int, steps: int) -> list[str]:
    common = ["--batch-size", str(measurement.batch_size), "--steps", str(steps), "--threads", str(threads)]
    if measurement.program == OURS:
        return [ours, "bench", measurement.model, *common, "--json"]
    peer = str(Path(__file__).resolve().with_name("peer.py"))
    return [sys.executable, peer, "--framework", measurement.program, "--model", measurement.model, *common]


def find_result(output: str, measurement: Measurement) -> dict[str, Any]:
    """The requested result: latent prints a list of results, a peer prints one as its last line."""
    if measurement.program == OURS:
        results = json.loads(output)["results"]
    else:
        results = [json.loads(output.strip().splitlines()[-1])]
    for result in results:
        if result["name"] == measurement.model and result["batch_size"] == measurement.batch_size:
            if result["images_per_second"] <= 0.0:
                raise ValueError("a rate that is not positive")
            if not isinstance(result["peak_memory_bytes"], int):
                raise ValueError("a peak memory that is not a number of bytes")
            return result
    raise ValueError("no result for the requested model and batch size")


def run_once(measurement: Measurement, ours: str, threads: int, steps: int) -> dict[str, Any]:
    command = command_line(measurement, ours, threads, steps)
    try:
        finished = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunFailed(str(error)) from error
    if finished.returncode != 0:
        lines = finished.stderr.strip().splitlines()
        raise RunFailed(f"exit status {finished.returncode}: {lines[-1] if lines else 'nothing on stderr'}")
    try:
        return find_result(finished.stdout, measurement)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise RunFailed(f"output not understood: {error!r}") from error


def calibrated_steps(result: dict[str, Any], batch_size: int, seconds: float) -> int:
    return max(LEAST_STEPS, round(seconds * result["images_per_second"] / batch_size))


def measure(model: str, batch_size: int, arguments: argparse.Namespace) -> list[Measurement]:
    """Calibrate every program once, then run them in turn."""
    programs = [OURS, *arguments.peers]
    measurements = [Measurement(program, model, batch_size) for program in programs]
    for round_number in range(arguments.rounds + 1):
        for measurement in measurements:
            if measurement.failure is not None:
                continue
            steps = measurement.steps or CALIBRATION_STEPS
            label = f"{model}, batch {batch_size}, {measurement.program}"
            try:
                result = run_once(measurement, arguments.ours, arguments.threads, steps)
            except RunFailed as failure:
                measurement.failure = str(failure)
                report(f"{label}: failed: {failure}")
                continue
            if round_number == 0:
                measurement.calibration = result
                measurement.steps = calibrated_steps(result, batch_size, arguments.seconds)
                report(f"{label}: {measurement.steps} steps a run")
            else:
                measurement.runs.append(result)
                report(f"{label}, round {round_number}: {result['images_per_second']:.0f} images/s")
    return measurements


def format_rates(measurement: Measurement) -> str:
    rates = measurement.rates()
    if measurement.failure is not None or not rates:
        return ""
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f}–{max(rates):,.0f})"


def format_ratio(ours: Measurement, peer: Measurement) -> str:
    if ours.failure is not None or peer.failure is not None:
        return ""
    return f"{statistics.median(a / b for a, b in zip(ours.rates(), peer.rates(), strict=True)):.2f}"


def format_memory(measurement: Measurement) -> str:
    if measurement.failure is not None or not measurement.runs:
        return ""
    return f"{max(run['peak_memory_bytes'] for run in measurement.runs) / 2**20:,.0f}"


def markdown_table(cells: list[list[Measurement]], peers: list[str]) -> str:
    """One row per model and batch size; the cells of a failed program are empty."""
    programs = [OURS, *peers]
    header = ["model", "batch"]
    header += [f"{program}, images/s" for program in programs]
    header += [f"{OURS} / {peer}" for peer in peers]
    header += [f"{program}, MiB" for program in programs]
    rows = [header, ["---"] + ["---:"] * (len(header) - 1)]
    for measurements in cells:
        ours, others = measurements[0], measurements[1:]
        row = [ours.model, str(ours.batch_size)]
        row += [format_rates(measurement) for measurement in measurements]
        row += [format_ratio(ours, other) for other in others]
        row += [format_memory(measurement) for measurement in measurements]
        rows.append(row)
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def write_json(arguments: argparse.Namespace, cells: list[list[Measurement]]) -> None:
    content = {
        "threads": arguments.threads,
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
        "measurements": [asdict(measurement) for measurements in cells for measurement in measurements],
    }
    arguments.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    arguments = parse_arguments()
    cells: list[list[Measurement]] = []
    for model in arguments.models:
        for batch_size in arguments.batch_sizes or BATCH_SIZES[model]:
            cells.append(measure(model, batch_size, arguments))
            if arguments.json is not None:
                write_json(arguments, cells)
    print(markdown_table(cells, arguments.peers))


if __name__ == "__main__":
    main()
