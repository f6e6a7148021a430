"""A worker whose transcription may take the whole process with it; ends when no call waits any more."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from forbear.wiring import build_application, build_runner, reaper_lock
from pipeline.jobs.heartbeat import Heartbeat
from pipeline.jobs.reaper import Reaper
from pipeline.settings import Settings
from pipeline.tasks import ProcessCall
from tests.unit.tiny_stages import TinyStages


def main() -> None:
    data, temper = sys.argv[1:]
    application = build_application(Settings(data=Path(data)))
    stages = TinyStages().bundle()
    if temper == "poisonous":

        def die(*_: Any, **__: Any) -> Any:
            os.kill(os.getpid(), signal.SIGKILL)

        stages = replace(stages, transcribe=die)
    runner = build_runner(application.settings)
    heartbeat = Heartbeat(application.heartbeats, runner.executor)
    heartbeat.start()
    reaper = Reaper(
        application.jobs, application.heartbeats, executor=runner.executor, exclusive=reaper_lock(application)
    )
    reaper.sweep()
    runner.start(
        ProcessCall(
            processing=application.processing,
            stages=lambda: stages,
            media=application.media,
            artifacts=application.artifacts,
            max_attempts=application.settings.max_attempts,
        )
    )
    while application.jobs.living():
        time.sleep(0.05)
    runner.drain(5)
    heartbeat.stop()
    application.close()


if __name__ == "__main__":
    main()
