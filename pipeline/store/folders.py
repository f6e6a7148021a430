"""How files are written so that a crash leaves either the old state or the new one, and nobody else can read them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def private_folder(path: Path) -> Path:
    """The folder, made with mode 0700 (its parents too, where they are missing)."""
    if not path.is_dir():
        if path.parent != path:
            private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
    return path


def sync_folder(path: Path) -> None:
    """Makes renames inside the folder survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_in_place(source: Path, target: Path) -> None:
    """Renames a finished, already synced file to its place; both lie on one file system."""
    private_folder(target.parent)
    source.replace(target)
    sync_folder(target.parent)


@contextmanager
def written_beside(target: Path) -> Iterator[Path]:
    """A path beside `target` to write to; it takes the place of `target` when the block ends well, else it goes."""
    private_folder(target.parent)
    part = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part{target.suffix}")
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.chmod(0o600)
        put_in_place(part, target)
    finally:
        part.unlink(missing_ok=True)


def write_whole(target: Path, data: bytes) -> None:
    """Writes a file of mode 0600 whole or not at all."""
    with written_beside(target) as part:
        part.write_bytes(data)
