"""Makes small audio files in many encodings for tests, with the encoders of PyAV's own FFmpeg."""

from __future__ import annotations

import random
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]


def tones(seconds: float, rate_hz: int, channels: int = 1, seed: int = 0) -> Samples:
    """A different steady tone in each channel under a little noise, shape (frames, channels)."""
    times = np.arange(int(seconds * rate_hz)) / rate_hz
    noise = np.random.default_rng(seed).normal(0, 60, (len(times), channels))
    lanes = [6000 * np.sin(2 * np.pi * (300 + 400 * channel) * times) for channel in range(channels)]
    return (np.stack(lanes, axis=1) + noise).astype(np.int16)


def encode(
    path: Path,
    samples: Samples,
    rate_hz: int,
    codec: str,
    container: str | None = None,
    *,
    layout: str | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Encode with FFmpeg's `codec` into `container` (else named by the suffix)."""
    layout = layout or {1: "mono", 2: "stereo", 6: "5.1"}[samples.shape[1]]
    with av.open(str(path), "w", format=container) as out:
        stream: Any = out.add_stream(codec, rate=rate_hz, options={"strict": "-2", **(options or {})})
        stream.layout = layout
        if codec.startswith("wma"):  # its default is too much for a telephone's rate
            stream.bit_rate = 32_000
        block = rate_hz
        for at in range(0, len(samples), block):
            part = np.ascontiguousarray(samples[at : at + block].reshape(1, -1))
            frame = av.AudioFrame.from_ndarray(part, "s16", layout)
            frame.sample_rate, frame.pts, frame.time_base = rate_hz, at, Fraction(1, rate_hz)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def wav(path: Path, payload: bytes, *, tag: int, rate_hz: int, channels: int, block: int, bits: int, extra: bytes = b"",
        byte_rate: int | None = None, promised: int | None = None) -> Path:  # fmt: skip
    """A RIFF/WAVE file by hand; `promised` is what its headers say instead of the payload's true length."""
    length = len(payload) if promised is None else promised
    fmt = struct.pack("<HHIIHHH", tag, channels, rate_hz, byte_rate or rate_hz * block, block, bits, len(extra)) + extra
    head = b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", length)
    riff = min(len(head) + 4 + length, 0xFFFFFFFF)
    path.write_bytes(b"RIFF" + struct.pack("<I", riff) + b"WAVE" + head + payload)
    return path


def pcm_wav(path: Path, samples: Samples, rate_hz: int, promised: int | None = None) -> Path:
    """16-bit PCM by hand."""
    channels = samples.shape[1]
    return wav(path, samples.astype("<i2").tobytes(), tag=1, rate_hz=rate_hz, channels=channels, block=2 * channels,
               bits=16, promised=promised)  # fmt: skip


def gsm_wav(path: Path, seconds: float) -> Path:
    """Microsoft GSM 6.10 of meaningless sound: no encoder is at hand, but any 65 bytes are 320 samples."""
    blocks = int(seconds * 8000 / 320)
    payload = random.Random(1).randbytes(65 * blocks)
    return wav(path, payload, tag=0x31, rate_hz=8000, channels=1, block=65, bits=0, byte_rate=1625,
               extra=struct.pack("<H", 320))  # fmt: skip


def g729_wav(path: Path, seconds: float) -> Path:
    """G.729 of meaningless sound: any 10 bytes are 10 ms."""
    payload = random.Random(1).randbytes(10 * int(seconds * 100))
    return wav(path, payload, tag=0x83, rate_hz=8000, channels=1, block=10, bits=0, byte_rate=1000)


def amr_wb(path: Path, seconds: float) -> Path:
    """AMR-WB of meaningless sound: frames of 20 ms in mode 0, 17 bytes behind their header byte."""
    rng = random.Random(1)
    frames = (b"\x04" + rng.randbytes(17) for _ in range(int(seconds * 50)))
    path.write_bytes(b"#!AMR-WB\n" + b"".join(frames))
    return path
