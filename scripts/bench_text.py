#!/usr/bin/env python3
"""Speed and memory of the text model: turns a second with and without what was said before, load time, resident size.

    python scripts/bench_text.py [--model FOLDER] [--turns 4000]

The turns are those of the training dialogues, in a fixed order; each figure is the median of three runs. Memory is what
a process that holds Whisper already needs more, PyTorch included: resident, at its peak. Beside the speeds stands
where the time goes, by PyTorch's profile: addmm is the matrix products.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from models.datasets.dialogues import domain_files, read_dialogues
from models.datasets.turns import as_turn
from models.errors import WeightsMissing
from models.speech import SpeechRecognizer
from models.weights import TEXT_MODEL, locate_whisper
from pipeline.settings import load_settings

if TYPE_CHECKING:
    from models.text import TextClassifier
    from models.text_input import TextInput

_OPERATIONS = 5
"""So many of PyTorch's operations are named."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=TEXT_MODEL)
    parser.add_argument("--turns", type=int, default=4_000)
    args = parser.parse_args()
    examples = random.Random(1).sample(read_dialogues(domain_files()), args.turns)
    settings = load_settings()
    whisper = SpeechRecognizer(locate_whisper(settings.asr_model, settings.cache, allow_download=settings.asr_download))
    before = resident_mb("VmRSS")
    began = time.perf_counter()
    from models.text import TextClassifier

    imported = time.perf_counter()
    try:
        model = TextClassifier(args.model)
    except WeightsMissing as missing:
        print(missing.message)
        return
    print(f"loads in {time.perf_counter() - imported:.2f} s beside its imports, which take {imported - began:.2f} s")
    for lang in ("zh", "en"):
        mine = [as_turn(e) for e in examples if e.lang == lang]
        for name, turns in (("single", [replace(t, context=()) for t in mine]), ("with context", mine)):
            model.probabilities(turns[:256])
            times = []
            for _ in range(3):
                began = time.perf_counter()
                model.probabilities(turns)
                times.append(time.perf_counter() - began)
            print(f"{lang} {name}: {len(turns) / statistics.median(times):,.0f} turns a second")
    now, most = resident_mb("VmRSS"), resident_mb("VmHWM")
    print(f"memory beside Whisper: {now - before:.0f} MB, at most {most - before:.0f} MB")
    for lang in ("zh", "en"):  # last, since the profile itself takes memory
        alone = [replace(as_turn(e), context=()) for e in examples if e.lang == lang]
        print(f"{lang} single, where the time goes: {where_time_goes(model, alone)}")
    del whisper


def where_time_goes(model: TextClassifier, turns: Sequence[TextInput]) -> str:
    """The shares of PyTorch's operations in the time that turns take, the greatest first."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as seen:
        model.probabilities(turns)
    spent = {event.key: event.self_cpu_time_total for event in seen.key_averages()}
    most = sorted(spent.items(), key=lambda pair: -pair[1])[:_OPERATIONS]
    return ", ".join(f"{name.removeprefix('aten::')} {time / sum(spent.values()):.0%}" for name, time in most)


def resident_mb(kind: str) -> float:
    """Of this process, now (`VmRSS`) or at its peak (`VmHWM`); 0 where the system does not say."""
    try:
        found = re.search(rf"{kind}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    except OSError:
        return 0.0
    return int(found.group(1)) / 1024 if found else 0.0


if __name__ == "__main__":
    main()
