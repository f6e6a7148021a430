"""From a call's record to what may be found of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

from pipeline import encoding, records
from pipeline.records import (
    Audio,
    CallContext,
    CallRecord,
    Distress,
    Finding,
    FindingStatus,
    Judgement,
    Jurisdiction,
    Measures,
    ModelStamp,
    OmissionEvidence,
    Recording,
    Role,
    RoleAssignment,
    Separation,
    Severity,
    Span,
    Transcript,
    Utterance,
    Word,
    WordsEvidence,
)
from pipeline.search import fields
from pipeline.search.base import UtteranceDocument
from pipeline.search.documents import documents_of

STAMP = ModelStamp(name="m", version="1")
STARTED = datetime(2025, 9, 23, 1, 30, tzinfo=timezone(timedelta(hours=8)))


def utterance(index: int, role: Role, *words: str) -> Utterance:
    timed = tuple(
        Word(text=text, start_ms=index * 1000 + place * 100, end_ms=index * 1000 + place * 100 + 90, confidence=0.9)
        for place, text in enumerate(words)
    )
    return Utterance(index=index, speaker="ch0", channel=0, role=role, lang="zh", words=timed)


def finding(category: str, evidence: records.Evidence) -> Finding:
    return Finding(
        category=category,
        status=FindingStatus.VIOLATION,
        severity=Severity.HIGH,
        role=Role.AGENT,
        evidence=evidence,
        rule="r",
        pack="cn",
        pack_version="1",
    )


def words_of(index: int) -> WordsEvidence:
    return WordsEvidence(span=Span(utterance=index, word_start=0, word_end=1), start_ms=0, end_ms=1)


def record() -> CallRecord:
    findings = (
        finding("threat.legal", words_of(1)),
        finding("threat.legal", words_of(1)),
        finding("abuse.insult", words_of(1)),
        finding("disclosure.identity", OmissionEvidence(window_start_ms=0, window_end_ms=9)),
    )
    return CallRecord(
        id="C",
        revision=3,
        recording=Recording(sha256="0", media_type="audio/wav", size_bytes=1),
        context=CallContext(
            account_ref="ACC",
            agent_id="A1",
            team="north",
            started_at=STARTED,
            jurisdiction=Jurisdiction.CN,
            product="card",
        ),
        audio=Audio(digest="d", peaks_digest="p", duration_ms=9, channels=1, sample_rate_hz=8000, codec="x"),
        separation=Separation(method="single", turns=(), confidence=1.0, model=STAMP),
        transcript=Transcript(
            utterances=(
                utterance(0, Role.CUSTOMER, "我的", "电话", "13812345678"),
                utterance(1, Role.AGENT, "不还", "就", "起诉"),
            ),
            model=STAMP,
        ),
        roles=RoleAssignment(roles={}, confidence=1.0, method="metadata"),
        signals=(),
        judgement=Judgement(
            findings=findings,
            flagged=True,
            severity=Severity.HIGH,
            distress=Distress.PRESENT,
            pack="cn",
            pack_version="1",
        ),
        redactions=(),
        measures=Measures(
            talk_over_count=0,
            talk_over_ms=0,
            silence_ms=0,
            longest_silence_ms=0,
            agent_speech_ms=0,
            customer_speech_ms=0,
        ),
        digests={},
    )


def test_one_document_an_utterance_with_its_own_findings() -> None:
    first, second = documents_of(record(), redacted_text=lambda spoken: spoken.text)
    assert first.categories == ()
    assert second == UtteranceDocument(
        id="C:1",
        call_id="C",
        utterance=1,
        role=Role.AGENT,
        lang="zh",
        start_ms=1000,
        end_ms=1290,
        text="不还就起诉",
        categories=("abuse.insult", "threat.legal"),
        team="north",
        agent_id="A1",
        account_ref="ACC",
        jurisdiction=Jurisdiction.CN,
        product="card",
        started_at=STARTED,
        flagged=True,
        severity=Severity.HIGH,
        distress=Distress.PRESENT,
        revision=3,
    )


def test_only_the_redacted_text_goes_out() -> None:
    documents = documents_of(record(), redacted_text=lambda spoken: spoken.text.replace("13812345678", "[phone]"))
    assert "13812345678" not in repr(documents)
    assert documents[0].text == "我的电话[phone]"


def test_the_day_is_kept_as_the_call_centre_reads_it() -> None:
    stored = encoding.decode(CallRecord, encoding.encode(record()))
    (document, _) = documents_of(stored, redacted_text=lambda spoken: spoken.text)
    day = fields.day_of(document)
    assert day is not None
    assert fields.day_from(day) == date(2025, 9, 23) != STARTED.astimezone(UTC).date()


def test_the_order_is_call_by_call_newest_first() -> None:
    def key(call: str, place: int, started_at: datetime | None) -> int:
        return fields.order(
            UtteranceDocument(
                id=f"{call}:{place}",
                call_id=call,
                utterance=place,
                role=Role.AGENT,
                lang="zh",
                start_ms=0,
                end_ms=1,
                text="",
                started_at=started_at,
            )
        )

    second = timedelta(seconds=1)
    assert key("a", 0, STARTED) > key("a", 1, STARTED) > key("a", 5000, STARTED) >= key("a", 99999, STARTED)
    assert key("b", 9, STARTED + second) > key("a", 0, STARTED)
    assert key("a", 0, STARTED) > key("a", 0, None) >= 0
    assert key("a", 0, datetime(2200, 1, 1, tzinfo=UTC)) < 2**63
    (one, other) = sorted(["a", "b"], key=lambda call: key(call, 0, STARTED))
    assert key(one, 0, STARTED) < key(other, 9000, STARTED), "two calls of one second are not mixed"
