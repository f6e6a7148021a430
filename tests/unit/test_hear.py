"""How utterances were spoken: planted overlaps, pauses, speed and gain are measured; and become signals of sound."""

from __future__ import annotations

from array import array

import pytest

from pipeline.policy.registry import load_registry
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


@pytest.mark.parametrize("gain_db", [6.0, 12.0])
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


def test_sounds_become_cues_and_never_findings_by_themselves() -> None:
    registry = load_registry()
    detector = SoundDetector(registry.sounds)
    spoken = transcript(said(0, Role.AGENT, 0, 2000), said(1, Role.CUSTOMER, 3000, 4000))
    sounds = (
        UtteranceSound(utterance=0, talk_over_ms=1500, pause_before_ms=0, loudness_db=9.0),
        UtteranceSound(utterance=1, talk_over_ms=1500, pause_before_ms=7000, loudness_db=9.0),
    )
    found = {(s.category, s.span.utterance) for s in detector(spoken, sounds)}
    assert found == {("cue.talk_over", 0), ("cue.loud", 0), ("cue.long_silence", 1)}
    assert detector(spoken, ()) == []
