"""The turns on which being wrong costs most, to be read by a person: the only figures that come with words.

What was missed costs by its severity, however often it happens; a false alarm costs a reviewer's time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline.evaluation.groups import covers, group_of, is_alarming
from pipeline.evaluation.judged import JudgedTurn
from pipeline.policy.categories import categories
from pipeline.records import Role, Severity

COSTS = {Severity.CRITICAL: 8, Severity.HIGH: 4, Severity.MEDIUM: 2, Severity.LOW: 1, Severity.INFO: 0}
"""What missing a category of a severity costs; nobody is harmed where good practice is overlooked."""
ALARM_COSTS = 1
LENGTH = 120
"""Of a text, so many characters are shown."""


class Kind(StrEnum):
    MISSED = "missed"
    ALARM = "alarm"


@dataclass(frozen=True, kw_only=True, slots=True)
class Miss:
    """A turn that was judged wrongly: `labels` and `decided` are all of them, `probability` is that of the costliest
    category that was missed, or that was wrongly decided."""

    kind: Kind
    cost: float
    id: str | int
    role: Role
    labels: tuple[str, ...]
    decided: tuple[str, ...]
    probability: float
    text: str


def costliest(judged: Sequence[JudgedTurn], count: int) -> tuple[Miss, ...]:
    """The `count` costliest, the worst first; equally costly ones in the order of the file."""
    found = [miss for each in judged if (miss := _miss(each)) is not None]
    return tuple(sorted(found, key=lambda miss: -miss.cost)[:count])


def _miss(judged: JudgedTurn) -> Miss | None:
    """The worst of what is wrong about a turn, or None where nothing is that would cost anything."""
    wrong = [(_severity(key) * (1 - p), Kind.MISSED, p) for key in judged.missed for p in [judged.probability(key)]]
    wrong += [(ALARM_COSTS * p, Kind.ALARM, p) for key in _alarms(judged) for p in [judged.probability(key)]]
    cost, kind, probability = max(wrong, key=lambda each: each[0], default=(0.0, Kind.ALARM, 0.0))
    if cost <= 0:
        return None
    return Miss(
        kind=kind,
        cost=round(cost, 4),
        id=judged.turn.id,
        role=judged.turn.role,
        labels=tuple(sorted(judged.labels)),
        decided=tuple(sorted(judged.decided)),
        probability=probability,
        text=shown(judged.turn.text),
    )


def _alarms(judged: JudgedTurn) -> list[str]:
    """Decided categories of a group that the turn is not labelled with: another category of the right group brings the
    right turn before a reviewer."""
    groups = {group_of(label) for label in judged.labels}
    return [key for key in judged.extra if is_alarming(key, judged.turn.role) and group_of(key) not in groups]


def _severity(label: str) -> int:
    """The cost of a category; of a group, that of its worst category, for it may have been that one."""
    return max((COSTS[each.severity] for key, each in categories().items() if covers(label, key)), default=0)


def shown(text: str) -> str:
    """A text on one line, without what would steer a terminal, cut at `LENGTH`."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LENGTH else line[: LENGTH - 1] + "…"
