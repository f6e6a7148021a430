"""Ogg pages (RFC 3533), followed without a decoder: how long a stream says it is, and whether any of it is missing."""

from __future__ import annotations

import zlib
from typing import BinaryIO

_CHUNK_BYTES = 1 << 20
_HEADER_BYTES = 27
_LATE_START = 20 * 48_000
_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class OggPages:
    """Follows one logical stream through an Ogg file (RFC 3533), checking numbers and checksums, in constant memory."""

    def __init__(self) -> None:
        self.broken = False
        self._serial: int | None = None
        self._sequence: int | None = None
        self._first = 0
        self._last: int | None = None
        self._finished = 0

    @property
    def granules(self) -> int:
        return self._finished + max(0, (self._last or 0) - self._first)

    def walk(self, file: BinaryIO) -> None:
        buffer = b""
        while chunk := file.read(_CHUNK_BYTES):
            buffer = self._pages(buffer + chunk)
        if buffer:  # the file ends within a page, or in something that is none
            self.broken = True

    def _pages(self, buffer: bytes) -> bytes:
        at = 0
        while True:
            start = buffer.find(b"OggS", at)
            if start != at:
                if start < 0:
                    keep = max(at, len(buffer) - 3)  # a page may begin in the last bytes
                    self.broken |= keep > at
                    return buffer[keep:]
                self.broken = True
                at = start
            size = _page_size(buffer, at)
            if size is None or at + size > len(buffer):
                return buffer[at:]
            page = buffer[at : at + size]
            if _checksum(page) != int.from_bytes(page[22:26], "little"):
                self.broken = True
                at += 4
                continue
            self._take(page)
            at += size

    def _take(self, page: bytes) -> None:
        granule = int.from_bytes(page[6:14], "little", signed=True)
        serial, sequence = int.from_bytes(page[14:18], "little"), int.from_bytes(page[18:22], "little")
        body = page[_HEADER_BYTES + page[26] :]
        starts = page[5] & 2
        if starts and body.startswith((b"OpusHead", b"\x01vorbis", b"\x7fFLAC")):
            if self._serial is not None and self._last is None:
                return  # a second audio stream beside the first; decode takes the first
            self._finished = self.granules
            self._serial, self._sequence, self._last = serial, None, None
            self._first = int.from_bytes(body[10:12], "little") if body[:8] == b"OpusHead" else 0
        if serial != self._serial:
            return
        if self._sequence is not None and sequence != self._sequence + 1:
            self.broken = True
        self._sequence = sequence
        if granule > 0:
            if self._last is None and granule - self._first > _LATE_START:
                self._first = granule  # cut out of a running broadcast, whose clock began long before
            self._last = max(granule, self._last or 0)


def _page_size(buffer: bytes, at: int) -> int | None:
    if at + _HEADER_BYTES > len(buffer):
        return None
    segments = at + _HEADER_BYTES
    count = buffer[at + 26]
    if segments + count > len(buffer):
        return None
    return _HEADER_BYTES + count + sum(buffer[segments : segments + count])


def _checksum(page: bytes) -> int:
    """Ogg's CRC-32: zlib's polynomial, but neither reflected nor inverted, so bits are turned before and after."""
    turned = (page[:22] + bytes(4) + page[26:]).translate(_REVERSED_BITS)
    crc = zlib.crc32(turned, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{crc:032b}"[::-1], 2)
