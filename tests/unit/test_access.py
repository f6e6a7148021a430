"""Users, passwords, sessions, links and tokens: what opens a door, for how long, and that no secret is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from stores import ADMIN, World

from pipeline.errors import Conflict, Forbidden, InvalidInput, NotFound
from pipeline.services.access import ROLE_PERMISSIONS, TOKEN_PREFIX, Access, UserRole
from pipeline.services.views import Actor, Permission
from pipeline.store.tables import SecretRow, UserRow

PASSWORD = "correct horse battery"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
def access(world: World) -> Access:
    return world.access


def expire(world: World) -> None:
    with world.database.session() as session:
        session.execute(update(SecretRow).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))


def test_a_password_opens_a_session_that_sign_out_ends(access: Access) -> None:
    access.create_user(ADMIN, "li", "reviewer", PASSWORD, teams=["east"])
    assert not access.anyone_signed_in()
    secret = access.sign_in("li", PASSWORD)
    assert access.anyone_signed_in()
    actor = access.actor_of_session(secret)
    assert actor == Actor(name="li", permissions=ROLE_PERMISSIONS[UserRole.REVIEWER], teams=frozenset({"east"}))
    access.sign_out(secret)
    assert access.actor_of_session(secret) is None
    access.sign_out(secret)


@pytest.mark.parametrize(
    ("name", "password"), [("li", "wrong password"), ("nobody", PASSWORD), ("link-only", ""), ("li", "")]
)
def test_anything_else_is_the_same_refusal(access: Access, name: str, password: str) -> None:
    access.create_user(ADMIN, "li", "qa", PASSWORD)
    access.create_user(ADMIN, "link-only", "qa")
    with pytest.raises(Forbidden) as caught:
        access.sign_in(name, password)
    assert (caught.value.code, caught.value.message) == ("bad_credentials", "Name or password is wrong.")


@pytest.mark.parametrize("name", ["x" * 121, "li\x00", "li\n", ""])
def test_a_name_that_nobody_can_have_is_refused_and_not_kept(access: Access, name: str) -> None:
    for _ in range(6):
        with pytest.raises(Forbidden) as caught:
            access.sign_in(name, PASSWORD)
        assert caught.value.code == "bad_credentials"
    assert not access._attempts._failures


def test_guessing_has_to_wait_even_with_the_right_password(access: Access) -> None:
    access.create_user(ADMIN, "li", "qa", PASSWORD)
    access.create_user(ADMIN, "wu", "qa", PASSWORD)
    for _ in range(5):
        with pytest.raises(Forbidden):
            access.sign_in("li", "guess guess guess")
    with pytest.raises(Forbidden) as caught:
        access.sign_in("li", PASSWORD)
    assert caught.value.code == "too_many_attempts"
    assert access.sign_in("wu", PASSWORD)


def test_a_session_ends_by_itself(world: World, access: Access) -> None:
    access.create_user(ADMIN, "li", "qa", PASSWORD)
    secret = access.sign_in("li", PASSWORD)
    expire(world)
    assert access.actor_of_session(secret) is None
    access.sign_in("li", PASSWORD)
    with world.database.read() as session:
        assert len(session.scalars(select(SecretRow)).all()) == 1, "what expired is cleared away"


def test_a_link_works_once_and_for_its_user(world: World, access: Access) -> None:
    access.create_user(ADMIN, "li", "qa")
    link = access.sign_in_link("li")
    actor = access.actor_of_session(access.use_link(link))
    assert actor is not None and actor.name == "li"
    for secret in (link, "nonsense", "\ud800"):
        with pytest.raises(Forbidden) as caught:
            access.use_link(secret)
        assert caught.value.code == "bad_link"
    late = access.sign_in_link("li")
    expire(world)
    with pytest.raises(Forbidden):
        access.use_link(late)


def test_secrets_of_one_kind_open_no_other_door(access: Access) -> None:
    access.create_user(ADMIN, "li", "qa", PASSWORD)
    session, link, token = access.sign_in("li", PASSWORD), access.sign_in_link("li"), access.create_token(ADMIN, "li")
    assert access.actor_of_session(link) is access.actor_of_session(token) is None
    assert access.actor_of_token(session) is access.actor_of_token(link) is None
    with pytest.raises(Forbidden):
        access.use_link(session)


def test_a_token_acts_as_its_user_within_its_scopes(world: World, access: Access) -> None:
    access.create_user(ADMIN, "li", "qa", teams=["east"])
    whole = access.create_token(ADMIN, "li")
    assert whole.startswith(TOKEN_PREFIX)
    narrow = access.create_token(ADMIN, "li", label="importer", scopes=["calls:read", "calls:delete"], days=1)
    full, part = access.actor_of_token(whole), access.actor_of_token(narrow)
    assert full is not None and part is not None
    assert full.permissions == ROLE_PERMISSIONS[UserRole.QA]
    assert part.permissions == {Permission.CALLS_READ}, "a scope gives nothing that the user has not"
    assert part.teams == {"east"}
    assert [(token.user, token.label) for token in access.tokens(ADMIN)] == [("li", ""), ("li", "importer")]
    assert access.revoke_token(ADMIN, "importer") == 1
    assert access.actor_of_token(narrow) is None
    assert access.revoke_token(ADMIN, whole) == 1
    with pytest.raises(NotFound):
        access.revoke_token(ADMIN, "")
    old = access.create_token(ADMIN, "li")
    expire(world)
    assert access.actor_of_token(old) is None


def test_a_disabled_user_has_no_way_in(access: Access) -> None:
    access.create_user(ADMIN, "li", "qa", PASSWORD)
    session, link, token = access.sign_in("li", PASSWORD), access.sign_in_link("li"), access.create_token(ADMIN, "li")
    access.disable_user(ADMIN, "li")
    assert access.actor_of_session(session) is access.actor_of_token(token) is None
    for way in (lambda: access.use_link(link), lambda: access.sign_in("li", PASSWORD)):
        with pytest.raises(Forbidden):
            way()
    for way in (lambda: access.sign_in_link("li"), lambda: access.create_token(ADMIN, "li")):
        with pytest.raises(Conflict):
            way()
    access.enable_user(ADMIN, "li")
    assert access.actor_of_session(access.sign_in("li", PASSWORD)) is not None
    assert access.actor_of_token(token) is None


def test_the_last_administrator_stays(access: Access) -> None:
    access.create_user(ADMIN, "a", "admin")
    with pytest.raises(Conflict):
        access.disable_user(ADMIN, "a")
    access.create_user(ADMIN, "b", "admin")
    access.disable_user(ADMIN, "a")
    with pytest.raises(Conflict):
        access.disable_user(ADMIN, "b")


def test_a_new_password_ends_the_sessions_of_the_old(access: Access) -> None:
    access.create_user(ADMIN, "li", "qa", PASSWORD)
    secret = access.sign_in("li", PASSWORD)
    li = access.actor_of_session(secret)
    assert li is not None
    access.set_password(li, "li", PASSWORD + "!")
    assert access.actor_of_session(secret) is None
    assert access.sign_in("li", PASSWORD + "!")
    with pytest.raises(Forbidden):
        access.set_password(li, "somebody else", PASSWORD)


@pytest.mark.parametrize(
    ("name", "role", "password", "code"),
    [
        ("", "qa", None, "bad_name"),
        ("a\nb", "qa", None, "bad_name"),
        ("x" * 121, "qa", None, "bad_name"),
        ("li", "king", None, "bad_role"),
        ("li", "qa", "short", "weak_password"),
    ],
)
def test_a_user_that_can_not_be_is_refused(
    access: Access, name: str, role: str, password: str | None, code: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        access.create_user(ADMIN, name, role, password)
    assert caught.value.code == code
    assert access.users(ADMIN) == []


def test_names_are_taken_once_and_listed(access: Access) -> None:
    access.create_user(ADMIN, "li", "manager", teams=["b", "a"])
    with pytest.raises(Conflict):
        access.create_user(ADMIN, " li ", "qa")
    (user,) = access.users(ADMIN)
    assert (user.name, user.role, user.teams, user.disabled) == ("li", "manager", {"a", "b"}, False)


@pytest.mark.parametrize("scopes, days", [(["calls:fly"], 1), ([], 0)])
def test_a_token_that_can_not_be_is_refused(access: Access, scopes: list[str], days: int) -> None:
    access.create_user(ADMIN, "li", "qa")
    with pytest.raises(InvalidInput):
        access.create_token(ADMIN, "li", scopes=scopes, days=days)


def test_only_administrators_manage_users(access: Access) -> None:
    reviewer = Actor(name="r", permissions=ROLE_PERMISSIONS[UserRole.REVIEWER])
    access.create_user(ADMIN, "li", "qa")
    for ask in (
        lambda: access.create_user(reviewer, "x", "admin"),
        lambda: access.users(reviewer),
        lambda: access.disable_user(reviewer, "li"),
        lambda: access.enable_user(reviewer, "li"),
        lambda: access.create_token(reviewer, "li"),
        lambda: access.tokens(reviewer),
        lambda: access.revoke_token(reviewer, "x"),
        lambda: access.sign_in_link("li", actor=reviewer),
    ):
        with pytest.raises(Forbidden):
            ask()


def test_what_roles_may_do() -> None:
    assert ROLE_PERMISSIONS[UserRole.ADMIN] == set(Permission)
    assert Permission.CALLS_ORIGINAL in ROLE_PERMISSIONS[UserRole.REVIEWER]
    for role in (UserRole.QA, UserRole.MANAGER):
        assert ROLE_PERMISSIONS[role] == {Permission.CALLS_READ}
    assert [role for role, may in ROLE_PERMISSIONS.items() if Permission.CALLS_DELETE in may] == [UserRole.ADMIN]


def test_no_secret_is_stored_or_written_down(world: World, access: Access) -> None:
    access.create_user(ADMIN, "li", "qa", PASSWORD)
    secrets = [access.sign_in("li", PASSWORD), access.sign_in_link("li"), access.create_token(ADMIN, "li", label="x")]
    with world.database.read() as session:
        hashed = session.scalars(select(UserRow.password_hash)).one()
    assert hashed is not None and hashed.startswith("$argon2id$")
    log = json.dumps([[line.subject, line.details] for line in world.audit()])
    stored = b"".join(p.read_bytes() for p in world.settings.data.glob("forbear.db*"))
    for secret in [PASSWORD, *secrets]:
        assert secret not in log
        assert secret.encode() not in stored
