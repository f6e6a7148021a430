#!/usr/bin/env python3
"""Prints what docs/measurements.md quotes: speed beside bare recognition, memory, ingest, search and matching rates.

Every part runs in processes of its own. `--quick` takes fewer runs and a shorter long call; `--only PART` one part.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SPEED_FILES = ("dev-zh-08.m4a", "dev-zh-12.opus", "dev-zh-17.opus", "dev-en-03.wav", "dev-en-07.opus", "dev-en-02.opus")


def machine() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return f"{os.cpu_count()} cores ({model}), {platform.system()}, Python {platform.python_version()}"


def speed(runs: int) -> None:
    """Whole pipeline beside bare BatchedInferencePipeline per channel, interleaved, in two long-lived processes."""
    files = [str(ROOT / "samples" / name) for name in SPEED_FILES]
    times: dict[str, list[float]] = {"bare": [], "pipeline": []}
    workers = {
        kind: subprocess.Popen(
            [sys.executable, str(ROOT / "scripts" / "bench_speed.py"), kind, *files],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for kind in times
    }  # fmt: skip
    seconds = 0.0
    for child in workers.values():
        assert child.stdout is not None
        seconds = float(child.stdout.readline().split()[1])
    for _ in range(runs):
        for kind, child in workers.items():
            assert child.stdin is not None and child.stdout is not None
            child.stdin.write("run\n")
            child.stdin.flush()
            times[kind].append(float(child.stdout.readline()))
    for child in workers.values():
        assert child.stdin is not None
        child.stdin.close()
        child.wait(60)
    medians = {kind: statistics.median(values) for kind, values in times.items()}
    print(f"speed, {len(files)} sample calls, {seconds:.0f} s of audio, {runs} interleaved runs, medians:")
    for kind, value in medians.items():
        spread = f"{min(times[kind]):.1f} to {max(times[kind]):.1f}"
        print(f"  {kind:9} {value:6.1f} s ({spread})  {seconds / value:5.2f} x real time")
    print(f"  ratio     {medians['bare'] / medians['pipeline']:.3f} of the bare speed")


def memory(hours: float) -> None:
    """Peak resident memory of decoder child and worker on one long two-channel call."""
    with tempfile.TemporaryDirectory() as folder:
        call = Path(folder) / "long.opus"
        subprocess.run(
            [sys.executable, ROOT / "scripts" / "make_long_call.py", call, "--hours", str(hours)], check=True
        )
        subprocess.run([sys.executable, ROOT / "scripts" / "bench_memory.py", call, Path(folder) / "data"], check=True)


def ingest(files: int) -> None:
    """Accepted recordings a second: bytes received, synced, written down and queued."""
    subprocess.run([sys.executable, ROOT / "scripts" / "bench_ingest.py", str(files)], check=True)


def script(name: str, *arguments: str) -> None:
    subprocess.run([sys.executable, ROOT / "scripts" / name, *arguments], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("speed", "memory", "ingest", "search", "policy", "text", "whatif"))
    arguments = parser.parse_args()
    quick = arguments.quick
    parts = {
        "speed": lambda: speed(1 if quick else 5),
        "memory": lambda: memory(0.25 if quick else 3),
        "ingest": lambda: ingest(100 if quick else 500),
        "search": lambda: script("bench_search.py"),
        "policy": lambda: script("bench_policy.py"),
        "text": lambda: script("bench_text.py"),
        "whatif": lambda: script("bench_whatif.py", "--calls", "1000" if quick else "10000"),
    }
    print(f"machine: {machine()}", flush=True)
    for name, part in parts.items():
        if arguments.only in (None, name):
            began = time.monotonic()
            part()
            print(f"  ({name} took {time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
