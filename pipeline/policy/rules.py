"""What signals, omissions, metadata and facts mean: the four kinds of rule and how they are read from YAML.

Values only: `judging` applies them. A rule never sees text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import TypedDict

from pipeline.policy.categories import CUES, categories
from pipeline.policy.features import FEATURES, JOKE, NEGATED, QUOTED
from pipeline.policy.source import Node, suggestion
from pipeline.records import Citation, CollectorType, FindingStatus, Role, Severity


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What every rule has. `collector_type` limits it to one kind of collector; `reason_*` tells a reviewer why."""

    id: str
    category: str
    role: Role
    severity: Severity
    status: FindingStatus
    clauses: tuple[Citation, ...]
    collector_type: CollectorType | None
    reason_zh: str
    reason_en: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """Facts that make a statement lawful (any of them true) or false (all of them known and not true)."""

    lawful_if: tuple[str, ...]

    def status(self, facts: Mapping[str, object]) -> FindingStatus | None:
        """None when the statement is lawful; POSSIBLE while the facts are not known."""
        known = [facts.get(name) for name in self.lawful_if]
        if any(value is True for value in known):
            return None
        return FindingStatus.VIOLATION if all(value is False for value in known) else FindingStatus.POSSIBLE


@dataclass(frozen=True, kw_only=True, slots=True)
class SaidRule(Rule):
    """A signal at or over `threshold`, unless one of its features excuses it."""

    signal: str
    threshold: float
    excuses: frozenset[str]
    truth: Truth | None


@dataclass(frozen=True, kw_only=True, slots=True)
class OmissionRule(Rule):
    """None of `required` said by the role within `within_ms`.

    The clock starts at the beginning, or with the first of `starts_with` (not at all when none was said); nothing is
    required once one of `never_after` was said before or in the window, or when the role speaks for less than
    `at_least_ms`.
    """

    required: tuple[str, ...]
    within_ms: int
    starts_with: tuple[str, ...]
    never_after: tuple[str, ...]
    at_least_ms: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SequenceRule(Rule):
    """After one of `after` (said by anybody), one of `then` within so many turns of the rule's role.

    One of `unless`, said by the role in between or in the same turn, calls it off; `without` requires that nobody said
    any of these before. With `missing` instead of `then` the finding is that none of those was said in time. Without
    `after`, `then` counts anywhere (within `within_first_ms` of the call where that is given).
    """

    after: tuple[str, ...]
    then: tuple[str, ...]
    missing: tuple[str, ...]
    unless: tuple[str, ...]
    without: tuple[str, ...]
    within_turns: int
    within_first_ms: int | None
    threshold: float
    excuses: frozenset[str]
    probability: float


@dataclass(frozen=True, kw_only=True, slots=True)
class HoursRule(Rule):
    """The call began outside [earliest, latest) at the debtor's place; facts in `consent` lift the ban."""

    earliest: time
    latest: time
    consent: tuple[str, ...]


AnyRule = SaidRule | OmissionRule | SequenceRule | HoursRule

_BASE = ("severity", "status", "clauses", "collector_type", "reason_zh", "reason_en")
_KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "said": (("said",), ("threshold", "excuses", "lawful_if")),
    "omission": (("required", "within_s"), ("starts_with", "never_after", "at_least_s")),
    "sequence": (
        ("after",),
        (
            *("then", "missing", "unless", "without", "within_turns", "within_first_s"),
            *("threshold", "excuses", "probability"),
        ),
    ),
    "hours": (("earliest", "latest"), ("consent",)),
}


_TELLS = {"said": "said", "omission": "required", "hours": "earliest"}
"""The key that tells which kind a rule is; without any it is a sequence."""


class _Base(TypedDict):
    """What `Rule` holds, on its way from YAML."""

    id: str
    category: str
    role: Role
    severity: Severity
    status: FindingStatus
    clauses: tuple[Citation, ...]
    collector_type: CollectorType | None
    reason_zh: str
    reason_en: str


def read_rule(name: str, node: Node, pack: str, clauses: Mapping[str, Mapping[str, Citation]]) -> AnyRule:
    """One rule; `clauses` are the citations of each category by their reference."""
    keys = node.mapping()
    kind = next((kind for kind, key in _TELLS.items() if key in keys), "sequence")
    required, optional = _KINDS[kind]
    f = node.fields(("category", *required), (*_BASE, *optional))
    category = f["category"].text()
    if category not in categories():
        f["category"].fail(f"there is no category '{category}'{suggestion(category, categories())}")
    base = _base(f"{pack}.{name}", category, f, clauses)
    if kind == "said":
        return SaidRule(
            **base,
            signal=_key(f["said"]),
            threshold=_number(f, "threshold", 0.6),
            excuses=_excuses(f),
            truth=Truth(lawful_if=f["lawful_if"].texts()) if "lawful_if" in f else None,
        )
    if kind == "omission":
        return OmissionRule(
            **base,
            required=_keys(f, "required"),
            within_ms=int(f["within_s"].number(1, 3600) * 1000),
            starts_with=_keys(f, "starts_with"),
            never_after=_keys(f, "never_after"),
            at_least_ms=int(_number(f, "at_least_s", 10, 3600) * 1000),
        )
    if kind == "hours":
        return HoursRule(
            **base,
            earliest=_clock(f["earliest"]),
            latest=_clock(f["latest"]),
            consent=f["consent"].texts() if "consent" in f else (),
        )
    if ("then" in f) == ("missing" in f):
        node.fail("a sequence needs either 'then' or 'missing'.")
    return SequenceRule(
        **base,
        after=_keys(f, "after"),
        then=_keys(f, "then"),
        missing=_keys(f, "missing"),
        unless=_keys(f, "unless"),
        without=_keys(f, "without"),
        within_turns=f["within_turns"].whole(1, 1000) if "within_turns" in f else 1000,
        within_first_ms=int(f["within_first_s"].number(1, 3600) * 1000) if "within_first_s" in f else None,
        threshold=_number(f, "threshold", 0.6),
        excuses=_excuses(f),
        probability=_number(f, "probability", 0.75),
    )


def _base(rule_id: str, category: str, f: Mapping[str, Node], clauses: Mapping[str, Mapping[str, Citation]]) -> _Base:
    known = clauses.get(category, {})
    chosen = tuple(known.values())
    if "clauses" in f:
        for item in f["clauses"].sequence():
            if item.text() not in known:
                item.fail(f"'{item.text()}' is no clause of {category} in this pack{suggestion(item.text(), known)}")
        chosen = tuple(known[ref] for ref in f["clauses"].texts())
    about = categories()[category]
    return {
        "id": rule_id,
        "category": category,
        "role": about.role,
        "severity": f["severity"].one_of(Severity) if "severity" in f else about.severity,
        "status": f["status"].one_of(FindingStatus) if "status" in f else about.kind.status,
        "clauses": chosen,
        "collector_type": f["collector_type"].one_of(CollectorType) if "collector_type" in f else None,
        "reason_zh": f["reason_zh"].text() if "reason_zh" in f else "",
        "reason_en": f["reason_en"].text() if "reason_en" in f else "",
    }


def _key(node: Node) -> str:
    if node.text() not in categories() and node.text() not in CUES:
        node.fail(f"there is no category or cue '{node.text()}'{suggestion(node.text(), [*categories(), *CUES])}")
    return node.text()


def _keys(f: Mapping[str, Node], name: str) -> tuple[str, ...]:
    return tuple(_key(node) for node in f[name].sequence()) if name in f else ()


def _number(f: Mapping[str, Node], name: str, default: float, high: float = 1.0) -> float:
    return f[name].number(0, high) if name in f else default


def _excuses(f: Mapping[str, Node]) -> frozenset[str]:
    if "excuses" not in f:
        return frozenset({QUOTED, NEGATED, JOKE})
    for node in f["excuses"].sequence():
        if node.text() not in FEATURES:
            node.fail(f"unknown feature '{node.text()}'{suggestion(node.text(), FEATURES)}")
    return frozenset(f["excuses"].texts())


def _clock(node: Node) -> time:
    try:
        return time.fromisoformat(node.text())
    except ValueError:
        node.fail(f"'{node.text()}' is not a time of day such as 08:00.")
