"""A turn whose truth is known beside what was predicted of it, by language: what every figure is counted from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.evaluation.groups import covers, is_alarming
from pipeline.evaluation.predictions import Prediction
from pipeline.evaluation.turns import LabelledTurn, TurnLanguage

TRADITIONAL = TurnLanguage.ZH_HANT.value
"""Stands by itself and is part of zh as well: what lists single turns leaves it out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedTurn:
    """`labels` is the truth: a turn whose truth is not told is predicted, and not among the judged."""

    turn: LabelledTurn
    prediction: Prediction
    labels: frozenset[str]
    decided: frozenset[str]

    @property
    def missed(self) -> list[str]:
        """Labels that nothing decided answers to."""
        return sorted(label for label in self.labels if not any(covers(label, key) for key in self.decided))

    @property
    def extra(self) -> list[str]:
        """Decided categories that no label answers for."""
        return sorted(key for key in self.decided if not any(covers(label, key) for label in self.labels))

    @property
    def is_labelled_alarming(self) -> bool:
        return any(is_alarming(label, self.turn.role) for label in self.labels)

    @property
    def is_alarm(self) -> bool:
        return not self.is_labelled_alarming and any(is_alarming(key, self.turn.role) for key in self.decided)

    @property
    def is_wrongly_alarming(self) -> bool:
        return any(is_alarming(key, self.turn.role) for key in self.extra)

    def probability(self, label: str) -> float:
        """What is said of a category, or the most that is said of any category of a group."""
        return max((p for key, p in self.prediction.labels.items() if key == label or covers(label, key)), default=0.0)


def by_language(turns: Sequence[LabelledTurn], predictions: Sequence[Prediction]) -> dict[str, list[JudgedTurn]]:
    """The turns with labels, in the order of the file, of each language that has any; `TRADITIONAL` also by itself."""
    judged = [
        JudgedTurn(turn=turn, prediction=prediction, labels=turn.labels, decided=frozenset(prediction.decided))
        for turn, prediction in zip(turns, predictions, strict=True)
        if turn.labels is not None
    ]
    parts = {
        "zh": [each for each in judged if each.turn.language.spoken == "zh"],
        TRADITIONAL: [each for each in judged if each.turn.language is TurnLanguage.ZH_HANT],
        "en": [each for each in judged if each.turn.language.spoken == "en"],
    }
    return {lang: part for lang, part in parts.items() if part}
