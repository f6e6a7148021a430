"""The API as one ASGI application. Knows which routes there are and what stands before all of them."""

from __future__ import annotations

from threading import BoundedSemaphore
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from api import errors
from api.application import Application
from api.auth import SIGN_INS_AT_ONCE
from api.observe import RequestLog
from api.routes import calls, health, jobs, media, search, session, uploads
from api.schemas.wire import ProblemBody
from api.security import BodyLimit, SecurityHeaders
from pipeline.settings import Settings

_DESCRIPTION = """Compliance monitoring of debt-collection calls: recordings in, judged transcripts out.

Send a token (`Authorization: Bearer TOKEN`), or use the session cookie of a signed-in browser. Times within a call are
whole milliseconds of its derived audio, spans are half-open. Errors are `application/problem+json` with a stable code.
"""

_TAGS = [
    {"name": "recordings", "description": "Taking recordings in."},
    {"name": "calls", "description": "Calls, their transcripts and findings."},
    {"name": "media", "description": "What can be heard and drawn of a call."},
    {"name": "search", "description": "Finding what was said."},
    {"name": "jobs", "description": "Work that waits, runs or failed."},
    {"name": "session", "description": "Signing in and out."},
    {"name": "health", "description": "Probes."},
]


def create_app(application: Application, settings: Settings, *, behind_proxy: bool, secure: bool = False) -> FastAPI:
    """The application over these services.

    `secure` says that TLS ends here; behind a proxy it always counts as ended before us. Cookies and headers follow it.
    """
    app = FastAPI(
        title="Forbear",
        version="1",
        description=_DESCRIPTION,
        openapi_url="/api/openapi.json",
        openapi_tags=_TAGS,
        # The interactive pages load scripts from a CDN, which this application promises not to need.
        docs_url=None,
        redoc_url=None,
        middleware=[
            Middleware(RequestLog, trust_request_id=behind_proxy),
            Middleware(SecurityHeaders, secure=secure or behind_proxy),
            Middleware(GZipMiddleware, minimum_size=1024, compresslevel=5),
            Middleware(BodyLimit, uploads=frozenset({uploads.PATH}), upload_limit=settings.upload_limit),
        ],
    )
    app.state.application = application
    app.state.settings = settings
    app.state.secure = secure or behind_proxy
    app.state.sign_in_turnstile = BoundedSemaphore(SIGN_INS_AT_ONCE)
    errors.install(app)
    for module in (uploads, calls, media, search, jobs, session, health):
        app.include_router(module.router)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    """Adds the shape of problems, which no route returns and the framework therefore does not find."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
            )
            shape = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
            shapes = described["components"]["schemas"]
            shapes.update(shape.pop("$defs", {}))
            shapes["Problem"] = shape
            _without_stream_schemas(described)
            app.openapi_schema = described
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _without_stream_schemas(described: dict[str, Any]) -> None:
    """The framework describes event streams with `itemSchema` of OpenAPI 3.2 in a document that says 3.1."""
    for item in described["paths"].values():
        for operation in item.values():
            for answer in operation["responses"].values():
                for content in answer.get("content", {}).values():
                    if content.pop("itemSchema", None) is not None:
                        content["schema"] = {"type": "string"}
