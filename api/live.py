"""What changed since the last look: the source of live progress. Compares summaries; knows no HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from api.application import Application
from pipeline.errors import NotFound
from pipeline.records import CallStatus
from pipeline.services.views import Actor, CallFilter, CallSort, CallSummary

_ACTIVE = frozenset({CallStatus.QUEUED, CallStatus.RUNNING})
_RUNNING_SHOWN = 200
_QUEUED_SHOWN = 100
_NEWEST_SHOWN = 50
_LOST_SHOWN = 50
"""At most so many calls are looked at each time, whatever is queued: a bulk import must not slow the looking down."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """A call that is new or stands elsewhere than before."""

    call: CallSummary


@dataclass(frozen=True, kw_only=True, slots=True)
class Gone:
    """A call that was deleted, or may not be seen any more."""

    id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Depth:
    """How many jobs wait and run."""

    depth: Mapping[str, int]


class Watch:
    """One watcher's memory. The first look gives the depth and every call that is queued or running."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._known: dict[str, CallSummary] | None = None
        self._depth: Mapping[str, int] | None = None

    def look(self, actor: Actor) -> list[Changed | Gone | Depth]:
        """What changed since the last look, as far as this actor may see it."""
        return list(self._changes(actor))

    def _changes(self, actor: Actor) -> Iterator[Changed | Gone | Depth]:
        depth = dict(self._application.jobs.depth())
        if depth != self._depth:
            self._depth = depth
            yield Depth(depth=depth)
        found = self._summaries(actor)
        before, self._known = self._known, found
        if before is None:
            yield from (Changed(call=call) for call in found.values() if call.status in _ACTIVE)
            return
        yield from (Changed(call=call) for id, call in found.items() if before.get(id) != call)
        lost = [call for id, call in before.items() if id not in found and call.status in _ACTIVE]
        for call in lost[:_LOST_SHOWN]:
            try:
                now = self._application.calls.get(actor, call.id).summary
            except NotFound:
                yield Gone(id=call.id)
            else:
                if now != call:
                    yield Changed(call=now)

    def _summaries(self, actor: Actor) -> dict[str, CallSummary]:
        wanted = (
            (CallFilter(), _NEWEST_SHOWN),
            (CallFilter(statuses=frozenset({CallStatus.QUEUED})), _QUEUED_SHOWN),
            (CallFilter(statuses=frozenset({CallStatus.RUNNING})), _RUNNING_SHOWN),
        )
        return {
            call.id: call
            for condition, limit in wanted
            for call in self._application.calls.list(
                actor, condition, sort=CallSort.NEWEST, cursor=None, limit=limit
            ).calls
        }
