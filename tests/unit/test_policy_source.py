"""Policy files: every mistake with its place and, where there is one, a suggestion."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.policy.source import BadPolicy, Node, read
from pipeline.records import Severity


def node(tmp_path: Path, text: str) -> Node:
    file = tmp_path / "pack.yaml"
    file.write_text(text, encoding="utf-8")
    return read(file)


def test_values_keep_their_place(tmp_path: Path) -> None:
    found = node(tmp_path, "a: 1\nb:\n  - x\n  - y\nc: [p, q]\n").mapping()
    assert found["b"].place == "pack.yaml:3"
    assert found["b"].texts() == ("x", "y")
    assert found["c"].texts() == ("p", "q")
    assert found["a"].texts() == ("1",)
    assert found["a"].whole(0, 5) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "pack.yaml:2: 'a' stands twice"),
        ("sevrity: high\n", r"unknown key 'sevrity'; did you mean 'severity'\?"),
        ("other: 1\n", "unknown key 'other'"),
        ("[1, 2]\n", "expected a mapping"),
    ],
)
def test_keys_are_checked(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadPolicy, match=message):
        node(tmp_path, text).fields([], ["severity"])


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadPolicy, match=r"pack.yaml:1: 'b' is missing"):
        node(tmp_path, "a: 1\n").fields(["a", "b"])


def test_values_are_checked(tmp_path: Path) -> None:
    found = node(tmp_path, "score: 3\nkind: hih\nmany: [a]\nwhole: 1.5\nflag: maybe\nword: much\n").mapping()
    for call, message in [
        (lambda: found["score"].number(0, 1), "3 is outside 0 to 1"),
        (lambda: found["kind"].one_of(Severity), "did you mean 'high'"),
        (lambda: found["many"].text(), "expected text"),
        (lambda: found["whole"].whole(0, 9), "not a whole number"),
        (lambda: found["flag"].flag(), "neither true nor false"),
        (lambda: found["word"].number(0, 1), "not a number"),
        (lambda: found["score"].sequence(), "expected a list"),
    ]:
        with pytest.raises(BadPolicy, match=message):
            call()


def test_files_that_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(BadPolicy, match=r"gone\.yaml: the file is missing"):
        read(tmp_path / "gone.yaml")
    for text, message in [("a: [1\n", "not YAML"), ("", "empty")]:
        with pytest.raises(BadPolicy, match=message):
            node(tmp_path, text)
