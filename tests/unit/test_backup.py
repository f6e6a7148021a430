"""A backup is proved by restoring it, and a damaged one by refusing it."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from stores import ADMIN, World, database_url, finding, wav

from pipeline.errors import Conflict, InvalidInput
from pipeline.records import CallStatus
from pipeline.services.backup import backup, restore
from pipeline.settings import Settings
from pipeline.store import audit


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    id = world.take(wav(tmp_path / "a.wav", 1), {"call_id": "C-1", "number": "13812345678"}).id
    assert id is not None
    world.process(id, findings=[finding()])
    world.take(wav(tmp_path / "b.wav", 2))
    world.access.create_user(ADMIN, "li", "qa", "correct horse battery")
    yield world
    world.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "restored" / "data")


def contents(folder: Path) -> dict[str, bytes]:
    parts = ("media", "artifacts")
    return {
        str(p.relative_to(folder)): p.read_bytes() for part in parts for p in (folder / part).rglob("*") if p.is_file()
    }


def test_a_restored_installation_is_the_one_that_was_backed_up(world: World, fresh: Settings, tmp_path: Path) -> None:
    session, token = world.access.sign_in("li", "correct horse battery"), world.access.create_token(ADMIN, "li")
    written = backup(world.database, world.settings, tmp_path / "b.tar")
    before = contents(world.settings.data)
    assert written.note is None and written.files == len(before) + 2
    assert (tmp_path / "b.tar").stat().st_mode & 0o777 == 0o600
    restored = restore(tmp_path / "b.tar", fresh)
    assert (restored.files, restored.bytes) == (written.files, written.bytes)
    assert contents(fresh.data) == before
    assert all(path.stat().st_mode & 0o077 == 0 for path in fresh.data.rglob("*") if "forbear.db" not in path.name)
    again = World(fresh.data.parent)
    assert list(again.calls.all(ADMIN)) == list(world.calls.all(ADMIN))
    assert again.calls.get(ADMIN, "C-1") == world.calls.get(ADMIN, "C-1")
    assert again.take(tmp_path / "a.wav", {"call_id": "C-1", "number": "+86 138 1234 5678"}).outcome == "duplicate"
    assert again.indexing.pending() == 1, "the search index is made again"
    assert again.access.actor_of_session(session) is None
    assert again.access.actor_of_token(token) is not None
    assert again.access.sign_in("li", "correct horse battery")
    with again.database.read() as reading:
        assert audit.verify(reading) is None
        assert all(audit.holds(reading, head) for head in (written.audit_head, restored.audit_head))
    assert [len(again.audit(action)) for action in ("backup.written", "backup.restored")] == [1, 1]
    assert list(fresh.tmp_dir.iterdir()) == []
    again.close()


def test_what_happens_after_a_backup_is_not_in_it(world: World, fresh: Settings, tmp_path: Path) -> None:
    backup(world.database, world.settings, tmp_path / "b.tar")
    world.take(wav(tmp_path / "late.wav", 3))
    restore(tmp_path / "b.tar", fresh)
    again = World(fresh.data.parent)
    assert sorted(call.file for call in again.calls.all(ADMIN)) == ["a.wav", "b.wav"]
    assert {call.status for call in again.calls.all(ADMIN)} == {CallStatus.DONE, CallStatus.QUEUED}
    again.close()


def test_nothing_is_overwritten(world: World, fresh: Settings, tmp_path: Path) -> None:
    backup(world.database, world.settings, tmp_path / "b.tar")
    for attempt in (
        lambda: backup(world.database, world.settings, tmp_path / "b.tar"),
        lambda: restore(tmp_path / "b.tar", world.settings),
    ):
        with pytest.raises(Conflict):
            attempt()
    with pytest.raises(InvalidInput):
        backup(world.database, world.settings, tmp_path / "nowhere" / "b.tar")
    fresh.data.mkdir(parents=True)
    assert restore(tmp_path / "b.tar", fresh).files > 3, "an empty folder is as good as none"


def rewritten(source: Path, target: Path, *, change: dict[str, bytes | None]) -> Path:
    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for member in old:
            file = old.extractfile(member)
            assert file is not None
            data = change.get(member.name, file.read())
            if data is not None:
                member.size = len(data)
                new.addfile(member, io.BytesIO(data))
    return target


def manifest_of(source: Path) -> dict[str, object]:
    with tarfile.open(source) as tar:
        file = tar.extractfile("manifest.json")
        assert file is not None
        about: dict[str, object] = json.load(file)
    return about


def test_a_damaged_backup_restores_nothing(world: World, fresh: Settings, tmp_path: Path) -> None:
    whole = tmp_path / "b.tar"
    backup(world.database, world.settings, whole)
    manifest = manifest_of(whole)
    recording = next(name for name in manifest["files"] if name.startswith("media/"))  # type: ignore[attr-defined]
    (tmp_path / "text.tar").write_text("no archive")
    (tmp_path / "cut.tar").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    newer = json.dumps({**manifest, "schema": "9999"}).encode()
    for n, change in enumerate(
        (
            {recording: b"other"},
            {recording: None},
            {"secret.key": None},
            {"manifest.json": None},
            {"manifest.json": newer},
        )
    ):
        rewritten(whole, tmp_path / f"{n}.tar", change=change)
    for source in [tmp_path / "gone.tar", tmp_path / "text.tar", tmp_path / "cut.tar", *tmp_path.glob("[0-9].tar")]:
        with pytest.raises(InvalidInput) as caught:
            restore(source, fresh)
        assert caught.value.code == "bad_backup", source
        assert not fresh.data.exists() or list(fresh.data.iterdir()) == []
        assert not any("restoring" in path.name for path in fresh.data.parent.iterdir()), source


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "media/../../evil", "media/aa/evil", "artifacts/a/b/../c", "x"]
)
def test_a_backup_writes_nowhere_else(world: World, fresh: Settings, tmp_path: Path, name: str) -> None:
    backup(world.database, world.settings, tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar", "a") as tar:
        info = tarfile.TarInfo(name)
        info.size = 4
        tar.addfile(info, io.BytesIO(b"evil"))
    with pytest.raises(InvalidInput):
        restore(tmp_path / "b.tar", fresh)
    assert not list(tmp_path.rglob("evil"))


def test_links_and_devices_in_a_backup_are_refused(world: World, fresh: Settings, tmp_path: Path) -> None:
    backup(world.database, world.settings, tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar", "a") as tar:
        info = tarfile.TarInfo("media/" + "aa/" + "a" * 64)
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(InvalidInput):
        restore(tmp_path / "b.tar", fresh)


def test_on_postgresql_the_database_is_left_to_its_own_tools(tmp_path: Path) -> None:
    with database_url("postgresql", tmp_path) as url:
        world = World(tmp_path, url)
        world.take(wav(tmp_path / "a.wav"))
        written = backup(world.database, world.settings, tmp_path / "b.tar")
        assert written.note is not None and "pg_dump" in written.note
        assert "forbear.db" not in manifest_of(tmp_path / "b.tar")["files"]  # type: ignore[operator]
        elsewhere = replace(world.settings, data=tmp_path / "new")
        with pytest.raises(InvalidInput):
            restore(tmp_path / "b.tar", replace(elsewhere, database_url=""))
        assert restore(tmp_path / "b.tar", elsewhere).files == 2
        assert contents(elsewhere.data) == contents(world.settings.data)
        world.close()
