"""The executors of the job contract: a workflow of three steps that writes down what it does."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.jobs.base import Draining, Job, Steps, Workflow

STEPS = ("a", "b", "c")


def journaling(journal: Path, gate: Path, executor: str, dead: Callable[[], bool] = lambda: False) -> Workflow:
    """Writes a line for every start and every step. Step b of a call named slow… ends when `gate` exists."""

    def write(event: str, job: Job, step: str = "") -> None:
        with journal.open("a") as file:
            file.write(json.dumps({"event": event, "job": job.id, "step": step, "executor": executor}) + "\n")

    def workflow(job: Job, steps: Steps) -> None:
        write("begin", job)
        results = []
        for name in STEPS:

            def action(name: str = name) -> dict[str, str]:
                write("step", job, name)
                while name == "b" and job.call.startswith("slow") and not gate.exists():
                    if dead():
                        raise Draining
                    time.sleep(0.01)
                return {"made by": executor}

            results.append(steps(name, action)["made by"])
        write("end", job, ",".join(results))

    return workflow


def main() -> None:
    from pipeline.jobs.dbos_queue import DbosRunner

    url, executor, journal, gate, version = sys.argv[1:]
    runner = DbosRunner(url, executor=executor, version=int(version))
    runner.start(journaling(Path(journal), Path(gate), executor))
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(runner.drain(float(line))), flush=True)


if __name__ == "__main__":
    main()
