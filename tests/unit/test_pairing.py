"""Which recording and which call record are one call; what could be several is not guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

from pipeline.services.pairing import Link, pair

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def link(id: str, **values: Any) -> Link:
    empty = dict.fromkeys(("call_id", "file_name", "account_ref", "started_at", "number_hash"))
    return Link(**{"id": id, **empty, **values})


def test_a_call_id_goes_before_a_file_and_a_file_before_a_moment() -> None:
    calls = [
        link("c1", call_id="X"),
        link("c2", file_name="b.wav"),
        link("c3", account_ref="A", started_at=AT, number_hash="n"),
        link("c4"),
    ]
    records = [
        link("a1", call_id="X", file_name="b.wav"),
        link("a2", file_name="b.wav", call_id="Y"),
        link("a3", account_ref="A", started_at=AT, number_hash="n", call_id="Z"),
        link("a4"),
    ]
    for some in permutations(calls):
        for others in permutations(records):
            assert pair(some, others) == {"c1": "a1", "c2": "a2", "c3": "a3"}


def test_what_fits_several_is_not_guessed() -> None:
    assert pair([link("c1", file_name="f"), link("c2", file_name="f")], [link("a1", file_name="f")]) == {}
    assert pair([link("c1", file_name="f")], [link("a1", file_name="f"), link("a2", file_name="f")]) == {}
    moment = {"account_ref": "A", "started_at": AT, "number_hash": "n"}
    assert pair([link("c1", **moment)], [link("a1", **moment), link("a2", **moment)]) == {}


def test_what_both_name_tells_them_apart() -> None:
    moment = {"account_ref": "A", "started_at": AT, "number_hash": "n"}
    assert pair([link("c1", call_id="X", **moment)], [link("a1", call_id="Y", **moment)]) == {}
    assert pair([link("c1", file_name="f", account_ref="A")], [link("a1", file_name="f", account_ref="B")]) == {}
    assert pair([link("c1", call_id="X", account_ref="A")], [link("a1", call_id="X", account_ref="B")]) == {"c1": "a1"}
    assert pair([link("c1", call_id="X", file_name="f")], [link("a1", file_name="f")]) == {}, "named by its call_id"
    assert pair([link("c1", started_at=AT)], [link("a1", started_at=AT)]) == {}, "without a number, any call"
