#!/usr/bin/env python3
"""Prints how many recordings a second are accepted: received, synced to disk, written down, queued."""

from __future__ import annotations

import io
import random
import sys
import tempfile
import time
import wave
from dataclasses import replace
from pathlib import Path

from forbear.cli.app import operator
from forbear.wiring import build_application
from pipeline.services.views import Outcome
from pipeline.settings import load_settings


def recording(seed: int, seconds: int = 120) -> bytes:
    """A WAV of 8 kHz noise, two channels, unlike every other."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(random.Random(seed).randbytes(8000 * 2 * seconds))
    return out.getvalue()


def main() -> None:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as folder:
        application = build_application(replace(load_settings({}), data=Path(folder) / "data"))
        contents = [recording(seed) for seed in range(20)]
        began = time.perf_counter()
        for number in range(files):
            # Unlike content at the price of a copy: the tail is the number.
            content = contents[number % 20] + number.to_bytes(4, "big")
            result = application.intake.accept(operator(), io.BytesIO(content), file_name=f"{number}.wav", bulk=True)
            assert result.outcome is Outcome.ACCEPTED
        took = time.perf_counter() - began
        size = len(contents[0]) / 1e6
        print(
            f"ingest, {files} recordings of {size:.1f} MB: {files / took:.0f} a second ({files * size / took:.0f} MB/s)"
        )


if __name__ == "__main__":
    main()
