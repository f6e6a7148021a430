"""What only an engine in a folder can get wrong: two writers, other processes, versions, damage, leftovers."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.errors import Unavailable
from pipeline.records import Role
from pipeline.search import fields
from pipeline.search.base import Scope, SearchQuery, UtteranceDocument
from pipeline.search.tantivy_index import STAMP_FILE, TantivyIndex, TantivyReader

ALL = Scope.everything()
ROOT = Path(__file__).resolve().parents[2]


def said(call: str, index: int, text: str) -> UtteranceDocument:
    return UtteranceDocument(
        id=f"{call}:{index}",
        call_id=call,
        utterance=index,
        role=Role.AGENT,
        lang="zh",
        start_ms=0,
        end_ms=1,
        text=text,
        started_at=datetime(2025, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


def written(folder: Path) -> None:
    index = TantivyIndex(folder)
    index.replace_call("c", [said("c", 0, "还款")])
    index.commit()
    index.close()


def generations(folder: Path) -> list[Path]:
    return sorted(folder.glob("generation-*"))


def test_a_folder_has_one_writer(folder: Path) -> None:
    index = TantivyIndex(folder)
    with pytest.raises(Unavailable) as refused:
        TantivyIndex(folder)
    assert refused.value.code == "index_locked"
    index.close()
    TantivyIndex(folder).close()


KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from pipeline.records import Role
from pipeline.search.base import UtteranceDocument
from pipeline.search.tantivy_index import TantivyIndex

def said(call):
    return UtteranceDocument(
        id=f"{call}:0", call_id=call, utterance=0, role=Role.AGENT, lang="zh", start_ms=0, end_ms=1, text="还款"
    )

index = TantivyIndex(Path(sys.argv[1]))
index.replace_call("a", [said("a")])
index.commit()
index.replace_call("b", [said("b")])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_writer_leaves_its_last_commit_and_a_free_folder(folder: Path) -> None:
    reader = TantivyReader(folder)
    assert reader.count() == 0
    killed = subprocess.run([sys.executable, "-c", KILLED_WRITER, folder], cwd=ROOT, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert reader.count() == 1
    index = TantivyIndex(folder)
    index.replace_call("b", [said("b", 0, "还款")])
    index.commit()
    index.close()
    assert reader.count() == 2


def test_another_version_is_named_and_mended_by_a_rebuild(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(fields, "STAMP", {"schema": 0, "analyser": 0})
        written(folder)
    reader, index = TantivyReader(folder), TantivyIndex(folder)
    for ask in (reader.count, lambda: reader.search(SearchQuery(), ALL), lambda: index.delete_call("c")):
        with pytest.raises(Unavailable, match="makes it anew") as refused:
            ask()
        assert refused.value.code == "index_outdated"
    index.rebuild([said("c", 0, "还款"), said("c", 1, "计划")])
    assert reader.count() == 2
    index.close()


@pytest.mark.parametrize("broken", [STAMP_FILE, "meta.json"])
@pytest.mark.parametrize("how", [Path.unlink, lambda path: path.write_bytes(b"\0junk")])
def test_damage_is_named_and_mended_by_a_rebuild(folder: Path, broken: str, how: Callable[[Path], object]) -> None:
    written(folder)
    how(generations(folder)[0] / broken)
    reader, index = TantivyReader(folder), TantivyIndex(folder)
    for ask in (reader.count, lambda: index.replace_call("c", [])):
        with pytest.raises(Unavailable, match="makes it anew") as refused:
            ask()
        assert refused.value.code == "index_damaged"
    index.rebuild([said("c", 0, "还款")])
    assert reader.count() == 1
    index.close()


@pytest.mark.parametrize("seed", range(12))
def test_flipped_bytes_are_damage_or_unnoticed_but_never_a_crash(folder: Path, seed: int) -> None:
    index = TantivyIndex(folder)
    index.rebuild([said("c", place, f"还款计划{place} abc") for place in range(300)])
    index.close()
    rng = random.Random(seed)
    path = rng.choice(sorted(path for path in generations(folder)[0].iterdir() if path.suffix not in ("", ".json")))
    data = bytearray(path.read_bytes())
    for _ in range(20):
        data[rng.randrange(len(data))] ^= 255
    path.write_bytes(data)
    reader = TantivyReader(folder)
    for query in (SearchQuery(text="还款"), SearchQuery(text="还"), SearchQuery(text='"还款计划" -abc'), SearchQuery()):
        try:
            reader.search(query, ALL)
        except Unavailable as error:
            assert error.code == "index_damaged"


def test_a_generation_that_vanished_under_the_pointer_is_damage(folder: Path) -> None:
    written(folder)
    shutil.rmtree(generations(folder)[0])
    with pytest.raises(Unavailable) as refused:
        TantivyReader(folder).count()
    assert refused.value.code == "index_damaged"


def test_what_a_broken_rebuild_left_is_swept(folder: Path) -> None:
    written(folder)
    left = folder / "generation-left"
    left.mkdir()
    (left / "half.idx").write_bytes(b"x")
    index = TantivyIndex(folder)
    index.rebuild([said("c", 0, "还款")])
    index.close()
    assert len(generations(folder)) == 1
    assert not left.exists()


def test_a_rebuild_keeps_one_generation_and_the_reader_follows(folder: Path) -> None:
    index, reader = TantivyIndex(folder), TantivyReader(folder)
    for size in (1, 2, 3):
        index.rebuild([said("c", place, "还款") for place in range(size)])
        assert reader.count() == size
    assert len(generations(folder)) == 1
    index.close()


def test_a_full_disk_is_said_to_and_later_changes_go_through(folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK, folder], cwd=ROOT, check=False, timeout=120)
    assert done.returncode == 0


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from pipeline.errors import Unavailable
from pipeline.records import Role
from pipeline.search.base import UtteranceDocument
from pipeline.search.tantivy_index import TantivyIndex

def said(place):
    return UtteranceDocument(
        id=f"c:{place}", call_id="c", utterance=place, role=Role.AGENT, lang="zh", start_ms=0, end_ms=1, text="还款"
    )

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
index = TantivyIndex(Path(sys.argv[1]))
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
try:
    index.replace_call("c", [said(place) for place in range(2000)])
    index.commit()
except Unavailable as error:
    assert error.code == "index_write_failed", error.code
else:
    raise AssertionError("the write succeeded")
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
index.replace_call("c", [said(place) for place in range(20)])
index.commit()
assert index.count() == 20
index.close()
"""


def test_files_do_not_pile_up(folder: Path) -> None:
    index = TantivyIndex(folder)
    for number in range(50):
        call = f"c{number % 20}"
        index.replace_call(call, [said(call, place, "还款计划") for place in range(5)])
        index.commit()
    index.close()
    assert len(list(generations(folder)[0].iterdir())) < 150, "merges keep up: without them there are over 400"
    assert TantivyReader(folder).count() == 100


def test_the_folder_is_for_its_owner_only(folder: Path) -> None:
    written(folder)
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in generations(folder))
