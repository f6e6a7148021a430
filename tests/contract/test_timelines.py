"""Timelines on every database: kept up to date with whatever changes them, in any order, and by many at once."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import func, select, text
from stores import ADMIN, KINDS, MODEL, World, database_url, finding, record_of, utterance, wav

import pipeline.store
from pipeline.errors import BadMetadata, Forbidden
from pipeline.records import (
    CallRecord,
    Finding,
    FindingStatus,
    MetadataEvidence,
    Role,
    Severity,
    Signal,
    Span,
)
from pipeline.search.base import Scope, SearchQuery
from pipeline.search.memory import MemoryIndex
from pipeline.services.processing import Work
from pipeline.services.timeline import CHANGED
from pipeline.services.views import Actor, CallFilter, Imported, Permission
from pipeline.store.database import Database
from pipeline.store.tables import AttemptRow, CallRow, FindingRow, OutboxRow

NINE = datetime.fromisoformat("2026-03-02T09:00:00+08:00")
HOUR = timedelta(hours=1)


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with database_url(request.param, tmp_path) as url:
        world = World(tmp_path, url)
        yield world
        world.close()


class Account:
    """Calls of one account in the mainland, an hour apart, recorded or only dialled."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder

    def values(self, name: str, hour: int, **more: Any) -> dict[str, Any]:
        return {
            "call_id": name,
            "account_ref": "ACC-1",
            "number": "13812345678",
            "started_at": (NINE + HOUR * hour).isoformat(),
            "customer_tz": "Asia/Shanghai",
            "jurisdiction": "CN",
            **more,
        }

    def take(self, name: str, hour: int, **more: Any) -> str:
        path = self.folder / f"{name}.wav"
        if not path.exists():
            wav(path, int(name.strip("C")))
        id = self.world.take(path, self.values(name, hour, **more)).id
        assert id is not None
        return id

    def record(self, name: str, hour: int, *, metadata: dict[str, Any] | None = None, **record: Any) -> str:
        """A call that was taken in and processed."""
        id = self.take(name, hour, **(metadata or {}))
        self.world.process(id, **record)
        return id

    def dialled(self, *rows: dict[str, Any], actor: Actor = ADMIN) -> Imported:
        """Imports an export of these rows."""
        path = self.folder / "export.csv"
        names = list(dict.fromkeys(name for row in rows for name in row))
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
        return self.world.attempts.import_csv(actor, path)


@pytest.fixture
def account(world: World, tmp_path: Path) -> Account:
    return Account(world, tmp_path)


def rules(world: World, id: str) -> list[str]:
    """The cross-call rules that a call breaches, by the last part of their names."""
    return [f.rule.split(".")[-1] for f in world.calls.get(ADMIN, id).findings if ".timeline." in f.rule]


def attempts(world: World) -> dict[str | None, list[str]]:
    """By call_id, what was found of the calls without a recording."""
    return {a.call_id: [f.rule.split(".")[-1] for f in a.findings] for a in world.attempts.all(ADMIN) if a.findings}


def outbox(world: World, id: str) -> int:
    with world.database.read() as session:
        return session.scalar(select(func.count()).select_from(OutboxRow).where(OutboxRow.call == id)) or 0


# --- with the calls ---------------------------------------------------------------------------------------------------


def test_the_call_that_breaches_gets_the_finding_with_the_calls_it_rests_on(world: World, account: Account) -> None:
    ids = [account.record(f"C{n}", n) for n in range(3)]
    fourth = account.record("C3", 3, findings=[finding("abuse.profanity", severity=Severity.LOW)])
    detail = world.calls.get(ADMIN, fourth)
    own, crossing = detail.findings
    assert (own.category, crossing.rule) == ("abuse.profanity", "cn.timeline.conversations-a-day")
    assert isinstance(crossing.evidence, MetadataEvidence)
    assert crossing.evidence.calls == tuple(ids) and crossing.evidence.facts["count"] == "4"
    assert (detail.summary.flagged, detail.summary.severity) == (True, Severity.HIGH)
    assert [mark.category for mark in detail.summary.marks] == ["contact.frequency"]
    assert [c.id for c in world.calls.all(ADMIN, CallFilter(categories=frozenset({"contact.frequency"})))] == [fourth]
    row = world.row(fourth)
    assert (row.own_flagged, row.own_severity, row.severity_rank) == (False, None, Severity.HIGH.rank)
    with world.database.read() as session:
        stored = session.execute(select(FindingRow.source, FindingRow.revision, FindingRow.start_ms)).all()
    assert sorted(stored, key=str) == [("call", 1, 0), ("timeline", 1, None)]
    (line,) = world.audit(CHANGED)
    assert (line.actor, line.subject) == ("timeline", fourth)
    assert line.details == {"findings": ["cn.timeline.conversations-a-day"], "flagged": True}
    assert world.audit("call.processed")[-1].details["flagged"] is True


def test_the_worst_of_both_is_shown_and_its_own_stays_when_the_other_goes(world: World, account: Account) -> None:
    ids = [account.record(f"C{n}", n) for n in range(3)]
    critical = [finding("threat.violence", severity=Severity.CRITICAL)]
    fourth = account.record("C3", 3, findings=critical, flagged=True, severity=Severity.CRITICAL)
    assert (world.row(fourth).severity, rules(world, fourth)) == ("critical", ["conversations-a-day"])
    world.calls.delete(ADMIN, ids[0])
    assert rules(world, fourth) == []
    assert (world.row(fourth).flagged, world.row(fourth).severity) == (True, "critical")


def test_another_call_that_goes_unflags_it_and_tells_the_index(world: World, account: Account) -> None:
    ids = [account.record(f"C{n}", n) for n in range(4)]
    index = MemoryIndex()
    world.indexing.drain(index)
    flagged = SearchQuery(flagged=True)
    assert {hit.document.call_id for hit in index.search(flagged, Scope.everything()).hits} == {ids[3]}
    before = outbox(world, ids[3])
    world.calls.delete(ADMIN, ids[1])
    assert (world.row(ids[3]).flagged, world.row(ids[3]).severity, world.row(ids[3]).severity_rank) == (False, None, -1)
    assert outbox(world, ids[3]) == before + 1
    world.indexing.drain(index)
    assert index.search(flagged, Scope.everything()).hits == ()


def test_a_call_that_is_judged_again_keeps_what_the_timeline_found(world: World, account: Account) -> None:
    ids = [account.record(f"C{n}", n) for n in range(4)]
    world.calls.reprocess(ADMIN, ids[3])
    assert rules(world, ids[3]) == ["conversations-a-day"], "also while it waits"
    world.process(ids[3], findings=[finding()], flagged=True, severity=Severity.MEDIUM)
    assert rules(world, ids[3]) == ["conversations-a-day"]
    assert (world.row(ids[3]).severity, world.row(ids[3]).own_severity) == ("high", "medium")
    with world.database.read() as session:
        assert set(session.scalars(select(FindingRow.revision).where(FindingRow.call == ids[3]))) == {2}


def test_metadata_that_changes_moves_a_call_from_one_timeline_to_another(world: World, account: Account) -> None:
    ids = [account.record(f"C{n}", n) for n in range(4)]
    other = [account.record(f"C{n}", n, metadata={"account_ref": "ACC-2"}) for n in range(10, 13)]
    account.take("C1", 14, account_ref="ACC-2")
    assert rules(world, ids[3]) == [], "at once: the call is another account's"
    assert rules(world, ids[1]) == ["conversations-a-day"]
    world.process(ids[1])
    assert rules(world, ids[1]) == ["conversations-a-day"]
    crossing = [f for f in world.calls.get(ADMIN, ids[1]).findings if isinstance(f.evidence, MetadataEvidence)]
    assert [f.evidence.calls for f in crossing if isinstance(f.evidence, MetadataEvidence)] == [tuple(other)]


def test_what_was_heard_in_one_call_binds_the_next(world: World, account: Account) -> None:
    said = (utterance(0, Role.CUSTOMER, ["no"]), utterance(1, Role.AGENT, ["pay", " all"], 1000))
    dispute = finding("distress.dispute_debt", FindingStatus.SIGNAL, Severity.MEDIUM, Role.CUSTOMER)
    account.record("C1", 0, findings=[dispute], utterances=said)
    second = account.take("C2", 1)
    work = world.processing.begin(second, world.row(second).generation)
    assert work is not None
    demand = [_signal("cue.demand", 0), _signal("cue.demand_full", 1)]
    assert world.processing.finish(
        second, work.generation, replace(record_of(work, utterances=said), signals=tuple(demand))
    )
    assert world.row(second).heard == {"customer_speech_ms": 100, "cues": {"cue.demand_full": 0.8}}
    assert rules(world, second) == ["disputed"]


def _signal(category: str, at: int) -> Signal:
    span = Span(utterance=at, word_start=0, word_end=1)
    return Signal(category=category, detector="lexicon", span=span, score=0.8, probability=0.8, model=MODEL)


def test_a_call_that_failed_still_rang(world: World, account: Account) -> None:
    ids = [account.record(f"C{n}", n) for n in range(3)]
    night = account.take("C3", 14)
    work = world.processing.begin(night, 1)
    assert work is not None and rules(world, night) == []
    assert world.processing.fail(night, 1, "decode_error", "No audio.")
    found = {f.rule: f.status for f in world.calls.get(ADMIN, night).findings}
    assert found == {
        "cn.hours": FindingStatus.VIOLATION,  # nobody else judged its hour
        "cn.timeline.conversations-a-day": FindingStatus.POSSIBLE,  # nobody knows whether it was answered
    }
    assert (world.row(night).status, world.row(night).flagged) == ("failed", True)
    world.calls.retry(ADMIN, night)
    world.process(night)
    assert rules(world, night) == ["conversations-a-day"]
    assert [f.rule for f in world.calls.get(ADMIN, night).findings] == ["cn.timeline.conversations-a-day"]
    assert all(rules(world, id) == [] for id in ids)


def test_a_refused_file_is_no_call(world: World, account: Account, tmp_path: Path) -> None:
    for n in range(3):
        account.record(f"C{n}", n)
    (tmp_path / "empty.wav").write_bytes(b"")
    refused = world.take(tmp_path / "empty.wav", account.values("C3", 3)).id
    assert refused is not None and rules(world, refused) == []
    assert rules(world, account.record("C3", 3)) == ["conversations-a-day"]


def test_a_call_without_an_account_is_alone(world: World, tmp_path: Path) -> None:
    for n in range(5):
        path = wav(tmp_path / f"{n}.wav", n)
        id = world.take(path, {"started_at": NINE.isoformat(), "customer_tz": "Asia/Shanghai"}).id
        assert id is not None
        world.process(id)
        assert rules(world, id) == []
    assert world.audit(CHANGED) == []


# --- with call records ------------------------------------------------------------------------------------------------


def test_an_export_is_taken_in_once_and_bad_rows_are_told(world: World, account: Account) -> None:
    good = [account.values(f"C{n}", n, answered="yes", party="本人", campaign="autumn") for n in range(4)]
    bad = [
        {**good[0], "call_id": "B1", "started_at": "yesterday"},
        {**good[0], "call_id": "B2", "answered": "maybe"},
        {**good[0], "call_id": "B3", "facts": "{"},
        {"account_ref": "ACC-1"},
    ]
    done = account.dialled(*bad[:2], *good, *bad[2:])
    assert (done.accepted, done.updated, done.duplicates, done.flagged) == (4, 0, 0, 1)
    assert [row.number for row in done.bad_rows] == [2, 3, 8, 9]
    assert [row.reason.partition(":")[0] for row in done.bad_rows[:3]] == ["started_at", "answered", "facts"]
    assert attempts(world) == {"C3": ["conversations-a-day"]}
    again = account.dialled(*good)
    assert again == Imported(accepted=0, updated=0, duplicates=4, bad_rows=(), flagged=1)
    changed = account.dialled({**good[1], "answered": "no"})
    assert (changed.updated, changed.flagged, attempts(world)) == (1, 0, {})
    lines = world.audit("attempts.imported")
    assert [line.details for line in lines] == [
        {"file": "export.csv", "new": 4, "updated": 0},
        {"file": "export.csv", "new": 0, "updated": 1},
    ]


def test_a_record_without_a_call_id_is_its_content(world: World, account: Account) -> None:
    rows = [account.values("", n, answered="no") for n in range(7)]
    assert account.dialled(*rows).accepted == 7
    spaced = [{key: f" {value} " for key, value in reversed(row.items())} for row in rows]
    assert account.dialled(*spaced).duplicates == 7
    assert attempts(world) == {None: ["tries-a-day"]}
    assert account.dialled(account.values("", 7, answered="no")).accepted == 1


def test_the_number_is_kept_as_its_hash_only(world: World, account: Account) -> None:
    account.record("C0", 0)
    account.dialled(account.values("C1", 1, answered="no"))
    with world.database.read() as session:
        row = session.scalars(select(AttemptRow)).one()
        recorded = session.scalars(select(CallRow)).one()
    assert "13812345678" not in json.dumps(row.context) + json.dumps([line.details for line in world.audit()])
    assert row.context["number_hash"] == recorded.context["number_hash"]


def test_calls_with_and_without_a_recording_count_together(world: World, account: Account) -> None:
    account.dialled(*(account.values(f"C{n}", n, answered="yes") for n in range(3)))
    fourth = account.record("C3", 3)
    (crossing,) = world.calls.get(ADMIN, fourth).findings
    assert isinstance(crossing.evidence, MetadataEvidence)
    assert len(crossing.evidence.calls) == 3 and all(id.startswith("a") for id in crossing.evidence.calls)


@pytest.mark.parametrize("way", ["call_id", "file", "moment"])
def test_a_recording_and_its_record_are_one_call(world: World, account: Account, tmp_path: Path, way: str) -> None:
    rows = [account.values(f"C{n}", n, answered="yes") for n in range(3)]
    own = dict(rows[2])
    if way != "call_id":
        own.pop("call_id")
    if way == "file":
        rows[2]["file"] = "third.wav"
        own = {"account_ref": "ACC-1"}
    account.dialled(*rows)
    id = world.take(wav(tmp_path / "third.wav", 3), own).id
    assert id is not None
    world.process(id)
    assert rules(world, id) == [] and attempts(world) == {}
    fourth = account.record("C9", 9)
    assert rules(world, fourth) == ["conversations-a-day"]
    assert len(list(world.attempts.all(ADMIN))) == 2


def test_the_record_tells_what_the_recording_does_not(world: World, account: Account, tmp_path: Path) -> None:
    """A recording that came with its call_id only: account, time and zone are in the dialler's export."""
    ids = []
    for n in range(4):
        id = world.take(wav(tmp_path / f"{n}.wav", n), {"call_id": f"C{n}"}).id
        assert id is not None
        world.process(id)
        ids.append(id)
    done = account.dialled(*(account.values(f"C{n}", n + 11) for n in range(4)))
    assert done.flagged == 0
    found = [[f.rule for f in world.calls.get(ADMIN, id).findings] for id in ids]
    assert found == [[], [], ["cn.hours"], ["cn.hours", "cn.timeline.conversations-a-day"]]


def test_a_call_that_is_deleted_leaves_its_record(world: World, account: Account) -> None:
    account.dialled(account.values("C0", 14, answered="yes"))
    assert attempts(world) == {"C0": ["hours"]}
    id = account.record("C0", 14)
    assert attempts(world) == {} and list(world.attempts.all(ADMIN)) == []
    world.calls.delete(ADMIN, id)
    assert attempts(world) == {"C0": ["hours"]}


def test_a_record_without_an_account_is_alone(world: World, account: Account) -> None:
    rows = [account.values(f"C{n}", 14, answered="no", account_ref="") for n in range(8)]
    done = account.dialled(*rows)
    assert (done.accepted, done.flagged) == (8, 8)
    assert set(map(tuple, attempts(world).values())) == {("hours",)}
    account.dialled({**rows[0], "account_ref": "ACC-1"})
    assert attempts(world)["C0"] == ["hours"]


def test_nobody_imports_or_sees_what_is_not_theirs(world: World, account: Account) -> None:
    reader = Actor(name="r", permissions=frozenset({Permission.CALLS_READ}))
    east = Actor(name="e", permissions=frozenset(Permission), teams=frozenset({"east"}))
    row = account.values("C0", 0, answered="yes")
    with pytest.raises(Forbidden):
        account.dialled(row, actor=reader)
    account.dialled({**row, "team": "west"})
    taken = account.dialled({**row, "agent_id": "A1"}, {**row, "call_id": "C1", "team": "west"}, actor=east)
    assert [bad.number for bad in taken.bad_rows] == [2, 3] and taken.accepted == taken.updated == 0
    assert list(world.attempts.all(east)) == []
    account.dialled(account.values("C1", 1, answered="yes"), actor=east)
    assert [a.call_id for a in world.attempts.all(east)] == ["C1"]
    account.dialled(account.values("C2", 2, answered="yes", team="west"))
    fourth = account.record("C3", 3, metadata={"team": "east"})
    (all_of_it,) = world.calls.get(ADMIN, fourth).findings
    (seen,) = world.calls.get(east, fourth).findings
    assert isinstance(all_of_it.evidence, MetadataEvidence) and isinstance(seen.evidence, MetadataEvidence)
    assert len(all_of_it.evidence.calls) == 3 and len(seen.evidence.calls) == 1


def test_what_is_no_export_is_refused_whole(world: World, tmp_path: Path) -> None:
    for content in (b"", "团队\n".encode("gbk"), b"a,a\n"):
        (tmp_path / "x.csv").write_bytes(content)
        with pytest.raises(BadMetadata, match=r"x\.csv"):
            world.attempts.import_csv(ADMIN, tmp_path / "x.csv")


# --- any order, many at once ------------------------------------------------------------------------------------------


def found_everywhere(world: World) -> dict[str | None, Any]:
    """All cross-call findings by call_id, without what differs between installations."""
    found: dict[str | None, list[Finding]] = {a.call_id: list(a.findings) for a in world.attempts.all(ADMIN)}
    for call in world.calls.all(ADMIN):
        every = world.calls.get(ADMIN, call.id).findings
        found[call.call_id] = [f for f in every if isinstance(f.evidence, MetadataEvidence)]
    return {name: [(f.rule, f.status, f.evidence) for f in findings] for name, findings in found.items() if findings}


def shuffled(seed: int, account: Account) -> list[Callable[[], Any]]:
    """A day of one account as steps: exports and recordings, one changed later, one deleted, in an order of its own."""
    rng = random.Random(seed)
    world = account.world
    refusal = finding("distress.refusal_to_be_contacted", FindingStatus.SIGNAL, Severity.MEDIUM, Role.CUSTOMER)
    steps: list[Callable[[], Any]] = []
    for n in range(12):
        row = account.values(
            f"C{n}", n + n // 6 * 8, answered="no" if n % 3 else "yes", party="联系人" if n == 4 else ""
        )
        steps.append(lambda row=row: account.dialled(row))  # type: ignore[misc]
        if n % 4 == 0:
            found = [refusal] if n == 4 else []
            hour, more = n + n // 6 * 8, {"party": "third_person"} if n == 4 else {}
            steps.append(lambda n=n, h=hour, m=more, f=found: account.record(f"C{n}", h, metadata=m, findings=f))  # type: ignore[misc]
    rng.shuffle(steps)
    steps.insert(rng.randrange(len(steps)), lambda: account.record("C99", 5, metadata={"answered": "yes"}))
    steps.append(lambda: world.calls.delete(ADMIN, "C99"))
    return steps


def test_the_order_of_import_does_not_matter(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    results = []
    for seed in range(4):
        folder = tmp_path / str(seed)
        folder.mkdir()
        kind = KINDS[seed % 2]
        try:
            with database_url(kind, folder) as url:
                world = World(folder, url)
                for step in shuffled(seed, Account(world, folder)):
                    step()
                # Each installation has a key of its own, so numbers hash otherwise; ids of calls do not.
                results.append(found_everywhere(world))
                world.close()
        except pytest.skip.Exception:
            continue
    assert len(results) >= 2 and len(results[0]) >= 4
    assert all(result == results[0] for result in results)


def test_calls_that_finish_at_once_wait_for_each_other_and_not_for_ever(world: World, account: Account) -> None:
    ids = [account.take(f"C{n}", n) for n in range(10)]
    works: list[Work] = []
    for id in ids:
        work = world.processing.begin(id, 1)
        assert work is not None
        works.append(work)

    def finish(work: Work) -> bool:
        record: CallRecord = record_of(work)
        return world.processing.finish(work.call, work.generation, record)

    def dial(n: int) -> Imported:
        folder = account.folder / f"dial{n}"
        folder.mkdir()
        return Account(world, folder).dialled(account.values(f"D{n}", n, answered="no"))

    with ThreadPoolExecutor(8) as pool:
        finished = [pool.submit(finish, work) for work in works]
        dialled = [pool.submit(dial, n) for n in range(6)]
        moved = [pool.submit(account.take, f"C{n}", n, agent_id="A1") for n in (2, 5)]
        assert all(done.result(60) in (True, False) for done in finished)
        assert all(done.result(60).accepted == 1 for done in dialled) and all(done.result(60) for done in moved)
    for n in (2, 5):
        if world.row(ids[n]).status != "done":
            world.process(ids[n])
    assert [bool(rules(world, id)) for id in ids] == [False] * 3 + [True] * 7


# --- completeness -----------------------------------------------------------------------------------------------------


def test_what_is_missing_and_what_contradicts_itself(world: World, account: Account) -> None:
    ends = {"started_at": NINE.isoformat(), "ended_at": (NINE + timedelta(minutes=10)).isoformat()}
    agreed = [finding("closing.summary_confirm", FindingStatus.POSITIVE, Severity.INFO)]
    wrong = [finding("distress.wrong_party", FindingStatus.SIGNAL, Severity.MEDIUM, Role.CUSTOMER)]
    account.record("C1", 1, metadata={"outcome": "promise to pay"}, findings=agreed)
    account.record("C2", 2, metadata={"outcome": "承诺还款"})
    account.record("C3", 3, metadata={"outcome": "right-party contact"}, findings=wrong)
    account.record("C4", 4, metadata=ends)
    account.record("C5", 5)
    report = world.completeness.report(ADMIN)
    assert (report.calls, report.call_records) == (5, 0)
    assert [(g.call_id, g.reason) for g in report.gaps] == [
        ("C2", "promise_without_agreement"),
        ("C3", "right_party_was_wrong"),
        ("C4", "shorter_than_the_call"),
    ]
    account.dialled(
        *(account.values(f"C{n}", n) for n in range(1, 5)),
        account.values("D1", 6, answered="yes"),
        account.values("D2", 7),
        account.values("D3", 8, answered="no"),
    )
    report = world.completeness.report(ADMIN)
    assert (report.calls, report.call_records, report.matched, report.unanswered) == (5, 7, 4, 1)
    missing = [(g.gap.value, g.call_id, g.reason) for g in report.gaps if g.gap.value.startswith("no_")]
    assert missing == [
        ("no_call_record", "C5", "no_call_record"),
        ("no_recording", "D1", "answered"),
        ("no_recording", "D2", "not_known_whether_answered"),
    ]
    nobody = Actor(name="n", permissions=frozenset({Permission.CALLS_READ}), teams=frozenset({"x"}))
    assert world.completeness.report(nobody).gaps == ()


def test_a_conversation_that_nobody_answered(world: World, account: Account) -> None:
    for n, outcome, spoke_ms in ((1, "no answer", 60_000), (2, "no answer", 500), (3, "voicemail", 60_000)):
        id = account.take(f"C{n}", n, outcome=outcome)
        work = world.processing.begin(id, 1)
        assert work is not None
        record = record_of(work)
        record = replace(record, measures=replace(record.measures, customer_speech_ms=spoke_ms))
        assert world.processing.finish(id, 1, record)
    silent = account.take("C4", 4, outcome="right party contact")
    work = world.processing.begin(silent, 1)
    assert work is not None
    record = record_of(work)
    measures = replace(record.measures, customer_speech_ms=0)
    assert world.processing.finish(silent, 1, replace(record, measures=measures))
    gaps = world.completeness.report(ADMIN).gaps
    assert [(g.call_id, g.reason) for g in gaps] == [
        ("C1", "conversation_without_answer"),
        ("C4", "answer_without_conversation"),
    ]


# --- an older database ------------------------------------------------------------------------------------------------


def test_flags_of_an_older_database_are_taken_for_the_calls_own(world: World, account: Account) -> None:
    id = account.record("C1", 0, findings=[finding()], flagged=True, severity=Severity.HIGH)
    config = Config()
    config.set_main_option("script_location", str(Path(pipeline.store.__path__[0]) / "migrations"))
    with world.database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
    Database(world.settings.database).migrate()
    row = world.row(id)
    assert (row.flagged, row.own_flagged, row.own_severity, row.heard) == (True, True, "high", None)
    with world.database.read() as session:
        assert session.execute(text("SELECT source FROM findings")).scalars().all() == ["call"]
    account.dialled(account.values("D1", 2, answered="yes"))
    assert world.row(id).flagged
