"""MPEG audio (MP1 to MP3) and ADTS frame headers, read without a decoder: enough to know such a file and its length.

Source: ISO/IEC 11172-3 2.4.1.3, 13818-3 and 13818-7; the Xing and VBRI tags are what encoders write in practice.
"""

from __future__ import annotations

from dataclasses import dataclass

_MPEG_BITRATES = {
    (3, 3): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (3, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 3): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 1): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG_RATES = (44_100, 48_000, 32_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class MpegFrame:
    """What one MPEG audio frame header says; `size` is the whole frame in bytes."""

    size: int
    samples: int
    rate_hz: int
    mono: bool
    mpeg1: bool


def mpeg_frame(data: bytes, at: int) -> MpegFrame | None:
    """The MPEG audio frame header at `at`, or None where there is none."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[at + 1] >> 3 & 3, data[at + 1] >> 1 & 3
    bitrate_index, rate_index = data[at + 2] >> 4, data[at + 2] >> 2 & 3
    if version == 1 or layer == 0 or bitrate_index in (0, 15) or rate_index == 3:
        return None
    mpeg1 = version == 3
    bits_per_s = _MPEG_BITRATES[(3 if mpeg1 else 2, layer)][bitrate_index - 1] * 1000
    rate_hz = _MPEG_RATES[rate_index] // (1 if mpeg1 else 2 if version == 2 else 4)
    padding = data[at + 2] >> 1 & 1
    if layer == 3:
        samples, size = 384, (12 * bits_per_s // rate_hz + padding) * 4
    else:
        samples = 1152 if mpeg1 or layer == 2 else 576
        size = samples // 8 * bits_per_s // rate_hz + padding
    return MpegFrame(size=size, samples=samples, rate_hz=rate_hz, mono=data[at + 3] >> 6 == 3, mpeg1=mpeg1)


def mpeg_frame_size(data: bytes, at: int) -> int:
    """Bytes of the MPEG audio frame at `at`; 0 where there is none."""
    frame = mpeg_frame(data, at)
    return frame.size if frame else 0


def adts_frame_size(data: bytes, at: int) -> int:
    """Bytes of the ADTS (AAC) frame at `at`; 0 where there is none."""
    if at + 7 > len(data) or data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0 or data[at + 2] >> 2 & 15 > 12:
        return 0
    size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    return size if size > 7 else 0


def tagged_frames(data: bytes, at: int) -> int | None:
    """How many MPEG frames the Xing, Info or VBRI tag in the frame at `at` promises; None without a tag."""
    frame = mpeg_frame(data, at)
    if frame is None:
        return None
    side = at + 4 + ((17 if frame.mono else 32) if frame.mpeg1 else (9 if frame.mono else 17))
    if data[side : side + 4] in (b"Xing", b"Info") and len(data) >= side + 12:
        flags = int.from_bytes(data[side + 4 : side + 8], "big")
        return int.from_bytes(data[side + 8 : side + 12], "big") if flags & 1 else None
    vbri = at + 36
    if data[vbri : vbri + 4] == b"VBRI" and len(data) >= vbri + 18:
        return int.from_bytes(data[vbri + 14 : vbri + 18], "big")
    return None
