"""The four groups that scores are averaged over, and what a label may name: a category, one of these, or a group of it.

Knows the categories and nothing of how they are found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipeline.errors import InvalidInput
from pipeline.evaluation.reasons import named
from pipeline.policy.categories import GROUPS as CATEGORY_GROUPS
from pipeline.policy.categories import REPORTED, categories, reported_group
from pipeline.policy.source import suggestion
from pipeline.records import Role

GROUPS = REPORTED
"""Each group with the first parts of the categories that belong to it."""
CONDUCT_GROUPS = frozenset({*GROUPS["threat"], *GROUPS["abuse"], *GROUPS["pressure"]})
"""First parts of the categories of conduct that must not occur."""


def group_of(label: str) -> str | None:
    """The group of a category, or of a label that names a group; None for what is in none of the four."""
    return reported_group(label)


def hold_group(labels: Iterable[str], group: str) -> bool:
    """Whether any of the labels is in one of the four groups."""
    return any(group_of(label) == group for label in labels)


def is_group(label: str) -> bool:
    """Whether a label names a group ("threat") and not a category ("threat.arrest")."""
    return "." not in label


def covers(label: str, category: str) -> bool:
    """Whether a true label says as much: the category itself, or a group that holds it."""
    if not is_group(label):
        return label == category
    return _prefix(category) in GROUPS.get(label, (label,))


def is_alarming(label: str, role: Role) -> bool:
    """Whether somebody would be called for it: an agent's conduct that must not occur, a customer's distress."""
    if role is Role.AGENT:
        return _prefix(label) in CONDUCT_GROUPS
    return role is Role.CUSTOMER and _prefix(label) == "distress"


def check_label(label: str) -> None:
    """Raises InvalidInput for what names neither a category nor a group."""
    if label not in categories() and label not in CATEGORY_GROUPS:
        near = suggestion(label, [*categories(), *CATEGORY_GROUPS])
        raise InvalidInput(f"labels: {named(label)} names neither a category nor a group{near}", code="unknown_label")


def _prefix(label: str) -> str:
    return label.partition(".")[0]


ROLE_GROUPS: Mapping[Role, tuple[str, ...]] = {
    role: tuple(group for group in GROUPS if is_alarming(group, role)) for role in (Role.AGENT, Role.CUSTOMER)
}
"""The groups that a turn can belong to, by who speaks."""
