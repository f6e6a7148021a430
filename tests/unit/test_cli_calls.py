"""`forbear calls` and its commands as they are typed: what they print, and what they leave to the list."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from stores import ADMIN, finding, record_of, wav

from forbear.cli import main
from forbear.wiring import build_application
from pipeline.records import FindingStatus, Severity
from pipeline.settings import Settings


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    def call(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["forbear", "--data", str(tmp_path / "data"), *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_code:
            main()
        out, err = capsys.readouterr()
        return Done(int(exit_code.value.code or 0), out, err)

    return call


def row(name: str, hour: int, **more: str) -> dict[str, str]:
    return {
        "call_id": name,
        "account_ref": "ACC-1",
        "number": "13812345678",
        "started_at": f"2026-03-02T{hour:02}:00:00+08:00",
        "customer_tz": "Asia/Shanghai",
        "jurisdiction": "CN",
        "answered": "yes",
        **more,
    }


def export(path: Path, *rows: dict[str, str]) -> Path:
    names = list(dict.fromkeys(name for one in rows for name in one))
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return path


def recorded(folder: Path, name: str, hour: int, **more: str) -> str:
    """A processed call in the data folder of `run`."""
    with closing(build_application(Settings(data=folder / "data"))) as application:
        values = row(name, hour, **more)
        source = wav(folder / f"{name}.wav", hour)
        id = application.intake.accept(ADMIN, source, file_name=source.name, metadata=values).id
        assert id is not None
        work = application.processing.begin(id, 1)
        assert work is not None
        own = [finding("abuse.profanity", FindingStatus.VIOLATION, Severity.LOW)]
        assert application.processing.finish(id, 1, record_of(work, findings=own))
        return id


def test_an_export_is_imported_once_and_bad_rows_are_told(run: Run, tmp_path: Path) -> None:
    file = export(tmp_path / "dialler.csv", *(row(f"D{n}", 9 + n) for n in range(4)), row("D9", 9, answered="perhaps"))
    first = run("calls", "import", file)
    assert (first.code, first.out.splitlines()[0]) == (0, "4 accepted, 1 not taken")
    assert "1 of them without a recording are flagged" in first.out
    assert first.err == "not taken  dialler.csv, row 6: answered: it takes yes or no. [bad_metadata]\n"
    again = run("calls", "import", file, "--json")
    assert again.json == {
        "accepted": 0,
        "updated": 0,
        "duplicate": 4,
        "flagged": 1,
        "bad_rows": [{"row": 6, "reason": "answered: it takes yes or no."}],
    }
    (flagged,) = run("calls", "unrecorded", "--flagged", "--json").json
    assert (flagged["call_id"], flagged["severity"], flagged["account_ref"]) == ("D3", "high", "ACC-1")
    assert flagged["findings"][0]["rule"] == "cn.timeline.conversations-a-day"
    shown = run("calls", "unrecorded")
    assert "More than three conversations" in shown.out and "count 4, limit 3" in shown.out
    assert shown.out.endswith("4 calls without a recording, 1 flagged\n")
    assert "13812345678" not in first.out + again.out + shown.out + json.dumps(flagged)


def test_nothing_to_import_is_wrong_use(run: Run, tmp_path: Path) -> None:
    missing = run("calls", "import", tmp_path / "none.csv")
    assert missing.code == 2 and "no such file" in missing.err
    bad = run("calls", "import", export(tmp_path / "bad.csv", {"account_ref": "ACC-1"}))
    assert bad.code == 2 and "row 2" in bad.err and bad.out == "1 not taken\n"
    empty = run("calls", "import", export(tmp_path / "empty.csv", {"call_id": ""}))
    assert empty.code == 0 and empty.out == "the file holds no calls\n"


def test_calls_alone_still_lists_with_all_its_options(run: Run, tmp_path: Path) -> None:
    empty = run("calls")
    assert empty.code == 3 and "There is no Forbear data" in empty.err
    run("calls", "import", export(tmp_path / "dialler.csv", *(row(f"D{n}", 9 + n) for n in range(3))))
    id = recorded(tmp_path, "D3", 15)
    listed = run("calls")
    assert listed.code == 0 and id in listed.out and "1 calls, 1 flagged" in listed.out
    assert "Too many calls" in listed.out
    assert [call["id"] for call in run("calls", "--flagged", "--json").json] == [id]
    assert run("calls", "--unflagged", "--json").json == []
    assert run("calls", "--status", "failed", "--csv").out == ""
    assert run("calls", "--csv").out.startswith("id,call_id,file,")
    (detail,) = run("calls", "--json", "--findings").json
    own, crossing = detail["findings"]
    assert (own["evidence"], own["facts"], own["calls"]) == ("words", {}, [])
    assert (crossing["evidence"], crossing["rule"]) == ("metadata", "cn.timeline.conversations-a-day")
    assert crossing["facts"]["count"] == "4" and len(crossing["calls"]) == 3
    assert run("show", id, "--json").json["findings"] == detail["findings"]
    shown = run("show", id)
    assert "count 4, limit 3" in shown.out and f"with {', '.join(crossing['calls'])}" in shown.out.replace("\n", "")
    assert run("calls", "--statuss", "done").code == 2


def test_the_completeness_report(run: Run, tmp_path: Path) -> None:
    promised = recorded(tmp_path, "C1", 9, outcome="promise to pay")
    alone = run("calls", "completeness")
    assert "forbear calls import FILE.csv" in alone.out
    rows = [row("C1", 9, ended_at="2026-03-02T09:10:00+08:00"), row("D1", 10), row("D2", 11, answered="no")]
    run("calls", "import", export(tmp_path / "dialler.csv", *rows))
    other = recorded(tmp_path, "C2", 12)
    found = run("calls", "completeness", "--json").json
    assert {key: found[key] for key in ("calls", "call_records", "matched", "unanswered")} == {
        "calls": 2,
        "call_records": 3,
        "matched": 1,
        "unanswered": 1,
    }
    assert [(gap["call_id"], gap["reason"]) for gap in found["without_recording"]] == [("D1", "answered")]
    assert [gap["call"] for gap in found["without_call_record"]] == [other]
    assert [(gap["call"], gap["reason"]) for gap in found["truncated"]] == [(promised, "shorter_than_the_call")]
    assert [(gap["call"], gap["reason"]) for gap in found["outcome"]] == [(promised, "promise_without_agreement")]
    said = run("calls", "completeness").out
    assert "Calls without a recording: 1" in said and "recorded 2 s of a call of 600 s" in said
