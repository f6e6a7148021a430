"""Reads a recording of any known format as int16 blocks of one or two channels, as far as it can be read.

Nothing about the file is believed: playlists and network addresses are not opened, bad packets are skipped, and what
was lost is counted. Memory does not grow with the file. Knows neither where the blocks go nor what a call is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
from numpy.typing import NDArray

from pipeline import errors, records
from pipeline.stages import sniff
from pipeline.stages.decode_flac import MAX_RATE_HZ, MIN_RATE_HZ
from pipeline.stages.decode_packets import PacketReader
from pipeline.stages.decode_promise import Promise, promise_of

Samples = NDArray[np.int16]

_DEMUXERS = "wav,w64,mp3,aac,flac,ogg,amr,amrnb,amrwb,asf,aiff,au,caf,avi,flv,mpegts,matroska,mov"
"""Containers of audio. All else that FFmpeg reads stays shut: playlists name other files, scripts run filters."""

_DIRECT_FORMATS = frozenset({"s16", "s16p", "s32", "s32p", "flt", "fltp", "dbl", "dblp", "u8", "u8p"})
_HOLE_MIN_MS, _HOLE_MAX_MS, _PROMISED_HOLE_MAX_MS = 500, 30_000, 600_000


class SourceAudio:
    """An opened recording: iterate it once for blocks of shape (frames, channels), then ask for `damage`.

    Native rate and up to two channels are kept, more are mixed down to two. Opus, which always decodes to 48 kHz, comes
    at 16, 24 or 48 kHz after the input rate that its header names. Where time stamps leave a hole of half a second or
    more, silence fills it, so that what follows keeps its time.
    """

    def __init__(self, source: Path, recording: records.Recording) -> None:
        """Raises errors.DecodeFailed, `no_audio_stream` or `decode_error`."""
        try:
            self._container = _open(source, recording)
        except (av.error.FFmpegError, ValueError, OverflowError) as error:
            raise errors.DecodeFailed(
                "The file can't be read as audio; it may be cut off or overwritten. Export it again from the recorder.",
                code="decode_error",
            ) from error
        try:
            self._start(source)
        except BaseException:
            self._container.close()
            raise

    def _start(self, source: Path) -> None:
        if not self._container.streams.audio:
            raise errors.DecodeFailed("The file has no audio track.", code="no_audio_stream")
        self._stream: Any = self._container.streams.best("audio") or self._container.streams.audio[0]
        context = self._stream.codec_context
        if context is None:
            raise errors.DecodeFailed("The audio is in a codec that can't be decoded here.", code="decode_error")
        self.codec: str = context.codec.canonical_name
        if self.codec == "flac":
            # Without this a frame with a bad checksum comes out as a burst of noise and nobody is told.
            context.options = {"err_detect": "crccheck+explode"}
        self._promise: Promise = promise_of(self._container, self._stream, source)
        self._packets = PacketReader(self._container, self._stream)
        self._filled = 0
        self._frames = iter(self._packets)
        first = next(self._frames, None)
        if first is None:
            raise errors.DecodeFailed("No audio could be decoded: the file is damaged throughout.", code="decode_error")
        self._first: Any = first
        self.channels = min(2, first.layout.nb_channels)
        self.rate_hz = _target_rate_hz(self.codec, context.extradata, first.sample_rate)
        if not MIN_RATE_HZ <= self.rate_hz <= MAX_RATE_HZ:
            raise errors.DecodeFailed(
                f"The file names a sample rate of {self.rate_hz} Hz; its header is damaged.", code="decode_error"
            )
        self.frames = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    @property
    def decoded_ms(self) -> int:
        """Milliseconds of audio that came out of the decoder, without filled holes."""
        return (self.frames - self._filled) * 1000 // self.rate_hz

    @property
    def duration_ms(self) -> int:
        return self.frames * 1000 // self.rate_hz

    def __iter__(self) -> Iterator[Samples]:
        """Blocks of about a second."""
        held: list[Samples] = []
        size = 0
        for samples in self._conformed():
            held.append(samples)
            size += len(samples)
            if size >= self.rate_hz:
                self.frames += size
                yield np.concatenate(held)
                held, size = [], 0
        if size:
            self.frames += size
            yield np.concatenate(held)

    def damage(self) -> records.Damage | None:
        """What is missing, None for a whole file; to be asked after the last block."""
        expected_ms = self._promise.expected_ms
        # An unreadable last packet is often a tag behind the audio: it counts only if the length is unknown.
        lost = self._packets.lost_within or (self._packets.lost > 0 and expected_ms is None)
        if lost or not self._promise.kept_by(self.decoded_ms):
            return records.Damage(decoded_ms=self.decoded_ms, expected_ms=expected_ms)
        return None

    def _conformed(self) -> Iterator[Samples]:
        """All frames as int16 at the target rate, with holes in the time stamps filled."""
        conform = _Conform(self.channels, self.rate_hz)
        clock = _Clock(self._first, self._promise.expected_ms)
        frame = self._first
        while frame is not None:
            if missing_ms := clock.hole_ms(frame):
                yield self._silence(missing_ms)
            try:
                yield from conform(frame)
            except (av.error.FFmpegError, ValueError):  # damage can make stereo look like 49 channels
                self._packets.lost_within = True
                conform = _Conform(self.channels, self.rate_hz)
                yield self._silence(frame.samples * 1000 // frame.sample_rate)
            frame = next(self._frames, None)
        yield from conform.flush()

    def _silence(self, length_ms: int) -> Samples:
        frames = length_ms * self.rate_hz // 1000
        self._filled += frames
        return np.zeros((frames, self.channels), np.int16)


class _Conform:
    """Turns decoded frames of any kind into int16 of one layout and rate; a change on the way is followed."""

    def __init__(self, channels: int, rate_hz: int) -> None:
        self._channels = channels
        self._rate_hz = rate_hz
        self._resampler: Any = None
        self._key: tuple[str, str, int] | None = None

    def __call__(self, frame: Any) -> Iterator[Samples]:
        if (
            frame.format.name in _DIRECT_FORMATS
            and frame.layout.nb_channels == self._channels
            and frame.sample_rate == self._rate_hz
        ):
            yield from self.flush()
            yield _as_int16(frame)
            return
        key = (frame.format.name, frame.layout.name, frame.sample_rate)
        if key != self._key:
            yield from self.flush()
            layout = "mono" if self._channels == 1 else "stereo"
            self._resampler = av.AudioResampler(format="s16", layout=layout, rate=self._rate_hz)
            self._key = key
        frame.pts = None  # holes are filled before this; a resampler that sees them would fill them again
        for resampled in self._resampler.resample(frame):
            yield _as_int16(resampled)

    def flush(self) -> Iterator[Samples]:
        """What the resampler still holds."""
        if self._resampler is not None:
            for resampled in self._resampler.resample(None):
                yield _as_int16(resampled)
        self._resampler, self._key = None, None


class _Clock:
    """Follows the time stamps of frames, whose unit is that of the first, and finds the holes between them."""

    def __init__(self, first: Any, expected_ms: int | None) -> None:
        self._expected_s = (expected_ms or 0) / 1000
        # Floats: a call has half a million frames, and a microsecond is far below the holes that matter.
        self._unit_s = float(first.time_base or 0)
        self._origin_s = (first.pts or 0) * self._unit_s
        self._played_s = 0.0

    def hole_ms(self, frame: Any) -> int:
        """Milliseconds missing before `frame`: 0 for none, for one too small to matter and for a clock that was set."""
        pts = frame.pts
        missing_ms = 0 if pts is None else int((pts * self._unit_s - self._origin_s - self._played_s) * 1000)
        self._played_s += frame.samples / frame.sample_rate
        if missing_ms < _HOLE_MIN_MS:
            return 0
        promised = self._played_s + missing_ms / 1000 <= self._expected_s
        if missing_ms > (_PROMISED_HOLE_MAX_MS if promised else _HOLE_MAX_MS):
            self._origin_s += missing_ms / 1000
            return 0
        self._played_s += missing_ms / 1000
        return missing_ms


def _open(source: Path, recording: records.Recording) -> Any:
    url = f"file:{source.absolute()}"
    safe = {"protocol_whitelist": "file"}
    if recording.media_type == sniff.HEADERLESS_MEDIA_TYPE and recording.audio_format:
        named = sniff.parse_audio_format(recording.audio_format)
        options = {"sample_rate": str(named.rate_hz), "ch_layout": "mono" if named.channels == 1 else "stereo"}
        if named.encoding in ("g722", "gsm", "g729"):
            options = {"bit_rate": "8000"} if named.encoding == "g729" else {}
        return av.open(url, format=named.encoding, options=safe | options, metadata_errors="replace")
    return av.open(url, options=safe | {"format_whitelist": _DEMUXERS}, metadata_errors="replace")


def _target_rate_hz(codec: str, extradata: bytes | None, decoded_rate_hz: int) -> int:
    if codec == "opus" and extradata and extradata[:8] == b"OpusHead" and len(extradata) >= 16:
        input_rate_hz = int.from_bytes(extradata[12:16], "little")
        # At least 16 kHz, because the field is a remark and recognition reads at 16 kHz anyway (RFC 7845 5.1).
        return next((rate for rate in (16_000, 24_000) if 0 < input_rate_hz <= rate), decoded_rate_hz)
    return decoded_rate_hz


def _as_int16(frame: Any) -> Samples:
    samples: NDArray[Any] = frame.to_ndarray()
    shaped = samples.T if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels)
    if shaped.dtype == np.uint8:
        shaped = (shaped.astype(np.int16) - 128) << 8
    if shaped.dtype == np.int32:
        shaped = shaped >> 16
    if shaped.dtype.kind == "i":
        return shaped.astype(np.int16, copy=False)
    scaled = np.nan_to_num(shaped * 32768.0, nan=0.0)
    return np.clip(np.rint(scaled), -32768, 32767).astype(np.int16)
