"""What the wiring promises besides the services themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from forbear.wiring import build_application, build_stages
from pipeline.errors import ConfigError, Unavailable
from pipeline.jobs.base import JobQueue
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
