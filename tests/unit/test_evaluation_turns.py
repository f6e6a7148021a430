"""Turns read from JSON lines and from a file of categories: what is taken, what is refused and with which reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import InvalidInput
from pipeline.evaluation.groups import covers, group_of, is_alarming
from pipeline.evaluation.reasons import named
from pipeline.evaluation.texts import read_texts
from pipeline.evaluation.turns import BadLine, SpokenLine, TurnLanguage, parse_turn, read_turns
from pipeline.records import Role

GOOD: dict[str, Any] = {"id": "t1", "lang": "zh", "spk": "agent", "prev": [], "text": "您好。", "labels": []}


def line(**changes: Any) -> bytes:
    """The good line with changes; a change to ... takes the key away."""
    return json.dumps({k: v for k, v in {**GOOD, **changes}.items() if v is not ...}).encode()


def test_a_line_is_read_with_what_came_before_it() -> None:
    turn = parse_turn(
        line(
            lang="zh_hant",
            spk=" Customer ",
            prev=["agent: 您欠款五千。", "CUSTOMER：我失业了: 没钱", "agent:  "],
            text="  聽不懂 ",
            labels=["distress.job_loss", "pressure"],
            split="train",
        ),
        7,
    )
    assert (turn.id, turn.language, turn.role, turn.text) == ("t1", TurnLanguage.ZH_HANT, Role.CUSTOMER, "聽不懂")
    assert turn.previous == (
        SpokenLine(role=Role.AGENT, text="您欠款五千。"),
        SpokenLine(role=Role.CUSTOMER, text="我失业了: 没钱"),
    )
    assert turn.labels == {"distress.job_loss", "pressure"} and not turn.hard_negative


@pytest.mark.parametrize(
    ("written", "language", "spoken"),
    [
        ("zh", TurnLanguage.ZH, "zh"),
        ("ZH-HANS", TurnLanguage.ZH_HANS, "zh"),
        ("zh_Hant", TurnLanguage.ZH_HANT, "zh"),
        (" En ", TurnLanguage.EN, "en"),
        ("mixed", TurnLanguage.MIXED, "zh"),
    ],
)
def test_languages_in_any_case_with_hyphen_or_underscore(written: str, language: TurnLanguage, spoken: str) -> None:
    turn = parse_turn(line(lang=written), 1)
    assert turn.language is language and turn.language.spoken == spoken


def test_what_may_be_left_out() -> None:
    turn = parse_turn(line(id=..., prev=..., labels=...), 12)
    assert turn.id == 12 and turn.previous == () and turn.labels is None
    assert parse_turn(line(id=None, prev=None, labels=None), 3).labels is None
    assert parse_turn(line(id=5), 3).id == 5


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'["text"]', "not a JSON object"),
        (b'{"text": "\xff"}', "not UTF-8"),
        (line(id=True), "id: neither text nor a whole number"),
        (line(id=1.5), "id: neither text nor a whole number"),
        (line(lang=...), "lang: nothing is not one of zh, zh-Hans, zh-Hant, en, mixed"),
        (line(lang="fr"), "lang: 'fr' is not one of zh, zh-Hans, zh-Hant, en, mixed"),
        (line(spk=...), "spk: nothing is neither agent nor customer"),
        (line(spk="bot"), "spk: 'bot' is neither agent nor customer"),
        (line(prev="agent: hello"), "prev: not a list"),
        (line(prev=["agent: hello", "hello"]), "prev: item 2 does not begin with 'agent:' or 'customer:'"),
        (line(prev=[["agent", "hello"]]), "prev: item 1 does not begin with 'agent:' or 'customer:'"),
        (line(text=...), "text: missing, or not text"),
        (line(text=5), "text: missing, or not text"),
        (line(text=" \n"), "text: empty"),
        (line(text="\ud83d"), "text: holds half a character (a lone surrogate)"),
        (line(labels="threat"), "labels: not a list of names"),
        (line(labels=[1]), "labels: not a list of names"),
        (
            line(labels=["threat.arest"]),
            "labels: 'threat.arest' names neither a category nor a group; did you mean 'threat.arrest'?",
        ),
    ],
)
def test_a_bad_line_has_a_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_turn(raw, 1)
    assert caught.value.message == reason


@pytest.mark.parametrize(
    "bad",
    [
        line(lang="您欠款五千，今天必须还"),
        line(lang="pay five thousand"),
        line(lang=13800138000),
        line(spk="13800138000"),
        line(spk=["您欠款五千"]),
        line(labels=["您欠款五千"]),
        line(labels=["arrest him at 13800138000"]),
        line(labels=["x" * 41]),
        line(labels=["arrest\n"]),
    ],
)
def test_a_reason_repeats_no_words(bad: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_turn(bad, 1)
    key, _, rest = caught.value.message.partition(": ")
    assert key in ("lang", "spk", "labels") and rest.startswith("(not a name) ")
    assert not {"您", "13800138000", "thousand", "arrest", "xx"} & set(rest.replace("_", " ").split())
    assert "您" not in rest and "1380" not in rest and "xx" not in rest


def test_a_name_is_repeated() -> None:
    assert named("zh_Hant-TW.2") == "'zh_Hant-TW.2'" and named("x" * 40) == f"'{'x' * 40}'"
    assert named(None) == "nothing"
    assert {named(value) for value in ("", "é", "a b", "1a", 5, True, b"a")} == {"(not a name)"}


def test_a_bad_line_does_not_stop_the_others(tmp_path: Path) -> None:
    file = tmp_path / "turns.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + line() + b"\r\n\n  \n" + b'{"text"\n' + line(id=..., spk="customer"))
    found = read_turns(file)
    assert [turn.id for turn in found.turns] == ["t1", 5]
    assert found.bad == (BadLine(number=4, reason="not JSON"),)


def test_labels_and_groups() -> None:
    groups = {"threat.arrest": "threat", "contact.time": "pressure", "privacy": "pressure", "pressure": "pressure"}
    assert {key: group_of(key) for key in groups} == groups and group_of("empathy.acknowledge") is None
    for label, category in (("pressure", "contact.time"), ("contact", "contact.time"), ("threat", "threat.veiled")):
        assert covers(label, category)
    assert not covers("contact", "pressure.false_promise") and not covers("threat.veiled", "threat.arrest")
    assert is_alarming("contact.time", Role.AGENT) and is_alarming("distress", Role.CUSTOMER)
    assert not is_alarming("distress.fear", Role.AGENT) and not is_alarming("threat.arrest", Role.CUSTOMER)
    assert not is_alarming("disclosure.identity", Role.AGENT)


CATEGORIES = """
categories:
  - id: threat.arrest
    speaker: collector
    utterances: {zh_hans: [那就等着坐牢吧。], zh_hant: [抓去關。], en: [You are going to jail.]}
    hard_negatives:
      zh_hans: [{speaker: customer, text: 我会不会坐牢啊, label: distress.fear}, {speaker: collector, text: 您好}]
"""


def test_a_file_of_categories_is_turns(tmp_path: Path) -> None:
    file = tmp_path / "categories.yaml"
    file.write_text(CATEGORIES, encoding="utf-8")
    turns = read_texts(file).turns
    assert [(t.id, t.language.value, t.role.value, t.hard_negative) for t in turns] == [
        ("threat.arrest/zh_hans/1", "zh-Hans", "agent", False),
        ("threat.arrest/zh_hant/1", "zh-Hant", "agent", False),
        ("threat.arrest/en/1", "en", "agent", False),
        ("threat.arrest/zh_hans/not-1", "zh-Hans", "customer", True),
        ("threat.arrest/zh_hans/not-2", "zh-Hans", "agent", True),
    ]
    assert [set(t.labels or ()) for t in turns[2:]] == [{"threat.arrest"}, {"distress.fear"}, set()]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("a: [", "is not YAML"),
        ("[]", "has no list of `categories`"),
        ("categories: [{id: threat.arest}]", "category threat.arest: .*did you mean 'threat.arrest'"),
        ("categories: [{id: threat.arrest, speaker: collector}]", "category threat.arrest: a key is missing"),
        (
            "categories: [{id: 您欠款五千}]",
            r"category 1: labels: \(not a name\) names neither a category nor a group\.$",
        ),
        (
            "categories: [{id: threat.arrest, speaker: collector, utterances: {您: [好]}}]",
            r"lang: \(not a name\) is not",
        ),
        ("categories: [5]", "category 1: a key is missing or of the wrong kind"),
        (
            "categories: [{id: threat.arrest, speaker: collector, utterances: {en: ['']}}]",
            "category threat.arrest: a text is missing or empty",
        ),
    ],
)
def test_a_wrong_file_of_categories_is_refused_with_its_place(tmp_path: Path, content: str, place: str) -> None:
    file = tmp_path / "categories.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInput, match=place):
        read_texts(file)
