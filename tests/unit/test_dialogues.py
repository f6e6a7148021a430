"""Training dialogues: how they are read, and what counts as said twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.datasets.dialogues import (
    BadDialogue,
    domain_example,
    domain_files,
    near_duplicates_of,
    read_dialogues,
    validation_files,
    without_near_duplicates,
)
from pipeline.policy.categories import categories

_AT_LEAST_120 = ("threat", "abuse", "pressure", "contact", "privacy", "distress", "neutral")
TEXT = """# a remark
@dialogue a first call
A: Good morning.
C distress.job_loss: I was let go, actually.
A pressure.unaffordable_payment,abuse.hostile_tone: So what? All of it, today.
C !idiom: This is killing me.

@lines
A !lawful,neutral.lawful_consequence: 逾期会报送征信：这是规定。
"""


def write(folder: Path, text: str = TEXT, name: str = "en-1.txt") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_turns_come_with_what_was_said_before_them(tmp_path: Path) -> None:
    first, second, third, fourth, alone = read_dialogues([write(tmp_path)])
    assert (first.line.role, first.labels, first.context) == ("agent", frozenset(), ())
    assert second.labels == {"distress.job_loss"}
    assert third.labels == {"pressure.unaffordable_payment", "abuse.hostile_tone"}
    assert [line.text for line in third.context] == ["Good morning.", "I was let go, actually."]
    assert (fourth.kind, fourth.labels) == ("idiom", frozenset())
    assert (alone.context, alone.in_dialogue, alone.kind) == ((), False, "lawful")
    assert alone.line.text == "逾期会报送征信：这是规定。"
    assert (third.id, third.lang) == ("en-1:5", "en")


@pytest.mark.parametrize(
    "text",
    [
        "A: outside a block",
        "@lines\nB: nobody",
        "@lines\nA !sarcasm: unknown kind",
        "@lines\nA !idiom,!quoted: two kinds",
    ],
)
def test_what_is_no_turn_is_refused_by_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadDialogue, match=r"en-1\.txt, line \d"):
        read_dialogues([write(tmp_path, text)])


def test_the_same_sentence_counts_once_and_short_answers_by_what_they_answer(tmp_path: Path) -> None:
    text = """@lines
A: We may have to tell your employer about this account next week.
A: We may have to tell your employer about this account next Week!
@dialogue one
A: Can you pay?
C: No.
@dialogue two
A: Is this you?
C: No.
"""
    kept = without_near_duplicates(read_dialogues([write(tmp_path, text)]))
    assert [e.line.text for e in kept].count("No.") == 2
    assert sum(e.line.text.startswith("We may") for e in kept) == 1
    told = "We may have to tell your employer about this account, next week"
    assert not without_near_duplicates(kept[:1], [told])
    assert near_duplicates_of([told, "Something else was said."], kept) == kept[:1]


def test_what_ships_is_what_the_data_card_promises() -> None:
    examples = without_near_duplicates(read_dialogues(domain_files()))
    known = set(categories())
    kept = {lang: [e for e in examples if e.lang == lang] for lang in ("zh", "en")}
    assert len(kept["zh"]) >= 9_000 and len(kept["en"]) >= 8_000
    for lang, turns in kept.items():
        assert {label for e in turns for label in e.labels} <= known
        assert sum(e.in_dialogue for e in turns) >= 0.4 * len(turns)
        labelled = [e for e in turns if e.labels]
        assert sum(len(e.labels) for e in labelled) <= 1.5 * len(labelled)
        counts = {key: sum(key in e.labels for e in turns) for key in known}
        assert not [key for key in known if key.split(".")[0] in _AT_LEAST_120 and counts[key] < 120], lang
        assert not [key for key in known if not key.startswith("disclosure.") and counts[key] < 40], lang


def test_no_turn_is_both_learnt_from_and_measured_by() -> None:
    measured = [e.line.text for e in read_dialogues(validation_files())]
    examples = [e for e in read_dialogues(domain_files()) if len(e.line.text) >= 10]
    assert len(examples) - len(without_near_duplicates(examples, measured)) <= 0.02 * len(examples)


def test_an_example_is_found_by_its_name() -> None:
    example = read_dialogues(domain_files()[:1])[7]
    found = domain_example(example.id)
    assert found == example
    assert domain_example("nowhere:1") is None
