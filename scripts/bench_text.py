#!/usr/bin/env python3
"""Speed and memory of the text model: turns a second with and without what was said before, load time, resident size.

    python scripts/bench_text.py [--model FOLDER] [--turns 4000]

The turns are those of the training dialogues, in a fixed order; each figure is the median of three runs.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import time
from dataclasses import replace
from pathlib import Path

from models.datasets.dialogues import domain_files, read_dialogues
from models.datasets.turns import as_turn
from models.errors import WeightsMissing
from models.weights import TEXT_MODEL


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=TEXT_MODEL)
    parser.add_argument("--turns", type=int, default=4_000)
    args = parser.parse_args()
    examples = random.Random(1).sample(read_dialogues(domain_files()), args.turns)
    from models.text import TextClassifier  # torch and transformers: what takes longest to import is not the model

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    try:
        model = TextClassifier(args.model)
    except WeightsMissing as missing:
        print(missing.message)
        return
    print(f"loads in {time.perf_counter() - began:.2f} s beside its imports")
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
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"memory: {before / 1024:.0f} MB with its imports, at most {after / 1024:.0f} MB while it reads")


if __name__ == "__main__":
    main()
