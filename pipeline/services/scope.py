"""Who may do what to which calls: the one place that turns an actor into a condition of a query."""

from __future__ import annotations

from sqlalchemy import ColumnElement, true
from sqlalchemy.orm import InstrumentedAttribute

from pipeline.errors import Forbidden
from pipeline.services.views import Actor, Permission
from pipeline.store.tables import CallRow


def require(actor: Actor, permission: Permission) -> None:
    """Raises Forbidden when the actor lacks the permission."""
    if permission not in actor.permissions:
        raise Forbidden(f"This needs the permission {permission.value}; ask an administrator for it.")


def visible(actor: Actor, team: InstrumentedAttribute[str | None] = CallRow.team) -> ColumnElement[bool]:
    """The condition that every query for calls carries: a call without a team is only for those who see all teams.

    `team` is the column that names the team, where it is call records that are asked for.
    """
    return true() if actor.teams is None else team.in_(sorted(actor.teams))


def sees(actor: Actor, row: CallRow) -> bool:
    """Whether a row that was fetched for another reason may be shown to the actor."""
    return actor.teams is None or row.team in actor.teams
