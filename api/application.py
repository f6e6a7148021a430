"""What the edges need of the application: the services, already wired. The wiring's own bundle fits by its shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from fastapi import Request

from pipeline.services.access import Access
from pipeline.services.calls import Calls
from pipeline.services.health import Health
from pipeline.services.intake import Intake
from pipeline.services.policies import Policies
from pipeline.services.search import Search


class Depth(Protocol):
    """How many jobs are queued and running; every JobQueue can say."""

    def depth(self) -> Mapping[str, int]: ...


class Application(Protocol):
    """The services, built once by whoever runs the edge."""

    @property
    def intake(self) -> Intake: ...

    @property
    def calls(self) -> Calls: ...

    @property
    def search(self) -> Search: ...

    @property
    def policies(self) -> Policies: ...

    @property
    def access(self) -> Access: ...

    @property
    def jobs(self) -> Depth: ...

    @property
    def health(self) -> Health: ...


def application_of(request: Request) -> Application:
    """The application behind this request."""
    application: Application = request.app.state.application
    return application
