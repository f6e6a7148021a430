"""What source systems say about calls: keys, formats, and reasons that name the key and never the value."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import BadMetadata
from pipeline.records import CallContext, Channels, CollectorType, Direction, Jurisdiction
from pipeline.services.metadata import file_label, merge, parse_metadata, read_csv, sidecar

KEY = b"k" * 32


def parse(values: dict[str, Any], jurisdiction: Jurisdiction = Jurisdiction.CN) -> CallContext:
    return parse_metadata(values, key=KEY, jurisdiction=jurisdiction).context


def test_every_key_is_read_from_text_as_a_csv_gives_it() -> None:
    context = parse(
        {
            "call_id": " C-1 ",
            "account_ref": "ACC",
            "party_ref": "P",
            "debt_ref": "D",
            "number": "138 1234 5678",
            "agent_id": "A5",
            "team": "east",
            "direction": "Outbound",
            "started_at": "2025-09-22T10:15:00-04:00",
            "ended_at": "2025-09-22T14:20:00Z",
            "customer_tz": "America/New_York",
            "jurisdiction": "us",
            "collector_type": "third-party",
            "product": "credit_card",
            "days_past_due": "95",
            "outcome": "promise to pay",
            "channels": "agent_left",
            "facts": '{"suit_authorised": true}',
            "campaign": "autumn",
            "empty": "  ",
        }
    )
    assert context.call_id == "C-1"
    assert context.started_at == datetime(2025, 9, 22, 14, 15, tzinfo=UTC)
    assert context.direction is Direction.OUTBOUND
    assert context.jurisdiction is Jurisdiction.US
    assert context.collector_type is CollectorType.THIRD_PARTY
    assert context.days_past_due == 95
    assert context.channels is Channels.AGENT_LEFT
    assert context.facts == {"suit_authorised": True}
    assert context.extra == {"campaign": "autumn"}
    assert context.number_hash is not None and len(context.number_hash) == 64


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("started_at", "2025-09-22T10:15:00"),
        ("started_at", "yesterday"),
        ("started_at", "0001-01-01T00:00:00+08:00"),
        ("customer_tz", "Mars/Olympus"),
        ("customer_tz", "../../etc/passwd"),
        ("jurisdiction", "FR"),
        ("direction", "sideways"),
        ("collector_type", "nobody"),
        ("channels", "both"),
        ("days_past_due", "many"),
        ("days_past_due", 1.5),
        ("facts", "[1]"),
        ("facts", "{"),
        ("facts", {"x": float("nan")}),
        ("facts", {"x": "\ud800"}),
        ("facts", {"x": "y" * 70_000}),
        ("number", "none"),
        ("call_id", "x" * 201),
        ("call_id", "a\x00b"),
        ("agent_id", {"a": 1}),
    ],
)
def test_a_bad_value_names_its_key_and_not_itself(key: str, value: Any) -> None:
    with pytest.raises(BadMetadata) as caught:
        parse({key: value})
    assert caught.value.message.startswith(f"{key}: ")
    assert str(value) not in caught.value.message


def test_a_call_cannot_end_before_it_starts() -> None:
    with pytest.raises(BadMetadata, match="ended_at"):
        parse({"started_at": "2025-01-01T10:00:00Z", "ended_at": "2025-01-01T09:00:00Z"})


@pytest.mark.parametrize(
    ("jurisdiction", "ways"),
    [
        (Jurisdiction.CN, ["13812345678", "138-1234-5678", "+86 138 1234 5678", "8613812345678", "１３８12345678"]),
        (Jurisdiction.US, ["(212) 555-0100", "1 212 555 0100", "+1 212-555-0100", "0012125550100"]),
        (Jurisdiction.TW, ["0912 345 678", "+886 912345678", "886912345678"]),
    ],
)
def test_one_telephone_has_one_hash_however_it_is_written(jurisdiction: Jurisdiction, ways: list[str]) -> None:
    hashes = {parse({"number": way}, jurisdiction).number_hash for way in ways}
    assert len(hashes) == 1
    other = parse_metadata({"number": ways[0]}, key=b"x" * 32, jurisdiction=jurisdiction).context.number_hash
    assert other not in hashes


def test_the_number_itself_is_nowhere_in_the_context() -> None:
    assert "13812345678" not in str(parse({"number": "13812345678"}))


def test_merging_keeps_what_was_not_said_and_names_what_changed() -> None:
    old = parse({"agent_id": "A1", "team": "east", "facts": {"a": 1, "b": 2}, "note": "x"})
    new = parse({"agent_id": "A2", "facts": {"b": 3}})
    merged, changed = merge(old, new)
    assert changed == ("agent_id", "facts.b")
    assert (merged.agent_id, merged.team, merged.facts) == ("A2", "east", {"a": 1, "b": 3})
    assert merged.extra == {"note": "x"}
    assert merge(merged, new) == (merged, ())
    assert merge(merged, CallContext()) == (merged, ())


def test_a_csv_reports_bad_rows_by_number_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    text = 'file,agent_id,facts\na.wav,A1,"{""x"": 1}"\n,A2,\n\nb.wav,A3,{},surplus\nc.wav\nd.wav,"A\n4",\n'
    path.write_text("\ufeff" + text, encoding="utf-8")
    rows = list(read_csv(path))
    assert [(row.number, row.file) for row in rows] == [(2, "a.wav"), (3, ""), (5, "b.wav"), (6, "c.wav"), (7, "d.wav")]
    assert rows[0].values == {"agent_id": "A1", "facts": '{"x": 1}'}
    assert rows[1].error == "the column `file` is empty"
    assert rows[2].values is None and "4 cells under 3 columns" in str(rows[2].error)
    assert rows[3].values == {} and rows[3].error is None


def test_a_row_with_a_broken_quote_is_one_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text('file,agent_id\na.wav,"A"1\nb.wav,B\n')
    rows = list(read_csv(path))
    assert rows[0].error is not None and rows[0].values is None
    assert rows[-1].file == "b.wav" and rows[-1].values == {"agent_id": "B"}


@pytest.mark.parametrize("content", [b"", b"name,file\n", b"file,a,a\n", "file,团队\n".encode("gbk")])
def test_what_is_no_metadata_csv_is_refused_whole(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "calls.csv"
    path.write_bytes(content)
    with pytest.raises(BadMetadata, match=r"calls\.csv"):
        list(read_csv(path))


def test_a_sidecar_is_its_object_or_the_object_under_meta(tmp_path: Path) -> None:
    audio = tmp_path / "a.b.opus"
    assert sidecar(audio) is None
    beside = tmp_path / "a.b.json"
    beside.write_text(json.dumps({"agent_id": "A1"}))
    assert sidecar(audio) == {"agent_id": "A1"}
    beside.write_text("\ufeff" + json.dumps({"turns": [], "meta": {"agent_id": "A2"}}), encoding="utf-8")
    assert sidecar(audio) == {"agent_id": "A2"}
    assert sidecar(beside) is None


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff\xfe", b"[" * 100_000])
def test_a_broken_sidecar_is_reported_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(BadMetadata, match=r"a\.json"):
        sidecar(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\calls\\a.wav", "a.wav"),
        ("a\x00\x1b[31m\u202eb.wav", "a[31mb.wav"),
        ("催收/通话.wav", "通话.wav"),
        ("", "unnamed"),
        ("x" * 400 + ".wav", "x" * 251 + ".wav"),
    ],
)
def test_a_file_name_becomes_a_label_and_never_a_path(given: str, label: str) -> None:
    assert file_label(given) == label
