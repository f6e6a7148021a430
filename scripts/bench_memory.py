#!/usr/bin/env python3
"""Processes one long call in a worker and prints the peak memory of every process: `bench_memory.py CALL DATA`."""

from __future__ import annotations

import re
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from forbear.cli.app import operator
from forbear.supervisor import Supervisor
from forbear.wiring import build_application
from pipeline.records import CallStatus
from pipeline.settings import load_settings


def descendants(root: int) -> dict[int, str]:
    """Process id to command line of every process below `root` (Linux)."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found: dict[int, str] = {}
    waiting = [root]
    while waiting:
        for child in parents.get(waiting.pop(), []):
            waiting.append(child)
            try:
                found[child] = (Path("/proc") / str(child) / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
    return found


def peak_mb(pid: int) -> float:
    """Highest resident size so far, from the kernel."""
    try:
        match = re.search(r"VmHWM:\s+(\d+) kB", (Path("/proc") / str(pid) / "status").read_text())
    except OSError:
        return 0.0
    return int(match.group(1)) / 1024 if match else 0.0


def main() -> None:
    import os

    call, data = Path(sys.argv[1]), Path(sys.argv[2])
    settings = replace(load_settings(), data=data)
    application = build_application(settings)
    id = application.intake.accept(operator(), call, file_name=call.name).id
    assert id is not None
    peaks: dict[str, float] = {}
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.5):
            for pid, command in descendants(os.getpid()).items():
                kind = "decoder child" if "decode_child" in command else "worker" if "worker" in command else None
                if kind:
                    peaks[kind] = max(peaks.get(kind, 0.0), peak_mb(pid))

    threading.Thread(target=watch, daemon=True).start()
    began = time.monotonic()
    with Supervisor(settings):
        while (summary := application.calls.get(operator(), id).summary).status in (
            CallStatus.QUEUED,
            CallStatus.RUNNING,
        ):
            time.sleep(1)
    stop.set()
    hours, took = (summary.duration_ms or 0) / 3_600_000, time.monotonic() - began
    print(f"memory, one two-channel call of {hours:.2f} h ({summary.status.value}), {took:.0f} s:")
    for kind, peak in sorted(peaks.items()):
        print(f"  {kind:14} {peak:6.0f} MB at its peak")


if __name__ == "__main__":
    main()
