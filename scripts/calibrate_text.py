"""Fits the curves that weigh text model and lexicon, on dialogues that neither was made on.

    python scripts/calibrate_text.py [--model FOLDER]

Reads models/datasets/validation and writes FOLDER/calibration.json; prints what the curves are worth on turns left out
of their fitting (five folds of neighbouring turns), so that the printed figures are not those of a fit to itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models import metrics
from models.calibration import RULES_AND_TEXT, TEXT, Calibration, Curve, fit, save
from models.datasets.dialogues import Example, read_dialogues, validation_files
from models.text import TextClassifier
from models.weights import CALIBRATION, TEXT_MODEL
from pipeline.evaluation.groups import GROUPS
from pipeline.evaluation.predictions import call_of
from pipeline.evaluation.shipped import turn_of
from pipeline.policy.registry import load_registry
from pipeline.records import Signal
from pipeline.stages.detect import Detector, LexiconDetector
from pipeline.stages.fusion import calibrated_group, parts_by_group
from pipeline.stages.text_detector import TextDetector

VOICE = 0.7
"""What a customer's voice adds to the log-odds of distress: a prior of ours, see models.calibration.Curve."""
FOLDS = 5
CURVES = ("threat", "abuse", "pressure", "distress", "self_harm", "good")
_ROLES = {"threat": "agent", "abuse": "agent", "pressure": "agent", "distress": "customer", "self_harm": "customer"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What was said of one validation turn, by group: the text model's and the lexicon's highest."""

    example: Example
    text: dict[str, float]
    lexicon: dict[str, float]

    def holds(self, group: str) -> bool:
        return any(calibrated_group(label) == group for label in self.example.labels)


def rows_of(examples: Sequence[Example], detectors: Sequence[Detector]) -> list[Row]:
    rows = []
    calls = [call_of(turn_of(example)) for example in examples]
    for detector in detectors:
        if isinstance(detector, TextDetector):
            detector.prepare(calls)
    for example, call in zip(examples, calls, strict=True):
        last = len(call.utterances) - 1
        claims: list[Signal] = [s for d in detectors for s in d(call, ()) if s.span.utterance == last]
        parts = parts_by_group(claims)
        rows.append(
            Row(
                example=example,
                text={g: max(p.text for p in of.values()) for g, of in parts.items()},
                lexicon={g: max(p.lexicon for p in of.values()) for g, of in parts.items()},
            )
        )
    return rows


def curves(rows: Sequence[Row], *, use_lexicon: bool) -> dict[str, Curve]:
    made = {}
    for lang in ("zh", "en"):
        for group in CURVES:
            role = _ROLES.get(group, "agent")
            mine = [r for r in rows if r.example.lang == lang and r.example.line.role == role]
            curve = fit(
                [r.text.get(group, 0.0) for r in mine],
                [r.lexicon.get(group, 0.0) for r in mine],
                [r.holds(group) for r in mine],
                use_lexicon=use_lexicon,
            )
            voice = VOICE if group == "distress" else 0.0
            made[f"{lang}/{group}"] = Curve(
                intercept=curve.intercept, text=curve.text, lexicon=curve.lexicon, voice=voice
            )
    return made


def tell(rows: Sequence[Row], *, use_lexicon: bool) -> None:
    """Figures of each language on folds left out: a fold is a run of neighbouring turns, so dialogues stay whole."""
    folds = np.array_split(np.arange(len(rows)), FOLDS * 8)
    fold_of = np.concatenate([np.full(len(part), at % FOLDS) for at, part in enumerate(folds)])
    truth: dict[str, list[tuple[str, bool, float]]] = {"zh": [], "en": []}
    for fold in range(FOLDS):
        made = Calibration(
            curves([r for r, f in zip(rows, fold_of, strict=True) if f != fold], use_lexicon=use_lexicon)
        )
        for row in (r for r, f in zip(rows, fold_of, strict=True) if f == fold):
            lang = row.example.lang
            for group in CURVES[:-1]:
                if _ROLES[group] == row.example.line.role:
                    sure = made(lang, group, text=row.text.get(group, 0.0), lexicon=row.lexicon.get(group, 0.0))
                    truth[lang].append((group, row.holds(group), sure))
    for lang, told in truth.items():
        scores = []
        for group in GROUPS:
            said = np.array([t for g, t, _ in told if g == group])
            sure = np.array([p for g, _, p in told if g == group])
            best, f_best = metrics.best_threshold(said, sure)
            scores.append((group, metrics.f1(said, sure >= 0.5), f_best, best))
        every = (
            np.array([t for g, t, _ in told if g != "self_harm"]),
            np.array([p for g, _, p in told if g != "self_harm"]),
        )
        harm = (
            np.array([t for g, t, _ in told if g == "self_harm"]),
            np.array([p for g, _, p in told if g == "self_harm"]),
        )
        name = RULES_AND_TEXT if use_lexicon else TEXT
        print(
            f"{name:10s} {lang}  macro F1 {np.mean([s[1] for s in scores]):.3f}  "
            + "  ".join(f"{g} {f:.3f} (at {t:.2f}: {b:.3f})" for g, f, b, t in scores)
            + f"  ECE {metrics.expected_calibration_error(metrics.reliability(*every)):.3f}"
            + f"  Brier {metrics.brier(*every):.4f}"
            + f"  self-harm from 0.1: {int((harm[1][harm[0]] >= 0.1).sum())}/{int(harm[0].sum())}"
            + f", alarms {int((harm[1][~harm[0]] >= 0.1).sum())}/{int((~harm[0]).sum())}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=TEXT_MODEL)
    args = parser.parse_args()
    model = TextClassifier(args.model)
    detectors = (LexiconDetector(load_registry().lexicons), TextDetector(model))
    rows = rows_of(read_dialogues(validation_files()), detectors)
    for use_lexicon in (False, True):
        tell(rows, use_lexicon=use_lexicon)
    made = {name: Calibration(curves(rows, use_lexicon=name == RULES_AND_TEXT)) for name in (TEXT, RULES_AND_TEXT)}
    save(made, args.model / CALIBRATION, model=model.version)
    print(f"{args.model / CALIBRATION}: {len(rows)} turns")


if __name__ == "__main__":
    main()
