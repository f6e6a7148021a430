"""What `forbear doctor` says of an installation's own data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from forbear.doctor import Check, diagnose
from forbear.wiring import build_application
from pipeline.settings import Settings
from pipeline.store import audit
from pipeline.store.tables import AuditRow


def audit_check(settings: Settings, head: str = "") -> Check:
    (check,) = (c for c in diagnose(settings, audit_head=head) if c.name == "audit log")
    return check


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data")


def test_a_log_that_was_cut_off_no_longer_holds_the_head_that_was_kept(settings: Settings) -> None:
    application = build_application(settings)
    with application.database.session() as session:
        audit.append(session, "li", "first", "x")
    kept = application.audit_head()
    with application.database.session() as session:
        last = audit.append(session, "li", "second", "x")
    assert audit_check(settings) == Check(name="audit log", ok=True, found=f"chain unbroken, ends with {last.hash}")
    assert audit_check(settings, kept).ok and audit_check(settings, last.hash).ok
    with application.database.session() as session:
        session.delete(session.get(AuditRow, last.id))
    application.close()
    assert audit_check(settings).ok, "a chain does not show a cut tail by itself"
    cut = audit_check(settings, last.hash)
    assert not cut.ok and last.hash in cut.found and "backup" in cut.advice


def test_a_line_that_was_altered_is_named(settings: Settings) -> None:
    application = build_application(settings)
    with application.database.session() as session:
        line = audit.append(session, "li", "first", "x")
    with application.database.session() as session:
        session.get_one(AuditRow, line.id).actor = "wang"
    application.close()
    assert audit_check(settings).found == f"line {line.id} was altered"


def test_missing_and_damaged_speech_weights_are_a_line_with_advice(settings: Settings, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "model.bin").write_bytes(b"x")
    for path, advice in ((tmp_path / "missing", "CTranslate2"), (damaged, "tokenizer.json")):
        checks = diagnose(replace(settings, asr_model=str(path)))
        (weights,) = (c for c in checks if c.name == "speech weights")
        assert not weights.ok and weights.required and advice in weights.advice


def test_a_folder_that_is_not_there_yet_is_no_fault(settings: Settings) -> None:
    (data,) = (c for c in diagnose(settings) if c.name.startswith("data folder"))
    assert data.ok and "made at first use" in data.found and not settings.data.exists()
    assert not audit_check(settings, "ab").ok, "who asks for a line is never told that all is well without a log"
