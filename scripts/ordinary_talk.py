"""Counts which lexicon entries fire on ordinary talk, where nearly every hit is false: the loosest entries come first.

    python scripts/ordinary_talk.py FILE.jsonl.xz [--lines 8000]

A line of the file is a JSON object with `text`. Prints entries with how often they fire and one example; a wave after
the name marks hits by sound.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
from collections import Counter
from pathlib import Path

from pipeline.policy.features import EVASIVE
from pipeline.policy.matching import Matcher
from pipeline.policy.registry import load_registry
from pipeline.stages.dialogue import words_of

GROUPS = ("threat", "abuse", "pressure", "contact", "privacy", "distress")
SURE = 0.6
SEED = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--lines", type=int, default=8000)
    asked = parser.parse_args()
    with lzma.open(asked.file, "rt", encoding="utf-8") as lines:
        texts = [text for line in lines if 6 <= len(text := json.loads(line)["text"]) <= 300]
    random.Random(SEED).shuffle(texts)
    matcher = Matcher(load_registry().lexicons)
    fired: Counter[str] = Counter()
    example: dict[str, str] = {}
    for text in texts[: asked.lines]:
        for hit in matcher.find(words_of(text)):
            said = EVASIVE.isdisjoint(hit.features) and hit.entry.score >= SURE
            if said and hit.entry.category.split(".")[0] in GROUPS:
                name = hit.entry.id + (" ~" if hit.guessed else "")
                fired[name] += 1
                example.setdefault(name, text[:70])
    print(f"{min(asked.lines, len(texts)):,} lines, {fired.total():,} hits")
    for name, count in fired.most_common(40):
        print(f"{count:5} {name:52} {example[name]}")


if __name__ == "__main__":
    main()
