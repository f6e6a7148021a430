"""What thresholds cost: more review for fewer missed calls."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from forbear.cli.thresholds import _advise
from forbear.cli.trade_off_plot import _round_steps, trade_off_svg
from pipeline.errors import InvalidInput
from pipeline.evaluation.judged import JudgedTurn
from pipeline.evaluation.predictions import Prediction
from pipeline.evaluation.thresholds import STEPS, Work, by_group, recommended, self_harm, trade_off
from pipeline.evaluation.turns import LabelledTurn, TurnLanguage
from pipeline.records import Role


def judged(role: Role, probability: float, key: str, *labels: str) -> JudgedTurn:
    turn = LabelledTurn(id="t", language=TurnLanguage.EN, role=role, text="x", labels=frozenset(labels))
    prediction = Prediction(id="t", labels={key: probability}, decided=())
    return JudgedTurn(turn=turn, prediction=prediction, labels=frozenset(labels), decided=frozenset())


AGENT = [
    *(judged(Role.AGENT, 0.15 + 0.1 * n, "threat.arrest", "threat.arrest") for n in range(9)),
    *(judged(Role.AGENT, 0.01 + 0.02 * n, "threat.arrest") for n in range(30)),
]
CUSTOMER = [
    *(judged(Role.CUSTOMER, 0.3 + 0.05 * n, "distress.self_harm", "distress.self_harm") for n in range(10)),
    *(judged(Role.CUSTOMER, 0.04 * n, "distress.self_harm") for n in range(10)),
]


def test_a_higher_threshold_costs_less_review_and_misses_more() -> None:
    points = trade_off(AGENT, Work())
    assert [p.threshold for p in points] == list(STEPS)
    assert all(a.hours >= b.hours and a.missed <= b.missed for a, b in itertools.pairwise(points))


def test_the_recommended_one_is_the_cheapest_that_reviewers_can_do() -> None:
    work = Work()
    points = trade_off(AGENT, work)
    free = recommended(points, work, None)
    tight = recommended(points, work, 10.0)
    assert free.cost(work) == min(p.cost(work) for p in points)
    assert tight.hours <= 10.0 and tight.threshold >= free.threshold
    assert recommended(points, work, 0.001).hours == min(p.hours for p in points)


def test_a_miss_that_costs_more_lowers_the_threshold() -> None:
    few, many = (by_group(AGENT, Work(missed_minutes=m))["threat"] for m in (5.0, 5_000.0))
    assert many < few


def test_self_harm_is_found_before_anything_else() -> None:
    found = self_harm(CUSTOMER)
    assert found is not None
    threshold, right, of, wrong = found
    assert (threshold, right, of) == (0.3, 10, 10) and wrong == 2
    assert self_harm(AGENT) is None


def test_nothing_to_weigh_is_told() -> None:
    with pytest.raises(InvalidInput, match="with violations and without"):
        trade_off(AGENT[:9], Work())
    with pytest.raises(InvalidInput):
        Work(violating=1.0)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"turns": 2}, "3 violations do not fit into 2 of an agent's turns"),
        ({"violations": 26}, "at least as many turns as violations"),
        ({"violations": 0}, "at least 1"),
        ({"violating": float("nan")}, "between 0 and 1"),
        ({"minutes": -1.0}, "numbers from 0 on"),
        ({"missed_minutes": -0.5}, "numbers from 0 on"),
        ({"minutes": float("nan")}, "numbers from 0 on"),
        ({"missed_minutes": float("inf")}, "numbers from 0 on"),
    ],
)
def test_numbers_that_no_bank_has_are_refused(numbers: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        Work(**numbers)


def test_as_many_violations_as_turns_are_weighed() -> None:
    work = Work(turns=3, violations=3, minutes=0.0, missed_minutes=0.0)
    assert all(point.cost(work) == 0.0 for point in trade_off(AGENT, work))


def test_each_group_is_weighed_on_those_who_can_say_it() -> None:
    assert list(by_group([*AGENT, *CUSTOMER], Work())) == ["threat", "distress"]
    assert list(by_group(AGENT, Work())) == ["threat"]


def test_every_call_in_which_something_is_found_counts_as_reviewed() -> None:
    # Below 0.6 a finding flags no call by itself; what is weighed is what a threshold decides: whether there is one.
    work = Work(calls=1_000, turns=1, violations=1, violating=0.5, minutes=60.0)
    doubtful = [judged(Role.AGENT, 0.3, "threat.arrest", "threat.arrest"), judged(Role.AGENT, 0.1, "threat.arrest")]
    found = {point.threshold: point for point in trade_off(doubtful, work)}
    assert (found[0.1].hours, found[0.1].missed, found[0.1].false_share) == (1_000.0, 0.0, 0.5)
    assert (found[0.3].hours, found[0.3].missed, found[0.3].false_share) == (500.0, 0.0, 0.0)
    assert (found[0.35].hours, found[0.35].missed, found[0.35].false_share) == (0.0, 500.0, 0.0)


def test_the_drawing_names_the_point(tmp_path: Path) -> None:
    work = Work()
    points = trade_off(AGENT, work)
    best = recommended(points, work, 40.0)
    svg = trade_off_svg(points, best, 40.0)
    assert svg.count("<circle") == len(STEPS) and f"from {best.threshold:.2f}" in svg and "40 hours" in svg


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from forbear.cli import app
    from forbear.cli.thresholds import thresholds  # noqa: F401 - registers itself

    monkeypatch.setenv("FORBEAR_DETECTORS", "rules")
    turns = tmp_path / "turns.jsonl"
    rows: list[dict[str, Any]] = [
        {"lang": "en", "spk": "agent", "text": "You will be arrested tomorrow.", "labels": ["threat.arrest"]},
        {"lang": "en", "spk": "agent", "text": "Good morning, how are you?", "labels": []},
        {"lang": "en", "spk": "customer", "text": "I want to kill myself.", "labels": ["distress.self_harm"]},
    ]
    turns.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    run = CliRunner()
    done = run.invoke(app, ["thresholds", str(turns), "--capacity", "40h/week", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["recommended"] in STEPS
    assert "thresholds decide nothing" in done.stderr
    turns.write_text(turns.read_text(encoding="utf-8") + json.dumps({**rows[0], "lang": "你好"}), encoding="utf-8")
    done = run.invoke(app, ["thresholds", str(turns), "--json"])
    told = "lang: (not a name) is not one of zh, zh-Hans, zh-Hant, en, mixed"
    assert f"not read  turns.jsonl, line 4: {told}" in done.stderr
    assert json.loads(done.stdout)["bad_lines"] == [{"line": 4, "reason": told}]
    few = run.invoke(app, ["thresholds", str(turns), "--turns", "2"])
    assert isinstance(few.exception, InvalidInput)
    assert run.invoke(app, ["thresholds", str(turns), "--turns", "2", "--violations", "2"]).exit_code == 0
    plot = tmp_path / "plot.svg"
    done = run.invoke(app, ["thresholds", str(turns), "--plot", str(plot)])
    assert "wrong of found" in done.stdout and "threat: " in done.stdout
    assert done.exit_code == 0 and "recommended" in done.output and plot.read_text(encoding="utf-8").startswith("<svg")
    wrong = run.invoke(app, ["thresholds", str(turns), "--capacity", "forty"])
    assert isinstance(wrong.exception, InvalidInput) and "40h/week" in wrong.exception.message


def test_the_advice_names_all_that_a_pack_has_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    _advise(AGENT, trade_off(AGENT, Work())[0], {"pressure": 0.3}, (0.2, 9, 10, 1), None)
    said = capsys.readouterr().out
    assert "{pressure: 0.3, contact: 0.3, privacy: 0.3, distress.self_harm: 0.2}" in said


@pytest.mark.parametrize(
    ("most", "marks"),
    [(161, [0, 20, 40, 60, 80, 100, 120, 140, 160]), (2.4, [0, 0.5, 1, 1.5, 2]), (40, [0, 10, 20, 30, 40])],
)
def test_axes_are_marked_with_round_numbers(most: float, marks: list[float]) -> None:
    assert _round_steps(most) == marks
