#!/usr/bin/env python3
"""One contestant of the speed bench: `bench_speed.py bare|pipeline FILE…` times a run per line on stdin.

Bare is faster-whisper as its README shows it: BatchedInferencePipeline on each channel, the same weights, beam, batch
size, voice activity detection and word times. The pipeline is every stage from the received bytes to the CallRecord.
"""

from __future__ import annotations

import csv
import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pipeline.settings import load_settings

ROOT = Path(__file__).resolve().parent.parent


def bare(files: list[Path]) -> Callable[[], None]:
    from faster_whisper import BatchedInferencePipeline, WhisperModel
    from faster_whisper.audio import decode_audio

    from models.speech import SpeechOptions
    from models.weights import locate_whisper

    settings, chosen = load_settings(), SpeechOptions()
    weights = locate_whisper(settings.asr_model, settings.cache)
    model = WhisperModel(str(weights.path), device="cpu", compute_type="int8", cpu_threads=settings.asr_threads)
    recogniser = BatchedInferencePipeline(model)
    options = {
        "beam_size": chosen.beam_size,
        "batch_size": chosen.batch_size,
        "vad_filter": True,
        "word_timestamps": True,
    }

    def run() -> None:
        for path in files:
            left, right = decode_audio(str(path), split_stereo=True)
            # A mono file comes back as twice the same channel.
            for channel in (left,) if (left == right).all() else (left, right):
                segments, _ = recogniser.transcribe(channel, **options)
                list(segments)

    return run


def pipeline(files: list[Path]) -> Callable[[], None]:
    from forbear.wiring import build_stages
    from pipeline.records import Jurisdiction, Recording
    from pipeline.run import CallRun
    from pipeline.services.metadata import parse_metadata
    from pipeline.store.artifacts import Artifacts

    with (ROOT / "samples" / "metadata.csv").open(encoding="utf-8") as lines:
        rows = {row.pop("file"): row for row in csv.DictReader(lines)}
    home = tempfile.TemporaryDirectory()
    settings = replace(load_settings(), data=Path(home.name))
    manager = build_stages(settings)
    stages = manager.__enter__()
    rounds = iter(range(1_000_000))

    def run() -> None:
        _ = home, manager  # both live as long as the process
        artifacts = Artifacts(settings.data / str(next(rounds)))
        for path in files:
            content = path.read_bytes()
            sha256 = hashlib.sha256(content).hexdigest()
            CallRun(
                id="bench",
                stages=stages,
                artifacts=artifacts.of(sha256),
                source=path,
                recording=Recording(sha256=sha256, media_type="audio/x", size_bytes=len(content)),
                context=parse_metadata(rows[path.name], key=b"bench", jurisdiction=Jurisdiction.CN).context,
            ).record(1)

    return run


def main() -> None:
    kind, *names = sys.argv[1:]
    files = [Path(name) for name in names]
    import av

    seconds = 0.0
    for path in files:
        with av.open(str(path)) as container:
            seconds += (container.duration or 0) / 1e6
    run = bare(files) if kind == "bare" else pipeline(files)
    print(f"audio {seconds:.1f}", flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        run()
        print(f"{time.perf_counter() - began:.2f}", flush=True)


if __name__ == "__main__":
    main()
