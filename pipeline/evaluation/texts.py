"""Detection over single lines whose category is known: recall by language, and alarms on lines that only look like one.

Lines come from a YAML file of categories with `utterances` (said by the category's speaker) and `hard_negatives` (each
with its own speaker and, where it has one, its true label). Looks at signals only: there is no call to judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from pipeline.evaluation.calls import words_of
from pipeline.policy.categories import Kind, categories
from pipeline.policy.judging import EVASIVE
from pipeline.records import ModelStamp, Role, Transcript, Utterance
from pipeline.stages.detect import Detect

SURE = 0.6
"""A signal counts from this probability on."""
_ROLES = {"collector": Role.AGENT, "agent": Role.AGENT, "customer": Role.CUSTOMER}


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """`label` is what must be found; for a `negative` it is what may be found besides nothing."""

    text: str
    lang: str
    role: Role
    label: str | None
    negative: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    line: Line
    found: frozenset[str]

    @property
    def hit(self) -> bool:
        return self.line.label in self.found

    @property
    def wrong(self) -> frozenset[str]:
        """Violations and signals found that the line is not labelled with."""
        alarming = (Kind.VIOLATION, Kind.SIGNAL)
        return frozenset(
            key
            for key in self.found
            if key != self.line.label and key in categories() and categories()[key].kind in alarming
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class TextScore:
    """Of one language; pairs are (found, of)."""

    lang: str
    recall: tuple[int, int]
    alarms: tuple[int, int]


def read_lines(path: Path) -> tuple[Line, ...]:
    """Every line of a file of categories."""
    with path.open(encoding="utf-8") as file:
        raw = yaml.load(file, Loader=yaml.CSafeLoader)["categories"]
    lines: list[Line] = []
    for category in raw:
        role = _ROLES[category["speaker"]]
        for language, texts in category["utterances"].items():
            lines += [
                Line(text=text, lang=language[:2], role=role, label=category["id"], negative=False) for text in texts
            ]
        for language, negatives in category["hard_negatives"].items():
            lines += [
                Line(
                    text=negative["text"],
                    lang=language[:2],
                    role=_ROLES[negative["speaker"]],
                    label=negative.get("label"),
                    negative=True,
                )
                for negative in negatives
            ]
    return tuple(lines)


def run(detect: Detect, lines: Sequence[Line]) -> tuple[Outcome, ...]:
    """What is said outright in each line."""
    transcript = Transcript(
        utterances=tuple(
            Utterance(index=i, speaker=line.role, channel=0, role=line.role, lang=line.lang, words=words_of(line.text))
            for i, line in enumerate(lines)
        ),
        model=ModelStamp(name="text", version="1"),
    )
    found: dict[int, set[str]] = {}
    for signal in detect(transcript):
        if signal.probability >= SURE and EVASIVE.isdisjoint(signal.features):
            found.setdefault(signal.span.utterance, set()).add(signal.category)
    return tuple(Outcome(line=line, found=frozenset(found.get(i, ()))) for i, line in enumerate(lines))


def score(outcomes: Iterable[Outcome]) -> tuple[TextScore, ...]:
    """Recall over the positives and alarms over the negatives, a language each."""
    outcomes = tuple(outcomes)
    scores = []
    for lang in sorted({o.line.lang for o in outcomes}):
        positive = [o for o in outcomes if o.line.lang == lang and not o.line.negative]
        negative = [o for o in outcomes if o.line.lang == lang and o.line.negative]
        scores.append(
            TextScore(
                lang=lang,
                recall=(sum(o.hit for o in positive), len(positive)),
                alarms=(sum(bool(o.wrong) for o in negative), len(negative)),
            )
        )
    return tuple(scores)


def table(outcomes: Sequence[Outcome]) -> str:
    """The scores, then recall by category where it is not whole, as plain text."""
    lines = [f"{s.lang}: recall {_share(s.recall)}, alarms {_share(s.alarms)}" for s in score(outcomes)]
    by_category: dict[tuple[str, str], list[bool]] = {}
    for outcome in outcomes:
        if not outcome.line.negative and outcome.line.label:
            by_category.setdefault((outcome.line.label, outcome.line.lang), []).append(outcome.hit)
    for (label, lang), hits in by_category.items():
        if not all(hits):
            lines.append(f"  {label} ({lang}): {sum(hits)}/{len(hits)}")
    return "\n".join(lines)


def _share(pair: tuple[int, int]) -> str:
    found, of = pair
    return f"{found}/{of}" + (f" ({found / of:.1%})" if of else "")
