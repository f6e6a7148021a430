"""Counts the training dialogues: turns, labels, hard negatives and near-duplicates, by language.

python scripts/dataset_report.py
"""

from __future__ import annotations

from collections import Counter

from models.datasets.dialogues import (
    Example,
    check_files,
    domain_files,
    read_dialogues,
    validation_files,
    without_near_duplicates,
)
from pipeline.policy.categories import categories


def tell(name: str, examples: list[Example], kept: list[Example]) -> None:
    labelled = [e for e in kept if e.labels]
    hard = [e for e in kept if e.kind]
    print(
        f"{name}: {len(examples)} turns, {len(kept)} without near-duplicates, {len(labelled)} labelled with "
        f"{sum(len(e.labels) for e in labelled) / max(1, len(labelled)):.2f} labels each, {len(hard)} hard negatives "
        f"({len(hard) / len(kept):.1%}), {sum(e.in_dialogue for e in kept) / len(kept):.0%} in dialogues"
    )
    print("  hard negatives: " + ", ".join(f"{kind} {n}" for kind, n in Counter(e.kind for e in hard).most_common()))


def main() -> None:
    validation = read_dialogues(validation_files())
    examples = read_dialogues(domain_files())
    kept = without_near_duplicates(examples, [e.line.text for e in validation])
    for lang in ("zh", "en"):
        tell(f"{lang} to learn from", [e for e in examples if e.lang == lang], [e for e in kept if e.lang == lang])
        mine = [e for e in validation if e.lang == lang]
        tell(f"{lang} for validation", mine, mine)
    said = {(e.lang, e.line.role, e.line.text) for e in examples}
    for name, others in (("validation", validation), ("check", read_dialogues(check_files()))):
        for lang in ("zh", "en"):
            mine = [e for e in others if e.lang == lang]
            same = [e for e in mine if (lang, e.line.role, e.line.text) in said]
            print(f"{lang} of {name}, word for word in what is learnt from: {len(same)} of {len(mine)}", end="")
            print(f", labelled {sum(bool(e.labels) for e in same)}")
    print("\ncategory".ljust(36) + "   zh    en  (to learn from)")
    for key in categories():
        counts = [sum(key in e.labels for e in kept if e.lang == lang) for lang in ("zh", "en")]
        if any(counts):
            print(f"{key:34s} {counts[0]:5d} {counts[1]:5d}")


if __name__ == "__main__":
    main()
