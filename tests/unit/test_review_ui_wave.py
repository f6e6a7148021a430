"""The waves above a transcript: which lane is whose."""

from __future__ import annotations

from array import array
from dataclasses import replace

from pipeline.records import (
    Role,
    Transcript,
)
from pipeline.stages.decode_peaks import Peaks
from review_ui.wave import lanes, lanes_file, picture
from tests.unit.shown import STAMP, utterance


def _peaks(*channels: list[int]) -> Peaks:
    pairs = tuple(array("b", [v for value in channel for v in (-value, value)]) for channel in channels)
    return Peaks(sample_rate_hz=1000, samples_per_bucket=500, frames=500 * len(channels[0]), pairs=pairs)


def test_two_channels_are_two_lanes_with_the_collector_on_top() -> None:
    customer = replace(utterance(0, Role.CUSTOMER, 0, "喂"), speaker="ch0", channel=0)
    agent = replace(utterance(1, Role.AGENT, 1000, "您好"), speaker="ch1", channel=1)
    spoken = Transcript(utterances=(customer, agent), model=STAMP)
    top, bottom = lanes(_peaks([10, 20], [100, 50]), spoken)
    assert (top.role, list(top.loudness)) == (Role.AGENT, [255, 127])
    assert (bottom.role, list(bottom.loudness)) == (Role.CUSTOMER, [25, 51])


def test_a_mono_call_has_each_stretch_in_its_speakers_lane_and_silence_in_both() -> None:
    spoken = Transcript(
        utterances=(
            utterance(0, Role.AGENT, 0, "您好", speaker="v0", step_ms=400),
            utterance(1, Role.CUSTOMER, 1500, "喂", speaker="v1", step_ms=400),
        ),
        model=STAMP,
    )
    agent, customer = lanes(_peaks([100, 100, 8, 100, 8]), spoken)
    assert list(agent.loudness) == [255, 255, 20, 0, 20]
    assert list(customer.loudness) == [0, 0, 20, 255, 20]
    assert lanes_file((agent, customer)) == b"\x02" + agent.loudness + customer.loudness
    assert picture(agent, bars=5).count("M") == 5


def test_one_voice_is_one_lane_and_no_transcript_is_no_error() -> None:
    assert [lane.role for lane in lanes(_peaks([1, 2]), None)] == [Role.UNKNOWN]
