"""What conditions mean: a rule joins named conditions and makes a finding of what met them.

The rules that packs need most have short forms (`said`, `after … then`, `required`, `earliest`), which become the same
conditions when they are read: there is one way in which a rule is judged. A rule never sees text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from pipeline.policy.categories import categories
from pipeline.policy.conditions import (
    ANYBODY,
    Anchor,
    Condition,
    Expression,
    Hours,
    Missing,
    Ref,
    Said,
    Scope,
    Value,
    clock_of,
    facts_of,
    features_in,
    holds,
    keys_of,
    names_in,
    ordered,
    read_conditions,
    read_expression,
)
from pipeline.policy.features import EVASIVE
from pipeline.policy.source import Node, suggestion
from pipeline.records import Citation, CollectorType, FindingStatus, Role, Severity


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
class Rule:
    """Where `when` holds, each hit of the condition `evidence` is a finding.

    `collector_type` limits it to one kind of collector. `probability` is what a finding of it is worth beside its
    signal's own. `place` is the file and line it was read from.
    """

    id: str
    category: str
    role: Role
    severity: Severity
    status: FindingStatus
    clauses: tuple[Citation, ...]
    collector_type: CollectorType | None
    reason_zh: str
    reason_en: str
    conditions: Mapping[str, Condition]
    when: Expression
    evidence: str
    truth: Truth | None = None
    probability: float = 1.0
    place: str = ""


_BASE = ("severity", "status", "clauses", "collector_type", "reason_zh", "reason_en", "lawful_if", "probability")
_SEQUENCE = ("then", "missing", "unless", "without", "within_turns", "within_first_s", "threshold", "excuses")
_FORMS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "when": (("when", "conditions"), ("evidence",)),
    "said": (("said",), ("threshold", "excuses")),
    "required": (("required", "within_s"), ("starts_with", "never_after", "at_least_s")),
    "earliest": (("earliest", "latest"), ("consent",)),
    "after": (("after",), _SEQUENCE),
}
"""The forms of a rule by the key that tells them apart: keys that must stand there, and keys that may."""


@dataclass(frozen=True, slots=True)
class _Body:
    """What a form becomes."""

    conditions: Mapping[str, Condition]
    when: Expression
    evidence: str
    probability: float = 1.0


def read_rule(name: str, node: Node, pack: str, clauses: Mapping[str, Mapping[str, Citation]]) -> Rule:
    """One rule; `clauses` are the citations of each category by their reference."""
    keys = node.mapping()
    form = next((form for form in _FORMS if form in keys), None)
    if form is None:
        node.fail(f"a rule has one of {', '.join(_FORMS)}; this has only {', '.join(keys)}.")
    required, optional = _FORMS[form]
    f = node.fields(("category", *required), (*_BASE, *optional))
    category = f["category"].text()
    if category not in categories():
        f["category"].fail(f"there is no category '{category}'{suggestion(category, categories())}")
    about = categories()[category]
    body = _READERS[form](f, about.role)
    rule = Rule(
        id=f"{pack}.{name}",
        category=category,
        role=about.role,
        severity=f["severity"].one_of(Severity) if "severity" in f else about.severity,
        status=f["status"].one_of(FindingStatus) if "status" in f else about.kind.status,
        clauses=_clauses(category, f, clauses.get(category, {})),
        collector_type=f["collector_type"].one_of(CollectorType) if "collector_type" in f else None,
        reason_zh=f["reason_zh"].text() if "reason_zh" in f else "",
        reason_en=f["reason_en"].text() if "reason_en" in f else "",
        conditions=body.conditions,
        when=body.when,
        evidence=body.evidence,
        truth=Truth(lawful_if=facts_of(f["lawful_if"])) if "lawful_if" in f else None,
        probability=f["probability"].number(0, 1) if "probability" in f else body.probability,
        place=node.place,
    )
    if reason := why_never(rule):
        node.fail(f"the rule '{name}' can never hit: {reason}.")
    return rule


def _clauses(category: str, f: Mapping[str, Node], known: Mapping[str, Citation]) -> tuple[Citation, ...]:
    if "clauses" not in f:
        return tuple(known.values())
    for item in f["clauses"].sequence():
        if item.text() not in known:
            item.fail(f"'{item.text()}' is no clause of {category} in this pack{suggestion(item.text(), known)}")
    return tuple(known[ref] for ref in f["clauses"].texts())


# --- the forms --------------------------------------------------------------------------------------------------------


def _when(f: Mapping[str, Node], _role: Role) -> _Body:
    conditions = read_conditions(f["conditions"])
    when = read_expression(f["when"], conditions)
    if "evidence" in f:
        evidence = f["evidence"].text()
        if evidence not in conditions:
            f["evidence"].fail(f"there is no condition '{evidence}'{suggestion(evidence, conditions)}")
    else:
        evidence = next(names_in(when))
    if isinstance(conditions[evidence], Value):
        f["when"].fail(f"'{evidence}' is no evidence of anything said or done; name another condition as 'evidence'.")
    return _Body(conditions, when, evidence)


def _said(f: Mapping[str, Node], role: Role) -> _Body:
    said = Said(
        signals=keys_of(f["said"]),
        # Words of somebody unknown count, and are then only possible.
        roles=frozenset({role, Role.UNKNOWN}),
        threshold=f["threshold"].number(0, 1) if "threshold" in f else None,
        excuses=features_in(f["excuses"]) if "excuses" in f else EVASIVE,
    )
    return _Body({"said": said}, Ref("said"), "said")


def _required(f: Mapping[str, Node], role: Role) -> _Body:
    """Required statements: none of `required` in time, counted from the beginning or the first of `starts_with`."""
    conditions: dict[str, Condition] = {}
    if "starts_with" in f:
        conditions["starts"] = Said(signals=keys_of(f["starts_with"]), threshold=0.5)
    if "never_after" in f:
        conditions["never"] = Said(signals=keys_of(f["never_after"]), threshold=0.5)
    conditions["missing"] = Missing(
        signals=keys_of(f["required"]),
        roles=frozenset({role}),
        after=Anchor(of="starts", hit=1) if "starts" in conditions else None,
        within_ms=int(f["within_s"].number(1, 3600) * 1000),
        never=("never",) if "never" in conditions else (),
        at_least_ms=int((f["at_least_s"].number(0, 3600) if "at_least_s" in f else 10) * 1000),
    )
    return _Body(conditions, Ref("missing"), "missing")


def _hours(f: Mapping[str, Node], _role: Role) -> _Body:
    hours = Hours(
        earliest=clock_of(f["earliest"]),
        latest=clock_of(f["latest"]),
        consent=facts_of(f["consent"]) if "consent" in f else (),
    )
    return _Body({"hours": hours}, Ref("hours"), "hours")


def _sequence(f: Mapping[str, Node], role: Role) -> _Body:
    """After one of `after`, by anybody, the rule's role says one of `then`, or says none of `missing`, within turns.

    One of `unless`, said by the role in between or in the same turn, calls it off; `without` requires that nobody said
    any of these before. With an empty `after`, `then` counts anywhere.
    """
    if ("then" in f) == ("missing" in f):
        f["after"].fail("a sequence needs either 'then' or 'missing'.")
    excuses = features_in(f["excuses"]) if "excuses" in f else EVASIVE
    turns = f["within_turns"].whole(1, 1000) if "within_turns" in f else None
    conditions: dict[str, Condition] = {}
    if f["after"].sequence():
        conditions["after"] = Said(signals=keys_of(f["after"]), excuses=excuses)
    if "missing" in f:
        if "after" not in conditions:
            f["after"].fail("what should follow is only missing after something: name it in 'after'.")
        conditions["missing"] = Missing(
            signals=keys_of(f["missing"]), roles=frozenset({role}), after=Anchor(of="after"), within_turns=turns or 3
        )
        return _Body(conditions, Ref("missing"), "missing", 0.75)
    for key, roles in (("unless", frozenset({role})), ("without", ANYBODY)):
        if key in f:
            conditions[key] = Said(signals=keys_of(f[key]), roles=roles, threshold=0.5)
    anchor = Anchor(of="after", within_turns=turns, unless=("unless",) if "unless" in conditions else ())
    conditions["then"] = Said(
        signals=keys_of(f["then"]),
        roles=frozenset({role}),
        threshold=f["threshold"].number(0, 1) if "threshold" in f else None,
        excuses=excuses,
        scope=Scope(
            first_ms=int(f["within_first_s"].number(1, 3600) * 1000) if "within_first_s" in f else None,
            after=anchor if "after" in conditions else None,
            not_after=("without",) if "without" in conditions else (),
        ),
    )
    return _Body(ordered(f["then"], conditions), Ref("then"), "then", 0.75)


_READERS = {"when": _when, "said": _said, "required": _required, "earliest": _hours, "after": _sequence}


# --- rules that can never hit -----------------------------------------------------------------------------------------

_MOST_NAMES = 12
"""Beyond so many conditions in one expression contradictions are not looked for."""


def why_never(rule: Rule) -> str:
    """Why no call can ever meet the rule, or nothing where one might."""
    names = sorted({*names_in(rule.when), rule.evidence})
    if len(names) <= _MOST_NAMES and not any(_possible(rule, names)):
        return f"'when' contradicts itself, or is never true together with its evidence '{rule.evidence}'"
    for name, condition in rule.conditions.items():
        if isinstance(condition, Hours) and condition.earliest >= condition.latest:
            return "'earliest' is not before 'latest'"
        if isinstance(condition, Said) and condition.excuses & condition.requires:
            both = ", ".join(sorted(condition.excuses & condition.requires))
            return f"the condition '{name}' requires what also excuses it ({both})"
    return ""


def _possible(rule: Rule, names: list[str]) -> Iterator[bool]:
    for values in product((True, False), repeat=len(names)):
        met = dict(zip(names, values, strict=True))
        yield met[rule.evidence] and holds(rule.when, met)


def signals_needed(rule: Rule) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The conditions that must be met by something said, each with the signals of which one is enough."""
    names = sorted({*names_in(rule.when), rule.evidence})
    for name in names:
        condition = rule.conditions[name]
        if isinstance(condition, Said) and (len(names) > _MOST_NAMES or _needed(rule, name, names)):
            yield name, condition.signals


def _needed(rule: Rule, name: str, names: list[str]) -> bool:
    """Whether the rule can't hold while this condition is not met."""
    if name == rule.evidence:
        return True
    for values in product((True, False), repeat=len(names)):
        met = dict(zip(names, values, strict=True))
        if not met[name] and met[rule.evidence] and holds(rule.when, met):
            return False
    return True
