"""Fills a real application with the sample calls: real intake, decoding and services; only the record is by hand."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.records import Audio, Damage, Recording, Stage
from pipeline.services.processing import Work
from pipeline.services.views import Actor, Outcome, Permission
from pipeline.stages.decode import Decoder
from tests.browser.records import SAMPLES, record

if TYPE_CHECKING:
    from forbear.wiring import Application

SEEDER = Actor(name="seeder", permissions=frozenset(Permission))


@dataclass(frozen=True, kw_only=True, slots=True)
class Seeded:
    """Ids of the calls by the name of the sample, and of those in other states."""

    calls: Mapping[str, str]
    running: str
    queued: str
    failed: str
    refused: str


def seed(application: Application) -> Seeded:
    """Takes in and finishes every sample call, then leaves one call running, one waiting, one failed, one refused."""
    calls: dict[str, str] = {}
    with (SAMPLES / "metadata.csv").open(encoding="utf-8", newline="") as lines, Decoder() as decoder:
        for row in csv.DictReader(lines):
            name = Path(row["file"]).stem
            metadata = {key: value for key, value in row.items() if key != "file" and value}
            calls[name] = _accept(application, SAMPLES / row["file"], metadata)
            _finish(application, decoder, name, calls[name])
    refused = application.intake.accept(SEEDER, BytesIO(b"not a recording"), file_name="minutes.wav", metadata=None)
    assert refused.outcome is Outcome.REFUSED and refused.id is not None
    others = [_accept(application, SAMPLES / "dev-zh-04.opus", {"call_id": f"later-{n}"}) for n in range(3)]
    running, queued, failed = others
    _begin(application, running)
    application.processing.advance(running, Stage.TRANSCRIBE, 0.4)
    work = _begin(application, failed)
    application.processing.fail(failed, work.generation, "decode_timeout", "Decoding the file takes too long.")
    with closing(application.open_index()) as index:
        while application.indexing.drain(index):
            pass
    return Seeded(calls=calls, running=running, queued=queued, failed=failed, refused=refused.id)


def _accept(application: Application, path: Path, metadata: Mapping[str, str]) -> str:
    result = application.intake.accept(SEEDER, path, file_name=path.name, metadata=metadata)
    assert result.id is not None, result
    return result.id


def _begin(application: Application, call: str) -> Work:
    work = application.processing.begin(call, 1)
    assert work is not None
    return work


def _finish(application: Application, decoder: Decoder, name: str, call: str) -> None:
    work = _begin(application, call)
    audio = _decode(application, decoder, work.recording)
    if name == "dev-en-03":
        audio = Audio(
            **{f: getattr(audio, f) for f in audio.__slots__ if f != "damage"},
            damage=Damage(decoded_ms=audio.duration_ms, expected_ms=audio.duration_ms + 41_000),
        )
    made = record(name, id=call, recording=work.recording, context=work.context, audio=audio)
    assert application.processing.finish(call, work.generation, made)


def _decode(application: Application, decoder: Decoder, recording: Recording) -> Audio:
    artifacts = application.artifacts.of(recording.sha256)
    digest = artifacts.key(Stage.DECODE, "1", recording.sha256)
    flac, peaks = (artifacts.path_for(Stage.DECODE, digest, suffix) for suffix in (".flac", ".peaks"))
    flac.parent.mkdir(parents=True, exist_ok=True)
    decoded = decoder(application.media.path(recording.sha256), recording, flac, peaks)
    return Audio(
        digest=digest,
        peaks_digest=digest,
        duration_ms=decoded.duration_ms,
        channels=decoded.channels,
        sample_rate_hz=decoded.sample_rate_hz,
        codec=decoded.codec,
        damage=decoded.damage,
    )
