"""What reaches a log, and what must not."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from forbear.logs import set_up_logging
from pipeline.errors import DecodeFailed


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Any]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers = []
    set_up_logging(tmp_path / "logs", "test")
    yield lambda: [json.loads(line) for line in (tmp_path / "logs" / "test.log").read_text().splitlines()]
    for handler in root.handlers:
        handler.close()
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_both_ways_of_logging_end_in_one_file_as_json(lines: Any) -> None:
    structlog.get_logger("ours").info("call processed", call="c12ab")
    logging.getLogger("theirs").warning("%s of %d", "part", 3)
    first, second = lines()
    assert (first["event"], first["call"], first["level"], first["logger"]) == (
        "call processed",
        "c12ab",
        "info",
        "ours",
    )
    assert (second["event"], second["level"]) == ("part of 3", "warning")
    assert first["timestamp"].endswith("Z")


@pytest.mark.parametrize("name", ["text", "transcript", "quote", "utterance", "query", "password", "token", "Cookie"])
def test_what_was_said_and_what_opens_doors_is_taken_out(lines: Any, name: str) -> None:
    structlog.get_logger().info("x", **{name: "hush", "nested": {name: "hush", "n": 1}})
    assert "hush" not in json.dumps(lines())
    assert lines()[0]["nested"]["n"] == 1


@pytest.mark.parametrize("number", ["13800138000", "138 0013 8000", "+86-138-0013-8000", "4111111111111111"])
def test_long_runs_of_digits_are_taken_out_wherever_they_stand(lines: Any, number: str) -> None:
    structlog.get_logger().info(f"called {number} twice", numbers=[f"to {number}"])
    logging.getLogger("theirs").info("called %s", number)
    assert number not in json.dumps(lines())
    assert len(lines()) == 2


def test_ids_and_times_stay_readable(lines: Any) -> None:
    structlog.get_logger().info("x", call="c0123456789abcdef", ms=1234567890)
    assert (lines()[0]["call"], lines()[0]["ms"]) == ("c0123456789abcdef", 1234567890)


def test_exceptions_lose_their_words_and_keep_their_place(lines: Any) -> None:
    try:
        raise ValueError("could not parse 'I can not pay'")
    except ValueError as error:
        structlog.get_logger().exception("failed", cause=error)
        logging.getLogger("theirs").exception("failed")
    assert "pay" not in json.dumps(lines())
    for line in lines():
        assert line["error"] == "ValueError"
        assert any(place.startswith("test_logs.py:") for place in line["at"])


def test_our_own_errors_keep_their_code_and_reason(lines: Any) -> None:
    try:
        raise DecodeFailed("No audio in it.", code="no_audio_stream")
    except DecodeFailed:
        structlog.get_logger().exception("failed")
    assert (lines()[0]["code"], lines()[0]["reason"]) == ("no_audio_stream", "No audio in it.")


def test_nothing_goes_to_the_terminal_and_only_the_owner_may_look(
    lines: Any, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    structlog.get_logger().error("loud")
    logging.getLogger("dbos").warning("loud")
    assert capfd.readouterr() == ("", "")
    assert (tmp_path / "logs").stat().st_mode & 0o077 == 0
