"""Findings on the page of a call: their order, groups and clauses."""

from __future__ import annotations

from dataclasses import replace

from pipeline.records import (
    Citation,
    FindingStatus,
    MetadataEvidence,
    Role,
    Severity,
    Transcript,
)
from review_ui.findings_view import Group, finding_groups, finding_views, worst_second
from review_ui.language import Language, words_of
from tests.unit.shown import STAMP, finding, utterance


def test_findings_are_numbered_worst_first_and_the_customers_stand_apart() -> None:
    spoken = Transcript(
        utterances=(utterance(0, Role.AGENT, 0, "坐牢"), utterance(1, Role.CUSTOMER, 2000, "不想活")), model=STAMP
    )
    views = finding_views(
        [
            finding("empathy.acknowledge", Severity.INFO, FindingStatus.POSITIVE, span=(0, 0, 1)),
            finding(
                "distress.complaint_intent", Severity.HIGH, FindingStatus.SIGNAL, role=Role.CUSTOMER, span=(1, 0, 1)
            ),
            finding(
                "distress.self_harm",
                Severity.CRITICAL,
                FindingStatus.SIGNAL,
                role=Role.CUSTOMER,
                span=(1, 0, 3),
                at_ms=2000,
            ),
            finding("abuse.hostile_tone", Severity.MEDIUM, span=(0, 0, 2)),
            finding("threat.arrest", Severity.CRITICAL, FindingStatus.POSSIBLE, span=(0, 0, 2)),
            finding("threat.violence", Severity.CRITICAL, span=(0, 0, 2)),
        ],
        spoken,
        words_of(Language.ZH_HANS),
        call="c1",
        original=False,
    )
    assert [(v.number, v.group.value, v.tone) for v in views] == [
        (1, "collector", "critical"),
        (2, "collector", "critical"),
        (3, "collector", "medium"),
        (4, "distress", "distress"),
        (5, "requests", "distress"),
        (6, "positives", "good"),
    ]
    assert (views[0].category, views[1].possible, views[1].status_name) == ("暴力威胁", True, "疑似")
    assert views[3].quote == "“不想活”"
    assert views[0].clip_href == "/api/v1/calls/c1/clip?start_ms=0&end_ms=1900"
    opens = worst_second(views)
    assert opens is not None and opens.number == 4  # somebody in danger comes before any violation


def test_an_empty_list_of_findings_says_so_and_folds_what_is_no_fault() -> None:
    views = finding_views(
        [finding("empathy.acknowledge", Severity.INFO, FindingStatus.POSITIVE)],
        None,
        words_of(Language.EN),
        call="c",
        original=False,
    )
    groups = finding_groups(views, words_of(Language.EN))
    assert [(g.group, g.folded, len(g.findings)) for g in groups] == [
        (Group.COLLECTOR, False, 0),
        (Group.POSITIVES, True, 1),
    ]
    assert worst_second(views) is None


def test_clauses_are_said_once_and_then_pointed_to() -> None:
    clause = Citation(ref="r", cite="Act 1", paraphrase_zh="不得", paraphrase_en="Must not.", status="memory")
    views = finding_views(
        [
            replace(finding("threat.arrest", Severity.CRITICAL), clauses=(clause,)),
            replace(finding("threat.violence", Severity.HIGH), clauses=(clause,)),
            finding("abuse.hostile_tone", Severity.MEDIUM),
        ],
        None,
        words_of(Language.EN),
        call="c",
        original=False,
    )
    assert [(len(v.clauses), v.clauses_as) for v in views] == [(1, 0), (0, 1), (0, 0)]
    assert (views[0].clauses[0].paraphrase, views[0].clauses[0].status_name) == ("Must not.", "unverified")


def test_a_clause_tells_where_it_was_read_and_since_when_it_holds() -> None:
    clause = Citation(ref="r", cite="Act 1", paraphrase_zh="不得", paraphrase_en="Must not.", status="verified_primary")
    dated = replace(clause, source="the gazette", effective_from="2026-01-01", effective_until="2027-12-31")
    views = finding_views(
        [
            replace(finding("threat.arrest", Severity.CRITICAL), clauses=(clause,)),
            replace(finding("threat.violence", Severity.HIGH), clauses=(dated,)),
        ],
        None,
        words_of(Language.EN),
        call="c",
        original=False,
    )
    assert [(v.clauses[0].source, v.clauses[0].effective) for v in views] == [
        ("", ""),
        ("Read in: the gazette", "in force from 2026-01-01, until 2027-12-31"),
    ]


def test_what_is_on_file_is_answered_in_the_readers_language() -> None:
    stated = replace(
        finding("contact.time", Severity.HIGH),
        evidence=MetadataEvidence(facts={"contact_refused": "true", "represented": "false", "count": "8"}),
    )
    for language, yes, no in (
        (Language.EN, "yes", "no"),
        (Language.ZH_HANS, "是", "否"),
        (Language.ZH_HANT, "是", "否"),
    ):
        (view,) = finding_views([stated], None, words_of(language), call="c1", original=False)
        assert [value for _, value in view.facts] == [yes, no, "8"]
