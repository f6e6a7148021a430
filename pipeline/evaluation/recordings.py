"""Calls with truth, as a folder holds them, through the whole pipeline: from the recording to the judgement.

Leaves its files in the folder it is given; neither queue nor database takes part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.evaluation.truth import CallTruth, read_truth
from pipeline.records import Judgement, Recording, Stage
from pipeline.run import RUN, CallRun, Stages
from pipeline.stages.sniff import HEAD_BYTES, sniff
from pipeline.store.artifacts import Artifacts

AUDIO_SUFFIXES = frozenset({".opus", ".ogg", ".wav", ".mp3", ".m4a", ".flac", ".amr", ".wma"})
"""In lower case; a file may have them in any."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownCall:
    """A call whose truth is known; `audio` is None where no recording lies beside it."""

    truth: CallTruth
    audio: Path | None


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownCalls:
    """The calls of a folder by name, and the files that hold no truth, with the reason."""

    calls: tuple[KnownCall, ...]
    bad: tuple[tuple[str, str], ...]


def known_calls(folder: Path) -> KnownCalls:
    """Every `ID.json` of a folder, or of its part `truth`, with the recording of the same name in the folder."""
    audio = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in AUDIO_SUFFIXES}
    calls: list[KnownCall] = []
    bad: list[tuple[str, str]] = []
    for path in sorted([*folder.glob("*.json"), *folder.glob("truth/*.json")]):
        try:
            calls.append(KnownCall(truth=read_truth(path), audio=audio.get(path.stem)))
        except KeyError as error:
            bad.append((path.name, f"'{error.args[0]}' is missing"))
        except (ValueError, TypeError, AttributeError, OSError) as error:
            bad.append((path.name, f"not the truth of a call ({type(error).__name__})"))
    return KnownCalls(calls=tuple(calls), bad=tuple(bad))


def judge_recording(
    truth: CallTruth,
    audio: Path,
    stages: Stages,
    folder: Path,
    progress: Callable[[Stage, float | None], None] = lambda _stage, _part: None,
) -> Judgement:
    """The judgement of a recording, every stage's output under `folder`; raises ForbearError where a stage gives up."""
    with audio.open("rb") as file:
        media_type = sniff(file.read(HEAD_BYTES), audio.name)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    run = CallRun(
        id=truth.id,
        stages=stages,
        artifacts=Artifacts(folder).of(sha256),
        source=audio,
        recording=Recording(sha256=sha256, media_type=media_type, size_bytes=audio.stat().st_size),
        context=truth.context,
        progress=progress,
    )
    for stage in RUN:
        run.ensure(stage)
    return run.record(1).judgement
