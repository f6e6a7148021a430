"""Calls as plain dictionaries: the JSON and CSV that `forbear calls` and `forbear show` print."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.encoding import encode
from pipeline.records import CallContext, Finding, MetadataEvidence, Transcript, WordsEvidence
from pipeline.services.views import Attempt, CallDetail, CallSummary


def summary(call: CallSummary) -> dict[str, Any]:
    context = call.context
    return {
        "id": call.id,
        "call_id": call.call_id,
        "file": call.file,
        "status": call.status.value,
        "stage": call.stage.value if call.stage else None,
        "error": call.failure.code if call.failure else None,
        "error_message": call.failure.message if call.failure else None,
        "flagged": call.flagged,
        "severity": call.severity.value if call.severity else None,
        "distress": call.distress.value,
        "categories": [mark.category for mark in call.marks],
        "customer_signals": list(call.customer_signals),
        "duration_ms": call.duration_ms,
        "damage": f"decoded {call.damage.decoded_ms / 1000:.1f} of {_seconds(call.damage.expected_ms)} s"
        if call.damage
        else None,
        "recording": call.recording_sha256,
        "received_at": call.received_at.isoformat(),
        "finished_at": call.finished_at.isoformat() if call.finished_at else None,
        "revision": call.revision,
        **_context(context),
    }


def _seconds(ms: int | None) -> str:
    return "?" if ms is None else f"{ms / 1000:.1f}"


def _context(context: CallContext) -> dict[str, Any]:
    import json

    values: dict[str, Any] = json.loads(encode(context))
    for key in ("call_id", "number_hash"):
        values.pop(key)
    return values


def finding(found: Finding, transcript: Transcript | None) -> dict[str, Any]:
    evidence = found.evidence
    words = evidence if isinstance(evidence, WordsEvidence) else None
    metadata = evidence if isinstance(evidence, MetadataEvidence) else None
    quote = None
    if words and transcript:
        span = words.span
        quote = transcript.utterances[span.utterance].quote(span.word_start, span.word_end)
    return {
        "category": found.category,
        "status": found.status.value,
        "severity": found.severity.value,
        "role": found.role.value,
        "evidence": evidence.kind,
        "start_ms": words.start_ms if words else None,
        "end_ms": words.end_ms if words else None,
        "probability": found.probability,
        "rule": found.rule,
        "pack": found.pack,
        "pack_version": found.pack_version,
        "clauses": [{"ref": c.ref, "cite": c.cite, "status": c.status} for c in found.clauses],
        "detectors": list(found.detectors),
        "features": list(found.features),
        "quote": quote,
        "facts": dict(metadata.facts) if metadata else {},
        "calls": list(metadata.calls) if metadata else [],
        "reason": found.reason_en,
    }


def detail(call: CallDetail) -> dict[str, Any]:
    """A call whole: its summary with `findings` and `utterances`."""
    return {
        **summary(call.summary),
        "findings": [finding(found, call.transcript) for found in call.findings],
        "utterances": [
            {"role": u.role.value, "start_ms": u.start_ms, "end_ms": u.end_ms, "lang": u.lang, "text": u.text}
            for u in (call.transcript.utterances if call.transcript else ())
        ],
        "roles": {
            "method": call.roles.method,
            "confidence": call.roles.confidence,
        }
        if call.roles
        else None,
        "redacted": not call.original,
    }


def attempt(call: Attempt) -> dict[str, Any]:
    """A call without a recording, with `findings`."""
    return {
        "id": call.id,
        "call_id": call.call_id,
        "file": call.file,
        "flagged": call.flagged,
        "severity": call.severity.value if call.severity else None,
        **_context(call.context),
        "findings": [finding(found, None) for found in call.findings],
    }


def flat(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows fit for CSV: lists joined by a semicolon, objects as JSON."""
    import json

    for row in rows:
        yield {
            key: ";".join(map(str, value))
            if isinstance(value, list)
            else json.dumps(value, ensure_ascii=False)
            if isinstance(value, dict)
            else value
            for key, value in row.items()
        }
