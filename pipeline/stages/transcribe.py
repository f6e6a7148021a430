"""What was said: turns in, utterances with a time for every word out. Roles come later.

Where the sound of a mono call gave one voice only, what was said decides who said it (see `talk`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.speech import SpeechRecognizer, SpokenTurn
from models.waveform import open_flac
from models.windows import SpeakerTurn
from pipeline.records import ModelStamp, Role, Separation, Transcript, Turn, Utterance, Word
from pipeline.stages.talk import tell_apart

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Transcribe:
    """Recognises the turns of a derived FLAC; `progress` is told the finished fraction."""

    recognizer: SpeechRecognizer

    def __call__(self, audio: Path, separation: Separation, progress: Progress | None = None) -> Transcript:
        turns = [
            SpeakerTurn(speaker=turn.speaker, channel=turn.channel, start_ms=turn.start_ms, end_ms=turn.end_ms)
            for turn in sorted(separation.turns, key=lambda turn: (turn.start_ms, turn.channel))
        ]
        with open_flac(audio) as flac:
            spoken = self.recognizer.transcribe(flac.read, flac.duration_ms, turns, progress)
        transcript = Transcript(utterances=utterances_of(spoken, turns), model=self.stamp)
        return tell_apart(transcript) if separation.method == "single" else transcript

    @property
    def stamp(self) -> ModelStamp:
        recognizer = self.recognizer
        return ModelStamp(name=recognizer.name, version=recognizer.version, settings=recognizer.settings)


def utterances_of(spoken: list[SpokenTurn], turns: list[SpeakerTurn] | list[Turn]) -> tuple[Utterance, ...]:
    """Utterances in order of their first word, without roles."""
    ordered = sorted(spoken, key=lambda piece: (piece.words[0].start_ms, turns[piece.turn].channel))
    return tuple(
        Utterance(
            index=index,
            speaker=turns[piece.turn].speaker,
            channel=turns[piece.turn].channel,
            role=Role.UNKNOWN,
            lang=piece.lang,
            words=tuple(
                Word(text=word.text, start_ms=word.start_ms, end_ms=word.end_ms, confidence=word.confidence)
                for word in piece.words
            ),
        )
        for index, piece in enumerate(ordered)
    )
