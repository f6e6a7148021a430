"""What intake did with one uploaded file."""

from __future__ import annotations

from typing import Self

from api.schemas.calls import FailureOut
from api.schemas.wire import Wire
from pipeline.services.views import IntakeResult, Outcome


class ReceiptOut(Wire):
    """`id` is the call; for a duplicate the one that was there, `same_as` its first name, `failure` why it failed."""

    file: str
    outcome: Outcome
    id: str | None
    recording_sha256: str | None
    same_as: str | None
    failure: FailureOut | None

    @classmethod
    def of(cls, result: IntakeResult) -> Self:
        return cls.model_validate(result)
