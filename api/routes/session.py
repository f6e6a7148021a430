"""Signing in and out with a browser, and who is signed in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.auth import current_actor, refuse_cross_site, sign_in_with_password, sign_out
from api.examples import ACTOR
from api.schemas.session import ActorOut, Credentials
from api.schemas.wire import answers, problems
from pipeline.services.views import Actor

router = APIRouter(prefix="/api/v1/session", tags=["session"])


@router.post(
    "",
    operation_id="signIn",
    summary="Sign in with name and password",
    responses={**answers(200, ACTOR, "Signed in; the answer sets the cookie."), **problems(401, 403, 422, 429)},
)
def sign_in(request: Request, response: Response, credentials: Credentials) -> ActorOut:
    """For browsers. Programs send a token and need no session."""
    refuse_cross_site(request, proof_needed=False)
    actor = sign_in_with_password(
        request, response, name=credentials.name, password=credentials.password.get_secret_value()
    )
    return ActorOut.of(actor)


@router.get(
    "",
    operation_id="whoAmI",
    summary="Who asks, and what they may do",
    responses={**answers(200, ACTOR, "You."), **problems(401)},
)
def who_am_i(actor: Annotated[Actor, Depends(current_actor)]) -> ActorOut:
    """Also for tokens."""
    return ActorOut.of(actor)


@router.delete(
    "",
    operation_id="signOut",
    summary="Sign out",
    status_code=204,
    responses={204: {"description": "Signed out."}, **problems(403)},
)
def end_session(request: Request, response: Response) -> None:
    """Ends the session of the cookie, if there is one, and takes the cookie away."""
    refuse_cross_site(request, proof_needed=True)
    sign_out(request, response)
