"""Renders audio from a call's derived FLAC: the redacted file, and short clips to hand out.

Spans are replaced with a tone or with silence; all other samples stay as they are, bit for bit. The whole file is
streamed; a clip is bounded and in memory. Which words are private is the redactor's to say.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.waveform import open_flac
from pipeline import errors

Span = tuple[int, int] | tuple[int, int, int]
"""(start_ms, end_ms) of every channel, or (channel, start_ms, end_ms)."""

ClipFormat = Literal["wav", "mp3", "flac"]

_TONE_HZ = 1000.0
_TONE_AMPLITUDE = 4000.0
_TONE_DBFS = -18.3  # the same loudness, as pydub says it
_FADE_MS = 10
_MP3_RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


def render_redacted(flac: Path, spans: Sequence[Span], out: Path, *, style: Literal["tone", "mute"] = "tone") -> None:
    """Write `flac` to `out` with `spans` replaced; `out` appears whole or not at all."""
    from pipeline.stages.decode_flac import FlacWriter

    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        with open_flac(flac) as audio, part.open("wb") as file:
            cuts = np.array(
                [
                    (channel, start_ms * audio.rate_hz // 1000, -(-end_ms * audio.rate_hz // 1000))
                    for channel, start_ms, end_ms in _by_channel(spans, audio.channels)
                ],
                np.int64,
            ).reshape(-1, 3)
            with FlacWriter(file, channels=audio.channels, rate_hz=audio.rate_hz) as writer:
                for samples in audio.native():
                    at = writer.frames
                    writer.write(_covered(samples, at, cuts, audio.rate_hz if style == "tone" else None))
            os.fsync(file.fileno())
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def clip(flac: Path, start_ms: int, end_ms: int, *, mute: Sequence[Span] = (), format: ClipFormat = "wav") -> bytes:
    """The bytes of a clip [start_ms, end_ms) with a tone over the `mute` spans, which are in milliseconds of the call.

    Raises errors.InvalidInput, `bad_clip`, when the clip is empty or lies outside the call; how long one may be
    is for the caller to say, as all of it is in memory.
    """
    with open_flac(flac) as audio:
        end_ms = min(end_ms, audio.duration_ms)
        if not 0 <= start_ms < end_ms:
            raise errors.InvalidInput(
                f"A clip starts within the call's {audio.duration_ms} ms and ends after it starts.", code="bad_clip"
            )
        start, end = start_ms * audio.rate_hz // 1000, end_ms * audio.rate_hz // 1000
        samples = np.concatenate(list(audio.native(start, end)))
        rate_hz, channels = audio.rate_hz, audio.channels
    inside = [
        (channel, max(0, at_ms - start_ms), min(end_ms, until_ms) - start_ms)
        for channel, at_ms, until_ms in _by_channel(mute, channels)
        if until_ms > start_ms and at_ms < end_ms
    ]
    segment = _beeped(samples, rate_hz, inside).fade_in(_FADE_MS).fade_out(_FADE_MS)
    if format == "wav":
        wav = io.BytesIO()
        segment.export(wav, format="wav")
        return wav.getvalue()
    faded = np.frombuffer(segment.raw_data, np.int16).reshape(-1, channels)
    return _flac_bytes(faded, rate_hz) if format == "flac" else _mp3_bytes(faded, rate_hz)


def _by_channel(spans: Iterable[Span], channels: int) -> list[tuple[int, int, int]]:
    """(channel, start_ms, end_ms) in order of start, overlapping ones joined."""
    wanted: set[tuple[int, int, int]] = set()
    for span in spans:
        *named, start_ms, end_ms = span
        # A channel that the file does not have covers all: better too much tone than a card number.
        covered = named if named and 0 <= named[0] < channels else range(channels)
        wanted |= {(channel, start_ms, end_ms) for channel in covered if end_ms > start_ms}
    joined: list[tuple[int, int, int]] = []
    for channel, start_ms, end_ms in sorted(wanted):
        if joined and joined[-1][0] == channel and start_ms <= joined[-1][2]:
            joined[-1] = (channel, joined[-1][1], max(end_ms, joined[-1][2]))
        else:
            joined.append((channel, start_ms, end_ms))
    return joined


def _covered(
    samples: NDArray[np.int16], at: int, cuts: NDArray[np.int64], tone_rate_hz: int | None
) -> NDArray[np.int16]:
    """A block that begins at sample `at`, with the cuts, rows of (channel, start, end in samples), covered."""
    touching = cuts[(cuts[:, 1] < at + len(samples)) & (cuts[:, 2] > at)].tolist()
    if not touching:
        return samples
    covered = samples.copy()
    for channel, start, end in touching:
        first, last = max(start, at), min(end, at + len(samples))
        covered[first - at : last - at, channel] = 0
        if tone_rate_hz:
            phase = 2 * np.pi * _TONE_HZ * np.arange(first, last) / tone_rate_hz
            covered[first - at : last - at, channel] = (_TONE_AMPLITUDE * np.sin(phase)).astype(np.int16)
    return covered


def _beeped(samples: NDArray[np.int16], rate_hz: int, spans: Sequence[tuple[int, int, int]]) -> Any:
    """A pydub AudioSegment of `samples` with a tone in place of (channel, start_ms, end_ms)."""
    with warnings.catch_warnings():
        # pydub looks for an ffmpeg program when it is imported; it is never asked to run one here.
        warnings.simplefilter("ignore")
        from pydub import AudioSegment
        from pydub.generators import Sine

    lanes = [AudioSegment(lane.tobytes(), frame_rate=rate_hz, sample_width=2, channels=1) for lane in samples.T]
    for channel, start_ms, end_ms in spans:
        lane = lanes[channel]
        tone = Sine(_TONE_HZ, sample_rate=rate_hz).to_audio_segment(duration=end_ms - start_ms, volume=_TONE_DBFS)
        lanes[channel] = lane[:start_ms] + tone + lane[end_ms:]
    # Milliseconds are cut to whole samples, so a lane with more beeps can come out a sample shorter.
    length = min(int(lane.frame_count()) for lane in lanes)
    lanes = [lane.get_sample_slice(0, length) for lane in lanes]
    return lanes[0] if len(lanes) == 1 else AudioSegment.from_mono_audiosegments(*lanes)


def _flac_bytes(samples: NDArray[np.int16], rate_hz: int) -> bytes:
    from pipeline.stages.decode_flac import FlacWriter

    out = io.BytesIO()
    with FlacWriter(out, channels=samples.shape[1], rate_hz=rate_hz) as writer:
        writer.write(samples)
    return out.getvalue()


def _mp3_bytes(samples: NDArray[np.int16], rate_hz: int) -> bytes:
    import av

    out = io.BytesIO()
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    with av.open(out, "w", format="mp3") as container:
        stream: Any = container.add_stream("libmp3lame", rate=min(_MP3_RATES_HZ, key=lambda rate: abs(rate - rate_hz)))
        stream.layout = layout
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.reshape(1, -1)), "s16", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, 0, Fraction(1, rate_hz)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()
