"""What a probe is told."""

from __future__ import annotations

from typing import Literal

from api.schemas.wire import Wire


class CheckOut(Wire):
    """One part and whether it is well."""

    name: str
    ok: bool
    detail: str


class LiveOut(Wire):
    """This process answers."""

    status: Literal["ok"]


class ReadyOut(Wire):
    """Whether every part answers."""

    status: Literal["ok", "degraded"]
    checks: list[CheckOut]
