"""What the wiring promises besides the services themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from forbear import wiring
from forbear.wiring import build_application, build_detect, build_stages
from models.calibration import RULES_AND_TEXT, Calibration, Curve, save
from models.weights import CALIBRATION, WeightsSource, WhisperWeights
from pipeline.errors import ConfigError, Unavailable
from pipeline.jobs.base import JobQueue
from pipeline.policy.registry import load_registry
from pipeline.records import ModelStamp
from pipeline.search.base import SearchReader
from pipeline.settings import Settings

ROOT = Path(__file__).resolve().parents[2]

HEAVY = ("torch", "faster_whisper", "ctranslate2", "transformers", "av", "fastapi", "dbos")


def test_the_application_is_light_once_its_data_folder_is_there(tmp_path: Path) -> None:
    code = (
        "import json, sys; from pathlib import Path; from pipeline.settings import Settings\n"
        "from forbear.wiring import build_application\n"
        "build_application(Settings(data=Path(sys.argv[1]))).close(); print(json.dumps(sorted(sys.modules)))"
    )
    for _ in range(2):  # the first makes the tables, the second is every command after that
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
        )
    loaded = set(json.loads(done.stdout))
    assert loaded.isdisjoint(HEAVY), loaded & set(HEAVY)


def test_what_it_makes_is_for_the_owner_only_and_says_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    application = build_application(Settings(data=data))
    jobs: JobQueue = application.jobs
    index: SearchReader = application.index
    assert jobs.depth() == {"queued": 0, "running": 0} and index.count() == 0
    assert application.audit_broken_at() is None
    application.close()
    assert data.stat().st_mode & 0o077 == 0
    assert capfd.readouterr() == ("", "")


def test_missing_weights_and_wrong_settings_are_told_as_such(tmp_path: Path) -> None:
    with (
        pytest.raises(Unavailable, match="nowhere") as caught,
        build_stages(Settings(data=tmp_path, asr_model=str(tmp_path / "nowhere"))),
    ):
        pass
    assert caught.value.code == "weights_missing"
    with pytest.raises(ConfigError, match="FORBEAR_SCRIPT"), build_stages(Settings(data=tmp_path, script="latin")):
        pass


def calibrated_folder(folder: Path, languages: Sequence[str], model: str) -> Path:
    save(
        {RULES_AND_TEXT: Calibration({f"{lang}/threat": Curve(intercept=0.0) for lang in languages})},
        folder / CALIBRATION,
        model=model,
    )
    return folder


def test_curves_for_every_language_and_of_the_model_that_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SimpleNamespace(stamp=ModelStamp(name="text", version="7"))
    monkeypatch.setattr(wiring, "DETECTORS", {**wiring.DETECTORS, "text": lambda _registry, _settings: text})
    folder, registry = calibrated_folder(tmp_path, ("zh", "en"), "7"), load_registry("CN")

    def detect(*languages: str, names: Sequence[str] = ("rules", "text")) -> object:
        return build_detect(Settings(data=tmp_path, text_model=str(folder), languages=languages), registry, names)

    assert detect("zh", "en") and detect("en")
    with pytest.raises(ConfigError, match=r"FORBEAR_LANGUAGES names ms.*FORBEAR_DETECTORS"):
        detect("zh", "en", "ms")
    assert detect("zh", "ms", names=("rules",)), "without the text model no curve is asked for"
    calibrated_folder(tmp_path, ("zh", "en"), "8")
    with pytest.raises(Unavailable, match="calibrate_text"):
        detect("zh", "en")


@pytest.mark.parametrize(("languages", "problem"), [((), "names no language"), (("zh", "xx"), "names xx")])
def test_languages_that_recognition_can_not_use_stop_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, languages: tuple[str, ...], problem: str
) -> None:
    found = WhisperWeights(name="base", path=tmp_path, source=WeightsSource.FOLDER, version="1")
    heard = SimpleNamespace(whisper=SimpleNamespace(supported_languages=["zh", "en"]))
    monkeypatch.setattr("models.weights.locate_whisper", lambda *_, **__: found)
    monkeypatch.setattr("models.speech.SpeechRecognizer", lambda *_: heard)
    settings = Settings(data=tmp_path, languages=languages, detectors=("rules",))
    with pytest.raises(ConfigError, match=f"FORBEAR_LANGUAGES {problem}"), build_stages(settings):
        pass
