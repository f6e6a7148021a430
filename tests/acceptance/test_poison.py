"""A recording that kills every worker that touches it: given up after a few times, visible, and retryable."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from forbear.wiring import build_application
from pipeline.records import CallStatus, Stage
from pipeline.services.views import Actor, Permission
from pipeline.settings import Settings
from tests.acceptance.forbear_process import ROOT

OPERATOR = Actor(name="test", permissions=frozenset(Permission))


def work(data: Path, temper: str) -> int:
    command = [sys.executable, "-m", "tests.acceptance.poison_worker", str(data), temper]
    return subprocess.run(command, cwd=ROOT, timeout=120, check=False).returncode


def test_a_recording_that_kills_its_workers_is_given_up_and_can_be_retried(samples: Path, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    application = build_application(settings)
    sample = samples / "dev-en-02.opus"
    accepted = application.intake.accept(OPERATOR, sample, file_name=sample.name)
    assert accepted.id is not None

    endings = [work(settings.data, "poisonous") for _ in range(settings.max_attempts + 1)]
    assert endings == [-signal.SIGKILL] * settings.max_attempts + [0]
    call = application.calls.get(OPERATOR, accepted.id).summary
    assert call.status is CallStatus.FAILED and call.failure is not None
    assert call.failure.code == "crashed_repeatedly"
    assert f"{settings.max_attempts} times in the stage {Stage.TRANSCRIBE.value}" in call.failure.message

    application.calls.retry(OPERATOR, accepted.id)
    assert application.calls.get(OPERATOR, accepted.id).summary.status is CallStatus.QUEUED
    assert work(settings.data, "harmless") == 0
    call = application.calls.get(OPERATOR, accepted.id).summary
    assert (call.status, call.failure, call.revision) == (CallStatus.DONE, None, 1)
    assert application.jobs.living() == frozenset()
    application.close()
