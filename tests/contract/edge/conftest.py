"""Fixtures of the API's tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_installation import Installation
from starlette.testclient import TestClient

from pipeline.jobs.memory import MemoryQueue
from pipeline.search.memory import MemoryIndex
from pipeline.settings import Settings
from pipeline.store.database import Database


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with all tables; copying it is faster than migrating for each test."""
    path = tmp_path_factory.mktemp("empty") / "forbear.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


@pytest.fixture
def installation(tmp_path: Path, empty_database: Path) -> Iterator[Installation]:
    settings = Settings(data=tmp_path / "data", upload_limit=3_000_000)
    database = Database(settings.database)
    shutil.copy(empty_database, database.file)
    yield Installation(settings=settings, database=database, jobs=MemoryQueue(), index=MemoryIndex())
    database.close()


@pytest.fixture
def client(installation: Installation) -> TestClient:
    """A client of an administrator."""
    return installation.client(installation.token())
