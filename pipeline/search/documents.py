"""From the record of a call to what may be found of it. Knows no engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from pipeline.records import CallRecord, Utterance, WordsEvidence
from pipeline.search.base import UtteranceDocument


def documents_of(record: CallRecord, *, redacted_text: Callable[[Utterance], str]) -> tuple[UtteranceDocument, ...]:
    """One document an utterance; its categories are those of the findings whose evidence is words of it."""
    categories: defaultdict[int, set[str]] = defaultdict(set)
    for finding in record.judgement.findings:
        if isinstance(finding.evidence, WordsEvidence):
            categories[finding.evidence.span.utterance].add(finding.category)
    context = record.context
    return tuple(
        UtteranceDocument(
            id=f"{record.id}:{utterance.index}",
            call_id=record.id,
            utterance=utterance.index,
            role=utterance.role,
            lang=utterance.lang,
            start_ms=utterance.start_ms,
            end_ms=utterance.end_ms,
            text=redacted_text(utterance),
            categories=tuple(sorted(categories[utterance.index])),
            team=context.team,
            agent_id=context.agent_id,
            account_ref=context.account_ref,
            jurisdiction=context.jurisdiction,
            product=context.product,
            started_at=context.started_at,
            flagged=record.judgement.flagged,
            severity=record.judgement.severity,
            distress=record.judgement.distress,
            revision=record.revision,
        )
        for utterance in record.transcript.utterances
    )
