"""What changed between two packs, rule by rule, clause by clause and entry by entry. Compares meaning, not text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from pipeline.policy.pack import Pack


class Change(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One thing that is in only one pack, or not the same in both. `details`: the fields that changed, old and new."""

    kind: str
    id: str
    change: Change
    details: tuple[tuple[str, str, str], ...] = ()


def differences(old: Pack, new: Pack) -> tuple[Difference, ...]:
    """From `old` to `new`: rules, cross-call rules, clauses, lexicon entries, sounds, patterns, settings."""
    found: list[Difference] = []
    found += _compare("rule", _rules(old), _rules(new))
    found += _compare("timeline", _timeline(old), _timeline(new))
    found += _compare("clause", old.clauses, new.clauses)
    found += _compare("entry", _entries(old), _entries(new))
    found += _compare("sound", {s.id: s for s in old.sounds}, {s.id: s for s in new.sounds})
    found += _compare("pattern", {p.id: p for p in old.patterns}, {p.id: p for p in new.patterns})
    if old.flag_possible_over != new.flag_possible_over:
        values = (("value", f"{old.flag_possible_over:g}", f"{new.flag_possible_over:g}"),)
        found.append(Difference(kind="setting", id="flag_possible_over", change=Change.CHANGED, details=values))
    for key in dict.fromkeys((*old.thresholds, *new.thresholds)):
        before, after = old.thresholds.get(key), new.thresholds.get(key)
        if before != after:
            values = (("value", _shown(before), _shown(after)),)
            found.append(Difference(kind="setting", id=f"threshold {key}", change=Change.CHANGED, details=values))
    if old.customer_voice != new.customer_voice:
        shown = {True: "on", False: "off"}
        values = (("value", shown[old.customer_voice], shown[new.customer_voice]),)
        found.append(Difference(kind="setting", id="customer_voice", change=Change.CHANGED, details=values))
    return tuple(found)


def _rules(pack: Pack) -> dict[str, object]:
    """Rules without the pack's name, so that a pack and one that extends it are comparable."""
    return {rule.id.removeprefix(f"{pack.name}."): rule for rule in pack.rules}


def _timeline(pack: Pack) -> dict[str, object]:
    return {rule.id.removeprefix(f"{pack.name}."): rule for rule in pack.timeline}


def _entries(pack: Pack) -> dict[str, object]:
    return {entry.id: entry for lexicon in pack.lexicons for entry in lexicon.entries}


_UNIMPORTANT = frozenset({"id", "place"})
"""Fields that tell where something stands, not what it means."""


def _compare(kind: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterable[Difference]:
    for name in (*old, *(n for n in new if n not in old)):
        if name not in new:
            yield Difference(kind=kind, id=name, change=Change.REMOVED)
        elif name not in old:
            yield Difference(kind=kind, id=name, change=Change.ADDED)
        elif details := tuple(_changed(old[name], new[name])):
            yield Difference(kind=kind, id=name, change=Change.CHANGED, details=details)


def _changed(old: object, new: object) -> Iterable[tuple[str, str, str]]:
    for field in fields(old):  # type: ignore[arg-type]
        if field.name not in _UNIMPORTANT:
            before, after = _shown(getattr(old, field.name)), _shown(getattr(new, field.name))
            if before != after:
                yield field.name, before, after


def _shown(value: object) -> str:
    """A value as a person may read it; sets in order, patterns as they were written."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_shown(part)}" for key, part in value.items())
    if isinstance(value, frozenset | set):
        return ", ".join(sorted(map(_shown, value)))
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value))
    if hasattr(value, "pattern"):
        return str(value.pattern)
    if ref := getattr(value, "ref", None):
        return str(ref)
    return "" if value is None else str(value)
