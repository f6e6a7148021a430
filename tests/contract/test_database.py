"""What every database must do for the services: transactions, snapshots, migrations, and the audit chain on top."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from stores import KINDS, database_url

import pipeline.store
from pipeline.errors import ConfigError, Unavailable
from pipeline.jobs.base import JobState
from pipeline.jobs.dbos_queue import DbosQueue
from pipeline.store import audit
from pipeline.store.database import SCHEMA, Database, lock, schema_of
from pipeline.store.tables import AuditRow, Base, CallRow, OutboxRow, RecordingRow

NOW = datetime(2025, 3, 1, 9, 30, 0, 123456, tzinfo=timezone(timedelta(hours=8)))


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with database_url(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    database.migrate()
    yield database
    database.close()


def outbox(call: str = "c1") -> OutboxRow:
    return OutboxRow(call=call, created_at=NOW)


def count(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(OutboxRow)) or 0


def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    with database.engine.connect() as connection:
        assert schema_of(connection) == SCHEMA
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_newest_migration_is_the_one_that_is_named() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(pipeline.store.__path__[0]) / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA


def test_processes_that_start_at_once_migrate_once(url: str) -> None:
    databases = [Database(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Database.migrate, databases))
    with databases[0].engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [SCHEMA]
    for database in databases:
        database.close()


def test_a_database_of_a_newer_version_is_left_alone(database: Database) -> None:
    with database.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="9999"):
        database.migrate()


def test_a_session_commits_whole_or_not_at_all(database: Database) -> None:
    with database.session() as session:
        session.add_all([outbox(), outbox()])
    with pytest.raises(RuntimeError), database.session() as session:
        session.add(outbox())
        session.flush()
        raise RuntimeError
    assert count(database) == 2


def test_a_reader_sees_one_moment_and_writes_nothing(database: Database) -> None:
    with database.read() as session:
        before = session.scalar(select(func.count()).select_from(OutboxRow))
        with database.session() as writer:
            writer.add(outbox())
        assert session.scalar(select(func.count()).select_from(OutboxRow)) == before
    try:
        with database.read() as session:
            session.add(outbox())
            session.flush()
    except DBAPIError:
        pass  # PostgreSQL says so at once, on SQLite the change is dropped
    assert count(database) == 1


def test_writers_that_read_before_they_write_wait_for_each_other(database: Database) -> None:
    with database.session() as session:
        session.add(outbox("0"))

    def increment(_: int) -> None:
        with database.session() as session:
            lock(session, "counter")
            row = session.scalars(select(OutboxRow)).one()
            row.call = str(int(row.call) + 1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(increment, range(40)))
    with database.read() as session:
        assert session.scalars(select(OutboxRow.call)).one() == "40"


def test_a_lock_is_held_until_the_transaction_ends(database: Database) -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait(10)
        with database.session() as session:
            lock(session, "x")
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with database.session() as session:
        lock(session, "x")
        inside.set()
        thread.join(0.3)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_times_come_back_in_utc_to_the_microsecond(database: Database) -> None:
    with database.session() as session:
        session.add(outbox())
    with database.read() as session:
        at = session.scalars(select(OutboxRow.created_at)).one()
    assert at == NOW and at.utcoffset() == timedelta(0)
    with pytest.raises(StatementError, match="naive"), database.session() as session:
        session.add(OutboxRow(call="c1", created_at=datetime(2025, 1, 1)))


def test_a_call_needs_its_recording(database: Database) -> None:
    row = CallRow(
        id="c1", recording_sha256="a" * 64, file_name="what was said", received_at=NOW, status="queued", context={}
    )
    with pytest.raises(IntegrityError) as caught, database.session() as session:
        session.add(row)
    assert "what was said" not in str(caught.value)


def test_texts_of_every_script_and_json_come_back(database: Database) -> None:
    name = "催收録音 🎧 é"
    context = {"facts": {"note": name, "n": 1.5, "none": None}}
    with database.session() as session:
        session.add(RecordingRow(sha256="a" * 64, size_bytes=2**40, media_type="audio/wav", created_at=NOW))
        session.flush()
        session.add(
            CallRow(
                id="c1", recording_sha256="a" * 64, file_name=name, received_at=NOW, status="queued", context=context
            )
        )
    with database.read() as session:
        row = session.get_one(CallRow, "c1")
        assert (row.file_name, row.context) == (name, context)
        assert session.get_one(RecordingRow, "a" * 64).size_bytes == 2**40


def test_the_queue_lives_in_the_same_database(url: str, database: Database) -> None:
    jobs = DbosQueue(database.engine, url)
    jobs.prepare()
    call = f"c{secrets.token_hex(8)}"  # the queue's tables on a server are shared by its schemas
    with pytest.raises(RuntimeError), database.session() as session:
        session.add(outbox())
        jobs.enqueue(session, call, 1, 5)
        raise RuntimeError
    assert jobs.state(call, 1) is None
    with database.session() as session:
        session.add(outbox())
        jobs.enqueue(session, call, 1, 5)
    assert (jobs.state(call, 1), count(database)) == (JobState.QUEUED, 1)
    database.migrate()
    jobs.cancel(call, 1)
    jobs.close()


# --- the audit chain ---


def write(database: Database, lines: int, actor: str = "me") -> None:
    for number in range(lines):
        with database.session() as session:
            audit.append(session, actor, "call.accepted", f"c{number}", {"n": number, "中": ["é", None, 1.5]})


def test_a_chain_holds_and_its_head_moves(database: Database) -> None:
    with database.read() as session:
        assert (audit.verify(session), audit.head(session)) == (None, audit.BEGINNING)
    heads = set()
    for _ in range(3):
        write(database, 1)
        with database.read() as session:
            heads.add(audit.head(session))
            assert audit.verify(session) is None
    assert len(heads) == 3


@pytest.mark.parametrize("column", ["actor", "action", "subject", "details", "at", "previous_hash", "hash"])
def test_an_altered_line_is_found(database: Database, column: str) -> None:
    write(database, 5)
    values = {"details": {"n": 7}, "at": NOW}
    with database.session() as session:
        session.execute(update(AuditRow).where(AuditRow.id == 3).values({column: values.get(column, "0" * 60)}))
    with database.read() as session:
        assert audit.verify(session) == 3


def test_a_missing_line_is_found_at_the_one_after(database: Database) -> None:
    write(database, 5)
    with database.session() as session:
        session.execute(delete(AuditRow).where(AuditRow.id == 1))
    with database.read() as session:
        assert audit.verify(session) == 2


def test_a_cut_tail_shows_in_the_head_only(database: Database) -> None:
    write(database, 5)
    with database.read() as session:
        head = audit.head(session)
    with database.session() as session:
        session.execute(delete(AuditRow).where(AuditRow.id == 5))
    with database.read() as session:
        assert audit.verify(session) is None
        assert audit.head(session) != head


def test_many_writers_make_one_chain(database: Database) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: write(database, 5, f"actor{n}"), range(6)))
    with database.read() as session:
        assert audit.verify(session) is None
        assert session.scalars(select(AuditRow.id).order_by(AuditRow.id)).all() == list(range(1, 31))


def test_a_line_goes_with_its_transaction(database: Database) -> None:
    with pytest.raises(RuntimeError), database.session() as session:
        audit.append(session, "me", "call.accepted", "c1")
        raise RuntimeError
    with database.read() as session:
        assert audit.head(session) == audit.BEGINNING


# --- without a server ---


@pytest.mark.parametrize("url", ["mysql://x/y", "not a url", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_can_not_serve_is_refused_by_name(url: str) -> None:
    with pytest.raises(ConfigError):
        Database(url)


def test_a_server_that_does_not_answer_is_unavailable() -> None:
    database = Database("postgresql://127.0.0.1:1/test?connect_timeout=2")
    with pytest.raises(Unavailable, match="database does not answer") as caught, database.read() as session:
        session.execute(select(1))
    assert "127.0.0.1" in caught.value.reason and "127.0.0.1" not in caught.value.message
    database.close()


def test_sqlite_is_set_up_to_survive(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'data' / 'x.db'}")
    database.migrate()
    with database.read() as session:
        settings = {
            name: session.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    for path in (tmp_path / "data", *(tmp_path / "data").iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path
    database.close()
