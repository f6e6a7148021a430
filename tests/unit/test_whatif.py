"""A candidate policy over stored calls: what was measured of a voice that it may not use is not looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.policy.pack import read_pack
from pipeline.policy.registry import load_registry
from pipeline.records import CallContext, CallRecord, Recording, Role, UtteranceSound
from pipeline.services.processing import Work
from pipeline.whatif import Rejudge
from tests.stores import record_of, utterance

SOBS = "sounds: {distress.crying: {sobbing: {measure: sobs, over: 3, score: 0.9}}}"


@pytest.fixture
def sobbing() -> CallRecord:
    recording = Recording(sha256="a" * 64, media_type="audio/x", size_bytes=1)
    work = Work(call="c", generation=1, revision=1, recording=recording, context=CallContext(), roles_swapped=False,
                attempts=1, stage=None)  # fmt: skip
    said = (utterance(0, Role.AGENT, ["hello"]), utterance(1, Role.CUSTOMER, ["yes"], 1000))
    sounds = (
        UtteranceSound(utterance=0, talk_over_ms=0, pause_before_ms=0),
        UtteranceSound(utterance=1, talk_over_ms=0, pause_before_ms=0, sobs=6),
    )
    return replace(record_of(work, utterances=said), sounds=sounds)


@pytest.mark.parametrize(("switch", "found"), [("on", True), ("off", False)])
def test_a_voice_that_may_not_be_used_is_not_judged(
    tmp_path: Path, sobbing: CallRecord, switch: str, found: bool
) -> None:
    packs = []
    for name, text in (("mine", f"customer_voice: {switch}"), ("other", "jurisdiction: TW")):
        path = tmp_path / f"{name}.yaml"
        path.write_text(f"pack: {name}\nversion: '1'\nextends: cn\n{text}\n{SOBS}\n", encoding="utf-8")
        packs.append(read_pack(path))
    judgement = Rejudge(load_registry("CN", packs))(sobbing)
    assert ("distress.crying" in {f.category for f in judgement.findings}) is found
