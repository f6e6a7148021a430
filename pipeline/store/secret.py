"""The installation's own key: a file of mode 0600 in the data folder, made at first use, in every backup."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from pipeline.errors import ConfigError
from pipeline.store.folders import private_folder, sync_folder

FILE_NAME = "secret.key"
_BYTES = 32


def secret_key(data: Path) -> bytes:
    """The 32 bytes with which this installation keys its hashes; processes that start at once agree on one."""
    path = data / FILE_NAME
    if not path.exists():
        _make(path)
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != _BYTES:
        raise ConfigError(f"{path} is damaged; restore it from a backup. A new key would not match what is stored.")
    return key


def _make(path: Path) -> None:
    part = private_folder(path.parent) / f".{FILE_NAME}.{secrets.token_hex(6)}.part"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_bytes(_BYTES).hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(part, path)  # fails where another process was first: its key counts
            sync_folder(path.parent)
    finally:
        part.unlink()
