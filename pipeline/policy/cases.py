"""Regression cases of a pack: a dialogue in its jurisdiction's wording, and what the pack must and must not make of it.

Values, their reading and their comparison. Words become findings in the stages, which policy does not know, so who runs
a case brings a function that judges a dialogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from pipeline.policy.categories import GROUPS, categories
from pipeline.policy.facts import facts
from pipeline.policy.source import POLICY_DIR, Node, read, suggestion
from pipeline.records import CallContext, CollectorType, Direction, FindingStatus, Judgement, Jurisdiction, Role

CASES_DIR = POLICY_DIR / "packs" / "cases"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """What one side says in one turn."""

    role: Role
    text: str


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Outcome:
    """A category with the status that a finding of it has."""

    category: str
    status: FindingStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One dialogue and its findings.

    A pack that changes the outcome of a `locked` case is not published. A `known_gap` is right and not met yet: it is
    shown, and it blocks nothing. `never` holds categories of which no finding may come about, of whatever status.
    """

    name: str
    pack: str
    place: str
    locked: bool
    known_gap: bool
    context: CallContext
    dialogue: tuple[Line, ...]
    expect: tuple[Outcome, ...]
    never: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseOutcome:
    """What was expected and found, what was expected and is missing, and what was found although it never may be."""

    found: tuple[Outcome, ...]
    missing: tuple[Outcome, ...]
    forbidden: tuple[Outcome, ...]

    @property
    def passed(self) -> bool:
        return not self.missing and not self.forbidden


JudgeDialogue = Callable[[tuple[Line, ...], CallContext], Judgement]
"""From a dialogue to the findings of a call that consists of it."""


def run(case: Case, judge_dialogue: JudgeDialogue) -> CaseOutcome:
    """The case under whatever pack `judge_dialogue` applies."""
    judgement = judge_dialogue(case.dialogue, case.context)
    had = {Outcome(category=f.category, status=f.status) for f in judgement.findings}
    return CaseOutcome(
        found=tuple(wanted for wanted in case.expect if wanted in had),
        missing=tuple(wanted for wanted in case.expect if wanted not in had),
        forbidden=tuple(sorted(one for one in had if one.category in case.never)),
    )


def read_cases(path: Path) -> tuple[Case, ...]:
    """The cases of a file; raises BadPolicy with file and line of a mistake."""
    # The pack's own file has the same name: the folder tells them apart in a message.
    root = Node("/".join(path.parts[-2:]), read(path).raw)
    top = root.fields(["pack", "jurisdiction", "cases"])
    pack, jurisdiction = top["pack"].text(), top["jurisdiction"].one_of(Jurisdiction)
    found: dict[str, Case] = {}
    for node in top["cases"].sequence():
        case = _case(node, pack, jurisdiction)
        if case.name in found:
            node.fail(f"the case '{case.name}' stands twice; rename one.")
        found[case.name] = case
    return tuple(found.values())


def cases_of(pack: str) -> tuple[Case, ...]:
    """The cases that ship with a pack; none where it has no file of them."""
    path = CASES_DIR / f"{pack}.yaml"
    return read_cases(path) if path.is_file() else ()


def _case(node: Node, pack: str, jurisdiction: Jurisdiction) -> Case:
    f = node.fields(["name", "locked", "dialogue"], ["known_gap", "context", "expect", "never"])
    locked = f["locked"].flag()
    known_gap = f["known_gap"].flag() if "known_gap" in f else False
    if locked and known_gap:
        f["known_gap"].fail("a known gap can't be locked: no pack meets it.")
    expect = tuple(_outcome(item) for item in f["expect"].sequence()) if "expect" in f else ()
    never = frozenset(_never(f["never"].sequence())) if "never" in f else frozenset()
    if not expect and not never:
        node.fail("the case asserts nothing; say what it expects, or what may never be found.")
    for wanted in expect:
        if wanted.category in never:
            f["never"].fail(f"'{wanted.category}' is expected as well.")
    return Case(
        name=f["name"].text(),
        pack=pack,
        place=node.place,
        locked=locked,
        known_gap=known_gap,
        context=_context(f.get("context"), jurisdiction),
        dialogue=tuple(_line(item) for item in f["dialogue"].sequence()),
        expect=expect,
        never=never,
    )


def _line(node: Node) -> Line:
    role, colon, text = node.text().partition(": ")
    if not colon or role not in tuple(Role) or not text.strip():
        node.fail("a line is 'agent: …' or 'customer: …'.")
    return Line(role=Role(role), text=text)


def _outcome(node: Node) -> Outcome:
    f = node.fields(["category", "status"])
    key = f["category"].text()
    if key not in categories():
        f["category"].fail(f"there is no category '{key}'{suggestion(key, categories())}")
    return Outcome(category=key, status=f["status"].one_of(FindingStatus))


def _never(nodes: Iterable[Node]) -> Iterable[str]:
    """Categories, and all of a group where `GROUP.*` stands."""
    for node in nodes:
        key = node.text()
        group = key.removesuffix(".*")
        if group != key and group in GROUPS:
            yield from (name for name, category in categories().items() if category.group == group)
        elif key in categories():
            yield key
        else:
            known = [*categories(), *(f"{name}.*" for name in GROUPS)]
            node.fail(f"there is no category '{key}'{suggestion(key, known)}")


_TEXTS = ("customer_tz", "product", "outcome")


def _context(node: Node | None, jurisdiction: Jurisdiction) -> CallContext:
    if node is None:
        return CallContext(jurisdiction=jurisdiction)
    f = node.fields([], ["facts", "collector_type", "direction", "started_at", "days_past_due", *_TEXTS])
    texts = {name: f[name].text() for name in _TEXTS if name in f}
    return CallContext(
        jurisdiction=jurisdiction,
        collector_type=f["collector_type"].one_of(CollectorType) if "collector_type" in f else None,
        direction=f["direction"].one_of(Direction) if "direction" in f else None,
        started_at=_moment(f["started_at"]) if "started_at" in f else None,
        days_past_due=f["days_past_due"].whole(-100_000, 100_000) if "days_past_due" in f else None,
        customer_tz=texts.get("customer_tz"),
        product=texts.get("product"),
        outcome=texts.get("outcome"),
        facts=_facts(f["facts"]) if "facts" in f else {},
    )


def _moment(node: Node) -> datetime:
    try:
        moment = datetime.fromisoformat(node.text())
    except ValueError:
        node.fail("it takes a time such as 2026-03-01T09:30:00+08:00.")
    if moment.utcoffset() is None:
        node.fail("it needs its offset from UTC, such as +08:00 or Z.")
    return moment


def _facts(node: Node) -> dict[str, object]:
    """Facts with values of the types that intake would let through."""
    found: dict[str, object] = {}
    for name, value in node.mapping().items():
        fact = facts().get(name)
        if fact is None:
            value.fail(f"there is no account fact '{name}'{suggestion(name, facts())}")
        found[name] = _plain(value)
        if not fact.accepts(found[name]):
            value.fail(f"the fact '{name}' takes {fact.takes}.")
    return found


_TYPED = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("bool", "int", "float", "null"))


def _plain(node: Node) -> object:
    """The value as JSON would have it: a date stays a text."""
    if isinstance(node.raw, yaml.SequenceNode):
        return [_plain(item) for item in node.sequence()]
    return yaml.safe_load(node.text()) if node.raw.tag in _TYPED else node.text()
