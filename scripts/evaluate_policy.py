"""Prints how the policy does on texts and calls whose truth is known.

python scripts/evaluate_policy.py FILE.yaml   a file of categories with utterances and hard negatives
python scripts/evaluate_policy.py FOLDER      a folder of calls with truth (ID.json), their true text judged
"""

from __future__ import annotations

import sys
from pathlib import Path

from pipeline.evaluation import calls, texts
from pipeline.policy.registry import load_registry
from pipeline.stages.detect import Detect, LexiconDetector
from pipeline.stages.judge import Judge


def main(source: Path) -> None:
    registry = load_registry()
    detect, judge = Detect((LexiconDetector(registry.lexicons),)), Judge(registry)
    if source.is_file():
        print(texts.table(texts.run(detect, texts.read_lines(source))))
        return
    scores = []
    for path in sorted(source.glob("*.json")):
        truth = calls.read_truth(path)
        spoken = calls.transcript_of(truth)
        judgement = judge(
            transcript=spoken, signals=detect(spoken), context=truth.context, duration_ms=truth.duration_ms
        )
        scores.append(calls.score(truth, judgement))
    print(calls.table(scores))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
