"""Writes the validation dialogues as turns that `forbear evaluate` reads.

python scripts/validation_turns.py zh > FILE.jsonl
"""

from __future__ import annotations

import sys

from pipeline.evaluation.shipped import shipped_turns
from pipeline.evaluation.turns import as_json_line


def main() -> None:
    for turn in shipped_turns():
        if turn.language.spoken in sys.argv[1:]:
            print(as_json_line(turn))


if __name__ == "__main__":
    main()
