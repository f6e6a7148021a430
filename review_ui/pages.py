"""The review pages on the web application: their routes, their static files, and problems shown as pages."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.application import Application
from api.auth import actor_of
from api.errors import Problem, render_pages_with
from pipeline.errors import ForbearError
from pipeline.services.views import Actor
from pipeline.settings import Settings
from review_ui import (
    routes_call,
    routes_policy,
    routes_policy_versions,
    routes_queue,
    routes_search,
    routes_sign_in,
    routes_upload,
)
from review_ui.render import FOLDER, static_prefix, visit_of
from review_ui.sign_in_view import ErrorPage

_ROUTERS = (
    routes_queue,
    routes_call,
    routes_search,
    routes_policy,
    routes_policy_versions,
    routes_upload,
    routes_sign_in,
)


class _KeptForEver(StaticFiles):
    """The path names the content, so a browser need never ask again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def mount(app: FastAPI, application: Application, settings: Settings) -> None:
    """Puts the pages on an application that the API has been put on already."""
    for module in _ROUTERS:
        app.include_router(module.router, include_in_schema=False)
    app.mount(static_prefix(), _KeptForEver(directory=FOLDER / "static"), name="static")
    render_pages_with(app, render_problem)


def render_problem(request: Request, problem: Problem) -> Response:
    """A problem as a page; who is not signed in is sent to do that first and comes back afterwards."""
    scripted = request.headers.get("hx-request") == "true"
    if problem.status == 401:
        own = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        target = "/sign-in?" + urlencode({"next": own if request.method == "GET" and not scripted else "/"})
        if scripted:
            return Response(status_code=401, headers={"HX-Redirect": target})
        return RedirectResponse(target, status_code=303)
    # When something is broken the navigation with its counts may be what is broken.
    visit = visit_of(request, _visitor(request) if problem.status < 500 else None)
    words = visit.reader.words
    kind = problem.status if problem.status in (403, 404, 409, 413, 422, 429, 503) else 500
    page = ErrorPage(
        title=words(f"error.{kind}.title"),
        text=words(f"error.{kind}.text"),
        detail=problem.detail,
        code=problem.code,
        request_id=getattr(request.state, "request_id", ""),
    )
    return visit.page("error.html", page, status=problem.status, headers=problem.headers)


def _visitor(request: Request) -> Actor | None:
    try:
        return actor_of(request)
    except ForbearError:
        return None
