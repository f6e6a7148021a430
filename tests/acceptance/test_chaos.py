"""kill -9 in every stage, of intake, of `serve` and of its whole process group, while recordings are processed.

Short clips of the sample calls, really decoded and really recognised. Where to kill is drawn from a fixed seed and
timed by what the database shows, so nothing in the application knows of this test.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import pytest

from pipeline.records import Stage
from pipeline.store.audit import verify
from pipeline.store.database import Database
from tests.acceptance.forbear_process import forbear, kill_group, rows, running, until, workers

SEED = 20_260_501
CLIP_S = 4
CLIPS_OF_A_SAMPLE = 8
"""More than the kills need: a stage of some milliseconds is now and then over before it is seen, which costs a clip."""
KILLS_PER_STAGE = 2
KILLS_OF_SERVE = 2
KILLS_OF_GROUP = 2
KILLS_OF_INTAKE = 3
ENDURING = {"FORBEAR_MAX_ATTEMPTS": "1000"}
"""The killing here is nobody's fault but ours; giving up on a recording has tests of its own."""

pytestmark = [pytest.mark.chaos, pytest.mark.weights, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def clips(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Pieces of the sample calls, each other content, as WAV."""
    import av

    folder = tmp_path_factory.mktemp("clips")
    made = []
    for source in sorted(samples.glob("dev-*.*")):
        with av.open(str(source)) as recording:
            stream = recording.streams.audio[0]
            rate, layout = stream.rate, stream.layout.name
            for number in range(CLIPS_OF_A_SAMPLE):
                path = folder / f"{number}-{source.stem}.wav"
                with av.open(str(path), "w") as clip:
                    out = clip.add_stream("pcm_s16le", rate=rate, layout=layout)
                    resampler = av.AudioResampler(format="s16", layout=layout, rate=rate)
                    left = CLIP_S * rate
                    for frame in recording.decode(stream):
                        for part in resampler.resample(frame):
                            clip.mux(out.encode(part))
                            left -= part.samples
                        if left <= 0:
                            break
                    clip.mux(out.encode(None))
                made.append(path)
    return sorted(made)


class Chaos:
    """A `serve` that is started again whenever it was killed, and the killing."""

    def __init__(self, data: Path, clips: list[Path]) -> None:
        self.data = data
        self.fresh: Iterator[Path] = iter(clips)
        self.given: list[Path] = []
        self.kills: Counter[str] = Counter()
        self.random = random.Random(SEED)
        self.serve: subprocess.Popen[str] | None = None

    def start(self) -> None:
        if self.serve is None:
            self.serve = forbear(self.data, "serve", "--port", "0", **ENDURING)

    def stop(self) -> None:
        if self.serve is not None:
            kill_group(self.serve)
            self.serve = None

    def ingest(self, count: int) -> None:
        clips = [next(self.fresh) for _ in range(count)]
        self.given += clips
        with running(forbear(self.data, "ingest", *clips)) as process:
            assert process.wait(120) == 0, process.stdout and process.stdout.read()

    def kill_intake(self) -> None:
        """Ends an ingest at a moment of its short life; what it did not take in is given again at the end."""
        clips = [next(self.fresh) for _ in range(2)]
        self.given += clips
        process = forbear(self.data, "ingest", *clips)
        before = len(rows(self.data, "SELECT id FROM calls"))
        if self.random.random() < 0.5:
            until(
                lambda: process.poll() is not None or len(rows(self.data, "SELECT id FROM calls")) > before, pause_s=0
            )
        else:
            time.sleep(self.random.uniform(0.2, 2.0))
        kill_group(process)
        self.kills["intake"] += 1

    def kill_worker_in(self, stage: Stage) -> None:
        """Ends the worker while a call is in that stage."""
        assert self.serve is not None
        until(lambda: self._reaches(stage), pause_s=0)
        for pid in workers(self.data).values():
            with suppress(ProcessLookupError):
                # The table may still name a dead one, whose number is by now another process's.
                if os.getpgid(pid) == self.serve.pid:
                    os.kill(pid, signal.SIGKILL)
        self.kills[stage] += 1

    def kill_serve(self, *, group: bool) -> None:
        """Ends `serve` while a call is on its way: alone, its workers then leave, or with all that it started."""
        until(lambda: self._reaches(None), pause_s=0)
        time.sleep(self.random.uniform(0, 0.5))
        assert self.serve is not None
        if group:
            kill_group(self.serve)
        else:
            self.serve.kill()
            self.serve.wait()
            assert self.serve.stdout is not None
            self.serve.stdout.close()
        self.kills["group" if group else "serve"] += 1
        self.serve = None
        self.start()

    def _reaches(self, stage: Stage | None) -> bool:
        under_way = rows(self.data, "SELECT status, stage FROM calls WHERE status IN ('queued', 'running')")
        if not under_way:
            self.ingest(1)
        return any(
            status == "running" and reached is not None and stage in (None, reached) for status, reached in under_way
        )


def test_nothing_is_lost_and_every_outcome_is_stored_once(clips: list[Path], tmp_path: Path) -> None:
    data = tmp_path / "data"
    chaos = Chaos(data, clips)
    plan: list[Callable[[], None]] = []
    plan += [partial(chaos.kill_worker_in, stage) for stage in Stage] * KILLS_PER_STAGE
    plan += [partial(chaos.kill_serve, group=False)] * KILLS_OF_SERVE
    plan += [partial(chaos.kill_serve, group=True)] * KILLS_OF_GROUP
    plan += [chaos.kill_intake] * KILLS_OF_INTAKE
    chaos.random.shuffle(plan)
    with ExitStack() as stack:
        stack.callback(chaos.stop)
        chaos.ingest(3)
        chaos.start()
        for kill in plan:
            kill()
        with running(forbear(data, "ingest", "--wait", *chaos.given, **ENDURING)) as last:
            output, _ = last.communicate(timeout=300)
            assert last.returncode == 0, output
        until(lambda: rows(data, "SELECT count(*) FROM outbox") == [(0,)])
        until(lambda: rows(data, "SELECT count(*) FROM workflow_status WHERE status = 'PENDING'") == [(0,)])

    assert sum(chaos.kills.values()) >= 20
    assert all(chaos.kills[stage] == KILLS_PER_STAGE for stage in Stage)
    calls = rows(data, "SELECT file_name, status, error_code, revision, generation FROM calls ORDER BY file_name")
    assert calls == [(clip.name, "done", None, 1, 1) for clip in sorted(chaos.given)]
    assert rows(data, "SELECT call, count(*) FROM revisions GROUP BY call HAVING count(*) != 1") == []
    assert len(rows(data, "SELECT call FROM revisions")) == len(chaos.given)
    processed = rows(data, "SELECT subject, count(*) FROM audit WHERE action = 'call.processed' GROUP BY subject")
    assert len(processed) == len(chaos.given) and {count for _, count in processed} == {1}
    assert rows(data, "SELECT status, count(*) FROM workflow_status GROUP BY status") == [("SUCCESS", len(chaos.given))]
    kept = {path.name for path in (data / "media").rglob("*") if path.is_file()}
    assert kept == {sha256 for (sha256,) in rows(data, "SELECT recording_sha256 FROM calls")}
    database = Database(f"sqlite:///{data / 'forbear.db'}")
    with database.read() as session:
        assert verify(session) is None
    database.close()
