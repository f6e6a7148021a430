from __future__ import annotations

import random
from pathlib import Path

import pytest
from audio_files import amr_wb, encode, g729_wav, pcm_wav, tones

from pipeline import errors
from pipeline.stages.sniff import HEADERLESS_MEDIA_TYPE, parse_audio_format, sniff

ENCODED = [
    ("a.wav", "pcm_s16le", None, "audio/wav"),
    ("a.w64", "pcm_s16le", "w64", "audio/x-w64"),
    ("a.mp3", "libmp3lame", None, "audio/mpeg"),
    ("a.m4a", "aac", "ipod", "audio/mp4"),
    ("a.mp4", "aac", "mp4", "video/mp4"),
    ("a.aac", "aac", "adts", "audio/aac"),
    ("a.opus", "libopus", None, "audio/ogg"),
    ("a.flac", "flac", None, "audio/flac"),
    ("a.amr", "libopencore_amrnb", "amr", "audio/amr"),
    ("a.wma", "wmav2", "asf", "audio/x-ms-wma"),
    ("a.aiff", "pcm_s16be", "aiff", "audio/aiff"),
    ("a.mkv", "aac", "matroska", "video/x-matroska"),
    ("a.webm", "libopus", "webm", "video/webm"),
    ("a.caf", "pcm_s16le", "caf", "audio/x-caf"),
    ("a.au", "pcm_mulaw", "au", "audio/basic"),
    ("a.avi", "libmp3lame", "avi", "video/x-msvideo"),
    ("a.ts", "aac", "mpegts", "video/mp2t"),
    ("a.flv", "aac", "flv", "video/x-flv"),
]


@pytest.mark.parametrize(("name", "codec", "container", "media_type"), ENCODED)
def test_containers_are_known_by_their_bytes(
    tmp_path: Path, name: str, codec: str, container: str | None, media_type: str
) -> None:
    rate_hz = 8000 if codec == "libopencore_amrnb" else 16000
    path = encode(tmp_path / name, tones(1.5, rate_hz), rate_hz, codec, container)
    assert sniff(path.read_bytes(), "unnamed") == media_type


def test_other_headers(tmp_path: Path) -> None:
    assert sniff(g729_wav(tmp_path / "a.wav", 0.1).read_bytes(), "a.wav") == "audio/wav"
    assert sniff(amr_wb(tmp_path / "a.awb", 0.1).read_bytes(), "a.awb") == "audio/amr-wb"
    assert sniff(b"RF64\xff\xff\xff\xffWAVEds64", "a.wav") == "audio/wav"
    assert sniff(b"ID3\x04\x00\x00\x00\x00\x00\x00" + bytes(20), "a.mp3") == "audio/mpeg"


def test_mpeg_frames_are_found_behind_junk_but_not_in_it(tmp_path: Path) -> None:
    mp3 = encode(tmp_path / "a.mp3", tones(1, 16000), 16000, "libmp3lame", options={"id3v2_version": "0"}).read_bytes()
    junk = random.Random(4).randbytes(997)
    assert sniff(junk + mp3[mp3.index(b"\xff\xf3") :], "a.mp3") == "audio/mpeg"
    for seed in range(40):
        with pytest.raises(errors.RefusedFile):
            sniff(random.Random(seed).randbytes(60_000), "junk.bin")


@pytest.mark.parametrize(
    "head",
    [
        b"Dear customer, this is not a recording.\n" * 40,
        "这不是录音。".encode() * 50,
        b"RIFF but only in words",
        b"caffeine notes",
        b"ID3 tags explained",
        b"The free trial ends today",
        b"OggS and other formats",
        b"\x00" * 4096,
        b"%PDF-1.7\n",
        b"#EXTM3U\nhttp://example.org/a.ts\n",
        b"x",
    ],
)
def test_what_is_not_audio_is_refused(head: bytes) -> None:
    with pytest.raises(errors.RefusedFile) as refused:
        sniff(head, "call.wav")
    assert refused.value.code == "not_audio"
    assert "call.wav" in refused.value.message


def test_an_empty_file_is_refused_even_with_a_named_format() -> None:
    with pytest.raises(errors.RefusedFile) as refused:
        sniff(b"", "call.ulaw", "mulaw/8000/1")
    assert refused.value.code == "empty_file"


def test_a_named_format_is_for_files_without_a_header(tmp_path: Path) -> None:
    assert sniff(b"\x7f\xfe\xff" * 100, "call.ulaw", "mulaw/8000/1") == HEADERLESS_MEDIA_TYPE
    wav = pcm_wav(tmp_path / "a.wav", tones(0.1, 8000), 8000).read_bytes()
    assert sniff(wav, "call.wav", "mulaw/8000/1") == "audio/wav"


def test_audio_formats() -> None:
    named = parse_audio_format(" ALAW/8000/2 ")
    assert (named.encoding, named.rate_hz, named.channels) == ("alaw", 8000, 2)
    assert parse_audio_format("g722/16000/1").encoding == "g722"


@pytest.mark.parametrize(
    "audio_format", ["mulaw", "mulaw/8000", "mulaw/8000/3", "mulaw/1/1", "g722/8000/1", "mp3/8000/1", "s16le/8000/1;x"]
)
def test_a_wrong_audio_format_names_what_is_right(audio_format: str) -> None:
    with pytest.raises(errors.InvalidInput) as wrong:
        sniff(b"\x7f" * 100, "call.raw", audio_format)
    assert wrong.value.code == "bad_audio_format"
    assert "mulaw" in wrong.value.message
