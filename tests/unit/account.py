"""Contacts of one account to judge together: short ways to say when, to whom, and what was heard."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pipeline.contacts import Contact, Heard
from pipeline.policy.categories import categories
from pipeline.policy.registry import load_registry
from pipeline.records import CallContext, CollectorType, Finding, Jurisdiction, Role, Span, WordsEvidence
from pipeline.timeline import judge_timeline

SHANGHAI, NEW_YORK, TAIPEI = "Asia/Shanghai", "America/New_York", "Asia/Taipei"


def local(text: str, zone: str = SHANGHAI, fold: int = 0) -> datetime:
    """A moment on the clocks of a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


def said(
    category: str, *, probability: float = 0.9, role: Role | None = None, features: tuple[str, ...] = ()
) -> Finding:
    about = categories()[category]
    return Finding(
        category=category,
        status=about.kind.status,
        severity=about.severity,
        role=role or about.role,
        evidence=WordsEvidence(span=Span(utterance=0, word_start=0, word_end=1), start_ms=0, end_ms=90),
        rule="r",
        pack="p",
        pack_version="1",
        probability=probability,
        detectors=("lexicon",),
        features=features,
    )


def dialled(
    id: str,
    at: datetime | None,
    *heard: str | Finding,
    zone: str | None = SHANGHAI,
    jurisdiction: Jurisdiction = Jurisdiction.CN,
    answered: bool | None = True,
    party: str | None = None,
    number: str | None = "n1",
    recorded: bool = False,
    facts: dict[str, Any] | None = None,
    **context: Any,
) -> Contact:
    """A call; with `heard` (findings, categories, cues) or `recorded` it has a recording."""
    extra: dict[str, Any] = {} if answered is None else {"answered": answered}
    if party is not None:
        extra["party"] = party
    cues = {key: 0.9 for key in heard if isinstance(key, str) and key.startswith("cue.")}
    findings = [key if isinstance(key, Finding) else said(key) for key in heard if key not in cues]
    listened = recorded or bool(heard)
    return Contact(
        id=id,
        context=CallContext(
            started_at=at,
            customer_tz=zone,
            jurisdiction=jurisdiction,
            number_hash=number,
            facts=facts or {},
            extra=extra,
            **context,
        ),
        findings=tuple(findings),
        heard=Heard(customer_speech_ms=5000, cues=cues) if listened else None,
        hours_judged=listened,
    )


def american(id: str, at: datetime | None, *heard: str | Finding, **more: Any) -> Contact:
    """A call of a third-party collector in the United States."""
    given: dict[str, Any] = {
        "zone": NEW_YORK,
        "jurisdiction": Jurisdiction.US,
        "collector_type": CollectorType.THIRD_PARTY,
        **more,
    }
    return dialled(id, at, *heard, **given)


def breaches(contacts: Iterable[Contact], rule: str = "") -> dict[str, list[str]]:
    """The rules that each contact breaches, without their packs' names; only those that end in `rule`."""
    found = judge_timeline(contacts, load_registry())
    return {
        id: names
        for id, findings in sorted(found.items())
        if (names := [f.rule.split(".")[-1] for f in findings if f.rule.endswith(rule)])
    }


def finding_of(contacts: Iterable[Contact], id: str, rule: str) -> Finding:
    """The one finding of a rule at a contact."""
    (found,) = [f for f in judge_timeline(contacts, load_registry()).get(id, ()) if f.rule.endswith(rule)]
    return found


def every(step: timedelta, start: datetime, count: int) -> list[datetime]:
    return [start + step * n for n in range(count)]
