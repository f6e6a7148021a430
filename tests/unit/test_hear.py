"""How utterances were spoken: planted overlaps, pauses, speed and gain are measured; and become signals of sound."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from models.acoustic import Passage, Voice
from pipeline.encoding import decode
from pipeline.policy.registry import load_registry
from pipeline.policy.sounds import without_customer_voice
from pipeline.records import ModelStamp, Role, Transcript, Utterance, UtteranceSound, Word
from pipeline.stages.decode_peaks import Peaks
from pipeline.stages.detect import SoundDetector
from pipeline.stages.hear import hear


def said(index: int, role: Role, start_ms: int, end_ms: int, units: int = 8) -> Utterance:
    step = (end_ms - start_ms) // units
    words = tuple(
        Word(
            text="字",
            start_ms=start_ms + i * step,
            end_ms=end_ms if i == units - 1 else start_ms + (i + 1) * step,
            confidence=1,
        )
        for i in range(units)
    )
    channel = int(role is Role.CUSTOMER)
    return Utterance(index=index, speaker=f"ch{channel}", channel=channel, role=role, lang="zh", words=words)


def transcript(*utterances: Utterance) -> Transcript:
    return Transcript(utterances=utterances, model=ModelStamp(name="m", version="1"))


def test_talking_over_and_pauses_are_measured_in_milliseconds() -> None:
    heard = hear(
        transcript(
            said(0, Role.CUSTOMER, 1000, 5000),
            said(1, Role.AGENT, 3500, 6000),
            said(2, Role.CUSTOMER, 13_000, 14_000),
            said(3, Role.CUSTOMER, 14_100, 15_000),
        ),
        None,
    )
    assert [s.talk_over_ms for s in heard] == [0, 1500, 0, 0]
    assert [s.pause_before_ms for s in heard] == [1000, 0, 7000, 100]


def test_speed_is_that_beside_the_speakers_own_median() -> None:
    spoken = [said(i, Role.AGENT, i * 3000, i * 3000 + 2000, units=8) for i in range(4)]
    heard = hear(transcript(*spoken, said(4, Role.AGENT, 12_000, 14_000, units=16)), None)
    assert [s.rate for s in heard] == [4.0, 4.0, 4.0, 4.0, 8.0]
    assert [s.rate_ratio for s in heard] == [1.0, 1.0, 1.0, 1.0, 2.0]
    assert hear(transcript(said(0, Role.AGENT, 0, 500)), None)[0].rate is None, "too short for a rate"


@pytest.mark.parametrize("gain_db", [6.0, 9.0, 12.0])
def test_a_planted_gain_is_heard_on_its_channel(gain_db: float) -> None:
    spoken = [said(i, Role.AGENT, i * 1000, i * 1000 + 900) for i in range(5)]
    level = [20] * 500
    level[400:] = [round(20 * 10 ** (gain_db / 20))] * 100
    pairs = array("b", [v for x in level for v in (-x, x)])
    peaks = Peaks(sample_rate_hz=8000, samples_per_bucket=80, frames=40_000, pairs=(pairs,))
    heard = hear(transcript(*spoken), peaks)
    assert heard[4].loudness_db == pytest.approx(gain_db, abs=0.3)
    assert [s.loudness_db for s in heard[:4]] == [0.0] * 4
    assert hear(transcript(said(0, Role.CUSTOMER, 0, 900)), peaks)[0].loudness_db is None, "no such channel"


@dataclass
class Meter:
    """Gives voices of these pitches, in order, with tremor and sobs where they are asked for."""

    pitches: Sequence[float]
    asked: list[Passage] = field(default_factory=list)

    def __call__(self, flac: Path, passages: Sequence[Passage]) -> list[Voice]:
        self.asked = list(passages)
        return [
            Voice(pitch_hz=pitch, tremor=2.0 if p.strain else None, sobs=5 if p.strain else None)
            for p, pitch in zip(passages, self.pitches, strict=False)
        ]


def test_who_falls_silent_under_another_was_interrupted_and_who_goes_on_was_not() -> None:
    heard = hear(
        transcript(
            said(0, Role.CUSTOMER, 0, 5000),
            said(1, Role.AGENT, 2000, 2800),
            said(2, Role.AGENT, 4000, 8000),
            said(3, Role.CUSTOMER, 7900, 9000),
        ),
        None,
    )
    assert [s.interrupts for s in heard] == [False, False, True, False]
    assert [s.talk_over_ms for s in heard] == [0, 800, 1000, 100]


def test_pitch_stands_beside_the_speakers_own_median() -> None:
    spoken = [said(i, Role.CUSTOMER, i * 1000, i * 1000 + 900) for i in range(4)]
    heard = hear(transcript(*spoken), None, Path("x.flac"), Meter([200, 200, 200, 400]))
    assert [s.pitch_ratio_st for s in heard] == [0.0, 0.0, 0.0, 12.0]
    assert heard[3].pitch_hz == 400 and heard[3].tremor == 2.0 and heard[3].sobs == 5
    few = hear(transcript(*spoken[:2]), None, Path("x.flac"), Meter([200, 300]))
    assert [s.pitch_ratio_st for s in few] == [None, None]


@pytest.mark.parametrize("role", [Role.AGENT, Role.UNKNOWN])
def test_neither_tremor_nor_sobs_of_who_may_be_the_collector_are_measured(role: Role) -> None:
    meter = Meter([150])
    heard = hear(transcript(said(0, role, 0, 2000)), None, Path("x.flac"), meter)
    assert [p.strain for p in meter.asked] == [False]
    assert (heard[0].pitch_hz, heard[0].tremor, heard[0].sobs) == (150, None, None)


def test_a_voice_that_shares_its_channel_is_not_measured() -> None:
    both = [said(0, Role.AGENT, 0, 4000), said(1, Role.CUSTOMER, 2000, 4500), said(2, Role.CUSTOMER, 5000, 6000)]
    mixed = [
        Utterance(index=u.index, speaker=u.speaker, channel=0, role=u.role, lang="zh", words=u.words) for u in both
    ]
    meter = Meter([150, 150, 150])
    hear(transcript(*mixed), None, Path("x.flac"), meter)
    assert [p.start_ms for p in meter.asked] == [5000]
    hear(transcript(*both), None, Path("x.flac"), meter)
    assert len(meter.asked) == 3, "on a channel of their own"


def test_where_a_customers_voice_may_not_be_used_only_the_collector_is_measured() -> None:
    level = array("b", [v for _ in range(600) for v in (-20, 20)])
    peaks = Peaks(sample_rate_hz=8000, samples_per_bucket=80, frames=48_000, pairs=(level, level))
    roles = (Role.AGENT, Role.CUSTOMER, Role.UNKNOWN) * 3
    spoken = transcript(*(said(i, role, i * 500, i * 500 + 450) for i, role in enumerate(roles)))
    meter = Meter([150] * 9)
    heard = hear(spoken, peaks, Path("x.flac"), meter, customer_voice=False)
    assert [p.start_ms for p in meter.asked] == [0, 1500, 3000]
    assert {s.utterance for s in heard if s.pitch_hz or s.loudness_db is not None} == {0, 3, 6}
    measured = hear(spoken, peaks, Path("x.flac"), meter)
    assert measured[1].sobs == 5 and without_customer_voice(spoken, measured)[1].sobs is None
    assert without_customer_voice(spoken, measured)[0] == measured[0]


def test_sounds_of_older_records_are_still_read() -> None:
    old = b'{"utterance": 3, "talk_over_ms": 0, "pause_before_ms": 9, "rate": 4.0, "loudness_db": null}'
    sound = decode(UtteranceSound, old)
    assert (sound.utterance, sound.interrupts, sound.pitch_hz, sound.sobs) == (3, False, None, None)


def test_sounds_become_cues_and_never_findings_by_themselves() -> None:
    registry = load_registry()
    detector = SoundDetector(registry.sounds)
    spoken = transcript(said(0, Role.AGENT, 0, 2000), said(1, Role.CUSTOMER, 3000, 4000))
    sounds = (
        UtteranceSound(utterance=0, talk_over_ms=1500, pause_before_ms=0, loudness_db=9.0),
        UtteranceSound(utterance=1, talk_over_ms=1500, pause_before_ms=7000, loudness_db=9.0),
    )
    found = {(s.category, s.span.utterance) for s in detector(spoken, sounds)}
    assert found == {("cue.talk_over", 0), ("cue.loud", 0), ("cue.long_silence", 1), ("cue.voice_raised", 1)}
    assert detector(spoken, ()) == []


@pytest.mark.parametrize(
    ("measures", "cues"),
    [
        ({"tremor": 1.5}, {"cue.voice_trembling"}),
        ({"sobs": 5}, {"cue.voice_crying"}),
        ({"pitch_ratio_st": 7.0}, {"cue.voice_raised"}),
        ({"tremor": 1.2, "sobs": 4, "pitch_ratio_st": 5.0, "loudness_db": 7.0}, set()),
    ],
)
def test_a_customers_voice_becomes_a_cue_over_the_limits_that_ship(measures: dict[str, float], cues: set[str]) -> None:
    detector = SoundDetector(load_registry().sounds)
    sound = UtteranceSound(utterance=0, talk_over_ms=0, pause_before_ms=0, **measures)  # type: ignore[arg-type]
    assert {s.category for s in detector(transcript(said(0, Role.CUSTOMER, 0, 900)), [sound])} == cues
    assert not {s.category for s in detector(transcript(said(0, Role.AGENT, 0, 900)), [sound])}
