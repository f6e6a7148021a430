"""Text model, lexicon and voice become one probability a category."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from models.calibration import RULES_AND_TEXT, TEXT, Calibration, Curve, fit, load, save
from models.errors import WeightsCorrupt, WeightsMissing
from models.text_input import TextInput
from models.weights import CALIBRATION
from pipeline.policy.categories import categories
from pipeline.policy.features import DOUBTED, UNSURE
from pipeline.policy.source import BadPolicy
from pipeline.records import Role, Signal
from pipeline.stages.detect import Detect
from pipeline.stages.fusion import Calibrated, calibrated, calibrated_group
from pipeline.stages.text_detector import RecalledText, TextDetector
from tests.unit.dialogue import transcript
from tests.unit.test_detect import claim as plain_claim

GROUPS = ("threat", "abuse", "pressure", "distress", "self_harm", "good")
PLAIN = Calibration(
    {f"{lang}/{g}": Curve(intercept=0.0, text=1.0, lexicon=2.0, voice=1.0) for lang in ("zh", "en") for g in GROUPS}
)


class Scorer:
    """Says the same of every turn whose text holds a word."""

    name, version = "fake", "7"
    labels = ("threat.arrest", "threat.veiled", "distress.self_harm", "distress.job_loss", "closing.summary_confirm")

    def __init__(self, word: str, probabilities: Sequence[float]) -> None:
        self._word, self._found = word, probabilities
        self.read = 0

    def probabilities(self, turns: Sequence[TextInput]) -> np.ndarray:
        self.read += len(turns)
        return np.array([self._found if self._word in t.text else [0.0] * 5 for t in turns], dtype=np.float32)

    def carried(self, turn: TextInput, words: Sequence[str], label: str) -> list[float]:
        return [1 / len(words)] * len(words)

    def nearest(self, turn: TextInput, label: str, count: int) -> list[str]:
        return ["en-1:3"][:count]


def claim(category: str, probability: float, detector: str = "lexicon", *features: str) -> Signal:
    return plain_claim(probability, *features, detector=detector, category=category)


def fused(*claims: Signal, spoken: str = "agent: hello there") -> dict[str, Signal]:
    fuse = Calibrated(PLAIN, version="1")
    return {s.category: s for s in fuse(transcript(spoken).utterances[0], claims)}


def test_the_lexicon_lifts_what_the_model_doubts() -> None:
    alone = fused(claim("threat.arrest", 0.5, "text"))["threat.arrest"]
    both = fused(claim("threat.arrest", 0.5, "text"), claim("threat.arrest", 0.9))["threat.arrest"]
    assert alone.probability == 0.5 and UNSURE in alone.features
    assert both.probability > 0.8 and both.features == ()
    assert (both.detector, both.parts) == ("lexicon+text", {"text": 0.5, "lexicon": 0.9})


def test_what_was_quoted_weighs_nothing_and_the_model_decides() -> None:
    quoted = claim("threat.arrest", 0.95, "lexicon", "quoted")
    assert fused(quoted, claim("threat.arrest", 0.1, "text"))["threat.arrest"].probability == pytest.approx(0.1)
    sure = fused(quoted, claim("threat.arrest", 0.9, "text"))["threat.arrest"]
    assert sure.probability == pytest.approx(0.9) and "quoted" not in sure.features


def test_categories_of_a_group_share_its_probability() -> None:
    found = fused(claim("threat.arrest", 0.6, "text"), claim("threat.veiled", 0.3, "text"))
    assert found["threat.arrest"].probability == pytest.approx(0.6)
    assert found["threat.veiled"].probability == pytest.approx(0.3)


def test_voice_speaks_for_a_customers_distress_and_never_about_an_agent() -> None:
    voice, sad = claim("cue.voice_crying", 0.6, "sound"), claim("distress.job_loss", 0.5, "text")
    heard = fused(sad, voice, spoken="customer: I lost my job")["distress.job_loss"]
    assert heard.probability > 0.6 and heard.parts["voice"] == 0.6
    assert fused(claim("threat.arrest", 0.5, "text"), voice)["threat.arrest"].probability == 0.5


def test_cues_and_required_statements_stay_as_they_are() -> None:
    found = fused(claim("cue.demand", 0.7), claim("disclosure.recording", 0.8), claim("threat.arrest", 0.03, "text"))
    assert found["cue.demand"].probability == 0.7 and found["disclosure.recording"].probability == 0.8
    assert "threat.arrest" not in found


def test_self_harm_has_a_curve_of_its_own() -> None:
    assert calibrated_group("distress.self_harm") == "self_harm"
    assert {calibrated_group(key) for key in categories()} == set(GROUPS)


def test_only_who_can_have_said_it_is_asked() -> None:
    detector = TextDetector(Scorer("jail", [0.9, 0.2, 0.9, 0.4, 0.02]))
    spoken = transcript("agent: you go to jail", "customer: to jail?", "unknown: jail")
    found = {(s.span.utterance, s.category) for s in detector(spoken)}
    assert found == {
        *((0, key) for key in ("threat.arrest", "threat.veiled")),
        *((1, key) for key in ("distress.self_harm", "distress.job_loss")),
        *((2, key) for key in ("threat.arrest", "threat.veiled", "distress.self_harm", "distress.job_loss")),
    }
    first = next(iter(detector(spoken)))
    assert (first.model.version, first.nearest) == ("7", ("en-1:3",)) and len(first.carried) == 4


def test_prepared_turns_are_read_once() -> None:
    scorer = Scorer("jail", [0.9, 0.2, 0.9, 0.4, 0.02])
    detector, calls = TextDetector(scorer), [transcript("agent: jail", "agent: no"), transcript("customer: jail")]
    detector.prepare(calls)
    read = scorer.read
    assert [len(detector(call)) for call in calls] == [2, 2] and scorer.read == read
    detector(transcript("agent: another jail"))
    assert scorer.read == read + 1


def test_a_label_that_is_no_category_stops_the_start() -> None:
    scorer = Scorer("", [0.0] * 5)
    scorer.labels = ("threat.bananas",)  # type: ignore[assignment]
    with pytest.raises(BadPolicy, match=r"threat\.bananas"):
        TextDetector(scorer)


def test_what_the_model_said_is_recalled_from_the_signals_that_were_kept() -> None:
    spoken = transcript("agent: you go to jail")
    detect = Detect((TextDetector(Scorer("jail", [0.9, 0.2, 0.0, 0.0, 0.0])),), Calibrated(PLAIN, version="1"))
    kept = detect(spoken)
    again = Detect((RecalledText(kept),), Calibrated(PLAIN, version="1"))(spoken)
    assert [(s.category, s.probability, s.carried) for s in again] == [
        (s.category, s.probability, s.carried) for s in kept
    ]


def test_a_curve_is_fitted_to_what_is_true() -> None:
    draw = np.random.default_rng(3)
    text = draw.uniform(0.01, 0.99, 4000)
    truth = draw.uniform(size=4000) < 1 / (1 + np.exp(-(1.5 * np.log(text / (1 - text)) - 1)))
    curve = fit(text.tolist(), [0.0] * 4000, truth.tolist(), use_lexicon=False)
    assert curve.text == pytest.approx(1.5, abs=0.2) and curve.intercept == pytest.approx(-1, abs=0.2)
    assert curve.lexicon == 0.0


def test_calibrations_are_kept_beside_the_model(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="make train"):
        load(tmp_path / CALIBRATION)
    save({TEXT: PLAIN}, tmp_path / CALIBRATION)
    assert load(tmp_path / CALIBRATION)[TEXT].curves == PLAIN.curves
    assert calibrated(tmp_path, lexicon=False).version.startswith("text@")
    with pytest.raises(WeightsCorrupt, match=RULES_AND_TEXT.replace("+", r"\+")):
        calibrated(tmp_path, lexicon=True)
    (tmp_path / CALIBRATION).write_text("[]", encoding="utf-8")
    with pytest.raises(WeightsCorrupt):
        load(tmp_path / CALIBRATION)


def test_curves_of_another_model_are_refused(tmp_path: Path) -> None:
    file = tmp_path / CALIBRATION
    save({TEXT: PLAIN}, file, model="abc")
    assert load(file)[TEXT].model == "abc" and load(file)[TEXT].languages == {"zh", "en"}
    assert calibrated(tmp_path, lexicon=False, model="abc").calibration.curves == PLAIN.curves
    with pytest.raises(WeightsCorrupt, match=rf"calibrate_text\.py --model {tmp_path}"):
        calibrated(tmp_path, lexicon=False, model="def")
    assert calibrated(tmp_path, lexicon=False), "what was said by an older model is weighed by the curves there are"
    save({TEXT: PLAIN}, file)
    assert calibrated(tmp_path, lexicon=False, model="def"), "not every file names its model"


def test_somebody_unknown_may_have_said_either() -> None:
    assert Role.UNKNOWN not in {about.role for about in categories().values()}


def test_plain_words_that_the_model_doubts_are_for_a_person() -> None:
    doubted = fused(claim("threat.arrest", 0.1, "text"), claim("threat.arrest", 0.9))["threat.arrest"]
    assert doubted.probability < 0.5 and {UNSURE, DOUBTED} <= set(doubted.features)
    unheard = fused(claim("threat.arrest", 0.01, "text"), claim("threat.arrest", 0.9))["threat.arrest"]
    assert DOUBTED in unheard.features
    weak = fused(claim("threat.arrest", 0.1, "text"), claim("threat.arrest", 0.5))["threat.arrest"]
    assert DOUBTED not in weak.features


@pytest.mark.parametrize(
    ("category", "is_doubted"),
    [("distress.fear", True), ("distress.refusal_to_pay", False), ("distress.self_harm", False)],
)
def test_a_customers_plain_words_of_distress_are_for_a_person_too(category: str, is_doubted: bool) -> None:
    found = fused(claim(category, 0.1, "text"), claim(category, 0.9), spoken="customer: oh no")
    assert (DOUBTED in found[category].features) == is_doubted
