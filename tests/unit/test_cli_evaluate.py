"""`forbear evaluate` as it is typed: what it prints, writes and refuses."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import forbear.wiring
from forbear.cli import evaluate_turns, main
from pipeline.errors import StageFailed
from pipeline.records import Jurisdiction, ModelStamp, Role, Signal, Span, Stage, Transcript
from pipeline.stages.detect import Detect
from tests.unit.test_evaluation_calls import CALL
from tests.unit.test_evaluation_recordings import WAV, written
from tests.unit.test_evaluation_turns import CATEGORIES
from tests.unit.tiny_stages import TinyStages

TURNS = (
    {
        "id": "a",
        "lang": "zh",
        "spk": "agent",
        "prev": [],
        "text": "再不还钱就等着坐牢吧。",
        "labels": ["threat.arrest"],
    },
    {"lang": "zh_hant", "spk": "customer", "prev": ["agent: 您好"], "text": "我失業了。", "labels": ["distress"]},
    {"lang": "fr", "spk": "agent", "prev": [], "text": "bonjour", "labels": []},
    {"id": 9, "lang": "en", "spk": "agent", "prev": [], "text": "Good morning, how are you?", "labels": []},
)


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORBEAR_DETECTORS", "rules")  # no text model is read in a unit test

    def call(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["forbear", "evaluate", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_code:
            main()
        code = exit_code.value.code
        return Done(code if isinstance(code, int) else 0, *capsys.readouterr())

    return call


@pytest.fixture
def turns(tmp_path: Path) -> Path:
    file = tmp_path / "turns.jsonl"
    file.write_text("".join(json.dumps(turn, ensure_ascii=False) + "\n" for turn in TURNS), encoding="utf-8")
    return file


def test_tables_and_the_bad_line(run: Run, turns: Path, tmp_path: Path) -> None:
    done = run(turns)
    assert done.code == 0
    assert "line 3: lang: 'fr' is not one of" in done.err and "bonjour" not in done.err
    for part in ("By language", "zh-Hant", "macro F1", "threat.arrest", "3 turns, judged by rules, 1 lines not read"):
        assert part in done.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["turns.jsonl"]


def test_json_and_predictions_in_the_order_of_the_file(run: Run, turns: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    done = run(turns, "--predictions", out, "--json", "--detectors", "rules")
    assert done.code == 0
    chinese = done.json["scores"]["zh"]
    assert chinese["turns"] == 2 and chinese["macro_f1"] == 1.0 and chinese["macro_f1_interval"] == [1.0, 1.0]
    assert done.json["scores"]["en"]["alarms"]["found"] == 0
    assert done.json["bad_lines"] == [{"line": 3, "reason": "lang: 'fr' is not one of zh, zh-Hans, zh-Hant, en, mixed"}]
    predicted = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [p["id"] for p in predicted] == ["a", 2, 9]
    assert predicted[0]["decided"] == ["threat.arrest"] and predicted[1]["decided"] == ["distress.job_loss"]


def test_turns_without_labels_are_predicted_and_not_scored(run: Run, turns: Path, tmp_path: Path) -> None:
    turns.write_text(json.dumps({k: v for k, v in TURNS[0].items() if k != "labels"}), encoding="utf-8")
    done = run(turns, "--predictions", tmp_path / "out.jsonl")
    assert done.code == 0 and "1 turns, judged by rules, 1 without labels" in done.out
    assert json.loads((tmp_path / "out.jsonl").read_text())["id"] == "a"


def test_under_one_law(run: Run, turns: Path) -> None:
    assert run(turns, "--jurisdiction", "CN", "--json").json["scores"]["zh"]["macro_f1"] == 1.0


def test_a_law_without_a_pack_is_refused_naming_the_packs(
    run: Run, turns: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.policy import registry

    packs = registry.load_registry().packs
    few = registry.Registry({Jurisdiction.CN: packs[Jurisdiction.CN]}, Jurisdiction.CN)
    monkeypatch.setattr(registry, "load_registry", lambda _: few)
    done = run(turns, "--jurisdiction", "us")
    assert done.code == 2 and "no policy pack for US; there are: CN" in done.err


def test_a_long_file_shows_progress(run: Run, turns: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich's word for: as if on a terminal
    assert "3/3" not in run(turns).err
    monkeypatch.setattr(evaluate_turns, "LONG", 2)
    assert "3/3" in run(turns).err


def test_a_file_of_categories(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "categories.yaml"
    file.write_text(CATEGORIES, encoding="utf-8")
    done = run(file, "--json")
    assert done.json["scores"]["zh"]["marked_hard_negatives"]["of"] == 2
    exact = done.json["scores"]["en"]["exact"]
    assert (exact["found"], exact["of"], exact["share"]) == (1, 1, 1.0)
    assert exact["interval"] == [pytest.approx(0.207, abs=1e-3), 1.0]


def test_intervals_calibration_and_self_harm(run: Run, turns: Path) -> None:
    turns.write_text(
        turns.read_text(encoding="utf-8")
        + json.dumps({"lang": "zh", "spk": "customer", "text": "我真的不想活了。", "labels": ["distress.self_harm"]}),
        encoding="utf-8",
    )
    out = run(turns).out
    for part in ("Self-harm", "1/1 (100.0%)", "Calibration", "of 0/1 decisions", "Reliability", "█"):
        assert part in out
    chinese = run(turns, "--json").json["scores"]["zh"]
    assert chinese["self_harm"]["found"] == 1 and chinese["self_harm"]["interval"][1] == 1.0
    assert chinese["groups"]["threat"]["f1_interval"] == [1.0, 1.0]
    assert chinese["categories"]["threat.arrest"]["f1_interval"] == [1.0, 1.0]
    weighed = chinese["calibration"]
    # An agent's turn has three groups, a customer's one.
    assert weighed["pairs"] == 5 and weighed["likely"] == 3 and 0 < weighed["brier"] < 0.1
    assert weighed["brier_of_decisions"] == 0.0 and 0 < weighed["error"] < 0.5
    assert [each["count"] for each in weighed["bins"]] == [1, 1, 1]


def test_a_plot_beside_the_figures(run: Run, turns: Path, tmp_path: Path) -> None:
    done = run(turns, "--plot", tmp_path / "plot.svg")
    assert done.code == 0 and f"plot in {tmp_path / 'plot.svg'}" in " ".join(done.out.split())
    drawn = (tmp_path / "plot.svg").read_text(encoding="utf-8")
    assert ">zh</text>" in drawn and ">en</text>" in drawn and "zh-Hant" not in drawn and "坐牢" not in drawn


def test_the_costliest_misses_with_their_words(run: Run, turns: Path) -> None:
    missed = [
        {"id": f"m{place}", "lang": "en", "spk": "customer", "text": f"[b]Nothing {place}[/b]", "labels": [label]}
        for place, label in enumerate(("distress.fear", "distress.self_harm", "distress.fear"))
    ]
    turns.write_text("\n".join(map(json.dumps, missed)), encoding="utf-8")
    out = run(turns).out
    assert "Costliest misses, en" in out and "[b]Nothing 1[/b]" in out
    assert out.index("Nothing 1") < out.index("Nothing 0") < out.index("Nothing 2")
    one = run(turns, "--misses", 1).out
    assert "Nothing 1" in one and "Nothing 0" not in one
    assert "Nothing" not in run(turns, "--misses", 0).out
    (worst, _) = run(turns, "--json", "--misses", 2).json["misses"]["en"]
    assert worst == {
        "kind": "missed",
        "cost": 8.0,
        "id": "m1",
        "role": "customer",
        "labels": ["distress.self_harm"],
        "decided": [],
        "probability": 0.0,
        "text": "[b]Nothing 1[/b]",
    }
    assert run(turns, "--json", "--misses", 0).json["misses"] == {}


class Hears:
    """In place of a text model: finds a threat in every turn that an agent ends."""

    stamp = ModelStamp(name="hears", version="1")

    def __call__(self, transcript: Transcript, sounds: object = ()) -> list[Signal]:
        last = transcript.utterances[-1]
        if last.role is not Role.AGENT:
            return []
        span = Span(utterance=last.index, word_start=0, word_end=len(last.words))
        stamp = self.stamp
        return [Signal(category="threat.arrest", detector="hears", span=span, score=0.9, probability=0.9, model=stamp)]


def test_an_ablation_takes_the_detectors_apart(run: Run, turns: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[tuple[str, ...]] = []
    as_before = forbear.wiring.build_predictor

    def build(settings: Any, *, detectors: Any, jurisdiction: Any) -> Any:
        built.append(tuple(detectors))
        rules = as_before(settings, detectors=["rules"], jurisdiction=jurisdiction)
        looking = (
            *(rules.detect.detectors if "rules" in detectors else ()),
            *([Hears()] if "text" in detectors else ()),
        )
        return replace(rules, detect=Detect(looking))

    monkeypatch.setattr(forbear.wiring, "build_predictor", build)
    monkeypatch.setenv("FORBEAR_DETECTORS", "rules,text,acoustic")
    out = run(turns, "--ablation").out
    assert "Ablation, zh" in out and "Ablation, en" in out and "nothing to hear" in out
    # Sound adds nothing to a text, so what differs in it alone is judged once.
    assert built == [("rules", "text", "acoustic"), ("rules",), ("text",)]
    found = {each["name"]: each for each in run(turns, "--ablation", "--json").json["ablation"]}
    assert list(found) == [
        "all together",
        *("rules alone", "text alone", "acoustic alone"),
        *("without rules", "without text", "without acoustic"),
    ]
    assert found["acoustic alone"]["nothing_to_hear"] and found["acoustic alone"]["scores"] == {}
    assert found["rules alone"]["scores"] == found["without text"]["scores"]
    assert found["all together"]["scores"]["en"]["alarms"]["found"] == 1
    assert found["rules alone"]["scores"]["en"]["alarms"]["found"] == 0
    chinese = found["text alone"]["scores"]["zh"]
    assert chinese["macro_f1"] == pytest.approx(0.5) and chinese["self_harm"]["of"] == 0
    assert {"macro_f1_interval", "expected_calibration_error", "brier", "brier_of_decisions"} <= set(chinese)


def test_the_settings_say_which_detectors_look(run: Run, turns: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORBEAR_DETECTORS", "rules,acoustic")
    assert run(turns, "--json").json["detectors"] == ["rules", "acoustic"]
    assert run(turns, "--json", "--detectors", "rules").json["detectors"] == ["rules"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.jsonl",), "no such file or folder"),
        (("turns.jsonl", "--detectors", "rules,ghost"), "no detector 'ghost'; there are: rules"),
        (("turns.jsonl", "--detectors", ","), "No detector is named; there are: rules"),
        (("turns.jsonl", "--predictions", "turns.jsonl"), "can't be written there"),
        (("turns.jsonl", "--predictions", "no/such/folder.jsonl"), "can't be written there"),
        (("turns.jsonl", "--text"), "--text is for a folder of calls"),
        ((".", "--predictions", "out.jsonl"), "--predictions is for turns"),
        (("turns.jsonl", "--plot", "turns.svg/no"), "can't be written there"),
        (("turns.jsonl", "--plot", "plot.png"), "the plot is an SVG"),
        (("turns.jsonl", "--plot", "a.svg", "--predictions", "a.svg"), "can't be one file"),
        (("unlabelled.jsonl", "--plot", "plot.svg"), "need turns with labels"),
        (("unlabelled.jsonl", "--detectors", "rules,acoustic", "--ablation"), "need turns with labels"),
        (("turns.jsonl", "--ablation"), "name two or more"),
        (("turns.jsonl", "--misses", "-1"), "--misses"),
        ((".", "--text", "--ablation"), "--ablation is for turns"),
        ((".", "--plot", "plot.svg"), "--plot is for turns"),
        ((".", "--misses", "0"), "--misses is for turns"),
        ((".", "--text"), "holds no call with truth"),
        (("turns.jsonl", "--jurisdiction", "FR"), "FR"),
        (("empty.jsonl",), "holds no turn that could be read"),
        (("bad.jsonl",), "line 1: not JSON"),
    ],
)
def test_what_is_refused(run: Run, turns: Path, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "bad.jsonl").write_text("{\n")
    (tmp_path / "unlabelled.jsonl").write_text('{"lang": "en", "spk": "agent", "text": "Hello"}')
    before = turns.read_bytes()
    done = run(*arguments)
    assert done.code == 2 and said in done.err and "Traceback" not in done.err
    assert turns.read_bytes() == before


def test_the_true_text_of_calls(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "calls"
    folder.mkdir()
    written(folder, "c1")
    written(
        folder, "c2", lang="en", expect={"flag": False, "categories": [], "distress": "none"}, turns=CALL["turns"][:1]
    )  # type: ignore[index]
    (folder / "notes.json").write_text("{}")
    done = run(folder, "--text")
    assert done.code == 0 and "not judged  notes.json: 'meta' is missing" in done.err
    assert "flag right" in done.out and "2/2 100%" in done.out
    found = run(folder, "--text", "--json", "--jurisdiction", "TW").json
    assert [call["id"] for call in found["calls"]] == ["c1", "c2"]
    assert found["totals"]["zh"]["violating_flagged"] == {"found": 1, "of": 1}
    assert found["totals"]["all"]["flag_right"] == {"found": 2, "of": 2}


def test_recordings_go_through_the_pipeline_and_a_broken_one_is_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "calls"
    folder.mkdir()
    for name in ("c1", "c2", "c3"):
        written(folder, name)
    (folder / "c1.wav").write_bytes(WAV)
    (folder / "c2.wav").write_bytes(b"no audio at all")
    tiny = TinyStages()
    asked: list[Any] = []

    @contextmanager
    def stages(settings: Any, *, detectors: Any) -> Any:
        asked.append(detectors)
        yield tiny.bundle()

    monkeypatch.setattr(forbear.wiring, "build_stages", stages)
    done = run(folder)
    assert done.code == 0 and asked == [["rules"]] and tiny.ran[Stage.TRANSCRIBE] == 1
    assert "not judged  c2: c2.wav holds no audio" in done.err and "not judged  c3: no recording" in done.err
    assert "judged 1 of 2" in done.err
    assert "flag right" in done.out and "0/1 0%" in done.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calls"]
    tiny.fails = {Stage.JUDGE: StageFailed("given up")}
    done = run(folder)
    assert done.code == 2 and "given up" in done.err and "holds no call with truth" in done.err
