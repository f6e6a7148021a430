"""`forbear policy` as a person uses it: what it prints, and the exit codes of what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from forbear import cli

Run = Callable[..., tuple[int, str, str]]

OWN = """
    pack: bank
    version: "1"
    extends: cn
    rules: {abuse.profanity: off}
"""
DIALOGUE = "agent: 今天不还马上起诉你。\ncustomer: 我失业了。\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["forbear", "--data", str(tmp_path / "data"), "policy", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return command


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    path = tmp_path / "bank.yaml"
    path.write_text(dedent(OWN), encoding="utf-8")
    return path


def test_lint_names_the_place(run: Run, pack: Path) -> None:
    code, out, _ = run("lint", str(pack))
    assert code == 0 and out.startswith("ok  bank 1+") and "over cn" in out
    pack.write_text(dedent(OWN).replace("abuse.profanity: off", "r: {category: threat.vieled, said: threat.veiled}"))
    code, _, err = run("lint", str(pack), "cn")
    assert code == 2 and "bank.yaml:5" in err and "did you mean 'threat.veiled'" in err


def test_a_dialogue_is_tried_with_facts(run: Run, tmp_path: Path) -> None:
    talk = tmp_path / "talk.txt"
    talk.write_text(DIALOGUE, encoding="utf-8")
    code, out, _ = run("try", "cn", str(talk))
    assert code == 0 and "cn.threat.litigation_false" in out and "hits" in out and "起诉" in out
    code, out, _ = run("try", "cn", str(talk), "--fact", "suit_filed", "--json")
    told = {rule["rule"]: rule for rule in json.loads(out)["rules"]}
    assert told["cn.threat.litigation_false"]["excused_by"] == "suit_filed"
    talk.write_text("hello", encoding="utf-8")
    code, _, err = run("try", "cn", str(talk))
    assert code == 2 and "Line 1" in err and "hello" not in err


def test_differences_are_listed(run: Run, pack: Path) -> None:
    code, out, _ = run("diff", "cn", str(pack))
    assert code == 0 and "removed  rule abuse.profanity" in out and "1 differences" in out


def test_what_a_version_becomes(run: Run, pack: Path) -> None:
    code, out, _ = run("draft", str(pack), "--note", "try")
    assert code == 0 and "is kept as a draft" in out
    code, out, _ = run("list", "--json")
    listed = json.loads(out)
    assert [(v["pack"], v["state"], v["note"]) for v in listed["versions"]] == [("bank", "draft", "try")]
    assert {p["pack"] for p in listed["in_force"]} == {"cn", "tw", "us", "uk", "hk"}
    assert run("discard", str(listed["versions"][0]["id"]))[0] == 0
    assert run("publish", str(listed["versions"][0]["id"]))[0] == 4


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("lint", "nosuch.yaml"), 2, "no file nosuch.yaml"),
        (("diff", "cn", "xx"), 3, "no pack 'xx'"),
        (("publish", "99"), 3, "no policy version 99"),
        (("withdraw", "XX"), 2, "not one of CN"),
        (("try", "cn", "nosuch.txt"), 2, "no file nosuch.txt"),
        (("try", "cn", "--fact", "suit_fled"), 2, "did you mean 'suit_filed'"),
    ],
)
def test_wrong_use_says_what_to_do(run: Run, arguments: tuple[str, ...], code: int, says: str) -> None:
    done, _, err = run(*arguments)
    assert done == code and says in err and "Traceback" not in err


def test_the_schema_is_printed(run: Run) -> None:
    code, out, _ = run("schema")
    assert code == 0 and json.loads(out)["title"] == "Forbear policy pack"
