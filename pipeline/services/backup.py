"""A data folder as one file and back: a snapshot of the database, every file it names, and a manifest of their digests.

The search index is left out, as it can be made again. On PostgreSQL the database is left to its own tools.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import secrets
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import delete

from pipeline.errors import Conflict, InvalidInput
from pipeline.services.access import LOCAL
from pipeline.services.indexing import Indexing
from pipeline.settings import Settings
from pipeline.store import audit
from pipeline.store.artifacts import Artifacts
from pipeline.store.database import SCHEMA, Database
from pipeline.store.folders import private_folder, sync_folder, written_beside
from pipeline.store.secret import FILE_NAME as SECRET_KEY
from pipeline.store.secret import secret_key
from pipeline.store.tables import SecretRow

_DATABASE = "forbear.db"
_MANIFEST = "manifest.json"
_FORMAT = 1
_NAME = re.compile(r"(forbear\.db|secret\.key|media/[0-9a-f]{2}/[0-9a-f]{64}|artifacts(/[a-z0-9_-][a-z0-9_.-]*){4})")
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """What was written or restored. `note` says what is still to be done by hand, where something is."""

    files: int
    bytes: int
    audit_head: str
    """The hash of the audit line about it: kept elsewhere, it shows later that nothing was cut off."""
    note: str | None = None


def backup(database: Database, settings: Settings, target: Path) -> Backup:
    """Writes one file of mode 0600, whole or not at all, while everything runs; raises Conflict when it is there."""
    if target.exists():
        raise Conflict(f"{target} is there already; name a new file.", code="target_exists")
    if not target.parent.is_dir():
        raise InvalidInput(f"There is no folder {target.parent}.", code="no_such_folder")
    secret_key(settings.data)
    note = None
    if not database.is_sqlite:
        note = (
            "The database is PostgreSQL and is not in this backup: run pg_dump before each backup, and restore its "
            "dump (pg_restore) before the folder."
        )
    with database.session() as session:
        head = audit.append(session, LOCAL, "backup.written", "backup").hash
    manifest: dict[str, dict[str, str | int]] = {}
    with written_beside(target) as part:
        part.touch(mode=0o600)
        with (
            tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as tar,
            tempfile.TemporaryDirectory(dir=private_folder(settings.tmp_dir)) as folder,
        ):
            if database.is_sqlite:
                # First the rows, then the files: whatever a row names was there before it, and files never change.
                snapshot = Path(folder) / _DATABASE
                _snapshot(database.file, snapshot)
                _pack(tar, _DATABASE, snapshot, manifest)
            for name, path in _files(settings):
                _pack(tar, name, path, manifest)
            about = {
                "format": _FORMAT,
                "schema": SCHEMA,
                "database": "sqlite" if database.is_sqlite else "postgresql",
                "created_at": datetime.now(UTC).isoformat(),
                "files": manifest,
            }
            data = json.dumps(about, indent=1).encode()
            info = tarfile.TarInfo(_MANIFEST)
            info.size, info.mode = len(data), 0o600
            tar.addfile(info, io.BytesIO(data))
    size = sum(int(entry["size"]) for entry in manifest.values())
    return Backup(files=len(manifest), bytes=size, audit_head=head, note=note)


def restore(source: Path, settings: Settings) -> Backup:
    """Fills an empty data folder from a backup; nothing is there unless every file has its digest.

    Sessions and sign-in links of the old installation are worthless afterwards; users, passwords and tokens are as they
    were. Raises Conflict when the folder is not empty, InvalidInput (`bad_backup`) when the file is not a whole backup.
    """
    data = settings.data
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise Conflict(f"{data} is not empty; restore into a new folder.", code="folder_not_empty")
    database_file = _database_file(settings)
    if database_file is not None and database_file.exists():
        raise Conflict(f"{database_file} is there already; restore beside no other database.", code="folder_not_empty")
    private_folder(data.parent)
    fresh = data.with_name(f".{data.name}.{secrets.token_hex(6)}.restoring")
    try:
        private_folder(fresh)
        manifest = _unpack(source, fresh)
        packed = fresh / _DATABASE
        if packed.exists() != (database_file is not None):
            raise InvalidInput(
                "The backup's database and FORBEAR_DATABASE_URL are not of one kind (SQLite, PostgreSQL).",
                code="bad_backup",
            )
        if database_file is not None and database_file != data / _DATABASE:
            shutil.move(packed, private_folder(database_file.parent) / database_file.name)
        if data.exists():
            data.rmdir()
        fresh.rename(data)
        sync_folder(data.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    with closing(Database(settings.database)) as database:
        database.migrate()
        with database.session() as session:
            session.execute(delete(SecretRow).where(SecretRow.kind.in_(["session", "link"])))
            head = audit.append(session, LOCAL, "backup.restored", "backup").hash
        Indexing(database=database, artifacts=Artifacts(settings.artifacts_dir)).send_all()
    return Backup(files=len(manifest), bytes=sum(manifest.values()), audit_head=head)


def _database_file(settings: Settings) -> Path | None:
    """The SQLite file that the settings name; None for PostgreSQL."""
    with closing(Database(settings.database)) as database:
        return database.file if database.is_sqlite else None


def _snapshot(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)


def _files(settings: Settings) -> Iterator[tuple[str, Path]]:
    yield SECRET_KEY, settings.data / SECRET_KEY
    for folder, name in ((settings.media_dir, "media"), (settings.artifacts_dir, "artifacts")):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                yield f"{name}/{path.relative_to(folder).as_posix()}", path


def _pack(tar: tarfile.TarFile, name: str, path: Path, manifest: dict[str, dict[str, str | int]]) -> None:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return  # deleted since it was listed: somebody wanted it gone
    with file:
        info = tarfile.TarInfo(name)
        info.size, info.mode = path.stat().st_size, 0o600
        hashing = _Hashing(file)
        tar.addfile(info, hashing)
        manifest[name] = {"sha256": hashing.digest.hexdigest(), "size": info.size}


class _Hashing(io.RawIOBase):
    """Reads a file and hashes what was read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


def _unpack(source: Path, folder: Path) -> dict[str, int]:
    """Writes the files of a backup below `folder` and checks them; returns their sizes by name."""
    found: dict[str, tuple[str, int]] = {}
    about: dict[str, Any] = {}
    with _readable(source), tarfile.open(source, "r:") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is None:
                raise _bad(f"{member.name} is not a file")
            if member.name == _MANIFEST:
                about = json.loads(content.read())
            elif not _NAME.fullmatch(member.name) or ".." in member.name or member.name in found:
                raise _bad(f"{member.name} has no place in it")
            else:
                found[member.name] = _write(content, folder / member.name), member.size
        if about.get("format") != _FORMAT:
            raise _bad("its manifest is missing, or of another version")
        if str(about["schema"]) > SCHEMA:
            raise _bad("a newer Forbear wrote it")
        expected = {name: (entry["sha256"], entry["size"]) for name, entry in about["files"].items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise _bad(f"{name} is damaged or missing")
    return {name: size for name, (_, size) in found.items()}


def _write(content: IO[bytes], path: Path) -> str:
    digest = hashlib.sha256()
    private_folder(path.parent)
    with path.open("xb") as file:
        path.chmod(0o600)
        while chunk := content.read(_CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


@contextmanager
def _readable(source: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise InvalidInput(f"There is no file {source}.", code="bad_backup") from None
    except (tarfile.TarError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _bad(f"it can't be read ({type(error).__name__})") from None


def _bad(why: str) -> InvalidInput:
    return InvalidInput(f"This is no whole backup: {why}. Nothing was restored.", code="bad_backup")
