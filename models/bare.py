"""The plain recogniser to be measured against: faster-whisper's batched pipeline, one channel at a time, as it comes.

Same weights, beam, batch size and word times as ours; its own voice detection, no turns, no leak between channels taken
out, one language for a whole channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.speech import SpeechRecognizer
from models.voice_activity import Waveform


class BareRecognizer:
    """Shares the loaded model of a SpeechRecognizer, so that both are measured on the same weights."""

    def __init__(self, recognizer: SpeechRecognizer) -> None:
        from faster_whisper import BatchedInferencePipeline

        self._pipeline: Any = BatchedInferencePipeline(recognizer.whisper)
        self._beam_size = recognizer.options.beam_size
        self._batch_size = recognizer.options.batch_size

    def transcribe(self, channels: Waveform | Sequence[Any], lang: str | None = None) -> list[str]:
        """The text of each channel (16 kHz float32); `lang` None lets the library find out by itself."""
        texts: list[str] = []
        for channel in channels:
            segments, _ = self._pipeline.transcribe(
                channel,
                language=lang,
                beam_size=self._beam_size,
                batch_size=self._batch_size,
                word_timestamps=True,
                vad_filter=True,
            )
            texts.append(" ".join(segment.text.strip() for segment in segments))
        return texts
