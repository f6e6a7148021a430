"""Weights are found in order, joined once, checked, and never fetched unasked."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models.errors import WeightsCorrupt, WeightsMissing
from models.weights import WeightsParts, WeightsSource, join_parts, locate_whisper, report_whisper

MODEL = bytes(range(256)) * 500
SMALL = ("config.json", "tokenizer.json", "vocabulary.txt")


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WeightsParts]:
    """Two installed packages that hold the halves of a small model."""
    site = tmp_path / "site"
    for number, half in enumerate((MODEL[:60_000], MODEL[60_000:]), 1):
        data = site / f"forbear_fake_part{number}" / "data"
        data.mkdir(parents=True)
        (data.parent / "__init__.py").write_text("")
        (data / f"model.bin.part{number}").write_bytes(half)
    for name in SMALL:
        (site / "forbear_fake_part1" / "data" / name).write_text(name)
    monkeypatch.syspath_prepend(str(site))
    yield WeightsParts(
        name="tiny-fake",
        packages=("forbear_fake_part1", "forbear_fake_part2"),
        pieces=("data/model.bin.part1", "data/model.bin.part2"),
        small_files=tuple(f"data/{name}" for name in SMALL),
        sha256=hashlib.sha256(MODEL).hexdigest(),
        size_bytes=len(MODEL),
        origin="a test",
        licence="MIT",
    )


def pieces_of(parts: WeightsParts, tmp_path: Path) -> list[Path]:
    return [tmp_path / "site" / package / piece for package, piece in zip(parts.packages, parts.pieces, strict=True)]


def folder_with(path: Path, *names: str) -> Path:
    path.mkdir(parents=True)
    for name in names:
        (path / name).write_bytes(b"x")
    return path


def test_packages_are_joined_and_checked(parts: WeightsParts, tmp_path: Path) -> None:
    weights = locate_whisper("tiny-fake", tmp_path / "cache", parts=parts)
    assert weights.source is WeightsSource.PACKAGES
    assert (weights.path / "model.bin").read_bytes() == MODEL
    assert {file.name for file in weights.path.iterdir()} == {"model.bin", *SMALL}
    assert weights.version == parts.sha256[:12]


def test_the_second_time_nothing_is_written(parts: WeightsParts, tmp_path: Path) -> None:
    first = locate_whisper("tiny-fake", tmp_path / "cache", parts=parts).path / "model.bin"
    before = first.stat().st_mtime_ns
    assert locate_whisper("tiny-fake", tmp_path / "cache", parts=parts).path / "model.bin" == first
    assert first.stat().st_mtime_ns == before


def test_many_may_join_at_once(parts: WeightsParts, tmp_path: Path) -> None:
    pieces = pieces_of(parts, tmp_path)
    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _: join_parts(parts, pieces, tmp_path / "cache"), range(16)))
    assert len(folders) == 1
    assert (folders.pop() / "model.bin").read_bytes() == MODEL
    assert [file.name for file in (tmp_path / "cache").iterdir() if file.name.startswith(".joining")] == []


def test_wrong_pieces_are_refused_and_leave_nothing(parts: WeightsParts, tmp_path: Path) -> None:
    pieces_of(parts, tmp_path)[1].write_bytes(b"something else")
    with pytest.raises(WeightsCorrupt, match="Reinstall"):
        locate_whisper("tiny-fake", tmp_path / "cache", parts=parts)
    assert list((tmp_path / "cache").iterdir()) == []
    assert report_whisper("tiny-fake", tmp_path / "cache", parts=parts).intact is False


def test_a_lost_piece_is_named(parts: WeightsParts, tmp_path: Path) -> None:
    pieces_of(parts, tmp_path)[1].unlink()
    with pytest.raises(WeightsCorrupt, match=r"model\.bin\.part2 is missing"):
        locate_whisper("tiny-fake", tmp_path / "cache", parts=parts)


def test_what_a_killed_process_left_is_dropped_once_old(parts: WeightsParts, tmp_path: Path) -> None:
    old, new = tmp_path / "cache" / ".joining-old", tmp_path / "cache" / ".joining-new"
    for scratch in (old, new):
        scratch.mkdir(parents=True)
    hours_ago = time.time() - 7200
    os.utime(old, (hours_ago, hours_ago))
    locate_whisper("tiny-fake", tmp_path / "cache", parts=parts)
    assert (old.exists(), new.exists()) == (False, True)


def test_a_folder_wins_over_packages(parts: WeightsParts, tmp_path: Path) -> None:
    own = folder_with(tmp_path / "cache" / "tiny-fake", "model.bin", "tokenizer.json")
    assert locate_whisper("tiny-fake", tmp_path / "cache", parts=parts).path == own
    given = folder_with(tmp_path / "elsewhere", "model.bin", "tokenizer.json")
    weights = locate_whisper(str(given), tmp_path / "cache", parts=parts)
    assert (weights.path, weights.source) == (given, WeightsSource.FOLDER)


def test_a_folder_without_tokenizer_is_refused(parts: WeightsParts, tmp_path: Path) -> None:
    given = folder_with(tmp_path / "elsewhere", "model.bin")
    with pytest.raises(WeightsCorrupt, match=r"tokenizer\.json"):
        locate_whisper(str(given), tmp_path / "cache", parts=parts)


def test_a_path_without_weights_says_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="CTranslate2"):
        locate_whisper(str(tmp_path / "nothing"), tmp_path / "cache")


def test_nothing_is_fetched_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(WeightsMissing, match="not on this machine"):
        locate_whisper("large-v3-turbo", tmp_path / "cache")
    report = report_whisper("large-v3-turbo", tmp_path / "cache")
    assert (report.found, report.path) == (False, None)
    assert "large-v3-turbo" in report.advice


@pytest.mark.parametrize("name", ["a/b/c", "weights/whisper", "./whisper", "/nowhere/whisper"])
def test_a_path_is_not_taken_for_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").mkdir()
    with pytest.raises(WeightsMissing, match="CTranslate2"):
        locate_whisper(name, tmp_path / "cache")
    report = report_whisper(name, tmp_path / "cache")
    assert not report.found and "CTranslate2" in report.advice


@pytest.mark.parametrize("name", ["owner/", "own er/model", "owner/model--x"])
def test_what_can_be_no_repository_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsMissing, match="Give a folder"):
        locate_whisper(name, tmp_path / "cache")


def test_a_repository_is_looked_for_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "not on this machine" in report_whisper("forbear-owner/no-such-model", tmp_path / "cache").advice


def test_a_download_that_broke_off_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(tmp_path))
    assert "not on this machine" in report_whisper("large-v3", tmp_path / "cache").advice


def test_the_report_of_what_is_damaged_is_advice(parts: WeightsParts, tmp_path: Path) -> None:
    given = folder_with(tmp_path / "elsewhere", "model.bin")
    report = report_whisper(str(given), tmp_path / "cache", parts=parts)
    assert not report.found and "tokenizer.json" in report.advice
    pieces_of(parts, tmp_path)[1].unlink()
    report = report_whisper("tiny-fake", tmp_path / "cache", parts=parts)
    assert not report.found and "reinstall" in report.advice


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="large-v3-turbo"):
        locate_whisper("no-such-model", tmp_path / "cache")


def test_the_report_reads_without_joining(parts: WeightsParts, tmp_path: Path) -> None:
    report = report_whisper("tiny-fake", tmp_path / "cache", parts=parts)
    assert (report.found, report.intact, report.sha256) == (True, True, parts.sha256)
    assert not (tmp_path / "cache").exists()
