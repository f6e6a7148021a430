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
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from pipeline.encoding import decode, encode
from pipeline.errors import Conflict, NotFound
from pipeline.policy.cases import Case
from pipeline.policy.differences import Difference, differences
from pipeline.policy.pack import Pack, read_pack
from pipeline.policy.registry import Registry, load_registry, shipped_packs
from pipeline.policy.source import BadPolicy, suggestion
from pipeline.records import CallContext, CallRecord, CallStatus, Jurisdiction, Role
from pipeline.services.policy_files import bundle_of, laid_out
from pipeline.services.processing import RECORD
from pipeline.services.redacted import redacted_explanation, redacted_view
from pipeline.services.regression import CaseReport, cases_of_pack, run_cases
from pipeline.services.scope import require, visible
from pipeline.services.views import Actor, Permission
from pipeline.settings import Settings
from pipeline.stages.explain import DialogueJudge, Explanation, explain
from pipeline.store import audit
from pipeline.store.artifacts import Artifacts
from pipeline.store.database import Database, lock
from pipeline.store.tables import CallRow, PolicyRow
from pipeline.whatif import Comparison, Rejudge, WhatIf

_log = structlog.get_logger(__name__)
_FRESH_S = 2.0
"""How long a process may judge by a policy that another has just replaced."""
_LOCK = "policies"
"""Held by whoever changes the state of a version: what is read of it must still be so when it is written."""
_LONGEST_ID = 10
"""Digits of the largest id."""

Progress = Callable[[int, int], None]
"""Told how many calls of how many are done."""


class PolicyState(StrEnum):
    DRAFT = "draft"
    TESTED = "tested"
    PUBLISHED = "published"
    REPLACED = "replaced"
    DISCARDED = "discarded"


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
        if name.isascii() and name.isdigit() and len(name) <= _LONGEST_ID:
            with self._database.read() as session:
                return self._pack_of(_found(session, int(name)))
        known = {pack.name: pack for pack in (*shipped_packs(), *self.registry().packs.values())}
        if name not in known:
            raise NotFound(f"There is no pack {name[:60]!r}{suggestion(name, known)}", code="no_such_pack")
        return known[name]

    def cases(self, actor: Actor, name: str) -> tuple[Case, ...]:
        """The regression cases of a pack, those of the packs it extends included."""
        return cases_of_pack(self.pack(actor, name))

    # --- versions

    def history(self, actor: Actor, *, limit: int = 200) -> tuple[PolicyVersion, ...]:
        """Every version that was brought, the latest first."""
        require(actor, Permission.CALLS_READ)
        with self._database.read() as session:
            rows = session.scalars(select(PolicyRow).order_by(PolicyRow.id.desc()).limit(limit))
            return tuple(_shown(_version(row), actor) for row in rows)

    def version(self, actor: Actor, id: int) -> PolicyVersion:
        """One version; raises NotFound."""
        require(actor, Permission.CALLS_READ)
        with self._database.read() as session:
            return _shown(_version(_found(session, id)), actor)

    def draft(self, actor: Actor, path: Path, *, note: str = "") -> PolicyVersion:
        """Keeps a pack with all its files as a draft; raises BadPolicy with the place of what is wrong with it."""
        require(actor, Permission.ADMIN)
        pack = read_pack(path)
        cases_of_pack(pack)
        files = bundle_of(pack)
        digest = hashlib.sha256(json.dumps(files, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
        now = datetime.now(UTC)
        with self._database.session() as session:
            lock(session, _LOCK)
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
            lock(session, _LOCK)
            row = _found(session, id)
            row.tests = json.loads(encode(report))
            if row.state == PolicyState.DRAFT and not report.blocking:
                row.state = PolicyState.TESTED
            details = {"version": row.version, "passed": report.passed, "of": len(report.results)}
            audit.append(session, actor.name, "policy.tested", _subject(row), details)
        return report

    def run_cases(self, pack: Pack) -> CaseReport:
        """The regression cases of a pack, of those it extends, and of the one it would replace."""
        return run_cases(pack, self.registry())

    def publish(self, actor: Actor, id: int) -> PolicyVersion:
        """Puts a version in force; Conflict `case_flipped` names the locked cases that it would change."""
        report = self.test(actor, id)
        if report.blocking:
            named = "; ".join(f"{r.name} ({r.place}): {', '.join(r.wrong)}" for r in report.blocking)
            raise Conflict(
                f"Not published, the policy in force stays: locked cases change: {named}", code="case_flipped"
            )
        with self._database.session() as session:
            lock(session, _LOCK)
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
            lock(session, _LOCK)
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
            lock(session, _LOCK)
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
        shown = redacted_view(record)
        explained = explain(
            pack,
            transcript=shown.transcript,
            signals=shown.signals,
            context=record.context,
            duration_ms=record.audio.duration_ms,
        )
        return redacted_explanation(explained)

    def try_dialogue(
        self,
        actor: Actor,
        pack: str | Pack,
        lines: Iterable[tuple[Role, str]],
        facts: Mapping[str, object] | None = None,
    ) -> Explanation:
        """What a pack, or the one of a name, makes of a written dialogue; nothing is kept."""
        require(actor, Permission.CALLS_READ)
        if isinstance(pack, str):
            pack = self.pack(actor, pack)
        context = CallContext(jurisdiction=pack.jurisdiction, facts=dict(facts or {}))
        return DialogueJudge(pack, self.registry()).explain(tuple(lines), context)

    def whatif(self, actor: Actor, id: int, progress: Progress = lambda _done, _of: None) -> WhatIf:
        """What a version would change over every processed call of its jurisdiction; only the report is kept."""
        require(actor, Permission.ADMIN)
        with self._database.read() as session:
            candidate = self._pack_of(_found(session, id))
        registry = self.registry()
        text_dir = self._settings.text_dir
        rejudge, standing = Rejudge(registry.with_packs([candidate]), text_dir), Rejudge(registry, text_dir)
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

    def _pack_of(self, row: PolicyRow) -> Pack:
        return laid_out(self._settings.data / "policies" / row.digest, row.main, row.files)


def _found(session: Session, id: int) -> PolicyRow:
    row = session.get(PolicyRow, id) if 0 < id < 2**31 else None
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


def _shown(version: PolicyVersion, actor: Actor) -> PolicyVersion:
    """Numbers of all calls are for everybody; teams and single calls, for those who see every team."""
    if version.whatif is None or actor.teams is None:
        return version
    bare = replace(version.whatif, by_team={}, newly_flagged=(), no_longer_flagged=(), examples=())
    return replace(version, whatif=bare)


def _subject(row: PolicyRow) -> str:
    return f"policy:{row.pack}:{row.id}"
