"""What was said or heard: detectors make claims, fusion leaves one calibrated Signal per utterance and category.

Knows no law: what a signal means is for the policy's rules.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.policy.features import MISHEARING
from pipeline.policy.lexicon import Lexicon
from pipeline.policy.matching import Hit, Matcher
from pipeline.policy.registry import Registry
from pipeline.policy.sounds import SoundEntry
from pipeline.records import ModelStamp, Role, Signal, Span, Transcript, Utterance, UtteranceSound
from pipeline.stages.fusion import AGREEMENT


class Detector(Protocol):
    """Claims about utterances. `stamp` names what made them; equal stamps mean equal claims on equal transcripts."""

    @property
    def stamp(self) -> ModelStamp: ...

    def __call__(self, transcript: Transcript, sounds: Sequence[UtteranceSound]) -> Sequence[Signal]: ...


_MISHEARD = 0.85
"""A term recognised by its sound alone is right a little less often than one that recognition wrote."""


_GUESSED, _GUESS_AT_MOST = 0.9, 0.7
"""A pattern recognised by its sound is a guess: shown to a reviewer, and never sure enough to flag a call alone."""


class LexiconDetector:
    """Phrases and patterns of the packs' lexicons, over the words of each utterance."""

    def __init__(self, lexicons: Sequence[Lexicon]) -> None:
        self._matcher = Matcher(lexicons)
        entries = sorted(
            (e.id, e.score, e.role.value, [p.pattern for p in (*e.say, *e.unless)], e.like, e.like_from)
            for lexicon in lexicons
            for e in lexicon.entries
        )
        version = hashlib.sha256(repr(entries).encode()).hexdigest()[:12]
        self._stamp = ModelStamp(name="lexicon", version=version)

    @property
    def stamp(self) -> ModelStamp:
        return self._stamp

    def __call__(self, transcript: Transcript, sounds: Sequence[UtteranceSound] = ()) -> list[Signal]:
        """`sounds` are not looked at."""
        return [
            self._signal(hit, utterance)
            for utterance in transcript.utterances
            for hit in self._matcher.find(utterance.words)
            if utterance.role in (hit.entry.role, Role.UNKNOWN)
        ]

    def _signal(self, hit: Hit, utterance: Utterance) -> Signal:
        probability = hit.entry.score * hit.similarity
        if hit.guessed:
            probability = min(_GUESS_AT_MOST, probability * _GUESSED)
        elif MISHEARING in hit.features:
            probability *= _MISHEARD
        return Signal(
            category=hit.entry.category,
            detector=self._stamp.name,
            span=Span(utterance=utterance.index, word_start=hit.word_start, word_end=hit.word_end),
            score=round(hit.entry.score * hit.similarity, 4),
            probability=round(probability, 4),
            model=self._stamp,
            entry=hit.entry.id,
            features=hit.features,
        )


class SoundDetector:
    """The packs' sounds: measures of utterances over or under a limit, never an emotion."""

    def __init__(self, entries: Sequence[SoundEntry]) -> None:
        self._entries = tuple(entries)
        version = hashlib.sha256(repr(sorted(map(repr, entries))).encode()).hexdigest()[:12]
        self._stamp = ModelStamp(name="sound", version=version)

    @property
    def stamp(self) -> ModelStamp:
        return self._stamp

    def __call__(self, transcript: Transcript, sounds: Sequence[UtteranceSound]) -> list[Signal]:
        heard = {sound.utterance: sound for sound in sounds}
        return [
            Signal(
                category=entry.category,
                detector=self._stamp.name,
                span=Span(utterance=utterance.index, word_start=0, word_end=len(utterance.words)),
                score=entry.score,
                probability=entry.score,
                model=self._stamp,
                entry=entry.id,
            )
            for utterance in transcript.utterances
            for entry in self._entries
            if utterance.index in heard and utterance.role is entry.role and entry.met_by(heard[utterance.index])
        ]


def build_rule_detectors(registry: Registry) -> tuple[Detector, ...]:
    """The detectors that policy packs alone make: what was said and how it sounded, without a model of meaning."""
    return LexiconDetector(registry.lexicons), SoundDetector(registry.sounds)


class Fusion(Protocol):
    """All claims about one utterance in, one signal a category out; `version` changes when its output would."""

    @property
    def version(self) -> str: ...

    def __call__(self, utterance: Utterance, claims: Sequence[Signal]) -> Sequence[Signal]: ...


@dataclass(frozen=True, slots=True)
class Detect:
    """Runs every detector and fuses their claims."""

    detectors: tuple[Detector, ...]
    fuse: Fusion = AGREEMENT

    @property
    def version(self) -> str:
        """Changes when any detector would claim something else, or they are weighed in another way."""
        return " ".join([*(f"{d.stamp.name}@{d.stamp.version}" for d in self.detectors), self.fuse.version])

    def __call__(self, transcript: Transcript, sounds: Sequence[UtteranceSound] = ()) -> tuple[Signal, ...]:
        """One signal per utterance and category; what was said does not depend on who the call is about."""
        claims: dict[int, list[Signal]] = {}
        for detector in self.detectors:
            for signal in detector(transcript, sounds):
                claims.setdefault(signal.span.utterance, []).append(signal)
        return tuple(
            signal
            for utterance in transcript.utterances
            if utterance.index in claims
            for signal in self.fuse(utterance, claims[utterance.index])
        )
