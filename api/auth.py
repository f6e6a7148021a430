"""Who asks: a Bearer token, or the cookie of a session; and whether a browser's request came from our own pages.

The services check permissions again in every query; here a request that can't succeed is turned away early.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import BoundedSemaphore
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response, Security
from fastapi.security import APIKeyCookie, HTTPBearer

from api.application import application_of
from api.errors import CrossSite, NotSignedIn, SignInBusy, TooManyAttempts
from pipeline.errors import Forbidden
from pipeline.services.views import Actor, Permission

SECURE_COOKIE = "__Host-forbear"
PLAIN_COOKIE = "forbear_session"
"""Only for plain HTTP on this machine, where browsers refuse the `__Host-` prefix."""

SIGN_INS_AT_ONCE = 4
"""Checking a password is slow on purpose: more at once are sent away, so that they can't hold every thread."""

_WAIT_S = 900
"""After how long to try again, for somebody who guessed wrong too often."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="An API token: `forbear token create NAME`.",
)
_cookie = APIKeyCookie(
    name=SECURE_COOKIE,
    auto_error=False,
    scheme_name="session",
    description=f"The session of a signed-in person; named `{PLAIN_COOKIE}` on plain HTTP.",
)


def session_secret(request: Request) -> str | None:
    """The secret in the session cookie, if there is one."""
    return request.cookies.get(_cookie_name(request)) or None


def set_session(request: Request, response: Response, secret: str) -> None:
    """Signs the browser in: the session lasts as long as the server's row says, the cookie until the browser closes."""
    response.set_cookie(
        _cookie_name(request), secret, httponly=True, samesite="lax", secure=_is_secure(request), path="/"
    )


def clear_session(request: Request, response: Response) -> None:
    """Takes the cookie away."""
    response.delete_cookie(_cookie_name(request), httponly=True, samesite="lax", secure=_is_secure(request), path="/")


def sign_in_with_link(request: Request, response: Response, link: str) -> Actor:
    """Trades the secret of a one-time link for a session, whose cookie it sets on `response`; raises NotSignedIn."""
    try:
        secret = application_of(request).access.use_link(link)
    except Forbidden as error:
        raise NotSignedIn(error.message, code=error.code) from None
    return _begin_session(request, response, secret)


def sign_in_with_password(request: Request, response: Response, *, name: str, password: str) -> Actor:
    """Trades a name and a password for a session, whose cookie it sets.

    Raises NotSignedIn, TooManyAttempts and, where many sign in at once, SignInBusy.
    """
    turnstile: BoundedSemaphore = request.app.state.sign_in_turnstile
    if not turnstile.acquire(blocking=False):
        raise SignInBusy("Too many people sign in at this moment; try again in a second.", retry_after_s=1)
    try:
        secret = application_of(request).access.sign_in(name, password)
    except Forbidden as error:
        if error.code == TooManyAttempts.code:
            raise TooManyAttempts(error.message, retry_after_s=_WAIT_S) from None
        raise NotSignedIn(error.message, code=error.code) from None
    finally:
        turnstile.release()
    return _begin_session(request, response, secret)


def _begin_session(request: Request, response: Response, secret: str) -> Actor:
    actor = application_of(request).access.actor_of_session(secret)
    if actor is None:
        raise NotSignedIn("The account was disabled just now.")
    set_session(request, response, secret)
    return actor


def sign_out(request: Request, response: Response) -> None:
    """Ends the session, if there is one, here and in the browser."""
    secret = session_secret(request)
    if secret is not None:
        application_of(request).access.sign_out(secret)
    clear_session(request, response)


def actor_of(request: Request) -> Actor | None:
    """Whoever asks, or None. A token that is no good is not made up for by a cookie. Raises CrossSite."""
    access = application_of(request).access
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme:
        return access.actor_of_token(token.strip()) if scheme.lower() == "bearer" else None
    secret = session_secret(request)
    if secret is None:
        return None
    if request.method not in _SAFE_METHODS:
        refuse_cross_site(request, proof_needed=True)
    return access.actor_of_session(secret)


def current_actor(
    request: Request,
    _token: Annotated[object, Security(_bearer)] = None,
    _session: Annotated[object, Security(_cookie)] = None,
) -> Actor:
    """The dependency of every route that needs somebody; raises NotSignedIn, CrossSite.

    The two schemes are named for the OpenAPI description only.
    """
    actor = actor_of(request)
    if actor is None:
        raise NotSignedIn("Sign in, or send a valid token: Authorization: Bearer TOKEN.")
    return actor


def requires(permission: Permission) -> Callable[[Actor], Actor]:
    """A dependency that also wants a permission; raises Forbidden."""

    def permitted(actor: Annotated[Actor, Depends(current_actor)]) -> Actor:
        if permission not in actor.permissions:
            raise Forbidden(f"This needs the permission {permission.value}; ask an administrator for it.")
        return actor

    return permitted


Reader = Annotated[Actor, Depends(requires(Permission.CALLS_READ))]
Writer = Annotated[Actor, Depends(requires(Permission.CALLS_WRITE))]
Deleter = Annotated[Actor, Depends(requires(Permission.CALLS_DELETE))]


def refuse_cross_site(request: Request, *, proof_needed: bool) -> None:
    """Raises CrossSite unless the browser says that the request came from our own pages.

    Browsers send Sec-Fetch-Site, older ones Origin, with every request that changes something, and no page can forge
    them. With `proof_needed` a request with neither is refused too.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        ours = site == "same-origin"
    elif origin is not None:
        ours = _is_own(request, origin)
    else:
        ours = not proof_needed
    if not ours:
        raise CrossSite("This request did not come from our own pages; programs use a token instead of a cookie.")


def _is_own(request: Request, origin: str) -> bool:
    parts = urlsplit(origin)
    if _is_secure(request) and parts.scheme != "https":
        return False
    return parts.netloc == request.headers.get("host", "")


def _is_secure(request: Request) -> bool:
    return bool(request.app.state.secure)


def _cookie_name(request: Request) -> str:
    return SECURE_COOKIE if _is_secure(request) else PLAIN_COOKIE
