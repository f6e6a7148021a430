"""Who speaks when: real channels where there are two, else two voices told apart by their sound, else one.

Gives turns without roles and without names. Embeddings of voices exist only while one call is worked on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from models.speakers import ENCODER_NAME, ENCODER_VERSION, separate_voices
from models.voice_activity import ActivityRules, Stretch, find_stretches, measure_activity, same_sound, suppress_leaks
from models.waveform import open_flac
from pipeline.records import ModelStamp, Separation, Turn

_SINGLE_PAUSE_MS = 300
"""Where voices can't be told apart, turns are cut finely: any pause may be a change of speaker."""


@dataclass(frozen=True, slots=True)
class Separate:
    """Turns of a derived FLAC.

    Two channels that hold the same mix, or of which one is silent, are treated as the mono call that they are. Channels
    beyond the second are somebody's too and get turns of their own.
    """

    rules: ActivityRules = field(default_factory=ActivityRules)

    def __call__(self, audio: Path, channels: int) -> Separation:
        with open_flac(audio) as flac:
            activity = measure_activity(flac.read, flac.duration_ms)
            stretches = find_stretches(suppress_leaks(activity, self.rules), self.rules)
            speaking = sorted({stretch.channel for stretch in stretches})
            if len(speaking) > 1 and not same_sound(activity, self.rules):
                return self._channels(stretches)
            every_pause = replace(self.rules, breath_pause_ms=self.rules.shortest_pause_ms)
            mixed = speaking[0] if speaking else 0
            voices = separate_voices(
                flac.read,
                [stretch for stretch in find_stretches(activity, every_pause) if stretch.channel == mixed],
                breath_pause_ms=self.rules.breath_pause_ms,
                single_pause_ms=_SINGLE_PAUSE_MS,
            )
        return Separation(
            method="voices" if voices.apart else "single",
            turns=tuple(
                Turn(speaker=turn.speaker, channel=turn.channel, start_ms=turn.start_ms, end_ms=turn.end_ms)
                for turn in voices.turns
            ),
            confidence=voices.confidence,
            model=self._stamp(ENCODER_NAME, ENCODER_VERSION),
        )

    def _channels(self, stretches: Sequence[Stretch]) -> Separation:
        turns = tuple(
            Turn(
                speaker=f"ch{stretch.channel}",
                channel=stretch.channel,
                start_ms=stretch.start_ms,
                end_ms=stretch.end_ms,
            )
            for stretch in stretches
        )
        return Separation(method="channels", turns=turns, confidence=1.0, model=self._stamp("silero-vad", "6"))

    def _stamp(self, name: str, version: str) -> ModelStamp:
        return ModelStamp(name=name, version=version, settings=asdict(self.rules))
