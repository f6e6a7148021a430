"""Examples for the API's description, of invented calls. A test holds each against the shape that it stands for."""

from __future__ import annotations

from typing import Any

Example = dict[str, Any]

_SHA = "5f2a9c0d41b7e86301a4d7f29b6c8e55aa3310f7d2c94b8e6071f3ad9b24c6e8"

RECEIPT: Example = {
    "file": "0042.wav",
    "outcome": "accepted",
    "id": "01J0M3Z8K2",
    "recording_sha256": _SHA,
    "same_as": None,
    "failure": None,
}

_CONTEXT: Example = {
    "account_ref": "A-7731",
    "party_ref": None,
    "debt_ref": None,
    "agent_id": "a-17",
    "team": "north",
    "direction": "outbound",
    "started_at": "2024-06-11T01:30:00Z",
    "ended_at": None,
    "customer_tz": "Asia/Shanghai",
    "jurisdiction": "CN",
    "collector_type": "third_party",
    "product": "card",
    "days_past_due": 45,
    "outcome": None,
    "channels": "agent-left",
}

CALL: Example = {
    "id": "01J0M3Z8K2",
    "call_id": "2024-0611-0042",
    "file": "0042.wav",
    "recording_sha256": _SHA,
    "status": "done",
    "stage": None,
    "progress": None,
    "failure": None,
    "attempts": 1,
    "received_at": "2024-06-11T02:00:00Z",
    "finished_at": "2024-06-11T02:01:10Z",
    "flagged": True,
    "severity": "high",
    "distress": "present",
    "marks": [{"category": "threat.legal_false", "status": "possible", "severity": "high", "count": 2}],
    "customer_signals": ["distress.job_loss"],
    "duration_ms": 183_400,
    "damage": None,
    "revision": 1,
    "context": _CONTEXT,
}

_RUNNING: Example = {
    **CALL,
    "status": "running",
    "stage": "transcribe",
    "progress": 0.4,
    "finished_at": None,
    "flagged": False,
    "severity": None,
    "distress": "none",
    "marks": [],
    "customer_signals": [],
    "revision": 0,
}

_FAILED: Example = {
    **_RUNNING,
    "status": "failed",
    "stage": "decode",
    "progress": None,
    "failure": {"code": "no_audio_stream", "message": "The file holds no audio; export it again from the recorder."},
    "duration_ms": None,
}

CALL_PAGE: Example = {"calls": [CALL], "total": 1, "next_cursor": None}

COUNTS: Example = {
    "all_calls": 12,
    "by_status": {"done": 11, "failed": 1},
    "flagged": 5,
    "by_severity": {"critical": 1, "high": 3, "medium": 1},
    "by_group": {"threat": 3, "privacy": 2},
    "distress_present": 4,
    "distress_critical": 1,
}

CALL_DETAIL: Example = {
    **CALL,
    "context": {**_CONTEXT, "facts": {"suit_authorised": False}, "extra": {"queue": "card-45"}},
    "recording": {"sha256": _SHA, "media_type": "audio/wav", "size_bytes": 2_934_444, "audio_format": None},
    "audio": {"duration_ms": 183_400, "channels": 2, "sample_rate_hz": 8000, "codec": "pcm_mulaw", "damage": None},
    "transcript": {
        "utterances": [
            {
                "index": 0,
                "speaker": "ch0",
                "channel": 0,
                "role": "agent",
                "lang": "en",
                "start_ms": 61_000,
                "end_ms": 62_400,
                "text": "Call [phone] today.",
                "words": [
                    {"text": "Call", "start_ms": 61_000, "end_ms": 61_300, "confidence": 0.97},
                    {"text": " [phone]", "start_ms": 61_300, "end_ms": 62_000, "confidence": 0.91},
                    {"text": " today.", "start_ms": 62_000, "end_ms": 62_400, "confidence": 0.95},
                ],
            }
        ],
        "model": {"name": "whisper-base", "version": "d01c3014", "settings": {"beam": 5}},
    },
    "roles": {"roles": {"ch0": "agent", "ch1": "customer"}, "confidence": 1.0, "method": "metadata"},
    "findings": [
        {
            "category": "pressure.deadline",
            "status": "possible",
            "severity": "medium",
            "role": "agent",
            "evidence": {
                "kind": "words",
                "span": {"utterance": 0, "word_start": 0, "word_end": 3},
                "start_ms": 61_000,
                "end_ms": 62_400,
            },
            "start_ms": 61_000,
            "end_ms": 62_400,
            "quote": "Call [phone] today.",
            "probability": 0.71,
            "rule": "us.pressure.deadline",
            "pack": "US",
            "pack_version": "1",
            "clauses": [
                {
                    "ref": "US-1692d",
                    "cite": "15 U.S.C. § 1692d",
                    "paraphrase_zh": "不得骚扰、压迫债务人。",
                    "paraphrase_en": "No harassment or oppression of any person.",
                    "status": "verified_primary",
                    "jurisdiction": "US",
                    "effective_from": "unknown",
                    "effective_until": None,
                    "source": "15 USC 1692d text",
                }
            ],
            "detectors": ["lexicon+text"],
            "features": [],
            "reason_zh": "话语限定了当日。",
            "reason_en": "The words set a deadline of the same day.",
            "parts": {"text": 0.66, "lexicon": 0.7},
            "calibrated": 0.71,
            "carried": [{"word": 0, "text": "Call", "weight": 0.26}, {"word": 2, "text": "today.", "weight": 0.74}],
            "nearest": ["en-a-1:48", "en-a-2:120"],
        }
    ],
    "redactions": [{"kind": "phone", "start_ms": 61_300, "end_ms": 62_000}],
    "measures": {
        "talk_over_count": 3,
        "talk_over_ms": 1900,
        "silence_ms": 12_000,
        "longest_silence_ms": 4100,
        "agent_speech_ms": 98_000,
        "customer_speech_ms": 61_000,
        "agent_rate": 4.6,
        "customer_rate": 3.9,
        "agent_interruptions": 2,
        "customer_interruptions": 0,
        "silence_share": 0.07,
        "long_silence_count": 0,
    },
    "pack": "US",
    "pack_version": "1",
    "original": False,
}

PEAKS: Example = {
    "sample_rate_hz": 8000,
    "samples_per_bucket": 80,
    "frames": 160,
    "duration_ms": 20,
    "channels": [[-12, 14, -90, 88], [0, 0, -3, 2]],
}

SEARCH_PAGE: Example = {
    "hits": [
        {
            "call": "01J0M3Z8K2",
            "utterance": 0,
            "role": "agent",
            "lang": "en",
            "start_ms": 61_000,
            "end_ms": 62_400,
            "text": "Call [phone] today.",
            "highlights": [[13, 18]],
            "categories": ["pressure.deadline"],
            "team": "north",
            "agent_id": "a-17",
            "started_at": "2024-06-11T01:30:00Z",
            "flagged": True,
            "severity": "high",
            "distress": "present",
        }
    ],
    "total_hits": 1,
    "total_calls": 1,
    "facets": {"role": [{"value": "agent", "count": 1}]},
    "histogram": [{"day": "2024-06-11", "count": 1}],
    "next_cursor": None,
}

JOBS: Example = {"depth": {"queued": 3, "running": 1}, "running": [_RUNNING], "recent_failures": [_FAILED]}

EVENTS = (
    'event: depth\ndata: {"queued": 3, "running": 1}\n\n'
    'event: call\ndata: {"id": "01J0M3Z8K2", "status": "running", "stage": "transcribe", "progress": 0.4}\n\n'
)

ACTOR: Example = {"name": "mei", "permissions": ["calls:read", "calls:write"], "teams": ["north"]}

READY: Example = {
    "status": "ok",
    "checks": [
        {"name": "database", "ok": True, "detail": "answers"},
        {"name": "index", "ok": True, "detail": "5210 utterances"},
        {"name": "workers", "ok": True, "detail": "1 alive"},
    ],
}

NOT_READY: Example = {
    "status": "degraded",
    "checks": [
        *READY["checks"][:2],
        {
            "name": "workers",
            "ok": False,
            "detail": "No worker is alive: recordings are taken in and wait. Start one with forbear worker.",
        },
    ],
}
