"""The main job as a newcomer meets it: `forbear demo` over the sample calls, then the other commands."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.alone, pytest.mark.slow, pytest.mark.weights, pytest.mark.timeout(900)]

FORBEAR = str(Path(sys.executable).with_name("forbear"))
NEAR_MS = 500


def forbear(*arguments: str, data: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "FORBEAR_DATA": str(data), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([FORBEAR, *arguments], env=environ, capture_output=True, text=True, timeout=800, check=False)
    if check:
        assert done.returncode == 0, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The data folder after the demo, and what it printed."""
    data = tmp_path_factory.mktemp("demo") / "data"
    return data, forbear("demo", "--no-serve", data=data).stdout


@pytest.fixture(scope="module")
def listed(demo: tuple[Path, str]) -> list[dict[str, Any]]:
    return json.loads(forbear("calls", "--json", "--findings", data=demo[0]).stdout)


@pytest.fixture(scope="module")
def truths(samples: Path) -> Mapping[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (samples / "truth").glob("*.json")}


def test_every_sample_is_processed_and_in_the_table(
    demo: tuple[Path, str], listed: list[dict[str, Any]], truths: Mapping[str, Any]
) -> None:
    assert {call["call_id"] for call in listed} == set(truths)
    assert {call["status"] for call in listed} == {"done"}
    for call in listed:
        assert call["file"] in demo[1]


def test_every_sample_is_flagged_or_not_as_its_truth_says(
    listed: list[dict[str, Any]], truths: Mapping[str, Any]
) -> None:
    assert {c["call_id"]: c["flagged"] for c in listed} == {name: t["expect"]["flag"] for name, t in truths.items()}


def test_critical_distress_is_found(listed: list[dict[str, Any]], truths: Mapping[str, Any]) -> None:
    critical = {name for name, t in truths.items() if t["expect"]["distress"] == "critical"}
    assert critical and critical == {c["call_id"] for c in listed if c["distress"] == "critical"}


def test_what_flags_a_call_lies_on_turns_so_labelled(listed: list[dict[str, Any]], truths: Mapping[str, Any]) -> None:
    """For each flagged call with words as evidence, one flagging finding at least meets a turn with its label."""
    astray = []
    for call in listed:
        flagging = [
            f
            for f in call["findings"]
            if f["role"] == "agent" and f["evidence"] == "words" and f["status"] in ("violation", "possible")
        ]
        turns = truths[call["call_id"]]["turns"]
        met = [f for f in flagging if any(_meets(f, turn) for turn in turns)]
        if call["flagged"] and flagging and not met:
            astray.append(call["call_id"])
    assert astray == []


def _meets(found: Mapping[str, Any], turn: Mapping[str, Any]) -> bool:
    inside = found["start_ms"] >= turn["start"] * 1000 - NEAR_MS and found["end_ms"] <= turn["end"] * 1000 + NEAR_MS
    return inside and found["category"] in turn["labels"]


def test_the_same_again_changes_nothing(demo: tuple[Path, str], samples: Path) -> None:
    done = forbear("ingest", str(samples), "--metadata", str(samples / "metadata.csv"), "--json", data=demo[0])
    assert {f["outcome"] for f in json.loads(done.stdout)["files"]} == {"duplicate"}


def test_search_finds_words_of_a_call(demo: tuple[Path, str], listed: list[dict[str, Any]]) -> None:
    english = next(c for c in listed if c["file"] == "dev-en-03.wav")
    word = max((w for u in english["utterances"] for w in u["text"].split() if w.isalpha()), key=len)
    hits = json.loads(forbear("search", word, "--json", data=demo[0]).stdout)["hits"]
    assert english["id"] in {hit["call"] for hit in hits}


def test_lists_as_csv_and_shows_one_call(demo: tuple[Path, str], listed: list[dict[str, Any]]) -> None:
    rows = list(csv.DictReader(io.StringIO(forbear("calls", "--csv", data=demo[0]).stdout)))
    assert [row["id"] for row in rows] == [call["id"] for call in listed]
    flagged = next(c for c in listed if c["flagged"])
    shown = json.loads(forbear("show", flagged["call_id"], "--json", data=demo[0]).stdout)
    assert shown["findings"] == flagged["findings"]
    assert all(clause["cite"] for found in shown["findings"] for clause in found["clauses"])


def test_original_text_leaves_an_audit_line(demo: tuple[Path, str], listed: list[dict[str, Any]]) -> None:
    from forbear.wiring import build_application
    from pipeline.settings import load_settings
    from pipeline.store.tables import AuditRow

    forbear("show", listed[0]["id"], "--original", "--json", data=demo[0])
    application = build_application(load_settings({}, data=demo[0]))
    with application.database.read() as session:
        actions = [row.action for row in session.query(AuditRow).filter(AuditRow.subject == listed[0]["id"])]
    assert any("original" in action for action in actions)
    assert application.audit_broken_at() is None


def test_a_backup_restores(demo: tuple[Path, str], listed: list[dict[str, Any]], tmp_path: Path) -> None:
    archive, fresh = tmp_path / "forbear.tar", tmp_path / "restored"
    forbear("backup", str(archive), data=demo[0])
    forbear("restore", str(archive), data=fresh)
    again = json.loads(forbear("calls", "--json", "--findings", data=fresh).stdout)
    assert again == listed
    assert forbear("restore", str(archive), data=fresh, check=False).returncode != 0


def test_a_deleted_call_is_gone(demo: tuple[Path, str], tmp_path: Path, listed: list[dict[str, Any]]) -> None:
    archive, fresh = tmp_path / "forbear.tar", tmp_path / "restored"
    forbear("backup", str(archive), data=demo[0])
    forbear("restore", str(archive), data=fresh)
    forbear("delete", listed[0]["id"], "--yes", data=fresh)
    assert forbear("show", listed[0]["id"], data=fresh, check=False).returncode == 3
    assert not list((fresh / "media").rglob(listed[0]["recording"]))


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("show", "nosuch"), 3, "nosuch"),
        (("ingest", "/nowhere/at/all.wav"), 2, "no such file"),
        (("reprocess",), 2, "Name one call"),
        (("serve", "--host", "0.0.0.0"), 2, "TLS"),
        (("calls", "--status", "odd"), 2, "odd"),
    ],
)
def test_wrong_use_says_what_to_do(demo: tuple[Path, str], arguments: tuple[str, ...], code: int, says: str) -> None:
    done = forbear(*arguments, data=demo[0], check=False)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr
