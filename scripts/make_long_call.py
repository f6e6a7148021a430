"""Makes a long two-channel call by looping the sample calls: `python scripts/make_long_call.py long.opus --hours 3`.

The suffix chooses Opus or a mu-law WAV. The benchmark measures memory and speed on such a call.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from pipeline import records
from pipeline.stages.decode_source import SourceAudio
from pipeline.stages.sniff import HEAD_BYTES, sniff

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
SUFFIXES = frozenset({".wav", ".mp3", ".m4a", ".opus", ".ogg", ".flac"})
RATE_HZ = 8_000
CODECS: dict[str, tuple[str, dict[str, str]]] = {
    ".opus": ("libopus", {"b": "24000", "compression_level": "0"}),
    ".wav": ("pcm_mulaw", {}),
}


def blocks(folder: Path, frames: int) -> Iterator[NDArray[np.int16]]:
    """`frames` frames of 8 kHz, two-channel sound from the recordings of `folder`, over and over."""
    recordings = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
    left = frames
    for path in itertools.cycle(recordings):
        with path.open("rb") as file:
            media_type = sniff(file.read(HEAD_BYTES), path.name)
        with SourceAudio(path, records.Recording(sha256="", media_type=media_type, size_bytes=0)) as source:
            for samples in source:
                # Every rate of the samples is a multiple of 8 kHz; all are telephone band, so nothing folds back.
                block = samples[:: source.rate_hz // RATE_HZ][:left]
                yield np.repeat(block, 2, axis=1) if source.channels == 1 else block
                left -= len(block)
                if not left:
                    return


def write(path: Path, frames: int, folder: Path) -> None:
    """Encode the looped samples into `path`, as its suffix says."""
    codec, options = CODECS[path.suffix]
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=RATE_HZ, options=options)
        stream.layout = "stereo"
        at = 0
        for block in blocks(folder, frames):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.reshape(1, -1)), "s16", "stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, at, Fraction(1, RATE_HZ)
            at += len(block)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, nargs="+", help=f"files to write, ending in {' or '.join(CODECS)}")
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--samples", type=Path, default=SAMPLES)
    given = parser.parse_args()
    for path in given.out:
        if path.suffix not in CODECS:
            parser.error(f"{path.name} ends in neither {' nor '.join(CODECS)}")
    for path in given.out:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, int(given.hours * 3600 * RATE_HZ), given.samples)
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
