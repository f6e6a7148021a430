"""Signing in, and who is signed in."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr

from api.schemas.wire import Asked, Wire
from pipeline.services.views import Actor, Permission


class Credentials(Asked):
    """A name and a password."""

    name: str = Field(min_length=1, max_length=120)
    password: SecretStr = Field(min_length=1, max_length=1000)


class ActorOut(Wire):
    """Who asks. `teams` null means calls of every team."""

    name: str
    permissions: list[Permission]
    teams: list[str] | None

    @classmethod
    def of(cls, actor: Actor) -> Self:
        return cls(
            name=actor.name,
            permissions=sorted(actor.permissions),
            teams=None if actor.teams is None else sorted(actor.teams),
        )
