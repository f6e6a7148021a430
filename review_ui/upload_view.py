"""The upload page as values: what came in lately and where each recording stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.records import CallStatus, Channels, CollectorType, Jurisdiction, Stage
from pipeline.services.views import CallPage, CallSummary
from review_ui.failure_view import FailureView, failure_view
from review_ui.language import Words
from review_ui.queue_view import state_text
from review_ui.reader import Moment, Reader, clock

LISTED = 40

_STAGES = tuple(Stage)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRow:
    """One recording. `done` counts finished stages of all, for the bar; `percent` is within the stage, where known."""

    id: str
    href: str
    file: str
    status: str
    text: str
    stage: int
    stages: int
    percent: int | None
    when: Moment
    length: str
    tone: str
    outcome: str
    failure: FailureView | None
    attempts: str


@dataclass(frozen=True, kw_only=True, slots=True)
class JobsView:
    """`busy` says whether anything is still to come, and so how soon to ask again."""

    rows: tuple[JobRow, ...]
    summary: str
    busy: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    value: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadPage:
    jobs: JobsView
    limit: str
    limit_bytes: int
    channels: tuple[Option, ...]
    jurisdictions: tuple[Option, ...]
    collector_types: tuple[Option, ...]
    texts: Mapping[str, object]


def jobs_view(page: CallPage, counts: Mapping[str, int], reader: Reader) -> JobsView:
    """The calls of a page with the newest first; `counts` are all calls by status."""
    words = reader.words
    waiting, running = counts.get(CallStatus.QUEUED, 0), counts.get(CallStatus.RUNNING, 0)
    failed = counts.get(CallStatus.FAILED, 0)
    return JobsView(
        rows=tuple(_row(call, reader) for call in page.calls),
        summary=words("jobs.summary", running=running, waiting=waiting, failed=failed),
        busy=bool(waiting or running),
    )


def upload_page(jobs: JobsView, words: Words, *, limit_bytes: int) -> UploadPage:
    return UploadPage(
        jobs=jobs,
        limit=_size(limit_bytes),
        limit_bytes=limit_bytes,
        channels=tuple(Option(value=c.value, text=words(f"channels.{c}")) for c in Channels),
        jurisdictions=tuple(Option(value=j.value, text=words(f"jurisdiction.{j}")) for j in Jurisdiction),
        collector_types=tuple(Option(value=c.value, text=words(f"collector_type.{c}")) for c in CollectorType),
        texts={"upload": words.subset("script.upload."), "failure": words.subset("failure.")},
    )


def _row(call: CallSummary, reader: Reader) -> JobRow:
    words = reader.words
    done = call.status is CallStatus.DONE
    return JobRow(
        id=call.id,
        href=f"/calls/{call.id}",
        file=call.file,
        status=call.status.value,
        text=state_text(call, words),
        stage=len(_STAGES) if done else _STAGES.index(call.stage) if call.stage else 0,
        stages=len(_STAGES),
        percent=round(call.progress * 100) if call.progress is not None and not done else None,
        when=reader.moment(call.received_at),
        length=clock(call.duration_ms) if call.duration_ms is not None else "",
        tone=call.severity.value if done and call.flagged and call.severity else "",
        outcome=_outcome(call, words),
        failure=failure_view(call.failure, words) if call.status is CallStatus.FAILED and call.failure else None,
        attempts=words("jobs.attempts", n=call.attempts) if call.attempts > 1 and not done else "",
    )


def _outcome(call: CallSummary, words: Words) -> str:
    if call.status is not CallStatus.DONE:
        return ""
    if call.flagged and call.severity:
        return words("jobs.flagged", severity=words(f"severity.{call.severity}"))
    return words("call.not_flagged")


def _size(size: int) -> str:
    return f"{size / 1e9:g} GB" if size >= 1e9 else f"{size / 1e6:g} MB"
