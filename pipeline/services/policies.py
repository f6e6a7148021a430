"""Policy packs through their life: draft, tested, published; which are in force; what they find and why.

A version is kept with all its files and never changed. One that can't be read, or that flips a locked case, leaves the
published one in force.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from pipeline.errors import Conflict, InvalidInput, NotFound
from pipeline.policy import cases as regression
from pipeline.policy.cases import Case
from pipeline.policy.differences import Difference, differences
from pipeline.policy.pack import PACKS_DIR, Pack, read_pack
from pipeline.policy.registry import Registry, load_registry, shipped_packs
from pipeline.policy.source import BadPolicy, suggestion
from pipeline.records import CallContext, CallRecord, CallStatus, Jurisdiction, Role, decode, encode
from pipeline.services.processing import RECORD
from pipeline.services.redacted import redacted_signals
from pipeline.services.scope import require, visible
from pipeline.services.views import Actor, Permission
from pipeline.settings import Settings
from pipeline.stages.explain import DialogueJudge, Explanation, explain
from pipeline.store import audit
from pipeline.store.artifacts import Artifacts
from pipeline.store.database import Database, lock
from pipeline.store.folders import private_folder, write_whole
from pipeline.store.tables import CallRow, PolicyRow
from pipeline.whatif import Comparison, Rejudge, WhatIf

_log = structlog.get_logger(__name__)
_FRESH_S = 2.0
"""How long a process may judge by a policy that another has just replaced."""

Progress = Callable[[int, int], None]
"""Told how many calls of how many are done."""


class PolicyState(StrEnum):
    DRAFT = "draft"
    TESTED = "tested"
    PUBLISHED = "published"
    REPLACED = "replaced"
    DISCARDED = "discarded"


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseResult:
    """One regression case under a pack. `wrong` says what is missing or was found although it never may be."""

    name: str
    pack: str
    place: str
    locked: bool
    known_gap: bool
    passed: bool
    wrong: tuple[str, ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether a pack with this result may not be published."""
        return self.locked and not self.passed


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseReport:
    """All regression cases of a pack, those of the packs it extends included."""

    pack: str
    pack_version: str
    results: tuple[CaseResult, ...]

    @property
    def passed(self) -> int:
        return sum(r.passed for r in self.results)

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """Those that should pass and do not; known gaps are none of them."""
        return tuple(r for r in self.results if not r.passed and not r.known_gap)

    @property
    def blocking(self) -> tuple[CaseResult, ...]:
        return tuple(r for r in self.results if r.blocks)


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyVersion:
    """A version that somebody brought, and where it stands. `whatif` and `tests` are those that were run last."""

    id: int
    pack: str
    jurisdiction: Jurisdiction
    version: str
    state: PolicyState
    note: str
    created_at: datetime
    created_by: str
    published_at: datetime | None
    published_by: str | None
    tests: CaseReport | None
    whatif: WhatIf | None


class Policies:
    """Packs in force and their versions. Reading is for who may read calls, changing for administrators."""

    def __init__(self, *, database: Database, artifacts: Artifacts, settings: Settings) -> None:
        self._database = database
        self._artifacts = artifacts
        self._settings = settings
        self._lock = threading.Lock()
        self._known: tuple[tuple[str, ...], Registry] | None = None
        self._looked = 0.0

    # --- in force

    def registry(self) -> Registry:
        """The packs in force now; looks for newly published ones every two seconds at most."""
        with self._lock:
            if self._known is not None and time.monotonic() - self._looked < _FRESH_S:
                return self._known[1]
            rows = self._published()
            digests = tuple(row.digest for row in rows)
            if self._known is None or self._known[0] != digests:
                packs = [pack for row in rows if (pack := self._usable(row)) is not None]
                self._known = digests, load_registry(self._settings.default_jurisdiction, packs)
            self._looked = time.monotonic()
            return self._known[1]

    def _published(self) -> list[PolicyRow]:
        wanted = select(PolicyRow).where(PolicyRow.state == PolicyState.PUBLISHED).order_by(PolicyRow.published_at)
        with self._database.read() as session:
            return list(session.scalars(wanted))

    def _usable(self, row: PolicyRow) -> Pack | None:
        try:
            return self._pack_of(row)
        except BadPolicy as error:
            # It was good when it was published, so this Forbear reads packs otherwise; the shipped pack stays in force.
            _log.error("published policy not usable", pack=row.pack, version=row.version, reason=error.message)
            return None

    def packs(self, actor: Actor) -> tuple[Pack, ...]:
        """The packs in force, a jurisdiction each."""
        require(actor, Permission.CALLS_READ)
        return tuple(self.registry().packs.values())

    def pack(self, actor: Actor, name: str) -> Pack:
        """A pack by the id of a version, or by name: the one in force before the shipped one."""
        require(actor, Permission.CALLS_READ)
        if name.isdigit():
            with self._database.read() as session:
                return self._pack_of(_found(session, int(name)))
        known = {pack.name: pack for pack in (*shipped_packs(), *self.registry().packs.values())}
        if name not in known:
            raise NotFound(f"There is no pack {name[:60]!r}{suggestion(name, known)}", code="no_such_pack")
        return known[name]

    def cases(self, actor: Actor, name: str) -> tuple[Case, ...]:
        """The regression cases of a pack, those of the packs it extends included."""
        return _cases_of(self.pack(actor, name))

    # --- versions

    def history(self, actor: Actor, *, limit: int = 200) -> tuple[PolicyVersion, ...]:
        """Every version that was brought, the latest first."""
        require(actor, Permission.CALLS_READ)
        with self._database.read() as session:
            rows = session.scalars(select(PolicyRow).order_by(PolicyRow.id.desc()).limit(limit))
            return tuple(map(_version, rows))

    def version(self, actor: Actor, id: int) -> PolicyVersion:
        """One version; raises NotFound."""
        require(actor, Permission.CALLS_READ)
        with self._database.read() as session:
            return _version(_found(session, id))

    def draft(self, actor: Actor, path: Path, *, note: str = "") -> PolicyVersion:
        """Keeps a pack with all its files as a draft; raises BadPolicy with the place of what is wrong with it."""
        require(actor, Permission.ADMIN)
        pack = read_pack(path)
        _cases_of(pack)
        files = _bundle(pack)
        digest = hashlib.sha256(json.dumps(files, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
        now = datetime.now(UTC)
        with self._database.session() as session:
            lock(session, "policies")
            same = select(PolicyRow).where(
                PolicyRow.digest == digest, PolicyRow.state.in_((PolicyState.DRAFT, PolicyState.TESTED))
            )
            row = session.scalars(same).first()
            if row is None:
                row = PolicyRow(
                    pack=pack.name,
                    jurisdiction=pack.jurisdiction,
                    version=pack.version,
                    state=PolicyState.DRAFT,
                    digest=digest,
                    main=path.name,
                    files=files,
                    note=note,
                    created_at=now,
                    created_by=actor.name,
                )
                session.add(row)
                session.flush()
                audit.append(session, actor.name, "policy.drafted", _subject(row), {"version": row.version})
            return _version(row)

    def test(self, actor: Actor, id: int) -> CaseReport:
        """Runs the regression cases of a version and keeps the report with it."""
        require(actor, Permission.ADMIN)
        with self._database.read() as session:
            pack = self._pack_of(_found(session, id))
        report = self.run_cases(pack)
        with self._database.session() as session:
            row = _found(session, id)
            row.tests = json.loads(encode(report))
            if row.state == PolicyState.DRAFT and not report.blocking:
                row.state = PolicyState.TESTED
            details = {"version": row.version, "passed": report.passed, "of": len(report.results)}
            audit.append(session, actor.name, "policy.tested", _subject(row), details)
        return report

    def run_cases(self, pack: Pack) -> CaseReport:
        """The regression cases of a pack, of those it extends, and of the one it would replace."""
        judge = DialogueJudge(pack, self.registry())
        in_force = self.registry().packs.get(pack.jurisdiction)
        found = {case.name: case for case in (*(_cases_of(in_force) if in_force else ()), *_cases_of(pack))}
        return CaseReport(
            pack=pack.name,
            pack_version=pack.version,
            results=tuple(_result(case, judge) for case in found.values()),
        )

    def publish(self, actor: Actor, id: int) -> PolicyVersion:
        """Puts a version in force; Conflict `case_flipped` names the locked cases that it would change."""
        report = self.test(actor, id)
        if report.blocking:
            named = "; ".join(f"{r.name} ({r.place}): {', '.join(r.wrong)}" for r in report.blocking)
            raise Conflict(
                f"Not published, the policy in force stays: locked cases change: {named}", code="case_flipped"
            )
        with self._database.session() as session:
            lock(session, "policies")
            row = _found(session, id)
            if row.state == PolicyState.DISCARDED:
                raise Conflict("This version was discarded; draft it again.", code="policy_discarded")
            older = select(PolicyRow).where(
                PolicyRow.jurisdiction == row.jurisdiction, PolicyRow.state == PolicyState.PUBLISHED
            )
            for other in session.scalars(older):
                other.state = PolicyState.REPLACED
            row.state, row.published_at, row.published_by = PolicyState.PUBLISHED, datetime.now(UTC), actor.name
            audit.append(session, actor.name, "policy.published", _subject(row), {"version": row.version})
            version = _version(row)
        self._looked = 0.0
        return version

    def discard(self, actor: Actor, id: int) -> PolicyVersion:
        """Gives a draft up; one in force can only be replaced."""
        require(actor, Permission.ADMIN)
        with self._database.session() as session:
            row = _found(session, id)
            if row.state not in (PolicyState.DRAFT, PolicyState.TESTED):
                raise Conflict(f"A version that is {row.state} can't be discarded.", code="not_a_draft")
            row.state = PolicyState.DISCARDED
            audit.append(session, actor.name, "policy.discarded", _subject(row), {"version": row.version})
            return _version(row)

    def withdraw(self, actor: Actor, jurisdiction: Jurisdiction) -> None:
        """Puts the shipped pack of a jurisdiction back in force; raises NotFound where none was published over it."""
        require(actor, Permission.ADMIN)
        with self._database.session() as session:
            rows = session.scalars(
                select(PolicyRow).where(
                    PolicyRow.jurisdiction == jurisdiction, PolicyRow.state == PolicyState.PUBLISHED
                )
            ).all()
            if not rows:
                raise NotFound(f"No pack of yours is in force in {jurisdiction}.", code="no_such_pack")
            for row in rows:
                row.state = PolicyState.REPLACED
                audit.append(session, actor.name, "policy.withdrawn", _subject(row), {"version": row.version})
        self._looked = 0.0

    # --- what they find

    def differences(self, actor: Actor, old: str, new: str) -> tuple[Difference, ...]:
        """From one pack to another, by name or version id."""
        return differences(self.pack(actor, old), self.pack(actor, new))

    def explain(self, actor: Actor, call: str) -> Explanation:
        """A call's newest revision under the policy in force, rule by rule, over its redacted words."""
        record = self._record(actor, call)
        pack = self.registry().pack_for(record.context)
        transcript, signals = redacted_signals(record)
        return explain(
            pack,
            transcript=transcript,
            signals=signals,
            context=record.context,
            duration_ms=record.audio.duration_ms,
        )

    def try_dialogue(
        self, actor: Actor, name: str, lines: Iterable[tuple[Role, str]], facts: Mapping[str, object] | None = None
    ) -> Explanation:
        """What a pack makes of a written dialogue; nothing is kept."""
        pack = self.pack(actor, name)
        context = CallContext(jurisdiction=pack.jurisdiction, facts=dict(facts or {}))
        return DialogueJudge(pack, self.registry()).explain(tuple(lines), context)

    def whatif(self, actor: Actor, id: int, progress: Progress = lambda _done, _of: None) -> WhatIf:
        """What a version would change over every processed call of its jurisdiction; only the report is kept."""
        require(actor, Permission.ADMIN)
        with self._database.read() as session:
            candidate = self._pack_of(_found(session, id))
        registry = self.registry()
        rejudge, standing = Rejudge(registry.with_packs([candidate])), Rejudge(registry)
        comparison = Comparison(candidate.name, candidate.version)
        calls = self._processed(actor)
        for done, (call, team, recording, digest) in enumerate(calls):
            progress(done, len(calls))
            try:
                record = self._artifacts.of(recording).read(CallRecord, RECORD, digest)
            except NotFound:
                continue  # deleted since the list was made
            if registry.with_packs([candidate]).pack_for(record.context) is candidate:
                comparison.add(call, team, standing(record), rejudge(record))
        progress(len(calls), len(calls))
        report = comparison.report()
        with self._database.session() as session:
            row = _found(session, id)
            row.whatif = json.loads(encode(report))
            audit.append(session, actor.name, "policy.whatif", _subject(row), {"calls": report.calls})
        return report

    def _processed(self, actor: Actor) -> list[tuple[str, str | None, str, str]]:
        wanted = select(CallRow.id, CallRow.team, CallRow.recording_sha256, CallRow.record_digest).where(
            visible(actor), CallRow.status == CallStatus.DONE, CallRow.record_digest.is_not(None)
        )
        with self._database.read() as session:
            return [(row[0], row[1], row[2], str(row[3])) for row in session.execute(wanted)]

    def _record(self, actor: Actor, call: str) -> CallRecord:
        require(actor, Permission.CALLS_READ)
        with self._database.read() as session:
            row = session.scalars(select(CallRow).where(visible(actor), CallRow.id == call)).first()
            if row is None:
                raise NotFound("There is no such call, or none that you may see.", code="call_not_found")
            if row.record_digest is None:
                raise Conflict("The call is not processed yet.", code="not_processed")
            recording, digest = row.recording_sha256, row.record_digest
        return self._artifacts.of(recording).read(CallRecord, RECORD, digest)

    # --- files

    def _pack_of(self, row: PolicyRow) -> Pack:
        """The pack of a version, its files laid out on this machine where they are not yet."""
        folder = self._settings.data / "policies" / row.digest
        if not (folder / row.main).is_file():
            for name, text in row.files.items():
                file = folder / name
                if not file.resolve().is_relative_to(folder.resolve()):
                    raise BadPolicy(f"{row.main}: a file of this version lies outside of its folder.")
                private_folder(file.parent)
                # The main file comes last: it tells that the others are there.
                if name != row.main:
                    write_whole(file, text.encode())
            write_whole(folder / row.main, row.files[row.main].encode())
        return read_pack(folder / row.main)


def _found(session: Session, id: int) -> PolicyRow:
    row = session.get(PolicyRow, id) if id < 2**31 else None
    if row is None:
        raise NotFound(f"There is no policy version {id}.", code="no_such_policy")
    return row


def _version(row: PolicyRow) -> PolicyVersion:
    return PolicyVersion(
        id=row.id,
        pack=row.pack,
        jurisdiction=Jurisdiction(row.jurisdiction),
        version=row.version,
        state=PolicyState(row.state),
        note=row.note,
        created_at=row.created_at,
        created_by=row.created_by,
        published_at=row.published_at,
        published_by=row.published_by,
        tests=decode(CaseReport, json.dumps(row.tests).encode()) if row.tests else None,
        whatif=decode(WhatIf, json.dumps(row.whatif).encode()) if row.whatif else None,
    )


def _subject(row: PolicyRow) -> str:
    return f"policy:{row.pack}:{row.id}"


def _cases_files(pack: Pack) -> tuple[Path, ...]:
    """Files of cases beside each file that the pack stands on: cases/NAME.yaml, or NAME.cases.yaml."""
    found = []
    for name in (*pack.extends, pack.name):
        own = pack.files[0].parent
        candidates = [own / "cases" / f"{name}.yaml", own / f"{name}.cases.yaml"]
        if name == pack.name:
            candidates.append(pack.files[0].with_suffix(".cases.yaml"))
        else:
            candidates.append(PACKS_DIR / "cases" / f"{name}.yaml")
        found += [path for path in candidates if path.is_file()][:1]
    return tuple(found)


def _cases_of(pack: Pack) -> tuple[Case, ...]:
    """The cases of a pack; those of the same name in a pack it extends are replaced."""
    found: dict[str, Case] = {}
    for path in _cases_files(pack):
        found.update({case.name: case for case in regression.read_cases(path)})
    return tuple(found.values())


def _result(case: Case, judge: DialogueJudge) -> CaseResult:
    outcome = regression.run(case, lambda lines, context: judge.judge([(li.role, li.text) for li in lines], context))
    wrong = [f"{missing.category} as {missing.status} is not found" for missing in outcome.missing]
    wrong += [f"{one.category} is found as {one.status}" for one in outcome.forbidden]
    return CaseResult(
        name=case.name,
        pack=case.pack,
        place=case.place,
        locked=case.locked,
        known_gap=case.known_gap,
        passed=outcome.passed,
        wrong=tuple(wrong),
    )


_LARGEST = 4_000_000


def _bundle(pack: Pack) -> dict[str, str]:
    """The files that a pack brings itself, by their path beside its own; what ships with Forbear is not among them."""
    folder = pack.files[0].parent.resolve()
    inside = [file for file in (*pack.files, *_cases_files(pack)) if file.resolve().is_relative_to(folder)]
    files = {file.resolve().relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in inside}
    if sum(map(len, files.values())) > _LARGEST:
        raise InvalidInput(f"The files of this pack are larger than {_LARGEST:,} characters.", code="too_large")
    return files
