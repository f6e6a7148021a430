"""Tries a candidate policy over an archive of generated calls, and prints what would change and how long that took.

Makes the calls in a temporary data folder: dialogues of the mix of bench_policy.py, detected and judged by the packs
that ship. The candidate adds an entry and raises a severity, so that everything is detected and judged again.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench_policy import lines

from forbear.wiring import build_application
from pipeline.encoding import digest_of
from pipeline.records import (
    Audio,
    CallContext,
    CallRecord,
    CallStatus,
    Jurisdiction,
    Measures,
    ModelStamp,
    Recording,
    Role,
    RoleAssignment,
    Separation,
    Stage,
)
from pipeline.services.processing import RECORD
from pipeline.services.rows import put_context, put_outcome
from pipeline.services.views import Actor, Permission
from pipeline.settings import Settings
from pipeline.stages.detect import Detect, build_rule_detectors
from pipeline.stages.dialogue import transcript_of
from pipeline.stages.judge import Judge
from pipeline.store.tables import CallRow, RecordingRow

UTTERANCES = 40
CANDIDATE = """
pack: candidate
version: "1"
extends: cn
lexicon: {zh: {contact.frequency: {fetch: {score: 0.8, say: "同事跟你联系"}}}}
rules:
  threat.coercive_visit: {category: threat.coercive_visit, said: threat.coercive_visit, severity: critical}
  pressure.third_party_contact: off
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        application = build_application(Settings(data=Path(folder) / "data"))
        began = time.monotonic()
        make(application, asked.calls)
        print(f"what-if: {asked.calls:,} calls of {UTTERANCES} utterances made in {time.monotonic() - began:.0f} s")
        path = Path(folder) / "candidate.yaml"
        path.write_text(CANDIDATE, encoding="utf-8")
        actor = Actor(name="bench", permissions=frozenset(Permission))
        draft = application.policies.draft(actor, path)
        began = time.monotonic()
        report = application.policies.whatif(actor, draft.id)
        spent = time.monotonic() - began
        for name, counted in report.by_category.items():
            if counted.added or counted.removed or counted.changed:
                print(f"  {name:32} +{counted.added:<6} -{counted.removed:<6} changed {counted.changed}")
        print(f"  flagged {report.flagged_before:,} → {report.flagged_after:,}; "
              f"review {report.hours_before:.0f} h → {report.hours_after:.0f} h")  # fmt: skip
        print(
            f"  {report.calls:,} calls detected and judged twice in {spent:.0f} s ({report.calls / spent:.0f} a second)"
        )
        application.close()


def make(application, count: int) -> None:  # type: ignore[no-untyped-def]
    """Processed calls, with their records as artifacts."""
    registry = application.policies.registry()
    detect, judge = Detect(build_rule_detectors(registry)), Judge(registry)
    rng = random.Random(7)
    stamp = ModelStamp(name="generated", version="1")
    silent = Measures(talk_over_count=0, talk_over_ms=0, silence_ms=0, longest_silence_ms=0, agent_speech_ms=0,
                      customer_speech_ms=0)  # fmt: skip
    for start in range(0, count, 500):
        with application.database.session() as session:
            for number in range(start, min(start + 500, count)):
                sha256 = hashlib.sha256(str(number).encode()).hexdigest()
                transcript = transcript_of(lines(UTTERANCES, rng))
                context = CallContext(jurisdiction=Jurisdiction.CN, team=rng.choice(("north", "south", "agency")))
                duration_ms = transcript.utterances[-1].end_ms
                signals = detect(transcript)
                record = CallRecord(
                    id=f"b{number}",
                    revision=1,
                    recording=Recording(sha256=sha256, media_type="audio/flac", size_bytes=1),
                    context=context,
                    audio=Audio(digest=sha256, peaks_digest=sha256, duration_ms=duration_ms, channels=1,
                                sample_rate_hz=8000, codec="generated"),
                    separation=Separation(method="single", turns=(), confidence=1.0, model=stamp),
                    transcript=transcript,
                    roles=RoleAssignment(roles={r: r for r in Role}, confidence=1.0, method="metadata"),
                    signals=signals,
                    judgement=judge(transcript=transcript, signals=signals, context=context, duration_ms=duration_ms),
                    redactions=(),
                    measures=silent,
                    digests=dict.fromkeys(Stage, sha256),
                )  # fmt: skip
                digest = digest_of(RECORD, record.id)
                application.artifacts.of(sha256).write(RECORD, digest, record)
                now = datetime.now(UTC)
                session.add(RecordingRow(sha256=sha256, size_bytes=1, media_type="audio/flac", created_at=now))
                session.flush()
                row = CallRow(
                    id=record.id, recording_sha256=sha256, file_name=f"{number}.flac", received_at=now,
                    status=CallStatus.DONE, revision=1, record_digest=digest, finished_at=now,
                )  # fmt: skip
                put_context(row, context)
                put_outcome(row, record)
                session.add(row)


if __name__ == "__main__":
    main()
