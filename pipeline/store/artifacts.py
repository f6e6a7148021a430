"""Outputs of stages, each a file under the digest of its inputs; knows no stage's meaning.

An artifact is written once and never changed: the same inputs under the same version give the same key. Artifacts lie
in a folder a recording (`Artifacts.of`), because what is derived from a recording must go when the recording goes, even
when the call failed half-way and no record names its parts.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pipeline.encoding import decode, digest_of, encode
from pipeline.errors import NotFound
from pipeline.store.folders import write_whole, written_beside

T = TypeVar("T")

_NAME = re.compile(r"[a-z0-9_.-]{1,80}")


@dataclass(frozen=True, slots=True)
class Artifacts:
    """A folder of artifacts: `root` of all recordings, or one recording's part of it."""

    root: Path

    def of(self, recording_sha256: str) -> Artifacts:
        """The part that belongs to one recording."""
        return Artifacts(self.root / _safe(recording_sha256[:2]) / _safe(recording_sha256))

    def recordings(self) -> Iterator[str]:
        """The recordings that have a part here."""
        return (path.name for path in self.root.glob("??/*") if path.is_dir())

    @staticmethod
    def key(stage: str, version: str, inputs: Any) -> str:
        """The digest under which this version of a stage keeps its output for these inputs (digests, settings)."""
        return digest_of(stage, version, inputs)

    def path_for(self, stage: str, key: str, suffix: str = ".json") -> Path:
        """Where an artifact lies, or would; the folder may not be there yet."""
        return self.root / _safe(stage) / f"{_safe(key)}{suffix}"

    def has(self, stage: str, key: str, suffix: str = ".json") -> bool:
        return self.path_for(stage, key, suffix).is_file()

    def write(self, stage: str, key: str, value: Any, kind: Any = None) -> None:
        """Keeps a value of `pipeline.records` (or a tuple of them, with `kind` given)."""
        write_whole(self.path_for(stage, key), encode(value, kind))

    def read(self, kind: type[T], stage: str, key: str) -> T:
        """The value that `write` kept; NotFound where there is none."""
        try:
            data = self.path_for(stage, key).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"The {stage} of this call is not stored any more; process it again.") from None
        return decode(kind, data)

    @contextmanager
    def writing(self, stage: str, key: str, suffix: str) -> Iterator[Path]:
        """A path to write a file artifact to; it becomes `path_for(...)` when the block ends well, else vanishes."""
        with written_beside(self.path_for(stage, key, suffix)) as part:
            yield part

    def delete(self, stage: str, key: str) -> None:
        """Removes the artifact with whatever suffixes it has; it is no error if there is none."""
        for path in (self.root / _safe(stage)).glob(f"{_safe(key)}.*"):
            path.unlink(missing_ok=True)

    def delete_all(self) -> None:
        """Removes this folder whole."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self.root)


def _safe(name: str) -> str:
    if not _NAME.fullmatch(name) or name.startswith("."):
        raise ValueError("artifact names are digests and stage names")
    return name
