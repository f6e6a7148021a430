"""Recordings as they came: one file a content, under its SHA-256. No name from outside ever becomes a path."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import NotFound, RefusedFile, Unavailable
from pipeline.settings import Settings
from pipeline.store.folders import private_folder, put_in_place

_HEAD_BYTES = 65_536
_CHUNK_BYTES = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Staged:
    """Bytes received and synced, not yet kept. `head` is their beginning, at most 64 KiB."""

    sha256: str
    size: int
    head: bytes
    path: Path

    def discard(self) -> None:
        """Removes the temporary file, where it was not kept."""
        self.path.unlink(missing_ok=True)


class Media:
    """The folder of received recordings."""

    def __init__(self, settings: Settings) -> None:
        self._folder = private_folder(settings.media_dir)
        self._tmp = private_folder(settings.tmp_dir)

    def receive(self, source: BinaryIO | Path, limit: int) -> Staged:
        """Copies a stream or file into a temporary file, hashing on the way; memory stays constant.

        Raises RefusedFile: `too_large` after `limit` bytes, `unreadable` when the source can't be read.
        """
        if isinstance(source, Path):
            try:
                if not source.is_file():  # opening a pipe would wait for its writer
                    raise FileNotFoundError(None, "it is no file, or there is none")
                stream = source.open("rb")
            except OSError as error:
                raise _unreadable(error) from None
            with stream:
                return self._receive(stream, limit)
        return self._receive(source, limit)

    def _receive(self, stream: BinaryIO, limit: int) -> Staged:
        path = self._tmp / f"{secrets.token_hex(16)}.part"
        digest, size, head = hashlib.sha256(), 0, b""
        try:
            with path.open("xb") as file:
                path.chmod(0o600)
                for chunk in _chunks(stream):
                    size += len(chunk)
                    if size > limit:
                        raise too_large(limit)
                    digest.update(chunk)
                    head += chunk[: _HEAD_BYTES - len(head)]
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise Unavailable(
                    f"The data folder can't be written ({error.strerror}); free space or mend it."
                ) from error
            raise
        return Staged(sha256=digest.hexdigest(), size=size, head=head, path=path)

    def keep(self, staged: Staged) -> Path:
        """Moves received bytes to their place; where the same bytes lie already, nothing is written."""
        target = self._place(staged.sha256)
        if target.is_file():
            staged.discard()
        else:
            put_in_place(staged.path, target)
        return target

    def has(self, sha256: str) -> bool:
        return self._place(sha256).is_file()

    def path(self, sha256: str) -> Path:
        """The file of a recording; NotFound when it is gone."""
        place = self._place(sha256)
        if not place.is_file():
            raise NotFound("The recording's file is not in the data folder any more; restore it from a backup.")
        return place

    def delete(self, sha256: str) -> None:
        """Removes a recording's bytes; it is no error if they are gone."""
        self._place(sha256).unlink(missing_ok=True)

    def kept(self) -> Iterator[tuple[str, Path]]:
        """Every recording in the folder."""
        for path in sorted(self._folder.glob("??/*")):
            if _SHA256.fullmatch(path.name):
                yield path.name, path

    def clean(self, *, older_than_s: float = 86_400) -> int:
        """Removes temporary files that a crash left (old ones: another process may write a young one); how many."""
        before, removed = time.time() - older_than_s, 0
        for path in self._tmp.glob("*.part"):
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def _place(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError("not a SHA-256")
        return self._folder / sha256[:2] / sha256


def too_large(limit: int) -> RefusedFile:
    return RefusedFile(
        f"The file is larger than {limit:,} bytes; raise FORBEAR_UPLOAD_LIMIT or split it.", code="too_large"
    )


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while True:
        try:
            chunk = stream.read(_CHUNK_BYTES)
        except OSError as error:
            raise _unreadable(error) from None
        if not chunk:
            return
        yield chunk


def _unreadable(error: OSError) -> RefusedFile:
    return RefusedFile(f"The file can't be read: {error.strerror or type(error).__name__}.", code="unreadable")
