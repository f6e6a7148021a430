"""The decoding process: one recording after another, each from a JSON line on stdin, its outcome a JSON line on stdout.

A hostile file may crash, hang or bloat this process and nothing else; `pipeline.stages.decode` watches it from outside.
It keeps no state between files, writes only the two files it is told to, and leaves when its parent does.

    in    {"source", "media_type", "audio_format", "flac", "peaks", "max_duration_ms"}
    out   {"ready": true} once, then per file any number of {"progress_ms"} and one of {"decoded": {…}}, {"failed": {…}}
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from pipeline import errors, records
from pipeline.stages.decode_flac import FlacWriter
from pipeline.stages.decode_peaks import PeakBuilder
from pipeline.stages.decode_source import SourceAudio

_PROGRESS_EVERY_S = 1.0
_PARENT_CHECK_S = 0.5


def decode_file(job: Mapping[str, Any], progress: Callable[[int], None]) -> dict[str, Any]:
    """Decode one recording into `job["flac"]` and `job["peaks"]`, both on disk for good when this returns.

    Raises errors.DecodeFailed; what is half written is the caller's to remove.
    """
    recording = records.Recording(
        sha256="", size_bytes=0, media_type=job["media_type"], audio_format=job["audio_format"]
    )
    with SourceAudio(Path(job["source"]), recording) as source:
        peaks = PeakBuilder(channels=source.channels, rate_hz=source.rate_hz)
        with (
            _durable(Path(job["flac"])) as out,
            FlacWriter(out, channels=source.channels, rate_hz=source.rate_hz) as flac,
        ):
            told_at = time.monotonic()
            for block in source:
                flac.write(block)
                peaks.write(block)
                if source.duration_ms > job["max_duration_ms"]:
                    raise errors.DecodeFailed(
                        f"The recording is longer than {job['max_duration_ms'] // 3_600_000} hours; split it.",
                        code="decode_error",
                    )
                if time.monotonic() - told_at >= _PROGRESS_EVERY_S:
                    told_at = time.monotonic()
                    progress(source.duration_ms)
        if not source.decoded_ms:
            raise errors.DecodeFailed("The file holds no audio of any length.", code="decode_error")
        with _durable(Path(job["peaks"])) as out:
            out.write(peaks.to_bytes())
        damage = source.damage()
        return {
            "duration_ms": source.duration_ms,
            "channels": source.channels,
            "sample_rate_hz": source.rate_hz,
            "codec": source.codec,
            "damage": None if damage is None else [damage.decoded_ms, damage.expected_ms],
        }


@contextmanager
def _durable(path: Path) -> Iterator[BinaryIO]:
    with path.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def main() -> None:
    """Serve until stdin closes. The one argument is the address space, in bytes, that a single file may not exceed."""
    _confine(int(sys.argv[1]))
    # Libraries may print; only `answers` reaches the parent.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()

    def answer(message: Mapping[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    answer({"ready": True})
    for line in sys.stdin:
        try:
            decoded = decode_file(json.loads(line), lambda ms: answer({"progress_ms": ms}))
        except errors.DecodeFailed as error:
            answer({"failed": {"code": error.code, "message": error.message}})
        except MemoryError:
            message = "Decoding the file needs more memory than a recording may use; it is damaged or hostile."
            answer({"failed": {"code": "decode_memory", "message": message}})
        except OSError as error:
            answer({"failed": {"code": "decode_error", "message": f"Decoding stopped: {error.strerror or error}."}})
        except Exception as error:
            # Any exception is this one file's: the class says enough, its text may quote the file.
            answer({"failed": {"code": "decode_error", "message": f"The decoder gave up ({type(error).__name__})."}})
        else:
            answer({"decoded": decoded})


def _confine(address_space_bytes: int) -> None:
    # Ctrl-C and a service manager's stop go to the whole group: the parent decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (address_space_bytes, address_space_bytes))
        # Where memory runs out all the same, the kernel should take this process and not the worker.
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_S)
    os._exit(0)


if __name__ == "__main__":
    main()
