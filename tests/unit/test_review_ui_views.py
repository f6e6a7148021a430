"""What the pages show, before it is HTML: numbers, order, lanes, marks and dates."""

from __future__ import annotations

from array import array
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from starlette.datastructures import QueryParams

from pipeline.policy.safety import ShownLine
from pipeline.records import (
    CallContext,
    CallStatus,
    Citation,
    Distress,
    Finding,
    FindingStatus,
    Measures,
    ModelStamp,
    OmissionEvidence,
    Recording,
    Role,
    Severity,
    Span,
    Stage,
    Transcript,
    Utterance,
    Word,
    WordsEvidence,
)
from pipeline.search.base import Hit, SearchPage, UtteranceDocument
from pipeline.services.views import Actor, CallDetail, CallSort, CallSummary, CategoryMark, Failure, Permission
from pipeline.stages.decode_peaks import Peaks
from review_ui.call_view import call_page
from review_ui.failure_view import failure_view
from review_ui.findings_view import Group, finding_groups, finding_views, worst_second
from review_ui.language import Language, words_of
from review_ui.queue_view import asked_of, masked, row
from review_ui.reader import Reader, Theme, clock
from review_ui.search_asked import search_asked_of
from review_ui.search_view import search_page
from review_ui.transcript_view import lines
from review_ui.visits import own_path
from review_ui.wave import lanes, lanes_file, picture

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday
STAMP = ModelStamp(name="none", version="0")


def reader(language: Language = Language.EN, zone: str = "Asia/Shanghai") -> Reader:
    return Reader(words=words_of(language), theme=Theme.AUTO, zone=ZoneInfo(zone), now=NOW)


def utterance(index: int, role: Role, start_ms: int, text: str, *, speaker: str = "", step_ms: int = 500) -> Utterance:
    return Utterance(
        index=index,
        speaker=speaker or f"ch{int(role is Role.CUSTOMER)}",
        channel=int(role is Role.CUSTOMER),
        role=role,
        lang="zh",
        words=tuple(
            Word(text=c, start_ms=start_ms + i * step_ms, end_ms=start_ms + (i + 1) * step_ms, confidence=0.9)
            for i, c in enumerate(text)
        ),
    )


READER = Actor(name="qa", permissions=frozenset({Permission.CALLS_READ}))


def _detail(*, safety: ShownLine | None) -> CallDetail:
    recording = Recording(sha256="0" * 64, media_type="audio/wav", size_bytes=1)
    return CallDetail(summary=summary(distress=Distress.CRITICAL), recording=recording, safety=safety)


def finding(
    category: str,
    severity: Severity,
    status: FindingStatus = FindingStatus.VIOLATION,
    *,
    role: Role = Role.AGENT,
    span: tuple[int, int, int] | None = None,
    at_ms: int = 0,
) -> Finding:
    evidence = (
        WordsEvidence(
            span=Span(utterance=span[0], word_start=span[1], word_end=span[2]), start_ms=at_ms, end_ms=at_ms + 900
        )
        if span
        else OmissionEvidence(window_start_ms=0, window_end_ms=30_000)
    )
    return Finding(
        category=category,
        status=status,
        severity=severity,
        role=role,
        evidence=evidence,
        rule=f"cn.{category}",
        pack="cn",
        pack_version="1",
    )


# --- findings ---


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


def test_without_a_checked_number_the_page_says_so_and_without_danger_nothing() -> None:
    unknown = call_page(_detail(safety=ShownLine(crisis="", emergency="")), None, reader(), READER)
    assert unknown.safety is not None and unknown.safety.lines == () and "FORBEAR_CRISIS_LINE" in unknown.safety.note
    assert call_page(_detail(safety=None), None, reader(), READER).safety is None


# --- transcript ---


def test_marks_cut_the_words_where_findings_begin_and_end() -> None:
    spoken = Transcript(utterances=(utterance(0, Role.AGENT, 0, "明天坐牢去吧"),), model=STAMP)
    views = finding_views(
        [
            finding("threat.arrest", Severity.CRITICAL, span=(0, 2, 4)),
            finding("abuse.hostile_tone", Severity.MEDIUM, span=(0, 2, 6)),
        ],
        spoken,
        words_of(Language.EN),
        call="c",
        original=False,
    )
    (line,) = lines(spoken, views, reader(), duration_ms=3000)
    shown = [("".join(w.text for w in p.words), p.findings, p.tone, [e.number for e in p.endings]) for p in line.pieces]
    assert shown == [
        ("明天", (), "", []),
        ("坐牢", (1, 2), "critical", [1]),
        ("去吧", (2,), "medium", [2]),
    ]


def test_silence_and_talk_over_stand_where_they_happen() -> None:
    spoken = Transcript(
        utterances=(
            utterance(0, Role.AGENT, 0, "你好吗"),
            utterance(1, Role.CUSTOMER, 1000, "我"),
            utterance(2, Role.AGENT, 6000, "喂"),
        ),
        model=STAMP,
    )
    notes = [(line.note, line.text) for line in lines(spoken, (), reader(), duration_ms=20_000)]
    assert notes == [
        ("", ""),
        ("talk-over", "Talk-over 0.5 s · Customer starts second"),
        ("", ""),
        ("silence", "Silence 4.5 s"),
        ("", ""),
        ("silence", "Silence 14 s"),
    ]


def test_unsure_and_redacted_words_say_so() -> None:
    words = (
        Word(text="打", start_ms=0, end_ms=10, confidence=0.31),
        Word(text=" [phone]", start_ms=10, end_ms=20, confidence=0.1),
    )
    spoken = Transcript(
        utterances=(Utterance(index=0, speaker="ch0", channel=0, role=Role.AGENT, lang="zh", words=words),), model=STAMP
    )
    (line,) = lines(spoken, (), reader(Language.ZH_HANS), duration_ms=None)
    first, second = line.pieces[0].words
    assert (first.unsure, first.redacted) == ("识别把握 0.31", "")
    assert (second.lead, second.text, second.redacted, second.unsure) == (" ", "", "电话号码", "")


# --- waves ---


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


# --- lists ---


def summary(**changes: object) -> CallSummary:
    values: dict[str, object] = {
        "id": "c1",
        "call_id": None,
        "file": "a.wav",
        "recording_sha256": "0" * 64,
        "status": CallStatus.DONE,
        "stage": None,
        "progress": None,
        "failure": None,
        "attempts": 1,
        "received_at": NOW - timedelta(hours=5),
        "finished_at": NOW - timedelta(hours=3, minutes=20),
        "flagged": True,
        "severity": Severity.HIGH,
        "distress": Distress.PRESENT,
        "marks": tuple(
            CategoryMark(category=c, status=FindingStatus.POSSIBLE, severity=Severity.HIGH, count=n)
            for n, c in enumerate(("threat.veiled", "abuse.profanity", "contact.time", "privacy.no_verification"), 1)
        ),
        "customer_signals": ("distress.complaint_intent", "distress.fear"),
        "duration_ms": 271_000,
        "damage": None,
        "revision": 1,
        "context": CallContext(account_ref="ACC-12550", agent_id="0417", started_at=NOW - timedelta(days=1)),
    }
    return CallSummary(**{**values, **changes})  # type: ignore[arg-type]


def test_a_row_shows_three_categories_and_how_many_more() -> None:
    shown = row(summary(), reader())
    assert [(m.name, m.count, m.possible) for m in shown.marks] == [
        ("Veiled threat", 1, True),
        ("Profanity", 2, True),
        ("Contact at a forbidden or inconvenient time", 3, True),
    ]
    assert (shown.more, shown.more_names) == (1, "Debt disclosed before verification")
    assert (shown.account, shown.account_whole, shown.length, shown.waits) == ("··2550", "ACC-12550", "04:31", "3 h")
    assert shown.when.text == "yesterday 20:00"
    assert shown.distress is not None
    assert (shown.distress.name, shown.distress.level, shown.distress.more) == ("Fear and anxiety", "present", 1)


def test_requests_alone_are_no_distress_and_failures_say_why() -> None:
    request = row(summary(customer_signals=("distress.dispute_debt",), distress=Distress.NONE), reader())
    assert request.distress is not None and request.distress.level == "request"
    failed = row(
        summary(status=CallStatus.FAILED, flagged=False, failure=Failure(code="not_audio", message="x")), reader()
    )
    assert failed.failure is not None and failed.failure.refused
    assert failed.tone == ""
    running = row(summary(status=CallStatus.RUNNING, stage=Stage.TRANSCRIBE, progress=0.426, flagged=False), reader())
    assert (running.state, running.state_text, running.progress) == ("running", "Transcribing", 43)


def test_a_failure_without_words_of_ours_keeps_the_services_own() -> None:
    told = failure_view(Failure(code="brand_new", message="Do this."), words_of(Language.ZH_HANT))
    assert (told.text, told.detail, told.refused) == ("處理失敗。", "Do this.", False)


def test_the_address_of_a_list_says_what_is_asked_and_forgets_nonsense() -> None:
    asked = asked_of(
        QueryParams("severity=high&severity=bogus&group=threat&group=none&agent=7&sort=oldest&status=lost")
    )
    assert (asked.severities, asked.groups, asked.agent, asked.sort) == (("high",), ("threat",), "7", CallSort.OLDEST)
    assert asked.href() == "/?severity=high&group=threat&agent=7&sort=oldest"
    assert asked.href(cursor="x&y").endswith("&cursor=x%26y")
    filter = asked.filter()
    assert filter.flagged is True and "threat.veiled" in filter.categories
    assert asked_of(QueryParams("all=1")).filter().flagged is None


@pytest.mark.parametrize(("account", "expected"), [(None, ""), ("4417", "4417"), ("ACC-12550", "··2550")])
def test_accounts_are_shortened(account: str | None, expected: str) -> None:
    assert masked(account) == expected


# --- search ---


def _hit(call: str, index: int, text: str, *highlights: tuple[int, int]) -> Hit:
    document = UtteranceDocument(
        id=f"{call}.{index}",
        call_id=call,
        utterance=index,
        role=Role.AGENT,
        lang="zh",
        start_ms=61_500,
        end_ms=63_000,
        text=text,
    )
    return Hit(document=document, highlights=highlights)


def test_hits_stand_by_call_with_what_was_found_lit() -> None:
    found = SearchPage(
        hits=(
            _hit("c1", 3, "我要起诉你", (2, 4)),
            _hit("c1", 5, "打[phone]起诉", (8, 10)),
            _hit("c2", 0, "起诉", (0, 2)),
        ),
        total_hits=3,
        total_calls=2,
        facets={"role": (("agent", 3),), "team": (("east", 2), ("west", 1))},
        histogram=((date(2026, 1, 1), 1), (date(2026, 1, 4), 2)),
    )
    page = search_page(search_asked_of(QueryParams("q=起诉&role=agent")), found, reader())
    assert [(call.id, len(call.hits)) for call in page.calls] == [("c1", 2), ("c2", 1)]
    first, second = page.calls[0].hits
    assert [(s.text, s.hit) for s in first.stretches] == [("我要", False), ("起诉", True), ("你", False)]
    assert second.stretches[0].text == "打[phone number]"
    assert first.href == "/calls/c1?t=61.50#u3"
    assert [facet.title for facet in page.facets] == ["Said by", "Team"]
    assert page.facets[0].values[0].chosen
    assert [(bar.count, bar.height) for bar in page.bars] == [(1, 50), (0, 0), (0, 0), (2, 100)]


@pytest.mark.parametrize(("days", "bars"), [(10, 11), (100, 16), (1000, 34)])
def test_a_histogram_never_has_too_many_bars(days: int, bars: int) -> None:
    first = date(2023, 1, 2)
    found = SearchPage(histogram=((first, 1), (first + timedelta(days=days), 1)), total_hits=2)
    page = search_page(search_asked_of(QueryParams("q=x")), found, reader())
    assert abs(len(page.bars) - bars) <= 1
    assert sum(bar.count for bar in page.bars) == 2


# --- times and addresses ---


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (timedelta(hours=1), "today 19:00"),
        (timedelta(hours=21), "yesterday 23:00"),
        (timedelta(days=4), "Mon 20:00"),
        (timedelta(days=40), "10-11 20:00"),
        (timedelta(days=400), "2025-10-16 20:00"),
    ],
)
def test_dates_are_relative_in_the_readers_zone(before: timedelta, expected: str) -> None:
    assert reader().moment(NOW - before).text == expected


def test_the_exact_time_keeps_its_offset() -> None:
    at = datetime(2026, 11, 18, 10, 42, 7, tzinfo=ZoneInfo("America/New_York"))
    assert reader().moment(at).exact == "2026-11-18 10:42:07 (-05:00)"


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(seconds=20), "0 min"),
        (timedelta(hours=3, minutes=59), "3 h"),
        (timedelta(days=1, hours=4), "1 d 4 h"),
        (timedelta(days=9, hours=4), "9 d"),
    ],
)
def test_ages(age: timedelta, expected: str) -> None:
    assert reader().age(NOW - age) == expected


@pytest.mark.parametrize(("ms", "expected"), [(0, "00:00.0"), (110_250, "01:50.2"), (3_661_900, "1:01:01.9")])
def test_places_in_a_recording(ms: int, expected: str) -> None:
    assert clock(ms, tenths=True) == expected


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil", "https://evil.example", "", None, "/a\nb", "calls"])
def test_a_page_sends_nobody_to_another_site(path: str | None) -> None:
    assert own_path(path) == "/"


def test_own_paths_are_kept() -> None:
    assert own_path("/calls/1?t=2") == "/calls/1?t=2"


def test_measures_are_plain_numbers() -> None:
    from review_ui.call_view import _measures

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
    assert texts == ["抢话 1 次", "静默 21 秒", "催收员语速 5.9 字/秒"]
