"""All detectors on dialogues of other hands, which were locked before the first model was trained."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from forbear.wiring import build_predictor
from models.datasets.dialogues import domain_files, near_duplicates_of, read_dialogues
from models.text_files import MANIFEST
from models.weights import TEXT_MODEL
from pipeline.evaluation.scoring import TurnScore, score_turns
from pipeline.evaluation.turns import read_turns
from pipeline.settings import Settings

FOLDER = Path(__file__).parent / "dialogues"


def test_the_dialogues_are_those_that_were_locked() -> None:
    for line in (FOLDER / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, name = line.split()
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_nothing_learnt_from_is_near_anything_measured(lang: str) -> None:
    """Independent hands do not write the same sentence; where they do, it would be measured by heart."""
    files = [FOLDER.parent / name / f"{lang}.jsonl" for name in ("dialogues", "turns")]
    measured = [turn.text for file in files for turn in read_turns(file).turns if len(turn.text) >= 12]
    examples = [e for e in read_dialogues(domain_files(lang)) if len(e.line.text) >= 12]
    assert not near_duplicates_of(measured, examples)


@pytest.fixture(scope="module", params=["zh", "en"])
def score(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TurnScore:
    if not (TEXT_MODEL / MANIFEST).is_file():
        pytest.skip("no text model in models/weights/text; make one with `make train`")
    every = ("rules", "text", "acoustic")
    predictor = build_predictor(Settings(data=tmp_path_factory.mktemp("gold")), detectors=every)
    turns = read_turns(FOLDER / f"{request.param}.jsonl").turns
    scores = {s.lang: s for s in score_turns(turns, list(predictor.predict_many(turns)))}
    return scores[request.param]


def test_threats_abuse_pressure_and_distress_are_found(score: TurnScore) -> None:
    assert score.macro_f1 is not None and score.macro_f1 >= 0.85
    assert all(counts.f1 is not None and counts.f1 >= 0.75 for counts in score.groups.values())


def test_few_alarms_on_what_only_looks_like_something(score: TurnScore) -> None:
    assert score.alarms.of > 200 and score.alarms.found <= 0.05 * score.alarms.of


def test_self_harm_is_heard(score: TurnScore) -> None:
    assert score.self_harm.of >= 40 and score.self_harm.found >= 0.97 * score.self_harm.of


def test_probabilities_mean_what_they_say(score: TurnScore) -> None:
    assert score.calibration.error is not None and score.calibration.error <= 0.05
    assert score.calibration.brier < score.calibration.brier_of_decisions
