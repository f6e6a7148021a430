"""Which detectors an ablation lets look."""

from __future__ import annotations

from pipeline.evaluation.ablation import trials


def test_three_detectors_are_seven_trials() -> None:
    assert {trial.name: trial.detectors for trial in trials(["rules", "text", "acoustic"])} == {
        "all together": ("rules", "text", "acoustic"),
        "rules alone": ("rules",),
        "text alone": ("text",),
        "acoustic alone": ("acoustic",),
        "without rules": ("text", "acoustic"),
        "without text": ("rules", "acoustic"),
        "without acoustic": ("rules", "text"),
    }


def test_two_are_three_and_one_is_one() -> None:
    assert [trial.name for trial in trials(["rules", "text", "rules"])] == ["all together", "rules alone", "text alone"]
    assert [trial.name for trial in trials(["rules"])] == ["all together"]


def test_sound_says_nothing_of_a_text() -> None:
    reading = {trial.name: trial.reading for trial in trials(["rules", "text", "acoustic"])}
    assert reading["acoustic alone"] == () and reading["without rules"] == reading["text alone"] == ("text",)
    assert reading["all together"] == reading["without acoustic"] == ("rules", "text")
