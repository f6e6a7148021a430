"""The page of a call: whom to call in danger, and its measures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.policy.safety import ShownLine
from pipeline.records import Distress, Measures, Recording, Role, Transcript
from pipeline.services.views import CallDetail
from review_ui.call_view import _measures, call_page
from review_ui.language import Language
from tests.unit.shown import READER, STAMP, reader, summary, utterance


def _detail(*, safety: ShownLine | None) -> CallDetail:
    recording = Recording(sha256="0" * 64, media_type="audio/wav", size_bytes=1)
    return CallDetail(summary=summary(distress=Distress.CRITICAL), recording=recording, safety=safety)


@pytest.mark.parametrize(
    ("shown", "lines"),
    [
        (ShownLine(crisis="988", emergency="911"), ("Crisis line 988", "Emergency 911")),
        (ShownLine(crisis="116 123", emergency=""), ("Crisis line 116 123",)),
    ],
)
def test_the_page_of_a_call_in_danger_says_whom_to_call(shown: ShownLine, lines: tuple[str, ...]) -> None:
    page = call_page(_detail(safety=shown), None, reader(), READER)
    assert page.safety is not None and page.safety.lines == lines and "suicide" in page.safety.text


@pytest.mark.parametrize(
    ("changes", "verdict", "tone"),
    [
        ({"flagged": False, "severity": None, "distress": Distress.NONE}, "Not flagged", ""),
        ({"flagged": False, "severity": None, "distress": Distress.CRITICAL}, "Self-harm risk", "distress"),
        ({"flagged": True, "distress": Distress.CRITICAL}, "High", "high"),
    ],
)
def test_a_call_in_danger_never_reads_as_quiet(changes: dict[str, object], verdict: str, tone: str) -> None:
    detail = replace(_detail(safety=None), summary=summary(**changes))
    page = call_page(detail, None, reader(), READER)
    assert page.verdict.startswith(verdict) and page.tone == tone


def test_without_a_checked_number_the_page_says_so_and_without_danger_nothing() -> None:
    unknown = call_page(_detail(safety=ShownLine(crisis="", emergency="")), None, reader(), READER)
    assert unknown.safety is not None and unknown.safety.lines == () and "FORBEAR_CRISIS_LINE" in unknown.safety.note
    assert call_page(_detail(safety=None), None, reader(), READER).safety is None


def test_measures_are_plain_numbers() -> None:
    measures = Measures(
        talk_over_count=1,
        talk_over_ms=800,
        silence_ms=21_000,
        longest_silence_ms=6000,
        agent_speech_ms=60_000,
        customer_speech_ms=0,
        agent_rate=5.93,
    )
    spoken = Transcript(utterances=(utterance(0, Role.AGENT, 0, "你好"),), model=STAMP)
    texts = [measure.text for measure in _measures(measures, spoken, reader(Language.ZH_HANS))]
    assert texts == ["重叠说话 1 次", "静默 21 秒", "催收员语速 5.9 字/秒"]
