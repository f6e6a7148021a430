"""How many statements of self-harm a text model finds by itself in models/datasets/check, and how many it invents.

    python scripts/self_harm_check.py [--model FOLDER] [--ordinary FILE.jsonl.xz ...]

Of customers' turns, by the model's own probability: no calibration, no lexicon. An ordinary FILE is a set of
public talk (models.datasets.public) about anything but debts, in which nearly every claim is false.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from models.datasets.dialogues import check_files, read_dialogues
from models.datasets.public import measured_talk
from models.datasets.turns import as_turn
from models.text import TextClassifier
from models.text_input import TextInput
from models.weights import TEXT_MODEL
from pipeline.policy.categories import CRITICAL_DISTRESS

FROM = (0.1, 0.2, 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=TEXT_MODEL)
    parser.add_argument("--ordinary", type=Path, nargs="+", default=(), help="ordinary talk, 3,000 lines of each file")
    args = parser.parse_args()
    model = TextClassifier(args.model)
    columns = [at for at, label in enumerate(model.labels) if label in CRITICAL_DISTRESS]
    examples = [e for e in read_dialogues(check_files()) if e.line.role == "customer"]
    for lang in ("zh", "en"):
        mine = [e for e in examples if e.lang == lang]
        said = np.array([not CRITICAL_DISTRESS.isdisjoint(e.labels) for e in mine])
        sure = model.probabilities([as_turn(e) for e in mine])[:, columns].max(axis=1)
        figures = (f"from {x}: {(sure[said] >= x).sum()}, falsely {(sure[~said] >= x).sum()}" for x in FROM)
        print(f"{lang}: {said.sum()} statements, {(~said).sum()} other turns;", "; ".join(figures))
    for file in args.ordinary:
        turns = ordinary(file)
        sure = model.probabilities(turns)[:, columns].max(axis=1)
        print(f"{file.name}: {len(turns)} ordinary turns;", "; ".join(f"from {x}: {(sure >= x).sum()}" for x in FROM))


def ordinary(file: Path) -> list[TextInput]:
    """Texts of a public set as turns of a customer with nothing before them; the same ones each time."""
    texts = measured_talk(file.parent, file.name.removesuffix(".jsonl.xz"))
    return [TextInput(role="customer", text=text, context=()) for text in texts]


if __name__ == "__main__":
    main()
