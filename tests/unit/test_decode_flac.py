from __future__ import annotations

import hashlib
import io
import random
import struct
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from audio_files import Samples, tones

from pipeline.stages.decode_flac import MAX_SEEK_POINTS, FlacWriter


@dataclass
class Layout:
    """A FLAC file taken apart by RFC 9639, without a library."""

    rate_hz: int
    channels: int
    frames: int
    md5: bytes
    points: list[tuple[int, int, int]]
    audio_at: int


def take_apart(data: bytes) -> Layout:
    assert data[:4] == b"fLaC"
    at, last, blocks = 4, False, {}
    while not last:
        last, kind = bool(data[at] & 0x80), data[at] & 0x7F
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        blocks[kind] = data[at + 4 : at + 4 + size]
        at += 4 + size
    assert list(blocks) == [0, 3, 1]
    packed = int.from_bytes(blocks[0][10:18], "big")
    return Layout(
        rate_hz=packed >> 44,
        channels=(packed >> 41 & 7) + 1,
        frames=packed & (1 << 36) - 1,
        md5=blocks[0][18:34],
        points=[struct.unpack_from(">QQH", blocks[3], at) for at in range(0, len(blocks[3]), 18)],
        audio_at=at,
    )


def frame_number(data: bytes, at: int) -> int:
    """The number that the FLAC frame at `at` says it has (RFC 9639 9.1.5, coded as UTF-8 is)."""
    assert data[at] == 0xFF and data[at + 1] == 0xF8, "no frame of a fixed size begins here"
    first = data[at + 4]
    if first < 0x80:
        return first
    length = 8 - (first ^ 0xFF).bit_length()
    number = first & (1 << 7 - length) - 1
    for byte in data[at + 5 : at + 4 + length]:
        number = number << 6 | byte & 0x3F
    return number


def written(samples: Samples, rate_hz: int, block: int) -> bytes:
    out = io.BytesIO()
    with FlacWriter(out, channels=samples.shape[1], rate_hz=rate_hz) as writer:
        for at in range(0, len(samples), block):
            writer.write(samples[at : at + block])
    return out.getvalue()


@pytest.mark.parametrize(("rate_hz", "channels", "block"), [(8000, 2, 8000), (16000, 1, 777), (44100, 2, 50000)])
def test_streaminfo_and_samples_are_exact(rate_hz: int, channels: int, block: int) -> None:
    samples = tones(3.217, rate_hz, channels)
    data = written(samples, rate_hz, block)
    layout = take_apart(data)
    assert (layout.rate_hz, layout.channels, layout.frames) == (rate_hz, channels, len(samples))
    assert layout.md5 == hashlib.md5(samples.astype("<i2").tobytes()).digest()
    with av.open(io.BytesIO(data)) as container:
        decoded = np.concatenate([f.to_ndarray().reshape(-1, channels) for f in container.decode(audio=0)])
    assert np.array_equal(decoded, samples)


def test_every_seek_point_leads_to_its_frame() -> None:
    data = written(tones(20, 8000, 2), 8000, 8000)
    layout = take_apart(data)
    assert len(layout.points) > 100
    assert [start for start, _, _ in layout.points] == sorted({start for start, _, _ in layout.points})
    size = layout.points[0][2]
    for start, offset, length in layout.points:
        assert frame_number(data, layout.audio_at + offset) * size == start
        assert length == min(size, layout.frames - start)


def test_a_long_call_has_no_more_points_than_there_is_room_for() -> None:
    data = written(tones(600, 8000), 8000, 80_000)
    layout = take_apart(data)
    assert MAX_SEEK_POINTS // 2 < len(layout.points) <= MAX_SEEK_POINTS
    gaps = np.diff([start for start, _, _ in layout.points])
    assert gaps.min() == gaps.max()
    for start, offset, length in random.Random(3).sample(layout.points, 50):
        assert frame_number(data, layout.audio_at + offset) * length == start


def test_a_browser_finds_any_second_through_the_table_alone() -> None:
    """Read as a player does: the table, then one range from the nearest point, and the sound must be the right one."""
    rate_hz = 8000
    samples = np.repeat(np.arange(300, dtype=np.int16)[:, None] * 50, rate_hz, axis=0)  # each second has its own level
    data = written(samples, rate_hz, rate_hz)
    layout = take_apart(data)
    for second in random.Random(5).sample(range(300), 25):
        point = max((p for p in layout.points if p[0] <= second * rate_hz), key=lambda p: p[0])
        part = data[: layout.audio_at] + data[layout.audio_at + point[1] :][:40_000]
        with av.open(io.BytesIO(part)) as container:
            heard: list[int] = []
            for frame in container.decode(audio=0):
                heard += frame.to_ndarray().reshape(-1).tolist()
                if len(heard) > second * rate_hz - point[0] + 1:
                    break
        assert heard[second * rate_hz - point[0]] == second * 50


def test_an_empty_file_is_still_a_file() -> None:
    assert take_apart(written(tones(0, 8000), 8000, 1)).frames == 0


@pytest.mark.parametrize(("channels", "rate_hz"), [(3, 8000), (0, 8000), (1, 10), (1, 10**6)])
def test_what_it_does_not_write(channels: int, rate_hz: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not written"):
        FlacWriter(io.BytesIO(), channels=channels, rate_hz=rate_hz)
