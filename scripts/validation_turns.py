"""Writes dialogues as turns that `forbear evaluate` reads.

python scripts/validation_turns.py zh > FILE.jsonl                            the validation dialogues of a language
python scripts/validation_turns.py models/datasets/check/en-*.txt > FILE.jsonl
"""

from __future__ import annotations

import sys
from pathlib import Path

from models.datasets.dialogues import BadDialogue, read_dialogues
from pipeline.evaluation.shipped import shipped_turns, turn_of
from pipeline.evaluation.turns import as_json_line


def main() -> None:
    asked = sys.argv[1:]
    files = [Path(name) for name in asked if name.endswith(".txt")]
    if not asked or {*asked} - {"zh", "en", *map(str, files)}:
        sys.exit(f"{(__doc__ or '').strip()}\n\nName zh, en or files of dialogues.")
    try:
        turns = [turn for turn in shipped_turns() if turn.language.spoken in asked]
        turns += [turn_of(example) for example in read_dialogues(files)]
    except (OSError, BadDialogue) as problem:
        sys.exit(str(problem))
    for turn in turns:
        print(as_json_line(turn))


if __name__ == "__main__":
    main()
