"""Recordings and artifacts on disk: whole or not at all, private, and named by nothing from outside."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import time
from pathlib import Path

import pytest

from pipeline.errors import ConfigError, NotFound, RefusedFile
from pipeline.records import Role, RoleAssignment
from pipeline.settings import Settings
from pipeline.store.artifacts import Artifacts
from pipeline.store.media import Media
from pipeline.store.secret import secret_key

ROLES = RoleAssignment(roles={"ch0": Role.AGENT}, confidence=1.0, method="metadata")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data")


@pytest.fixture
def media(settings: Settings) -> Media:
    return Media(settings)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_received_bytes_are_kept_once_under_their_digest(media: Media, settings: Settings) -> None:
    data = os.urandom(3_000_000)
    first = media.receive(io.BytesIO(data), limit=len(data))
    assert first.sha256 == hashlib.sha256(data).hexdigest()
    assert (first.size, first.head) == (len(data), data[:65_536])
    assert not media.has(first.sha256)
    path = media.keep(first)
    assert path == media.path(first.sha256)
    assert path.read_bytes() == data
    media.keep(media.receive(io.BytesIO(data), limit=len(data)))
    assert list(media.kept()) == [(first.sha256, path)]
    assert list(settings.tmp_dir.iterdir()) == []
    assert mode(path) == 0o600
    assert mode(path.parent) == mode(settings.media_dir) == mode(settings.tmp_dir) == 0o700


def test_a_stream_over_the_limit_is_refused_and_leaves_nothing(media: Media, settings: Settings) -> None:
    with pytest.raises(RefusedFile) as caught:
        media.receive(io.BytesIO(b"x" * 11), limit=10)
    assert caught.value.code == "too_large"
    assert list(settings.tmp_dir.iterdir()) == []
    assert media.receive(io.BytesIO(b"x" * 10), limit=10).size == 10


def test_a_source_that_breaks_off_is_refused_and_leaves_nothing(media: Media, settings: Settings) -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(RefusedFile) as caught:
        media.receive(Broken(), limit=10)  # type: ignore[arg-type]
    assert caught.value.code == "unreadable"
    assert list(settings.tmp_dir.iterdir()) == []


@pytest.mark.parametrize(
    "make", [lambda p: None, lambda p: p.mkdir(), lambda p: os.mkfifo(p)], ids=["none", "folder", "fifo"]
)
def test_what_is_no_file_is_unreadable(media: Media, tmp_path: Path, make: object) -> None:
    path = tmp_path / "x.wav"
    make(path)  # type: ignore[operator]
    with pytest.raises(RefusedFile) as caught:
        media.receive(path, limit=10)
    assert caught.value.code == "unreadable"


def test_only_old_temporary_files_are_cleaned(media: Media, settings: Settings) -> None:
    old, young = settings.tmp_dir / "a.part", settings.tmp_dir / "b.part"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 100_000,) * 2)
    assert media.clean() == 1
    assert not old.exists() and young.exists()


@pytest.mark.parametrize("name", ["../../secret.key", "", "A" * 64, "g" * 64, "a" * 63])
def test_only_a_digest_is_a_place(media: Media, name: str) -> None:
    with pytest.raises(ValueError):
        media.path(name)


def test_a_missing_recording_is_not_found(media: Media) -> None:
    with pytest.raises(NotFound):
        media.path("a" * 64)
    media.delete("a" * 64)


def test_an_artifact_comes_back_as_it_was_written(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path).of("a" * 64)
    key = artifacts.key("roles", "1", ["b" * 64])
    assert key != artifacts.key("roles", "2", ["b" * 64])
    assert not artifacts.has("roles", key)
    with pytest.raises(NotFound):
        artifacts.read(RoleAssignment, "roles", key)
    artifacts.write("roles", key, ROLES)
    assert artifacts.has("roles", key)
    assert artifacts.read(RoleAssignment, "roles", key) == ROLES
    assert list(Artifacts(tmp_path).recordings()) == ["a" * 64]


def test_a_file_artifact_appears_when_it_is_whole(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    with pytest.raises(RuntimeError), artifacts.writing("decode", "k1", ".flac") as part:
        part.write_bytes(b"half")
        raise RuntimeError
    assert not artifacts.has("decode", "k1", ".flac")
    assert list((tmp_path / "decode").iterdir()) == []
    with artifacts.writing("decode", "k1", ".flac") as part:
        part.write_bytes(b"whole")
        assert not artifacts.has("decode", "k1", ".flac")
    assert artifacts.path_for("decode", "k1", ".flac").read_bytes() == b"whole"


def test_deleting_takes_every_suffix_and_only_that_key(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    for key in ("k1", "k12"):
        artifacts.write("decode", key, ROLES)
        with artifacts.writing("decode", key, ".flac") as part:
            part.write_bytes(b"x")
    artifacts.delete("decode", "k1")
    assert sorted(p.name for p in (tmp_path / "decode").iterdir()) == ["k12.flac", "k12.json"]
    artifacts.delete("decode", "k12")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "A"])
def test_artifact_names_are_no_paths(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError):
        Artifacts(tmp_path).path_for("decode", name)


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    key = secret_key(tmp_path / "data")
    assert len(key) == 32
    assert secret_key(tmp_path / "data") == key
    assert mode(tmp_path / "data" / "secret.key") == 0o600
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["secret.key"]


def test_a_damaged_key_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("abc")
    with pytest.raises(ConfigError, match=r"secret\.key"):
        secret_key(tmp_path)
    assert (tmp_path / "secret.key").read_text() == "abc"
