"""What a rule asks of a call: named conditions that may stand in relation to each other, and how they combine.

Values and their reading from YAML; `evaluating` answers them. A condition sees signals, positions, context and facts,
never text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import time
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter

from pipeline.policy.categories import CUES, GROUPS, categories
from pipeline.policy.facts import check_fact
from pipeline.policy.features import DOUBTED, EVASIVE, FEATURES
from pipeline.policy.source import Node, suggestion
from pipeline.records import Role, Signal

ANYBODY: frozenset[Role] = frozenset(Role)
SURE = 0.6
"""From this probability on a signal counts where neither a condition nor the pack says otherwise."""
_LONGEST_S = 86_400


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchor:
    """Where another condition was met. `hit` is its n-th hit (-1 the last), None any of them.

    Turns are those of one speaker: the answer to a turn is one turn away. No hit of `unless` may lie between.
    """

    of: str
    hit: int | None = None
    within_turns: int | None = None
    within_ms: int | None = None
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """Which part of a call counts; everything by default. `not_after`: no hit of these stands before, or beside."""

    first_ms: int | None = None
    last_ms: int | None = None
    first_turns: int | None = None
    last_turns: int | None = None
    after: Anchor | None = None
    before: Anchor | None = None
    not_after: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """At least `at_least` signals of these keys, sure enough and not excused by how they were said.

    `threshold` is None where the rule leaves it to the pack, whose `thresholds` for these keys are then filled in. A
    rule of this one condition `takes_doubted` signals then; a longer story is not built on them.
    """

    signals: tuple[str, ...]
    roles: frozenset[Role] = ANYBODY
    threshold: float | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    takes_doubted: bool = False
    excuses: frozenset[str] = EVASIVE
    requires: frozenset[str] = frozenset()
    at_least: int = 1
    scope: Scope = field(default_factory=Scope)

    def from_probability(self, key: str) -> float:
        """The probability from which a signal of this key counts."""
        return self.thresholds.get(key, SURE) if self.threshold is None else self.threshold

    def needed(self, signal: Signal) -> float:
        """From what this signal counts: a pack's thresholds are not about the certainty of a lexicon."""
        if self.takes_doubted and DOUBTED in signal.features:
            return 0.0
        by_rule = self.threshold is not None
        return self.from_probability(signal.category) if by_rule or signal.is_calibrated else SURE


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """None of these was said in a window: from the beginning, or from where `after` was met.

    The window ends after `within_ms` or `within_turns` turns. Nothing is missing where one of `never` was met before
    its end, where the speakers had less than `at_least_ms` of speech in all, or, counted in turns, fewer than two
    utterances in the window.
    """

    signals: tuple[str, ...]
    roles: frozenset[Role]
    threshold: float = 0.5
    after: Anchor | None = None
    within_ms: int | None = None
    within_turns: int | None = None
    never: tuple[str, ...] = ()
    at_least_ms: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Hours:
    """The call began outside [earliest, latest) at the debtor's place; a true fact of `consent` lifts the ban."""

    earliest: time
    latest: time
    consent: tuple[str, ...] = ()


class Comparison(StrEnum):
    """How a value is looked at."""

    IS = "is"
    ONE_OF = "one_of"
    OVER = "over"
    UNDER = "under"
    KNOWN = "known"


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """A fact of the account (`facts.NAME`) or a key of the metadata, tested. One that is not known passes no test."""

    name: str
    test: Comparison
    wanted: tuple[str, ...]


Condition = Said | Missing | Hours | Value


@dataclass(frozen=True, slots=True)
class Ref:
    """A condition of this name is met."""

    name: str


@dataclass(frozen=True, slots=True)
class Combined:
    """At least `count` of the parts hold (all of them, any of them); `count` 0 means that none may."""

    count: int
    parts: tuple[Expression, ...]


Expression = Ref | Combined


def names_in(expression: Expression) -> Iterator[str]:
    """Every condition that an expression mentions."""
    if isinstance(expression, Ref):
        yield expression.name
    else:
        for part in expression.parts:
            yield from names_in(part)


def holds(expression: Expression, met: Mapping[str, bool]) -> bool:
    """Whether an expression is true when these conditions are met."""
    if isinstance(expression, Ref):
        return met[expression.name]
    if expression.count == 0:
        return not any(holds(part, met) for part in expression.parts)
    return sum(holds(part, met) for part in expression.parts) >= expression.count


def anchors_of(condition: Condition) -> frozenset[str]:
    """The other conditions that have to be answered first."""
    found: list[str] = []
    match condition:
        case Said(scope=scope):
            found += scope.not_after
            anchors: Iterable[Anchor | None] = (scope.after, scope.before)
        case Missing():
            found += condition.never
            anchors = (condition.after,)
        case _:
            anchors = ()
    for anchor in anchors:
        if anchor is not None:
            found += [anchor.of, *anchor.unless]
    return frozenset(found)


def ordered(node: Node, conditions: Mapping[str, Condition]) -> dict[str, Condition]:
    """The conditions with each behind those it is anchored to; refuses cycles and anchors that do not exist."""
    for name, condition in conditions.items():
        for other in anchors_of(condition):
            if other not in conditions:
                node.fail(
                    f"the condition '{name}' is anchored to '{other}', which is none{suggestion(other, conditions)}"
                )
    try:
        order = TopologicalSorter({n: sorted(anchors_of(c)) for n, c in conditions.items()}).static_order()
        return {name: conditions[name] for name in order}
    except CycleError as error:
        circle = " → ".join(error.args[1])
        node.fail(f"conditions are anchored to each other in a circle: {circle}; take one of these anchors out.")


def with_thresholds(conditions: Mapping[str, Condition], thresholds: Mapping[str, float]) -> dict[str, Condition]:
    """The conditions with the pack's thresholds, by category or by group, where they state none."""

    def filled(condition: Condition) -> Condition:
        if not isinstance(condition, Said) or condition.threshold is not None:
            return condition
        found = {key: thresholds.get(key, thresholds.get(key.partition(".")[0])) for key in condition.signals}
        known = {key: value for key, value in found.items() if value is not None}
        return replace(condition, thresholds=known, takes_doubted=len(conditions) == 1)

    return {name: filled(condition) for name, condition in conditions.items()}


def read_thresholds(nodes: Mapping[str, Node]) -> dict[str, float]:
    """The `thresholds:` of a pack: probabilities by category, or by group for all of its categories."""
    for key, node in nodes.items():
        if key not in categories() and key not in GROUPS:
            node.fail(f"there is no category or group '{key}'{suggestion(key, [*categories(), *GROUPS])}")
    return {key: node.number(0, 1) for key, node in nodes.items()}


# --- reading ----------------------------------------------------------------------------------------------------------

_SCOPE = ("first_s", "last_s", "first_turns", "last_turns", "after", "before", "not_after")
ABOUT = ("collector_type", "direction", "product", "team", "days_past_due", "outcome", "jurisdiction")
"""Keys of the metadata that a rule may look at."""


def read_conditions(node: Node) -> dict[str, Condition]:
    """The named conditions of a rule, in the order in which they can be answered."""
    read = {name: _condition(raw) for name, raw in node.mapping().items()}
    return ordered(node, read)


def read_expression(node: Node, conditions: Iterable[str]) -> Expression:
    """`name`, or one of {all: […]}, {any: […]}, {not: …}, {at_least: n, of: […]}."""
    known = set(conditions)
    if node.is_text:
        if node.text() not in known:
            node.fail(f"there is no condition '{node.text()}'{suggestion(node.text(), known)}")
        return Ref(node.text())
    keys = node.mapping()
    operator = next(iter(keys), "")
    if operator not in ("all", "any", "not", "at_least"):
        node.fail(f"unknown operator '{operator}'{suggestion(operator, ('all', 'any', 'not', 'at_least'))}")
    f = node.fields(("at_least", "of") if operator == "at_least" else (operator,))
    if operator == "not":
        return Combined(0, (read_expression(f["not"], known),))
    parts = tuple(read_expression(part, known) for part in f["of" if operator == "at_least" else operator].sequence())
    if not parts:
        node.fail(f"'{operator}' needs at least one condition.")
    if operator == "at_least":
        return Combined(f["at_least"].whole(1, len(parts)), parts)
    return Combined(len(parts) if operator == "all" else 1, parts)


_TELLS = ("said", "missing", "hours", "fact", "about")


def _condition(node: Node) -> Condition:
    keys = node.mapping()
    kind = next((kind for kind in _TELLS if kind in keys), None)
    if kind is None:
        node.fail(f"a condition is one of {', '.join(_TELLS)}; this has only {', '.join(keys)}.")
    match kind:
        case "said":
            f = node.fields(("said",), ("by", "threshold", "excuses", "requires", "at_least", *_SCOPE))
            return Said(
                signals=keys_of(f["said"]),
                roles=_roles(f, ANYBODY),
                threshold=f["threshold"].number(0, 1) if "threshold" in f else None,
                excuses=features_in(f["excuses"]) if "excuses" in f else EVASIVE,
                requires=features_in(f["requires"]) if "requires" in f else frozenset(),
                at_least=f["at_least"].whole(1, 1000) if "at_least" in f else 1,
                scope=_scope(f),
            )
        case "missing":
            f = node.fields(
                ("missing",), ("by", "threshold", "after", "within_s", "within_turns", "never", "at_least_s")
            )
            if ("within_s" in f) == ("within_turns" in f):
                node.fail("say how long it is looked for: either 'within_s' or 'within_turns'.")
            return Missing(
                signals=keys_of(f["missing"]),
                roles=_roles(f, frozenset({Role.AGENT})),
                threshold=f["threshold"].number(0, 1) if "threshold" in f else 0.5,
                after=_anchor(f["after"]) if "after" in f else None,
                within_ms=_ms(f, "within_s"),
                within_turns=f["within_turns"].whole(1, 1000) if "within_turns" in f else None,
                never=f["never"].texts() if "never" in f else (),
                at_least_ms=_ms(f, "at_least_s") or 0,
            )
        case "hours":
            f = node.fields(("hours",), ("consent",))
            inner = f["hours"].fields(("earliest", "latest"))
            return Hours(
                earliest=clock_of(inner["earliest"]),
                latest=clock_of(inner["latest"]),
                consent=facts_of(f["consent"]) if "consent" in f else (),
            )
        case "fact":
            f = node.fields(("fact",), tuple(Comparison))
            return _value(node, f, f"facts.{check_fact(f['fact'])}")
        case _:
            f = node.fields(("about",), tuple(Comparison))
            name = f["about"].text()
            if name not in ABOUT:
                f["about"].fail(f"'{name}' is not one of {', '.join(ABOUT)}{suggestion(name, ABOUT)}")
            return _value(node, f, name)


def _value(node: Node, f: Mapping[str, Node], name: str) -> Value:
    tests = [test for test in Comparison if test in f]
    if len(tests) != 1:
        node.fail(f"say one of {', '.join(Comparison)} of it.")
    test = tests[0]
    wanted = f[test].texts()
    if test in (Comparison.OVER, Comparison.UNDER):
        f[test].number(-1e12, 1e12)
    if test is Comparison.KNOWN:
        f[test].flag()
    return Value(name=name, test=test, wanted=wanted)


def _scope(f: Mapping[str, Node]) -> Scope:
    return Scope(
        first_ms=_ms(f, "first_s"),
        last_ms=_ms(f, "last_s"),
        first_turns=f["first_turns"].whole(1, 1000) if "first_turns" in f else None,
        last_turns=f["last_turns"].whole(1, 1000) if "last_turns" in f else None,
        after=_anchor(f["after"]) if "after" in f else None,
        before=_anchor(f["before"]) if "before" in f else None,
        not_after=f["not_after"].texts() if "not_after" in f else (),
    )


def _anchor(node: Node) -> Anchor:
    if node.is_text:
        return Anchor(of=node.text())
    f = node.fields(("of",), ("hit", "within_turns", "within_s", "unless"))
    hit = f["hit"].whole(-1, 1000) if "hit" in f else None
    if hit == 0:
        f["hit"].fail("hits are counted from 1; -1 is the last one.")
    return Anchor(
        of=f["of"].text(),
        hit=hit,
        within_turns=f["within_turns"].whole(1, 1000) if "within_turns" in f else None,
        within_ms=_ms(f, "within_s"),
        unless=f["unless"].texts() if "unless" in f else (),
    )


def _roles(f: Mapping[str, Node], otherwise: frozenset[Role]) -> frozenset[Role]:
    if "by" not in f:
        return otherwise
    return frozenset(part.one_of(Role) for part in f["by"].parts())


def _ms(f: Mapping[str, Node], name: str) -> int | None:
    return int(f[name].number(0.1, _LONGEST_S) * 1000) if name in f else None


def keys_of(node: Node) -> tuple[str, ...]:
    """Categories and cues that a lexicon or a model may find."""
    found = []
    for part in node.parts():
        if part.text() not in categories() and part.text() not in CUES:
            part.fail(f"there is no category or cue '{part.text()}'{suggestion(part.text(), [*categories(), *CUES])}")
        found.append(part.text())
    if not found:
        node.fail("name at least one category or cue.")
    return tuple(found)


def features_in(node: Node) -> frozenset[str]:
    """Names of features, checked."""
    for part in node.parts():
        if part.text() not in FEATURES:
            part.fail(f"unknown feature '{part.text()}'{suggestion(part.text(), FEATURES)}")
    return frozenset(node.texts())


def facts_of(node: Node) -> tuple[str, ...]:
    """Names of account facts, checked."""
    return tuple(check_fact(part) for part in node.parts())


def clock_of(node: Node) -> time:
    """A time of day such as 08:00."""
    try:
        return time.fromisoformat(node.text())
    except ValueError:
        node.fail(f"'{node.text()}' is not a time of day such as 08:00.")
