"""What kind of recording a file is, from its first bytes: a media type, or a refusal with a stable code.

Reads nothing but the bytes it is given and decodes nothing: whether the audio inside is whole is decode's to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from pipeline import errors
from pipeline.stages.decode_mpeg import adts_frame_size, mpeg_frame_size

HEAD_BYTES = 65_536
"""How many bytes `sniff` wants of a larger file; MPEG frames are looked for in no more than these."""

HEADERLESS_MEDIA_TYPE = "audio/x-headerless"

_SAMPLE_ENCODINGS = (
    "mulaw", "alaw", "s8", "u8", "s16le", "s16be", "s24le", "s24be", "s32le", "s32be", "f32le", "f32be",
)  # fmt: skip
_FIXED_ENCODINGS = {"g722": (16_000, 1), "g729": (8_000, 1), "gsm": (8_000, 1)}
_AUDIO_FORMAT = re.compile(r"([a-z0-9]+)/([0-9]{1,6})/([0-9]{1,2})")
_ASF_GUID = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_TS_PACKET_BYTES = 188


@dataclass(frozen=True, kw_only=True, slots=True)
class Headerless:
    """A named encoding of a file without a header."""

    encoding: str
    rate_hz: int
    channels: int


def sniff(head: bytes, name: str, audio_format: str | None = None) -> str:
    """The media type of a file that begins with `head` (its first `HEAD_BYTES`, or all of it).

    `audio_format` is believed only where the bytes name no container themselves. Raises errors.RefusedFile with code
    `empty_file` or `not_audio`, and errors.InvalidInput with code `bad_audio_format`.
    """
    named = parse_audio_format(audio_format) if audio_format else None
    if not head:
        raise errors.RefusedFile(f"{name} is empty; export it again from the recorder", code="empty_file")
    if media_type := _container(head):
        return media_type
    if named:
        return HEADERLESS_MEDIA_TYPE
    if media_type := _bare_frames(head):
        return media_type
    raise errors.RefusedFile(
        f"{name} holds no audio that is known here; if it has no header, name its encoding, such as mulaw/8000/1",
        code="not_audio",
    )


def parse_audio_format(audio_format: str) -> Headerless:
    """Read "mulaw/8000/1" (encoding, sample rate, channels); raises errors.InvalidInput, `bad_audio_format`."""
    match = _AUDIO_FORMAT.fullmatch(audio_format.strip().lower())
    if match:
        encoding, rate_hz, channels = match[1], int(match[2]), int(match[3])
        if encoding in _SAMPLE_ENCODINGS and 4_000 <= rate_hz <= 192_000 and channels in (1, 2):
            return Headerless(encoding=encoding, rate_hz=rate_hz, channels=channels)
        if _FIXED_ENCODINGS.get(encoding) == (rate_hz, channels):
            return Headerless(encoding=encoding, rate_hz=rate_hz, channels=channels)
    fixed = (f"{encoding}/{rate}/{channels}" for encoding, (rate, channels) in _FIXED_ENCODINGS.items())
    raise errors.InvalidInput(
        f"audio format {audio_format[:40]!r} is not known; write encoding/rate/channels with one of "
        f"{', '.join(_SAMPLE_ENCODINGS)} (4000 to 192000 Hz, 1 or 2 channels), or one of {', '.join(fixed)}",
        code="bad_audio_format",
    )


def _container(head: bytes) -> str | None:
    form = head[8:12]
    checks: tuple[tuple[bool, str], ...] = (
        (head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and form == b"WAVE", "audio/wav"),
        (head[:4] == b"RIFF" and form == b"AVI ", "video/x-msvideo"),
        (head[:4] == b"riff" and head[24:28] == b"wave", "audio/x-w64"),
        (head[:4] == b"fLaC", "audio/flac"),
        (head[:5] == b"OggS\0", "audio/ogg"),
        (head[:9] == b"#!AMR-WB\n", "audio/amr-wb"),
        (head[:6] == b"#!AMR\n", "audio/amr"),
        (head[:16] == _ASF_GUID, "audio/x-ms-wma"),
        (head[:4] == b"FORM" and form in (b"AIFF", b"AIFC"), "audio/aiff"),
        (head[:4] == b"\x1a\x45\xdf\xa3", "video/webm" if b"webm" in head[:64] else "video/x-matroska"),
        (head[:6] == b"caff\0\1", "audio/x-caf"),
        (head[:4] == b".snd", "audio/basic"),
        (head[:4] == b"FLV\x01", "video/x-flv"),
        (head[:3] == b"ID3" and head[3:4] in (b"\2", b"\3", b"\4"), "audio/mpeg"),
    )
    if found := next((media_type for matched, media_type in checks if matched), None):
        return found
    if head[4:8] == b"ftyp":
        return "audio/mp4" if form[:3] == b"M4A" or form[:3] == b"M4B" else "video/mp4"
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip") and head[0] < 0x20:  # a size, not a letter
        return "video/quicktime"
    if len(head) > 4 * _TS_PACKET_BYTES and all(head[at * _TS_PACKET_BYTES] == 0x47 for at in range(5)):
        return "video/mp2t"
    return None


def _bare_frames(head: bytes) -> str | None:
    """MPEG audio or ADTS frames that follow one another; the last one wanted may be missing in a short file."""
    if _frames_follow(head, 0, mpeg_frame_size, wanted=2):
        return "audio/mpeg"
    if _frames_follow(head, 0, adts_frame_size, wanted=2):
        return "audio/aac"
    for at in range(len(head) - 4):
        if head[at] == 0xFF and head[at + 1] >= 0xE0:
            if _frames_follow(head, at, mpeg_frame_size, wanted=3):
                return "audio/mpeg"
            if _frames_follow(head, at, adts_frame_size, wanted=3):
                return "audio/aac"
    return None


def _frames_follow(head: bytes, at: int, size_of: Callable[[bytes, int], int], *, wanted: int) -> bool:
    for seen in range(wanted):
        if seen == wanted - 1 and at == len(head):
            return True
        size = size_of(head, at)
        if not size:
            return False
        at += size
    return True
