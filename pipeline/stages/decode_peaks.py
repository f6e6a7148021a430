"""The peaks of a waveform: loudest and quietest sample per bucket and channel, small enough to draw a call at once.

A bucket starts at 10 ms and doubles in width whenever there would be more than `MAX_BUCKETS`, so a file has one to
16,384 buckets however long the call is, and building it takes constant memory.

File: `FBPK`, then little-endian u8 version (1), u8 channels, u16 zero, u32 sample rate, u32 samples per bucket, u32
buckets, u64 samples per channel; then channel after channel its buckets as pairs of int8, lowest and highest, full
scale 127.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import errors

MAX_BUCKETS = 16_384
_MAGIC = b"FBPK"
_VERSION = 1
_HEADER = struct.Struct("<4sBBHIIIQ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Peaks:
    """`pairs[channel]` is lowest, highest, lowest, highest … within ±127; bucket i starts at i * samples_per_bucket."""

    sample_rate_hz: int
    samples_per_bucket: int
    frames: int
    pairs: tuple[array[int], ...]

    @property
    def duration_ms(self) -> int:
        return self.frames * 1000 // self.sample_rate_hz

    @property
    def buckets(self) -> int:
        return len(self.pairs[0]) // 2


class PeakBuilder:
    """Takes int16 blocks and keeps only their extremes."""

    def __init__(self, *, channels: int, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._width = max(1, rate_hz // 100)
        self._frames = 0
        self._count = 0
        self._lows = np.zeros((channels, MAX_BUCKETS), np.int16)
        self._highs = np.zeros((channels, MAX_BUCKETS), np.int16)
        self._rest = np.zeros((channels, 0), np.int16)

    def write(self, samples: NDArray[np.int16]) -> None:
        """Take samples, shape (frames, channels)."""
        self._frames += len(samples)
        # One channel after the other in memory: numpy is twenty times faster along it than across.
        pending = np.concatenate([self._rest, samples.T], axis=1)
        while pending.shape[1] >= self._width:
            if self._count == MAX_BUCKETS:
                self._halve()
                continue
            whole = min(pending.shape[1] // self._width, MAX_BUCKETS - self._count)
            self._take(pending[:, : whole * self._width].reshape(len(pending), whole, self._width))
            pending = pending[:, whole * self._width :]
        self._rest = pending.copy()

    def to_bytes(self) -> bytes:
        """The file's bytes."""
        if self._rest.size:
            if self._count == MAX_BUCKETS:
                self._halve()
            self._take(self._rest[:, None, :])
            self._rest = self._rest[:, :0]
        header = _HEADER.pack(
            _MAGIC, _VERSION, len(self._lows), 0, self._rate_hz, self._width, self._count, self._frames
        )
        body = np.stack([self._lows[:, : self._count], self._highs[:, : self._count]], axis=-1)
        # Towards zero, so that the faintest noise below silence does not look louder than the one above it.
        return header + np.clip(np.trunc(body / 256), -127, 127).astype(np.int8).tobytes()

    def _take(self, buckets: NDArray[np.int16]) -> None:
        end = self._count + buckets.shape[1]
        self._lows[:, self._count : end] = buckets.min(axis=2)
        self._highs[:, self._count : end] = buckets.max(axis=2)
        self._count = end

    def _halve(self) -> None:
        half = MAX_BUCKETS // 2
        self._lows[:, :half] = self._lows.reshape(-1, half, 2).min(axis=2)
        self._highs[:, :half] = self._highs.reshape(-1, half, 2).max(axis=2)
        self._count = half
        self._width *= 2


def read_peaks(path: Path) -> Peaks:
    """The peaks that decode wrote; raises errors.InvalidInput with code `bad_peaks` on any other file."""
    data = path.read_bytes()
    if len(data) < _HEADER.size or data[:4] != _MAGIC:
        raise errors.InvalidInput(f"{path.name} holds no peaks; process the call again", code="bad_peaks")
    _, version, channels, _, rate_hz, width, buckets, frames = _HEADER.unpack_from(data)
    body = data[_HEADER.size :]
    if version != _VERSION or not channels or len(body) != channels * buckets * 2:
        raise errors.InvalidInput(f"{path.name} holds damaged peaks; process the call again", code="bad_peaks")
    size = buckets * 2
    return Peaks(
        sample_rate_hz=rate_hz,
        samples_per_bucket=width,
        frames=frames,
        pairs=tuple(array("b", body[at * size : (at + 1) * size]) for at in range(channels)),
    )
