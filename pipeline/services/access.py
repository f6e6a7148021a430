"""Who may sign in and what they may then do: users, passwords, sessions, one-time links, API tokens.

Of every secret only a hash is kept, and no secret is ever written to a log. Knows no cookie and no HTTP.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from pipeline.errors import Conflict, Forbidden, InvalidInput, NotFound
from pipeline.services.scope import require
from pipeline.services.views import Actor, Permission
from pipeline.settings import Settings
from pipeline.store import audit
from pipeline.store.database import Database, lock
from pipeline.store.tables import AuditRow, SecretRow, UserRow

if TYPE_CHECKING:
    from pwdlib import PasswordHash

SHORTEST_PASSWORD = 12
LINK_LIFE = timedelta(minutes=15)
TOKEN_PREFIX = "fb_"  # noqa: S105 - it marks tokens, so that scanners for leaked ones can find them
LOCAL = "local"
"""Who acts in the audit log when somebody at the machine itself did, without an account."""

_LONGEST_NAME = 120
_LOCK = "users"
"""Held by whoever adds a user or takes one away: names stay unique, and an administrator is left."""
_TRIES = 5
_TRIES_WITHIN_S = 900.0


class UserRole(StrEnum):
    ADMIN = "admin"
    REVIEWER = "reviewer"
    QA = "qa"
    MANAGER = "manager"


ROLE_PERMISSIONS: Mapping[UserRole, frozenset[Permission]] = {
    UserRole.ADMIN: frozenset(Permission),
    UserRole.REVIEWER: frozenset({Permission.CALLS_READ, Permission.CALLS_ORIGINAL, Permission.CALLS_WRITE}),
    UserRole.QA: frozenset({Permission.CALLS_READ}),
    UserRole.MANAGER: frozenset({Permission.CALLS_READ}),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """Somebody who may sign in. `teams` None means calls of every team."""

    name: str
    role: UserRole
    teams: frozenset[str] | None
    disabled: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """An API token, without its secret."""

    user: str
    label: str
    scopes: frozenset[Permission]
    created_at: datetime
    expires_at: datetime


class _Kind(StrEnum):
    SESSION = "session"
    LINK = "link"
    TOKEN = "token"  # noqa: S105


class Access:
    """Users and their secrets."""

    def __init__(self, *, database: Database, settings: Settings) -> None:
        self._database = database
        self._session_life = timedelta(hours=settings.session_hours)
        self._attempts = _Attempts()

    # --- users ---

    def create_user(
        self, actor: Actor, name: str, role: str, password: str | None = None, teams: Iterable[str] | None = None
    ) -> User:
        """A new user; without a password they sign in by link. Raises InvalidInput, Conflict when the name is taken."""
        require(actor, Permission.ADMIN)
        name = name.strip()
        if not _may_be_named(name):
            raise InvalidInput(f"A user's name has 1 to {_LONGEST_NAME} printable characters.", code="bad_name")
        try:
            known_role = UserRole(role)
        except ValueError:
            raise InvalidInput(f"A role is one of {', '.join(UserRole)}.", code="bad_role") from None
        row = UserRow(
            name=name,
            role=known_role,
            teams=sorted(set(teams)) if teams is not None else None,
            password_hash=self._hashed(password) if password is not None else None,
            disabled=False,
            created_at=datetime.now(UTC),
        )
        with self._database.session() as session:
            lock(session, _LOCK)
            if session.scalars(select(UserRow.id).where(UserRow.name == name)).first() is not None:
                raise Conflict(f"There is a user {name} already.", code="name_taken")
            session.add(row)
            audit.append(session, actor.name, "user.created", name, {"role": role, "teams": row.teams})
        return _user(row)

    def users(self, actor: Actor) -> list[User]:
        """Everybody, by name."""
        require(actor, Permission.ADMIN)
        with self._database.read() as session:
            return [_user(row) for row in session.scalars(select(UserRow).order_by(UserRow.name))]

    def set_password(self, actor: Actor, name: str, password: str) -> None:
        """A new password, by an administrator or the user; ends the user's sessions."""
        if actor.name != name:
            require(actor, Permission.ADMIN)
        hashed = self._hashed(password)
        with self._database.session() as session:
            row = _find(session, name)
            row.password_hash = hashed
            session.execute(delete(SecretRow).where(SecretRow.user_id == row.id, SecretRow.kind != _Kind.TOKEN))
            audit.append(session, actor.name, "user.password_set", name)

    def disable_user(self, actor: Actor, name: str) -> None:
        """Takes all access away, sessions and tokens included; raises Conflict for the last administrator."""
        require(actor, Permission.ADMIN)
        with self._database.session() as session:
            lock(session, _LOCK)
            row = _find(session, name)
            admins = select(func.count()).where(UserRow.role == UserRole.ADMIN, ~UserRow.disabled, UserRow.id != row.id)
            if row.role == UserRole.ADMIN and not session.scalar(admins):
                raise Conflict(f"{name} is the last administrator; add another first.", code="last_admin")
            row.disabled = True
            session.execute(delete(SecretRow).where(SecretRow.user_id == row.id))
            audit.append(session, actor.name, "user.disabled", name)

    def enable_user(self, actor: Actor, name: str) -> None:
        """Lets a disabled user sign in again; their old tokens stay worthless."""
        require(actor, Permission.ADMIN)
        with self._database.session() as session:
            _find(session, name).disabled = False
            audit.append(session, actor.name, "user.enabled", name)

    # --- signing in ---

    def sign_in(self, name: str, password: str) -> str:
        """The secret of a new session; raises Forbidden (`bad_credentials`, or `too_many_attempts` for a while)."""
        if not _may_be_named(name):
            # Nobody's; and what anybody may send must not be kept, however long, to count tries by.
            raise _wrong()
        self._attempts.check(name)
        with self._database.read() as session:
            row = session.scalars(select(UserRow).where(UserRow.name == name, ~UserRow.disabled)).first()
        # A name that nobody has takes as long as a wrong password, so that names can't be told by the clock.
        hashed = row.password_hash if row is not None and row.password_hash else self._nobodys_hash
        with self._attempts.one_at_a_time:
            right = self._passwords.verify(password, hashed)
        if row is None or not row.password_hash or not right:
            self._attempts.failed(name)
            raise _wrong()
        self._attempts.forget(name)
        with self._database.session() as session:
            return self._open_session(session, row, "password")

    def sign_in_link(self, name: str, *, actor: Actor | None = None) -> str:
        """The secret of a link that signs its bearer in as this user, once, within `LINK_LIFE`."""
        if actor is not None:
            require(actor, Permission.ADMIN)
        with self._database.session() as session:
            row = _find(session, name)
            if row.disabled:
                raise Conflict(f"{name} is disabled.", code="user_disabled")
            secret = _add(session, row, _Kind.LINK, LINK_LIFE)
            audit.append(session, actor.name if actor else LOCAL, "user.link_made", name)
            return secret

    def use_link(self, secret: str) -> str:
        """Trades a link's secret for a session's; raises Forbidden (`bad_link`) when it was used or is too old."""
        now = datetime.now(UTC)
        with self._database.session() as session:
            used = session.execute(
                update(SecretRow)
                .where(
                    SecretRow.hash == _hash(secret),
                    SecretRow.kind == _Kind.LINK,
                    SecretRow.used_at.is_(None),
                    SecretRow.expires_at > now,
                )
                .values(used_at=now)
                .returning(SecretRow.user_id)
            ).scalar()
            row = session.get(UserRow, used) if used is not None else None
            if row is None or row.disabled:
                raise Forbidden("This link was used or is too old; make a new one.", code="bad_link")
            return self._open_session(session, row, "link")

    def anyone_signed_in(self) -> bool:
        """Whether anybody ever did."""
        with self._database.read() as session:
            line = select(AuditRow.id).where(AuditRow.action == "user.signed_in").limit(1)
            return session.scalars(line).first() is not None

    def actor_of_session(self, secret: str) -> Actor | None:
        """Whose session this is; None when it ended."""
        return self._actor(secret, _Kind.SESSION)

    def sign_out(self, secret: str) -> None:
        """Ends a session; it is no error if it had ended."""
        with self._database.session() as session:
            session.execute(delete(SecretRow).where(SecretRow.hash == _hash(secret), SecretRow.kind == _Kind.SESSION))

    # --- tokens ---

    def create_token(self, actor: Actor, user: str, label: str = "", scopes: Iterable[str] = (), days: int = 90) -> str:
        """The secret of a token that acts as the user, limited to `scopes` where any are given; shown this once."""
        require(actor, Permission.ADMIN)
        try:
            wanted = sorted({Permission(scope) for scope in scopes})
        except ValueError:
            raise InvalidInput(f"A scope is one of {', '.join(Permission)}.", code="bad_scope") from None
        if not 1 <= days <= 3660:
            raise InvalidInput("A token lasts 1 to 3660 days.", code="bad_days")
        with self._database.session() as session:
            row = _find(session, user)
            if row.disabled:
                raise Conflict(f"{user} is disabled.", code="user_disabled")
            secret = _add(session, row, _Kind.TOKEN, timedelta(days=days), label=label.strip()[:120], scopes=wanted)
            details = {"label": label.strip()[:120], "scopes": list(wanted), "days": days}
            audit.append(session, actor.name, "token.created", user, details)
            return secret

    def tokens(self, actor: Actor) -> list[Token]:
        """All tokens that are still good."""
        require(actor, Permission.ADMIN)
        statement = (
            select(SecretRow, UserRow.name)
            .join(UserRow, UserRow.id == SecretRow.user_id)
            .where(SecretRow.kind == _Kind.TOKEN, SecretRow.expires_at > datetime.now(UTC))
            .order_by(SecretRow.created_at)
        )
        with self._database.read() as session:
            return [
                Token(
                    user=name,
                    label=row.label,
                    scopes=frozenset(Permission(scope) for scope in row.scopes),
                    created_at=row.created_at,
                    expires_at=row.expires_at,
                )
                for row, name in session.execute(statement)
            ]

    def revoke_token(self, actor: Actor, token: str) -> int:
        """Makes the tokens with this secret or label worthless; returns how many, raises NotFound for none."""
        require(actor, Permission.ADMIN)
        fits = (SecretRow.hash == _hash(token)) | ((SecretRow.label == token) & (SecretRow.label != ""))
        with self._database.session() as session:
            gone = session.execute(
                delete(SecretRow).where(SecretRow.kind == _Kind.TOKEN, fits).returning(SecretRow.user_id)
            ).all()
            if not gone:
                raise NotFound("There is no such token.", code="token_not_found")
            names = session.scalars(select(UserRow.name).where(UserRow.id.in_({row[0] for row in gone})))
            for name in sorted(names):
                audit.append(session, actor.name, "token.revoked", name)
        return len(gone)

    def actor_of_token(self, secret: str) -> Actor | None:
        """Who acts with this token; None when it is none, expired or revoked."""
        return self._actor(secret, _Kind.TOKEN) if secret.startswith(TOKEN_PREFIX) else None

    # --- inside ---

    def _actor(self, secret: str, kind: _Kind) -> Actor | None:
        statement = (
            select(SecretRow, UserRow)
            .join(UserRow, UserRow.id == SecretRow.user_id)
            .where(SecretRow.hash == _hash(secret), SecretRow.kind == kind, SecretRow.expires_at > datetime.now(UTC))
            .where(~UserRow.disabled)
        )
        with self._database.read() as session:
            found = session.execute(statement).first()
        if found is None:
            return None
        row, user = found
        permissions = ROLE_PERMISSIONS[UserRole(user.role)]
        if row.scopes:
            permissions &= {Permission(scope) for scope in row.scopes}
        return Actor(name=user.name, permissions=permissions, teams=_teams(user))

    def _open_session(self, session: Session, user: UserRow, how: str) -> str:
        session.execute(delete(SecretRow).where(SecretRow.expires_at < datetime.now(UTC)))
        secret = _add(session, user, _Kind.SESSION, self._session_life)
        audit.append(session, user.name, "user.signed_in", user.name, {"by": how})
        return secret

    def _hashed(self, password: str) -> str:
        if len(password) < SHORTEST_PASSWORD:
            raise InvalidInput(f"A password has at least {SHORTEST_PASSWORD} characters.", code="weak_password")
        return self._passwords.hash(password)

    @cached_property
    def _passwords(self) -> PasswordHash:
        from pwdlib import PasswordHash

        return PasswordHash.recommended()

    @cached_property
    def _nobodys_hash(self) -> str:
        return self._passwords.hash(secrets.token_hex())


class _Attempts:
    """Wrong passwords by name, in this process: after `_TRIES` a name has to wait until the first is old enough."""

    def __init__(self) -> None:
        self.one_at_a_time = threading.Lock()
        """A check takes 64 MiB; a flood of them must not take the machine."""
        self._lock = threading.Lock()
        self._failures: dict[str, list[float]] = {}

    def check(self, name: str) -> None:
        with self._lock:
            if len(self._recent(name)) >= _TRIES:
                raise Forbidden(
                    "Too many wrong passwords; try again in a quarter of an hour.", code="too_many_attempts"
                )

    def failed(self, name: str) -> None:
        with self._lock:
            self._failures[name] = [*self._recent(name), time.monotonic()]
            for other in [n for n in self._failures if not self._recent(n)]:
                del self._failures[other]

    def forget(self, name: str) -> None:
        with self._lock:
            self._failures.pop(name, None)

    def _recent(self, name: str) -> list[float]:
        since = time.monotonic() - _TRIES_WITHIN_S
        return [at for at in self._failures.get(name, ()) if at > since]


def _add(session: Session, user: UserRow, kind: _Kind, life: timedelta, **values: Any) -> str:
    prefix = TOKEN_PREFIX if kind is _Kind.TOKEN else ""
    secret = prefix + secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    row = SecretRow(hash=_hash(secret), kind=kind, user_id=user.id, created_at=now, expires_at=now + life, **values)
    session.add(row)
    session.flush()
    return secret


def _may_be_named(name: str) -> bool:
    return 1 <= len(name) <= _LONGEST_NAME and name.isprintable()


def _wrong() -> Forbidden:
    return Forbidden("Name or password is wrong.", code="bad_credentials")


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def _find(session: Session, name: str) -> UserRow:
    row = session.scalars(select(UserRow).where(UserRow.name == name).with_for_update()).first()
    if row is None:
        raise NotFound(f"There is no user {name}; add one with: forbear user add {name}", code="user_not_found")
    return row


def _teams(row: UserRow) -> frozenset[str] | None:
    return frozenset(row.teams) if row.teams is not None else None


def _user(row: UserRow) -> User:
    return User(name=row.name, role=UserRole(row.role), teams=_teams(row), disabled=row.disabled)
