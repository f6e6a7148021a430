"""Why something failed, in the reader's language: what happened, what was kept, what to do."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.services.views import Failure
from review_ui.language import Words


@dataclass(frozen=True, kw_only=True, slots=True)
class FailureView:
    """`detail` is the service's own sentence, in English, where the pages have no words for the code.

    A refused file is not kept, so there is nothing to try again.
    """

    code: str
    text: str
    detail: str
    refused: bool


_REFUSALS = frozenset({"refused_file", "empty_file", "not_audio", "too_large", "call_id_taken", "unreadable"})


def failure_view(failure: Failure, words: Words) -> FailureView:
    refused = failure.code in _REFUSALS
    known = words.named("failure", failure.code)
    if known == failure.code:
        return FailureView(code=failure.code, text=words("failure"), detail=failure.message, refused=refused)
    return FailureView(code=failure.code, text=known, detail="", refused=refused)
