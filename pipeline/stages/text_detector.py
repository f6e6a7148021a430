"""What is meant, by a text model: claims about utterances, with the words that carried each.

Knows of the model only what `TextScorer` says. A label that is no category stops the start, not a call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from models.line import Line
from models.text_input import TextInput
from pipeline.policy.categories import CRITICAL_DISTRESS, categories, check_labels
from pipeline.records import CarriedWord, ModelStamp, Role, Signal, Span, Transcript, Utterance, UtteranceSound

TEXT = "text"
"""The name of the text detector in signals."""
LEAST = 0.05
"""What is less probable is not worth a signal."""
LEAST_CRITICAL = 0.01
"""For a statement of self-harm: a doubt is worth more there than anywhere."""
TOLD = 0.3
"""From this probability on it is told which words carried a claim: less is never shown."""
NEAREST = 2
"""So many training turns are named beside a claim."""
_CARRIED = 0.05
"""A word that carried less than this share is left out."""
_CONTEXT = 2


class TextScorer(Protocol):
    """`probabilities` has the shape (turns, labels and more); `models.text.TextClassifier` is one."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def labels(self) -> Sequence[str]: ...

    def probabilities(self, turns: Sequence[TextInput]) -> npt.NDArray[np.float32]: ...

    def carried(self, turn: TextInput, words: Sequence[str], label: str) -> Sequence[float]: ...

    def nearest(self, turn: TextInput, label: str, count: int) -> Sequence[str]: ...


class TextDetector:
    """A signal for each category that the model finds probable in an utterance, of the one who can have said it."""

    def __init__(self, scorer: TextScorer) -> None:
        check_labels(scorer.labels, owner=f"the text model {scorer.name}")
        self._scorer = scorer
        self._stamp = ModelStamp(name=TEXT, version=scorer.version)
        self._prepared: dict[TextInput, npt.NDArray[np.float32]] = {}
        self._said_by = {
            role: [at for at, key in enumerate(scorer.labels) if role in (categories()[key].role, Role.UNKNOWN)]
            for role in Role
        }

    @property
    def stamp(self) -> ModelStamp:
        return self._stamp

    def prepare(self, transcripts: Sequence[Transcript]) -> None:
        """Reads many transcripts at once, which is quicker, and forgets those prepared before.

        Of what was prepared it is not told which words carried a claim: whoever measures does not look at that.
        """
        turns = [turn for transcript in transcripts for turn in _turns(transcript)]
        self._prepared = dict(zip(turns, self._scorer.probabilities(turns), strict=True)) if turns else {}

    def __call__(self, transcript: Transcript, sounds: Sequence[UtteranceSound] = ()) -> list[Signal]:
        """`sounds` are not looked at."""
        utterances, turns = transcript.utterances, _turns(transcript)
        if not turns:
            return []
        is_prepared = all(turn in self._prepared for turn in turns)
        found = [self._prepared[turn] for turn in turns] if is_prepared else self._scorer.probabilities(turns)
        return [
            signal if is_prepared or signal.probability < TOLD else self._told(signal, utterances)
            for utterance, probabilities in zip(utterances, found, strict=True)
            for signal in self._signals(utterance, probabilities)
        ]

    def _told(self, signal: Signal, utterances: Sequence[Utterance]) -> Signal:
        """The signal with the words that carried it and the training turns most like it."""
        place = signal.span.utterance
        turn = turn_of(utterances, place)
        weights = self._scorer.carried(turn, [word.text for word in utterances[place].words], signal.category)
        return replace(
            signal,
            carried=tuple(
                CarriedWord(word=word, weight=round(weight, 2))
                for word, weight in enumerate(weights)
                if weight >= _CARRIED
            ),
            nearest=tuple(self._scorer.nearest(turn, signal.category, NEAREST)),
        )

    def _signals(self, utterance: Utterance, probabilities: npt.NDArray[np.float32]) -> Iterator[Signal]:
        for at in self._said_by[utterance.role]:
            probability = round(float(probabilities[at]), 4)
            if probability >= least(self._scorer.labels[at]):
                yield Signal(
                    category=self._scorer.labels[at],
                    detector=self._stamp.name,
                    span=Span(utterance=utterance.index, word_start=0, word_end=len(utterance.words)),
                    score=probability,
                    probability=probability,
                    model=self._stamp,
                )


def least(category: str) -> float:
    """From which probability on a claim of this category is made."""
    return LEAST_CRITICAL if category in CRITICAL_DISTRESS else LEAST


def _turns(transcript: Transcript) -> list[TextInput]:
    return [turn_of(transcript.utterances, place) for place in range(len(transcript.utterances))]


def turn_of(utterances: Sequence[Utterance], place: int) -> TextInput:
    """An utterance as a text model reads it, with the two before it that hold words."""
    said = utterances[place]
    before = [other for other in utterances[:place] if any(map(str.isalnum, other.text))][-_CONTEXT:]
    return TextInput(
        role=said.role.value,
        text=said.text,
        context=tuple(Line(other.role.value, other.text) for other in before),
    )


class RecalledText:
    """What a text model said of a call when it was detected, from the signals that were kept: no model is run again."""

    def __init__(self, signals: Sequence[Signal]) -> None:
        self._kept = [signal for signal in signals if TEXT in signal.parts]
        version = next((s.model.version for s in self._kept if s.model.name == TEXT), "")
        self._stamp = ModelStamp(name=TEXT, version=version)

    @property
    def stamp(self) -> ModelStamp:
        return self._stamp

    def __call__(self, transcript: Transcript, sounds: Sequence[UtteranceSound] = ()) -> list[Signal]:
        """`sounds` are not looked at; what was kept is about this very transcript."""
        return [
            Signal(
                category=signal.category,
                detector=TEXT,
                span=Span(
                    utterance=signal.span.utterance,
                    word_start=0,
                    word_end=len(transcript.utterances[signal.span.utterance].words),
                ),
                score=signal.parts[TEXT],
                probability=signal.parts[TEXT],
                model=self._stamp,
                carried=signal.carried,
                nearest=signal.nearest,
            )
            for signal in self._kept
        ]
