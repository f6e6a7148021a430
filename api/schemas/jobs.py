"""Work that waits, runs, or failed lately."""

from __future__ import annotations

from collections.abc import Mapping

from api.schemas.calls import CallOut
from api.schemas.wire import Wire


class JobsOut(Wire):
    """`depth` counts jobs of the whole installation; the calls are those that you may see."""

    depth: Mapping[str, int]
    running: list[CallOut]
    recent_failures: list[CallOut]
