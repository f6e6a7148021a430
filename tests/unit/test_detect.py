"""Claims of detectors, and the one signal they become."""

from __future__ import annotations

from pipeline.records import ModelStamp, Signal, Span
from pipeline.stages.detect import Detect
from pipeline.stages.fusion import agreed
from tests.unit.dialogue import DETECT, signals, transcript

STAMP = ModelStamp(name="test", version="1")


def claim(probability: float, *features: str, detector: str = "lexicon", category: str = "threat.arrest") -> Signal:
    return Signal(
        category=category,
        detector=detector,
        span=Span(utterance=0, word_start=0, word_end=1),
        score=probability,
        probability=probability,
        model=STAMP,
        features=features,
    )


def test_agreement_raises_probability_and_names_both_detectors() -> None:
    fused = agreed([claim(0.7), claim(0.6, detector="text")])
    assert fused.probability == 0.76
    assert fused.detector == "lexicon+text"
    assert agreed([claim(0.7)]) == claim(0.7)


def test_what_was_said_outright_stands_before_what_was_quoted() -> None:
    fused = agreed([claim(0.95, "quoted"), claim(0.7)])
    assert (fused.features, fused.probability) == ((), 0.7)


def test_one_signal_an_utterance_and_category_in_order() -> None:
    found = signals("agent: 再不还就等着坐牢，我们已经报案了。", "agent: 你等着坐牢吧。")
    arrests = [s for s in found if s.category == "threat.arrest"]
    assert [s.span.utterance for s in arrests] == [0, 1]
    assert arrests[0].probability > arrests[1].probability


def test_the_same_words_mean_what_their_speaker_makes_them() -> None:
    assert "abuse.profanity" in {s.category for s in signals("agent: 混蛋！")}
    assert {s.category for s in signals("customer: 混蛋！")} == {"distress.agitation"}
    assert {"abuse.profanity", "distress.agitation"} <= {s.category for s in signals("unknown: 混蛋！")}


def test_spans_are_words_of_the_utterance() -> None:
    spoken = transcript("agent: Okay. Then I'll call your manager about it, alright?")
    (signal,) = [s for s in DETECT(spoken) if s.category == "pressure.third_party_contact"]
    utterance = spoken.utterances[0]
    assert utterance.quote(signal.span.word_start, signal.span.word_end) == "call your manager"
    assert signal.entry and signal.entry.startswith("en.pressure.third_party_contact.")


def test_code_mixed_speech_is_heard_in_both_languages() -> None:
    found = {s.category for s in signals("agent: 你这个 deadbeat，再不还钱就去你公司堵你。")}
    assert {"abuse.belittling", "threat.coercive_visit"} <= found


def test_the_version_names_every_detector() -> None:
    assert DETECT.version.startswith("lexicon@")
    assert Detect(()).version == "agreement"
    assert Detect(())(transcript("agent: 坐牢")) == ()
