"""Findings less likely than not: folded below the others, drawn faintly, not counted."""

from __future__ import annotations

from dataclasses import replace

from pipeline.records import (
    Distress,
    Finding,
    FindingStatus,
    Recording,
    Role,
    Severity,
    Transcript,
)
from pipeline.services.views import CallDetail
from review_ui.call_view import call_page
from review_ui.findings_view import Group, finding_groups, finding_views
from review_ui.language import Language, words_of
from tests.unit.shown import READER, STAMP, finding, reader, summary, utterance


def test_what_is_less_likely_than_not_is_folded_below_the_rest_unless_there_is_no_rest() -> None:
    def listed(*found: Finding) -> list[tuple[Group, list[int], list[int]]]:
        views = finding_views(found, None, words_of(Language.EN), call="c", original=False)
        groups = finding_groups(views, words_of(Language.EN))
        return [(g.group, [v.number for v in g.findings], [v.number for v in g.unlikely]) for g in groups]

    sure = finding("abuse.hostile_tone", Severity.MEDIUM)
    doubted = replace(finding("threat.violence", Severity.CRITICAL, FindingStatus.POSSIBLE), probability=0.3)
    even = replace(doubted, probability=0.5)
    afraid = replace(finding("distress.fear", Severity.MEDIUM, FindingStatus.POSSIBLE), probability=0.1)
    assert listed(doubted, sure, even) == [(Group.COLLECTOR, [1, 2], [3])]
    assert listed(doubted, afraid) == [(Group.COLLECTOR, [1], []), (Group.DISTRESS, [2], [])]


def test_what_is_unlikely_is_faint_in_the_words_and_not_counted() -> None:
    spoken = Transcript(utterances=(utterance(0, Role.AGENT, 0, "坐牢等着"),), model=STAMP)
    sure = finding("threat.arrest", Severity.HIGH, span=(0, 0, 2))
    doubted = replace(
        finding("abuse.profanity", Severity.HIGH, FindingStatus.POSSIBLE, span=(0, 2, 4)), probability=0.2
    )

    def shown(*found: Finding) -> tuple[str, list[bool]]:
        detail = CallDetail(
            summary=summary(distress=Distress.NONE),
            recording=Recording(sha256="0" * 64, media_type="audio/wav", size_bytes=1),
            transcript=spoken,
            findings=found,
        )
        page = call_page(detail, None, reader(Language.EN), READER)
        return page.verdict, [piece.unlikely for piece in page.lines[0].pieces if piece.findings]

    assert shown(sure, doubted) == ("High · 1 finding to check", [False, True])
    assert shown(doubted) == ("High · 1 finding to check", [False])
