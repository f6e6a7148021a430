"""Writes FLAC with a seek table, as a stream: int16 blocks in, a finished file out.

FFmpeg's FLAC muxer writes no seek table and pads with 8 KiB instead, so only its encoder is used and the file around
the frames is ours: `fLaC`, STREAMINFO, SEEKTABLE, PADDING, frames (RFC 9639). Room for the table is kept at the front
and filled in at the end. Knows no calls; memory does not grow with the audio but for eight bytes a frame.
"""

from __future__ import annotations

import hashlib
import struct
from array import array
from fractions import Fraction
from types import TracebackType
from typing import Any, BinaryIO

import av
import numpy as np
from numpy.typing import NDArray

_STREAMINFO, _PADDING, _SEEKTABLE = 0, 1, 3
_LAST_BLOCK = 0x80
_BLOCK_HEADER_BYTES = 4
_POINT = struct.Struct(">QQH")
MAX_SEEK_POINTS = 1820
"""Points that fit the reserved 32 KiB: one every six seconds of a three-hour call, every frame of a two-minute one."""

_TABLE_BYTES = _BLOCK_HEADER_BYTES + MAX_SEEK_POINTS * _POINT.size + _BLOCK_HEADER_BYTES
MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 192_000


class FlacWriter:
    """A FLAC file being written to `out`, a seekable binary file at its start; `close` makes it whole."""

    def __init__(self, out: BinaryIO, *, channels: int, rate_hz: int) -> None:
        if channels not in (1, 2) or not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise ValueError(f"FLAC of {channels} channels at {rate_hz} Hz is not written here")
        self._out = out
        self._channels = channels
        self._rate_hz = rate_hz
        self._layout = "mono" if channels == 1 else "stereo"
        self._encoder: Any = av.CodecContext.create("flac", "w")
        self._encoder.sample_rate = rate_hz
        self._encoder.format = "s16"
        self._encoder.layout = self._layout
        self._encoder.time_base = Fraction(1, rate_hz)
        self._encoder.open()
        self._block_frames: int = self._encoder.frame_size
        self._offsets = array("Q")
        self._offset = 0
        self._smallest, self._largest = 0, 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.frames = 0
        out.write(b"fLaC")
        out.write(self._streaminfo())
        out.write(_block_header(_PADDING, _TABLE_BYTES - _BLOCK_HEADER_BYTES, last=True))
        out.write(bytes(_TABLE_BYTES - _BLOCK_HEADER_BYTES))

    def __enter__(self) -> FlacWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()

    def write(self, samples: NDArray[np.int16]) -> None:
        """Append samples, shape (frames, channels)."""
        if not len(samples):
            return
        packed = np.ascontiguousarray(samples, dtype="<i2").reshape(1, -1)
        self._md5.update(packed.data)
        frame = av.AudioFrame.from_ndarray(packed, "s16", self._layout)
        frame.sample_rate = self._rate_hz
        frame.pts = self.frames
        self.frames += len(samples)
        self._append(self._encoder.encode(frame))

    def close(self) -> None:
        """Flush the encoder and write the length, the checksum and the seek table."""
        self._append(self._encoder.encode(None))
        self._out.seek(4)
        self._out.write(self._streaminfo())
        self._out.write(self._seek_table())
        self._out.seek(0, 2)
        self._out.flush()

    def _append(self, packets: list[Any]) -> None:
        for packet in packets:
            data = bytes(packet)
            if not data:  # the flush ends with an empty packet that only carries FFmpeg's own STREAMINFO
                continue
            self._offsets.append(self._offset)
            self._offset += len(data)
            self._smallest = min(self._smallest or len(data), len(data))
            self._largest = max(self._largest, len(data))
            self._out.write(data)

    def _streaminfo(self) -> bytes:
        packed = self._rate_hz << 44 | (self._channels - 1) << 41 | 15 << 36 | self.frames
        return (
            _block_header(_STREAMINFO, 34)
            + struct.pack(">HH", self._block_frames, self._block_frames)
            + self._smallest.to_bytes(3, "big")
            + self._largest.to_bytes(3, "big")
            + packed.to_bytes(8, "big")
            + (self._md5.digest() if self.frames else bytes(16))
        )

    def _seek_table(self) -> bytes:
        stride = max(1, -(-len(self._offsets) // MAX_SEEK_POINTS))
        points = bytearray()
        for index in range(0, len(self._offsets), stride):
            start = index * self._block_frames
            points += _POINT.pack(start, self._offsets[index], min(self._block_frames, self.frames - start))
        rest = _TABLE_BYTES - 2 * _BLOCK_HEADER_BYTES - len(points)
        return (
            _block_header(_SEEKTABLE, len(points))
            + bytes(points)
            + _block_header(_PADDING, rest, last=True)
            + bytes(rest)
        )


def _block_header(kind: int, size: int, *, last: bool = False) -> bytes:
    return bytes([kind | (_LAST_BLOCK if last else 0)]) + size.to_bytes(3, "big")
