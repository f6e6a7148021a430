"""Connections and transactions, on SQLite or PostgreSQL; knows no table but the one that says which migration was last.

A write session is one transaction, on SQLite with the write lock from its beginning (`BEGIN IMMEDIATE`), so that it
never fails half-way on a lock upgrade. A read session is one consistent snapshot and can write nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import Session

from pipeline.errors import ConfigError, Unavailable
from pipeline.store.folders import private_folder

SCHEMA = "0003"
"""The newest migration."""

_BUSY_TIMEOUT_MS = 30_000


class Database:
    """One database, its engine and its two kinds of session; safe to share between threads, not between processes."""

    def __init__(self, url: str) -> None:
        try:
            self._url = make_url(url)
        except ArgumentError:
            raise ConfigError(
                "FORBEAR_DATABASE_URL is not a database URL such as postgresql://user@host/name."
            ) from None
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        if not self.is_sqlite and self._url.get_backend_name() != "postgresql":
            raise ConfigError("FORBEAR_DATABASE_URL names neither SQLite nor PostgreSQL.")
        if self.is_sqlite:
            private_folder(self.file.parent)
            # Parameters stay out of error messages: they can hold what a customer said.
            self.engine = create_engine(self._url, hide_parameters=True, pool_size=20, max_overflow=20)
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
            self._reader = self.engine.execution_options(forbear_begin="BEGIN")
        else:
            self.engine = create_engine(self._url, hide_parameters=True, pool_pre_ping=True, pool_size=20)
            self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @property
    def file(self) -> Path:
        """The SQLite file; only where `is_sqlite`."""
        if not self.is_sqlite or not self._url.database or self._url.database == ":memory:":
            raise ConfigError("The database is not a file; a database in memory can't be shared by processes.")
        return Path(self._url.database)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One write transaction: committed when the block ends well, rolled back on any error."""
        with _reachable(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            session.connection()  # begins now, not at the first statement
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One consistent snapshot; what is changed in it goes nowhere."""
        with _reachable(), Session(self._reader, expire_on_commit=False, autoflush=False) as session:
            yield session

    def migrate(self) -> None:
        """Brings the tables up to `SCHEMA`; processes that start at once wait for each other.

        Raises ConfigError when the database was made by a newer Forbear.
        """
        if self.is_sqlite:
            self.file.touch(mode=0o600)  # the files that SQLite lays beside it take over its mode
        with _reachable(), self.engine.begin() as connection:
            lock(connection, "migrate")
            if schema_of(connection) != SCHEMA:
                _upgrade(connection)

    def close(self) -> None:
        self.engine.dispose()


def schema_of(connection: Connection) -> str | None:
    """The migration that the database stands at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return version


def lock(session: Session | Connection, name: str) -> None:
    """Waits until no other transaction holds this name, and holds it until the end of the transaction.

    On SQLite every write transaction is alone already.
    """
    bind = session.get_bind() if isinstance(session, Session) else session
    if bind.dialect.name == "postgresql":
        number = zlib.crc32(f"forbear.{name}".encode())
        session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


@contextmanager
def _reachable() -> Iterator[None]:
    """A server that can't be reached, or a lock that never came, is Unavailable rather than a driver's error."""
    try:
        yield
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0] if error.orig else "no connection"
        if reason.startswith("no such"):
            raise
        raise Unavailable("The database does not answer; see that it runs and has space.", reason=reason) from error


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by _begin_sqlite, not by the driver
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("forbear_begin", "BEGIN IMMEDIATE"))


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise ConfigError(f"The database is not one this version can read, perhaps a newer one's: {error}") from error
