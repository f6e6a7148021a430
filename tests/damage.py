"""Makes damaged recordings from whole ones, the same ones for the same seed.

Also a command: `python tests/damage.py FOLDER [--count 300] [--seed 1]` fills a folder from the sample calls.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
AUDIO_SUFFIXES = frozenset({".wav", ".mp3", ".m4a", ".opus", ".ogg", ".flac"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Damaged:
    """One damaged file: which recording it was, what was done, and how much of its bytes is left untouched (0 to 1)."""

    path: Path
    source: Path
    kind: str
    left: float


def cut(data: bytes, rng: random.Random) -> tuple[bytes, float]:
    """The recorder lost power: the end is missing."""
    left = rng.uniform(0.02, 0.9)
    return data[: int(len(data) * left)], left


def headless(data: bytes, rng: random.Random) -> tuple[bytes, float]:
    """The beginning is missing."""
    lost = rng.choice((rng.randrange(1, 64), rng.randrange(64, len(data) // 2)))
    return data[lost:], 1 - lost / len(data)


def flipped(data: bytes, rng: random.Random) -> tuple[bytes, float]:
    """Single bytes anywhere are wrong."""
    damaged = bytearray(data)
    count = rng.choice((1, 10, 100, 1000))
    for _ in range(count):
        damaged[rng.randrange(len(damaged))] ^= rng.randrange(1, 256)
    return bytes(damaged), 1 - count / len(data)


def flipped_header(data: bytes, rng: random.Random) -> tuple[bytes, float]:
    """Single bytes within the first 200 are wrong."""
    damaged = bytearray(data)
    for _ in range(rng.randrange(1, 8)):
        damaged[rng.randrange(min(200, len(damaged)))] ^= rng.randrange(1, 256)
    return bytes(damaged), 1.0


def hole(data: bytes, rng: random.Random) -> tuple[bytes, float]:
    """A stretch was overwritten with zeros or noise."""
    start, size = rng.randrange(len(data)), rng.randrange(500, len(data) // 2)
    size = min(size, len(data) - start)
    filling = bytes(size) if rng.random() < 0.5 else rng.randbytes(size)
    return data[:start] + filling + data[start + size :], 1 - size / len(data)


def inserted(data: bytes, rng: random.Random) -> tuple[bytes, float]:
    """Foreign bytes stand in the middle."""
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(rng.randrange(1, 20_000)) + data[at:], 1.0


def shuffled(data: bytes, rng: random.Random) -> tuple[bytes, float]:
    """Blocks of a broken disk in the wrong order, the first in its place."""
    blocks = [data[at : at + 4096] for at in range(0, len(data), 4096)]
    tail = blocks[1:]
    rng.shuffle(tail)
    return blocks[0] + b"".join(tail), 4096 / len(data)


def junk(data: bytes, rng: random.Random) -> tuple[bytes, float]:
    """Noise under the name of a recording."""
    return rng.randbytes(rng.choice((1, 100, 10_000, 300_000))), 0.0


def junk_behind_magic(data: bytes, rng: random.Random) -> tuple[bytes, float]:
    """The first bytes are right, the rest is noise."""
    return data[:32] + rng.randbytes(rng.randrange(10, 200_000)), 32 / len(data)


def empty(data: bytes, rng: random.Random) -> tuple[bytes, float]:
    """Nothing at all."""
    return b"", 0.0


def text(data: bytes, rng: random.Random) -> tuple[bytes, float]:
    """Words under the name of a recording."""
    line = rng.choice(("This is not a recording.\n", "这不是录音。\n", "call_id,account\n1,2\n", "<html>404</html>\n"))
    return line.encode() * rng.randrange(1, 2000), 0.0


def promises_4_gb(data: bytes, rng: random.Random) -> tuple[bytes, float]:
    """A WAV header that names four gigabytes in front of a small file."""
    at = data.index(b"data") + 4
    size = rng.choice((0xFFFFFFFF, 0xFFFFFFFE, 0xFFFF0000, 4_000_000_000)).to_bytes(4, "little")
    riff = b"\xff\xff\xff\xff" if rng.random() < 0.5 else data[4:8]
    return data[:4] + riff + data[8:at] + size + data[at + 4 :], 1.0


KINDS: Sequence[Callable[[bytes, random.Random], tuple[bytes, float]]] = (
    cut,
    headless,
    flipped,
    flipped_header,
    hole,
    inserted,
    shuffled,
    junk,
    junk_behind_magic,
    empty,
    text,
    promises_4_gb,
)


def recordings(folder: Path = SAMPLES) -> list[Path]:
    """The recordings of a folder, in order of name."""
    return sorted(path for path in folder.iterdir() if path.suffix in AUDIO_SUFFIXES)


def make(sources: Sequence[Path], out: Path, *, count: int = 300, seed: int = 1) -> list[Damaged]:
    """Write `count` damaged files into `out`, every kind in turn over sources chosen by `seed`."""
    rng = random.Random(seed)
    waves = [path for path in sources if path.suffix == ".wav"]
    made = []
    for index in range(count):
        kind = KINDS[index % len(KINDS)]
        source = rng.choice(waves if kind is promises_4_gb else sources)
        content, left = kind(source.read_bytes(), rng)
        suffix = ".wav" if kind is text else source.suffix
        path = out / f"{index:03d}-{kind.__name__}-{source.stem}{suffix}"
        path.write_bytes(content)
        made.append(Damaged(path=path, source=source, kind=kind.__name__, left=left))
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    print(f"{len(make(recordings(), given.folder, count=given.count, seed=given.seed))} files in {given.folder}")
