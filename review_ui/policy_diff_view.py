"""What differs between two packs, grouped by kind, old beside new, with the words that changed marked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from pipeline.policy.differences import Difference
from pipeline.policy.pack import Pack
from pipeline.policy.rules import Rule
from review_ui.language import Words
from review_ui.policy_rules_view import Branch, rule_view
from review_ui.policy_sentences import Sentences
from review_ui.policy_try_view import Option

KINDS = ("setting", "rule", "timeline", "pattern", "sound", "clause", "entry")
"""In the order in which they stand on the page: what decides most comes first."""

_TOKEN = re.compile(r"[A-Za-z0-9_.]+|\s+|.", re.S)
_TREE = frozenset({"conditions", "when", "evidence", "truth"})
"""Fields of a rule that are shown as its sentences."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """A piece of a value; `changed` where the other side has something else."""

    text: str
    changed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldView:
    name: str
    old: tuple[Stretch, ...]
    new: tuple[Stretch, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DifferenceView:
    id: str
    change: str
    change_name: str
    fields: tuple[FieldView, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DifferenceGroup:
    key: str
    name: str
    items: tuple[DifferenceView, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DiffPage:
    olds: tuple[Option, ...]
    news: tuple[Option, ...]
    old: str
    new: str
    summary: str
    groups: tuple[DifferenceGroup, ...]
    asked: bool


def diff_page(
    old: Pack | None,
    new: Pack | None,
    found: Sequence[Difference],
    choices: Sequence[tuple[str, str]],
    words: Words,
    *,
    a: str,
    b: str,
) -> DiffPage:
    """The page; without two packs it only asks which. `choices` are addresses and names of what can be compared."""
    groups: list[DifferenceGroup] = []
    if old is not None and new is not None:
        for kind in (*KINDS, *sorted({d.kind for d in found} - set(KINDS))):
            items = tuple(_difference(d, old, new, words) for d in found if d.kind == kind)
            if items:
                groups.append(DifferenceGroup(key=kind, name=words.named("policy.diff.kind", kind), items=items))
    return DiffPage(
        olds=tuple(Option(value=value, text=text, chosen=value == a) for value, text in choices),
        news=tuple(Option(value=value, text=text, chosen=value == b) for value, text in choices),
        old=f"{old.name} {old.version}" if old else "",
        new=f"{new.name} {new.version}" if new else "",
        summary=words("policy.diff.summary", n=len(found)) if old and new else "",
        groups=tuple(groups),
        asked=old is not None and new is not None,
    )


def _difference(one: Difference, old: Pack, new: Pack, words: Words) -> DifferenceView:
    fields = [(name, before, after) for name, before, after in one.details]
    if one.kind == "rule":
        fields = _rule_fields(one, old, new, words)
    return DifferenceView(
        id=one.id,
        change=one.change.value,
        change_name=words(f"policy.change.{one.change}"),
        fields=tuple(_field(words.named("policy.field", name), before, after) for name, before, after in fields),
    )


def _rule_fields(one: Difference, old: Pack, new: Pack, words: Words) -> list[tuple[str, str, str]]:
    """The fields of a rule with its conditions as sentences, and named values in the reader's language."""
    kept = [
        (name, _value(name, before, words), _value(name, after, words))
        for name, before, after in one.details
        if name not in _TREE
    ]
    before, after = (_sentences(_rule(pack, one.id), pack, words) for pack in (old, new))
    if before != after:
        kept.insert(0, ("conditions", before, after))
    return kept


def _value(name: str, value: str, words: Words) -> str:
    return words.named(name, value) if name in ("severity", "status", "role", "collector_type") and value else value


def _rule(pack: Pack, name: str) -> Rule | None:
    return next((rule for rule in pack.rules if rule.id == f"{pack.name}.{name}"), None)


def _sentences(rule: Rule | None, pack: Pack, words: Words) -> str:
    if rule is None:
        return ""
    view = rule_view(rule, Sentences(words, pack))
    said = [*_lines(view.tree, ""), *(line for anchor in view.anchors for line in _lines(anchor, ""))]
    return "\n".join([*said, *(words("policy.lawful", fact=fact) for fact in view.lawful)])


def _lines(node: Branch, indent: str) -> Iterator[str]:
    """A tree as lines, what lies below an operator further in."""
    if node.condition is not None:
        yield f"{indent}{node.condition.letter}  {node.condition.sentence}"
        return
    yield f"{indent}{node.label}"
    for part in node.parts:
        yield from _lines(part, indent + "    ")


def _field(name: str, before: str, after: str) -> FieldView:
    old, new = stretches(before, after)
    return FieldView(name=name, old=old, new=new)


def stretches(before: str, after: str) -> tuple[tuple[Stretch, ...], tuple[Stretch, ...]]:
    """Both values cut where they begin and cease to differ, by words, or by characters in Chinese."""
    if not before or not after:
        return _whole(before), _whole(after)
    left, right = _TOKEN.findall(before), _TOKEN.findall(after)
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    if matcher.quick_ratio() < 0.3:
        return _whole(before, changed=True), _whole(after, changed=True)
    old: list[Stretch] = []
    new: list[Stretch] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        for found, tokens in ((old, left[i1:i2]), (new, right[j1:j2])):
            if tokens:
                found.append(Stretch(text="".join(tokens), changed=tag != "equal"))
    return tuple(old), tuple(new)


def _whole(text: str, *, changed: bool = False) -> tuple[Stretch, ...]:
    return (Stretch(text=text, changed=changed),) if text else ()


def choices_of(packs: Iterable[Pack], versions: Iterable[tuple[int, str]]) -> list[tuple[str, str]]:
    """What can be compared: packs by name, versions by id."""
    named = [(pack.name, f"{pack.name} {pack.version}") for pack in packs]
    return [*named, *((str(id), f"{id} · {text}") for id, text in versions)]
