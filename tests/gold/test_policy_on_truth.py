"""The policy over the true text of calls that nobody wrote rules for; skipped where that material is absent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.evaluation.calls import CallScore, read_truth, score, table, total, transcript_of
from pipeline.evaluation.texts import Line, read_lines, run
from pipeline.evaluation.texts import score as score_texts
from pipeline.evaluation.texts import table as text_table
from pipeline.policy.registry import PACKS_DIR, load_registry
from pipeline.stages.detect import Detect, LexiconDetector
from pipeline.stages.judge import Judge


@pytest.fixture(scope="module")
def scores(shared: Path) -> list[CallScore]:
    registry = load_registry()
    detect, judge = Detect((LexiconDetector(registry.lexicons),)), Judge(registry)
    found = []
    for path in sorted((shared / "calls").glob("*.json")):
        truth = read_truth(path)
        spoken = transcript_of(truth)
        judgement = judge(
            transcript=spoken, signals=detect(spoken), context=truth.context, duration_ms=truth.duration_ms
        )
        found.append(score(truth, judgement))
    return found


def test_calls_are_flagged_as_their_truth_says(scores: list[CallScore]) -> None:
    wrong = [s for s in scores if not s.flag_right]
    assert len(scores) == 24 and not wrong, table(scores)


def test_distress_is_found(scores: list[CallScore]) -> None:
    totals = total(scores)
    assert totals.critical_found == (2, 2)
    assert totals.distress_found[0] >= 17, table(scores)
    assert not [s.id for s in scores if s.distress == "critical" and s.expected_distress != "critical"]


def test_evidence_stands_on_turns_so_labelled(scores: list[CallScore]) -> None:
    totals = total(scores)
    met, turns = totals.conduct_turns_met
    on, findings = totals.findings_on_conduct
    assert met / turns >= 0.6 and on / findings >= 0.9, table(scores)


@pytest.fixture(scope="module")
def lines(shared: Path) -> tuple[Line, ...]:
    path = shared / "taxonomy.yaml"
    if not path.is_file():
        pytest.skip("no taxonomy beside the calls")
    return read_lines(path)


def test_recall_and_alarms_over_the_taxonomy(lines: tuple[Line, ...]) -> None:
    outcomes = run(Detect((LexiconDetector(load_registry().lexicons),)), lines)
    for found in score_texts(outcomes):
        hits, of = found.recall
        alarms, negatives = found.alarms
        assert of > 300 and hits / of >= 0.85, text_table(outcomes)
        assert negatives > 200 and alarms / negatives <= 0.08, text_table(outcomes)


def test_no_sentence_of_the_taxonomy_stands_in_a_pack(lines: tuple[Line, ...]) -> None:
    packs = "\n".join(path.read_text(encoding="utf-8") for path in PACKS_DIR.rglob("*.yaml"))
    for line in lines:
        for clause in re.split(r"[，。！？；,.!?;]", line.text):
            words = clause.strip()
            if len(words) >= (9 if line.lang == "zh" else 30):
                assert words not in packs
