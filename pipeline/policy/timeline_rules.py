"""Cross-call rules: what the calls of one account mean together, and how a pack's `timeline:` says so.

Values only: `pipeline.timeline` applies them. A rule sees when and to whom calls were made and what was found in them,
never text. Days are those on the debtor's clocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict

from pipeline.policy.categories import categories
from pipeline.policy.citations import HOUSE, pick
from pipeline.policy.conditions import SURE, facts_of, keys_of
from pipeline.policy.rules import Truth
from pipeline.policy.source import Node, suggestion
from pipeline.records import Citation, CollectorType, FindingStatus, Role, Severity


class Counted(StrEnum):
    """Which outgoing calls are counted.

    `calls` are those that rang, also unanswered; `conversations` those in which somebody spoke; `unanswered` tries
    that reached nobody, whatever the reason.
    """

    CALLS = "calls"
    CONVERSATIONS = "conversations"
    UNANSWERED = "unanswered"


class Whom(StrEnum):
    """Calls to whom a rule is about; a lawyer who acts for the debtor is never meant."""

    ANYBODY = "anybody"
    DEBTOR = "debtor"
    THIRD_PERSON = "third_person"


class Same(StrEnum):
    """What calls have to have in common to be seen together, beside their account."""

    PERSON = "person"
    DEBT = "debt"
    NUMBER = "number"


class Unknown(StrEnum):
    """What a breach is that rests on something nobody told: the debtor's zone, or whether a call was answered."""

    NOTHING = "nothing"
    POSSIBLE = "possible"


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineRule:
    """What every cross-call rule has. Calls to which a true fact of `consent` applies are neither counted nor wrong."""

    id: str
    category: str
    severity: Severity
    status: FindingStatus
    clauses: tuple[Citation, ...]
    collector_type: CollectorType | None
    reason_zh: str
    reason_en: str
    whom: Whom
    per: frozenset[Same]
    consent: tuple[str, ...]
    unknown: Unknown
    place: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CountRule(TimelineRule):
    """More than `most` calls within `days` days in a row, the call's own day the last; None: ever."""

    counts: Counted
    most: int
    days: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PauseRule(TimelineRule):
    """A call within `days` days of a conversation, whose own day is the first."""

    days: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AfterRule(TimelineRule):
    """A call after something that an earlier one brought up, or that is on file.

    `after` are categories and cues of earlier calls, `on_file` facts that are true. `unless`, in the earlier call or
    any since, settles it. With `then` only a call that holds one of these is wrong, else every call. Nothing is found
    more than `within_days` after the earlier call's day.
    """

    after: tuple[str, ...]
    on_file: tuple[str, ...]
    unless: tuple[str, ...]
    then: tuple[str, ...]
    within_days: int | None
    threshold: float
    truth: Truth | None


AnyTimelineRule = CountRule | PauseRule | AfterRule

_BASE = (
    *("severity", "status", "clauses", "collector_type", "reason_zh", "reason_en"),
    *("whom", "per", "consent", "unknown"),
)
_AFTER = ("after", "on_file", "unless", "then", "within_days", "threshold", "lawful_if")
_FORMS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "counts": (("counts", "most"), ("days",)),
    "quiet_days": (("quiet_days",), ()),
    "after": ((), _AFTER),
    "on_file": ((), _AFTER),
}
"""The forms of a rule by the key that tells them apart: keys that must stand there, and keys that may."""


class _Base(TypedDict):
    """What `TimelineRule` holds, on its way from YAML."""

    id: str
    category: str
    severity: Severity
    status: FindingStatus
    clauses: tuple[Citation, ...]
    collector_type: CollectorType | None
    reason_zh: str
    reason_en: str
    whom: Whom
    per: frozenset[Same]
    consent: tuple[str, ...]
    unknown: Unknown
    place: str


def read_timeline_rule(
    name: str,
    node: Node,
    pack: str,
    cited: Mapping[str, tuple[Citation, ...]],
    clauses: Mapping[str, Citation],
) -> AnyTimelineRule:
    """One rule; `cited` are the clauses of each category, `clauses` all those of the pack.

    Raises BadPolicy with the place of a mistake. A rule may name any clause of its pack, or `house`.
    """
    keys = node.mapping()
    form = next((form for form in _FORMS if form in keys), None)
    if form is None:
        node.fail(f"a timeline rule has one of {', '.join(_FORMS)}; this has only {', '.join(keys)}.")
    required, optional = _FORMS[form]
    f = node.fields(("category", *required), (*_BASE, *optional))
    base = _base(f"{pack}.timeline.{name}", node, f, cited, clauses)
    if form == "counts":
        return CountRule(
            **base,
            counts=f["counts"].one_of(Counted),
            most=f["most"].whole(0, 1000),
            days=f["days"].whole(1, 366) if "days" in f else None,
        )
    if form == "quiet_days":
        return PauseRule(**base, days=f["quiet_days"].whole(1, 366))
    return AfterRule(
        **base,
        after=keys_of(f["after"]) if "after" in f else (),
        on_file=facts_of(f["on_file"]) if "on_file" in f else (),
        unless=keys_of(f["unless"]) if "unless" in f else (),
        then=keys_of(f["then"]) if "then" in f else (),
        within_days=f["within_days"].whole(1, 3660) if "within_days" in f else None,
        threshold=f["threshold"].number(0, 1) if "threshold" in f else SURE,
        truth=Truth(lawful_if=facts_of(f["lawful_if"])) if "lawful_if" in f else None,
    )


def _base(
    rule_id: str,
    node: Node,
    f: Mapping[str, Node],
    cited: Mapping[str, tuple[Citation, ...]],
    clauses: Mapping[str, Citation],
) -> _Base:
    category = f["category"].text()
    if category not in categories():
        f["category"].fail(f"there is no category '{category}'{suggestion(category, categories())}")
    about = categories()[category]
    if about.role is not Role.AGENT:
        f["category"].fail(f"a timeline rule finds what a collector does; {category} is about the customer.")
    named = pick(f["clauses"], {**clauses, HOUSE.ref: HOUSE}) if "clauses" in f else cited.get(category, (HOUSE,))
    return {
        "id": rule_id,
        "category": category,
        "severity": f["severity"].one_of(Severity) if "severity" in f else about.severity,
        "status": f["status"].one_of(FindingStatus) if "status" in f else about.kind.status,
        "clauses": named,
        "collector_type": f["collector_type"].one_of(CollectorType) if "collector_type" in f else None,
        "reason_zh": f["reason_zh"].text() if "reason_zh" in f else "",
        "reason_en": f["reason_en"].text() if "reason_en" in f else "",
        "whom": f["whom"].one_of(Whom) if "whom" in f else Whom.ANYBODY,
        "per": frozenset(part.one_of(Same) for part in f["per"].parts()) if "per" in f else frozenset({Same.PERSON}),
        "consent": facts_of(f["consent"]) if "consent" in f else (),
        "unknown": f["unknown"].one_of(Unknown) if "unknown" in f else Unknown.NOTHING,
        "place": node.place,
    }
