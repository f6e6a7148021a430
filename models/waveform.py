"""Reads the derived FLAC of a call as samples: any window exactly, or the whole as blocks, never all of it at once.

Times are milliseconds of the file; a window's samples are the same whether it is read alone or as part of a longer one,
because resampling always starts on a whole second with a second to settle. Knows waveforms only, no call and no speech.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
from numpy.typing import NDArray

SPEECH_RATE_HZ = 16_000
"""The rate that speech models listen at."""

_SETTLE_S = 1


class FlacReader:
    """An open FLAC file of known length: one reading at a time, and none shared between threads."""

    def __init__(self, path: Path) -> None:
        self._container: Any = av.open(str(path), format="flac")
        self._stream: Any = self._container.streams.audio[0]
        self.rate_hz: int = self._stream.codec_context.sample_rate
        self.channels: int = self._stream.codec_context.channels
        self.frames: int = self._stream.duration or 0
        if not self.frames:
            self._container.close()
            raise ValueError(f"{path.name} does not say how long it is")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    @property
    def duration_ms(self) -> int:
        return self.frames * 1000 // self.rate_hz

    def native(self, start: int = 0, end: int | None = None) -> Iterator[NDArray[np.int16]]:
        """Samples [start, end) of every channel at the file's own rate, as blocks of shape (frames, channels).

        A block is about a second.
        """
        held: list[NDArray[np.int16]] = []
        size = 0
        for samples in self._frames(start, self.frames if end is None else min(end, self.frames)):
            held.append(samples)
            size += len(samples)
            if size >= self.rate_hz:
                yield np.concatenate(held)
                held, size = [], 0
        if held:
            yield np.concatenate(held)

    def _frames(self, start: int, end: int) -> Iterator[NDArray[np.int16]]:
        if start >= end:
            return
        self._container.seek(start, stream=self._stream)
        for frame in self._container.decode(self._stream):
            at = frame.pts
            if at >= end:
                return
            samples = _interleaved(frame)[max(0, start - at) : end - at]
            if len(samples):
                yield samples

    def blocks(
        self, block_ms: int, start_ms: int = 0, end_ms: int | None = None, rate_hz: int = SPEECH_RATE_HZ
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """(start in ms, samples of shape (channels, samples) in ±1) for each `block_ms` of [start_ms, end_ms)."""
        end_ms = self.duration_ms if end_ms is None else min(end_ms, self.duration_ms)
        first_s = max(0, start_ms // 1000 - _SETTLE_S)
        last = min(self.frames, (-(-end_ms // 1000) + _SETTLE_S) * self.rate_hz)
        held = _Held(self.channels, first_s * rate_hz)
        at_ms = start_ms
        for samples in self._resampled(first_s * self.rate_hz, last, rate_hz):
            held.add(samples)
            while at_ms < end_ms:
                until_ms = min(at_ms + block_ms, end_ms)
                block = held.take(at_ms * rate_hz // 1000, until_ms * rate_hz // 1000)
                if block is None:
                    break
                yield at_ms, block
                at_ms = until_ms
            if at_ms >= end_ms:
                return
        rest = held.rest(at_ms * rate_hz // 1000)
        if rest.shape[1]:
            yield at_ms, rest

    def read(self, start_ms: int, end_ms: int, rate_hz: int = SPEECH_RATE_HZ) -> NDArray[np.float32]:
        """Samples of [start_ms, end_ms) in ±1, shape (channels, samples); shorter where the file ends first."""
        parts = [block for _, block in self.blocks(max(1, end_ms - start_ms), start_ms, end_ms, rate_hz)]
        return parts[0] if parts else np.zeros((self.channels, 0), np.float32)

    def _resampled(self, start: int, end: int, rate_hz: int) -> Iterator[NDArray[np.float32]]:
        if rate_hz == self.rate_hz:
            for samples in self.native(start, end):
                yield samples.T.astype(np.float32) / 32768.0
            return
        layout = "mono" if self.channels == 1 else "stereo"
        resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate_hz)
        for samples in self.native(start, end):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.reshape(1, -1)), "s16", layout)
            frame.sample_rate = self.rate_hz
            for resampled in resampler.resample(frame):
                yield resampled.to_ndarray()
        for resampled in resampler.resample(None):
            yield resampled.to_ndarray()


class _Held:
    """Samples that were decoded and not yet taken, with the place of the first."""

    def __init__(self, channels: int, at: int) -> None:
        self._parts: list[NDArray[np.float32]] = []
        self._at = at
        self._size = 0
        self._channels = channels

    def add(self, samples: NDArray[np.float32]) -> None:
        self._parts.append(samples)
        self._size += samples.shape[1]

    def take(self, start: int, end: int) -> NDArray[np.float32] | None:
        """Samples [start, end), forgetting all before `end`; None while they are not all there."""
        if self._at + self._size < end:
            return None
        block = self.rest(start)
        self._parts = [block[:, end - start :]]
        self._at, self._size = end, block.shape[1] - (end - start)
        return block[:, : end - start].copy()

    def rest(self, start: int) -> NDArray[np.float32]:
        """All samples from `start` on."""
        if not self._parts:
            return np.zeros((self._channels, 0), np.float32)
        return np.concatenate(self._parts, axis=1)[:, start - self._at :]


def open_flac(path: Path) -> FlacReader:
    """Open a derived FLAC; raises ValueError when it names no length, and what PyAV raises when it is no FLAC."""
    return FlacReader(path)


def read_channels(path: Path, start_ms: int, end_ms: int, rate_hz: int = SPEECH_RATE_HZ) -> NDArray[np.float32]:
    """Samples of [start_ms, end_ms) in ±1, shape (channels, samples); shorter where the file ends first."""
    with open_flac(path) as audio:
        return audio.read(start_ms, end_ms, rate_hz)


def iter_blocks(path: Path, block_ms: int, rate_hz: int = SPEECH_RATE_HZ) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The whole file as (start in ms, samples of shape (channels, samples)), one block at a time."""
    with open_flac(path) as audio:
        yield from audio.blocks(block_ms, rate_hz=rate_hz)


def _interleaved(frame: Any) -> NDArray[np.int16]:
    samples: NDArray[Any] = frame.to_ndarray()
    shaped = samples.T if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels)
    # FFmpeg gives the 16 bits of a FLAC as int16; a deeper one comes left-aligned in 32.
    return shaped if shaped.dtype == np.int16 else (shaped >> 16).astype(np.int16)
