"""Signing in and out, and the settings of one browser: language, theme and keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.auth import actor_of, refuse_cross_site, sign_in_with_link, sign_in_with_password, sign_out
from api.errors import NotSignedIn, SignInBusy, TooManyAttempts
from pipeline.errors import ForbearError
from review_ui.language import Language
from review_ui.reader import KEYS_COOKIE, LANGUAGE_COOKIE, THEME_COOKIE, Keys, Theme
from review_ui.render import visit_of
from review_ui.sign_in_view import SettingsPage, SignInPage
from review_ui.visits import AnyVisit, own_path

router = APIRouter()

_YEAR_S = 365 * 24 * 3600


@router.get("/sign-in")
def sign_in_page(visit: AnyVisit, link: str = "", next: str = "/") -> Response:
    """A one-time link's secret is held ready and sent on by a click or a script: a mere look must not use it up."""
    return visit.page("sign_in.html", SignInPage(link=link, next=own_path(next), name="", problem=""))


@router.post("/sign-in")
def sign_in(
    request: Request,
    visit: AnyVisit,
    link: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    refuse_cross_site(request, proof_needed=False)
    response = RedirectResponse(own_path(next), status_code=303)
    try:
        if link:
            sign_in_with_link(request, response, link)
        else:
            sign_in_with_password(request, response, name=name, password=password)
    except (NotSignedIn, TooManyAttempts) as error:
        problem = visit.reader.words(_problem(error, by_link=bool(link)))
        page = SignInPage(link="", next=own_path(next), name=name, problem=problem)
        return visit.page("sign_in.html", page, status=429 if isinstance(error, TooManyAttempts) else 401)
    return response


@router.post("/sign-out")
def leave(request: Request) -> Response:
    refuse_cross_site(request, proof_needed=True)
    response = RedirectResponse("/sign-in", status_code=303)
    sign_out(request, response)
    return response


@router.get("/settings")
def settings(request: Request) -> Response:
    return visit_of(request, actor_of(request)).page("settings.html", SettingsPage(back="/settings"), here="settings")


@router.post("/settings")
def change(
    request: Request,
    language: Annotated[str, Form()] = "",
    theme: Annotated[str, Form()] = "",
    keys: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "/",
) -> Response:
    """Keeps what was chosen in cookies, and goes back to where the choice was made."""
    refuse_cross_site(request, proof_needed=False)
    response = RedirectResponse(own_path(back), status_code=303)
    for cookie, value, known in (
        (LANGUAGE_COOKIE, language, {one.value for one in Language}),
        (THEME_COOKIE, theme, {one.value for one in Theme}),
        (KEYS_COOKIE, keys, {one.value for one in Keys}),
    ):
        if value in known:
            response.set_cookie(
                cookie, value, max_age=_YEAR_S, httponly=True, samesite="lax", secure=request.app.state.secure
            )
    return response


def _problem(error: ForbearError, *, by_link: bool) -> str:
    if isinstance(error, SignInBusy):
        return "sign_in.busy"
    if isinstance(error, TooManyAttempts):
        return "sign_in.too_many"
    return "sign_in.link_spent" if by_link else "sign_in.wrong"
