"""The policy over the true text of calls that nobody wrote rules for; skipped where that material is absent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from models.datasets.noise import misheard
from pipeline.evaluation.call_table import table
from pipeline.evaluation.calls import CallScore, score, total
from pipeline.evaluation.predictions import Predictor
from pipeline.evaluation.scoring import TurnScore, score_turns
from pipeline.evaluation.texts import read_texts
from pipeline.evaluation.truth import read_truth, transcript_of
from pipeline.evaluation.turns import LabelledTurn
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
        over = registry.pack_for(truth.context).flag_possible_over
        found.append(score(truth, judgement, flag_possible_over=over))
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
def lines(shared: Path) -> tuple[LabelledTurn, ...]:
    path = shared / "taxonomy.yaml"
    if not path.is_file():
        pytest.skip("no taxonomy beside the calls")
    return read_texts(path).turns


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    registry = load_registry()
    detect = Detect((LexiconDetector(registry.lexicons),))
    return Predictor(detect=detect, judge=Judge(registry), packs=tuple(registry.packs.values()))


def scored(predictor: Predictor, turns: Sequence[LabelledTurn]) -> dict[str, TurnScore]:
    return {score.lang: score for score in score_turns(turns, [predictor(turn) for turn in turns])}


@pytest.fixture(scope="module")
def as_written(lines: tuple[LabelledTurn, ...], predictor: Predictor) -> dict[str, TurnScore]:
    return scored(predictor, lines)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_recall_and_alarms_over_the_taxonomy(as_written: dict[str, TurnScore], lang: str) -> None:
    found = as_written[lang]
    assert found.exact.of > 300 and found.exact.found / found.exact.of >= 0.85, found.mistakes[:20]
    for alarms in (found.hard_negatives, found.alarms):
        assert alarms.of > 200 and alarms.found / alarms.of <= 0.08, found.mistakes[:20]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_recall_survives_mishearing(
    lines: tuple[LabelledTurn, ...], predictor: Predictor, as_written: dict[str, TurnScore], lang: str
) -> None:
    """Three draws of the noise, so that one lucky seed does not decide."""
    spoken = [turn for turn in lines if turn.language.spoken == lang and not turn.hard_negative]
    heard = [replace(turn, text=misheard(turn.text, lang, seed=seed)) for seed in range(3) for turn in spoken]
    before, after = as_written[lang].exact.value, scored(predictor, heard)[lang].exact.value
    assert before is not None and after is not None
    assert before - after <= 0.08, f"{lang}: exact recall {before:.3f} as written, {after:.3f} as heard"


def test_no_sentence_of_the_taxonomy_stands_in_a_pack(lines: tuple[LabelledTurn, ...]) -> None:
    packs = "\n".join(path.read_text(encoding="utf-8") for path in PACKS_DIR.rglob("*.yaml"))
    for line in lines:
        for clause in re.split(r"[，。！？；,.!?;]", line.text):
            words = clause.strip()
            if len(words) >= (9 if line.language.spoken == "zh" else 30):
                assert words not in packs
