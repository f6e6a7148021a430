"""Request ids, the access log, and the last net under every request.

The log holds method, path, status and time: never a query string, a header, a body or the message of a foreign error.
"""

from __future__ import annotations

import re
import secrets
import time
from urllib.parse import quote

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import respond

access_log = structlog.get_logger("forbear.access")

CLIENT_LEFT = 499
"""What the log says of a request whose sender went away before it was sent whole; nobody is there to be answered."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestLog:
    """Outermost: gives each request an id, logs it once answered, and turns what nobody caught into a 500 problem.

    An id sent by the client is kept only behind a proxy, where ours made it.
    """

    def __init__(self, app: ASGIApp, *, trust_request_id: bool) -> None:
        self.app = app
        self.trust_request_id = trust_request_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = self._request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        status: int | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_with_id)
            except ClientDisconnect:
                status = status or CLIENT_LEFT
            except Exception as error:
                response = await run_in_threadpool(respond, Request(scope), error)
                if status is None:
                    await response(scope, receive, send_with_id)
            finally:
                access_log.info(
                    "request",
                    method=scope["method"],
                    path=quote(scope["path"]),
                    status=status,
                    ms=round((time.perf_counter() - started) * 1000, 1),
                )

    def _request_id(self, scope: Scope) -> str:
        sent = Headers(scope=scope).get("x-request-id", "")
        if self.trust_request_id and _REQUEST_ID.fullmatch(sent):
            return sent
        return secrets.token_hex(8)
