"""Calls on every database: outcomes stored once, lists and pages, who sees what, another run, and deletion."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from stores import ADMIN, KINDS, World, database_url, finding, record_of, utterance, wav

from pipeline.errors import Conflict, Forbidden, InvalidInput, NotFound
from pipeline.jobs.base import JobState
from pipeline.policy.safety import ShownLine
from pipeline.records import CallStatus, Distress, FindingStatus, Redaction, Role, Severity, Span, Stage, WordsEvidence
from pipeline.services.views import Actor, CallFilter, CallSort, Permission
from pipeline.store.tables import AuditRow, CallRow, FindingRow, OutboxRow, RecordingRow, RevisionRow


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with database_url(request.param, tmp_path) as url:
        world = World(tmp_path, url)
        yield world
        world.close()


class Maker:
    """Takes in calls, each with a content of its own."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world = world
        self._folder = folder
        self._made = 0

    def __call__(self, *, processed: bool = True, metadata: dict[str, Any] | None = None, **record: Any) -> str:
        self._made += 1
        path = wav(self._folder / f"{self._made}.wav", self._made)
        id = self._world.take(path, metadata).id
        assert id is not None
        if processed:
            self._world.process(id, **record)
        return id


@pytest.fixture
def make(world: World, tmp_path: Path) -> Maker:
    return Maker(world, tmp_path)


def member(*teams: str, permissions: frozenset[Permission] = frozenset(Permission)) -> Actor:
    return Actor(name="m", permissions=permissions, teams=frozenset(teams))


def rows(world: World, table: Any) -> int:
    with world.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


# --- the worker's side ---


def test_an_outcome_is_stored_once(world: World, make: Maker) -> None:
    id = make(processed=False)
    work = world.processing.begin(id, 1)
    assert work is not None and (work.revision, work.attempts, work.stage) == (1, 1, None)
    record = record_of(work, findings=[finding()], flagged=True, severity=Severity.HIGH)
    assert world.processing.finish(id, 1, record)
    assert not world.processing.finish(id, 1, record), "a step that runs twice must not make a second revision"
    assert not world.processing.fail(id, 1, "late", "")
    assert world.processing.begin(id, 1) is None
    row = world.row(id)
    assert (row.status, row.revision, row.flagged, row.severity, row.severity_rank) == ("done", 1, True, "high", 3)
    assert (rows(world, RevisionRow), rows(world, FindingRow), rows(world, OutboxRow)) == (1, 1, 1)
    assert len(world.audit("call.processed")) == 1
    assert world.calls.get(ADMIN, id, original=True).findings == record.judgement.findings


def test_a_second_revision_takes_the_place_of_the_firsts_findings(world: World, make: Maker) -> None:
    id = make(findings=[finding(), finding("abuse.insult")])
    world.calls.reprocess(ADMIN, id)
    world.process(id, findings=[finding("privacy.third_party")])
    assert world.row(id).revision == 2
    assert [f.category for f in world.calls.get(ADMIN, id).findings] == ["privacy.third_party"]
    assert (rows(world, RevisionRow), rows(world, FindingRow)) == (2, 1)


def test_an_older_generation_says_nothing_any_more(world: World, make: Maker) -> None:
    id = make(processed=False)
    work = world.processing.begin(id, 1)
    assert work is not None
    world.take(world.media.path(world.row(id).recording_sha256), {"agent_id": "A2"})
    assert world.processing.begin(id, 1) is None
    assert not world.processing.finish(id, 1, record_of(work))
    assert not world.processing.fail(id, 1, "x", "")
    assert not world.processing.advance(id, Stage.DECODE)
    row = world.row(id)
    assert (row.status, row.generation, row.revision, row.stage) == ("queued", 2, 0, None)


def test_starts_are_counted_since_the_furthest_stage(world: World, make: Maker) -> None:
    id = make(processed=False)

    def start() -> tuple[int, Stage | None]:
        work = world.processing.begin(id, 1)
        assert work is not None
        return work.attempts, work.stage

    assert start() == (1, None)
    assert world.processing.advance(id, Stage.DECODE)
    assert start() == (2, Stage.DECODE)
    assert world.processing.advance(id, Stage.TRANSCRIBE, 0.5)
    assert start() == (2, Stage.TRANSCRIBE)
    assert world.processing.advance(id, Stage.DECODE), "a stage that is repeated after a crash"
    assert world.processing.advance(id, Stage.TRANSCRIBE, 0.2)
    assert start() == (3, Stage.TRANSCRIBE)
    assert (world.row(id).stage, world.row(id).progress) == ("transcribe", 0.5)
    world.processing.release(id, 1)
    assert (world.row(id).attempts, world.row(id).status) == (2, "queued")


def test_a_call_whose_recording_is_gone_fails_in_the_open(world: World, make: Maker) -> None:
    id = make(processed=False)
    world.media.delete(world.row(id).recording_sha256)
    assert world.processing.begin(id, 1) is None
    assert (world.row(id).status, world.row(id).error_code) == ("failed", "recording_missing")


def test_a_failure_is_visible_and_can_be_retried(world: World, make: Maker) -> None:
    id = make(processed=False)
    world.processing.begin(id, 1)
    assert world.processing.fail(id, 1, "decode_error", "No audio.")
    summary = world.calls.get(ADMIN, id).summary
    assert summary.status is CallStatus.FAILED and summary.failure is not None
    assert (summary.failure.code, summary.failure.message) == ("decode_error", "No audio.")
    world.calls.retry(ADMIN, id)
    row = world.row(id)
    assert (row.status, row.error_code, row.generation, row.attempts) == ("queued", None, 2, 0)
    assert world.jobs.state(id, 2) is JobState.QUEUED
    with pytest.raises(Conflict):
        world.calls.retry(ADMIN, id)


def test_a_refused_file_can_not_be_retried(world: World, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"")
    id = world.take(tmp_path / "a.wav").id
    assert id is not None
    with pytest.raises(Conflict) as caught:
        world.calls.retry(ADMIN, id)
    assert caught.value.code == "refused_file"
    assert world.calls.reprocess(ADMIN) == 0
    assert world.row(id).status == "failed"


# --- lists ---


def ids(
    world: World, wanted: CallFilter | None = None, actor: Actor = ADMIN, sort: CallSort = CallSort.OLDEST
) -> list[str]:
    return [call.id for call in world.calls.all(actor, wanted, sort=sort)]


def test_pages_follow_each_other_in_every_order(world: World, make: Maker) -> None:
    severities = [Severity.LOW, Severity.HIGH, None, Severity.HIGH, Severity.CRITICAL, Severity.LOW]
    made = [
        make(severity=s, flagged=s is not None, distress=Distress.CRITICAL if n == 2 else Distress.NONE)
        for n, s in enumerate(severities)
    ]
    expected = {
        CallSort.NEWEST: made[::-1],
        CallSort.OLDEST: made,
        CallSort.WORST: [made[2], made[4], made[1], made[3], made[0], made[5]],
    }
    for sort, order in expected.items():
        found: list[str] = []
        cursor = None
        while True:
            page = world.calls.list(ADMIN, sort=sort, cursor=cursor, limit=2)
            assert page.total == 6
            found += [call.id for call in page.calls]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert found == order, sort


def test_calls_of_one_moment_are_neither_lost_nor_doubled_between_pages(world: World, make: Maker) -> None:
    made = [make(processed=False) for _ in range(5)]
    moment = datetime(2025, 1, 1, tzinfo=UTC)
    with world.database.session() as session:
        for row in session.scalars(select(CallRow)):
            row.received_at = moment
    for sort in CallSort:
        first = world.calls.list(ADMIN, sort=sort, limit=3)
        second = world.calls.list(ADMIN, sort=sort, limit=3, cursor=first.next_cursor)
        assert sorted(call.id for call in first.calls + second.calls) == sorted(made)
        assert second.next_cursor is None


def cursor_of(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "bm90IGpzb24", "WyJvbGRlc3QiLCAxLCAyXQ", "\x00", "é"),
        cursor_of(b'["newest", "0001-01-01T00:00:00+08:00", "c1"]'),
        cursor_of(b'["newest", "2025-01-01T00:00:00Z", "' + b"c" * 500 + b'"]'),
        cursor_of(b"[" * 360),
        cursor_of(b"[" * 1_000_000),
    ],
    ids=range(10),
)
def test_a_cursor_of_something_else_is_refused(world: World, cursor: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        world.calls.list(ADMIN, cursor=cursor)
    assert caught.value.code == "bad_cursor"


def test_a_cursor_of_another_order_is_refused(world: World, make: Maker) -> None:
    for _ in range(2):
        make(processed=False)
    cursor = world.calls.list(ADMIN, sort=CallSort.WORST, limit=1).next_cursor
    with pytest.raises(InvalidInput):
        world.calls.list(ADMIN, sort=CallSort.NEWEST, cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1, 501])
def test_a_page_has_a_size(world: World, limit: int) -> None:
    with pytest.raises(InvalidInput):
        world.calls.list(ADMIN, limit=limit)


def test_each_filter_and_all_together(world: World, make: Maker) -> None:
    a = make(
        metadata={"team": "east", "agent_id": "A1", "account_ref": "K1", "started_at": "2025-03-01T10:00:00+08:00"},
        findings=[finding("threat.violence")],
        flagged=True,
        severity=Severity.HIGH,
        distress=Distress.PRESENT,
    )
    b = make(metadata={"team": "west", "agent_id": "A2", "started_at": "2025-03-02T10:00:00+08:00"})
    c = make(metadata={"team": "west", "agent_id": "A1"}, processed=False)
    day = datetime(2025, 3, 1, 2, 0, tzinfo=UTC)
    for wanted, expected in (
        (CallFilter(), [a, b, c]),
        (CallFilter(statuses=frozenset({CallStatus.QUEUED})), [c]),
        (CallFilter(flagged=True), [a]),
        (CallFilter(flagged=False), [b, c]),
        (CallFilter(severities=frozenset({Severity.HIGH, Severity.LOW})), [a]),
        (CallFilter(distress=frozenset({Distress.PRESENT})), [a]),
        (CallFilter(categories=frozenset({"threat.violence", "abuse.insult"})), [a]),
        (CallFilter(categories=frozenset({"abuse.insult"})), []),
        (CallFilter(categories=frozenset({"\x00", "\ud800"})), []),
        (CallFilter(categories=frozenset({"\x00", "threat.violence"})), [a]),
        (CallFilter(teams=frozenset({"west"})), [b, c]),
        (CallFilter(agents=frozenset({"A1"})), [a, c]),
        (CallFilter(accounts=frozenset({"K1"})), [a]),
        (CallFilter(accounts=frozenset({"\x00", "\ud800"})), []),
        (CallFilter(started_from=day), [a, b]),
        (CallFilter(started_to=day), []),
        (CallFilter(started_from=day, started_to=day + timedelta(days=1)), [a]),
        (CallFilter(started_from=datetime.min.replace(tzinfo=UTC)), [a, b]),
        (CallFilter(started_to=datetime.max.replace(tzinfo=UTC)), [a, b]),
        (CallFilter(agents=frozenset({"A1"}), teams=frozenset({"west"})), [c]),
    ):
        assert ids(world, wanted) == expected, wanted
        assert world.calls.list(ADMIN, wanted).total == len(expected)
    with pytest.raises(InvalidInput):
        ids(world, CallFilter(started_from=datetime(2025, 1, 1)))


EAST, WEST = timezone(timedelta(hours=8)), timezone(timedelta(hours=-8))


@pytest.mark.parametrize(
    "time",
    [datetime(2025, 1, 1), datetime.min.replace(tzinfo=EAST), datetime.max.replace(tzinfo=WEST)],
    ids=["without offset", "too early", "too late"],
)
def test_a_time_that_can_not_be_compared_is_refused(world: World, time: datetime) -> None:
    for ask in (
        lambda: world.calls.list(ADMIN, CallFilter(started_from=time)),
        lambda: world.calls.list(ADMIN, CallFilter(started_to=time)),
        lambda: world.calls.newer(ADMIN, None, time, judged=True),
    ):
        with pytest.raises(InvalidInput) as caught:
            ask()
        assert caught.value.code == "bad_filter"


def test_what_came_since_is_counted_by_when_it_was_received_or_judged(world: World, make: Maker) -> None:
    """A backlog may be worked off in another order than it came in."""
    first, second = (make(processed=False, metadata={"team": team}) for team in ("east", "west"))
    world.process(second, flagged=True, severity=Severity.HIGH)
    since = datetime.now(UTC)
    third = make(metadata={"team": "west"})
    world.process(first, flagged=True, severity=Severity.HIGH)
    flagged, east = CallFilter(flagged=True), member("east")
    assert world.calls.newer(ADMIN, flagged, since, judged=True) == 1
    assert world.calls.newer(ADMIN, None, since, judged=True) == 2
    assert world.calls.newer(ADMIN, None, since, judged=False) == 1
    assert world.calls.newer(ADMIN, flagged, since, judged=False) == 0
    assert world.calls.newer(east, None, since, judged=True) == 1
    assert world.calls.newer(east, None, since, judged=False) == 0
    assert world.calls.newer(member(), None, since - timedelta(days=1), judged=False) == 0
    world.calls.reprocess(ADMIN, third)
    assert world.calls.newer(ADMIN, None, since, judged=True) == 1, "it waits again"
    with pytest.raises(Forbidden):
        world.calls.newer(Actor(name="x", permissions=frozenset()), None, since, judged=True)


def test_marks_are_what_the_agent_is_flagged_for_worst_first(world: World, make: Maker) -> None:
    id = make(
        findings=[
            finding("abuse.insult", severity=Severity.MEDIUM),
            finding("abuse.insult", status=FindingStatus.POSSIBLE, severity=Severity.MEDIUM),
            finding("threat.violence", status=FindingStatus.POSSIBLE, severity=Severity.CRITICAL),
            finding("pressure.urgency", severity=Severity.LOW),
            finding("courtesy.professional", status=FindingStatus.POSITIVE, severity=Severity.INFO),
            finding("distress.crying", status=FindingStatus.SIGNAL, role=Role.CUSTOMER),
            finding("distress.job_loss", status=FindingStatus.SIGNAL, role=Role.CUSTOMER),
            finding("abuse.profanity", role=Role.CUSTOMER),
        ],
        flagged=True,
        severity=Severity.CRITICAL,
    )
    (summary,) = world.calls.list(ADMIN).calls
    assert [(m.category, m.status, m.severity, m.count) for m in summary.marks] == [
        ("threat.violence", FindingStatus.POSSIBLE, Severity.CRITICAL, 1),
        ("abuse.insult", FindingStatus.VIOLATION, Severity.MEDIUM, 2),
    ]
    assert summary.customer_signals == ("distress.crying", "distress.job_loss")
    assert world.calls.get(ADMIN, id).summary == summary


def test_counts_are_those_of_what_one_may_see(world: World, make: Maker) -> None:
    make(
        metadata={"team": "east"},
        findings=[finding("threat.violence"), finding("threat.legal"), finding("abuse.insult")],
        flagged=True,
        severity=Severity.HIGH,
    )
    make(
        metadata={"team": "west"},
        findings=[finding("threat.legal"), finding("privacy.x", severity=Severity.LOW)],
        flagged=True,
        severity=Severity.MEDIUM,
        distress=Distress.CRITICAL,
    )
    make(findings=[finding("abuse.insult")], distress=Distress.PRESENT)
    make(processed=False)
    counts = world.calls.counts(ADMIN)
    assert (counts.all_calls, counts.flagged) == (4, 2)
    assert counts.by_status == {"queued": 1, "running": 0, "done": 3, "failed": 0}
    assert counts.by_severity == {"critical": 0, "high": 1, "medium": 1, "low": 0, "info": 0}
    assert counts.by_group == {"abuse": 1, "threat": 2}
    assert (counts.distress_present, counts.distress_critical) == (1, 1)
    east = world.calls.counts(member("east"))
    assert (east.all_calls, east.flagged, east.by_group) == (1, 1, {"abuse": 1, "threat": 1})
    nobody = world.calls.counts(member())
    assert (nobody.all_calls, nobody.flagged, nobody.by_group) == (0, 0, {})


# --- one call ---


def test_a_call_is_found_by_id_call_id_and_the_start_of_its_id(world: World, make: Maker) -> None:
    id = make(metadata={"call_id": "SYS-7"})
    make()
    for given in (id, "SYS-7", id[:8]):
        assert world.calls.get(ADMIN, given).summary.id == id
    for given in ("c", id[:3], "cffffffff", "nothing", "", "%%%%", "____", "\x00", id + "0", "\ud800abc"):
        with pytest.raises(NotFound):
            world.calls.get(ADMIN, given)


def test_a_start_that_two_ids_have_is_not_guessed(world: World, make: Maker) -> None:
    made = [make(processed=False) for _ in range(2)]
    with world.database.session() as session:
        for n, row in enumerate(session.scalars(select(CallRow))):
            row.id = f"cabcd{n}"
    with pytest.raises(InvalidInput) as caught:
        world.calls.get(ADMIN, "cabcd")
    assert caught.value.code == "ambiguous_id"
    assert made[0] not in caught.value.message


def test_before_it_is_processed_a_call_has_no_parts_yet(world: World, make: Maker) -> None:
    id = make(processed=False)
    detail = world.calls.get(ADMIN, id)
    assert (detail.transcript, detail.audio, detail.findings) == (None, None, ())
    for ask in (world.calls.audio_path, world.calls.peaks):
        with pytest.raises(NotFound):
            ask(ADMIN, id)


PRIVATE = [
    utterance(0, Role.AGENT, ["call", " one", " three", " eight", " or", " else"]),
    utterance(1, Role.CUSTOMER, ["fine"], 1000),
]
HIDDEN = Redaction(kind="phone", span=Span(utterance=0, word_start=1, word_end=4), start_ms=100, end_ms=390)


def spans(world: World, id: str, *, original: bool) -> list[str]:
    detail = world.calls.get(ADMIN, id, original=original)
    assert detail.transcript is not None
    found = []
    for one in detail.findings:
        assert isinstance(one.evidence, WordsEvidence)
        said = detail.transcript.utterances[one.evidence.span.utterance]
        found.append(said.quote(one.evidence.span.word_start, one.evidence.span.word_end))
    return found


def test_private_words_are_hidden_and_findings_still_point_at_theirs(world: World, make: Maker) -> None:
    id = make(
        utterances=PRIVATE,
        redactions=[HIDDEN],
        findings=[
            finding(span=Span(utterance=0, word_start=start, word_end=end))
            for start, end in ((4, 6), (0, 1), (0, 6), (2, 5), (2, 3))
        ]
        + [finding(span=Span(utterance=1, word_start=0, word_end=1))],
    )
    detail = world.calls.get(ADMIN, id)
    assert detail.transcript is not None
    text = detail.transcript.utterances[0].text
    assert "three" not in text and text.startswith("call") and text.endswith("or else")
    assert len(detail.transcript.utterances[0].words) == 4
    shown = text.removeprefix("call").removesuffix("or else").strip()
    assert spans(world, id, original=False) == ["or else", "call", text, f"{shown} or", shown, "fine"]
    assert spans(world, id, original=True)[3] == "three eight or"
    assert detail.transcript.utterances[1] == PRIVATE[1]


def test_whom_to_call_is_told_in_danger_only_and_never_from_memory(tmp_path: Path) -> None:
    world = World(tmp_path, crisis_line=("HK=2389 2222",))
    make = Maker(world, tmp_path)

    def told(jurisdiction: str, distress: Distress = Distress.CRITICAL) -> ShownLine | None:
        return world.calls.get(ADMIN, make(metadata={"jurisdiction": jurisdiction}, distress=distress)).safety

    assert told("US") == ShownLine(crisis="988", emergency="911")
    assert told("US", Distress.PRESENT) is None
    assert told("CN") == ShownLine(crisis="", emergency="")
    assert told("HK") == ShownLine(crisis="2389 2222", emergency="")
    world.close()


def test_numbers_in_free_metadata_are_hidden_and_keys_are_kept(world: World, make: Maker) -> None:
    facts = {"suit_authorised": True, "balance": 1_250_000, "note": ["ring 13812345678 at five"]}
    extra = {"customer_phone": "138-1234-5678", "dialled": 13812345678, "campaign": "autumn 2025", "n": 3}
    id = make(metadata={"facts": facts, "outcome": "call back 13812345678", **extra})
    context = world.calls.get(ADMIN, id).summary.context
    assert context.extra == {"customer_phone": "[phone]", "dialled": "[phone]", "campaign": "autumn 2025", "n": 3}
    assert context.facts == {"suit_authorised": True, "balance": 1_250_000, "note": ["ring [phone] at five"]}
    assert context.outcome == "call back [phone]"
    assert world.calls.list(ADMIN).calls[0].context == context
    assert world.calls.get(ADMIN, id, original=True).summary.context.extra == extra


def test_the_original_needs_a_permission_and_leaves_a_line(world: World, make: Maker) -> None:
    id = make(utterances=PRIVATE, redactions=[HIDDEN], metadata={"note": "Wang, 138"})
    reader = Actor(name="qa", permissions=frozenset({Permission.CALLS_READ}))
    assert "three" not in str(world.calls.get(reader, id))
    assert world.audit("call.original_read") == []
    for ask in (
        lambda: world.calls.get(reader, id, original=True),
        lambda: world.calls.audio_path(reader, id, original=True),
        lambda: world.calls.clip(reader, id, 0, 100, original=True),
    ):
        with pytest.raises(Forbidden):
            ask()
    detail = world.calls.get(ADMIN, id, original=True)
    assert "three" in str(detail.transcript) and detail.original
    (line,) = world.audit("call.original_read")
    assert (line.actor, line.subject) == (ADMIN.name, id)


# --- who sees what ---


def test_a_team_sees_its_own_calls_in_every_answer(world: World, make: Maker) -> None:
    own, other, nobodys = make(metadata={"team": "east"}), make(metadata={"team": "west"}), make()
    east = member("east")
    assert ids(world, actor=east) == [own]
    assert world.calls.list(east).total == 1
    assert ids(world, CallFilter(teams=frozenset({"west"})), actor=east) == []
    assert ids(world, actor=member()) == []
    for hidden in (other, nobodys, other[:8]):
        for ask in (
            lambda: world.calls.get(east, hidden),  # noqa: B023
            lambda: world.calls.audio_path(east, hidden),  # noqa: B023
            lambda: world.calls.peaks(east, hidden),  # noqa: B023
            lambda: world.calls.clip(east, hidden, 0, 10),  # noqa: B023
            lambda: world.calls.retry(east, hidden),  # noqa: B023
            lambda: world.calls.reprocess(east, hidden),  # noqa: B023
            lambda: world.calls.swap_roles(east, hidden),  # noqa: B023
            lambda: world.calls.delete(east, hidden),  # noqa: B023
        ):
            with pytest.raises(NotFound):
                ask()
    assert world.calls.reprocess(east) == 1
    assert {world.row(other).status, world.row(nobodys).status} == {"done"}


@pytest.mark.parametrize(
    ("ask", "needed"),
    [
        ("list", Permission.CALLS_READ),
        ("counts", Permission.CALLS_READ),
        ("get", Permission.CALLS_READ),
        ("audio_path", Permission.CALLS_READ),
        ("peaks", Permission.CALLS_READ),
        ("clip", Permission.CALLS_READ),
        ("retry", Permission.CALLS_WRITE),
        ("reprocess", Permission.CALLS_WRITE),
        ("swap_roles", Permission.CALLS_WRITE),
        ("delete", Permission.CALLS_DELETE),
    ],
)
def test_every_question_asks_for_its_permission(world: World, make: Maker, ask: str, needed: Permission) -> None:
    id = make()
    actor = Actor(name="x", permissions=frozenset(Permission) - {needed})
    arguments = {"list": (), "counts": (), "clip": (id, 0, 10)}.get(ask, (id,))
    with pytest.raises(Forbidden):
        getattr(world.calls, ask)(actor, *arguments)


# --- asking for work ---


def test_reprocessing_everything_passes_over_what_waits(world: World, make: Maker) -> None:
    done, waiting = make(), make(processed=False)
    with pytest.raises(Conflict):
        world.calls.reprocess(ADMIN, waiting)
    assert world.calls.reprocess(ADMIN) == 1
    assert (world.row(done).generation, world.row(waiting).generation) == (2, 1)
    assert len(world.audit("call.reprocessed")) == 1


def test_swapped_roles_reach_the_worker_and_back_again(world: World, make: Maker) -> None:
    id = make()
    for swapped in (True, False):
        world.calls.swap_roles(ADMIN, id)
        with pytest.raises(Conflict):
            world.calls.swap_roles(ADMIN, id)
        assert world.process(id).roles_swapped is swapped
    assert len(world.audit("call.roles_swapped")) == 2


def test_a_call_without_a_transcript_has_no_roles_to_swap(world: World, make: Maker) -> None:
    id = make(processed=False)
    world.processing.begin(id, 1)
    world.processing.fail(id, 1, "decode_error", "No audio.")
    with pytest.raises(Conflict):
        world.calls.swap_roles(ADMIN, id)
    assert world.row(id).roles_swapped is False


# --- deletion ---


def files(world: World) -> set[str]:
    folders = (world.settings.media_dir, world.settings.artifacts_dir)
    return {path.name for folder in folders for path in folder.rglob("*") if path.is_file()}


def test_a_deleted_call_leaves_nothing_but_the_fact(world: World, make: Maker) -> None:
    id = make(findings=[finding()])
    world.calls.reprocess(ADMIN, id)
    world.process(id)
    sha256 = world.row(id).recording_sha256
    scope = world.artifacts.of(sha256)
    with scope.writing("decode", "f" * 64, ".flac") as part:
        part.write_bytes(b"audio")
    scope.write("transcribe", "0" * 64, "of a run that no record names", str)
    world.calls.delete(ADMIN, id)
    assert files(world) == set()
    for table in (CallRow, RecordingRow, RevisionRow, FindingRow):
        assert rows(world, table) == 0
    (line,) = world.audit("call.deleted")
    assert (line.subject, line.details["recording"]) == (id, sha256)
    with world.database.read() as session:
        assert session.scalars(select(OutboxRow.call)).all()[-1] == id
    with pytest.raises(NotFound):
        world.calls.delete(ADMIN, id)


def test_a_running_call_that_is_deleted_is_not_stored_later(world: World, make: Maker) -> None:
    id = make(processed=False)
    work = world.processing.begin(id, 1)
    assert work is not None
    world.calls.delete(ADMIN, id)
    assert world.jobs.state(id, 1) is JobState.ENDED
    assert not world.processing.advance(id, Stage.DECODE)
    assert not world.processing.finish(id, 1, record_of(work))
    world.artifacts.of(work.recording.sha256).write("transcribe", "0" * 64, "written too late", str)
    assert world.upkeep.sweep().artifacts == 1
    assert files(world) == set()


def test_what_two_calls_share_goes_with_the_second(world: World, tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav")
    first, second = (world.take(path, {"call_id": call_id}).id for call_id in ("C-1", "C-2"))
    assert first is not None and second is not None
    sha256 = world.row(first).recording_sha256
    scope = world.artifacts.of(sha256)
    for call, salt in ((first, "mine"), (second, "theirs")):
        work = world.process(call, salt=salt)
        record = record_of(work, salt=salt)
        for stage, key in record.digests.items():
            scope.write(stage, key, "x", str)
    with scope.writing("decode", "f" * 64, ".flac") as part:
        part.write_bytes(b"audio")
    kept = record_of(world_work := work, salt="theirs").digests
    world.calls.delete(ADMIN, first)
    assert world.media.has(sha256)
    assert scope.has("decode", "f" * 64, ".flac")
    assert all(scope.has(stage, key) for stage, key in kept.items())
    assert not any(scope.has(stage, key) for stage, key in record_of(world_work, salt="mine").digests.items())
    assert world.calls.get(ADMIN, second, original=True).transcript is not None
    world.calls.delete(ADMIN, second)
    assert files(world) == set()


def test_the_audit_chain_holds_after_all_of_this(world: World, make: Maker) -> None:
    from pipeline.store import audit

    id = make(findings=[finding()])
    world.calls.swap_roles(ADMIN, id)
    world.process(id)
    world.calls.get(ADMIN, id, original=True)
    world.calls.delete(ADMIN, id)
    with world.database.read() as session:
        assert audit.verify(session) is None
        actions = session.scalars(select(AuditRow.action).order_by(AuditRow.id)).all()
    assert actions == [
        "call.accepted",
        "call.processed",
        "call.roles_swapped",
        "call.processed",
        "call.original_read",
        "call.deleted",
    ]
