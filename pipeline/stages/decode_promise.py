"""What a recording's header promises about its length, where a header promises at all.

FFmpeg always names a duration, but for many files it is an estimate from the bit rate. Only a length that somebody
wrote down counts as a promise here, so that a variable bit rate never looks like damage.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from pipeline.stages.decode_mpeg import mpeg_frame, tagged_frames
from pipeline.stages.decode_ogg import OggPages

_STREAM_HEADERS = frozenset({"w64", "aiff", "au", "caf", "flac", "mov", "mp4"})
_CONTAINER_HEADERS = frozenset({"matroska", "webm"})
_TOLERANCE_MS = 500
_TOLERANCE_SHARE = 0.02
_FLAC_TOLERANCE_MS = 20
_MPEG_SCAN_BYTES = 65_536
_ASF_SCAN_BYTES = 65_536
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_LIVE = 1
_RIFF_CHUNKS = 64
_PLAIN_SAMPLES = frozenset({1, 3, 6, 7, 0xFFFE})  # PCM, float, A-law, mu-law, and PCM under its extensible name


@dataclass(frozen=True, kw_only=True, slots=True)
class Promise:
    """`expected_ms` is None when the header names no length; `broken` when the container itself shows a loss.

    A shortfall up to `tolerance_ms` is how encoders round.
    """

    expected_ms: int | None
    broken: bool = False
    tolerance_ms: float = 0.0

    def kept_by(self, decoded_ms: int) -> bool:
        """Whether so much decoded audio is what was promised."""
        return not self.broken and (self.expected_ms is None or self.expected_ms - decoded_ms <= self.tolerance_ms)


def promise_of(container: Any, stream: Any, source: Path) -> Promise:
    """What the header of `source`, opened as PyAV `container` and `stream`, promises."""
    names = set(container.format.name.split(","))
    expected_ms, broken = None, False
    if "mp3" in names:
        expected_ms = _mpeg_ms(source)
    elif "wav" in names:
        expected_ms = _riff_ms(source)
    elif "asf" in names:
        expected_ms = _asf_ms(source)
    elif "ogg" in names:
        expected_ms, broken = _ogg(source, stream)
    elif names & _STREAM_HEADERS and stream.duration and stream.duration > 0:
        expected_ms = int(stream.duration * stream.time_base * 1000)
    elif names & _CONTAINER_HEADERS and (container.duration or 0) > 0 and len(container.streams) == 1:
        expected_ms = container.duration // 1000
    # A FLAC frame that fails its checksum is left out without a word, and its header counts single samples.
    tolerance_ms = _FLAC_TOLERANCE_MS if "flac" in names else max(_TOLERANCE_MS, _TOLERANCE_SHARE * (expected_ms or 0))
    return Promise(expected_ms=expected_ms, broken=broken, tolerance_ms=tolerance_ms)


def _riff_ms(source: Path) -> int | None:
    """What the data chunk's size means; FFmpeg would cut it to the size of the file."""
    plain, rate_hz, block, bytes_per_s, samples, long_size = False, 0, 0, 0, 0, 0
    with source.open("rb") as file:
        file_bytes = file.seek(0, 2)
        order: Literal["big", "little"] = "big" if _at(file, 0, 4) == b"RIFX" else "little"
        at = 12
        for _ in range(_RIFF_CHUNKS):
            header = _at(file, at, 8)
            name, size = header[:4], int.from_bytes(header[4:], order)
            if len(header) < 8:
                return None
            if name == b"data":
                break
            body = _at(file, at + 8, min(size, 40))
            if name == b"fmt " and len(body) >= 16:
                plain = int.from_bytes(body[:2], order) in _PLAIN_SAMPLES
                rate_hz, bytes_per_s = int.from_bytes(body[4:8], order), int.from_bytes(body[8:12], order)
                block = int.from_bytes(body[12:14], order)
            elif name == b"fact":
                samples = int.from_bytes(body[:4], order)
            elif name == b"ds64":
                long_size = int.from_bytes(body[8:16], order)
            at += 8 + size + (size & 1)
        else:
            return None
    if size == 0xFFFFFFFF and long_size:
        size = long_size
    whole = size <= file_bytes - at - 8
    if plain:
        return size * 1000 // (block * rate_hz) if size and block and rate_hz else None
    if whole:
        return samples * 1000 // rate_hz if samples and rate_hz else None
    return size * 1000 // bytes_per_s if bytes_per_s else None


def _asf_ms(source: Path) -> int | None:
    """The play duration of the file properties object, less the preroll (ASF specification 3.2)."""
    with source.open("rb") as file:
        head = file.read(_ASF_SCAN_BYTES)
    at = head.find(_ASF_FILE_PROPERTIES)
    fields = head[at : at + 92]
    if at < 0 or len(fields) < 92 or int.from_bytes(fields[88:92], "little") & _ASF_LIVE:
        return None
    duration_ms = int.from_bytes(fields[64:72], "little") // 10_000 - int.from_bytes(fields[80:88], "little")
    return duration_ms if duration_ms > 0 else None


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


def _mpeg_ms(source: Path) -> int | None:
    with source.open("rb") as file:
        _skip_id3(file)
        head = file.read(_MPEG_SCAN_BYTES)
    for at in range(len(head) - 4):
        if head[at] == 0xFF and (frame := mpeg_frame(head, at)):
            frames = tagged_frames(head, at)
            return frames * frame.samples * 1000 // frame.rate_hz if frames else None
    return None


def _skip_id3(file: BinaryIO) -> None:
    at = 0
    while (tag := file.read(10))[:3] == b"ID3" and len(tag) == 10:
        at += 10 + (tag[6] << 21 | tag[7] << 14 | tag[8] << 7 | tag[9])
        file.seek(at)
    file.seek(at)


def _ogg(source: Path, stream: Any) -> tuple[int | None, bool]:
    """Walk the pages of the first audio stream: its last granule position is its length; and whether any is missing."""
    pages = OggPages()
    with source.open("rb") as file:
        pages.walk(file)
    rate_hz = 48_000 if stream.codec_context.name in ("opus", "libopus") else stream.codec_context.sample_rate
    return pages.granules * 1000 // rate_hz if pages.granules and rate_hz else None, pages.broken
