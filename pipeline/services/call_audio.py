"""The audio of a call as it may be heard: whole, with private stretches covered, or as a clip."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import InvalidInput, NotFound
from pipeline.records import CallRecord, Stage
from pipeline.stages.decode_peaks import Peaks, read_peaks
from pipeline.store.artifacts import Artifacts

_RENDERED = "redacted_audio"
_VERSION = "1"


@dataclass(frozen=True, slots=True)
class CallAudio:
    """Finds, and where needed renders, the audio files of records. One rendering at a time: it fills a core."""

    artifacts: Artifacts
    clip_limit_ms: int
    _rendering: threading.Lock = field(default_factory=threading.Lock)

    def original(self, record: CallRecord) -> Path:
        """The derived FLAC with everything in it."""
        return self._there(record, record.audio.digest, ".flac")

    def redacted(self, record: CallRecord) -> Path:
        """The FLAC with a tone over every redaction, on all channels (one often hears the other); made at first use."""
        from pipeline.stages.render import render_redacted

        flac, spans = self.original(record), _spans(record)
        if not spans:
            return flac
        artifacts = self.artifacts.of(record.recording.sha256)
        key = artifacts.key(_RENDERED, _VERSION, [record.audio.digest, spans])
        target = artifacts.path_for(_RENDERED, key, ".flac")
        if target.is_file():
            return target
        with self._rendering:
            if not target.is_file():
                with artifacts.writing(_RENDERED, key, ".flac") as part:
                    render_redacted(flac, spans, part)
        return target

    def clip(self, record: CallRecord, start_ms: int, end_ms: int, *, original: bool) -> bytes:
        """A WAV of [start_ms, end_ms); raises InvalidInput when it is empty, outside the call, or too long."""
        from pipeline.stages.render import clip

        if end_ms - start_ms > self.clip_limit_ms:
            raise InvalidInput(f"A clip is at most {self.clip_limit_ms // 1000} s long.", code="bad_clip")
        return clip(self.original(record), start_ms, end_ms, mute=() if original else _spans(record))

    def peaks(self, record: CallRecord) -> Peaks:
        return read_peaks(self._there(record, record.audio.peaks_digest, ".peaks"))

    def _there(self, record: CallRecord, digest: str, suffix: str) -> Path:
        path = self.artifacts.of(record.recording.sha256).path_for(Stage.DECODE, digest, suffix)
        if not path.is_file():
            raise NotFound("The audio of this call is not there; reprocess the call to make it again.")
        return path


def _spans(record: CallRecord) -> list[tuple[int, int]]:
    return sorted({(redaction.start_ms, redaction.end_ms) for redaction in record.redactions})
