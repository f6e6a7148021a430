"""Public text as examples: what a set's own label says, and no more."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest

from models.datasets import public
from models.datasets.public import measured_talk, ordinary_talk, public_examples, public_texts
from models.line import Line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sets = {
        "cold": [
            ("滚回你的老家去吧你", {"offensive": 1}),
            ("今天天气真的很不错", {"offensive": 0}),
            ("短", {"offensive": 1}),
        ],
        "goemotions": [("I miss her so very much", ["grief"]), ("what a lovely day it is", ["joy", "admiration"])],
        "casino": [("I need two packages of water", None)],
    }
    for name, rows in sets.items():
        with lzma.open(tmp_path / f"{name}.jsonl.xz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "role", "labels"),
    [
        ("cold", "agent", {"滚回你的老家去吧你": {"abuse"}, "今天天气真的很不错": set()}),
        ("goemotions", "customer", {"I miss her so very much": {"distress"}, "what a lovely day it is": set()}),
        ("casino", "customer", {"I need two packages of water": set()}),
    ],
)
def test_a_set_says_at_most_the_group(folder: Path, name: str, role: str, labels: dict[str, set[str]]) -> None:
    found = public_examples(folder, name, 10, seed=1)
    assert {e.line.text: set(e.labels) for e in found} == labels
    assert {e.line.role for e in found} == {role}


def test_as_many_as_asked_for_are_drawn_and_always_the_same(folder: Path) -> None:
    assert len(public_texts(folder, "cold", 1, seed=3)) == 1
    assert public_texts(folder, "cold", 2, seed=3) == public_texts(folder, "cold", 2, seed=3)
    with pytest.raises(FileNotFoundError):
        public_texts(folder, "multidogo", 1, seed=3)


def test_ordinary_talk_is_a_customers_and_judged_by_a_few_labels_only(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept to measure by is never learnt from."""
    monkeypatch.setattr(public, "MEASURED", 1)
    (kept,) = measured_talk(folder, "cold")
    (found,) = ordinary_talk(folder, "cold", 10, frozenset({"distress.self_harm"}))
    (rest,) = {text for text in public_texts(folder, "cold", 10, seed=3) if text != kept}
    assert found.line == Line("customer", rest)
    assert not found.labels and found.judged == {"distress.self_harm"}
